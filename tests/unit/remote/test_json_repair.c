/* SPDX-License-Identifier: Apache-2.0
 *
 * What has one meaning is repaired, and nothing else is touched.
 */
#include "remote/json_repair.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void repair__what_has_one_meaning(void **state)
{
    static const char *const cases[][2] = {
        {"{\"a\":NaN,\"b\":-Infinity,\"c\":[Infinity]}", "{\"a\":null,\"b\":null,\"c\":[null]}"},
        {"{\"a\":\"NaN\"}", "{\"a\":\"NaN\"}"},
        {"{\"a\":\"x\xffy\"}", "{\"a\":\"x\xEF\xBF\xBDy\"}"},
        {"{\"a\":\"x\ty\"}", "{\"a\":\"x\\u0009y\"}"},
        {"{\"a\":\"\\ud83d\\ude00 \\\" \\\\\"}", "{\"a\":\"\\ud83d\\ude00 \\\" \\\\\"}"},
        {"{\"a\":\"\\ud83d\"}", "{\"a\":\"\xF4\x8F\xA0\xBD\"}"},
        {"{\"a\":", "{\"a\":"},
        {"\"\\", "\"\\"},
        {"\"\\ud8", "\"\\ud8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        assert_int_equal(amphi__json_repair(&out, amphi_str_from(cases[i][0])), AMPHI_OK);
        assert_string_equal(out.data, cases[i][1]);
        amphi__buf_clear(&out);
    }
}

/* What a repair makes of any bytes is no worse JSON: good JSON stays byte for byte as it is. */
static void repair__good_json_is_left_alone(void **state)
{
    static const char good[] = "{\"k\\u00e9y\":[1,-2.5e3,\"\\ud83d\\ude00\xF0\x9F\x98\x80\",true,"
                               "null,{\"\":\"\\\\\\\"\"}]}";
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__json_check(amphi_str_from(good), "good", NULL), AMPHI_OK);
    assert_int_equal(amphi__json_repair(&out, amphi_str_from(good)), AMPHI_OK);
    assert_string_equal(out.data, good);
    amphi__buf_clear(&out);
}

static void join(const char *const *pieces, const char *expected)
{
    amphi_surrogates pair = {0};
    amphi_buf out;
    amphi__buf_init(&out, 0);
    for (; *pieces != NULL; pieces++)
        amphi__surrogates_join(&pair, &out, amphi_str_from(*pieces));
    amphi__surrogates_end(&pair, &out);
    assert_string_equal(out.data, expected);
    assert_int_equal(pair.high, 0);
    amphi__buf_clear(&out);
}

#define HIGH "\xF4\x8F\xA0\xBD" /* of U+1F600 */
#define LOW  "\xF4\x8F\xB8\x80"
#define NONE "\xEF\xBF\xBD"

static void pairs__are_joined_across_pieces(void **state)
{
    join((const char *const[]){"a" HIGH, LOW "b", NULL}, "a\xF0\x9F\x98\x80"
                                                         "b");
    join((const char *const[]){"a" HIGH LOW, NULL}, "a\xF0\x9F\x98\x80");
    join((const char *const[]){"a" HIGH, NULL}, "a" NONE);
    join((const char *const[]){"a" HIGH, "b", NULL}, "a" NONE "b");
    join((const char *const[]){LOW "a", HIGH, HIGH, LOW, NULL}, NONE "a" NONE "\xF0\x9F\x98\x80");
    join((const char *const[]){HIGH, "", LOW, NULL}, "\xF0\x9F\x98\x80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair__what_has_one_meaning),
        cmocka_unit_test(repair__good_json_is_left_alone),
        cmocka_unit_test(pairs__are_joined_across_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
