/* SPDX-License-Identifier: Apache-2.0
 *
 * Log-probabilities of an answer's tokens, kept beside its text: JSON arrays of OpenAI's
 * logprobs.content elements. They are taken apart only to drop those of text that is not delivered.
 */
#ifndef AMPHI_CLIENT_LOGPROBS_H
#define AMPHI_CLIENT_LOGPROBS_H

#include "sdk/core/buf.h"

/* The buffer is empty or holds an array. An array that can't be joined to it is left out. */
void amphi__logprobs_append(amphi_buf *array, amphi_str more);
/* Drops the tokens of the first `bytes` of the text; one that reaches beyond is kept. */
void amphi__logprobs_skip(amphi_buf *array, size_t bytes);

#endif
