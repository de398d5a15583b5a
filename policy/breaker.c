/* SPDX-License-Identifier: Apache-2.0
 *
 * A circuit breaker a route. Closed: requests pass, failures in a row are counted. Open: refused
 * for breaker.open_ms. Then half open: one request, the probe, may try; its success closes the
 * breaker, its failure opens it for another open_ms. Plain data: the caller holds the lock and
 * brings the time (monotonic milliseconds), so tests need no waiting.
 */
#include "policy/policy.h"

/* A probe whose caller never reported back (its thread died with the app's request) must not
 * hold the route shut for ever: after this many open times another one may try. */
#define PROBE_FORGOTTEN_AFTER 12u

static bool passed(const amphi_breaker *breaker, uint64_t wait_ms, uint64_t now_ms)
{
    return now_ms >= breaker->opened_ms && now_ms - breaker->opened_ms >= wait_ms;
}

bool amphi__breaker_is_open(
    const amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms)
{
    return breaker->opened_ms != 0 && !amphi__breaker_may_probe(breaker, policy, now_ms);
}

bool amphi__breaker_may_probe(
    const amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms)
{
    if (breaker->opened_ms == 0) {
        return false;
    }
    uint64_t wait_ms = policy->breaker_open_ms;
    return passed(breaker, breaker->probing ? wait_ms * PROBE_FORGOTTEN_AFTER : wait_ms, now_ms);
}

void amphi__breaker_began(amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms)
{
    if (amphi__breaker_may_probe(breaker, policy, now_ms)) {
        breaker->probing = true;
        breaker->opened_ms = now_ms != 0 ? now_ms : 1;
    }
}

void amphi__breaker_succeeded(amphi_breaker *breaker)
{
    breaker->failures_in_a_row = 0;
    breaker->opened_ms = 0;
    breaker->probing = false;
}

void amphi__breaker_failed(amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms)
{
    if (breaker->failures_in_a_row < UINT32_MAX) {
        breaker->failures_in_a_row++;
    }
    bool opens = breaker->opened_ms == 0 ? breaker->failures_in_a_row >= policy->breaker_failures
                                         : breaker->probing;
    if (opens) {
        breaker->opened_ms = now_ms != 0 ? now_ms : 1; /* 0 means closed */
        breaker->probing = false;
    }
}
