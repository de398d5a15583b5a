/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON: what RFC 8259 allows is accepted, everything else refused, and nothing is lost silently.
 * Independent data: JSONTestSuite (../shared/conformance), where it is at hand.
 */
#include "sdk/core/json.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define SUITE "../shared/conformance/JSONTestSuite/test_parsing"

static amphi_json *parse(const char *text)
{
    amphi_json *root = NULL;
    amphi_error error;
    if (amphi__json_parse(&root, amphi_str_from(text), "test", &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return root;
}

static void expect_refused(const char *text)
{
    amphi_json *root = NULL;
    amphi_error error;
    amphi_status status = amphi__json_parse(&root, amphi_str_from(text), "test", &error);
    assert_true(status == AMPHI_E_FORMAT || status == AMPHI_E_LIMIT);
    assert_null(root);
    assert_true(error.message[0] != '\0');
}

/* Text as our writer gives it back. */
static void expect_written(const char *text, const char *written)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    amphi_json *root = parse(text);
    assert_int_equal(amphi__json_write(&out, root), AMPHI_OK);
    assert_string_equal(out.data, written);
    amphi__json_free(root);
    amphi__buf_clear(&out);
}

static void json__the_test_suite_is_judged_right(void **state)
{
    char path[512];
    char data[200000];
    int judged = 0;
    DIR *folder = opendir(SUITE);
    if (folder == NULL) {
        print_message("skipped: %s is not here\n", SUITE);
        skip();
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.' || entry->d_name[1] != '_')
            continue;
        snprintf(path, sizeof path, "%s/%s", SUITE, entry->d_name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        amphi_json *root = NULL;
        amphi_status status = amphi__json_parse(&root, amphi_str_make(data, size), "suite", NULL);
        if (entry->d_name[0] == 'y' && status != AMPHI_OK)
            fail_msg("%s was refused", entry->d_name);
        if (entry->d_name[0] == 'n' && status == AMPHI_OK)
            fail_msg("%s was accepted", entry->d_name);
        amphi__json_free(root);
        judged++;
    }
    closedir(folder);
    print_message("%d files judged\n", judged);
    assert_true(judged > 200);
}

static void json__what_cjson_alone_would_accept_is_refused(void **state)
{
    static const char *const cases[] = {"", " ", "{} x", "[1,]", "{\"a\":1,}", "01", "+1", "1.",
        ".5", "1e", "nul", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\\ud800\"",
        "\"\\x41\"", "\"a\nb\"", "[1 2]", "{\"a\" 1}", "{1:2}", "'a'", "NaN", "-", "\"abc", "[",
        "{\"a\":", "]", "tru", "\"\\u12\""};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(cases[i]);
    amphi_json *root = NULL;
    assert_int_equal(
        amphi__json_parse(&root, amphi_str_make("[1]\0", 4), "nul", NULL), AMPHI_E_FORMAT);
}

static void json__depth_is_bounded(void **state)
{
    char text[2 * (AMPHI_JSON_DEPTH_MAX + 1) + 1];
    for (size_t depth = AMPHI_JSON_DEPTH_MAX; depth <= AMPHI_JSON_DEPTH_MAX + 1; depth++) {
        amphi_json *root = NULL;
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        amphi_status status =
            amphi__json_parse(&root, amphi_str_make(text, 2 * depth), "deep", NULL);
        assert_int_equal(status, depth <= AMPHI_JSON_DEPTH_MAX ? AMPHI_OK : AMPHI_E_FORMAT);
        amphi__json_free(root);
    }
}

static void json__numbers_come_back_exactly(void **state)
{
    expect_written("0.30000000000000004", "0.30000000000000004");
    expect_written("[0.1,1e21,-0.5,1E2,1e-7]", "[0.1,1e+21,-0.5,100.0,1e-07]");
    expect_written("9007199254740991", "9007199254740991");
    expect_written("-9007199254740991", "-9007199254740991");
}

static void json__strings_come_back_whole(void **state)
{
    expect_written(
        "\"\\u00e9\\ud83d\\ude00\\n\\t\\\"\\\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n\\t\\\"\\\\/\"");
    expect_written("\"a\\u0000b\"", "\"a\xef\xbf\xbd"
                                    "b\"");
    expect_written("\"a\\\\u0000b\"", "\"a\\\\u0000b\"");
}

static void json__of_duplicate_keys_the_last_counts_and_case_matters(void **state)
{
    amphi_json *root = parse("{\"a\":1,\"A\":2,\"a\":3}");
    assert_int_equal(amphi__json_int(amphi__json_get(root, "a"), 0), 3);
    assert_int_equal(amphi__json_int(amphi__json_get(root, "A"), 0), 2);
    assert_null(amphi__json_get(root, "b"));
    amphi__json_free(root);
}

static void json__questions_about_nothing_have_answers(void **state)
{
    assert_int_equal(amphi__json_kind(NULL), AMPHI_JSON_NONE);
    assert_null(amphi__json_get(NULL, "a"));
    assert_int_equal(amphi__json_string(NULL).size, 0);
    assert_int_equal(amphi__json_int(NULL, 7), 7);
    amphi_json *root = parse("{\"a\":\"1\",\"b\":1.5,\"c\":1e300}");
    assert_int_equal(amphi__json_int(amphi__json_get(root, "a"), 7), 7);
    assert_int_equal(amphi__json_int(amphi__json_get(root, "b"), 7), 7);
    assert_int_equal(amphi__json_int(amphi__json_get(root, "c"), 7), 7);
    assert_false(amphi__json_bool(amphi__json_get(root, "a"), false));
    amphi__json_free(root);
}

static void json__whole_numbers_keep_their_digits_and_floats_stay_floats(void **state)
{
    static const char text[] =
        "{\"-1.0\":[1,1.0,-0.0,-0,1e3,2.5,1e20,1E-7],\"e5\":9007199254740993,"
        "\"\\\"7.5\":-9223372036854775808,\"u\":18446744073709551617,\"d\":{\"x\":2.0}}";
    static const char written[] =
        "{\"-1.0\":[1,1.0,-0.0,-0,1000.0,2.5,1e+20,1e-07],\"e5\":9007199254740993,"
        "\"\\\"7.5\":-9223372036854775808,\"u\":18446744073709551617,\"d\":{\"x\":2.0}}";
    amphi_json *root = parse(text);
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__json_write(&out, root), AMPHI_OK);
    assert_string_equal(out.data, written);
    const amphi_json *first = amphi__json_first(amphi__json_get(root, "-1.0"));
    assert_false(amphi__json_is_float(first));
    assert_true(amphi__json_is_float(amphi__json_next(first)));
    assert_true(amphi__json_equal(first, amphi__json_next(first)));
    assert_true(amphi__json_int(amphi__json_get(root, "e5"), 0) == INT64_C(9007199254740993));
    assert_true(amphi__json_int(amphi__json_get(root, "\"7.5"), 0) == INT64_MIN);
    assert_int_equal(amphi__json_int(amphi__json_get(root, "u"), 7), 7);
    amphi__buf_reset(&out);
    amphi_json *one = parse("[1.0,1e0,-0.0]");
    amphi__json_write_sorted(&out, one);
    assert_string_equal(out.data, "[1,1,0]"); /* canonical: the same number, the same text */
    amphi__json_free(one);
    amphi__json_free(root);
    amphi__buf_clear(&out);
}

static void json__sorted_form_does_not_depend_on_order(void **state)
{
    amphi_buf a, b;
    amphi__buf_init(&a, 0);
    amphi__buf_init(&b, 0);
    amphi_json *x = parse("{\"b\":[1,{\"d\":2,\"c\":3}],\"a\":null}");
    amphi_json *y = parse("{\"a\":null,\"b\":[1,{\"c\":3,\"d\":2}]}");
    amphi__json_write_sorted(&a, x);
    amphi__json_write_sorted(&b, y);
    assert_string_equal(a.data, b.data);
    assert_true(amphi__json_equal(x, y));
    amphi__json_free(x);
    amphi__json_free(y);
    amphi__buf_clear(&a);
    amphi__buf_clear(&b);
}

static void json__every_cut_of_a_document_is_refused(void **state)
{
    const char *text = "{\"a\":[1,-2.5e3,\"\\u00e9\xc3\xa9\",true,null],\"b\":{\"c\":\"\"}}";
    for (size_t cut = 0; cut < strlen(text); cut++) {
        amphi_json *root = NULL;
        assert_int_equal(
            amphi__json_parse(&root, amphi_str_make(text, cut), "cut", NULL), AMPHI_E_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__the_test_suite_is_judged_right),
        cmocka_unit_test(json__what_cjson_alone_would_accept_is_refused),
        cmocka_unit_test(json__depth_is_bounded),
        cmocka_unit_test(json__numbers_come_back_exactly),
        cmocka_unit_test(json__whole_numbers_keep_their_digits_and_floats_stay_floats),
        cmocka_unit_test(json__strings_come_back_whole),
        cmocka_unit_test(json__of_duplicate_keys_the_last_counts_and_case_matters),
        cmocka_unit_test(json__questions_about_nothing_have_answers),
        cmocka_unit_test(json__sorted_form_does_not_depend_on_order),
        cmocka_unit_test(json__every_cut_of_a_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
