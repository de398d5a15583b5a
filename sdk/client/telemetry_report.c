/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes: OpenTelemetry's semantic conventions for generative AI ("gen_ai.*", "error.type"),
 * and "amphi.*" for what they have no word for. An error is its kind alone: a provider's own
 * message may quote the prompt.
 */
#include "sdk/client/telemetry_report.h"

#include "sdk/core/crypto.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define TEXT_MAX         64u
#define SPAN_KIND_CLIENT 3
#define STATUS_ERROR     2

bool amphi__telemetry_may_report(const amphi_chat_result *result, amphi_mode mode, bool is_private)
{
    return !is_private && mode != AMPHI_MODE_ONLY_LOCAL && result->privacy == AMPHI_PRIVACY_NONE;
}

/* ---- attributes ---- */

/* A name from outside: bounded, visible ASCII; anything else is "other". */
static amphi_str plain(amphi_str text)
{
    bool is_plain = text.size <= TEXT_MAX && amphi__str_is_visible_ascii(text);
    return text.size == 0 || is_plain ? text : AMPHI_STR("other");
}

static void put_text(amphi_json_writer *writer, const char *key, amphi_str value)
{
    if (value.size == 0)
        return;
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "key", amphi_str_from(key));
    amphi__json_open(writer, "value", '{');
    amphi__json_put_str(writer, "stringValue", value);
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

static void put_whole(amphi_json_writer *writer, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "key", amphi_str_from(key));
    amphi__json_open(writer, "value", '{');
    amphi__json_put_str(writer, "intValue", amphi_str_from(text));
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

static void put_seconds(amphi_json_writer *writer, const char *key, uint32_t ms)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "key", amphi_str_from(key));
    amphi__json_open(writer, "value", '{');
    amphi__json_put_number(writer, "doubleValue", ms / 1000.0);
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

static void put_flag(amphi_json_writer *writer, const char *key, bool value)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "key", amphi_str_from(key));
    amphi__json_open(writer, "value", '{');
    amphi__json_put_bool(writer, "boolValue", value);
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

static void open_list(amphi_json_writer *writer, const char *key)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "key", amphi_str_from(key));
    amphi__json_open(writer, "value", '{');
    amphi__json_open(writer, "arrayValue", '{');
    amphi__json_open(writer, "values", '[');
}

static void put_item(amphi_json_writer *writer, amphi_str value)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "stringValue", value);
    amphi__json_close(writer, '}');
}

static void close_list(amphi_json_writer *writer)
{
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

/* ---- a request ---- */

/* Clouds are spoken to in OpenAI's dialect, which is what this attribute asks for. */
static amphi_str provider_name(const amphi_telemetry_report *report)
{
    return report->kind == AMPHI_ENGINE_CLOUD ? AMPHI_STR("openai") : AMPHI_STR("amphi");
}

static void put_error_type(amphi_json_writer *writer, const amphi_telemetry_report *report)
{
    if (report->result->error != NULL && !report->is_queued)
        put_text(
            writer, "error.type", amphi_str_from(amphi_status_name(report->result->error->status)));
}

/* What every metric of the request has: few values each. */
static void put_common(amphi_json_writer *writer, const amphi_telemetry_report *report)
{
    put_text(writer, "gen_ai.operation.name", AMPHI_STR("chat"));
    put_text(writer, "gen_ai.provider.name", provider_name(report));
    put_text(writer, "gen_ai.request.model", plain(report->request_model));
    put_text(writer, "gen_ai.response.model", plain(report->result->model));
    put_text(writer, "amphi.route", plain(report->result->route));
}

static void put_takeovers(amphi_json_writer *writer, const amphi_chat_result *result)
{
    put_whole(writer, "amphi.takeover.count", result->takeovers_count);
    if (result->takeovers_count == 0)
        return;
    open_list(writer, "amphi.takeover.reasons");
    for (size_t i = 0; i < result->takeovers_count; i++)
        put_item(writer, amphi_str_from(amphi_status_name(result->takeovers[i].reason)));
    close_list(writer);
    open_list(writer, "amphi.takeover.from");
    for (size_t i = 0; i < result->takeovers_count; i++)
        put_item(writer, plain(amphi_str_from(result->takeovers[i].from)));
    close_list(writer);
}

static void put_decision(amphi_json_writer *writer, const amphi_decision *decision)
{
    if (decision == NULL || decision->entries_count == 0)
        return;
    open_list(writer, "amphi.decision.routes");
    for (size_t i = 0; i < decision->entries_count; i++) {
        const amphi_decision_route *route = &decision->entries[i].route;
        char text[AMPHI_NAME_MAX + 64];
        amphi_str name = plain(amphi_str_from(route->route));
        snprintf(text, sizeof text, "%.*s %s: %s", (int)name.size, name.data,
            route->kept ? "kept" : "refused", amphi_reason_name(route->reason));
        put_item(writer, amphi_str_from(text));
    }
    close_list(writer);
    put_text(writer, "amphi.decision.reason",
        amphi_str_from(amphi_reason_name(decision->entries[0].route.reason)));
}

static void put_rollout(amphi_json_writer *writer, const amphi_chat_result *result)
{
    if (result->exposures_count == 0)
        return;
    open_list(writer, "amphi.rollout.exposures");
    for (size_t i = 0; i < result->exposures_count; i++) {
        const amphi_rollout_exposure *e = &result->exposures[i];
        char text[256];
        snprintf(text, sizeof text, "%s rule=%s payload=%s version=%llu", e->feature, e->rule,
            e->payload, (unsigned long long)e->version);
        put_item(writer, amphi_str_from(text));
    }
    close_list(writer);
}

static void put_attributes(amphi_json_writer *writer, const amphi_telemetry_report *report)
{
    const amphi_chat_result *result = report->result;
    put_common(writer, report);
    put_error_type(writer, report);
    if (result->error == NULL) {
        open_list(writer, "gen_ai.response.finish_reasons");
        put_item(writer, amphi_str_from(amphi_finish_name(result->finish)));
        close_list(writer);
    }
    if (result->usage.prompt_tokens > 0)
        put_whole(writer, "gen_ai.usage.input_tokens", result->usage.prompt_tokens);
    if (result->usage.completion_tokens > 0)
        put_whole(writer, "gen_ai.usage.output_tokens", result->usage.completion_tokens);
    if (result->first_token_ms > 0)
        put_seconds(writer, "gen_ai.response.time_to_first_chunk", result->first_token_ms);
    put_text(writer, "amphi.mode", amphi_str_from(amphi_mode_name(report->mode)));
    put_flag(writer, "amphi.cache.hit", result->cache_hit);
    put_flag(writer, "amphi.outbox.queued", report->is_queued);
    if (result->cost != AMPHI_COST_UNKNOWN)
        put_whole(writer, "amphi.cost.microdollars", result->cost);
    put_takeovers(writer, result);
    put_decision(writer, result->decision);
    put_rollout(writer, result);
}

static void put_time(amphi_json_writer *writer, const char *key, uint64_t ns)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)ns);
    amphi__json_put_str(writer, key, amphi_str_from(text));
}

static void put_id(amphi_json_writer *writer, const char *key, const uint8_t *id, size_t size)
{
    char text[33];
    amphi__hex(text, id, size);
    amphi__json_put_str(writer, key, amphi_str_from(text));
}

void amphi__telemetry_report_span(const amphi_telemetry_report *report, amphi_json_writer *writer)
{
    const amphi_chat_result *result = report->result;
    amphi_str model = plain(report->request_model.size > 0 ? report->request_model : result->model);
    char name[TEXT_MAX + 8];
    snprintf(name, sizeof name, "chat%s%.*s", model.size > 0 ? " " : "", (int)model.size,
        model.size > 0 ? model.data : "");
    amphi__json_open(writer, NULL, '{');
    put_id(writer, "traceId", report->trace_id, sizeof report->trace_id);
    put_id(writer, "spanId", report->span_id, sizeof report->span_id);
    amphi__json_put_str(writer, "name", amphi_str_from(name));
    amphi__json_put_int(writer, "kind", SPAN_KIND_CLIENT);
    put_time(writer, "startTimeUnixNano",
        report->ended_ns - (uint64_t)result->total_ms * UINT64_C(1000000));
    put_time(writer, "endTimeUnixNano", report->ended_ns);
    amphi__json_open(writer, "attributes", '[');
    put_attributes(writer, report);
    amphi__json_close(writer, ']');
    amphi__json_open(writer, "status", '{');
    if (result->error != NULL && !report->is_queued)
        amphi__json_put_int(writer, "code", STATUS_ERROR);
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

/* ---- metrics ---- */

/* The common attributes, and one more. */
static void add(amphi_telemetry_metrics *metrics, amphi_telemetry_metric metric,
    const amphi_telemetry_report *report, const char *key, amphi_str value, double number)
{
    amphi_buf text;
    amphi_json_writer writer;
    amphi__buf_init(&text, AMPHI_TELEMETRY_KEY_MAX);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '[');
    put_common(&writer, report);
    if (key != NULL)
        put_text(&writer, key, value);
    amphi__json_close(&writer, ']');
    if (text.status == AMPHI_OK && text.size < AMPHI_TELEMETRY_KEY_MAX)
        amphi__telemetry_metrics_add(metrics, metric, text.data, number, report->ended_ns);
    amphi__buf_clear(&text);
}

void amphi__telemetry_report_metrics(
    const amphi_telemetry_report *report, amphi_telemetry_metrics *metrics)
{
    const amphi_chat_result *result = report->result;
    bool failed = result->error != NULL && !report->is_queued;
    add(metrics, AMPHI_METRIC_DURATION, report, failed ? "error.type" : NULL,
        failed ? amphi_str_from(amphi_status_name(result->error->status)) : AMPHI_STR(""),
        result->total_ms / 1000.0);
    if (result->first_token_ms > 0)
        add(metrics, AMPHI_METRIC_FIRST_CHUNK, report, NULL, AMPHI_STR(""),
            result->first_token_ms / 1000.0);
    if (result->usage.prompt_tokens > 0)
        add(metrics, AMPHI_METRIC_TOKENS, report, "gen_ai.token.type", AMPHI_STR("input"),
            result->usage.prompt_tokens);
    if (result->usage.completion_tokens > 0)
        add(metrics, AMPHI_METRIC_TOKENS, report, "gen_ai.token.type", AMPHI_STR("output"),
            result->usage.completion_tokens);
    for (size_t i = 0; i < result->takeovers_count; i++)
        add(metrics, AMPHI_METRIC_TAKEOVERS, report, "amphi.takeover.reason",
            amphi_str_from(amphi_status_name(result->takeovers[i].reason)), 1);
}
