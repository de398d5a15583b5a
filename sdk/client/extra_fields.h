/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of a provider's answer that Amphi does not know (citations, images, service_tier,
 * details of usage): {"delta":{...},"chunk":{...}}, either may be missing. They go to the caller as
 * they are, in the same places of the JSON form. Pure; any thread.
 */
#ifndef AMPHI_CLIENT_EXTRA_FIELDS_H
#define AMPHI_CLIENT_EXTRA_FIELDS_H

#include "sdk/core/json.h"

/* Adds what one event brought to what came before: in "delta" strings and arrays grow, as deltas
 * do; of everything else the last one counts. */
amphi_status amphi__extra_fields_merge(amphi_buf *fields, amphi_str more);

/* Short strings of a chunk tell of the whole answer (system_fingerprint, service_tier, provider):
 * OpenAI has them in each chunk of a stream, and clients look for them in any. */
enum { AMPHI_ENVELOPE_STRING_MAX = 128, AMPHI_ENVELOPE_BYTES_MAX = 1024 };

/* Adds those of one event to the envelope, an object, or empty: none. On failure (AMPHI_E_LIMIT:
 * they are too many) it stays as it was. */
amphi_status amphi__extra_fields_keep(amphi_buf *envelope, amphi_str fields);

/* "delta"'s members, for a delta or a message. */
void amphi__extra_fields_put_delta(amphi_json_writer *writer, amphi_str fields);
/* "chunk"'s members but for usage, for a chunk or a completion; before them the envelope, which may
 * be empty. */
void amphi__extra_fields_put_chunk(amphi_json_writer *writer, amphi_str fields, amphi_str envelope);
/* The members of "chunk"'s usage; `details`: those of its prompt_tokens_details. */
void amphi__extra_fields_put_usage(amphi_json_writer *writer, amphi_str fields, bool details);

/* Is there such a member? */
bool amphi__extra_fields_has(amphi_str fields, const char *part, const char *member);
/* Appends the text of "delta"'s refusal, which is what the answer says. */
amphi_status amphi__extra_fields_refusal(amphi_str fields, amphi_buf *out);

#endif
