/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fields of a chat request may say. OpenAI's own are held to OpenAI's bounds, those that
 * local servers have added to what they mean; a field that nobody here knows passes.
 */
#ifndef AMPHI_CLIENT_REQUEST_FIELDS_H
#define AMPHI_CLIENT_REQUEST_FIELDS_H

#include "sdk/core/json.h"

/* null is the same as leaving a field out. AMPHI_E_ARGUMENT with "FIELD: what is expected". */
amphi_status amphi__fields_check(const amphi_json *body, amphi_error *error);

/* Is each of these members (64 at most) there once at most? Of two, Amphi would check one, and a
 * provider might read the other. `prefix` stands before the member's name in the message. */
amphi_status amphi__fields_check_once(const amphi_json *object, const char *const *names,
    size_t names_count, const char *prefix, amphi_error *error);

#endif
