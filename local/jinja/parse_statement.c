/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements ({% if %}, {% for %}, ...). Follows the grammar of Jinja2's parser, including what it
 * refuses. Statements that load other templates (extends, block, include, import) have no meaning
 * in a model file and are refused.
 */
#include "local/jinja/parser.h"

#include "sdk/core/str.h"

static bool body(jinja_parser *p, jinja_nodes *out, const char *const *ends);

static bool block_end(jinja_parser *p)
{
    if (amphi__jinja_peek(p, 0)->kind != JINJA_TOKEN_BLOCK_END)
        return amphi__jinja_parse_fail(p, "a tag has something it should not have before its %}");
    p->at++;
    return true;
}

/* The body of a tag up to one of `ends`, which stays the current token. */
static bool tag_body(jinja_parser *p, jinja_nodes *out, const char *const *ends)
{
    amphi__jinja_take_sign(p, ':');
    if (!block_end(p) || !amphi__jinja_enter(p) || !body(p, out, ends))
        return false;
    p->depth--;
    return true;
}

static bool tag_body_taken(jinja_parser *p, jinja_nodes *out, const char *end)
{
    const char *const ends[] = {end, NULL};
    if (!tag_body(p, out, ends))
        return false;
    p->at++;
    return true;
}

static bool parse_for(jinja_parser *p, jinja_node *node)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    node->a = amphi__jinja_parse_target(p, JINJA_TARGET, "in");
    if (node->a == NULL)
        return false;
    if (node->a->kind == JINJA_NODE_NAME && node->a->symbol == JINJA_SYMBOL_LOOP)
        return amphi__jinja_parse_fail(p, "a loop's variable can't be called loop");
    if (!amphi__jinja_take_name(p, "in"))
        return amphi__jinja_parse_fail(p, "for needs 'in' after its variable");
    node->b = amphi__jinja_parse_tuple(p, JINJA_NO_COND, "recursive");
    if (node->b == NULL)
        return false;
    if (amphi__jinja_take_name(p, "if") && (node->c = amphi__jinja_parse_expression(p)) == NULL)
        return false;
    node->recursive = amphi__jinja_take_name(p, "recursive");
    p->loops++;
    if (!tag_body(p, &node->list, ends))
        return false;
    p->loops--;
    if (amphi__jinja_take_name(p, "endfor"))
        return true;
    p->at++;
    return tag_body_taken(p, &node->else_list, "endfor");
}

static bool parse_if(jinja_parser *p, jinja_node *node)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    for (;;) {
        jinja_node *branch = amphi__jinja_node_new(p, JINJA_NODE_BRANCH);
        if (!amphi__jinja_nodes_push(p, &node->list, branch))
            return false;
        branch->a = amphi__jinja_parse_tuple(p, JINJA_NO_COND, NULL);
        if (branch->a == NULL || !tag_body(p, &branch->list, ends))
            return false;
        if (!amphi__jinja_take_name(p, "elif"))
            break;
    }
    if (amphi__jinja_take_name(p, "else"))
        return tag_body_taken(p, &node->else_list, "endif");
    p->at++;
    return true;
}

static bool parse_set(jinja_parser *p, jinja_node *node)
{
    node->a = amphi__jinja_parse_target(p, JINJA_TARGET | JINJA_NSREF, NULL);
    if (node->a == NULL)
        return false;
    if (amphi__jinja_take_sign(p, '=')) {
        node->b = amphi__jinja_parse_tuple(p, JINJA_PLAIN, NULL);
        return node->b != NULL;
    }
    node->kind = JINJA_NODE_SET_BLOCK;
    if (amphi__jinja_at_sign(p, '|') &&
        (node->b = amphi__jinja_parse_filters(p, NULL, false)) == NULL)
        return false;
    return tag_body_taken(p, &node->list, "endset");
}

static jinja_params *new_params(jinja_parser *p)
{
    jinja_params *params = amphi__jinja_alloc(p->arena, sizeof *params);
    if (params == NULL)
        amphi__jinja_parse_fail_memory(p);
    return params;
}

static bool signature(jinja_parser *p, jinja_params *params)
{
    if (!amphi__jinja_expect_sign(p, '(', "parameters need a ("))
        return false;
    while (!amphi__jinja_take_sign(p, ')')) {
        if (params->targets.count > 0 &&
            !amphi__jinja_expect_sign(p, ',', "parameters are separated by commas"))
            return false;
        if (amphi__jinja_peek(p, 0)->kind != JINJA_TOKEN_NAME)
            return amphi__jinja_parse_fail(p, "a parameter needs a name");
        jinja_node *target = amphi__jinja_parse_target(p, JINJA_ONE_NAME, NULL);
        if (!amphi__jinja_nodes_push(p, &params->targets, target))
            return false;
        if (amphi__jinja_take_sign(p, '=')) {
            if (!amphi__jinja_nodes_push(p, &params->defaults, amphi__jinja_parse_expression(p)))
                return false;
        } else if (params->defaults.count > 0) {
            return amphi__jinja_parse_fail(
                p, "a parameter without a default follows one that has one");
        }
    }
    return true;
}

/* The body of a macro or a caller: a function of its own. */
static bool function_body(jinja_parser *p, jinja_node *node, const char *end)
{
    jinja_params *outer = p->macro;
    unsigned loops = p->loops;
    p->macro = node->params;
    p->loops = 0;
    if (!tag_body_taken(p, &node->list, end))
        return false;
    p->macro = outer;
    p->loops = loops;
    if (outer != NULL) { /* a name used deep inside is used here */
        outer->uses_caller |= node->params->uses_caller;
        outer->uses_varargs |= node->params->uses_varargs;
        outer->uses_kwargs |= node->params->uses_kwargs;
    }
    return true;
}

static bool parse_macro(jinja_parser *p, jinja_node *node)
{
    const jinja_token *name = amphi__jinja_peek(p, 0);
    if (name->kind != JINJA_TOKEN_NAME)
        return amphi__jinja_parse_fail(p, "a macro needs a name");
    p->at++;
    node->text = name->text;
    node->params = new_params(p);
    return node->params != NULL && amphi__jinja_symbol(p, name->text, &node->symbol) &&
           signature(p, node->params) && function_body(p, node, "endmacro");
}

static bool parse_call(jinja_parser *p, jinja_node *node)
{
    node->text = AMPHI_STR("caller");
    node->params = new_params(p);
    if (node->params == NULL)
        return false;
    if (amphi__jinja_at_sign(p, '(') && !signature(p, node->params))
        return false;
    node->a = amphi__jinja_parse_expression(p);
    if (node->a == NULL)
        return false;
    if (node->a->kind != JINJA_NODE_CALL)
        return amphi__jinja_parse_fail(p, "a call block needs a call");
    return function_body(p, node, "endcall");
}

static bool parse_with(jinja_parser *p, jinja_node *node)
{
    node->params = new_params(p);
    if (node->params == NULL)
        return false;
    while (amphi__jinja_peek(p, 0)->kind != JINJA_TOKEN_BLOCK_END) {
        jinja_params *params = node->params;
        if (params->targets.count > 0 &&
            !amphi__jinja_expect_sign(p, ',', "the variables of with are separated by commas"))
            return false;
        if (!amphi__jinja_nodes_push(
                p, &params->targets, amphi__jinja_parse_target(p, JINJA_ONE_NAME, NULL)) ||
            !amphi__jinja_expect_sign(p, '=', "a variable of with needs a value") ||
            !amphi__jinja_nodes_push(p, &params->defaults, amphi__jinja_parse_expression(p)))
            return false;
    }
    return tag_body_taken(p, &node->list, "endwith");
}

static bool parse_filter(jinja_parser *p, jinja_node *node)
{
    node->b = amphi__jinja_parse_filters(p, NULL, true);
    return node->b != NULL && tag_body_taken(p, &node->list, "endfilter");
}

static bool parse_generation(jinja_parser *p, jinja_node *node)
{
    return tag_body_taken(p, &node->list, "endgeneration");
}

static bool parse_print(jinja_parser *p, jinja_node *node)
{
    jinja_node *all = amphi__jinja_node_new(p, JINJA_NODE_CONCAT);
    node->a = all;
    do {
        if (all == NULL ||
            !amphi__jinja_nodes_push(p, &all->list, amphi__jinja_parse_expression(p)))
            return false;
    } while (amphi__jinja_take_sign(p, ','));
    return true;
}

static bool parse_jump(jinja_parser *p, jinja_node *node)
{
    return p->loops > 0 || amphi__jinja_parse_fail(p, "break and continue need a loop around them");
}

/* {% tag ... %}: the current token is the tag's name. */
static bool tag(jinja_parser *p, jinja_nodes *out)
{
    static const struct {
        const char *name;
        jinja_node_kind kind;
        bool (*parse)(jinja_parser *p, jinja_node *node);
    } tags[] = {{"if", JINJA_NODE_IF, parse_if}, {"set", JINJA_NODE_SET, parse_set},
        {"for", JINJA_NODE_FOR, parse_for}, {"macro", JINJA_NODE_MACRO, parse_macro},
        {"call", JINJA_NODE_CALL_BLOCK, parse_call}, {"with", JINJA_NODE_WITH, parse_with},
        {"filter", JINJA_NODE_FILTER_BLOCK, parse_filter},
        {"generation", JINJA_NODE_SCOPE, parse_generation},
        {"print", JINJA_NODE_PRINT, parse_print}, {"break", JINJA_NODE_BREAK, parse_jump},
        {"continue", JINJA_NODE_CONTINUE, parse_jump}};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (amphi__jinja_at_name(p, tags[i].name)) {
            jinja_node *node = amphi__jinja_node_new(p, tags[i].kind);
            p->at++;
            return node != NULL && tags[i].parse(p, node) && block_end(p) &&
                   amphi__jinja_nodes_push(p, out, node);
        }
    }
    return amphi__jinja_parse_fail(p, "this tag is not known here");
}

static bool is_end(const jinja_parser *p, const char *const *ends)
{
    for (; ends != NULL && *ends != NULL; ends++)
        if (amphi__jinja_at_name(p, *ends))
            return true;
    return false;
}

/* Statements up to {% end (the end is the current token) or, with `ends` NULL, the source's end. */
static bool body(jinja_parser *p, jinja_nodes *out, const char *const *ends)
{
    for (;;) {
        const jinja_token *token = amphi__jinja_peek(p, 0);
        if (token->kind == JINJA_TOKEN_END) {
            return ends == NULL ||
                   amphi__jinja_parse_fail(p, "the template ends inside of a block");
        }
        p->at++;
        if (token->kind == JINJA_TOKEN_BLOCK_BEGIN) {
            if (is_end(p, ends))
                return true;
            if (!tag(p, out))
                return false;
            continue;
        }
        jinja_node *node = amphi__jinja_node_new(
            p, token->kind == JINJA_TOKEN_TEXT ? JINJA_NODE_TEXT : JINJA_NODE_PRINT);
        if (node == NULL)
            return false;
        node->text = token->text;
        if (token->kind == JINJA_TOKEN_PRINT_BEGIN) {
            node->a = amphi__jinja_parse_tuple(p, JINJA_PLAIN, NULL);
            if (node->a == NULL)
                return false;
            if (amphi__jinja_peek(p, 0)->kind != JINJA_TOKEN_PRINT_END)
                return amphi__jinja_parse_fail(p, "an expression has something after its end");
            p->at++;
        }
        if (!amphi__jinja_nodes_push(p, out, node))
            return false;
    }
}

amphi_status amphi__jinja_parse(
    jinja_program *out, jinja_arena *arena, amphi_str source, amphi_error *error)
{
    static const amphi_str fixed[] = {{"loop", 4}, {"caller", 6}, {"varargs", 7}, {"kwargs", 6}};
    jinja_parser p = {.arena = arena, .program = out, .error = error};
    memset(out, 0, sizeof *out);
    p.status = amphi__jinja_lex(&p.tokens, arena, source, error);
    if (p.status != AMPHI_OK)
        return p.status;
    out->symbols = amphi__jinja_dict_new(arena);
    if (out->symbols == NULL) {
        amphi__jinja_parse_fail_memory(&p);
        return p.status;
    }
    for (size_t i = 0; i < JINJA_SYMBOLS_FIXED; i++) {
        uint32_t symbol;
        if (!amphi__jinja_symbol(&p, fixed[i], &symbol))
            return p.status;
    }
    body(&p, &out->body, NULL);
    return p.status;
}
