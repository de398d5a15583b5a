/* SPDX-License-Identifier: Apache-2.0
 *
 * Checked arithmetic for sizes that come from a file: every function returns false instead of a
 * wrapped result, and leaves *out alone then. The only place where such sizes are added,
 * multiplied or rounded.
 */
#ifndef AMPHI_MODEL_CHECKED_H
#define AMPHI_MODEL_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool amphi__checked_add(uint64_t a, uint64_t b, uint64_t *out)
{
    if (a > UINT64_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static inline bool amphi__checked_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b != 0 && a > UINT64_MAX / b)
        return false;
    *out = a * b;
    return true;
}

/* Up to the next multiple of `alignment`, a power of two. */
static inline bool amphi__checked_align(uint64_t a, uint64_t alignment, uint64_t *out)
{
    uint64_t sum = 0;
    if (!amphi__checked_add(a, alignment - 1, &sum))
        return false;
    *out = sum & ~(alignment - 1);
    return true;
}

/* Does [offset, offset + size) lie inside [0, total)? */
static inline bool amphi__checked_range(uint64_t offset, uint64_t size, uint64_t total)
{
    return offset <= total && size <= total - offset;
}

#endif
