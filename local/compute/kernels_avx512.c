/* SPDX-License-Identifier: Apache-2.0
 *
 * The table for x86-64 with AVX-512 (F, BW, DQ, VL) and VNNI, and its products with float weights;
 * what is done once per token is the AVX2 table's. A float product sums its sixteen lanes column
 * by column, so tiles of any shape give the same bits.
 */
#include "local/compute/kernels_avx512.h"

extern const amphi_kernels amphi__kernels_avx512;

#define TILE_ROWS   4
#define TILE_TOKENS 4

static bool supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma") && has_f16c();
}

typedef enum float_kind { KIND_F32, KIND_F16, KIND_BF16 } float_kind;

/* Sixteen weights from column c on; those outside the mask are 0. */
INLINE __m512 load_weights(const uint8_t *row, size_t c, __mmask16 mask, float_kind kind)
{
    if (kind == KIND_F32)
        return _mm512_maskz_loadu_ps(mask, (const float *)row + c);
    __m256i halves = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)row + c);
    if (kind == KIND_F16)
        return _mm512_cvtph_ps(halves);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

INLINE void add_columns(__m512 sums[TILE_ROWS][TILE_TOKENS], const uint8_t *const weights[],
    size_t rows, const float *const x[], size_t tokens, size_t c, __mmask16 mask, float_kind kind)
{
    __m512 values[TILE_TOKENS];
    for (size_t j = 0; j < tokens; j++)
        values[j] = _mm512_maskz_loadu_ps(mask, x[j] + c);
    for (size_t i = 0; i < rows; i++) {
        __m512 w = load_weights(weights[i], c, mask, kind);
        for (size_t j = 0; j < tokens; j++)
            sums[i][j] = _mm512_fmadd_ps(w, values[j], sums[i][j]);
    }
}

INLINE void float_tile(
    const amphi_matmul *job, size_t r, size_t rows, size_t t, size_t tokens, float_kind kind)
{
    __m512 sums[TILE_ROWS][TILE_TOKENS];
    const uint8_t *weights[TILE_ROWS];
    const float *x[TILE_TOKENS];
    for (size_t i = 0; i < rows; i++)
        weights[i] = job->weights + (r + i) * job->row_bytes;
    for (size_t j = 0; j < tokens; j++)
        x[j] = (const float *)(job->activations + (t + j) * job->activation_bytes);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < tokens; j++)
            sums[i][j] = _mm512_setzero_ps();
    size_t c = 0;
    for (; c + 16 <= job->columns; c += 16)
        add_columns(sums, weights, rows, x, tokens, c, 0xffff, kind);
    if (c < job->columns)
        add_columns(
            sums, weights, rows, x, tokens, c, (__mmask16)((1u << (job->columns - c)) - 1), kind);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < tokens; j++)
            job->out[(t + j) * job->out_stride + r + i] = _mm512_reduce_add_ps(sums[i][j]);
}

INLINE void matmul_floats(const amphi_matmul *job, size_t from, size_t to, float_kind kind)
{
    size_t t = 0;
    for (; t + TILE_TOKENS <= job->tokens; t += TILE_TOKENS) {
        size_t r = from;
        for (; r + TILE_ROWS <= to; r += TILE_ROWS)
            float_tile(job, r, TILE_ROWS, t, TILE_TOKENS, kind);
        for (; r < to; r++)
            float_tile(job, r, 1, t, TILE_TOKENS, kind);
    }
    for (; t < job->tokens; t++) {
        size_t r = from;
        for (; r + TILE_ROWS <= to; r += TILE_ROWS)
            float_tile(job, r, TILE_ROWS, t, 1, kind);
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

static void quantize_f32(void *out, const float *x, size_t columns)
{
    memcpy(out, x, columns * sizeof *x);
}

const amphi_kernels amphi__kernels_avx512 = {
    .name = "avx512vnni",
    .supported = supported,
    .weights =
        {
            [AMPHI_WEIGHT_F32] = {AMPHI_ACTIVATION_F32, matmul_f32},
            [AMPHI_WEIGHT_F16] = {AMPHI_ACTIVATION_F32, matmul_f16},
            [AMPHI_WEIGHT_BF16] = {AMPHI_ACTIVATION_F32, matmul_bf16},
            [AMPHI_WEIGHT_Q8_0] = {AMPHI_ACTIVATION_Q8, amphi__avx512_matmul_q8_0},
            [AMPHI_WEIGHT_Q4_0] = {AMPHI_ACTIVATION_Q8, amphi__avx512_matmul_q4_0},
            [AMPHI_WEIGHT_Q4_1] = {AMPHI_ACTIVATION_Q8, amphi__avx512_matmul_q4_1},
            [AMPHI_WEIGHT_Q5_0] = {AMPHI_ACTIVATION_Q8, amphi__avx512_matmul_q5_0},
            [AMPHI_WEIGHT_Q5_1] = {AMPHI_ACTIVATION_Q8, amphi__avx512_matmul_q5_1},
            [AMPHI_WEIGHT_IQ4_NL] = {AMPHI_ACTIVATION_Q8, amphi__avx512_matmul_iq4_nl},
            [AMPHI_WEIGHT_Q2_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx512_matmul_q2_k},
            [AMPHI_WEIGHT_Q3_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx512_matmul_q3_k},
            [AMPHI_WEIGHT_Q4_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx512_matmul_q4_k},
            [AMPHI_WEIGHT_Q5_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx512_matmul_q5_k},
            [AMPHI_WEIGHT_Q6_K] = {AMPHI_ACTIVATION_Q8_K, amphi__avx512_matmul_q6_k},
            [AMPHI_WEIGHT_IQ4_XS] = {AMPHI_ACTIVATION_Q8_K, amphi__avx512_matmul_iq4_xs},
        },
    .quantize = {quantize_f32, amphi__avx2_quantize_q8, amphi__avx2_quantize_q8_k},
    .rmsnorm = amphi__avx2_rmsnorm,
    .add = amphi__avx2_add,
    .swiglu = amphi__avx2_swiglu,
    .geglu = amphi__avx2_geglu,
    .to_half = amphi__avx2_to_half,
    .attend = amphi__avx2_attend,
};
