/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting the engine process: posix_spawn (never fork from a large parent: 106 ms against 0.7 ms
 * with 4 GiB resident), descriptors at fixed numbers and nothing else, a signal mask with only what
 * its handler is to report, a process group of its own (a terminal's ctrl-C is for the app), and
 * almost no environment.
 */
#ifndef AMPHI_PARENT_SPAWN_H
#define AMPHI_PARENT_SPAWN_H

#include "local/worker/protocol.h"

#include <sys/types.h>

typedef struct amphi_process {
    pid_t pid; /* 0: none */
    int pidfd; /* -1: this kernel has none (before 5.3) */
} amphi_process;

/* How a process ended. */
typedef struct amphi_process_end {
    int signal;    /* 0: it was not a signal */
    int exit_code; /* -1: unknown */
} amphi_process_end;

/* fds: parent's descriptors for AMPHI_WORKER_FD_SHARED.._END, in that order; they stay the
 * caller's. AMPHI_E_NOT_FOUND: no such program; AMPHI_E_IO. */
amphi_status amphi__process_spawn(amphi_process *out, const char *path,
    const int fds[AMPHI_WORKER_FD_END - AMPHI_WORKER_FD_SHARED], amphi_error *error);

/* SIGKILL; nothing happens when it is gone. */
void amphi__process_kill(const amphi_process *process);
/* Collects it if it has ended: true, *end says how, and *process is emptied. */
bool amphi__process_reap(amphi_process *process, amphi_process_end *end);

/* Forgets one that does not end: it stays a zombie until the app ends. */
void amphi__process_abandon(amphi_process *process);

/* "SIGSEGV"; "signal 42" is written into scratch. */
const char *amphi__signal_name(int number, char scratch[24]);
/* One of AMPHI_DEATH_SIGNALS: without a report it was the process's own. */
bool amphi__signal_is_reported(int number);

#endif
