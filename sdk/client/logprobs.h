/* SPDX-License-Identifier: Apache-2.0
 *
 * Log-probabilities of an answer's tokens while they travel with its text: JSON arrays of OpenAI's
 * logprobs.content elements, which nobody here takes apart but to leave out those of words that are
 * not shown.
 */
#ifndef AMPHI_CLIENT_LOGPROBS_H
#define AMPHI_CLIENT_LOGPROBS_H

#include "sdk/core/buf.h"

/* The buffer is empty or holds an array. An array that can't be joined to it is left out. */
void amphi__logprobs_append(amphi_buf *array, amphi_str more);
/* Leaves out the tokens that wrote the first `bytes` of the text, partly written ones kept. */
void amphi__logprobs_skip(amphi_buf *array, size_t bytes);

#endif
