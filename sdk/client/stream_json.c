/* SPDX-License-Identifier: Apache-2.0
 *
 * The stream as OpenAI chat.completion.chunk objects. Members that OpenAI's form lacks are under
 * "amphi", which strict clients ignore. Bindings and the gateway use this form only.
 */
#include "sdk/client/extra_fields.h"
#include "sdk/client/openai_error.h"
#include "sdk/client/stream.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* OpenAI's clients expect a model name, also before the route's is known. */
static amphi_str model_or_amphi(amphi_str model)
{
    return model.size > 0 ? model : AMPHI_STR("amphi");
}

/* What a provider says once of its whole answer stands in each chunk of it. A route that begins,
 * also for another time, has said nothing yet; another one may still be at work beside it. */
static amphi_status keep_envelope(amphi_stream *stream, const amphi_event *event)
{
    bool is_same = amphi__str_equal_c(event->route, stream->envelope_route);
    if (event->kind == AMPHI_EVENT_ROUTE ? is_same : event->extra_json.size > 0 && !is_same)
        amphi__buf_clear(&stream->envelope);
    if (event->extra_json.size == 0)
        return AMPHI_OK;
    amphi__str_copy_to(stream->envelope_route, sizeof stream->envelope_route, event->route);
    amphi_status status = amphi__extra_fields_keep(&stream->envelope, event->extra_json);
    return status == AMPHI_E_NO_MEMORY ? status : AMPHI_OK; /* too many: as they come, then */
}

static amphi_str envelope_of(const amphi_stream *stream, const amphi_event *event)
{
    return amphi__str_equal_c(event->route, stream->envelope_route)
               ? amphi__buf_str(&stream->envelope)
               : amphi_str_make(NULL, 0);
}

static void open_chunk(
    amphi_json_writer *writer, const amphi_stream *stream, const amphi_event *event)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "id", amphi_str_from(stream->id));
    amphi__json_put_str(writer, "object", AMPHI_STR("chat.completion.chunk"));
    amphi__json_put_int(writer, "created", stream->created_s);
    amphi__json_put_str(writer, "model", model_or_amphi(event->model));
    amphi__extra_fields_put_chunk(writer, event->extra_json, envelope_of(stream, event));
}

/* Text can't be taken back from a client that knows only OpenAI's form: it sees the new answer
 * after an empty line. One that reads "amphi" starts over with amphi.text. */
static void put_replacement(amphi_json_writer *writer, amphi_str text)
{
    amphi_buf content;
    amphi__buf_init(&content, 0);
    amphi__buf_append_c(&content, "\n\n");
    amphi__buf_append_str(&content, text);
    amphi__json_put_str(writer, "content", amphi__buf_str(&content));
    if (content.status != AMPHI_OK)
        writer->out->status = content.status;
    amphi__buf_clear(&content);
}

static void put_logprobs(amphi_json_writer *writer, amphi_str array)
{
    amphi__json_open(writer, "logprobs", '{');
    amphi__json_put_raw(writer, "content", array);
    amphi__json_put_null(writer, "refusal");
    amphi__json_close(writer, '}');
}

/* For a request with "functions": of one call, "function_call":{"name","arguments"}. */
static void put_function_call(amphi_json_writer *writer, amphi_str calls)
{
    amphi_json *array = NULL;
    amphi_status status = amphi__json_parse(&array, calls, "tool calls", NULL);
    const amphi_json *call = amphi__json_first(array);
    if (status == AMPHI_E_NO_MEMORY)
        writer->out->status = status;
    if (amphi__json_int(amphi__json_get(call, "index"), 0) == 0 &&
        amphi__json_get(call, "function") != NULL)
        amphi__json_put_value(writer, "function_call", amphi__json_get(call, "function"));
    amphi__json_free(array);
}

static void put_calls(amphi_json_writer *writer, const amphi_stream *stream, amphi_str calls)
{
    if (stream->request.has_functions)
        put_function_call(writer, calls);
    else
        amphi__json_put_raw(writer, "tool_calls", calls);
}

static const char *finish_name(const amphi_stream *stream, amphi_finish finish)
{
    return stream->request.has_functions && finish == AMPHI_FINISH_TOOL_CALLS
               ? "function_call"
               : amphi_finish_name(finish);
}

/* "choices":[{"index":0,"delta":{<key>:<text>},"logprobs":...,"finish_reason":...}] */
static void put_choice(amphi_json_writer *writer, const amphi_stream *stream, const char *key,
    const amphi_event *event, const char *finish)
{
    amphi__json_open(writer, "choices", '[');
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_int(writer, "index", 0);
    amphi__json_open(writer, "delta", '{');
    if (event->kind == AMPHI_EVENT_ROUTE)
        amphi__json_put_str(writer, "role", AMPHI_STR("assistant"));
    if (event->kind == AMPHI_EVENT_REPLACE)
        put_replacement(writer, event->text);
    if (event->kind == AMPHI_EVENT_TOOL_CALL)
        put_calls(writer, stream, event->text);
    else if (key != NULL && (event->text.size > 0 || event->extra_json.size == 0) &&
             !amphi__extra_fields_has(event->extra_json, "delta", "refusal"))
        amphi__json_put_str(writer, key, event->text);
    amphi__extra_fields_put_delta(writer, event->extra_json);
    amphi__json_close(writer, '}');
    if (event->logprobs.size > 0)
        put_logprobs(writer, event->logprobs);
    if (finish != NULL)
        amphi__json_put_str(writer, "finish_reason", amphi_str_from(finish));
    else
        amphi__json_put_null(writer, "finish_reason");
    amphi__json_close(writer, '}');
    amphi__json_close(writer, ']');
}

/* `extra`: what the provider tells besides, in its places. */
static void put_usage(amphi_json_writer *writer, const amphi_usage *usage, amphi_str extra)
{
    amphi__json_open(writer, "usage", '{');
    amphi__json_put_int(writer, "prompt_tokens", usage->prompt_tokens);
    amphi__json_put_int(writer, "completion_tokens", usage->completion_tokens);
    amphi__json_put_int(
        writer, "total_tokens", (int64_t)usage->prompt_tokens + usage->completion_tokens);
    amphi__json_open(writer, "prompt_tokens_details", '{');
    amphi__json_put_int(writer, "cached_tokens", usage->cached_tokens);
    amphi__extra_fields_put_usage(writer, extra, true);
    amphi__json_close(writer, '}');
    amphi__extra_fields_put_usage(writer, extra, false);
    amphi__json_close(writer, '}');
}

static void put_takeover(amphi_json_writer *writer, const amphi_takeover *takeover)
{
    amphi__json_put_str(writer, "from", amphi_str_from(takeover->from));
    amphi__json_put_str(writer, "to", amphi_str_from(takeover->to));
    amphi__json_put_str(writer, "reason", amphi_str_from(amphi_status_name(takeover->reason)));
    amphi__json_put_int(writer, "byte_offset", (int64_t)takeover->byte_offset);
    amphi__json_put_str(
        writer, "mode", takeover->continued ? AMPHI_STR("continued") : AMPHI_STR("restarted"));
    amphi__json_put_str(writer, "why", amphi_str_from(takeover->why));
}

/* "amphi":{"event":...}: what OpenAI's form has no member for. */
static void put_amphi(amphi_json_writer *writer, const amphi_event *event)
{
    static const char *const names[] = {"", "progress", "route", "delta", "reasoning", "tool_call",
        "takeover", "replace", "usage", "done", "queued", "error"};
    amphi__json_open(writer, "amphi", '{');
    amphi__json_put_str(writer, "event", amphi_str_from(names[event->kind]));
    if (event->route.size > 0)
        amphi__json_put_str(writer, "route", event->route);
    if (event->kind == AMPHI_EVENT_PROGRESS) {
        amphi__json_put_int(writer, "permille", event->progress_permille);
        amphi__json_put_str(writer, "phase", event->text);
    }
    if (event->kind == AMPHI_EVENT_QUEUED) {
        amphi__json_put_str(writer, "outbox_id", event->text);
        amphi__json_put_int(writer, "outbox_before", event->outbox_before);
        amphi__json_put_str(writer, "reason", amphi_str_from(event->error->message));
    }
    if (event->kind == AMPHI_EVENT_REPLACE)
        amphi__json_put_str(writer, "text", event->text);
    if (event->takeover != NULL)
        put_takeover(writer, event->takeover);
    amphi__json_close(writer, '}');
}

/* Usage as in OpenAI's API: in a chunk of its own without choices; in all others it is null if it
 * was asked for. (The gateway moves it after the finish reason, and drops it if it was not.) */
static void put_usage_of_chunk(
    amphi_json_writer *writer, const amphi_stream *stream, const amphi_event *event)
{
    if (event->kind == AMPHI_EVENT_USAGE)
        put_usage(writer, &event->usage, event->extra_json);
    else if (amphi_stream_wants_usage(stream))
        amphi__json_put_null(writer, "usage");
}

static void write_chunk(
    amphi_json_writer *writer, const amphi_stream *stream, const amphi_event *event)
{
    static const char *const delta_keys[] = {
        [AMPHI_EVENT_DELTA] = "content",
        [AMPHI_EVENT_REASONING] = "reasoning_content",
        [AMPHI_EVENT_ERROR] = NULL,
    };
    if (event->kind == AMPHI_EVENT_ERROR) {
        amphi__openai_error_put(writer, event->error, event->provider);
        return;
    }
    open_chunk(writer, stream, event);
    if (event->kind == AMPHI_EVENT_USAGE) {
        amphi__json_open(writer, "choices", '[');
        amphi__json_close(writer, ']');
    } else {
        put_choice(writer, stream, delta_keys[event->kind], event,
            event->kind == AMPHI_EVENT_DONE     ? finish_name(stream, event->finish)
            : event->kind == AMPHI_EVENT_QUEUED ? "queued"
                                                : NULL);
    }
    put_usage_of_chunk(writer, stream, event);
    put_amphi(writer, event);
    amphi__json_close(writer, '}');
}

amphi_status amphi_stream_next_json(
    amphi_stream *stream, uint32_t timeout_ms, amphi_str *out, bool *terminal, amphi_error *error)
{
    amphi_event event;
    if (out == NULL || terminal == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out or terminal is NULL");
    *out = amphi_str_make(NULL, 0);
    *terminal = false;
    amphi_status status = amphi_stream_next(stream, timeout_ms, &event, error);
    if (status != AMPHI_OK)
        return status;
    *terminal = amphi_event_is_terminal(&event);
    amphi__buf_reset(&stream->chunk);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &stream->chunk);
    if (keep_envelope(stream, &event) == AMPHI_OK)
        write_chunk(&writer, stream, &event);
    else
        stream->chunk.status = AMPHI_E_NO_MEMORY;
    if (stream->chunk.status != AMPHI_OK) {
        stream->owes_event = true;
        stream->owed = event;
        *terminal = false;
        return amphi__fail_no_memory(error);
    }
    *out = amphi__buf_str(&stream->chunk);
    return AMPHI_OK;
}

bool amphi_stream_wants_chunks(const amphi_stream *stream)
{
    return stream != NULL &&
           amphi__json_bool(amphi__json_get(stream->request.body, "stream"), false);
}

bool amphi_stream_wants_usage(const amphi_stream *stream)
{
    const amphi_json *options =
        stream != NULL ? amphi__json_get(stream->request.body, "stream_options") : NULL;
    return amphi__json_bool(amphi__json_get(options, "include_usage"), false);
}

static void put_message(
    amphi_json_writer *writer, const amphi_stream *stream, const amphi_chat_result *result)
{
    amphi__json_open(writer, "choices", '[');
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_int(writer, "index", 0);
    amphi__json_open(writer, "message", '{');
    amphi__json_put_str(writer, "role", AMPHI_STR("assistant"));
    bool is_refusal = amphi__extra_fields_has(result->extra_json, "delta", "refusal");
    if (is_refusal || (result->text.size == 0 && result->tool_calls_json.size > 0))
        amphi__json_put_null(writer, "content");
    else
        amphi__json_put_str(writer, "content", result->text);
    if (result->reasoning.size > 0)
        amphi__json_put_str(writer, "reasoning_content", result->reasoning);
    if (result->tool_calls_json.size > 0)
        put_calls(writer, stream, result->tool_calls_json);
    amphi__extra_fields_put_delta(writer, result->extra_json);
    amphi__json_close(writer, '}');
    if (result->logprobs_json.size > 0)
        put_logprobs(writer, result->logprobs_json);
    else
        amphi__json_put_null(writer, "logprobs");
    amphi__json_put_str(writer, "finish_reason",
        result->finish != AMPHI_FINISH_NONE ? amphi_str_from(finish_name(stream, result->finish))
                                            : AMPHI_STR("queued"));
    amphi__json_close(writer, '}');
    amphi__json_close(writer, ']');
}

amphi_status amphi_stream_completion_json(amphi_stream *stream, char **out, amphi_error *error)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    amphi_buf json;
    amphi_buf record;
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_status status = amphi_stream_result(stream, &result, error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&json, 0);
    amphi__buf_init(&record, 0);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &json);
    bool queued = strcmp(stream->route, "outbox") == 0;
    if (result.error != NULL && !queued) {
        amphi__openai_error_put(&writer, result.error, result.provider);
    } else {
        amphi_chat_result without_text = result;
        without_text.text = without_text.reasoning = amphi_str_make(NULL, 0);
        without_text.inputs_json = amphi_str_make(NULL, 0); /* what is known of the device stays */
        amphi__record_result_json(&without_text, &record);
        amphi__json_open(&writer, NULL, '{');
        amphi__json_put_str(&writer, "id", amphi_str_from(stream->id));
        amphi__json_put_str(&writer, "object", AMPHI_STR("chat.completion"));
        amphi__json_put_int(&writer, "created", stream->created_s);
        amphi__json_put_str(&writer, "model", model_or_amphi(result.model));
        amphi__extra_fields_put_chunk(&writer, result.extra_json, amphi_str_make(NULL, 0));
        put_message(&writer, stream, &result);
        if (amphi__record_is_counted(&result))
            put_usage(&writer, &result.usage, result.extra_json);
        amphi__json_put_raw(&writer, "amphi", amphi__buf_str(&record));
        amphi__json_close(&writer, '}');
    }
    if (record.status != AMPHI_OK)
        json.status = record.status;
    *out = amphi__buf_take(&json);
    amphi__buf_clear(&record);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
