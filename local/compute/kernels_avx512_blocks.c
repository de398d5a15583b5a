/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX-512 VNNI products for weight types with blocks of 32, activations of the form Q8. All six
 * become unsigned bytes: value = d * q + m. Eight blocks (256 columns) are one step:
 *
 *     g_i = (dot_i * (d_i * x_scale_i)) + m_i * x_sum_i     for i in 0 .. 7; 0 past the row's end
 *     sum += ((g_0 + g_4) + (g_2 + g_6)) + ((g_1 + g_5) + (g_3 + g_7))
 *
 * where g_i is one multiplication and one fused multiply-add.
 */
#include "local/compute/kernels_avx512.h"

#define STEP_BLOCKS 8

/* Some block types are signed; their bytes are moved up by 128 and m takes it back. */
INLINE block_values unpack_unsigned(const uint8_t *data, block_kind kind)
{
    block_values values = unpack_block(data, kind);
    if (kind == KIND_Q8_0 || kind == KIND_IQ4_NL) {
        values.q = to_unsigned(values.q);
        values.m = -128 * values.d;
    }
    return values;
}

/* --- row by row --- */

/* Eight vectors of eight sums to the eight totals. */
INLINE __m256i total_eight(const __m256i sums[8])
{
    __m256i a =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    __m256i b =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[4], sums[5]), _mm256_hadd_epi32(sums[6], sums[7]));
    return _mm256_add_epi32(
        _mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

/* ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)) */
INLINE float add_lanes(__m256 g)
{
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(g), _mm256_extractf128_ps(g, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

/* A binary16 number of each of the first `count` blocks, as floats; the others are 0. */
INLINE __m256 gather_halves(const uint8_t *data, size_t stride, size_t count)
{
    uint16_t half[STEP_BLOCKS];
    for (size_t i = 0; i < STEP_BLOCKS; i++) {
        half[i] = 0;
        if (i < count)
            memcpy(&half[i], data + i * stride, sizeof half[i]);
    }
    /* Straight into a register: a vector load of eight fresh stores would wait for them. */
    return _mm256_cvtph_ps(_mm_setr_epi16((short)half[0], (short)half[1], (short)half[2],
        (short)half[3], (short)half[4], (short)half[5], (short)half[6], (short)half[7]));
}

/* The m of unpack_unsigned for eight blocks at once. */
INLINE __m256 gather_minima(const uint8_t *weights, __m256 d, size_t count, block_kind kind)
{
    if (kind == KIND_Q4_1 || kind == KIND_Q5_1)
        return gather_halves(weights + 2, block_bytes(kind), count);
    float factor = kind == KIND_Q4_0 ? -8.0f : kind == KIND_Q5_0 ? -16.0f : -128.0f;
    return _mm256_mul_ps(d, _mm256_set1_ps(factor));
}

INLINE float step_row(const uint8_t *weights, const uint8_t *x, size_t columns, size_t block,
    size_t count, block_kind kind)
{
    __m256i sums[STEP_BLOCKS];
    const int8_t *values = amphi__q8_values(x, columns) + block * 32;
    __mmask8 mask = (__mmask8)((1u << count) - 1);
    for (size_t i = 0; i < STEP_BLOCKS; i++) {
        sums[i] = _mm256_setzero_si256();
        if (i < count)
            sums[i] = _mm256_dpbusd_epi32(sums[i],
                unpack_unsigned(weights + i * block_bytes(kind), kind).q,
                load_bytes(values + i * 32));
    }
    __m256 d = gather_halves(weights, block_bytes(kind), count);
    __m256 m = gather_minima(weights, d, count, kind);
    __m256 scales = _mm256_mul_ps(d, _mm256_maskz_loadu_ps(mask, amphi__q8_scales(x) + block));
    __m256 g = _mm256_mul_ps(_mm256_cvtepi32_ps(total_eight(sums)), scales);
    g = _mm256_fmadd_ps(m, _mm256_maskz_loadu_ps(mask, amphi__q8_sums(x, columns) + block), g);
    return add_lanes(g);
}

INLINE void matmul_rows(
    const amphi_matmul *job, size_t from, size_t to, size_t token, block_kind kind)
{
    const uint8_t *x = job->activations + token * job->activation_bytes;
    size_t blocks = job->columns / 32;
    for (size_t r = from; r < to; r++) {
        const uint8_t *weights = job->weights + r * job->row_bytes;
        float sum = 0;
        size_t b = 0;
        for (; b + STEP_BLOCKS <= blocks; b += STEP_BLOCKS) {
            prefetch_ahead(weights, job->row_bytes, STEP_BLOCKS * block_bytes(kind));
            sum += step_row(weights, x, job->columns, b, STEP_BLOCKS, kind);
            weights += STEP_BLOCKS * block_bytes(kind);
        }
        if (b < blocks)
            sum += step_row(weights, x, job->columns, b, blocks - b, kind);
        job->out[token * job->out_stride + r] = sum;
    }
}

/* --- panels --- */

typedef struct panel {
    __m512i q[PANEL_COLUMNS / 4]; /* word j of each row's bytes */
    __m512i scales[16];           /* d of blocks 0 .. 7, then their m, as floats */
    float sums[PANEL_TOKENS][PANEL_ROWS];
} panel;

INLINE void load_panel(
    panel *p, const amphi_matmul *job, size_t row, size_t rows, size_t block, block_kind kind)
{
    uint8_t bytes[PANEL_ROWS][PANEL_COLUMNS];
    float scales[PANEL_ROWS][16];
    size_t count = job->columns / 32 - block;
    for (size_t r = 0; r < PANEL_ROWS; r++) {
        const uint8_t *weights =
            job->weights + (row + (r < rows ? r : 0)) * job->row_bytes + block * block_bytes(kind);
        for (size_t i = 0; i < STEP_BLOCKS; i++) {
            block_values w = {_mm256_setzero_si256(), 0, 0};
            if (i < count)
                w = unpack_unsigned(weights + i * block_bytes(kind), kind);
            _mm256_storeu_si256((__m256i *)(bytes[r] + i * 32), w.q);
            scales[r][i] = w.d;
            scales[r][i + 8] = w.m;
        }
    }
    for (size_t i = 0; i < 4; i++)
        transpose_words(p->q + i * 16, bytes[0] + i * 64, PANEL_COLUMNS);
    transpose_words(p->scales, scales, sizeof scales[0]);
}

/* g of one block for `tokens` tokens. */
INLINE void panel_block(__m512 g[PANEL_TILE], const panel *p, const uint8_t *const x[PANEL_TILE],
    size_t columns, size_t block, size_t i, size_t tokens)
{
    __m512i even[PANEL_TILE];
    __m512i odd[PANEL_TILE];
    for (size_t t = 0; t < tokens; t++)
        even[t] = odd[t] = _mm512_setzero_si512();
    for (size_t k = 0; k < 8; k += 2) {
        __m512i low = p->q[i * 8 + k];
        __m512i high = p->q[i * 8 + k + 1];
        for (size_t t = 0; t < tokens; t++) {
            const int8_t *values = amphi__q8_values(x[t], columns) + (block + i) * 32 + k * 4;
            even[t] = _mm512_dpbusd_epi32(even[t], low, spread_word(values));
            odd[t] = _mm512_dpbusd_epi32(odd[t], high, spread_word(values + 4));
        }
    }
    __m512 d = _mm512_castsi512_ps(p->scales[i]);
    __m512 m = _mm512_castsi512_ps(p->scales[i + 8]);
    for (size_t t = 0; t < tokens; t++) {
        __m512 dot = _mm512_cvtepi32_ps(_mm512_add_epi32(even[t], odd[t]));
        __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(amphi__q8_scales(x[t])[block + i]));
        g[t] = _mm512_fmadd_ps(
            m, _mm512_set1_ps(amphi__q8_sums(x[t], columns)[block + i]), _mm512_mul_ps(dot, scale));
    }
}

INLINE void panel_tile(panel *p, const amphi_matmul *job, size_t first, size_t token, size_t tokens,
    size_t block, size_t count)
{
    static const uint8_t order[STEP_BLOCKS] = {0, 4, 2, 6, 1, 5, 3, 7};
    const uint8_t *x[PANEL_TILE];
    __m512 halves[2][PANEL_TILE];
    __m512 pairs[2][PANEL_TILE];
    __m512 g[PANEL_TILE];
    for (size_t t = 0; t < tokens; t++)
        x[t] = job->activations + (first + token + t) * job->activation_bytes;
    for (size_t n = 0; n < STEP_BLOCKS; n++) {
        for (size_t t = 0; t < tokens; t++)
            g[t] = _mm512_setzero_ps();
        if (order[n] < count)
            panel_block(g, p, x, job->columns, block, order[n], tokens);
        for (size_t t = 0; t < tokens; t++) {
            __m512 *pair = &pairs[n / 2 % 2][t];
            *pair = n % 2 == 0 ? g[t] : _mm512_add_ps(*pair, g[t]);
            if (n % 4 == 3)
                halves[n / 4][t] = _mm512_add_ps(pairs[0][t], pairs[1][t]);
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        float *sums = p->sums[token + t];
        _mm512_storeu_ps(
            sums, _mm512_add_ps(_mm512_loadu_ps(sums), _mm512_add_ps(halves[0][t], halves[1][t])));
    }
}

/* Once for all types, which keeps the code small. */
static __attribute__((noinline)) void panel_tiles(
    panel *p, const amphi_matmul *job, size_t first, size_t tokens, size_t block, size_t count)
{
    size_t t = 0;
    if (count == STEP_BLOCKS)
        for (; t + PANEL_TILE <= tokens; t += PANEL_TILE)
            panel_tile(p, job, first, t, PANEL_TILE, block, STEP_BLOCKS);
    for (; t < tokens; t++)
        panel_tile(p, job, first, t, 1, block, count);
}

INLINE void matmul_panel(
    const amphi_matmul *job, size_t row, size_t rows, size_t first, size_t tokens, block_kind kind)
{
    panel p;
    size_t blocks = job->columns / 32;
    memset(p.sums, 0, tokens * sizeof p.sums[0]);
    for (size_t b = 0; b < blocks; b += STEP_BLOCKS) {
        size_t count = blocks - b < STEP_BLOCKS ? blocks - b : STEP_BLOCKS;
        load_panel(&p, job, row, rows, b, kind);
        panel_tiles(&p, job, first, tokens, b, count);
    }
    __mmask16 mask = (__mmask16)((1u << rows) - 1);
    for (size_t t = 0; t < tokens; t++)
        _mm512_mask_storeu_ps(
            job->out + (first + t) * job->out_stride + row, mask, _mm512_loadu_ps(p.sums[t]));
}

INLINE void matmul_blocks(const amphi_matmul *job, size_t from, size_t to, block_kind kind)
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

#define MATMUL_BLOCKS(name, kind)                                                                  \
    void amphi__avx512_matmul_##name(const amphi_matmul *job, size_t from, size_t to)              \
    {                                                                                              \
        matmul_blocks(job, from, to, kind);                                                        \
    }

MATMUL_BLOCKS(q8_0, KIND_Q8_0)
MATMUL_BLOCKS(iq4_nl, KIND_IQ4_NL)
MATMUL_BLOCKS(q4_0, KIND_Q4_0)
MATMUL_BLOCKS(q4_1, KIND_Q4_1)
MATMUL_BLOCKS(q5_0, KIND_Q5_0)
MATMUL_BLOCKS(q5_1, KIND_Q5_1)
