/* SPDX-License-Identifier: Apache-2.0
 *
 * See system_engine.h. A run has two owners: the client, until `release`, and the system's side,
 * until system_run_end. The later one frees it; what the system still says after `release` is
 * dropped. So the client never waits for the system.
 */
#include "system_engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct system_run {
    const system_model *model;
    amphi_engine_sink sink;
    pthread_mutex_t lock; /* held while the sink is called: `release` waits for that */
    bool is_released;     /* by the client */
    bool has_ended;       /* for the system */
};

static const struct {
    amphi_status status; /* what the client branches on */
    const char *words;
} ends[SYSTEM_END_COUNT] = {
    [SYSTEM_CANCELLED] = {AMPHI_E_CANCELLED, "cancelled"},
    [SYSTEM_QUOTA] = {AMPHI_E_QUOTA, "the system's quota for this app is used up"},
    [SYSTEM_RATE_LIMITED] = {AMPHI_E_RATE_LIMITED, "the system limits this app's requests"},
    [SYSTEM_BUSY] = {AMPHI_E_BUSY, "the system's model works for others"},
    [SYSTEM_BACKGROUND] = {AMPHI_E_BACKGROUND, "the system refuses an app in the background"},
    [SYSTEM_GUARDRAIL] = {AMPHI_E_CONTENT_FILTER, "the system's safety rules refuse it"},
    [SYSTEM_TOO_LONG] = {AMPHI_E_CONTEXT_LENGTH, "longer than the system's model takes"},
    [SYSTEM_LANGUAGE] = {AMPHI_E_UNSUPPORTED, "the system's model does not speak this language"},
    [SYSTEM_UNSUPPORTED] = {AMPHI_E_UNSUPPORTED, "the system's model can't do what is asked for"},
    [SYSTEM_ASSETS_GONE] = {AMPHI_E_RESOURCE, "the system took its model away"},
    [SYSTEM_SERVICE_DIED] = {AMPHI_E_ENGINE_DIED, "the system's service ended in mid-answer"},
    [SYSTEM_NO_NETWORK] = {AMPHI_E_NETWORK, "the private cloud could not be reached"},
    [SYSTEM_FAILED] = {AMPHI_E_PROVIDER, "the system's model failed"},
};

static const struct {
    amphi_status status;
    const char *words;
} unavailable[SYSTEM_AVAILABILITY_COUNT] = {
    [SYSTEM_NOT_DOWNLOADED] = {AMPHI_E_NOT_FOUND, "the system's model is not downloaded"},
    [SYSTEM_DOWNLOADING] = {AMPHI_E_BUSY, "the system's model is being downloaded"},
    [SYSTEM_NOT_ENABLED] = {AMPHI_E_UNSUPPORTED,
        "the system's model is switched off: the user can switch it on in the settings"},
    [SYSTEM_NOT_ELIGIBLE] = {AMPHI_E_UNSUPPORTED, "this device has no system's model"},
};

/* ---- the system's side ---- */

/* is_last: the other owner is gone as well. */
static void unlock_and_free_if(system_run *run, bool is_last)
{
    pthread_mutex_unlock(&run->lock);
    if (!is_last)
        return;
    pthread_mutex_destroy(&run->lock);
    free(run);
}

void system_run_text(system_run *run, const char *text, size_t size)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = amphi_str_make(text, size)};
    pthread_mutex_lock(&run->lock);
    if (!run->is_released && size > 0)
        run->sink.event(run->sink.self, &event);
    pthread_mutex_unlock(&run->lock);
}

void system_run_end(system_run *run, system_end end, uint32_t retry_after_ms)
{
    bool is_whole = end == SYSTEM_DONE || end == SYSTEM_CUT;
    amphi_error error = {.status = ends[end].status, .retry_after_ms = retry_after_ms};
    amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL, .error = &error};
    if (is_whole) {
        event.kind = AMPHI_ENGINE_FINISH;
        event.finish = end == SYSTEM_CUT ? AMPHI_FINISH_LENGTH : AMPHI_FINISH_STOP;
    } else {
        snprintf(error.message, sizeof error.message, "%s", ends[end].words);
    }
    pthread_mutex_lock(&run->lock);
    run->has_ended = true;
    if (!run->is_released)
        run->sink.event(run->sink.self, &event);
    unlock_and_free_if(run, run->is_released);
}

/* ---- the client's side ---- */

static void describe(void *self, amphi_engine_info *out)
{
    const system_model *model = self;
    system_state state = {.availability = SYSTEM_NOT_ELIGIBLE};
    model->state(model->user, &state);
    out->kind = AMPHI_ENGINE_SYSTEM;
    snprintf(out->name, sizeof out->name, "%s", model->name);
    snprintf(out->model, sizeof out->model, "%s", model->model);
    out->available = state.availability == SYSTEM_AVAILABLE;
    out->ready = out->available;
    if (!out->available) {
        out->failure = unavailable[state.availability].status;
        snprintf(out->why, sizeof out->why, "%s", unavailable[state.availability].words);
    }
    out->on_device = state.on_device;
    out->is_busy = state.is_busy;
    out->quota_used_up = state.quota_used_up;
    out->needs_foreground = state.needs_foreground;
    out->retry_after_ms = state.retry_after_ms;
    out->context_tokens_max = state.context_tokens;
    out->prefix = AMPHI_NO; /* it answers a conversation; it does not go on with an answer */
}

static amphi_status refuse(amphi_error *error, amphi_status status, const char *words)
{
    memset(error, 0, sizeof *error);
    error->status = status;
    snprintf(error->message, sizeof error->message, "%s", words);
    return status;
}

static amphi_status start(void *self, amphi_engine_run **out, const amphi_engine_request *request,
    const amphi_engine_sink *sink, amphi_error *error)
{
    const system_model *model = self;
    system_run *run;
    *out = NULL;
    if (request->prefix.size > 0)
        return refuse(
            error, AMPHI_E_UNSUPPORTED, "the system's model can't continue a given beginning");
    run = calloc(1, sizeof *run);
    if (run == NULL || pthread_mutex_init(&run->lock, NULL) != 0) {
        free(run);
        return refuse(error, AMPHI_E_NO_MEMORY, "out of memory");
    }
    run->model = model;
    run->sink = *sink;
    *out = (amphi_engine_run *)run;
    model->generate(model->user, run, request->body.data, request->body.size);
    return AMPHI_OK;
}

/* The app's side is asked outside of the lock: it may report the end at once. */
static void ask_to_stop(system_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool runs = !run->has_ended;
    pthread_mutex_unlock(&run->lock);
    if (runs)
        run->model->cancel(run->model->user, run);
}

static void cancel(void *self, amphi_engine_run *run)
{
    (void)self;
    ask_to_stop((system_run *)run);
}

static void release(void *self, amphi_engine_run *opaque)
{
    system_run *run = (system_run *)opaque;
    (void)self;
    ask_to_stop(run);
    pthread_mutex_lock(&run->lock);
    run->is_released = true;
    unlock_and_free_if(run, run->has_ended);
}

static void prewarm(void *self)
{
    const system_model *model = self;
    if (model->prewarm != NULL)
        model->prewarm(model->user);
}

static void free_engine(void *self)
{
    (void)self; /* the app's */
}

static const amphi_engine_ops ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "system",
    .describe = describe,
    .start = start,
    .cancel = cancel,
    .release = release,
    .prewarm = prewarm,
    .free = free_engine,
};

amphi_engine system_engine(const system_model *model)
{
    amphi_engine engine = {&ops, (void *)model};
    return engine;
}
