/* SPDX-License-Identifier: Apache-2.0
 *
 * A piece with an index goes on with the last call of that index, unless it names a function and
 * has another id: then a new call begins (Gemini's compatible API gives all calls the index 0). A
 * new id alone means nothing, since old vLLM servers send one with every piece. A piece without an
 * index begins a call when it has a new id, and goes on with the last call otherwise.
 */
#include "remote/tool_pieces.h"

#include "sdk/core/str.h"

#include <stdio.h>

/* FNV-1a; never 0 for an id that is there. */
static uint64_t hash_of(amphi_str id)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < id.size; i++) {
        hash = (hash ^ (unsigned char)id.data[i]) * 1099511628211u;
    }
    return id.size == 0 ? 0 : hash | 1;
}

/* The last call of this index; SIZE_MAX: none. */
static size_t find_index(const amphi_tool_pieces *pieces, int64_t index)
{
    for (size_t i = pieces->count; i > 0; i--) {
        if (pieces->calls[i - 1].index == index) {
            return i - 1;
        }
    }
    return SIZE_MAX;
}

static bool begins_call(
    const amphi_tool_pieces *pieces, size_t call, bool has_index, uint64_t id_hash, bool named)
{
    uint64_t known = call < pieces->count ? pieces->calls[call].id_hash : 0;
    bool other = id_hash != 0 && known != 0 && id_hash != known;
    return call >= pieces->count || (other && (named || !has_index));
}

/* Our index of the piece's call; SIZE_MAX: too many. *is_new: it begins with this piece. */
static size_t place(
    amphi_tool_pieces *pieces, const amphi_json *piece, const amphi_json *function, bool *is_new)
{
    int64_t index = amphi__json_int(amphi__json_get(piece, "index"), -1);
    uint64_t id_hash = hash_of(amphi__json_string(amphi__json_get(piece, "id")));
    bool named = amphi__json_string(amphi__json_get(function, "name")).size > 0;
    size_t call = index >= 0 ? find_index(pieces, index) : pieces->last;
    *is_new = begins_call(pieces, call, index >= 0, id_hash, named);
    if (*is_new) {
        call = pieces->count;
        if (call == AMPHI_TOOL_CALLS_MAX) {
            return SIZE_MAX;
        }
        pieces->calls[call].index = index;
        pieces->calls[call].id_hash = 0;
        pieces->count++;
    }
    if (pieces->calls[call].id_hash == 0) {
        pieces->calls[call].id_hash = id_hash;
    }
    pieces->last = call;
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
    if (text.status != AMPHI_OK) {
        writer->out->status = text.status;
    }
    amphi__buf_clear(&text);
}

static void put_function(amphi_json_writer *writer, const amphi_json *function)
{
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

/* Nothing that a call could grow by. */
static bool is_empty(const amphi_json *piece, const amphi_json *function)
{
    const amphi_json *arguments = amphi__json_get(function, "arguments");
    amphi_json_kind kind = amphi__json_kind(arguments);
    return amphi__json_string(amphi__json_get(piece, "id")).size == 0 &&
           amphi__json_string(amphi__json_get(function, "name")).size == 0 &&
           amphi__json_string(arguments).size == 0 && kind != AMPHI_JSON_OBJECT &&
           kind != AMPHI_JSON_ARRAY;
}

/* `piece` NULL: there is only its function. */
static size_t write_piece(amphi_tool_pieces *pieces, amphi_json_writer *writer,
    const amphi_json *piece, const amphi_json *function)
{
    bool is_new;
    if (is_empty(piece, function)) {
        return 0;
    }
    size_t call = place(pieces, piece, function, &is_new);
    if (call == SIZE_MAX) {
        return SIZE_MAX;
    }
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

size_t amphi__tool_pieces_write(
    amphi_tool_pieces *pieces, amphi_json_writer *writer, const amphi_json *calls)
{
    size_t count = 0;
    for (const amphi_json *call = amphi__json_first(calls); call != NULL;
         call = amphi__json_next(call)) {
        size_t written = amphi__json_kind(call) == AMPHI_JSON_OBJECT
                             ? write_piece(pieces, writer, call, amphi__json_get(call, "function"))
                             : 0;
        if (written == SIZE_MAX) {
            return SIZE_MAX;
        }
        count += written;
    }
    return count;
}

size_t amphi__tool_pieces_write_function(
    amphi_tool_pieces *pieces, amphi_json_writer *writer, const amphi_json *function)
{
    return write_piece(pieces, writer, NULL, function);
}
