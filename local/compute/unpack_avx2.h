/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of quantized rows as vectors of bytes with their scales: shared by the tables for AVX2
 * and AVX-512. Blocks lie in memory as blocks.h says.
 */
#ifndef AMPHI_COMPUTE_UNPACK_AVX2_H
#define AMPHI_COMPUTE_UNPACK_AVX2_H

#include "local/compute/kernels_avx2.h"

typedef enum block_kind {
    KIND_Q8_0,
    KIND_IQ4_NL, /* these two have signed values */
    KIND_Q4_0,
    KIND_Q4_1,
    KIND_Q5_0,
    KIND_Q5_1
} block_kind;

/* 32 weights: value = d * q + m. q is signed for the first two kinds, and m is 0 then. */
typedef struct block_values {
    __m256i q;
    float d;
    float m;
} block_values;

INLINE size_t block_bytes(block_kind kind)
{
    static const uint8_t bytes[] = {34, 18, 18, 20, 22, 24};
    return bytes[kind];
}

/* Bit i of 32 becomes 16 in byte i. */
INLINE __m256i spread_fifth_bits(const uint8_t qh[4])
{
    int bits = 0;
    memcpy(&bits, qh, sizeof bits);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    return _mm256_maskz_set1_epi8((__mmask32)bits, 16);
#else
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits),
        _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0));
    __m256i mask = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, mask), mask);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
#endif
}

INLINE block_values unpack_block(const uint8_t *data, block_kind kind)
{
    block_values values = {_mm256_setzero_si256(), 0, 0};
    uint16_t d = 0;
    uint16_t m = 0;
    memcpy(&d, data, sizeof d);
    values.d = half_at(d);
    if (kind == KIND_Q8_0) {
        values.q = load_bytes(data + 2);
    } else if (kind == KIND_IQ4_NL) {
        values.q = iq4_lookup(unpack_nibbles(data + 2));
    } else if (kind == KIND_Q4_0) {
        values.q = unpack_nibbles(data + 2);
        values.m = -8 * values.d;
    } else if (kind == KIND_Q5_0) {
        values.q = _mm256_or_si256(unpack_nibbles(data + 6), spread_fifth_bits(data + 2));
        values.m = -16 * values.d;
    } else {
        memcpy(&m, data + 2, sizeof m);
        values.m = half_at(m);
        values.q = kind == KIND_Q4_1
                       ? unpack_nibbles(data + 4)
                       : _mm256_or_si256(unpack_nibbles(data + 8), spread_fifth_bits(data + 4));
    }
    return values;
}

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
    __m256i scales; /* of 16 groups, 16 bits each */
    __m256i minima;
    float d;
    float m;
} super_values;

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
    out->scales = _mm256_and_si256(both, _mm256_set1_epi16(15));
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
    out->scales = wide;
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
    __m128i eight = _mm_setr_epi32((int)bytes[0], (int)bytes[1], (int)bytes[2], (int)bytes[3]);
    /* each for two groups of 16 */
    out->scales = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(eight, eight));
    out->minima = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(eight, eight));
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
    out->scales = scales;
    out->minima = _mm256_slli_epi16(scales, 5); /* (q - 32) */
    out->d = half_at(block->d);
    out->m = out->d;
}

INLINE void unpack_iq4_xs(super_values *out, const amphi_block_iq4_xs *block)
{
    int16_t scales[16];
    for (int g = 0; g < 8; g++) {
        int low = block->scales_l[g / 2] >> (g % 2 * 4) & 15;
        int high = block->scales_h >> (g * 2) & 3;
        out->q[g] = iq4_lookup(unpack_nibbles(block->qs + g * 16));
        scales[2 * g] = scales[2 * g + 1] = (int16_t)((low | high << 4) - 32);
    }
    out->scales = load_bytes(scales);
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

#endif
