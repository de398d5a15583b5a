/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe's report: counts worked out by hand, wrong rows, refused rows by line number.
 */
#include "sdk/core/json.h"
#include "tests/support/failing_alloc.h"

#include <amphi/cache.h>
#include <amphi/client.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char rows[] =
    "{\"a\":\"What is a lake?\",\"b\":\"what is a lake\",\"same\":true}\n"
    "\n"
    "{\"a\":\"What's a lake?\",\"b\":\"What is a lake?\",\"same\":true,\"note\":1}\r\n"
    "{\"a\":\"What is a lake?\",\"b\":\"Define lake\",\"same\":true}\n"
    "{\"a\":\"Add 2\",\"b\":\"Add 3\",\"same\":false}\n"
    "{\"a\":\"What is \\\"x\\\"?\",\"b\":\" What is \\\"x\\\"?\",\"same\":false}";

static void cache_probe__counts_and_names_wrong_rows(void **state)
{
    char *text = NULL;
    amphi_json *report = NULL;
    assert_int_equal(amphi_cache_probe(amphi_str_from(rows), &text, NULL), AMPHI_OK);
    assert_int_equal(amphi__json_parse(&report, amphi_str_from(text), "report", NULL), AMPHI_OK);
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {{"pairs", 5}, {"same", 3}, {"different", 2}, {"hits", 3}, {"wrong", 1},
        {"missed", 1}, {"exact", 2}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_int_equal(
            amphi__json_int(amphi__json_get(report, counts[i].key), -1), counts[i].value);
    assert_true(amphi__json_number(amphi__json_get(report, "hit_rate"), 0) == 2.0 / 3);
    assert_true(amphi__json_number(amphi__json_get(report, "precision"), 0) == 2.0 / 3);
    const amphi_json *wrong = amphi__json_first(amphi__json_get(report, "wrong_rows"));
    assert_int_equal(amphi__json_int(amphi__json_get(wrong, "line"), 0), 6);
    assert_true(amphi__json_number(amphi__json_get(wrong, "score"), 0) == 1);
    assert_true(amphi__json_is_string(amphi__json_get(wrong, "reason")));
    assert_null(amphi__json_next(wrong));
    amphi__json_free(report);
    amphi_string_free(text);
}

static void cache_probe__without_rows_there_is_no_rate(void **state)
{
    char *text = NULL;
    assert_int_equal(amphi_cache_probe(AMPHI_STR("\n \n"), &text, NULL), AMPHI_OK);
    assert_non_null(strstr(text, "\"pairs\":0"));
    assert_non_null(strstr(text, "\"hit_rate\":null"));
    amphi_string_free(text);
}

static void cache_probe__a_bad_row_is_refused_by_its_line(void **state)
{
    static const char *const bad[] = {"{", "[]", "{\"a\":\"x\",\"b\":\"y\"}",
        "{\"a\":\"x\",\"b\":1,\"same\":true}", "{\"a\":\"x\",\"b\":\"y\",\"same\":\"yes\"}",
        "{\"a\":\"x\",\"b\":\"y\",\"same\":1}", "nonsense", "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        amphi_buf all;
        amphi_error error;
        char *text = NULL;
        amphi__buf_init(&all, 0);
        amphi__buf_printf(&all, "{\"a\":\"x\",\"b\":\"y\",\"same\":true}\n\n%s\n", bad[i]);
        assert_int_equal(amphi_cache_probe(amphi__buf_str(&all), &text, &error), AMPHI_E_FORMAT);
        assert_non_null(strstr(error.message, "line 3"));
        assert_null(text);
        amphi__buf_clear(&all);
    }
    assert_int_equal(amphi_cache_probe(AMPHI_STR(""), NULL, NULL), AMPHI_E_ARGUMENT);
}

static void cache_probe__memory_that_runs_out_is_said(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        char *text = NULL;
        failing_alloc_at(n);
        status = amphi_cache_probe(amphi_str_from(rows), &text, NULL);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        amphi_string_free(text);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_probe__counts_and_names_wrong_rows),
        cmocka_unit_test(cache_probe__without_rows_there_is_no_rate),
        cmocka_unit_test(cache_probe__a_bad_row_is_refused_by_its_line),
        cmocka_unit_test(cache_probe__memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
