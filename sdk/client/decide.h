/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the policy: gathers the facts (device, request, health of each route) for the pure
 * decision, and feeds outcomes back into the routes' health.
 */
#ifndef AMPHI_CLIENT_DECIDE_H
#define AMPHI_CLIENT_DECIDE_H

#include "sdk/client/client.h"
#include "sdk/client/request.h"

/* false when no route is left; *error then says why. history_bytes: size of what comes before. */
bool amphi__decide(amphi_client *client, const amphi_request *request, size_t history_bytes,
    amphi_plan *out, amphi_error *error);
/* An attempt on the route begins, or has ended (AMPHI_OK: whole answer). */
void amphi__decide_began(amphi_client *client, amphi_route *route);
void amphi__decide_ended(amphi_client *client, amphi_route *route, const amphi_error *outcome);

/* Local engines give their memory back when the device is short of it; a running answer is stopped
 * only when the pressure is critical. */
void amphi__decide_unload(amphi_client *client);

#endif
