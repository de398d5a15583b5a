/* SPDX-License-Identifier: Apache-2.0
 *
 * Room is looked for and taken under one lock, so that what requests find free they have.
 */
#include "sdk/client/reservation.h"

#include "sdk/client/client.h"
#include "sdk/client/route.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"

/* No sum of reservations is larger, so none overflows, and each can be taken back exactly. */
#define RESERVED_MAX (UINT64_MAX / 4)

void amphi__reservation_hold(
    amphi_spending *spending, amphi_reservation *reservation, uint64_t wanted)
{
    spending->reserved -= reservation->microdollars;
    uint64_t room = RESERVED_MAX - spending->reserved;
    reservation->microdollars = wanted < room ? wanted : room;
    spending->reserved += reservation->microdollars;
}

bool amphi__reservation_move(
    amphi_client *client, amphi_reservation *reservation, uint64_t wanted, uint64_t most)
{
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    amphi_spending *spending = &client->spending;
    uint64_t held = reservation->microdollars;
    wanted = wanted == AMPHI_COST_UNKNOWN ? 0 : wanted;
    amphi__mutex_lock(&client->lock);
    uint64_t spent = amphi__spending_today(spending, now_ms > 0 ? now_ms / 1000 : 0);
    uint64_t others = amphi__cost_add(spent, spending->reserved - held);
    bool fits = most == 0 || wanted <= held || amphi__cost_add(others, wanted) <= most;
    if (fits)
        amphi__reservation_hold(spending, reservation, wanted);
    amphi__mutex_unlock(&client->lock);
    return fits;
}

bool amphi__reservation_enter(amphi_client *client, const amphi_policy *policy,
    const amphi_plan_step *step, amphi_reservation *reservation, amphi_error *error)
{
    uint64_t most = policy->cost_over == AMPHI_OVER_REFUSE ? policy->cost_day_max : 0;
    if (amphi__reservation_move(client, reservation, step->cost_estimate, most))
        return true;
    amphi_engine_info info;
    amphi__route_describe(&client->routes[step->route], &info);
    amphi__fail(error, AMPHI_E_QUOTA, 0,
        "%s: other requests have spent or reserved what was left of today's budget meanwhile",
        info.name);
    return false;
}

void amphi__reservation_release(amphi_client *client, amphi_reservation *reservation)
{
    amphi__mutex_lock(&client->lock);
    amphi__reservation_hold(&client->spending, reservation, 0);
    amphi__mutex_unlock(&client->lock);
}
