/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request may have of the response cache. Only a greedy answer (temperature 0) is the same
 * each time by itself; any other is given twice only where the request or the policy asks for it.
 */
#ifndef AMPHI_CLIENT_CACHE_RULES_H
#define AMPHI_CLIENT_CACHE_RULES_H

#include "policy/policy.h"
#include "sdk/client/request.h"

typedef struct amphi_cache_rules {
    bool may_read;
    bool may_keep;
    bool is_near;     /* questions in other words count */
    uint32_t ttl_s;   /* an answer serves for so long */
    uint32_t stale_s; /* and for so long afterwards where nothing else answers */
} amphi_cache_rules;

void amphi__cache_rules(
    amphi_cache_rules *out, const amphi_request *request, const amphi_policy *policy);

#endif
