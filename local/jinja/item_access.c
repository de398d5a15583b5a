/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes, items, slices, iteration and length of values. The order is Jinja2's: `a.b` tries
 * Python's attributes (so methods) first and then items, `a['b']` items first. A name that is in
 * neither gives an undefined value; access to an undefined value is an error.
 */
#include "local/jinja/render.h"
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

static bool fail_undefined(jinja_render *r, jinja_value value)
{
    return amphi__jinja_fail(r, AMPHI_E_FORMAT, "'%.*s' is undefined",
        (int)(value.as.text.size > 60 ? 60 : value.as.text.size),
        value.as.text.data != NULL ? value.as.text.data : "");
}

static bool loop_attr(const jinja_loop *loop, amphi_str name, jinja_value *out)
{
    int64_t index = (int64_t)loop->index, count = (int64_t)loop->items->count;
    const struct {
        const char *name;
        jinja_value value;
    } attributes[] = {{"index", amphi__jinja_int(index + 1)}, {"index0", amphi__jinja_int(index)},
        {"first", amphi__jinja_bool(index == 0)}, {"last", amphi__jinja_bool(index + 1 == count)},
        {"length", amphi__jinja_int(count)}, {"revindex", amphi__jinja_int(count - index)},
        {"revindex0", amphi__jinja_int(count - index - 1)},
        {"depth", amphi__jinja_int((int64_t)loop->depth + 1)},
        {"depth0", amphi__jinja_int((int64_t)loop->depth)}};
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (amphi__str_equal_c(name, attributes[i].name)) {
            *out = attributes[i].value;
            return true;
        }
    }
    if (amphi__str_equal_c(name, "previtem") && index > 0) {
        *out = loop->items->items[index - 1];
        return true;
    }
    if (amphi__str_equal_c(name, "nextitem") && index + 1 < count) {
        *out = loop->items->items[index + 1];
        return true;
    }
    return false;
}

/* What Python's getattr would give. *found false: nothing. */
static bool attribute(
    jinja_render *r, jinja_value subject, amphi_str name, jinja_value *out, bool *found)
{
    *found = true;
    *out = amphi__jinja_undefined(name);
    if (subject.kind == JINJA_NAMESPACE) {
        jinja_value *value = amphi__jinja_dict_get_str(subject.as.dict, name);
        *out = value != NULL ? *value : *out;
        return true;
    }
    if (subject.kind == JINJA_LOOP && loop_attr(subject.as.loop, name, out))
        return true;
    if (subject.group && amphi__str_equal_c(name, "grouper")) {
        *out = subject.as.list->items[0];
        return true;
    }
    if (subject.group && amphi__str_equal_c(name, "list")) {
        *out = subject.as.list->items[1];
        return true;
    }
    if (subject.kind == JINJA_MACRO && amphi__str_equal_c(name, "name")) {
        *out = amphi__jinja_str(subject.as.macro->node->text);
        return true;
    }
    if (subject.kind == JINJA_CYCLER && amphi__str_equal_c(name, "current")) {
        *out = subject.as.cycler->items->items[subject.as.cycler->position];
        return true;
    }
    bool refused = false;
    const jinja_builtin *builtin = amphi__jinja_method_find(subject, name, &refused);
    *found = builtin != NULL || refused;
    if (builtin == NULL)
        return true;
    jinja_method *method = amphi__jinja_alloc(&r->arena, sizeof *method);
    if (method == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    method->builtin = builtin;
    method->self = subject;
    *out = (jinja_value){.kind = JINJA_METHOD, .as.method = method};
    return true;
}

bool amphi__jinja_get_attr(jinja_render *r, jinja_value subject, amphi_str name, jinja_value *out)
{
    if (subject.kind == JINJA_UNDEFINED)
        return fail_undefined(r, subject);
    bool found;
    if (!amphi__jinja_charge(r, name.size) || !attribute(r, subject, name, out, &found))
        return false;
    if (!found && subject.kind == JINJA_DICT) {
        jinja_value *value = amphi__jinja_dict_get_str(subject.as.dict, name);
        if (value != NULL)
            *out = *value;
    }
    return true;
}

/* A position counted from the end when negative; false: outside. */
static bool position(int64_t index, int64_t count, int64_t *out)
{
    *out = index < 0 ? index + count : index;
    return *out >= 0 && *out < count;
}

static jinja_value char_value(amphi_str text, size_t at)
{
    size_t size;
    amphi__jinja_char_at(text, at, &size);
    return amphi__jinja_str(amphi_str_make(text.data + at, size));
}

/* subject[index]; false: no such item. */
static bool item_at(jinja_render *r, jinja_value subject, int64_t index, jinja_value *out)
{
    int64_t at, count = 0;
    switch (subject.kind) {
    case JINJA_LIST:
    case JINJA_TUPLE:
        if (!position(index, (int64_t)subject.as.list->count, &at))
            return false;
        *out = subject.as.list->items[at];
        return true;
    case JINJA_RANGE:
        if (!position(index, subject.as.range->count, &at))
            return false;
        *out = amphi__jinja_int(subject.as.range->start + at * subject.as.range->step);
        return true;
    case JINJA_STRING:
        amphi__jinja_charge(r, subject.as.text.size);
        count = (int64_t)amphi__jinja_char_count(subject.as.text);
        if (!position(index, count, &at))
            return false;
        *out = char_value(subject.as.text, amphi__jinja_char_offset(subject.as.text, (size_t)at));
        return true;
    default:
        return false;
    }
}

bool amphi__jinja_get_item(jinja_render *r, jinja_value subject, jinja_value key, jinja_value *out)
{
    if (subject.kind == JINJA_UNDEFINED)
        return fail_undefined(r, subject);
    if (subject.kind == JINJA_DICT) {
        jinja_value *value = amphi__jinja_dict_get(subject.as.dict, key, &r->work);
        if (r->work.spent)
            return amphi__jinja_fail_bounds(r, NULL);
        if (value != NULL) {
            *out = *value;
            return true;
        }
    } else if (key.kind == JINJA_INT || key.kind == JINJA_BOOL) {
        int64_t index = key.kind == JINJA_BOOL ? key.as.boolean : key.as.integer;
        if (item_at(r, subject, index, out))
            return r->status == AMPHI_OK;
    }
    *out = amphi__jinja_undefined(key.kind == JINJA_STRING ? key.as.text : AMPHI_STR("an item"));
    if (r->status != AMPHI_OK)
        return false;
    bool found;
    return key.kind != JINJA_STRING || attribute(r, subject, key.as.text, out, &found);
}

static bool path_step(jinja_render *r, amphi_str part, jinja_value *subject)
{
    jinja_value key = amphi__jinja_str(part);
    uint64_t index;
    if (amphi__str_to_u64(part, &index) && index <= INT64_MAX)
        key = amphi__jinja_int((int64_t)index);
    return amphi__jinja_get_item(r, *subject, key, subject);
}

bool amphi__jinja_get_path(jinja_render *r, jinja_value subject, jinja_value path, jinja_value *out)
{
    *out = subject;
    if (path.kind != JINJA_STRING)
        return amphi__jinja_get_item(r, subject, path, out);
    for (amphi_str rest = path.as.text;;) {
        const char *dot = rest.size > 0 ? memchr(rest.data, '.', rest.size) : NULL;
        size_t size = dot != NULL ? (size_t)(dot - rest.data) : rest.size;
        if (!path_step(r, amphi__str_slice(rest, 0, size), out))
            return false;
        if (dot == NULL)
            return true;
        rest = amphi__str_slice(rest, size + 1, rest.size);
    }
}

/* One bound of a slice: none, or an integer cut to [low, high] after counting from the end. */
static bool bound(jinja_render *r, jinja_value value, int64_t otherwise, int64_t count, int64_t low,
    int64_t high, int64_t *out)
{
    int64_t index = value.kind == JINJA_BOOL ? value.as.boolean : value.as.integer;
    if (value.kind == JINJA_NONE) {
        *out = otherwise;
        return true;
    }
    if (value.kind != JINJA_INT && value.kind != JINJA_BOOL) {
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "a slice needs integers, not a %s", amphi__jinja_type_name(value));
    }
    index = index < 0 ? (index < -count ? -1 : index + count) : index;
    *out = index < low ? low : index > high ? high : index;
    return true;
}

static bool slice_string(
    jinja_render *r, amphi_str text, int64_t start, int64_t step, int64_t count, jinja_value *out)
{
    jinja_value chars = amphi__jinja_str(text);
    if (step == 1) {
        size_t from = amphi__jinja_char_offset(text, (size_t)start);
        amphi_str rest = amphi__str_slice(text, from, text.size);
        *out = amphi__jinja_str(
            amphi__str_slice(rest, 0, amphi__jinja_char_offset(rest, (size_t)count)));
        return true;
    }
    jinja_list *list;
    if (!amphi__jinja_iterate(r, chars, &list))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    for (int64_t i = 0; i < count; i++)
        amphi__buf_append_str(&buf, list->items[start + i * step].as.text);
    return amphi__jinja_take_text(r, &buf, out);
}

bool amphi__jinja_slice(
    jinja_render *r, jinja_value subject, const jinja_value bounds[3], jinja_value *out)
{
    if (subject.kind == JINJA_UNDEFINED)
        return fail_undefined(r, subject);
    if (subject.kind != JINJA_STRING && subject.kind != JINJA_LIST && subject.kind != JINJA_TUPLE &&
        subject.kind != JINJA_RANGE) {
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "a %s can't be sliced", amphi__jinja_type_name(subject));
    }
    int64_t step = 1;
    int64_t length;
    if (!amphi__jinja_length(r, subject, &length) ||
        !bound(r, bounds[2], 1, 0, INT64_MIN, INT64_MAX, &step))
        return false;
    if (step == 0)
        return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a slice's step is zero");
    if (bounds[2].kind == JINJA_INT)
        step = bounds[2].as.integer; /* counted from nowhere */
    step = step > length + 1 ? length + 1 : step < -length - 1 ? -length - 1 : step;
    int64_t start;
    int64_t stop;
    if (!bound(r, bounds[0], step > 0 ? 0 : length - 1, length, step > 0 ? 0 : -1,
            step > 0 ? length : length - 1, &start) ||
        !bound(r, bounds[1], step > 0 ? length : -1, length, step > 0 ? 0 : -1,
            step > 0 ? length : length - 1, &stop))
        return false;
    int64_t count = 0;
    if (step > 0 ? start < stop : start > stop)
        count = step > 0 ? (stop - start - 1) / step + 1 : (start - stop - 1) / -step + 1;
    if (subject.kind == JINJA_STRING) {
        return amphi__jinja_charge(r, subject.as.text.size) &&
               slice_string(r, subject.as.text, start, step, count, out);
    }
    jinja_list *list;
    jinja_list *part;
    if (!amphi__jinja_iterate(r, subject, &list) || !amphi__jinja_list_make(r, &part))
        return false;
    for (int64_t i = 0; i < count; i++)
        if (!amphi__jinja_push(r, part, list->items[start + i * step]))
            return false;
    *out = amphi__jinja_list_value(subject.kind == JINJA_TUPLE ? JINJA_TUPLE : JINJA_LIST, part);
    return true;
}

bool amphi__jinja_is_iterable(jinja_value value)
{
    switch (value.kind) {
    case JINJA_UNDEFINED:
    case JINJA_STRING:
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_RANGE:
    case JINJA_VIEW:
    case JINJA_GENERATOR:
    case JINJA_LOOP:
        return true;
    default:
        return false;
    }
}

static bool push_pair(jinja_render *r, jinja_list *list, const jinja_entry *entry)
{
    jinja_list *pair;
    return amphi__jinja_list_make(r, &pair) && amphi__jinja_push(r, pair, entry->key) &&
           amphi__jinja_push(r, pair, entry->value) &&
           amphi__jinja_push(r, list, amphi__jinja_list_value(JINJA_TUPLE, pair));
}

static bool iterate_dict(jinja_render *r, const jinja_dict *dict, char what, jinja_list *list)
{
    for (size_t i = 0; i < dict->count; i++) {
        const jinja_entry *entry = &dict->entries[i];
        if (what == 'i' ? !push_pair(r, list, entry)
                        : !amphi__jinja_push(r, list, what == 'k' ? entry->key : entry->value))
            return false;
    }
    return true;
}

bool amphi__jinja_iterate(jinja_render *r, jinja_value value, jinja_list **out)
{
    jinja_generator *generator = value.as.generator;
    if (value.kind == JINJA_LIST || value.kind == JINJA_TUPLE) {
        *out = value.as.list;
        return true;
    }
    if (!amphi__jinja_is_iterable(value) || value.kind == JINJA_LOOP) {
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "a %s can't be walked", amphi__jinja_type_name(value));
    }
    jinja_list *list;
    if (!amphi__jinja_list_make(r, &list))
        return false;
    *out = list;
    switch (value.kind) {
    case JINJA_DICT:
        return iterate_dict(r, value.as.dict, 'k', list);
    case JINJA_VIEW:
        return iterate_dict(r, value.as.view->dict, value.as.view->what, list);
    case JINJA_GENERATOR:
        if (generator->list->items != NULL)
            list->items = generator->list->items + generator->next;
        list->count = list->capacity = generator->list->count - generator->next;
        generator->next = generator->list->count;
        return true;
    case JINJA_RANGE:
        for (int64_t i = 0; i < value.as.range->count; i++) {
            int64_t number = value.as.range->start + i * value.as.range->step;
            if (!amphi__jinja_push(r, list, amphi__jinja_int(number)))
                return false;
        }
        return true;
    case JINJA_STRING:
        for (size_t i = 0; i < value.as.text.size; i += list->items[list->count - 1].as.text.size)
            if (!amphi__jinja_push(r, list, char_value(value.as.text, i)))
                return false;
        return true;
    default:
        return true;
    }
}

bool amphi__jinja_length(jinja_render *r, jinja_value value, int64_t *out)
{
    switch (value.kind) {
    case JINJA_UNDEFINED:
        *out = 0;
        return true;
    case JINJA_STRING:
        *out = (int64_t)amphi__jinja_char_count(value.as.text);
        return amphi__jinja_charge(r, value.as.text.size);
    case JINJA_LIST:
    case JINJA_TUPLE:
        *out = (int64_t)value.as.list->count;
        return true;
    case JINJA_DICT:
        *out = (int64_t)value.as.dict->count;
        return true;
    case JINJA_VIEW:
        *out = (int64_t)value.as.view->dict->count;
        return true;
    case JINJA_RANGE:
        *out = value.as.range->count;
        return true;
    case JINJA_LOOP:
        *out = (int64_t)value.as.loop->items->count;
        return true;
    default:
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "a %s has no length", amphi__jinja_type_name(value));
    }
}
