/* SPDX-License-Identifier: Apache-2.0
 *
 * What is held back, and when the judge is asked. A restarted answer is held while it equals what
 * was delivered; a continued one until the judge has ruled, 24 words at most. While it only says
 * the delivered text again no limit counts: nothing new is held back.
 */
#include "sdk/client/splice.h"

#include "sdk/client/splice_judge.h"
#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

amphi_str amphi__splice_prefix(amphi_str delivered)
{
    return amphi__str_slice(delivered, 0, amphi__splice_without_blanks(delivered));
}

void amphi__splice_init(
    amphi_splice *splice, amphi_splice_mode mode, amphi_str delivered, size_t tail_size)
{
    memset(splice, 0, sizeof *splice);
    splice->mode = delivered.size > 0 ? mode : AMPHI_SPLICE_PASS;
    splice->delivered = delivered;
    splice->tail_size = tail_size;
    amphi__buf_init(&splice->held, 0);
}

void amphi__splice_clear(amphi_splice *splice)
{
    amphi__buf_wipe(&splice->held);
}

bool amphi__splice_is_holding(const amphi_splice *splice)
{
    return splice->mode == AMPHI_SPLICE_CONTINUE && splice->held.size > 0;
}

/* Everything that was held, without the overlap, is delivered from now on. */
static void pass(amphi_splice *splice, amphi_splice_outcome outcome, size_t skip, amphi_str *text)
{
    splice->mode = AMPHI_SPLICE_PASS;
    splice->outcome = outcome;
    *text = amphi__str_slice(amphi__buf_str(&splice->held), skip, splice->held.size);
}

/* ---- From the beginning ---------------------------------------------------------------------- */

static amphi_splice_act feed_restart(amphi_splice *splice, amphi_str *text)
{
    amphi_str held = amphi__buf_str(&splice->held);
    if (amphi__str_starts_with(held, splice->delivered)) {
        pass(splice, AMPHI_SPLICE_RESTARTED, splice->delivered.size, text);
        return text->size > 0 ? AMPHI_SPLICE_SHOW : AMPHI_SPLICE_HOLD;
    }
    if (held.size < splice->delivered.size && amphi__str_starts_with(splice->delivered, held))
        return AMPHI_SPLICE_HOLD;
    if (!amphi__splice_has_words(splice)) /* perhaps nothing comes */
        return AMPHI_SPLICE_HOLD;
    pass(splice, AMPHI_SPLICE_RESTARTED, 0, text);
    return AMPHI_SPLICE_REPLACE;
}

/* ---- Continued ------------------------------------------------------------------------------- */

/* A blank that was lost between the two goes in front of what is shown. */
static bool put_blank(amphi_splice *splice, size_t *skip)
{
    amphi_buf *held = &splice->held;
    if (*skip > 0) {
        held->data[--*skip] = ' ';
        return true;
    }
    if (amphi__buf_append_char(held, ' ') != AMPHI_OK)
        return false;
    memmove(held->data + 1, held->data, held->size - 1);
    held->data[0] = ' ';
    return true;
}

static amphi_splice_act obey(amphi_splice *splice, amphi_seam_ruling ruling, amphi_str *text)
{
    splice->why = ruling.why;
    switch (ruling.verdict) {
    case AMPHI_SEAM_CONTINUES:
        if (ruling.needs_blank && !put_blank(splice, &ruling.skip))
            return AMPHI_SPLICE_HOLD; /* held.status says so */
        splice->is_sure = ruling.is_sure;
        pass(splice, AMPHI_SPLICE_CONTINUED, ruling.skip, text);
        return text->size > 0 ? AMPHI_SPLICE_SHOW : AMPHI_SPLICE_HOLD;
    case AMPHI_SEAM_ANEW:
        pass(splice, AMPHI_SPLICE_ANEW, amphi__splice_blanks(amphi__buf_str(&splice->held)), text);
        return AMPHI_SPLICE_REPLACE;
    case AMPHI_SEAM_USELESS:
        splice->mode = AMPHI_SPLICE_PASS;
        splice->outcome = AMPHI_SPLICE_REJECTED;
        splice->is_sure = ruling.is_sure;
        return AMPHI_SPLICE_REJECT;
    case AMPHI_SEAM_NONE:
    case AMPHI_SEAM_UNDECIDED:
        break;
    }
    return AMPHI_SPLICE_HOLD;
}

static amphi_seam seam_of(const amphi_splice *splice)
{
    size_t given = splice->delivered.size - splice->tail_size;
    return (amphi_seam){
        .before = amphi__str_slice(splice->delivered, 0, given),
        .blanks = amphi__str_slice(splice->delivered, given, splice->delivered.size),
        .after = amphi__buf_str(&splice->held),
        .is_known = splice->is_known,
    };
}

static amphi_splice_act judge(amphi_splice *splice, bool is_late, bool is_all, amphi_str *text)
{
    amphi_seam seam = seam_of(splice);
    seam.is_late = is_late;
    seam.is_all = is_all;
    return obey(splice, amphi__seam_judge(&seam), text);
}

static amphi_splice_act feed_continue(amphi_splice *splice, amphi_str *text)
{
    amphi_seam seam = seam_of(splice);
    bool is_long =
        amphi__splice_words_count(seam.after, AMPHI_SPLICE_WORDS_MAX) == AMPHI_SPLICE_WORDS_MAX;
    return judge(splice, is_long && !amphi__seam_is_repeating(&seam), false, text);
}

/* ---- The whole ------------------------------------------------------------------------------- */

amphi_splice_act amphi__splice_feed(amphi_splice *splice, amphi_str piece, amphi_str *text)
{
    if (splice->mode == AMPHI_SPLICE_PASS) {
        *text = piece;
        return piece.size > 0 ? AMPHI_SPLICE_SHOW : AMPHI_SPLICE_HOLD;
    }
    *text = amphi_str_make(NULL, 0);
    if (amphi__buf_append_str(&splice->held, piece) != AMPHI_OK || splice->held.size == 0)
        return AMPHI_SPLICE_HOLD;
    return splice->mode == AMPHI_SPLICE_CONTINUE ? feed_continue(splice, text)
                                                 : feed_restart(splice, text);
}

amphi_splice_act amphi__splice_decide(amphi_splice *splice, amphi_str *text)
{
    amphi_seam seam = seam_of(splice);
    *text = amphi_str_make(NULL, 0);
    if (!amphi__splice_is_holding(splice) || amphi__seam_is_repeating(&seam))
        return AMPHI_SPLICE_HOLD;
    return judge(splice, true, false, text);
}

amphi_splice_act amphi__splice_settle(amphi_splice *splice, bool is_offered, amphi_str *text)
{
    *text = amphi_str_make(NULL, 0);
    if (splice->mode != AMPHI_SPLICE_CONTINUE)
        return amphi__splice_end(splice, true, text);
    if (amphi__splice_has_words(splice))
        return judge(splice, true, false, text);
    if (!is_offered)
        return obey(splice, amphi__seam_doubt("it called a tool that was not offered"), text);
    /* The call alone: as an end would be, it is another answer behind an unfinished one. */
    amphi_splice_act act = judge(splice, false, true, text);
    if (splice->outcome != AMPHI_SPLICE_CONTINUED)
        return act;
    *text = amphi_str_make(NULL, 0);
    return AMPHI_SPLICE_HOLD;
}

bool amphi__splice_has_words(const amphi_splice *splice)
{
    amphi_str held = amphi__buf_str(&splice->held);
    return amphi__splice_blanks(held) < held.size;
}

amphi_splice_act amphi__splice_end(amphi_splice *splice, bool was_cut, amphi_str *text)
{
    *text = amphi_str_make(NULL, 0);
    if (splice->mode == AMPHI_SPLICE_PASS)
        return AMPHI_SPLICE_HOLD;
    if (splice->mode == AMPHI_SPLICE_CONTINUE)
        return judge(splice, was_cut, !was_cut, text);
    /* The new answer ended inside the old one, whose rest is dropped. */
    pass(splice, AMPHI_SPLICE_RESTARTED, 0, text);
    return AMPHI_SPLICE_REPLACE;
}
