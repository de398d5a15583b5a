/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures that an attempt leaves: what it cost goes to the request and to the day's sum, how a
 * complete answer came goes to its route. Also of one that failed or lost a race: its provider may
 * have charged for it all the same.
 */
#include "sdk/client/attempt_state.h"

#include "sdk/core/clock.h"

#define TOKENS_LEAST     8u /* fewer, or in less time, say nothing of a speed */
#define TIME_LEAST_US    (20u * 1000)
#define ANSWER_BYTES_PER 4u /* English */

/* After a failure the reservation stays for the next attempt, which moves it to its own route. */
static void note_cost(amphi_attempt *a)
{
    amphi_stream *stream = a->stream;
    amphi_status status = a->outcome->error.status;
    bool is_last = status == AMPHI_OK || status == AMPHI_E_CANCELLED;
    a->bill.may_have_run = a->outcome->has_output || !a->ended ||
                           amphi__answer_cost_is_due(&a->outcome->error, a->was_reached);
    stream->cost = amphi__answer_cost_join(stream->cost,
        amphi__spending_charge(stream->client, &a->bill, is_last ? a->args->reservation : NULL));
}

static void note_pace(amphi_attempt *a)
{
    amphi_client *client = a->stream->client;
    uint64_t first_us = (uint64_t)a->outcome->first_token_ms * 1000;
    uint64_t took_us = amphi__stream_awake_us(a->stream) - a->begun_us;
    uint64_t behind_us = took_us > first_us ? took_us - first_us : 0;
    uint32_t tokens = a->bill.has_usage ? a->bill.usage.completion_tokens
                                        : (uint32_t)(a->bill.answer_bytes / ANSWER_BYTES_PER);
    amphi_answer_pace pace = {
        .first_token_ms = a->outcome->first_token_ms > 0 ? a->outcome->first_token_ms : 1,
        .tokens = tokens};
    if (tokens >= TOKENS_LEAST && behind_us >= TIME_LEAST_US)
        pace.tokens_per_second = (float)((double)(tokens - 1) * 1e6 / (double)behind_us);
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    amphi__route_pace_add(&client->routes[a->args->step->route].pace, &pace, now_ms);
    amphi__mutex_unlock(&client->lock);
}

void amphi__attempt_account(amphi_attempt *a)
{
    if (a->bill.is_cloud)
        note_cost(a);
    if (a->ended && a->outcome->error.status == AMPHI_OK)
        note_pace(a);
}
