/* SPDX-License-Identifier: Apache-2.0
 *
 * From the plan down to the single attempt, each function calling the one above it in this file:
 *
 *     run_plan      the steps in their order; at the end once more the first whose engine died,
 *                   or whose answer was held to be too uncertain
 *     run_step      one step, with fewer of the oldest messages each time it finds them too long
 *     run_hedged    the first step and the second, when the first is late
 *     run_route     one route: again without the beginning, after a pause, or after a restart
 *     run_attempt   one attempt (attempt.h)
 *
 * What the request remembers between attempts is one struct, plan_run. What an attempt is to do is
 * built anew for each step, so nothing has to be reset or taken back.
 */
#include "sdk/client/takeover.h"

#include "sdk/client/attempt.h"
#include "sdk/client/continuation.h"
#include "sdk/client/decide.h"
#include "sdk/client/hedge.h"
#include "sdk/client/outbox.h"
#include "sdk/client/prompt_tokens.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* Room that is left for an answer without a bound. */
#define ANSWER_TOKENS_USUAL 1024u

/* A decision that took longer than this was frozen in between: local engines are waited for 2 s. */
#define DECIDE_MAX_US 4000000u

/* What a request remembers across its attempts. */
typedef struct plan_run {
    amphi_stream *stream;
    uint32_t attempts;             /* so far; a route that died before the plan counts as one */
    const amphi_plan_step *step;   /* of the last attempt; NULL: there was none yet */
    amphi_attempt_outcome last;    /* of the last attempt, or why there was none */
    amphi_attempt_pending pending; /* for the crash ledger */
    amphi_model_identity model;    /* what the last route ran when its step began */
    bool restarted;                /* a dead engine was started again: once per request */
    bool judges;                   /* local answers are judged before they are shown */
    amphi_buf body;                /* of the current step */
} plan_run;

static amphi_route *route_of(const plan_run *run, const amphi_plan_step *step)
{
    return &run->stream->client->routes[step->route];
}

/* With the model that this request gets there. */
static void describe(const plan_run *run, const amphi_plan_step *step, amphi_engine_info *out)
{
    const amphi_json *asked = amphi__json_get(run->stream->request.body, "model");
    amphi__route_describe_for(route_of(run, step), amphi__json_string(asked), out);
}

/* ---- one attempt ---- */

/* Moves the request's reservation to this step, and takes a pass of its route's breaker. A refusal
 * of either is the request's error only when no attempt's says more. */
static bool enter(plan_run *run, amphi_attempt_args *args, bool is_first_try)
{
    amphi_stream *stream = run->stream;
    amphi_error *error = run->attempts == 0 ? &run->last.error : NULL;
    if (!amphi__reservation_enter(
            stream->client, &stream->privacy.policy, args->step, args->reservation, error))
        return false;
    args->pass = amphi__route_health_enter(stream->client, args->step, is_first_try, error);
    return args->pass != AMPHI_BREAKER_REFUSED;
}

static void run_attempt(plan_run *run, amphi_attempt_args *args)
{
    args->number = ++run->attempts;
    args->is_judged = run->judges && !args->continues && run->stream->text.size == 0 &&
                      run->stream->request.answer_prefix[0] == '\0' && args->step->judge_tokens > 0;
    run->step = args->step;
    amphi__attempt_run(run->stream, args, &run->last, &run->pending);
}

static bool is_death(amphi_status status)
{
    return status == AMPHI_E_ENGINE_DIED || status == AMPHI_E_ENGINE_STALLED;
}

/* Leaves the route with the last attempt's outcome. */
static void leave(plan_run *run, const amphi_attempt_args *args)
{
    amphi_client *client = run->stream->client;
    const amphi_error none = {.status = AMPHI_E_CANCELLED};
    const amphi_error *error =
        run->last.needed_replace ? &none : &run->last.error; /* not its fault */
    if (is_death(error->status) && run->pending.cause != AMPHI_CRASH_CAUSE_OUTSIDE)
        run->stream->has_crashed = true;
    amphi__route_health_leave(client, args->step, args->pass, error, run->last.first_token_ms);
    if (error->status != AMPHI_OK && error->status != AMPHI_E_CANCELLED)
        amphi__log(
            &client->log, AMPHI_LOG_WARNING, "attempt %u failed: %s", args->number, error->message);
}

/* ---- one route ---- */

static bool may_retry(amphi_client *client)
{
    amphi__mutex_lock(&client->lock);
    bool allowed = amphi__retry_budget_spend_retry(&client->retry_budget);
    amphi__mutex_unlock(&client->lock);
    return allowed;
}

/* How long to wait before the same route is tried a second time; -1: it is not. One that failed
 * after its first output is not. In an outage, when most requests would try again, the client's
 * retry budget refuses. */
static int64_t retry_delay_ms(
    const plan_run *run, uint64_t deadline_us, bool has_next, uint32_t tries)
{
    uint64_t now_us = amphi__stream_awake_us(run->stream);
    amphi_retry_case c = {.error = &run->last.error,
        .should_retry = run->last.should_retry,
        .has_next = has_next,
        .tries = tries,
        .left_us = deadline_us > now_us ? deadline_us - now_us : 0};
    (void)amphi__random(&c.random, sizeof c.random);
    int64_t delay_ms = run->last.has_output ? -1 : amphi__retry_delay_ms(&c);
    return delay_ms >= 0 && may_retry(run->stream->client) ? delay_ms : -1;
}

/* By the provider's time, which goes on while this app is frozen. false: the caller cancelled
 * meanwhile. */
static bool pause_ms(amphi_stream *stream, int64_t delay_ms)
{
    const amphi_clock *clock = stream->client->clock;
    uint64_t until_us = amphi__clock_boot_us(clock) + (uint64_t)delay_ms * 1000;
    for (uint64_t now_us = amphi__clock_boot_us(clock);
         now_us < until_us && !amphi__stream_is_cancelled(stream);
         now_us = amphi__clock_boot_us(clock)) {
        amphi__free(amphi__stream_wait(stream, UINT32_MAX, UINT32_MAX,
            amphi__awake_slice_us(&stream->awake, until_us - now_us)));
        (void)amphi__stream_awake_us(stream);
    }
    return !amphi__stream_is_cancelled(stream);
}

/* From the stream's current route. */
static amphi_takeover make_takeover(
    const amphi_stream *stream, const char *to, const amphi_error *why, bool continued)
{
    amphi_takeover takeover = {
        .reason = why->status, .byte_offset = stream->text.size, .continued = continued};
    amphi__str_copy_to(takeover.from, sizeof takeover.from, amphi_str_from(stream->route));
    amphi__str_copy_to(takeover.to, sizeof takeover.to, amphi_str_from(to));
    amphi__str_copy_to(takeover.why, sizeof takeover.why, amphi_str_from(why->message));
    return takeover;
}

/* NULL: there have been too many to record. */
static amphi_takeover *record_takeover(amphi_stream *stream, const amphi_takeover *takeover)
{
    if (stream->takeovers_count == AMPHI_TAKEOVERS_MAX)
        return NULL;
    amphi_takeover *recorded = &stream->takeovers[stream->takeovers_count++];
    *recorded = *takeover;
    return recorded;
}

/* Is the delivered text handed to this route as the answer's beginning, and how? Where none of it
 * was shown a clean start costs nothing. */
static void choose_way(
    amphi_stream *stream, amphi_attempt_args *args, const amphi_engine_info *info)
{
    args->continues = false;
    if (stream->text.size == 0 || !stream->request.is_shown)
        return;
    amphi_continuation_choice choice = amphi__continuation_choose(stream->client, info);
    args->way = choice.way;
    args->is_known = choice.is_known;
    args->continues = choice.way != AMPHI_CONTINUE_NO;
}

/* What the route made of the beginning that it was given, for later takeovers. */
static void learn(const plan_run *run, const amphi_attempt_args *args)
{
    const amphi_attempt_outcome *last = &run->last;
    amphi_continuation_result result = AMPHI_CONTINUATION_WORKED;
    amphi_engine_info info;
    if (!args->continues)
        return;
    if (last->prefix_refused && !last->has_output)
        result = AMPHI_CONTINUATION_REFUSED;
    else if (last->seam == AMPHI_SPLICE_ANEW)
        result = AMPHI_CONTINUATION_ANEW;
    else if (last->seam == AMPHI_SPLICE_REJECTED)
        result = last->seam_is_sure ? AMPHI_CONTINUATION_ANEW : AMPHI_CONTINUATION_DOUBTFUL;
    else if (last->seam != AMPHI_SPLICE_CONTINUED || !last->seam_is_sure)
        return;
    describe(run, args->step, &info);
    amphi__continuation_learn(run->stream->client, &info, args->way, result);
    if (result == AMPHI_CONTINUATION_REFUSED && args->way == AMPHI_CONTINUE_VLLM &&
        !last->flags_refused)
        amphi__continuation_learn(run->stream->client, &info, AMPHI_CONTINUE_NATIVE, result);
}

/* The next attempt takes over from the last one, if there was one. */
static void plan_takeover(plan_run *run, amphi_attempt_args *args, const amphi_engine_info *info)
{
    choose_way(run->stream, args, info);
    args->takeover = NULL;
    if (run->attempts == 0)
        return;
    amphi_takeover takeover =
        make_takeover(run->stream, info->name, &run->last.error, args->continues);
    args->takeover = record_takeover(run->stream, &takeover);
}

/* A local engine died and no other route can finish the answer. It is started once more in this
 * request, and continues where it was. */
static bool may_restart(plan_run *run, const amphi_plan_step *step)
{
    if (run->restarted || run->stream->tool_call_seen)
        return false;
    amphi__attempt_settle(run->stream, &run->pending); /* this death counts */
    run->restarted = amphi__crash_ledger_allows(run->stream->client, route_of(run, step));
    return run->restarted;
}

/* Asked to continue, the route refused, or the judge saw that it does something else. */
static bool did_not_continue(plan_run *run, amphi_attempt_args *args)
{
    amphi_takeover *takeover = args->takeover;
    bool refused = run->last.prefix_refused && !run->last.has_output;
    bool rejected = run->last.seam == AMPHI_SPLICE_REJECTED;
    if (!args->continues || (!refused && !rejected))
        return false;
    if (takeover != NULL) {
        takeover->continued = false;
        amphi__attempt_say_seam(
            takeover, takeover->to, rejected ? run->last.seam_why : "refused to");
    }
    return true;
}

/* What did not go on starts from the beginning; what refused to is first asked in a way that can't
 * be refused. */
static void choose_next_way(plan_run *run, amphi_attempt_args *args, const amphi_engine_info *info)
{
    amphi_continuation way = AMPHI_CONTINUE_NO;
    if (run->last.seam != AMPHI_SPLICE_REJECTED && args->way != AMPHI_CONTINUE_INSTRUCT)
        way = amphi__continuation_after_refusal(run->stream->client, info);
    args->way = way;
    args->is_known = false;
    args->continues = way != AMPHI_CONTINUE_NO;
}

/* One route of the plan, with its second tries. */
static void run_route(plan_run *run, amphi_attempt_args *args, bool has_next)
{
    amphi_engine_info info;
    describe(run, args->step, &info);
    plan_takeover(run, args, &info);
    for (uint32_t tries = 1;; tries++) {
        run_attempt(run, args);
        learn(run, args);
        while (did_not_continue(run, args)) { /* not a failure: it is asked otherwise, at once */
            choose_next_way(run, args, &info);
            run_attempt(run, args);
            learn(run, args);
        }
        leave(run, args);
        if (run->last.error.status == AMPHI_OK)
            return;
        if (!has_next && is_death(run->last.error.status) && may_restart(run, args->step) &&
            enter(run, args, true)) {
            describe(run, args->step, &info);
            plan_takeover(run, args, &info);
            continue;
        }
        int64_t delay_ms = retry_delay_ms(run, args->deadline_us, has_next, tries);
        if (delay_ms < 0 || !pause_ms(run->stream, delay_ms) || !enter(run, args, false))
            return;
    }
}

/* Adds the turn to the outbox before an engine inside the app runs it: if the app dies with the
 * engine, the next launch delivers it. false: it may not be queued, or could not be. */
static bool queue_for_next_launch(plan_run *run, const amphi_plan_step *step)
{
    amphi_stream *stream = run->stream;
    const amphi_request *request = &stream->request;
    amphi_engine_info info;
    amphi_error error;
    describe(run, step, &info);
    if (!info.in_process || request->no_queue || request->outbox_id != NULL ||
        stream->privacy.stays_here)
        return false;
    return amphi__outbox_add(stream->client, request, stream->key, step->budgets.total_ms, "",
               &error) == AMPHI_OK;
}

static void run_route_with_outbox(plan_run *run, amphi_attempt_args *args, bool has_next)
{
    amphi_stream *stream = run->stream;
    amphi_store store = stream->client->store;
    bool queued = queue_for_next_launch(run, args->step);
    run_route(run, args, has_next);
    if (queued) /* the app is alive: this launch deals with the outcome */
        (void)store.ops->outbox_remove(store.self, amphi_str_from(stream->key), NULL);
}

/* The plan's first step with a hedge: the second one starts too when the first is later than usual.
 * Returns how many steps are done. */
static size_t run_hedged(plan_run *run, const amphi_attempt_args *args, const amphi_plan_step *next)
{
    amphi_stream *stream = run->stream;
    amphi_error late = {.status = AMPHI_E_TIMEOUT};
    amphi_model_identity next_model;
    amphi_engine_info info;
    amphi__route_model_identity(route_of(run, next), &next_model);
    describe(run, args->step, &info);
    amphi__str_copy_to(stream->route, sizeof stream->route, amphi_str_from(info.name));
    amphi_takeover takeover = make_takeover(stream, "", &late, false);
    amphi_attempt_args first = *args;
    first.number = 1;
    amphi_attempt_args second = *args;
    amphi_reservation beside = {0};
    second.number = 2;
    second.step = next;
    second.reservation = &beside;
    second.takeover = &takeover;
    run->attempts = 2;
    uint32_t hedge_ms = amphi__route_health_hedge_ms(stream->client, args->step);
    bool second_wins =
        amphi__hedge_run(stream, &first, &second, hedge_ms, &run->last, &run->pending);
    run->step = second_wins ? next : args->step;
    leave(run, second_wins ? &second : &first);
    if (!second_wins)
        return 1;
    stream->reservation = beside; /* the first one's was released when it lost */
    (void)record_takeover(stream, &takeover);
    run->model = next_model;
    return 2;
}

/* ---- one step ---- */

/* The body for a step, with as much of the conversation as fits its engine. */
static amphi_status build_body(plan_run *run, const amphi_plan_step *step, size_t skip)
{
    amphi_stream *stream = run->stream;
    amphi_buf history;
    amphi__buf_init(&history, 0);
    amphi__buf_reset(&run->body);
    amphi_status status = amphi__context_write(&stream->context, skip, &history);
    if (status == AMPHI_OK)
        status = amphi__request_engine_body(
            &stream->request, amphi__buf_str(&history), step->answer_tokens_max, &run->body);
    amphi__buf_clear(&history);
    return status;
}

/* The estimate leaves out more than it has to. So a loaded model counts what would be left with
 * less left out, from what would fit if it were half as long as estimated; the first that fits is
 * taken. */
static size_t skip_by_count(plan_run *run, const amphi_plan_step *step,
    const amphi_engine_info *info, uint32_t tokens_max, size_t estimated)
{
    const amphi_context *context = &run->stream->context;
    size_t skip = amphi__context_skip_to_fit(context, 2 * tokens_max);
    for (; skip < estimated; skip = amphi__context_skip_more(context, skip)) {
        uint32_t tokens = 0;
        if (build_body(run, step, skip) != AMPHI_OK ||
            !amphi__prompt_tokens_count(
                route_of(run, step)->engine, info, amphi__buf_str(&run->body), &tokens))
            return estimated;
        if (tokens <= tokens_max)
            return skip;
    }
    return estimated;
}

/* How many of the oldest messages to leave out for this step. */
static size_t messages_to_skip(plan_run *run, const amphi_plan_step *step)
{
    const amphi_stream *stream = run->stream;
    amphi_engine_info info;
    describe(run, step, &info);
    uint32_t context_tokens = info.context_tokens_max;
    if (step->context_tokens_max > 0 && step->context_tokens_max < context_tokens)
        context_tokens = step->context_tokens_max;
    if (context_tokens == 0)
        return 0; /* unknown: the engine refuses what is too long */
    uint32_t answer = step->answer_tokens_max > 0 ? step->answer_tokens_max : ANSWER_TOKENS_USUAL;
    answer = answer < context_tokens / 4 ? answer : context_tokens / 4;
    uint32_t own = step->prompt_tokens;
    uint32_t room = context_tokens > answer + own ? context_tokens - answer - own : 0;
    size_t skip = amphi__context_skip_to_fit(&stream->context, room);
    return skip == 0 ? 0 : skip_by_count(run, step, &info, context_tokens - answer, skip);
}

static uint64_t deadline_us(const amphi_stream *stream, const amphi_plan_step *step)
{
    uint32_t total_ms = step->budgets.total_ms;
    return total_ms > 0 ? stream->budget_from_us + (uint64_t)total_ms * 1000 : UINT64_MAX;
}

/* Step `i` of the plan. An engine that finds the conversation too long gets it again without the
 * oldest turns, until only the request's own messages are left. Returns how many steps are done. */
static size_t run_step(plan_run *run, size_t i)
{
    amphi_stream *stream = run->stream;
    const amphi_plan_step *step = &stream->plan.steps[i];
    bool has_next = i + 1 < stream->plan.steps_count;
    size_t skip = messages_to_skip(run, step);
    amphi__route_model_identity(route_of(run, step), &run->model);
    for (;;) {
        amphi_attempt_args args = {.step = step,
            .reservation = &stream->reservation,
            .deadline_us = deadline_us(stream, step)};
        if (build_body(run, step, skip) != AMPHI_OK) {
            amphi__fail_no_memory(&run->last.error);
            return 1;
        }
        if (!enter(run, &args, true))
            return 1;
        args.body = amphi__buf_str(&run->body);
        if (i == 0 && has_next && step->hedge_ms > 0 && run->attempts == 0) {
            if (run_hedged(run, &args, &stream->plan.steps[1]) == 2)
                return 2;
        } else {
            run_route_with_outbox(run, &args, has_next);
        }
        if (run->last.error.status != AMPHI_E_CONTEXT_LENGTH || run->last.has_output ||
            skip >= stream->context.count)
            return 1;
        skip = amphi__context_skip_more(&stream->context, skip);
    }
}

/* ---- the plan ---- */

/* Would this step fail as the last attempt did? What a model refused is not sent to the same model
 * again, and a conversation that is too long goes only to an engine with a longer context. */
static bool is_pointless(const plan_run *run, const amphi_plan_step *step)
{
    const amphi_error *error = &run->last.error;
    bool too_long = error->status == AMPHI_E_CONTEXT_LENGTH;
    bool refused = error->status == AMPHI_E_REQUEST &&
                   (error->native_code == 400 || error->native_code == 422);
    if (run->step == NULL || (!too_long && !refused))
        return false;
    amphi_engine_info next;
    amphi_engine_info failed;
    describe(run, step, &next);
    describe(run, run->step, &failed);
    if (too_long && next.context_tokens_max != 0 && failed.context_tokens_max != 0)
        return next.context_tokens_max <= failed.context_tokens_max;
    return next.kind == failed.kind && next.model[0] != '\0' &&
           strcmp(next.model, failed.model) == 0;
}

static bool ends_the_request(const amphi_stream *stream, amphi_status status)
{
    return status == AMPHI_OK || status == AMPHI_E_CANCELLED || status == AMPHI_E_NO_MEMORY ||
           status == AMPHI_E_CONTENT_FILTER || (stream->tool_call_seen && stream->request.is_shown);
}

/* Calls of an answer that is read when it is whole: they were not acted on yet. */
static void forget_unseen_calls(amphi_stream *stream)
{
    if (stream->request.is_shown)
        return;
    amphi__tool_calls_clear(&stream->calls);
    stream->tool_call_seen = false;
}

/* May another step run after this one? The caller's cancel replaces the last error. */
static bool may_go_on(plan_run *run, const amphi_plan_step *step)
{
    amphi_stream *stream = run->stream;
    if (ends_the_request(stream, run->last.error.status) ||
        amphi__stream_awake_us(stream) >= deadline_us(stream, step))
        return false;
    forget_unseen_calls(stream);
    return !amphi__stream_check_cancelled(stream, &run->last.error);
}

/* What the plan starts with: a local route may have died while it was described, and the first step
 * takes over from it. */
static plan_run begin(amphi_stream *stream)
{
    const amphi_dead_route *dead = &stream->plan.dead_route;
    plan_run run = {.stream = stream, .judges = true};
    amphi__awake_charge(&stream->awake, stream->client->clock, DECIDE_MAX_US);
    amphi__buf_init(&run.body, 0);
    if (dead->error.status == AMPHI_OK)
        return run;
    run.attempts = 1;
    run.last.error = dead->error;
    run.restarted = dead->restart;
    amphi__str_copy_to(stream->route, sizeof stream->route, amphi_str_from(dead->route));
    return run;
}

/* Every step has failed. The routes that should have taken over may be down. */
static void try_again(plan_run *run, size_t died, size_t doubtful)
{
    const amphi_plan *plan = &run->stream->plan;
    bool more = true;
    if (died < plan->steps_count && may_restart(run, &plan->steps[died])) {
        (void)run_step(run, died);
        more = may_go_on(run, &plan->steps[died]);
    }
    if (more && doubtful < plan->steps_count) { /* doubtful words are better than none */
        run->judges = false;
        (void)run_step(run, doubtful);
        (void)may_go_on(run, &plan->steps[doubtful]);
    }
}

bool amphi__takeover_run_plan(amphi_stream *stream)
{
    const amphi_plan *plan = &stream->plan;
    plan_run run = begin(stream);
    size_t died = plan->steps_count;     /* the first step whose engine died */
    size_t doubtful = plan->steps_count; /* the first whose answer was too uncertain */
    bool more = !amphi__stream_check_cancelled(stream, &run.last.error);
    for (size_t i = 0; more && i < plan->steps_count;) {
        if (i > 0 && is_pointless(&run, &plan->steps[i])) {
            i++;
            continue;
        }
        size_t done = run_step(&run, i);
        if (done == 1 && is_death(run.last.error.status) && died == plan->steps_count)
            died = i;
        if (run.last.error.status == AMPHI_E_UNCERTAIN && doubtful == plan->steps_count)
            doubtful = i;
        more = may_go_on(&run, &plan->steps[i]);
        i += done;
    }
    if (more)
        try_again(&run, died, doubtful);
    amphi__reservation_release(stream->client, &stream->reservation);
    amphi__attempt_settle(stream, &run.pending);
    stream->error = run.last.error;
    stream->has_provider = run.last.has_provider;
    stream->provider = run.last.provider;
    stream->model_identity = run.model;
    amphi__buf_clear(&run.body);
    return stream->error.status == AMPHI_OK;
}
