/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI chat completions: the answer. Server-sent events with chat.completion.chunk objects, or,
 * from servers that ignore "stream": true, one chat.completion object. (The request is written in
 * dialect_openai_request.c.)
 *
 * When is an answer whole? Only with a finish reason. Behind it usually come a chunk with usage
 * and "[DONE]"; whichever is first ends it, and they are waited for shortly. Without a finish
 * reason the end of the body, whether clean or "[DONE]" or a cut, is AMPHI_E_TRUNCATED. An event
 * that is not JSON ends the answer with AMPHI_E_PROTOCOL: skipping it could lose a word.
 *
 * Most servers continue a prefix (the beginning of the answer), but some repeat it first. An answer
 * that begins with the whole of it loses that repetition.
 */
#include "remote/dialect_openai.h"

#include "remote/dialect_openai_request.h"
#include "remote/dialect_response.h"
#include "remote/plain_chunk.h"
#include "remote/tool_call_deltas.h"
#include "sdk/core/json_span.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

/* A shorter prefix may well come again by chance ("No, no"). */
enum { REPEATED_BYTES_MIN = 16 };

struct amphi_answer {
    amphi_dialect_response response;
    amphi_buf text;      /* for what has to be written again */
    amphi_buf logprobs;  /* of text not reported yet: elements of a JSON array */
    amphi_finish finish; /* AMPHI_FINISH_NONE until the finish reason comes */
    amphi_ending ending;
    amphi_usage usage;
    amphi_buf usage_extra; /* what else it tells, as an EXTRA; empty: nothing */
    uint64_t others;       /* of the last chunk whose unknown members were reported */
    bool has_usage;
    bool has_total; /* the usage came on its own, as it does behind an answer */
    char *prefix;
    size_t prefix_size;
    size_t repeated_size; /* of the prefix, held back because it may be a repetition */
    bool last_was_text;   /* the last chunk had some; at the beginning it is thought so */
    bool has_output;      /* text, or a tool call */
    bool may_repeat;      /* so far the text is the prefix's beginning, or there is none */
    amphi_tool_call_deltas tool_call_deltas;
};

/* Half a pair that nothing follows. */
static void report_waiting_half(amphi_answer *answer)
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi__surrogates_end(&answer->response.pair, &text);
    amphi__dialect_response_text(&answer->response, AMPHI_ENGINE_TEXT, amphi__buf_str(&text));
    amphi__buf_clear(&text);
}

static void conclude(amphi_answer *answer)
{
    if (answer->response.phase == AMPHI_ANSWER_ENDED)
        return;
    if (answer->logprobs.size >
        0) { /* behind all text, from a server that sends them on their own */
        amphi__buf_append_char(&answer->logprobs, ']');
        amphi_engine_event last = {
            .kind = AMPHI_ENGINE_TEXT, .logprobs = amphi__buf_str(&answer->logprobs)};
        amphi__dialect_response_report(&answer->response, &last);
    }
    report_waiting_half(answer);
    if (answer->usage_extra.size > 0)
        amphi__dialect_response_text(
            &answer->response, AMPHI_ENGINE_EXTRA, amphi__buf_str(&answer->usage_extra));
    amphi__dialect_response_finish(
        &answer->response, answer->has_usage ? &answer->usage : NULL, answer->finish);
}

/* ---- Pieces of an answer --------------------------------------------------------------------- */

/* Of an object what we do not know, as the member `name` of an EXTRA's part. false: nothing. */
static bool put_unknown(
    amphi_json_writer *writer, const amphi_json *object, bool (*knows)(amphi_str key))
{
    bool any = false;
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m)) {
        bool is_empty = amphi__json_is_string(m) && amphi__json_string(m).size == 0;
        if (knows(amphi__json_key(m)) || amphi__json_kind(m) == AMPHI_JSON_NULL || is_empty)
            continue;
        amphi__json_put_key(writer, amphi__json_key(m));
        amphi__json_put_value(writer, NULL, m);
        any = true;
    }
    return any;
}

static bool knows_usage(amphi_str key)
{
    static const char *const keys[] = {"prompt_tokens", "completion_tokens", "total_tokens", NULL};
    return amphi__json_key_is_one_of(key, keys);
}

static void take_usage_details(amphi_answer *answer, const amphi_json *usage)
{
    amphi_json_writer writer;
    amphi__buf_reset(&answer->usage_extra);
    amphi__json_writer_init(&writer, &answer->usage_extra);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, "chunk", '{');
    amphi__json_open(&writer, "usage", '{');
    bool any = put_unknown(&writer, usage, knows_usage);
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    if (!any || answer->usage_extra.status != AMPHI_OK)
        amphi__buf_reset(&answer->usage_extra);
}

/* Unknown members of a part ("delta", "chunk") go up as they are. */
static void report_unknown(
    amphi_answer *answer, const char *part, const amphi_json *object, bool (*knows)(amphi_str key))
{
    amphi_json_writer writer;
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT ||
        answer->response.phase == AMPHI_ANSWER_ENDED)
        return;
    amphi__buf_reset(&answer->text);
    amphi__json_writer_init(&writer, &answer->text);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_open(&writer, part, '{');
    bool any = put_unknown(&writer, object, knows);
    amphi__json_close(&writer, '}');
    amphi__json_close(&writer, '}');
    if (any && answer->text.status == AMPHI_OK)
        amphi__dialect_response_text(
            &answer->response, AMPHI_ENGINE_EXTRA, amphi__buf_str(&answer->text));
}

/* The last one counts: some servers repeat a growing usage in every chunk. false: there is none. */
static bool take_usage(amphi_answer *answer, const amphi_json *usage)
{
    if (amphi__json_kind(usage) != AMPHI_JSON_OBJECT)
        return false;
    const amphi_json *cached =
        amphi__json_get(amphi__json_get(usage, "prompt_tokens_details"), "cached_tokens");
    if (cached == NULL)
        cached = amphi__json_get(usage, "prompt_cache_hit_tokens");
    answer->usage.prompt_tokens =
        amphi__dialect_response_tokens(amphi__json_get(usage, "prompt_tokens"));
    answer->usage.completion_tokens =
        amphi__dialect_response_tokens(amphi__json_get(usage, "completion_tokens"));
    answer->usage.cached_tokens = amphi__dialect_response_tokens(cached);
    answer->has_usage = true;
    take_usage_details(answer, usage);
    return true;
}

/* Text of the answer, together with the log-probabilities that have come. */
static void report_words(amphi_answer *answer, amphi_str text)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT, .text = text};
    if (text.size == 0)
        return;
    answer->has_output = true;
    if (answer->logprobs.size > 0) {
        amphi__buf_append_char(&answer->logprobs, ']');
        event.logprobs = amphi__buf_str(&answer->logprobs);
    }
    amphi__dialect_response_report(&answer->response, &event);
    amphi__buf_reset(&answer->logprobs);
}

/* A choice's "logprobs": of its content, and of a refusal, which is reported as content. */
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
        amphi__dialect_response_fail(&answer->response, answer->logprobs.status,
            "the answer's log-probabilities are too large");
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
            if (!answer->may_repeat)
                amphi__buf_reset(&answer->logprobs); /* they are the repetition's */
            text = amphi__str_slice(text, size, text.size);
        }
    }
    report_words(answer, text);
}

/* Text that may hold halves of pairs, of this event or of the one before. */
static void take_any_text(amphi_answer *answer, amphi_str text)
{
    amphi_buf joined;
    if (text.size == 0 || (!answer->response.is_repaired && answer->response.pair.high == 0)) {
        take_text(answer, text);
        return;
    }
    amphi__buf_init(&joined, 0);
    amphi__surrogates_join(&answer->response.pair, &joined, text);
    if (joined.status == AMPHI_OK)
        take_text(answer, amphi__buf_str(&joined));
    else
        amphi__dialect_response_fail(&answer->response, joined.status, "out of memory");
    amphi__buf_clear(&joined);
}

/* A string, or (Mistral) an array of parts of which the text counts. */
static void take_content(amphi_answer *answer, const amphi_json *content)
{
    take_any_text(answer, amphi__json_string(content));
    if (amphi__json_kind(content) != AMPHI_JSON_ARRAY)
        return;
    for (const amphi_json *part = amphi__json_first(content); part != NULL;
         part = amphi__json_next(part)) {
        amphi_str text = amphi__json_string(amphi__json_get(part, "text"));
        take_any_text(answer, text);
    }
}

/* "tool_calls", or its older form "function_call". */
static void take_tool_calls(amphi_answer *answer, const amphi_json *delta, amphi_tool_form form)
{
    const amphi_json *calls = amphi__json_get(delta, "tool_calls");
    const amphi_json *function = amphi__json_get(delta, "function_call");
    if (amphi__json_kind(calls) != AMPHI_JSON_ARRAY &&
        amphi__json_kind(function) != AMPHI_JSON_OBJECT)
        return;
    amphi_json_writer writer;
    amphi__buf_reset(&answer->text);
    amphi__json_writer_init(&writer, &answer->text);
    amphi__json_open(&writer, NULL, '[');
    size_t count =
        amphi__json_kind(calls) == AMPHI_JSON_ARRAY
            ? amphi__tool_call_deltas_write(&answer->tool_call_deltas, &writer, calls, form)
            : amphi__tool_call_deltas_write_function(&answer->tool_call_deltas, &writer, function);
    amphi__json_close(&writer, ']');
    if (answer->text.status != AMPHI_OK || count == SIZE_MAX) {
        amphi__dialect_response_fail(&answer->response,
            count == SIZE_MAX ? AMPHI_E_LIMIT : answer->text.status,
            "the answer's tool calls are too large or too many");
    } else if (count > 0) {
        answer->has_output = true;
        amphi__dialect_response_text(
            &answer->response, AMPHI_ENGINE_TOOL_CALL, amphi__buf_str(&answer->text));
    }
}

/* A stream's "delta" or a whole answer's "message". */
static void take_delta(amphi_answer *answer, const amphi_json *delta, amphi_tool_form form)
{
    const amphi_json *reasoning = amphi__json_get(delta, "reasoning_content");
    if (!amphi__json_is_string(reasoning))
        reasoning = amphi__json_get(delta, "reasoning");
    amphi__dialect_response_text(
        &answer->response, AMPHI_ENGINE_REASONING, amphi__json_string(reasoning));
    const amphi_json *content = amphi__json_get(delta, "content");
    answer->last_was_text = amphi__json_string(content).size > 0;
    take_content(answer, content);
    answer->has_output |= amphi__json_string(amphi__json_get(delta, "refusal")).size > 0;
    report_unknown(answer, "delta", delta, amphi__plain_chunk_knows_delta);
    take_tool_calls(answer, delta, form);
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
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (amphi__str_equal_ignore_case(name, amphi_str_from(reasons[i].name)))
            return reasons[i].finish;
    return AMPHI_FINISH_STOP;
}

static void take_choice(amphi_answer *answer, const amphi_json *choice)
{
    const amphi_json *delta = amphi__json_get(choice, "delta");
    if (amphi__json_int(amphi__json_get(choice, "index"), 0) != 0 ||
        answer->response.phase != AMPHI_ANSWER_OPEN)
        return; /* only one was asked for; and nothing of the answer follows its finish */
    take_logprobs(answer, amphi__json_get(choice, "logprobs"));
    if (answer->response.phase != AMPHI_ANSWER_OPEN)
        return;
    const amphi_json *message = amphi__json_get(choice, "message");
    if (delta != NULL)
        take_delta(answer, delta, AMPHI_TOOL_DELTA);
    else
        take_delta(answer, message, AMPHI_TOOL_WHOLE);
    if (amphi__json_kind(delta) != AMPHI_JSON_OBJECT &&
        amphi__json_kind(message) != AMPHI_JSON_OBJECT) /* the form of completions */
        take_any_text(answer, amphi__json_string(amphi__json_get(choice, "text")));
    amphi_str reason = amphi__json_string(amphi__json_get(choice, "finish_reason"));
    if (reason.size == 0 || answer->response.phase != AMPHI_ANSWER_OPEN)
        return;
    amphi_finish finish = finish_of(reason);
    if (finish == AMPHI_FINISH_NONE) {
        amphi__dialect_response_fail(
            &answer->response, AMPHI_E_PROVIDER, "the provider broke the answer off");
        return;
    }
    if (answer->may_repeat)
        report_held_text(answer); /* the whole answer is shorter than the prefix: no repetition */
    answer->finish = finish;
    answer->ending = AMPHI_ENDING_REASON;
    answer->response.phase = AMPHI_ANSWER_ENDING;
}

/* {"error": ...}, or as older vLLM servers write it {"object": "error", "message": ...}. */
static bool is_error(const amphi_json *chunk)
{
    const amphi_json *error = amphi__json_get(chunk, "error");
    bool says_something = amphi__json_string(error).size > 0 || amphi__json_first(error) != NULL ||
                          amphi__json_kind(error) == AMPHI_JSON_NUMBER ||
                          amphi__json_bool(error, false);
    return says_something ||
           amphi__str_equal_c(amphi__json_string(amphi__json_get(chunk, "object")), "error");
}

/* says_error: the event stream does, where some servers say it. */
static void take_tree(
    amphi_answer *answer, bool says_error, amphi_str text, const amphi_json *chunk)
{
    if (is_error(chunk) || says_error) {
        amphi__dialect_response_fail_from_body(&answer->response, text);
        return;
    }
    amphi__dialect_response_model(
        &answer->response, amphi__json_string(amphi__json_get(chunk, "model")));
    bool usage = take_usage(answer, amphi__json_get(amphi__json_get(chunk, "x_groq"), "usage"));
    usage = take_usage(answer, amphi__json_get(chunk, "usage")) || usage;
    uint64_t others = amphi__plain_chunk_others(text);
    if (others != 0 && others != answer->others)
        report_unknown(answer, "chunk", chunk, amphi__plain_chunk_knows);
    answer->others = others != 0 ? others : answer->others;
    for (const amphi_json *choice = amphi__json_first(amphi__json_get(chunk, "choices"));
         choice != NULL; choice = amphi__json_next(choice))
        take_choice(answer, choice);
    answer->has_total |= usage && amphi__json_first(amphi__json_get(chunk, "choices")) == NULL;
    if (!usage && amphi__json_get(chunk, "choices") == NULL &&
        answer->response.phase == AMPHI_ANSWER_OPEN)
        amphi__dialect_response_alive(&answer->response); /* a ping */
    if (usage && answer->response.phase == AMPHI_ANSWER_ENDING)
        conclude(answer); /* nothing that we need can follow */
}

/* A chunk that is a piece of text and nothing else. false: it is not, or it could be. */
static bool take_plain_chunk(amphi_answer *answer, amphi_str text)
{
    amphi_plain_chunk chunk;
    amphi_json *string = NULL;
    if (answer->response.phase != AMPHI_ANSWER_OPEN || answer->response.is_repaired ||
        !amphi__plain_chunk_read(text, &chunk) ||
        (chunk.others != 0 && chunk.others != answer->others))
        return false;
    if (chunk.has_escapes) {
        if (amphi__json_parse_checked(&string, chunk.quoted, false) != AMPHI_OK)
            return false;
        chunk.content = amphi__json_string(string);
    }
    amphi__dialect_response_model(&answer->response, chunk.model);
    take_any_text(answer, chunk.content);
    amphi__json_free(string);
    return true;
}

/* Good JSON. Chunks come in stretches of one sort: behind a text, one more is looked for first. */
static amphi_status take_good_chunk(
    amphi_answer *answer, amphi_str event_type, amphi_str text, bool has_special)
{
    amphi_json *chunk = NULL;
    bool says_error = amphi__str_equal_c(event_type, "error");
    if (answer->last_was_text && !says_error && take_plain_chunk(answer, text))
        return AMPHI_OK;
    amphi_status status = amphi__json_parse_checked(&chunk, text, has_special);
    if (status == AMPHI_OK && amphi__json_kind(chunk) != AMPHI_JSON_OBJECT)
        status = AMPHI_E_FORMAT;
    else if (status == AMPHI_OK)
        take_tree(answer, says_error, text, chunk);
    amphi__json_free(chunk);
    return status;
}

static void take_chunk(amphi_answer *answer, amphi_str event_type, amphi_str text)
{
    bool has_special;
    amphi_status status = amphi__dialect_response_check(&answer->response, &text, &has_special);
    if (status == AMPHI_OK)
        status = take_good_chunk(answer, event_type, text, has_special);
    if (status != AMPHI_OK)
        amphi__dialect_response_fail_event(&answer->response, status);
}

/* [DONE]. Without a finish reason before it this is the end only where the endpoint has never sent
 * one; or else where the usage is there, which is counted at the end. What cuts an answer may write
 * a marker behind it. */
static void take_end_marker(amphi_answer *answer)
{
    bool is_open = answer->response.phase == AMPHI_ANSWER_OPEN;
    bool has_output = answer->has_output;
    if (is_open && has_output)
        answer->ending = AMPHI_ENDING_DONE;
    amphi_ending known = answer->response.options.ending;
    bool has_count = answer->has_total && answer->usage.completion_tokens > 0;
    bool counts =
        has_output && (known == AMPHI_ENDING_DONE || (known == AMPHI_ENDING_UNKNOWN && has_count));
    if (is_open && counts) {
        if (answer->may_repeat)
            report_held_text(answer);
        answer->finish =
            answer->tool_call_deltas.count > 0 ? AMPHI_FINISH_TOOL_CALLS : AMPHI_FINISH_STOP;
        answer->response.phase = AMPHI_ANSWER_ENDING;
    }
    if (answer->response.phase == AMPHI_ANSWER_ENDING) {
        conclude(answer);
    } else {
        amphi__dialect_response_fail(
            &answer->response, AMPHI_E_TRUNCATED, "the answer ended without a finish reason");
    }
}

static amphi_status take_event(void *user, const amphi_sse_event *event)
{
    amphi_answer *answer = user;
    amphi_str data = amphi__str_trim(event->data);
    if (answer->response.phase == AMPHI_ANSWER_ENDED)
        return AMPHI_E_CANCELLED; /* nothing more is of interest */
    if (data.size == 0) {         /* some servers keep the connection alive this way */
        answer->response.sse.is_alive = true;
        return AMPHI_OK;
    }
    if (!amphi__str_equal_c(data, "[DONE]"))
        take_chunk(answer, event->type, data);
    else
        take_end_marker(answer);
    return AMPHI_OK;
}

/* ---- The table ------------------------------------------------------------------------------- */

static void openai_answer_free(amphi_answer *answer)
{
    if (answer == NULL)
        return;
    amphi__dialect_response_clear(&answer->response);
    amphi__buf_clear(&answer->text);
    amphi__buf_clear(&answer->logprobs);
    amphi__buf_clear(&answer->usage_extra);
    amphi__free(answer->prefix);
    amphi__free(answer);
}

static amphi_status openai_answer_new(amphi_answer **out, const amphi_answer_options *options)
{
    *out = NULL;
    amphi_answer *answer = amphi__calloc(1, sizeof *answer);
    if (answer == NULL)
        return AMPHI_E_NO_MEMORY;
    amphi__dialect_response_init(&answer->response, options, take_event, answer);
    amphi__buf_init(&answer->text, AMPHI_RESPONSE_BYTES_MAX);
    amphi__buf_init(&answer->logprobs, AMPHI_RESPONSE_BYTES_MAX);
    amphi__buf_init(&answer->usage_extra, AMPHI_RESPONSE_BYTES_MAX);
    answer->last_was_text = true;
    answer->prefix = amphi__str_copy(options->prefix);
    answer->prefix_size = options->prefix.size;
    answer->may_repeat = answer->prefix_size >= REPEATED_BYTES_MIN;
    amphi_status status = AMPHI_E_NO_MEMORY;
    if (answer->prefix == NULL)
        goto cleanup;
    *out = answer;
    answer = NULL; /* the caller owns it now */
    status = AMPHI_OK;
cleanup:
    openai_answer_free(answer);
    return status;
}

static amphi_answer_phase openai_answer_headers(
    amphi_answer *answer, int http_status, const amphi_http_header *headers, size_t count)
{
    return amphi__dialect_response_headers(&answer->response, http_status, headers, count);
}

static amphi_answer_phase openai_answer_body(amphi_answer *answer, amphi_str piece)
{
    return amphi__dialect_response_body(&answer->response, piece);
}

static amphi_ending openai_answer_ending(const amphi_answer *answer)
{
    return answer->ending;
}

static void openai_answer_end(amphi_answer *answer, const amphi_error *error)
{
    if (answer->response.phase == AMPHI_ANSWER_ENDED)
        return;
    if (error != NULL && error->status == AMPHI_E_CANCELLED) {
        amphi__dialect_response_fail_with(&answer->response, error);
    } else if (answer->response.form == AMPHI_RESPONSE_ERROR) {
        amphi__dialect_response_fail_from_body(
            &answer->response, amphi__buf_str(&answer->response.whole));
    } else if (answer->response.form == AMPHI_RESPONSE_WHOLE && error == NULL) {
        take_chunk(answer, amphi_str_make(NULL, 0), amphi__buf_str(&answer->response.whole));
    } else if (answer->response.form == AMPHI_RESPONSE_EVENTS && error == NULL) {
        answer->response.at_end = true;
        amphi__sse_end(&answer->response.sse);
    }
    if (answer->response.phase == AMPHI_ANSWER_ENDING) {
        conclude(answer); /* the answer was complete, whatever happened to its end marker */
    } else if (error != NULL) {
        amphi__dialect_response_fail_with(&answer->response, error);
    } else {
        amphi__dialect_response_fail(&answer->response, AMPHI_E_TRUNCATED,
            answer->response.form == AMPHI_RESPONSE_UNKNOWN
                ? "the answer is empty"
                : "the answer ended without a finish reason");
    }
}

const amphi_dialect amphi__dialect_openai = {
    .name = "openai",
    .path = "/chat/completions",
    .continues = true,
    .request_write = amphi__openai_request_write,
    .answer_new = openai_answer_new,
    .answer_headers = openai_answer_headers,
    .answer_body = openai_answer_body,
    .answer_end = openai_answer_end,
    .answer_ending = openai_answer_ending,
    .answer_free = openai_answer_free,
};
