/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/chat/completions: start the chat, then stream its chunks (sse.c) or wait for the whole
 * answer.
 */
#include "paths.h"
#include "sse.h"

#include <stdlib.h>
#include <string.h>

static void answer_whole(gateway_exchange *exchange, amphi_stream *stream)
{
    amphi_event event = {0};
    amphi_error error;
    amphi_chat_result result;
    char *json = NULL;
    amphi_status status;
    uint64_t checked_ms = gateway_now_ms();
    do {
        status = amphi_stream_next(stream, GATEWAY_SLICE_MS, &event, &error);
        if (gateway_now_ms() - checked_ms < GATEWAY_SLICE_MS)
            continue;
        checked_ms = gateway_now_ms(); /* also where words keep coming */
        if (gateway_is_unwanted(exchange))
            amphi_stream_cancel(stream); /* the terminal event then comes at once */
    } while (status == AMPHI_E_TIMEOUT || (status == AMPHI_OK && !amphi_event_is_terminal(&event)));
    amphi_chat_result_init(&result);
    if (status == AMPHI_OK)
        status = amphi_stream_result(stream, &result, &error);
    if (status != AMPHI_OK) {
        gateway_reply_error(exchange, &error, NULL);
        return;
    }
    gateway_note_answer(exchange, event.kind, &result);
    if (event.kind == AMPHI_EVENT_ERROR) {
        gateway_reply_error(exchange, result.error, result.provider);
        return;
    }
    (void)amphi_stream_completion_json(stream, &json, &error); /* json stays NULL on failure */
    gateway_reply_json(
        exchange, event.kind == AMPHI_EVENT_QUEUED ? 202 : 200, json != NULL ? strdup(json) : NULL);
    amphi_string_free(json);
}

void gateway_path_chat_completions(gateway_exchange *exchange)
{
    amphi_stream *stream = NULL;
    amphi_error error;
    amphi_status status = amphi_chat_start_json_with(&stream, gateway_client(exchange),
        gateway_body(exchange), gateway_settings(exchange), &error);
    gateway_body_drop(exchange);
    gateway_turn_end(exchange);
    if (status != AMPHI_OK) {
        gateway_note_refused(exchange, status);
        gateway_reply_error(exchange, &error, NULL);
    } else if (amphi_stream_wants_chunks(stream)) {
        gateway_sse_answer(exchange, stream);
    } else {
        answer_whole(exchange, stream);
    }
    amphi_stream_free(stream);
}
