/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of 256: each group gets a scale (and a minimum) of its own, these are rounded to a few
 * bits of the block's, and then every level is chosen again with the rounded ones.
 */
#include "local/compute/quantize_super.h"

#include "local/compute/blocks.h"
#include "local/compute/half.h"
#include "local/compute/quantize_fit.h"

#include <math.h>

/* --- with minima: Q2_K, Q4_K, Q5_K --- */

typedef struct affine_block {
    uint8_t levels[256];
    uint8_t scales[16];
    uint8_t minima[16];
    uint16_t d;
    uint16_t dmin;
} affine_block;

static uint8_t round_part(float part, float unit, int limit)
{
    return unit > 0 ? (uint8_t)amphi__clamp(amphi__nearest(part / unit), 0, (float)limit) : 0;
}

/* Groups of `size` values with levels 0 .. top; scales and minima are 0 .. limit. */
static void fit_affine_block(affine_block *out, const float *x, int size, int top, int limit)
{
    float scale = 0;
    float minimum = 0;
    int groups = 256 / size;
    amphi_affine fits[16];
    for (int g = 0; g < groups; g++) {
        fits[g] = amphi__fit_affine(x + g * size, (size_t)size, (float)top, 1);
        scale = fits[g].scale > scale ? fits[g].scale : scale;
        minimum = -fits[g].minimum > minimum ? -fits[g].minimum : minimum;
    }
    out->d = amphi__scale_to_half(scale / (float)limit);
    out->dmin = amphi__scale_to_half(minimum / (float)limit);
    float d = amphi__half_to_float(out->d);
    float dmin = amphi__half_to_float(out->dmin);
    for (int g = 0; g < groups; g++) {
        out->scales[g] = round_part(fits[g].scale, d, limit);
        out->minima[g] = round_part(-fits[g].minimum, dmin, limit);
        float step = d * (float)out->scales[g];
        float low = dmin * (float)out->minima[g];
        float inverse = step > 0 ? 1 / step : 0;
        for (int j = g * size; j < (g + 1) * size; j++)
            out->levels[j] =
                (uint8_t)amphi__clamp(amphi__nearest((x[j] + low) * inverse), 0, (float)top);
    }
}

void amphi__quantize_q2_k(const float *x, void *out, size_t count)
{
    amphi_block_q2_k *block = out;
    affine_block fit;
    for (size_t i = 0; i < count; i += 256, block++) {
        fit_affine_block(&fit, x + i, 16, 3, 15);
        memset(block->qs, 0, sizeof block->qs);
        for (int j = 0; j < 256; j++)
            block->qs[j / 128 * 32 + j % 32] |= (uint8_t)(fit.levels[j] << (j % 128 / 32 * 2));
        for (int g = 0; g < 16; g++)
            block->scales[g] = (uint8_t)(fit.scales[g] | fit.minima[g] << 4);
        block->d = fit.d;
        block->dmin = fit.dmin;
    }
}

/* The inverse of amphi__k4_scale. */
static void pack_k4_scales(uint8_t packed[12], const affine_block *fit)
{
    memset(packed, 0, 12);
    for (int g = 0; g < 4; g++) {
        packed[g] = (uint8_t)(fit->scales[g] | (fit->scales[g + 4] >> 4) << 6);
        packed[g + 4] = (uint8_t)(fit->minima[g] | (fit->minima[g + 4] >> 4) << 6);
        packed[g + 8] = (uint8_t)((fit->scales[g + 4] & 15) | (fit->minima[g + 4] & 15) << 4);
    }
}

/* Low nibbles of one group of 32, high ones of the next. */
static void pack_k_nibbles(uint8_t qs[128], const uint8_t levels[256])
{
    for (int j = 0; j < 128; j++) {
        const uint8_t *pair = levels + j / 32 * 64 + j % 32;
        qs[j] = (uint8_t)((pair[0] & 15) | (pair[32] & 15) << 4);
    }
}

void amphi__quantize_q4_k(const float *x, void *out, size_t count)
{
    amphi_block_q4_k *block = out;
    affine_block fit;
    for (size_t i = 0; i < count; i += 256, block++) {
        fit_affine_block(&fit, x + i, 32, 15, 63);
        pack_k_nibbles(block->qs, fit.levels);
        pack_k4_scales(block->scales, &fit);
        block->d = fit.d;
        block->dmin = fit.dmin;
    }
}

void amphi__quantize_q5_k(const float *x, void *out, size_t count)
{
    amphi_block_q5_k *block = out;
    affine_block fit;
    for (size_t i = 0; i < count; i += 256, block++) {
        fit_affine_block(&fit, x + i, 32, 31, 63);
        pack_k_nibbles(block->qs, fit.levels);
        pack_k4_scales(block->scales, &fit);
        memset(block->qh, 0, sizeof block->qh);
        for (int j = 0; j < 256; j++)
            block->qh[j % 32] |= (uint8_t)((fit.levels[j] >> 4) << (j / 32));
        block->d = fit.d;
        block->dmin = fit.dmin;
    }
}

/* --- without: Q3_K, Q6_K, IQ4_XS --- */

typedef struct symmetric_block {
    float steps[16]; /* each group's scale as rounded; may be negative */
    int scales[16];  /* in units of d: low .. -low - 1 */
    uint16_t d;
} symmetric_block;

/* Rounds the groups' scales to whole multiples of one d; the largest one becomes `low`. */
static void round_scales(symmetric_block *out, const float *scales, int groups, int low)
{
    float largest = 0;
    for (int g = 0; g < groups; g++)
        largest = fabsf(scales[g]) > fabsf(largest) ? scales[g] : largest;
    out->d = amphi__scale_to_half(largest / (float)low);
    float d = amphi__half_to_float(out->d);
    for (int g = 0; g < groups; g++) {
        float units = d != 0 ? amphi__nearest(scales[g] / d) : 0;
        out->scales[g] = (int)amphi__clamp(units, (float)low, (float)(-low - 1));
        out->steps[g] = d * (float)out->scales[g];
    }
}

/* Groups of 16 with levels low .. -low - 1, of which `levels` gets level - low. */
static void fit_symmetric_block(
    symmetric_block *out, uint8_t levels[256], const float *x, int low, int scales_low)
{
    float high = (float)(-low - 1);
    float scales[16];
    for (int g = 0; g < 16; g++)
        scales[g] = amphi__fit_scale(x + g * 16, 16, (float)low, high);
    round_scales(out, scales, 16, scales_low);
    for (int j = 0; j < 256; j++) {
        float step = out->steps[j / 16];
        float level = step != 0 ? amphi__nearest(x[j] / step) : 0;
        levels[j] = (uint8_t)((int)amphi__clamp(level, (float)low, high) - low);
    }
}

void amphi__quantize_q3_k(const float *x, void *out, size_t count)
{
    amphi_block_q3_k *block = out;
    symmetric_block fit;
    uint8_t levels[256];
    for (size_t i = 0; i < count; i += 256, block++) {
        fit_symmetric_block(&fit, levels, x + i, -4, -32);
        memset(block, 0, sizeof *block);
        for (int j = 0; j < 256; j++) {
            block->qs[j / 128 * 32 + j % 32] |= (uint8_t)((levels[j] & 3) << (j % 128 / 32 * 2));
            block->hmask[j % 32] |= (uint8_t)((levels[j] >> 2) << (j / 32));
        }
        for (int g = 0; g < 16; g++) {
            int scale = fit.scales[g] + 32;
            block->scales[g % 8] |= (uint8_t)((scale & 15) << (g / 8 * 4));
            block->scales[8 + g % 4] |= (uint8_t)((scale >> 4) << (g / 4 * 2));
        }
        block->d = fit.d;
    }
}

void amphi__quantize_q6_k(const float *x, void *out, size_t count)
{
    amphi_block_q6_k *block = out;
    symmetric_block fit;
    uint8_t levels[256];
    for (size_t i = 0; i < count; i += 256, block++) {
        fit_symmetric_block(&fit, levels, x + i, -32, -128);
        memset(block, 0, sizeof *block);
        for (int j = 0; j < 256; j++) {
            int half = j / 128;
            int run = j % 128 / 32;
            block->ql[half * 64 + run % 2 * 32 + j % 32] |=
                (uint8_t)((levels[j] & 15) << (run / 2 * 4));
            block->qh[half * 32 + j % 32] |= (uint8_t)((levels[j] >> 4) << (run * 2));
        }
        for (int g = 0; g < 16; g++)
            block->scales[g] = (int8_t)fit.scales[g];
        block->d = fit.d;
    }
}

void amphi__quantize_iq4_xs(const float *x, void *out, size_t count)
{
    amphi_block_iq4_xs *block = out;
    symmetric_block fit;
    float scales[8];
    for (size_t i = 0; i < count; i += 256, block++, x += 256) {
        for (int g = 0; g < 8; g++)
            scales[g] = amphi__fit_iq4(x + g * 32, 32);
        round_scales(&fit, scales, 8, -32);
        memset(block, 0, sizeof *block);
        for (int j = 0; j < 256; j++) {
            float step = fit.steps[j / 32];
            uint8_t level = amphi__nearest_iq4(step != 0 ? x[j] / step : 0);
            block->qs[j / 32 * 16 + j % 16] |= (uint8_t)(level << (j % 32 / 16 * 4));
        }
        for (int g = 0; g < 8; g++) {
            int scale = fit.scales[g] + 32;
            block->scales_l[g / 2] |= (uint8_t)((scale & 15) << (g % 2 * 4));
            block->scales_h |= (uint16_t)((scale >> 4) << (g * 2));
        }
        block->d = fit.d;
    }
}
