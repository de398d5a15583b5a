/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a call's body: JSON in its shapes, or a name and parameters between tags. The form is
 * chosen by the body's first characters.
 */
#include "local/text/tool_call_body.h"

#include "sdk/core/str.h"

enum { BODY_MAX = 16 << 20 };

void amphi__tool_call_clear(amphi_tool_call *call)
{
    amphi__buf_clear(&call->name);
    amphi__buf_clear(&call->arguments);
}

/* ---- tools ---------------------------------------------------------------------------------- */

static const amphi_json *tool_named(const amphi_json *tools, amphi_str name)
{
    for (const amphi_json *tool = amphi__json_first(tools); tool != NULL;
         tool = amphi__json_next(tool)) {
        const amphi_json *function = amphi__json_get(tool, "function");
        function = function == NULL ? tool : function;
        if (amphi__str_equal(amphi__json_string(amphi__json_get(function, "name")), name))
            return function;
    }
    return NULL;
}

/* Does the tool's schema type this parameter as a string? */
static bool is_text_parameter(const amphi_json *tool, amphi_str key)
{
    const amphi_json *member =
        amphi__json_first(amphi__json_get(amphi__json_get(tool, "parameters"), "properties"));
    for (; member != NULL; member = amphi__json_next(member)) {
        if (amphi__str_equal(amphi__json_key(member), key))
            return amphi__str_equal_c(
                amphi__json_string(amphi__json_get(member, "type")), "string");
    }
    return false;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static size_t skip_blanks(amphi_str text, size_t at)
{
    while (at < text.size && strchr(" \t\r\n", text.data[at]) != NULL)
        at++;
    return at;
}

/* The end of the value at `at` (brackets and strings are counted, nothing is checked). */
static size_t value_end(amphi_str text, size_t at)
{
    size_t depth = 0;
    bool quoted = false;
    for (; at < text.size; at++) {
        char c = text.data[at];
        if (quoted) {
            at += c == '\\';
            if (c != '"')
                continue;
            quoted = false;
            if (depth == 0)
                return at + 1;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && strchr(",: \t\r\n", c) != NULL) {
            return at;
        }
    }
    return text.size;
}

/* The text of a member of an object; empty when there is none. The object is valid JSON. Of
 * duplicates the last one counts, as in the tree; a key with escapes is not found. */
static amphi_str raw_member(amphi_str object, const char *key)
{
    amphi_str found = amphi_str_make(NULL, 0);
    size_t at = skip_blanks(object, 1);
    while (at < object.size && object.data[at] == '"') {
        size_t key_end = value_end(object, at);
        amphi_str name = amphi__str_slice(object, at + 1, key_end - 1);
        at = skip_blanks(object, skip_blanks(object, key_end) + 1);
        size_t end = value_end(object, at);
        if (amphi__str_equal_c(name, key))
            found = amphi__str_slice(object, at, end);
        at = skip_blanks(object, skip_blanks(object, end) + 1);
    }
    return found;
}

static amphi_status keep(amphi_tool_call *call, amphi_str name, amphi_str arguments)
{
    amphi__buf_init(&call->name, BODY_MAX);
    amphi__buf_init(&call->arguments, BODY_MAX);
    amphi__buf_append_str(&call->name, name);
    amphi__buf_append_str(&call->arguments, arguments.size > 0 ? arguments : AMPHI_STR("{}"));
    amphi_status status =
        call->name.status != AMPHI_OK ? call->name.status : call->arguments.status;
    if (status != AMPHI_OK)
        amphi__tool_call_clear(call);
    return status;
}

/* A JSON object's text, or nothing at all? */
static bool is_arguments(amphi_str text)
{
    size_t at = skip_blanks(text, 0);
    return at >= text.size ||
           (text.data[at] == '{' && amphi__json_check(text, "arguments", NULL) == AMPHI_OK);
}

/* One object: {"name", "arguments" | "parameters"}, also inside "function". */
static amphi_status read_object(amphi_tool_call *call, bool *is_call, amphi_str text,
    const amphi_json *value, const amphi_json *tools, bool known_only)
{
    static const char *const keys[] = {"arguments", "parameters", "args"};
    const amphi_json *function = amphi__json_get(value, "function");
    *is_call = false;
    if (amphi__json_kind(function) == AMPHI_JSON_OBJECT) {
        text = raw_member(text, "function");
        value = function;
        function = NULL;
    }
    amphi_str name = amphi__json_string(amphi__json_get(value, "name"));
    if (name.size == 0)
        name = amphi__json_string(function);
    if (name.size == 0 || text.size == 0 || (known_only && tool_named(tools, name) == NULL))
        return AMPHI_OK;
    amphi_str arguments = amphi_str_make(NULL, 0);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && arguments.size == 0; i++) {
        const amphi_json *member = amphi__json_get(value, keys[i]);
        amphi_json_kind kind = amphi__json_kind(member);
        if (kind == AMPHI_JSON_STRING) /* arguments as OpenAI sends them: JSON in a string */
            arguments = amphi__json_string(member);
        else if (kind == AMPHI_JSON_OBJECT)
            arguments = raw_member(text, keys[i]);
        else if (kind != AMPHI_JSON_NONE && kind != AMPHI_JSON_NULL)
            return AMPHI_OK;
        if (!is_arguments(arguments) || (kind == AMPHI_JSON_OBJECT && arguments.size == 0))
            return AMPHI_OK;
    }
    arguments = amphi__str_trim(arguments);
    *is_call = true;
    return keep(call, name, arguments);
}

/* The first JSON value of `text`: an object or an array of them. *end is behind it. */
static amphi_status read_json(amphi_tool_call *calls, size_t most, size_t *count, amphi_str text,
    size_t *end, const amphi_json *tools, bool known_only)
{
    amphi_json *root = NULL;
    size_t at = skip_blanks(text, 0);
    *end = value_end(text, at);
    amphi_str own = amphi__str_slice(text, at, *end);
    if (own.size == 0 || (own.data[0] != '{' && own.data[0] != '['))
        return AMPHI_OK;
    amphi_status status = amphi__json_parse(&root, own, "tool call", NULL);
    if (status != AMPHI_OK)
        return status == AMPHI_E_NO_MEMORY ? status : AMPHI_OK;
    bool is_array = amphi__json_kind(root) == AMPHI_JSON_ARRAY;
    const amphi_json *value = is_array ? amphi__json_first(root) : root;
    size_t from = is_array ? skip_blanks(own, 1) : 0;
    while (value != NULL && *count < most && status == AMPHI_OK) {
        bool is_call = false;
        size_t to = is_array ? value_end(own, from) : own.size;
        status = read_object(
            &calls[*count], &is_call, amphi__str_slice(own, from, to), value, tools, known_only);
        *count += is_call && status == AMPHI_OK;
        from = skip_blanks(own, skip_blanks(own, to) + 1);
        value = is_array ? amphi__json_next(value) : NULL;
    }
    amphi__json_free(root);
    return status;
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* What lies between two marks, from *at on, which moves behind the second one. */
static bool between(amphi_str text, size_t *at, const char *first, const char *last, amphi_str *out)
{
    amphi_str rest = amphi__str_slice(text, *at, text.size);
    size_t from = amphi__str_find(rest, amphi_str_from(first));
    if (from == SIZE_MAX)
        return false;
    from += strlen(first);
    size_t size = amphi__str_find(amphi__str_slice(rest, from, rest.size), amphi_str_from(last));
    if (size == SIZE_MAX)
        return false;
    *out = amphi__str_slice(rest, from, from + size);
    *at += from + size + strlen(last);
    return true;
}

/* One line break at each end belongs to the tags. */
static amphi_str without_breaks(amphi_str text)
{
    if (text.size > 0 && text.data[0] == '\n')
        text = amphi__str_slice(text, 1, text.size);
    if (text.size > 0 && text.data[text.size - 1] == '\n')
        text = amphi__str_slice(text, 0, text.size - 1);
    return text;
}

static void write_parameter(
    amphi_json_writer *writer, const amphi_json *tool, amphi_str key, amphi_str value)
{
    bool is_json =
        !is_text_parameter(tool, key) && amphi__json_check(value, "parameter", NULL) == AMPHI_OK;
    amphi__json_put_key(writer, key);
    if (is_json)
        amphi__json_put_raw(writer, NULL, amphi__str_trim(value));
    else
        amphi__json_put_str(writer, NULL, value);
}

/* <parameter=key>value</parameter>..., or <arg_key>key</arg_key><arg_value>value</arg_value>... */
static amphi_status read_tags(
    amphi_tool_call *call, amphi_str name, amphi_str text, const amphi_json *tools)
{
    const amphi_json *tool = tool_named(tools, name);
    size_t at = 0;
    amphi_buf arguments;
    amphi__buf_init(&arguments, BODY_MAX);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &arguments);
    amphi__json_open(&writer, NULL, '{');
    amphi_str key;
    amphi_str value;
    while (between(text, &at, "<parameter=", ">", &key) &&
           between(text, &at, "", "</parameter>", &value))
        write_parameter(&writer, tool, key, without_breaks(value));
    at = 0;
    while (between(text, &at, "<arg_key>", "</arg_key>", &key) &&
           between(text, &at, "<arg_value>", "</arg_value>", &value))
        write_parameter(&writer, tool, amphi__str_trim(key), without_breaks(value));
    amphi__json_close(&writer, '}');
    amphi_status status = arguments.status != AMPHI_OK
                              ? arguments.status
                              : keep(call, name, amphi__buf_str(&arguments));
    amphi__buf_clear(&arguments);
    return status;
}

static bool is_name(amphi_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.' || c == ':';
        if (!fine)
            return false;
    }
    return name.size > 0 && name.size <= 128;
}

/* name{...}: whatever JSON object stands behind a name. */
static amphi_status read_named(amphi_tool_call *call, size_t *count, amphi_str name, amphi_str text)
{
    size_t at = skip_blanks(text, 0);
    amphi_str own = amphi__str_slice(text, at, value_end(text, at));
    if (own.size == 0 || own.data[0] != '{' ||
        amphi__json_check(own, "arguments", NULL) != AMPHI_OK)
        return AMPHI_OK;
    amphi_status status = keep(call, name, own);
    *count += status == AMPHI_OK;
    return status;
}

/* <function=name>...: tags or JSON inside. */
static amphi_status read_function(
    amphi_tool_call *call, size_t *count, amphi_str body, const amphi_json *tools)
{
    size_t at = 0;
    amphi_str name;
    if (!between(body, &at, "<function=", ">", &name) || !is_name(amphi__str_trim(name)))
        return AMPHI_OK;
    name = amphi__str_trim(name);
    amphi_str rest = amphi__str_slice(body, at, body.size);
    size_t first = skip_blanks(rest, 0);
    if (first < rest.size && rest.data[first] == '{')
        return read_named(call, count, name, rest);
    amphi_status status = read_tags(call, name, rest, tools);
    *count += status == AMPHI_OK;
    return status;
}

/* Mistral's later form: name[ARGS]{...}, or with a call id between. */
static amphi_status read_args(amphi_tool_call *call, size_t *count, amphi_str body)
{
    size_t mark = amphi__str_find(body, AMPHI_STR("[ARGS]"));
    size_t brace = amphi__str_find(body, AMPHI_STR("{"));
    size_t id = amphi__str_find(body, AMPHI_STR("[CALL_ID]"));
    size_t name_end = id < mark ? id : mark < brace ? mark : brace;
    size_t from = mark < brace ? mark + 6 : brace;
    amphi_str name =
        amphi__str_trim(amphi__str_slice(body, 0, name_end < body.size ? name_end : 0));
    if (!is_name(name) || from >= body.size)
        return AMPHI_OK;
    return read_named(call, count, name, amphi__str_slice(body, from, body.size));
}

/* GLM: the name on a line of its own, then tags. */
static amphi_status read_glm(
    amphi_tool_call *call, size_t *count, amphi_str body, const amphi_json *tools)
{
    size_t tag = amphi__str_find(body, AMPHI_STR("<arg_key>"));
    amphi_str name = amphi__str_trim(amphi__str_slice(body, 0, tag < body.size ? tag : body.size));
    if (!is_name(name) || (tag >= body.size && tool_named(tools, name) == NULL))
        return AMPHI_OK;
    amphi_status status = read_tags(call, name, body, tools);
    *count += status == AMPHI_OK;
    return status;
}

amphi_status amphi__tool_call_body_read(amphi_tool_call *calls, size_t most, size_t *count,
    amphi_str body, const amphi_json *tools, bool known_only)
{
    amphi_status status = AMPHI_OK;
    size_t end = 0;
    *count = 0;
    body = amphi__str_trim(body);
    if (body.size == 0 || most == 0)
        return AMPHI_OK;
    if (body.data[0] == '{' || body.data[0] == '[') {
        for (size_t before = 0; status == AMPHI_OK && body.size > 0 && *count < most;
             before = *count) {
            status = read_json(calls, most, count, body, &end, tools, known_only);
            if (*count == before || end >= body.size)
                break;
            body = amphi__str_trim(amphi__str_slice(body, end, body.size));
            if (body.size > 0 && (body.data[0] == ';' || body.data[0] == ','))
                body = amphi__str_trim(amphi__str_slice(body, 1, body.size));
        }
    } else if (amphi__str_starts_with(body, AMPHI_STR("<function="))) {
        status = read_function(calls, count, body, tools);
    } else {
        status = read_args(calls, count, body);
        if (status == AMPHI_OK && *count == 0)
            status = read_glm(calls, count, body, tools);
    }
    if (status != AMPHI_OK)
        while (*count > 0)
            amphi__tool_call_clear(&calls[--*count]);
    return status;
}
