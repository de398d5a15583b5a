/* SPDX-License-Identifier: Apache-2.0
 *
 * References within a schema document ($ref, allOf), the place of a keyword for messages, and the
 * keywords that are refused.
 */
#include "local/constraint/json_schema_compiler.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

enum { PATH_MAX_BYTES = 96, POINTER_MAX = 512 };

/* ---- failing -------------------------------------------------------------------------------- */

/* "#/properties/age" of a value inside `in`; cut when it is long. */
static bool find_path(const amphi_json *in, const amphi_json *at, char *path, size_t size)
{
    bool is_array = amphi__json_kind(in) == AMPHI_JSON_ARRAY;
    size_t index = 0;
    if (in == at)
        return true;
    for (const amphi_json *member = amphi__json_first(in); member != NULL;
         member = amphi__json_next(member), index++) {
        size_t room = PATH_MAX_BYTES - size;
        amphi_str key = amphi__json_key(member);
        int written = is_array ? snprintf(path + size, room, "/%zu", index)
                               : snprintf(path + size, room, "/%.*s",
                                     key.size > 40 ? 40 : (int)key.size, key.data);
        size_t longer =
            written < 0 || (size_t)written >= room ? PATH_MAX_BYTES - 1 : size + (size_t)written;
        if (find_path(member, at, path, longer))
            return true;
        path[size] = '\0';
    }
    return false;
}

uint32_t amphi__schema_fail(
    amphi_schema *schema, amphi_status status, const amphi_json *at, const char *what)
{
    char path[PATH_MAX_BYTES] = "#";
    if (schema->status != AMPHI_OK)
        return 0;
    find_path(schema->root, at, path, 1);
    char clean[PATH_MAX_BYTES];
    amphi__str_copy_to(clean, sizeof clean, amphi_str_from(path));
    for (char *c = clean; *c != '\0'; c++)
        *c = (unsigned char)*c < ' ' ? '?' : *c;
    schema->status = amphi__fail(schema->error, status, 0, "schema %s: %s", clean, what);
    return 0;
}

/* ---- references ----------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One step of a JSON pointer in a URL: %41, ~0 and ~1 undone. */
static void undo_escapes(amphi_str step, char out[POINTER_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < step.size && size + 1 < POINTER_MAX; i++) {
        char c = step.data[i];
        if (c == '%' && i + 2 < step.size && hex_value(step.data[i + 1]) >= 0 &&
            hex_value(step.data[i + 2]) >= 0) {
            c = (char)(hex_value(step.data[i + 1]) * 16 + hex_value(step.data[i + 2]));
            i += 2;
        }
        if (size > 0 && out[size - 1] == '~' && (c == '0' || c == '1'))
            out[size - 1] = c == '0' ? '\x01' : '/'; /* ~01 is ~1, not / */
        else
            out[size++] = c;
    }
    out[size] = '\0';
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '\x01' ? '~' : *c;
}

static const amphi_json *step_into(const amphi_json *value, const char *key)
{
    uint64_t index = 0;
    if (amphi__json_kind(value) != AMPHI_JSON_ARRAY)
        return amphi__json_get(value, key);
    if (!amphi__str_to_u64(amphi_str_from(key), &index))
        return NULL;
    value = amphi__json_first(value);
    for (; value != NULL && index > 0; index--)
        value = amphi__json_next(value);
    return value;
}

const amphi_json *amphi__schema_target(amphi_schema *schema, const amphi_json *part)
{
    const amphi_json *ref = amphi__json_get(part, "$ref");
    amphi_str rest = amphi__json_string(ref);
    const amphi_json *at = schema->root;
    if (rest.size == 0 || rest.size >= POINTER_MAX || rest.data[0] != '#' ||
        (rest.size > 1 && rest.data[1] != '/')) {
        amphi__schema_fail(
            schema, AMPHI_E_UNSUPPORTED, ref, "only references into this schema (#/...)");
        return NULL;
    }
    rest = amphi__str_slice(rest, 2, rest.size);
    char step[POINTER_MAX];
    while (rest.size > 0 && at != NULL) {
        undo_escapes(amphi__str_cut(rest, '/', &rest), step);
        at = step_into(at, step);
    }
    if (at == NULL)
        amphi__schema_fail(schema, AMPHI_E_REQUEST, ref, "the reference leads nowhere");
    return at;
}

/* ---- lists ---------------------------------------------------------------------------------- */

void amphi__schema_add(amphi_schema *schema, amphi_schema_parts *parts, const amphi_json *part)
{
    amphi_json_kind kind = amphi__json_kind(part);
    if (kind == AMPHI_JSON_BOOL) {
        parts->nothing |= !amphi__json_bool(part, true);
        return;
    }
    if (kind != AMPHI_JSON_OBJECT) {
        amphi__schema_fail(schema, AMPHI_E_REQUEST, part, "a schema is an object, true or false");
        return;
    }
    for (uint32_t i = 0; i < parts->count; i++)
        if (parts->items[i] == part)
            return;
    if (parts->count == AMPHI_SCHEMA_PARTS_MAX) {
        amphi__schema_fail(schema, AMPHI_E_LIMIT, part, "too many schemas for one value");
        return;
    }
    parts->chosen[parts->count] = 0;
    parts->items[parts->count++] = part;
}

static bool is_empty(const amphi_json *value)
{
    amphi_json_kind kind = amphi__json_kind(value);
    return kind == AMPHI_JSON_NONE || (kind == AMPHI_JSON_BOOL && !amphi__json_bool(value, true)) ||
           ((kind == AMPHI_JSON_OBJECT || kind == AMPHI_JSON_ARRAY) &&
               amphi__json_first(value) == NULL);
}

/* Keywords that restrict values and that a grammar can't express here. */
static void refuse_unknown(amphi_schema *schema, const amphi_json *part)
{
    static const char *const refused[] = {"if", "patternProperties", "dependentRequired",
        "dependentSchemas", "dependencies", "uniqueItems"};
    static const char *const always[] = {
        "not", "contains", "propertyNames", "$dynamicRef", "$recursiveRef", "unevaluatedItems"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const amphi_json *value = amphi__json_get(part, refused[i]);
        if (!is_empty(value) || (i == 0 && value != NULL))
            amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, value, "can't be kept by this engine");
    }
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        const amphi_json *value = amphi__json_get(part, always[i]);
        if (value != NULL && !amphi__json_bool(value, false))
            amphi__schema_fail(schema, AMPHI_E_UNSUPPORTED, value, "can't be kept by this engine");
    }
}

/* Does following its $ref, and nothing else, come back to it? Then it has no meaning. */
static bool refers_to_itself(amphi_schema *schema, const amphi_json *part)
{
    const amphi_json *at = part;
    for (unsigned i = 0; i < AMPHI_SCHEMA_PARTS_MAX; i++) {
        at = amphi__json_get(at, "$ref") != NULL ? amphi__schema_target(schema, at) : NULL;
        if (at == NULL || at == part)
            return at == part;
    }
    return true;
}

/* What kind of value a keyword takes; a wrong one would be read as if it were not there. */
static void check_kinds(amphi_schema *schema, const amphi_json *part)
{
    static const struct {
        const char *name;
        amphi_json_kind kind, other;
    } kinds[] = {{"properties", AMPHI_JSON_OBJECT, 0}, {"required", AMPHI_JSON_ARRAY, 0},
        {"enum", AMPHI_JSON_ARRAY, 0}, {"pattern", AMPHI_JSON_STRING, 0},
        {"format", AMPHI_JSON_STRING, 0}, {"anyOf", AMPHI_JSON_ARRAY, 0},
        {"oneOf", AMPHI_JSON_ARRAY, 0}, {"allOf", AMPHI_JSON_ARRAY, 0},
        {"prefixItems", AMPHI_JSON_ARRAY, 0}, {"$ref", AMPHI_JSON_STRING, 0},
        {"minimum", AMPHI_JSON_NUMBER, 0}, {"maximum", AMPHI_JSON_NUMBER, 0},
        {"exclusiveMinimum", AMPHI_JSON_NUMBER, AMPHI_JSON_BOOL},
        {"exclusiveMaximum", AMPHI_JSON_NUMBER, AMPHI_JSON_BOOL},
        {"multipleOf", AMPHI_JSON_NUMBER, 0}};
    static const char *const counts[] = {
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const amphi_json *value = amphi__json_get(part, kinds[i].name);
        amphi_json_kind kind = amphi__json_kind(value);
        if (value != NULL && kind != kinds[i].kind && kind != kinds[i].other)
            amphi__schema_fail(schema, AMPHI_E_REQUEST, value, "a value of another kind is needed");
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const amphi_json *value = amphi__json_get(part, counts[i]);
        if (value != NULL && amphi__json_int(value, -1) < 0)
            amphi__schema_fail(schema, AMPHI_E_REQUEST, value, "a whole number from 0 is needed");
    }
    const amphi_json *name = amphi__json_first(amphi__json_get(part, "required"));
    for (; name != NULL; name = amphi__json_next(name))
        if (!amphi__json_is_string(name))
            amphi__schema_fail(schema, AMPHI_E_REQUEST, name, "a property's name is needed");
}

void amphi__schema_flatten(amphi_schema *schema, amphi_schema_parts *parts)
{
    for (uint32_t i = 0; i < parts->count && schema->status == AMPHI_OK; i++) {
        const amphi_json *part = parts->items[i];
        const amphi_json *all = amphi__json_get(part, "allOf");
        refuse_unknown(schema, part);
        check_kinds(schema, part);
        if (schema->status == AMPHI_OK && refers_to_itself(schema, part))
            amphi__schema_fail(
                schema, AMPHI_E_REQUEST, part, "it refers to itself and says nothing");
        if (amphi__json_get(part, "$ref") != NULL) {
            const amphi_json *target = amphi__schema_target(schema, part);
            if (target != NULL)
                amphi__schema_add(schema, parts, target);
        }
        for (all = amphi__json_first(all); all != NULL; all = amphi__json_next(all))
            amphi__schema_add(schema, parts, all);
    }
}
