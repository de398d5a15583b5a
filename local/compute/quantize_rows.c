/* SPDX-License-Identifier: Apache-2.0
 *
 * The float types and those with blocks of 32; the larger blocks are in quantize_super.c. Levels
 * are always chosen with the scale as it was rounded into the block.
 */
#include "local/compute/quantize_rows.h"

#include "local/compute/blocks.h"
#include "local/compute/half.h"
#include "local/compute/quantize_fit.h"
#include "local/compute/quantize_super.h"

#include <math.h>

static void to_f32(const float *x, void *out, size_t count)
{
    memcpy(out, x, count * sizeof *x);
}

static void to_f16(const float *x, void *out, size_t count)
{
    uint16_t *halves = out;
    for (size_t i = 0; i < count; i++)
        halves[i] = amphi__scale_to_half(x[i]);
}

/* Rounds to the nearest, ties to even. */
static void to_bf16(const float *x, void *out, size_t count)
{
    uint16_t *halves = out;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = amphi__float_to_bits(x[i]);
        halves[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

static float inverse_of(float scale)
{
    return scale != 0 ? 1 / scale : 0;
}

static void to_q8_0(const float *x, void *out, size_t count)
{
    amphi_block_q8_0 *block = out;
    for (size_t i = 0; i < count; i += 32, block++, x += 32) {
        float largest = 0;
        for (int j = 0; j < 32; j++)
            largest = fabsf(x[j]) > largest ? fabsf(x[j]) : largest;
        block->d = amphi__scale_to_half(largest / 127);
        float inverse = inverse_of(amphi__half_to_float(block->d));
        for (int j = 0; j < 32; j++)
            block->qs[j] = (int8_t)amphi__clamp(amphi__nearest(x[j] * inverse), -127, 127);
    }
}

/* 32 levels for value = d * (level - offset). */
static uint16_t symmetric_levels(const float *x, uint8_t levels[32], int offset)
{
    float low = (float)-offset;
    float high = (float)(offset - 1);
    uint16_t half = amphi__scale_to_half(amphi__fit_scale(x, 32, low, high));
    float inverse = inverse_of(amphi__half_to_float(half));
    for (int j = 0; j < 32; j++)
        levels[j] =
            (uint8_t)((int)amphi__clamp(amphi__nearest(x[j] * inverse), low, high) + offset);
    return half;
}

/* 32 levels for value = d * level + m. */
static void affine_levels(
    const float *x, uint8_t levels[32], int top, uint16_t *scale, uint16_t *minimum)
{
    amphi_affine fit = amphi__fit_affine(x, 32, (float)top, 0);
    *scale = amphi__scale_to_half(fit.scale);
    *minimum = amphi__scale_to_half(fit.minimum);
    float inverse = inverse_of(amphi__half_to_float(*scale));
    float low = amphi__half_to_float(*minimum);
    for (int j = 0; j < 32; j++)
        levels[j] = (uint8_t)amphi__clamp(amphi__nearest((x[j] - low) * inverse), 0, (float)top);
}

static void pack_nibbles(uint8_t qs[16], const uint8_t levels[32])
{
    for (int j = 0; j < 16; j++)
        qs[j] = (uint8_t)((levels[j] & 15) | (levels[j + 16] & 15) << 4);
}

static void pack_fifth_bits(uint8_t qh[4], const uint8_t levels[32])
{
    memset(qh, 0, 4);
    for (int j = 0; j < 32; j++)
        qh[j / 8] |= (uint8_t)((levels[j] >> 4) << (j % 8));
}

static void to_q4_0(const float *x, void *out, size_t count)
{
    amphi_block_q4_0 *block = out;
    uint8_t levels[32];
    for (size_t i = 0; i < count; i += 32, block++) {
        block->d = symmetric_levels(x + i, levels, 8);
        pack_nibbles(block->qs, levels);
    }
}

static void to_q4_1(const float *x, void *out, size_t count)
{
    amphi_block_q4_1 *block = out;
    uint8_t levels[32];
    for (size_t i = 0; i < count; i += 32, block++) {
        affine_levels(x + i, levels, 15, &block->d, &block->m);
        pack_nibbles(block->qs, levels);
    }
}

static void to_q5_0(const float *x, void *out, size_t count)
{
    amphi_block_q5_0 *block = out;
    uint8_t levels[32];
    for (size_t i = 0; i < count; i += 32, block++) {
        block->d = symmetric_levels(x + i, levels, 16);
        pack_nibbles(block->qs, levels);
        pack_fifth_bits(block->qh, levels);
    }
}

static void to_q5_1(const float *x, void *out, size_t count)
{
    amphi_block_q5_1 *block = out;
    uint8_t levels[32];
    for (size_t i = 0; i < count; i += 32, block++) {
        affine_levels(x + i, levels, 31, &block->d, &block->m);
        pack_nibbles(block->qs, levels);
        pack_fifth_bits(block->qh, levels);
    }
}

static void to_iq4_nl(const float *x, void *out, size_t count)
{
    amphi_block_iq4_nl *block = out;
    uint8_t levels[32];
    for (size_t i = 0; i < count; i += 32, block++, x += 32) {
        block->d = amphi__scale_to_half(amphi__fit_iq4(x, 32));
        float inverse = inverse_of(amphi__half_to_float(block->d));
        for (int j = 0; j < 32; j++)
            levels[j] = amphi__nearest_iq4(x[j] * inverse);
        pack_nibbles(block->qs, levels);
    }
}

typedef void (*quantize_fn)(const float *x, void *out, size_t count);

static const quantize_fn quantizers[AMPHI_WEIGHT_TYPE_LIMIT] = {
    [AMPHI_WEIGHT_F32] = to_f32,
    [AMPHI_WEIGHT_F16] = to_f16,
    [AMPHI_WEIGHT_BF16] = to_bf16,
    [AMPHI_WEIGHT_Q4_0] = to_q4_0,
    [AMPHI_WEIGHT_Q4_1] = to_q4_1,
    [AMPHI_WEIGHT_Q5_0] = to_q5_0,
    [AMPHI_WEIGHT_Q5_1] = to_q5_1,
    [AMPHI_WEIGHT_Q8_0] = to_q8_0,
    [AMPHI_WEIGHT_Q2_K] = amphi__quantize_q2_k,
    [AMPHI_WEIGHT_Q3_K] = amphi__quantize_q3_k,
    [AMPHI_WEIGHT_Q4_K] = amphi__quantize_q4_k,
    [AMPHI_WEIGHT_Q5_K] = amphi__quantize_q5_k,
    [AMPHI_WEIGHT_Q6_K] = amphi__quantize_q6_k,
    [AMPHI_WEIGHT_IQ4_NL] = to_iq4_nl,
    [AMPHI_WEIGHT_IQ4_XS] = amphi__quantize_iq4_xs,
};

void amphi__quantize_rows(amphi_weight_type type, const float *x, void *out, size_t count)
{
    if ((uint32_t)type < AMPHI_WEIGHT_TYPE_LIMIT && quantizers[type] != NULL)
        quantizers[type](x, out, count);
}
