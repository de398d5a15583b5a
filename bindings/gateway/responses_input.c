/* SPDX-License-Identifier: Apache-2.0
 *
 * The items of "input" as chat messages. Chat has one message where Responses have several items:
 * thoughts, text and calls of one turn are gathered until an item of another kind comes. Thoughts
 * are only used where they came from here (by their id): another provider's may be sealed, or mean
 * nothing to the model that answers now.
 */
#include "json_reader.h"
#include "responses_place.h"
#include "responses_request.h"

#include <stdio.h>
#include <string.h>

/* An assistant's message that may still grow. */
typedef struct turn {
    amphi_str content;      /* JSON, or empty */
    gateway_json parts;     /* where it has to be written */
    gateway_json reasoning; /* escaped, without quotes */
    gateway_json calls;     /* elements */
} turn;

typedef struct input {
    responses_request *request;
    gateway_json *out;
    turn turn;
    unsigned index; /* of the item */
} input;

static bool refuse_item(input *in, const char *member, const char *what)
{
    char param[64];
    snprintf(param, sizeof param, "input[%u]%s", in->index, member);
    return responses_refuse(in->request, param, "%s: %s", param, what);
}

static void end_turn(input *in)
{
    turn *t = &in->turn;
    bool has_calls = t->calls.size > 0;
    if (t->content.size > 0 || t->parts.size > 0 || has_calls) {
        gateway_json_open(in->out, NULL, '{');
        gateway_json_c(in->out, "role", "assistant");
        gateway_json_raw(
            in->out, "content", t->parts.size > 0 ? gateway_json_text(&t->parts) : t->content);
        if (t->reasoning.size > 0) {
            gateway_json_raw(in->out, "reasoning_content", AMPHI_STR("\""));
            gateway_json_append(in->out, gateway_json_text(&t->reasoning));
            gateway_json_append(in->out, AMPHI_STR("\""));
        }
        if (has_calls) {
            gateway_json_open(in->out, "tool_calls", '[');
            gateway_json_members(in->out, gateway_json_text(&t->calls));
            gateway_json_close(in->out, ']');
        }
        gateway_json_close(in->out, '}');
    }
    in->out->failed |= t->parts.failed || t->reasoning.failed || t->calls.failed;
    gateway_json_wipe(&t->parts);
    gateway_json_wipe(&t->reasoning);
    gateway_json_wipe(&t->calls);
    *t = (turn){.content = amphi_str_make(NULL, 0)};
}

/* ---- content parts ---- */

static bool is_text(amphi_str type)
{
    return gateway_json_says(type, "input_text") || gateway_json_says(type, "output_text") ||
           gateway_json_says(type, "text");
}

static bool put_image(input *in, gateway_json *out, amphi_str part)
{
    amphi_str url = gateway_json_get(part, "image_url");
    amphi_str detail = gateway_json_get(part, "detail");
    if (!gateway_json_is_string(url))
        return refuse_item(in, ".content", "input_image needs image_url here; files are not kept");
    gateway_json_c(out, "type", "image_url");
    gateway_json_open(out, "image_url", '{');
    gateway_json_raw(out, "url", url);
    if (!gateway_json_is_null(detail))
        gateway_json_raw(out, "detail", detail);
    gateway_json_close(out, '}');
    return true;
}

static bool put_file(input *in, gateway_json *out, amphi_str part)
{
    amphi_str data = gateway_json_get(part, "file_data");
    if (!gateway_json_is_string(data))
        return refuse_item(in, ".content", "input_file needs file_data here; files are not kept");
    gateway_json_c(out, "type", "file");
    gateway_json_open(out, "file", '{');
    if (!gateway_json_is_null(gateway_json_get(part, "filename")))
        gateway_json_raw(out, "filename", gateway_json_get(part, "filename"));
    gateway_json_raw(out, "file_data", data);
    gateway_json_close(out, '}');
    return true;
}

static bool put_part(input *in, gateway_json *out, amphi_str part)
{
    bool good = true;
    amphi_str type = gateway_json_get(part, "type");
    amphi_str text = gateway_json_get(part, "text");
    gateway_json_open(out, NULL, '{');
    if (is_text(type) && gateway_json_is_string(text)) {
        gateway_json_c(out, "type", "text");
        gateway_json_raw(out, "text", text);
    } else if (gateway_json_says(type, "refusal")) {
        gateway_json_c(out, "type", "refusal");
        gateway_json_raw(out, "refusal", gateway_json_get(part, "refusal"));
    } else if (gateway_json_says(type, "input_image")) {
        good = put_image(in, out, part);
    } else if (gateway_json_says(type, "input_file")) {
        good = put_file(in, out, part);
    } else if (gateway_json_says(type, "input_audio")) {
        gateway_json_c(out, "type", "input_audio");
        gateway_json_raw(out, "input_audio", gateway_json_get(part, "input_audio"));
    } else {
        good = refuse_item(in, ".content",
            "parts of type input_text, output_text, refusal, input_image, input_file and "
            "input_audio are known here");
    }
    gateway_json_close(out, '}');
    return good;
}

/* The text of the only part, as a JSON string; empty: there is more to it. Providers and the local
 * model understand a plain string everywhere. */
static amphi_str only_text(amphi_str parts)
{
    amphi_str part, more;
    gateway_json_walk walk = gateway_json_begin(parts);
    if (!gateway_json_next(&walk, NULL, &part) || gateway_json_next(&walk, NULL, &more) ||
        !is_text(gateway_json_get(part, "type")))
        return amphi_str_make(NULL, 0);
    return gateway_json_get(part, "text");
}

/* *content: JSON; in `written` where it is not as it came. */
static bool read_content(input *in, amphi_str value, amphi_str *content, gateway_json *written)
{
    amphi_str part;
    *content = gateway_json_is_string(value) ? value : only_text(value);
    if (gateway_json_is_string(*content))
        return true;
    if (!gateway_json_is_array(value))
        return refuse_item(in, ".content", "a string or an array of parts is expected");
    gateway_json_walk walk = gateway_json_begin(value);
    gateway_json_open(written, NULL, '[');
    while (gateway_json_next(&walk, NULL, &part))
        if (!put_part(in, written, part))
            return false;
    gateway_json_close(written, ']');
    *content = gateway_json_text(written);
    return true;
}

/* ---- items ---- */

static bool put_message(input *in, amphi_str item)
{
    amphi_str role = gateway_json_get(item, "role"), content;
    gateway_json written = {.data = NULL};
    if (gateway_json_says(role, "assistant")) {
        if (in->turn.content.size > 0 || in->turn.parts.size > 0 || in->turn.calls.size > 0)
            end_turn(in);
        return read_content(
            in, gateway_json_get(item, "content"), &in->turn.content, &in->turn.parts);
    }
    if (!gateway_json_says(role, "user") && !gateway_json_says(role, "system") &&
        !gateway_json_says(role, "developer"))
        return refuse_item(in, ".role", "user, assistant, system or developer is expected");
    end_turn(in);
    bool good = read_content(in, gateway_json_get(item, "content"), &content, &written);
    if (good) {
        gateway_json_open(in->out, NULL, '{');
        gateway_json_raw(in->out, "role", role);
        gateway_json_raw(in->out, "content", content);
        gateway_json_close(in->out, '}');
    }
    in->out->failed |= written.failed;
    gateway_json_wipe(&written);
    return good;
}

static bool put_call(input *in, amphi_str item)
{
    gateway_json *calls = &in->turn.calls;
    amphi_str id = gateway_json_get(item, "call_id");
    amphi_str name = gateway_json_get(item, "name");
    bool is_custom = gateway_json_says(gateway_json_get(item, "type"), "custom_tool_call");
    const char *type = is_custom ? "custom" : "function";
    const char *member = is_custom ? "input" : "arguments";
    amphi_str arguments = gateway_json_get(item, member);
    if (!gateway_json_is_string(id) || !gateway_json_is_string(name) ||
        !gateway_json_is_string(arguments))
        return refuse_item(in, "",
            is_custom ? "custom_tool_call needs call_id, name and input, as strings"
                      : "function_call needs call_id, name and arguments, as strings");
    gateway_json_open(calls, NULL, '{');
    gateway_json_raw(calls, "id", id);
    gateway_json_c(calls, "type", type);
    gateway_json_open(calls, type, '{');
    gateway_json_raw(calls, "name", name);
    gateway_json_raw(calls, member, arguments);
    gateway_json_close(calls, '}');
    gateway_json_close(calls, '}');
    return true;
}

static bool put_call_output(input *in, amphi_str item)
{
    amphi_str id = gateway_json_get(item, "call_id"), content;
    gateway_json written = {.data = NULL};
    if (!gateway_json_is_string(id))
        return refuse_item(in, ".call_id", "a string is expected");
    end_turn(in);
    bool good = read_content(in, gateway_json_get(item, "output"), &content, &written);
    if (good) {
        gateway_json_open(in->out, NULL, '{');
        gateway_json_c(in->out, "role", "tool");
        gateway_json_raw(in->out, "tool_call_id", id);
        gateway_json_raw(in->out, "content", content);
        gateway_json_close(in->out, '}');
    }
    in->out->failed |= written.failed;
    gateway_json_wipe(&written);
    return good;
}

/* Thoughts of before belong to the message, or the calls, that come next. */
static void take_reasoning(input *in, amphi_str item)
{
    static const size_t own = sizeof RESPONSES_OWN_REASONING - 1;
    amphi_str id = gateway_json_inner(gateway_json_get(item, "id")), part;
    if (id.size < own || memcmp(id.data, RESPONSES_OWN_REASONING, own) != 0)
        return;
    end_turn(in);
    gateway_json_walk walk = gateway_json_begin(gateway_json_get(item, "summary"));
    while (gateway_json_next(&walk, NULL, &part))
        gateway_json_append(
            &in->turn.reasoning, gateway_json_inner(gateway_json_get(part, "text")));
}

/* An item of an answer that the history has. */
static bool put_reference(input *in, amphi_str id)
{
    turn *t = &in->turn;
    bool is_message = id.size > 4 && memcmp(id.data, "msg_", 4) == 0;
    if (is_message && (t->content.size > 0 || t->parts.size > 0 || t->calls.size > 0))
        end_turn(in);
    return responses_place_item(in->request, id, &t->parts, &t->calls) ||
           refuse_item(in, ".id", "no answer that is kept here has such an item");
}

static bool put_item(input *in, amphi_str item)
{
    amphi_str type = gateway_json_get(item, "type");
    if (!gateway_json_is_object(item))
        return refuse_item(in, "", "an object is expected");
    if (gateway_json_says(type, "message") || gateway_json_is_null(type))
        return put_message(in, item);
    if (gateway_json_says(type, "function_call") || gateway_json_says(type, "custom_tool_call"))
        return put_call(in, item);
    if (gateway_json_says(type, "function_call_output") ||
        gateway_json_says(type, "custom_tool_call_output"))
        return put_call_output(in, item);
    if (gateway_json_says(type, "reasoning")) {
        take_reasoning(in, item);
        return true;
    }
    if (gateway_json_says(type, "item_reference"))
        return put_reference(in, gateway_json_inner(gateway_json_get(item, "id")));
    return refuse_item(in, ".type",
        "items of type message, function_call, function_call_output, custom_tool_call, "
        "custom_tool_call_output and reasoning are known here");
}

bool responses_input_write(responses_request *request, gateway_json *out)
{
    amphi_str value = request->fields[RESPONSES_INPUT], item;
    input in = {.request = request, .out = out};
    bool good = true;
    if (gateway_json_is_string(value)) {
        gateway_json_open(out, NULL, '{');
        gateway_json_c(out, "role", "user");
        gateway_json_raw(out, "content", value);
        gateway_json_close(out, '}');
        return true;
    }
    gateway_json_walk walk = gateway_json_begin(value);
    if (!gateway_json_is_array(value))
        return responses_refuse(
            request, "input", "input: a string or an array of items is expected");
    for (; good && gateway_json_next(&walk, NULL, &item); in.index++)
        good = put_item(&in, item);
    end_turn(&in); /* and frees what it has */
    return good;
}
