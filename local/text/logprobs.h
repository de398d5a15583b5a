/* SPDX-License-Identifier: Apache-2.0
 *
 * The probabilities of the next token by a model's logits, as natural logarithms: logit
 * minus the logarithm of the sum of exponentials of all logits (log-softmax). This is the model's
 * own distribution, as in OpenAI's API and llama.cpp: temperature, penalties, biases, top-k and
 * such, and a response_format's mask, come after it and don't change it.
 */
#ifndef AMPHI_TEXT_LOGPROBS_H
#define AMPHI_TEXT_LOGPROBS_H

#include <stdint.h>

#define AMPHI_LOGPROBS_TOP_MAX 20u
#define AMPHI_LOGPROB_NEVER    (-9999.0f) /* OpenAI's word for minus infinity */

typedef struct amphi_logprob {
    int32_t token;
    float logprob;
} amphi_logprob;

typedef struct amphi_logprobs {
    double log_sum; /* NAN: the logits hold no number */
    uint32_t top_count;
    amphi_logprob top[AMPHI_LOGPROBS_TOP_MAX]; /* the likeliest first; equal ones by their ids */
} amphi_logprobs;

/* NaN counts as minus infinity. top_count: up to AMPHI_LOGPROBS_TOP_MAX. */
void amphi__logprobs_read(
    amphi_logprobs *out, const float *logits, uint32_t count, uint32_t top_count);
/* Of one token with this logit. */
float amphi__logprobs_of(const amphi_logprobs *logprobs, float logit);

#endif
