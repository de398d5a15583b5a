/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's guide "Migrate to the Responses API", read backwards: instructions become the first
 * system message, tools and formats gain a level, the limit is max_completion_tokens. Values are
 * copied as the text they are. What only OpenAI's own servers can do (hosted tools, background
 * work, stored prompts) is refused by name: leaving it out would give an answer to another request.
 */
#include "responses_request.h"

#include "json_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef enum kind { ANY, STRING, BOOL, OBJECT, ARRAY } kind;

static const struct {
    const char *name;
    kind kind; /* or null */
} fields[RESPONSES_FIELD_COUNT] = {
    [RESPONSES_INPUT] = {"input", ANY},
    [RESPONSES_INSTRUCTIONS] = {"instructions", STRING},
    [RESPONSES_MODEL] = {"model", STRING},
    [RESPONSES_STREAM] = {"stream", BOOL},
    [RESPONSES_STORE] = {"store", BOOL},
    [RESPONSES_PREVIOUS] = {"previous_response_id", STRING},
    [RESPONSES_TOOLS] = {"tools", ARRAY},
    [RESPONSES_TOOL_CHOICE] = {"tool_choice", ANY},
    [RESPONSES_PARALLEL] = {"parallel_tool_calls", BOOL},
    [RESPONSES_TEXT] = {"text", OBJECT},
    [RESPONSES_REASONING] = {"reasoning", OBJECT},
    [RESPONSES_TOKENS_MAX] = {"max_output_tokens", ANY},
    [RESPONSES_TEMPERATURE] = {"temperature", ANY},
    [RESPONSES_TOP_P] = {"top_p", ANY},
    [RESPONSES_TOP_LOGPROBS] = {"top_logprobs", ANY},
    [RESPONSES_METADATA] = {"metadata", OBJECT},
    [RESPONSES_INCLUDE] = {"include", ARRAY},
    [RESPONSES_TRUNCATION] = {"truncation", STRING},
    [RESPONSES_BACKGROUND] = {"background", BOOL},
    [RESPONSES_CONVERSATION] = {"conversation", ANY},
    [RESPONSES_PROMPT] = {"prompt", ANY},
    [RESPONSES_MAX_TOOL_CALLS] = {"max_tool_calls", ANY},
    [RESPONSES_STREAM_OPTIONS] = {"stream_options", OBJECT},
    [RESPONSES_AMPHI] = {"amphi", OBJECT},
};

/* What a request of chat completions has in another place here. */
static const struct {
    const char *name;
    const char *instead;
} of_chat[] = {
    {"messages", "input"},
    {"response_format", "text.format"},
    {"max_tokens", "max_output_tokens"},
    {"max_completion_tokens", "max_output_tokens"},
    {"reasoning_effort", "reasoning.effort"},
    {"functions", "tools"},
    {"function_call", "tool_choice"},
    {"logprobs", "include: [\"message.output_text.logprobs\"]"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool responses_refuse(responses_request *request, const char *param, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(request->words, sizeof request->words, format, arguments);
    va_end(arguments);
    snprintf(request->param, sizeof request->param, "%s", param);
    request->failure = (gateway_failure){.http_status = 400,
        .type = "invalid_request_error",
        .param = param[0] != '\0' ? request->param : NULL,
        .message = request->words};
    return false;
}

static amphi_str field(const responses_request *request, responses_field which)
{
    return request->fields[which];
}

/* ---- reading ---- */

static bool is_kind(amphi_str value, kind wanted)
{
    switch (wanted) {
    case STRING:
        return gateway_json_is_string(value);
    case BOOL:
        return gateway_json_is(value, "true") || gateway_json_is(value, "false");
    case OBJECT:
        return gateway_json_is_object(value);
    case ARRAY:
        return gateway_json_is_array(value);
    default:
        return true;
    }
}

static bool take_field(responses_request *request, responses_field which, amphi_str value)
{
    static const char *const names[] = {
        "any value", "a string", "true or false", "an object", "an array"};
    if (request->fields[which].size > 0)
        return responses_refuse(request, fields[which].name, "%s: twice", fields[which].name);
    if (!gateway_json_is(value, "null") && !is_kind(value, fields[which].kind))
        return responses_refuse(request, fields[which].name, "%s: %s is expected",
            fields[which].name, names[fields[which].kind]);
    request->fields[which] = value;
    return true;
}

static bool take_member(responses_request *request, amphi_str key, amphi_str value)
{
    for (unsigned i = 0; i < RESPONSES_FIELD_COUNT; i++)
        if (gateway_json_is(key, fields[i].name))
            return take_field(request, (responses_field)i, value);
    for (size_t i = 0; i < COUNT_OF(of_chat); i++)
        if (gateway_json_is(key, of_chat[i].name))
            return responses_refuse(request, of_chat[i].name,
                "%s: the Responses API has %s in its place", of_chat[i].name, of_chat[i].instead);
    if (memchr(key.data, '\\', key.size) != NULL)
        return responses_refuse(request, "", "a member's name has escapes: there is none of it");
    gateway_json_member(&request->others, key, value);
    return true;
}

static bool check_include(responses_request *request)
{
    amphi_str value;
    gateway_json_walk walk = gateway_json_begin(field(request, RESPONSES_INCLUDE));
    while (gateway_json_next(&walk, NULL, &value))
        if (!gateway_json_says(value, "message.output_text.logprobs") &&
            !gateway_json_says(value, "reasoning.encrypted_content"))
            return responses_refuse(request, "include",
                "include: message.output_text.logprobs and reasoning.encrypted_content are known "
                "here");
    return true;
}

/* The caller's own; the rest are OpenAI's servers'. */
static bool is_own_tool(amphi_str type)
{
    return gateway_json_says(type, "function") || gateway_json_says(type, "custom");
}

/* `where`: what has this array. */
static bool check_list_of_tools(responses_request *request, const char *where, amphi_str tools)
{
    amphi_str tool;
    unsigned count = 0;
    gateway_json_walk walk = gateway_json_begin(tools);
    for (; gateway_json_next(&walk, NULL, &tool); count++) {
        char param[48];
        amphi_str type = gateway_json_inner(gateway_json_get(tool, "type"));
        snprintf(param, sizeof param, "%s[%u].type", where, count);
        if (!is_own_tool(gateway_json_get(tool, "type")))
            return responses_refuse(request, param,
                "%s: \"%.*s\" is not possible here: \"function\" and \"custom\" are", param,
                type.size < 40 ? (int)type.size : 40, type.data != NULL ? type.data : "");
    }
    return true;
}

static bool check_tools(responses_request *request)
{
    amphi_str choice = field(request, RESPONSES_TOOL_CHOICE);
    amphi_str type = gateway_json_get(choice, "type");
    if (!check_list_of_tools(request, "tools", field(request, RESPONSES_TOOLS)))
        return false;
    if (gateway_json_says(type, "allowed_tools"))
        return check_list_of_tools(request, "tool_choice.tools", gateway_json_get(choice, "tools"));
    if (gateway_json_is_object(choice) && !is_own_tool(type))
        return responses_refuse(request, "tool_choice",
            "tool_choice: a string, {\"type\":\"function\" or \"custom\",\"name\":...} or "
            "{\"type\":\"allowed_tools\",...} is expected here");
    return true;
}

bool responses_request_read(responses_request *request, amphi_str body)
{
    amphi_str key, value;
    *request = (responses_request){.streams = false};
    gateway_json_walk walk = {NULL, NULL, false};
    if (gateway_json_is_valid(body))
        walk = gateway_json_begin(body);
    if (!walk.is_object)
        return responses_refuse(request, "", "request: a JSON object is expected");
    while (gateway_json_next(&walk, &key, &value))
        if (!take_member(request, key, value))
            return false;
    request->streams = gateway_json_is(field(request, RESPONSES_STREAM), "true");
    request->stores = !gateway_json_is(field(request, RESPONSES_STORE), "false");
    if (gateway_json_is(field(request, RESPONSES_BACKGROUND), "true"))
        return responses_refuse(request, "background",
            "background: not possible here; the answer comes with this request");
    if (!gateway_json_is_null(field(request, RESPONSES_CONVERSATION)))
        return responses_refuse(request, "conversation",
            "conversation: not possible here; previous_response_id and "
            "\"amphi\":{\"conversation_id\"} are");
    if (!gateway_json_is_null(field(request, RESPONSES_PROMPT)))
        return responses_refuse(
            request, "prompt", "prompt: templates that OpenAI's servers keep are not known here");
    return check_include(request) && check_tools(request);
}

void responses_request_clear(responses_request *request)
{
    gateway_json_wipe(&request->others);
}

/* ---- writing ---- */

static void put_found(gateway_json *out, const char *key, amphi_str value)
{
    if (!gateway_json_is_null(value))
        gateway_json_raw(out, key, value);
}

static void put_members_but(gateway_json *out, amphi_str object, const char *but)
{
    amphi_str key, value;
    gateway_json_walk walk = gateway_json_begin(object);
    while (gateway_json_next(&walk, &key, &value))
        if (!gateway_json_is(key, but))
            gateway_json_member(out, key, value);
}

/* A custom tool's format; a grammar gains a level, too. */
static void put_format(gateway_json *out, amphi_str format)
{
    if (!gateway_json_says(gateway_json_get(format, "type"), "grammar")) {
        gateway_json_raw(out, "format", format);
        return;
    }
    gateway_json_open(out, "format", '{');
    gateway_json_c(out, "type", "grammar");
    gateway_json_open(out, "grammar", '{');
    put_members_but(out, format, "type");
    gateway_json_close(out, '}');
    gateway_json_close(out, '}');
}

/* {"type":"function","name":...} as chat completions has it, its members in one of their own; a
 * custom tool likewise. */
static void put_tool(gateway_json *out, const char *key, amphi_str tool)
{
    bool is_custom = gateway_json_says(gateway_json_get(tool, "type"), "custom");
    amphi_str name, value;
    gateway_json_walk walk = gateway_json_begin(tool);
    gateway_json_open(out, key, '{');
    gateway_json_c(out, "type", is_custom ? "custom" : "function");
    gateway_json_open(out, is_custom ? "custom" : "function", '{');
    while (gateway_json_next(&walk, &name, &value))
        if (is_custom && gateway_json_is(name, "format"))
            put_format(out, value);
        else if (!gateway_json_is(name, "type"))
            gateway_json_member(out, name, value);
    gateway_json_close(out, '}');
    gateway_json_close(out, '}');
}

static void put_allowed_tools(gateway_json *out, amphi_str choice)
{
    amphi_str tool;
    gateway_json_walk walk = gateway_json_begin(gateway_json_get(choice, "tools"));
    gateway_json_open(out, "tool_choice", '{');
    gateway_json_c(out, "type", "allowed_tools");
    gateway_json_open(out, "allowed_tools", '{');
    put_found(out, "mode", gateway_json_get(choice, "mode"));
    gateway_json_open(out, "tools", '[');
    while (gateway_json_next(&walk, NULL, &tool))
        put_tool(out, NULL, tool);
    gateway_json_close(out, ']');
    gateway_json_close(out, '}');
    gateway_json_close(out, '}');
}

static void put_tools(const responses_request *request, gateway_json *out)
{
    amphi_str tool;
    amphi_str choice = field(request, RESPONSES_TOOL_CHOICE);
    gateway_json_walk walk = gateway_json_begin(field(request, RESPONSES_TOOLS));
    gateway_json_walk look = walk;
    if (!gateway_json_next(&look, NULL, &tool))
        return; /* providers refuse an empty list, and a choice without one */
    gateway_json_open(out, "tools", '[');
    while (gateway_json_next(&walk, NULL, &tool))
        put_tool(out, NULL, tool);
    gateway_json_close(out, ']');
    if (gateway_json_says(gateway_json_get(choice, "type"), "allowed_tools"))
        put_allowed_tools(out, choice);
    else if (gateway_json_is_object(choice))
        put_tool(out, "tool_choice", choice);
    else if (!gateway_json_is_null(choice))
        gateway_json_raw(out, "tool_choice", choice);
    if (!gateway_json_is_null(field(request, RESPONSES_PARALLEL)))
        gateway_json_raw(out, "parallel_tool_calls", field(request, RESPONSES_PARALLEL));
}

static void put_text_format(const responses_request *request, gateway_json *out)
{
    amphi_str format = gateway_json_get(field(request, RESPONSES_TEXT), "format");
    amphi_str verbosity = gateway_json_get(field(request, RESPONSES_TEXT), "verbosity");
    if (gateway_json_says(gateway_json_get(format, "type"), "json_schema")) {
        gateway_json_open(out, "response_format", '{');
        gateway_json_c(out, "type", "json_schema");
        gateway_json_open(out, "json_schema", '{');
        put_members_but(out, format, "type");
        gateway_json_close(out, '}');
        gateway_json_close(out, '}');
    } else if (!gateway_json_is_null(format) &&
               !gateway_json_says(gateway_json_get(format, "type"), "text")) {
        gateway_json_raw(out, "response_format", format);
    }
    if (!gateway_json_is_null(verbosity))
        gateway_json_raw(out, "verbosity", verbosity);
}

static bool wants_logprobs(const responses_request *request)
{
    amphi_str value;
    gateway_json_walk walk = gateway_json_begin(field(request, RESPONSES_INCLUDE));
    while (gateway_json_next(&walk, NULL, &value))
        if (gateway_json_says(value, "message.output_text.logprobs"))
            return true;
    return false;
}

bool responses_request_write(
    responses_request *request, amphi_str history, gateway_json *out, unsigned *unkept_count)
{
    amphi_str instructions = field(request, RESPONSES_INSTRUCTIONS);
    *unkept_count = gateway_json_is_null(instructions) ? 0 : 1;
    gateway_json_open(out, NULL, '{');
    gateway_json_open(out, "messages", '[');
    if (*unkept_count > 0) {
        gateway_json_open(out, NULL, '{');
        gateway_json_c(out, "role", "system");
        gateway_json_raw(out, "content", instructions);
        gateway_json_close(out, '}');
    }
    gateway_json_members(out, history);
    if (!responses_input_write(request, out))
        return false;
    gateway_json_close(out, ']');
    put_found(out, "model", field(request, RESPONSES_MODEL));
    put_found(out, "temperature", field(request, RESPONSES_TEMPERATURE));
    put_found(out, "top_p", field(request, RESPONSES_TOP_P));
    put_found(out, "max_completion_tokens", field(request, RESPONSES_TOKENS_MAX));
    put_found(
        out, "reasoning_effort", gateway_json_get(field(request, RESPONSES_REASONING), "effort"));
    put_tools(request, out);
    put_text_format(request, out);
    if (wants_logprobs(request)) {
        gateway_json_bool(out, "logprobs", true);
        put_found(out, "top_logprobs", field(request, RESPONSES_TOP_LOGPROBS));
    }
    if (field(request, RESPONSES_AMPHI).size > 0) /* null too, which the client refuses by name */
        gateway_json_raw(out, "amphi", field(request, RESPONSES_AMPHI));
    if (request->streams)
        gateway_json_bool(out, "stream", true);
    gateway_json_members(out, gateway_json_text(&request->others));
    gateway_json_close(out, '}');
    out->failed |= request->others.failed;
    return true;
}

void responses_request_echo(const responses_request *request, gateway_json *out)
{
    static const struct {
        responses_field field;
        const char *otherwise; /* what stands there when the request does not say */
    } echoed[] = {
        {RESPONSES_INSTRUCTIONS, "null"},
        {RESPONSES_TOKENS_MAX, "null"},
        {RESPONSES_PARALLEL, "true"},
        {RESPONSES_PREVIOUS, "null"},
        {RESPONSES_REASONING, "{\"effort\":null,\"summary\":null}"},
        {RESPONSES_TEMPERATURE, "null"},
        {RESPONSES_TEXT, "{\"format\":{\"type\":\"text\"}}"},
        {RESPONSES_TOOL_CHOICE, "\"auto\""},
        {RESPONSES_TOOLS, "[]"},
        {RESPONSES_TOP_P, "null"},
        {RESPONSES_TRUNCATION, "\"disabled\""},
        {RESPONSES_METADATA, "{}"},
    };
    for (size_t i = 0; i < COUNT_OF(echoed); i++) {
        amphi_str value = field(request, echoed[i].field);
        gateway_json_raw(out, fields[echoed[i].field].name,
            gateway_json_is_null(value) ? amphi_str_from(echoed[i].otherwise) : value);
    }
    gateway_json_bool(out, "background", false);
    gateway_json_bool(out, "store", request->stores);
}
