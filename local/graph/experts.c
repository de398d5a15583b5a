/* SPDX-License-Identifier: Apache-2.0
 *
 * Experts run one after the other in the order of their numbers, so that a token's sum does not
 * depend on what else is in its batch.
 */
#include "local/graph/experts.h"

#include "local/graph/projection.h"

#include <math.h>

/* The parts of forward->experts, each for `tokens` tokens. */
typedef struct mixture {
    amphi_forward *forward;
    float *shares; /* tokens x experts: router logits, then each expert's share, 0: not chosen */
    float *input;  /* tokens x embedding, those of one expert */
    float *output;
    size_t count;
    size_t expert;
} mixture;

uint64_t amphi__experts_scratch_floats(const amphi_hparams *hparams, uint64_t tokens)
{
    if (hparams->experts == 0)
        return 0;
    return tokens * ((uint64_t)hparams->experts + 2 * (uint64_t)hparams->embedding);
}

/* Turns the `used` largest logits into shares of 1 and the others into 0. A softmax over all of
 * which the chosen ones are scaled up to 1 is the same as one over the chosen ones. */
static void choose(float *logits, size_t experts, size_t used)
{
    bool chosen[AMPHI_EXPERTS_MAX] = {false};
    float largest = -INFINITY;
    for (size_t round = 0; round < used; round++) {
        size_t best = experts;
        for (size_t i = 0; i < experts; i++)
            if (!chosen[i] && (best == experts || logits[i] > logits[best]))
                best = i;
        chosen[best] = true; /* used <= experts, so one was left */
        largest = logits[best] > largest ? logits[best] : largest;
    }
    float total = 0;
    for (size_t i = 0; i < experts; i++) {
        logits[i] = chosen[i] ? expf(logits[i] - largest) : 0;
        total += logits[i];
    }
    for (size_t i = 0; i < experts; i++)
        logits[i] /= total;
}

static void choose_tokens(void *arg, size_t from, size_t to, uint32_t thread)
{
    const mixture *mix = arg;
    const amphi_hparams *hparams = &mix->forward->hparams;
    for (size_t t = from; t < to; t++)
        choose(mix->shares + t * hparams->experts, hparams->experts, hparams->experts_used);
}

static float share(const mixture *mix, size_t token)
{
    return mix->shares[token * mix->forward->hparams.experts + mix->expert];
}

/* Copies the inputs of the tokens that chose this expert; returns how many. */
static size_t gather(const mixture *mix)
{
    size_t width = mix->forward->hparams.embedding;
    size_t chosen = 0;
    for (size_t t = 0; t < mix->count; t++) {
        if (share(mix, t) > 0)
            memcpy(mix->input + chosen++ * width, mix->forward->normed + t * width,
                width * sizeof *mix->input);
    }
    return chosen;
}

static void scatter(const mixture *mix)
{
    size_t width = mix->forward->hparams.embedding;
    const float *row = mix->output;
    for (size_t t = 0; t < mix->count; t++) {
        float weight = share(mix, t);
        float *stream = mix->forward->stream + t * width;
        if (!(weight > 0))
            continue;
        for (size_t i = 0; i < width; i++)
            stream[i] += weight * row[i];
        row += width;
    }
}

void amphi__experts_run(amphi_forward *forward, const amphi_layer *layer, size_t count)
{
    const amphi_hparams *hparams = &forward->hparams;
    mixture mix = {.forward = forward, .shares = forward->experts, .count = count};
    mix.input = mix.shares + (size_t)AMPHI_BATCH_TOKENS * hparams->experts;
    mix.output = mix.input + (size_t)AMPHI_BATCH_TOKENS * hparams->embedding;
    amphi__projection_run_one(forward, &layer->router, forward->normed, count, mix.shares);
    amphi__thread_pool_run(forward->threads, count, 1, choose_tokens, &mix);
    for (mix.expert = 0; mix.expert < hparams->experts; mix.expert++) {
        if (amphi__forward_stops(forward))
            return;
        size_t chosen = gather(&mix);
        if (chosen == 0)
            continue;
        amphi__forward_gated(forward, &layer->experts[mix.expert], mix.input, chosen, mix.output);
        scatter(&mix);
    }
}
