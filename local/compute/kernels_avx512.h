/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the AVX-512 table share. Few tokens are multiplied row by row, as memory sets
 * the pace then. Many go through panels: 256 columns of 16 rows are unpacked once into bytes that
 * lie so that lane r of a vector belongs to row r, and then all tokens pass by.
 *
 * Both ways give the same bits: sums of bytes are exact, and the few float operations on them
 * come in one order, which each file states.
 */
#ifndef AMPHI_COMPUTE_KERNELS_AVX512_H
#define AMPHI_COMPUTE_KERNELS_AVX512_H

#include "local/compute/unpack_avx2.h"

#define PANEL_ROWS    16
#define PANEL_COLUMNS 256
#define PANEL_TOKENS  128 /* that one panel is kept for */
#define PANEL_WORTH   6   /* tokens from which a panel pays */
#define PANEL_TILE    4   /* tokens that share loads of weights */

void amphi__avx512_matmul_q8_0(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q4_0(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q4_1(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q5_0(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q5_1(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_iq4_nl(const amphi_matmul *job, size_t from, size_t to);

void amphi__avx512_matmul_q2_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q3_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q4_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q5_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_q6_k(const amphi_matmul *job, size_t from, size_t to);
void amphi__avx512_matmul_iq4_xs(const amphi_matmul *job, size_t from, size_t to);

/* 16 rows of 16 words of 32 bits: word j of row r becomes lane r of vector j. */
INLINE void transpose_words(__m512i out[16], const void *rows, size_t row_bytes)
{
    __m512i a[16];
    __m512i b[16];
    for (int i = 0; i < 16; i++)
        a[i] = _mm512_loadu_si512((const uint8_t *)rows + (size_t)i * row_bytes);
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) { /* a[i + w]: word w of each quarter, rows i .. i + 3 */
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
    for (int w = 0; w < 4; w++) {
        __m512i low = _mm512_shuffle_i32x4(a[w], a[w + 4], 0x88);
        __m512i high = _mm512_shuffle_i32x4(a[w + 8], a[w + 12], 0x88);
        out[w] = _mm512_shuffle_i32x4(low, high, 0x88);
        out[w + 8] = _mm512_shuffle_i32x4(low, high, 0xdd);
        low = _mm512_shuffle_i32x4(a[w], a[w + 4], 0xdd);
        high = _mm512_shuffle_i32x4(a[w + 8], a[w + 12], 0xdd);
        out[w + 4] = _mm512_shuffle_i32x4(low, high, 0x88);
        out[w + 12] = _mm512_shuffle_i32x4(low, high, 0xdd);
    }
}

/* Four bytes of activations for all rows. */
INLINE __m512i spread_word(const void *data)
{
    int word = 0;
    memcpy(&word, data, sizeof word);
    return _mm512_set1_epi32(word);
}

/* Bytes from -128 .. 127 to 0 .. 255. */
INLINE __m256i to_unsigned(__m256i bytes)
{
    return _mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x80));
}

/* Asks for the memory one row ahead of what is read now. */
INLINE void prefetch_ahead(const uint8_t *data, size_t row_bytes, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 64)
        _mm_prefetch((const char *)data + row_bytes + at, _MM_HINT_T0);
}

#endif
