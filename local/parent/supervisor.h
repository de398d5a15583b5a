/* SPDX-License-Identifier: Apache-2.0
 *
 * The parent's side of the engine: one value shared by the app's threads (process_engine.c: they
 * queue runs and set want_... flags under the lock, then wake) and one supervisor thread (the files
 * of this folder: it alone starts, feeds, checks and collects the worker, and calls every sink,
 * never under the lock).
 *
 * States of a run: queued -> current -> ended. `current` is the run for which the worker is
 * being started, loaded or generating; whatever happens to the worker ends exactly that run.
 */
#ifndef AMPHI_PARENT_SUPERVISOR_H
#define AMPHI_PARENT_SUPERVISOR_H

#include "local/limits.h"
#include "local/local.h"
#include "local/model/file_key.h"
#include "local/model/fingerprint.h"
#include "local/parent/worker_process.h"
#include "local/run_queue.h"
#include "local/token_count.h"
#include "sdk/core/awake.h"
#include "sdk/core/thread.h"

#include <stdio.h>

/* What is known of the model file. */
typedef struct amphi_local_described {
    bool known;          /* the fields below are set */
    bool passing;        /* the failure may pass (a crash, a timeout): tried again after a while */
    uint64_t at_us;      /* boot time: when it was described */
    amphi_file_key key;  /* of the file at that time */
    amphi_status status; /* OK, or why there is no description */
    /* The failure in words. */
    char why[AMPHI_WORKER_MESSAGE_MAX];
    amphi_worker_described model; /* when status is OK */
} amphi_local_described;

/* What the ledger of crashes knows this engine by; found out without running anything. */
typedef struct amphi_local_identity {
    amphi_file_key model, worker; /* of the files that it was made from */
    char fingerprint[AMPHI_FINGERPRINT_MAX];
    char build[32];
    amphi_file_key head; /* of the file beside the model; all zero: there is none */
    amphi_judge_kind judge;
} amphi_local_identity;

typedef enum amphi_local_state {
    AMPHI_LOCAL_NONE,       /* no process */
    AMPHI_LOCAL_STARTING,   /* waits for HELLO */
    AMPHI_LOCAL_DESCRIBING, /* waits for DESCRIBED */
    AMPHI_LOCAL_HEADER,     /* knows the file's header, nothing more */
    AMPHI_LOCAL_LOADING,    /* waits for READY */
    AMPHI_LOCAL_READY,      /* the model is loaded, no run is current */
    AMPHI_LOCAL_RUNNING,    /* `current` is generating */
    AMPHI_LOCAL_DRAINING    /* a cancelled run's last events come */
} amphi_local_state;

/* A process that was killed but not yet collected. */
#define AMPHI_LOCAL_DYING_MAX 4

typedef struct amphi_local {
    /* constant once made */
    char model_path[AMPHI_LOCAL_PATH_MAX];
    /* Empty: looked up at each start. */
    char worker_path[AMPHI_LOCAL_PATH_MAX];
    bool is_named;               /* the app named the model: it answers on any subject */
    uint32_t threads;            /* the engine's; a request may lower it */
    uint32_t context_tokens_max; /* likewise */
    amphi_local_limits limits;   /* of silence, per phase */
    amphi_log log;               /* the client's */
    bool has_judge;              /* the app gave one: `judge` */
    amphi_judge judge;
    int wake_fd;        /* an eventfd that the supervisor polls */
    amphi_mutex lock;   /* guards what follows */
    amphi_cond changed; /* a run ended, the model was described, a count was answered */

    /* under the lock */
    amphi_thread thread;
    amphi_run_queue runs;
    bool want_describe, want_load, want_unload, want_stop;
    amphi_local_described described;
    amphi_token_count count;
    amphi_local_identity identity;
    struct amphi_local_deaths {
        uint32_t early, late, memory, outside; /* as in amphi_engine_info */
    } deaths;
    uint64_t spawn_us;       /* since when a process is being started, awake time; 0: none is */
    amphi_awake spawn_awake; /* of the threads that wait meanwhile */
    pid_t spawn_thread;      /* the thread that starts it */
    bool finished;           /* the thread is about to end */
    bool ready;              /* loaded, for describe() */
    bool cage_known;
    uint32_t cage_missing;

    /* the supervisor thread's own */
    amphi_worker worker;
    amphi_local_state state;
    amphi_file_key worker_key;
    /* As LOAD named them. */
    uint32_t loaded_threads, loaded_context;
    bool loaded_plain;
    uint64_t oom_kills;   /* as counted when its last work began */
    uint32_t draining_id; /* the cancelled run: its events are dropped */
    bool counting;        /* a COUNT is unanswered */
    uint32_t count_id;    /* of the last COUNT */
    uint32_t heartbeat;   /* as last read from the worker */
    amphi_awake awake;    /* every time below is awake time */
    uint32_t freezes;     /* of `awake`, at the last check */
    uint64_t progress_us; /* of the last message or heartbeat */
    struct amphi_local_silence {
        uint64_t progress_us; /* as above, when these were sampled */
        uint64_t cpu_ms;      /* at that time */
        /* Of the last sample. */
        uint64_t sampled_us, sampled_cpu_ms;
        uint64_t stopped_us; /* since when it is seen stopped; 0: it is not */
        uint64_t asleep_us;  /* likewise: asleep, and no processor time was used */
    } silence;
    uint32_t empty_wakes; /* in a row: woken, and nothing was there */
    amphi_process dying[AMPHI_LOCAL_DYING_MAX];
    uint8_t event[AMPHI_WORKER_EVENT_MAX];
} amphi_local;

/* The thread. Ends after want_stop, with every process collected. */
void amphi__supervisor_run(void *local);
void amphi__supervisor_wake(amphi_local *local);

/* spawn_timeout.c: begin and end stand around the start of a process. check ends a start that hangs
 * in the kernel: called under the lock by every thread that waits for the engine, each
 * AMPHI_LOCAL_WAIT_SLICE_US. */
#define AMPHI_LOCAL_WAIT_SLICE_US 200000u
void amphi__spawn_timeout_begin(amphi_local *local);
void amphi__spawn_timeout_end(amphi_local *local);
void amphi__spawn_timeout_check(amphi_local *local);

/* The file's key. AMPHI_E_NOT_FOUND or AMPHI_E_IO with a line that names the path. */
amphi_status amphi__model_key(const amphi_local *local, amphi_file_key *out, amphi_error *error);
/* "model PATH: WHAT" with a long path cut at its front. */
void amphi__model_line(
    const amphi_local *local, const char *what, char out[AMPHI_WORKER_MESSAGE_MAX]);

/* worker_path.c: where the worker program is. AMPHI_E_NOT_FOUND with the places in the message. */
amphi_status amphi__local_worker_path(char *out, size_t capacity, amphi_error *error);

#endif
