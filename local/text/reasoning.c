/* SPDX-License-Identifier: Apache-2.0
 *
 * A state machine over held text: it advances as long as a whole marker, or certainty that there is
 * none, is at hand.
 */
#include "local/text/reasoning.h"

#include "sdk/core/str.h"

enum { HELD_MAX = 16 << 20 };

static const amphi_str opening = {"<think>", 7};
static const amphi_str closing = {"</think>", 8};

void amphi__reasoning_init(amphi_reasoning *reasoning, bool is_open)
{
    memset(reasoning, 0, sizeof *reasoning);
    reasoning->state = is_open ? AMPHI_REASONING_OPENED : AMPHI_REASONING_FRONT;
    amphi__buf_init(&reasoning->held, HELD_MAX);
}

void amphi__reasoning_clear(amphi_reasoning *reasoning)
{
    amphi__buf_clear(&reasoning->held);
}

bool amphi__reasoning_begins(amphi_str text)
{
    return amphi__str_starts_with(amphi__str_trim(text), opening);
}

bool amphi__reasoning_is_over(const amphi_reasoning *reasoning)
{
    return reasoning->state >= AMPHI_REASONING_CLOSED;
}

size_t amphi__marker_overlap(amphi_str text, amphi_str marker)
{
    size_t most = marker.size > 0 ? marker.size - 1 : 0;
    for (size_t size = text.size < most ? text.size : most; size > 0; size--)
        if (memcmp(text.data + text.size - size, marker.data, size) == 0)
            return size;
    return 0;
}

static size_t blanks(amphi_str text)
{
    size_t count = 0;
    while (count < text.size && strchr(" \t\r\n", text.data[count]) != NULL)
        count++;
    return count;
}

/* One step from state to state; false: more text is needed. */
static bool advance(amphi_reasoning *r, amphi_buf *thought, amphi_buf *answer)
{
    amphi_str text = amphi__buf_str(&r->held);
    size_t skipped = blanks(text);
    amphi_str rest = amphi__str_slice(text, skipped, text.size);
    size_t at = 0;
    switch (r->state) {
    case AMPHI_REASONING_FRONT:
        if (amphi__str_starts_with(rest, opening)) {
            amphi__buf_consume(&r->held, skipped + opening.size);
            r->state = AMPHI_REASONING_OPENED;
            return true;
        }
        if (amphi__str_starts_with(opening, rest))
            return false; /* blanks only, or the marker's beginning */
        r->state = AMPHI_REASONING_TEXT;
        return true;
    case AMPHI_REASONING_OPENED:
    case AMPHI_REASONING_CLOSED:
        amphi__buf_consume(&r->held, skipped);
        if (rest.size == 0)
            return false;
        r->state++;
        return true;
    case AMPHI_REASONING_INSIDE:
        at = amphi__str_find(text, closing);
        if (at != SIZE_MAX) {
            amphi__buf_append_str(thought, amphi__str_slice(text, 0, at));
            amphi__buf_consume(&r->held, at + closing.size);
            r->state = AMPHI_REASONING_CLOSED;
            return true;
        }
        at = text.size - amphi__marker_overlap(text, closing);
        amphi__buf_append_str(thought, amphi__str_slice(text, 0, at));
        amphi__buf_consume(&r->held, at);
        return false;
    default:
        amphi__buf_append_str(answer, text);
        amphi__buf_reset(&r->held);
        return false;
    }
}

static amphi_status first_failure(
    const amphi_reasoning *r, const amphi_buf *thought, const amphi_buf *answer)
{
    return r->held.status != AMPHI_OK    ? r->held.status
           : thought->status != AMPHI_OK ? thought->status
                                         : answer->status;
}

amphi_status amphi__reasoning_feed(
    amphi_reasoning *r, amphi_str text, amphi_buf *thought, amphi_buf *answer)
{
    amphi__buf_append_str(&r->held, text);
    while (r->held.size > 0 && advance(r, thought, answer))
        continue;
    return first_failure(r, thought, answer);
}

amphi_status amphi__reasoning_finish(amphi_reasoning *r, amphi_buf *thought, amphi_buf *answer)
{
    amphi__buf_append_str(
        r->state == AMPHI_REASONING_INSIDE ? thought : answer, amphi__buf_str(&r->held));
    amphi__buf_reset(&r->held);
    return first_failure(r, thought, answer);
}
