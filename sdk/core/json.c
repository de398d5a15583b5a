/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON: the check of json_check.c, then cJSON's tree behind the names of json.h. An
 * amphi_json is a cJSON node and nothing else.
 */
#include "sdk/core/json.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What cJSON does not keep of a number is stored in a bit of `type` that it does not use, and the
 * digits of long numbers in `valuestring`, which it frees. */
enum { IS_FLOAT = 1 << 16 };

static const cJSON *node(const amphi_json *value)
{
    return (const cJSON *)value;
}

/* cJSON would end a string at \u0000; U+FFFD takes its place in a copy, of the same size. NULL: out
 * of memory. */
static char *copy_without_nul_escapes(amphi_str text)
{
    char *copy = amphi__str_copy(text);
    char *end = copy != NULL ? copy + text.size : NULL;
    char *at = copy != NULL ? memchr(copy, '\\', text.size) : NULL;
    while (at != NULL) {
        if (end - at >= 6 && memcmp(at, "\\u0000", 6) == 0)
            memcpy(at, "\\ufffd", 6);
        at += 2; /* an escaped character does not begin an escape */
        at = at < end ? memchr(at, '\\', (size_t)(end - at)) : NULL;
    }
    return copy;
}

/* The next number in checked JSON, outside of strings; empty after the last. */
static amphi_str next_number(amphi_str *text)
{
    size_t at = 0;
    size_t end;
    for (bool quoted = false; at < text->size; at++) {
        char c = text->data[at];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            at++;
        else if (!quoted && (c == '-' || (c >= '0' && c <= '9')))
            break;
    }
    for (end = at; end < text->size && memchr("+-.0123456789Ee", text->data[end], 15) != NULL;)
        end++;
    amphi_str number = amphi__str_slice(*text, at, end);
    *text = amphi__str_slice(*text, end, text->size);
    return number;
}

static bool has_point_or_exponent(amphi_str number)
{
    for (size_t i = 0; i < number.size; i++)
        if (strchr(".eE", number.data[i]) != NULL)
            return true;
    return false;
}

/* The tree has the numbers in the order of the text. Recursion is bounded by the check. */
static bool mark_numbers(cJSON *value, amphi_str *text)
{
    if ((value->type & 0xFF) == cJSON_Number) {
        amphi_str number = next_number(text);
        if (has_point_or_exponent(number)) {
            value->type |= IS_FLOAT;
            return true;
        }
        if (number.size <= AMPHI_JSON_DIGITS_EXACT)
            return true;
        value->valuestring = cJSON_malloc(number.size + 1);
        if (value->valuestring != NULL)
            amphi__str_copy_to(value->valuestring, number.size + 1, number);
        return value->valuestring != NULL;
    }
    for (cJSON *child = value->child; child != NULL; child = child->next)
        if (!mark_numbers(child, text))
            return false;
    return true;
}

/* cJSON's memory is the C library's, whose hooks belong to the app. Recursion is bounded. */
static void wipe_strings(cJSON *value)
{
    for (; value != NULL; value = value->next) {
        if (value->valuestring != NULL)
            amphi__wipe(value->valuestring, strlen(value->valuestring));
        if (value->string != NULL)
            amphi__wipe(value->string, strlen(value->string));
        wipe_strings(value->child);
    }
}

amphi_status amphi__json_parse_checked(amphi_json **out, amphi_str text, bool has_special)
{
    *out = NULL;
    bool has_nul = amphi__str_find(text, AMPHI_STR("\\u0000")) != SIZE_MAX;
    char *copy = has_nul ? copy_without_nul_escapes(text) : NULL;
    if (has_nul && copy == NULL)
        return AMPHI_E_NO_MEMORY;
    cJSON *root = cJSON_ParseWithLength(has_nul ? copy : text.data, text.size);
    amphi__free(copy);
    if (root == NULL) /* the grammar was checked, so it can only be this */
        return AMPHI_E_NO_MEMORY;
    if (has_special && !mark_numbers(root, &text)) {
        amphi__json_free((amphi_json *)root);
        return AMPHI_E_NO_MEMORY;
    }
    *out = (amphi_json *)root;
    return AMPHI_OK;
}

amphi_status amphi__json_parse(
    amphi_json **out, amphi_str text, const char *what, amphi_error *error)
{
    *out = NULL;
    bool has_special;
    amphi_status status = amphi__json_check_numbers(text, what, &has_special, error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__json_parse_checked(out, text, has_special);
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__json_free(amphi_json *root)
{
    wipe_strings((cJSON *)root);
    cJSON_Delete((cJSON *)root);
}

amphi_json_kind amphi__json_kind(const amphi_json *value)
{
    if (value == NULL)
        return AMPHI_JSON_NONE;
    switch (node(value)->type & 0xFF) {
    case cJSON_False:
    case cJSON_True:
        return AMPHI_JSON_BOOL;
    case cJSON_Number:
        return AMPHI_JSON_NUMBER;
    case cJSON_String:
        return AMPHI_JSON_STRING;
    case cJSON_Array:
        return AMPHI_JSON_ARRAY;
    case cJSON_Object:
        return AMPHI_JSON_OBJECT;
    default:
        return AMPHI_JSON_NULL;
    }
}

const amphi_json *amphi__json_get(const amphi_json *object, const char *key)
{
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT || key == NULL)
        return NULL;
    const cJSON *found = NULL; /* of duplicates the last one counts */
    for (const cJSON *child = node(object)->child; child != NULL; child = child->next)
        if (strcmp(child->string, key) == 0)
            found = child;
    return (const amphi_json *)found;
}

bool amphi__json_is_string(const amphi_json *value)
{
    return amphi__json_kind(value) == AMPHI_JSON_STRING;
}

amphi_str amphi__json_string(const amphi_json *value)
{
    return amphi__json_is_string(value) ? amphi_str_from(node(value)->valuestring)
                                        : amphi_str_make(NULL, 0);
}

double amphi__json_number(const amphi_json *value, double otherwise)
{
    return amphi__json_kind(value) == AMPHI_JSON_NUMBER ? node(value)->valuedouble : otherwise;
}

bool amphi__json_is_float(const amphi_json *value)
{
    return amphi__json_kind(value) == AMPHI_JSON_NUMBER && (node(value)->type & IS_FLOAT) != 0;
}

amphi_str amphi__json_digits(const amphi_json *value)
{
    return amphi__json_kind(value) == AMPHI_JSON_NUMBER ? amphi_str_from(node(value)->valuestring)
                                                        : amphi_str_make(NULL, 0);
}

int64_t amphi__json_int(const amphi_json *value, int64_t otherwise)
{
    amphi_str digits = amphi__json_digits(value);
    if (digits.size > 0) {
        errno = 0;
        int64_t exact = strtoll(digits.data, NULL, 10);
        return errno == 0 ? exact : otherwise;
    }
    double number = amphi__json_number(value, NAN);
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0))
        return otherwise;
    return number == trunc(number) ? (int64_t)number : otherwise;
}

bool amphi__json_bool(const amphi_json *value, bool otherwise)
{
    return amphi__json_kind(value) == AMPHI_JSON_BOOL ? cJSON_IsTrue(node(value)) : otherwise;
}

const amphi_json *amphi__json_first(const amphi_json *container)
{
    amphi_json_kind kind = amphi__json_kind(container);
    if (kind != AMPHI_JSON_ARRAY && kind != AMPHI_JSON_OBJECT)
        return NULL;
    return (const amphi_json *)node(container)->child;
}

const amphi_json *amphi__json_next(const amphi_json *value)
{
    return value != NULL ? (const amphi_json *)node(value)->next : NULL;
}

amphi_str amphi__json_key(const amphi_json *member)
{
    return member != NULL ? amphi_str_from(node(member)->string) : amphi_str_make(NULL, 0);
}

size_t amphi__json_count(const amphi_json *container)
{
    size_t count = 0;
    for (const amphi_json *child = amphi__json_first(container); child != NULL;
         child = amphi__json_next(child))
        count++;
    return count;
}

static bool members_equal(const amphi_json *a, const amphi_json *b)
{
    for (const amphi_json *x = amphi__json_first(a); x != NULL; x = amphi__json_next(x))
        if (!amphi__json_equal(x, amphi__json_get(b, amphi__json_key(x).data)))
            return false;
    return true;
}

bool amphi__json_equal(const amphi_json *a, const amphi_json *b)
{
    amphi_json_kind kind = amphi__json_kind(a);
    if (kind != amphi__json_kind(b))
        return false;
    switch (kind) {
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        return true;
    case AMPHI_JSON_BOOL:
        return amphi__json_bool(a, false) == amphi__json_bool(b, false);
    case AMPHI_JSON_NUMBER:
        return node(a)->valuedouble == node(b)->valuedouble;
    case AMPHI_JSON_STRING:
        return amphi__str_equal(amphi__json_string(a), amphi__json_string(b));
    case AMPHI_JSON_OBJECT:
        return amphi__json_count(a) == amphi__json_count(b) && members_equal(a, b);
    case AMPHI_JSON_ARRAY:
        break;
    }
    const amphi_json *x = amphi__json_first(a);
    const amphi_json *y = amphi__json_first(b);
    for (; x != NULL && y != NULL; x = amphi__json_next(x), y = amphi__json_next(y))
        if (!amphi__json_equal(x, y))
            return false;
    return x == NULL && y == NULL;
}
