/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser's cursor over the tokens, its failures and limits, nodes and the numbers of names.
 */
#include "local/jinja/parser.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

const jinja_token *amphi__jinja_peek(const jinja_parser *p, size_t ahead)
{
    size_t last = p->tokens.count - 1;
    return &p->tokens.items[p->at + ahead < last ? p->at + ahead : last];
}

bool amphi__jinja_parse_fail(jinja_parser *p, const char *what)
{
    if (p->status == AMPHI_OK) {
        p->status = amphi__fail(p->error, AMPHI_E_FORMAT, 0, "chat template, line %u: %s",
            (unsigned)amphi__jinja_peek(p, 0)->line, what);
    }
    return false;
}

static bool fail_limit(jinja_parser *p, const char *what)
{
    amphi__jinja_parse_fail(p, what);
    p->status = AMPHI_E_LIMIT;
    if (p->error != NULL)
        p->error->status = AMPHI_E_LIMIT;
    return false;
}

bool amphi__jinja_parse_fail_memory(jinja_parser *p)
{
    if (p->arena->status == AMPHI_E_LIMIT)
        return fail_limit(p, "the template needs too much memory");
    p->status = amphi__fail_no_memory(p->error);
    return false;
}

bool amphi__jinja_at_sign(const jinja_parser *p, uint16_t sign)
{
    const jinja_token *token = amphi__jinja_peek(p, 0);
    return token->kind == JINJA_TOKEN_SIGN && token->sign == sign;
}

bool amphi__jinja_at_name(const jinja_parser *p, const char *name)
{
    const jinja_token *token = amphi__jinja_peek(p, 0);
    return token->kind == JINJA_TOKEN_NAME && amphi__str_equal_c(token->text, name);
}

bool amphi__jinja_take_sign(jinja_parser *p, uint16_t sign)
{
    bool here = amphi__jinja_at_sign(p, sign);
    p->at += here;
    return here;
}

bool amphi__jinja_take_name(jinja_parser *p, const char *name)
{
    bool here = amphi__jinja_at_name(p, name);
    p->at += here;
    return here;
}

bool amphi__jinja_expect_sign(jinja_parser *p, uint16_t sign, const char *what)
{
    return amphi__jinja_take_sign(p, sign) || amphi__jinja_parse_fail(p, what);
}

bool amphi__jinja_enter(jinja_parser *p)
{
    if (p->depth >= JINJA_DEPTH_MAX)
        return fail_limit(p, "tags or brackets are nested too deeply");
    p->depth++;
    return true;
}

jinja_node *amphi__jinja_node_new(jinja_parser *p, jinja_node_kind kind)
{
    if (++p->node_count > JINJA_NODES_MAX) {
        fail_limit(p, "the template has too many parts");
        return NULL;
    }
    jinja_node *node = amphi__jinja_alloc(p->arena, sizeof *node);
    if (node == NULL) {
        amphi__jinja_parse_fail_memory(p);
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->line = amphi__jinja_peek(p, 0)->line;
    return node;
}

bool amphi__jinja_nodes_push(jinja_parser *p, jinja_nodes *nodes, jinja_node *node)
{
    if (node == NULL)
        return false;
    jinja_node **items = amphi__jinja_grow(
        p->arena, nodes->items, nodes->count, &nodes->capacity, sizeof *nodes->items);
    if (items == NULL)
        return amphi__jinja_parse_fail_memory(p);
    nodes->items = items;
    nodes->items[nodes->count++] = node;
    return true;
}

bool amphi__jinja_symbol(jinja_parser *p, amphi_str name, uint32_t *symbol)
{
    jinja_program *program = p->program;
    jinja_value *known = amphi__jinja_dict_get_str(program->symbols, name);
    if (known != NULL) {
        *symbol = (uint32_t)known->as.integer;
        return true;
    }
    if (!amphi__jinja_dict_set(p->arena, program->symbols, amphi__jinja_str(name),
            amphi__jinja_int(program->symbol_count), NULL))
        return amphi__jinja_parse_fail_memory(p);
    *symbol = program->symbol_count++;
    return true;
}
