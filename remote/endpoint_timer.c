/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that enforces time limits which the transport lacks. Each endpoint has one, started
 * when it is first needed; endpoint_run.c says for what.
 */
#include "remote/endpoint_run.h"

void amphi__endpoint_timer_stop(amphi_engine_run *run)
{
    amphi_engine_run **at = &run->endpoint->timed;
    while (run->is_timed) {
        if (*at == run) {
            *at = run->next_timed;
            run->is_timed = false;
            return;
        }
        at = &(*at)->next_timed;
    }
}

/* The next run on the list that is due, or NULL and how long to wait. */
static amphi_engine_run *due_run(amphi_remote_endpoint *endpoint, uint64_t *wait_us)
{
    uint64_t now_us = amphi__awake_us(&endpoint->awake, NULL);
    *wait_us = UINT64_MAX;
    for (amphi_engine_run *run = endpoint->timed; run != NULL; run = run->next_timed) {
        bool is_late = run->deadline_us <= now_us || (run->released && endpoint->stop);
        if (run->ended || (is_late && run->exchange != NULL))
            return run;
        /* Late, but `start` has not returned the exchange yet: try again in 1 ms. */
        uint64_t left_us = is_late ? 1000 : run->deadline_us - now_us;
        left_us = amphi__awake_slice_us(&endpoint->awake, left_us);
        *wait_us = left_us < *wait_us ? left_us : *wait_us;
    }
    return NULL;
}

static void settle(amphi_remote_endpoint *endpoint, amphi_engine_run *run)
{
    amphi__endpoint_timer_stop(run);
    if (run->released) {
        amphi__mutex_unlock(&endpoint->mutex);
        amphi__endpoint_run_free(run);
        amphi__mutex_lock(&endpoint->mutex);
    } else if (!run->ended) {
        run->timed_out = true;
        run->is_held = true;
        amphi_http_exchange *exchange = run->exchange;
        amphi__mutex_unlock(&endpoint->mutex);
        endpoint->http.ops->cancel(endpoint->http.self, exchange);
        amphi__mutex_lock(&endpoint->mutex);
        run->is_held = false;
        amphi__cond_broadcast(&endpoint->changed);
    }
}

static void timer_main(void *arg)
{
    amphi_remote_endpoint *endpoint = arg;
    amphi__mutex_lock(&endpoint->mutex);
    while (!endpoint->stop || endpoint->timed != NULL) {
        uint64_t wait_us;
        amphi_engine_run *run = due_run(endpoint, &wait_us);
        if (run != NULL)
            settle(endpoint, run);
        else
            amphi__cond_wait_us(&endpoint->changed, &endpoint->mutex, wait_us);
    }
    amphi__mutex_unlock(&endpoint->mutex);
}

/* Under the mutex. false: no thread could be started. */
bool amphi__endpoint_timer_start(amphi_engine_run *run, uint64_t limit_us)
{
    amphi_remote_endpoint *endpoint = run->endpoint;
    if (!endpoint->timer_runs) {
        endpoint->timer_runs = amphi__thread_start(&endpoint->timer_thread, "amphi-cloud",
                                   timer_main, endpoint) == AMPHI_OK;
    }
    if (!endpoint->timer_runs)
        return false;
    if (endpoint->timed == NULL)
        endpoint->awake = (amphi_awake){0}; /* the timer thread did not look for a while */
    run->deadline_us = amphi__awake_us(&endpoint->awake, NULL) + limit_us;
    run->is_timed = true;
    run->next_timed = endpoint->timed;
    endpoint->timed = run;
    amphi__cond_broadcast(&endpoint->changed);
    return true;
}
