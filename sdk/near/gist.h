/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left of a question after greetings, requests to answer and safe equivalents: the tokens
 * by which two questions are near or not.
 */
#ifndef AMPHI_NEAR_GIST_H
#define AMPHI_NEAR_GIST_H

#include "sdk/near/reading.h"

/* Rewrites the reading's tokens in place; nothing where it is not free. */
void amphi__near_gist(amphi_near_reading *reading);

/* english.c, chinese.c */
void amphi__near_gist_english(amphi_near_list *list);
void amphi__near_gist_chinese(amphi_near_list *list);

#endif
