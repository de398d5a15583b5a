/* SPDX-License-Identifier: Apache-2.0
 *
 * The Responses API: a chat-completions request in its terms (OpenAI's guide "Migrate to the
 * Responses API"). Leading system messages become "instructions", the other messages input items,
 * a tool call and its result items of their own; tools lose their inner "function"; the limit is
 * "max_output_tokens". Values are copied as the text they are, and members that we do not know
 * travel on. Two defaults differ between the two APIs and are written out: "store" and a tool's
 * "strict" are false unless the app says otherwise.
 *
 * What this API has no word for is left out where the answer is merely less steered (seed,
 * penalties, log-probabilities); stop strings would change the answer, so they are refused.
 */
#include "remote/dialect_responses_request.h"

#include "sdk/core/json_span.h"

#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

/* The text of an object's member; empty: there is none. Of duplicates the last one counts. */
static amphi_str find_member(amphi_str object, const char *key)
{
    amphi_json_span span;
    amphi_json_member member;
    amphi_str found = amphi_str_make(NULL, 0);
    if (amphi__json_span_init(&span, object) && span.in_object)
        while (amphi__json_span_next(&span, &member))
            found = amphi__str_equal_c(member.key, key) ? member.value : found;
    return found;
}

static bool is_text(amphi_str value)
{
    return value.size > 0 && value.data[0] == '"';
}

static bool is_array(amphi_str value)
{
    return value.size > 0 && value.data[0] == '[';
}

/* Is this value the string `text` (which needs no escapes)? */
static bool says(amphi_str value, const char *text)
{
    return is_text(value) && amphi__str_equal_c(amphi__str_slice(value, 1, value.size - 1), text);
}

static void put_members(amphi_json_writer *writer, amphi_str object, const char *const *but)
{
    amphi_json_span span;
    amphi_json_member member;
    if (amphi__json_span_init(&span, object) && span.in_object) {
        while (amphi__json_span_next(&span, &member))
            if (!amphi__json_key_is_one_of(member.key, but))
                amphi__json_member_put(writer, &member);
    }
}

static void put_found(amphi_json_writer *writer, const char *key, amphi_str value)
{
    if (value.size > 0)
        amphi__json_put_raw(writer, key, value);
}

/* Appends the string that a JSON value holds; of an array of parts their texts. */
static void append_text(amphi_buf *out, amphi_str value)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, value, "content", NULL);
    if (status == AMPHI_E_NO_MEMORY)
        out->status = status;
    amphi__buf_append_str(out, amphi__json_string(root));
    for (const amphi_json *part = amphi__json_first(root); part != NULL;
         part = amphi__json_next(part))
        amphi__buf_append_str(out, amphi__json_string(amphi__json_get(part, "text")));
    amphi__json_free(root);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static const char *const nothing[] = {NULL};

static void put_part(amphi_json_writer *writer, amphi_str part, bool from_assistant)
{
    amphi_str type = find_member(part, "type");
    static const char *const only_type[] = {"type", NULL};
    if (says(type, "text") || says(type, "refusal")) {
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "type",
            says(type, "refusal") ? AMPHI_STR("refusal")
            : from_assistant      ? AMPHI_STR("output_text")
                                  : AMPHI_STR("input_text"));
        put_members(writer, part, only_type);
        amphi__json_close(writer, '}');
    } else if (says(type, "image_url")) {
        amphi_str image = find_member(part, "image_url");
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "type", AMPHI_STR("input_image"));
        put_found(writer, "image_url", is_text(image) ? image : find_member(image, "url"));
        put_found(writer, "detail", find_member(image, "detail"));
        amphi__json_close(writer, '}');
    } else if (says(type, "file")) {
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "type", AMPHI_STR("input_file"));
        put_members(writer, find_member(part, "file"), nothing);
        amphi__json_close(writer, '}');
    } else {
        amphi__json_put_raw(writer, NULL, part); /* "input_audio", and what may come */
    }
}

static void put_parts(amphi_json_writer *writer, amphi_str parts, bool from_assistant)
{
    amphi_json_span span;
    amphi_json_member part;
    amphi__json_open(writer, "content", '[');
    amphi__json_span_init(&span, parts);
    while (amphi__json_span_next(&span, &part))
        put_part(writer, part.value, from_assistant);
    amphi__json_close(writer, ']');
}

static void put_tool_calls(amphi_json_writer *writer, amphi_str calls)
{
    amphi_json_span span;
    amphi_json_member call;
    if (!is_array(calls) || !amphi__json_span_init(&span, calls))
        return;
    while (amphi__json_span_next(&span, &call)) {
        amphi_str function = find_member(call.value, "function");
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "type", AMPHI_STR("function_call"));
        put_found(writer, "call_id", find_member(call.value, "id"));
        put_found(writer, "name", find_member(function, "name"));
        put_found(writer, "arguments", find_member(function, "arguments"));
        amphi__json_close(writer, '}');
    }
}

static void put_tool_result(amphi_json_writer *writer, amphi_str message)
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    append_text(&text, find_member(message, "content"));
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "type", AMPHI_STR("function_call_output"));
    put_found(writer, "call_id", find_member(message, "tool_call_id"));
    amphi__json_put_str(writer, "output", amphi__buf_str(&text));
    amphi__json_close(writer, '}');
    if (text.status != AMPHI_OK)
        writer->out->status = text.status;
    amphi__buf_clear(&text);
}

static void put_message(amphi_json_writer *writer, amphi_str message)
{
    amphi_str role = find_member(message, "role");
    amphi_str content = find_member(message, "content");
    if (says(role, "tool") || says(role, "function")) {
        put_tool_result(writer, message);
        return;
    }
    if (is_text(content) || is_array(content)) {
        amphi__json_open(writer, NULL, '{');
        put_found(writer, "role", role);
        if (is_text(content))
            amphi__json_put_raw(writer, "content", content);
        else
            put_parts(writer, content, says(role, "assistant"));
        amphi__json_close(writer, '}');
    }
    put_tool_calls(writer, find_member(message, "tool_calls"));
}

static bool is_instruction(amphi_str message)
{
    amphi_str role = find_member(message, "role");
    return (says(role, "system") || says(role, "developer")) &&
           is_text(find_member(message, "content"));
}

/* "instructions" from the first messages, "input" from the others. */
static void put_messages(
    amphi_json_writer *writer, amphi_str messages, const amphi_dialect_request *request)
{
    amphi_str prefix = request->prefix;
    amphi_json_span span;
    amphi_json_member message;
    amphi_buf instructions;
    amphi__buf_init(&instructions, 0);
    bool is_array_of_messages = amphi__json_span_init(&span, messages) && !span.in_object;
    bool more = is_array_of_messages && amphi__json_span_next(&span, &message);
    for (; more && is_instruction(message.value); more = amphi__json_span_next(&span, &message)) {
        if (instructions.size > 0)
            amphi__buf_append_c(&instructions, "\n\n");
        append_text(&instructions, find_member(message.value, "content"));
    }
    if (instructions.size > 0)
        amphi__json_put_str(writer, "instructions", amphi__buf_str(&instructions));
    amphi__json_open(writer, "input", '[');
    for (; more; more = amphi__json_span_next(&span, &message))
        put_message(writer, message.value);
    if (prefix.size > 0) {
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "role", AMPHI_STR("assistant"));
        amphi__json_put_str(writer, "content", prefix);
        amphi__json_close(writer, '}');
    }
    if (prefix.size > 0 && request->continuation == AMPHI_CONTINUE_INSTRUCT) {
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "role", AMPHI_STR("user"));
        amphi__json_put_str(writer, "content", AMPHI_STR(AMPHI_CONTINUE_INSTRUCTION));
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
    if (instructions.status != AMPHI_OK)
        writer->out->status = instructions.status;
    amphi__buf_clear(&instructions);
}

/* ---- Tools and formats ----------------------------------------------------------------------- */

static void put_tools(amphi_json_writer *writer, amphi_str tools)
{
    amphi_json_span span;
    amphi_json_member tool;
    amphi__json_open(writer, "tools", '[');
    amphi__json_span_init(&span, tools);
    while (amphi__json_span_next(&span, &tool)) {
        amphi_str function = find_member(tool.value, "function");
        if (function.size == 0) {
            amphi__json_put_raw(writer, NULL, tool.value); /* a tool of the provider's own */
            continue;
        }
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "type", AMPHI_STR("function"));
        put_members(writer, function, nothing);
        if (find_member(function, "strict").size == 0)
            amphi__json_put_bool(writer, "strict", false);
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, ']');
}

/* "auto" and the like as they are; {"type":"function","function":{"name"}} loses a level. */
static void put_tool_choice(amphi_json_writer *writer, amphi_str choice)
{
    amphi_str name = find_member(find_member(choice, "function"), "name");
    if (name.size == 0) {
        amphi__json_put_raw(writer, "tool_choice", choice);
        return;
    }
    amphi__json_open(writer, "tool_choice", '{');
    amphi__json_put_str(writer, "type", AMPHI_STR("function"));
    amphi__json_put_raw(writer, "name", name);
    amphi__json_close(writer, '}');
}

static void put_format(amphi_json_writer *writer, amphi_str format)
{
    amphi_str schema = find_member(format, "json_schema");
    amphi__json_open(writer, "text", '{');
    if (schema.size == 0) {
        amphi__json_put_raw(writer, "format", format);
    } else {
        amphi__json_open(writer, "format", '{');
        amphi__json_put_str(writer, "type", AMPHI_STR("json_schema"));
        put_members(writer, schema, nothing);
        amphi__json_close(writer, '}');
    }
    amphi__json_close(writer, '}');
}

/* ---- The whole ------------------------------------------------------------------------------- */

typedef struct found {
    amphi_str messages;
    amphi_str limit;
    bool store;
    bool logprobs;
} found;

/* One member of the chat request; those that have to be together are left to the end. */
static amphi_status put_request_member(amphi_json_writer *writer, const amphi_json_member *member,
    bool replaces_model, found *f, amphi_error *error)
{
    static const char *const dropped[] = {"amphi", "fallbacks", "stream", "stream_options", "n",
        "seed", "presence_penalty", "frequency_penalty", "repetition_penalty", "min_p", "top_k",
        "logit_bias", "logprobs", "modalities", "audio", "prediction", NULL};
    static const char *const limits[] = {"max_completion_tokens", "max_tokens", NULL};
    amphi_str key = member->key;
    f->logprobs |= amphi__str_equal_c(key, "logprobs") && amphi__str_equal_c(member->value, "true");
    if (amphi__str_equal_c(key, "stop") && !amphi__str_equal_c(member->value, "null")) {
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "stop: the Responses API knows no stop strings; use dialect=chat for this endpoint");
    }
    if (amphi__str_equal_c(key, "messages")) {
        f->messages = member->value;
    } else if (amphi__json_key_is_one_of(key, limits)) {
        bool wins = f->limit.size == 0 || amphi__str_equal_c(key, limits[0]);
        f->limit = wins ? member->value : f->limit;
    } else if (amphi__str_equal_c(key, "tools") && is_array(member->value)) {
        put_tools(writer, member->value);
    } else if (amphi__str_equal_c(key, "tool_choice")) {
        put_tool_choice(writer, member->value);
    } else if (amphi__str_equal_c(key, "response_format")) {
        put_format(writer, member->value);
    } else if (amphi__str_equal_c(key, "reasoning_effort")) {
        amphi__json_open(writer, "reasoning", '{');
        amphi__json_put_raw(writer, "effort", member->value);
        amphi__json_close(writer, '}');
    } else if (!amphi__json_key_is_one_of(key, dropped) && !amphi__str_equal_c(key, "stop") &&
               !(replaces_model && amphi__str_equal_c(key, "model"))) {
        amphi__json_member_put(writer, member);
        f->store |= amphi__str_equal_c(key, "store");
    }
    return AMPHI_OK;
}

amphi_status amphi__responses_request_write(
    amphi_buf *out, const amphi_dialect_request *request, amphi_error *error)
{
    amphi_status status = amphi__json_check(request->body, "request", error);
    amphi_json_span span;
    amphi_json_member member;
    amphi_json_writer writer;
    found f = {{NULL, 0}, {NULL, 0}, false, false};
    if (status != AMPHI_OK)
        return status;
    if (!amphi__json_span_init(&span, request->body) || !span.in_object)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "request: it is not a JSON object");
    amphi__buf_reserve(out, request->body.size + request->prefix.size + 512);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    while (amphi__json_span_next(&span, &member)) {
        if (amphi__request_form_leaves_out(&request->form, member.key))
            continue;
        status = put_request_member(&writer, &member, request->model.size > 0, &f, error);
        if (status != AMPHI_OK)
            return status;
    }
    if (request->model.size > 0)
        amphi__json_put_str(&writer, "model", request->model);
    put_messages(&writer, f.messages, request);
    put_found(&writer, "max_output_tokens", f.limit);
    if (f.logprobs)
        amphi__json_put_raw(&writer, "include", AMPHI_STR("[\"message.output_text.logprobs\"]"));
    if (!f.store)
        amphi__json_put_bool(&writer, "store", false);
    amphi__json_put_bool(&writer, "stream", !request->form.whole);
    amphi__json_close(&writer, '}');
    return amphi__fail_grown(error, out->status, "request: it is too large to be sent");
}
