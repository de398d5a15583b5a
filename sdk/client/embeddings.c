/* SPDX-License-Identifier: Apache-2.0
 *
 * An embeddings request from its start to its end, on the caller's thread:
 *
 *     read_request   all but "input" becomes a request that the client's rules can be asked about;
 *                    "input" (megabytes of text or tokens) is never made into a tree
 *     candidates     the endpoints that serve the named model
 *     decide         as for a chat request, among these (decide.h)
 *     run_plan       one after the other, until one has answered (embeddings_attempt.h)
 *
 * No history, no cache, no outbox, no hedge: nothing of a request is kept.
 */
#include "sdk/client/decide.h"
#include "sdk/client/embeddings_attempt.h"
#include "sdk/client/retry_budget.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/client/spending.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/json_span.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/embeddings.h>

enum {
    REQUEST_BYTES_MAX = 16 << 20,
    SPENT_WRITE_MS = 5000 /* as for a chat request (chat.c) */
};

typedef struct embeddings_call {
    amphi_client *client;
    const amphi_embeddings_request *request;
    amphi_embeddings_result *result;
    amphi_request rules; /* the request without its input */
    amphi_privacy_ruling ruling;
    amphi_plan plan;
    amphi_embeddings_attempt attempt;
    amphi_error error; /* of the last attempt */
} embeddings_call;

/* ---- the request ---- */

static amphi_status check_input(amphi_str input, amphi_error *error)
{
    amphi_json_span span;
    amphi_json_member first;
    bool is_text = input.size > 2 && input.data[0] == '"';
    bool is_list = input.size > 0 && input.data[0] == '[' && amphi__json_span_init(&span, input) &&
                   amphi__json_span_next(&span, &first);
    return is_text || is_list ? AMPHI_OK
                              : amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                                    "input: a text, or a list of texts or tokens, is expected");
}

/* Appends the request's members but "input" to an open object. */
static amphi_status put_members(
    amphi_json_writer *writer, amphi_str json, amphi_str *input, amphi_error *error)
{
    amphi_json_span span;
    amphi_json_member member;
    static const char *const others[] = {"messages", "fallbacks", NULL};
    if (!amphi__json_span_init(&span, json) || !span.in_object)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request: a JSON object is expected");
    while (amphi__json_span_next(&span, &member)) {
        if (amphi__str_find(member.key, AMPHI_STR("\\")) != SIZE_MAX)
            return amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "request: the name of a member has an escape");
        if (amphi__json_key_is_one_of(member.key, others))
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "%.*s: an embeddings request has no such member", (int)member.key.size,
                member.key.data);
        if (amphi__str_equal_c(member.key, "input"))
            *input = member.value;
        else
            amphi__json_member_put(writer, &member);
    }
    return AMPHI_OK;
}

/* The rules of a chat request hold (names, ranges, "amphi"), so it is read as one. */
static amphi_status read_request(embeddings_call *call, amphi_error *error)
{
    amphi_str json = call->request->json;
    amphi_str input = amphi_str_make(NULL, 0);
    amphi_buf text;
    amphi_json_writer writer;
    if (json.size > REQUEST_BYTES_MAX)
        return amphi__fail(
            error, AMPHI_E_LIMIT, 0, "request: more than %d bytes", REQUEST_BYTES_MAX);
    amphi_status status = amphi__json_check(json, "request", error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&text, 0);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_raw(&writer, "messages", AMPHI_STR("[{\"role\":\"user\",\"content\":\"\"}]"));
    status = put_members(&writer, json, &input, error);
    amphi__json_close(&writer, '}');
    if (status == AMPHI_OK && text.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        status = amphi__request_from_json(&call->rules, amphi__buf_str(&text), error);
    if (status == AMPHI_OK)
        status = amphi__request_add_settings(&call->rules, call->request->settings_json, error);
    if (status == AMPHI_OK)
        status = check_input(input, error);
    call->rules.input_bytes = input.size;
    amphi__buf_clear(&text);
    return status;
}

/* ---- who may answer ---- */

/* The endpoints that serve the model, as bits: the one of that name; else those that list the
 * model; else those that leave the model to the request. */
static uint64_t find_candidates(const amphi_client *client, amphi_str model)
{
    uint64_t named = 0, listed = 0, open = 0;
    for (size_t i = 0; i < client->routes_count; i++) {
        const amphi_route *route = &client->routes[i];
        amphi_engine_info info;
        amphi__route_describe(route, &info);
        if (!info.embeddings)
            continue;
        if (amphi__str_equal_c(model, info.name))
            named |= (uint64_t)1 << i;
        if (amphi__model_list_has(amphi_str_from(route->model), model) ||
            amphi__str_equal_c(model, info.model))
            listed |= (uint64_t)1 << i;
        if (route->model[0] == '\0' && info.model[0] == '\0')
            open |= (uint64_t)1 << i;
    }
    return named != 0 ? named : listed != 0 ? listed : open;
}

static amphi_status decide(embeddings_call *call, amphi_error *error)
{
    amphi_client *client = call->client;
    amphi_context none;
    amphi_str model = amphi__json_string(amphi__json_get(call->rules.body, "model"));
    if (model.size == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "model: a model's name is expected");
    amphi__decide_apply_options(client, &call->rules);
    call->rules.conversation_id[0] = '\0'; /* nothing of it is in the request */
    amphi__context_init(&none);
    amphi_status status = amphi__privacy_admit(client, &call->rules, &call->ruling, &none, error);
    amphi__context_clear(&none);
    if (status != AMPHI_OK)
        return status;
    if (call->ruling.stays_here)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "%s: embeddings are made by endpoints only, and this request may not leave the device",
            call->rules.is_private ? "private" : "only_local");
    call->attempt.model = model;
    call->rules.only_routes = find_candidates(client, model);
    if (call->rules.only_routes == 0)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "model: no endpoint serves this model, and vectors of another one are of no use; "
            "endpoints say what they serve by model=a|b|c");
    if (amphi__decide(client, &call->rules, &call->ruling, &call->plan, &call->attempt.reservation,
            NULL, error))
        return AMPHI_OK;
    return error != NULL && error->status != AMPHI_OK ? error->status : call->plan.refusal.status;
}

/* ---- the plan ---- */

/* Would the same model on another server refuse it as well? */
static bool ends_the_request(const amphi_error *error)
{
    switch (error->status) {
    case AMPHI_OK:
    case AMPHI_E_CANCELLED:
    case AMPHI_E_NO_MEMORY:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_CONTEXT_LENGTH:
        return true;
    case AMPHI_E_REQUEST:
        return error->native_code == 400 || error->native_code == 413 || error->native_code == 422;
    default:
        return false;
    }
}

/* As for a chat request. */
static int64_t retry_delay_ms(embeddings_call *call, bool has_next, uint32_t tries)
{
    amphi_client *client = call->client;
    uint64_t now_us = amphi__embeddings_attempt_now_us(&call->attempt);
    amphi_retry_case c = {.error = &call->error,
        .should_retry = call->attempt.run.should_retry,
        .has_next = has_next,
        .tries = tries,
        .left_us = call->attempt.deadline_us > now_us ? call->attempt.deadline_us - now_us : 0};
    (void)amphi__random(&c.random, sizeof c.random);
    int64_t delay_ms = amphi__retry_delay_ms(&c);
    if (delay_ms < 0)
        return -1;
    amphi__mutex_lock(&client->lock);
    bool may_retry = amphi__retry_budget_spend_retry(&client->retry_budget);
    amphi__mutex_unlock(&client->lock);
    return may_retry ? delay_ms : -1;
}

/* The attempt before failed, so this one is another endpoint's. */
static void note_takeover(embeddings_call *call, const char *to)
{
    amphi_embeddings_result *result = call->result;
    if (result->route[0] != '\0' && result->takeovers_count < AMPHI_EMBEDDINGS_TAKEOVERS_MAX) {
        amphi_takeover *t = &result->takeovers[result->takeovers_count++];
        t->reason = call->error.status;
        amphi__str_copy_to(t->from, sizeof t->from, amphi_str_from(result->route));
        amphi__str_copy_to(t->to, sizeof t->to, amphi_str_from(to));
        amphi__str_copy_to(t->why, sizeof t->why, amphi_str_from(call->error.message));
    }
    amphi__str_copy_to(result->route, sizeof result->route, amphi_str_from(to));
}

/* One endpoint, with its second try. */
static void run_step(embeddings_call *call, const amphi_plan_step *step, bool has_next)
{
    amphi_client *client = call->client;
    amphi_engine_info info;
    int64_t delay_ms = 0;
    amphi__route_describe(&client->routes[step->route], &info);
    for (uint32_t tries = 1; delay_ms >= 0; tries++) {
        amphi_error *why_not = call->result->route[0] == '\0' ? &call->error : NULL;
        if (!amphi__reservation_enter(
                client, &call->ruling.policy, step, &call->attempt.reservation, why_not))
            return;
        amphi_breaker_pass pass = amphi__route_health_enter(client, step, tries == 1, why_not);
        if (pass == AMPHI_BREAKER_REFUSED)
            return;
        if (tries == 1)
            note_takeover(call, info.name);
        amphi__embeddings_attempt_run(&call->attempt, step);
        call->error = call->attempt.run.error;
        amphi__route_health_leave(client, step, pass, &call->error, 0);
        if (call->error.status != AMPHI_OK && call->error.status != AMPHI_E_CANCELLED)
            amphi__log(&client->log, AMPHI_LOG_WARNING, "embeddings: %s: %s", info.name,
                call->error.message);
        delay_ms = retry_delay_ms(call, has_next, tries);
        if (delay_ms >= 0 && !amphi__embeddings_attempt_pause(&call->attempt, delay_ms))
            return;
    }
}

static amphi_status run_plan(embeddings_call *call, amphi_error *error)
{
    const amphi_plan *plan = &call->plan;
    uint32_t total_ms = plan->steps[0].budgets.total_ms;
    call->attempt.deadline_us =
        total_ms > 0 ? amphi__embeddings_attempt_now_us(&call->attempt) + (uint64_t)total_ms * 1000
                     : UINT64_MAX;
    for (size_t i = 0; i < plan->steps_count; i++) {
        run_step(call, &plan->steps[i], i + 1 < plan->steps_count);
        if (call->result->route[0] != '\0' && ends_the_request(&call->error))
            break;
        if (!amphi__embeddings_attempt_is_wanted(&call->attempt)) {
            amphi__fail(&call->error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
            break;
        }
        if (amphi__embeddings_attempt_now_us(&call->attempt) >= call->attempt.deadline_us)
            break; /* the next one would be charged for, and blamed, without a chance */
    }
    amphi__reservation_release(call->client, &call->attempt.reservation);
    if (call->ruling.policy.cost_day_max > 0)
        amphi__spending_write(call->client);
    else
        amphi__spending_write_in_time(call->client, SPENT_WRITE_MS);
    if (error != NULL)
        *error = call->error;
    return call->error.status;
}

/* ---- the call ---- */

static void fill_result(embeddings_call *call)
{
    amphi_embeddings_result *result = call->result;
    const amphi_embeddings_run *run = &call->attempt.run;
    result->usage = run->usage;
    amphi__str_copy_to(result->model, sizeof result->model, amphi_str_from(run->model));
    if (run->has_provider) {
        result->has_provider = true;
        result->provider = run->provider;
    }
}

static amphi_status create(embeddings_call *call, amphi_error *error)
{
    amphi_status status = amphi__embeddings_attempt_init(&call->attempt);
    if (status != AMPHI_OK)
        return amphi__fail_no_memory(error);
    status = read_request(call, error);
    if (status == AMPHI_OK)
        status = decide(call, error);
    if (status == AMPHI_OK)
        status = run_plan(call, error);
    return status;
}

static void end(embeddings_call *call)
{
    amphi__request_clear(&call->rules);
    amphi__embeddings_attempt_clear(&call->attempt);
    amphi__free(call);
}

amphi_status amphi_embeddings_create(char **out, amphi_client *client,
    const amphi_embeddings_request *request, amphi_embeddings_result *result, amphi_error *error)
{
    amphi_embeddings_request own;
    amphi_embeddings_result made;
    amphi__error_clear(error);
    if (out == NULL || client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out or client is NULL");
    *out = NULL;
    amphi_status status =
        AMPHI__SIZED_READ(amphi_embeddings_request, &own, request, "request", error);
    if (status == AMPHI_OK && result != NULL)
        status = AMPHI__SIZED_CHECK(amphi_embeddings_result, result, "result", error);
    if (status != AMPHI_OK)
        return status;
    embeddings_call *call = amphi__calloc(1, sizeof *call); /* large: a plan, a decision */
    if (call == NULL)
        return amphi__fail_no_memory(error);
    amphi_embeddings_result_init(&made);
    uint64_t started_us = amphi__clock_us(client->clock);
    call->client = client;
    call->request = &own;
    call->result = &made;
    call->attempt.client = client;
    call->attempt.request = &own;
    call->attempt.ruling = &call->ruling;
    status = create(call, error);
    if (status == AMPHI_OK && (*out = amphi__buf_take(&call->attempt.run.json)) == NULL)
        status = amphi__fail_no_memory(error);
    fill_result(call);
    made.total_ms = (uint32_t)((amphi__clock_us(client->clock) - started_us) / 1000);
    if (result != NULL)
        AMPHI__SIZED_WRITE(result, &made);
    end(call);
    return status;
}
