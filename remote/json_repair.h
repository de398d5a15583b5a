/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON that is wrong in a way that has one meaning: NaN and infinities are null, bytes that are no
 * UTF-8 are U+FFFD, a control character in a string is its escape. Half of a surrogate pair may
 * have its other half in the next piece of the answer: it is kept as a mark until that is there.
 * What is still no JSON then (a cut event, a missing bracket) stays an error. Pure; any thread.
 */
#ifndef AMPHI_REMOTE_JSON_REPAIR_H
#define AMPHI_REMOTE_JSON_REPAIR_H

#include "sdk/core/buf.h"

/* Appends the repaired text. */
amphi_status amphi__json_repair(amphi_buf *out, amphi_str text);

/* Text in pieces, with such marks in it. */
typedef struct amphi_surrogates {
    uint32_t high; /* of a pair whose second half has not come; 0: none */
} amphi_surrogates;

/* Appends the piece with pairs joined and single halves as U+FFFD; a high half at its end waits. */
void amphi__surrogates_join(amphi_surrogates *surrogates, amphi_buf *out, amphi_str piece);
/* What still waits has no other half. */
void amphi__surrogates_end(amphi_surrogates *surrogates, amphi_buf *out);

#endif
