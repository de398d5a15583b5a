/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists as they are written down: words in lower case, parted by blanks.
 */
#ifndef AMPHI_NEAR_WORD_LISTS_H
#define AMPHI_NEAR_WORD_LISTS_H

#include <amphi/types.h>

typedef struct amphi_word_list {
    const char *words; /* NULL behind the last list */
    uint32_t flags;    /* AMPHI_WORD_* */
} amphi_word_list;

extern const amphi_word_list amphi__word_lists[];

#endif
