/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser's limits: nesting, parts and size of a source.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* prefix + middle * count + suffix. */
static char *repeated(const char *prefix, const char *middle, size_t count, const char *suffix)
{
    size_t size = strlen(prefix) + strlen(middle) * count + strlen(suffix) + 1;
    char *text = malloc(size), *at = text;
    assert_non_null(text);
    at = stpcpy(at, prefix);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, middle);
    stpcpy(at, suffix);
    return text;
}

static void parser__deep_and_long_sources_are_refused_without_a_crash(void **state)
{
    static const struct {
        const char *prefix, *middle, *suffix;
    } shapes[] = {{"{{ ", "(", "1 }}"}, {"{{ ", "[", "1 }}"}, {"{{ ", "{1:", "1 }}"},
        {"{{ ", "-", "1 }}"}, {"{{ ", "not ", "1 }}"}, {"{{ a", ".b", " }}"},
        {"{{ a", "[0]", " }}"}, {"{{ a", "()", " }}"}, {"{{ a", "|upper", " }}"},
        {"{{ 1", "+1", " }}"}, {"{{ 1", " and 1", " }}"}, {"{{ 1", " if 1 else 1", " }}"},
        {"{{ f(", "f(", " }}"}, {"", "{% if 1 %}", ""}, {"", "{% for x in l %}", ""},
        {"", "{% macro m() %}", ""}, {"", "{% set x %}", ""}, {"", "{% filter upper %}", ""},
        {"{% for ", "(", "x in l %}{% endfor %}"}, {"{% set ", "(", "x = 1 %}"},
        {"{{ 1 ", "is none ", "}}"}, {"{{ 1", "**1", " }}"}, {"{{ a[", "a[", " }}"},
        {"{% if 0 %}", "{% elif 0 %}", ""}, {"", "{% raw %}", ""}, {"{#", "{#", ""}};

    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        size_t count = 200000 / strlen(shapes[i].middle);
        char *source = repeated(shapes[i].prefix, shapes[i].middle, count, shapes[i].suffix);
        amphi_buf out;
        amphi__buf_init(&out, 1 << 20);
        amphi_error error = {0};
        if (template_render_small(source, &out, &error) == AMPHI_OK)
            fail_msg("not refused: %s%s...", shapes[i].prefix, shapes[i].middle);
        amphi__buf_clear(&out);
        free(source);
    }
}

static void parser__flat_long_sources_are_fine(void **state)
{
    char *source = repeated("", "{{ 1 }}{# c #}{% if 1 %}x{% endif %}", 2000, "");
    amphi_buf out;
    amphi__buf_init(&out, 1 << 20);
    assert_int_equal(template_render_small(source, &out, NULL), AMPHI_OK);
    assert_int_equal(out.size, 4000);
    amphi__buf_clear(&out);
    free(source);
    source = repeated("", "{{ 1 }}", 60000, "");
    amphi__buf_init(&out, 1 << 20);
    assert_int_equal(template_render_small(source, &out, NULL), AMPHI_E_LIMIT); /* over 256 KiB */
    amphi__buf_clear(&out);
    free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parser__deep_and_long_sources_are_refused_without_a_crash),
        cmocka_unit_test(parser__flat_long_sources_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
