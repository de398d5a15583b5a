/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining the texts of two engines. After a takeover the new engine's text must join what was
 * already delivered: as its continuation, once the judge (splice_judge.h) has seen that it is one,
 * or, when the answer was started again, silently where it repeats the delivered text and with one
 * `replace` where it does not. Two answers are never joined. Pure: text in, action out.
 */
#ifndef AMPHI_CLIENT_SPLICE_H
#define AMPHI_CLIENT_SPLICE_H

#include "sdk/core/buf.h"

#define AMPHI_SPLICE_WORDS_MAX 24      /* that are held back for the judge */
#define AMPHI_SPLICE_HOLD_US   600000u /* and for how long: the driver's loop asks */

typedef enum amphi_splice_mode {
    AMPHI_SPLICE_PASS = 0, /* nothing to join: text goes through */
    AMPHI_SPLICE_CONTINUE, /* the engine was given the delivered beginning */
    AMPHI_SPLICE_RESTART   /* the engine starts from the beginning */
} amphi_splice_mode;

typedef enum amphi_splice_outcome {
    AMPHI_SPLICE_OPEN = 0,  /* nothing was to be joined, or it is not decided */
    AMPHI_SPLICE_CONTINUED, /* it went on, perhaps behind a repetition */
    AMPHI_SPLICE_ANEW,      /* asked to go on, it gave a new answer: that is shown instead */
    AMPHI_SPLICE_REJECTED,  /* asked to go on, it gave what is of no use: ask from the beginning */
    AMPHI_SPLICE_RESTARTED  /* from the beginning, as it was asked */
} amphi_splice_outcome;

typedef struct amphi_splice {
    amphi_splice_mode mode; /* PASS once the join is decided */
    amphi_str delivered;    /* borrowed: what was delivered before */
    size_t tail_size;       /* blanks at its end that the engine was not given */
    bool is_known;          /* the engine is known to continue */
    amphi_buf held;         /* new text that is not decided yet */
    amphi_splice_outcome outcome;
    bool is_sure;    /* CONTINUED, REJECTED: it could not be otherwise */
    const char *why; /* ANEW, REJECTED: a few words; else NULL */
} amphi_splice;

typedef enum amphi_splice_act {
    AMPHI_SPLICE_HOLD = 0, /* nothing to deliver yet */
    AMPHI_SPLICE_SHOW,     /* append `text` */
    AMPHI_SPLICE_REPLACE,  /* what was delivered is void; `text` replaces it */
    AMPHI_SPLICE_REJECT    /* nothing that comes will be of use: the outcome is REJECTED */
} amphi_splice_act;

/* delivered must stay valid and unchanged until the mode is PASS. */
void amphi__splice_init(
    amphi_splice *splice, amphi_splice_mode mode, amphi_str delivered, size_t tail_size);
void amphi__splice_clear(amphi_splice *splice);
/* *text is valid until the next call. Memory failures show in splice->held.status. */
amphi_splice_act amphi__splice_feed(amphi_splice *splice, amphi_str piece, amphi_str *text);
/* Text has been held for AMPHI_SPLICE_HOLD_US: decides with what is there, unless that only says
 * the delivered text again. */
amphi_splice_act amphi__splice_decide(amphi_splice *splice, amphi_str *text);
/* The engine's answer is complete; was_cut: at its token limit, so it may end anywhere. */
amphi_splice_act amphi__splice_end(amphi_splice *splice, bool was_cut, amphi_str *text);
/* A tool call comes: what was said has to be settled in front of it. An answer that was whole so
 * far may go on with the call alone, when the request offers that tool (is_offered). */
amphi_splice_act amphi__splice_settle(amphi_splice *splice, bool is_offered, amphi_str *text);
/* Has the engine said more than blanks, of what is held? */
bool amphi__splice_has_words(const amphi_splice *splice);
/* Is text held back that a decision would show? */
bool amphi__splice_is_holding(const amphi_splice *splice);
/* Delivered text without the blanks at its end, which tokenizers and servers treat differently. */
amphi_str amphi__splice_prefix(amphi_str delivered);

#endif
