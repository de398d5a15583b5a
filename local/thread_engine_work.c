/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that computes, one run after the other. The engine (local/engine) reports straight to
 * the run's sink, never under the lock. This thread has no supervisor: what hangs, hangs, and what
 * crashes ends the app.
 */
#include "local/thread_engine_state.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <string.h>

/* ---- reporting ---- */

static void leave_crumb(amphi_thread_engine *engine, amphi_breadcrumb_phase phase)
{
    amphi__mutex_lock(&engine->lock);
    amphi__breadcrumb_set(&engine->crumb, phase, engine->fingerprint_at_work);
    amphi__mutex_unlock(&engine->lock);
}

static void end_run(
    amphi_thread_engine *engine, amphi_engine_run *run, const amphi_engine_event *event)
{
    run->sink.event(run->sink.self, event);
    amphi__mutex_lock(&engine->lock);
    amphi__run_queue_ended(&engine->runs, run);
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

static void fail_run(amphi_thread_engine *engine, amphi_engine_run *run, const amphi_error *error,
    bool prefix_refused)
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
        amphi__run_abandoned_error(run, &reported);
    amphi__mutex_unlock(&engine->lock);
    end_run(engine, run, &event);
}

static void fail_abandoned(amphi_thread_engine *engine, amphi_engine_run *run)
{
    amphi_error error;
    amphi__mutex_lock(&engine->lock);
    amphi__run_abandoned_error(run, &error);
    amphi__mutex_unlock(&engine->lock);
    fail_run(engine, run, &error, false);
}

/* Runs that were given up while they wait end now, not when it is their turn. */
static void end_abandoned(amphi_thread_engine *engine)
{
    amphi__mutex_lock(&engine->lock);
    amphi_engine_run *run = amphi__run_queue_take_abandoned(&engine->runs, engine->want_stop);
    amphi__mutex_unlock(&engine->lock);
    while (run != NULL) {
        amphi_engine_run *next =
            run->next; /* the caller may free the run as soon as it has ended */
        fail_abandoned(engine, run);
        run = next;
    }
}

static void on_heartbeat(void *self, amphi_inference_phase phase)
{
    end_abandoned(self);
}

static void on_progress(void *self, amphi_inference_phase phase, uint32_t permille)
{
    const amphi_thread_engine *engine = self;
    if (engine->run != NULL) /* else the model is loaded ahead of any run */
        amphi__run_progress(engine->run, permille,
            phase == AMPHI_INFERENCE_LOAD ? "loading the model" : "reading the prompt");
}

static void report_text(amphi_thread_engine *engine, amphi_engine_event_kind kind, amphi_str text)
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
    const amphi_thread_engine *engine = self;
    (void)amphi__run_logprobs(engine->run, record);
}

static void on_state(void *self, uint32_t index, uint32_t depth, amphi_str halves)
{
    const amphi_thread_engine *engine = self;
    (void)amphi__run_state(engine->run, index, depth, halves);
}

static void on_certainty(void *self, uint32_t index, const amphi_certainty *certainty)
{
    const amphi_thread_engine *engine = self;
    (void)amphi__run_certainty(engine->run, index, certainty);
}

/* ---- working ---- */

static void set_ready(amphi_thread_engine *engine, bool ready)
{
    amphi__mutex_lock(&engine->lock);
    engine->ready = ready;
    amphi__mutex_unlock(&engine->lock);
}

static void unload(amphi_thread_engine *engine)
{
    set_ready(engine, false);
    amphi__inference_unload(&engine->inference);
}

static bool is_loaded(
    const amphi_thread_engine *engine, const amphi_inference_load_options *options)
{
    amphi_file_key now;
    amphi__file_key(engine->model_path, &now);
    return engine->inference.llm != NULL && amphi__file_key_equal(&now, &engine->loaded) &&
           options->threads == engine->loaded_options.threads &&
           options->context_tokens_max == engine->loaded_options.context_tokens_max &&
           options->plain_kernels == engine->loaded_options.plain_kernels;
}

/* `next`: what follows at once. An app that dies in between dies in mid-work. */
static amphi_status load(amphi_thread_engine *engine, const amphi_inference_load_options *options,
    amphi_breadcrumb_phase next, amphi_error *error)
{
    const amphi_cancel cancel = {
        &engine->cancel_run, engine->run != NULL ? engine->run->id : AMPHI_LOAD_AHEAD_RUN};
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
    leave_crumb(engine, status == AMPHI_OK ? next : AMPHI_BREADCRUMB_IDLE);
    if (status != AMPHI_OK)
        unload(engine);
    set_ready(engine, status == AMPHI_OK);
    return status;
}

static void finish_run(
    amphi_thread_engine *engine, amphi_engine_run *run, const amphi_inference_result *result)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FINISH, .finish = result->finish};
    amphi__run_usage(run, &result->usage);
    amphi__mutex_lock(&engine->lock);
    amphi__breadcrumb_set(&engine->crumb, AMPHI_BREADCRUMB_IDLE, engine->fingerprint_at_work);
    amphi__breadcrumb_forgive(&engine->crumb);
    amphi__mutex_unlock(&engine->lock);
    end_run(engine, run, &event);
}

static void answer(amphi_thread_engine *engine, amphi_engine_run *run)
{
    const amphi_inference_load_options options = {
        run->threads, run->context_tokens, run->plain_kernels};
    amphi_error error;
    amphi_status status = load(engine, &options, AMPHI_BREADCRUMB_PREFILL, &error);
    if (status != AMPHI_OK) {
        error.status = status;
        fail_run(engine, run, &error, false);
        return;
    }
    const amphi_inference_request request = {.body = amphi_str_make(run->body, run->body_size),
        .prefix = amphi_str_make(run->prefix, run->prefix_size),
        .tokens_per_second_max = run->tokens_per_second_max,
        .now_s = amphi__run_now_s(),
        .cancel = {&engine->cancel_run, run->id},
        .judge_tokens = run->evidence.tokens_max,
        .state_depths = run->evidence.depths};
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
    bool abandoned;        /* the run is no longer wanted */
    char *count_body;      /* its tokens are to be counted; NULL: no request */
} thread_work;

/* Under the lock, because the body stays valid only as long. NULL: nothing to count. */
static char *take_count(amphi_thread_engine *engine)
{
    if (engine->count.step != AMPHI_COUNT_ASKED)
        return NULL;
    char *body = amphi__str_copy(engine->count.body);
    amphi__token_count_take(&engine->count);
    if (body == NULL)
        amphi__token_count_answer(&engine->count, AMPHI_E_NO_MEMORY, 0);
    return body;
}

/* Frees the body. */
static void count_tokens(amphi_thread_engine *engine, char *body)
{
    amphi_error error;
    uint32_t tokens = 0;
    amphi_status status = AMPHI_E_BUSY;
    leave_crumb(engine, AMPHI_BREADCRUMB_PREFILL);
    if (engine->inference.llm != NULL)
        status = amphi__inference_count_tokens(
            &engine->inference, amphi_str_from(body), amphi__run_now_s(), &tokens, &error);
    leave_crumb(engine, AMPHI_BREADCRUMB_IDLE);
    amphi__free(body);
    amphi__mutex_lock(&engine->lock);
    amphi__token_count_answer(&engine->count, status, tokens);
    amphi__cond_broadcast(&engine->changed);
    amphi__mutex_unlock(&engine->lock);
}

/* Waits for something to do. false: the engine is being freed. */
static bool next_work(amphi_thread_engine *engine, thread_work *work)
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
    work->abandoned = work->run != NULL && (work->run->cancelled || work->run->evicted || stop);
    engine->busy = true;
    amphi__thread_engine_refresh(engine, false);
    memcpy(engine->fingerprint_at_work, engine->fingerprint, sizeof engine->fingerprint_at_work);
    memcpy(engine->name_at_work, engine->summary.name, sizeof engine->name_at_work);
    amphi__mutex_unlock(&engine->lock);
    engine->run = work->run;
    return work->run != NULL || work->count_body != NULL || !stop;
}

void amphi__thread_engine_run(void *self)
{
    amphi_thread_engine *engine = self;
    const amphi_inference_sink sink = {.self = engine,
        .heartbeat = on_heartbeat,
        .progress = on_progress,
        .text = on_text,
        .reasoning = on_reasoning,
        .tool_call = on_tool_call,
        .logprobs = on_logprobs,
        .state = on_state,
        .certainty = on_certainty};
    engine->inference.sink = &sink;
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
            (void)load(engine, &options, AMPHI_BREADCRUMB_IDLE, &ignored);
        }
        if (work.run != NULL && work.abandoned)
            fail_abandoned(engine, work.run);
        else if (work.run != NULL)
            answer(engine, work.run);
    }
    unload(engine);
}
