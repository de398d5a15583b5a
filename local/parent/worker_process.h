/* SPDX-License-Identifier: Apache-2.0
 *
 * The parent's end of one engine process: the shared memory, both rings, the eventfds and the
 * process itself. No thread of its own; the supervisor's thread uses it.
 */
#ifndef AMPHI_PARENT_WORKER_PROCESS_H
#define AMPHI_PARENT_WORKER_PROCESS_H

#include "local/parent/spawn.h"

typedef struct amphi_worker {
    amphi_process process;
    amphi_worker_control *control; /* NULL: no worker; the whole mapping starts here */
    amphi_ring requests;           /* we write */
    amphi_ring events;             /* we read */
    int wake_fd;
    int events_fd;
    int death_fd;
} amphi_worker;

/* A message after it was copied out of shared memory and checked. */
typedef struct amphi_worker_message {
    amphi_worker_event kind;
    amphi_str text; /* TEXT, LOGPROBS, STATE: points into the buffer given to receive */
    uint32_t run;   /* TEXT, LOGPROBS, STATE, CERTAINTY, USAGE, FINISH, FAIL */
    union {
        amphi_worker_hello hello;
        amphi_worker_described described;
        amphi_worker_progress progress;
        amphi_worker_ready ready;
        amphi_worker_usage usage;
        amphi_worker_finish finish;
        amphi_worker_fail fail;
        amphi_worker_counted counted;
        amphi_worker_state state;
        amphi_worker_certainty certainty;
    } as;
} amphi_worker_message;

void amphi__worker_init(amphi_worker *worker); /* "no worker" */
/* model_fd is borrowed. */
amphi_status amphi__worker_start(
    amphi_worker *worker, const char *path, int model_fd, amphi_error *error);
/* Everything but the process, which is moved to *process for the caller to reap. */
void amphi__worker_clear(amphi_worker *worker, amphi_process *process);

/* Writes a request and wakes the worker. As amphi__ring_write. */
amphi_status amphi__worker_send(
    amphi_worker *worker, amphi_worker_request kind, const amphi_str *parts, size_t parts_count);
/* The next event. AMPHI_E_NOT_FOUND: none; AMPHI_E_PROTOCOL: the worker broke a rule. `buffer`
 * has AMPHI_WORKER_EVENT_MAX bytes. */
amphi_status amphi__worker_receive(
    amphi_worker *worker, amphi_worker_message *out, uint8_t *buffer);
/* Gives up a run: the worker sees it at its next token. */
void amphi__worker_cancel(amphi_worker *worker, uint32_t run);
/* The report of the worker's handler of fatal signals. Hostile input: it may lie about its
 * sender. */
typedef struct amphi_death_report {
    int signal;     /* 0: no report so far; -1: a malformed one */
    bool foreign;   /* another process sent the signal */
    int sender_pid; /* its pid, where our pid namespace knows it, or 0 */
} amphi_death_report;

amphi_death_report amphi__worker_death_report(amphi_worker *worker);

#endif
