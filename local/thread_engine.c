/* SPDX-License-Identifier: Apache-2.0
 *
 * What the app's threads call: they queue runs and set flags under the lock, and describe the
 * model's file. The thread that computes is in thread_engine_work.c.
 */
#include "local/thread_engine.h"

#include "local/compute/kernels.h"
#include "local/thread_engine_state.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

#include <stdio.h>

/* ---- the model file ---- */

static amphi_status read_summary(amphi_model_summary *out, const char *path, amphi_error *error)
{
    amphi_gguf *gguf = NULL;
    amphi_status status = amphi__gguf_open(&gguf, amphi_str_from(path), error);
    if (status == AMPHI_OK)
        status = amphi__model_summary_read(out, gguf, error);
    amphi__gguf_free(gguf);
    return status;
}

static void refresh_judge(amphi_thread_engine *engine)
{
    char path[AMPHI_LOCAL_PATH_MAX + sizeof AMPHI_HEAD_SUFFIX];
    amphi_file_key key;
    snprintf(path, sizeof path, "%s%s", engine->model_path, AMPHI_HEAD_SUFFIX);
    amphi__file_key(path, &key);
    if (engine->judge_kind != AMPHI_JUDGE_NONE && amphi__file_key_equal(&key, &engine->head))
        return;
    engine->head = key;
    engine->judge_kind = amphi__run_judge_kind(engine->model_path);
}

void amphi__thread_engine_refresh(amphi_thread_engine *engine, bool header)
{
    amphi_file_key key;
    amphi__file_key(engine->model_path, &key);
    if (!amphi__file_key_equal(&key, &engine->known)) {
        engine->known = key;
        engine->status = AMPHI_E_BUSY;
        (void)amphi__fingerprint(engine->model_path, engine->fingerprint);
        engine->judge_kind = AMPHI_JUDGE_NONE;
    }
    refresh_judge(engine);
    if (!header || engine->status != AMPHI_E_BUSY ||
        amphi__breadcrumb_crashes(&engine->crumb, engine->fingerprint) >=
            AMPHI_BREADCRUMB_CRASHES_MAX)
        return;
    if (!engine->busy)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_LOAD, engine->fingerprint);
    amphi_error error;
    amphi__error_clear(&error);
    engine->status = read_summary(&engine->summary, engine->model_path, &error);
    amphi__sentence_copy(engine->why, sizeof engine->why, amphi_str_from(error.message));
    if (!engine->busy)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->fingerprint);
}

/* Under the lock. */
static void name_engine(const amphi_thread_engine *engine, amphi_engine_info *out)
{
    amphi_engine_info_init(out);
    out->kind = AMPHI_ENGINE_LOCAL;
    out->prefix = AMPHI_YES;
    out->in_process = true;
    out->judge = engine->judge_kind;
    out->scope = engine->is_named ? AMPHI_SCOPE_CHAT : AMPHI_SCOPE_HELP; /* until it is read */
    snprintf(out->name, sizeof out->name, "local");
    snprintf(out->fingerprint, sizeof out->fingerprint, "%s", engine->fingerprint);
    snprintf(out->build, sizeof out->build, "%.12s in the app", amphi_version());
    const amphi_kernels *kernels = NULL;
    if (amphi__kernels_choose(&kernels, amphi_str_make(NULL, 0), NULL) == AMPHI_OK)
        snprintf(out->kernels, sizeof out->kernels, "%s", kernels->name);
}

static void engine_identify(void *self, amphi_engine_info *out)
{
    amphi_thread_engine *engine = self;
    amphi_engine_info own;
    amphi__mutex_lock(&engine->lock);
    amphi__thread_engine_refresh(engine, false);
    name_engine(engine, &own);
    amphi__mutex_unlock(&engine->lock);
    AMPHI__SIZED_WRITE(out, &own);
}

static void describe(amphi_thread_engine *engine, amphi_engine_info *out)
{
    amphi__mutex_lock(&engine->lock);
    amphi__thread_engine_refresh(engine, true);
    name_engine(engine, out);
    uint32_t crashes = amphi__breadcrumb_crashes(&engine->crumb, engine->fingerprint);
    if (crashes >= AMPHI_BREADCRUMB_CRASHES_MAX) {
        out->failure = AMPHI_E_ENGINE_DIED;
        snprintf(out->why, sizeof out->why,
            "the app ended %u times while this model was at work; it is left alone until another "
            "model file is there",
            crashes);
    } else if (engine->status != AMPHI_OK) {
        out->failure = engine->status;
        snprintf(out->why, sizeof out->why, "%s", engine->why);
    } else {
        out->available = true;
        out->ready = engine->ready;
        out->tools = engine->summary.has_tools;
        if (!engine->is_named)
            out->scope = engine->summary.scope;
        snprintf(out->model, sizeof out->model, "%s", engine->summary.name);
        out->weights_bytes = engine->summary.need.weights_bytes;
        out->kv_bytes_per_token = engine->summary.need.kv_bytes_per_token;
        out->scratch_bytes = engine->summary.need.scratch_bytes;
        out->context_tokens_max =
            engine->summary.need.context_tokens_max < engine->context_tokens_max
                ? engine->summary.need.context_tokens_max
                : engine->context_tokens_max;
    }
    amphi__mutex_unlock(&engine->lock);
}

static void engine_describe(void *self, amphi_engine_info *out)
{
    amphi_engine_info own;
    describe(self, &own);
    AMPHI__SIZED_WRITE(out, &own);
}

/* ---- the app's threads ---- */

/* Under the lock. */
static amphi_status thread_start(amphi_thread_engine *engine)
{
    return engine->thread.started ? AMPHI_OK
                                  : amphi__thread_start(&engine->thread, "amphi-engine",
                                        amphi__thread_engine_run, engine);
}

static amphi_status engine_start(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    amphi_thread_engine *engine = self;
    amphi_engine_run *run = NULL;
    *out = NULL;
    amphi_status status =
        amphi__run_new(&run, request, sink, engine->threads, engine->context_tokens_max, error);
    if (status != AMPHI_OK)
        return status;
    amphi__run_judge_begin(run, engine->model_path, engine->has_judge ? &engine->judge : NULL);
    amphi__mutex_lock(&engine->lock);
    status = thread_start(engine);
    if (status == AMPHI_OK)
        status = amphi__run_queue_add(&engine->runs, run);
    if (status == AMPHI_OK)
        *out = run;
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
    if (status != AMPHI_OK) {
        amphi__run_free(run);
        return amphi__run_queue_refused(status, error);
    }
    return AMPHI_OK;
}

/* Under the lock. */
static void cancel_current(amphi_thread_engine *engine)
{
    atomic_store(&engine->cancel_run, engine->runs.current->id);
}

static void engine_cancel(void *self, amphi_engine_run *run)
{
    amphi_thread_engine *engine = self;
    amphi__mutex_lock(&engine->lock);
    run->cancelled = true;
    if (engine->runs.current == run)
        cancel_current(engine);
    amphi__mutex_unlock(&engine->lock);
}

static void engine_release(void *self, amphi_engine_run *run)
{
    amphi_thread_engine *engine = self;
    if (run == NULL)
        return;
    engine_cancel(self, run);
    amphi__mutex_lock(&engine->lock);
    while (!run->ended)
        amphi__cond_wait(&engine->changed, &engine->lock);
    amphi__mutex_unlock(&engine->lock);
    amphi__run_free(run);
}

static amphi_status engine_count_tokens(void *self, amphi_str body, uint32_t *out)
{
    amphi_thread_engine *engine = self;
    amphi_status status = AMPHI_E_BUSY;
    amphi__mutex_lock(&engine->lock);
    /* Not where `busy`: that lasts until the thread comes back for more, some time after the run or
     * the count before this one has ended. */
    if (engine->ready && engine->runs.count == 0 && engine->count.step == AMPHI_COUNT_FREE &&
        body.size > 0 && body.size <= AMPHI_LOCAL_BODY_MAX) {
        amphi__token_count_ask(&engine->count, body);
        amphi__cond_broadcast(&engine->changed);
        status = amphi__token_count_wait(&engine->count, &engine->lock, &engine->changed, out);
    }
    amphi__mutex_unlock(&engine->lock);
    return status;
}

static void engine_prewarm(void *self)
{
    amphi_thread_engine *engine = self;
    amphi__mutex_lock(&engine->lock);
    engine->want_load = thread_start(engine) == AMPHI_OK;
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

static void engine_unload(void *self, bool force)
{
    amphi_thread_engine *engine = self;
    amphi__mutex_lock(&engine->lock);
    if (force)
        amphi__run_queue_evict(&engine->runs);
    if (force && engine->runs.current != NULL)
        cancel_current(engine);
    if (engine->thread.started && (force || engine->runs.count == 0)) {
        engine->want_unload = true;
        engine->want_load = false;
    }
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

/* After its thread has ended, or before it was started. Accepts NULL. */
static void destroy(amphi_thread_engine *engine)
{
    if (engine == NULL)
        return;
    amphi__breadcrumb_close(&engine->crumb);
    amphi__cond_clear(&engine->changed);
    amphi__mutex_clear(&engine->lock);
    amphi__free(engine);
}

static void engine_free(void *self)
{
    amphi_thread_engine *engine = self;
    if (engine == NULL)
        return;
    amphi__mutex_lock(&engine->lock);
    engine->want_stop = true;
    atomic_store(&engine->cancel_run, AMPHI_LOAD_AHEAD_RUN); /* every run was released before */
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
    amphi__thread_join(&engine->thread);
    destroy(engine);
}

static const amphi_engine_ops thread_ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "local thread",
    .describe = engine_describe,
    .start = engine_start,
    .cancel = engine_cancel,
    .release = engine_release,
    .count_tokens = engine_count_tokens,
    .prewarm = engine_prewarm,
    .unload = engine_unload,
    .free = engine_free,
    .identify = engine_identify,
};

amphi_status amphi__thread_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error)
{
    amphi_thread_engine *engine = amphi__calloc(1, sizeof *engine);
    if (engine == NULL)
        return amphi__fail_no_memory(error);
    engine->crumb = (amphi_breadcrumb){.fd = -1, .other_fd = -1};
    amphi__str_copy_to(engine->model_path, sizeof engine->model_path, options->model_path);
    engine->is_named = options->is_named;
    engine->has_judge = options->judge != NULL;
    if (engine->has_judge)
        engine->judge = *options->judge;
    engine->threads = options->threads;
    engine->context_tokens_max = options->context_tokens_max;
    engine->status = AMPHI_E_BUSY;
    amphi_status status = amphi__mutex_init(&engine->lock);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&engine->changed);
    if (status != AMPHI_OK) {
        (void)amphi__fail_no_memory(error);
        goto cleanup;
    }
    char path[AMPHI_LOCAL_PATH_MAX];
    amphi__str_copy_to(path, sizeof path, options->breadcrumb_path);
    amphi__breadcrumb_open(&engine->crumb, path);
    out->ops = &thread_ops;
    out->self = engine;
    engine = NULL; /* the amphi_engine owns it now */
cleanup:
    destroy(engine);
    return status;
}
