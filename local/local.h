/* SPDX-License-Identifier: Apache-2.0
 *
 * Front header of the on-device engine: one amphi_engine value whose model is computed by a process
 * of its own (process_engine.h) or, where the app chooses so, by a thread of the app
 * (thread_engine.h). Creating it reads no model.
 */
#ifndef AMPHI_LOCAL_H
#define AMPHI_LOCAL_H

#include "local/judge/judge.h"
#include "sdk/core/log.h"

#include <amphi/client.h>
#include <amphi/ext/engine.h>

/* How long the engine process may be silent, in milliseconds; 0: the default. */
typedef struct amphi_local_limits {
    uint32_t start_ms;   /* until it has read the model's header; 10000 */
    uint32_t load_ms;    /* between two steps of loading; 18000 */
    uint32_t prefill_ms; /* between two steps of a prompt; 18000 */
    uint32_t token_ms;   /* between two tokens; 4500 */
} amphi_local_limits;

typedef struct amphi_local_options {
    amphi_str model_path;        /* a GGUF file, which then counts as one for any subject;
                                    "amphi-help": the embedded help model, likewise; empty:
                                    $AMPHI_MODEL, else the embedded one, for what it was made */
    bool is_named;               /* amphi__local_engine_new sets it: the app named the model */
    amphi_str worker_path;       /* empty: $AMPHI_WORKER, then beside the program, beside the
                                    library, ../libexec/amphi, then the installed place */
    uint32_t threads;            /* 0: as many as there are cores, 4 at most */
    uint32_t context_tokens_max; /* 0: the model's, 4096 at most */
    amphi_isolation isolation;   /* thread: no limits, no supervisor */
    amphi_str breadcrumb_path;   /* thread: the file of breadcrumb.h; empty: none */
    amphi_local_limits limits;   /* of real time: a process does not follow a test's clock */
    amphi_log log;
    const amphi_judge *judge; /* of its answers, instead of the head beside the model or the logits;
                                 NULL: those. Copied; its `self` is borrowed. */
} amphi_local_options;

/* Everything is copied. A missing model is not an error here: describe() says it. */
amphi_status amphi__local_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error);

/* Names the parts of the worker's cage that this machine could not give, into `out`: "" when it is
 * complete. AMPHI_E_NOT_FOUND: no worker was started yet. AMPHI_E_ARGUMENT: not this engine. */
amphi_status amphi__local_cage(const amphi_engine *engine, char *out, size_t capacity);

/* The path of the default model into `out`; "" with AMPHI_E_NOT_FOUND: there is none. *is_named
 * (may be NULL): it is that of $AMPHI_MODEL. */
amphi_status amphi__local_default_model(char *out, size_t capacity, bool *is_named);
/* The embedded one, whatever the environment says. */
amphi_status amphi__local_help_model(char *out, size_t capacity);

#endif
