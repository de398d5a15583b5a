/* SPDX-License-Identifier: Apache-2.0
 *
 * Each keyword says yes or no by itself; a value is valid when none says no.
 */
#include "tests/support/schema_checker.h"

#include "sdk/core/buf.h"
#include "sdk/core/str.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

static const amphi_json *get(const amphi_json *object, amphi_str key)
{
    for (object = amphi__json_first(object); object != NULL; object = amphi__json_next(object))
        if (amphi__str_equal(amphi__json_key(object), key))
            return object;
    return NULL;
}

/* "#/a/b%20c/items": names without ~ are enough here. */
static const amphi_json *resolve(const amphi_json *root, amphi_str path)
{
    amphi_str rest = path;
    (void)amphi__str_cut(path, '/', &rest);
    while (rest.size > 0 && root != NULL) {
        amphi_str step = amphi__str_cut(rest, '/', &rest);
        char name[64] = "";
        size_t size = 0;
        for (size_t i = 0; i < step.size && size + 1 < sizeof name; i++) {
            bool blank = step.data[i] == '%';
            name[size++] = blank ? ' ' : step.data[i];
            i += blank ? 2 : 0;
        }
        root = get(root, amphi_str_make(name, size));
    }
    return root;
}

static bool is_type(amphi_str type, const amphi_json *value)
{
    double number = amphi__json_number(value, 0.5);
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_NULL:
        return amphi__str_equal_c(type, "null");
    case AMPHI_JSON_BOOL:
        return amphi__str_equal_c(type, "boolean");
    case AMPHI_JSON_NUMBER:
        return amphi__str_equal_c(type, "number") ||
               (amphi__str_equal_c(type, "integer") && number == floor(number));
    case AMPHI_JSON_STRING:
        return amphi__str_equal_c(type, "string");
    case AMPHI_JSON_ARRAY:
        return amphi__str_equal_c(type, "array");
    default:
        return amphi__str_equal_c(type, "object");
    }
}

static bool type_ok(const amphi_json *type, const amphi_json *value)
{
    if (amphi__json_kind(type) != AMPHI_JSON_ARRAY)
        return type == NULL || is_type(amphi__json_string(type), value);
    for (type = amphi__json_first(type); type != NULL; type = amphi__json_next(type))
        if (is_type(amphi__json_string(type), value))
            return true;
    return false;
}

static double bound(const amphi_json *schema, const char *key, double none)
{
    return amphi__json_number(amphi__json_get(schema, key), none);
}

static bool number_ok(const amphi_json *schema, const amphi_json *value)
{
    double number = amphi__json_number(value, 0);
    double multiple = bound(schema, "multipleOf", 0);
    return number >= bound(schema, "minimum", -INFINITY) &&
           number <= bound(schema, "maximum", INFINITY) &&
           number > bound(schema, "exclusiveMinimum", -INFINITY) &&
           number < bound(schema, "exclusiveMaximum", INFINITY) &&
           (multiple == 0 || fmod(number, multiple) == 0);
}

/* The few patterns of the schemas that POSIX understands; others are left to the development's
 * check against another validator. */
static bool pattern_ok(amphi_str pattern, amphi_str text)
{
    regex_t regex;
    char source[128];
    char subject[8192];
    if (memchr(pattern.data, '\\', pattern.size) != NULL || text.size >= sizeof subject)
        return true;
    for (size_t i = 0; i < pattern.size; i++)
        if ((unsigned char)pattern.data[i] >= 0x80)
            return true; /* bytes are not characters to it */
    amphi__str_copy_to(source, sizeof source, pattern);
    amphi__str_copy_to(subject, sizeof subject, text);
    if (regcomp(&regex, source, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&regex, subject, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

static bool string_ok(const amphi_json *schema, const amphi_json *value)
{
    amphi_str text = amphi__json_string(value);
    const amphi_json *pattern = amphi__json_get(schema, "pattern");
    double length = 0;
    for (size_t i = 0; i < text.size; i++)
        length += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return length >= bound(schema, "minLength", 0) &&
           length <= bound(schema, "maxLength", INFINITY) &&
           (pattern == NULL || pattern_ok(amphi__json_string(pattern), text));
}

static bool array_ok(const amphi_json *root, const amphi_json *schema, const amphi_json *value)
{
    const amphi_json *prefix = amphi__json_first(amphi__json_get(schema, "prefixItems"));
    const amphi_json *rest = amphi__json_get(schema, "items");
    double count = (double)amphi__json_count(value);
    const amphi_json *item = amphi__json_first(value);
    for (; item != NULL; item = amphi__json_next(item)) {
        const amphi_json *own = prefix != NULL ? prefix : rest;
        if (own != NULL && !schema_accepts(root, own, item))
            return false;
        prefix = amphi__json_next(prefix);
    }
    return count >= bound(schema, "minItems", 0) && count <= bound(schema, "maxItems", INFINITY);
}

static bool object_ok(const amphi_json *root, const amphi_json *schema, const amphi_json *value)
{
    const amphi_json *more = amphi__json_get(schema, "additionalProperties");
    const amphi_json *properties = amphi__json_get(schema, "properties");
    const amphi_json *name = amphi__json_first(amphi__json_get(schema, "required"));
    for (; name != NULL; name = amphi__json_next(name))
        if (get(value, amphi__json_string(name)) == NULL)
            return false;
    for (value = amphi__json_first(value); value != NULL; value = amphi__json_next(value)) {
        const amphi_json *own = get(properties, amphi__json_key(value));
        own = own != NULL ? own : more;
        if (own != NULL && !schema_accepts(root, own, value))
            return false;
    }
    return true;
}

/* How many of the listed schemas accept it. */
static size_t accepting(const amphi_json *root, const amphi_json *list, const amphi_json *value)
{
    size_t count = 0;
    for (list = amphi__json_first(list); list != NULL; list = amphi__json_next(list))
        count += schema_accepts(root, list, value);
    return count;
}

static bool combined_ok(const amphi_json *root, const amphi_json *schema, const amphi_json *value)
{
    const amphi_json *ref = amphi__json_get(schema, "$ref");
    const amphi_json *any = amphi__json_get(schema, "anyOf");
    const amphi_json *one = amphi__json_get(schema, "oneOf");
    const amphi_json *all = amphi__json_get(schema, "allOf");
    return (ref == NULL || schema_accepts(root, resolve(root, amphi__json_string(ref)), value)) &&
           (any == NULL || accepting(root, any, value) > 0) &&
           (one == NULL || accepting(root, one, value) == 1) &&
           (all == NULL || accepting(root, all, value) == amphi__json_count(all));
}

static bool listed_ok(const amphi_json *schema, const amphi_json *value)
{
    const amphi_json *constant = amphi__json_get(schema, "const");
    const amphi_json *one = amphi__json_get(schema, "enum");
    bool found = one == NULL;
    for (one = amphi__json_first(one); one != NULL; one = amphi__json_next(one))
        found |= amphi__json_equal(one, value);
    return found && (constant == NULL || amphi__json_equal(constant, value));
}

bool schema_accepts(const amphi_json *root, const amphi_json *schema, const amphi_json *value)
{
    if (schema == NULL || amphi__json_kind(schema) == AMPHI_JSON_BOOL)
        return amphi__json_bool(schema, false);
    if (!type_ok(amphi__json_get(schema, "type"), value) || !listed_ok(schema, value) ||
        !combined_ok(root, schema, value))
        return false;
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_NUMBER:
        return number_ok(schema, value);
    case AMPHI_JSON_STRING:
        return string_ok(schema, value);
    case AMPHI_JSON_ARRAY:
        return array_ok(root, schema, value);
    case AMPHI_JSON_OBJECT:
        return object_ok(root, schema, value);
    default:
        return true;
    }
}

amphi_json *schema_list(void)
{
    amphi_json *list = NULL;
    amphi_buf text;
    char part[4096];
    size_t size = 0;
    FILE *file = fopen("tests/support/schemas.json", "rb");
    amphi__buf_init(&text, 1 << 20);
    while (file != NULL && (size = fread(part, 1, sizeof part, file)) > 0)
        amphi__buf_append(&text, part, size);
    if (file != NULL)
        fclose(file);
    (void)amphi__json_parse(&list, amphi__buf_str(&text), "schemas", NULL);
    amphi__buf_clear(&text);
    return list;
}
