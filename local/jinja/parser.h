/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser's state (parser.c), shared by parse_statement.c, parse_expression.c, parse_primary.c.
 * Every function that can call itself, directly or not, goes through amphi__jinja_enter, so no
 * template can exhaust the stack.
 */
#ifndef AMPHI_JINJA_PARSER_H
#define AMPHI_JINJA_PARSER_H

#include "local/jinja/ast.h"

typedef struct jinja_parser {
    jinja_arena *arena;
    jinja_program *program;
    jinja_tokens tokens;
    size_t at;
    size_t node_count;
    unsigned depth;
    unsigned loops;      /* for-tags around this place, within one macro */
    jinja_params *macro; /* the macro or call block around this place */
    amphi_status status;
    amphi_error *error;
} jinja_parser;

/* How parse_tuple behaves. */
#define JINJA_PLAIN    0u
#define JINJA_TARGET   1u  /* names only: the left side of a set or a for */
#define JINJA_NO_COND  2u  /* a bare `x if y` is not taken */
#define JINJA_IN_PAREN 4u  /* an empty tuple is fine */
#define JINJA_NSREF    8u  /* name.attribute is a target */
#define JINJA_ONE_NAME 16u /* of a target: no tuple */

/* All return NULL or false on failure, with status and error set. */
const jinja_token *amphi__jinja_peek(const jinja_parser *p, size_t ahead);
bool amphi__jinja_at_sign(const jinja_parser *p, uint16_t sign);
bool amphi__jinja_at_name(const jinja_parser *p, const char *name);
bool amphi__jinja_take_sign(jinja_parser *p, uint16_t sign);
bool amphi__jinja_take_name(jinja_parser *p, const char *name);
bool amphi__jinja_expect_sign(jinja_parser *p, uint16_t sign, const char *what);
bool amphi__jinja_parse_fail(jinja_parser *p, const char *what);
bool amphi__jinja_parse_fail_memory(jinja_parser *p); /* of the arena */
bool amphi__jinja_enter(jinja_parser *p);
jinja_node *amphi__jinja_node_new(jinja_parser *p, jinja_node_kind kind);
bool amphi__jinja_nodes_push(jinja_parser *p, jinja_nodes *nodes, jinja_node *node);
bool amphi__jinja_symbol(jinja_parser *p, amphi_str name, uint32_t *symbol);

jinja_node *amphi__jinja_parse_expression(jinja_parser *p);
/* Without a conditional around it; the caller has entered a level of nesting. */
jinja_node *amphi__jinja_parse_or(jinja_parser *p);
jinja_node *amphi__jinja_parse_primary(jinja_parser *p, bool nsref);
/* `stop`: a name that ends the tuple, or NULL. */
jinja_node *amphi__jinja_parse_tuple(jinja_parser *p, unsigned flags, const char *stop);
/* A name, or a tuple of targets, that may stand on the left side. */
jinja_node *amphi__jinja_parse_target(jinja_parser *p, unsigned flags, const char *stop);
/* `| name(args) | ...` after `subject`; with `inline_first` the first '|' is left out. */
jinja_node *amphi__jinja_parse_filters(jinja_parser *p, jinja_node *subject, bool inline_first);

#endif
