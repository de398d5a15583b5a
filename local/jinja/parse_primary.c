/* SPDX-License-Identifier: Apache-2.0
 *
 * What an expression is made of: literals, names, brackets; and the tuples and targets that tags
 * take. The operators around them are in parse_expression.c.
 */
#include "local/jinja/builtins.h"
#include "local/jinja/parser.h"

#include "sdk/core/str.h"

static jinja_node *fail(jinja_parser *p, const char *what)
{
    amphi__jinja_parse_fail(p, what);
    return NULL;
}

/* The items of a list or dict up to `close`. */
static jinja_node *items(jinja_parser *p, jinja_node_kind kind, uint16_t close)
{
    jinja_node *node = amphi__jinja_node_new(p, kind);
    bool comma = true;
    while (node != NULL && !amphi__jinja_take_sign(p, close)) {
        if (!comma)
            return fail(p, "the items of a list or mapping are separated by commas");
        if (!amphi__jinja_nodes_push(p, &node->list, amphi__jinja_parse_expression(p)))
            return NULL;
        if (kind == JINJA_NODE_DICT &&
            (!amphi__jinja_expect_sign(p, ':', "a key of a mapping needs a : and a value") ||
                !amphi__jinja_nodes_push(p, &node->list, amphi__jinja_parse_expression(p))))
            return NULL;
        comma = amphi__jinja_take_sign(p, ',');
    }
    return node;
}

static jinja_node *constant(jinja_parser *p, jinja_value value)
{
    jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_CONST);
    if (node != NULL)
        node->value = value;
    return node;
}

static void note_use(jinja_params *macro, uint32_t symbol)
{
    if (macro != NULL) {
        macro->uses_caller |= symbol == JINJA_SYMBOL_CALLER;
        macro->uses_varargs |= symbol == JINJA_SYMBOL_VARARGS;
        macro->uses_kwargs |= symbol == JINJA_SYMBOL_KWARGS;
    }
}

static jinja_node *parse_name(jinja_parser *p, amphi_str name, bool nsref)
{
    if (amphi__str_equal_c(name, "true") || amphi__str_equal_c(name, "True"))
        return constant(p, amphi__jinja_bool(true));
    if (amphi__str_equal_c(name, "false") || amphi__str_equal_c(name, "False"))
        return constant(p, amphi__jinja_bool(false));
    if (amphi__str_equal_c(name, "none") || amphi__str_equal_c(name, "None"))
        return constant(p, amphi__jinja_none());
    jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_NAME);
    if (node == NULL || !amphi__jinja_symbol(p, name, &node->symbol))
        return NULL;
    node->text = name;
    node->builtin = amphi__jinja_global_find(name);
    note_use(p->macro, node->symbol);
    if (nsref && amphi__jinja_take_sign(p, '.')) {
        const jinja_token *token = amphi__jinja_peek(p, 0);
        if (token->kind != JINJA_TOKEN_NAME)
            return fail(p, "a name must follow the dot");
        p->at++;
        node->kind = JINJA_NODE_NSREF;
        node->text = token->text;
    }
    return node;
}

/* String literals that follow each other are one. */
static jinja_node *parse_strings(jinja_parser *p, amphi_str text)
{
    while (amphi__jinja_peek(p, 0)->kind == JINJA_TOKEN_STRING) {
        if (!amphi__jinja_concat(p->arena, text, amphi__jinja_peek(p, 0)->text, &text)) {
            amphi__jinja_parse_fail_memory(p);
            return NULL;
        }
        p->at++;
    }
    return constant(p, amphi__jinja_str(text));
}

jinja_node *amphi__jinja_parse_primary(jinja_parser *p, bool nsref)
{
    const jinja_token *token = amphi__jinja_peek(p, 0);
    p->at++;
    switch (token->kind) {
    case JINJA_TOKEN_NAME:
        return parse_name(p, token->text, nsref);
    case JINJA_TOKEN_STRING:
        return parse_strings(p, token->text);
    case JINJA_TOKEN_INT:
        return constant(p, amphi__jinja_int(token->integer));
    case JINJA_TOKEN_FLOAT:
        return constant(p, amphi__jinja_float(token->number));
    default:
        break;
    }
    if (token->kind == JINJA_TOKEN_SIGN && token->sign == '(') {
        jinja_node *node = amphi__jinja_parse_tuple(p, JINJA_IN_PAREN, NULL);
        return node != NULL && amphi__jinja_expect_sign(p, ')', "a ( is not closed") ? node : NULL;
    }
    if (token->kind == JINJA_TOKEN_SIGN && token->sign == '[')
        return items(p, JINJA_NODE_LIST, ']');
    if (token->kind == JINJA_TOKEN_SIGN && token->sign == '{')
        return items(p, JINJA_NODE_DICT, '}');
    p->at--;
    return fail(p, "an expression is missing or malformed");
}

static bool at_tuple_end(const jinja_parser *p, const char *stop)
{
    uint8_t kind = amphi__jinja_peek(p, 0)->kind;
    return kind == JINJA_TOKEN_PRINT_END || kind == JINJA_TOKEN_BLOCK_END ||
           amphi__jinja_at_sign(p, ')') || (stop != NULL && amphi__jinja_at_name(p, stop));
}

static jinja_node *tuple_item(jinja_parser *p, unsigned flags)
{
    if ((flags & JINJA_TARGET) != 0)
        return amphi__jinja_parse_primary(p, (flags & JINJA_NSREF) != 0);
    if ((flags & JINJA_NO_COND) == 0)
        return amphi__jinja_parse_expression(p);
    if (!amphi__jinja_enter(p))
        return NULL;
    jinja_node *node = amphi__jinja_parse_or(p);
    p->depth--;
    return node;
}

jinja_node *amphi__jinja_parse_tuple(jinja_parser *p, unsigned flags, const char *stop)
{
    jinja_node *node = NULL;
    while (!at_tuple_end(p, stop)) {
        jinja_node *item = tuple_item(p, flags);
        if (item == NULL)
            return NULL;
        if (!amphi__jinja_take_sign(p, ',')) {
            return node == NULL || amphi__jinja_nodes_push(p, &node->list, item)
                       ? (node == NULL ? item : node)
                       : NULL;
        }
        if (node == NULL && (node = amphi__jinja_node_new(p, JINJA_NODE_TUPLE)) == NULL)
            return NULL;
        if (!amphi__jinja_nodes_push(p, &node->list, item))
            return NULL;
    }
    if (node == NULL && (flags & JINJA_IN_PAREN) != 0)
        node = amphi__jinja_node_new(p, JINJA_NODE_TUPLE);
    return node != NULL ? node : fail(p, "an expression is missing");
}

static bool can_assign(const jinja_node *node)
{
    if (node->kind != JINJA_NODE_TUPLE)
        return node->kind == JINJA_NODE_NAME || node->kind == JINJA_NODE_NSREF;
    for (size_t i = 0; i < node->list.count; i++)
        if (!can_assign(node->list.items[i])) /* as deep as the parser went: bounded */
            return false;
    return true;
}

jinja_node *amphi__jinja_parse_target(jinja_parser *p, unsigned flags, const char *stop)
{
    jinja_node *node = (flags & JINJA_ONE_NAME) != 0 ? amphi__jinja_parse_primary(p, false)
                                                     : amphi__jinja_parse_tuple(p, flags, stop);
    if (node == NULL)
        return NULL;
    if (!can_assign(node) || ((flags & JINJA_ONE_NAME) != 0 && node->kind != JINJA_NODE_NAME))
        return fail(p, "this can't be assigned to");
    return node;
}
