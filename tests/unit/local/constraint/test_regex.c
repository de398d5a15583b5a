/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns as trees: how each construct is read, and where reading stops. What the trees accept is
 * tested with grammar_regex.c.
 */
#include "local/constraint/regex.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* [a-z] for a set, (x|y) for alternatives, x{2,3} for a repetition; "-" for an open end. */
static void describe(const amphi_regex *regex, uint32_t id, amphi_buf *out)
{
    const amphi_regex_node *node = &regex->nodes[id];
    switch (node->kind) {
    case AMPHI_REGEX_EMPTY:
        return;
    case AMPHI_REGEX_SET:
        amphi__buf_append_char(out, '[');
        for (uint32_t i = 0; i < node->b; i++) {
            amphi_char_range range = regex->ranges[node->a + i];
            amphi__buf_printf(out, i > 0 ? " %X" : "%X", (unsigned)range.first);
            if (range.last > range.first)
                amphi__buf_printf(out, "-%X", (unsigned)range.last);
        }
        amphi__buf_append_char(out, ']');
        return;
    case AMPHI_REGEX_REPEAT:
        describe(regex, node->a, out);
        amphi__buf_printf(out, "{%u,", (unsigned)node->least);
        if (node->most == UINT32_MAX)
            amphi__buf_append_c(out, "-}");
        else
            amphi__buf_printf(out, "%u}", (unsigned)node->most);
        return;
    case AMPHI_REGEX_CAT:
        describe(regex, node->a, out);
        describe(regex, node->b, out);
        return;
    case AMPHI_REGEX_ALT:
        amphi__buf_append_char(out, '(');
        describe(regex, node->a, out);
        amphi__buf_append_char(out, '|');
        describe(regex, node->b, out);
        amphi__buf_append_char(out, ')');
    }
}

static void regex__constructs_become_nodes(void **state)
{
    static const struct {
        const char *pattern, *tree;
    } rows[] = {{"^ab$", "[61][62]"}, {"^a|^b$", "([61][20-2027 202A-10FFFF]{0,-}|[62])"},
        {"^(a|b)c$", "([61]|[62])[63]"}, {"^a?b+c*$", "[61]{0,1}[62]{1,-}[63]{0,-}"},
        {"^a{2}b{3,}c{4,5}$", "[61]{2,2}[62]{3,-}[63]{4,5}"}, {"^a+?$", "[61]{1,-}"},
        {"^[a-cx]$", "[61-63 78]"}, {"^[a-]$", "[61 2D]"}, {"^[^b-y]$", "[1-61 7A-10FFFF]"},
        {"^\\d$", "[30-39]"}, {"^\\D$", "[20-2F 3A-7E]"}, {"^[^\\d]$", "[20-2F 3A-7E]"},
        {"^\\x41\\u00e9\\n$", "[41][E9][A]"}, {"^\xE4\xBD\xA0$", "[4F60]"},
        {"^(?:a)(?<n>b)$", "[61][62]"}, {"^[\\b]$", "[8]"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_regex regex;
        uint32_t root = 0;
        amphi_error error = {0};
        if (amphi__regex_parse(&regex, amphi_str_from(rows[i].pattern), &root, &error) != AMPHI_OK)
            fail_msg("%s: %s", rows[i].pattern, error.message);
        amphi_buf out;
        amphi__buf_init(&out, 0);
        describe(&regex, root, &out);
        if (!amphi__str_equal_c(amphi__buf_str(&out), rows[i].tree))
            fail_msg("%s: %.*s", rows[i].pattern, (int)out.size, out.data);
        amphi__buf_clear(&out);
        amphi__regex_clear(&regex);
    }
}

static void regex__a_refusal_names_the_byte(void **state)
{
    static const struct {
        const char *pattern, *message;
    } rows[] = {{"ab(?=c)", "pattern: look-around is not supported (at byte 4)"},
        {"a)", "pattern: a ) too many (at byte 1)"}, {"[ab", "(at byte 3)"},
        {"a\\1", "an escape is not supported"}, {"a**", "nothing to repeat"},
        {"a{2", "a repetition is malformed"}, {"a{1001}", "malformed or too long"},
        {"\\ud800", "an escape is not supported"}, {"a\xFF", "no valid UTF-8"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_regex regex;
        uint32_t root = 0;
        amphi_error error = {0};
        assert_int_equal(amphi__regex_parse(&regex, amphi_str_from(rows[i].pattern), &root, &error),
            AMPHI_E_UNSUPPORTED);
        if (strstr(error.message, rows[i].message) == NULL)
            fail_msg("%s: %s", rows[i].pattern, error.message);
        assert_int_equal(amphi__regex_refuse(&regex, "another reason"), 0);
        assert_null(strstr(error.message, "another reason")); /* the first one stays */
        amphi__regex_clear(&regex);
    }
}

static void regex__nesting_and_memory_are_bounded(void **state)
{
    char deep[200];
    memset(deep, '(', 100);
    memset(deep + 100, ')', 100);
    amphi_regex regex;
    uint32_t root = 0;
    amphi_error error = {0};
    assert_int_equal(amphi__regex_parse(&regex, amphi_str_make(deep, sizeof deep), &root, &error),
        AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "nested too deeply"));
    amphi__regex_clear(&regex);
    assert_int_equal(
        amphi__regex_parse(&regex, amphi_str_make(deep + 70, 60), &root, &error), AMPHI_OK);
    amphi__regex_clear(&regex);
    failing_alloc_install();
    for (size_t n = 1; n <= 2; n++) {
        failing_alloc_at(n);
        assert_int_equal(
            amphi__regex_parse(&regex, AMPHI_STR("a"), &root, &error), AMPHI_E_NO_MEMORY);
        failing_alloc_at(0);
        amphi__regex_clear(&regex);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regex__constructs_become_nodes),
        cmocka_unit_test(regex__a_refusal_names_the_byte),
        cmocka_unit_test(regex__nesting_and_memory_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
