/* SPDX-License-Identifier: Apache-2.0
 *
 * The word lists, and an index over them: a hash table in static memory that is filled once. A
 * word may stand on several lists.
 */
#include "sdk/near/words.h"

#include "sdk/core/str.h"
#include "sdk/near/word_lists.h"

#include <pthread.h>

enum { SLOTS = 8192, WORDS_MAX = 4000 }; /* at most half full, so that searches are short */

typedef struct indexed_word {
    amphi_str text;
    uint32_t flags;
} indexed_word;

static indexed_word words[WORDS_MAX];
static uint16_t slots[SLOTS]; /* position in `words` plus 1; 0: free */
static size_t words_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* FNV-1a. */
static uint32_t hash(amphi_str text)
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < text.size; i++)
        value = (value ^ (unsigned char)text.data[i]) * 16777619u;
    return value ^ (value >> 15);
}

/* The word's slot, or the free one where it belongs. */
static size_t find_slot(amphi_str text)
{
    size_t at = hash(text) % SLOTS;
    while (slots[at] != 0 && !amphi__str_equal(words[slots[at] - 1].text, text))
        at = (at + 1) % SLOTS;
    return at;
}

static void add(amphi_str text, uint32_t flags)
{
    size_t at = find_slot(text);
    if (slots[at] == 0) {
        if (words_count == WORDS_MAX)
            return; /* a test sees that the last word of every list is found */
        words[words_count].text = text;
        slots[at] = (uint16_t)++words_count;
    }
    words[slots[at] - 1].flags |= flags;
}

static void index_lists(void)
{
    for (const amphi_word_list *list = amphi__word_lists; list->words != NULL; list++) {
        amphi_str rest = amphi_str_from(list->words);
        while (rest.size > 0) {
            amphi_str word = amphi__str_cut(rest, ' ', &rest);
            if (word.size > 0)
                add(word, list->flags);
        }
    }
}

uint32_t amphi__near_word(amphi_str lower)
{
    pthread_once(&once, index_lists);
    size_t at = find_slot(lower);
    return slots[at] != 0 ? words[slots[at] - 1].flags : 0;
}
