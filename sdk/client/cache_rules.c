/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/client/cache_rules.h"

/* One that names no temperature gets the provider's or the model's, which is above 0 as a rule. */
static bool is_greedy(const amphi_request *request)
{
    const amphi_json *temperature = amphi__json_get(request->body, "temperature");
    return amphi__json_kind(temperature) == AMPHI_JSON_NUMBER &&
           amphi__json_number(temperature, 1) == 0;
}

void amphi__cache_rules(
    amphi_cache_rules *out, const amphi_request *request, const amphi_policy *policy)
{
    bool is_asked_for = request->cache == AMPHI_CACHE_EXACT || request->cache == AMPHI_CACHE_NEAR;
    /* A continued beginning, and log-probabilities, are not stored. */
    bool is_possible = !request->no_cache && request->cache != AMPHI_CACHE_OFF &&
                       request->answer_prefix[0] == '\0' && request->outbox_id == NULL &&
                       !request->wants_logprobs && policy->cache_ttl_s > 0;
    memset(out, 0, sizeof *out);
    out->may_read = is_possible && (is_asked_for || is_greedy(request) || policy->cache_sampled);
    out->may_keep = out->may_read && !request->no_store;
    out->is_near =
        out->may_read && (request->cache == AMPHI_CACHE_NEAR ||
                             (request->cache == AMPHI_CACHE_DEFAULT && policy->cache_near));
    out->ttl_s = policy->cache_ttl_s;
    out->stale_s = policy->cache_stale_s;
}
