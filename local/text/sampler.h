/* SPDX-License-Identifier: Apache-2.0
 *
 * From logits to the next token: penalties, temperature, top-k, top-p, min-p, typical, then a draw
 * from a seeded generator. Same seed, same logits, same tokens.
 */
#ifndef AMPHI_TEXT_SAMPLER_H
#define AMPHI_TEXT_SAMPLER_H

#include <amphi/error.h>

typedef struct amphi_sampler amphi_sampler;

typedef struct amphi_sampler_options {
    float temperature;        /* 0: greedy */
    uint32_t top_k;           /* 0: all */
    float top_p;              /* 1: all */
    float min_p;              /* 0: all */
    float typical_p;          /* 1: all */
    float repetition_penalty; /* 1: none (CTRL, arXiv 1909.05858) */
    float presence_penalty;   /* 0: none (OpenAI's) */
    float frequency_penalty;  /* 0: none */
    uint32_t penalty_window;  /* last tokens that count; 0: 64 */
    uint64_t seed;
} amphi_sampler_options;

void amphi__sampler_options_init(
    amphi_sampler_options *options); /* the defaults above; temperature 0.7 */
amphi_status amphi__sampler_new(amphi_sampler **out, const amphi_sampler_options *options,
    uint32_t vocabulary_size, amphi_error *error);
void amphi__sampler_free(amphi_sampler *sampler);
/* Picks a token; `logits` (vocabulary_size floats) may be changed. NaN counts as -infinity. */
int32_t amphi__sampler_pick(amphi_sampler *sampler, float *logits);
/* Records the token that was taken: for the penalties. */
void amphi__sampler_accept(amphi_sampler *sampler, int32_t token);

#endif
