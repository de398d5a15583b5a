/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the schema compiler. What a value has to satisfy is a list of schemas,
 * all of them: $ref and allOf make it longer, and so do the branches of an anyOf, one at a time.
 */
#ifndef AMPHI_CONSTRAINT_JSON_SCHEMA_COMPILER_H
#define AMPHI_CONSTRAINT_JSON_SCHEMA_COMPILER_H

#include "local/constraint/json_schema.h"

#define AMPHI_SCHEMA_PARTS_MAX 24

enum { /* kinds of values; a number is a whole one or one with a fraction */
    AMPHI_TYPE_NULL = 1,
    AMPHI_TYPE_BOOL = 2,
    AMPHI_TYPE_INTEGER = 4,
    AMPHI_TYPE_FRACTION = 8,
    AMPHI_TYPE_NUMBER = AMPHI_TYPE_INTEGER | AMPHI_TYPE_FRACTION,
    AMPHI_TYPE_STRING = 16,
    AMPHI_TYPE_ARRAY = 32,
    AMPHI_TYPE_OBJECT = 64,
    AMPHI_TYPE_ALL = 127
};

typedef struct amphi_schema_parts {
    const amphi_json *items[AMPHI_SCHEMA_PARTS_MAX];
    uint8_t chosen[AMPHI_SCHEMA_PARTS_MAX]; /* 1: of its anyOf, 2: of its oneOf, a branch is in */
    uint32_t count;
    bool nothing; /* one of them was `false` */
} amphi_schema_parts;

typedef struct amphi_schema_memo amphi_schema_memo;

typedef struct amphi_schema {
    amphi_grammar *g;
    const amphi_json *root;
    amphi_schema_memo *memo;
    uint32_t memo_count, memo_capacity;
    uint32_t depth;
    uint32_t work; /* steps, so that products of alternatives end */
    amphi_error *error;
    amphi_status status;
} amphi_schema;

/* json_schema_reference.c */
/* Remembers the first failure; the message gets the place of `at` in front. Returns 0. */
uint32_t amphi__schema_fail(
    amphi_schema *schema, amphi_status status, const amphi_json *at, const char *what);
void amphi__schema_add(amphi_schema *schema, amphi_schema_parts *parts, const amphi_json *part);
/* Follows $ref and allOf, until the list is whole. */
void amphi__schema_flatten(amphi_schema *schema, amphi_schema_parts *parts);
/* The schema that a $ref names, or NULL (after amphi__schema_fail). */
const amphi_json *amphi__schema_target(amphi_schema *schema, const amphi_json *part);

/* json_schema_one_of.c */
/* What `type` of one schema allows. (OpenAPI's nullable is no word of JSON Schema: without null an
 * answer satisfies both.) */
unsigned amphi__schema_types(amphi_schema *schema, const amphi_json *part);
/* Does every answer to `a` (with `context`'s properties) fail `b`? false: perhaps not. */
bool amphi__schema_excludes(amphi_schema *schema, const amphi_json *a, const amphi_json *b,
    const amphi_schema_parts *context, unsigned depth);

/* json_schema.c: the rule for a list of schemas; 0: nothing. */
uint32_t amphi__schema_rule(amphi_schema *schema, const amphi_schema_parts *parts);
/* json_schema_object.c */
uint32_t amphi__schema_object(amphi_schema *schema, const amphi_schema_parts *parts, uint32_t next);

#endif
