/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the policy: gathers the facts (device, request, health of each route) for the pure
 * decision and returns its plan.
 */
#ifndef AMPHI_CLIENT_DECIDE_H
#define AMPHI_CLIENT_DECIDE_H

#include "sdk/client/privacy.h"

/* For a request that amphi__privacy_admit has ruled on. What the plan's first step is expected to
 * cost is reserved then (NULL: nothing is, as for an explanation); the caller releases it. What it
 * was made from is appended to `inputs` (decision_record.h) unless that is NULL. false when no
 * route is left; *error then says why. */
bool amphi__decide(amphi_client *client, const amphi_request *request,
    const amphi_privacy_ruling *ruling, amphi_plan *out, amphi_reservation *reservation,
    amphi_buf *inputs, amphi_error *error);
/* Applies those of the client's options that hold for every request. */
void amphi__decide_apply_options(const amphi_client *client, amphi_request *request);
/* Are the routes that the request names ours? AMPHI_E_ARGUMENT names the field. */
amphi_status amphi__decide_check(
    amphi_client *client, const amphi_request *request, amphi_error *error);
#endif
