/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks a sealed grammar byte by byte. A position is a set of threads, each a state and a stack of
 * open calls; positions are made once and named by a number, and so are the steps between them, so
 * that a place met again costs one table access. Everything is bounded.
 */
#ifndef AMPHI_CONSTRAINT_MATCHER_H
#define AMPHI_CONSTRAINT_MATCHER_H

#include "local/constraint/grammar.h"

typedef struct amphi_matcher amphi_matcher;

#define AMPHI_POSITION_NONE 0u /* nothing fits any more */

/* The grammar is borrowed. */
amphi_status amphi__matcher_new(
    amphi_matcher **out, const amphi_grammar *grammar, amphi_error *error);
void amphi__matcher_free(amphi_matcher *matcher);
uint32_t amphi__matcher_start(const amphi_matcher *matcher);
/* Where a byte leads; AMPHI_POSITION_NONE. Check amphi__matcher_status after a series. */
uint32_t amphi__matcher_step(amphi_matcher *matcher, uint32_t position, uint8_t byte);
/* The same for text that this engine did not write: any white space. */
uint32_t amphi__matcher_step_lenient(amphi_matcher *matcher, uint32_t position, uint8_t byte);
/* The least that is still to be written, in 1/16 tokens. */
uint32_t amphi__matcher_cost(const amphi_matcher *matcher, uint32_t position);
bool amphi__matcher_may_end(const amphi_matcher *matcher, uint32_t position);
/* The one byte that may come, or -1: there are several, or none, or the end may come as well. */
int amphi__matcher_only(const amphi_matcher *matcher, uint32_t position);
bool amphi__matcher_may_go_on(const amphi_matcher *matcher, uint32_t position);
/* AMPHI_E_LIMIT or _NO_MEMORY: a step could not be made. */
amphi_status amphi__matcher_status(const amphi_matcher *matcher);
#define AMPHI_POSITIONS_TIDY (1u << 14) /* a good `positions_most` */

/* Forgets all positions but this one, when there are as many as `positions_most`; returns its new
 * number. *forgot: other numbers are void. */
uint32_t amphi__matcher_tidy(
    amphi_matcher *matcher, uint32_t position, uint32_t positions_most, bool *forgot);

#endif
