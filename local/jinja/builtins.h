/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters, tests, methods and global functions: one table of them per file, all of one shape. A
 * builtin names its parameters; the caller binds positional and named arguments to them, so each
 * function finds its arguments by number, JINJA_MISSING where none was given.
 */
#ifndef AMPHI_JINJA_BUILTINS_H
#define AMPHI_JINJA_BUILTINS_H

#include "local/jinja/value.h"

#define JINJA_PARAMS_MAX 8

typedef struct jinja_render jinja_render;

typedef struct jinja_named {
    amphi_str name;
    jinja_value value;
} jinja_named;

typedef struct jinja_call {
    jinja_render *r;
    jinja_value self;  /* what a filter, test or method is applied to */
    jinja_value *args; /* bound: one per parameter; raw (params NULL): as given */
    size_t count;
    jinja_named *named; /* raw only */
    size_t named_count;
} jinja_call;

typedef bool (*jinja_function)(jinja_call *call, jinja_value *out);

struct jinja_builtin {
    const char *name;
    jinja_function function;
    const char *params; /* "a,b"; NULL: any arguments, not bound */
    uint8_t required;   /* how many of them */
};

/* NULL when there is none. */
const jinja_builtin *amphi__jinja_filter_find(amphi_str name);
const jinja_builtin *amphi__jinja_test_find(amphi_str name);
const jinja_builtin *amphi__jinja_global_find(amphi_str name);
/* A method by the kind of value it belongs to. *refused: Python has it and Jinja's immutable
 * sandbox refuses it, or it is one that this interpreter leaves out: to be treated as undefined. */
const jinja_builtin *amphi__jinja_method_find(jinja_value self, amphi_str name, bool *refused);

/* One table per file. */
typedef struct jinja_table {
    const jinja_builtin *items;
    size_t count;
} jinja_table;

extern const jinja_table amphi__jinja_text_filters;
extern const jinja_table amphi__jinja_list_filters;
extern const jinja_table amphi__jinja_sort_filters;
extern const jinja_table amphi__jinja_tests;
extern const jinja_table amphi__jinja_globals;
extern const jinja_table amphi__jinja_str_methods;
extern const jinja_table amphi__jinja_char_methods;
extern const jinja_table amphi__jinja_container_methods[3]; /* dict, list, tuple */

/* Binds arguments and calls. `call->args` and `named` as given. */
bool amphi__jinja_invoke(const jinja_builtin *builtin, jinja_call *call, jinja_value *out);

#endif
