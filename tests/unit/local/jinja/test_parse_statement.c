/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements as nodes, and what the grammar refuses: unknown, unclosed, or with a malformed head.
 */
#include "local/jinja/ast.h"
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{% for loop in l %}{% endfor %}", NULL},
    {"{% macro m(a=1,b) %}{% endmacro %}", NULL},
    {"{% do x %}", NULL},
    {"{% include 'x' %}", NULL},
    {"{% extends 'x' %}", NULL},
    {"{% import 'x' as y %}", NULL},
    {"{% unknown %}", NULL},
    {"{% if %}{% endif %}", NULL},
    {"{% if x %}", NULL},
    {"{% endif %}", NULL},
    {"{% for x in %}{% endfor %}", NULL},
    {"{% for in l %}{% endfor %}", NULL},
    {"{% set x %}", NULL},
    {"{% macro %}{% endmacro %}", NULL},
    {"{% macro f %}{% endmacro %}", NULL},
    {"{% set 1 = 2 %}", NULL},
    {"{% set x.y.z = 2 %}", NULL},
    {"{% set x[0] = 2 %}", NULL},
    {"{% elif x %}", NULL},
    {"{% else %}", NULL},
    {"{% endfor %}", NULL},
    {"{% if a if b else c %}{% endif %}", NULL},
};

static void parse_statement__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

/* One statement becomes one node, with its parts in the places that ast.h names. */
static void parse_statement__each_statement_has_its_node(void **state)
{
    static const struct {
        const char *source;
        jinja_node_kind kind;
        size_t body, otherwise;
    } rows[] = {{"text", JINJA_NODE_TEXT, 0, 0}, {"{{ a }}", JINJA_NODE_PRINT, 0, 0},
        {"{% if a %}x{% elif b %}y{% else %}z{{ 1 }}{% endif %}", JINJA_NODE_IF, 2, 2},
        {"{% for a in b %}x{{ a }}{% else %}y{% endfor %}", JINJA_NODE_FOR, 2, 1},
        {"{% set a = 1 %}", JINJA_NODE_SET, 0, 0},
        {"{% set a %}x{% endset %}", JINJA_NODE_SET_BLOCK, 1, 0},
        {"{% macro a(b, c=1) %}x{% endmacro %}", JINJA_NODE_MACRO, 1, 0},
        {"{% call a() %}x{% endcall %}", JINJA_NODE_CALL_BLOCK, 1, 0},
        {"{% filter upper %}x{% endfilter %}", JINJA_NODE_FILTER_BLOCK, 1, 0},
        {"{% with a = 1 %}x{% endwith %}", JINJA_NODE_WITH, 1, 0},
        {"{% generation %}x{% endgeneration %}", JINJA_NODE_SCOPE, 1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        jinja_arena arena;
        amphi__jinja_arena_init(&arena, 1 << 20);
        jinja_program program;
        amphi_error error = {0};
        if (amphi__jinja_parse(&program, &arena, amphi_str_from(rows[i].source), &error) !=
            AMPHI_OK)
            fail_msg("%s: %s", rows[i].source, error.message);
        assert_int_equal(program.body.count, 1);
        const jinja_node *node = program.body.items[0];
        assert_int_equal(node->kind, rows[i].kind);
        assert_int_equal(node->list.count, rows[i].body);
        assert_int_equal(node->else_list.count, rows[i].otherwise);
        amphi__jinja_arena_clear(&arena);
    }
}

static void parse_statement__a_macro_notes_which_hidden_names_it_uses(void **state)
{
    static const struct {
        const char *source;
        bool varargs, kwargs, caller;
    } rows[] = {{"{% macro m() %}x{% endmacro %}", false, false, false},
        {"{% macro m() %}{{ varargs }}{% endmacro %}", true, false, false},
        {"{% macro m() %}{% if kwargs %}{{ caller() }}{% endif %}{% endmacro %}", false, true,
            true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        jinja_arena arena;
        amphi__jinja_arena_init(&arena, 1 << 20);
        jinja_program program;
        assert_int_equal(
            amphi__jinja_parse(&program, &arena, amphi_str_from(rows[i].source), NULL), AMPHI_OK);
        const jinja_params *params = program.body.items[0]->params;
        assert_int_equal(params->uses_varargs, rows[i].varargs);
        assert_int_equal(params->uses_kwargs, rows[i].kwargs);
        assert_int_equal(params->uses_caller, rows[i].caller);
        amphi__jinja_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_statement__small_templates_agree_with_the_reference),
        cmocka_unit_test(parse_statement__each_statement_has_its_node),
        cmocka_unit_test(parse_statement__a_macro_notes_which_hidden_names_it_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
