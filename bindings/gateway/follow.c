/* SPDX-License-Identifier: Apache-2.0
 *
 * As with chat (sse.c), nothing is sent before the first words, because a failure until then is an
 * HTTP status of its own; and the client's socket is looked at every GATEWAY_SLICE_MS.
 */
#include "follow.h"

bool gateway_follow_flush(gateway_follow *f)
{
    if (f->out->failed)
        return false;
    if (!f->has_begun && !gateway_reply_begin(f->exchange, "text/event-stream"))
        return false;
    f->has_begun = true;
    bool good = f->out->size == 0 || gateway_reply_write(f->exchange, f->out->data, f->out->size);
    f->out->size = 0;
    return good;
}

static bool wait_on(gateway_follow *f)
{
    f->silent_ms += GATEWAY_SLICE_MS;
    if (f->out == NULL || !f->has_begun || f->silent_ms < gateway_patience_ms(f->exchange))
        return true;
    f->silent_ms = 0;
    gateway_json_append(f->out, AMPHI_STR(": keepalive\n\n"));
    return gateway_follow_flush(f);
}

static void look_at_client(gateway_follow *f)
{
    if (gateway_now_ms() - f->checked_ms < GATEWAY_SLICE_MS)
        return;
    f->checked_ms = gateway_now_ms();
    if (gateway_is_unwanted(f->exchange))
        amphi_stream_cancel(f->stream); /* the terminal event then comes at once */
}

bool gateway_follow_run(gateway_follow *f, amphi_event *event, amphi_error *error)
{
    for (;;) {
        amphi_status status = amphi_stream_next(f->stream, GATEWAY_SLICE_MS, event, error);
        look_at_client(f);
        if (status == AMPHI_E_TIMEOUT) {
            if (!wait_on(f))
                return false;
            continue;
        }
        if (status != AMPHI_OK)
            return false;
        if (amphi_event_is_terminal(event))
            return true;
        f->silent_ms = 0;
        if (!f->was_taken_back && !f->take(f->user, event)) {
            f->was_taken_back = true;
            amphi_stream_cancel(f->stream);
        }
        if (f->out != NULL && f->has_words && !gateway_follow_flush(f))
            return false;
    }
}

char *gateway_follow_failure(gateway_follow *f, const amphi_chat_result *result)
{
    const amphi_error taken_back = {.status = AMPHI_E_TRUNCATED,
        .message = "the answer would start over, and what was shown can't be taken back"};
    const amphi_error *error = f->was_taken_back ? &taken_back : result->error;
    const amphi_provider_error *provider = f->was_taken_back ? NULL : result->provider;
    char *json = NULL;
    if (!f->has_begun)
        gateway_reply_error(f->exchange, error, provider);
    else if (amphi_error_json(&json, NULL, NULL, error, provider, NULL) != AMPHI_OK)
        json = NULL;
    return json;
}

void gateway_follow_break(gateway_follow *f, const amphi_error *error)
{
    if (f->has_begun)
        gateway_reply_end(f->exchange, false);
    else
        gateway_reply_error(f->exchange, error, NULL);
}

void gateway_follow_abandon(gateway_exchange *exchange, amphi_stream *stream)
{
    amphi_event event = {.kind = AMPHI_EVENT_DELTA};
    amphi_chat_result result;
    amphi_status status;
    amphi_chat_result_init(&result);
    amphi_stream_cancel(stream);
    do /* what came before the cancel is there still */
        status = amphi_stream_next(stream, GATEWAY_SLICE_MS, &event, NULL);
    while (status == AMPHI_E_TIMEOUT || (status == AMPHI_OK && !amphi_event_is_terminal(&event)));
    if (status == AMPHI_OK && amphi_stream_result(stream, &result, NULL) == AMPHI_OK)
        gateway_note_answer(exchange, event.kind, &result);
}
