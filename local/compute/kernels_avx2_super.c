/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX2 products for the weight types with blocks of 256, against activations of the form Q8_K.
 * All six are brought into one shape, eight vectors of 32 values with sixteen scales and minima,
 * and then multiplied by the same code. Blocks lie in memory as blocks.h says.
 */
#include "local/compute/kernels_avx2.h"

typedef enum super_kind {
    KIND_Q2_K,
    KIND_Q3_K,
    KIND_Q4_K,
    KIND_Q5_K,
    KIND_Q6_K,
    KIND_IQ4_XS
} super_kind;

/* 256 weights: value i = d * scales[i / 16] * q[i] - m * minima[i / 16]. q is signed for IQ4_XS. */
typedef struct super_values {
    __m256i q[8];
    __m256i scales[8]; /* group 2g in the low eight lanes of [g], 2g + 1 in the high ones */
    __m256i minima;
    float d;
    float m;
} super_values;

/* Sixteen scales to eight vectors: each pair is copied over its two lanes of 128 bits. */
INLINE void spread_scales(super_values *out, __m256i scales)
{
    __m256i halves[2] = {_mm256_permute2x128_si256(scales, scales, 0x00),
        _mm256_permute2x128_si256(scales, scales, 0x11)};
    __m256i pattern = _mm256_set_m128i(_mm_set1_epi16(0x0302), _mm_set1_epi16(0x0100));
    for (int g = 0; g < 4; g++) {
        out->scales[g] = _mm256_shuffle_epi8(halves[0], pattern);
        out->scales[g + 4] = _mm256_shuffle_epi8(halves[1], pattern);
        pattern = _mm256_add_epi8(pattern, _mm256_set1_epi8(4));
    }
}

INLINE void unpack_q2_k(super_values *out, const amphi_block_q2_k *block)
{
    __m256i three = _mm256_set1_epi8(3);
    for (int half = 0; half < 2; half++) {
        __m256i packed = load_bytes(block->qs + half * 32);
        out->q[half * 4] = _mm256_and_si256(packed, three);
        out->q[half * 4 + 1] = _mm256_and_si256(_mm256_srli_epi16(packed, 2), three);
        out->q[half * 4 + 2] = _mm256_and_si256(_mm256_srli_epi16(packed, 4), three);
        out->q[half * 4 + 3] = _mm256_and_si256(_mm256_srli_epi16(packed, 6), three);
    }
    __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)block->scales));
    spread_scales(out, _mm256_and_si256(both, _mm256_set1_epi16(15)));
    out->minima = _mm256_srli_epi16(both, 4);
    out->d = half_at(block->d);
    out->m = half_at(block->dmin);
}

INLINE void unpack_q3_k(super_values *out, const amphi_block_q3_k *block)
{
    __m256i three = _mm256_set1_epi8(3);
    __m256i four = _mm256_set1_epi8(4);
    __m256i high = load_bytes(block->hmask);
    __m256i bit = _mm256_set1_epi8(1);
    for (int g = 0; g < 8; g++) {
        __m256i packed = load_bytes(block->qs + g / 4 * 32);
        __m256i low = _mm256_and_si256(_mm256_srli_epi16(packed, g % 4 * 2), three);
        __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(high, bit), bit);
        out->q[g] = _mm256_or_si256(low, _mm256_and_si256(set, four));
        bit = _mm256_add_epi8(bit, bit);
    }
    uint32_t words[3]; /* the same as amphi__k3_scales, four scales at a time */
    memcpy(words, block->scales, sizeof words);
    uint32_t scales[4];
    for (int i = 0; i < 4; i++)
        scales[i] = (words[i & 1] >> (i / 2 * 4) & 0x0f0f0f0f) | (words[2] >> (i * 2) & 0x03030303)
                                                                     << 4;
    __m256i wide = _mm256_cvtepu8_epi16(
        _mm_set_epi32((int)scales[3], (int)scales[2], (int)scales[1], (int)scales[0]));
    wide = _mm256_sub_epi16(wide, _mm256_set1_epi16(32));
    spread_scales(out, wide);
    out->minima = _mm256_slli_epi16(wide, 2); /* (q - 4) */
    out->d = half_at(block->d);
    out->m = out->d;
}

/* The eight scales and minima of Q4_K and Q5_K, unpacked with three word operations. */
INLINE void unpack_k4_scales(super_values *out, const uint8_t packed[12])
{
    uint32_t words[3];
    uint32_t bytes[4];
    memcpy(words, packed, sizeof words);
    bytes[0] = words[0] & 0x3f3f3f3f;
    bytes[1] = (words[2] & 0x0f0f0f0f) | ((words[0] >> 6) & 0x03030303) << 4;
    bytes[2] = words[1] & 0x3f3f3f3f;
    bytes[3] = ((words[2] >> 4) & 0x0f0f0f0f) | ((words[1] >> 6) & 0x03030303) << 4;
    __m128i eight = _mm_loadu_si128((const __m128i *)bytes);
    __m128i minima = _mm_unpackhi_epi8(eight, eight); /* each for two groups of 16 */
    for (int g = 0; g < 8; g++)
        out->scales[g] = _mm256_set1_epi16(((const uint8_t *)bytes)[g]);
    out->minima = _mm256_cvtepu8_epi16(minima);
}

INLINE void unpack_q4_k(super_values *out, const amphi_block_q4_k *block)
{
    __m256i fifteen = _mm256_set1_epi8(15);
    for (int pair = 0; pair < 4; pair++) {
        __m256i packed = load_bytes(block->qs + pair * 32);
        out->q[pair * 2] = _mm256_and_si256(packed, fifteen);
        out->q[pair * 2 + 1] = _mm256_and_si256(_mm256_srli_epi16(packed, 4), fifteen);
    }
    unpack_k4_scales(out, block->scales);
    out->d = half_at(block->d);
    out->m = half_at(block->dmin);
}

INLINE void unpack_q5_k(super_values *out, const amphi_block_q5_k *block)
{
    __m256i fifteen = _mm256_set1_epi8(15);
    __m256i sixteen = _mm256_set1_epi8(16);
    __m256i high = load_bytes(block->qh);
    for (int g = 0; g < 8; g++) {
        __m256i packed = load_bytes(block->qs + g / 2 * 32);
        __m256i low = g % 2 ? _mm256_srli_epi16(packed, 4) : packed;
        __m256i top = g <= 4 ? _mm256_slli_epi16(high, 4 - g) : _mm256_srli_epi16(high, g - 4);
        out->q[g] = _mm256_or_si256(_mm256_and_si256(low, fifteen), _mm256_and_si256(top, sixteen));
    }
    unpack_k4_scales(out, block->scales);
    out->d = half_at(block->d);
    out->m = half_at(block->dmin);
}

INLINE void unpack_q6_k(super_values *out, const amphi_block_q6_k *block)
{
    __m256i fifteen = _mm256_set1_epi8(15);
    __m256i upper = _mm256_set1_epi8(48);
    for (int half = 0; half < 2; half++) {
        __m256i low[2] = {
            load_bytes(block->ql + half * 64), load_bytes(block->ql + half * 64 + 32)};
        __m256i high = load_bytes(block->qh + half * 32);
        for (int run = 0; run < 4; run++) {
            __m256i nibbles = run < 2 ? low[run] : _mm256_srli_epi16(low[run - 2], 4);
            __m256i top = run < 2    ? _mm256_slli_epi16(high, 4 - 2 * run)
                          : run == 2 ? high
                                     : _mm256_srli_epi16(high, 2);
            out->q[half * 4 + run] =
                _mm256_or_si256(_mm256_and_si256(nibbles, fifteen), _mm256_and_si256(top, upper));
        }
    }
    __m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)block->scales));
    spread_scales(out, scales);
    out->minima = _mm256_slli_epi16(scales, 5); /* (q - 32) */
    out->d = half_at(block->d);
    out->m = out->d;
}

INLINE void unpack_iq4_xs(super_values *out, const amphi_block_iq4_xs *block)
{
    for (int g = 0; g < 8; g++) {
        int low = block->scales_l[g / 2] >> (g % 2 * 4) & 15;
        int high = block->scales_h >> (g * 2) & 3;
        out->q[g] = iq4_lookup(unpack_nibbles(block->qs + g * 16));
        out->scales[g] = _mm256_set1_epi16((short)((low | high << 4) - 32));
    }
    out->minima = _mm256_setzero_si256();
    out->d = half_at(block->d);
    out->m = 0;
}

INLINE size_t super_bytes(super_kind kind)
{
    static const uint8_t bytes[] = {84, 110, 144, 176, 210, 136};
    return bytes[kind];
}

INLINE void unpack_super(super_values *out, const uint8_t *data, super_kind kind)
{
    switch (kind) {
    case KIND_Q2_K:
        unpack_q2_k(out, (const amphi_block_q2_k *)data);
        break;
    case KIND_Q3_K:
        unpack_q3_k(out, (const amphi_block_q3_k *)data);
        break;
    case KIND_Q4_K:
        unpack_q4_k(out, (const amphi_block_q4_k *)data);
        break;
    case KIND_Q5_K:
        unpack_q5_k(out, (const amphi_block_q5_k *)data);
        break;
    case KIND_Q6_K:
        unpack_q6_k(out, (const amphi_block_q6_k *)data);
        break;
    case KIND_IQ4_XS:
        unpack_iq4_xs(out, (const amphi_block_iq4_xs *)data);
        break;
    }
}

/* Adds one block's product with one token to `sum`. Products of 16 values stay below 2^15 as
 * pairs: 63 * 127 * 2. */
INLINE __m256 add_super(__m256 sum, const super_values *w, const int8_t *x, const int16_t *x_sums,
    float x_scale, super_kind kind)
{
    __m256i total = _mm256_setzero_si256();
    for (int g = 0; g < 8; g++) {
        __m256i q = load_bytes(x + g * 32);
        __m256i pairs = kind == KIND_IQ4_XS ? _mm256_maddubs_epi16(_mm256_abs_epi8(w->q[g]),
                                                  _mm256_sign_epi8(q, w->q[g]))
                                            : _mm256_maddubs_epi16(w->q[g], q);
        total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, w->scales[g]));
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
        unpack_super(&w, weights, kind);
        for (size_t j = 0; j < tokens; j++)
            sums[j] = add_super(sums[j], &w, amphi__q8k_values(x[j], job->columns) + b * 256,
                amphi__q8k_sums(x[j], job->columns) + b * 16, amphi__q8_scales(x[j])[b], kind);
    }
    for (size_t j = 0; j < tokens; j++)
        job->out[(t + j) * job->out_stride + r] = sum_lanes(sums[j]);
}

INLINE void matmul_supers(const amphi_matmul *job, size_t from, size_t to, super_kind kind)
{
    size_t t = 0;
    for (; t + TOKENS_TILE <= job->tokens; t += TOKENS_TILE) {
        for (size_t r = from; r < to; r++)
            super_tile(job, r, t, TOKENS_TILE, kind);
    }
    for (; t < job->tokens; t++) {
        for (size_t r = from; r < to; r++)
            super_tile(job, r, t, 1, kind);
    }
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
