/* SPDX-License-Identifier: Apache-2.0
 *
 * A text as the set of its 2-grams: pairs of neighbouring characters, the text's borders included.
 */
#ifndef AMPHI_NEAR_BIGRAMS_H
#define AMPHI_NEAR_BIGRAMS_H

#include <amphi/error.h>

typedef struct amphi_bigrams {
    uint64_t *grams; /* sorted, each once */
    size_t count;
} amphi_bigrams;

/* Clear it in any case. */
amphi_status amphi__bigrams_of(amphi_bigrams *out, amphi_str text);
void amphi__bigrams_clear(amphi_bigrams *bigrams);
/* 2-grams of both over 2-grams of either; 1 of two empty texts. */
amphi_status amphi__bigrams_jaccard(double *out, amphi_str a, amphi_str b);

#endif
