/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions, one function per level of precedence, from the conditional down to the unary
 * operators. Filters and tests bind closer than every operator, as in Jinja2: `1 + -2 | abs` is
 * `1 + ((-2) | abs)`.
 */
#include "local/jinja/builtins.h"
#include "local/jinja/parser.h"

#include "sdk/core/str.h"

static jinja_node *parse_unary(jinja_parser *p, bool with_filters);

static jinja_node *fail(jinja_parser *p, const char *what)
{
    amphi__jinja_parse_fail(p, what);
    return NULL;
}

/* A node with two children; NULL when one is missing. */
static jinja_node *pair(jinja_parser *p, jinja_node_kind kind, jinja_node *a, jinja_node *b)
{
    jinja_node *node = a != NULL && b != NULL ? amphi__jinja_node_new(p, kind) : NULL;
    if (node != NULL) {
        node->a = a;
        node->b = b;
        node->line = a->line;
    }
    return node;
}

static jinja_node *parse_cond(jinja_parser *p)
{
    jinja_node *first = amphi__jinja_parse_or(p);
    while (first != NULL && amphi__jinja_take_name(p, "if")) {
        jinja_node *node = pair(p, JINJA_NODE_COND, first, amphi__jinja_parse_or(p));
        if (node == NULL)
            return NULL;
        if (amphi__jinja_take_name(p, "else") &&
            (node->c = amphi__jinja_parse_expression(p)) == NULL)
            return NULL;
        first = node;
    }
    return first;
}

jinja_node *amphi__jinja_parse_expression(jinja_parser *p)
{
    if (!amphi__jinja_enter(p))
        return NULL;
    jinja_node *node = parse_cond(p);
    p->depth--;
    return node;
}

static jinja_node *parse_not(jinja_parser *p);

static jinja_node *parse_and(jinja_parser *p)
{
    jinja_node *left = parse_not(p);
    while (left != NULL && amphi__jinja_take_name(p, "and"))
        left = pair(p, JINJA_NODE_AND, left, parse_not(p));
    return left;
}

jinja_node *amphi__jinja_parse_or(jinja_parser *p)
{
    jinja_node *left = parse_and(p);
    while (left != NULL && amphi__jinja_take_name(p, "or"))
        left = pair(p, JINJA_NODE_OR, left, parse_and(p));
    return left;
}

static jinja_node *parse_concat(jinja_parser *p);

static jinja_node *parse_sum(jinja_parser *p)
{
    jinja_node *left = parse_concat(p);
    while (left != NULL && (amphi__jinja_at_sign(p, '+') || amphi__jinja_at_sign(p, '-'))) {
        uint16_t op = amphi__jinja_peek(p, 0)->sign;
        p->at++;
        left = pair(p, JINJA_NODE_BINARY, left, parse_concat(p));
        if (left != NULL)
            left->op = op;
    }
    return left;
}

/* The comparison at the current place (taken), or 0. */
static uint16_t comparison(jinja_parser *p)
{
    static const uint16_t signs[] = {'<', '>', JINJA_SIGN('=', '='), JINJA_SIGN('!', '='),
        JINJA_SIGN('<', '='), JINJA_SIGN('>', '=')};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (amphi__jinja_take_sign(p, signs[i]))
            return signs[i];
    if (amphi__jinja_take_name(p, "in"))
        return JINJA_OP_IN;
    if (amphi__jinja_at_name(p, "not") && amphi__jinja_peek(p, 1)->kind == JINJA_TOKEN_NAME &&
        amphi__str_equal_c(amphi__jinja_peek(p, 1)->text, "in")) {
        p->at += 2;
        return JINJA_OP_NOT_IN;
    }
    return 0;
}

static jinja_node *parse_compare(jinja_parser *p)
{
    jinja_node *left = parse_sum(p);
    jinja_node *node = NULL;
    uint16_t op;
    while (left != NULL && (op = comparison(p)) != 0) {
        jinja_node *operand = amphi__jinja_node_new(p, JINJA_NODE_OPERAND);
        if (node == NULL)
            node = amphi__jinja_node_new(p, JINJA_NODE_COMPARE);
        if (node == NULL || operand == NULL)
            return NULL;
        node->a = left;
        operand->op = op;
        operand->a = parse_sum(p);
        if (operand->a == NULL || !amphi__jinja_nodes_push(p, &node->list, operand))
            return NULL;
    }
    return left != NULL && node != NULL ? node : left;
}

static jinja_node *parse_not(jinja_parser *p)
{
    if (!amphi__jinja_at_name(p, "not"))
        return parse_compare(p);
    jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_UNARY);
    p->at++;
    if (node == NULL || !amphi__jinja_enter(p))
        return NULL;
    node->op = '!';
    node->a = parse_not(p);
    p->depth--;
    return node->a != NULL ? node : NULL;
}

static jinja_node *parse_power(jinja_parser *p)
{
    jinja_node *left = parse_unary(p, true);
    while (left != NULL && amphi__jinja_take_sign(p, JINJA_SIGN('*', '*'))) {
        left = pair(p, JINJA_NODE_BINARY, left, parse_unary(p, true));
        if (left != NULL)
            left->op = JINJA_SIGN('*', '*');
    }
    return left;
}

static jinja_node *parse_product(jinja_parser *p)
{
    static const uint16_t signs[] = {'*', '/', '%', JINJA_SIGN('/', '/')};
    jinja_node *left = parse_power(p);
    for (size_t i = 0; left != NULL && i < sizeof signs / sizeof signs[0]; i++) {
        if (amphi__jinja_take_sign(p, signs[i])) {
            left = pair(p, JINJA_NODE_BINARY, left, parse_power(p));
            if (left != NULL)
                left->op = signs[i];
            i = (size_t)-1; /* any of them may follow */
        }
    }
    return left;
}

static jinja_node *parse_concat(jinja_parser *p)
{
    jinja_node *first = parse_product(p);
    if (first == NULL || !amphi__jinja_at_sign(p, '~'))
        return first;
    jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_CONCAT);
    if (node == NULL || !amphi__jinja_nodes_push(p, &node->list, first))
        return NULL;
    while (amphi__jinja_take_sign(p, '~'))
        if (!amphi__jinja_nodes_push(p, &node->list, parse_product(p)))
            return NULL;
    return node;
}

/* One argument of a call, positional or named. */
static bool argument(jinja_parser *p, jinja_args *args)
{
    const jinja_token *token = amphi__jinja_peek(p, 0), *next = amphi__jinja_peek(p, 1);
    if (amphi__jinja_take_sign(p, JINJA_SIGN('*', '*'))) {
        args->stars = args->stars == NULL ? amphi__jinja_parse_expression(p) : NULL;
        return args->stars != NULL || amphi__jinja_parse_fail(p, "a call has ** twice");
    }
    if (args->stars != NULL)
        return amphi__jinja_parse_fail(p, "an argument follows **");
    if (token->kind == JINJA_TOKEN_NAME && next->kind == JINJA_TOKEN_SIGN && next->sign == '=') {
        jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_NAME);
        p->at += 2;
        if (node == NULL || (node->a = amphi__jinja_parse_expression(p)) == NULL)
            return false;
        node->text = token->text;
        return amphi__jinja_nodes_push(p, &args->named, node);
    }
    if (args->star != NULL || args->named.count > 0)
        return amphi__jinja_parse_fail(p, "a positional argument follows a named one");
    if (amphi__jinja_take_sign(p, '*')) {
        args->star = amphi__jinja_parse_expression(p);
        return args->star != NULL;
    }
    return amphi__jinja_nodes_push(p, &args->values, amphi__jinja_parse_expression(p));
}

/* "(" arguments ")"; the "(" is the current token. */
static bool arguments(jinja_parser *p, jinja_node *node)
{
    node->args = amphi__jinja_alloc(p->arena, sizeof *node->args);
    if (node->args == NULL)
        return amphi__jinja_parse_fail_memory(p);
    p->at++;
    bool comma = true;
    while (!amphi__jinja_take_sign(p, ')')) {
        if (!comma)
            return amphi__jinja_parse_fail(p, "arguments are separated by commas");
        if (!argument(p, node->args))
            return false;
        comma = amphi__jinja_take_sign(p, ',');
    }
    return true;
}

/* A name with dots in it, as filters and tests may have. */
static bool dotted(jinja_parser *p, amphi_str *out)
{
    const jinja_token *token = amphi__jinja_peek(p, 0);
    if (token->kind != JINJA_TOKEN_NAME)
        return amphi__jinja_parse_fail(p, "a filter or test needs a name");
    *out = token->text;
    p->at++;
    if (amphi__jinja_at_sign(p, '.'))
        return amphi__jinja_parse_fail(p, "no filter or test has a dot in its name");
    return true;
}

jinja_node *amphi__jinja_parse_filters(jinja_parser *p, jinja_node *subject, bool inline_first)
{
    while (inline_first || amphi__jinja_take_sign(p, '|')) {
        jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_FILTER);
        inline_first = false;
        if (node == NULL || !dotted(p, &node->text))
            return NULL;
        node->a = subject;
        node->builtin = amphi__jinja_filter_find(node->text);
        if (amphi__jinja_at_sign(p, '(') && !arguments(p, node))
            return NULL;
        subject = node;
    }
    return subject;
}

static jinja_node *parse_postfix(jinja_parser *p, jinja_node *node);

/* `is name`, `is name value`, `is name(values)`; the "is" is taken. */
static jinja_node *parse_test(jinja_parser *p, jinja_node *subject)
{
    jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_TEST), *negation = NULL;
    if (amphi__jinja_at_name(p, "not")) {
        negation = amphi__jinja_node_new(p, JINJA_NODE_UNARY);
        if (negation == NULL)
            return NULL;
        p->at++;
    }
    if (node == NULL || !dotted(p, &node->text))
        return NULL;
    node->a = subject;
    node->builtin = amphi__jinja_test_find(node->text);
    const jinja_token *token = amphi__jinja_peek(p, 0);
    if (amphi__jinja_at_sign(p, '(')) {
        if (!arguments(p, node))
            return NULL;
    } else if ((token->kind >= JINJA_TOKEN_NAME && token->kind <= JINJA_TOKEN_FLOAT &&
                   !amphi__jinja_at_name(p, "else") && !amphi__jinja_at_name(p, "or") &&
                   !amphi__jinja_at_name(p, "and")) ||
               amphi__jinja_at_sign(p, '[') || amphi__jinja_at_sign(p, '{')) {
        if (amphi__jinja_at_name(p, "is"))
            return fail(p, "tests can't be chained with is");
        node->args = amphi__jinja_alloc(p->arena, sizeof *node->args);
        if (node->args == NULL) {
            amphi__jinja_parse_fail_memory(p);
            return NULL;
        }
        jinja_node *value = amphi__jinja_parse_primary(p, false);
        value = value != NULL ? parse_postfix(p, value) : NULL;
        if (!amphi__jinja_nodes_push(p, &node->args->values, value))
            return NULL;
    }
    if (negation != NULL) {
        negation->op = '!';
        negation->a = node;
    }
    return negation != NULL ? negation : node;
}

/* What stands between the brackets of a[...]: an index or a slice into `node`. */
static bool subscript(jinja_parser *p, jinja_node *node)
{
    jinja_node **parts[] = {&node->b, &node->c, &node->d};
    if (!amphi__jinja_at_sign(p, ':')) {
        node->b = amphi__jinja_parse_tuple(p, JINJA_PLAIN, NULL);
        if (node->b == NULL)
            return false;
    }
    size_t part = 0;
    while (part < 2 && amphi__jinja_take_sign(p, ':')) {
        node->kind = JINJA_NODE_SLICE;
        part++;
        if (!amphi__jinja_at_sign(p, ':') && !amphi__jinja_at_sign(p, ']')) {
            *parts[part] = amphi__jinja_parse_expression(p);
            if (*parts[part] == NULL)
                return false;
        }
    }
    return amphi__jinja_expect_sign(p, ']', "a subscript needs a closing ]");
}

static bool attribute(jinja_parser *p, jinja_node *node)
{
    const jinja_token *token = amphi__jinja_peek(p, 0);
    p->at++;
    if (token->kind == JINJA_TOKEN_NAME) {
        node->kind = JINJA_NODE_ATTR;
        node->text = token->text;
        return true;
    }
    if (token->kind != JINJA_TOKEN_INT)
        return amphi__jinja_parse_fail(p, "a name or a number must follow the dot");
    node->b = amphi__jinja_node_new(p, JINJA_NODE_CONST);
    if (node->b == NULL)
        return false;
    node->b->value = amphi__jinja_int(token->integer);
    return true;
}

static jinja_node *parse_postfix(jinja_parser *p, jinja_node *subject)
{
    for (;;) {
        if (!amphi__jinja_at_sign(p, '.') && !amphi__jinja_at_sign(p, '[') &&
            !amphi__jinja_at_sign(p, '('))
            return subject;
        jinja_node *node = amphi__jinja_node_new(p, JINJA_NODE_ITEM);
        if (node == NULL)
            return NULL;
        node->a = subject;
        bool fine;
        if (amphi__jinja_take_sign(p, '.')) {
            fine = attribute(p, node);
        } else if (amphi__jinja_take_sign(p, '[')) {
            fine = subscript(p, node);
        } else {
            node->kind = JINJA_NODE_CALL;
            fine = arguments(p, node);
        }
        if (!fine)
            return NULL;
        subject = node;
    }
}

/* Filters, tests and calls after a value, in any order. */
static jinja_node *parse_suffixes(jinja_parser *p, jinja_node *node)
{
    while (node != NULL)
        if (amphi__jinja_at_sign(p, '|'))
            node = amphi__jinja_parse_filters(p, node, false);
        else if (amphi__jinja_take_name(p, "is"))
            node = parse_test(p, node);
        else if (amphi__jinja_at_sign(p, '('))
            node = parse_postfix(p, node);
        else
            break;
    return node;
}

static jinja_node *parse_unary(jinja_parser *p, bool with_filters)
{
    jinja_node *node;
    if (amphi__jinja_at_sign(p, '-') || amphi__jinja_at_sign(p, '+')) {
        node = amphi__jinja_node_new(p, JINJA_NODE_UNARY);
        if (node == NULL || !amphi__jinja_enter(p))
            return NULL;
        node->op = amphi__jinja_peek(p, 0)->sign;
        p->at++;
        node->a = parse_unary(p, false);
        p->depth--;
        if (node->a == NULL)
            return NULL;
    } else {
        node = amphi__jinja_parse_primary(p, false);
    }
    node = node != NULL ? parse_postfix(p, node) : NULL;
    return with_filters ? parse_suffixes(p, node) : node;
}
