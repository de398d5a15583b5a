/* SPDX-License-Identifier: Apache-2.0
 *
 * GrowthBook's targeting conditions: a MongoDB-like language over the attributes, with the
 * comparison rules of JavaScript, where the reference SDK lives ("5" < 10, null counts as 0).
 * An unknown operator is false, never an error: a newer server must not turn a rule on by
 * accident.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#include <math.h>

/* A value that a condition reads: one of the document's, or a length that $size made. */
typedef struct amphi_gb_operand {
    const amphi_json *json;
    bool is_length;
    double length;
} amphi_gb_operand;

static bool condition_value(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *condition, bool ignore_case);

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

/* ---- conversions as JavaScript does them ---- */

static bool operand_text(const amphi_gb_operand *it, char room[40], amphi_str *out)
{
    switch (kind_of(it)) {
    case AMPHI_JSON_STRING:
        *out = amphi__json_string(it->json);
        return true;
    case AMPHI_JSON_NUMBER:
        amphi__gb_number_text(it->is_length ? it->length : amphi__json_number(it->json, 0), room);
        *out = amphi_str_from(room);
        return true;
    case AMPHI_JSON_BOOL:
        *out = amphi__json_bool(it->json, false) ? AMPHI_STR("true") : AMPHI_STR("false");
        return true;
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        *out = AMPHI_STR("null");
        return true;
    default:
        return false;
    }
}

bool amphi__gb_text(const amphi_json *value, char room[40], amphi_str *out)
{
    amphi_gb_operand it = operand(value);
    return operand_text(&it, room, out);
}

static double operand_number(const amphi_gb_operand *it)
{
    switch (kind_of(it)) {
    case AMPHI_JSON_NUMBER:
        return it->is_length ? it->length : amphi__json_number(it->json, 0);
    case AMPHI_JSON_STRING:
        return amphi__gb_text_number(amphi__json_string(it->json));
    case AMPHI_JSON_BOOL:
        return amphi__json_bool(it->json, false) ? 1 : 0;
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        return 0;
    default:
        return (double)NAN;
    }
}

/* JavaScript's "truthy". */
static bool operand_truth(const amphi_gb_operand *it)
{
    switch (kind_of(it)) {
    case AMPHI_JSON_BOOL:
        return amphi__json_bool(it->json, false);
    case AMPHI_JSON_NUMBER:
        return operand_number(it) != 0;
    case AMPHI_JSON_STRING:
        return amphi__json_string(it->json).size > 0;
    default:
        return !is_null(it);
    }
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

/* $lt and the like: -1, 0, 1, or 2 when there is no order. */
static int relate(const amphi_gb_operand *actual, const amphi_json *expected)
{
    if (kind_of(actual) == AMPHI_JSON_STRING && amphi__json_is_string(expected)) {
        return amphi__gb_compare_text(
            amphi__json_string(actual->json), amphi__json_string(expected));
    }
    amphi_gb_operand other = operand(expected);
    double a = operand_number(actual);
    double b = operand_number(&other);
    return isnan(a) || isnan(b) ? 2 : (a > b) - (a < b);
}

static bool array_has(const amphi_json *array, const amphi_gb_operand *it, bool ignore_case)
{
    for (const amphi_json *e = amphi__json_first(array); e != NULL; e = amphi__json_next(e))
        if (strictly_equal(it, e, ignore_case))
            return true;
    return false;
}

static bool is_in(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *expected, bool ignore_case)
{
    if (kind_of(actual) != AMPHI_JSON_ARRAY)
        return array_has(expected, actual, ignore_case);
    for (const amphi_json *e = amphi__json_first(actual->json); e != NULL && gb->steps_left > 0;
         e = amphi__json_next(e)) {
        amphi_gb_operand one = operand(e);
        gb->steps_left--;
        if (array_has(expected, &one, ignore_case))
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
    for (const amphi_json *e = amphi__json_first(actual->json); e != NULL;
         e = amphi__json_next(e)) {
        amphi_gb_operand one = operand(e);
        if (plain ? condition_value(gb, &one, expected, false)
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
            found = condition_value(gb, &one, want, ignore_case);
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
    return condition_value(gb, &length, expected, false);
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
    char room[40];
    amphi_str text;
    *valid = false;
    if (!amphi__json_is_string(expected) || !operand_text(actual, room, &text))
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

static const amphi_json *saved_group(const amphi_gb *gb, const amphi_json *name)
{
    amphi_str wanted = amphi__json_string(name);
    const amphi_json *found = NULL;
    for (const amphi_json *g = amphi__json_first(gb->saved_groups); g != NULL;
         g = amphi__json_next(g))
        if (amphi__str_equal(amphi__json_key(g), wanted))
            found = g;
    return found;
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
        return is_list && is_in(gb, actual, expected, op == OP_INI);
    case OP_NIN:
    case OP_NINI:
        return is_list && !is_in(gb, actual, expected, op == OP_NINI);
    case OP_IN_GROUP:
        return is_in(gb, actual, saved_group(gb, expected), false);
    case OP_NOT_IN_GROUP:
        return !is_in(gb, actual, saved_group(gb, expected), false);
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
        return relation_holds(op, relate(actual, expected));
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
        return !condition_value(gb, actual, expected, false);
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

/* ---- conditions ---- */

static bool condition_value(
    amphi_gb *gb, const amphi_gb_operand *actual, const amphi_json *condition, bool ignore_case)
{
    char room[40];
    amphi_str text;
    if (gb->steps_left == 0)
        return false;
    gb->steps_left--;
    switch (amphi__json_kind(condition)) {
    case AMPHI_JSON_STRING:
        return operand_text(actual, room, &text) &&
               (ignore_case ? amphi__str_equal_ignore_case(text, amphi__json_string(condition))
                            : amphi__str_equal(text, amphi__json_string(condition)));
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

static const amphi_json *step_into(const amphi_json *object, amphi_str part)
{
    uint64_t index = 0;
    if (amphi__json_kind(object) == AMPHI_JSON_ARRAY && amphi__str_to_u64(part, &index)) {
        const amphi_json *e = amphi__json_first(object);
        for (; e != NULL && index > 0; index--)
            e = amphi__json_next(e);
        return e;
    }
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT)
        return NULL;
    const amphi_json *found = NULL;
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m))
        if (amphi__str_equal(amphi__json_key(m), part))
            found = m;
    return found;
}

/* "father.age" */
static amphi_gb_operand at_path(const amphi_json *object, bool wrapped, amphi_str path)
{
    amphi_str rest = path;
    if (wrapped) {
        if (!amphi__str_equal_c(amphi__str_cut(rest, '.', &rest), "value"))
            return operand(NULL);
        if (rest.size == 0)
            return operand(object);
    }
    do {
        object = step_into(object, amphi__str_cut(rest, '.', &rest));
    } while (rest.size > 0 && object != NULL);
    return operand(object);
}

static bool any_holds(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *conditions)
{
    const amphi_json *c = amphi__json_first(conditions);
    if (c == NULL)
        return true; /* the reference: an empty $or holds */
    for (; c != NULL; c = amphi__json_next(c))
        if (amphi__gb_condition(gb, object, wrapped, c))
            return true;
    return false;
}

static bool all_hold(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *conditions)
{
    for (const amphi_json *c = amphi__json_first(conditions); c != NULL; c = amphi__json_next(c))
        if (!amphi__gb_condition(gb, object, wrapped, c))
            return false;
    return true;
}

bool amphi__gb_condition(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *condition)
{
    if (gb->steps_left == 0)
        return false;
    gb->steps_left--;
    for (const amphi_json *m = amphi__json_first(condition); m != NULL; m = amphi__json_next(m)) {
        amphi_str key = amphi__json_key(m);
        bool holds;
        if (amphi__str_equal_c(key, "$or")) {
            holds = any_holds(gb, object, wrapped, m);
        } else if (amphi__str_equal_c(key, "$nor")) {
            holds = !any_holds(gb, object, wrapped, m);
        } else if (amphi__str_equal_c(key, "$and")) {
            holds = all_hold(gb, object, wrapped, m);
        } else if (amphi__str_equal_c(key, "$not")) {
            holds = !amphi__gb_condition(gb, object, wrapped, m);
        } else {
            amphi_gb_operand actual = at_path(object, wrapped, key);
            holds = condition_value(gb, &actual, m, false);
        }
        if (!holds)
            return false;
    }
    return true;
}
