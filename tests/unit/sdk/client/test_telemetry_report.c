/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said of a request, and what never is.
 */
#include "sdk/client/telemetry_report.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CANARY "canary-of-a-report"

static amphi_telemetry_metrics metrics;

static char *span_of(const amphi_telemetry_report *report)
{
    amphi_buf out;
    amphi_json_writer writer;
    amphi__buf_init(&out, 0);
    amphi__json_writer_init(&writer, &out);
    amphi__telemetry_report_span(report, &writer);
    assert_int_equal(out.status, AMPHI_OK);
    return amphi__buf_take(&out);
}

static void expect(const char *text, const char *part, bool is_there)
{
    if ((strstr(text, part) != NULL) != is_there)
        fail_msg("%s %s in %s", part, is_there ? "is not" : "is", text);
}

static void report__says_no_text_of_any_kind(void **state)
{
    static const amphi_takeover taken = {
        .from = "work", .to = "local", .reason = AMPHI_E_TIMEOUT, .why = CANARY};
    amphi_chat_result result;
    amphi_error error;
    amphi_chat_result_init(&result);
    amphi__fail(&error, AMPHI_E_REQUEST, 0, "%s", CANARY);
    result.text = result.reasoning = result.tool_calls_json = AMPHI_STR(CANARY);
    result.logprobs_json = result.cache_question = result.extra_json = AMPHI_STR(CANARY);
    result.inputs_json = AMPHI_STR(CANARY);
    result.route = AMPHI_STR("local");
    result.takeovers = &taken;
    result.takeovers_count = 1;
    result.error = &error;
    result.cost = 12;
    result.usage = (amphi_usage){.prompt_tokens = 7, .completion_tokens = 9};
    amphi_telemetry_report report = {.result = &result,
        .request_model = AMPHI_STR("m"),
        .mode = AMPHI_MODE_AUTO,
        .kind = AMPHI_ENGINE_LOCAL,
        .ended_ns = 5000000000};
    char *span = span_of(&report);
    expect(span, CANARY, false);
    expect(span, "\"name\":\"chat m\"", true);
    expect(span, "\"code\":2", true);
    expect(span, "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"request\"}}", true);
    expect(span, "{\"key\":\"gen_ai.usage.output_tokens\",\"value\":{\"intValue\":\"9\"}}", true);
    expect(span,
        "\"amphi.takeover.reasons\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":"
        "\"timeout\"}]}}",
        true);
    amphi__free(span);
    memset(&metrics, 0, sizeof metrics);
    amphi__telemetry_report_metrics(&report, &metrics);
    for (size_t i = 0; i < metrics.count; i++)
        expect(metrics.series[i].attributes, CANARY, false);
    assert_int_equal(metrics.count, 4); /* duration, two of tokens, a takeover */
}

static void report__names_from_outside_are_plain_and_short(void **state)
{
    static const char *const odd[] = {"a\nb", "\xc3\xa4", "a b",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        amphi_chat_result result;
        amphi_chat_result_init(&result);
        result.model = amphi_str_from(odd[i]);
        result.cost = AMPHI_COST_UNKNOWN;
        amphi_telemetry_report report = {.result = &result, .request_model = result.model};
        char *span = span_of(&report);
        expect(span, odd[i], false);
        expect(span, "\"name\":\"chat other\"", true);
        expect(span, "microdollars", false);
        amphi__free(span);
    }
}

static void report__is_none_of_what_stays_here(void **state)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_true(amphi__telemetry_may_report(&result, AMPHI_MODE_AUTO, false));
    assert_false(amphi__telemetry_may_report(&result, AMPHI_MODE_AUTO, true));
    assert_false(amphi__telemetry_may_report(&result, AMPHI_MODE_ONLY_LOCAL, false));
    for (int p = AMPHI_PRIVACY_NONE + 1; p <= AMPHI_PRIVACY_PRIVATE; p++) {
        result.privacy = (amphi_privacy)p;
        assert_false(amphi__telemetry_may_report(&result, AMPHI_MODE_AUTO, false));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report__says_no_text_of_any_kind),
        cmocka_unit_test(report__names_from_outside_are_plain_and_short),
        cmocka_unit_test(report__is_none_of_what_stays_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
