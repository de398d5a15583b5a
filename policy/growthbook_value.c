/* SPDX-License-Identifier: Apache-2.0
 *
 * JavaScript's conversions, where the reference SDK lives: what a value of a payload is worth as
 * a number, a text or a truth. A misshapen rule ("coverage": "0.1", "range": {}) is worth there
 * what it is worth here. Pure.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#include <math.h>

bool amphi__gb_text(const amphi_json *value, char room[40], amphi_str *out)
{
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_STRING:
        *out = amphi__json_string(value);
        return true;
    case AMPHI_JSON_NUMBER:
        amphi__gb_number_text(amphi__json_number(value, 0), room);
        *out = amphi_str_from(room);
        return true;
    case AMPHI_JSON_BOOL:
        *out = amphi__json_bool(value, false) ? AMPHI_STR("true") : AMPHI_STR("false");
        return true;
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        *out = AMPHI_STR("null");
        return true;
    default:
        return false;
    }
}

/* Of an array the text of its elements, joined by commas, is what becomes a number. */
static double array_number(const amphi_json *array)
{
    const amphi_json *only = amphi__json_first(array);
    if (only == NULL ||
        (amphi__json_kind(only) == AMPHI_JSON_NULL && amphi__json_count(array) == 1))
        return 0;
    if (amphi__json_next(only) != NULL || amphi__json_kind(only) == AMPHI_JSON_BOOL)
        return (double)NAN;
    return amphi__gb_number(only);
}

double amphi__gb_number(const amphi_json *value)
{
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_NUMBER:
        return amphi__json_number(value, 0);
    case AMPHI_JSON_STRING:
        return amphi__gb_text_number(amphi__json_string(value));
    case AMPHI_JSON_BOOL:
        return amphi__json_bool(value, false) ? 1 : 0;
    case AMPHI_JSON_NULL:
        return 0;
    case AMPHI_JSON_ARRAY:
        return array_number(value);
    default:
        return (double)NAN;
    }
}

bool amphi__gb_is_true(const amphi_json *value)
{
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_BOOL:
        return amphi__json_bool(value, false);
    case AMPHI_JSON_NUMBER:
        return amphi__json_number(value, 0) != 0;
    case AMPHI_JSON_STRING:
        return amphi__json_string(value).size > 0;
    case AMPHI_JSON_ARRAY:
    case AMPHI_JSON_OBJECT:
        return true;
    default:
        return false;
    }
}

const amphi_json *amphi__gb_member(const amphi_json *object, amphi_str key)
{
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT)
        return NULL;
    const amphi_json *found = NULL; /* of duplicates the last counts */
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m))
        if (amphi__str_equal(amphi__json_key(m), key))
            found = m;
    return found;
}

const amphi_json *amphi__gb_element(const amphi_json *array, size_t index)
{
    const amphi_json *value =
        amphi__json_kind(array) == AMPHI_JSON_ARRAY ? amphi__json_first(array) : NULL;
    for (; value != NULL && index > 0; index--)
        value = amphi__json_next(value);
    return value;
}

double amphi__gb_index_number(const amphi_json *value, unsigned index)
{
    amphi_str text = amphi__json_string(value);
    char digit = (char)('0' + index);
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_ARRAY:
        return amphi__gb_number(amphi__gb_element(value, index));
    case AMPHI_JSON_OBJECT:
        return amphi__gb_number(amphi__gb_member(value, amphi_str_make(&digit, 1)));
    case AMPHI_JSON_STRING: /* its letters; one of a longer character is no number either */
        return index < text.size ? amphi__gb_text_number(amphi__str_slice(text, index, index + 1))
                                 : (double)NAN;
    default:
        return (double)NAN;
    }
}
