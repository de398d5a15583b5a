/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes before the first text waits, because a failure until then is an HTTP status of its
 * own; it then gets the head of the chunk with that text: all chunks have one model and one
 * system_fingerprint. While nothing comes, the client's socket is looked at every GATEWAY_SLICE_MS:
 * one that hung up, and the end of the server, cancel the answer.
 */
#include "sse.h"

#include "follow.h"
#include "json_reader.h"
#include "json_writer.h"

#include <stdlib.h>
#include <string.h>

typedef struct sse {
    gateway_exchange *exchange;
    amphi_stream *stream;
    bool has_begun;
    char *pending; /* what waits for the first text; malloc */
    size_t size;
    char *usage; /* the chunk with the usage, until the end; malloc */
    unsigned silent_ms;
} sse;

static bool append(sse *s, const char *text, size_t size)
{
    char *larger = realloc(s->pending, s->size + size);
    if (larger == NULL)
        return false;
    memcpy(larger + s->size, text, size);
    s->pending = larger;
    s->size += size;
    return true;
}

static bool append_data(sse *s, const char *text, size_t size)
{
    return append(s, "data: ", 6) && append(s, text, size) && append(s, "\n\n", 2);
}

static bool is_key(amphi_str key, const char *name)
{
    return key.size == strlen(name) && memcmp(key.data, name, key.size) == 0;
}

/* A chunk's members before its choices that tell of the whole answer: its id, when it was created,
 * its model, and what the provider says of it. Arrays and the like are of this chunk alone. */
static void put_head(gateway_json *out, amphi_str chunk)
{
    gateway_json_walk walk = gateway_json_begin(chunk);
    amphi_str key;
    amphi_str value;
    while (gateway_json_next(&walk, &key, &value) && !is_key(key, "choices"))
        if (gateway_json_is_string(value) || is_key(key, "created"))
            gateway_json_member(out, key, value);
}

/* Gives the chunks that wait the head of this one, which ends the wait. false: out of memory. */
static bool put_heads(sse *s, amphi_str chunk)
{
    gateway_json ready = {0};
    const char *at = s->pending;
    const char *end = at + s->size;
    if (s->size == 0 || gateway_json_get(chunk, "choices").size == 0)
        return true;
    while (at < end) {
        amphi_str choices =
            gateway_json_get(amphi_str_make(at + 6, (size_t)(end - at) - 6), "choices");
        const char *tail = choices.data + choices.size;
        const char *blank = memmem(tail, (size_t)(end - tail), "\n\n", 2);
        gateway_json_append(&ready, AMPHI_STR("data: "));
        ready.follows = false;
        gateway_json_open(&ready, NULL, '{');
        put_head(&ready, chunk);
        gateway_json_raw(&ready, "choices", choices);
        gateway_json_append(&ready, amphi_str_make(tail, (size_t)(blank - tail) + 2));
        at = blank + 2;
    }
    free(s->pending);
    s->size = ready.size;
    s->pending = gateway_json_take(&ready);
    return s->pending != NULL;
}

/* Everything that waits, in one piece. */
static bool flush(sse *s)
{
    if (!s->has_begun && !gateway_reply_begin(s->exchange, "text/event-stream"))
        return false;
    s->has_begun = true;
    bool good = s->size == 0 || gateway_reply_write(s->exchange, s->pending, s->size);
    s->size = 0;
    return good;
}

static bool has_event(amphi_str chunk, const char *event)
{
    return memmem(chunk.data, chunk.size, event, strlen(event)) != NULL;
}

static bool is_before_first_words(amphi_str chunk)
{
    return has_event(chunk, "\"event\":\"route\"") || has_event(chunk, "\"event\":\"progress\"");
}

/* An error ends the stream without the end marker: a client must not take it for whole. */
static bool is_error(amphi_str chunk)
{
    return chunk.size >= 9 && memcmp(chunk.data, "{\"error\":", 9) == 0;
}

/* Usage is the last chunk, as OpenAI sends it, and only where the request asks for it. */
static bool keep_usage(sse *s, amphi_str chunk)
{
    if (!amphi_stream_wants_usage(s->stream))
        return true;
    free(s->usage);
    s->usage = strndup(chunk.data, chunk.size);
    return s->usage != NULL;
}

static bool append_chunk(sse *s, amphi_str chunk, bool terminal)
{
    if (has_event(chunk, "\"event\":\"usage\""))
        return keep_usage(s, chunk);
    bool good = append_data(s, chunk.data, chunk.size);
    if (good && terminal && !is_error(chunk))
        good = (s->usage == NULL || append_data(s, s->usage, strlen(s->usage))) &&
               append_data(s, "[DONE]", 6);
    return good;
}

/* No text came for a slice. */
static bool wait_on(sse *s)
{
    if (gateway_is_unwanted(s->exchange))
        amphi_stream_cancel(s->stream); /* the terminal event then comes at once */
    s->silent_ms += GATEWAY_SLICE_MS;
    if (!s->has_begun || s->silent_ms < gateway_patience_ms(s->exchange))
        return true;
    s->silent_ms = 0;
    return append(s, ": keepalive\n\n", 13) && flush(s);
}

/* Before anything was sent: the failure as an HTTP status. */
static bool reply_failed(sse *s)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (s->has_begun || amphi_stream_result(s->stream, &result, NULL) != AMPHI_OK ||
        result.error == NULL)
        return false;
    gateway_reply_error(s->exchange, result.error, result.provider);
    return true;
}

static void note_result(const sse *s, amphi_str chunk)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (amphi_stream_result(s->stream, &result, NULL) == AMPHI_OK)
        gateway_note_answer(s->exchange,
            is_error(chunk)                            ? AMPHI_EVENT_ERROR
            : has_event(chunk, "\"event\":\"queued\"") ? AMPHI_EVENT_QUEUED
                                                       : AMPHI_EVENT_DONE,
            &result);
}

/* To the terminal event. false: no more can be sent. */
static bool run(sse *s)
{
    amphi_str chunk = amphi_str_make(NULL, 0);
    bool terminal = false;
    while (!terminal) {
        amphi_status status =
            amphi_stream_next_json(s->stream, GATEWAY_SLICE_MS, &chunk, &terminal, NULL);
        if (status == AMPHI_E_TIMEOUT) {
            if (!wait_on(s))
                return false;
            continue;
        }
        if (status != AMPHI_OK)
            return false;
        s->silent_ms = 0;
        if (terminal)
            note_result(s, chunk);
        if (terminal && is_error(chunk) && reply_failed(s))
            return true;
        bool waits = !s->has_begun && !terminal && is_before_first_words(chunk);
        if (!s->has_begun && !waits && !put_heads(s, chunk))
            return false;
        if (!append_chunk(s, chunk, terminal))
            return false;
        if (!waits && !flush(s))
            return false;
    }
    gateway_reply_end(s->exchange, true);
    return true;
}

void gateway_sse_answer(gateway_exchange *exchange, amphi_stream *stream)
{
    sse s = {.exchange = exchange, .stream = stream};
    if (!run(&s)) {
        if (s.has_begun)
            gateway_reply_end(exchange, false);
        gateway_follow_abandon(exchange, stream);
    }
    free(s.pending);
    free(s.usage);
}
