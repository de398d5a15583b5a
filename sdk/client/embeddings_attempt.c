/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's thread gathers what comes, the caller's thread watches the budgets meanwhile.
 */
#include "sdk/client/embeddings_attempt.h"

#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/client/spending.h"

#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { WANTED_US = 240000 }; /* a wait ends a little before or behind a quarter of a second */

amphi_status amphi__embeddings_attempt_init(amphi_embeddings_attempt *attempt)
{
    amphi_embeddings_run *run = &attempt->run;
    amphi__buf_init(&run->json, AMPHI_JSON_SIZE_MAX);
    if (amphi__mutex_init(&run->lock) != AMPHI_OK || amphi__cond_init(&run->changed) != AMPHI_OK ||
        amphi__uuid(attempt->key) != AMPHI_OK)
        return AMPHI_E_NO_MEMORY;
    return AMPHI_OK;
}

void amphi__embeddings_attempt_clear(amphi_embeddings_attempt *attempt)
{
    amphi__buf_clear(&attempt->run.json);
    amphi__cond_clear(&attempt->run.changed);
    amphi__mutex_clear(&attempt->run.lock);
}

uint64_t amphi__embeddings_attempt_now_us(amphi_embeddings_attempt *attempt)
{
    return amphi__awake_us(&attempt->awake, attempt->client->clock);
}

bool amphi__embeddings_attempt_is_wanted(const amphi_embeddings_attempt *attempt)
{
    const amphi_embeddings_request *request = attempt->request;
    return request->is_wanted == NULL || request->is_wanted(request->user);
}

/* ---- What comes ------------------------------------------------------------------------------ */

static void take_failure(amphi_embeddings_run *run, const amphi_engine_event *event)
{
    run->has_ended = true;
    run->should_retry = event->should_retry;
    if (event->error != NULL)
        run->error = *event->error;
    if (run->error.status == AMPHI_OK)
        amphi__fail(&run->error, AMPHI_E_INTERNAL, 0, "the engine failed without a reason");
    run->has_provider = event->provider != NULL;
    if (event->provider != NULL)
        run->provider = *event->provider;
}

/* On the engine's thread. */
static void on_event(void *self, const amphi_engine_event *event)
{
    amphi_embeddings_run *run = self;
    amphi__mutex_lock(&run->lock);
    run->events++;
    run->was_reached = run->was_reached || amphi__answer_cost_is_sign(event);
    if (event->kind == AMPHI_ENGINE_FAIL || event->kind == AMPHI_ENGINE_FINISH)
        run->network_bytes =
            event->bytes_sent + event->bytes_received; /* of a cancelled one, too */
    if (run->has_ended) {
        amphi__mutex_unlock(&run->lock);
        return;
    }
    if (event->kind == AMPHI_ENGINE_TEXT)
        amphi__buf_append_str(&run->json, event->text);
    else if (event->kind == AMPHI_ENGINE_MODEL)
        amphi__str_copy_to(run->model, sizeof run->model, event->text);
    else if (event->kind == AMPHI_ENGINE_USAGE)
        run->usage = event->usage;
    else if (event->kind == AMPHI_ENGINE_EXTRA)
        run->has_cost = amphi__answer_cost_read(event->text, &run->cost) || run->has_cost;
    else if (event->kind == AMPHI_ENGINE_FAIL)
        take_failure(run, event);
    else if (event->kind == AMPHI_ENGINE_FINISH)
        run->has_ended = true;
    if (run->has_ended && run->error.status == AMPHI_OK && run->json.status != AMPHI_OK)
        amphi__fail_no_memory(&run->error);
    amphi__cond_broadcast(&run->changed);
    amphi__mutex_unlock(&run->lock);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Waits, under the lock, for the run's next event, a quarter of a second at most; false: the
 * attempt is over, and run->error says why. */
static bool wait_on(amphi_embeddings_attempt *attempt, const amphi_plan_step *step,
    const char *name, uint64_t *seen_us)
{
    amphi_embeddings_run *run = &attempt->run;
    unsigned before = run->events;
    uint64_t budget_ms = before > 0 ? step->budgets.idle_ms : step->budgets.first_token_ms;
    uint64_t now_us = amphi__embeddings_attempt_now_us(attempt);
    uint64_t overdue_us = budget_ms > 0 ? *seen_us + budget_ms * 1000 : UINT64_MAX;
    if (now_us >= attempt->deadline_us || now_us >= overdue_us) {
        amphi__fail(&run->error, AMPHI_E_TIMEOUT, 0, "%s: %s", name,
            now_us >= attempt->deadline_us ? "the request's time is used up"
                                           : "no answer within its budget");
        return false;
    }
    uint64_t until_us = overdue_us < attempt->deadline_us ? overdue_us : attempt->deadline_us;
    amphi__cond_wait_us(
        &run->changed, &run->lock, amphi__awake_slice_us(&attempt->awake, until_us - now_us));
    bool goes_on = true;
    now_us = amphi__embeddings_attempt_now_us(attempt);
    if (now_us - attempt->asked_us >= WANTED_US) {
        attempt->asked_us = now_us;
        amphi__mutex_unlock(&run->lock);
        goes_on = amphi__embeddings_attempt_is_wanted(attempt);
        amphi__mutex_lock(&run->lock);
    }
    if (run->events != before)
        *seen_us = now_us;
    if (!goes_on && !run->has_ended)
        amphi__fail(&run->error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
    return goes_on;
}

static void wait_for_end(
    amphi_embeddings_attempt *attempt, const amphi_plan_step *step, const char *name)
{
    amphi_embeddings_run *run = &attempt->run;
    uint64_t seen_us = amphi__embeddings_attempt_now_us(attempt);
    amphi__mutex_lock(&run->lock);
    while (!run->has_ended && wait_on(attempt, step, name, &seen_us))
        continue;
    run->has_ended = true; /* what comes from here on is of no use */
    amphi__mutex_unlock(&run->lock);
}

bool amphi__embeddings_attempt_pause(amphi_embeddings_attempt *attempt, int64_t delay_ms)
{
    amphi_embeddings_run *run = &attempt->run;
    const amphi_clock *clock = attempt->client->clock;
    uint64_t until_us = amphi__clock_boot_us(clock) + (uint64_t)delay_ms * 1000;
    bool goes_on = true;
    for (uint64_t now_us = amphi__clock_boot_us(clock); goes_on && now_us < until_us;
         now_us = amphi__clock_boot_us(clock)) {
        amphi__mutex_lock(&run->lock);
        amphi__cond_wait_us(
            &run->changed, &run->lock, amphi__awake_slice_us(&attempt->awake, until_us - now_us));
        amphi__mutex_unlock(&run->lock);
        (void)amphi__embeddings_attempt_now_us(attempt);
        goes_on = amphi__embeddings_attempt_is_wanted(attempt);
    }
    return goes_on;
}

/* ---- A try ----------------------------------------------------------------------------------- */

static void reset_run(amphi_embeddings_run *run)
{
    amphi__buf_reset(&run->json);
    run->model[0] = '\0';
    run->usage = (amphi_usage){0};
    run->has_ended = run->has_provider = run->was_reached = run->has_cost = false;
    run->network_bytes = 0;
    run->should_retry = AMPHI_UNKNOWN;
    run->events = 0;
    amphi__error_clear(&run->error);
}

static void charge(
    amphi_embeddings_attempt *attempt, const amphi_plan_step *step, const amphi_engine_info *info)
{
    const amphi_embeddings_run *run = &attempt->run;
    const amphi_attempt_bill bill = {
        .is_cloud = info->kind == AMPHI_ENGINE_CLOUD,
        .price = amphi__route_price(&attempt->client->routes[step->route], info, attempt->model),
        .has_provider_cost = run->has_cost,
        .provider_cost = run->cost,
        .has_usage = run->usage.prompt_tokens > 0 || run->usage.completion_tokens > 0,
        .usage = run->usage,
        .may_have_run = amphi__answer_cost_is_due(&run->error, run->was_reached),
        .prompt_bytes = attempt->request->json.size,
        .network_bytes = run->network_bytes,
        .is_metered = amphi__client_is_metered(attempt->client, info),
    };
    if (bill.is_cloud)
        (void)amphi__spending_charge(
            attempt->client, &bill, run->error.status == AMPHI_OK ? &attempt->reservation : NULL);
}

/* Every byte of an embeddings request that reaches an engine goes through here. */
void amphi__embeddings_attempt_run(amphi_embeddings_attempt *attempt, const amphi_plan_step *step)
{
    amphi_client *client = attempt->client;
    const amphi_engine *engine = &client->routes[step->route].engine;
    amphi_embeddings_run *run = &attempt->run;
    amphi_engine_run *engine_run = NULL;
    amphi_engine_info info;
    const amphi_engine_sink sink = {run, on_event};
    const amphi_engine_request request = {.struct_size = sizeof request,
        .task = AMPHI_TASK_EMBEDDINGS,
        .body = attempt->request->json,
        .body_is_kept = true,
        .idempotency_key = amphi_str_from(attempt->key),
        .connect_ms = step->budgets.connect_ms};
    amphi__route_describe(&client->routes[step->route], &info);
    reset_run(run);
    if (!amphi__privacy_allows(attempt->ruling, &info) || !info.embeddings) {
        amphi__fail(&run->error, AMPHI_E_REFUSED, 0, "%s: it may not have this request", info.name);
        return;
    }
    amphi__route_health_run_started(client, step->route);
    amphi_status status =
        engine->ops->start(engine->self, &engine_run, &request, &sink, &run->error);
    if (status == AMPHI_OK) {
        wait_for_end(attempt, step, info.name);
        engine->ops->release(engine->self, engine_run); /* cancels what still runs */
        charge(attempt, step, &info);
    } else if (run->error.status == AMPHI_OK) {
        amphi__fail(&run->error, status, 0, "%s: the request could not be started", info.name);
    }
    amphi__route_health_run_ended(client, step->route);
}
