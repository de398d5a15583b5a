/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI chat completions: the answer. Server-sent events with chat.completion.chunk objects, or,
 * from servers that ignore "stream": true, one chat.completion object. (The request is written in
 * dialect_openai_request.c.)
 *
 * When is an answer whole? Only with a finish reason. Behind it usually come a chunk with usage
 * and "[DONE]"; whichever is first ends it, and they are waited for shortly. Without a finish reason
 * the end of the body, whether clean or "[DONE]" or a cut, is AMPHI_E_TRUNCATED. An event that is not JSON ends the answer with
 * AMPHI_E_PROTOCOL: skipping it could lose a word.
 *
 * A given beginning (prefix) is continued by most servers, but some say it again first. An answer
 * that begins with the whole of it loses that repetition.
 */
#include "remote/dialect_openai.h"

#include "remote/dialect_openai_request.h"
#include "remote/refusal.h"
#include "remote/sse.h"
#include "remote/tool_pieces.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

/* A shorter prefix may well come again by chance ("No, no"). */
enum { REPEATED_BYTES_MIN = 16 };

enum { WHOLE_BYTES_MAX = 8 << 20, REFUSAL_BYTES_MAX = 64 << 10 };

typedef enum form {
    FORM_UNKNOWN = 0, /* nothing but blanks so far                     */
    FORM_EVENTS,
    FORM_WHOLE,  /* one JSON object                                     */
    FORM_REFUSAL /* an HTTP status that is no success: its body explains */
} form;

struct amphi_answer {
    amphi_answer_options options;
    amphi_answer_phase phase;
    form form;
    bool promised_events; /* by its content type */
    int http_status;
    uint32_t retry_ms;
    amphi_sse sse;
    amphi_buf whole;    /* FORM_WHOLE and FORM_REFUSAL */
    amphi_buf text;     /* for what has to be written again */
    amphi_buf logprobs; /* for text that is not told yet: elements of a JSON array */
    bool model_told;
    amphi_finish finish; /* AMPHI_FINISH_NONE until the finish reason comes */
    amphi_usage usage;
    bool has_usage;
    char *prefix;
    size_t prefix_size;
    size_t repeated_size; /* of the prefix, held back because it may be a repetition */
    bool may_repeat;      /* so far the text is the prefix's beginning, or there is none */
    amphi_tool_pieces tool_pieces;
    bool at_end; /* of the body: an event that is no JSON is one that was cut */
};

/* ---- Reporting ------------------------------------------------------------------------------- */

static void report(const amphi_answer *answer, const amphi_engine_event *event)
{
    answer->options.sink.event(answer->options.sink.self, event);
}

static void report_text(const amphi_answer *answer, amphi_engine_event_kind kind, amphi_str text)
{
    if (text.size > 0) {
        amphi_engine_event event = {.kind = kind, .text = text};
        report(answer, &event);
    }
}

static void fail_with(amphi_answer *answer, const amphi_error *error, bool prefix_refused)
{
    if (answer->phase == AMPHI_ANSWER_ENDED) {
        return;
    }
    answer->phase = AMPHI_ANSWER_ENDED;
    amphi_engine_event event = {
        .kind = AMPHI_ENGINE_FAIL, .error = error, .prefix_refused = prefix_refused};
    report(answer, &event);
}

static void fail(amphi_answer *answer, amphi_status status, const char *message)
{
    amphi_error error;
    amphi__fail(&error, status, answer->http_status, "%s", message);
    fail_with(answer, &error, false);
}

static void fail_refused(amphi_answer *answer, amphi_str body)
{
    amphi_refusal refusal;
    amphi__refusal_explain(
        &refusal, answer->http_status, body, answer->retry_ms, answer->prefix_size > 0);
    fail_with(answer, &refusal.error, refusal.prefix_refused);
}

static void conclude(amphi_answer *answer)
{
    if (answer->phase == AMPHI_ANSWER_ENDED) {
        return;
    }
    if (answer->logprobs.size > 0) { /* behind all text, from a server that tells them apart */
        amphi__buf_append_char(&answer->logprobs, ']');
        amphi_engine_event last = {
            .kind = AMPHI_ENGINE_TEXT, .logprobs = amphi__buf_str(&answer->logprobs)};
        report(answer, &last);
    }
    amphi_engine_event event = {.kind = AMPHI_ENGINE_USAGE, .usage = answer->usage};
    if (answer->has_usage) {
        report(answer, &event);
    }
    answer->phase = AMPHI_ANSWER_ENDED;
    event.kind = AMPHI_ENGINE_FINISH;
    event.finish = answer->finish;
    report(answer, &event);
}

/* ---- Pieces of an answer --------------------------------------------------------------------- */

static uint32_t tokens(const amphi_json *value)
{
    int64_t count = amphi__json_int(value, 0);
    return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

/* The last one counts: some servers repeat a growing usage in every chunk. false: there is none. */
static bool take_usage(amphi_answer *answer, const amphi_json *usage)
{
    if (amphi__json_kind(usage) != AMPHI_JSON_OBJECT) {
        return false;
    }
    const amphi_json *cached =
        amphi__json_get(amphi__json_get(usage, "prompt_tokens_details"), "cached_tokens");
    if (cached == NULL) {
        cached = amphi__json_get(usage, "prompt_cache_hit_tokens");
    }
    answer->usage.prompt_tokens = tokens(amphi__json_get(usage, "prompt_tokens"));
    answer->usage.completion_tokens = tokens(amphi__json_get(usage, "completion_tokens"));
    answer->usage.cached_tokens = tokens(cached);
    answer->has_usage = true;
    return true;
}

static void take_model(amphi_answer *answer, const amphi_json *chunk)
{
    amphi_str model = amphi__json_string(amphi__json_get(chunk, "model"));
    if (!answer->model_told && model.size > 0) {
        answer->model_told = true;
        report_text(answer, AMPHI_ENGINE_MODEL, model);
    }
}

/* Text of the answer, together with the log-probabilities that have come. */
static void report_words(amphi_answer *answer, amphi_str text)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = text};
    if (text.size == 0) {
        return;
    }
    if (answer->logprobs.size > 0) {
        amphi__buf_append_char(&answer->logprobs, ']');
        event.logprobs = amphi__buf_str(&answer->logprobs);
    }
    report(answer, &event);
    amphi__buf_reset(&answer->logprobs);
}

/* A choice's "logprobs": of its content, and of a refusal, which is told as content. */
static void take_logprobs(amphi_answer *answer, const amphi_json *logprobs)
{
    static const char *const parts[] = {"content", "refusal"};
    amphi_json_writer writer;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const amphi_json *tokens = amphi__json_get(logprobs, parts[i]);
        const amphi_json *token =
            amphi__json_kind(tokens) == AMPHI_JSON_ARRAY ? amphi__json_first(tokens) : NULL;
        for (; token != NULL; token = amphi__json_next(token)) {
            amphi__buf_append_char(&answer->logprobs, answer->logprobs.size == 0 ? '[' : ',');
            amphi__json_writer_init(&writer, &answer->logprobs);
            amphi__json_put_value(&writer, NULL, token);
        }
    }
    if (answer->logprobs.status != AMPHI_OK) {
        fail(answer, answer->logprobs.status, "the answer's log-probabilities are too large");
    }
}

/* What was held back is no repetition after all. */
static void report_held_text(amphi_answer *answer)
{
    answer->may_repeat = false;
    report_words(answer, amphi_str_make(answer->prefix, answer->repeated_size));
    answer->repeated_size = 0;
}

static void take_text(amphi_answer *answer, amphi_str text)
{
    if (answer->may_repeat && text.size > 0) {
        size_t left = answer->prefix_size - answer->repeated_size;
        size_t size = text.size < left ? text.size : left;
        if (memcmp(answer->prefix + answer->repeated_size, text.data, size) != 0) {
            report_held_text(answer);
        } else {
            answer->repeated_size += size;
            answer->may_repeat = answer->repeated_size < answer->prefix_size;
            if (!answer->may_repeat) {
                amphi__buf_reset(&answer->logprobs); /* they are the repetition's */
            }
            text = amphi__str_slice(text, size, text.size);
        }
    }
    report_words(answer, text);
}

/* A string, or (Mistral) an array of parts of which the text counts. */
static void take_content(amphi_answer *answer, const amphi_json *content)
{
    take_text(answer, amphi__json_string(content));
    if (amphi__json_kind(content) != AMPHI_JSON_ARRAY) {
        return;
    }
    for (const amphi_json *part = amphi__json_first(content); part != NULL;
         part = amphi__json_next(part)) {
        amphi_str text = amphi__json_string(amphi__json_get(part, "text"));
        take_text(answer, text);
    }
}

/* `calls` is delta.tool_calls, or NULL and there is delta.function_call, its older form. */
static void take_tool_calls(
    amphi_answer *answer, const amphi_json *calls, const amphi_json *function)
{
    if (amphi__json_kind(calls) != AMPHI_JSON_ARRAY &&
        amphi__json_kind(function) != AMPHI_JSON_OBJECT) {
        return;
    }
    amphi_json_writer writer;
    amphi__buf_reset(&answer->text);
    amphi__json_writer_init(&writer, &answer->text);
    amphi__json_open(&writer, NULL, '[');
    size_t count = amphi__json_kind(calls) == AMPHI_JSON_ARRAY
                       ? amphi__tool_pieces_write(&answer->tool_pieces, &writer, calls)
                       : amphi__tool_pieces_write_function(&answer->tool_pieces, &writer, function);
    amphi__json_close(&writer, ']');
    if (answer->text.status != AMPHI_OK || count == SIZE_MAX) {
        fail(answer, count == SIZE_MAX ? AMPHI_E_LIMIT : answer->text.status,
            "the answer's tool calls are too large or too many");
    } else if (count > 0) {
        report_text(answer, AMPHI_ENGINE_TOOL_CALL, amphi__buf_str(&answer->text));
    }
}

/* A stream's "delta" or a whole answer's "message". */
static void take_delta(amphi_answer *answer, const amphi_json *delta)
{
    const amphi_json *reasoning = amphi__json_get(delta, "reasoning_content");
    if (!amphi__json_is_string(reasoning)) {
        reasoning = amphi__json_get(delta, "reasoning");
    }
    report_text(answer, AMPHI_ENGINE_REASONING, amphi__json_string(reasoning));
    take_content(answer, amphi__json_get(delta, "content"));
    report_words(answer, amphi__json_string(amphi__json_get(delta, "refusal")));
    take_tool_calls(
        answer, amphi__json_get(delta, "tool_calls"), amphi__json_get(delta, "function_call"));
}

typedef struct finish_reason {
    const char *name; /* in lower case */
    amphi_finish finish;
} finish_reason;

/* Beside OpenAI's own: what Gemini, Mistral, Zhipu and others write. What stands nowhere is one of
 * the many words for "stop" ("eos", "end_turn"). */
static const finish_reason reasons[] = {
    {"length", AMPHI_FINISH_LENGTH},
    {"max_tokens", AMPHI_FINISH_LENGTH},
    {"model_length", AMPHI_FINISH_LENGTH},
    {"model_context_window_exceeded", AMPHI_FINISH_LENGTH},
    {"tool_calls", AMPHI_FINISH_TOOL_CALLS},
    {"tool_use", AMPHI_FINISH_TOOL_CALLS},
    {"function_call", AMPHI_FINISH_TOOL_CALLS},
    {"content_filter", AMPHI_FINISH_CONTENT_FILTER},
    {"content_filtered", AMPHI_FINISH_CONTENT_FILTER},
    {"sensitive", AMPHI_FINISH_CONTENT_FILTER},
    {"safety", AMPHI_FINISH_CONTENT_FILTER},
    {"recitation", AMPHI_FINISH_CONTENT_FILTER},
    {"blocklist", AMPHI_FINISH_CONTENT_FILTER},
    {"prohibited_content", AMPHI_FINISH_CONTENT_FILTER},
    {"spii", AMPHI_FINISH_CONTENT_FILTER},
    /* The opposite of a finished answer, from DeepSeek, OpenRouter, vLLM, Zhipu and Gemini. */
    {"insufficient_system_resource", AMPHI_FINISH_NONE},
    {"error", AMPHI_FINISH_NONE},
    {"abort", AMPHI_FINISH_NONE},
    {"network_error", AMPHI_FINISH_NONE},
    {"malformed_function_call", AMPHI_FINISH_NONE},
};

static amphi_finish finish_of(amphi_str name)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (amphi__str_equal_ignore_case(name, amphi_str_from(reasons[i].name))) {
            return reasons[i].finish;
        }
    }
    return AMPHI_FINISH_STOP;
}

static void take_choice(amphi_answer *answer, const amphi_json *choice)
{
    const amphi_json *delta = amphi__json_get(choice, "delta");
    if (amphi__json_int(amphi__json_get(choice, "index"), 0) != 0 ||
        answer->phase != AMPHI_ANSWER_OPEN) {
        return; /* only one was asked for; and nothing of the answer follows its finish */
    }
    take_logprobs(answer, amphi__json_get(choice, "logprobs"));
    if (answer->phase != AMPHI_ANSWER_OPEN) {
        return;
    }
    take_delta(answer, delta != NULL ? delta : amphi__json_get(choice, "message"));
    amphi_str reason = amphi__json_string(amphi__json_get(choice, "finish_reason"));
    if (reason.size == 0 || answer->phase != AMPHI_ANSWER_OPEN) {
        return;
    }
    amphi_finish finish = finish_of(reason);
    if (finish == AMPHI_FINISH_NONE) {
        fail(answer, AMPHI_E_PROVIDER, "the provider broke the answer off");
        return;
    }
    if (answer->may_repeat) {
        report_held_text(answer); /* the whole answer is shorter than the prefix: no repetition */
    }
    answer->finish = finish;
    answer->phase = AMPHI_ANSWER_ENDING;
}

/* {"error": ...}, or as older vLLM servers write it {"object": "error", "message": ...}. */
static bool is_error(const amphi_json *chunk)
{
    amphi_json_kind error = amphi__json_kind(amphi__json_get(chunk, "error"));
    return (error != AMPHI_JSON_NONE && error != AMPHI_JSON_NULL) ||
           amphi__str_equal_c(amphi__json_string(amphi__json_get(chunk, "object")), "error");
}

/* event_type: the event stream's, for servers that say only there that it is an error. */
static void take_chunk(amphi_answer *answer, amphi_str event_type, amphi_str text)
{
    amphi_json *chunk = NULL;
    amphi_status status = amphi__json_parse(&chunk, text, "event", NULL);
    if (status == AMPHI_OK && amphi__json_kind(chunk) != AMPHI_JSON_OBJECT) {
        status = AMPHI_E_FORMAT;
    }
    if (status != AMPHI_OK && status != AMPHI_E_NO_MEMORY && answer->at_end) {
        if (answer->phase == AMPHI_ANSWER_OPEN) { /* otherwise only its usage is lost */
            fail(answer, AMPHI_E_TRUNCATED, "the answer ended in the middle of an event");
        }
        goto cleanup;
    }
    if (status != AMPHI_OK) {
        fail(answer, status == AMPHI_E_NO_MEMORY ? status : AMPHI_E_PROTOCOL,
            "the answer holds something that is not JSON");
        goto cleanup;
    }
    if (is_error(chunk) || amphi__str_equal_c(event_type, "error")) {
        fail_refused(answer, text);
        goto cleanup;
    }
    take_model(answer, chunk);
    bool usage = take_usage(answer, amphi__json_get(amphi__json_get(chunk, "x_groq"), "usage"));
    usage = take_usage(answer, amphi__json_get(chunk, "usage")) || usage;
    for (const amphi_json *choice = amphi__json_first(amphi__json_get(chunk, "choices"));
         choice != NULL; choice = amphi__json_next(choice)) {
        take_choice(answer, choice);
    }
    if (usage && answer->phase == AMPHI_ANSWER_ENDING) {
        conclude(answer); /* nothing that we need can follow */
    }
cleanup:
    amphi__json_free(chunk);
}

static amphi_status take_event(void *user, const amphi_sse_event *event)
{
    amphi_answer *answer = user;
    amphi_str data = amphi__str_trim(event->data);
    if (answer->phase == AMPHI_ANSWER_ENDED) {
        return AMPHI_E_CANCELLED; /* nothing more is of interest */
    }
    if (data.size == 0) {
        return AMPHI_OK; /* some servers keep the connection alive this way */
    }
    if (!amphi__str_equal_c(data, "[DONE]")) {
        take_chunk(answer, event->type, data);
    } else if (answer->phase == AMPHI_ANSWER_ENDING) {
        conclude(answer);
    } else {
        fail(answer, AMPHI_E_TRUNCATED, "the answer ended without a finish reason");
    }
    return AMPHI_OK;
}

/* ---- The table ------------------------------------------------------------------------------- */

static amphi_status openai_answer_new(amphi_answer **out, const amphi_answer_options *options)
{
    amphi_answer *answer = amphi__calloc(1, sizeof *answer);
    *out = answer;
    if (answer == NULL) {
        return AMPHI_E_NO_MEMORY;
    }
    answer->options = *options;
    answer->prefix = amphi__str_copy(options->prefix);
    if (answer->prefix == NULL) {
        amphi__free(answer);
        *out = NULL;
        return AMPHI_E_NO_MEMORY;
    }
    answer->prefix_size = options->prefix.size;
    answer->may_repeat = answer->prefix_size >= REPEATED_BYTES_MIN;
    amphi__sse_init(&answer->sse, NULL, take_event, answer);
    amphi__buf_init(&answer->whole, WHOLE_BYTES_MAX);
    amphi__buf_init(&answer->text, WHOLE_BYTES_MAX);
    amphi__buf_init(&answer->logprobs, WHOLE_BYTES_MAX);
    return AMPHI_OK;
}

static bool is_event_stream(amphi_str content_type)
{
    amphi_str parameters;
    amphi_str type = amphi__str_trim(amphi__str_cut(content_type, ';', &parameters));
    return amphi__str_equal_ignore_case(type, AMPHI_STR("text/event-stream"));
}

static amphi_answer_phase openai_answer_headers(
    amphi_answer *answer, int http_status, const amphi_http_header *headers, size_t count)
{
    answer->http_status = http_status;
    answer->retry_ms = amphi__retry_after_ms(headers, count, answer->options.clock);
    for (size_t i = 0; i < count; i++) {
        if (amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("content-type"))) {
            answer->promised_events = is_event_stream(headers[i].value);
        }
    }
    if (http_status < 200 || http_status > 299) {
        answer->form = FORM_REFUSAL;
        answer->whole.limit_bytes = REFUSAL_BYTES_MAX;
        answer->phase = AMPHI_ANSWER_ENDING;
    }
    return answer->phase;
}

/* Content types are often wrong; the first byte that is no blank is not: no event begins with a
 * brace. */
static void recognize(amphi_answer *answer, amphi_str piece)
{
    amphi_str text = amphi__str_trim(piece);
    if (text.size == 0) {
        return;
    }
    if (answer->promised_events && text.data[0] != '{') {
        answer->form = FORM_EVENTS;
        return;
    }
    if (text.data[0] == '<') {
        fail(answer, AMPHI_E_PROTOCOL,
            "the answer is a web page: a wrong URL, or a network that wants a sign-in first");
        return;
    }
    answer->form = text.data[0] == '{' || text.data[0] == '[' ? FORM_WHOLE : FORM_EVENTS;
}

static amphi_answer_phase openai_answer_body(amphi_answer *answer, amphi_str piece)
{
    if (answer->phase != AMPHI_ANSWER_ENDED && answer->form == FORM_UNKNOWN) {
        recognize(answer, piece);
    }
    if (answer->phase == AMPHI_ANSWER_ENDED) {
        return answer->phase;
    }
    if (answer->form == FORM_EVENTS) {
        amphi_status status = amphi__sse_feed(&answer->sse, piece);
        if (status != AMPHI_OK) {
            fail(answer, status, "the answer's events are too long or too many");
        }
    } else if (answer->form == FORM_REFUSAL) {
        size_t room = REFUSAL_BYTES_MAX - answer->whole.size; /* the rest is not worth reading */
        amphi__buf_append_str(&answer->whole, amphi__str_slice(piece, 0, room));
    } else if (answer->form == FORM_WHOLE) {
        amphi_status status = amphi__buf_append_str(&answer->whole, piece);
        if (status != AMPHI_OK) {
            fail(answer, status, "the answer is too long");
        }
    }
    return answer->phase;
}

static void openai_answer_end(amphi_answer *answer, const amphi_error *error)
{
    if (answer->phase == AMPHI_ANSWER_ENDED) {
        return;
    }
    if (error != NULL && error->status == AMPHI_E_CANCELLED) {
        fail_with(answer, error, false);
    } else if (answer->form == FORM_REFUSAL) {
        fail_refused(answer, amphi__buf_str(&answer->whole));
    } else if (answer->form == FORM_WHOLE && error == NULL) {
        take_chunk(answer, amphi_str_make(NULL, 0), amphi__buf_str(&answer->whole));
    } else if (answer->form == FORM_EVENTS && error == NULL) {
        answer->at_end = true;
        amphi__sse_end(&answer->sse);
    }
    if (answer->phase == AMPHI_ANSWER_ENDING) {
        conclude(answer); /* the answer was complete, whatever happened to its end marker */
    } else if (error != NULL) {
        fail_with(answer, error, false);
    } else {
        fail(answer, AMPHI_E_TRUNCATED,
            answer->form == FORM_UNKNOWN ? "the answer is empty"
                                         : "the answer ended without a finish reason");
    }
}

static void openai_answer_free(amphi_answer *answer)
{
    if (answer == NULL) {
        return;
    }
    amphi__sse_clear(&answer->sse);
    amphi__buf_wipe(&answer->whole); /* some refusals repeat the key */
    amphi__buf_clear(&answer->text);
    amphi__buf_clear(&answer->logprobs);
    amphi__free(answer->prefix);
    amphi__free(answer);
}

const amphi_dialect amphi__dialect_openai = {
    .struct_size = sizeof amphi__dialect_openai,
    .name = "openai",
    .path = "/chat/completions",
    .continues = true,
    .request_write = amphi__openai_request_write,
    .answer_new = openai_answer_new,
    .answer_headers = openai_answer_headers,
    .answer_body = openai_answer_body,
    .answer_end = openai_answer_end,
    .answer_free = openai_answer_free,
};
