/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire between the parent and the worker process: one shared memory block with a control page
 * and two byte rings (ring.h), and the layouts of the messages in them. Both sides come from the
 * same build, so layouts are plain structs with fixed-width fields; the version in HELLO guards
 * against a worker of another build.
 *
 * The parent trusts nothing in here: it copies a message out before it reads any field, and every
 * field has a limit below. The worker trusts its parent.
 */
#ifndef AMPHI_WORKER_PROTOCOL_H
#define AMPHI_WORKER_PROTOCOL_H

#include "local/worker/ring.h"

#include <stdint.h>

#define AMPHI_WORKER_MAGIC   0x414d5048u /* "AMPH" */
#define AMPHI_WORKER_VERSION 5u

/* Descriptors in the worker; everything else is closed before it starts. */
enum {
    AMPHI_WORKER_FD_SHARED = 3, /* the sealed memory */
    AMPHI_WORKER_FD_WAKE = 4,   /* eventfd: the parent wrote a request */
    AMPHI_WORKER_FD_EVENTS = 5, /* eventfd: the worker wrote an event */
    AMPHI_WORKER_FD_DEATH = 6,  /* eventfd: the report of a fatal signal (AMPHI_DEATH_…) */
    AMPHI_WORKER_FD_MODEL = 7,  /* the model file, read-only */
    AMPHI_WORKER_FD_END = 8
};

/* That report is one number: the signal and, when another process sent it, the sender's pid (0: it
 * is outside the parent's pid namespace). A worker can lie about this, as about everything. */
#define AMPHI_DEATH_SIGNAL_MASK  0x7fu
#define AMPHI_DEATH_FOREIGN      0x80u
#define AMPHI_DEATH_SENDER_SHIFT 32

/* The signals that the handler reports. posix_spawn blocks them until the handler is installed, so
 * that one sent from outside in the first moments is reported too; a fault of the worker's own
 * kills at once, blocked or not. */
#define AMPHI_DEATH_SIGNALS                                                                        \
    {                                                                                              \
        SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGTRAP                                  \
    }

/* Sizes. Requests hold a whole conversation; pages that are never written are never used. */
#define AMPHI_WORKER_CONTROL_BYTES  4096u
#define AMPHI_WORKER_REQUESTS_BYTES (4u << 20)
#define AMPHI_WORKER_EVENTS_BYTES   (1u << 20)
#define AMPHI_WORKER_SHARED_BYTES                                                                  \
    (AMPHI_WORKER_CONTROL_BYTES + AMPHI_WORKER_REQUESTS_BYTES + AMPHI_WORKER_EVENTS_BYTES)
#define AMPHI_WORKER_EVENT_MAX (16u << 10) /* one event's payload, bytes */

#define AMPHI_WORKER_FAMILY_MAX  32
#define AMPHI_WORKER_NAME_MAX    48
#define AMPHI_WORKER_MESSAGE_MAX 240 /* as amphi_error.message */

/* What the worker is busy with: decides the stall limit and the text of an error. */
typedef enum amphi_worker_phase {
    AMPHI_PHASE_IDLE = 0,
    AMPHI_PHASE_LOAD = 1,
    AMPHI_PHASE_PREFILL = 2,
    AMPHI_PHASE_TOKEN = 3
} amphi_worker_phase;

/* The first page. `cancel_run` and `parent_pid` are the parent's, the others the worker's; the
 * parent keeps its own copy of whatever it depends on. */
typedef struct amphi_worker_control {
    uint32_t magic;
    uint32_t version;
    int32_t parent_pid;
    _Atomic uint32_t cancel_run; /* the run to be cancelled; polled while it computes */
    _Atomic uint32_t heartbeat;  /* counts up with every step of work */
    _Atomic uint32_t phase;      /* amphi_worker_phase */
    amphi_ring_ends requests;
    amphi_ring_ends events;
} amphi_worker_control;

_Static_assert(sizeof(amphi_worker_control) <= AMPHI_WORKER_CONTROL_BYTES, "one page");

/* Parent to worker. There is no "stop": a worker holds nothing worth saving and is killed. */
typedef enum amphi_worker_request {
    AMPHI_REQUEST_LOAD = 1, /* amphi_worker_load */
    AMPHI_REQUEST_GENERATE, /* amphi_worker_generate, then body, prefix */
    AMPHI_REQUEST_COUNT     /* amphi_worker_count, then body */
} amphi_worker_request;

typedef struct amphi_worker_load {
    uint32_t threads;            /* 0: the engine's default */
    uint32_t context_tokens_max; /* 0: the engine's default */
    uint32_t plain_kernels;      /* not 0: the reference */
} amphi_worker_load;

typedef struct amphi_worker_generate {
    uint32_t run;
    uint32_t body_size;
    uint32_t prefix_size;
    float tokens_per_second_max; /* 0: no bound */
    int64_t now_s;               /* local civil time: the cage has no time zone files */
    uint32_t judge_tokens;       /* as in amphi_inference_request */
    uint32_t state_depths;       /* likewise */
} amphi_worker_generate;

typedef struct amphi_worker_count {
    uint32_t id;
    uint32_t body_size;
    int64_t now_s; /* as in amphi_worker_generate: a template may print the date */
} amphi_worker_count;

/* Worker to parent. */
typedef enum amphi_worker_event {
    AMPHI_WORKER_HELLO = 1, /* amphi_worker_hello */
    AMPHI_WORKER_DESCRIBED, /* amphi_worker_described */
    AMPHI_WORKER_PROGRESS,  /* amphi_worker_progress */
    AMPHI_WORKER_READY,     /* amphi_worker_ready */
    AMPHI_WORKER_TEXT,      /* run (u32), then bytes */
    AMPHI_WORKER_REASONING, /* likewise */
    AMPHI_WORKER_TOOL_CALL, /* run (u32), then a JSON array: OpenAI's delta.tool_calls */
    AMPHI_WORKER_USAGE,     /* amphi_worker_usage */
    AMPHI_WORKER_FINISH,    /* amphi_worker_finish */
    AMPHI_WORKER_FAIL,      /* amphi_worker_fail */
    AMPHI_WORKER_COUNTED,   /* amphi_worker_counted */
    AMPHI_WORKER_LOGPROBS,  /* run (u32), then a record (logprobs_record.h): one token of the text
                               that comes next */
    AMPHI_WORKER_STATE,     /* amphi_worker_state, then half floats: only of what was asked for, in
                               order, in front of its token's CERTAINTY */
    AMPHI_WORKER_CERTAINTY  /* amphi_worker_certainty: likewise */
} amphi_worker_event;

/* Parts of the cage that this machine could not give (bits of hello.cage_missing). */
enum {
    AMPHI_CAGE_NO_NEW_PRIVS = 1 << 0,
    AMPHI_CAGE_SECCOMP = 1 << 1,
    AMPHI_CAGE_MEMORY_LIMIT = 1 << 2,
    AMPHI_CAGE_CORE_LIMIT = 1 << 3,
    AMPHI_CAGE_FILES_LIMIT = 1 << 4,
    AMPHI_CAGE_DEATH_SIGNAL = 1 << 5,
    AMPHI_CAGE_NOT_DUMPABLE = 1 << 6,
    AMPHI_CAGE_OOM_SCORE = 1 << 7,
    AMPHI_CAGE_ALL = (1 << 8) - 1
};

typedef struct amphi_worker_hello {
    uint32_t magic;
    uint32_t version;
    uint32_t cage_missing; /* AMPHI_CAGE_… */
} amphi_worker_hello;

typedef struct amphi_worker_described {
    uint32_t status;             /* amphi_status; the rest but the message counts only when OK */
    uint32_t context_tokens_max; /* the model's own */
    uint64_t weights_bytes;      /* of memory, as in amphi_engine_info */
    uint64_t kv_bytes_per_token; /* likewise */
    uint64_t scratch_bytes;      /* likewise */
    uint32_t has_tools;          /* 1: its chat template knows them */
    uint32_t scope;              /* amphi_model_scope */
    char family[AMPHI_WORKER_FAMILY_MAX];
    char name[AMPHI_WORKER_NAME_MAX];
    char message[AMPHI_WORKER_MESSAGE_MAX];
} amphi_worker_described;

typedef struct amphi_worker_progress {
    uint32_t phase; /* LOAD or PREFILL */
    uint32_t permille;
} amphi_worker_progress;

typedef struct amphi_worker_ready {
    uint32_t status;
    uint32_t context_tokens;
    char kernels[AMPHI_WORKER_FAMILY_MAX];
    char message[AMPHI_WORKER_MESSAGE_MAX];
} amphi_worker_ready;

typedef struct amphi_worker_usage {
    uint32_t run;
    uint32_t prompt_tokens;
    uint32_t completion_tokens;
    uint32_t cached_tokens;
} amphi_worker_usage;

typedef struct amphi_worker_finish {
    uint32_t run;
    uint32_t finish; /* amphi_finish: STOP, LENGTH or TOOL_CALLS */
} amphi_worker_finish;

typedef struct amphi_worker_fail {
    uint32_t run;
    uint32_t status;
    uint32_t prefix_refused; /* 1: the answer's beginning does not follow response_format */
    char message[AMPHI_WORKER_MESSAGE_MAX];
} amphi_worker_fail;

typedef struct amphi_worker_state {
    uint32_t run;
    uint32_t index; /* of the token, from 0 */
    uint32_t depth; /* 1 to 8 */
} amphi_worker_state;

typedef struct amphi_worker_certainty {
    uint32_t run;
    uint32_t index;
    float entropy; /* as amphi_certainty */
    float margin;
    float top;
} amphi_worker_certainty;

typedef struct amphi_worker_counted {
    uint32_t id;
    uint32_t status;
    uint32_t tokens;
} amphi_worker_counted;

#endif
