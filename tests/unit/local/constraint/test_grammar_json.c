/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON's own parts as grammars: values, strings of a length, keys that differ, arrays of a size.
 */
#include "sdk/core/buf.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct row {
    const char *text;
    bool fits;
} row;

static void expect_rows(amphi_grammar *g, uint32_t entry, const row *rows, size_t count)
{
    grammar_finish(g, entry);
    for (size_t i = 0; i < count; i++)
        if (grammar_accepts(g, amphi_str_from(rows[i].text)) != rows[i].fits)
            fail_msg("%s", rows[i].text);
    amphi__grammar_clear(g);
}

static void grammar_json__any_value(void **state)
{
    static const row rows[] = {{"null", true}, {"true", true}, {"-0.5e+3", true}, {"\"a\"", true},
        {"[]", true}, {"{}", true}, {"[1, [null, {\"a\": \"b\"}]]", true}, {"", false},
        {"nul", false}, {"01", false}, {"1.", false}, {"+1", false}, {"[1,]", false},
        {"[1, ]", false}, {"{\"a\"}", false}, {"{\"a\": }", false}, {"{a: 1}", false},
        {"\"a", false}, {"\"\\x\"", false}, {"\"\\u00e9\"", true}, {"\"\\u0000\"", false},
        {"\"\xF0\x9F\x98\x80\"", true}, {"\"\xED\xA0\x80\"", false}, {"\"\x01\"", false},
        {"[1][2]", false}};
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    expect_rows(&g, amphi__grammar_any_value(&g, g.returns), rows, sizeof rows / sizeof rows[0]);
}

static void grammar_json__strings_have_a_length_in_characters(void **state)
{
    static const row rows[] = {{"", false}, {"a", false}, {"ab", true}, {"abc", true},
        {"abcd", false}, {"\xC3\xA9\xE4\xBD\xA0", true}, {"\\n\\u0041", true},
        {"\\ud83d\\ude00x", true}, {"\\ud83d\\ude00", false}};
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    expect_rows(&g, amphi__grammar_chars(&g, 2, 3, g.returns), rows, sizeof rows / sizeof rows[0]);
}

static void grammar_json__other_keys_are_none_of_the_given_ones(void **state)
{
    static const row rows[] = {{"\"a\": ", false}, {"\"abc\": ", false}, {"\"ab\": ", true},
        {"\"abcd\": ", true}, {"\"b\": ", true}, {"\"\xC3\xA9\": ", false},
        {"\"\xC3\xA8\": ", true}, {"\"\": ", true}, {"b: ", false}};
    const amphi_str names[] = {AMPHI_STR("a"), AMPHI_STR("abc"), AMPHI_STR("\xC3\xA9")};
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    expect_rows(
        &g, amphi__grammar_other_key(&g, names, 3, g.returns), rows, sizeof rows / sizeof rows[0]);
}

static void grammar_json__arrays_have_a_front_and_a_number_of_items(void **state)
{
    static const row counted[] = {{"[]", false}, {"[1]", false}, {"[1, 2]", true},
        {"[1, 2, 3]", true}, {"[1, 2, 3, 4]", false}, {"[null, 1]", false}};
    static const row fronted[] = {{"[]", true}, {"[null]", true}, {"[null, 1, 2]", true},
        {"[1]", false}, {"[null, null]", false}};
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t number = amphi__grammar_rule(&g);
    g.rules[number] = amphi__grammar_number(&g, g.returns);
    expect_rows(&g, amphi__grammar_array(&g, NULL, 0, number, true, 2, 3, g.returns), counted,
        sizeof counted / sizeof counted[0]);
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    number = amphi__grammar_rule(&g);
    g.rules[number] = amphi__grammar_number(&g, g.returns);
    uint32_t null = amphi__grammar_rule(&g);
    g.rules[null] = amphi__grammar_literal(&g, AMPHI_STR("null"), g.returns);
    expect_rows(&g, amphi__grammar_array(&g, &null, 1, number, true, 0, UINT32_MAX, g.returns),
        fronted, sizeof fronted / sizeof fronted[0]);
}

/* We write one blank after a comma and a colon; text that others wrote has any white space. */
static void grammar_json__white_space_of_others_is_only_read(void **state)
{
    static const char text[] = "[1\n,\t2 ]";
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    grammar_finish(&g, amphi__grammar_any_value(&g, g.returns));
    assert_false(grammar_accepts(&g, amphi_str_from(text)));
    amphi_matcher *matcher = NULL;
    assert_int_equal(amphi__matcher_new(&matcher, &g, NULL), AMPHI_OK);
    uint32_t at = amphi__matcher_start(matcher);
    for (const char *c = text; *c != '\0'; c++)
        at = amphi__matcher_step_lenient(matcher, at, (uint8_t)*c);
    assert_int_not_equal(at, AMPHI_POSITION_NONE);
    assert_true(amphi__matcher_may_end(matcher, at));
    amphi__matcher_free(matcher);
    amphi__grammar_clear(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_json__any_value),
        cmocka_unit_test(grammar_json__strings_have_a_length_in_characters),
        cmocka_unit_test(grammar_json__other_keys_are_none_of_the_given_ones),
        cmocka_unit_test(grammar_json__arrays_have_a_front_and_a_number_of_items),
        cmocka_unit_test(grammar_json__white_space_of_others_is_only_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
