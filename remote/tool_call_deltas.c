/* SPDX-License-Identifier: Apache-2.0
 *
 * A piece with an index goes on with the last call of that index, one without with the last call of
 * all. A new call begins where the server says so or where going on would glue two together:
 *   - every element of a whole answer is a call;
 *   - another id, in a piece without an index or with a name (Gemini's compatible API gives all
 *     calls the index 0). A new id alone means nothing, since old vLLM servers send one with every
 *     piece;
 *   - a name for a call that has its name and arguments, from servers that send no ids.
 * A name that comes again while the call's arguments are unfinished is a repetition: old vLLM
 * servers send it with every piece when the request names the function.
 */
#include "remote/tool_call_deltas.h"

#include "sdk/core/json_span.h"
#include "sdk/core/str.h"

#include <stdio.h>

typedef amphi_tool_call_state call_state;

/* What a piece says about the call that it belongs to. */
typedef struct marks {
    int64_t index;      /* -1: none */
    uint64_t id_hash;   /* 0: none */
    uint64_t name_hash; /* 0: none */
} marks;

/* FNV-1a; never 0 for a text that is there. */
static uint64_t hash_of(amphi_str text)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    return text.size == 0 ? 0 : hash | 1;
}

static marks marks_of(const amphi_json *piece, const amphi_json *function)
{
    return (marks){
        .index = amphi__json_int(amphi__json_get(piece, "index"), -1),
        .id_hash = hash_of(amphi__json_string(amphi__json_get(piece, "id"))),
        .name_hash = hash_of(amphi__json_string(amphi__json_get(function, "name"))),
    };
}

/* The last call of this index; SIZE_MAX: none. */
static size_t find_index(const amphi_tool_call_deltas *deltas, int64_t index)
{
    for (size_t i = deltas->count; i > 0; i--)
        if (deltas->calls[i - 1].index == index)
            return i - 1;
    return SIZE_MAX;
}

static bool begins_call(const call_state *call, const marks *m)
{
    bool other_id = m->id_hash != 0 && call->id_hash != 0 && m->id_hash != call->id_hash;
    bool same_id = m->id_hash != 0 && m->id_hash == call->id_hash;
    if (other_id && m->index < 0)
        return true;
    bool is_repetition = m->name_hash == call->name_hash && call->depth > 0;
    if (m->name_hash == 0 || same_id || is_repetition)
        return false;
    return other_id || (call->name_hash != 0 && call->has_arguments);
}

/* How many brackets of the arguments are open: unfinished ones have some. */
static void follow_arguments(call_state *call, amphi_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (call->in_string) {
            bool is_escaped = call->after_backslash;
            call->after_backslash = c == '\\' && !is_escaped;
            call->in_string = c != '"' || is_escaped;
        } else if (c == '"') {
            call->in_string = true;
        } else if (c == '{' || c == '[') {
            call->depth++;
        } else if ((c == '}' || c == ']') && call->depth > 0) {
            call->depth--;
        }
    }
}

static void add_to_call(call_state *call, const marks *m, const amphi_json *arguments)
{
    amphi_json_kind kind = amphi__json_kind(arguments);
    amphi_str text = amphi__json_string(arguments);
    if (call->id_hash == 0)
        call->id_hash = m->id_hash;
    if (m->name_hash != 0)
        call->name_hash = m->name_hash;
    if (text.size > 0 || kind == AMPHI_JSON_OBJECT || kind == AMPHI_JSON_ARRAY)
        call->has_arguments = true;
    follow_arguments(call, text);
}

/* Our index of the piece's call; SIZE_MAX: too many. *is_new: it begins with this piece. */
static size_t place(amphi_tool_call_deltas *deltas, const amphi_json *piece,
    const amphi_json *function, amphi_tool_form form, bool *is_new)
{
    marks m = marks_of(piece, function);
    size_t call = m.index >= 0 ? find_index(deltas, m.index) : deltas->last;
    *is_new = call >= deltas->count || form == AMPHI_TOOL_WHOLE ||
              (form == AMPHI_TOOL_DELTA && begins_call(&deltas->calls[call], &m));
    if (*is_new) {
        call = deltas->count;
        if (call == AMPHI_TOOL_CALLS_MAX)
            return SIZE_MAX;
        deltas->calls[call] = (call_state){.index = m.index};
        deltas->count++;
    }
    add_to_call(&deltas->calls[call], &m, amphi__json_get(function, "arguments"));
    deltas->last = call;
    return call;
}

static void put_arguments(amphi_json_writer *writer, const amphi_json *arguments)
{
    amphi_json_kind kind = amphi__json_kind(arguments);
    if (kind != AMPHI_JSON_OBJECT && kind != AMPHI_JSON_ARRAY) {
        amphi__json_put_value(writer, "arguments", arguments);
        return;
    }
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi__json_write(&text, arguments);
    amphi__json_put_str(writer, "arguments", amphi__buf_str(&text));
    if (text.status != AMPHI_OK)
        writer->out->status = text.status;
    amphi__buf_clear(&text);
}

static void put_function(amphi_json_writer *writer, const amphi_json *function)
{
    if (function == NULL) /* a custom tool's call, or one of a kind that we do not know */
        return;
    amphi__json_open(writer, "function", '{');
    for (const amphi_json *member = amphi__json_first(function); member != NULL;
         member = amphi__json_next(member)) {
        amphi_str key = amphi__json_key(member);
        if (amphi__str_equal_c(key, "arguments")) {
            put_arguments(writer, member);
        } else {
            amphi__json_put_key(writer, key);
            amphi__json_put_value(writer, NULL, member);
        }
    }
    amphi__json_close(writer, '}');
}

/* Members that are passed on as they are: a custom tool's input, and what we do not know. */
static bool has_others(const amphi_json *piece)
{
    static const char *const ours[] = {"index", "id", "type", "function", NULL};
    for (const amphi_json *m = amphi__json_first(piece); m != NULL; m = amphi__json_next(m))
        if (!amphi__json_key_is_one_of(amphi__json_key(m), ours) &&
            amphi__json_kind(m) != AMPHI_JSON_NULL)
            return true;
    return false;
}

/* Nothing that a call could grow by. */
static bool is_empty(const amphi_json *piece, const amphi_json *function)
{
    const amphi_json *arguments = amphi__json_get(function, "arguments");
    amphi_json_kind kind = amphi__json_kind(arguments);
    return amphi__json_string(amphi__json_get(piece, "id")).size == 0 &&
           amphi__json_string(amphi__json_get(function, "name")).size == 0 &&
           amphi__json_string(arguments).size == 0 && kind != AMPHI_JSON_OBJECT &&
           kind != AMPHI_JSON_ARRAY && !has_others(piece);
}

/* `piece` NULL: there is only its function. */
static size_t write_piece(amphi_tool_call_deltas *deltas, amphi_json_writer *writer,
    const amphi_json *piece, const amphi_json *function, amphi_tool_form form)
{
    bool is_new;
    if (is_empty(piece, function))
        return 0;
    size_t call = place(deltas, piece, function, form, &is_new);
    if (call == SIZE_MAX)
        return SIZE_MAX;
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_int(writer, "index", (int64_t)call);
    if (is_new && amphi__json_string(amphi__json_get(piece, "id")).size == 0) {
        char id[32]; /* the tool's answer has to name one */
        snprintf(id, sizeof id, "call_%zu", call);
        amphi__json_put_str(writer, "id", amphi_str_from(id));
    }
    for (const amphi_json *member = amphi__json_first(piece); member != NULL;
         member = amphi__json_next(member)) {
        amphi_str key = amphi__json_key(member);
        bool is_ours = amphi__str_equal_c(key, "index") || amphi__str_equal_c(key, "function") ||
                       (amphi__str_equal_c(key, "id") && amphi__json_string(member).size == 0);
        if (!is_ours) {
            amphi__json_put_key(writer, key);
            amphi__json_put_value(writer, NULL, member);
        }
    }
    put_function(writer, function);
    amphi__json_close(writer, '}');
    return 1;
}

size_t amphi__tool_call_deltas_write(amphi_tool_call_deltas *deltas, amphi_json_writer *writer,
    const amphi_json *calls, amphi_tool_form form)
{
    size_t count = 0;
    for (const amphi_json *call = amphi__json_first(calls); call != NULL;
         call = amphi__json_next(call)) {
        const amphi_json *function = amphi__json_get(call, "function");
        size_t written = amphi__json_kind(call) == AMPHI_JSON_OBJECT
                             ? write_piece(deltas, writer, call, function, form)
                             : 0;
        if (written == SIZE_MAX)
            return SIZE_MAX;
        count += written;
    }
    return count;
}

size_t amphi__tool_call_deltas_write_function(
    amphi_tool_call_deltas *deltas, amphi_json_writer *writer, const amphi_json *function)
{
    return write_piece(deltas, writer, NULL, function, AMPHI_TOOL_ONE);
}
