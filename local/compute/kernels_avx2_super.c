/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX2 products for the weight types with blocks of 256, against activations of the form Q8_K.
 * All six are brought into one shape, eight vectors of 32 values with sixteen scales and minima,
 * and then multiplied by the same code.
 */
#include "local/compute/unpack_avx2.h"

/* Sixteen scales to eight vectors: each pair is copied over its two lanes of 128 bits. */
INLINE void spread_scales(__m256i out[8], __m256i scales)
{
    __m256i halves[2] = {_mm256_permute2x128_si256(scales, scales, 0x00),
        _mm256_permute2x128_si256(scales, scales, 0x11)};
    __m256i pattern = _mm256_set_m128i(_mm_set1_epi16(0x0302), _mm_set1_epi16(0x0100));
    for (int g = 0; g < 4; g++) {
        out[g] = _mm256_shuffle_epi8(halves[0], pattern);
        out[g + 4] = _mm256_shuffle_epi8(halves[1], pattern);
        pattern = _mm256_add_epi8(pattern, _mm256_set1_epi8(4));
    }
}

/* Adds one block's product with one token to `sum`. Products of 16 values stay below 2^15 as
 * pairs: 63 * 127 * 2. */
INLINE __m256 add_super(__m256 sum, const super_values *w, const __m256i scales[8], const int8_t *x,
    const int16_t *x_sums, float x_scale, super_kind kind)
{
    __m256i total = _mm256_setzero_si256();
    for (int g = 0; g < 8; g++) {
        __m256i q = load_bytes(x + g * 32);
        __m256i pairs = kind == KIND_IQ4_XS ? _mm256_maddubs_epi16(_mm256_abs_epi8(w->q[g]),
                                                  _mm256_sign_epi8(q, w->q[g]))
                                            : _mm256_maddubs_epi16(w->q[g], q);
        total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, scales[g]));
    }
    sum = _mm256_fmadd_ps(_mm256_set1_ps(w->d * x_scale), _mm256_cvtepi32_ps(total), sum);
    if (kind == KIND_IQ4_XS)
        return sum;
    __m256i offset = _mm256_madd_epi16(w->minima, load_bytes(x_sums));
    return _mm256_fnmadd_ps(_mm256_set1_ps(w->m * x_scale), _mm256_cvtepi32_ps(offset), sum);
}

INLINE void super_tile(const amphi_matmul *job, size_t r, size_t t, size_t tokens, super_kind kind)
{
    __m256 sums[TOKENS_TILE];
    const uint8_t *x[TOKENS_TILE];
    size_t blocks = job->columns / 256;
    for (size_t j = 0; j < tokens; j++) {
        x[j] = job->activations + (t + j) * job->activation_bytes;
        sums[j] = _mm256_setzero_ps();
    }
    const uint8_t *weights = job->weights + r * job->row_bytes;
    for (size_t b = 0; b < blocks; b++, weights += super_bytes(kind)) {
        super_values w;
        __m256i scales[8];
        unpack_super(&w, weights, kind);
        spread_scales(scales, w.scales);
        for (size_t j = 0; j < tokens; j++)
            sums[j] =
                add_super(sums[j], &w, scales, amphi__q8k_values(x[j], job->columns) + b * 256,
                    amphi__q8k_sums(x[j], job->columns) + b * 16, amphi__q8_scales(x[j])[b], kind);
    }
    for (size_t j = 0; j < tokens; j++)
        job->out[(t + j) * job->out_stride + r] = sum_lanes(sums[j]);
}

INLINE void matmul_supers(const amphi_matmul *job, size_t from, size_t to, super_kind kind)
{
    size_t t = 0;
    for (; t + TOKENS_TILE <= job->tokens; t += TOKENS_TILE)
        for (size_t r = from; r < to; r++)
            super_tile(job, r, t, TOKENS_TILE, kind);
    for (; t < job->tokens; t++)
        for (size_t r = from; r < to; r++)
            super_tile(job, r, t, 1, kind);
}

#define MATMUL_SUPERS(name, kind)                                                                  \
    void amphi__avx2_matmul_##name(const amphi_matmul *job, size_t from, size_t to)                \
    {                                                                                              \
        matmul_supers(job, from, to, kind);                                                        \
    }

MATMUL_SUPERS(q2_k, KIND_Q2_K)
MATMUL_SUPERS(q3_k, KIND_Q3_K)
MATMUL_SUPERS(q4_k, KIND_Q4_K)
MATMUL_SUPERS(q5_k, KIND_Q5_K)
MATMUL_SUPERS(q6_k, KIND_Q6_K)
MATMUL_SUPERS(iq4_xs, KIND_IQ4_XS)
