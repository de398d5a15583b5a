/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread computes, one run after the other; everybody else only queues and sets flags under the
 * lock. The engine's code (local/worker/child_*.c) reports through child->send, which here goes
 * straight to the run's sink. Nobody watches this thread: what hangs, hangs, and what crashes takes
 * the app along.
 */
#include "local/thread_engine.h"

#include "local/breadcrumb.h"
#include "local/compute/kernels.h"
#include "local/engine/engine.h"
#include "local/parent/supervisor.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

typedef struct thread_engine {
    /* constant once made */
    char model_path[AMPHI_LOCAL_PATH_MAX];
    uint32_t threads, context_tokens_max;
    amphi_mutex lock;
    amphi_cond changed;

    /* under the lock */
    amphi_thread thread;
    amphi_engine_run *first, *last, *current;
    uint32_t runs_count, next_id;
    bool want_load, want_unload, want_stop, ready;
    bool busy;            /* the thread has the breadcrumb */
    amphi_file_key known; /* the file that these were learnt from */
    char fingerprint[AMPHI_FINGERPRINT_MAX];
    char name[AMPHI_WORKER_NAME_MAX];
    amphi_status status; /* of the file */
    char why[160];
    amphi_llm_need need;
    amphi_breadcrumb crumb;

    /* the thread's own; `control` is also written by who cancels */
    amphi_child child;
    amphi_worker_control control;
    amphi_file_key loaded;
    char at_work[AMPHI_FINGERPRINT_MAX], name_at_work[AMPHI_WORKER_NAME_MAX]; /* copies */
    uint32_t loaded_threads, loaded_context;
    bool loaded_plain;
    amphi_worker_ready told; /* the load's outcome */
} thread_engine;

/* ---- knowing the file ---- */

static amphi_status read_need(
    amphi_llm_need *need, const char *path, char name[], size_t name_max, amphi_error *error)
{
    amphi_gguf *gguf = NULL;
    amphi_str title;
    amphi_status status = amphi__gguf_open(&gguf, amphi_str_from(path), error);

    if (status == AMPHI_OK)
        status = amphi__llm_need(need, gguf, error);
    if (status == AMPHI_OK) {
        if (!amphi__gguf_str(gguf, "general.name", &title) || title.size == 0)
            title = amphi_str_from(need->family);
        amphi__str_copy_to(name, name_max, title);
    }
    amphi__gguf_free(gguf);
    return status;
}

/* Under the lock. The header is read in the app, so the breadcrumb says so first. */
static void look_at_file(thread_engine *engine, bool inside)
{
    amphi_file_key key;
    amphi_error error;

    amphi__file_key(engine->model_path, &key);
    if (!amphi__file_key_equal(&key, &engine->known)) {
        engine->known = key;
        engine->status = AMPHI_E_BUSY; /* not looked inside yet */
        (void)amphi__fingerprint(engine->model_path, engine->fingerprint);
    }
    if (!inside || engine->status != AMPHI_E_BUSY ||
        amphi__breadcrumb_crashes(&engine->crumb, engine->fingerprint) >=
            AMPHI_BREADCRUMB_CRASHES_MAX)
        return;
    if (!engine->busy)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_LOAD, engine->fingerprint);
    amphi__error_clear(&error);
    engine->status =
        read_need(&engine->need, engine->model_path, engine->name, sizeof engine->name, &error);
    amphi__str_copy_to(engine->why, sizeof engine->why, amphi_str_from(error.message));
    if (!engine->busy)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->fingerprint);
}

/* Under the lock. */
static void name_engine(const thread_engine *engine, amphi_engine_info *out)
{
    const amphi_kernels *kernels = NULL;
    size_t struct_size = out->struct_size;

    memset(out, 0, sizeof *out);
    out->struct_size = struct_size;
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

    amphi__mutex_lock(&engine->lock);
    look_at_file(engine, false);
    name_engine(engine, out);
    amphi__mutex_unlock(&engine->lock);
}

static void engine_describe(void *self, amphi_engine_info *out)
{
    thread_engine *engine = self;
    uint32_t crashes = 0;

    amphi__mutex_lock(&engine->lock);
    look_at_file(engine, true);
    name_engine(engine, out);
    crashes = amphi__breadcrumb_crashes(&engine->crumb, engine->fingerprint);
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
        snprintf(out->model, sizeof out->model, "%s", engine->name);
        out->weights_bytes = engine->need.weights_bytes;
        out->kv_bytes_per_token = engine->need.kv_bytes_per_token;
        out->scratch_bytes = engine->need.scratch_bytes;
        out->context_tokens_max = engine->need.context_tokens_max < engine->context_tokens_max
                                      ? engine->need.context_tokens_max
                                      : engine->context_tokens_max;
    }
    amphi__mutex_unlock(&engine->lock);
}

/* ---- the thread: reporting ---- */

static void end_run(thread_engine *engine, amphi_engine_run *run, const amphi_engine_event *event)
{
    run->sink.event(run->sink.self, event);
    amphi__mutex_lock(&engine->lock);
    if (engine->current == run)
        engine->current = NULL;
    engine->runs_count--;
    run->ended = true;
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

static void fail_run(thread_engine *engine, amphi_engine_run *run, amphi_status status,
    const char *message, bool prefix_refused)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL, .prefix_refused = prefix_refused};
    amphi_error error;
    bool evicted = false;

    amphi__mutex_lock(&engine->lock);
    evicted = run->evicted;
    amphi__mutex_unlock(&engine->lock);
    event.out_of_memory = status == AMPHI_E_NO_MEMORY;
    if (evicted) {
        status = AMPHI_E_RESOURCE;
        message = "the local answer was stopped to free memory";
    } else if (status == AMPHI_E_NO_MEMORY) {
        status = AMPHI_E_RESOURCE;
    }
    amphi__fail(&error, status, 0, "%s", message);
    event.error = &error;
    end_run(engine, run, &event);
}

static void on_text(
    thread_engine *engine, amphi_engine_run *run, amphi_worker_event kind, amphi_str text)
{
    if (run->text_bytes == 0)
        amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_TOKEN, engine->at_work);
    (void)amphi__run_text(run, kind, text);
}

static void on_end(thread_engine *engine, amphi_engine_run *run, const amphi_engine_event *event)
{
    amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->at_work);
    if (event->kind == AMPHI_ENGINE_FINISH) {
        amphi__breadcrumb_forgive(&engine->crumb);
        end_run(engine, run, event);
    } else {
        fail_run(engine, run, event->error->status, event->error->message, event->prefix_refused);
    }
}

/* What the engine's code says, as the run's events. */
static void on_message(
    amphi_child *child, amphi_worker_event kind, const void *data, size_t size, amphi_str more)
{
    thread_engine *engine =
        (thread_engine *)(void *)((char *)child - offsetof(thread_engine, child));
    amphi_engine_run *run = engine->current; /* only this thread writes it */
    amphi_engine_event event = {.kind = AMPHI_ENGINE_PROGRESS};

    if (kind == AMPHI_WORKER_READY) {
        memcpy(&engine->told, data, sizeof engine->told);
        return;
    }
    if (run == NULL)
        return; /* warming up, for nobody in particular */
    if (kind == AMPHI_WORKER_TEXT || kind == AMPHI_WORKER_REASONING ||
        kind == AMPHI_WORKER_TOOL_CALL) {
        on_text(engine, run, kind, more);
    } else if (kind == AMPHI_WORKER_LOGPROBS) {
        (void)amphi__run_logprobs(run, more);
    } else if (kind == AMPHI_WORKER_PROGRESS) {
        const amphi_worker_progress *progress = data;

        event.permille = progress->permille;
        event.text = progress->phase == AMPHI_PHASE_LOAD ? AMPHI_STR("loading the model")
                                                         : AMPHI_STR("reading the prompt");
        run->sink.event(run->sink.self, &event);
    } else if (kind == AMPHI_WORKER_USAGE) {
        amphi__run_usage(run, data);
    } else if (kind == AMPHI_WORKER_FINISH) {
        event.kind = AMPHI_ENGINE_FINISH;
        event.finish = (amphi_finish)((const amphi_worker_finish *)data)->finish;
        on_end(engine, run, &event);
    } else if (kind == AMPHI_WORKER_FAIL) {
        const amphi_worker_fail *told = data;
        amphi_error error;

        amphi__fail(&error, (amphi_status)told->status, 0, "%s", told->message);
        event.kind = AMPHI_ENGINE_FAIL;
        event.error = &error;
        event.prefix_refused = told->prefix_refused != 0;
        on_end(engine, run, &event);
    }
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
    amphi__child_unload(&engine->child);
}

static bool is_loaded(const thread_engine *engine, const amphi_worker_load *load)
{
    amphi_file_key now;

    amphi__file_key(engine->model_path, &now);
    return engine->child.llm != NULL && amphi__file_key_equal(&now, &engine->loaded) &&
           load->threads == engine->loaded_threads &&
           load->context_tokens_max == engine->loaded_context &&
           (load->plain_kernels != 0) == engine->loaded_plain;
}

/* AMPHI_OK, or engine->told says why not. */
static amphi_status load(thread_engine *engine, const amphi_worker_load *wish)
{
    amphi_error error;
    amphi_status status = AMPHI_OK;

    if (is_loaded(engine, wish))
        return AMPHI_OK;
    unload(engine);
    amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_LOAD, engine->at_work);
    amphi__file_key(engine->model_path, &engine->loaded);
    status = amphi__gguf_open(&engine->child.gguf, amphi_str_from(engine->model_path), &error);
    memset(&engine->told, 0, sizeof engine->told);
    if (status == AMPHI_OK) {
        amphi__child_load(&engine->child, wish);
        status = (amphi_status)engine->told.status;
    } else {
        amphi__str_copy_to(
            engine->told.message, sizeof engine->told.message, amphi_str_from(error.message));
    }
    engine->loaded_threads = wish->threads;
    engine->loaded_context = wish->context_tokens_max;
    engine->loaded_plain = wish->plain_kernels != 0;
    amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->at_work);
    if (status != AMPHI_OK)
        unload(engine);
    set_ready(engine, status == AMPHI_OK);
    return status;
}

static void answer(thread_engine *engine, amphi_engine_run *run)
{
    const amphi_worker_load wish = {run->threads, run->context_tokens, run->plain_kernels};
    const amphi_worker_generate generate = amphi__run_generate(run);
    const amphi_engine_event model = {
        .kind = AMPHI_ENGINE_MODEL, .text = amphi_str_from(engine->name_at_work)};
    amphi_status status = load(engine, &wish);

    if (status != AMPHI_OK) {
        fail_run(engine, run, status, engine->told.message, false);
        return;
    }
    run->sink.event(run->sink.self, &model);
    amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_PREFILL, engine->at_work);
    amphi__child_generate(&engine->child, &generate, amphi_str_make(run->body, run->body_size),
        amphi_str_make(run->prefix, run->prefix_size));
}

/* Waits for something to do. false: the engine is being freed. */
static bool next_work(thread_engine *engine, amphi_engine_run **run, bool *warm, bool *cold)
{
    bool stop = false;

    amphi__mutex_lock(&engine->lock);
    engine->busy = false;
    while (
        engine->first == NULL && !engine->want_load && !engine->want_unload && !engine->want_stop)
        amphi__cond_wait(&engine->changed, &engine->lock);
    *cold = engine->want_unload;
    *warm = engine->want_load && !*cold;
    engine->want_unload = engine->want_load = false;
    *run = engine->first;
    if (*run != NULL) {
        engine->first = (*run)->next;
        engine->last = engine->first != NULL ? engine->last : NULL;
        engine->current = *run;
    }
    stop = engine->want_stop;
    engine->busy = true;
    look_at_file(engine, false);
    memcpy(engine->at_work, engine->fingerprint, sizeof engine->at_work);
    memcpy(engine->name_at_work, engine->name, sizeof engine->name_at_work);
    amphi__mutex_unlock(&engine->lock);
    return *run != NULL || !stop;
}

static bool is_given_up(thread_engine *engine, const amphi_engine_run *run)
{
    amphi__mutex_lock(&engine->lock);
    bool given_up = run->cancelled || run->evicted || engine->want_stop;
    amphi__mutex_unlock(&engine->lock);
    return given_up;
}

static void work(void *self)
{
    thread_engine *engine = self;
    amphi_engine_run *run = NULL;
    bool warm = false;
    bool cold = false;

    while (next_work(engine, &run, &warm, &cold)) {
        if (cold)
            unload(engine);
        if (warm && run == NULL) {
            const amphi_worker_load wish = {engine->threads, engine->context_tokens_max, 0};

            (void)load(engine, &wish);
        }
        if (run != NULL && is_given_up(engine, run))
            fail_run(engine, run, AMPHI_E_CANCELLED, "the request was cancelled", false);
        else if (run != NULL)
            answer(engine, run);
    }
    unload(engine);
}

/* ---- the app's threads ---- */

/* Under the lock. */
static amphi_status thread_start(thread_engine *engine)
{
    return engine->thread.started
               ? AMPHI_OK
               : amphi__thread_start(&engine->thread, "amphi-engine", work, engine);
}

static amphi_status engine_start(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    thread_engine *engine = self;
    amphi_engine_run *run = NULL;
    amphi_status status =
        amphi__run_new(&run, request, sink, engine->threads, engine->context_tokens_max, error);

    *out = NULL;
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&engine->lock);
    status = engine->runs_count >= AMPHI_LOCAL_QUEUE_MAX ? AMPHI_E_BUSY : thread_start(engine);
    if (status == AMPHI_OK) {
        run->id = ++engine->next_id;
        *(engine->last != NULL ? &engine->last->next : &engine->first) = run;
        engine->last = run;
        engine->runs_count++;
        *out = run;
        amphi__cond_broadcast(&engine->changed);
    }
    amphi__mutex_unlock(&engine->lock);
    if (status != AMPHI_OK) {
        amphi__run_free(run);
        return amphi__fail(error, status, 0, "the local engine takes no further request now");
    }
    return AMPHI_OK;
}

static void engine_cancel(void *self, amphi_engine_run *run)
{
    thread_engine *engine = self;

    amphi__mutex_lock(&engine->lock);
    run->cancelled = true;
    if (engine->current == run)
        atomic_store(&engine->control.cancel_run, run->id);
    amphi__mutex_unlock(&engine->lock);
}

static void engine_release(void *self, amphi_engine_run *run)
{
    thread_engine *engine = self;

    if (run == NULL)
        return;
    amphi__mutex_lock(&engine->lock);
    while (!run->ended) {
        run->cancelled = true;
        if (engine->current == run)
            atomic_store(&engine->control.cancel_run, run->id);
        amphi__cond_wait_us(&engine->changed, &engine->lock, AMPHI_LOCAL_WAIT_SLICE_US);
    }
    amphi__mutex_unlock(&engine->lock);
    amphi__run_free(run);
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
    for (amphi_engine_run *run = engine->first; run != NULL && force; run = run->next)
        run->evicted = true;
    if (force && engine->current != NULL) {
        engine->current->evicted = true;
        atomic_store(&engine->control.cancel_run, engine->current->id);
    }
    if (engine->thread.started && (force || engine->runs_count == 0)) {
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
    .prewarm = engine_prewarm,
    .unload = engine_unload,
    .free = engine_free,
    .identify = engine_identify,
};

amphi_status amphi__thread_engine_new(
    amphi_engine *out, const amphi_local_options *options, amphi_error *error)
{
    thread_engine *engine = NULL;
    char path[AMPHI_LOCAL_PATH_MAX];

    memset(out, 0, sizeof *out);
    if (options->model_path.size >= sizeof path || options->breadcrumb_path.size >= sizeof path) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model_path: longer than %d bytes",
            AMPHI_LOCAL_PATH_MAX - 1);
    }
    engine = amphi__calloc(1, sizeof *engine);
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
    engine->child.control = &engine->control;
    engine->child.send = on_message;
    amphi__str_copy_to(path, sizeof path, options->breadcrumb_path);
    amphi__breadcrumb_open(&engine->crumb, path);
    out->ops = &thread_ops;
    out->self = engine;
    return AMPHI_OK;
}
