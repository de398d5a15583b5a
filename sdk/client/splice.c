/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining two texts. Two cases are recognized by holding text back while it equals what was
 * delivered: a restarted answer that says the same again, and a server that was asked to continue
 * but began from the start all the same (only for beginnings of REPEAT_MIN bytes and more: a
 * shorter one may well be how a true continuation begins).
 */
#include "sdk/client/splice.h"

#include "sdk/core/str.h"

enum { REPEAT_MIN = 16 };

amphi_str amphi__splice_prefix(amphi_str delivered)
{
    size_t size = delivered.size;
    while (size > 0 && strchr(" \t\r\n", delivered.data[size - 1]) != NULL)
        size--;
    return amphi_str_make(delivered.data, size);
}

void amphi__splice_init(
    amphi_splice *splice, amphi_splice_mode mode, amphi_str delivered, size_t tail_size)
{
    splice->mode = delivered.size > 0 ? mode : AMPHI_SPLICE_PASS;
    splice->delivered = delivered;
    splice->tail_size = tail_size;
    amphi__buf_init(&splice->held, 0);
}

void amphi__splice_clear(amphi_splice *splice)
{
    amphi__buf_clear(&splice->held);
}

/* Everything that was held, without the overlap, is delivered from now on. */
static amphi_splice_act pass(amphi_splice *splice, size_t skip, amphi_str *text)
{
    splice->mode = AMPHI_SPLICE_PASS;
    *text = amphi__str_slice(amphi__buf_str(&splice->held), skip, splice->held.size);
    return text->size > 0 ? AMPHI_SPLICE_SHOW : AMPHI_SPLICE_HOLD;
}

/* The held text is a true continuation. The blanks that the engine was not given may be repeated at
 * its beginning. */
static amphi_splice_act join(amphi_splice *splice, amphi_str *text)
{
    amphi_str held = amphi__buf_str(&splice->held);
    amphi_str tail = amphi__str_slice(
        splice->delivered, splice->delivered.size - splice->tail_size, splice->delivered.size);
    size_t overlap = 0;
    while (overlap < tail.size && overlap < held.size && tail.data[overlap] == held.data[overlap])
        overlap++;
    return pass(splice, overlap, text);
}

/* Could the held text still turn out to be a repetition? */
static bool is_undecided(const amphi_splice *splice, amphi_str whole)
{
    amphi_str held = amphi__buf_str(&splice->held);
    return held.size < whole.size && amphi__str_starts_with(whole, held);
}

static amphi_splice_act feed_continue(amphi_splice *splice, amphi_str *text)
{
    amphi_str held = amphi__buf_str(&splice->held);
    amphi_str tail = amphi__str_slice(
        splice->delivered, splice->delivered.size - splice->tail_size, splice->delivered.size);
    if (splice->delivered.size >= REPEAT_MIN) {
        if (amphi__str_starts_with(held, splice->delivered))
            return pass(splice, splice->delivered.size, text);
        if (is_undecided(splice, splice->delivered))
            return AMPHI_SPLICE_HOLD;
    }
    return is_undecided(splice, tail) ? AMPHI_SPLICE_HOLD : join(splice, text);
}

static amphi_splice_act feed_restart(amphi_splice *splice, amphi_str *text)
{
    if (amphi__str_starts_with(amphi__buf_str(&splice->held), splice->delivered))
        return pass(splice, splice->delivered.size, text);
    if (is_undecided(splice, splice->delivered))
        return AMPHI_SPLICE_HOLD;
    pass(splice, 0, text);
    return AMPHI_SPLICE_REPLACE;
}

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

amphi_splice_act amphi__splice_end(amphi_splice *splice, amphi_str *text)
{
    *text = amphi_str_make(NULL, 0);
    if (splice->mode == AMPHI_SPLICE_PASS)
        return AMPHI_SPLICE_HOLD;
    if (splice->mode == AMPHI_SPLICE_CONTINUE)
        return join(splice, text);
    /* The new answer ended inside the old one, whose rest is dropped. */
    pass(splice, 0, text);
    return AMPHI_SPLICE_REPLACE;
}
