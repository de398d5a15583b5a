/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of one render: its first failure, its budgets of steps and memory, values that are made
 * in its arena, and the scopes of its variables.
 */
#include "local/jinja/render.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- failures and budgets ------------------------------------------------------------------- */

bool(amphi__jinja_fail)(jinja_render *r, amphi_status status, const char *format, ...)
{
    if (r->status != AMPHI_OK)
        return false; /* the first failure is the one that counts */
    va_list args;
    va_start(args, format);
    char what[140];
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    what[amphi__utf8_complete_size(amphi_str_from(what))] = '\0';
    r->status =
        amphi__fail(r->error, status, 0, "chat template, line %u: %s", (unsigned)r->line, what);
    return false;
}

bool(amphi__jinja_fail_bounds)(jinja_render *r, const amphi_buf *buf)
{
    amphi_status status = buf != NULL ? buf->status : AMPHI_OK;
    if (r->work.cancelled && r->status == AMPHI_OK) {
        r->status = amphi__fail(r->error, AMPHI_E_CANCELLED, 0, "the request was cancelled");
        return false;
    }
    if (r->work.spent) {
        return amphi__jinja_fail(r, AMPHI_E_LIMIT,
            r->work.too_deep ? "values are nested too deeply" : "the template runs too long");
    }
    status = status == AMPHI_OK ? r->arena.status : status;
    if (status == AMPHI_E_LIMIT)
        return amphi__jinja_fail(r, status, "the template's output or memory grows too large");
    if (r->status == AMPHI_OK)
        r->status = amphi__fail_no_memory(r->error);
    return false;
}

bool amphi__jinja_charge(jinja_render *r, size_t bytes)
{
    return amphi__jinja_work_take(&r->work, bytes / 256) || amphi__jinja_fail_bounds(r, NULL);
}

bool amphi__jinja_charge_chars(jinja_render *r, size_t bytes)
{
    return amphi__jinja_charge(r, bytes * 16);
}

/* ---- values --------------------------------------------------------------------------------- */

void amphi__jinja_buf_init(amphi_buf *buf)
{
    amphi__buf_init(buf, JINJA_MEMORY_MAX / 2);
}

bool amphi__jinja_take_text(jinja_render *r, amphi_buf *buf, jinja_value *out)
{
    amphi_str text = {NULL, 0};
    bool fine = buf->status == AMPHI_OK && !r->work.spent;
    fine = fine && amphi__jinja_charge(r, buf->size) &&
           amphi__jinja_copy(&r->arena, amphi__buf_str(buf), &text);
    if (!fine)
        amphi__jinja_fail_bounds(r, buf);
    amphi__buf_clear(buf);
    *out = amphi__jinja_str(text);
    return fine;
}

bool amphi__jinja_text(jinja_render *r, jinja_value value, amphi_str *out)
{
    if (value.kind == JINJA_STRING) {
        *out = value.as.text;
        return true;
    }
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    amphi__jinja_to_text(&buf, value, &r->work);
    if (!amphi__jinja_take_text(r, &buf, &value))
        return false;
    *out = value.as.text;
    return true;
}

bool amphi__jinja_push(jinja_render *r, jinja_list *list, jinja_value value)
{
    return (amphi__jinja_work_take(&r->work, 1) &&
               amphi__jinja_list_push(&r->arena, list, value)) ||
           amphi__jinja_fail_bounds(r, NULL);
}

bool amphi__jinja_list_make(jinja_render *r, jinja_list **out)
{
    return amphi__jinja_list_new(&r->arena, 0, out) || amphi__jinja_fail_bounds(r, NULL);
}

bool amphi__jinja_dict_put(jinja_render *r, jinja_dict *dict, jinja_value key, jinja_value value)
{
    if (!amphi__jinja_is_hashable(key)) {
        return amphi__jinja_fail(
            r, AMPHI_E_FORMAT, "a %s can't be a key of a mapping", amphi__jinja_type_name(key));
    }
    return (amphi__jinja_work_take(&r->work, 1) &&
               amphi__jinja_dict_set(&r->arena, dict, key, value, &r->work)) ||
           amphi__jinja_fail_bounds(r, NULL);
}

/* ---- scopes --------------------------------------------------------------------------------- */

jinja_scope *amphi__jinja_scope_new(jinja_render *r, jinja_scope *parent)
{
    jinja_scope *scope = amphi__jinja_alloc(&r->arena, sizeof *scope);
    if (scope == NULL) {
        amphi__jinja_fail_bounds(r, NULL);
        return NULL;
    }
    scope->parent = parent;
    return scope;
}

/* Searching a scope with very many variables costs steps; running out shows at the next node. */
jinja_value *amphi__jinja_scope_own(jinja_render *r, const jinja_scope *scope, uint32_t symbol)
{
    amphi__jinja_work_take(&r->work, scope->count / 64);
    for (size_t i = 0; i < scope->count; i++)
        if (scope->items[i].symbol == symbol)
            return &scope->items[i].value;
    return NULL;
}

const jinja_value *amphi__jinja_scope_get(
    jinja_render *r, const jinja_scope *scope, uint32_t symbol)
{
    for (; scope != NULL; scope = scope->parent) {
        const jinja_value *value = amphi__jinja_scope_own(r, scope, symbol);
        if (value != NULL)
            return value;
    }
    return NULL;
}

bool amphi__jinja_scope_set(jinja_render *r, jinja_scope *scope, uint32_t symbol, jinja_value value)
{
    jinja_value *known = amphi__jinja_scope_own(r, scope, symbol);
    if (known != NULL) {
        *known = value;
        return true;
    }
    jinja_binding *items = amphi__jinja_grow(
        &r->arena, scope->items, scope->count, &scope->capacity, sizeof *scope->items);
    if (items == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    scope->items = items;
    scope->items[scope->count++] = (jinja_binding){symbol, value};
    return true;
}
