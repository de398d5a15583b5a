/* SPDX-License-Identifier: Apache-2.0
 *
 * A circuit breaker per route. Closed: requests pass, and their outcomes go into a rolling window,
 * the last breaker.window_requests of them that are not older than breaker.window_s. Too many
 * failures in a row (however long that took: a rarely used route has no window to speak of), or
 * too large a share of the window, open it: refused for breaker.open_ms. Then half open: one
 * request at a time, the probe, may try; its success closes the breaker with an empty window, its
 * failure opens it for another open_ms. While it is open nothing but the probe counts, and the
 * success of a request that no other route may answer, which passes it: one that began earlier says
 * nothing about now.
 *
 * Plain data: the caller holds the lock and brings the time (monotonic milliseconds), so tests
 * need no waiting.
 */
#include "policy/policy.h"

#include <string.h>

/* A probe that never reported back (the thread died with the request) must not keep the route shut
 * for ever: after this many times breaker.open_ms another one may try. */
#define PROBE_FORGOTTEN_AFTER 12u

/* A time that is never 0, as 0 means "never" in the fields of a breaker. */
static uint64_t mark(uint64_t now_ms)
{
    return now_ms != 0 ? now_ms : 1;
}

/* A clock that was set back must not keep a route shut until it has caught up. */
static void clamp_to_now(amphi_breaker *breaker, uint64_t now_ms)
{
    if (breaker->opened_ms > mark(now_ms))
        breaker->opened_ms = mark(now_ms);
    if (breaker->probe_ms > mark(now_ms))
        breaker->probe_ms = mark(now_ms);
}

static uint64_t left_ms(uint64_t since_ms, uint64_t wait_ms, uint64_t now_ms)
{
    uint64_t passed_ms = mark(now_ms) - since_ms;
    return passed_ms < wait_ms ? wait_ms - passed_ms : 0;
}

/* How long until the next probe may go. */
static uint64_t wait_for_probe(
    const amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms)
{
    uint64_t open_ms = policy->breaker_open_ms;
    return breaker->probe_ms == 0
               ? left_ms(breaker->opened_ms, open_ms, now_ms)
               : left_ms(breaker->probe_ms, open_ms * PROBE_FORGOTTEN_AFTER, now_ms);
}

void amphi__breaker_snapshot(
    amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms, amphi_breaker_facts *out)
{
    memset(out, 0, sizeof *out);
    if (breaker->opened_ms == 0)
        return;
    clamp_to_now(breaker, now_ms);
    uint64_t wait_ms = wait_for_probe(breaker, policy, now_ms);
    out->open = wait_ms > 0;
    out->probe = wait_ms == 0;
    out->failed = breaker->opened_failed;
    out->of = breaker->opened_of;
    out->left_ms = (uint32_t)(breaker->probe_ms == 0 ? wait_ms : policy->breaker_open_ms);
}

amphi_breaker_pass amphi__breaker_enter(
    amphi_breaker *breaker, const amphi_policy *policy, bool past_breaker, uint64_t now_ms)
{
    if (breaker->opened_ms == 0)
        return AMPHI_BREAKER_PASSED;
    clamp_to_now(breaker, now_ms);
    if (wait_for_probe(breaker, policy, now_ms) > 0)
        return past_breaker ? AMPHI_BREAKER_FORCED : AMPHI_BREAKER_REFUSED;
    breaker->probe_ms = mark(now_ms);
    return AMPHI_BREAKER_PROBE;
}

static void open_breaker(amphi_breaker *breaker, uint32_t failed, uint32_t of, uint64_t now_ms)
{
    breaker->opened_ms = mark(now_ms);
    breaker->probe_ms = 0;
    breaker->opened_failed = failed;
    breaker->opened_of = of;
}

static void record(amphi_breaker *breaker, bool failed, uint64_t now_ms)
{
    breaker->outcomes[breaker->next] = (amphi_breaker_outcome){now_ms, failed};
    breaker->next = (breaker->next + 1) % AMPHI_BREAKER_WINDOW_MAX;
    breaker->count += breaker->count < AMPHI_BREAKER_WINDOW_MAX;
    breaker->failures_in_a_row = !failed ? 0
                                 : breaker->failures_in_a_row < UINT32_MAX
                                     ? breaker->failures_in_a_row + 1
                                     : UINT32_MAX;
}

/* How many requests are in the window; *failed: how many of them failed. */
static uint32_t count_window(
    const amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms, uint32_t *failed)
{
    uint64_t window_ms = (uint64_t)policy->breaker_window_s * 1000;
    uint32_t of = 0;
    *failed = 0;
    for (uint32_t i = 1; i <= breaker->count && of < policy->breaker_window_requests; i++) {
        const amphi_breaker_outcome *outcome =
            &breaker->outcomes[(breaker->next + AMPHI_BREAKER_WINDOW_MAX - i) %
                               AMPHI_BREAKER_WINDOW_MAX];
        if (outcome->at_ms > now_ms || now_ms - outcome->at_ms >= window_ms)
            continue; /* too old, or of a time before the clock was set back */
        of++;
        *failed += outcome->failed;
    }
    return of;
}

static void judge(amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms)
{
    uint32_t row = breaker->failures_in_a_row;
    uint32_t failed;
    uint32_t of = count_window(breaker, policy, now_ms, &failed);
    uint32_t least = policy->breaker_requests_min < policy->breaker_window_requests
                         ? policy->breaker_requests_min
                         : policy->breaker_window_requests; /* a smaller window is full sooner */
    if (row >= policy->breaker_failures)
        open_breaker(breaker, row, row, now_ms);
    else if (policy->breaker_failure_percent > 0 && of >= least &&
             failed * 100 >= of * policy->breaker_failure_percent)
        open_breaker(breaker, failed, of, now_ms);
}

void amphi__breaker_leave(amphi_breaker *breaker, const amphi_policy *policy,
    amphi_breaker_pass pass, amphi_breaker_result result, uint64_t now_ms)
{
    bool failed = result == AMPHI_BREAKER_FAILURE;
    bool is_probe = pass >= AMPHI_BREAKER_PROBE && breaker->opened_ms != 0;
    if (pass == AMPHI_BREAKER_REFUSED || (breaker->opened_ms != 0 && !is_probe))
        return;
    if (pass == AMPHI_BREAKER_FORCED && is_probe && result != AMPHI_BREAKER_SUCCESS)
        return; /* others wait for the probe, not for this one */
    if (result == AMPHI_BREAKER_IGNORED) {
        breaker->probe_ms = 0; /* the next one may probe at once */
        return;
    }
    if (is_probe && failed) {
        open_breaker(breaker, breaker->opened_failed, breaker->opened_of, now_ms);
        return;
    }
    if (is_probe)
        memset(breaker, 0, sizeof *breaker);
    record(breaker, failed, now_ms);
    if (failed)
        judge(breaker, policy, now_ms);
}
