/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers in OpenAI's dialect that come in one piece, refusals, and what is no answer.
 */
#include "remote/dialect_openai.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/dialect_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DIALECT amphi__dialect_openai

static const char whole_answer[] =
    "\n {\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m-2\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"All of it.\",\"reasoning_content\":\"Hm.\","
    "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"arguments\":"
    "\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}"
    "\"}}]},"
    "\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n";

static void feed_whole(engine_recorder *record, int http_status, amphi_str body, const char *prefix)
{
    static const amphi_http_header json[] = {{{"content-type", 12}, {"application/json", 16}}};
    amphi_answer *answer = new_answer(&DIALECT, record, prefix);
    DIALECT.answer_headers(answer, http_status, json, 1);
    for (size_t at = 0; at < body.size; at += 7)
        DIALECT.answer_body(answer, amphi__str_slice(body, at, at + 7));
    DIALECT.answer_end(answer, NULL);
    DIALECT.answer_free(answer);
    assert_int_equal(record->terminals, 1);
    assert_int_equal(record->after_terminal, 0);
}

static void answer__in_one_piece_is_understood(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 200, AMPHI_STR(""), NULL);
    assert_int_equal(record.error.status, AMPHI_E_TRUNCATED);
    engine_recorder_reset(&record);
    feed_whole(&record, 200, amphi_str_from(whole_answer), NULL);
    assert_true(record.finished);
    assert_int_equal(record.finish, AMPHI_FINISH_TOOL_CALLS);
    assert_string_equal(record.text.data, "All of it.");
    assert_string_equal(record.reasoning.data, "Hm.");
    assert_string_equal(record.model.data, "m-2");
    assert_int_equal(record.usage.completion_tokens, 4);
    assert_string_equal(record.tool_calls.data,
        "[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":"
        "\"{}\"}},{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\","
        "\"arguments\":\"{}\"}}]\n");
    engine_recorder_clear(&record);
}

/* Not even names or arguments have to differ. */
static void answer__in_one_piece_has_as_many_calls_as_elements(void **state)
{
    static const char body[] =
        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}},"
        "{\"function\":{\"name\":\"f\"}}]},\"finish_reason\":\"tool_calls\"}]}";
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 200, amphi_str_from(body), NULL);
    assert_true(record.finished);
    assert_string_equal(record.tool_calls.data,
        "[{\"index\":0,\"id\":\"call_0\",\"function\":{\"name\":\"f\"}},"
        "{\"index\":1,\"id\":\"call_1\",\"function\":{\"name\":\"f\"}}]\n");
    engine_recorder_clear(&record);
}

static void answer__in_one_piece_cut_anywhere_is_no_success(void **state)
{
    for (size_t cut = 0; cut < sizeof whole_answer - 2; cut++) {
        engine_recorder record;
        engine_recorder_init(&record);
        feed_whole(&record, 200, amphi_str_make(whole_answer, cut), NULL);
        assert_false(record.finished);
        assert_int_equal(record.text.size, 0);
        engine_recorder_clear(&record);
    }
}

static void answer__error_object_under_http_200_fails(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 200,
        AMPHI_STR(
            "{\"error\":{\"code\":\"context_length_exceeded\",\"type\":\"invalid_request_error\","
            "\"message\":\"maximum context length\"}}"),
        false);
    assert_int_equal(record.error.status, AMPHI_E_CONTEXT_LENGTH);
    engine_recorder_clear(&record);
}

static void answer__web_page_is_no_answer(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 200, AMPHI_STR("  <html>Sign in</html>"), NULL);
    assert_int_equal(record.error.status, AMPHI_E_PROTOCOL);
    engine_recorder_clear(&record);
}

static void answer__refusal_is_explained_also_when_its_body_is_cut_or_huge(void **state)
{
    engine_recorder record;
    engine_recorder_init(&record);
    feed_whole(&record, 429, AMPHI_STR("{\"error\":{\"code\":\"rate_limit_exceeded\"}}"), NULL);
    assert_int_equal(record.error.status, AMPHI_E_RATE_LIMITED);
    assert_int_equal(record.error.native_code, 429);
    assert_non_null(strstr(record.error.message, "rate_limit_exceeded"));
    engine_recorder_reset(&record);
    feed_whole(&record, 429, AMPHI_STR("{\"error\":{\"co"), NULL);
    assert_int_equal(record.error.status, AMPHI_E_RATE_LIMITED);
    engine_recorder_reset(&record);
    size_t size = 300000;
    char *huge = amphi__alloc(size);
    assert_non_null(huge);
    memset(huge, ' ', size);
    feed_whole(&record, 500, amphi_str_make(huge, size), NULL);
    assert_int_equal(record.error.status, AMPHI_E_PROVIDER);
    amphi__free(huge);
    engine_recorder_clear(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__in_one_piece_is_understood),
        cmocka_unit_test(answer__in_one_piece_has_as_many_calls_as_elements),
        cmocka_unit_test(answer__in_one_piece_cut_anywhere_is_no_success),
        cmocka_unit_test(answer__error_object_under_http_200_fails),
        cmocka_unit_test(answer__web_page_is_no_answer),
        cmocka_unit_test(answer__refusal_is_explained_also_when_its_body_is_cut_or_huge),
    };
    return cmocka_run_group_tests_name("unit.remote.dialect_openai_whole", tests, NULL, NULL);
}
