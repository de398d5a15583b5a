/* SPDX-License-Identifier: Apache-2.0
 *
 * The allowed values of a chat request's fields: OpenAI's own within OpenAI's bounds, those that
 * local servers have added within their meaning. Unknown fields pass.
 */
#ifndef AMPHI_CLIENT_REQUEST_FIELDS_H
#define AMPHI_CLIENT_REQUEST_FIELDS_H

#include "sdk/core/json.h"

/* null is the same as no field. AMPHI_E_ARGUMENT with "FIELD: what is expected". */
amphi_status amphi__fields_check(const amphi_json *body, amphi_error *error);

/* Does each of these members (64 at most) occur at most once? Of two, Amphi would check one and a
 * provider might read the other. `prefix` precedes the member's name in the message. */
amphi_status amphi__fields_check_once(const amphi_json *object, const char *const *names,
    size_t names_count, const char *prefix, amphi_error *error);

#endif
