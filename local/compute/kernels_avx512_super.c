/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX-512 VNNI products for weight types with blocks of 256, activations of the form Q8_K. For
 * each block both ways compute two exact integers, total = sum over groups of scale * dot and
 * offset = sum over groups of minimum * x_sum, and then, block after block,
 *
 *     sum = (d * x_scale) * total + sum;  sum = -(m * x_scale) * offset + sum
 *
 * with fused multiply-adds.
 */
#include "local/compute/kernels_avx512.h"

#include <math.h>

/* IQ4_XS is signed; its bytes are moved up by 128 and the minima take it back. */
INLINE void unpack_unsigned(super_values *out, const uint8_t *data, super_kind kind)
{
    unpack_super(out, data, kind);
    if (kind != KIND_IQ4_XS)
        return;
    for (int g = 0; g < 8; g++)
        out->q[g] = to_unsigned(out->q[g]);
    out->minima = _mm256_slli_epi16(out->scales, 7);
    out->m = out->d;
}

/* --- row by row --- */

INLINE __m512i join(__m256i low, __m256i high)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

INLINE float step_row(
    float sum, const super_values *w, const int8_t *x, const int16_t *x_sums, float x_scale)
{
    const __m512i first = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    __m512i scales = _mm512_cvtepi16_epi32(w->scales);
    __m512i totals = _mm512_setzero_si512();
    for (int pair = 0; pair < 4; pair++) {
        __m512i q = join(w->q[pair * 2], w->q[pair * 2 + 1]);
        __m512i dot =
            _mm512_dpbusd_epi32(_mm512_setzero_si512(), q, _mm512_loadu_si512(x + pair * 64));
        __m512i scale =
            _mm512_permutexvar_epi32(_mm512_add_epi32(first, _mm512_set1_epi32(pair * 4)), scales);
        totals = _mm512_add_epi32(totals, _mm512_mullo_epi32(dot, scale));
    }
    __m256i total =
        _mm256_add_epi32(_mm512_castsi512_si256(totals), _mm512_extracti64x4_epi64(totals, 1));
    __m256i offset = _mm256_madd_epi16(w->minima, load_bytes(x_sums));
    __m256i both = _mm256_hadd_epi32(total, offset); /* t t o o in each half */
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    half = _mm_hadd_epi32(half, half); /* t o t o */
    __m128 numbers = _mm_cvtepi32_ps(half);
    sum = fmaf(w->d * x_scale, _mm_cvtss_f32(numbers), sum);
    return fmaf(-(w->m * x_scale), _mm_cvtss_f32(_mm_movehdup_ps(numbers)), sum);
}

INLINE void matmul_rows(
    const amphi_matmul *job, size_t from, size_t to, size_t token, super_kind kind)
{
    const uint8_t *x = job->activations + token * job->activation_bytes;
    const int8_t *values = amphi__q8k_values(x, job->columns);
    const int16_t *sums = amphi__q8k_sums(x, job->columns);
    size_t blocks = job->columns / 256;
    for (size_t r = from; r < to; r++) {
        const uint8_t *weights = job->weights + r * job->row_bytes;
        float sum = 0;
        for (size_t b = 0; b < blocks; b++, weights += super_bytes(kind)) {
            super_values w;
            prefetch_ahead(weights, job->row_bytes, super_bytes(kind));
            unpack_unsigned(&w, weights, kind);
            sum = step_row(sum, &w, values + b * 256, sums + b * 16, amphi__q8_scales(x)[b]);
        }
        job->out[token * job->out_stride + r] = sum;
    }
}

/* --- panels --- */

typedef struct panel {
    __m512i q[PANEL_COLUMNS / 4]; /* word j of each row's bytes */
    __m512i scales[16];           /* of each group */
    __m512i minima[16];           /* of groups 2i and 2i + 1, 16 bits each; the first eight */
    float d[PANEL_ROWS];
    float m[PANEL_ROWS];
    float sums[PANEL_TOKENS][PANEL_ROWS];
} panel;

INLINE void load_panel(
    panel *p, const amphi_matmul *job, size_t row, size_t rows, size_t block, super_kind kind)
{
    uint8_t bytes[PANEL_ROWS][PANEL_COLUMNS];
    int32_t scales[PANEL_ROWS][16];
    int32_t minima[PANEL_ROWS][16];
    for (size_t r = 0; r < PANEL_ROWS; r++) {
        super_values w;
        unpack_unsigned(&w,
            job->weights + (row + (r < rows ? r : 0)) * job->row_bytes + block * super_bytes(kind),
            kind);
        for (size_t g = 0; g < 8; g++)
            _mm256_storeu_si256((__m256i *)(bytes[r] + g * 32), w.q[g]);
        _mm512_storeu_si512(scales[r], _mm512_cvtepi16_epi32(w.scales));
        _mm512_storeu_si512(minima[r], _mm512_zextsi256_si512(w.minima));
        p->d[r] = w.d;
        p->m[r] = w.m;
    }
    for (size_t i = 0; i < 4; i++)
        transpose_words(p->q + i * 16, bytes[0] + i * 64, PANEL_COLUMNS);
    transpose_words(p->scales, scales, sizeof scales[0]);
    transpose_words(p->minima, minima, sizeof minima[0]);
}

INLINE void panel_tile(
    panel *p, const amphi_matmul *job, size_t first, size_t token, size_t tokens, size_t block)
{
    const int8_t *x[PANEL_TILE];
    const int16_t *x_sums[PANEL_TILE];
    __m512i totals[PANEL_TILE];
    __m512i offsets[PANEL_TILE];
    for (size_t t = 0; t < tokens; t++) {
        const uint8_t *row = job->activations + (first + token + t) * job->activation_bytes;
        x[t] = amphi__q8k_values(row, job->columns) + block * 256;
        x_sums[t] = amphi__q8k_sums(row, job->columns) + block * 16;
        totals[t] = offsets[t] = _mm512_setzero_si512();
    }
    for (size_t g = 0; g < 16; g++) {
        __m512i even[PANEL_TILE];
        __m512i odd[PANEL_TILE];
        for (size_t t = 0; t < tokens; t++)
            even[t] = odd[t] = _mm512_setzero_si512();
        for (size_t k = g * 4; k < g * 4 + 4; k += 2) {
            for (size_t t = 0; t < tokens; t++) {
                even[t] = _mm512_dpbusd_epi32(even[t], p->q[k], spread_word(x[t] + k * 4));
                odd[t] = _mm512_dpbusd_epi32(odd[t], p->q[k + 1], spread_word(x[t] + k * 4 + 4));
            }
        }
        __m512i scale = p->scales[g];
        for (size_t t = 0; t < tokens; t++)
            totals[t] = _mm512_add_epi32(
                totals[t], _mm512_mullo_epi32(_mm512_add_epi32(even[t], odd[t]), scale));
    }
    for (size_t i = 0; i < 8; i++)
        for (size_t t = 0; t < tokens; t++)
            offsets[t] =
                _mm512_dpwssd_epi32(offsets[t], p->minima[i], spread_word(x_sums[t] + i * 2));
    for (size_t t = 0; t < tokens; t++) {
        const uint8_t *row = job->activations + (first + token + t) * job->activation_bytes;
        __m512 x_scale = _mm512_set1_ps(amphi__q8_scales(row)[block]);
        __m512 sum = _mm512_loadu_ps(p->sums[token + t]);
        sum = _mm512_fmadd_ps(
            _mm512_mul_ps(_mm512_loadu_ps(p->d), x_scale), _mm512_cvtepi32_ps(totals[t]), sum);
        sum = _mm512_fnmadd_ps(
            _mm512_mul_ps(_mm512_loadu_ps(p->m), x_scale), _mm512_cvtepi32_ps(offsets[t]), sum);
        _mm512_storeu_ps(p->sums[token + t], sum);
    }
}

/* Once for all types: inlined six times, some copies ran at half the speed. */
static __attribute__((noinline)) void panel_tiles(
    panel *p, const amphi_matmul *job, size_t first, size_t tokens, size_t block)
{
    size_t t = 0;
    for (; t + PANEL_TILE <= tokens; t += PANEL_TILE)
        panel_tile(p, job, first, t, PANEL_TILE, block);
    for (; t < tokens; t++)
        panel_tile(p, job, first, t, 1, block);
}

INLINE void matmul_panel(
    const amphi_matmul *job, size_t row, size_t rows, size_t first, size_t tokens, super_kind kind)
{
    panel p;
    memset(p.sums, 0, tokens * sizeof p.sums[0]);
    for (size_t b = 0; b < job->columns / 256; b++) {
        load_panel(&p, job, row, rows, b, kind);
        panel_tiles(&p, job, first, tokens, b);
    }
    __mmask16 mask = (__mmask16)((1u << rows) - 1);
    for (size_t t = 0; t < tokens; t++)
        _mm512_mask_storeu_ps(
            job->out + (first + t) * job->out_stride + row, mask, _mm512_loadu_ps(p.sums[t]));
}

INLINE void matmul_supers(const amphi_matmul *job, size_t from, size_t to, super_kind kind)
{
    size_t t = 0;
    while (job->tokens - t >= PANEL_WORTH) {
        size_t left = job->tokens - t;
        size_t tokens = left < PANEL_TOKENS ? left : PANEL_TOKENS;
        for (size_t r = from; r < to; r += PANEL_ROWS)
            matmul_panel(job, r, to - r < PANEL_ROWS ? to - r : PANEL_ROWS, t, tokens, kind);
        t += tokens;
    }
    for (; t < job->tokens; t++)
        matmul_rows(job, from, to, t, kind);
}

#define MATMUL_SUPERS(name, kind)                                                                  \
    void amphi__avx512_matmul_##name(const amphi_matmul *job, size_t from, size_t to)              \
    {                                                                                              \
        matmul_supers(job, from, to, kind);                                                        \
    }

MATMUL_SUPERS(q2_k, KIND_Q2_K)
MATMUL_SUPERS(q3_k, KIND_Q3_K)
MATMUL_SUPERS(q4_k, KIND_Q4_K)
MATMUL_SUPERS(q5_k, KIND_Q5_K)
MATMUL_SUPERS(q6_k, KIND_Q6_K)
MATMUL_SUPERS(iq4_xs, KIND_IQ4_XS)
