/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters over the items of something. Where Jinja2 gives a generator this gives one too: it is
 * true even when empty, has no length, and is walked once.
 */
#include "local/jinja/render.h"
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_set(jinja_value value)
{
    return value.kind != JINJA_MISSING && value.kind != JINJA_NONE;
}

static bool new_generator(jinja_render *r, jinja_list *list, jinja_value *out)
{
    jinja_generator *generator = amphi__jinja_alloc(&r->arena, sizeof *generator);
    if (generator == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    generator->list = list;
    *out = (jinja_value){.kind = JINJA_GENERATOR, .as.generator = generator};
    return true;
}

static bool filter_length(jinja_call *call, jinja_value *out)
{
    int64_t length;
    if (!amphi__jinja_length(call->r, call->self, &length))
        return false;
    *out = amphi__jinja_int(length);
    return true;
}

static bool filter_list(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    *out = amphi__jinja_list_value(JINJA_LIST, list);
    return true;
}

static bool filter_first(jinja_call *call, jinja_value *out)
{
    jinja_generator *generator = call->self.as.generator;
    *out = amphi__jinja_undefined(AMPHI_STR("the first item of nothing"));
    if (call->self.kind == JINJA_GENERATOR) {
        if (generator->next < generator->list->count)
            *out = generator->list->items[generator->next++];
        return true;
    }
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    if (list->count > 0)
        *out = list->items[0];
    return true;
}

static bool filter_last(jinja_call *call, jinja_value *out)
{
    *out = amphi__jinja_undefined(AMPHI_STR("the last item of nothing"));
    if (call->self.kind == JINJA_GENERATOR)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "a generator has no last item");
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    if (list->count > 0)
        *out = list->items[list->count - 1];
    return true;
}

static bool filter_reverse(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    amphi_buf buf;
    if (call->self.kind == JINJA_STRING) {
        amphi__jinja_buf_init(&buf);
        for (size_t i = list->count; i > 0; i--)
            amphi__buf_append_str(&buf, list->items[i - 1].as.text);
        return amphi__jinja_take_text(call->r, &buf, out);
    }
    jinja_list *turned;
    if (!amphi__jinja_list_make(call->r, &turned))
        return false;
    for (size_t i = list->count; i > 0; i--)
        if (!amphi__jinja_push(call->r, turned, list->items[i - 1]))
            return false;
    if (call->self.kind == JINJA_GENERATOR) {
        *out = amphi__jinja_list_value(JINJA_LIST, turned);
        return true;
    }
    return new_generator(call->r, turned, out);
}

/* item's attribute, or the item itself when there is no path. */
static bool pick(jinja_call *call, jinja_value item, jinja_value path, jinja_value *out)
{
    if (!is_set(path)) {
        *out = item;
        return true;
    }
    return amphi__jinja_get_path(call->r, item, path, out);
}

static bool filter_join(jinja_call *call, jinja_value *out)
{
    amphi_str separator = {NULL, 0};
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list) ||
        (call->args[0].kind != JINJA_MISSING &&
            !amphi__jinja_text(call->r, call->args[0], &separator)))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    bool fine = true;
    amphi_str text;
    jinja_value item;
    for (size_t i = 0; i < list->count && fine && buf.status == AMPHI_OK; i++) {
        fine = pick(call, list->items[i], call->args[1], &item) &&
               amphi__jinja_text(call->r, item, &text);
        if (fine) {
            amphi__buf_append_str(&buf, i > 0 ? separator : AMPHI_STR(""));
            amphi__buf_append_str(&buf, text);
        }
    }
    if (!fine) {
        amphi__buf_clear(&buf);
        return false;
    }
    return amphi__jinja_take_text(call->r, &buf, out);
}

static bool filter_sum(jinja_call *call, jinja_value *out)
{
    *out = call->args[1].kind != JINJA_MISSING ? call->args[1] : amphi__jinja_int(0);
    if (out->kind == JINJA_STRING)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "sum can't add strings");
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    jinja_value item;
    for (size_t i = 0; i < list->count; i++)
        if (!pick(call, list->items[i], call->args[0], &item) ||
            !amphi__jinja_binary(call->r, '+', *out, item, out))
            return false;
    return true;
}

static bool filter_attr(jinja_call *call, jinja_value *out)
{
    amphi_str name;
    if (!amphi__jinja_text(call->r, call->args[0], &name))
        return false;
    bool refused;
    if (call->self.kind == JINJA_DICT &&
        amphi__jinja_method_find(call->self, name, &refused) == NULL) {
        *out = amphi__jinja_undefined(name); /* attributes only, no items */
        return true;
    }
    return amphi__jinja_get_attr(call->r, call->self, name, out);
}

/* Takes a named argument out of a raw call; JINJA_MISSING when it is not there. */
static jinja_value take_named(jinja_call *call, const char *name)
{
    jinja_value value = {.kind = JINJA_MISSING};
    for (size_t i = 0; i < call->named_count; i++) {
        if (amphi__str_equal_c(call->named[i].name, name)) {
            value = call->named[i].value;
            call->named[i] = call->named[--call->named_count];
            break;
        }
    }
    return value;
}

static bool map_attribute(jinja_call *call, jinja_list *list, jinja_list *mapped)
{
    jinja_value path = take_named(call, "attribute"), otherwise = take_named(call, "default");
    if (call->named_count > 0)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "map has an argument it does not know");
    jinja_value item;
    for (size_t i = 0; i < list->count; i++) {
        if (!amphi__jinja_get_path(call->r, list->items[i], path, &item))
            return false;
        if (item.kind == JINJA_UNDEFINED && is_set(otherwise))
            item = otherwise;
        if (!amphi__jinja_push(call->r, mapped, item))
            return false;
    }
    return true;
}

/* The builtin that args[at] names, and the arguments after it as those of `inner`. */
static bool inner_call(jinja_call *call, size_t at, const jinja_builtin *(*find)(amphi_str name),
    const jinja_builtin **builtin, jinja_call *inner)
{
    if (at >= call->count || call->args[at].kind != JINJA_STRING) {
        return amphi__jinja_fail(
            call->r, AMPHI_E_FORMAT, "the name of a filter or test is missing");
    }
    *builtin = find(call->args[at].as.text);
    if (*builtin == NULL) {
        return amphi__jinja_fail(
            call->r, AMPHI_E_UNSUPPORTED, "a filter or test is named that is not known");
    }
    *inner = *call;
    inner->args = call->args + at + 1;
    inner->count = call->count - at - 1;
    return true;
}

/* Named arguments may be taken out by the callee, so each call gets its own copy of the list. */
static bool invoke_on(
    const jinja_builtin *builtin, const jinja_call *shape, jinja_value self, jinja_value *out)
{
    jinja_call call = *shape;
    if (call.named_count > JINJA_PARAMS_MAX)
        return amphi__jinja_fail(call.r, AMPHI_E_LIMIT, "a filter has too many named arguments");
    jinja_named named[JINJA_PARAMS_MAX];
    for (size_t i = 0; i < call.named_count; i++)
        named[i] = shape->named[i];
    call.named = named;
    call.self = self;
    if (!amphi__jinja_work_take(&call.r->work, 1))
        return amphi__jinja_fail_bounds(call.r, NULL);
    /* map('map', 'map', ...) nests. */
    if (call.r->nesting >= JINJA_NESTING_MAX)
        return amphi__jinja_fail(call.r, AMPHI_E_LIMIT, "filters are nested too deeply");
    call.r->nesting++;
    bool fine = amphi__jinja_invoke(builtin, &call, out);
    call.r->nesting--;
    return fine;
}

static bool filter_map(jinja_call *call, jinja_value *out)
{
    jinja_list *mapped;
    if (!amphi__jinja_list_make(call->r, &mapped))
        return false;
    if (!amphi__jinja_truth(call->self)) /* none as well: Jinja2 tests `if value` first */
        return new_generator(call->r, mapped, out);
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    if (call->count == 0) {
        bool by_attribute = false;
        for (size_t i = 0; i < call->named_count; i++)
            by_attribute |= amphi__str_equal_c(call->named[i].name, "attribute");
        if (by_attribute)
            return map_attribute(call, list, mapped) && new_generator(call->r, mapped, out);
    }
    const jinja_builtin *builtin;
    jinja_call inner;
    if (!inner_call(call, 0, amphi__jinja_filter_find, &builtin, &inner))
        return false;
    jinja_value item;
    for (size_t i = 0; i < list->count; i++)
        if (!invoke_on(builtin, &inner, list->items[i], &item) ||
            !amphi__jinja_push(call->r, mapped, item))
            return false;
    return new_generator(call->r, mapped, out);
}

static bool select_items(jinja_call *call, bool by_attribute, bool wanted, jinja_value *out)
{
    size_t at = by_attribute ? 1 : 0;
    jinja_list *kept;
    if (!amphi__jinja_list_make(call->r, &kept))
        return false;
    if (!amphi__jinja_truth(call->self))
        return new_generator(call->r, kept, out);
    if (call->count < at)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "the name of an attribute is missing");
    const jinja_builtin *builtin = NULL;
    jinja_list *list;
    jinja_call inner;
    if (!amphi__jinja_iterate(call->r, call->self, &list) ||
        (call->count > at && !inner_call(call, at, amphi__jinja_test_find, &builtin, &inner)))
        return false;
    jinja_value item;
    jinja_value holds;
    for (size_t i = 0; i < list->count; i++) {
        item = list->items[i];
        if (by_attribute && !amphi__jinja_get_path(call->r, item, call->args[0], &item))
            return false;
        holds = item;
        if (builtin != NULL && !invoke_on(builtin, &inner, item, &holds))
            return false;
        if (amphi__jinja_truth(holds) == wanted &&
            !amphi__jinja_push(call->r, kept, list->items[i]))
            return false;
    }
    return new_generator(call->r, kept, out);
}

static bool filter_select(jinja_call *call, jinja_value *out)
{
    return select_items(call, false, true, out);
}

static bool filter_reject(jinja_call *call, jinja_value *out)
{
    return select_items(call, false, false, out);
}

static bool filter_selectattr(jinja_call *call, jinja_value *out)
{
    return select_items(call, true, true, out);
}

static bool filter_rejectattr(jinja_call *call, jinja_value *out)
{
    return select_items(call, true, false, out);
}

static bool filter_items(jinja_call *call, jinja_value *out)
{
    jinja_list *list = NULL;
    if (call->self.kind == JINJA_UNDEFINED)
        return amphi__jinja_list_make(call->r, &list) && new_generator(call->r, list, out);
    if (call->self.kind != JINJA_DICT)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "items needs a mapping");
    jinja_value view;
    return amphi__jinja_invoke(&amphi__jinja_container_methods[0].items[1], call, &view) &&
           amphi__jinja_iterate(call->r, view, &list) && new_generator(call->r, list, out);
}

/* Items [from, to) as a list, filled up to `size` ones. */
static bool push_chunk(
    jinja_call *call, jinja_list *out, const jinja_list *list, size_t from, size_t to, size_t size)
{
    jinja_list *chunk;
    if (!amphi__jinja_list_make(call->r, &chunk))
        return false;
    for (size_t i = from; i < to; i++)
        if (!amphi__jinja_push(call->r, chunk, list->items[i]))
            return false;
    while (is_set(call->args[1]) && chunk->count < size)
        if (!amphi__jinja_push(call->r, chunk, call->args[1]))
            return false;
    return amphi__jinja_push(call->r, out, amphi__jinja_list_value(JINJA_LIST, chunk));
}

static bool filter_batch(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    jinja_list *chunks;
    int64_t size;
    if (!amphi__jinja_iterate(call->r, call->self, &list) ||
        !amphi__jinja_list_make(call->r, &chunks) || !amphi__jinja_int_arg(call, 0, 1, &size))
        return false;
    if (size < 1)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "batch needs a size above zero");
    for (size_t i = 0; i < list->count;) {
        size_t to = list->count - i > (size_t)size ? i + (size_t)size : list->count;
        if (!push_chunk(call, chunks, list, i, to, (size_t)size))
            return false;
        i = to;
    }
    return new_generator(call->r, chunks, out);
}

static bool filter_slice(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    jinja_list *chunks;
    int64_t slices;
    if (!amphi__jinja_iterate(call->r, call->self, &list) ||
        !amphi__jinja_list_make(call->r, &chunks) || !amphi__jinja_int_arg(call, 0, 1, &slices))
        return false;
    if (slices < 1)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "slice needs a count above zero");
    size_t at = 0;
    for (size_t i = 0; i < (size_t)slices; i++) {
        size_t longer = list->count % (size_t)slices;
        size_t size = list->count / (size_t)slices + (i < longer);
        if (!push_chunk(call, chunks, list, at, at + size, size + (i >= longer)))
            return false;
        at += size;
    }
    return new_generator(call->r, chunks, out);
}

static const jinja_builtin filters[] = {{"length", filter_length, "", 0},
    {"count", filter_length, "", 0}, {"list", filter_list, "", 0}, {"first", filter_first, "", 0},
    {"last", filter_last, "", 0}, {"reverse", filter_reverse, "", 0},
    {"join", filter_join, "d,attribute", 0}, {"sum", filter_sum, "attribute,start", 0},
    {"attr", filter_attr, "name", 1}, {"map", filter_map, NULL, 0},
    {"select", filter_select, NULL, 0}, {"reject", filter_reject, NULL, 0},
    {"selectattr", filter_selectattr, NULL, 0}, {"rejectattr", filter_rejectattr, NULL, 0},
    {"items", filter_items, "", 0}, {"batch", filter_batch, "linecount,fill_with", 1},
    {"slice", filter_slice, "slices,fill_with", 1}};
const jinja_table amphi__jinja_list_filters = {filters, COUNT_OF(filters)};
