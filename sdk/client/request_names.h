/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of a request's members. What Amphi does not know at the top is the provider's, so it is
 * passed on; but a word that the caller meant for Amphi ("private", "is_private", "Amphi") must not
 * go to a provider in silence, since the request that it was to protect would go with it.
 */
#ifndef AMPHI_CLIENT_REQUEST_NAMES_H
#define AMPHI_CLIENT_REQUEST_NAMES_H

#include "sdk/core/json.h"

/* No member of `object` (NULL is fine) but those of `names`, none of them twice. AMPHI_E_ARGUMENT
 * with the member's name behind `prefix`. */
amphi_status amphi__names_check_only(const amphi_json *object, const char *const *names,
    size_t names_count, const char *prefix, amphi_error *error);

/* None of the request's own members (nor those of a message or of extra_body) looks like one of
 * Amphi's in a place where Amphi does not read it. */
amphi_status amphi__names_check_foreign(const amphi_json *body, amphi_error *error);

#endif
