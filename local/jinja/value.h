/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of a template's expressions: Python's, as far as a template can see them. Values are
 * immutable (a template can't change a list or a dict, as in Jinja's immutable sandbox) and live in
 * a render's arena; only a namespace changes.
 *
 * Everything that walks a value is bounded: each visited item costs a step of the jinja_work, and
 * nesting costs depth, because `x = [x, x]` sixty times is a small template.
 */
#ifndef AMPHI_JINJA_VALUE_H
#define AMPHI_JINJA_VALUE_H

#include "local/jinja/arena.h"
#include "sdk/core/buf.h"
#include "sdk/core/cancel.h"

typedef enum jinja_kind {
    JINJA_UNDEFINED = 0,
    JINJA_MISSING, /* an argument that was not given; never seen by a template */
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_DICT,
    JINJA_RANGE,
    JINJA_VIEW,      /* what dict.items(), .keys() and .values() give */
    JINJA_GENERATOR, /* what map, select, reverse ... give: walked once, true, without a length */
    JINJA_NAMESPACE,
    JINJA_LOOP,
    JINJA_MACRO,
    JINJA_FUNCTION,
    JINJA_METHOD,
    JINJA_CYCLER,
    JINJA_JOINER
} jinja_kind;

typedef struct jinja_value jinja_value;
typedef struct jinja_list jinja_list;
typedef struct jinja_dict jinja_dict;
typedef struct jinja_builtin jinja_builtin;
typedef struct jinja_loop jinja_loop;
typedef struct jinja_macro jinja_macro;

typedef struct jinja_range {
    int64_t start, stop, step, count;
} jinja_range;

typedef struct jinja_view {
    jinja_dict *dict;
    char what; /* 'k' keys, 'v' values, 'i' items */
} jinja_view;

typedef struct jinja_generator {
    jinja_list *list;
    size_t next;
} jinja_generator;

struct jinja_value {
    uint8_t kind;
    bool markup; /* a string that |escape made or |safe marked: not escaped again */
    bool group;  /* a tuple of |groupby: has .grouper and .list */
    union {
        bool boolean;
        int64_t integer;
        double number;
        amphi_str text; /* also the name of an undefined value */
        jinja_list *list;
        jinja_dict *dict; /* and of a namespace */
        jinja_range *range;
        jinja_view *view;
        jinja_generator *generator;
        jinja_loop *loop;
        jinja_macro *macro;
        const jinja_builtin *function;
        struct jinja_method *method;
        struct jinja_cycler *cycler;
    } as;
};

struct jinja_list {
    jinja_value *items;
    size_t count;
    size_t capacity;
};

typedef struct jinja_entry {
    jinja_value key;
    jinja_value value;
    uint64_t hash;
} jinja_entry;

struct jinja_dict { /* in order of insertion */
    jinja_entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *index; /* entry number + 1 by hash, open addressing; NULL while small */
    size_t index_size;
};

typedef struct jinja_method {
    const jinja_builtin *builtin;
    jinja_value self;
} jinja_method;

typedef struct jinja_cycler { /* and joiner: items[0] is the separator, position says "used" */
    jinja_list *items;
    size_t position;
} jinja_cycler;

typedef struct jinja_work {
    uint64_t steps_left;
    unsigned depth_left;
    const amphi_cancel *cancel; /* borrowed; NULL: none */
    bool spent;                 /* a bound was reached: the walk's result is void */
    bool too_deep;              /* and it was the depth */
    bool cancelled;             /* and it was the cancel mark */
} jinja_work;

/* False, and `spent`, when the budget is used up or the work was cancelled. */
bool amphi__jinja_work_take(jinja_work *work, uint64_t steps);
/* One step and one level of depth; add 1 to depth_left when the level is left. */
bool amphi__jinja_work_enter(jinja_work *work);

jinja_value amphi__jinja_none(void);
jinja_value amphi__jinja_bool(bool value);
jinja_value amphi__jinja_int(int64_t value);
jinja_value amphi__jinja_float(double value);
jinja_value amphi__jinja_str(amphi_str text);
jinja_value amphi__jinja_undefined(amphi_str name);

bool amphi__jinja_list_new(jinja_arena *arena, size_t capacity, jinja_list **out);
bool amphi__jinja_list_push(jinja_arena *arena, jinja_list *list, jinja_value value);
jinja_value amphi__jinja_list_value(jinja_kind kind, jinja_list *list);

jinja_dict *amphi__jinja_dict_new(jinja_arena *arena);
/* NULL: absent, or the key is no possible key. */
jinja_value *amphi__jinja_dict_get(const jinja_dict *dict, jinja_value key, jinja_work *work);
jinja_value *amphi__jinja_dict_get_str(const jinja_dict *dict, amphi_str key);
/* False: no memory (arena->status) or work spent. The key must be hashable. */
bool amphi__jinja_dict_set(
    jinja_arena *arena, jinja_dict *dict, jinja_value key, jinja_value value, jinja_work *work);
bool amphi__jinja_is_hashable(jinja_value value);

bool amphi__jinja_truth(jinja_value value);
bool amphi__jinja_is_number(jinja_value value); /* bool, int, float */
double amphi__jinja_number(jinja_value value);
bool amphi__jinja_equal(jinja_value a, jinja_value b, jinja_work *work);
/* *order: -1, 0, 1, or 2 (not a number). False: Python would not order these two. */
bool amphi__jinja_order(jinja_value a, jinja_value b, int *order, jinja_work *work);
const char *amphi__jinja_type_name(jinja_value value);

/* Python's str() and repr() of a value, appended. Failures: out->status, work->spent. */
void amphi__jinja_to_text(amphi_buf *out, jinja_value value, jinja_work *work);
void amphi__jinja_repr(amphi_buf *out, jinja_value value, jinja_work *work);
/* repr() of a float: the shortest digits that read back the same. */
void amphi__jinja_float_to_text(amphi_buf *out, double value);

/* Digits after the point as asked for, correctly rounded; always with a point, never a comma. */
void amphi__jinja_fixed_to_text(amphi_buf *out, double value, int digits);
/* The same in another of C's forms: e, E, g, G. */
void amphi__jinja_exponent_to_text(amphi_buf *out, char type, double value, int digits);
/* The whole text as a float, whatever the process's locale; false: it is none. */
bool amphi__jinja_read_float(amphi_str text, double *out);

typedef struct jinja_json_style {
    bool ascii_only;
    bool sort_keys;
    bool pretty; /* `indent` before each item on its own line */
    amphi_str indent;
    amphi_str item_separator, key_separator;
} jinja_json_style;

/* Python's json.dumps; false when something in it has no JSON form. */
bool amphi__jinja_to_json(
    amphi_buf *out, jinja_value value, const jinja_json_style *style, jinja_work *work);

#endif
