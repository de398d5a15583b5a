/* SPDX-License-Identifier: Apache-2.0
 *
 * Precedence, and expressions that the grammar refuses.
 */
#include "local/jinja/parser.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ }}", NULL},
    {"{{ 1 2 }}", NULL},
    {"{{ ( }}", NULL},
    {"{{ ) }}", NULL},
    {"{{ a b }}", NULL},
    {"{{ [1,2 }}", NULL},
    {"{{ {1} }}", NULL},
    {"{{ a. }}", NULL},
    {"{{ a[ }}", NULL},
    {"{{ a[] }}", NULL},
    {"{{ x(1,a=2,3) }}", NULL},
    {"{{ 1 if }}", NULL},
    {"{{ , }}", NULL},
    {"{{ a|}}", NULL},
    {"{{ a is }}", NULL},
    {"{{ a.1 }}", NULL},
    {"{{ 'a' 1 }}", NULL},
};

static void parse_expression__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

/* The tree as text: (op a b), with the operators' signs and the nodes' names. */
static void describe(const jinja_node *node, amphi_buf *out)
{
    const char *names[] = {[JINJA_NODE_ATTR] = ".",
        [JINJA_NODE_ITEM] = "[]",
        [JINJA_NODE_CALL] = "call",
        [JINJA_NODE_FILTER] = "|",
        [JINJA_NODE_TEST] = "is",
        [JINJA_NODE_CONCAT] = "~",
        [JINJA_NODE_COMPARE] = "compare",
        [JINJA_NODE_AND] = "and",
        [JINJA_NODE_OR] = "or",
        [JINJA_NODE_COND] = "if",
        [JINJA_NODE_TUPLE] = "tuple",
        [JINJA_NODE_LIST] = "list"};
    if (node->kind == JINJA_NODE_CONST) {
        amphi__buf_printf(out, "%lld", (long long)node->value.as.integer);
        return;
    }
    if (node->kind == JINJA_NODE_NAME) {
        amphi__buf_printf(out, "%.*s", (int)node->text.size, node->text.data);
        return;
    }
    amphi__buf_append_char(out, '(');
    if (node->kind == JINJA_NODE_UNARY || node->kind == JINJA_NODE_BINARY ||
        node->kind == JINJA_NODE_OPERAND) {
        if (node->op > 0xFF)
            amphi__buf_append_char(out, (char)(node->op >> 8));
        amphi__buf_append_char(out, (char)(node->op & 0xFF));
    } else {
        amphi__buf_append_c(out, names[node->kind]);
    }
    if (node->text.size > 0)
        amphi__buf_printf(out, "%.*s", (int)node->text.size, node->text.data);
    const jinja_node *parts[] = {node->a, node->b, node->c};
    for (size_t i = 0; i < 3; i++) {
        if (parts[i] != NULL) {
            amphi__buf_append_char(out, ' ');
            describe(parts[i], out);
        }
    }
    for (size_t i = 0; i < node->list.count; i++) {
        amphi__buf_append_char(out, ' ');
        describe(node->list.items[i], out);
    }
    amphi__buf_append_char(out, ')');
}

static void parse_expression__precedence_is_jinjas(void **state)
{
    static const struct {
        const char *source, *tree;
    } rows[] = {{"{{ 1 + 2 * 3 }}", "(+ 1 (* 2 3))"}, {"{{ 1 - 2 - 3 }}", "(- (- 1 2) 3)"},
        {"{{ -1 ** 2 }}", "(** (- 1) 2)"}, {"{{ 2 ** 3 ** 4 }}", "(** (** 2 3) 4)"},
        {"{{ 1 + -2 | abs }}", "(+ 1 (|abs (- 2)))"}, {"{{ a.b[1] }}", "([] (.b a) 1)"},
        {"{{ a or b and not c }}", "(or a (and b (! c)))"},
        {"{{ 1 < 2 == 3 }}", "(compare 1 (< 2) (== 3))"},
        {"{{ a ~ b ~ 1 + 2 }}", "(+ (~ a b 1) 2)"}, {"{{ a if b else c }}", "(if a b c)"},
        {"{{ a is defined and b }}", "(and (isdefined a) b)"}, {"{{ a|f|g.h }}", NULL},
        {"{{ a, [1, b] }}", "(tuple a (list 1 b))"},
        {"{{ not a == b }}", "(! (compare a (== b)))"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        jinja_arena arena;
        amphi__jinja_arena_init(&arena, 1 << 20);
        jinja_program program;
        amphi_error error = {0};
        amphi_status status =
            amphi__jinja_parse(&program, &arena, amphi_str_from(rows[i].source), &error);
        amphi_buf out;
        amphi__buf_init(&out, 0);
        if (status == AMPHI_OK)
            describe(program.body.items[0]->a, &out);
        if (rows[i].tree == NULL ? status == AMPHI_OK
                                 : !amphi__str_equal_c(amphi__buf_str(&out), rows[i].tree))
            fail_msg("%s\n%.*s\n%s", rows[i].source, (int)out.size,
                out.data != NULL ? out.data : "", error.message);
        amphi__buf_clear(&out);
        amphi__jinja_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_expression__small_templates_agree_with_the_reference),
        cmocka_unit_test(parse_expression__precedence_is_jinjas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
