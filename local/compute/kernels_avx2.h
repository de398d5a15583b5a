/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the AVX2 table share: register tools, and the functions that they give to the
 * table in kernels_avx2.c. Only for files that are compiled with -mavx2 -mfma -mf16c.
 */
#ifndef AMPHI_COMPUTE_KERNELS_AVX2_H
#define AMPHI_COMPUTE_KERNELS_AVX2_H

#include "local/compute/blocks.h"
#include "local/compute/kernels.h"

#include <cpuid.h>
#include <immintrin.h>

#define INLINE      static inline __attribute__((always_inline))
#define TOKENS_TILE 4 /* tokens for which unpacked weights are used at once */

/* kernels_avx2_super.c */
void amphi__avx2_matmul_q2_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx2_matmul_q3_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx2_matmul_q4_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx2_matmul_q5_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx2_matmul_q6_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx2_matmul_iq4_xs(const amphi_matmul *job, size_t from, size_t to);

/* kernels_avx2_vector.c */
void amphi__avx2_quantize_q8(void *out, const float *x, size_t columns);
void amphi__avx2_quantize_q8_k(void *out, const float *x, size_t columns);
void amphi__avx2_rmsnorm(float *out, const float *x, const float *weight, size_t n, float epsilon);
void amphi__avx2_add(float *x, const float *y, size_t n);
void amphi__avx2_swiglu(float *gate, const float *up, size_t n);
void amphi__avx2_geglu(float *gate, const float *up, size_t n);
void amphi__avx2_to_half(uint16_t *out, const float *x, size_t n);
void amphi__avx2_attend(const amphi_attend *job);

/* By hand: clang's __builtin_cpu_supports does not know the name. */
INLINE bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

INLINE float sum_lanes(__m256 x)
{
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

INLINE float half_at(uint16_t half)
{
    return _cvtsh_ss(half);
}

INLINE __m256i load_bytes(const void *data)
{
    return _mm256_loadu_si256((const __m256i *)data);
}

/* Low nibbles of 16 bytes, then their high ones. */
INLINE __m256i unpack_nibbles(const uint8_t *data)
{
    __m128i packed = _mm_loadu_si128((const __m128i *)data);
    __m256i both =
        _mm256_insertf128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

INLINE __m256i iq4_lookup(__m256i nibbles)
{
    __m256i table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)amphi__iq4_values));
    return _mm256_shuffle_epi8(table, nibbles);
}

#endif
