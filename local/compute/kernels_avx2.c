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
#include "local/compute/kernels.h"

#include "local/compute/blocks.h"
#include "local/compute/half.h"

#include <immintrin.h>
#include <math.h>

#define INLINE       static inline __attribute__((always_inline))
#define TOKENS_TILE  4

extern const amphi_kernels amphi__kernels_avx2;

static bool supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
}

/* --- small tools --- */

INLINE float sum_lanes(__m256 x)
{
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

INLINE float max_lanes(__m256 x)
{
    __m128 largest = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    largest = _mm_max_ps(largest, _mm_movehl_ps(largest, largest));
    return _mm_cvtss_f32(_mm_max_ss(largest, _mm_movehdup_ps(largest)));
}

INLINE float half_at(uint16_t half)
{
    return _cvtsh_ss(half);
}

INLINE __m256i load_bytes(const void *data)
{
    return _mm256_loadu_si256((const __m256i *)data);
}

/* e^x by splitting x into a power of two and a rest below ln(2)/2 (Cephes' polynomial). */
INLINE __m256 exp_lanes(__m256 x)
{
    x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.3f)), _mm256_set1_ps(88.3f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341f)),
        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    x = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    x = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), x);
    __m256 y = _mm256_set1_ps(1.9875691500e-4f);
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(1.3981999507e-3f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(8.3334519073e-3f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(4.1665795894e-2f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(1.6666665459e-1f));
    y = _mm256_fmadd_ps(y, x, _mm256_set1_ps(5.0000001201e-1f));
    y = _mm256_fmadd_ps(y, _mm256_mul_ps(x, x), _mm256_add_ps(x, _mm256_set1_ps(1)));
    __m256i power = _mm256_slli_epi32(
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(y, _mm256_castsi256_ps(power));
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
    __m256 even[4][TOKENS_TILE];
    __m256 odd[4][TOKENS_TILE];
    const uint8_t *weights[4];
    const float *x[TOKENS_TILE];
    for (size_t i = 0; i < rows; i++)
        weights[i] = job->weights + (r + i) * job->row_bytes;
    for (size_t j = 0; j < tokens; j++)
        x[j] = (const float *)(job->activations + (t + j) * job->activation_bytes);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < tokens; j++)
            even[i][j] = odd[i][j] = _mm256_setzero_ps();
    size_t c = 0;
    for (; c + 16 <= job->columns; c += 16) {
        for (size_t i = 0; i < rows; i++) {
            __m256 w0 = load_floats(weights[i], c, kind);
            __m256 w1 = load_floats(weights[i], c + 8, kind);
            for (size_t j = 0; j < tokens; j++) {
                even[i][j] = _mm256_fmadd_ps(w0, _mm256_loadu_ps(x[j] + c), even[i][j]);
                odd[i][j] = _mm256_fmadd_ps(w1, _mm256_loadu_ps(x[j] + c + 8), odd[i][j]);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < tokens; j++) {
            float sum = sum_lanes(_mm256_add_ps(even[i][j], odd[i][j]));
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
        for (size_t r = from; r < to; r++)
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

typedef enum block_kind {
    KIND_Q8_0,
    KIND_IQ4_NL, /* these two have signed values     */
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

/* Low nibbles of 16 bytes, then their high ones. */
INLINE __m256i unpack_nibbles(const uint8_t *data)
{
    __m128i packed = _mm_loadu_si128((const __m128i *)data);
    __m256i both = _mm256_insertf128_si256(
        _mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* Bit i of 32 becomes 16 in byte i. */
INLINE __m256i spread_fifth_bits(const uint8_t qh[4])
{
    int bits = 0;
    memcpy(&bits, qh, sizeof bits);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits),
        _mm256_set_epi64x(
            0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0));
    __m256i mask = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, mask), mask);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

INLINE __m256i iq4_lookup(__m256i nibbles)
{
    __m256i table = _mm256_broadcastsi128_si256(
        _mm_loadu_si128((const __m128i *)amphi__iq4_values));
    return _mm256_shuffle_epi8(table, nibbles);
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

/* 32 products of bytes in eight sums. */
INLINE __m256i dot_bytes(__m256i weights, __m256i x, bool weights_signed)
{
    __m256i pairs = weights_signed ? _mm256_maddubs_epi16(_mm256_abs_epi8(weights),
                                         _mm256_sign_epi8(x, weights))
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
        size_t r = from;
        for (; r + 4 <= to; r += 4)
            block_tile(job, r, 4, t, 1, kind);
        for (; r < to; r++)
            block_tile(job, r, 1, t, 1, kind);
    }
}

#define MATMUL_BLOCKS(name, kind)                                                                 \
    static void matmul_##name(const amphi_matmul *job, size_t from, size_t to)                    \
    {                                                                                             \
        matmul_blocks(job, from, to, kind);                                                       \
    }

MATMUL_BLOCKS(q8_0, KIND_Q8_0)
MATMUL_BLOCKS(iq4_nl, KIND_IQ4_NL)
MATMUL_BLOCKS(q4_0, KIND_Q4_0)
MATMUL_BLOCKS(q4_1, KIND_Q4_1)
MATMUL_BLOCKS(q5_0, KIND_Q5_0)
MATMUL_BLOCKS(q5_1, KIND_Q5_1)

/* --- types with blocks of 256, activations Q8_K --- */

typedef enum super_kind { KIND_Q2_K, KIND_Q3_K, KIND_Q4_K, KIND_Q5_K, KIND_Q6_K, KIND_IQ4_XS } super_kind;

/* 256 weights: value i = d * scales[i / 16] * q[i] - m * minima[i / 16]. q is signed for IQ4_XS. */
typedef struct super_values {
    __m256i q[8];
    __m256i scales[8]; /* group 2g in the low eight lanes of [g], 2g + 1 in the high ones */
    __m256i minima;
    float d;
    float m;
} super_values;

/* Sixteen scales to eight vectors. */
INLINE void spread_scales(super_values *out, __m256i scales)
{
    int16_t lanes[16];
    _mm256_storeu_si256((__m256i *)lanes, scales);
    for (int g = 0; g < 8; g++)
        out->scales[g] = _mm256_set_m128i(
            _mm_set1_epi16(lanes[2 * g + 1]), _mm_set1_epi16(lanes[2 * g]));
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
    for (int half = 0; half < 2; half++) {
        __m256i packed = load_bytes(block->qs + half * 32);
        for (int run = 0; run < 4; run++) {
            int bit = half * 4 + run;
            __m256i low = _mm256_and_si256(_mm256_srli_epi16(packed, run * 2), three);
            __m256i top = bit >= 2 ? _mm256_srli_epi16(high, bit - 2)
                                   : _mm256_slli_epi16(high, 2 - bit);
            out->q[bit] = _mm256_or_si256(low, _mm256_and_si256(top, four));
        }
    }
    int8_t scales[16];
    amphi__k3_scales(block->scales, scales);
    __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)scales));
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
        out->q[g] = _mm256_or_si256(
            _mm256_and_si256(low, fifteen), _mm256_and_si256(top, sixteen));
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
            out->q[half * 4 + run] = _mm256_or_si256(
                _mm256_and_si256(nibbles, fifteen), _mm256_and_si256(top, upper));
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
    case KIND_Q2_K: unpack_q2_k(out, (const amphi_block_q2_k *)data); break;
    case KIND_Q3_K: unpack_q3_k(out, (const amphi_block_q3_k *)data); break;
    case KIND_Q4_K: unpack_q4_k(out, (const amphi_block_q4_k *)data); break;
    case KIND_Q5_K: unpack_q5_k(out, (const amphi_block_q5_k *)data); break;
    case KIND_Q6_K: unpack_q6_k(out, (const amphi_block_q6_k *)data); break;
    case KIND_IQ4_XS: unpack_iq4_xs(out, (const amphi_block_iq4_xs *)data); break;
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
        __m256i pairs = kind == KIND_IQ4_XS
                            ? _mm256_maddubs_epi16(
                                  _mm256_abs_epi8(w->q[g]), _mm256_sign_epi8(q, w->q[g]))
                            : _mm256_maddubs_epi16(w->q[g], q);
        total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, w->scales[g]));
    }
    sum = _mm256_fmadd_ps(_mm256_set1_ps(w->d * x_scale), _mm256_cvtepi32_ps(total), sum);
    if (kind == KIND_IQ4_XS)
        return sum;
    __m256i offset = _mm256_madd_epi16(w->minima, load_bytes(x_sums));
    return _mm256_fnmadd_ps(_mm256_set1_ps(w->m * x_scale), _mm256_cvtepi32_ps(offset), sum);
}

INLINE void super_tile(
    const amphi_matmul *job, size_t r, size_t t, size_t tokens, super_kind kind)
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

#define MATMUL_SUPERS(name, kind)                                                                 \
    static void matmul_##name(const amphi_matmul *job, size_t from, size_t to)                    \
    {                                                                                             \
        matmul_supers(job, from, to, kind);                                                       \
    }

MATMUL_SUPERS(q2_k, KIND_Q2_K)
MATMUL_SUPERS(q3_k, KIND_Q3_K)
MATMUL_SUPERS(q4_k, KIND_Q4_K)
MATMUL_SUPERS(q5_k, KIND_Q5_K)
MATMUL_SUPERS(q6_k, KIND_Q6_K)
MATMUL_SUPERS(iq4_xs, KIND_IQ4_XS)

/* --- activations --- */

static void quantize_f32(void *out, const float *x, size_t columns)
{
    memcpy(out, x, columns * sizeof *x);
}

/* Like the reference, NaN counts as 0 and nothing passes +-127. */
INLINE __m256 quotients(const float *x, __m256 inverse)
{
    __m256 value = _mm256_mul_ps(_mm256_loadu_ps(x), inverse);
    value = _mm256_and_ps(value, _mm256_cmp_ps(value, value, _CMP_ORD_Q));
    value = _mm256_max_ps(value, _mm256_set1_ps(-127));
    return _mm256_min_ps(value, _mm256_set1_ps(127));
}

/* 32 values to bytes, in order. */
INLINE __m256i quantize_32(const float *x, __m256 inverse)
{
    __m256i a = _mm256_cvtps_epi32(quotients(x, inverse));
    __m256i b = _mm256_cvtps_epi32(quotients(x + 8, inverse));
    __m256i c = _mm256_cvtps_epi32(quotients(x + 16, inverse));
    __m256i d = _mm256_cvtps_epi32(quotients(x + 24, inverse));
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

INLINE float largest_magnitude(const float *x, size_t n)
{
    __m256 largest = _mm256_setzero_ps();
    __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    for (size_t i = 0; i < n; i += 8) /* max(NaN, b) is b */
        largest = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x + i), mask), largest);
    return max_lanes(largest);
}

INLINE int sum_epi32(__m256i x)
{
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}

static void quantize_q8(void *out, const float *x, size_t columns)
{
    float *scales = out;
    float *sums = scales + columns / 32;
    int8_t *values = (int8_t *)(sums + columns / 32);
    for (size_t b = 0; b < columns / 32; b++, x += 32, values += 32) {
        float d = largest_magnitude(x, 32) / 127.0f;
        __m256i q = quantize_32(x, _mm256_set1_ps(d > 0 ? 1.0f / d : 0));
        _mm256_storeu_si256((__m256i *)values, q);
        __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
        scales[b] = _cvtsh_ss(_cvtss_sh(d, 0));
        sums[b] = scales[b] * (float)sum_epi32(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
}

static void quantize_q8_k(void *out, const float *x, size_t columns)
{
    float *scales = out;
    int16_t *sums = (int16_t *)(scales + columns / 256);
    int8_t *values = (int8_t *)(sums + columns / 16);
    for (size_t b = 0; b < columns / 256; b++) {
        float largest = largest_magnitude(x, 256);
        float inverse = largest > 0 ? 127.0f / largest : 0;
        for (int group = 0; group < 8; group++, x += 32, values += 32, sums += 2) {
            __m256i q = quantize_32(x, _mm256_set1_ps(inverse));
            _mm256_storeu_si256((__m256i *)values, q);
            __m256i quads = _mm256_madd_epi16(
                _mm256_maddubs_epi16(_mm256_set1_epi8(1), q), _mm256_set1_epi16(1));
            __m256i low = _mm256_permute2x128_si256(quads, _mm256_setzero_si256(), 0x20);
            __m256i high = _mm256_permute2x128_si256(quads, _mm256_setzero_si256(), 0x21);
            sums[0] = (int16_t)sum_epi32(low);
            sums[1] = (int16_t)sum_epi32(high);
        }
        scales[b] = inverse > 0 ? 1.0f / inverse : 0;
    }
}

/* --- per token --- */

static void rmsnorm(float *out, const float *x, const float *weight, size_t n, float epsilon)
{
    __m256 squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256 a = _mm256_loadu_ps(x + i);
        __m256 b = _mm256_loadu_ps(x + i + 8);
        squares[0] = _mm256_fmadd_ps(a, a, squares[0]);
        squares[1] = _mm256_fmadd_ps(b, b, squares[1]);
    }
    float sum = sum_lanes(_mm256_add_ps(squares[0], squares[1]));
    for (; i < n; i++)
        sum += x[i] * x[i];
    float scale = 1.0f / sqrtf(sum / (float)n + epsilon);
    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i,
            _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(scale)),
                _mm256_loadu_ps(weight + i)));
    for (; i < n; i++)
        out[i] = x[i] * scale * weight[i];
}

static void add(float *x, const float *y, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

INLINE __m256 silu_lanes(__m256 x)
{
    __m256 one = _mm256_set1_ps(1);
    return _mm256_div_ps(x, _mm256_add_ps(one, exp_lanes(_mm256_sub_ps(_mm256_setzero_ps(), x))));
}

static void swiglu(float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(gate + i,
            _mm256_mul_ps(silu_lanes(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i)));
    for (; i < n; i++)
        gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

/* 0.5 (1 + tanh(y)) = 1 / (1 + e^(-2y)) */
INLINE __m256 gelu_lanes(__m256 x)
{
    __m256 one = _mm256_set1_ps(1);
    __m256 cubic = _mm256_fmadd_ps(
        _mm256_mul_ps(_mm256_set1_ps(0.044715f), x), x, one);
    __m256 inner = _mm256_mul_ps(
        _mm256_mul_ps(_mm256_set1_ps(-2 * 0.79788456080286535588f), x), cubic);
    return _mm256_div_ps(x, _mm256_add_ps(one, exp_lanes(inner)));
}

static void geglu(float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(gate + i,
            _mm256_mul_ps(gelu_lanes(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i)));
    for (; i < n; i++) {
        float x = gate[i];
        float inner = 0.79788456080286535588f * x * (1.0f + 0.044715f * x * x);
        gate[i] = 0.5f * x * (1.0f + tanhf(inner)) * up[i];
    }
}

static void to_half(uint16_t *out, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128(
            (__m128i *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        out[i] = amphi__float_to_half(x[i]);
}

INLINE float dot_key(const float *query, const uint16_t *key, size_t n)
{
    __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(query + i),
            load_floats((const uint8_t *)key, i, KIND_F16), sums[0]);
        sums[1] = _mm256_fmadd_ps(_mm256_loadu_ps(query + i + 8),
            load_floats((const uint8_t *)key, i + 8, KIND_F16), sums[1]);
    }
    float sum = sum_lanes(_mm256_add_ps(sums[0], sums[1]));
    for (; i < n; i++)
        sum += query[i] * half_at(key[i]);
    return sum;
}

/* Scores to e^(score - largest); returns their sum. */
INLINE float exp_scores(float *scores, size_t count, float largest)
{
    __m256 sums = _mm256_setzero_ps();
    size_t p = 0;
    for (; p + 8 <= count; p += 8) {
        __m256 weight = exp_lanes(
            _mm256_sub_ps(_mm256_loadu_ps(scores + p), _mm256_set1_ps(largest)));
        _mm256_storeu_ps(scores + p, weight);
        sums = _mm256_add_ps(sums, weight);
    }
    float total = sum_lanes(sums);
    for (; p < count; p++) {
        scores[p] = expf(scores[p] - largest);
        total += scores[p];
    }
    return total;
}

/* `vectors` times eight components of the weighted sum of values. */
INLINE void mix_values(
    const amphi_attend *job, size_t at, size_t vectors, float inverse, size_t count)
{
    __m256 sums[8];
    const uint16_t *value = job->values + job->from * job->value_size + at;
    for (size_t v = 0; v < vectors; v++)
        sums[v] = _mm256_setzero_ps();
    for (size_t p = 0; p < count; p++, value += job->value_size) {
        __m256 weight = _mm256_set1_ps(job->scores[p]);
        for (size_t v = 0; v < vectors; v++)
            sums[v] = _mm256_fmadd_ps(
                weight, load_floats((const uint8_t *)value, v * 8, KIND_F16), sums[v]);
    }
    for (size_t v = 0; v < vectors; v++)
        _mm256_storeu_ps(
            job->out + at + v * 8, _mm256_mul_ps(sums[v], _mm256_set1_ps(inverse)));
}

static void attend(const amphi_attend *job)
{
    size_t count = job->to - job->from;
    float largest = -INFINITY;
    for (size_t p = 0; p < count; p++) {
        const uint16_t *key = job->keys + (job->from + p) * job->key_size;
        float score = dot_key(job->query, key, job->key_size) * job->scale;
        job->scores[p] = score;
        largest = score > largest ? score : largest;
    }
    float inverse = 1.0f / exp_scores(job->scores, count, largest);
    size_t i = 0;
    for (; i + 64 <= job->value_size; i += 64)
        mix_values(job, i, 8, inverse, count);
    for (; i + 8 <= job->value_size; i += 8)
        mix_values(job, i, 1, inverse, count);
    for (; i < job->value_size; i++) {
        float sum = 0;
        for (size_t p = 0; p < count; p++)
            sum += job->scores[p] * half_at(job->values[(job->from + p) * job->value_size + i]);
        job->out[i] = sum * inverse;
    }
}

const amphi_kernels amphi__kernels_avx2 = {
    .struct_size = sizeof(amphi_kernels),
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
            [AMPHI_WEIGHT_Q2_K] = {AMPHI_ACTIVATION_Q8_K, matmul_q2_k},
            [AMPHI_WEIGHT_Q3_K] = {AMPHI_ACTIVATION_Q8_K, matmul_q3_k},
            [AMPHI_WEIGHT_Q4_K] = {AMPHI_ACTIVATION_Q8_K, matmul_q4_k},
            [AMPHI_WEIGHT_Q5_K] = {AMPHI_ACTIVATION_Q8_K, matmul_q5_k},
            [AMPHI_WEIGHT_Q6_K] = {AMPHI_ACTIVATION_Q8_K, matmul_q6_k},
            [AMPHI_WEIGHT_IQ4_XS] = {AMPHI_ACTIVATION_Q8_K, matmul_iq4_xs},
        },
    .quantize = {quantize_f32, quantize_q8, quantize_q8_k},
    .rmsnorm = rmsnorm,
    .add = add,
    .swiglu = swiglu,
    .geglu = geglu,
    .to_half = to_half,
    .attend = attend,
};
