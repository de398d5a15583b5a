/* SPDX-License-Identifier: Apache-2.0
 *
 * One answer while it is made. generate.c computes it; request_fields.c reads its options from the
 * request.
 */
#ifndef AMPHI_ENGINE_GENERATION_H
#define AMPHI_ENGINE_GENERATION_H

#include "local/engine/answer.h"
#include "local/engine/certainty_report.h"
#include "local/text/sampler.h"

/* OpenAI's logit_bias. */
typedef struct amphi_bias {
    int32_t token;
    float value;
} amphi_bias;

typedef struct amphi_generation {
    amphi_inference *inference;
    const amphi_cancel *cancel;
    amphi_prompt prompt;
    amphi_answer answer;
    amphi_logprobs_report logprobs;
    amphi_certainty_report certainty;
    amphi_sampler *sampler;
    amphi_constraint *constraint; /* NULL: the answer is free */
    bool constrains;              /* it has begun: thoughts are over */
    amphi_tokens batch; /* the tokens that are chosen, of which the first `computed` went through */
    size_t computed;
    amphi_bias *biases;
    size_t biases_count;
    uint32_t tokens_max;
    uint64_t pace_us; /* the least time from one token to the next; 0: none */
    amphi_inference_result *result;
} amphi_generation;

/* request_fields.c: sampler, biases and log-probabilities; then the answer with its stop strings;
 * then the bound, in which tokens of the answer's beginning count. */
amphi_status amphi__generation_read_sampling(amphi_generation *g, amphi_error *error);
amphi_status amphi__generation_open_answer(amphi_generation *g, amphi_error *error);
uint32_t amphi__generation_tokens_max(const amphi_generation *g);

#endif
