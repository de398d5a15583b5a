/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusing here costs nothing. Later a wrong number would be interpreted by an engine, or refused
 * by a provider, which looks like a failure of the route. Bounds: OpenAI's API reference, chat
 * completions; min_p, typical_p, top_k and repetition_penalty as in llama.cpp and vLLM.
 */
#include "sdk/client/request_fields.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>

enum { STOPS_MAX = 16, TOP_LOGPROBS_MAX = 20 };

/* `what` completes "FIELD: ... is expected". */
typedef struct number_field {
    const char *name;
    double least;
    double most;
    bool whole;
    bool above; /* `least` itself is refused */
    const char *what;
} number_field;

static const number_field numbers[] = {
    {"temperature", 0, 2, false, false, "a number from 0 to 2"},
    {"top_p", 0, 1, false, false, "a number from 0 to 1"},
    {"min_p", 0, 1, false, false, "a number from 0 to 1"},
    {"typical_p", 0, 1, false, false, "a number from 0 to 1"},
    {"top_k", -1, 1 << 24, true, false, "a whole number from 0, which is all, as is -1"},
    {"presence_penalty", -2, 2, false, false, "a number from -2 to 2"},
    {"frequency_penalty", -2, 2, false, false, "a number from -2 to 2"},
    {"repetition_penalty", 0, 100, false, true, "a number above 0, up to 100"},
    {"repeat_penalty", 0, 100, false, true, "a number above 0, up to 100"},
    {"max_tokens", 1, 1 << 30, true, false, "a whole number from 1"},
    {"max_completion_tokens", 1, 1 << 30, true, false, "a whole number from 1"},
    {"seed", -0x1p63, 0x1.fffffffffffffp62, true, false, "a whole number"},
    {"top_logprobs", 0, TOP_LOGPROBS_MAX, true, false, "a whole number from 0 to 20"},
};

static const char *const switches[] = {"logprobs", "stream", "store", "parallel_tool_calls"};

/* Other members that Amphi reads. */
static const char *const others[] = {"messages", "amphi", "model", "n", "tools", "fallbacks",
    "stop", "logit_bias", "response_format", "stream_options"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static amphi_status expected(amphi_error *error, const char *name, const char *what)
{
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: %s is expected", name, what);
}

static bool is_present(const amphi_json *value)
{
    amphi_json_kind kind = amphi__json_kind(value);
    return kind != AMPHI_JSON_NONE && kind != AMPHI_JSON_NULL;
}

static bool fits(const amphi_json *value, const number_field *field)
{
    double number = amphi__json_number(value, NAN);
    return amphi__json_kind(value) == AMPHI_JSON_NUMBER && number >= field->least &&
           number <= field->most && !(field->above && number <= field->least) &&
           (!field->whole || number == floor(number));
}

/* One string, or a short array of them. */
static amphi_status check_stop(const amphi_json *stop, amphi_error *error)
{
    size_t count = 0;
    amphi_json_kind kind = amphi__json_kind(stop);
    if (!is_present(stop) || kind == AMPHI_JSON_STRING)
        return AMPHI_OK;
    if (kind != AMPHI_JSON_ARRAY)
        return expected(error, "stop", "a string or an array of strings");
    for (stop = amphi__json_first(stop); stop != NULL; stop = amphi__json_next(stop)) {
        if (!amphi__json_is_string(stop))
            return expected(error, "stop", "a string or an array of strings");
        if (++count > STOPS_MAX)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "stop: more than %d strings", STOPS_MAX);
    }
    return AMPHI_OK;
}

/* {"token id": -100..100}; whether an id exists is for the engine to check. */
static amphi_status check_bias(const amphi_json *map, amphi_error *error)
{
    static const char what[] = "an object of token ids with numbers from -100 to 100";
    if (!is_present(map))
        return AMPHI_OK;
    if (amphi__json_kind(map) != AMPHI_JSON_OBJECT)
        return expected(error, "logit_bias", what);
    for (map = amphi__json_first(map); map != NULL; map = amphi__json_next(map)) {
        uint64_t token = 0;
        if (!amphi__str_to_u64(amphi__json_key(map), &token) ||
            !(fabs(amphi__json_number(map, NAN)) <= 100))
            return expected(error, "logit_bias", what);
    }
    return AMPHI_OK;
}

amphi_status amphi__fields_check_once(const amphi_json *object, const char *const *names,
    size_t names_count, const char *prefix, amphi_error *error)
{
    uint64_t seen = 0;
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m)) {
        for (size_t i = 0; i < names_count; i++) {
            if (!amphi__str_equal_c(amphi__json_key(m), names[i]))
                continue;
            if ((seen & UINT64_C(1) << i) != 0)
                return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s%s: twice", prefix, names[i]);
            seen |= UINT64_C(1) << i;
        }
    }
    return AMPHI_OK;
}

static amphi_status check_once(const amphi_json *body, amphi_error *error)
{
    const char *names[COUNT_OF(numbers) + COUNT_OF(switches) + COUNT_OF(others)];
    _Static_assert(COUNT_OF(names) <= 64, "one bit per name");
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        names[count++] = numbers[i].name;
    for (size_t i = 0; i < COUNT_OF(switches); i++)
        names[count++] = switches[i];
    for (size_t i = 0; i < COUNT_OF(others); i++)
        names[count++] = others[i];
    return amphi__fields_check_once(body, names, count, "", error);
}

amphi_status amphi__fields_check(const amphi_json *body, amphi_error *error)
{
    amphi_status once = check_once(body, error);
    if (once != AMPHI_OK)
        return once;
    static const char *const stream_options[] = {"include_usage"};
    once = amphi__fields_check_once(
        amphi__json_get(body, "stream_options"), stream_options, 1, "stream_options.", error);
    if (once != AMPHI_OK)
        return once;
    const amphi_json *model = amphi__json_get(body, "model");
    if (is_present(model) && !amphi__json_is_string(model))
        return expected(error, "model", "a string");
    const amphi_json *tools = amphi__json_get(body, "tools");
    if (is_present(tools) && amphi__json_kind(tools) != AMPHI_JSON_ARRAY)
        return expected(error, "tools", "an array");
    const amphi_json *top = amphi__json_get(body, "top_logprobs");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const amphi_json *value = amphi__json_get(body, numbers[i].name);
        if (is_present(value) && !fits(value, &numbers[i]))
            return expected(error, numbers[i].name, numbers[i].what);
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        const amphi_json *value = amphi__json_get(body, switches[i]);
        if (is_present(value) && amphi__json_kind(value) != AMPHI_JSON_BOOL)
            return expected(error, switches[i], "true or false");
    }
    if (is_present(top) && !amphi__json_bool(amphi__json_get(body, "logprobs"), false))
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "top_logprobs: only together with \"logprobs\": true");
    amphi_status status = check_stop(amphi__json_get(body, "stop"), error);
    return status == AMPHI_OK ? check_bias(amphi__json_get(body, "logit_bias"), error) : status;
}
