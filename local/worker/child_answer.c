/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of an answer's text out of the worker: through local/text/stop.h, which releases whole
 * characters and nothing of a stop string, into TEXT events of bounded size.
 */
#include "local/worker/child.h"

#include "sdk/core/str.h"

amphi_status amphi__answer_init(amphi_answer *answer, amphi_child *child, uint32_t run,
    const amphi_str *stops, size_t stops_count, amphi_error *error)
{
    memset(answer, 0, sizeof *answer);
    answer->child = child;
    answer->run = run;
    amphi__buf_init(&answer->ready, AMPHI_WORKER_ANSWER_MAX);
    return amphi__stop_new(&answer->stop, stops, stops_count, error);
}

void amphi__answer_clear(amphi_answer *answer)
{
    amphi__stop_free(answer->stop);
    amphi__buf_clear(&answer->ready);
    answer->stop = NULL;
}

/* Events are cut at characters. */
static void send_ready(amphi_answer *answer)
{
    const size_t event_max = AMPHI_WORKER_EVENT_MAX - sizeof answer->run;
    amphi_str text = amphi__buf_str(&answer->ready);

    while (text.size > 0) {
        size_t size = text.size <= event_max
                          ? text.size
                          : amphi__utf8_complete_size(amphi_str_make(text.data, event_max));

        amphi__child_send(answer->child, AMPHI_WORKER_TEXT, &answer->run, sizeof answer->run,
            amphi_str_make(text.data, size));
        text = amphi__str_slice(text, size, text.size);
    }
    amphi__buf_reset(&answer->ready);
}

amphi_status amphi__answer_push(amphi_answer *answer, amphi_str piece)
{
    amphi_status status = amphi__stop_feed(answer->stop, piece, &answer->ready, &answer->stopped);

    send_ready(answer);
    return status;
}

amphi_status amphi__answer_finish(amphi_answer *answer)
{
    amphi_status status = amphi__stop_finish(answer->stop, &answer->ready);

    send_ready(answer);
    return status;
}
