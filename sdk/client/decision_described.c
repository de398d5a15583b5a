/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision for a situation that is described rather than met (amphi/policy.h). The request goes
 * the way of a real one as far as that is pure: the same reader, the same estimate of its tokens,
 * the same names of routes. What only a client can know stands in "facts", under the names that a
 * record's inputs have (decision_inputs.h).
 */
#include "sdk/client/client.h"
#include "sdk/client/decision_inputs.h"
#include "sdk/client/prompt_tokens.h"
#include "sdk/client/request.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/unknown_name.h"

#include <amphi/policy.h>

/* Members that are not the request's own. */
static const char *const own_names[] = {"routes", "facts", "spent"};
/* OpenAI's chat request, what other engines add, and Amphi's: in a description a name that none of
 * them knows is a slip, while a real request hands it on to its provider. */
static const char *const request_names[] = {"messages", "model", "fallbacks", "amphi", "tools",
    "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format",
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "typical_p",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "repeat_penalty", "seed", "stop",
    "stream", "stream_options", "n", "logprobs", "top_logprobs", "logit_bias", "user", "metadata",
    "store", "reasoning_effort", "modalities", "audio", "prediction", "service_tier", "verbosity",
    "web_search_options", "prompt_cache_key", "safety_identifier", "routes", "facts", "spent"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct described {
    amphi_decision_inputs inputs;
    amphi_request request;
    amphi_policy policy;
    amphi_plan plan;
} described;

static bool is_among(const char *const *names, size_t count, amphi_str name)
{
    for (size_t i = 0; i < count; i++)
        if (amphi__str_equal_c(name, names[i]))
            return true;
    return false;
}

static amphi_status check_names(const amphi_json *root, amphi_error *error)
{
    for (const amphi_json *m = amphi__json_first(root); m != NULL; m = amphi__json_next(m)) {
        char shown[AMPHI_SHOWN_NAME_MAX];
        if (is_among(request_names, COUNT_OF(request_names), amphi__json_key(m)))
            continue;
        const char *meant =
            amphi__nearest_name(amphi__json_key(m), request_names, COUNT_OF(request_names));
        amphi__shown_name(shown, amphi__json_key(m));
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            meant != NULL ? "request: %s is not known; did you mean %s?"
                          : "request: %s is not known%s",
            shown, meant != NULL ? meant : "");
    }
    return AMPHI_OK;
}

/* The chat request alone. Without messages it asks something short. */
static amphi_status read_request(described *d, const amphi_json *root, amphi_error *error)
{
    amphi_buf body;
    amphi_json_writer writer;
    amphi__buf_init(&body, 0);
    amphi__json_writer_init(&writer, &body);
    amphi__json_open(&writer, NULL, '{');
    if (amphi__json_get(root, "messages") == NULL)
        amphi__json_put_raw(
            &writer, "messages", AMPHI_STR("[{\"role\":\"user\",\"content\":\"Hello\"}]"));
    for (const amphi_json *m = amphi__json_first(root); m != NULL; m = amphi__json_next(m)) {
        if (is_among(own_names, COUNT_OF(own_names), amphi__json_key(m)))
            continue;
        amphi__json_put_key(&writer, amphi__json_key(m));
        amphi__json_put_value(&writer, NULL, m);
    }
    amphi__json_close(&writer, '}');
    amphi_status status = body.status == AMPHI_OK
                              ? amphi__request_from_json(&d->request, amphi__buf_str(&body), error)
                              : amphi__fail_no_memory(error);
    amphi__buf_clear(&body);
    return status;
}

static void or_else(uint32_t *fact, uint32_t otherwise)
{
    if (*fact == 0)
        *fact = otherwise;
}

/* What the request says of itself; "facts" that say more stay. */
static void add_request(described *d)
{
    amphi_policy_facts *facts = &d->inputs.facts;
    const amphi_request *request = &d->request;
    uint32_t estimate = amphi__prompt_tokens_estimate(request);
    if (facts->mode == AMPHI_MODE_DEFAULT)
        facts->mode = request->mode;
    facts->is_private |= request->is_private;
    facts->needs_tools |= request->needs_tools;
    facts->needs_images |= request->needs_images;
    facts->needs_audio |= request->needs_audio;
    facts->has_tool_turns |= request->has_tool_turns;
    or_else(&facts->prompt_tokens, estimate);
    or_else(&facts->prompt_tokens_estimate, facts->prompt_tokens);
    or_else(&facts->tool_tokens, amphi__prompt_tokens_of_tools(request));
    or_else(&facts->answer_tokens_max, request->tokens_max);
    or_else(&facts->budgets.connect_ms, request->budgets.connect_ms);
    or_else(&facts->budgets.first_token_ms, request->budgets.first_token_ms);
    or_else(&facts->budgets.idle_ms, request->budgets.idle_ms);
    or_else(&facts->budgets.total_ms, request->budgets.total_ms);
    if (facts->history_turns > 0 && facts->history_privacy == 0)
        facts->history_privacy = AMPHI_PRIVACY_PRIVATE;
}

static amphi_status add_preference(described *d, amphi_error *error)
{
    const char *models[AMPHI_ROUTES_MAX];
    amphi_decision_inputs *inputs = &d->inputs;
    for (size_t i = 0; i < inputs->facts.routes_count; i++)
        models[i] = inputs->routes[i].info.model;
    amphi_status status = amphi__preference_read(&inputs->preference, d->request.body,
        inputs->routes, models, inputs->facts.routes_count, error);
    for (size_t i = 0; i < inputs->facts.routes_count; i++)
        inputs->routes[i].is_named |=
            (amphi__preference_named(&inputs->preference) & (uint64_t)1 << i) != 0;
    return status;
}

static amphi_status check_kinds(const described *d, amphi_error *error)
{
    for (size_t i = 0; i < d->inputs.facts.routes_count; i++)
        if (d->inputs.routes[i].info.kind == 0)
            return amphi__fail(error, AMPHI_E_FORMAT, 0,
                "inputs: routes.kind of %s is missing: local, cloud or system",
                d->inputs.routes[i].info.name);
    return AMPHI_OK;
}

static amphi_status read_all(
    described *d, amphi_str device, const amphi_json *root, amphi_str policy, amphi_error *error)
{
    amphi_device_facts facts;
    amphi_status status = AMPHI_OK;
    if (amphi__json_kind(root) != AMPHI_JSON_OBJECT)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request: a JSON object is expected");
    amphi_device_facts_init(&facts);
    amphi__policy_init(&d->policy);
    status = check_names(root, error);
    if (status == AMPHI_OK)
        status = amphi__decision_inputs_read_described(&d->inputs, root, error);
    if (status == AMPHI_OK)
        status = check_kinds(d, error);
    if (status == AMPHI_OK && device.size > 0)
        status = amphi__device_facts_parse(&facts, device, error);
    if (status == AMPHI_OK && policy.size > 0)
        status = amphi__policy_apply_json(&d->policy, policy, error);
    if (status == AMPHI_OK)
        status = read_request(d, root, error);
    if (status != AMPHI_OK)
        return status;
    d->inputs.facts.device = facts;
    add_request(d);
    return add_preference(d, error);
}

/* ---- the answer ---- */

static void put_step(amphi_json_writer *writer, const described *d, const amphi_plan_step *step)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "route", amphi_str_from(d->inputs.routes[step->route].info.name));
    amphi__json_put_bool(writer, "last_resort", step->last_resort);
    amphi__json_put_int(writer, "prompt_tokens", step->prompt_tokens);
    if (step->answer_tokens_max > 0)
        amphi__json_put_int(writer, "answer_tokens_max", step->answer_tokens_max);
    if (step->context_tokens_max > 0)
        amphi__json_put_int(writer, "context_tokens_max", step->context_tokens_max);
    if (step->threads_max > 0)
        amphi__json_put_int(writer, "threads_max", step->threads_max);
    if (step->tokens_per_second_max > 0)
        amphi__json_put_number(
            writer, "tokens_per_second_max", (double)step->tokens_per_second_max);
    if (step->plain_kernels)
        amphi__json_put_bool(writer, "plain_kernels", true);
    if (step->hedge_ms > 0)
        amphi__json_put_int(writer, "hedge_ms", step->hedge_ms);
    amphi__json_put_int(writer, "first_token_ms", step->budgets.first_token_ms);
    amphi__json_put_int(writer, "idle_ms", step->budgets.idle_ms);
    amphi__json_put_int(writer, "total_ms", step->budgets.total_ms);
    amphi__json_close(writer, '}');
}

static void put_refusal(amphi_json_writer *writer, const amphi_error *refusal)
{
    amphi__json_open(writer, "refusal", '{');
    amphi__json_put_str(writer, "status", amphi_str_from(amphi_status_name(refusal->status)));
    amphi__json_put_str(writer, "message", amphi_str_from(refusal->message));
    if (refusal->retry_after_ms > 0)
        amphi__json_put_int(writer, "retry_after_ms", refusal->retry_after_ms);
    amphi__json_close(writer, '}');
}

static void put_answer(amphi_json_writer *writer, const described *d)
{
    const amphi_policy_facts *facts = &d->inputs.facts;
    amphi_mode mode = facts->mode != AMPHI_MODE_DEFAULT ? facts->mode : d->policy.mode;
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "mode", amphi_str_from(amphi_mode_name(mode)));
    amphi__json_put_bool(writer, "private", facts->is_private);
    amphi__json_open(writer, "steps", '[');
    for (size_t i = 0; i < d->plan.steps_count; i++)
        put_step(writer, d, &d->plan.steps[i]);
    amphi__json_close(writer, ']');
    amphi__record_decision(writer, "routes", &d->plan.decision);
    amphi__record_totals(writer, &d->plan.decision);
    if (d->plan.steps_count == 0)
        put_refusal(writer, &d->plan.refusal);
    amphi__json_open(writer, "remembered", '[');
    for (size_t i = 0; i < facts->routes_count; i++)
        if (d->plan.thresholds[i].judged != 0)
            amphi__decision_inputs_write_thresholds(
                writer, d->inputs.routes[i].info.name, &d->plan.thresholds[i]);
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
}

amphi_status amphi_policy_decide_json(
    amphi_str device, amphi_str situation, amphi_str policy, char **out, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_buf json;
    amphi_json_writer writer;
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    described *d = amphi__calloc(1, sizeof *d);
    if (d == NULL)
        return amphi__fail_no_memory(error);
    amphi_status status = amphi__json_parse(&root, situation, "request", error);
    if (status == AMPHI_OK)
        status = read_all(d, device, root, policy, error);
    if (status == AMPHI_OK) {
        amphi__decision_inputs_plan(&d->plan, &d->policy, &d->inputs);
        amphi__buf_init(&json, 0);
        amphi__json_writer_init(&writer, &json);
        put_answer(&writer, d);
        *out = amphi__buf_take(&json);
        status = *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__request_clear(&d->request);
    amphi__json_free(root);
    amphi__free(d);
    return status;
}
