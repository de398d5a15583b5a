/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge that was trained for its model: one dot product.
 */
#include "local/judge/head.h"

#include "sdk/core/alloc.h"

#include <math.h>

static double right(const void *self, const amphi_evidence *evidence)
{
    const amphi_head *head = self;
    double numbers[AMPHI_EVIDENCE_NUMBERS];
    double sum = (double)head->bias;
    if (evidence->values != head->values)
        return -1;
    float *state = amphi__calloc(head->values, sizeof *state);
    bool is_there = state != NULL && amphi__evidence_pool(evidence, head->depth, head->pool, state);
    for (uint32_t i = 0; is_there && i < head->values; i++)
        sum += (double)head->weights[i] * (double)state[i];
    if (state != NULL)
        amphi__wipe(state, head->values * sizeof *state);
    amphi__free(state);
    if (!is_there)
        return -1;
    amphi__evidence_numbers(evidence, numbers);
    for (size_t i = 0; i < AMPHI_EVIDENCE_NUMBERS; i++)
        sum += (double)head->weights[head->values + i] * numbers[i];
    return 1 / (1 + exp(-sum));
}

amphi_judge amphi__judge_head(const amphi_head *head)
{
    static const amphi_judge_ops ops = {.name = "head", .right = right};
    return (amphi_judge){.ops = &ops,
        .self = head,
        .tokens = head->tokens,
        .depths = (uint8_t)(1u << (head->depth - 1))};
}
