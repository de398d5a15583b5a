/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: constructors, lists, mappings, truth, equality and order. Walks are bounded by a
 * jinja_work.
 */
#include "local/jinja/value.h"

#include "sdk/core/str.h"

#include <math.h>

#define KEY_PARTS_MAX 4096 /* values in a tuple that is a key */
#define INDEX_FROM    9    /* a dict with fewer members is searched from its front */

bool amphi__jinja_work_take(jinja_work *work, uint64_t steps)
{
    work->cancelled |= amphi__cancel_is_set(work->cancel);
    if (work->spent || work->cancelled || work->steps_left < steps) {
        work->spent = true;
        return false;
    }
    work->steps_left -= steps;
    return true;
}

bool amphi__jinja_work_enter(jinja_work *work)
{
    if (!amphi__jinja_work_take(work, 1))
        return false;
    if (work->depth_left == 0) {
        work->spent = work->too_deep = true;
        return false;
    }
    work->depth_left--;
    return true;
}

jinja_value amphi__jinja_none(void)
{
    return (jinja_value){.kind = JINJA_NONE};
}

jinja_value amphi__jinja_bool(bool value)
{
    return (jinja_value){.kind = JINJA_BOOL, .as.boolean = value};
}

jinja_value amphi__jinja_int(int64_t value)
{
    return (jinja_value){.kind = JINJA_INT, .as.integer = value};
}

jinja_value amphi__jinja_float(double value)
{
    return (jinja_value){.kind = JINJA_FLOAT, .as.number = value};
}

jinja_value amphi__jinja_str(amphi_str text)
{
    return (jinja_value){.kind = JINJA_STRING, .as.text = text};
}

jinja_value amphi__jinja_undefined(amphi_str name)
{
    return (jinja_value){.kind = JINJA_UNDEFINED, .as.text = name};
}

bool amphi__jinja_list_new(jinja_arena *arena, size_t capacity, jinja_list **out)
{
    jinja_list *list = amphi__jinja_alloc(arena, sizeof *list);
    if (list == NULL)
        return false;
    if (capacity > 0) {
        list->items = amphi__jinja_alloc_array(arena, capacity, sizeof *list->items);
        if (list->items == NULL)
            return false;
        list->capacity = capacity;
    }
    *out = list;
    return true;
}

bool amphi__jinja_list_push(jinja_arena *arena, jinja_list *list, jinja_value value)
{
    jinja_value *items =
        amphi__jinja_grow(arena, list->items, list->count, &list->capacity, sizeof value);
    if (items == NULL)
        return false;
    list->items = items;
    list->items[list->count++] = value;
    return true;
}

jinja_value amphi__jinja_list_value(jinja_kind kind, jinja_list *list)
{
    return (jinja_value){.kind = (uint8_t)kind, .as.list = list};
}

bool amphi__jinja_is_number(jinja_value value)
{
    return value.kind == JINJA_BOOL || value.kind == JINJA_INT || value.kind == JINJA_FLOAT;
}

double amphi__jinja_number(jinja_value value)
{
    if (value.kind == JINJA_FLOAT)
        return value.as.number;
    return value.kind == JINJA_BOOL ? value.as.boolean : (double)value.as.integer;
}

static int64_t whole(jinja_value value) /* of a bool or an int */
{
    return value.kind == JINJA_BOOL ? value.as.boolean : value.as.integer;
}

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash ^ (hash >> 29);
}

/* Equal keys have equal hashes: True, 1 and 1.0 are one key. */
static uint64_t hash_of(jinja_value key, unsigned depth)
{
    const uint64_t seed = 14695981039346656037u;
    if (key.kind == JINJA_STRING)
        return mix(seed, key.as.text.data, key.as.text.size);
    if (amphi__jinja_is_number(key)) {
        double number = amphi__jinja_number(key) + 0.0; /* -0.0 is 0.0 */
        return mix(seed, &number, sizeof number);
    }
    if (key.kind == JINJA_TUPLE && depth > 0) {
        uint64_t hash = seed;
        for (size_t i = 0; i < key.as.list->count && i < 8; i++) {
            uint64_t part = hash_of(key.as.list->items[i], depth - 1);
            hash = mix(hash, &part, sizeof part);
        }
        return hash;
    }
    return seed + key.kind;
}

/* `left` bounds the visits: tuples of the same tuples are small to write and endless to walk. */
static bool is_hashable(jinja_value value, unsigned depth, unsigned *left)
{
    *left -= *left > 0;
    if (value.kind == JINJA_LIST || value.kind == JINJA_DICT || value.kind == JINJA_VIEW)
        return false;
    if (value.kind == JINJA_TUPLE) {
        for (size_t i = 0; i < value.as.list->count; i++)
            if (depth == 0 || *left == 0 || !is_hashable(value.as.list->items[i], depth - 1, left))
                return false;
    }
    return true;
}

bool amphi__jinja_is_hashable(jinja_value value)
{
    unsigned left = KEY_PARTS_MAX;
    return is_hashable(value, 4, &left);
}

jinja_dict *amphi__jinja_dict_new(jinja_arena *arena)
{
    return amphi__jinja_alloc(arena, sizeof(jinja_dict));
}

static bool same_key(const jinja_entry *entry, uint64_t hash, jinja_value key, jinja_work *work)
{
    if (entry->hash != hash)
        return false;
    if (key.kind == JINJA_STRING)
        return entry->key.kind == JINJA_STRING && amphi__str_equal(entry->key.as.text, key.as.text);
    return amphi__jinja_equal(entry->key, key, work);
}

static jinja_value *find(const jinja_dict *dict, uint64_t hash, jinja_value key, jinja_work *work)
{
    if (dict->index == NULL) {
        for (size_t i = 0; i < dict->count; i++)
            if (same_key(&dict->entries[i], hash, key, work))
                return &dict->entries[i].value;
        return NULL;
    }
    for (size_t slot = hash & (dict->index_size - 1); dict->index[slot] != 0;
         slot = (slot + 1) & (dict->index_size - 1)) {
        jinja_entry *entry = &dict->entries[dict->index[slot] - 1];
        /* Crafted collisions cost steps, not time without end. */
        if (same_key(entry, hash, key, work))
            return &entry->value;
        if (work != NULL && !amphi__jinja_work_take(work, 1))
            return NULL;
    }
    return NULL;
}

/* Long keys cost steps. */
static bool take_key(jinja_value key, jinja_work *work)
{
    return work == NULL || key.kind != JINJA_STRING ||
           amphi__jinja_work_take(work, key.as.text.size / 64);
}

jinja_value *amphi__jinja_dict_get(const jinja_dict *dict, jinja_value key, jinja_work *work)
{
    if (!amphi__jinja_is_hashable(key) || !take_key(key, work))
        return NULL;
    return find(dict, hash_of(key, 4), key, work);
}

jinja_value *amphi__jinja_dict_get_str(const jinja_dict *dict, amphi_str key)
{
    jinja_value value = amphi__jinja_str(key);
    return find(dict, hash_of(value, 4), value, NULL);
}

static void index_entry(jinja_dict *dict, size_t entry)
{
    size_t slot = dict->entries[entry].hash & (dict->index_size - 1);
    while (dict->index[slot] != 0)
        slot = (slot + 1) & (dict->index_size - 1);
    dict->index[slot] = (uint32_t)entry + 1;
}

static bool build_index(jinja_arena *arena, jinja_dict *dict)
{
    size_t size = dict->index_size == 0 ? 32 : dict->index_size * 2;
    uint32_t *index = amphi__jinja_alloc_array(arena, size, sizeof *index);
    if (index == NULL)
        return false;
    dict->index = index;
    dict->index_size = size;
    for (size_t i = 0; i < dict->count; i++)
        index_entry(dict, i);
    return true;
}

bool amphi__jinja_dict_set(
    jinja_arena *arena, jinja_dict *dict, jinja_value key, jinja_value value, jinja_work *work)
{
    uint64_t hash = hash_of(key, 4);
    jinja_value *old = take_key(key, work) ? find(dict, hash, key, work) : NULL;
    if (work != NULL && work->spent)
        return false;
    if (old != NULL) {
        *old = value;
        return true;
    }
    jinja_entry *entries = amphi__jinja_grow(
        arena, dict->entries, dict->count, &dict->capacity, sizeof *dict->entries);
    if (entries == NULL)
        return false;
    dict->entries = entries;
    dict->entries[dict->count++] = (jinja_entry){.key = key, .value = value, .hash = hash};
    if (dict->count >= INDEX_FROM && dict->count * 2 > dict->index_size)
        return build_index(arena, dict);
    if (dict->index != NULL)
        index_entry(dict, dict->count - 1);
    return true;
}

bool amphi__jinja_truth(jinja_value value)
{
    switch (value.kind) {
    case JINJA_UNDEFINED:
    case JINJA_MISSING:
    case JINJA_NONE:
        return false;
    case JINJA_BOOL:
        return value.as.boolean;
    case JINJA_INT:
        return value.as.integer != 0;
    case JINJA_FLOAT:
        return value.as.number != 0;
    case JINJA_STRING:
        return value.as.text.size > 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return value.as.list->count > 0;
    case JINJA_DICT:
        return value.as.dict->count > 0;
    case JINJA_RANGE:
        return value.as.range->count > 0;
    case JINJA_VIEW:
        return value.as.view->dict->count > 0;
    default:
        return true;
    }
}

static bool equal_lists(const jinja_list *a, const jinja_list *b, jinja_work *work)
{
    if (a->count != b->count)
        return false;
    if (a == b)
        return true;
    for (size_t i = 0; i < a->count; i++)
        if (!amphi__jinja_equal(a->items[i], b->items[i], work))
            return false;
    return true;
}

static bool equal_dicts(const jinja_dict *a, const jinja_dict *b, jinja_work *work)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count && a != b; i++) {
        const jinja_value *other = find(b, a->entries[i].hash, a->entries[i].key, work);
        if (other == NULL || !amphi__jinja_equal(a->entries[i].value, *other, work))
            return false;
    }
    return true;
}

static bool equal_inner(jinja_value a, jinja_value b, jinja_work *work)
{
    if (amphi__jinja_is_number(a) && amphi__jinja_is_number(b)) {
        if (a.kind == JINJA_FLOAT || b.kind == JINJA_FLOAT)
            return amphi__jinja_number(a) == amphi__jinja_number(b);
        return whole(a) == whole(b);
    }
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case JINJA_UNDEFINED:
    case JINJA_MISSING:
    case JINJA_NONE:
        return true;
    case JINJA_STRING:
        return amphi__jinja_work_take(work, a.as.text.size / 256) &&
               amphi__str_equal(a.as.text, b.as.text);
    case JINJA_LIST:
    case JINJA_TUPLE:
        return equal_lists(a.as.list, b.as.list, work);
    case JINJA_DICT:
        return equal_dicts(a.as.dict, b.as.dict, work);
    case JINJA_RANGE:
        return a.as.range->count == b.as.range->count &&
               (a.as.range->count == 0 || (a.as.range->start == b.as.range->start &&
                                              a.as.range->step == b.as.range->step));
    default:
        return a.as.list == b.as.list; /* the same object */
    }
}

bool amphi__jinja_equal(jinja_value a, jinja_value b, jinja_work *work)
{
    if (!amphi__jinja_work_enter(work))
        return false;
    bool equal = equal_inner(a, b, work);
    work->depth_left++;
    return equal;
}

static int sign(double a, double b)
{
    if (isnan(a) || isnan(b))
        return 2;
    return a < b ? -1 : a > b;
}

static int order_texts(amphi_str a, amphi_str b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order == 0)
        return a.size < b.size ? -1 : a.size > b.size;
    return order < 0 ? -1 : 1;
}

static bool order_lists(const jinja_list *a, const jinja_list *b, int *order, jinja_work *work)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!amphi__jinja_equal(a->items[i], b->items[i], work))
            return !work->spent && amphi__jinja_order(a->items[i], b->items[i], order, work);
    *order = a->count < b->count ? -1 : a->count > b->count;
    return true;
}

bool amphi__jinja_order(jinja_value a, jinja_value b, int *order, jinja_work *work)
{
    *order = 2;
    if (!amphi__jinja_work_enter(work))
        return false;
    bool ordered = false;
    if (amphi__jinja_is_number(a) && amphi__jinja_is_number(b)) {
        if (a.kind == JINJA_FLOAT || b.kind == JINJA_FLOAT)
            *order = sign(amphi__jinja_number(a), amphi__jinja_number(b));
        else
            *order = whole(a) < whole(b) ? -1 : whole(a) > whole(b);
        ordered = true;
    } else if (a.kind == JINJA_STRING && b.kind == JINJA_STRING) {
        *order = order_texts(a.as.text, b.as.text);
        ordered = amphi__jinja_work_take(work, a.as.text.size / 256);
    } else if (a.kind == b.kind && (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE)) {
        ordered = order_lists(a.as.list, b.as.list, order, work);
    }
    work->depth_left++;
    return ordered;
}

const char *amphi__jinja_type_name(jinja_value value)
{
    static const char *const names[] = {[JINJA_UNDEFINED] = "undefined",
        [JINJA_MISSING] = "missing",
        [JINJA_NONE] = "none",
        [JINJA_BOOL] = "boolean",
        [JINJA_INT] = "integer",
        [JINJA_FLOAT] = "float",
        [JINJA_STRING] = "string",
        [JINJA_LIST] = "list",
        [JINJA_TUPLE] = "tuple",
        [JINJA_DICT] = "mapping",
        [JINJA_RANGE] = "range",
        [JINJA_VIEW] = "view of a mapping",
        [JINJA_GENERATOR] = "generator",
        [JINJA_NAMESPACE] = "namespace",
        [JINJA_LOOP] = "loop",
        [JINJA_MACRO] = "macro",
        [JINJA_FUNCTION] = "function",
        [JINJA_METHOD] = "method",
        [JINJA_CYCLER] = "cycler",
        [JINJA_JOINER] = "joiner"};
    return names[value.kind];
}
