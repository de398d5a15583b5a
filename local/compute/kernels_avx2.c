/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels for x86-64 with AVX2, FMA and F16C. Quantized weights meet activations of 8 bits in
 * integer arithmetic: bytes are multiplied and added in pairs (maddubs, which wants one side
 * unsigned), then scaled as floats once per block. A small block of weights is unpacked once and
 * used for up to four tokens.
 *
 * Each pair of row and token is summed in an order that does not depend on how many tokens or rows
 * are computed together.
 */
#include "local/compute/kernels_avx2.h"

#include "local/compute/half.h"
#include "local/compute/unpack_avx2.h"

extern const amphi_kernels amphi__kernels_avx2;

static bool supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

/* --- F32, F16, BF16 --- */

typedef enum float_kind { KIND_F32, KIND_F16, KIND_BF16 } float_kind;

INLINE __m256 load_floats(const uint8_t *row, size_t i, float_kind kind)
{
    if (kind == KIND_F32)
        return _mm256_loadu_ps((const float *)row + i);
    __m128i halves = _mm_loadu_si128((const __m128i *)((const uint16_t *)row + i));
    if (kind == KIND_F16)
        return _mm256_cvtph_ps(halves);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

INLINE float load_float(const uint8_t *row, size_t i, float_kind kind)
{
    if (kind == KIND_F32)
        return ((const float *)row)[i];
    uint16_t half = ((const uint16_t *)row)[i];
    return kind == KIND_F16 ? half_at(half) : amphi__bf16_to_float(half);
}

INLINE void float_tile(
    const amphi_matmul *job, size_t r, size_t rows, size_t t, size_t tokens, float_kind kind)
{
    __m256 sums[4][TOKENS_TILE];
    const uint8_t *weights[4];
    const float *x[TOKENS_TILE];
    for (size_t i = 0; i < rows; i++)
        weights[i] = job->weights + (r + i) * job->row_bytes;
    for (size_t j = 0; j < tokens; j++)
        x[j] = (const float *)(job->activations + (t + j) * job->activation_bytes);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < tokens; j++)
            sums[i][j] = _mm256_setzero_ps();
    size_t c = 0;
    for (; c + 8 <= job->columns; c += 8) {
        for (size_t i = 0; i < rows; i++) {
            __m256 w = load_floats(weights[i], c, kind);
            for (size_t j = 0; j < tokens; j++)
                sums[i][j] = _mm256_fmadd_ps(w, _mm256_loadu_ps(x[j] + c), sums[i][j]);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < tokens; j++) {
            float sum = sum_lanes(sums[i][j]);
            for (size_t k = c; k < job->columns; k++)
                sum += load_float(weights[i], k, kind) * x[j][k];
            job->out[(t + j) * job->out_stride + r + i] = sum;
        }
    }
}

INLINE void matmul_floats(const amphi_matmul *job, size_t from, size_t to, float_kind kind)
{
    size_t t = 0;
    for (; t + TOKENS_TILE <= job->tokens; t += TOKENS_TILE) {
        size_t r = from;
        for (; r + 2 <= to; r += 2)
            float_tile(job, r, 2, t, TOKENS_TILE, kind);
        for (; r < to; r++)
            float_tile(job, r, 1, t, TOKENS_TILE, kind);
    }
    for (; t < job->tokens; t++) {
        size_t r = from;
        for (; r + 4 <= to; r += 4)
            float_tile(job, r, 4, t, 1, kind);
        for (; r < to; r++)
            float_tile(job, r, 1, t, 1, kind);
    }
}

static void matmul_f32(const amphi_matmul *job, size_t from, size_t to)
{
    matmul_floats(job, from, to, KIND_F32);
}

static void matmul_f16(const amphi_matmul *job, size_t from, size_t to)
{
    matmul_floats(job, from, to, KIND_F16);
}

static void matmul_bf16(const amphi_matmul *job, size_t from, size_t to)
{
    matmul_floats(job, from, to, KIND_BF16);
}

/* --- types with blocks of 32, activations Q8 --- */

/* 32 products of bytes in eight sums. */
INLINE __m256i dot_bytes(__m256i weights, __m256i x, bool weights_signed)
{
    __m256i pairs = weights_signed ? _mm256_maddubs_epi16(
                                         _mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights))
                                   : _mm256_maddubs_epi16(weights, x);
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

INLINE void block_tile(
    const amphi_matmul *job, size_t r, size_t rows, size_t t, size_t tokens, block_kind kind)
{
    const bool has_sign = kind == KIND_Q8_0 || kind == KIND_IQ4_NL;
    __m256 sums[4][TOKENS_TILE];
    float offsets[4][TOKENS_TILE];
    const uint8_t *x[TOKENS_TILE];
    size_t blocks = job->columns / 32;
    for (size_t j = 0; j < tokens; j++)
        x[j] = job->activations + (t + j) * job->activation_bytes;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < tokens; j++) {
            sums[i][j] = _mm256_setzero_ps();
            offsets[i][j] = 0;
        }
    }
    const uint8_t *weights = job->weights + r * job->row_bytes;
    for (size_t b = 0; b < blocks; b++, weights += block_bytes(kind)) {
        for (size_t i = 0; i < rows; i++) {
            /* Weights are read once and in order then; ask for them a row ahead. */
            if (tokens == 1)
                _mm_prefetch((const char *)weights + (i + rows) * job->row_bytes, _MM_HINT_T0);
            block_values w = unpack_block(weights + i * job->row_bytes, kind);
            for (size_t j = 0; j < tokens; j++) {
                __m256i q = load_bytes(amphi__q8_values(x[j], job->columns) + b * 32);
                __m256 dot = _mm256_cvtepi32_ps(dot_bytes(w.q, q, has_sign));
                __m256 scale = _mm256_set1_ps(w.d * amphi__q8_scales(x[j])[b]);
                sums[i][j] = _mm256_fmadd_ps(scale, dot, sums[i][j]);
                if (!has_sign)
                    offsets[i][j] += w.m * amphi__q8_sums(x[j], job->columns)[b];
            }
        }
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < tokens; j++)
            job->out[(t + j) * job->out_stride + r + i] = sum_lanes(sums[i][j]) + offsets[i][j];
}

INLINE void matmul_blocks(const amphi_matmul *job, size_t from, size_t to, block_kind kind)
{
    size_t t = 0;
    for (; t + TOKENS_TILE <= job->tokens; t += TOKENS_TILE) {
        size_t r = from;
        for (; r + 2 <= to; r += 2)
            block_tile(job, r, 2, t, TOKENS_TILE, kind);
        for (; r < to; r++)
            block_tile(job, r, 1, t, TOKENS_TILE, kind);
    }
    for (; t < job->tokens; t++) {
        /* One row after the other: four interleaved ones halved the read bandwidth. */
        for (size_t r = from; r < to; r++)
            block_tile(job, r, 1, t, 1, kind);
    }
}

#define MATMUL_BLOCKS(name, kind)                                                                  \
    static void matmul_##name(const amphi_matmul *job, size_t from, size_t to)                     \
    {                                                                                              \
        matmul_blocks(job, from, to, kind);                                                        \
    }

MATMUL_BLOCKS(q8_0, KIND_Q8_0)
MATMUL_BLOCKS(iq4_nl, KIND_IQ4_NL)
MATMUL_BLOCKS(q4_0, KIND_Q4_0)
MATMUL_BLOCKS(q4_1, KIND_Q4_1)
MATMUL_BLOCKS(q5_0, KIND_Q5_0)
MATMUL_BLOCKS(q5_1, KIND_Q5_1)

/* --- the table --- */

static void quantize_f32(void *out, const float *x, size_t columns)
{
    memcpy(out, x, columns * sizeof *x);
}

const amphi_kernels amphi__kernels_avx2 = {
    .name = "avx2",
    .supported = supported,
    .weights =
        {
            [AMPHI_WEIGHT_F32] = {AMPHI_ACTIVATION_F32, matmul_f32},
            [AMPHI_WEIGHT_F16] = {AMPHI_ACTIVATION_F32, matmul_f16},
            [AMPHI_WEIGHT_BF16] = {AMPHI_ACTIVATION_F32, matmul_bf16},
            [AMPHI_WEIGHT_Q8_0] = {AMPHI_ACTIVATION_Q8, matmul_q8_0},
            [AMPHI_WEIGHT_Q4_0] = {AMPHI_ACTIVATION_Q8, matmul_q4_0},
            [AMPHI_WEIGHT_Q4_1] = {AMPHI_ACTIVATION_Q8, matmul_q4_1},
            [AMPHI_WEIGHT_Q5_0] = {AMPHI_ACTIVATION_Q8, matmul_q5_0},
            [AMPHI_WEIGHT_Q5_1] = {AMPHI_ACTIVATION_Q8, matmul_q5_1},
            [AMPHI_WEIGHT_IQ4_NL] = {AMPHI_ACTIVATION_Q8, matmul_iq4_nl},
            [AMPHI_WEIGHT_Q2_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx2_matmul_q2_k},
            [AMPHI_WEIGHT_Q3_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx2_matmul_q3_k},
            [AMPHI_WEIGHT_Q4_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx2_matmul_q4_k},
            [AMPHI_WEIGHT_Q5_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx2_matmul_q5_k},
            [AMPHI_WEIGHT_Q6_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx2_matmul_q6_k},
            [AMPHI_WEIGHT_IQ4_XS] = {AMPHI_ACTIVATION_Q8_K, amphi__avx2_matmul_iq4_xs},
        },
    .quantize = {quantize_f32, amphi__avx2_quantize_q8, amphi__avx2_quantize_q8_k},
    .rmsnorm = amphi__avx2_rmsnorm,
    .add = amphi__avx2_add,
    .swiglu = amphi__avx2_swiglu,
    .geglu = amphi__avx2_geglu,
    .to_half = amphi__avx2_to_half,
    .attend = amphi__avx2_attend,
};
