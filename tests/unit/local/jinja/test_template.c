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

static void template__a_cancelled_render_is_no_exhausted_one(void **state)
{
    _Atomic uint32_t word = 0;
    const amphi_cancel cancel = {&word, 1};
    amphi_json *context = template_context_parse();
    amphi_template_input input = template_input_of(context);
    input.cancel = &cancel;
    amphi_buf out;
    amphi__buf_init(&out, 1 << 20);
    amphi_error error = {0};
    assert_int_equal(template_render(amphi_str_from(wide), &input, &out, &error), AMPHI_OK);
    size_t before = out.size;
    word = 1;
    assert_int_equal(
        template_render(amphi_str_from(wide), &input, &out, &error), AMPHI_E_CANCELLED);
    assert_string_equal(error.message, "the request was cancelled");
    assert_int_equal(out.size, before);
    amphi__buf_clear(&out);
    amphi__json_free(context);
}

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
        cmocka_unit_test(template__failed_render_leaves_what_was_in_the_buffer),
        cmocka_unit_test(template__one_compiled_template_renders_many_times),
        cmocka_unit_test(template__a_nul_is_no_conversion_of_a_format),
        cmocka_unit_test(template__invalid_utf8_is_refused),
        cmocka_unit_test(template__a_cancelled_render_is_no_exhausted_one),
        cmocka_unit_test(template__every_allocation_may_fail),
        cmocka_unit_test(template__every_truncation_is_an_error_or_a_render),
        cmocka_unit_test(template__random_sources_are_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
