/* SPDX-License-Identifier: Apache-2.0
 *
 * Models that think write <think>...</think> in front of their answer, or only the end of it when
 * the template wrote the beginning. This takes the two apart as the text comes, with markers cut
 * anywhere. Only the front of the answer counts: a later <think> is text.
 */
#ifndef AMPHI_TEXT_REASONING_H
#define AMPHI_TEXT_REASONING_H

#include "sdk/core/buf.h"

typedef enum amphi_reasoning_state {
    AMPHI_REASONING_FRONT = 0, /* nothing but blanks yet */
    AMPHI_REASONING_OPENED,    /* blanks after <think> */
    AMPHI_REASONING_INSIDE,    /* the thoughts */
    AMPHI_REASONING_CLOSED,    /* blanks after </think> */
    AMPHI_REASONING_TEXT       /* the answer */
} amphi_reasoning_state;

typedef struct amphi_reasoning {
    amphi_reasoning_state state;
    amphi_buf held; /* may be a marker's beginning */
} amphi_reasoning;

/* is_open: the prompt ends with <think>. With the state set to AMPHI_REASONING_TEXT afterwards, all
 * text is answer. */
void amphi__reasoning_init(amphi_reasoning *reasoning, bool is_open);
void amphi__reasoning_clear(amphi_reasoning *reasoning);
/* Appends to both what is certain; the rest is held back. */
amphi_status amphi__reasoning_feed(
    amphi_reasoning *reasoning, amphi_str text, amphi_buf *thought, amphi_buf *answer);
amphi_status amphi__reasoning_finish(
    amphi_reasoning *reasoning, amphi_buf *thought, amphi_buf *answer);
/* Does a text begin with thoughts? */
bool amphi__reasoning_begins(amphi_str text);
/* Has the answer begun? */
bool amphi__reasoning_is_over(const amphi_reasoning *reasoning);

/* How many bytes at the end of `text` may be the beginning of `marker`. */
size_t amphi__marker_overlap(amphi_str text, amphi_str marker);

#endif
