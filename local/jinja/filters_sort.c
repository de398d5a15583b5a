/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters that compare items: sort, unique, min, max, groupby, dictsort. Letters' case is ignored
 * unless asked for, sorting is stable, and what Python would not order is refused.
 */
#include "local/jinja/render.h"

#include "sdk/core/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct keyed {
    jinja_value key;
    jinja_value item;
} keyed;

static bool is_true(jinja_value value)
{
    return value.kind != JINJA_MISSING && amphi__jinja_truth(value);
}

static bool is_set(jinja_value value)
{
    return value.kind != JINJA_MISSING && value.kind != JINJA_NONE;
}

static bool fold(jinja_render *r, bool sensitive, jinja_value *key)
{
    return sensitive || key->kind != JINJA_STRING ||
           amphi__jinja_recase(r, key->as.text, JINJA_LOWER, key);
}

/* The key of an item: the item, an attribute, or (with commas) a list of attributes. */
static bool make_key(
    jinja_render *r, jinja_value item, jinja_value path, bool sensitive, jinja_value *key)
{
    *key = item;
    if (!is_set(path))
        return fold(r, sensitive, key);
    if (path.kind != JINJA_STRING || path.as.text.size == 0 ||
        memchr(path.as.text.data, ',', path.as.text.size) == NULL)
        return amphi__jinja_get_path(r, item, path, key) && fold(r, sensitive, key);
    jinja_list *parts;
    if (!amphi__jinja_list_make(r, &parts))
        return false;
    jinja_value part;
    for (amphi_str rest = path.as.text; rest.size > 0;) {
        amphi_str name = amphi__str_cut(rest, ',', &rest);
        if (!amphi__jinja_get_path(r, item, amphi__jinja_str(name), &part) ||
            !fold(r, sensitive, &part) || !amphi__jinja_push(r, parts, part))
            return false;
    }
    *key = amphi__jinja_list_value(JINJA_LIST, parts);
    return true;
}

static bool make_keys(
    jinja_render *r, const jinja_list *list, jinja_value path, bool sensitive, keyed **out)
{
    keyed *keys = amphi__jinja_alloc_array(&r->arena, list->count * 2 + 1, sizeof *keys);
    if (keys == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    for (size_t i = 0; i < list->count; i++) {
        keys[i].item = list->items[i];
        if (!make_key(r, list->items[i], path, sensitive, &keys[i].key))
            return false;
    }
    *out = keys;
    return true;
}

static bool fail_order(jinja_render *r, jinja_value a, jinja_value b)
{
    return r->work.spent ? amphi__jinja_fail_bounds(r, NULL)
                         : amphi__jinja_fail(r, AMPHI_E_FORMAT, "a %s and a %s have no order",
                               amphi__jinja_type_name(a), amphi__jinja_type_name(b));
}

/* Merges [from, middle) and [middle, to); `spare` is as long as `keys`. */
static bool merge(
    jinja_render *r, keyed *keys, keyed *spare, size_t from, size_t middle, size_t to, bool reverse)
{
    size_t a = from, b = middle;
    for (size_t at = from; at < to; at++) {
        bool second = a >= middle;
        if (a < middle && b < to) {
            int order;
            if (!amphi__jinja_order(keys[b].key, keys[a].key, &order, &r->work))
                return fail_order(r, keys[a].key, keys[b].key);
            second = reverse ? order == 1 : order == -1;
        }
        spare[at] = keys[second ? b++ : a++];
    }
    memcpy(keys + from, spare + from, (to - from) * sizeof *keys);
    return true;
}

static bool sort(jinja_render *r, keyed *keys, size_t count, bool reverse)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t from = 0; from + width < count; from += 2 * width) {
            size_t to = from + 2 * width < count ? from + 2 * width : count;
            if (!merge(r, keys, keys + count, from, from + width, to, reverse))
                return false;
        }
    }
    return true;
}

static bool sorted(jinja_call *call, jinja_value subject, jinja_value path, bool sensitive,
    bool reverse, jinja_list **out)
{
    jinja_list *list;
    keyed *keys;
    if (!amphi__jinja_iterate(call->r, subject, &list) ||
        !make_keys(call->r, list, path, sensitive, &keys) ||
        !sort(call->r, keys, list->count, reverse) || !amphi__jinja_list_make(call->r, out))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (!amphi__jinja_push(call->r, *out, keys[i].item))
            return false;
    return true;
}

static bool filter_sort(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    if (!sorted(
            call, call->self, call->args[2], is_true(call->args[1]), is_true(call->args[0]), &list))
        return false;
    *out = amphi__jinja_list_value(JINJA_LIST, list);
    return true;
}

static bool filter_dictsort(jinja_call *call, jinja_value *out)
{
    jinja_value by = call->args[1];
    bool by_value = by.kind == JINJA_STRING && amphi__str_equal_c(by.as.text, "value");
    jinja_call inner = *call;
    if (call->self.kind != JINJA_DICT)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "dictsort needs a mapping");
    if (is_set(by) && !by_value &&
        (by.kind != JINJA_STRING || !amphi__str_equal_c(by.as.text, "key")))
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "dictsort sorts by key or by value");
    inner.count = inner.named_count = 0;
    jinja_value items;
    jinja_list *list;
    if (!amphi__jinja_invoke(&amphi__jinja_container_methods[0].items[1], &inner, &items) ||
        !sorted(call, items, amphi__jinja_int(by_value), is_true(call->args[0]),
            is_true(call->args[2]), &list))
        return false;
    *out = amphi__jinja_list_value(JINJA_LIST, list);
    return true;
}

static bool filter_unique(jinja_call *call, jinja_value *out)
{
    jinja_dict *seen = amphi__jinja_dict_new(&call->r->arena);
    jinja_generator *generator = amphi__jinja_alloc(&call->r->arena, sizeof *generator);
    if (seen == NULL || generator == NULL)
        return amphi__jinja_fail_bounds(call->r, NULL);
    jinja_list *list;
    jinja_list *kept;
    if (!amphi__jinja_iterate(call->r, call->self, &list) ||
        !amphi__jinja_list_make(call->r, &kept))
        return false;
    jinja_value key;
    for (size_t i = 0; i < list->count; i++) {
        size_t before = seen->count;
        if (!make_key(call->r, list->items[i], call->args[1], is_true(call->args[0]), &key) ||
            !amphi__jinja_dict_put(call->r, seen, key, amphi__jinja_none()) ||
            (seen->count > before && !amphi__jinja_push(call->r, kept, list->items[i])))
            return false;
    }
    generator->list = kept;
    *out = (jinja_value){.kind = JINJA_GENERATOR, .as.generator = generator};
    return true;
}

static bool extreme(jinja_call *call, int wanted, jinja_value *out)
{
    jinja_value best = {.kind = JINJA_MISSING};
    *out = amphi__jinja_undefined(AMPHI_STR("an item of nothing"));
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    jinja_value key;
    for (size_t i = 0; i < list->count; i++) {
        if (!make_key(call->r, list->items[i], call->args[1], is_true(call->args[0]), &key))
            return false;
        int order = wanted;
        if (best.kind != JINJA_MISSING && !amphi__jinja_order(key, best, &order, &call->r->work))
            return fail_order(call->r, key, best);
        if (order == wanted) {
            best = key;
            *out = list->items[i];
        }
    }
    return true;
}

static bool filter_min(jinja_call *call, jinja_value *out)
{
    return extreme(call, -1, out);
}

static bool filter_max(jinja_call *call, jinja_value *out)
{
    return extreme(call, 1, out);
}

/* One group as a tuple (grouper, list). */
static bool push_group(jinja_render *r, jinja_list *groups, jinja_value key, jinja_list **items)
{
    jinja_list *pair;
    if (!amphi__jinja_list_make(r, items) || !amphi__jinja_list_make(r, &pair) ||
        !amphi__jinja_push(r, pair, key) ||
        !amphi__jinja_push(r, pair, amphi__jinja_list_value(JINJA_LIST, *items)))
        return false;
    jinja_value group = amphi__jinja_list_value(JINJA_TUPLE, pair);
    group.group = true;
    return amphi__jinja_push(r, groups, group);
}

static bool group_key(jinja_call *call, jinja_value item, bool sensitive, jinja_value *key)
{
    if (!amphi__jinja_get_path(call->r, item, call->args[0], key))
        return false;
    if (key->kind == JINJA_UNDEFINED && is_set(call->args[1]))
        *key = call->args[1];
    return fold(call->r, sensitive, key);
}

static bool filter_groupby(jinja_call *call, jinja_value *out)
{
    bool sensitive = is_true(call->args[2]);
    jinja_list *list;
    jinja_list *groups;
    keyed *keys;
    if (!amphi__jinja_iterate(call->r, call->self, &list) ||
        !make_keys(call->r, list, amphi__jinja_none(), true, &keys) ||
        !amphi__jinja_list_make(call->r, &groups))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (!group_key(call, list->items[i], sensitive, &keys[i].key))
            return false;
    if (!sort(call->r, keys, list->count, false))
        return false;
    jinja_list *items = NULL;
    jinja_value shown;
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || !amphi__jinja_equal(keys[i].key, keys[i - 1].key, &call->r->work)) {
            if (!group_key(call, keys[i].item, true, &shown) ||
                !push_group(call->r, groups, shown, &items))
                return false;
        }
        if (!amphi__jinja_push(call->r, items, keys[i].item))
            return false;
    }
    *out = amphi__jinja_list_value(JINJA_LIST, groups);
    return true;
}

static const jinja_builtin filters[] = {
    {"sort", filter_sort, "reverse,case_sensitive,attribute", 0},
    {"dictsort", filter_dictsort, "case_sensitive,by,reverse", 0},
    {"unique", filter_unique, "case_sensitive,attribute", 0},
    {"min", filter_min, "case_sensitive,attribute", 0},
    {"max", filter_max, "case_sensitive,attribute", 0},
    {"groupby", filter_groupby, "attribute,default,case_sensitive", 1}};
const jinja_table amphi__jinja_sort_filters = {filters, COUNT_OF(filters)};
