/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of splice_blank.c and splice_anew.c, and how a feature finds its weight in one: it is
 * hashed (FNV-1a over its UTF-8), and features may share a weight. A character per weight, in
 * quarters, 'P' is 0; '~' stands for a backslash.
 */
#ifndef AMPHI_CLIENT_SPLICE_WEIGHTS_H
#define AMPHI_CLIENT_SPLICE_WEIGHTS_H

#include "sdk/core/str.h"

enum { AMPHI_SPLICE_ROWS = 512, AMPHI_SPLICE_COLUMNS = 64 };

extern const char *const amphi__splice_blank_weights[AMPHI_SPLICE_ROWS];
extern const char *const amphi__splice_anew_weights[AMPHI_SPLICE_ROWS];

static inline uint32_t amphi__splice_hash_byte(uint32_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * 16777619u;
}

static inline uint32_t amphi__splice_hash_tag(char tag)
{
    return amphi__splice_hash_byte(2166136261u, tag);
}

static inline uint32_t amphi__splice_hash_letters(
    uint32_t hash, const uint32_t *letters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char bytes[4];
        size_t size = amphi__utf8_encode(letters[i], bytes);
        for (size_t k = 0; k < size; k++)
            hash = amphi__splice_hash_byte(hash, bytes[k]);
    }
    return hash;
}

static inline int amphi__splice_weight(const char *const *rows, uint32_t hash)
{
    hash ^= hash >> 15;
    uint32_t i = hash % (AMPHI_SPLICE_ROWS * AMPHI_SPLICE_COLUMNS);
    char c = rows[i / AMPHI_SPLICE_COLUMNS][i % AMPHI_SPLICE_COLUMNS];
    return (c == '~' ? '\\' : c) - 'P';
}

#endif
