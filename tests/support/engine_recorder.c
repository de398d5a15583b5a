/* SPDX-License-Identifier: Apache-2.0
 *
 * See engine_recorder.h.
 */
#include "tests/support/engine_recorder.h"

#include "sdk/core/clock.h"

#include <stdio.h>

void engine_recorder_init(engine_recorder *recorder)
{
    memset(recorder, 0, sizeof *recorder);
    amphi__mutex_init(&recorder->mutex);
    amphi__cond_init(&recorder->changed);
    amphi__buf_init(&recorder->text, 0);
    amphi__buf_init(&recorder->reasoning, 0);
    amphi__buf_init(&recorder->tool_calls, 0);
    amphi__buf_init(&recorder->model, 0);
    amphi__buf_init(&recorder->extra, 0);
    amphi__buf_init(&recorder->learned, 0);
    amphi__buf_init(&recorder->logprobs, 0);
}

void engine_recorder_clear(engine_recorder *recorder)
{
    amphi__buf_clear(&recorder->text);
    amphi__buf_clear(&recorder->reasoning);
    amphi__buf_clear(&recorder->tool_calls);
    amphi__buf_clear(&recorder->model);
    amphi__buf_clear(&recorder->extra);
    amphi__buf_clear(&recorder->learned);
    amphi__buf_clear(&recorder->logprobs);
    amphi__cond_clear(&recorder->changed);
    amphi__mutex_clear(&recorder->mutex);
}

void engine_recorder_reset(engine_recorder *recorder)
{
    engine_recorder_clear(recorder);
    engine_recorder_init(recorder);
}

static void record(engine_recorder *recorder, const amphi_engine_event *event)
{
    recorder->after_terminal += recorder->terminals > 0;
    switch (event->kind) {
    case AMPHI_ENGINE_TEXT:
        recorder->texts++;
        amphi__buf_append_str(&recorder->text, event->text);
        if (event->logprobs.size > 0) {
            amphi__buf_append_str(&recorder->logprobs, event->text);
            amphi__buf_append_str(&recorder->logprobs, event->logprobs);
            amphi__buf_append_char(&recorder->logprobs, '\n');
        }
        break;
    case AMPHI_ENGINE_REASONING:
        amphi__buf_append_str(&recorder->reasoning, event->text);
        break;
    case AMPHI_ENGINE_TOOL_CALL:
        amphi__buf_append_str(&recorder->tool_calls, event->text);
        amphi__buf_append_char(&recorder->tool_calls, '\n');
        break;
    case AMPHI_ENGINE_MODEL:
        amphi__buf_append_str(&recorder->model, event->text);
        break;
    case AMPHI_ENGINE_PROGRESS:
        recorder->progress++;
        break;
    case AMPHI_ENGINE_USAGE:
        recorder->usages++;
        recorder->usage = event->usage;
        break;
    case AMPHI_ENGINE_FINISH:
        recorder->terminals++;
        recorder->finished = true;
        recorder->finish = event->finish;
        break;
    case AMPHI_ENGINE_FAIL:
        recorder->terminals++;
        recorder->error = *event->error;
        recorder->prefix_refused = event->prefix_refused;
        recorder->has_provider = event->provider != NULL;
        if (event->provider != NULL)
            recorder->provider = *event->provider;
        recorder->should_retry = event->should_retry;
        recorder->from_outside = event->from_outside;
        recorder->out_of_memory = event->out_of_memory;
        break;
    case AMPHI_ENGINE_EXTRA:
        amphi__buf_append_str(&recorder->extra, event->text);
        amphi__buf_append_char(&recorder->extra, '\n');
        break;
    case AMPHI_ENGINE_LEARNED:
        amphi__buf_reset(&recorder->learned);
        amphi__buf_append_str(&recorder->learned, event->text);
        break;
    case AMPHI_ENGINE_ALIVE:
        recorder->alive++;
        break;
    case AMPHI_ENGINE_CONFIDENCE:
        recorder->confidences++;
        recorder->confidence_permille = event->permille;
        recorder->confidence_is_final = event->finish != AMPHI_FINISH_NONE;
        snprintf(recorder->judge, sizeof recorder->judge, "%.*s", (int)event->text.size,
            event->text.data);
        break;
    }
    recorder->bytes_sent = event->bytes_sent;
    recorder->bytes_received = event->bytes_received;
    if (recorder->terminals > 0 && recorder->terminal_us == 0)
        recorder->terminal_us = amphi__clock_us(NULL);
}

static void on_event(void *self, const amphi_engine_event *event)
{
    engine_recorder *recorder = self;
    amphi__mutex_lock(&recorder->mutex);
    record(recorder, event);
    amphi__cond_broadcast(&recorder->changed);
    amphi__mutex_unlock(&recorder->mutex);
}

amphi_engine_sink engine_recorder_sink(engine_recorder *recorder)
{
    return (amphi_engine_sink){recorder, on_event};
}

/* SIZE_MAX bytes: until the end. Else until so much text is there, or the end came before. */
static bool wait_for(engine_recorder *recorder, size_t bytes, unsigned timeout_ms)
{
    uint64_t until_us = amphi__clock_us(NULL) + (uint64_t)timeout_ms * 1000;
    amphi__mutex_lock(&recorder->mutex);
    while (recorder->terminals == 0 && recorder->text.size < bytes) {
        uint64_t now_us = amphi__clock_us(NULL);
        if (now_us >= until_us)
            break;
        amphi__cond_wait_us(&recorder->changed, &recorder->mutex, until_us - now_us);
    }
    bool met = bytes == SIZE_MAX ? recorder->terminals > 0 : recorder->text.size >= bytes;
    amphi__mutex_unlock(&recorder->mutex);
    return met;
}

bool engine_recorder_wait_end(engine_recorder *recorder, unsigned timeout_ms)
{
    return wait_for(recorder, SIZE_MAX, timeout_ms);
}

bool engine_recorder_wait_text(engine_recorder *recorder, size_t bytes, unsigned timeout_ms)
{
    return wait_for(recorder, bytes, timeout_ms);
}

void engine_recorder_write(const engine_recorder *recorder, amphi_buf *out)
{
    amphi__buf_append_c(out, "text: ");
    amphi__buf_append_str(out, amphi__buf_str(&recorder->text));
    amphi__buf_append_c(out, "\nreasoning: ");
    amphi__buf_append_str(out, amphi__buf_str(&recorder->reasoning));
    amphi__buf_append_c(out, "\ntools: ");
    amphi__buf_append_str(out, amphi__buf_str(&recorder->tool_calls));
    amphi__buf_append_c(out, "\nmodel: ");
    amphi__buf_append_str(out, amphi__buf_str(&recorder->model));
    amphi__buf_printf(out, "\nusage: %u of %u %u %u\nterminals %u finish %d status %d refused %d\n",
        recorder->usages, recorder->usage.prompt_tokens, recorder->usage.completion_tokens,
        recorder->usage.cached_tokens, recorder->terminals, (int)recorder->finish,
        (int)recorder->error.status, recorder->prefix_refused);
}

amphi_status engine_start(amphi_engine engine, amphi_engine_run **out, engine_recorder *recorder,
    const char *body, const char *prefix, float tokens_per_second)
{
    const amphi_engine_sink sink = engine_recorder_sink(recorder);
    const amphi_engine_request request = {.struct_size = sizeof request,
        .body = amphi_str_from(body),
        .prefix = amphi_str_from(prefix),
        .tokens_per_second_max = tokens_per_second};
    return engine.ops->start(engine.self, out, &request, &sink, NULL);
}
