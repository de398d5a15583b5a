/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a run, and turning the engine's reports about it into events.
 */
#include "local/run.h"

#include "local/limits.h"
#include "local/text/logprobs_record.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <time.h>
#include <unistd.h>

enum {
    THREADS_DEFAULT_MAX = 4,
    LOGPROBS_WAITING_MAX = 8 << 20 /* behind that much, no text will come any more */
};

uint32_t amphi__threads_default(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX : (uint32_t)cores;
}

static uint32_t smaller_of(uint32_t value, uint32_t bound)
{
    return bound != 0 && bound < value ? bound : value;
}

amphi_status amphi__run_new(amphi_engine_run **out, const amphi_engine_request *source,
    const amphi_engine_sink *sink, uint32_t threads, uint32_t context_tokens, amphi_error *error)
{
    amphi_engine_request own;
    const amphi_engine_request *request = &own;
    *out = NULL;
    amphi_status status = AMPHI__SIZED_READ(amphi_engine_request, &own, source, "request", error);
    if (status != AMPHI_OK)
        return status;
    if (request->body.size > AMPHI_LOCAL_BODY_MAX ||
        request->prefix.size > AMPHI_LOCAL_PREFIX_MAX) {
        return amphi__fail(error, AMPHI_E_LIMIT, 0,
            "the request is too long for the local engine (%u KiB at most)",
            AMPHI_LOCAL_BODY_MAX >> 10);
    }
    amphi_engine_run *run = amphi__calloc(1, sizeof *run);
    if (run == NULL)
        return amphi__fail_no_memory(error);
    amphi__buf_init(&run->logprobs, LOGPROBS_WAITING_MAX);
    run->body = amphi__str_copy(request->body);
    run->prefix = amphi__str_copy(request->prefix);
    if (run->body == NULL || run->prefix == NULL) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    run->body_size = request->body.size;
    run->prefix_size = request->prefix.size;
    run->sink = *sink;
    run->threads = smaller_of(threads, request->threads_max);
    run->context_tokens = smaller_of(context_tokens, request->context_tokens_max);
    run->plain_kernels = request->plain_kernels;
    run->tokens_per_second_max =
        request->tokens_per_second_max > 0 ? request->tokens_per_second_max : 0;
    run->judge_tokens = request->judge_tokens < AMPHI_JUDGED_TOKENS_MAX
                            ? (uint32_t)request->judge_tokens
                            : AMPHI_JUDGED_TOKENS_MAX;
    *out = run;
    run = NULL; /* the caller owns it now */
cleanup:
    amphi__run_free(run);
    return status;
}

void amphi__run_free(amphi_engine_run *run)
{
    if (run == NULL)
        return;
    amphi__free(run->body);
    amphi__free(run->prefix);
    amphi__buf_clear(&run->logprobs);
    amphi__run_judge_clear(run);
    amphi__free(run);
}

int64_t amphi__run_now_s(void)
{
    time_t now = (time_t)(amphi__clock_wall_ms(NULL) / 1000);
    struct tm civil;
    return localtime_r(&now, &civil) != NULL ? (int64_t)now + civil.tm_gmtoff : (int64_t)now;
}

bool amphi__run_text(amphi_engine_run *run, amphi_engine_event_kind kind, amphi_str text)
{
    amphi_engine_event event = {.kind = kind, .text = text};
    run->text_bytes += text.size;
    if (kind == AMPHI_ENGINE_TEXT && run->logprobs.size > 0) {
        amphi__buf_append_char(&run->logprobs, ']');
        if (run->logprobs.status == AMPHI_OK)
            event.logprobs = amphi__buf_str(&run->logprobs);
    }
    run->sink.event(run->sink.self, &event);
    if (kind == AMPHI_ENGINE_TEXT)
        amphi__buf_reset(&run->logprobs);
    return run->text_bytes <= AMPHI_LOCAL_ANSWER_MAX;
}

void amphi__run_abandoned_error(const amphi_engine_run *run, amphi_error *out)
{
    if (run->evicted)
        amphi__fail(out, AMPHI_E_RESOURCE, 0, "the local answer was stopped to free memory");
    else
        amphi__fail(out, AMPHI_E_CANCELLED, 0, "the request was cancelled");
}

bool amphi__run_logprobs(amphi_engine_run *run, amphi_str record)
{
    amphi__buf_append_char(&run->logprobs, run->logprobs.size == 0 ? '[' : ',');
    amphi__logprobs_record_write(&run->logprobs, record);
    return run->logprobs.status != AMPHI_E_LIMIT;
}

void amphi__run_usage(amphi_engine_run *run, const amphi_usage *usage)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_USAGE, .usage = *usage};
    run->sink.event(run->sink.self, &event);
}

void amphi__run_progress(amphi_engine_run *run, uint32_t permille, const char *phase)
{
    const amphi_engine_event event = {
        .kind = AMPHI_ENGINE_PROGRESS, .permille = permille, .text = amphi_str_from(phase)};
    run->sink.event(run->sink.self, &event);
}

void amphi__run_model(amphi_engine_run *run, const char *name)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_MODEL, .text = amphi_str_from(name)};
    run->sink.event(run->sink.self, &event);
}
