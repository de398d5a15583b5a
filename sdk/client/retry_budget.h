/* SPDX-License-Identifier: Apache-2.0
 *
 * How many second tries and hedges the client may make across all requests, so that an outage is
 * not multiplied by them. Each request earns a tenth of a second try and a tenth of a hedge; at
 * most ten of each are saved up, which is also what a new client starts with.
 */
#ifndef AMPHI_CLIENT_RETRY_BUDGET_H
#define AMPHI_CLIENT_RETRY_BUDGET_H

#include <amphi/device.h>
#include <amphi/error.h>

typedef struct amphi_retry_budget {
    uint32_t retry_tenths;
    uint32_t hedge_tenths;
} amphi_retry_budget;

void amphi__retry_budget_init(amphi_retry_budget *budget);
/* Once per request. */
void amphi__retry_budget_earn(amphi_retry_budget *budget);
/* true: one was spent. */
bool amphi__retry_budget_spend_retry(amphi_retry_budget *budget);
bool amphi__retry_budget_spend_hedge(amphi_retry_budget *budget);

/* A failed attempt, of which no output was delivered. */
typedef struct amphi_retry_case {
    const amphi_error *error;
    amphi_tristate should_retry; /* the provider's own word */
    bool has_next;               /* another route is left */
    uint32_t tries;              /* of this route, so far */
    uint64_t left_us;            /* of the request's time */
    uint16_t random;
} amphi_retry_case;

/* How long to wait before the same route is asked a second time; -1: it is not. One that timed out
 * is not; one that was cut off is. A provider's own pause is kept, or the next route runs. Pure. */
int64_t amphi__retry_delay_ms(const amphi_retry_case *c);

#endif
