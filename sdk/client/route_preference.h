/* SPDX-License-Identifier: Apache-2.0
 *
 * Which routes a request asks for: "model" names the route that goes first, and "fallbacks" the
 * only ones that may follow, in that order. A route is named by its own name or by the model that
 * it runs ("amphi-help" is "Amphi Help"). Pure: it reorders a plan that the policy has made and
 * never adds to it, so nothing that the policy refused comes back this way.
 */
#ifndef AMPHI_CLIENT_ROUTE_PREFERENCE_H
#define AMPHI_CLIENT_ROUTE_PREFERENCE_H

#include "policy/policy.h"
#include "sdk/core/json.h"

_Static_assert(AMPHI_ROUTES_MAX <= 64, "routes are bits of a uint64_t");

typedef struct amphi_preference {
    uint64_t first;                       /* routes that "model" names, as bits; 0: none */
    bool exclusive;                       /* "fallbacks" is there: no other route may answer */
    uint64_t fallbacks[AMPHI_ROUTES_MAX]; /* each entry's routes, as bits; 0: unknown name */
    size_t fallbacks_count;
} amphi_preference;

/* The request's form alone: "fallbacks" is a list of names, bounded. AMPHI_E_ARGUMENT. */
amphi_status amphi__preference_check(const amphi_json *body, amphi_error *error);
/* `body` has passed the check; the routes' infos are enough. AMPHI_E_ARGUMENT names the first
 * fallback that is no route of this client; *out is complete all the same. */
amphi_status amphi__preference_read(amphi_preference *out, const amphi_json *body,
    const amphi_policy_route *routes, const char *const *models, size_t routes_count,
    amphi_error *error);
/* Every route that "model" or "fallbacks" name, as bits. */
uint64_t amphi__preference_named(const amphi_preference *preference);
/* `hedge_ms`: the policy's, for steps that have a successor only after the reordering. */
void amphi__preference_apply(amphi_plan *plan, const amphi_preference *preference,
    const amphi_policy_route *routes, uint32_t hedge_ms);
/* Leaves these routes (as bits) of a plan, in its order. */
void amphi__preference_restrict(
    amphi_plan *plan, uint64_t only, const amphi_policy_route *routes, uint32_t hedge_ms);

#endif
