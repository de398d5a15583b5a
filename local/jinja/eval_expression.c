/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluating expressions by a walk over the tree, and calls of functions, macros and methods. Each
 * node costs one step and one level of nesting.
 */
#include "local/jinja/render.h"

#include "sdk/core/str.h"

bool amphi__jinja_eval_args(jinja_render *r, const jinja_args *args, jinja_call *call)
{
    jinja_list list = {NULL, 0, 0};
    jinja_value value;
    for (size_t i = 0; args != NULL && i < args->values.count; i++)
        if (!amphi__jinja_eval(r, args->values.items[i], &value) ||
            !amphi__jinja_push(r, &list, value))
            return false;
    if (args != NULL && args->star != NULL) {
        jinja_list *more;
        if (!amphi__jinja_eval(r, args->star, &value) || !amphi__jinja_iterate(r, value, &more))
            return false;
        for (size_t i = 0; i < more->count; i++)
            if (!amphi__jinja_push(r, &list, more->items[i]))
                return false;
    }
    call->args = list.items;
    call->count = list.count;
    value = (jinja_value){.kind = JINJA_UNDEFINED};
    size_t capacity = 0;
    if (args != NULL && args->stars != NULL) {
        if (!amphi__jinja_eval(r, args->stars, &value))
            return false;
        if (value.kind != JINJA_DICT)
            return amphi__jinja_fail(r, AMPHI_E_FORMAT, "** needs a mapping");
        capacity = value.as.dict->count;
    }
    capacity += args != NULL ? args->named.count : 0;
    call->named = amphi__jinja_alloc_array(&r->arena, capacity + 1, sizeof *call->named);
    if (call->named == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    for (size_t i = 0; args != NULL && i < args->named.count; i++) {
        jinja_named *named = &call->named[call->named_count++];
        named->name = args->named.items[i]->text;
        if (!amphi__jinja_eval(r, args->named.items[i]->a, &named->value))
            return false;
    }
    for (size_t i = 0; value.kind == JINJA_DICT && i < value.as.dict->count; i++) {
        if (value.as.dict->entries[i].key.kind != JINJA_STRING)
            return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a named argument's name is no string");
        call->named[call->named_count++] =
            (jinja_named){value.as.dict->entries[i].key.as.text, value.as.dict->entries[i].value};
    }
    return true;
}

bool amphi__jinja_call_value(
    jinja_render *r, jinja_value callee, jinja_call *call, jinja_value *out)
{
    switch (callee.kind) {
    case JINJA_MACRO:
        return amphi__jinja_call_macro(r, callee.as.macro, call, out);
    case JINJA_FUNCTION:
        return amphi__jinja_invoke(callee.as.function, call, out);
    case JINJA_METHOD:
        call->self = callee.as.method->self;
        return amphi__jinja_invoke(callee.as.method->builtin, call, out);
    case JINJA_JOINER:
        *out = callee.as.cycler->position++ > 0 ? callee.as.cycler->items->items[0]
                                                : amphi__jinja_str(AMPHI_STR(""));
        return true;
    case JINJA_LOOP:
        if (call->count != 1)
            return amphi__jinja_fail(r, AMPHI_E_FORMAT, "loop() takes one argument");
        return amphi__jinja_call_loop(r, callee.as.loop, call->args[0], out);
    case JINJA_UNDEFINED:
        return amphi__jinja_fail(r, AMPHI_E_FORMAT, "'%.*s' is undefined, so it can't be called",
            (int)(callee.as.text.size > 60 ? 60 : callee.as.text.size),
            callee.as.text.data != NULL ? callee.as.text.data : "");
    default:
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "a %s can't be called", amphi__jinja_type_name(callee));
    }
}

static bool eval_name(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    const jinja_value *value = amphi__jinja_scope_get(r, r->scope, node->symbol);
    if (value != NULL)
        *out = *value;
    else if (node->builtin != NULL)
        *out = (jinja_value){.kind = JINJA_FUNCTION, .as.function = node->builtin};
    else
        *out = amphi__jinja_undefined(node->text);
    return true;
}

static bool eval_list(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    jinja_list *list;
    if (!amphi__jinja_list_make(r, &list))
        return false;
    jinja_value value;
    for (size_t i = 0; i < node->list.count; i++)
        if (!amphi__jinja_eval(r, node->list.items[i], &value) ||
            !amphi__jinja_push(r, list, value))
            return false;
    *out = amphi__jinja_list_value(node->kind == JINJA_NODE_TUPLE ? JINJA_TUPLE : JINJA_LIST, list);
    return true;
}

static bool eval_dict(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    jinja_dict *dict = amphi__jinja_dict_new(&r->arena);
    if (dict == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    jinja_value key;
    jinja_value value;
    for (size_t i = 0; i + 1 < node->list.count; i += 2)
        if (!amphi__jinja_eval(r, node->list.items[i], &key) ||
            !amphi__jinja_eval(r, node->list.items[i + 1], &value) ||
            !amphi__jinja_dict_put(r, dict, key, value))
            return false;
    *out = (jinja_value){.kind = JINJA_DICT, .as.dict = dict};
    return true;
}

static bool eval_slice(
    jinja_render *r, const jinja_node *node, jinja_value subject, jinja_value *out)
{
    const jinja_node *nodes[3] = {node->b, node->c, node->d};
    jinja_value bounds[3];
    for (size_t i = 0; i < 3; i++) {
        bounds[i] = amphi__jinja_none();
        if (nodes[i] != NULL && !amphi__jinja_eval(r, nodes[i], &bounds[i]))
            return false;
    }
    return amphi__jinja_slice(r, subject, bounds, out);
}

/* Filters, tests and calls: something with arguments. */
static bool eval_call(
    jinja_render *r, const jinja_node *node, jinja_value subject, jinja_value *out)
{
    jinja_call call = {.r = r, .self = subject};
    if (node->kind != JINJA_NODE_CALL && node->builtin == NULL) {
        return amphi__jinja_fail(r, AMPHI_E_UNSUPPORTED, "there is no %s called '%.*s'",
            node->kind == JINJA_NODE_FILTER ? "filter" : "test",
            (int)(node->text.size > 60 ? 60 : node->text.size), node->text.data);
    }
    if (!amphi__jinja_eval_args(r, node->args, &call))
        return false;
    r->line = node->line;
    if (node->kind == JINJA_NODE_CALL)
        return amphi__jinja_call_value(r, subject, &call, out);
    return amphi__jinja_invoke(node->builtin, &call, out);
}

static bool eval_concat(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    amphi_str text = {NULL, 0};
    amphi_str part;
    jinja_value value;
    for (size_t i = 0; i < node->list.count; i++) {
        if (!amphi__jinja_eval(r, node->list.items[i], &value) ||
            !amphi__jinja_text(r, value, &part) || !amphi__jinja_charge(r, text.size + part.size))
            return false;
        if (!amphi__jinja_concat(&r->arena, text, part, &text))
            return amphi__jinja_fail_bounds(r, NULL);
    }
    *out = amphi__jinja_str(text);
    return true;
}

static bool eval_compare(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    jinja_value left;
    if (!amphi__jinja_eval(r, node->a, &left))
        return false;
    bool holds = true;
    jinja_value right;
    for (size_t i = 0; i < node->list.count && holds; i++) {
        if (!amphi__jinja_eval(r, node->list.items[i]->a, &right) ||
            !amphi__jinja_compare(r, node->list.items[i]->op, left, right, &holds))
            return false;
        left = right;
    }
    *out = amphi__jinja_bool(holds);
    return true;
}

static bool eval_cond(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    jinja_value test;
    if (!amphi__jinja_eval(r, node->b, &test))
        return false;
    if (amphi__jinja_truth(test))
        return amphi__jinja_eval(r, node->a, out);
    if (node->c != NULL)
        return amphi__jinja_eval(r, node->c, out);
    *out = amphi__jinja_undefined(AMPHI_STR("an if without else"));
    return true;
}

/* Expressions that begin with the value of node->a. */
static bool eval_with_subject(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    jinja_value a = r->block;
    if (node->a != NULL && !amphi__jinja_eval(r, node->a, &a))
        return false;
    r->line = node->line;
    jinja_value b;
    switch (node->kind) {
    case JINJA_NODE_ATTR:
        return amphi__jinja_get_attr(r, a, node->text, out);
    case JINJA_NODE_SLICE:
        return eval_slice(r, node, a, out);
    case JINJA_NODE_ITEM:
        return amphi__jinja_eval(r, node->b, &b) && amphi__jinja_get_item(r, a, b, out);
    case JINJA_NODE_UNARY:
        return amphi__jinja_unary(r, node->op, a, out);
    case JINJA_NODE_BINARY:
        return amphi__jinja_eval(r, node->b, &b) && amphi__jinja_binary(r, node->op, a, b, out);
    case JINJA_NODE_AND:
    case JINJA_NODE_OR:
        *out = a;
        return amphi__jinja_truth(a) == (node->kind == JINJA_NODE_OR) ||
               amphi__jinja_eval(r, node->b, out);
    default:
        return eval_call(r, node, a, out);
    }
}

static bool eval_inner(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    switch (node->kind) {
    case JINJA_NODE_CONST:
        *out = node->value;
        return true;
    case JINJA_NODE_NAME:
        return eval_name(r, node, out);
    case JINJA_NODE_TUPLE:
    case JINJA_NODE_LIST:
        return eval_list(r, node, out);
    case JINJA_NODE_DICT:
        return eval_dict(r, node, out);
    case JINJA_NODE_CONCAT:
        return eval_concat(r, node, out);
    case JINJA_NODE_COMPARE:
        return eval_compare(r, node, out);
    case JINJA_NODE_COND:
        return eval_cond(r, node, out);
    default:
        return eval_with_subject(r, node, out);
    }
}

bool amphi__jinja_eval(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    if (!amphi__jinja_work_take(&r->work, 1))
        return amphi__jinja_fail_bounds(r, NULL);
    if (r->nesting >= JINJA_NESTING_MAX)
        return amphi__jinja_fail(r, AMPHI_E_LIMIT, "the template calls itself too deeply");
    r->nesting++;
    bool fine = eval_inner(r, node, out);
    r->nesting--;
    return fine;
}
