/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of one render, and the functions that its files share: exec_statement.c runs
 * statements, eval_expression.c evaluates expressions, item_access.c reads attributes and items,
 * operators.c computes, stringify.c writes text. What is common to all is in render.c.
 *
 * Every function returns false after a failure; r->status and the error are set then. Names are
 * looked up through scopes at the moment of use, so a macro sees what its template sets later.
 */
#ifndef AMPHI_JINJA_RENDER_H
#define AMPHI_JINJA_RENDER_H

#include "local/jinja/ast.h"
#include "local/jinja/builtins.h"

#ifndef JINJA_LIMITS_SHARE
#define JINJA_LIMITS_SHARE 1 /* the fuzz targets take a part, to reach the limits soon and often */
#endif
#define JINJA_STEPS_MAX   (4000000u / JINJA_LIMITS_SHARE)
#define JINJA_MEMORY_MAX  (((size_t)64 << 20) / JINJA_LIMITS_SHARE)
#define JINJA_NESTING_MAX 500u /* tags and expressions inside each other, through macros */
#define JINJA_VALUE_DEPTH 200u /* lists in lists: deeper ones can't be printed or compared */
#define JINJA_RANGE_MAX   100000

typedef struct jinja_binding {
    uint32_t symbol;
    jinja_value value;
} jinja_binding;

typedef struct jinja_scope {
    struct jinja_scope *parent;
    jinja_binding *items;
    size_t count, capacity;
    bool kept; /* a macro refers to it: not to be reused for a loop's next turn */
} jinja_scope;

struct jinja_macro {
    const jinja_node *node; /* params and list */
    jinja_scope *scope;     /* where it was defined */
};

struct jinja_loop {
    const jinja_node *node;
    jinja_scope *scope; /* around the loop, for loop(...) of a recursive one */
    jinja_list *items;
    size_t index;
    size_t depth; /* from 0 */
    bool seen;    /* loop.changed() */
    jinja_value last;
};

struct jinja_render {
    jinja_arena arena;
    jinja_work work;
    amphi_error *error;
    amphi_status status;
    uint32_t line;
    unsigned nesting;
    jinja_scope *scope;
    jinja_value block; /* what the first filter of a block is applied to */
    int64_t now_s;
};

typedef enum jinja_flow { JINJA_FAILED, JINJA_NEXT, JINJA_BREAK, JINJA_CONTINUE } jinja_flow;

bool amphi__jinja_fail(jinja_render *r, amphi_status status, const char *format, ...)
    AMPHI_PRINTF(3, 4);
/* After a failed arena allocation, a full buffer or spent work: false. */
bool amphi__jinja_fail_bounds(jinja_render *r, const amphi_buf *buf);
#ifdef __clang_analyzer__ /* as in sdk/core/error.h */
#define amphi__jinja_fail(...)           (amphi__jinja_fail(__VA_ARGS__), false)
#define amphi__jinja_fail_bounds(r, buf) (amphi__jinja_fail_bounds(r, buf), false)
#endif
/* Takes steps for work on `bytes` of text: by whole runs, and character by character. */
bool amphi__jinja_charge(jinja_render *r, size_t bytes);
bool amphi__jinja_charge_chars(jinja_render *r, size_t bytes);

jinja_flow amphi__jinja_exec(jinja_render *r, const jinja_nodes *nodes, amphi_buf *out);
bool amphi__jinja_eval(jinja_render *r, const jinja_node *node, jinja_value *out);
bool amphi__jinja_eval_args(jinja_render *r, const jinja_args *args, jinja_call *call);
bool amphi__jinja_call_macro(
    jinja_render *r, const jinja_macro *macro, jinja_call *call, jinja_value *out);
bool amphi__jinja_call_loop(jinja_render *r, jinja_loop *loop, jinja_value items, jinja_value *out);
bool amphi__jinja_call_value(
    jinja_render *r, jinja_value callee, jinja_call *call, jinja_value *out);

jinja_scope *amphi__jinja_scope_new(jinja_render *r, jinja_scope *parent);
bool amphi__jinja_scope_set(
    jinja_render *r, jinja_scope *scope, uint32_t symbol, jinja_value value);
/* In this scope alone, or NULL. */
jinja_value *amphi__jinja_scope_own(jinja_render *r, const jinja_scope *scope, uint32_t symbol);
/* In this scope or one around it, or NULL. */
const jinja_value *amphi__jinja_scope_get(
    jinja_render *r, const jinja_scope *scope, uint32_t symbol);

bool amphi__jinja_binary(
    jinja_render *r, uint16_t op, jinja_value a, jinja_value b, jinja_value *out);
bool amphi__jinja_unary(jinja_render *r, uint16_t op, jinja_value a, jinja_value *out);
bool amphi__jinja_compare(jinja_render *r, uint16_t op, jinja_value a, jinja_value b, bool *out);
bool amphi__jinja_contains(jinja_render *r, jinja_value what, jinja_value where, bool *out);

bool amphi__jinja_get_attr(jinja_render *r, jinja_value subject, amphi_str name, jinja_value *out);
bool amphi__jinja_get_item(jinja_render *r, jinja_value subject, jinja_value key, jinja_value *out);
bool amphi__jinja_slice(
    jinja_render *r, jinja_value subject, const jinja_value bounds[3], jinja_value *out);
/* "a.b.0": attributes of attributes, as the attribute= of filters has them. */
bool amphi__jinja_get_path(
    jinja_render *r, jinja_value subject, jinja_value path, jinja_value *out);

bool amphi__jinja_is_iterable(jinja_value value);
/* The items of anything that can be walked; a list's own ones are not copied: don't change them. */
bool amphi__jinja_iterate(jinja_render *r, jinja_value value, jinja_list **out);
bool amphi__jinja_length(jinja_render *r, jinja_value value, int64_t *out);
/* str(value). */
bool amphi__jinja_text(jinja_render *r, jinja_value value, amphi_str *out);
/* A string value from a buffer, which is cleared. */
bool amphi__jinja_take_text(jinja_render *r, amphi_buf *buf, jinja_value *out);
bool amphi__jinja_push(jinja_render *r, jinja_list *list, jinja_value value);
bool amphi__jinja_list_make(jinja_render *r, jinja_list **out);
bool amphi__jinja_dict_put(jinja_render *r, jinja_dict *dict, jinja_value key, jinja_value value);
void amphi__jinja_buf_init(amphi_buf *buf);

/* "%s and %d" % values, "{} and {a}".format(...), strftime: format.c. */
bool amphi__jinja_percent(jinja_render *r, amphi_str format, jinja_value values, jinja_value *out);
bool amphi__jinja_format(jinja_call *call, jinja_value *out);
bool amphi__jinja_strftime(jinja_render *r, amphi_str format, jinja_value *out);
/* Python's str methods, where filters need them as well: methods_str.c. */
typedef enum jinja_case {
    JINJA_UPPER,
    JINJA_LOWER,
    JINJA_CAPITAL,
    JINJA_TITLE,
    JINJA_SWAP
} jinja_case;
bool amphi__jinja_recase(jinja_render *r, amphi_str text, jinja_case how, jinja_value *out);
/* chars missing or none: blanks. sides: 1 left, 2 right, 3 both. */
bool amphi__jinja_strip(
    jinja_render *r, amphi_str text, jinja_value chars, unsigned sides, jinja_value *out);
/* limit < 0: all. */
bool amphi__jinja_replace(
    jinja_render *r, amphi_str text, amphi_str old, amphi_str by, int64_t limit, jinja_value *out);
bool amphi__jinja_split_lines(jinja_render *r, amphi_str text, bool keep_ends, jinja_list **out);
/* side: '<' text left, '>' right, '^' centered. */
bool amphi__jinja_pad(
    jinja_render *r, amphi_str text, int64_t width, amphi_str fill, char side, jinja_value *out);
/* A string argument of a str method; the walk over self is charged. */
bool amphi__jinja_str_arg(jinja_call *call, size_t index, amphi_str *out);
/* An integer argument, or `otherwise` when missing or none. */
bool amphi__jinja_int_arg(jinja_call *call, size_t index, int64_t otherwise, int64_t *out);

/* &amp; and so on. */
bool amphi__jinja_escape(jinja_render *r, jinja_value value, jinja_value *out);

#endif
