/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two files of the engine on a thread share: thread_engine.c is what the app's threads
 * call, thread_engine_work.c is the thread that computes.
 */
#ifndef AMPHI_LOCAL_THREAD_ENGINE_STATE_H
#define AMPHI_LOCAL_THREAD_ENGINE_STATE_H

#include "local/breadcrumb.h"
#include "local/engine/inference.h"
#include "local/engine/model_summary.h"
#include "local/limits.h"
#include "local/model/file_key.h"
#include "local/model/fingerprint.h"
#include "local/run_queue.h"
#include "local/token_count.h"
#include "sdk/core/thread.h"

/* A run id that no run has: it stands for loading the model ahead of any run. */
#define AMPHI_LOAD_AHEAD_RUN UINT32_MAX

typedef struct amphi_thread_engine {
    /* constant once made */
    char model_path[AMPHI_LOCAL_PATH_MAX];
    bool is_named; /* the app named the model: it answers on any subject */
    uint32_t threads, context_tokens_max;
    bool has_judge; /* the app gave one: `judge` */
    amphi_judge judge;
    amphi_mutex lock;
    amphi_cond changed;

    /* under the lock */
    amphi_thread thread;
    amphi_run_queue runs;
    bool want_load, want_unload, want_stop, ready;
    bool busy;            /* the thread works, and the breadcrumb names its phase */
    amphi_file_key known; /* of the file that fingerprint, status and summary were read from */
    char fingerprint[AMPHI_FINGERPRINT_MAX];
    amphi_status status; /* of the file; AMPHI_E_BUSY: its header is not read yet */
    char why[160];
    amphi_model_summary summary;
    amphi_file_key head; /* of the file beside the model, when `judge_kind` was found out */
    amphi_judge_kind judge_kind;
    amphi_breadcrumb crumb;
    amphi_token_count count;

    _Atomic uint32_t cancel_run; /* the id of the run that must stop; set by any thread */

    /* the thread's own */
    amphi_inference inference;
    amphi_engine_run *run; /* being answered, or NULL */
    char fingerprint_at_work[AMPHI_FINGERPRINT_MAX];
    char name_at_work[AMPHI_MODEL_SUMMARY_NAME_MAX];
    amphi_file_key loaded;
    amphi_inference_load_options loaded_options;
} amphi_thread_engine;

/* Under the lock: notices that the model file was replaced. header: reads the model's header too; a
 * hostile file can crash the app there, so the breadcrumb is set first. */
void amphi__thread_engine_refresh(amphi_thread_engine *engine, bool header);

/* thread_engine_work.c: the thread. Ends after want_stop. */
void amphi__thread_engine_run(void *engine);

#endif
