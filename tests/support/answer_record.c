/* SPDX-License-Identifier: Apache-2.0
 *
 * The sink of answer_record.h.
 */
#include "tests/support/answer_record.h"

#include "sdk/core/clock.h"

void answer_record_init(answer_record *record)
{
    memset(record, 0, sizeof *record);
    amphi__mutex_init(&record->mutex);
    amphi__cond_init(&record->changed);
    amphi__buf_init(&record->text, 0);
    amphi__buf_init(&record->reasoning, 0);
    amphi__buf_init(&record->tool_calls, 0);
    amphi__buf_init(&record->model, 0);
    amphi__buf_init(&record->logprobs, 0);
}

void answer_record_clear(answer_record *record)
{
    amphi__buf_clear(&record->text);
    amphi__buf_clear(&record->reasoning);
    amphi__buf_clear(&record->tool_calls);
    amphi__buf_clear(&record->model);
    amphi__buf_clear(&record->logprobs);
    amphi__cond_clear(&record->changed);
    amphi__mutex_clear(&record->mutex);
}

void answer_record_reset(answer_record *record)
{
    answer_record_clear(record);
    answer_record_init(record);
}

static void note(answer_record *record, const amphi_engine_event *event)
{
    record->after_terminal += record->terminals > 0;
    switch (event->kind) {
    case AMPHI_ENGINE_TEXT:
        amphi__buf_append_str(&record->text, event->text);
        if (event->logprobs.size > 0) {
            amphi__buf_append_str(&record->logprobs, event->text);
            amphi__buf_append_str(&record->logprobs, event->logprobs);
            amphi__buf_append_char(&record->logprobs, '\n');
        }
        break;
    case AMPHI_ENGINE_REASONING:
        amphi__buf_append_str(&record->reasoning, event->text);
        break;
    case AMPHI_ENGINE_TOOL_CALL:
        amphi__buf_append_str(&record->tool_calls, event->text);
        amphi__buf_append_char(&record->tool_calls, '\n');
        break;
    case AMPHI_ENGINE_MODEL:
        amphi__buf_append_str(&record->model, event->text);
        break;
    case AMPHI_ENGINE_USAGE:
        record->usages++;
        record->usage = event->usage;
        break;
    case AMPHI_ENGINE_FINISH:
        record->terminals++;
        record->finished = true;
        record->finish = event->finish;
        break;
    case AMPHI_ENGINE_FAIL:
        record->terminals++;
        record->error = *event->error;
        record->prefix_refused = event->prefix_refused;
        break;
    default:
        break;
    }
}

static void on_event(void *self, const amphi_engine_event *event)
{
    answer_record *record = self;
    amphi__mutex_lock(&record->mutex);
    note(record, event);
    amphi__cond_broadcast(&record->changed);
    amphi__mutex_unlock(&record->mutex);
}

amphi_engine_sink answer_record_sink(answer_record *record)
{
    return (amphi_engine_sink){record, on_event};
}

static bool wait_for(answer_record *record, size_t bytes, unsigned timeout_ms)
{
    uint64_t until_us = amphi__clock_us(NULL) + (uint64_t)timeout_ms * 1000;
    amphi__mutex_lock(&record->mutex);
    for (;;) {
        bool met = record->terminals > 0 || record->text.size >= bytes;
        uint64_t now_us = amphi__clock_us(NULL);
        if (met || now_us >= until_us) {
            amphi__mutex_unlock(&record->mutex);
            return met;
        }
        amphi__cond_wait_us(&record->changed, &record->mutex, until_us - now_us);
    }
}

bool answer_record_wait(answer_record *record, unsigned timeout_ms)
{
    return wait_for(record, SIZE_MAX, timeout_ms);
}

bool answer_record_wait_text(answer_record *record, size_t bytes, unsigned timeout_ms)
{
    return wait_for(record, bytes, timeout_ms) && record->text.size >= bytes;
}

void answer_record_write(const answer_record *record, amphi_buf *out)
{
    amphi__buf_append_c(out, "text: ");
    amphi__buf_append_str(out, amphi__buf_str(&record->text));
    amphi__buf_append_c(out, "\nreasoning: ");
    amphi__buf_append_str(out, amphi__buf_str(&record->reasoning));
    amphi__buf_append_c(out, "\ntools: ");
    amphi__buf_append_str(out, amphi__buf_str(&record->tool_calls));
    amphi__buf_append_c(out, "\nmodel: ");
    amphi__buf_append_str(out, amphi__buf_str(&record->model));
    amphi__buf_printf(out, "\nusage: %u of %u %u %u\nterminals %u finish %d status %d refused %d\n",
        record->usages, record->usage.prompt_tokens, record->usage.completion_tokens,
        record->usage.cached_tokens, record->terminals, (int)record->finish,
        (int)record->error.status, record->prefix_refused);
}
