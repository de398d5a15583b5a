/* SPDX-License-Identifier: Apache-2.0
 *
 * One short function for each weight type; the arithmetic is the format's definition (see
 * blocks.h) and nothing else.
 */
#include "local/compute/dequantize.h"

#include "local/compute/blocks.h"
#include "local/compute/half.h"

const int8_t amphi__iq4_values[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static void from_f32(const void *data, float *out, size_t count)
{
    memcpy(out, data, count * sizeof *out);
}

static void from_f16(const void *data, float *out, size_t count)
{
    const uint16_t *halves = data;
    for (size_t i = 0; i < count; i++)
        out[i] = amphi__half_to_float(halves[i]);
}

static void from_bf16(const void *data, float *out, size_t count)
{
    const uint16_t *halves = data;
    for (size_t i = 0; i < count; i++)
        out[i] = amphi__bf16_to_float(halves[i]);
}

static void from_q4_0(const void *data, float *out, size_t count)
{
    const amphi_block_q4_0 *block = data;
    for (size_t i = 0; i < count; i += 32, block++, out += 32) {
        float d = amphi__half_to_float(block->d);
        for (int j = 0; j < 16; j++) {
            out[j] = d * (float)((block->qs[j] & 15) - 8);
            out[j + 16] = d * (float)((block->qs[j] >> 4) - 8);
        }
    }
}

static void from_q4_1(const void *data, float *out, size_t count)
{
    const amphi_block_q4_1 *block = data;
    for (size_t i = 0; i < count; i += 32, block++, out += 32) {
        float d = amphi__half_to_float(block->d);
        float m = amphi__half_to_float(block->m);
        for (int j = 0; j < 16; j++) {
            out[j] = d * (float)(block->qs[j] & 15) + m;
            out[j + 16] = d * (float)(block->qs[j] >> 4) + m;
        }
    }
}

/* Element j of a 5-bit block: a nibble and its fifth bit. */
static int q5_at(const uint8_t qs[16], const uint8_t qh[4], int j)
{
    int nibble = j < 16 ? qs[j] & 15 : qs[j - 16] >> 4;
    return nibble | (qh[j / 8] >> (j % 8) & 1) << 4;
}

static void from_q5_0(const void *data, float *out, size_t count)
{
    const amphi_block_q5_0 *block = data;
    for (size_t i = 0; i < count; i += 32, block++, out += 32) {
        float d = amphi__half_to_float(block->d);
        for (int j = 0; j < 32; j++)
            out[j] = d * (float)(q5_at(block->qs, block->qh, j) - 16);
    }
}

static void from_q5_1(const void *data, float *out, size_t count)
{
    const amphi_block_q5_1 *block = data;
    for (size_t i = 0; i < count; i += 32, block++, out += 32) {
        float d = amphi__half_to_float(block->d);
        float m = amphi__half_to_float(block->m);
        for (int j = 0; j < 32; j++)
            out[j] = d * (float)q5_at(block->qs, block->qh, j) + m;
    }
}

static void from_q8_0(const void *data, float *out, size_t count)
{
    const amphi_block_q8_0 *block = data;
    for (size_t i = 0; i < count; i += 32, block++, out += 32) {
        float d = amphi__half_to_float(block->d);
        for (int j = 0; j < 32; j++)
            out[j] = d * (float)block->qs[j];
    }
}

static void from_iq4_nl(const void *data, float *out, size_t count)
{
    const amphi_block_iq4_nl *block = data;
    for (size_t i = 0; i < count; i += 32, block++, out += 32) {
        float d = amphi__half_to_float(block->d);
        for (int j = 0; j < 16; j++) {
            out[j] = d * (float)amphi__iq4_values[block->qs[j] & 15];
            out[j + 16] = d * (float)amphi__iq4_values[block->qs[j] >> 4];
        }
    }
}

static void from_q2_k(const void *data, float *out, size_t count)
{
    const amphi_block_q2_k *block = data;
    for (size_t i = 0; i < count; i += 256, block++, out += 256) {
        float d = amphi__half_to_float(block->d);
        float dmin = amphi__half_to_float(block->dmin);
        for (int j = 0; j < 256; j++) {
            /* Each half of 128 takes 32 bytes; its four runs of 32 are the bytes' bit pairs. */
            int q = block->qs[j / 128 * 32 + j % 32] >> (j % 128 / 32 * 2) & 3;
            uint8_t scale = block->scales[j / 16];
            out[j] = d * (float)(scale & 15) * (float)q - dmin * (float)(scale >> 4);
        }
    }
}

static void from_q3_k(const void *data, float *out, size_t count)
{
    const amphi_block_q3_k *block = data;
    for (size_t i = 0; i < count; i += 256, block++, out += 256) {
        float d = amphi__half_to_float(block->d);
        int8_t scales[16];
        amphi__k3_scales(block->scales, scales);
        for (int j = 0; j < 256; j++) {
            int q = block->qs[j / 128 * 32 + j % 32] >> (j % 128 / 32 * 2) & 3;
            int high = block->hmask[j % 32] >> (j / 32) & 1; /* clear: 4 less */
            int group = j / 16;
            out[j] = d * (float)scales[group] * (float)(q - (high ? 0 : 4));
        }
    }
}

static void from_q4_k(const void *data, float *out, size_t count)
{
    const amphi_block_q4_k *block = data;
    for (size_t i = 0; i < count; i += 256, block++, out += 256) {
        float d = amphi__half_to_float(block->d);
        float dmin = amphi__half_to_float(block->dmin);
        for (int group = 0; group < 8; group++) {
            uint8_t scale = 0;
            uint8_t minimum = 0;
            amphi__k4_scale(block->scales, group, &scale, &minimum);
            const uint8_t *qs = block->qs + group / 2 * 32;
            for (int j = 0; j < 32; j++) {
                int q = qs[j] >> (group % 2 * 4) & 15;
                out[group * 32 + j] = d * (float)scale * (float)q - dmin * (float)minimum;
            }
        }
    }
}

static void from_q5_k(const void *data, float *out, size_t count)
{
    const amphi_block_q5_k *block = data;
    for (size_t i = 0; i < count; i += 256, block++, out += 256) {
        float d = amphi__half_to_float(block->d);
        float dmin = amphi__half_to_float(block->dmin);
        for (int group = 0; group < 8; group++) {
            uint8_t scale = 0;
            uint8_t minimum = 0;
            amphi__k4_scale(block->scales, group, &scale, &minimum);
            const uint8_t *qs = block->qs + group / 2 * 32;
            for (int j = 0; j < 32; j++) {
                int q = (qs[j] >> (group % 2 * 4) & 15) | (block->qh[j] >> group & 1) << 4;
                out[group * 32 + j] = d * (float)scale * (float)q - dmin * (float)minimum;
            }
        }
    }
}

static void from_q6_k(const void *data, float *out, size_t count)
{
    const amphi_block_q6_k *block = data;
    for (size_t i = 0; i < count; i += 256, block++, out += 256) {
        float d = amphi__half_to_float(block->d);
        for (int j = 0; j < 256; j++) {
            int half = j / 128; /* each takes 64 bytes of ql and 32 of qh */
            int run = j % 128 / 32;
            int low = block->ql[half * 64 + run % 2 * 32 + j % 32] >> (run / 2 * 4) & 15;
            int high = block->qh[half * 32 + j % 32] >> (run * 2) & 3;
            int group = j / 16;
            out[j] = d * (float)block->scales[group] * (float)((low | high << 4) - 32);
        }
    }
}

static void from_iq4_xs(const void *data, float *out, size_t count)
{
    const amphi_block_iq4_xs *block = data;
    for (size_t i = 0; i < count; i += 256, block++, out += 256) {
        float d = amphi__half_to_float(block->d);
        for (int group = 0; group < 8; group++) {
            int low = block->scales_l[group / 2] >> (group % 2 * 4) & 15;
            int high = block->scales_h >> (group * 2) & 3;
            float scale = d * (float)((low | high << 4) - 32);
            for (int j = 0; j < 16; j++) {
                uint8_t q = block->qs[group * 16 + j];
                out[group * 32 + j] = scale * (float)amphi__iq4_values[q & 15];
                out[group * 32 + j + 16] = scale * (float)amphi__iq4_values[q >> 4];
            }
        }
    }
}

typedef void (*dequantize_fn)(const void *data, float *out, size_t count);

static const dequantize_fn dequantizers[AMPHI_WEIGHT_TYPE_LIMIT] = {
    [AMPHI_WEIGHT_F32] = from_f32,
    [AMPHI_WEIGHT_F16] = from_f16,
    [AMPHI_WEIGHT_BF16] = from_bf16,
    [AMPHI_WEIGHT_Q4_0] = from_q4_0,
    [AMPHI_WEIGHT_Q4_1] = from_q4_1,
    [AMPHI_WEIGHT_Q5_0] = from_q5_0,
    [AMPHI_WEIGHT_Q5_1] = from_q5_1,
    [AMPHI_WEIGHT_Q8_0] = from_q8_0,
    [AMPHI_WEIGHT_Q2_K] = from_q2_k,
    [AMPHI_WEIGHT_Q3_K] = from_q3_k,
    [AMPHI_WEIGHT_Q4_K] = from_q4_k,
    [AMPHI_WEIGHT_Q5_K] = from_q5_k,
    [AMPHI_WEIGHT_Q6_K] = from_q6_k,
    [AMPHI_WEIGHT_IQ4_NL] = from_iq4_nl,
    [AMPHI_WEIGHT_IQ4_XS] = from_iq4_xs,
};

void amphi__dequantize(amphi_weight_type type, const void *data, float *out, size_t count)
{
    if ((uint32_t)type < AMPHI_WEIGHT_TYPE_LIMIT && dequantizers[type] != NULL)
        dequantizers[type](data, out, count);
}
