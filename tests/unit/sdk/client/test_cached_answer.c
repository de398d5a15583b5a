/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer that was written as JSON reads back the same, and nothing else reads as one.
 */
#include "sdk/client/cached_answer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const amphi_cached_answer whole = {.text = "\"Ja\"\n\xe4\xbd\xa0",
    .question = "",
    .model = "m",
    .route = "r",
    .identity = "i",
    .usage = {.prompt_tokens = UINT32_MAX, .completion_tokens = 2},
    .took_ms = 3,
    .expires_ms = INT64_C(1) << 50};

static void expect_same(const amphi_cached_answer *a, const amphi_cached_answer *b)
{
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->question, b->question);
    assert_string_equal(a->model, b->model);
    assert_string_equal(a->route, b->route);
    assert_string_equal(a->identity, b->identity);
    assert_int_equal(a->usage.prompt_tokens, b->usage.prompt_tokens);
    assert_int_equal(a->usage.completion_tokens, b->usage.completion_tokens);
    assert_int_equal(a->took_ms, b->took_ms);
    assert_int_equal(a->expires_ms, b->expires_ms);
}

static void answer__reads_back_as_it_was_written(void **state)
{
    amphi_cached_answer back, copy;
    amphi_buf json;
    amphi__buf_init(&json, 0);
    assert_int_equal(amphi__cached_answer_to_json(&whole, &json), AMPHI_OK);
    assert_int_equal(amphi__cached_answer_from_json(&back, amphi__buf_str(&json)), AMPHI_OK);
    expect_same(&back, &whole);
    assert_int_equal(amphi__cached_answer_copy(&copy, &back), AMPHI_OK);
    expect_same(&copy, &whole);
    amphi__cached_answer_clear(&copy);
    amphi__cached_answer_clear(&back);
    amphi__buf_clear(&json);
}

static void answer__nothing_else_is_one(void **state)
{
    static const char *const texts[] = {"", "[]", "{}", "{\"text\":\"a\"}",
        "{\"text\":1,\"question\":\"\",\"model\":\"\",\"route\":\"\",\"identity\":\"\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        amphi_cached_answer out;
        assert_int_equal(
            amphi__cached_answer_from_json(&out, amphi_str_from(texts[i])), AMPHI_E_CORRUPT);
        assert_null(out.text);
    }
}

static void answer__that_is_too_long_is_not_written(void **state)
{
    amphi_cached_answer answer = whole;
    amphi_buf text, json;
    amphi__buf_init(&text, 0);
    amphi__buf_init(&json, 0);
    for (size_t i = 0; i < AMPHI_CACHED_ANSWER_BYTES_MAX; i++)
        amphi__buf_append_char(&text, 'x');
    answer.text = text.data;
    assert_int_equal(amphi__cached_answer_to_json(&answer, &json), AMPHI_E_LIMIT);
    amphi__buf_clear(&json);
    amphi__buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__reads_back_as_it_was_written),
        cmocka_unit_test(answer__nothing_else_is_one),
        cmocka_unit_test(answer__that_is_too_long_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
