/* SPDX-License-Identifier: Apache-2.0
 *
 * When two branches of a oneOf can't both hold: by type, by constants, by ranges, or by a property
 * that one of them requires and the other can't have. Where this can't be shown the schema is
 * refused.
 */
#include "local/constraint/json_schema_compiler.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>

enum { EXCLUDES_DEPTH = 4 };

/* ---- types ---------------------------------------------------------------------------------- */

static unsigned one_type(amphi_schema *schema, const amphi_json *name)
{
    static const struct {
        const char *name;
        unsigned type;
    } types[] = {{"null", AMPHI_TYPE_NULL}, {"boolean", AMPHI_TYPE_BOOL},
        {"integer", AMPHI_TYPE_INTEGER}, {"number", AMPHI_TYPE_NUMBER},
        {"string", AMPHI_TYPE_STRING}, {"array", AMPHI_TYPE_ARRAY}, {"object", AMPHI_TYPE_OBJECT}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (amphi__str_equal_c(amphi__json_string(name), types[i].name))
            return types[i].type;
    return amphi__schema_fail(schema, AMPHI_E_REQUEST, name, "an unknown type");
}

unsigned amphi__schema_types(amphi_schema *schema, const amphi_json *part)
{
    const amphi_json *type = amphi__json_get(part, "type");
    unsigned types = 0;
    if (type == NULL)
        return AMPHI_TYPE_ALL;
    if (amphi__json_kind(type) != AMPHI_JSON_ARRAY)
        types = one_type(schema, type);
    else
        for (type = amphi__json_first(type); type != NULL; type = amphi__json_next(type))
            types |= one_type(schema, type);
    return types;
}

/* ---- oneOf ---------------------------------------------------------------------------------- */

static bool has_string(const amphi_json *array, amphi_str string)
{
    for (array = amphi__json_first(array); array != NULL; array = amphi__json_next(array))
        if (amphi__str_equal(amphi__json_string(array), string))
            return true;
    return false;
}

static const amphi_json *member_named(const amphi_json *object, amphi_str name)
{
    for (object = amphi__json_first(object); object != NULL; object = amphi__json_next(object))
        if (amphi__str_equal(amphi__json_key(object), name))
            return object;
    return NULL;
}

/* Is the value among b's const or enum? true as well when b has neither. */
static bool among(const amphi_json *value, const amphi_json *b)
{
    const amphi_json *constant = amphi__json_get(b, "const");
    const amphi_json *one = amphi__json_get(b, "enum");
    if (constant != NULL)
        return amphi__json_equal(value, constant);
    if (one == NULL)
        return true;
    for (one = amphi__json_first(one); one != NULL; one = amphi__json_next(one))
        if (amphi__json_equal(value, one))
            return true;
    return false;
}

static bool values_differ(const amphi_json *a, const amphi_json *b)
{
    const amphi_json *constant = amphi__json_get(a, "const");
    const amphi_json *one = amphi__json_get(a, "enum");
    if (constant != NULL)
        return !among(constant, b);
    if (one == NULL)
        return false;
    for (one = amphi__json_first(one); one != NULL; one = amphi__json_next(one))
        if (among(one, b))
            return false;
    return true;
}

static bool ranges_differ(const amphi_json *a, const amphi_json *b)
{
    double a_most = amphi__json_number(amphi__json_get(a, "maximum"), INFINITY);
    double b_most = amphi__json_number(amphi__json_get(b, "maximum"), INFINITY);
    double a_least = amphi__json_number(amphi__json_get(a, "minimum"), -INFINITY);
    double b_least = amphi__json_number(amphi__json_get(b, "minimum"), -INFINITY);
    return (a_most < b_least || b_most < a_least) && amphi__json_get(a, "type") != NULL;
}

static bool may_have(const amphi_json *part, amphi_str name)
{
    const amphi_json *more = amphi__json_get(part, "additionalProperties");
    bool open = more != NULL && amphi__json_bool(more, true);
    return open || member_named(amphi__json_get(part, "properties"), name) != NULL ||
           has_string(amphi__json_get(part, "required"), name) ||
           amphi__json_get(part, "allOf") != NULL || amphi__json_get(part, "anyOf") != NULL ||
           amphi__json_get(part, "oneOf") != NULL || amphi__json_get(part, "$ref") != NULL;
}

/* b wants a property that no answer to a has. */
static bool lacks_required(
    const amphi_json *a, const amphi_json *b, const amphi_schema_parts *context)
{
    const amphi_json *name = amphi__json_first(amphi__json_get(b, "required"));
    for (; name != NULL; name = amphi__json_next(name)) {
        amphi_str key = amphi__json_string(name);
        bool may = may_have(a, key) || amphi__json_get(a, "properties") == NULL;
        for (uint32_t i = 0; i < context->count; i++) {
            const amphi_json *part = context->items[i];
            const amphi_json *more = amphi__json_get(part, "additionalProperties");
            may |= member_named(amphi__json_get(part, "properties"), key) != NULL ||
                   has_string(amphi__json_get(part, "required"), key) ||
                   (more != NULL && amphi__json_bool(more, true)) ||
                   (amphi__json_get(part, "oneOf") == NULL &&
                       (amphi__json_get(part, "anyOf") != NULL));
        }
        if (!may)
            return true;
    }
    return false;
}

/* Every answer to a has a property that b does not take, or not so. */
static bool has_refused(amphi_schema *schema, const amphi_json *a, const amphi_json *b,
    const amphi_schema_parts *context, unsigned depth)
{
    const amphi_json *name = amphi__json_first(amphi__json_get(a, "required"));
    bool closed = !amphi__json_bool(amphi__json_get(b, "additionalProperties"), true);
    for (; name != NULL; name = amphi__json_next(name)) {
        amphi_str key = amphi__json_string(name);
        const amphi_json *in_a = member_named(amphi__json_get(a, "properties"), key);
        const amphi_json *in_b = member_named(amphi__json_get(b, "properties"), key);
        if (in_b == NULL
                ? closed
                : in_a != NULL && amphi__schema_excludes(schema, in_a, in_b, context, depth + 1))
            return true;
    }
    return false;
}

bool amphi__schema_excludes(amphi_schema *schema, const amphi_json *a, const amphi_json *b,
    const amphi_schema_parts *context, unsigned depth)
{
    for (unsigned i = 0; i < EXCLUDES_DEPTH && amphi__json_get(a, "$ref") != NULL; i++)
        a = amphi__schema_target(schema, a);
    for (unsigned i = 0; i < EXCLUDES_DEPTH && amphi__json_get(b, "$ref") != NULL; i++)
        b = amphi__schema_target(schema, b);
    if (a == NULL || b == NULL || depth > EXCLUDES_DEPTH)
        return false;
    unsigned a_types = amphi__schema_types(schema, a);
    unsigned b_types = amphi__schema_types(schema, b);
    if ((a_types & b_types) == 0 || values_differ(a, b))
        return true;
    if ((a_types & b_types & ~(unsigned)AMPHI_TYPE_NUMBER) == 0 && ranges_differ(a, b))
        return true;
    /* Without a type, `properties` makes us write objects: json_schema.c. */
    bool objects = (b_types & AMPHI_TYPE_OBJECT) != 0 &&
                   (a_types == AMPHI_TYPE_OBJECT ||
                       (a_types == AMPHI_TYPE_ALL && amphi__json_get(a, "properties") != NULL));
    return objects && (lacks_required(a, b, context) || has_refused(schema, a, b, context, depth));
}
