/* SPDX-License-Identifier: Apache-2.0
 *
 * Running statements. Loops, macros, blocks and `with` have a scope of their own, `if` has none; a
 * variable ends with the scope that it was set in. This is Jinja2's rule and the reason for
 * namespaces.
 */
#include "local/jinja/render.h"

#include "sdk/core/str.h"

static jinja_flow run_node(jinja_render *r, const jinja_node *node, amphi_buf *out);

static bool assign(jinja_render *r, const jinja_node *target, jinja_value value)
{
    if (target->kind == JINJA_NODE_NAME)
        return amphi__jinja_scope_set(r, r->scope, target->symbol, value);
    if (target->kind == JINJA_NODE_NSREF) {
        const jinja_value *space = amphi__jinja_scope_get(r, r->scope, target->symbol);
        if (space == NULL || space->kind != JINJA_NAMESPACE) {
            return amphi__jinja_fail(
                r, AMPHI_E_FORMAT, "an attribute can be set on a namespace only");
        }
        return amphi__jinja_dict_put(r, space->as.dict, amphi__jinja_str(target->text), value);
    }
    jinja_list *list;
    if (!amphi__jinja_iterate(r, value, &list))
        return false;
    if (list->count != target->list.count) {
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "%zu values for %zu variables", list->count, target->list.count);
    }
    for (size_t i = 0; i < list->count; i++)
        if (!assign(r, target->list.items[i], list->items[i])) /* as deep as the parser went */
            return false;
    return true;
}

/* Runs nodes into a text of their own, in the scope that is current. */
static jinja_flow capture(jinja_render *r, const jinja_nodes *nodes, jinja_value *out)
{
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    jinja_flow flow = amphi__jinja_exec(r, nodes, &buf);
    if (flow == JINJA_FAILED) {
        amphi__buf_clear(&buf);
        return flow;
    }
    return amphi__jinja_take_text(r, &buf, out) ? flow : JINJA_FAILED;
}

/* The same in a new scope. */
static jinja_flow capture_scoped(jinja_render *r, const jinja_nodes *nodes, jinja_value *out)
{
    jinja_scope *outer = r->scope;
    r->scope = amphi__jinja_scope_new(r, outer);
    jinja_flow flow = r->scope != NULL ? capture(r, nodes, out) : JINJA_FAILED;
    r->scope = outer;
    return flow;
}

static bool print_value(jinja_render *r, jinja_value value, amphi_buf *out)
{
    amphi__jinja_to_text(out, value, &r->work);
    if (out->status != AMPHI_OK || r->work.spent)
        return amphi__jinja_fail_bounds(r, out);
    return value.kind != JINJA_STRING || amphi__jinja_charge(r, value.as.text.size);
}

static bool filtered_items(
    jinja_render *r, const jinja_node *node, jinja_list *all, jinja_list **out)
{
    jinja_scope *outer = r->scope;
    *out = all;
    if (node->c == NULL)
        return true;
    if (!amphi__jinja_list_make(r, out))
        return false;
    r->scope = amphi__jinja_scope_new(r, outer);
    bool fine = r->scope != NULL;
    jinja_value kept;
    for (size_t i = 0; i < all->count && fine; i++) {
        fine = assign(r, node->a, all->items[i]) && amphi__jinja_eval(r, node->c, &kept) &&
               (!amphi__jinja_truth(kept) || amphi__jinja_push(r, *out, all->items[i]));
    }
    r->scope = outer;
    return fine;
}

static jinja_flow run_turns(
    jinja_render *r, const jinja_node *node, jinja_loop *loop, amphi_buf *out)
{
    jinja_value self = {.kind = JINJA_LOOP, .as.loop = loop};
    jinja_flow flow = JINJA_NEXT;
    for (; loop->index < loop->items->count; loop->index++) {
        if (r->scope->kept) {
            r->scope = amphi__jinja_scope_new(r, r->scope->parent);
            if (r->scope == NULL)
                return JINJA_FAILED;
        }
        r->scope->count = 0; /* each turn starts empty */
        if (!amphi__jinja_scope_set(r, r->scope, JINJA_SYMBOL_LOOP, self) ||
            !assign(r, node->a, loop->items->items[loop->index]))
            return JINJA_FAILED;
        flow = amphi__jinja_exec(r, &node->list, out);
        if (flow == JINJA_FAILED || flow == JINJA_BREAK)
            break;
    }
    return flow == JINJA_FAILED ? flow : JINJA_NEXT;
}

/* One walk of a for-tag over `items`, in the scope that is current. */
static jinja_flow run_loop(
    jinja_render *r, const jinja_node *node, jinja_value items, size_t depth, amphi_buf *out)
{
    jinja_scope *outer = r->scope;
    jinja_loop *loop = amphi__jinja_alloc(&r->arena, sizeof *loop);
    if (loop == NULL) {
        amphi__jinja_fail_bounds(r, NULL);
        return JINJA_FAILED;
    }
    jinja_list *all;
    if (!amphi__jinja_iterate(r, items, &all) || !filtered_items(r, node, all, &loop->items))
        return JINJA_FAILED;
    loop->node = node;
    loop->scope = outer;
    loop->depth = depth;
    r->scope = amphi__jinja_scope_new(r, outer);
    jinja_flow flow = JINJA_FAILED;
    if (r->scope != NULL) {
        flow = loop->items->count > 0 ? run_turns(r, node, loop, out)
                                      : amphi__jinja_exec(r, &node->else_list, out);
    }
    r->scope = outer;
    return flow;
}

bool amphi__jinja_call_loop(jinja_render *r, jinja_loop *loop, jinja_value items, jinja_value *out)
{
    jinja_scope *outer = r->scope;
    if (!loop->node->recursive)
        return amphi__jinja_fail(r, AMPHI_E_FORMAT, "loop() needs a recursive loop");
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    r->scope = loop->scope;
    jinja_flow flow = run_loop(r, loop->node, items, loop->depth + 1, &buf);
    r->scope = outer;
    if (flow == JINJA_FAILED) {
        amphi__buf_clear(&buf);
        return false;
    }
    return amphi__jinja_take_text(r, &buf, out);
}

static bool find_named(const jinja_call *call, amphi_str name, bool *used, jinja_value *out)
{
    for (size_t i = 0; i < call->named_count; i++) {
        if (!used[i] && amphi__str_equal(call->named[i].name, name)) {
            used[i] = true;
            *out = call->named[i].value;
            return true;
        }
    }
    return false;
}

static bool bind_params(
    jinja_render *r, const jinja_params *params, const jinja_call *call, bool *used)
{
    size_t plain = params->targets.count - params->defaults.count;
    for (size_t i = 0; i < params->targets.count; i++) {
        const jinja_node *target = params->targets.items[i];
        jinja_value value = amphi__jinja_undefined(target->text);
        if (i < call->count)
            value = call->args[i];
        else if (!find_named(call, target->text, used, &value) && i >= plain &&
                 !amphi__jinja_eval(r, params->defaults.items[i - plain], &value))
            return false;
        if (!amphi__jinja_scope_set(r, r->scope, target->symbol, value))
            return false;
    }
    return true;
}

/* caller, kwargs and varargs, where the macro's body uses them. */
static bool bind_extras(
    jinja_render *r, const jinja_params *params, const jinja_call *call, bool *used)
{
    jinja_value caller = amphi__jinja_undefined(AMPHI_STR("caller"));
    jinja_dict *named = amphi__jinja_dict_new(&r->arena);
    if (named == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    if (params->uses_caller && amphi__jinja_scope_own(r, r->scope, JINJA_SYMBOL_CALLER) == NULL) {
        find_named(call, AMPHI_STR("caller"), used, &caller);
        if (!amphi__jinja_scope_set(r, r->scope, JINJA_SYMBOL_CALLER, caller))
            return false;
    }
    for (size_t i = 0; i < call->named_count; i++) {
        if (!used[i] && !params->uses_kwargs) {
            return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a macro has no parameter '%.*s'",
                (int)(call->named[i].name.size > 60 ? 60 : call->named[i].name.size),
                call->named[i].name.data);
        }
        if (!used[i] && !amphi__jinja_dict_put(
                            r, named, amphi__jinja_str(call->named[i].name), call->named[i].value))
            return false;
    }
    if (call->count > params->targets.count && !params->uses_varargs)
        return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a macro is called with too many arguments");
    if (params->uses_kwargs && !amphi__jinja_scope_set(r, r->scope, JINJA_SYMBOL_KWARGS,
                                   (jinja_value){.kind = JINJA_DICT, .as.dict = named}))
        return false;
    if (!params->uses_varargs)
        return true;
    jinja_list *rest;
    if (!amphi__jinja_list_make(r, &rest))
        return false;
    for (size_t i = params->targets.count; i < call->count; i++)
        if (!amphi__jinja_push(r, rest, call->args[i]))
            return false;
    return amphi__jinja_scope_set(
        r, r->scope, JINJA_SYMBOL_VARARGS, amphi__jinja_list_value(JINJA_TUPLE, rest));
}

bool amphi__jinja_call_macro(
    jinja_render *r, const jinja_macro *macro, jinja_call *call, jinja_value *out)
{
    jinja_scope *outer = r->scope;
    const jinja_params *params = macro->node->params;
    bool *used = amphi__jinja_alloc(&r->arena, call->named_count + 1);
    if (used == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    if (!amphi__jinja_charge(r, call->named_count * params->targets.count * 16))
        return false;
    r->scope = amphi__jinja_scope_new(r, macro->scope);
    bool fine = r->scope != NULL && bind_params(r, params, call, used) &&
                bind_extras(r, params, call, used) &&
                capture(r, &macro->node->list, out) != JINJA_FAILED;
    r->scope = outer;
    return fine;
}

static bool make_macro(jinja_render *r, const jinja_node *node, jinja_value *out)
{
    jinja_macro *macro = amphi__jinja_alloc(&r->arena, sizeof *macro);
    if (macro == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    macro->node = node;
    macro->scope = r->scope;
    for (jinja_scope *scope = r->scope; scope != NULL && !scope->kept; scope = scope->parent)
        scope->kept = true;
    *out = (jinja_value){.kind = JINJA_MACRO, .as.macro = macro};
    return true;
}

static bool run_call_block(jinja_render *r, const jinja_node *node, amphi_buf *out)
{
    jinja_call call = {.r = r};
    jinja_value callee, caller;
    if (!amphi__jinja_eval(r, node->a->a, &callee) ||
        !amphi__jinja_eval_args(r, node->a->args, &call) || !make_macro(r, node, &caller))
        return false;
    /* eval_args leaves room for one more. */
    call.named[call.named_count++] = (jinja_named){AMPHI_STR("caller"), caller};
    r->line = node->line;
    jinja_value result;
    return amphi__jinja_call_value(r, callee, &call, &result) && print_value(r, result, out);
}

static bool apply_filters(jinja_render *r, const jinja_node *chain, jinja_value *value)
{
    jinja_value outer = r->block;
    if (chain == NULL)
        return true;
    r->block = *value;
    bool fine = amphi__jinja_eval(r, chain, value);
    r->block = outer;
    return fine;
}

static jinja_flow run_block(jinja_render *r, const jinja_node *node, amphi_buf *out)
{
    jinja_value value;
    jinja_flow flow = capture_scoped(r, &node->list, &value);
    if (flow != JINJA_NEXT)
        return flow;
    if (!apply_filters(r, node->b, &value))
        return JINJA_FAILED;
    if (node->kind == JINJA_NODE_SET_BLOCK)
        return assign(r, node->a, value) ? JINJA_NEXT : JINJA_FAILED;
    return print_value(r, value, out) ? JINJA_NEXT : JINJA_FAILED;
}

static jinja_flow run_if(jinja_render *r, const jinja_node *node, amphi_buf *out)
{
    jinja_value test;
    for (size_t i = 0; i < node->list.count; i++) {
        if (!amphi__jinja_eval(r, node->list.items[i]->a, &test))
            return JINJA_FAILED;
        if (amphi__jinja_truth(test))
            return amphi__jinja_exec(r, &node->list.items[i]->list, out);
    }
    return amphi__jinja_exec(r, &node->else_list, out);
}

/* {% with %} and {% generation %}: a scope, with some variables in it. The values are those of the
 * outer scope. */
static jinja_flow run_scope(jinja_render *r, const jinja_node *node, amphi_buf *out)
{
    jinja_scope *outer = r->scope, *scope = amphi__jinja_scope_new(r, outer);
    size_t count = node->params != NULL ? node->params->targets.count : 0;
    jinja_value value;
    for (size_t i = 0; scope != NULL && i < count; i++)
        if (!amphi__jinja_eval(r, node->params->defaults.items[i], &value) ||
            !amphi__jinja_scope_set(r, scope, node->params->targets.items[i]->symbol, value))
            return JINJA_FAILED;
    if (scope == NULL)
        return JINJA_FAILED;
    r->scope = scope;
    jinja_flow flow = amphi__jinja_exec(r, &node->list, out);
    r->scope = outer;
    return flow;
}

static bool run_simple(jinja_render *r, const jinja_node *node, amphi_buf *out)
{
    jinja_value value;
    switch (node->kind) {
    case JINJA_NODE_TEXT:
        return print_value(r, amphi__jinja_str(node->text), out);
    case JINJA_NODE_PRINT:
        return amphi__jinja_eval(r, node->a, &value) && print_value(r, value, out);
    case JINJA_NODE_SET:
        return amphi__jinja_eval(r, node->b, &value) && assign(r, node->a, value);
    case JINJA_NODE_MACRO:
        return make_macro(r, node, &value) &&
               amphi__jinja_scope_set(r, r->scope, node->symbol, value);
    default:
        return run_call_block(r, node, out);
    }
}

static jinja_flow run_node(jinja_render *r, const jinja_node *node, amphi_buf *out)
{
    r->line = node->line;
    jinja_value value;
    switch (node->kind) {
    case JINJA_NODE_IF:
        return run_if(r, node, out);
    case JINJA_NODE_FOR:
        if (!amphi__jinja_eval(r, node->b, &value))
            return JINJA_FAILED;
        return run_loop(r, node, value, 0, out);
    case JINJA_NODE_SET_BLOCK:
    case JINJA_NODE_FILTER_BLOCK:
        return run_block(r, node, out);
    case JINJA_NODE_WITH:
    case JINJA_NODE_SCOPE:
        return run_scope(r, node, out);
    case JINJA_NODE_BREAK:
        return JINJA_BREAK;
    case JINJA_NODE_CONTINUE:
        return JINJA_CONTINUE;
    default:
        return run_simple(r, node, out) ? JINJA_NEXT : JINJA_FAILED;
    }
}

jinja_flow amphi__jinja_exec(jinja_render *r, const jinja_nodes *nodes, amphi_buf *out)
{
    if (r->nesting >= JINJA_NESTING_MAX) {
        amphi__jinja_fail(r, AMPHI_E_LIMIT, "the template calls itself too deeply");
        return JINJA_FAILED;
    }
    r->nesting++;
    jinja_flow flow = JINJA_NEXT;
    for (size_t i = 0; i < nodes->count && flow == JINJA_NEXT; i++) {
        if (!amphi__jinja_work_take(&r->work, 1)) {
            amphi__jinja_fail_bounds(r, NULL);
            flow = JINJA_FAILED;
            break;
        }
        flow = run_node(r, nodes->items[i], out);
    }
    r->nesting--;
    return flow;
}
