/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding builtins by name and binding their arguments; and the two small tables: global functions
 * and tests.
 */
#include "local/jinja/builtins.h"

#include "local/jinja/render.h"
#include "local/jinja/unicode.h"
#include "sdk/core/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const jinja_builtin *find_in(const jinja_table *table, amphi_str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (amphi__str_equal_c(name, table->items[i].name))
            return &table->items[i];
    return NULL;
}

const jinja_builtin *amphi__jinja_filter_find(amphi_str name)
{
    const jinja_builtin *found = find_in(&amphi__jinja_text_filters, name);
    found = found != NULL ? found : find_in(&amphi__jinja_list_filters, name);
    return found != NULL ? found : find_in(&amphi__jinja_sort_filters, name);
}

const jinja_builtin *amphi__jinja_test_find(amphi_str name)
{
    return find_in(&amphi__jinja_tests, name);
}

const jinja_builtin *amphi__jinja_global_find(amphi_str name)
{
    return find_in(&amphi__jinja_globals, name);
}

/* "a,b,c": the position of `name`, or SIZE_MAX; *count of all. */
static size_t param_index(const char *params, amphi_str name, size_t *count)
{
    amphi_str rest = amphi_str_from(params);
    size_t found = SIZE_MAX;
    for (*count = 0; rest.size > 0; (*count)++) {
        amphi_str param = amphi__str_cut(rest, ',', &rest);
        if (found == SIZE_MAX && amphi__str_equal(param, name))
            found = *count;
    }
    return found;
}

bool amphi__jinja_invoke(const jinja_builtin *builtin, jinja_call *call, jinja_value *out)
{
    if (builtin->params == NULL)
        return builtin->function(call, out);
    size_t count = 0;
    param_index(builtin->params, AMPHI_STR(""), &count);
    if (call->count > count) {
        return amphi__jinja_fail(
            call->r, AMPHI_E_FORMAT, "%s has too many arguments", builtin->name);
    }
    jinja_value bound[JINJA_PARAMS_MAX];
    for (size_t i = 0; i < JINJA_PARAMS_MAX; i++)
        bound[i] = i < call->count ? call->args[i] : (jinja_value){.kind = JINJA_MISSING};
    for (size_t i = 0; i < call->named_count; i++) {
        size_t at = param_index(builtin->params, call->named[i].name, &count);
        if (at == SIZE_MAX || bound[at].kind != JINJA_MISSING) {
            return amphi__jinja_fail(
                call->r, AMPHI_E_FORMAT, "%s has no such argument, or has it twice", builtin->name);
        }
        bound[at] = call->named[i].value;
    }
    for (size_t i = 0; i < builtin->required; i++) {
        if (bound[i].kind == JINJA_MISSING) {
            return amphi__jinja_fail(
                call->r, AMPHI_E_FORMAT, "%s has too few arguments", builtin->name);
        }
    }
    call->args = bound;
    call->count = count;
    return builtin->function(call, out);
}

/* What Python objects have and a template can't call: refused by the sandbox, or left out here. */
static bool is_refused(jinja_kind kind, amphi_str name)
{
    static const char *const dict[] = {
        "clear", "fromkeys", "pop", "popitem", "setdefault", "update"};
    static const char *const list[] = {
        "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
    static const char *const text[] = {
        "encode", "expandtabs", "format_map", "maketrans", "translate"};
    const char *const *names = kind == JINJA_DICT ? dict : kind == JINJA_LIST ? list : text;
    size_t count = kind == JINJA_DICT   ? COUNT_OF(dict)
                   : kind == JINJA_LIST ? COUNT_OF(list)
                                        : COUNT_OF(text);
    for (size_t i = 0; i < count; i++)
        if (amphi__str_equal_c(name, names[i]))
            return true;
    return false;
}

static bool loop_changed(jinja_call *call, jinja_value *out)
{
    jinja_loop *loop = call->self.as.loop;
    jinja_list *now;
    if (!amphi__jinja_list_make(call->r, &now))
        return false;
    for (size_t i = 0; i < call->count; i++)
        if (!amphi__jinja_push(call->r, now, call->args[i]))
            return false;
    jinja_value value = amphi__jinja_list_value(JINJA_TUPLE, now);
    *out = amphi__jinja_bool(!loop->seen || !amphi__jinja_equal(loop->last, value, &call->r->work));
    loop->seen = true;
    loop->last = value;
    return true;
}

static bool loop_cycle(jinja_call *call, jinja_value *out)
{
    if (call->count == 0)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "loop.cycle needs values");
    *out = call->args[call->self.as.loop->index % call->count];
    return true;
}

static bool cycler_next(jinja_call *call, jinja_value *out)
{
    jinja_cycler *cycler = call->self.as.cycler;
    *out = cycler->items->items[cycler->position];
    cycler->position = (cycler->position + 1) % cycler->items->count;
    return true;
}

static bool cycler_reset(jinja_call *call, jinja_value *out)
{
    call->self.as.cycler->position = 0;
    *out = amphi__jinja_none();
    return true;
}

static const jinja_builtin loop_methods[] = {
    {"changed", loop_changed, NULL, 0}, {"cycle", loop_cycle, NULL, 0}};
static const jinja_builtin cycler_methods[] = {
    {"next", cycler_next, "", 0}, {"reset", cycler_reset, "", 0}};

const jinja_builtin *amphi__jinja_method_find(jinja_value self, amphi_str name, bool *refused)
{
    static const jinja_table loops = {loop_methods, COUNT_OF(loop_methods)};
    static const jinja_table cyclers = {cycler_methods, COUNT_OF(cycler_methods)};
    *refused = (self.kind == JINJA_STRING || self.kind == JINJA_LIST || self.kind == JINJA_DICT) &&
               is_refused((jinja_kind)self.kind, name);
    const jinja_builtin *found;
    switch (self.kind) {
    case JINJA_STRING:
        found = find_in(&amphi__jinja_str_methods, name);
        return found != NULL ? found : find_in(&amphi__jinja_char_methods, name);
    case JINJA_DICT:
        return find_in(&amphi__jinja_container_methods[0], name);
    case JINJA_LIST:
        return find_in(&amphi__jinja_container_methods[1], name);
    case JINJA_TUPLE:
    case JINJA_RANGE:
        return find_in(&amphi__jinja_container_methods[2], name);
    case JINJA_LOOP:
        return find_in(&loops, name);
    case JINJA_CYCLER:
        return find_in(&cyclers, name);
    default:
        return NULL;
    }
}

/* --- global functions ------------------------------------------------------------------------- */

static bool global_range(jinja_call *call, jinja_value *out)
{
    int64_t numbers[3] = {0, 0, 1};
    for (size_t i = 0; i < 3; i++) {
        jinja_value value = call->args[i];
        if (value.kind == JINJA_MISSING)
            continue;
        if (value.kind != JINJA_INT && value.kind != JINJA_BOOL)
            return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "range needs integers");
        numbers[i] = value.kind == JINJA_BOOL ? value.as.boolean : value.as.integer;
    }
    if (call->args[1].kind == JINJA_MISSING) {
        numbers[1] = numbers[0];
        numbers[0] = 0;
    }
    if (numbers[2] == 0 || numbers[2] == INT64_MIN)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "range needs a step that is not zero");
    jinja_range *range = amphi__jinja_alloc(&call->r->arena, sizeof *range);
    if (range == NULL)
        return amphi__jinja_fail_bounds(call->r, NULL);
    *range = (jinja_range){.start = numbers[0], .stop = numbers[1], .step = numbers[2]};
    if (numbers[2] > 0 ? numbers[0] < numbers[1] : numbers[0] > numbers[1]) {
        uint64_t span = numbers[2] > 0 ? (uint64_t)numbers[1] - (uint64_t)numbers[0]
                                       : (uint64_t)numbers[0] - (uint64_t)numbers[1];
        span = (span - 1) / (uint64_t)(numbers[2] > 0 ? numbers[2] : -numbers[2]) + 1;
        if (span > JINJA_RANGE_MAX)
            return amphi__jinja_fail(call->r, AMPHI_E_LIMIT, "a range has over 100000 items");
        range->count = (int64_t)span;
    }
    *out = (jinja_value){.kind = JINJA_RANGE, .as.range = range};
    return true;
}

/* Named arguments after the members of one positional mapping (or list of pairs). */
static bool make_dict(jinja_call *call, jinja_dict *dict)
{
    if (call->count > 1)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "a mapping is made from one value");
    if (call->count == 1 &&
        (call->args[0].kind == JINJA_DICT || call->args[0].kind == JINJA_NAMESPACE)) {
        const jinja_dict *other = call->args[0].as.dict;
        for (size_t i = 0; i < other->count; i++)
            if (!amphi__jinja_dict_put(
                    call->r, dict, other->entries[i].key, other->entries[i].value))
                return false;
    } else if (call->count == 1) {
        jinja_list *items;
        if (!amphi__jinja_iterate(call->r, call->args[0], &items))
            return false;
        jinja_list *pair;
        for (size_t i = 0; i < items->count; i++) {
            if (!amphi__jinja_iterate(call->r, items->items[i], &pair))
                return false;
            if (pair->count != 2)
                return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "a mapping is made from pairs");
            if (!amphi__jinja_dict_put(call->r, dict, pair->items[0], pair->items[1]))
                return false;
        }
    }
    for (size_t i = 0; i < call->named_count; i++)
        if (!amphi__jinja_dict_put(
                call->r, dict, amphi__jinja_str(call->named[i].name), call->named[i].value))
            return false;
    return true;
}

static bool new_dict(jinja_call *call, jinja_kind kind, jinja_value *out)
{
    jinja_dict *dict = amphi__jinja_dict_new(&call->r->arena);
    if (dict == NULL)
        return amphi__jinja_fail_bounds(call->r, NULL);
    *out = (jinja_value){.kind = (uint8_t)kind, .as.dict = dict};
    return make_dict(call, dict);
}

static bool global_dict(jinja_call *call, jinja_value *out)
{
    return new_dict(call, JINJA_DICT, out);
}

static bool global_namespace(jinja_call *call, jinja_value *out)
{
    return new_dict(call, JINJA_NAMESPACE, out);
}

static bool new_cycler(jinja_call *call, jinja_kind kind, jinja_value *out)
{
    jinja_cycler *cycler = amphi__jinja_alloc(&call->r->arena, sizeof *cycler);
    if (cycler == NULL)
        return amphi__jinja_fail_bounds(call->r, NULL);
    if (!amphi__jinja_list_make(call->r, &cycler->items))
        return false;
    for (size_t i = 0; i < call->count; i++)
        if (!amphi__jinja_push(call->r, cycler->items, call->args[i]))
            return false;
    *out = (jinja_value){.kind = (uint8_t)kind, .as.cycler = cycler};
    return true;
}

static bool global_cycler(jinja_call *call, jinja_value *out)
{
    if (call->count == 0)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "cycler needs values");
    return new_cycler(call, JINJA_CYCLER, out);
}

static bool global_joiner(jinja_call *call, jinja_value *out)
{
    if (call->args[0].kind == JINJA_MISSING)
        call->args[0] = amphi__jinja_str(AMPHI_STR(", "));
    return new_cycler(call, JINJA_JOINER, out);
}

static bool global_raise(jinja_call *call, jinja_value *out)
{
    amphi_str message;
    if (!amphi__jinja_text(call->r, call->args[0], &message))
        return false;
    return amphi__jinja_fail(call->r, AMPHI_E_REQUEST, "the template refuses: %.*s",
        (int)(message.size > 120 ? 120 : message.size), message.data != NULL ? message.data : "");
}

static bool global_strftime(jinja_call *call, jinja_value *out)
{
    if (call->args[0].kind != JINJA_STRING)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "strftime_now needs a format");
    return amphi__jinja_strftime(call->r, call->args[0].as.text, out);
}

static const jinja_builtin globals[] = {{"range", global_range, "start,stop,step", 1},
    {"dict", global_dict, NULL, 0}, {"namespace", global_namespace, NULL, 0},
    {"cycler", global_cycler, NULL, 0}, {"joiner", global_joiner, "sep", 0},
    {"raise_exception", global_raise, "message", 1},
    {"strftime_now", global_strftime, "format", 1}};
const jinja_table amphi__jinja_globals = {globals, COUNT_OF(globals)};

/* --- tests ------------------------------------------------------------------------------------ */

/* A test of the value's kind alone. */
#define KIND_TEST(name, condition)                                                                 \
    static bool name(jinja_call *call, jinja_value *out)                                           \
    {                                                                                              \
        const jinja_value self = call->self;                                                       \
        *out = amphi__jinja_bool(condition);                                                       \
        return true;                                                                               \
    }

KIND_TEST(test_defined, self.kind != JINJA_UNDEFINED)
KIND_TEST(test_undefined, self.kind == JINJA_UNDEFINED)
KIND_TEST(test_none, self.kind == JINJA_NONE)
KIND_TEST(test_boolean, self.kind == JINJA_BOOL)
KIND_TEST(test_true, self.kind == JINJA_BOOL && self.as.boolean)
KIND_TEST(test_false, self.kind == JINJA_BOOL && !self.as.boolean)
KIND_TEST(test_integer, self.kind == JINJA_INT)
KIND_TEST(test_float, self.kind == JINJA_FLOAT)
KIND_TEST(test_number, amphi__jinja_is_number(self))
KIND_TEST(test_string, self.kind == JINJA_STRING)
KIND_TEST(test_mapping, self.kind == JINJA_DICT)
KIND_TEST(test_iterable, amphi__jinja_is_iterable(self))
KIND_TEST(test_sequence, self.kind == JINJA_UNDEFINED || self.kind == JINJA_STRING ||
                             self.kind == JINJA_LIST || self.kind == JINJA_TUPLE ||
                             self.kind == JINJA_DICT || self.kind == JINJA_RANGE)
KIND_TEST(test_callable, self.kind == JINJA_UNDEFINED || self.kind == JINJA_MACRO ||
                             self.kind == JINJA_FUNCTION || self.kind == JINJA_METHOD ||
                             self.kind == JINJA_LOOP || self.kind == JINJA_JOINER)
KIND_TEST(test_escaped, self.kind == JINJA_STRING && self.markup)
KIND_TEST(test_filter, self.kind == JINJA_STRING && amphi__jinja_filter_find(self.as.text) != NULL)
KIND_TEST(test_test, self.kind == JINJA_STRING && amphi__jinja_test_find(self.as.text) != NULL)

static bool test_compare(jinja_call *call, uint16_t op, jinja_value *out)
{
    bool holds = false;
    if (!amphi__jinja_compare(call->r, op, call->self, call->args[0], &holds))
        return false;
    *out = amphi__jinja_bool(holds);
    return true;
}

#define COMPARE_TEST(name, op)                                                                     \
    static bool name(jinja_call *call, jinja_value *out)                                           \
    {                                                                                              \
        return test_compare(call, op, out);                                                        \
    }

COMPARE_TEST(test_eq, JINJA_SIGN('=', '='))
COMPARE_TEST(test_ne, JINJA_SIGN('!', '='))
COMPARE_TEST(test_lt, '<')
COMPARE_TEST(test_le, JINJA_SIGN('<', '='))
COMPARE_TEST(test_gt, '>')
COMPARE_TEST(test_ge, JINJA_SIGN('>', '='))
COMPARE_TEST(test_in, JINJA_OP_IN)

static bool test_sameas(jinja_call *call, jinja_value *out)
{
    jinja_value a = call->self, b = call->args[0];
    bool same = a.kind == b.kind;
    if (same && a.kind >= JINJA_LIST)
        same = a.as.list == b.as.list;
    else if (same && a.kind == JINJA_STRING)
        same = amphi__str_equal(a.as.text, b.as.text);
    else if (same)
        same = amphi__jinja_equal(a, b, &call->r->work);
    *out = amphi__jinja_bool(same);
    return true;
}

static bool remainder_is(jinja_call *call, jinja_value by, int64_t wanted, jinja_value *out)
{
    jinja_value rest;
    if (!amphi__jinja_binary(call->r, '%', call->self, by, &rest))
        return false;
    *out = amphi__jinja_bool(amphi__jinja_equal(rest, amphi__jinja_int(wanted), &call->r->work));
    return true;
}

static bool test_divisible(jinja_call *call, jinja_value *out)
{
    return remainder_is(call, call->args[0], 0, out);
}

static bool test_even(jinja_call *call, jinja_value *out)
{
    return remainder_is(call, amphi__jinja_int(2), 0, out);
}

static bool test_odd(jinja_call *call, jinja_value *out)
{
    return remainder_is(call, amphi__jinja_int(2), 1, out);
}

/* str(value).islower() or .isupper(): some letter with case, and none of the other one. */
static bool test_case(jinja_call *call, bool upper, jinja_value *out)
{
    amphi_str text;
    if (!amphi__jinja_text(call->r, call->self, &text))
        return false;
    bool some = false;
    bool other = false;
    size_t size;
    for (size_t i = 0; i < text.size; i += size) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        some |= upper ? amphi__jinja_is_upper(c) : amphi__jinja_is_lower(c);
        other |= upper ? amphi__jinja_is_lower(c) : amphi__jinja_is_upper(c);
    }
    *out = amphi__jinja_bool(some && !other);
    return amphi__jinja_charge_chars(call->r, text.size);
}

static bool test_lower(jinja_call *call, jinja_value *out)
{
    return test_case(call, false, out);
}

static bool test_upper(jinja_call *call, jinja_value *out)
{
    return test_case(call, true, out);
}

static const jinja_builtin tests[] = {{"defined", test_defined, "", 0},
    {"undefined", test_undefined, "", 0}, {"none", test_none, "", 0},
    {"string", test_string, "", 0}, {"mapping", test_mapping, "", 0},
    {"iterable", test_iterable, "", 0}, {"sequence", test_sequence, "", 0},
    {"number", test_number, "", 0}, {"integer", test_integer, "", 0}, {"float", test_float, "", 0},
    {"boolean", test_boolean, "", 0}, {"true", test_true, "", 0}, {"false", test_false, "", 0},
    {"callable", test_callable, "", 0}, {"escaped", test_escaped, "", 0},
    {"filter", test_filter, "", 0}, {"test", test_test, "", 0}, {"in", test_in, "seq", 1},
    {"eq", test_eq, "other", 1}, {"equalto", test_eq, "other", 1}, {"==", test_eq, "other", 1},
    {"ne", test_ne, "other", 1}, {"!=", test_ne, "other", 1}, {"lt", test_lt, "other", 1},
    {"<", test_lt, "other", 1}, {"lessthan", test_lt, "other", 1}, {"le", test_le, "other", 1},
    {"<=", test_le, "other", 1}, {"gt", test_gt, "other", 1}, {">", test_gt, "other", 1},
    {"greaterthan", test_gt, "other", 1}, {"ge", test_ge, "other", 1}, {">=", test_ge, "other", 1},
    {"sameas", test_sameas, "other", 1}, {"divisibleby", test_divisible, "num", 1},
    {"even", test_even, "", 0}, {"odd", test_odd, "", 0}, {"lower", test_lower, "", 0},
    {"upper", test_upper, "", 0}};
const jinja_table amphi__jinja_tests = {tests, COUNT_OF(tests)};
