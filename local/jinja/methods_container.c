/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods of mappings, lists and tuples. The ones that change their object are refused, as in
 * Jinja's immutable sandbox (see is_refused in builtins.c).
 */
#include "local/jinja/render.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool view(jinja_call *call, char what, jinja_value *out)
{
    jinja_view *made = amphi__jinja_alloc(&call->r->arena, sizeof *made);
    if (made == NULL)
        return amphi__jinja_fail_bounds(call->r, NULL);
    made->dict = call->self.as.dict;
    made->what = what;
    *out = (jinja_value){.kind = JINJA_VIEW, .as.view = made};
    return true;
}

static bool dict_items(jinja_call *call, jinja_value *out)
{
    return view(call, 'i', out);
}

static bool dict_keys(jinja_call *call, jinja_value *out)
{
    return view(call, 'k', out);
}

static bool dict_values(jinja_call *call, jinja_value *out)
{
    return view(call, 'v', out);
}

static bool dict_get(jinja_call *call, jinja_value *out)
{
    if (!amphi__jinja_is_hashable(call->args[0])) {
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "a %s can't be a key of a mapping",
            amphi__jinja_type_name(call->args[0]));
    }
    const jinja_value *found =
        amphi__jinja_dict_get(call->self.as.dict, call->args[0], &call->r->work);
    *out = found != NULL                         ? *found
           : call->args[1].kind != JINJA_MISSING ? call->args[1]
                                                 : amphi__jinja_none();
    return !call->r->work.spent || amphi__jinja_fail_bounds(call->r, NULL);
}

/* Values can't change, so a copy is the value. */
static bool copy(jinja_call *call, jinja_value *out)
{
    *out = call->self;
    return true;
}

static bool list_index(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (amphi__jinja_equal(list->items[i], call->args[0], &call->r->work)) {
            *out = amphi__jinja_int((int64_t)i);
            return true;
        }
    }
    return call->r->work.spent ? amphi__jinja_fail_bounds(call->r, NULL)
                               : amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "index found nothing");
}

static bool list_count(jinja_call *call, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_iterate(call->r, call->self, &list))
        return false;
    int64_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += amphi__jinja_equal(list->items[i], call->args[0], &call->r->work);
    *out = amphi__jinja_int(count);
    return !call->r->work.spent || amphi__jinja_fail_bounds(call->r, NULL);
}

static const jinja_builtin dict_methods[] = {{"get", dict_get, "key,default", 1},
    {"items", dict_items, "", 0}, {"keys", dict_keys, "", 0}, {"values", dict_values, "", 0},
    {"copy", copy, "", 0}};
static const jinja_builtin list_methods[] = {
    {"index", list_index, "value", 1}, {"count", list_count, "value", 1}, {"copy", copy, "", 0}};
const jinja_table amphi__jinja_container_methods[3] = {{dict_methods, COUNT_OF(dict_methods)},
    {list_methods, COUNT_OF(list_methods)}, {list_methods, 2}};
