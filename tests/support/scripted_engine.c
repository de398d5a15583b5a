/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread per run; see scripted_engine.h.
 */
#include "tests/support/scripted_engine.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <time.h>

static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER; /* for the last_... of any engine */

struct amphi_engine_run {
    scripted_engine *engine;
    const scripted_step *script;
    amphi_engine_sink sink;
    amphi_thread thread;
    atomic_bool cancelled;
    uint64_t judge_tokens; /* as asked */
    uint32_t judged;
    char prefix[4096];
};

static void send(amphi_engine_run *run, amphi_engine_event event)
{
    run->sink.event(run->sink.self, &event);
}

static void fail(amphi_engine_run *run, amphi_status status, bool prefix_refused)
{
    amphi_error error;
    amphi__fail(&error, status, 0, "the script says %s", amphi_status_name(status));
    send(run, (amphi_engine_event){.kind = AMPHI_ENGINE_FAIL,
                  .error = status != AMPHI_OK ? &error : NULL,
                  .prefix_refused = prefix_refused});
}

static void fail_for_now(amphi_engine_run *run, int retry_after_ms)
{
    amphi_error error;
    amphi__fail(&error, AMPHI_E_RATE_LIMITED, 429, "the script says later");
    error.retry_after_ms = (uint32_t)retry_after_ms;
    send(run, (amphi_engine_event){.kind = AMPHI_ENGINE_FAIL, .error = &error});
}

static void wait_ms(amphi_engine_run *run, int milliseconds)
{
    for (int i = 0; i < milliseconds && !atomic_load(&run->cancelled); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static amphi_str without_prefix(const amphi_engine_run *run, const char *text)
{
    amphi_str whole = amphi_str_from(text);
    amphi_str prefix = amphi_str_from(run->prefix);
    return amphi__str_starts_with(whole, prefix) ? amphi__str_slice(whole, prefix.size, whole.size)
                                                 : whole;
}

static void send_token(amphi_engine_run *run, const char *text, int number)
{
    char logprobs[256];
    snprintf(logprobs, sizeof logprobs, "[{\"token\":\"%s\",\"logprob\":-%d}]", text, number);
    send(run, (amphi_engine_event){.kind = AMPHI_ENGINE_TEXT,
                  .text = amphi_str_from(text),
                  .logprobs = amphi_str_from(logprobs)});
}

static void send_confidence(amphi_engine_run *run, const scripted_step *step)
{
    if (run->judge_tokens == 0)
        return; /* not asked for */
    run->judged++;
    send(run, (amphi_engine_event){.kind = AMPHI_ENGINE_CONFIDENCE,
                  .text = amphi_str_from(step->text),
                  .permille = (uint32_t)step->number % 10000,
                  .usage = {.completion_tokens = run->judged},
                  .finish = step->number >= 10000 ? AMPHI_FINISH_STOP : AMPHI_FINISH_NONE});
}

/* false when the run has ended. */
static bool play_step(amphi_engine_run *run, const scripted_step *step)
{
    switch (step->kind) {
    case SCRIPT_SAY:
        send(run,
            (amphi_engine_event){.kind = AMPHI_ENGINE_TEXT, .text = amphi_str_from(step->text)});
        return true;
    case SCRIPT_TOKEN:
        send_token(run, step->text, step->number);
        return true;
    case SCRIPT_CONTINUE:
        send(run, (amphi_engine_event){
                      .kind = AMPHI_ENGINE_TEXT, .text = without_prefix(run, step->text)});
        return true;
    case SCRIPT_REASON:
        send(run, (amphi_engine_event){
                      .kind = AMPHI_ENGINE_REASONING, .text = amphi_str_from(step->text)});
        return true;
    case SCRIPT_TOOL_CALL:
        send(run, (amphi_engine_event){
                      .kind = AMPHI_ENGINE_TOOL_CALL, .text = amphi_str_from(step->text)});
        return true;
    case SCRIPT_EXTRA:
        send(run,
            (amphi_engine_event){.kind = AMPHI_ENGINE_EXTRA, .text = amphi_str_from(step->text)});
        return true;
    case SCRIPT_USAGE:
        send(run, (amphi_engine_event){.kind = AMPHI_ENGINE_USAGE,
                      .usage = {.completion_tokens = (uint32_t)step->number}});
        return true;
    case SCRIPT_PROGRESS:
        send(run, (amphi_engine_event){.kind = AMPHI_ENGINE_PROGRESS,
                      .permille = (uint32_t)step->number,
                      .text = AMPHI_STR("loading the model")});
        return true;
    case SCRIPT_RETRY_LATER:
        fail_for_now(run, step->number);
        return false;
    case SCRIPT_CONFIDENCE:
        send_confidence(run, step);
        return true;
    case SCRIPT_WAIT:
        wait_ms(run, step->number);
        return true;
    case SCRIPT_FINISH:
        send(run, (amphi_engine_event){
                      .kind = AMPHI_ENGINE_FINISH, .finish = (amphi_finish)step->number});
        return false;
    case SCRIPT_REFUSE_PREFIX:
        if (run->prefix[0] == '\0')
            return true;
        fail(run, AMPHI_E_REQUEST, true);
        return false;
    default:
        fail(run, (amphi_status)step->number, false);
        return false;
    }
}

static void play(void *opaque)
{
    amphi_engine_run *run = opaque;
    for (const scripted_step *step = run->script;; step++) {
        if (atomic_load(&run->cancelled)) {
            fail(run, AMPHI_E_CANCELLED, false);
            return;
        }
        if (!play_step(run, step))
            return;
    }
}

static void describe(void *self, amphi_engine_info *out)
{
    *out = ((scripted_engine *)self)->info;
}

static const scripted_step *choose(const scripted_engine *engine, amphi_str body, int before)
{
    for (const scripted_choice *c = engine->choices; c != NULL && c->word != NULL; c++)
        if (amphi__str_find(body, amphi_str_from(c->word)) != SIZE_MAX)
            return c->script;
    return before > 0 && engine->next_script != NULL ? engine->next_script : engine->script;
}

static amphi_status start(void *self, amphi_engine_run **out, const amphi_engine_request *request,
    const amphi_engine_sink *sink, amphi_error *error)
{
    scripted_engine *engine = self;
    *out = NULL;
    int before = atomic_fetch_add(&engine->starts, 1);
    const scripted_step *script = choose(engine, request->body, before);
    pthread_mutex_lock(&last_lock);
    amphi__str_copy_to(engine->last_prefix, sizeof engine->last_prefix, request->prefix);
    amphi__str_copy_to(engine->last_body, sizeof engine->last_body, request->body);
    amphi__str_copy_to(engine->last_key, sizeof engine->last_key, request->idempotency_key);
    engine->last_judge_tokens = request->judge_tokens;
    pthread_mutex_unlock(&last_lock);
    if (script->kind == SCRIPT_REFUSE_START)
        return amphi__fail(error, (amphi_status)script->number, 0, "the script refuses to start");
    amphi_engine_run *run = amphi__calloc(1, sizeof *run);
    if (run == NULL)
        return amphi__fail_no_memory(error);
    run->engine = engine;
    run->script = script;
    run->judge_tokens = request->judge_tokens;
    run->sink = *sink;
    amphi__str_copy_to(run->prefix, sizeof run->prefix, request->prefix);
    atomic_fetch_add(&engine->running, 1);
    if (amphi__thread_start(&run->thread, "script", play, run) != AMPHI_OK) {
        atomic_fetch_sub(&engine->running, 1);
        amphi__free(run);
        return amphi__fail_no_memory(error);
    }
    *out = run;
    return AMPHI_OK;
}

static void cancel(void *self, amphi_engine_run *run)
{
    atomic_store(&run->cancelled, true);
}

static void release(void *self, amphi_engine_run *run)
{
    cancel(self, run);
    amphi__thread_join(&run->thread);
    atomic_fetch_sub(&run->engine->running, 1);
    amphi__free(run);
}

static amphi_status count_tokens(void *self, amphi_str body, uint32_t *out)
{
    scripted_engine *engine = self;
    atomic_fetch_add(&engine->counts, 1);
    if (engine->tokens == 0)
        return AMPHI_E_BUSY;
    *out = engine->tokens;
    return AMPHI_OK;
}

static void free_engine(void *self)
{
}

static const amphi_engine_ops ops = {
    .struct_size = sizeof(amphi_engine_ops),
    .name = "scripted",
    .describe = describe,
    .start = start,
    .cancel = cancel,
    .release = release,
    .count_tokens = count_tokens,
    .free = free_engine,
};

void scripted_engine_init(
    scripted_engine *engine, const char *name, amphi_engine_kind kind, const scripted_step *script)
{
    memset(engine, 0, sizeof *engine);
    engine->info.struct_size = sizeof engine->info;
    engine->info.kind = kind;
    engine->info.available = true;
    engine->info.ready = true;
    engine->info.prefix = AMPHI_UNKNOWN;
    engine->info.tools = true;
    engine->info.context_tokens_max = 4096;
    amphi__str_copy_to(engine->info.name, sizeof engine->info.name, amphi_str_from(name));
    amphi__str_copy_to(engine->info.model, sizeof engine->info.model, AMPHI_STR("script-1"));
    engine->script = script;
}

amphi_engine scripted_engine_value(scripted_engine *engine)
{
    return (amphi_engine){&ops, engine};
}
