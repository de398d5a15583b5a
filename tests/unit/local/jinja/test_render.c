/* SPDX-License-Identifier: Apache-2.0
 *
 * A render's failures, with their line, and its budgets: templates that ask for endless time or
 * memory are refused soon.
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

static void render__refusal_by_the_template_carries_its_message(void **state)
{
    amphi_buf out;
    amphi__buf_init(&out, 100);
    amphi_error error = {0};
    assert_int_equal(
        template_render_small("half\n{{ raise_exception('roles must alternate') }}", &out, &error),
        AMPHI_E_REQUEST);
    assert_non_null(strstr(error.message, "roles must alternate"));
    assert_non_null(strstr(error.message, "line 2"));
    assert_int_equal(out.size, 0);
    amphi__buf_clear(&out);
}

static void render__errors_name_the_line(void **state)
{
    static const struct {
        const char *source;
        const char *line;
    } cases[] = {{"a\nb\n{{ 1 + }}", "line 3"}, {"{% if x %}\n\n", "line 2"},
        {"\n{# open", "line 2"}, {"\n\n{{ 'open }}", "line 3"}, {"\n{{ none.a.b }}", "line 2"},
        {"{% for x in l %}\n\n{{ x.y.z }}{% endfor %}", "line 3"},
        {"\n\n\n{% nothing %}", "line 4"}, {"\n{{ s|nothing }}", "line 2"},
        {"\n{{ s is nothing }}", "line 2"}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        amphi_buf out;
        amphi__buf_init(&out, 100);
        amphi_error error = {0};
        assert_int_not_equal(template_render_small(cases[i].source, &out, &error), AMPHI_OK);
        if (strstr(error.message, cases[i].line) == NULL)
            fail_msg("%s: %s", cases[i].source, error.message);
        amphi__buf_clear(&out);
    }
}

static void render__output_stops_at_the_buffers_limit(void **state)
{
    amphi_buf out;
    amphi__buf_init(&out, 1000);
    assert_int_equal(template_render_small("{% for i in range(1000) %}abc{% endfor %}", &out, NULL),
        AMPHI_E_LIMIT);
    amphi__buf_clear(&out);
}

/* Templates that ask for endless time or memory: each is refused, and soon. */
static void render__greedy_ones_are_refused(void **state)
{
    static const char *const sources[] = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ caller() }}{% endmacro %}"
        "{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(80) %}{% set ns.x = [ns.x, ns.x] %}"
        "{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(80) %}{% set ns.x = [ns.x, ns.x] %}"
        "{% endfor %}{{ ns.x|tojson }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(80) %}{% set ns.x = [ns.x, ns.x] "
        "%}"
        "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(80) %}{% set ns.x = [ns.x, ns.x] "
        "%}"
        "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x < ns.y }}",
        "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor "
        "%}"
        "{{ ns.x }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}"
        "{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x|replace('a', "
        "ns.x)"
        "%}{% endfor %}",
        "{{ 'a' * 100000000000 }}", "{{ [1] * 100000000000 }}", "{{ range(100000000) }}",
        "{{ 'a'.center(100000000000) }}", "{{ '%99999999999d' % 1 }}", "{{ 2 ** 99999999999 }}",
        "{{ '{:99999999999}'.format(1) }}", "{{ range(99999)|map('string')|join(',' * 9999) }}",
        "{% for i in range(99999) %}{{ s.replace('o', 'oo' * 9999)|length }}{% endfor %}",
        "{% for i in range(9999) %}{{ ('a' * 99999).rfind('b' ~ 'a' * 50000) }}{% endfor %}",
        "{{ l|map('map', 'map', 'map', 'map', 'upper')|map('list')|list }}",
        "{% set a = (1,) * 1000 %}{% set b = (a,) * 1000 %}{% set c = (b,) * 1000 %}"
        "{% for i in range(99999) %}{{ d[c] }}{{ c in d }}{% endfor %}",
        "{% set k = 'a' * 1000000 %}{% for i in range(99999) %}{{ d[k] }}{% endfor %}",
        "{% set k = 'a' * 1000000 %}{% for i in range(99999) %}{{ k.strip(k) }}{% endfor %}",
        "{% set k = 'a' * 1000000 %}{% for i in range(99999) %}{{ k.startswith(k) }}{% endfor %}",
        "{% set k = 'a' * 1000000 %}{% for i in range(99999) %}{{ k is lower }}{% endfor %}",
        "{{ 'x'|indent(99999999) }}", "{{ 'x'|indent(99999999999) }}",
        "{{ 'x'.rjust(99999999, 'é') }}", "{{ [1]|tojson(indent=99999999999) }}",
        "{{ [1]|batch(99999999999, 0)|list }}", "{{ [1]|slice(99999999999)|list }}"};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        amphi_buf out;
        amphi__buf_init(&out, 1 << 20);
        amphi_error error = {0};
        if (template_render_small(sources[i], &out, &error) == AMPHI_OK)
            fail_msg("not refused: %s", sources[i]);
        assert_true(error.message[0] != '\0');
        amphi__buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(render__refusal_by_the_template_carries_its_message),
        cmocka_unit_test(render__errors_name_the_line),
        cmocka_unit_test(render__output_stops_at_the_buffers_limit),
        cmocka_unit_test(render__greedy_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
