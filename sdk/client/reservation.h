/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request under way is expected to cost. It counts against the day's budget beside what was
 * spent, so that many at once do not all pass into room for one: taken by the decision, moved to
 * the next route by a takeover, and ended by the cost that its answer had, or by the request's end.
 * In memory and of this client alone: nothing waits for a disk, and a process that dies holds
 * nothing.
 */
#ifndef AMPHI_CLIENT_RESERVATION_H
#define AMPHI_CLIENT_RESERVATION_H

#include "policy/policy.h"

typedef struct amphi_spending amphi_spending;

/* Its request's own. All zero: nothing. */
typedef struct amphi_reservation {
    uint64_t microdollars;
} amphi_reservation;

/* It holds `wanted` in place of what it held, AMPHI_COST_UNKNOWN as nothing. false: with what was
 * spent today and what others hold that is more than `most` (0: no bound), and what it held it
 * still holds. */
bool amphi__reservation_move(
    amphi_client *client, amphi_reservation *reservation, uint64_t wanted, uint64_t most);
/* To a step of a plan, before each of its attempts: others have spent since it was decided. Where
 * the policy has routes beyond the budget as last resorts, a step always may begin. false: *error
 * (may be NULL) says why not. */
bool amphi__reservation_enter(amphi_client *client, const amphi_policy *policy,
    const amphi_plan_step *step, amphi_reservation *reservation, amphi_error *error);
void amphi__reservation_release(amphi_client *client, amphi_reservation *reservation);

/* Under the client's lock, without a look at the budget. */
void amphi__reservation_hold(
    amphi_spending *spending, amphi_reservation *reservation, uint64_t wanted);

#endif
