/* SPDX-License-Identifier: Apache-2.0
 *
 * What an attempt cost: as the provider says it, else by its usage and the endpoint's prices, else,
 * when it broke off before its usage came, an estimate from its bytes. Pure.
 */
#ifndef AMPHI_CLIENT_ANSWER_COST_H
#define AMPHI_CLIENT_ANSWER_COST_H

#include "sdk/core/price.h"

#include <amphi/chat.h>
#include <amphi/ext/engine.h>

/* What is known of an attempt. */
typedef struct amphi_attempt_bill {
    bool is_cloud;
    amphi_price price;
    bool has_provider_cost;
    uint64_t provider_cost; /* microdollars */
    bool has_usage;
    amphi_usage usage;
    bool may_have_run;      /* without usage: did the provider begin, as far as it shows? */
    uint64_t prompt_bytes;  /* of the request's body */
    uint64_t answer_bytes;  /* of text and thoughts */
    uint64_t network_bytes; /* as the engine counts them; 0: it does not */
    bool is_metered;
} amphi_attempt_bill;

/* Microdollars; AMPHI_COST_UNKNOWN with its source. */
typedef struct amphi_answer_cost {
    uint64_t microdollars;
    amphi_cost_source source;
} amphi_answer_cost;

/* Does a provider's chunk, {"chunk":{...}} as in AMPHI_ENGINE_EXTRA, say what it cost in dollars?
 * "cost", "usage": {"cost": N} or {"cost": {"total_cost": N}}. */
bool amphi__answer_cost_read(amphi_str fields, uint64_t *microdollars);
/* Is something due, as far as this side can see, for an attempt that ended with this error
 * (AMPHI_OK: none) before its usage came? A provider that refused, or was not reached, did no work;
 * one that was left waiting, or whose answer broke off, may have. */
bool amphi__answer_cost_is_due(const amphi_error *error, bool was_reached);
/* Does this event show that the provider has begun to answer? */
bool amphi__answer_cost_is_sign(const amphi_engine_event *event);
amphi_answer_cost amphi__answer_cost_of(const amphi_attempt_bill *bill);
/* Of a request with several attempts: the sum, and the least certain source. */
amphi_answer_cost amphi__answer_cost_join(amphi_answer_cost a, amphi_answer_cost b);
/* "unknown", "none", "prices", "provider", "estimate" */
const char *amphi__cost_source_name(amphi_cost_source source);

#endif
