/* SPDX-License-Identifier: Apache-2.0
 *
 * A template's tree. Nodes live in the template's arena and never change after parsing, so one
 * template can be rendered on several threads at once. Names are numbered (symbols), so a
 * variable is found by a comparison of numbers.
 */
#ifndef AMPHI_JINJA_AST_H
#define AMPHI_JINJA_AST_H

#include "local/jinja/lexer.h"
#include "local/jinja/value.h"

#define JINJA_NODES_MAX 100000u
#define JINJA_DEPTH_MAX 100u /* of tags in tags, and of brackets in brackets */

typedef enum jinja_node_kind {
    /* Statements. */
    JINJA_NODE_TEXT,
    JINJA_NODE_PRINT,        /* a */
    JINJA_NODE_IF,           /* list: pairs of test (a) and body (list); else_list */
    JINJA_NODE_BRANCH,       /* one such pair */
    JINJA_NODE_FOR,          /* a target, b what, c filter or NULL, list, else_list */
    JINJA_NODE_SET,          /* a target, b value */
    JINJA_NODE_SET_BLOCK,    /* a target, b filter chain or NULL, list */
    JINJA_NODE_MACRO,        /* symbol, params, list */
    JINJA_NODE_CALL_BLOCK,   /* a the call, params and list of the caller */
    JINJA_NODE_FILTER_BLOCK, /* b filter chain, list */
    JINJA_NODE_WITH,         /* params: targets and values; list */
    JINJA_NODE_SCOPE,        /* list, in a scope of its own ({% generation %}) */
    JINJA_NODE_BREAK,
    JINJA_NODE_CONTINUE,
    /* Expressions. */
    JINJA_NODE_CONST, /* value */
    JINJA_NODE_NAME,  /* symbol, text */
    JINJA_NODE_NSREF, /* symbol.text as the target of a set */
    JINJA_NODE_TUPLE, /* list */
    JINJA_NODE_LIST,
    JINJA_NODE_DICT,    /* list: key, value, key, value ... */
    JINJA_NODE_ATTR,    /* a.text */
    JINJA_NODE_ITEM,    /* a[b] */
    JINJA_NODE_SLICE,   /* a[b:c:d], missing ones NULL */
    JINJA_NODE_CALL,    /* a(args) */
    JINJA_NODE_FILTER,  /* a | text(args); a NULL at the front of a block */
    JINJA_NODE_TEST,    /* a is text(args) */
    JINJA_NODE_UNARY,   /* op: '-', '+', '!' */
    JINJA_NODE_BINARY,  /* op, a, b */
    JINJA_NODE_CONCAT,  /* list */
    JINJA_NODE_COMPARE, /* a, then list of nodes with op and a */
    JINJA_NODE_OPERAND, /* one such */
    JINJA_NODE_AND,
    JINJA_NODE_OR,
    JINJA_NODE_COND /* a if b else c (or NULL) */
} jinja_node_kind;

/* What `op` holds beside the signs themselves. */
#define JINJA_OP_IN     1
#define JINJA_OP_NOT_IN 2

typedef struct jinja_node jinja_node;

typedef struct jinja_nodes {
    jinja_node **items;
    size_t count, capacity;
} jinja_nodes;

typedef struct jinja_args {
    jinja_nodes values;
    jinja_nodes named; /* each with `text` and a */
    jinja_node *star;  /* *values */
    jinja_node *stars; /* **named */
} jinja_args;

typedef struct jinja_params { /* of a macro, a caller or a with */
    jinja_nodes targets;
    jinja_nodes defaults; /* of the last ones */
    bool uses_varargs, uses_kwargs, uses_caller;
} jinja_params;

struct jinja_node {
    uint8_t kind;
    bool recursive; /* a for */
    uint16_t op;
    uint32_t line;
    uint32_t symbol;
    amphi_str text;
    jinja_value value;
    jinja_node *a, *b, *c, *d;
    jinja_nodes list, else_list;
    jinja_args *args;
    jinja_params *params;
    const jinja_builtin *builtin; /* of a filter or test; NULL: unknown, refused when reached */
};

typedef struct jinja_program {
    jinja_nodes body;
    jinja_dict *symbols; /* name -> number */
    uint32_t symbol_count;
} jinja_program;

/* Numbers that every program gives to these names. */
enum {
    JINJA_SYMBOL_LOOP,
    JINJA_SYMBOL_CALLER,
    JINJA_SYMBOL_VARARGS,
    JINJA_SYMBOL_KWARGS,
    JINJA_SYMBOLS_FIXED
};

/* AMPHI_E_FORMAT with the line and what; AMPHI_E_LIMIT; AMPHI_E_NO_MEMORY. */
amphi_status amphi__jinja_parse(
    jinja_program *out, jinja_arena *arena, amphi_str source, amphi_error *error);

#endif
