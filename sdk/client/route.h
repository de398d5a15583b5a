/* SPDX-License-Identifier: Apache-2.0
 *
 * What a route is, as its engine states it. These functions are the client's only calls of an
 * engine's describe and identify, so that every caller gets a struct whose size is stated and whose
 * unknown fields are zero.
 */
#ifndef AMPHI_CLIENT_ROUTE_H
#define AMPHI_CLIENT_ROUTE_H

#include "sdk/client/client.h"

/* Everything the engine knows of itself. Any thread, but never under the client's lock: the first
 * call may read a file's header, or start a process that reads it. */
void amphi__route_describe(const amphi_route *route, amphi_engine_info *out);
/* The same, with the model that a request gets there: of several the one that it asks for, and its
 * own where the route has none. `asked` is the request's "model", or empty. */
void amphi__route_describe_for(const amphi_route *route, amphi_str asked, amphi_engine_info *out);
/* Kind, name, fingerprint, build and kernels, without running anything that could crash. false: the
 * engine has no such entry (describe runs nothing either); *out is zero then. */
bool amphi__route_identify(const amphi_route *route, amphi_engine_info *out);

/* What the route runs now, as far as it is known without starting anything. The model file may be
 * another one than a moment ago. */
void amphi__route_model_identity(const amphi_route *route, amphi_model_identity *out);

/* What the model costs there that a request for `asked` gets; on the device: nothing. */
amphi_price amphi__route_price(
    const amphi_route *route, const amphi_engine_info *info, amphi_str asked);

#endif
