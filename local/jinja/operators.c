/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators, with Python's meaning: // and % round towards minus infinity, / always gives a float,
 * + joins texts and lists. Integers are 64 bits wide; what does not fit is refused, not wrapped.
 */
#include "local/jinja/render.h"

#include "sdk/core/str.h"

#include <math.h>

static bool fail_kinds(jinja_render *r, uint16_t op, jinja_value a, jinja_value b)
{
    char sign[3] = {(char)(op > 0xFF ? op >> 8 : op), (char)(op > 0xFF ? op & 0xFF : 0), 0};
    jinja_value undefined = a.kind == JINJA_UNDEFINED ? a : b;
    if (undefined.kind == JINJA_UNDEFINED) {
        return amphi__jinja_fail(r, AMPHI_E_FORMAT, "'%.*s' is undefined",
            (int)(undefined.as.text.size > 60 ? 60 : undefined.as.text.size),
            undefined.as.text.data != NULL ? undefined.as.text.data : "");
    }
    return amphi__jinja_fail(r, AMPHI_E_FORMAT, "%s can't be done with a %s and a %s",
        op == JINJA_OP_IN ? "in" : sign, amphi__jinja_type_name(a), amphi__jinja_type_name(b));
}

static int64_t whole(jinja_value value)
{
    return value.kind == JINJA_BOOL ? value.as.boolean : value.as.integer;
}

static bool fail_range(jinja_render *r)
{
    return amphi__jinja_fail(r, AMPHI_E_LIMIT, "an integer does not fit 64 bits");
}

static bool fail_zero(jinja_render *r)
{
    return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a division by zero");
}

static bool power_whole(jinja_render *r, int64_t base, int64_t exponent, jinja_value *out)
{
    if (exponent < 0) {
        if (base == 0)
            return fail_zero(r);
        *out = amphi__jinja_float(pow((double)base, (double)exponent));
        return true;
    }
    int64_t result = 1;
    while (exponent > 0) { /* by squaring */
        if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result))
            return fail_range(r);
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
            return fail_range(r);
    }
    *out = amphi__jinja_int(result);
    return true;
}

static bool wholes(jinja_render *r, uint16_t op, int64_t a, int64_t b, jinja_value *out)
{
    int64_t result = 0;
    bool overflow = false;
    switch (op) {
    case '+':
        overflow = __builtin_add_overflow(a, b, &result);
        break;
    case '-':
        overflow = __builtin_sub_overflow(a, b, &result);
        break;
    case '*':
        overflow = __builtin_mul_overflow(a, b, &result);
        break;
    case '/':
        if (b == 0)
            return fail_zero(r);
        *out = amphi__jinja_float((double)a / (double)b);
        return true;
    case JINJA_SIGN('*', '*'):
        return power_whole(r, a, b, out);
    default: /* // and % */
        if (b == 0)
            return fail_zero(r);
        if (b == -1) {
            overflow = op != '%' && __builtin_sub_overflow(0, a, &result);
            break;
        }
        result = a % b;
        if (op == '%')
            result += result != 0 && (result < 0) != (b < 0) ? b : 0;
        else
            result = a / b - (result != 0 && (result < 0) != (b < 0));
    }
    *out = amphi__jinja_int(result);
    return !overflow || fail_range(r);
}

static double floor_divide(double a, double b, double *rest)
{
    double mod = fmod(a, b), quotient = (a - mod) / b;
    if (mod != 0) {
        if ((b < 0) != (mod < 0)) {
            mod += b;
            quotient -= 1;
        }
    } else {
        mod = copysign(0.0, b);
    }
    *rest = mod;
    if (quotient == 0)
        return copysign(0.0, a / b);
    double down = floor(quotient);
    return quotient - down > 0.5 ? down + 1 : down;
}

static bool floats(jinja_render *r, uint16_t op, double a, double b, jinja_value *out)
{
    if (b == 0 && (op == '/' || op == '%' || op == JINJA_SIGN('/', '/')))
        return fail_zero(r);
    double result;
    double rest;
    switch (op) {
    case '+':
        result = a + b;
        break;
    case '-':
        result = a - b;
        break;
    case '*':
        result = a * b;
        break;
    case '/':
        result = a / b;
        break;
    case JINJA_SIGN('*', '*'):
        if ((a == 0 && b < 0) || (a < 0 && b != floor(b)))
            return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a power that has no real value");
        result = pow(a, b);
        break;
    default:
        result = floor_divide(a, b, &rest);
        result = op == '%' ? rest : result;
    }
    *out = amphi__jinja_float(result);
    return true;
}

static bool join_texts(jinja_render *r, jinja_value a, jinja_value b, jinja_value *out)
{
    /* Text next to something marked safe is escaped, as Markup does it. */
    if ((a.markup && !amphi__jinja_escape(r, b, &b)) ||
        (b.markup && !amphi__jinja_escape(r, a, &a)))
        return false;
    if (!amphi__jinja_charge(r, a.as.text.size + b.as.text.size))
        return false;
    amphi_str text;
    if (!amphi__jinja_concat(&r->arena, a.as.text, b.as.text, &text))
        return amphi__jinja_fail_bounds(r, NULL);
    *out = amphi__jinja_str(text);
    out->markup = a.markup || b.markup;
    return true;
}

static bool join_lists(jinja_render *r, jinja_value a, jinja_value b, jinja_value *out)
{
    const jinja_list *parts[2] = {a.as.list, b.as.list};
    jinja_list *list;
    if (!amphi__jinja_list_make(r, &list))
        return false;
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part]->count; i++)
            if (!amphi__jinja_push(r, list, parts[part]->items[i]))
                return false;
    }
    *out = amphi__jinja_list_value(a.kind, list);
    return true;
}

static bool repeat(jinja_render *r, jinja_value what, int64_t times, jinja_value *out)
{
    size_t size = what.kind == JINJA_STRING ? what.as.text.size : what.as.list->count;
    times = times < 0 || size == 0 ? 0 : times;
    if ((uint64_t)times > JINJA_MEMORY_MAX / (size > 0 ? size : 1))
        return amphi__jinja_fail(r, AMPHI_E_LIMIT, "a repetition is too long");
    if (what.kind == JINJA_STRING) {
        if (!amphi__jinja_charge(r, size * (size_t)times))
            return false;
        char *text = amphi__jinja_alloc_text(&r->arena, size * (size_t)times);
        if (text == NULL)
            return amphi__jinja_fail_bounds(r, NULL);
        for (int64_t i = 0; i < times; i++)
            memcpy(text + (size_t)i * size, what.as.text.data, size);
        *out = amphi__jinja_str(amphi_str_make(text, size * (size_t)times));
        return true;
    }
    jinja_list *list;
    if (!amphi__jinja_list_make(r, &list))
        return false;
    for (size_t i = 0; i < size * (size_t)times; i++)
        if (!amphi__jinja_push(r, list, what.as.list->items[i % size]))
            return false;
    *out = amphi__jinja_list_value(what.kind, list);
    return true;
}

static bool is_sequence(jinja_value value)
{
    return value.kind == JINJA_STRING || value.kind == JINJA_LIST || value.kind == JINJA_TUPLE;
}

static bool is_whole(jinja_value value)
{
    return value.kind == JINJA_INT || value.kind == JINJA_BOOL;
}

bool amphi__jinja_binary(
    jinja_render *r, uint16_t op, jinja_value a, jinja_value b, jinja_value *out)
{
    if (amphi__jinja_is_number(a) && amphi__jinja_is_number(b)) {
        if (a.kind == JINJA_FLOAT || b.kind == JINJA_FLOAT)
            return floats(r, op, amphi__jinja_number(a), amphi__jinja_number(b), out);
        return wholes(r, op, whole(a), whole(b), out);
    }
    if (op == '+' && a.kind == JINJA_STRING && b.kind == JINJA_STRING)
        return join_texts(r, a, b, out);
    if (op == '+' && a.kind == b.kind && is_sequence(a))
        return join_lists(r, a, b, out);
    if (op == '*' && is_sequence(a) && is_whole(b))
        return repeat(r, a, whole(b), out);
    if (op == '*' && is_sequence(b) && is_whole(a))
        return repeat(r, b, whole(a), out);
    if (op == '%' && a.kind == JINJA_STRING)
        return amphi__jinja_percent(r, a.as.text, b, out);
    return fail_kinds(r, op, a, b);
}

bool amphi__jinja_unary(jinja_render *r, uint16_t op, jinja_value a, jinja_value *out)
{
    if (op == '!') {
        *out = amphi__jinja_bool(!amphi__jinja_truth(a));
        return true;
    }
    if (a.kind == JINJA_FLOAT) {
        *out = amphi__jinja_float(op == '-' ? -a.as.number : a.as.number);
        return true;
    }
    if (is_whole(a))
        return wholes(r, op, 0, whole(a), out);
    return fail_kinds(r, op, a, a);
}

bool amphi__jinja_contains(jinja_render *r, jinja_value what, jinja_value where, bool *out)
{
    *out = false;
    if (where.kind == JINJA_STRING) {
        if (what.kind != JINJA_STRING)
            return fail_kinds(r, JINJA_OP_IN, what, where);
        *out = amphi__str_find(where.as.text, what.as.text) != SIZE_MAX;
        return amphi__jinja_charge(r, where.as.text.size);
    }
    if (where.kind == JINJA_DICT || (where.kind == JINJA_VIEW && where.as.view->what == 'k')) {
        const jinja_dict *dict = where.kind == JINJA_DICT ? where.as.dict : where.as.view->dict;
        if (!amphi__jinja_is_hashable(what)) {
            return amphi__jinja_fail(r, AMPHI_E_FORMAT, "a %s can't be a key of a mapping",
                amphi__jinja_type_name(what));
        }
        *out = amphi__jinja_dict_get(dict, what, &r->work) != NULL;
        return !r->work.spent || amphi__jinja_fail_bounds(r, NULL);
    }
    jinja_list *list;
    if (!amphi__jinja_iterate(r, where, &list))
        return false;
    for (size_t i = 0; i < list->count && !*out; i++)
        *out = amphi__jinja_equal(list->items[i], what, &r->work);
    return !r->work.spent || amphi__jinja_fail_bounds(r, NULL);
}

bool amphi__jinja_compare(jinja_render *r, uint16_t op, jinja_value a, jinja_value b, bool *out)
{
    if (op == JINJA_OP_IN || op == JINJA_OP_NOT_IN) {
        bool contains;
        if (!amphi__jinja_contains(r, a, b, &contains))
            return false;
        *out = contains == (op == JINJA_OP_IN);
        return true;
    }
    if (op == JINJA_SIGN('=', '=') || op == JINJA_SIGN('!', '=')) {
        *out = amphi__jinja_equal(a, b, &r->work) == (op == JINJA_SIGN('=', '='));
        return !r->work.spent || amphi__jinja_fail_bounds(r, NULL);
    }
    int order;
    if (!amphi__jinja_order(a, b, &order, &r->work))
        return r->work.spent ? amphi__jinja_fail_bounds(r, NULL) : fail_kinds(r, op, a, b);
    *out = order != 2 && (op == '<'                       ? order < 0
                             : op == '>'                  ? order > 0
                             : op == JINJA_SIGN('<', '=') ? order <= 0
                                                          : order >= 0);
    return true;
}
