/* SPDX-License-Identifier: Apache-2.0
 *
 * GrowthBook's targeting conditions: a MongoDB-like language over the attributes. Paths into them,
 * $or, $nor, $and, $not and saved groups are here, single values in growthbook_operator.c.
 */
#include "policy/growthbook_operator.h"
#include "sdk/core/str.h"

#include <stdio.h>

static amphi_gb_operand operand(const amphi_json *json)
{
    amphi_gb_operand it = {json, false, 0};
    return it;
}

static const amphi_json *step_into(const amphi_json *object, amphi_str part)
{
    uint64_t index = 0;
    if (amphi__json_kind(object) == AMPHI_JSON_ARRAY && amphi__str_to_u64(part, &index))
        return amphi__gb_element(object, (size_t)index);
    return amphi__gb_member(object, part);
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

/* $or, $nor and $and walk a list. Of a text the reference takes the letters, which hold for no
 * install, and a value without a length is an empty list. */
typedef enum amphi_gb_list { LIST_EMPTY, LIST_FALSE, LIST_WALK } amphi_gb_list;

static amphi_gb_list list_of(amphi_gb *gb, const amphi_json *conditions)
{
    switch (amphi__json_kind(conditions)) {
    case AMPHI_JSON_ARRAY:
        return amphi__json_first(conditions) == NULL ? LIST_EMPTY : LIST_WALK;
    case AMPHI_JSON_STRING:
        return amphi__json_string(conditions).size == 0 ? LIST_EMPTY : LIST_FALSE;
    case AMPHI_JSON_OBJECT:
        if (amphi__json_get(conditions, "length") == NULL)
            return LIST_EMPTY;
        break;
    case AMPHI_JSON_NUMBER:
    case AMPHI_JSON_BOOL:
        return LIST_EMPTY;
    default:
        break;
    }
    amphi__gb_give_up(gb);
    return LIST_FALSE;
}

static bool any_holds(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *conditions)
{
    amphi_gb_list list = list_of(gb, conditions);
    if (list != LIST_WALK)
        return list == LIST_EMPTY; /* the reference: an empty $or holds */
    for (const amphi_json *c = amphi__json_first(conditions); c != NULL; c = amphi__json_next(c))
        if (amphi__gb_condition(gb, object, wrapped, c))
            return true;
    return false;
}

static bool all_hold(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *conditions)
{
    amphi_gb_list list = list_of(gb, conditions);
    if (list != LIST_WALK)
        return list == LIST_EMPTY;
    for (const amphi_json *c = amphi__json_first(conditions); c != NULL; c = amphi__json_next(c))
        if (!amphi__gb_condition(gb, object, wrapped, c))
            return false;
    return true;
}

/* {"$savedGroup": {"id": "g"}}: the group says itself which attribute it is of, or has a condition
 * of its own. What is not understood matches no install; so does a group inside of itself. */
static bool meets_group(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *reference)
{
    const amphi_json *id = amphi__json_get(reference, "id");
    const amphi_json *attribute = amphi__json_get(reference, "attributeKey");
    const amphi_json *group = amphi__gb_member(gb->saved_groups, amphi__json_string(id));
    amphi_str type = amphi__json_string(amphi__json_get(group, "type"));
    if (!amphi__json_is_string(id) || (attribute != NULL && !amphi__json_is_string(attribute)))
        return false;
    if (amphi__str_equal_c(type, "list")) {
        const amphi_json *values = amphi__json_get(group, "values");
        attribute = attribute != NULL ? attribute : amphi__json_get(group, "attributeKey");
        if (!amphi__json_is_string(attribute) || amphi__json_kind(values) != AMPHI_JSON_ARRAY)
            return false;
        amphi_gb_operand actual = at_path(object, wrapped, amphi__json_string(attribute));
        return amphi__gb_is_in(gb, &actual, values, false);
    }
    const amphi_json *condition = amphi__json_get(group, "condition");
    if (!amphi__str_equal_c(type, "condition") || amphi__json_kind(condition) < AMPHI_JSON_ARRAY)
        return false;
    for (const amphi_gb_group *outer = gb->group; outer != NULL; outer = outer->outer)
        if (outer->group == group)
            return false;
    const amphi_gb_group inside = {group, gb->group};
    gb->group = &inside;
    bool holds = amphi__gb_condition(gb, object, wrapped, condition);
    gb->group = inside.outer;
    return holds;
}

static bool entry_holds(
    amphi_gb *gb, const amphi_json *object, bool wrapped, amphi_str key, const amphi_json *entry)
{
    if (amphi__str_equal_c(key, "$or"))
        return any_holds(gb, object, wrapped, entry);
    if (amphi__str_equal_c(key, "$nor"))
        return !any_holds(gb, object, wrapped, entry);
    if (amphi__str_equal_c(key, "$and"))
        return all_hold(gb, object, wrapped, entry);
    if (amphi__str_equal_c(key, "$not"))
        return !amphi__gb_condition(gb, object, wrapped, entry);
    if (amphi__str_equal_c(key, "$savedGroup"))
        return meets_group(gb, object, wrapped, entry);
    amphi_gb_operand actual = at_path(object, wrapped, key);
    return amphi__gb_value_meets(gb, &actual, entry, false);
}

/* A number or a truth has no entries, so it holds; a text has its letters, and null throws. */
bool amphi__gb_condition(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *condition)
{
    bool is_array = amphi__json_kind(condition) == AMPHI_JSON_ARRAY;
    unsigned index = 0;
    if (!amphi__gb_charge(gb, 1))
        return false;
    if (amphi__json_kind(condition) <= AMPHI_JSON_NULL)
        amphi__gb_give_up(gb);
    if (amphi__json_kind(condition) == AMPHI_JSON_STRING)
        return amphi__json_string(condition).size == 0;
    for (const amphi_json *m = amphi__json_first(condition); m != NULL; m = amphi__json_next(m)) {
        char digits[16];
        snprintf(digits, sizeof digits, "%u", index++);
        amphi_str key = is_array ? amphi_str_from(digits) : amphi__json_key(m);
        if (!entry_holds(gb, object, wrapped, key, m))
            return false;
    }
    return !gb->is_misshapen;
}
