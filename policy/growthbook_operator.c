/* SPDX-License-Identifier: Apache-2.0
 *
 * Values against conditions: the operators of GrowthBook's targeting ($eq, $in, $regex, ...), with
 * the comparison rules of JavaScript, where the reference SDK lives ("5" < 10, null counts as 0).
 * An unknown operator is false, never an error: a newer server must not turn a rule on by
 * accident.
 */
#include "policy/growthbook_operator.h"
#include "sdk/core/str.h"

#include <math.h>

static amphi_gb_operand operand(const amphi_json *json)
{
    amphi_gb_operand it = {json, false, 0};
    return it;
}

static amphi_json_kind kind_of(const amphi_gb_operand *it)
{
    return it->is_length ? AMPHI_JSON_NUMBER : amphi__json_kind(it->json);
}

/* A missing attribute and null are the same to every operator. */
static bool is_null(const amphi_gb_operand *it)
{
    return kind_of(it) <= AMPHI_JSON_NULL;
}

/* ---- conversions: growthbook_value.c, and the same for lengths ---- */

static bool operand_text(const amphi_gb_operand *it, char room[40], amphi_str *out)
{
    if (!it->is_length)
        return amphi__gb_text(it->json, room, out);
    amphi__gb_number_text(it->length, room);
    *out = amphi_str_from(room);
    return true;
}

/* A missing attribute is null, so 0. */
static double operand_number(const amphi_gb_operand *it)
{
    if (it->is_length)
        return it->length;
    return it->json == NULL ? 0 : amphi__gb_number(it->json);
}

static bool operand_truth(const amphi_gb_operand *it)
{
    return it->is_length ? it->length != 0 : amphi__gb_is_true(it->json);
}

/* Takes what the value is as a text off the front of *rest; false when that begins otherwise. An
 * array is its elements, joined by commas, with nothing for null. */
static bool take_text(const amphi_json *value, bool ignore_case, amphi_str *rest)
{
    char room[40];
    amphi_str text = AMPHI_STR("[object Object]");
    if (amphi__json_kind(value) == AMPHI_JSON_ARRAY) {
        for (const amphi_json *e = amphi__json_first(value); e != NULL; e = amphi__json_next(e)) {
            if (amphi__json_kind(e) != AMPHI_JSON_NULL && !take_text(e, ignore_case, rest))
                return false;
            if (amphi__json_next(e) == NULL)
                break;
            if (!amphi__str_starts_with(*rest, AMPHI_STR(",")))
                return false;
            *rest = amphi__str_slice(*rest, 1, rest->size);
        }
        return true;
    }
    amphi__gb_text(value, room, &text);
    amphi_str front = amphi__str_slice(*rest, 0, text.size);
    if (!(ignore_case ? amphi__str_equal_ignore_case(front, text) : amphi__str_equal(front, text)))
        return false;
    *rest = amphi__str_slice(*rest, text.size, rest->size);
    return true;
}

#define JOINED_MAX 1024

/* value + "": of an array its elements, joined by commas. One that is too long ends the evaluation:
 * it must be neither equal nor unequal. */
static bool whole_text(
    amphi_gb *gb, const amphi_gb_operand *it, char room[JOINED_MAX], amphi_str *out)
{
    size_t size = 0;
    if (kind_of(it) == AMPHI_JSON_OBJECT) {
        *out = AMPHI_STR("[object Object]");
        return true;
    }
    if (kind_of(it) != AMPHI_JSON_ARRAY)
        return operand_text(it, room, out);
    for (const amphi_json *e = amphi__json_first(it->json); e != NULL; e = amphi__json_next(e)) {
        char digits[40];
        amphi_str text = {0};
        bool is_plain = amphi__json_kind(e) <= AMPHI_JSON_NULL || amphi__gb_text(e, digits, &text);
        if (!is_plain || size + text.size + 1 > JOINED_MAX) {
            amphi__gb_give_up(gb);
            return false;
        }
        if (size > 0 || e != amphi__json_first(it->json))
            room[size++] = ',';
        if (text.size > 0)
            memcpy(room + size, text.data, text.size);
        size += text.size;
    }
    *out = amphi_str_make(room, size);
    return true;
}

/* value + "" === text */
static bool reads(const amphi_gb_operand *it, amphi_str text, bool ignore_case)
{
    char room[40];
    amphi_str length;
    if (!it->is_length)
        return take_text(it->json, ignore_case, &text) && text.size == 0;
    return operand_text(it, room, &length) && amphi__str_equal(length, text);
}

/* ===: the same kind and the same value; two arrays or objects are never the same. */
static bool strictly_equal(
    const amphi_gb_operand *actual, const amphi_json *expected, bool ignore_case)
{
    amphi_json_kind kind = amphi__json_kind(expected);
    if (is_null(actual))
        return kind <= AMPHI_JSON_NULL;
    if (kind != kind_of(actual))
        return false;
    switch (kind) {
    case AMPHI_JSON_BOOL:
        return amphi__json_bool(actual->json, false) == amphi__json_bool(expected, false);
    case AMPHI_JSON_NUMBER:
        return operand_number(actual) == amphi__json_number(expected, 0);
    case AMPHI_JSON_STRING:
        return ignore_case ? amphi__str_equal_ignore_case(
                                 amphi__json_string(actual->json), amphi__json_string(expected))
                           : amphi__str_equal(
                                 amphi__json_string(actual->json), amphi__json_string(expected));
    default:
        return false;
    }
}

/* ---- operators ---- */

static bool is_list(const amphi_gb_operand *it)
{
    return kind_of(it) >= AMPHI_JSON_ARRAY;
}

/* $lt and the like: -1, 0, 1, or 2 when there is no order. Two texts are compared as texts, what is
 * no plain value as the text of it. */
static int relate(amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected)
{
    char room_a[JOINED_MAX];
    char room_b[JOINED_MAX];
    amphi_str text_a;
    amphi_str text_b;
    amphi_gb_operand other = operand(expected);
    bool by_text = (is_list(actual) || kind_of(actual) == AMPHI_JSON_STRING) &&
                   (is_list(&other) || kind_of(&other) == AMPHI_JSON_STRING);
    if (by_text)
        return whole_text(gb, actual, room_a, &text_a) && whole_text(gb, &other, room_b, &text_b)
                   ? amphi__gb_compare_text(text_a, text_b)
                   : 2;
    double a = operand_number(actual);
    double b = operand_number(&other);
    return isnan(a) || isnan(b) ? 2 : (a > b) - (a < b);
}

/* A long list costs as much as many small steps. */
static bool array_has(
    amphi_gb *gb, const amphi_json *array, const amphi_gb_operand *it, bool ignore_case)
{
    uint64_t seen = 0;
    const amphi_json *e = amphi__json_first(array);
    for (; e != NULL && !strictly_equal(it, e, ignore_case); e = amphi__json_next(e))
        seen++;
    return amphi__gb_charge(gb, seen / 16) && e != NULL;
}

bool amphi__gb_is_in(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected, bool ignore_case)
{
    if (kind_of(actual) != AMPHI_JSON_ARRAY)
        return array_has(gb, expected, actual, ignore_case);
    for (const amphi_json *e = amphi__json_first(actual->json);
         e != NULL && amphi__gb_charge(gb, 1); e = amphi__json_next(e)) {
        amphi_gb_operand one = operand(e);
        if (array_has(gb, expected, &one, ignore_case))
            return true;
    }
    return false;
}

static bool is_operator_object(const amphi_json *condition)
{
    const amphi_json *member = amphi__json_first(condition);
    if (amphi__json_kind(condition) != AMPHI_JSON_OBJECT || member == NULL)
        return false;
    for (; member != NULL; member = amphi__json_next(member))
        if (!amphi__str_starts_with(amphi__json_key(member), AMPHI_STR("$")))
            return false;
    return true;
}

static bool element_matches(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected)
{
    if (kind_of(actual) != AMPHI_JSON_ARRAY)
        return false;
    bool plain = is_operator_object(expected);
    if (amphi__json_kind(expected) <= AMPHI_JSON_NULL)
        amphi__gb_give_up(gb);
    for (const amphi_json *e = amphi__json_first(actual->json); e != NULL;
         e = amphi__json_next(e)) {
        amphi_gb_operand one = operand(e);
        if (is_null(&one))
            continue; /* the reference never looks at them */
        if (plain ? amphi__gb_value_meets(gb, &one, expected, false)
                  : amphi__gb_condition(gb, e, false, expected))
            return true;
    }
    return false;
}

static bool all_match(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected, bool ignore_case)
{
    if (kind_of(actual) != AMPHI_JSON_ARRAY)
        return false;
    for (const amphi_json *want = amphi__json_first(expected); want != NULL;
         want = amphi__json_next(want)) {
        bool found = false;
        for (const amphi_json *e = amphi__json_first(actual->json); e != NULL && !found;
             e = amphi__json_next(e)) {
            amphi_gb_operand one = operand(e);
            found = amphi__gb_value_meets(gb, &one, want, ignore_case);
        }
        if (!found)
            return false;
    }
    return true;
}

static bool size_matches(amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected)
{
    if (kind_of(actual) != AMPHI_JSON_ARRAY)
        return false;
    amphi_gb_operand length = {NULL, true, (double)amphi__json_count(actual->json)};
    return amphi__gb_value_meets(gb, &length, expected, false);
}

static bool type_is(const amphi_gb_operand *actual, const amphi_json *expected)
{
    static const char *const names[] = {
        [AMPHI_JSON_NONE] = "null",
        [AMPHI_JSON_NULL] = "null",
        [AMPHI_JSON_BOOL] = "boolean",
        [AMPHI_JSON_NUMBER] = "number",
        [AMPHI_JSON_STRING] = "string",
        [AMPHI_JSON_ARRAY] = "array",
        [AMPHI_JSON_OBJECT] = "object",
    };
    return amphi__json_is_string(expected) &&
           amphi__str_equal_c(amphi__json_string(expected), names[kind_of(actual)]);
}

static bool regex_matches(amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected,
    bool ignore_case, bool *valid)
{
    char room[JOINED_MAX];
    amphi_str text;
    *valid = false;
    if (!amphi__json_is_string(expected) || !whole_text(gb, actual, room, &text))
        return false;
    return amphi__gb_regex(amphi__json_string(expected), text, ignore_case, &gb->steps_left, valid);
}

/* Only text and numbers can be versions; anything else counts as "0". */
static amphi_str version_of(const amphi_gb_operand *it, char room[40])
{
    amphi_str text = {0};
    amphi_json_kind kind = kind_of(it);
    if (kind == AMPHI_JSON_STRING || kind == AMPHI_JSON_NUMBER)
        operand_text(it, room, &text);
    return text.size > 0 ? text : AMPHI_STR("0");
}

static int relate_versions(const amphi_gb_operand *actual, const amphi_json *expected)
{
    char room_a[40];
    char room_b[40];
    amphi_gb_operand other = operand(expected);
    return amphi__gb_compare_versions(version_of(actual, room_a), version_of(&other, room_b));
}

/* ---- the operator table ---- */

typedef enum amphi_gb_op {
    OP_UNKNOWN,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LTE,
    OP_GT,
    OP_GTE,
    OP_VEQ,
    OP_VNE,
    OP_VLT,
    OP_VLTE,
    OP_VGT,
    OP_VGTE,
    OP_EXISTS,
    OP_IN,
    OP_INI,
    OP_NIN,
    OP_NINI,
    OP_IN_GROUP,
    OP_NOT_IN_GROUP,
    OP_NOT,
    OP_SIZE,
    OP_ELEM_MATCH,
    OP_ALL,
    OP_ALLI,
    OP_REGEX,
    OP_REGEXI,
    OP_NOT_REGEX,
    OP_NOT_REGEXI,
    OP_TYPE
} amphi_gb_op;

static const struct {
    const char *name;
    amphi_gb_op op;
} operators[] = {
    {"$eq", OP_EQ},
    {"$ne", OP_NE},
    {"$lt", OP_LT},
    {"$lte", OP_LTE},
    {"$gt", OP_GT},
    {"$gte", OP_GTE},
    {"$veq", OP_VEQ},
    {"$vne", OP_VNE},
    {"$vlt", OP_VLT},
    {"$vlte", OP_VLTE},
    {"$vgt", OP_VGT},
    {"$vgte", OP_VGTE},
    {"$exists", OP_EXISTS},
    {"$in", OP_IN},
    {"$ini", OP_INI},
    {"$nin", OP_NIN},
    {"$nini", OP_NINI},
    {"$inGroup", OP_IN_GROUP},
    {"$notInGroup", OP_NOT_IN_GROUP},
    {"$not", OP_NOT},
    {"$size", OP_SIZE},
    {"$elemMatch", OP_ELEM_MATCH},
    {"$all", OP_ALL},
    {"$alli", OP_ALLI},
    {"$regex", OP_REGEX},
    {"$regexi", OP_REGEXI},
    {"$notRegex", OP_NOT_REGEX},
    {"$notRegexi", OP_NOT_REGEXI},
    {"$type", OP_TYPE},
};

static amphi_gb_op operator_named(amphi_str name)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (amphi__str_equal_c(name, operators[i].name))
            return operators[i].op;
    return OP_UNKNOWN;
}

/* Is it in the saved group: a list, or {"type": "list", "values": [...]}? -1: that group has no
 * list (another type, damaged), so that it is neither inside nor outside. */
static int in_saved_group(amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *name)
{
    char room[40];
    amphi_str key;
    if (!amphi__gb_text(name, room, &key)) {
        amphi__gb_give_up(gb);
        return -1;
    }
    const amphi_json *group = amphi__gb_member(gb->saved_groups, key);
    if (group == NULL)
        return 0;
    if (amphi__json_kind(group) == AMPHI_JSON_OBJECT &&
        amphi__str_equal_c(amphi__json_string(amphi__json_get(group, "type")), "list"))
        group = amphi__json_get(group, "values");
    return amphi__json_kind(group) != AMPHI_JSON_ARRAY ? -1
                                                       : amphi__gb_is_in(gb, actual, group, false);
}

static bool relation_holds(amphi_gb_op op, int order)
{
    switch (op) {
    case OP_LT:
    case OP_VLT:
        return order < 0;
    case OP_LTE:
    case OP_VLTE:
        return order <= 0;
    case OP_GT:
    case OP_VGT:
        return order > 0 && order != 2;
    case OP_GTE:
    case OP_VGTE:
        return order >= 0 && order != 2;
    case OP_VEQ:
        return order == 0;
    default:
        return order != 0; /* OP_VNE */
    }
}

static bool set_operator_holds(
    amphi_gb *gb, amphi_gb_op op, const amphi_gb_operand *actual, const amphi_json *expected)
{
    bool is_list = amphi__json_kind(expected) == AMPHI_JSON_ARRAY;
    switch (op) {
    case OP_IN:
    case OP_INI:
        return is_list && amphi__gb_is_in(gb, actual, expected, op == OP_INI);
    case OP_NIN:
    case OP_NINI:
        return is_list && !amphi__gb_is_in(gb, actual, expected, op == OP_NINI);
    case OP_IN_GROUP:
        return in_saved_group(gb, actual, expected) == 1;
    case OP_NOT_IN_GROUP:
        return in_saved_group(gb, actual, expected) == 0;
    case OP_SIZE:
        return size_matches(gb, actual, expected);
    case OP_ELEM_MATCH:
        return element_matches(gb, actual, expected);
    default: /* OP_ALL, OP_ALLI */
        return is_list && all_match(gb, actual, expected, op == OP_ALLI);
    }
}

static bool operator_holds(
    amphi_gb *gb, amphi_str name, const amphi_gb_operand *actual, const amphi_json *expected)
{
    bool valid = false;
    amphi_gb_operand other = operand(expected);
    amphi_gb_op op = operator_named(name);
    switch (op) {
    case OP_UNKNOWN:
        return false;
    case OP_EQ:
        return strictly_equal(actual, expected, false);
    case OP_NE:
        return !strictly_equal(actual, expected, false);
    case OP_LT:
    case OP_LTE:
    case OP_GT:
    case OP_GTE:
        return relation_holds(op, relate(gb, actual, expected));
    case OP_VEQ:
    case OP_VNE:
    case OP_VLT:
    case OP_VLTE:
    case OP_VGT:
    case OP_VGTE:
        return relation_holds(op, relate_versions(actual, expected));
    case OP_EXISTS:
        return operand_truth(&other) ? !is_null(actual) : is_null(actual);
    case OP_NOT:
        return !amphi__gb_value_meets(gb, actual, expected, false);
    case OP_REGEX:
    case OP_REGEXI:
        return regex_matches(gb, actual, expected, op == OP_REGEXI, &valid);
    case OP_NOT_REGEX:
    case OP_NOT_REGEXI: /* an invalid pattern is false both ways */
        return !regex_matches(gb, actual, expected, op == OP_NOT_REGEXI, &valid) && valid;
    case OP_TYPE:
        return type_is(actual, expected);
    default:
        return set_operator_holds(gb, op, actual, expected);
    }
}

/* ---- one value ---- */

bool amphi__gb_value_meets(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *condition, bool ignore_case)
{
    if (!amphi__gb_charge(gb, 1))
        return false;
    switch (amphi__json_kind(condition)) {
    case AMPHI_JSON_STRING:
        return reads(actual, amphi__json_string(condition), ignore_case);
    case AMPHI_JSON_NUMBER:
        return operand_number(actual) == amphi__json_number(condition, 0);
    case AMPHI_JSON_BOOL:
        return !is_null(actual) && operand_truth(actual) == amphi__json_bool(condition, false);
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        return is_null(actual);
    default:
        break;
    }
    if (!is_operator_object(condition))
        return !actual->is_length && amphi__json_equal(actual->json, condition);
    for (const amphi_json *op = amphi__json_first(condition); op != NULL; op = amphi__json_next(op))
        if (!operator_holds(gb, amphi__json_key(op), actual, op))
            return false;
    return true;
}
