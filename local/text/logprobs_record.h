/* SPDX-License-Identifier: Apache-2.0
 *
 * One token of an answer with its log-probability, and those of the likeliest tokens at its place,
 * as bytes between worker and parent. A record is entries behind each other, the token's own first:
 * the log-probability (float), the text's size (uint16_t), the text. The parent checks a record
 * before it reads it, and makes the JSON itself.
 */
#ifndef AMPHI_TEXT_LOGPROBS_RECORD_H
#define AMPHI_TEXT_LOGPROBS_RECORD_H

#include "local/text/logprobs.h"
#include "sdk/core/buf.h"

#define AMPHI_LOGPROBS_TEXT_MAX 512u /* bytes of one token; more is cut off */
#define AMPHI_LOGPROBS_RECORD_MAX                                                                  \
    ((1 + AMPHI_LOGPROBS_TOP_MAX) * (sizeof(float) + sizeof(uint16_t) + AMPHI_LOGPROBS_TEXT_MAX))

/* Appends an entry. */
void amphi__logprobs_record_put(amphi_buf *record, float logprob, amphi_str text);
/* From 1 to 1 + AMPHI_LOGPROBS_TOP_MAX whole entries with log-probabilities in range? */
bool amphi__logprobs_record_is_sound(amphi_str record);
/* Appends a sound record as an element of OpenAI's logprobs.content:
 * {"token","logprob","bytes","top_logprobs":[{"token","logprob","bytes"}]}. A token that is no
 * whole characters has U+FFFD in "token"; "bytes" is exact. */
void amphi__logprobs_record_write(amphi_buf *out, amphi_str record);

#endif
