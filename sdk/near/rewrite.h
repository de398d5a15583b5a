/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding and replacing phrases in a list of tokens. A pattern is words in lower case parted by
 * blanks; Han characters need none between them. Blanks in the text say nothing to a pattern.
 */
#ifndef AMPHI_NEAR_REWRITE_H
#define AMPHI_NEAR_REWRITE_H

#include "sdk/near/reading.h"

/* How many tokens from `at` the pattern covers; 0: it is not there. */
size_t amphi__near_match(const amphi_near_list *list, size_t at, const char *pattern);
/* Where the pattern is found first, from `at` on; list->count: nowhere. */
size_t amphi__near_find(const amphi_near_list *list, size_t at, const char *pattern);
/* How many tokens at the end the pattern covers; 0: the list ends otherwise. */
size_t amphi__near_ends_with(const amphi_near_list *list, const char *pattern);
/* Puts the pattern's words in the place of `count` tokens. Its text must outlive the list. false,
 * and nothing is changed, where the list would grow too long. */
bool amphi__near_replace(amphi_near_list *list, size_t at, size_t count, const char *replacement);
void amphi__near_remove(amphi_near_list *list, size_t at, size_t count);
bool amphi__near_has(const amphi_near_list *list, size_t at, uint32_t flags);

#endif
