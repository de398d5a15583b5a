/* SPDX-License-Identifier: Apache-2.0
 *
 * The slots of the two state arrays are in the order of the depths that were asked for. Memory for
 * them is taken when the first state tells how wide the model is.
 */
#include "local/judge/evidence.h"

#include "local/compute/half.h"
#include "sdk/core/alloc.h"

#include <math.h>

enum { MEAN_ENTROPY, MAX_ENTROPY, FIRST_ENTROPY, MEAN_MARGIN, MIN_MARGIN, MEAN_LOG_TOP };

#define TOP_MIN 1e-9

void amphi__evidence_init(amphi_evidence *evidence, uint32_t tokens_max, uint8_t depths)
{
    *evidence = (amphi_evidence){.tokens_max = tokens_max, .depths = depths};
}

static uint32_t count_bits(uint8_t bits)
{
    uint32_t count = 0;
    for (; bits != 0; bits &= (uint8_t)(bits - 1))
        count++;
    return count;
}

static size_t states_bytes(const amphi_evidence *evidence)
{
    return (size_t)count_bits(evidence->depths) * evidence->values * sizeof(float);
}

void amphi__evidence_clear(amphi_evidence *evidence)
{
    if (evidence->first != NULL)
        amphi__wipe(evidence->first, states_bytes(evidence));
    if (evidence->sum != NULL)
        amphi__wipe(evidence->sum, states_bytes(evidence));
    amphi__free(evidence->first);
    amphi__free(evidence->sum);
    *evidence = (amphi_evidence){0};
}

/* Where the state of this depth lies in both arrays. */
static size_t slot_of(const amphi_evidence *evidence, uint32_t depth)
{
    uint8_t before = (uint8_t)(evidence->depths & ((1u << (depth - 1)) - 1));
    return (size_t)count_bits(before) * evidence->values;
}

static bool is_asked(const amphi_evidence *evidence, uint32_t depth)
{
    return depth >= 1 && depth <= AMPHI_STATE_DEPTHS && (evidence->depths >> (depth - 1) & 1) != 0;
}

static amphi_status take_width(amphi_evidence *evidence, size_t size)
{
    if (evidence->values != 0 && evidence->values != size / 2)
        return AMPHI_E_PROTOCOL;
    if (evidence->values == 0) {
        evidence->values = (uint32_t)(size / 2);
        evidence->first = amphi__calloc(1, states_bytes(evidence));
        evidence->sum = amphi__calloc(1, states_bytes(evidence));
    }
    return evidence->first != NULL && evidence->sum != NULL ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

amphi_status amphi__evidence_add_state(
    amphi_evidence *evidence, uint32_t index, uint32_t depth, const void *halves, size_t size)
{
    if (index != evidence->tokens || index >= evidence->tokens_max || !is_asked(evidence, depth) ||
        (evidence->arrived >> (depth - 1) & 1) != 0 || size == 0 || size % 2 != 0 ||
        size / 2 > AMPHI_STATE_VALUES_MAX)
        return AMPHI_E_PROTOCOL;
    amphi_status status = take_width(evidence, size);
    if (status != AMPHI_OK)
        return status;
    const uint8_t *bytes = halves; /* of no alignment */
    size_t slot = slot_of(evidence, depth);
    for (size_t i = 0; i < evidence->values; i++) {
        uint16_t half = 0;
        memcpy(&half, bytes + 2 * i, sizeof half);
        float value = amphi__half_to_float(half);
        if (!isfinite(value))
            return AMPHI_E_PROTOCOL;
        if (index == 0)
            evidence->first[slot + i] = value;
        evidence->sum[slot + i] += value;
    }
    evidence->arrived |= (uint8_t)(1u << (depth - 1));
    return AMPHI_OK;
}

amphi_status amphi__evidence_add(
    amphi_evidence *evidence, uint32_t index, const amphi_certainty *certainty)
{
    double *numbers = evidence->numbers;
    if (index != evidence->tokens || index >= evidence->tokens_max ||
        !amphi__certainty_is_sound(certainty))
        return AMPHI_E_PROTOCOL;
    if (evidence->arrived != (evidence->values != 0 ? evidence->depths : 0))
        return AMPHI_E_PROTOCOL; /* all of a token's states, or none of any */
    double entropy = (double)certainty->entropy;
    double margin = (double)certainty->margin;
    double top = (double)certainty->top > TOP_MIN ? (double)certainty->top : TOP_MIN;
    bool is_first = index == 0;
    numbers[MEAN_ENTROPY] += entropy;
    numbers[MEAN_MARGIN] += margin;
    numbers[MEAN_LOG_TOP] += log(top);
    if (is_first)
        numbers[FIRST_ENTROPY] = entropy;
    if (is_first || entropy > numbers[MAX_ENTROPY])
        numbers[MAX_ENTROPY] = entropy;
    if (is_first || margin < numbers[MIN_MARGIN])
        numbers[MIN_MARGIN] = margin;
    evidence->tokens++;
    evidence->arrived = 0;
    return AMPHI_OK;
}

void amphi__evidence_numbers(const amphi_evidence *evidence, double out[AMPHI_EVIDENCE_NUMBERS])
{
    double tokens = evidence->tokens;
    memcpy(out, evidence->numbers, sizeof evidence->numbers);
    out[MEAN_ENTROPY] /= tokens;
    out[MEAN_MARGIN] /= tokens;
    out[MEAN_LOG_TOP] /= tokens;
}

bool amphi__evidence_pool(
    const amphi_evidence *evidence, uint32_t depth, amphi_state_pool pool, float *out)
{
    if (evidence->values == 0 || evidence->tokens == 0 || !is_asked(evidence, depth))
        return false;
    size_t slot = slot_of(evidence, depth);
    float share = pool == AMPHI_POOL_MEAN ? 1.0f / (float)evidence->tokens : 1.0f;
    const float *from = (pool == AMPHI_POOL_MEAN ? evidence->sum : evidence->first) + slot;
    for (uint32_t i = 0; i < evidence->values; i++)
        out[i] = from[i] * share;
    return true;
}
