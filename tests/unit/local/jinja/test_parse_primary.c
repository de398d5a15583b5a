/* SPDX-License-Identifier: Apache-2.0
 *
 * What an expression is made of: literals, names, lists, mappings, tuples; and the targets that a
 * for or a set may assign to.
 */
#include "local/jinja/parser.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The one statement of a source; the caller clears the arena. */
static const jinja_node *parse_one(jinja_arena *arena, jinja_program *program, const char *source)
{
    amphi__jinja_arena_init(arena, 1 << 20);
    amphi_error error = {0};
    if (amphi__jinja_parse(program, arena, amphi_str_from(source), &error) != AMPHI_OK)
        fail_msg("%s: %s", source, error.message);
    assert_int_equal(program->body.count, 1);
    return program->body.items[0];
}

static void parse_primary__literals_are_constants(void **state)
{
    static const struct {
        const char *source;
        jinja_kind kind;
    } rows[] = {{"{{ 12 }}", JINJA_INT}, {"{{ 1.5 }}", JINJA_FLOAT}, {"{{ 'a' }}", JINJA_STRING},
        {"{{ true }}", JINJA_BOOL}, {"{{ False }}", JINJA_BOOL}, {"{{ none }}", JINJA_NONE},
        {"{{ None }}", JINJA_NONE}};
    jinja_arena arena;
    jinja_program program;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const jinja_node *node = parse_one(&arena, &program, rows[i].source)->a;
        assert_int_equal(node->kind, JINJA_NODE_CONST);
        assert_int_equal(node->value.kind, rows[i].kind);
        amphi__jinja_arena_clear(&arena);
    }
    const jinja_node *text = parse_one(&arena, &program, "{{ 'a' \"b\" 'c' }}")->a;
    assert_true(amphi__str_equal_c(text->value.as.text, "abc")); /* neighbours are one */
    amphi__jinja_arena_clear(&arena);
}

static void parse_primary__brackets_hold_lists_mappings_and_tuples(void **state)
{
    static const struct {
        const char *source;
        jinja_node_kind kind;
        size_t count;
    } rows[] = {{"{{ [] }}", JINJA_NODE_LIST, 0}, {"{{ [1, 2,] }}", JINJA_NODE_LIST, 2},
        {"{{ {} }}", JINJA_NODE_DICT, 0}, {"{{ {'a': 1, 'b': 2} }}", JINJA_NODE_DICT, 4},
        {"{{ () }}", JINJA_NODE_TUPLE, 0}, {"{{ (1,) }}", JINJA_NODE_TUPLE, 1},
        {"{{ 1, 2 }}", JINJA_NODE_TUPLE, 2}, {"{{ (1) }}", JINJA_NODE_CONST, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        jinja_arena arena;
        jinja_program program;
        const jinja_node *node = parse_one(&arena, &program, rows[i].source)->a;
        assert_int_equal(node->kind, rows[i].kind);
        assert_int_equal(node->list.count, rows[i].count);
        amphi__jinja_arena_clear(&arena);
    }
}

/* One name has one number in the whole program; the fixed names have their own. */
static void parse_primary__names_are_numbered(void **state)
{
    jinja_arena arena;
    jinja_program program;
    const jinja_node *list = parse_one(&arena, &program, "{{ [a, b, a, loop, caller] }}")->a;
    assert_int_equal(list->list.items[0]->symbol, list->list.items[2]->symbol);
    assert_int_not_equal(list->list.items[0]->symbol, list->list.items[1]->symbol);
    assert_true(list->list.items[0]->symbol >= JINJA_SYMBOLS_FIXED);
    assert_int_equal(list->list.items[3]->symbol, JINJA_SYMBOL_LOOP);
    assert_int_equal(list->list.items[4]->symbol, JINJA_SYMBOL_CALLER);
    assert_int_equal(program.symbol_count, JINJA_SYMBOLS_FIXED + 2);
    amphi__jinja_arena_clear(&arena);
}

static void parse_primary__targets_are_names_and_tuples_of_names(void **state)
{
    static const struct {
        const char *source;
        jinja_node_kind kind;
    } rows[] = {{"{% set a = 1 %}", JINJA_NODE_NAME}, {"{% set a, b = 1 %}", JINJA_NODE_TUPLE},
        {"{% set (a, b) = 1 %}", JINJA_NODE_TUPLE}, {"{% set a.b = 1 %}", JINJA_NODE_NSREF},
        {"{% for a in b %}{% endfor %}", JINJA_NODE_NAME},
        {"{% for a, (b, c) in d %}{% endfor %}", JINJA_NODE_TUPLE}};
    static const char *const refused[] = {"{% set 1 = 2 %}", "{% set a, 1 = 2 %}",
        "{% set [a] = 2 %}", "{% set none = 2 %}", "{% set a.b.c = 2 %}",
        "{% for a.b in c %}{% endfor %}"};
    jinja_arena arena;
    jinja_program program;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(parse_one(&arena, &program, rows[i].source)->a->kind, rows[i].kind);
        amphi__jinja_arena_clear(&arena);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        amphi__jinja_arena_init(&arena, 1 << 20);
        if (amphi__jinja_parse(&program, &arena, amphi_str_from(refused[i]), NULL) !=
            AMPHI_E_FORMAT)
            fail_msg("%s", refused[i]);
        amphi__jinja_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_primary__literals_are_constants),
        cmocka_unit_test(parse_primary__brackets_hold_lists_mappings_and_tuples),
        cmocka_unit_test(parse_primary__names_are_numbered),
        cmocka_unit_test(parse_primary__targets_are_names_and_tuples_of_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
