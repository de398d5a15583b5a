/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI chat completions: the request. The app's body goes out as it was written, member by
 * member, except: the endpoint's model replaces "model"; "stream" is true and usage is asked for;
 * "n" is left out (one answer); what is only for us ("amphi", "fallbacks") stays here. A given
 * beginning of the answer becomes a trailing assistant message, marked as the server wants it
 * (amphi_continuation), or is quoted in an instruction.
 */
#include "remote/dialect_openai_request.h"

#include "sdk/core/json_span.h"

#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

static bool is_ours(amphi_str key)
{
    static const char *const keys[] = {"amphi", "fallbacks", "stream", "stream_options", "n", NULL};
    return amphi__json_key_is_one_of(key, keys);
}

/* Is this message an assistant's plain text, so that more text can be put behind it? */
static bool is_open_answer(const amphi_json *message)
{
    return amphi__str_equal_c(amphi__json_string(amphi__json_get(message, "role")), "assistant") &&
           amphi__json_is_string(amphi__json_get(message, "content")) &&
           amphi__json_get(message, "tool_calls") == NULL;
}

static void put_prefix_mark(amphi_json_writer *writer, amphi_continuation way)
{
    if (way == AMPHI_CONTINUE_PREFIX)
        amphi__json_put_bool(writer, "prefix", true);
}

/* For models that follow instructions on servers that continue nothing. */
static void put_instruction(amphi_json_writer *writer)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "role", AMPHI_STR("user"));
    amphi__json_put_str(writer, "content", AMPHI_STR(AMPHI_CONTINUE_INSTRUCTION));
    amphi__json_close(writer, '}');
}

static void put_longer_message(amphi_json_writer *writer, amphi_str text, const amphi_json *message,
    const amphi_dialect_request *request)
{
    amphi_str more = request->prefix;
    amphi_json_span span;
    amphi_json_member member;
    amphi_buf content;
    amphi__buf_init(&content, 0);
    amphi__buf_append_str(&content, amphi__json_string(amphi__json_get(message, "content")));
    amphi__buf_append_str(&content, more);
    if (content.status != AMPHI_OK)
        writer->out->status = content.status;
    amphi__json_open(writer, NULL, '{');
    amphi__json_span_init(&span, text);
    while (amphi__json_span_next(&span, &member))
        if (!amphi__str_equal_c(member.key, "content"))
            amphi__json_member_put(writer, &member);
    amphi__json_put_str(writer, "content", amphi__buf_str(&content));
    put_prefix_mark(writer, request->continuation);
    amphi__json_close(writer, '}');
    amphi__buf_clear(&content);
}

/* The messages with the prefix as the last of them, or as the end of the last one when that is the
 * answer's beginning already. */
static void put_messages(
    amphi_json_writer *writer, amphi_str messages, const amphi_dialect_request *request)
{
    amphi_str prefix = request->prefix;
    amphi_json_span span;
    amphi_json_member member;
    amphi_str last = amphi_str_make(NULL, 0);
    amphi__json_open(writer, "messages", '[');
    if (amphi__json_span_init(&span, messages) && !span.in_object) {
        while (amphi__json_span_next(&span, &member)) {
            if (last.size > 0)
                amphi__json_put_raw(writer, NULL, last);
            last = member.value;
        }
    }
    amphi_json *message = NULL;
    bool is_small = last.size < AMPHI_JSON_SIZE_MAX;
    if (is_small && amphi__json_parse(&message, last, "message", NULL) == AMPHI_OK &&
        is_open_answer(message)) {
        put_longer_message(writer, last, message, request);
    } else {
        if (last.size > 0)
            amphi__json_put_raw(writer, NULL, last);
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "role", AMPHI_STR("assistant"));
        amphi__json_put_str(writer, "content", prefix);
        put_prefix_mark(writer, request->continuation);
        amphi__json_close(writer, '}');
    }
    amphi__json_free(message);
    if (request->continuation == AMPHI_CONTINUE_INSTRUCT)
        put_instruction(writer);
    amphi__json_close(writer, ']');
}

/* The longest answer's field, in the form that the model wants. */
static bool is_limit(amphi_str key)
{
    static const char *const keys[] = {"max_tokens", "max_completion_tokens", NULL};
    return amphi__json_key_is_one_of(key, keys);
}

static void put_limit(amphi_json_writer *writer, amphi_limit_form form, amphi_str limit)
{
    if (limit.size > 0)
        amphi__json_put_raw(
            writer, form == AMPHI_LIMIT_TOKENS ? "max_tokens" : "max_completion_tokens", limit);
}

static void put_stream_options(amphi_json_writer *writer, amphi_str requested)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi__json_open(writer, "stream_options", '{');
    if (amphi__json_span_init(&span, requested) && span.in_object) {
        while (amphi__json_span_next(&span, &member))
            if (!amphi__str_equal_c(member.key, "include_usage"))
                amphi__json_member_put(writer, &member);
    }
    amphi__json_put_bool(writer, "include_usage", true);
    amphi__json_close(writer, '}');
}

amphi_status amphi__openai_request_write(
    amphi_buf *out, const amphi_dialect_request *request, amphi_error *error)
{
    amphi_status status = amphi__json_check(request->body, "request", error);
    amphi_json_span span;
    amphi_json_member member;
    amphi_json_writer writer;
    amphi_str stream_options = amphi_str_make(NULL, 0);
    amphi_str limit = amphi_str_make(NULL, 0);
    const amphi_request_form *form = &request->form;
    if (status != AMPHI_OK)
        return status;
    if (!amphi__json_span_init(&span, request->body) || !span.in_object)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request: it is not a JSON object");
    amphi__buf_reserve(out, request->body.size + request->prefix.size + 256);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    while (amphi__json_span_next(&span, &member)) {
        if (amphi__str_equal_c(member.key, "stream_options"))
            stream_options = member.value;
        bool has_other_limit = form->limit != AMPHI_LIMIT_AS_WRITTEN && is_limit(member.key);
        if (has_other_limit)
            limit = member.value;
        bool is_replaced = is_ours(member.key) || has_other_limit ||
                           amphi__request_form_leaves_out(form, member.key) ||
                           (request->model.size > 0 && amphi__str_equal_c(member.key, "model"));
        if (amphi__str_equal_c(member.key, "messages") && request->prefix.size > 0)
            put_messages(&writer, member.value, request);
        else if (!is_replaced)
            amphi__json_member_put(&writer, &member);
    }
    if (request->model.size > 0)
        amphi__json_put_str(&writer, "model", request->model);
    put_limit(&writer, form->limit, limit);
    if (request->prefix.size > 0 && request->continuation == AMPHI_CONTINUE_VLLM) {
        amphi__json_put_bool(&writer, "continue_final_message", true);
        amphi__json_put_bool(&writer, "add_generation_prompt", false);
    }
    amphi__json_put_bool(&writer, "stream", !form->whole);
    if (!form->whole && !amphi__request_form_leaves_out(form, AMPHI_STR("stream_options")))
        put_stream_options(&writer, stream_options);
    amphi__json_close(&writer, '}');
    return amphi__fail_grown(error, out->status, "request: it is too large to be sent");
}
