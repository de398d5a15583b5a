/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document as a JSON Schema (draft 2020-12): made from the table of fields, one line for
 * each, so that the published file (sdk/docs/policy.schema.json, compared by a test) can be read
 * and diffed. What a schema can't say stays with the reader: keys that stand there twice, and
 * bounds between two fields.
 */
#include "policy/policy_document.h"

#include <stdio.h>

#define INDENT 2

static void new_line(amphi_buf *out, unsigned depth)
{
    amphi__buf_append_char(out, '\n');
    for (unsigned i = 0; i < depth * INDENT; i++)
        amphi__buf_append_char(out, ' ');
}

/* `"key": ` */
static void put_key(amphi_buf *out, amphi_str key)
{
    amphi__json_quote(out, key);
    amphi__buf_append_c(out, ": ");
}

static void put_text(amphi_buf *out, const char *key, const char *text)
{
    amphi__buf_append_c(out, ", ");
    put_key(out, amphi_str_from(key));
    amphi__json_quote(out, amphi_str_from(text));
}

static void put_type(amphi_buf *out, const amphi_policy_field *field)
{
    char text[AMPHI_POLICY_WORDS_MAX];
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        amphi__buf_append_c(out, "\"type\": \"boolean\"");
        break;
    case AMPHI_POLICY_MODE:
    case AMPHI_POLICY_THERMAL:
    case AMPHI_POLICY_CHOICE:
        amphi__policy_limits_text(text, field);
        amphi__buf_printf(out, "\"enum\": [%s]", text);
        break;
    case AMPHI_POLICY_U8:
    case AMPHI_POLICY_U32:
    case AMPHI_POLICY_FLOAT:
    case AMPHI_POLICY_USD:
        amphi__buf_printf(out, "\"type\": \"%s\", \"minimum\": %.10g, \"maximum\": %.10g",
            amphi__policy_is_whole(field) ? "integer" : "number", field->low, field->high);
        break;
    }
}

static void put_field(amphi_buf *out, const amphi_policy_field *field)
{
    char text[AMPHI_POLICY_WORDS_MAX];
    amphi__buf_append_char(out, '{');
    put_type(out, field);
    amphi__policy_value_text(text, field, field->otherwise);
    amphi__buf_printf(out, ", \"default\": %s", text);
    put_text(out, "description", field->help);
    if (field->unit[0] != '\0')
        put_text(out, "x-unit", field->unit);
    amphi__policy_payload_text(text, field);
    put_text(out, "x-payload", text);
    amphi__buf_append_char(out, '}');
}

static void open_object(amphi_buf *out, unsigned depth)
{
    new_line(out, depth);
    amphi__buf_append_c(out, "\"type\": \"object\",");
    new_line(out, depth);
    amphi__buf_append_c(out, "\"additionalProperties\": false,");
    new_line(out, depth);
    amphi__buf_append_c(out, "\"properties\": {");
}

/* Closes "properties" and its object. */
static void close_object(amphi_buf *out, unsigned depth)
{
    new_line(out, depth);
    amphi__buf_append_char(out, '}');
    new_line(out, depth - 1);
    amphi__buf_append_char(out, '}');
}

/* How many dots the first `size` bytes have. */
static unsigned count_dots(const char *name, size_t size)
{
    unsigned dots = 0;
    for (size_t i = 0; i < size; i++)
        dots += name[i] == '.';
    return dots;
}

static size_t shared_groups(const char *a, const char *b)
{
    size_t whole = 0;
    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '.')
            whole = i + 1;
    return whole;
}

/* A group, or a field of another one, may be pinned by its name. */
static void put_pinned(amphi_buf *out)
{
    size_t count;
    const char *before = "";
    bool first = true;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    put_key(out, amphi_str_from(AMPHI_POLICY_PINNED));
    amphi__buf_append_c(out, "{\"type\": \"array\", \"items\": {\"enum\": [");
    for (size_t i = 0; i < count; i++) {
        const char *name = fields[i].name;
        for (size_t end = shared_groups(before, name); name[end] != '\0'; end++) {
            if (name[end] != '.')
                continue;
            amphi__buf_append_c(out, first ? "" : ", ");
            amphi__json_quote(out, amphi_str_make(name, end));
            first = false;
        }
        amphi__buf_append_c(out, first ? "" : ", ");
        amphi__json_quote(out, amphi_str_from(name));
        first = false;
        before = name;
    }
    amphi__buf_append_c(out, "]}, \"default\": []");
    put_text(out, "description",
        "fields, or groups of them, that no payload may change; not in a payload itself");
    amphi__buf_append_char(out, '}');
}

amphi_status amphi__policy_schema(amphi_buf *out)
{
    size_t count;
    const char *before = "";
    unsigned depth = 0; /* of groups that are open */
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    amphi__buf_append_c(out, "{\n"
                             "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                             "  \"title\": \"Amphi's policy document\",\n"
                             "  \"description\": \"See sdk/docs/policy.md. Made from the library's "
                             "table of fields: amphi policy schema\",");
    open_object(out, 1);
    for (size_t i = 0; i < count; i++) {
        const char *name = fields[i].name;
        size_t from = shared_groups(before, name);
        unsigned wanted = count_dots(name, from);
        for (; depth > wanted; depth--)
            close_object(out, 2 * depth + 1);
        amphi__buf_append_c(out, i > 0 ? "," : "");
        for (size_t end = from; name[end] != '\0'; end++) {
            if (name[end] != '.')
                continue;
            new_line(out, 2 * depth + 2);
            put_key(out, amphi_str_make(name + from, end - from));
            amphi__buf_append_char(out, '{');
            depth++;
            open_object(out, 2 * depth + 1);
            from = end + 1;
        }
        new_line(out, 2 * depth + 2);
        put_key(out, amphi_str_from(name + from));
        put_field(out, &fields[i]);
        before = name;
    }
    for (; depth > 0; depth--)
        close_object(out, 2 * depth + 1);
    amphi__buf_append_char(out, ',');
    new_line(out, 2);
    put_pinned(out);
    close_object(out, 1);
    amphi__buf_append_char(out, '\n');
    return out->status;
}
