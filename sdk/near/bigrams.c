/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets as sorted arrays.
 */
#include "sdk/near/bigrams.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <stdlib.h>

static int compare_grams(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

amphi_status amphi__bigrams_of(amphi_bigrams *out, amphi_str text)
{
    memset(out, 0, sizeof *out);
    out->grams = amphi__alloc((text.size + 1) * sizeof out->grams[0]);
    if (out->grams == NULL)
        return AMPHI_E_NO_MEMORY;
    uint32_t before = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t c = 0;
        size_t size = amphi__utf8_decode(amphi__str_slice(text, at, text.size), &c);
        if (size == 0) { /* not UTF-8: a byte is a character */
            c = (unsigned char)text.data[at];
            size = 1;
        }
        out->grams[out->count++] = (uint64_t)before << 32 | c;
        before = c;
        at += size;
    }
    out->grams[out->count++] = (uint64_t)before << 32;
    qsort(out->grams, out->count, sizeof out->grams[0], compare_grams);
    size_t kept = 1;
    for (size_t i = 1; i < out->count; i++)
        if (out->grams[i] != out->grams[kept - 1])
            out->grams[kept++] = out->grams[i];
    out->count = kept;
    return AMPHI_OK;
}

void amphi__bigrams_clear(amphi_bigrams *bigrams)
{
    if (bigrams->grams != NULL)
        amphi__wipe(bigrams->grams, bigrams->count * sizeof bigrams->grams[0]);
    amphi__free(bigrams->grams);
    memset(bigrams, 0, sizeof *bigrams);
}

amphi_status amphi__bigrams_jaccard(double *out, amphi_str a, amphi_str b)
{
    amphi_bigrams left = {0};
    amphi_bigrams right = {0};
    size_t both = 0;
    amphi_status status = amphi__bigrams_of(&left, a);
    if (status == AMPHI_OK)
        status = amphi__bigrams_of(&right, b);
    for (size_t i = 0, j = 0; status == AMPHI_OK && i < left.count && j < right.count;) {
        both += left.grams[i] == right.grams[j];
        bool left_first = left.grams[i] <= right.grams[j];
        bool right_first = right.grams[j] <= left.grams[i];
        i += left_first;
        j += right_first;
    }
    *out = status == AMPHI_OK ? (double)both / (double)(left.count + right.count - both) : 0;
    amphi__bigrams_clear(&left);
    amphi__bigrams_clear(&right);
    return status;
}
