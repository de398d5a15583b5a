/* SPDX-License-Identifier: Apache-2.0
 *
 * The template interpreter against Jinja2's own output for the templates of real models (goldens),
 * and what no template may do: crash, hang, take memory without end, leak when an allocation fails.
 * The small templates, one rule each, are tested with the source file that holds the rule.
 */
#include "local/jinja/template.h"
#include "sdk/core/alloc.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDENS         "../shared/vectors/templates/"
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A file's bytes on the heap, or NULL when it is not there. */
static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static amphi_json *parse(const char *text, size_t size)
{
    amphi_json *json = NULL;
    assert_int_equal(
        amphi__json_parse(&json, amphi_str_make(text, size), "test data", NULL), AMPHI_OK);
    return json;
}

static void check_row(const amphi_json *row)
{
    amphi_str name = amphi__json_string(amphi__json_get(row, "template"));
    amphi_str text = amphi__json_string(amphi__json_get(row, "text"));
    bool refused = amphi__json_get(row, "error") != NULL;
    amphi_template_input input = template_input_of(row);
    char path[300];
    snprintf(path, sizeof path, GOLDENS "%.*s", (int)name.size, name.data);
    size_t size = 0;
    char *source = read_file(path, &size);
    assert_non_null(source);
    amphi_buf out;
    amphi__buf_init(&out, 1 << 20);
    amphi_error error = {0};
    amphi_status status = template_render(amphi_str_make(source, size), &input, &out, &error);
    if (refused != (status != AMPHI_OK) ||
        (!refused && (out.size != text.size || memcmp(out.data, text.data, text.size) != 0))) {
        fail_msg("%.*s: status %d (%s), text: %s", (int)name.size, name.data, (int)status,
            error.message, out.data != NULL ? out.data : "");
    }
    amphi__buf_clear(&out);
    free(source);
}

static void template__goldens_of_real_templates_are_rendered_byte_for_byte(void **state)
{
    size_t size = 0;
    char *text = read_file(GOLDENS "goldens.json", &size);
    if (text == NULL) {
        printf("skipped: " GOLDENS "goldens.json is not there\n");
        skip();
    }
    amphi_json *goldens = parse(text, size);
    size_t rows = 0;
    for (const amphi_json *row = amphi__json_first(goldens); row != NULL;
         row = amphi__json_next(row)) {
        check_row(row);
        rows++;
    }
    assert_true(rows >= 100);
    amphi__json_free(goldens);
    free(text);
}

static void template__refusal_by_the_template_carries_its_message(void **state)
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

static void template__failed_render_leaves_what_was_in_the_buffer(void **state)
{
    amphi_buf out;
    amphi__buf_init(&out, 100);
    amphi__buf_append_c(&out, "before");
    assert_int_equal(template_render_small("{{ s }}{{ undef.x }}", &out, NULL), AMPHI_E_FORMAT);
    assert_string_equal(out.data, "before");
    assert_int_equal(template_render_small("{{ s }}", &out, NULL), AMPHI_OK);
    assert_string_equal(out.data, "beforeHello World");
    amphi__buf_clear(&out);
}

static void template__one_compiled_template_renders_many_times(void **state)
{
    amphi_json *context = template_context_parse();
    amphi_template_input input = template_input_of(context);
    amphi_buf out;
    amphi__buf_init(&out, 1000);
    amphi_template *tmpl = NULL;
    assert_int_equal(amphi__template_new(&tmpl,
                         AMPHI_STR("{% set ns = namespace(n=0) %}{% for x in l %}"
                                   "{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }};"),
                         NULL),
        AMPHI_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(amphi__template_render(tmpl, &input, &out, NULL), AMPHI_OK);
    assert_string_equal(out.data, "6;6;6;");
    amphi__template_free(tmpl);
    amphi__buf_clear(&out);
    amphi__json_free(context);
}

static void template__errors_name_the_line(void **state)
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

static void template__output_stops_at_the_buffers_limit(void **state)
{
    amphi_buf out;
    amphi__buf_init(&out, 1000);
    assert_int_equal(template_render_small("{% for i in range(1000) %}abc{% endfor %}", &out, NULL),
        AMPHI_E_LIMIT);
    amphi__buf_clear(&out);
}

/* Templates that ask for endless time or memory: each is refused, and soon. */
static void template__greedy_ones_are_refused(void **state)
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

static void template__deep_and_long_sources_are_refused_without_a_crash(void **state)
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

static void template__flat_long_sources_are_fine(void **state)
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

/* strchr finds a NUL at the end of every list of conversions (found by fuzzing). */
static void template__a_nul_is_no_conversion_of_a_format(void **state)
{
    static const char source[] = "{{ '{:5.\0}'.format(3) }}";
    amphi_buf out;
    amphi__buf_init(&out, 1 << 20);
    amphi_template_input input = {0};
    amphi_error error = {0};
    assert_int_not_equal(
        template_render(amphi_str_make(source, sizeof source - 1), &input, &out, &error), AMPHI_OK);
    assert_non_null(strstr(error.message, "conversion that is not known"));
    amphi__buf_clear(&out);
}

static void template__invalid_utf8_is_refused(void **state)
{
    amphi_template *tmpl = NULL;
    assert_int_equal(
        amphi__template_new(&tmpl, AMPHI_STR("a\xff\xfe{{ s }}"), NULL), AMPHI_E_FORMAT);
    assert_null(tmpl);
}

/* A template that goes through most of the interpreter. */
static const char wide[] =
    "{%- macro say(a, b='x') -%}{{ a ~ b }}{{ caller() if caller is defined }}{%- endmacro -%}\n"
    "{% set ns = namespace(n=[]) %}{# c #}{% raw %}{{ r }}{% endraw %}\n"
    "{% for k, v in d.items() if v %}{% set ns.n = ns.n + [k ~ loop.index] %}"
    "{% if loop.last %}{% break %}{% else %}{{ v|tojson(indent=2) }}{% endif %}{% endfor %}\n"
    "{{ ns.n|sort(reverse=true)|join(', ')|upper }}{{ say(1) }}{% call say(2, b=3) %}in{% endcall "
    "%}\n"
    "{% filter replace('a', 'b') %}{{ s[1:]|title }}{{ 'x%dy' % 3 }}{{ '{}'.format(f) }}{% "
    "endfilter %}"
    "{% set t %}{{ messages|map(attribute='role')|list }}{% endset %}{{ t|trim }}{{ "
    "strftime_now('%Y') }}"
    "{% with z = {'a': (1, 2.5)} %}{{ z }}{{ z.a[0] + 2 ** 3 // 2 - 1 % 4 }}{% endwith %}"
    "{{ ld|groupby('k', default='')|length }}{{ m|unique|list }}{{ lines.split('\\n')|last|e }}"
    "{% generation %}{{ ws.rsplit(none, 1)[-1] if 1 < 2 <= 3 and s is string else '' }}{% "
    "endgeneration %}";

static void template__every_allocation_may_fail(void **state)
{
    failing_alloc_install();
    size_t n = 1;
    amphi_status status;
    do {
        amphi_json *context = template_context_parse();
        amphi_template_input input = template_input_of(context);
        amphi_buf out;
        amphi__buf_init(&out, 1 << 20);
        failing_alloc_at(n++);
        amphi_error error = {0};
        status = template_render(amphi_str_from(wide), &input, &out, &error);
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        if (status != AMPHI_OK && status != AMPHI_E_NO_MEMORY)
            fail_msg("allocation %zu: %s", n - 1, error.message);
        assert_true(failed || status == AMPHI_OK);
        amphi__buf_clear(&out);
        amphi__json_free(context);
        assert_int_equal(failing_alloc_live(), 0);
        if (!failed)
            break;
    } while (n < 10000);
    assert_int_equal(status, AMPHI_OK);
    assert_true(n > 20);
    failing_alloc_remove();
}

static void template__every_truncation_is_an_error_or_a_render(void **state)
{
    amphi_json *context = template_context_parse();
    amphi_template_input input = template_input_of(context);
    for (size_t size = 0; size < sizeof wide; size++) {
        char *copy = malloc(size + 1); /* exactly sized: a read past its end is seen */
        assert_non_null(copy);
        memcpy(copy, wide, size);
        amphi_buf out;
        amphi__buf_init(&out, 1 << 20);
        amphi_error error = {0};
        amphi_status status = template_render(amphi_str_make(copy, size), &input, &out, &error);
        assert_true(status == AMPHI_OK || strstr(error.message, "line ") != NULL);
        amphi__buf_clear(&out);
        free(copy);
    }
    amphi__json_free(context);
}

/* Pieces of the language in random order, and single bytes changed: no crash, no leak. */
static void template__random_sources_are_survived(void **state)
{
    static const char *const pieces[] = {"{{", "}}", "{%", "%}", "-", "+", " ", "\n", "if ", "for ",
        "x", " in ", "l", "endif", "endfor", "else", "set ", "=", "(", ")", "[", "]", "{", "}", "|",
        "upper", "join", "map", "'a'", "1", "2.5", ",", ":", ".", "items", "*", "**", "/", "//",
        "%", "~", "not ", "is ", "defined", "macro ", "endmacro", "call ", "endcall", "loop", "{#",
        "#}", "namespace", "d", "s", "tojson", "raw", "endraw", "filter ", "endfilter", "==", "<",
        "and "};
    amphi_json *context = template_context_parse();
    amphi_template_input input = template_input_of(context);
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 4000; round++) {
        char source[2048] = "";
        size_t size = 0;
        if (round % 2 == 0) {
            memcpy(source, wide, sizeof wide);
            size = sizeof wide - 1;
        }
        for (int i = 0; i < 40; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            const char *piece = pieces[seed % COUNT_OF(pieces)];
            if (round % 2 == 0 && i < 3) {
                size_t at = (size_t)(seed >> 20) % (size - 10);
                memcpy(source + at, piece, strlen(piece) < 10 ? strlen(piece) : 10);
            } else if (round % 2 == 1) {
                memcpy(source + size, piece, strlen(piece));
                size += strlen(piece);
            }
        }
        amphi_buf out;
        amphi__buf_init(&out, 1 << 20);
        amphi_status status = template_render(amphi_str_make(source, size), &input, &out, NULL);
        assert_true(status == AMPHI_OK || out.size == 0);
        amphi__buf_clear(&out);
    }
    amphi__json_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(template__goldens_of_real_templates_are_rendered_byte_for_byte),
        cmocka_unit_test(template__refusal_by_the_template_carries_its_message),
        cmocka_unit_test(template__failed_render_leaves_what_was_in_the_buffer),
        cmocka_unit_test(template__one_compiled_template_renders_many_times),
        cmocka_unit_test(template__errors_name_the_line),
        cmocka_unit_test(template__output_stops_at_the_buffers_limit),
        cmocka_unit_test(template__greedy_ones_are_refused),
        cmocka_unit_test(template__deep_and_long_sources_are_refused_without_a_crash),
        cmocka_unit_test(template__flat_long_sources_are_fine),
        cmocka_unit_test(template__a_nul_is_no_conversion_of_a_format),
        cmocka_unit_test(template__invalid_utf8_is_refused),
        cmocka_unit_test(template__every_allocation_may_fail),
        cmocka_unit_test(template__every_truncation_is_an_error_or_a_render),
        cmocka_unit_test(template__random_sources_are_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
