/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammar check that stands before cJSON: whole, cut anywhere, and with every byte replaced.
 */
#include "sdk/core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes of exactly this size, so that AddressSanitizer sees a read behind them. */
static amphi_status check(const char *text, size_t size, amphi_error *error)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    amphi_status status = amphi__json_check(amphi_str_make(copy, size), "document", error);
    free(copy);
    return status;
}

static const char document[] =
    "{\"a\":[1,-0.5e+3,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\xc3\xa9\"],\"b\":{}}";

static void check__every_cut_is_refused_where_it_ends(void **state)
{
    amphi_error error;
    size_t size = sizeof document - 1;
    assert_int_equal(check(document, size, NULL), AMPHI_OK);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(check(document, cut, &error), AMPHI_E_FORMAT);
        assert_non_null(strstr(error.message, "document: not valid JSON at byte "));
    }
}

/* What passes here, cJSON parses: no byte makes the two disagree. */
static void check__every_replaced_byte_is_judged_like_the_parser(void **state)
{
    size_t size = sizeof document - 1;
    unsigned passed = 0;
    for (size_t at = 0; at < size; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof document];
            memcpy(text, document, sizeof document);
            text[at] = (char)byte;
            if (check(text, size, NULL) != AMPHI_OK)
                continue;
            amphi_json *root = NULL;
            assert_int_equal(
                amphi__json_parse(&root, amphi_str_make(text, size), "document", NULL), AMPHI_OK);
            amphi_buf out;
            amphi__buf_init(&out, 0);
            assert_int_equal(amphi__json_write(&out, root), AMPHI_OK);
            assert_int_equal(check(out.data, out.size, NULL), AMPHI_OK);
            amphi__buf_clear(&out);
            amphi__json_free(root);
            passed++;
        }
    }
    assert_in_range(passed, size, 256 * size / 2); /* both verdicts occurred */
}

static void check__message_names_the_byte_and_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        int at;
        const char *wrong;
    } cases[] = {{"", 0, "a value is expected"}, {"[1,]", 3, "a value is expected"},
        {"{\"a\" 1}", 5, "':' is expected"}, {"[1 2]", 3, "',' or a closing bracket"},
        {"01", 1, "something follows"}, {"1 x", 2, "something follows"},
        {"1.", 2, "a digit is missing"}, {"1e+", 3, "a digit is missing"},
        {"-", 1, "a digit is missing"}, {"\"\t\"", 1, "a control character"},
        {"\"\\x\"", 2, "unknown escape"}, {"\"\\u12g4\"", 5, "\\u needs four hex digits"},
        {"\"\\udc00\"", 7, "lone low surrogate"}, {"\"\\ud800x\"", 7, "lone high surrogate"},
        {"\"\\ud800\\u0041\"", 13, "lone high surrogate"}, {"\"\xff\"", 1, "invalid UTF-8"},
        {"\"abc", 4, "a string has no end"}, {"[}", 1, "a value is expected"},
        {"{]", 1, "a string is expected"}, {"{\"a\":1]", 6, "',' or a closing bracket"},
        {"nul", 0, "a value is expected"}, {"TRUE", 0, "a value is expected"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_error error;
        char wanted[96];
        snprintf(wanted, sizeof wanted, "document: not valid JSON at byte %d: %s", cases[i].at,
            cases[i].wrong);
        assert_int_equal(check(cases[i].text, strlen(cases[i].text), &error), AMPHI_E_FORMAT);
        if (strncmp(error.message, wanted, strlen(wanted)) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].text, error.message, wanted);
    }
}

static void check__control_characters_belong_escaped(void **state)
{
    for (int byte = 0; byte < 0x80; byte++) {
        const char text[] = {'"', 'a', (char)byte, 'b', '"'};
        bool is_good = byte >= 0x20 && byte != '"'; /* a backslash makes \b, which is one */
        assert_int_equal(check(text, sizeof text, NULL), is_good ? AMPHI_OK : AMPHI_E_FORMAT);
    }
}

static void check__message_does_not_repeat_the_text(void **state)
{
    amphi_error error;
    assert_int_equal(check("secret", 6, &error), AMPHI_E_FORMAT);
    assert_null(strstr(error.message, "secret"));
}

static void check__numbers_that_a_double_may_not_hold_are_reported(void **state)
{
    static const struct {
        const char *text;
        bool special;
    } cases[] = {{"[1,-2,0]", false}, {"999999999999999", false}, {"1000000000000000", true},
        {"-99999999999999", false}, {"1.0", true}, {"1e3", true}, {"\"1.5\"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool special = !cases[i].special;
        assert_int_equal(
            amphi__json_check_numbers(amphi_str_from(cases[i].text), "document", &special, NULL),
            AMPHI_OK);
        assert_int_equal(special, cases[i].special);
    }
}

static void check__size_has_a_limit_before_anything_is_read(void **state)
{
    amphi_error error;
    const amphi_str huge = {"{", (size_t)AMPHI_JSON_SIZE_MAX + 1};
    assert_int_equal(amphi__json_check(huge, "document", &error), AMPHI_E_LIMIT);
    assert_int_equal(strncmp(error.message, "document: ", 10), 0);
}

/* A tree takes 80 bytes a value: "[1,1,...]" would become 40 times its size. */
static void check__a_tree_has_a_limited_number_of_values(void **state)
{
    enum { SIZE = 1 << 20 };
    amphi_error error;
    bool special;
    amphi_json *root = NULL;
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i += 2)
        memcpy(text + i, "1,", 2);
    text[0] = '[';
    text[1] = ' ';
    memcpy(text + SIZE - 2, "1]", 2);
    const amphi_str many = {text, SIZE};
    assert_int_equal(amphi__json_check_numbers(many, "document", &special, &error), AMPHI_E_LIMIT);
    assert_non_null(strstr(error.message, "document: JSON with more than 73728 values"));
    assert_int_equal(amphi__json_parse(&root, many, "document", &error), AMPHI_E_LIMIT);
    assert_int_equal(amphi__json_check(many, "document", &error), AMPHI_OK); /* no tree is made */
    const size_t few = 2 * (AMPHI_JSON_TREE_VALUES_MIN - 1); /* with the array: as many as may be */
    memcpy(text + few, "1]", 2);
    assert_int_equal(
        amphi__json_parse(&root, amphi_str_make(text, few + 2), "document", &error), AMPHI_OK);
    amphi__json_free(root);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__every_cut_is_refused_where_it_ends),
        cmocka_unit_test(check__every_replaced_byte_is_judged_like_the_parser),
        cmocka_unit_test(check__message_names_the_byte_and_what_is_wrong),
        cmocka_unit_test(check__control_characters_belong_escaped),
        cmocka_unit_test(check__message_does_not_repeat_the_text),
        cmocka_unit_test(check__numbers_that_a_double_may_not_hold_are_reported),
        cmocka_unit_test(check__size_has_a_limit_before_anything_is_read),
        cmocka_unit_test(check__a_tree_has_a_limited_number_of_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
