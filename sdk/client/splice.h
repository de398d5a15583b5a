/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining the texts of two engines. After a takeover the new engine's text must join what was
 * already delivered: as its continuation, or, when the answer was started again, silently where it
 * repeats the delivered text and with one `replace` where it does not. Pure: text in, action out.
 */
#ifndef AMPHI_CLIENT_SPLICE_H
#define AMPHI_CLIENT_SPLICE_H

#include "sdk/core/buf.h"

typedef enum amphi_splice_mode {
    AMPHI_SPLICE_PASS = 0, /* nothing to join: text goes through */
    AMPHI_SPLICE_CONTINUE, /* the engine was given the delivered beginning */
    AMPHI_SPLICE_RESTART   /* the engine starts from the beginning */
} amphi_splice_mode;

typedef struct amphi_splice {
    amphi_splice_mode mode; /* PASS once the join is decided */
    amphi_str delivered;    /* borrowed: what was delivered before */
    size_t tail_size;       /* blanks at its end that the engine was not given */
    amphi_buf held;         /* new text that is not decided yet */
} amphi_splice;

typedef enum amphi_splice_act {
    AMPHI_SPLICE_HOLD = 0, /* nothing to deliver yet */
    AMPHI_SPLICE_SHOW,     /* append `text` */
    AMPHI_SPLICE_REPLACE   /* what was delivered is void; `text` replaces it */
} amphi_splice_act;

/* delivered must stay valid and unchanged until the mode is PASS. */
void amphi__splice_init(
    amphi_splice *splice, amphi_splice_mode mode, amphi_str delivered, size_t tail_size);
void amphi__splice_clear(amphi_splice *splice);
/* *text is valid until the next call. Memory failures show in splice->held.status. */
amphi_splice_act amphi__splice_feed(amphi_splice *splice, amphi_str piece, amphi_str *text);
/* The engine's answer is complete. */
amphi_splice_act amphi__splice_end(amphi_splice *splice, amphi_str *text);
/* Delivered text without the blanks at its end, which tokenizers and servers treat differently. */
amphi_str amphi__splice_prefix(amphi_str delivered);

#endif
