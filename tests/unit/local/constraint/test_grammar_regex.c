/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Schema's patterns as grammars: each construct, what is refused, and lengths that are kept
 * together with a pattern. How patterns are read is tested with regex.c.
 */
#include "tests/support/failing_alloc.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The text stands between a JSON string's quotes. */
static bool accepts(const char *pattern, uint32_t least, uint32_t most, const char *text)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t entry = 0;
    amphi_error error = {0};
    if (amphi__grammar_regex(&g, amphi_str_from(pattern), least, most, g.returns, &entry, &error) !=
        AMPHI_OK)
        fail_msg("%s: %s", pattern, error.message);
    grammar_finish(&g, entry);
    bool fits = grammar_accepts(&g, amphi_str_from(text));
    amphi__grammar_clear(&g);
    return fits;
}

static void grammar_regex__constructs_accept_what_they_mean(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } rows[] = {{"^abc$", "abc", true}, {"^abc$", "abcd", false}, {"^abc", "abcd", true},
        {"abc$", "xabc", true}, {"abc$", "abcx", false}, {"b", "abc", true}, {"b", "ac", false},
        {"^a|b$", "ax", true}, {"^a|b$", "xb", true}, {"^a|b$", "xbx", false},
        {"^(a|bc)+$", "abca", true}, {"^(a|bc)+$", "abc", true}, {"^(a|bc)+$", "ab", false},
        {"^(?:ab)?$", "", true}, {"^(?:ab)?$", "ab", true}, {"^(?:ab)?$", "abab", false},
        {"^a{2,3}$", "a", false}, {"^a{2,3}$", "aaa", true}, {"^a{2,3}$", "aaaa", false},
        {"^a{2}$", "aa", true}, {"^a{2}$", "aaa", false}, {"^a{2,}$", "aaaaa", true},
        {"^[a-c]$", "b", true}, {"^[a-c]$", "d", false}, {"^[^a-c]$", "d", true},
        {"^[^a-c]$", "b", false}, {"^[^a]$", "\xE4\xB8\xAD", true}, {"^.$", "\xC3\xA9", true},
        {"^.$", "ab", false}, {"^\\d$", "7", true}, {"^\\d$", "x", false}, {"^\\D$", "x", true},
        {"^\\D$", "7", false}, {"^\\w+$", "aZ_9", true}, {"^\\w+$", "a-b", false},
        {"^\\s$", " ", true}, {"^\\S$", " ", false}, {"^[\\d-]+$", "1-2", true},
        {"^\\.$", ".", true}, {"^\\.$", "x", false}, {"^\\u0041$", "A", true},
        {"^\\x41$", "A", true}, {"^\"$", "\\\"", true}, {"^\"$", "\"", false},
        {"^\\n$", "\\n", true}, {"^\\n$", "\n", false}, {"", "anything", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (accepts(rows[i].pattern, 0, UINT32_MAX, rows[i].text) != rows[i].fits)
            fail_msg("%s: %s", rows[i].pattern, rows[i].text);
}

static void grammar_regex__lengths_are_kept_where_one_repeat_decides(void **state)
{
    assert_true(accepts("^[a-z]+$", 2, 4, "ab"));
    assert_true(accepts("^[a-z]+$", 2, 4, "abcd"));
    assert_false(accepts("^[a-z]+$", 2, 4, "a"));
    assert_false(accepts("^[a-z]+$", 2, 4, "abcde"));
    assert_true(accepts("^x[a-z]*y$", 0, 3, "xay"));
    assert_false(accepts("^x[a-z]*y$", 0, 3, "xaay"));
    assert_true(accepts("^abc$", 1, 5, "abc")); /* always within: nothing to be done */
}

static void grammar_regex__what_is_not_understood_is_refused_by_name(void **state)
{
    static const struct {
        const char *pattern, *what;
    } rows[] = {{"(?=a)", "look-around"}, {"(?<!a)", "look-around"}, {"(?i)a", "groups"},
        {"(a", "group"}, {"a)", "a ) too many"}, {"[a", "a class has no end"}, {"*a", "nothing to"},
        {"\\1", ""}, {"\\b", ""}, {"\\p{L}", ""}, {"a{3,2}", ""}, {"[b-a]", ""}, {"a{1001}", ""},
        {"a^b", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_grammar g;
        assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
        uint32_t entry = 7;
        amphi_error error = {0};
        amphi_status status = amphi__grammar_regex(
            &g, amphi_str_from(rows[i].pattern), 0, UINT32_MAX, g.returns, &entry, &error);
        if (status != AMPHI_E_UNSUPPORTED || strstr(error.message, rows[i].what) == NULL ||
            strstr(error.message, "pattern: ") != error.message)
            fail_msg("%s: %d, %s", rows[i].pattern, (int)status, error.message);
        assert_int_equal(entry, 0);
        amphi__grammar_clear(&g);
    }
}

static void grammar_regex__lengths_that_cant_be_kept_are_refused(void **state)
{
    static const char *const patterns[] = {"^[a-z]+[0-9]+$", "^(ab)+$", "^abc$"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        amphi_grammar g;
        assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
        uint32_t entry = 0;
        amphi_error error = {0};
        assert_int_equal(
            amphi__grammar_regex(&g, amphi_str_from(patterns[i]), 5, 5, g.returns, &entry, &error),
            AMPHI_E_UNSUPPORTED);
        assert_non_null(strstr(error.message, "minLength and maxLength"));
        amphi__grammar_clear(&g);
    }
}

static void grammar_regex__long_and_deep_patterns_are_bounded(void **state)
{
    char text[5000];
    memset(text, 'a', sizeof text);
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t entry = 0;
    amphi_error error = {0};
    assert_int_equal(amphi__grammar_regex(&g, amphi_str_make(text, sizeof text), 0, UINT32_MAX,
                         g.returns, &entry, &error),
        AMPHI_E_LIMIT);
    memset(text, '(', 3000);
    assert_int_equal(amphi__grammar_regex(
                         &g, amphi_str_make(text, 3000), 0, UINT32_MAX, g.returns, &entry, &error),
        AMPHI_E_UNSUPPORTED);
    amphi__grammar_clear(&g);
    failing_alloc_install();
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    failing_alloc_at(2);
    assert_int_equal(
        amphi__grammar_regex(&g, AMPHI_STR("a"), 0, UINT32_MAX, g.returns, &entry, &error),
        AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    amphi__grammar_clear(&g);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_regex__constructs_accept_what_they_mean),
        cmocka_unit_test(grammar_regex__lengths_are_kept_where_one_repeat_decides),
        cmocka_unit_test(grammar_regex__what_is_not_understood_is_refused_by_name),
        cmocka_unit_test(grammar_regex__lengths_that_cant_be_kept_are_refused),
        cmocka_unit_test(grammar_regex__long_and_deep_patterns_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
