/* SPDX-License-Identifier: Apache-2.0
 *
 * The outcome of a request, as a struct and as the JSON that `amphi ask --json` prints and the
 * history keeps.
 */
#include "sdk/client/extra_fields.h"
#include "sdk/client/stream.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <math.h>
#include <stdio.h>

void amphi__stream_fill_result(const amphi_stream *stream, amphi_chat_result *out)
{
    amphi_chat_result_init(out);
    out->text = amphi__buf_str(&stream->text);
    out->reasoning = amphi__buf_str(&stream->reasoning);
    out->tool_calls_json = amphi__buf_str(&stream->tool_calls);
    out->logprobs_json = amphi__buf_str(&stream->logprobs);
    out->route = amphi_str_from(stream->route);
    out->model = amphi_str_from(stream->model);
    out->takeovers = stream->takeovers;
    out->takeovers_count = stream->takeovers_count;
    out->cache_hit = stream->cache_hit;
    out->cache_match = stream->cache_match;
    out->cache_score = stream->cache_score;
    out->cache_question = amphi_str_from(stream->cache_question);
    out->cache_is_stale = stream->cache_is_stale;
    out->finish = stream->finish;
    out->usage = stream->usage;
    if (stream->first_token_us > 0)
        out->first_token_ms = (uint32_t)((stream->first_token_us - stream->started_us) / 1000);
    out->total_ms = (uint32_t)((stream->ended_us - stream->started_us) / 1000);
    out->decision = &stream->plan.decision;
    out->error = stream->error.status != AMPHI_OK ? &stream->error : NULL;
    out->provider = out->error != NULL && stream->has_provider ? &stream->provider : NULL;
    out->extra_json = amphi__buf_str(&stream->extra);
    out->privacy = stream->privacy.turn;
    out->turns_omitted = stream->privacy.omitted_turns;
    out->outbox_before = stream->outbox_before;
    out->cost = stream->cost.microdollars;
    out->cost_source = stream->cost.source;
    out->judge = amphi_str_from(stream->confidence.judge);
    out->judged_tokens = stream->confidence.tokens;
    out->judged_right = (float)stream->confidence.right_permille / 1000;
    out->judged_right_min = (float)stream->confidence.right_min_permille / 1000;
    out->judged_moved = stream->confidence.was_moved;
    out->exposures = stream->plan.exposures_count > 0 ? stream->plan.exposures : NULL;
    out->exposures_count = stream->plan.exposures_count;
    out->inputs_json = amphi__buf_str(&stream->inputs);
    out->energy_joules = stream->energy.joules;
    out->energy_source = amphi_str_from(stream->energy.source);
    out->history_error = stream->history_error.status != AMPHI_OK ? &stream->history_error : NULL;
}

void amphi__record_privacy(amphi_json_writer *writer, amphi_privacy privacy, uint32_t turns_omitted)
{
    amphi__json_put_str(writer, "privacy", amphi_str_from(amphi_privacy_name(privacy)));
    amphi__json_put_int(writer, "turns_omitted", turns_omitted);
}

/* null: unknown, which is not 0. */
static void put_dollars(amphi_json_writer *writer, const char *key, uint64_t microdollars)
{
    if (microdollars == AMPHI_COST_UNKNOWN)
        amphi__json_put_null(writer, key);
    else
        amphi__json_put_number(writer, key, (double)microdollars / 1e6);
}

/* What is known of a route in numbers: dollars per million tokens; how its recent answers came. */
static void put_figures(amphi_json_writer *writer, const amphi_decision_entry *entry)
{
    if (entry->price_prompt == AMPHI_COST_UNKNOWN) {
        amphi__json_put_null(writer, "price");
    } else {
        amphi__json_open(writer, "price", '{');
        put_dollars(writer, "prompt", entry->price_prompt);
        put_dollars(writer, "cached", entry->price_cached);
        put_dollars(writer, "completion", entry->price_completion);
        amphi__json_close(writer, '}');
    }
    put_dollars(writer, "estimate_usd", entry->estimate);
    if (entry->answer_tokens > 0)
        amphi__json_put_int(writer, "answer_tokens", entry->answer_tokens);
    if (entry->answers == 0)
        return;
    amphi__json_put_int(writer, "answers", entry->answers);
    if (entry->first_token_ms > 0)
        amphi__json_put_int(writer, "first_token_ms", entry->first_token_ms);
    if (entry->tokens_per_second > 0)
        amphi__json_put_number(
            writer, "tokens_per_second", round((double)entry->tokens_per_second * 10) / 10);
}

static void put_reasons(amphi_json_writer *writer, uint64_t reasons)
{
    amphi__json_open(writer, "reasons", '[');
    for (unsigned r = AMPHI_REASON_OK + 1; r < AMPHI_REASON_COUNT; r++)
        if ((reasons >> r & 1) != 0)
            amphi__json_put_str(writer, NULL, amphi_str_from(amphi_reason_name((amphi_reason)r)));
    amphi__json_close(writer, ']');
}

/* What was turned down before the route would have been left out. */
static void put_turned_down(amphi_json_writer *writer, uint32_t bits)
{
    static const char *const names[] = {
        "fewer_threads", "slower_pace", "shorter_context", "shorter_answer", "plain_kernels"};
    if (bits == 0)
        return;
    amphi__json_open(writer, "turned_down", '[');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((bits >> i & 1) != 0)
            amphi__json_put_str(writer, NULL, amphi_str_from(names[i]));
    amphi__json_close(writer, ']');
}

void amphi__record_decision(amphi_json_writer *writer, const char *key, const amphi_decision *d)
{
    amphi__json_open(writer, key, '[');
    for (size_t i = 0; i < d->entries_count; i++) {
        const amphi_decision_route *route = &d->entries[i].route;
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "route", amphi_str_from(route->route));
        amphi__json_put_bool(writer, "kept", route->kept);
        amphi__json_put_str(writer, "reason", amphi_str_from(amphi_reason_name(route->reason)));
        amphi__json_put_str(writer, "why", amphi_str_from(route->why));
        put_reasons(writer, d->entries[i].reasons);
        put_turned_down(writer, d->entries[i].turned_down);
        if (d->entries[i].also[0] != '\0')
            amphi__json_put_str(writer, "also", amphi_str_from(d->entries[i].also));
        put_figures(writer, &d->entries[i]);
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
}

void amphi__record_totals(amphi_json_writer *writer, const amphi_decision *d)
{
    amphi__json_open(writer, "tokens", '{');
    amphi__json_put_int(writer, "prompt", d->prompt_tokens);
    amphi__json_put_int(writer, "tools", d->tool_tokens);
    amphi__json_close(writer, '}');
    amphi__json_open(writer, "today", '{');
    put_dollars(writer, "spent_usd", d->spent_today);
    put_dollars(writer, "reserved_usd", d->reserved_now);
    put_dollars(writer, "max_usd", d->day_max > 0 ? d->day_max : AMPHI_COST_UNKNOWN);
    amphi__json_put_int(writer, "unknown_answers", d->spent_unknown);
    amphi__json_put_int(writer, "estimated_answers", d->spent_estimated);
    amphi__json_put_int(writer, "metered_bytes", (int64_t)d->metered_bytes);
    amphi__json_close(writer, '}');
}

/* "rolled back: crash 4 of 9 against 1 of 200" */
static void put_rollback(amphi_json_writer *writer, const amphi_rollout_exposure *exposure)
{
    char words[AMPHI_ROLLBACK_WORDS_MAX];
    const amphi_rollback_verdict why = {.kind = (amphi_rollback_kind)exposure->rolled_back,
        .failed = exposure->rolled_back_failed,
        .of = exposure->rolled_back_of,
        .control_failed = exposure->control_failed,
        .control_of = exposure->control_of};
    if (exposure->rolled_back == AMPHI_ROLLBACK_NONE)
        return;
    amphi__rollback_words(words, &why);
    amphi__json_put_str(writer, "rolled_back", amphi_str_from(words));
}

/* Which features of the remote config steered this answer, and by which rule. */
static void put_rollout(amphi_json_writer *writer, const amphi_chat_result *result)
{
    if (result->exposures_count == 0)
        return;
    amphi__json_open(writer, "rollout", '[');
    for (size_t i = 0; i < result->exposures_count; i++) {
        const amphi_rollout_exposure *exposure = &result->exposures[i];
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "feature", amphi_str_from(exposure->feature));
        amphi__json_put_str(writer, "rule", amphi_str_from(exposure->rule));
        if (exposure->variation >= 0) {
            amphi__json_put_str(writer, "experiment", amphi_str_from(exposure->experiment));
            amphi__json_put_int(writer, "variation", exposure->variation);
        }
        if (exposure->version > 0)
            amphi__json_put_int(writer, "version", (int64_t)exposure->version);
        amphi__json_put_str(writer, "payload", amphi_str_from(exposure->payload));
        put_rollback(writer, exposure);
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
}

static void put_cost(amphi_json_writer *writer, const amphi_chat_result *result)
{
    amphi__json_open(writer, "cost", '{');
    put_dollars(writer, "usd", result->cost);
    amphi__json_put_str(
        writer, "source", amphi_str_from(amphi__cost_source_name(result->cost_source)));
    amphi__json_close(writer, '}');
}

static void put_energy(amphi_json_writer *writer, const amphi_chat_result *result)
{
    if (result->energy_source.size == 0)
        return;
    amphi__json_open(writer, "energy", '{');
    amphi__json_put_number(writer, "joules", round(result->energy_joules * 1e3) / 1e3);
    amphi__json_put_str(writer, "source", result->energy_source);
    amphi__json_close(writer, '}');
}

static void put_confidence(amphi_json_writer *writer, const amphi_chat_result *result)
{
    if (result->judge.size == 0)
        return;
    amphi__json_open(writer, "confidence", '{');
    amphi__json_put_str(writer, "judge", result->judge);
    amphi__json_put_number(writer, "right", round((double)result->judged_right * 1e3) / 1e3);
    amphi__json_put_number(
        writer, "right_min", round((double)result->judged_right_min * 1e3) / 1e3);
    amphi__json_put_int(writer, "tokens", result->judged_tokens);
    amphi__json_put_bool(writer, "moved", result->judged_moved);
    amphi__json_close(writer, '}');
}

static void put_takeovers(amphi_json_writer *writer, const amphi_chat_result *result)
{
    amphi__json_open(writer, "takeovers", '[');
    for (size_t i = 0; i < result->takeovers_count; i++) {
        const amphi_takeover *t = &result->takeovers[i];
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "from", amphi_str_from(t->from));
        amphi__json_put_str(writer, "to", amphi_str_from(t->to));
        amphi__json_put_str(writer, "reason", amphi_str_from(amphi_status_name(t->reason)));
        amphi__json_put_int(writer, "byte_offset", (int64_t)t->byte_offset);
        amphi__json_put_str(
            writer, "mode", t->continued ? AMPHI_STR("continued") : AMPHI_STR("restarted"));
        amphi__json_put_str(writer, "why", amphi_str_from(t->why));
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
}

/* Whose words the answer is, where they are two routes'. */
static void put_authors(amphi_json_writer *writer, const amphi_chat_result *result)
{
    const amphi_takeover *joined = NULL;
    char words[3 * AMPHI_NAME_MAX];
    for (size_t i = 0; i < result->takeovers_count; i++) {
        const amphi_takeover *t = &result->takeovers[i];
        bool is_joined = t->continued && t->byte_offset > 0;
        joined = is_joined ? (joined != NULL ? joined : t) : NULL;
    }
    if (joined == NULL || result->text.size == 0)
        return;
    const amphi_takeover *last = &result->takeovers[result->takeovers_count - 1];
    snprintf(words, sizeof words, "begun by %s, continued by %s; no cache keeps it", joined->from,
        last->to);
    amphi__json_put_str(writer, "authors", amphi_str_from(words));
}

static void put_cache_match(amphi_json_writer *writer, const amphi_chat_result *result)
{
    static const char *const names[] = {"none", "exact", "folded", "near"};
    amphi__json_open(writer, "cache_match", '{');
    amphi__json_put_str(writer, "kind", amphi_str_from(names[result->cache_match]));
    amphi__json_put_number(writer, "score", round((double)result->cache_score * 1e4) / 1e4);
    amphi__json_put_str(writer, "question", result->cache_question);
    amphi__json_put_bool(writer, "stale", result->cache_is_stale);
    amphi__json_close(writer, '}');
}

/* It may quote the question: for the caller's eyes, never for the history. */
static void put_provider(amphi_json_writer *writer, const amphi_provider_error *provider)
{
    amphi__json_open(writer, "provider", '{');
    amphi__json_put_int(writer, "http_status", provider->http_status);
    amphi__json_put_str(writer, "message", amphi_str_from(provider->message));
    amphi__json_put_str(writer, "type", amphi_str_from(provider->type));
    amphi__json_put_str(writer, "code", amphi_str_from(provider->code));
    amphi__json_put_str(writer, "param", amphi_str_from(provider->param));
    amphi__json_put_str(writer, "request_id", amphi_str_from(provider->request_id));
    amphi__json_close(writer, '}');
}

static void put_error(amphi_json_writer *writer, const char *key, const amphi_error *error)
{
    if (error == NULL) {
        amphi__json_put_null(writer, key);
        return;
    }
    amphi__json_open(writer, key, '{');
    amphi__json_put_str(writer, "status", amphi_str_from(amphi_status_name(error->status)));
    amphi__json_put_str(writer, "message", amphi_str_from(error->message));
    amphi__json_put_int(writer, "retry_after_ms", error->retry_after_ms);
    amphi__json_close(writer, '}');
}

bool amphi__record_is_counted(const amphi_chat_result *result)
{
    return result->usage.prompt_tokens > 0 || result->usage.completion_tokens > 0 ||
           (result->extra_json.size > 0 &&
               amphi__extra_fields_has(result->extra_json, "chunk", "usage"));
}

static void put_usage(amphi_json_writer *writer, const amphi_chat_result *result)
{
    if (!amphi__record_is_counted(result))
        return;
    amphi__json_open(writer, "usage", '{');
    amphi__json_put_int(writer, "prompt_tokens", result->usage.prompt_tokens);
    amphi__json_put_int(writer, "completion_tokens", result->usage.completion_tokens);
    amphi__json_put_int(writer, "cached_tokens", result->usage.cached_tokens);
    amphi__json_close(writer, '}');
}

amphi_status amphi__record_result_json(const amphi_chat_result *result, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "text", result->text);
    if (result->reasoning.size > 0)
        amphi__json_put_str(&writer, "reasoning", result->reasoning);
    if (result->tool_calls_json.size > 0)
        amphi__json_put_raw(&writer, "tool_calls", result->tool_calls_json);
    amphi__json_put_str(&writer, "route", result->route);
    amphi__json_put_str(&writer, "model", result->model);
    put_takeovers(&writer, result);
    put_authors(&writer, result);
    put_confidence(&writer, result);
    amphi__json_put_str(&writer, "cache", result->cache_hit ? AMPHI_STR("hit") : AMPHI_STR("miss"));
    if (result->cache_hit)
        put_cache_match(&writer, result);
    amphi__json_put_str(
        &writer, "finish_reason", amphi_str_from(amphi_finish_name(result->finish)));
    put_usage(&writer, result);
    put_cost(&writer, result);
    put_energy(&writer, result);
    amphi__json_open(&writer, "timing", '{');
    amphi__json_put_int(&writer, "first_token_ms", result->first_token_ms);
    amphi__json_put_int(&writer, "total_ms", result->total_ms);
    amphi__json_close(&writer, '}');
    amphi__record_privacy(&writer, result->privacy, result->turns_omitted);
    if (result->outbox_before > 0)
        amphi__json_put_int(&writer, "outbox_before", result->outbox_before);
    amphi__record_decision(&writer, "decision", result->decision);
    if (result->inputs_json.size > 0)
        amphi__json_put_raw(&writer, "inputs", result->inputs_json);
    put_rollout(&writer, result);
    put_error(&writer, "error", result->error);
    if (result->provider != NULL)
        put_provider(&writer, result->provider);
    if (result->history_error != NULL)
        put_error(&writer, "history_error", result->history_error);
    amphi__json_close(&writer, '}');
    return out->status;
}

amphi_status amphi_stream_result(amphi_stream *stream, amphi_chat_result *out, amphi_error *error)
{
    amphi__error_clear(error);
    if (stream == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "stream is NULL");
    amphi_status status = AMPHI__SIZED_CHECK(amphi_chat_result, out, "out", error);
    if (status != AMPHI_OK)
        return status;
    if (!stream->terminal_taken)
        return amphi__fail(error, AMPHI_E_BUSY, 0,
            "the request is still running: pull events until the terminal one");
    amphi_chat_result own;
    amphi__stream_fill_result(stream, &own);
    AMPHI__SIZED_WRITE(out, &own);
    return AMPHI_OK;
}

amphi_status amphi_stream_result_json(amphi_stream *stream, char **out, amphi_error *error)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_buf json;
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_status status = amphi_stream_result(stream, &result, error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&json, 0);
    amphi__record_result_json(&result, &json);
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
