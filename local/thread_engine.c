/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread computes, one run after the other; the app's threads only queue and set flags under
 * the lock. The engine's code (local/engine) reports straight to the run's sink. This thread has no
 * supervisor: what hangs, hangs, and what crashes takes the app along.
 */
#include "local/thread_engine.h"

#include "local/breadcrumb.h"
#include "local/compute/kernels.h"
#include "local/engine/inference.h"
#include "local/engine/model_summary.h"
#include "local/limits.h"
#include "local/model/file_key.h"
#include "local/model/fingerprint.h"
#include "local/run_queue.h"
#include "local/token_count.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <amphi/version.h>

#include <stdio.h>

/* Stands for a run where the model is loaded ahead of any. */
#define LOAD_AHEAD_RUN UINT32_MAX

typedef struct thread_engine {
    /* constant once made */
    char model_path[AMPHI_LOCAL_PATH_MAX];
    uint32_t threads, context_tokens_max;
    amphi_mutex lock;
    amphi_cond changed;

    /* under the lock */
    amphi_thread thread;
    amphi_run_queue runs;
    bool want_load, want_unload, want_stop, ready;
    bool busy;            /* the breadcrumb says what the thread does */
    amphi_file_key known; /* the file that these were read from */
    char fingerprint[AMPHI_FINGERPRINT_MAX];
    amphi_status status; /* of the file; AMPHI_E_BUSY: its header is not read yet */
    char why[160];
    amphi_model_summary summary;
    amphi_breadcrumb crumb;
    amphi_token_count count;

    _Atomic uint32_t cancel_run; /* the id of a run that is to stop: set by any thread */

    /* the thread's own */
    amphi_inference_sink sink;
    amphi_inference inference;
    amphi_engine_run *run; /* being answered, or NULL */
    char fingerprint_at_work[AMPHI_FINGERPRINT_MAX];
    char name_at_work[AMPHI_MODEL_SUMMARY_NAME_MAX];
    amphi_file_key loaded;
    amphi_inference_load_options loaded_options;
} thread_engine;

/* ---- knowing the file ---- */

static amphi_status read_summary(amphi_model_summary *out, const char *path, amphi_error *error)
{
    amphi_gguf *gguf = NULL;
    amphi_status status = amphi__gguf_open(&gguf, amphi_str_from(path), error);
    if (status == AMPHI_OK)
        status = amphi__model_summary_read(out, gguf, error);
    amphi__gguf_free(gguf);
    return status;
}

/* Under the lock. header: reads it too, in the app, so the breadcrumb says so first. */
static void refresh_file(thread_engine *engine, bool header)
{
    amphi_file_key key;
    amphi__file_key(engine->model_path, &key);
    if (!amphi__file_key_equal(&key, &engine->known)) {
        engine->known = key;
        engine->status = AMPHI_E_BUSY;
        (void)amphi__fingerprint(engine->model_path, engine->fingerprint);
    }
    if (!header || engine->status != AMPHI_E_BUSY ||
        amphi__breadcrumb_crashes(&engine->crumb, engine->fingerprint) >=
            AMPHI_BREADCRUMB_CRASHES_MAX)
        return;
    if (!engine->busy)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_LOAD, engine->fingerprint);
    amphi_error error;
    amphi__error_clear(&error);
    engine->status = read_summary(&engine->summary, engine->model_path, &error);
    amphi__str_copy_to(engine->why, sizeof engine->why, amphi_str_from(error.message));
    if (!engine->busy)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->fingerprint);
}

/* Under the lock. */
static void name_engine(const thread_engine *engine, amphi_engine_info *out)
{
    const amphi_kernels *kernels = NULL;

    amphi_engine_info_init(out);
    out->kind = AMPHI_ENGINE_LOCAL;
    out->prefix = AMPHI_YES;
    out->in_process = true;
    snprintf(out->name, sizeof out->name, "local");
    snprintf(out->fingerprint, sizeof out->fingerprint, "%s", engine->fingerprint);
    snprintf(out->build, sizeof out->build, "%.12s in the app", amphi_version());
    if (amphi__kernels_choose(&kernels, amphi_str_make(NULL, 0), NULL) == AMPHI_OK)
        snprintf(out->kernels, sizeof out->kernels, "%s", kernels->name);
}

static void engine_identify(void *self, amphi_engine_info *out)
{
    thread_engine *engine = self;
    amphi_engine_info own;
    amphi__mutex_lock(&engine->lock);
    refresh_file(engine, false);
    name_engine(engine, &own);
    amphi__mutex_unlock(&engine->lock);
    AMPHI__SIZED_WRITE(out, &own);
}

static void describe(thread_engine *engine, amphi_engine_info *out)
{
    amphi__mutex_lock(&engine->lock);
    refresh_file(engine, true);
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

/* ---- the thread: reporting ---- */

static void leave_crumb(thread_engine *engine, amphi_breadcrumb_phase phase)
{
    amphi__mutex_lock(&engine->lock);
    amphi__breadcrumb_set(&engine->crumb, phase, engine->fingerprint_at_work);
    amphi__mutex_unlock(&engine->lock);
}

static void end_run(thread_engine *engine, amphi_engine_run *run, const amphi_engine_event *event)
{
    run->sink.event(run->sink.self, event);
    amphi__mutex_lock(&engine->lock);
    amphi__run_queue_ended(&engine->runs, run);
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

static void fail_run(
    thread_engine *engine, amphi_engine_run *run, const amphi_error *error, bool prefix_refused)
{
    amphi_error reported = *error;
    if (error->status == AMPHI_E_NO_MEMORY) /* the device's state, not a failure of the engine */
        reported.status = AMPHI_E_RESOURCE;
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL,
        .error = &reported,
        .prefix_refused = prefix_refused,
        .out_of_memory = error->status == AMPHI_E_NO_MEMORY};
    amphi__mutex_lock(&engine->lock);
    if (run->evicted)
        amphi__run_given_up(run, &reported);
    amphi__mutex_unlock(&engine->lock);
    end_run(engine, run, &event);
}

static void fail_given_up(thread_engine *engine, amphi_engine_run *run)
{
    amphi_error error;
    amphi__mutex_lock(&engine->lock);
    amphi__run_given_up(run, &error);
    amphi__mutex_unlock(&engine->lock);
    fail_run(engine, run, &error, false);
}

/* Runs that were given up while they wait end now, not when it is their turn. */
static void end_given_up(thread_engine *engine)
{
    amphi__mutex_lock(&engine->lock);
    amphi_engine_run *run = amphi__run_queue_take_given_up(&engine->runs, engine->want_stop);
    amphi__mutex_unlock(&engine->lock);
    while (run != NULL) {
        amphi_engine_run *next = run->next; /* its owner frees it as soon as it has ended */
        fail_given_up(engine, run);
        run = next;
    }
}

static void on_heartbeat(void *self, amphi_inference_phase phase)
{
    end_given_up(self);
}

static void on_progress(void *self, amphi_inference_phase phase, uint32_t permille)
{
    const thread_engine *engine = self;
    if (engine->run != NULL) /* else the model is loaded ahead of any run */
        amphi__run_progress(engine->run, permille,
            phase == AMPHI_INFERENCE_LOAD ? "loading the model" : "reading the prompt");
}

static void report_text(thread_engine *engine, amphi_engine_event_kind kind, amphi_str text)
{
    if (engine->run->text_bytes == 0)
        leave_crumb(engine, AMPHI_BREADCRUMB_TOKEN);
    (void)amphi__run_text(engine->run, kind, text);
}

static void on_text(void *self, amphi_str text)
{
    report_text(self, AMPHI_ENGINE_TEXT, text);
}

static void on_reasoning(void *self, amphi_str text)
{
    report_text(self, AMPHI_ENGINE_REASONING, text);
}

static void on_tool_call(void *self, amphi_str json)
{
    report_text(self, AMPHI_ENGINE_TOOL_CALL, json);
}

static void on_logprobs(void *self, amphi_str record)
{
    const thread_engine *engine = self;
    (void)amphi__run_logprobs(engine->run, record);
}

/* ---- the thread: working ---- */

static void set_ready(thread_engine *engine, bool ready)
{
    amphi__mutex_lock(&engine->lock);
    engine->ready = ready;
    amphi__mutex_unlock(&engine->lock);
}

static void unload(thread_engine *engine)
{
    set_ready(engine, false);
    amphi__inference_unload(&engine->inference);
}

static bool is_loaded(const thread_engine *engine, const amphi_inference_load_options *options)
{
    amphi_file_key now;
    amphi__file_key(engine->model_path, &now);
    return engine->inference.llm != NULL && amphi__file_key_equal(&now, &engine->loaded) &&
           options->threads == engine->loaded_options.threads &&
           options->context_tokens_max == engine->loaded_options.context_tokens_max &&
           options->plain_kernels == engine->loaded_options.plain_kernels;
}

static amphi_status load(
    thread_engine *engine, const amphi_inference_load_options *options, amphi_error *error)
{
    const amphi_cancel cancel = {
        &engine->cancel_run, engine->run != NULL ? engine->run->id : LOAD_AHEAD_RUN};
    if (is_loaded(engine, options))
        return AMPHI_OK;
    unload(engine);
    leave_crumb(engine, AMPHI_BREADCRUMB_LOAD);
    amphi__error_clear(error);
    amphi__file_key(engine->model_path, &engine->loaded);
    engine->loaded_options = *options;
    amphi_status status =
        amphi__gguf_open(&engine->inference.gguf, amphi_str_from(engine->model_path), error);
    if (status == AMPHI_OK)
        status = amphi__inference_load(&engine->inference, options, &cancel, error);
    leave_crumb(engine, AMPHI_BREADCRUMB_IDLE);
    if (status != AMPHI_OK)
        unload(engine);
    set_ready(engine, status == AMPHI_OK);
    return status;
}

static void finish_run(
    thread_engine *engine, amphi_engine_run *run, const amphi_inference_result *result)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FINISH, .finish = result->finish};
    amphi__run_usage(run, &result->usage);
    amphi__mutex_lock(&engine->lock);
    amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->fingerprint_at_work);
    amphi__breadcrumb_forgive(&engine->crumb);
    amphi__mutex_unlock(&engine->lock);
    end_run(engine, run, &event);
}

static void answer(thread_engine *engine, amphi_engine_run *run)
{
    const amphi_inference_load_options options = {
        run->threads, run->context_tokens, run->plain_kernels};
    amphi_error error;
    amphi_status status = load(engine, &options, &error);
    if (status != AMPHI_OK) {
        error.status = status;
        fail_run(engine, run, &error, false);
        return;
    }
    const amphi_inference_request request = {.body = amphi_str_make(run->body, run->body_size),
        .prefix = amphi_str_make(run->prefix, run->prefix_size),
        .tokens_per_second_max = run->tokens_per_second_max,
        .now_s = amphi__run_now_s(),
        .cancel = {&engine->cancel_run, run->id}};
    amphi_inference_result result;
    amphi__run_model(run, engine->name_at_work);
    leave_crumb(engine, AMPHI_BREADCRUMB_PREFILL);
    status = amphi__inference_generate(&engine->inference, &request, &result, &error);
    if (status == AMPHI_OK) {
        finish_run(engine, run, &result);
        return;
    }
    leave_crumb(engine, AMPHI_BREADCRUMB_IDLE);
    error.status = status;
    fail_run(engine, run, &error, result.prefix_refused);
}

typedef struct thread_work {
    amphi_engine_run *run; /* NULL: none waits */
    bool load;             /* ahead of any run */
    bool unload;           /* first */
    bool given_up;         /* the run is no longer wanted */
    char *count_body;      /* tokens to be counted; NULL: no caller asks */
} thread_work;

/* Under the lock: the body is the caller's only as long. */
static char *take_count(thread_engine *engine)
{
    if (engine->count.step != AMPHI_COUNT_ASKED)
        return NULL;
    char *body = amphi__str_copy(engine->count.body);
    amphi__token_count_take(&engine->count);
    if (body == NULL)
        amphi__token_count_answer(&engine->count, AMPHI_E_NO_MEMORY, 0);
    return body;
}

/* Takes the body. */
static void count_tokens(thread_engine *engine, char *body)
{
    amphi_error error;
    uint32_t tokens = 0;
    amphi_status status = AMPHI_E_BUSY;
    leave_crumb(engine, AMPHI_BREADCRUMB_PREFILL);
    if (engine->inference.llm != NULL)
        status = amphi__inference_count_tokens(
            &engine->inference, amphi_str_from(body), &tokens, &error);
    leave_crumb(engine, AMPHI_BREADCRUMB_IDLE);
    amphi__free(body);
    amphi__mutex_lock(&engine->lock);
    amphi__token_count_answer(&engine->count, status, tokens);
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

/* Waits for something to do. false: the engine is being freed. */
static bool next_work(thread_engine *engine, thread_work *work)
{
    amphi__mutex_lock(&engine->lock);
    engine->busy = false;
    while (engine->runs.first == NULL && !engine->want_load && !engine->want_unload &&
           !engine->want_stop && engine->count.step != AMPHI_COUNT_ASKED)
        amphi__cond_wait(&engine->changed, &engine->lock);
    work->unload = engine->want_unload;
    work->load = engine->want_load && !engine->want_unload;
    engine->want_unload = false;
    engine->want_load = false;
    work->run = amphi__run_queue_next(&engine->runs);
    work->count_body = take_count(engine);
    bool stop = engine->want_stop;
    work->given_up = work->run != NULL && (work->run->cancelled || work->run->evicted || stop);
    engine->busy = true;
    refresh_file(engine, false);
    memcpy(engine->fingerprint_at_work, engine->fingerprint, sizeof engine->fingerprint_at_work);
    memcpy(engine->name_at_work, engine->summary.name, sizeof engine->name_at_work);
    amphi__mutex_unlock(&engine->lock);
    engine->run = work->run;
    return work->run != NULL || work->count_body != NULL || !stop;
}

static void run_thread(void *self)
{
    thread_engine *engine = self;
    thread_work work;
    while (next_work(engine, &work)) {
        if (work.count_body != NULL)
            count_tokens(engine, work.count_body);
        if (work.unload)
            unload(engine);
        if (work.run == NULL && work.load) {
            const amphi_inference_load_options options = {
                engine->threads, engine->context_tokens_max, false};
            amphi_error ignored;
            (void)load(engine, &options, &ignored);
        }
        if (work.run != NULL && work.given_up)
            fail_given_up(engine, work.run);
        else if (work.run != NULL)
            answer(engine, work.run);
    }
    unload(engine);
}

/* ---- the app's threads ---- */

/* Under the lock. */
static amphi_status thread_start(thread_engine *engine)
{
    return engine->thread.started
               ? AMPHI_OK
               : amphi__thread_start(&engine->thread, "amphi-engine", run_thread, engine);
}

static amphi_status engine_start(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    thread_engine *engine = self;
    amphi_engine_run *run = NULL;
    *out = NULL;
    amphi_status status =
        amphi__run_new(&run, request, sink, engine->threads, engine->context_tokens_max, error);
    if (status != AMPHI_OK)
        return status;
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
static void cancel_current(thread_engine *engine)
{
    atomic_store(&engine->cancel_run, engine->runs.current->id);
}

static void engine_cancel(void *self, amphi_engine_run *run)
{
    thread_engine *engine = self;
    amphi__mutex_lock(&engine->lock);
    run->cancelled = true;
    if (engine->runs.current == run)
        cancel_current(engine);
    amphi__mutex_unlock(&engine->lock);
}

static void engine_release(void *self, amphi_engine_run *run)
{
    thread_engine *engine = self;
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
    thread_engine *engine = self;
    amphi_status status = AMPHI_E_BUSY;
    amphi__mutex_lock(&engine->lock);
    if (engine->ready && engine->runs.count == 0 && !engine->busy &&
        engine->count.step == AMPHI_COUNT_FREE && body.size > 0 &&
        body.size <= AMPHI_LOCAL_BODY_MAX) {
        amphi__token_count_ask(&engine->count, body);
        amphi__cond_broadcast(&engine->changed);
        status = amphi__token_count_wait(&engine->count, &engine->lock, &engine->changed, out);
    }
    amphi__mutex_unlock(&engine->lock);
    return status;
}

static void engine_prewarm(void *self)
{
    thread_engine *engine = self;
    amphi__mutex_lock(&engine->lock);
    engine->want_load = thread_start(engine) == AMPHI_OK;
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

static void engine_unload(void *self, bool force)
{
    thread_engine *engine = self;
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

static void engine_free(void *self)
{
    thread_engine *engine = self;
    if (engine == NULL)
        return;
    amphi__mutex_lock(&engine->lock);
    engine->want_stop = true;
    atomic_store(&engine->cancel_run, LOAD_AHEAD_RUN); /* every run was released before */
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
    amphi__thread_join(&engine->thread);
    amphi__breadcrumb_close(&engine->crumb);
    amphi__cond_clear(&engine->changed);
    amphi__mutex_clear(&engine->lock);
    amphi__free(engine);
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
    char path[AMPHI_LOCAL_PATH_MAX];
    memset(out, 0, sizeof *out);
    if (options->model_path.size >= sizeof path || options->breadcrumb_path.size >= sizeof path) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model_path: longer than %d bytes",
            AMPHI_LOCAL_PATH_MAX - 1);
    }
    thread_engine *engine = amphi__calloc(1, sizeof *engine);
    if (engine == NULL || amphi__mutex_init(&engine->lock) != AMPHI_OK) {
        amphi__free(engine);
        return amphi__fail_no_memory(error);
    }
    if (amphi__cond_init(&engine->changed) != AMPHI_OK) {
        amphi__mutex_clear(&engine->lock);
        amphi__free(engine);
        return amphi__fail_no_memory(error);
    }
    amphi__str_copy_to(engine->model_path, sizeof engine->model_path, options->model_path);
    if (engine->model_path[0] == '\0')
        (void)amphi__local_default_model(engine->model_path, sizeof engine->model_path);
    engine->threads = options->threads != 0 ? options->threads : amphi__threads_default();
    engine->context_tokens_max = options->context_tokens_max != 0 ? options->context_tokens_max
                                                                  : AMPHI_LOCAL_CONTEXT_DEFAULT;
    engine->status = AMPHI_E_BUSY;
    engine->sink = (amphi_inference_sink){.self = engine,
        .heartbeat = on_heartbeat,
        .progress = on_progress,
        .text = on_text,
        .reasoning = on_reasoning,
        .tool_call = on_tool_call,
        .logprobs = on_logprobs};
    engine->inference.sink = &engine->sink;
    amphi__str_copy_to(path, sizeof path, options->breadcrumb_path);
    amphi__breadcrumb_open(&engine->crumb, path);
    out->ops = &thread_ops;
    out->self = engine;
    return AMPHI_OK;
}
