/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's Responses API: the answer. Server-sent events whose "type" says what each is (OpenAI's
 * API reference, "Streaming events"), or, from servers that ignore "stream": true, one response
 * object. (The request is written in dialect_responses_request.c.)
 *
 * When is an answer whole? Only with response.completed or response.incomplete; both carry the
 * usage, so nothing is waited for behind them. Without them the end of the body is
 * AMPHI_E_TRUNCATED. Text comes as deltas; a server that sends an item only when it is done has
 * it taken from there. An event that is not JSON ends the answer; a type that we do not know is
 * passed over, because the API grows that way.
 */
#include "remote/dialect_responses.h"

#include "remote/dialect_response.h"
#include "remote/dialect_responses_request.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

/* A tool call under way; its place in the array is its index in our events. */
typedef struct call {
    int64_t output_index;
    bool has_arguments; /* some came already */
} call;

struct amphi_answer {
    amphi_dialect_response response;
    amphi_buf text; /* for what has to be written */
    bool has_text;  /* of the content part under way */
    bool has_reasoning;
    call calls[AMPHI_TOOL_CALLS_MAX];
    size_t calls_count;
};

/* ---- Tool calls ------------------------------------------------------------------------------ */

static call *find_call(amphi_answer *answer, const amphi_json *output_index)
{
    int64_t index = amphi__json_int(output_index, -1);
    for (size_t i = 0; i < answer->calls_count; i++)
        if (answer->calls[i].output_index == index)
            return &answer->calls[i];
    return NULL;
}

static void report_call(amphi_answer *answer)
{
    if (answer->text.status != AMPHI_OK) {
        amphi__dialect_response_fail(
            &answer->response, answer->text.status, "a tool call of the answer is too large");
        return;
    }
    amphi__dialect_response_text(
        &answer->response, AMPHI_ENGINE_TOOL_CALL, amphi__buf_str(&answer->text));
}

static void open_call(amphi_answer *answer, amphi_json_writer *writer, const call *c)
{
    amphi__buf_reset(&answer->text);
    amphi__json_writer_init(writer, &answer->text);
    amphi__json_open(writer, NULL, '[');
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_int(writer, "index", c - answer->calls);
}

static void close_call(amphi_answer *answer, amphi_json_writer *writer)
{
    amphi__json_close(writer, '}');
    amphi__json_close(writer, ']');
    report_call(answer);
}

static void begin_call(amphi_answer *answer, int64_t output_index, const amphi_json *item)
{
    if (answer->calls_count == AMPHI_TOOL_CALLS_MAX) {
        amphi__dialect_response_fail(
            &answer->response, AMPHI_E_LIMIT, "the answer calls too many tools");
        return;
    }
    amphi_json_writer writer;
    amphi_str arguments = amphi__json_string(amphi__json_get(item, "arguments"));
    call *c = &answer->calls[answer->calls_count++];
    c->output_index = output_index;
    c->has_arguments = arguments.size > 0;
    open_call(answer, &writer, c);
    amphi__json_put_str(&writer, "id", amphi__json_string(amphi__json_get(item, "call_id")));
    amphi__json_put_str(&writer, "type", AMPHI_STR("function"));
    amphi__json_open(&writer, "function", '{');
    amphi__json_put_str(&writer, "name", amphi__json_string(amphi__json_get(item, "name")));
    amphi__json_put_str(&writer, "arguments", arguments);
    amphi__json_close(&writer, '}');
    close_call(answer, &writer);
}

static void add_arguments(amphi_answer *answer, call *c, amphi_str arguments)
{
    amphi_json_writer writer;
    if (c == NULL || arguments.size == 0)
        return;
    c->has_arguments = true;
    open_call(answer, &writer, c);
    amphi__json_open(&writer, "function", '{');
    amphi__json_put_str(&writer, "arguments", arguments);
    amphi__json_close(&writer, '}');
    close_call(answer, &writer);
}

/* ---- Pieces of an answer --------------------------------------------------------------------- */

/* `logprobs`: an array in OpenAI's older shape, or nothing. */
static void take_text(amphi_answer *answer, amphi_str text, const amphi_json *logprobs)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = text};
    amphi_buf joined;
    amphi__buf_init(&joined, 0);
    answer->has_text |= text.size > 0;
    if (answer->response.is_repaired || (answer->response.pair.high != 0 && text.size > 0)) {
        amphi__surrogates_join(&answer->response.pair, &joined, text);
        event.text = amphi__buf_str(&joined);
    }
    amphi__buf_reset(&answer->text);
    if (amphi__json_kind(logprobs) == AMPHI_JSON_ARRAY && amphi__json_first(logprobs) != NULL &&
        amphi__json_write(&answer->text, logprobs) == AMPHI_OK)
        event.logprobs = amphi__buf_str(&answer->text);
    if (event.text.size > 0 || event.logprobs.size > 0)
        amphi__dialect_response_report(&answer->response, &event);
    amphi__buf_clear(&joined);
}

/* {"delta":{"refusal":...}}: it counts as the answer. */
static void take_refusal(amphi_answer *answer, amphi_str text)
{
    amphi_json_writer writer;
    if (text.size == 0)
        return;
    answer->has_text = true;
    amphi__buf_reset(&answer->text);
    amphi__json_writer_init(&writer, &answer->text);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, "delta", '{');
    amphi__json_put_str(&writer, "refusal", text);
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    if (answer->text.status == AMPHI_OK)
        amphi__dialect_response_text(
            &answer->response, AMPHI_ENGINE_EXTRA, amphi__buf_str(&answer->text));
}

/* What a response tells besides, in the words of chat completions. */
static void report_details(amphi_answer *answer, const amphi_json *response)
{
    const amphi_json *tier = amphi__json_get(response, "service_tier");
    const amphi_json *thoughts = amphi__json_get(
        amphi__json_get(amphi__json_get(response, "usage"), "output_tokens_details"),
        "reasoning_tokens");
    amphi_json_writer writer;
    for (int i = 0; i < 2; i++) {
        const amphi_json *value = i == 0 ? tier : thoughts;
        if (amphi__json_kind(value) <= AMPHI_JSON_NULL)
            continue;
        amphi__buf_reset(&answer->text);
        amphi__json_writer_init(&writer, &answer->text);
        amphi__json_open(&writer, NULL, '{');
        amphi__json_open(&writer, "chunk", '{');
        if (i == 0) {
            amphi__json_put_value(&writer, "service_tier", value);
        } else {
            amphi__json_open(&writer, "usage", '{');
            amphi__json_open(&writer, "completion_tokens_details", '{');
            amphi__json_put_value(&writer, "reasoning_tokens", value);
            amphi__json_close(&writer, '}');
            amphi__json_close(&writer, '}');
        }
        amphi__json_close(&writer, '}');
        amphi__json_close(&writer, '}');
        if (answer->text.status == AMPHI_OK)
            amphi__dialect_response_text(
                &answer->response, AMPHI_ENGINE_EXTRA, amphi__buf_str(&answer->text));
    }
}

static void take_reasoning(amphi_answer *answer, amphi_str text)
{
    answer->has_reasoning |= text.size > 0;
    amphi__dialect_response_text(&answer->response, AMPHI_ENGINE_REASONING, text);
}

/* The parts of a finished item, from a server that sent no deltas. */
static void take_parts(amphi_answer *answer, const amphi_json *parts, bool is_reasoning)
{
    for (const amphi_json *part = amphi__json_first(parts); part != NULL;
         part = amphi__json_next(part)) {
        amphi_str text = amphi__json_string(amphi__json_get(part, "text"));
        if (is_reasoning) {
            amphi__dialect_response_text(&answer->response, AMPHI_ENGINE_REASONING, text);
        } else {
            amphi__dialect_response_text(&answer->response, AMPHI_ENGINE_TEXT, text);
            take_refusal(answer, amphi__json_string(amphi__json_get(part, "refusal")));
        }
    }
}

static bool is_type(const amphi_json *object, const char *type)
{
    return amphi__str_equal_c(amphi__json_string(amphi__json_get(object, "type")), type);
}

static void take_done_item(amphi_answer *answer, const amphi_json *index, const amphi_json *item)
{
    call *c = find_call(answer, index);
    if (is_type(item, "function_call") && c == NULL)
        begin_call(answer, amphi__json_int(index, -1), item);
    else if (is_type(item, "function_call") && !c->has_arguments)
        add_arguments(answer, c, amphi__json_string(amphi__json_get(item, "arguments")));
    else if (is_type(item, "message") && !answer->has_text)
        take_parts(answer, amphi__json_get(item, "content"), false);
    else if (is_type(item, "reasoning") && !answer->has_reasoning)
        take_parts(answer, amphi__json_get(item, "summary"), true);
    answer->has_text = answer->has_text && !is_type(item, "message");
    answer->has_reasoning = answer->has_reasoning && !is_type(item, "reasoning");
}

/* ---- The end --------------------------------------------------------------------------------- */

static amphi_finish finish_of(const amphi_answer *answer, const amphi_json *response)
{
    amphi_str reason = amphi__json_string(
        amphi__json_get(amphi__json_get(response, "incomplete_details"), "reason"));
    bool incomplete =
        amphi__str_equal_c(amphi__json_string(amphi__json_get(response, "status")), "incomplete");
    if (amphi__str_equal_c(reason, "content_filter"))
        return AMPHI_FINISH_CONTENT_FILTER;
    if (incomplete || reason.size > 0)
        return AMPHI_FINISH_LENGTH;
    return answer->calls_count > 0 ? AMPHI_FINISH_TOOL_CALLS : AMPHI_FINISH_STOP;
}

static void conclude(amphi_answer *answer, const amphi_json *response)
{
    const amphi_json *counts = amphi__json_get(response, "usage");
    const amphi_json *details = amphi__json_get(counts, "input_tokens_details");
    const amphi_usage usage = {
        .prompt_tokens = amphi__dialect_response_tokens(amphi__json_get(counts, "input_tokens")),
        .completion_tokens =
            amphi__dialect_response_tokens(amphi__json_get(counts, "output_tokens")),
        .cached_tokens = amphi__dialect_response_tokens(amphi__json_get(details, "cached_tokens")),
    };
    amphi__dialect_response_model(
        &answer->response, amphi__json_string(amphi__json_get(response, "model")));
    amphi_buf half;
    amphi__buf_init(&half, 0);
    amphi__surrogates_end(&answer->response.pair, &half);
    amphi__dialect_response_text(&answer->response, AMPHI_ENGINE_TEXT, amphi__buf_str(&half));
    amphi__buf_clear(&half);
    report_details(answer, response);
    amphi__dialect_response_finish(&answer->response,
        amphi__json_kind(counts) == AMPHI_JSON_OBJECT ? &usage : NULL, finish_of(answer, response));
}

/* response.failed, or a response object that says so: {"error":{"code","message"}}. */
static void take_failure(amphi_answer *answer, const amphi_json *response)
{
    const amphi_json *error = amphi__json_get(response, "error");
    amphi_json_writer writer;
    amphi__buf_reset(&answer->text);
    amphi__json_writer_init(&writer, &answer->text);
    amphi__json_open(&writer, NULL, '{');
    if (error != NULL)
        amphi__json_put_value(&writer, "error", error);
    amphi__json_close(&writer, '}');
    amphi__dialect_response_fail_from_body(&answer->response, amphi__buf_str(&answer->text));
}

/* A whole response object: its status, and the items that no event has brought. */
static void take_response(amphi_answer *answer, const amphi_json *response, bool with_output)
{
    amphi_str status = amphi__json_string(amphi__json_get(response, "status"));
    bool whole =
        amphi__str_equal_c(status, "completed") || amphi__str_equal_c(status, "incomplete");
    if (amphi__str_equal_c(status, "failed") || amphi__str_equal_c(status, "cancelled")) {
        take_failure(answer, response);
        return;
    }
    if (!whole) {
        amphi__dialect_response_fail(
            &answer->response, AMPHI_E_TRUNCATED, "the answer ended before it was completed");
        return;
    }
    const amphi_json *items = amphi__json_get(response, "output");
    int64_t index = 0;
    for (const amphi_json *item = amphi__json_first(items); item != NULL && with_output;
         item = amphi__json_next(item)) {
        if (is_type(item, "function_call")) {
            begin_call(answer, index, item);
        } else {
            take_parts(answer,
                amphi__json_get(item, is_type(item, "reasoning") ? "summary" : "content"),
                is_type(item, "reasoning"));
        }
        index++;
    }
    if (answer->response.phase != AMPHI_ANSWER_ENDED)
        conclude(answer, response);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void take_typed(
    amphi_answer *answer, amphi_str type, const amphi_json *event, amphi_str text)
{
    const amphi_json *response = amphi__json_get(event, "response");
    const amphi_json *item = amphi__json_get(event, "item");
    const amphi_json *index = amphi__json_get(event, "output_index");
    amphi_str delta = amphi__json_string(amphi__json_get(event, "delta"));
    if (amphi__str_equal_c(type, "response.output_text.delta")) {
        take_text(answer, delta, amphi__json_get(event, "logprobs"));
    } else if (amphi__str_equal_c(type, "response.refusal.delta")) {
        take_refusal(answer, delta);
    } else if (amphi__str_equal_c(type, "response.function_call_arguments.delta")) {
        add_arguments(answer, find_call(answer, index), delta);
    } else if (amphi__str_starts_with(type, AMPHI_STR("response.reasoning")) &&
               amphi__str_ends_with(type, AMPHI_STR(".delta"))) {
        take_reasoning(answer, delta);
    } else if (amphi__str_equal_c(type, "response.output_item.added")) {
        if (is_type(item, "function_call"))
            begin_call(answer, amphi__json_int(index, -1), item);
    } else if (amphi__str_equal_c(type, "response.output_item.done")) {
        take_done_item(answer, index, item);
    } else if (amphi__str_equal_c(type, "response.completed") ||
               amphi__str_equal_c(type, "response.incomplete")) {
        conclude(answer, response);
    } else if (amphi__str_equal_c(type, "response.failed")) {
        take_failure(answer, response);
    } else if (amphi__str_equal_c(type, "error")) {
        amphi__dialect_response_fail_from_body(&answer->response, text);
    } else {
        if (answer->response.phase == AMPHI_ANSWER_OPEN)
            amphi__dialect_response_alive(&answer->response);
        amphi__dialect_response_model(&answer->response,
            amphi__json_string(
                amphi__json_get(response, "model"))); /* response.created, response.in_progress */
    }
}

static void take_json(amphi_answer *answer, amphi_str sse_type, amphi_str text)
{
    amphi_json *event = NULL;
    bool has_special;
    amphi_status status = amphi__dialect_response_check(&answer->response, &text, &has_special);
    if (status == AMPHI_OK)
        status = amphi__json_parse_checked(&event, text, has_special);
    if (status == AMPHI_OK && amphi__json_kind(event) != AMPHI_JSON_OBJECT)
        status = AMPHI_E_FORMAT;
    if (status != AMPHI_OK) {
        amphi__dialect_response_fail_event(&answer->response, status);
        goto cleanup;
    }
    amphi_str type = amphi__json_string(amphi__json_get(event, "type"));
    if (answer->response.form == AMPHI_RESPONSE_WHOLE)
        take_response(answer, event, true);
    else if (type.size == 0 && sse_type.size == 0 && amphi__json_get(event, "error") != NULL)
        amphi__dialect_response_fail_from_body(&answer->response, text); /* a proxy's own words */
    else
        take_typed(answer, type.size > 0 ? type : sse_type, event, text);
cleanup:
    amphi__json_free(event);
}

static amphi_status take_event(void *user, const amphi_sse_event *event)
{
    amphi_answer *answer = user;
    amphi_str data = amphi__str_trim(event->data);
    if (answer->response.phase == AMPHI_ANSWER_ENDED)
        return AMPHI_E_CANCELLED; /* nothing more is of interest */
    if (data.size > 0 && !amphi__str_equal_c(data, "[DONE]")) {
        take_json(answer, event->type, data);
    } else if (data.size > 0) { /* some servers put chat completions' marker behind it */
        amphi__dialect_response_fail(
            &answer->response, AMPHI_E_TRUNCATED, "the answer ended before it was completed");
    }
    return AMPHI_OK;
}

/* ---- The table ------------------------------------------------------------------------------- */

static amphi_status responses_answer_new(amphi_answer **out, const amphi_answer_options *options)
{
    amphi_answer *answer = amphi__calloc(1, sizeof *answer);
    *out = answer;
    if (answer == NULL)
        return AMPHI_E_NO_MEMORY;
    amphi__dialect_response_init(&answer->response, options, take_event, answer);
    amphi__buf_init(&answer->text, AMPHI_RESPONSE_BYTES_MAX);
    return AMPHI_OK;
}

static amphi_answer_phase responses_answer_headers(
    amphi_answer *answer, int http_status, const amphi_http_header *headers, size_t count)
{
    return amphi__dialect_response_headers(&answer->response, http_status, headers, count);
}

static amphi_answer_phase responses_answer_body(amphi_answer *answer, amphi_str piece)
{
    return amphi__dialect_response_body(&answer->response, piece);
}

static void responses_answer_end(amphi_answer *answer, const amphi_error *error)
{
    if (answer->response.phase == AMPHI_ANSWER_ENDED)
        return;
    bool cancelled = error != NULL && error->status == AMPHI_E_CANCELLED;
    if (answer->response.form == AMPHI_RESPONSE_EVENTS && error == NULL) {
        answer->response.at_end = true;
        amphi__sse_end(&answer->response.sse); /* the last event's end may be missing */
    }
    if (answer->response.phase == AMPHI_ANSWER_ENDED)
        return;
    if (answer->response.form == AMPHI_RESPONSE_ERROR && !cancelled) {
        amphi__dialect_response_fail_from_body(
            &answer->response, amphi__buf_str(&answer->response.whole));
    } else if (answer->response.form == AMPHI_RESPONSE_WHOLE && error == NULL) {
        take_json(answer, amphi_str_make(NULL, 0), amphi__buf_str(&answer->response.whole));
    } else if (error != NULL) {
        amphi__dialect_response_fail_with(&answer->response, error);
    } else {
        amphi__dialect_response_fail(
            &answer->response, AMPHI_E_TRUNCATED, "the answer ended before it was completed");
    }
}

static amphi_ending responses_answer_ending(const amphi_answer *answer)
{
    return AMPHI_ENDING_UNKNOWN; /* this API says which events end an answer */
}

static void responses_answer_free(amphi_answer *answer)
{
    if (answer == NULL)
        return;
    amphi__dialect_response_clear(&answer->response);
    amphi__buf_clear(&answer->text);
    amphi__free(answer);
}

const amphi_dialect amphi__dialect_responses = {
    .name = "responses",
    .path = "/responses",
    .continues = false,
    .request_write = amphi__responses_request_write,
    .answer_new = responses_answer_new,
    .answer_headers = responses_answer_headers,
    .answer_body = responses_answer_body,
    .answer_end = responses_answer_end,
    .answer_ending = responses_answer_ending,
    .answer_free = responses_answer_free,
};
