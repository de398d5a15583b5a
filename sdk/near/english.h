/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the English rules, which are too many for one page: words (english_spelling.c),
 * frames around a question (english.c), forms of the question itself (english_equivalents.c).
 */
#ifndef AMPHI_NEAR_ENGLISH_H
#define AMPHI_NEAR_ENGLISH_H

#include "sdk/near/reading.h"

/* Contractions are written out, spellings of one word become one. */
void amphi__near_english_spelling(amphi_near_list *list);
/* is_indirect: "what the time is" rather than "what is the time". */
void amphi__near_english_equivalents(amphi_near_list *list, bool is_indirect);

#endif
