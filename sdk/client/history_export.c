/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversations as JSON Lines: a head, then each conversation's line followed by its messages', in
 * the order of their last use (pinned ones last), so that an import makes the same list again. What
 * an import could not give back byte for byte is written in another form: a text that is not UTF-8,
 * or holds a NUL, as hex; a member's JSON that is not in this library's spelling, as a string.
 */
#include "sdk/client/client.h"
#include "sdk/client/history_walk.h"
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/history.h>

#include <stdio.h>

typedef struct exporter {
    amphi_store store;
    bool include_private;
    amphi_history_line_fn *write;
    void *user;
    amphi_history_transfer done;
    amphi_buf line;
    bool was_refused; /* by write */
    /* The conversation under way; its line is written with its first message. */
    amphi_buf id, title;
    bool is_pinned, is_archived;
    bool is_begun;
} exporter;

/* ---- Lines ---- */

static bool is_plain(amphi_str text)
{
    return amphi__utf8_is_valid(text) &&
           (text.size == 0 || memchr(text.data, '\0', text.size) == NULL);
}

/* "key":"text", or "key_hex":"..." */
static void put_text(amphi_json_writer *writer, const char *key, amphi_str text)
{
    char name[32];
    if (is_plain(text)) {
        amphi__json_put_str(writer, key, text);
        return;
    }
    char *hex = amphi__alloc(text.size * 2 + 1);
    if (hex == NULL) {
        writer->out->status = AMPHI_E_NO_MEMORY;
        return;
    }
    amphi__hex(hex, (const uint8_t *)text.data, text.size);
    snprintf(name, sizeof name, "%s_hex", key);
    amphi__json_put_str(writer, name, amphi_str_from(hex));
    amphi__wipe(hex, text.size * 2);
    amphi__free(hex);
}

/* Would reading and writing it give the same bytes? */
static bool is_in_our_spelling(amphi_str json, amphi_json_kind kind)
{
    amphi_json *root = NULL;
    amphi_buf again;
    if (!is_plain(json) || amphi__json_parse(&root, json, "member", NULL) != AMPHI_OK)
        return false;
    amphi__buf_init(&again, 0);
    bool same = amphi__json_kind(root) == kind && amphi__json_write(&again, root) == AMPHI_OK &&
                amphi__str_equal(amphi__buf_str(&again), json);
    amphi__buf_wipe(&again);
    amphi__json_free(root);
    return same;
}

/* "key":{...}, or "key_json":"..." */
static void put_json(
    amphi_json_writer *writer, const char *key, amphi_str json, amphi_json_kind kind)
{
    char name[32];
    if (json.size == 0)
        return;
    if (is_in_our_spelling(json, kind)) {
        amphi__json_put_raw(writer, key, json);
        return;
    }
    snprintf(name, sizeof name, "%s_json", key);
    put_text(writer, name, json);
}

static amphi_json_writer begin_line(exporter *e)
{
    amphi_json_writer writer;
    amphi__buf_reset(&e->line);
    amphi__json_writer_init(&writer, &e->line);
    amphi__json_open(&writer, NULL, '{');
    return writer;
}

/* false: the export ends. */
static bool end_line(exporter *e, amphi_json_writer *writer)
{
    amphi__json_close(writer, '}');
    if (e->line.status == AMPHI_OK)
        e->was_refused = !e->write(e->user, amphi__buf_str(&e->line));
    return e->line.status == AMPHI_OK && !e->was_refused;
}

static bool write_conversation(exporter *e)
{
    amphi_json_writer writer = begin_line(e);
    put_text(&writer, "conversation", amphi__buf_str(&e->id));
    if (e->title.size > 0)
        put_text(&writer, "title", amphi__buf_str(&e->title));
    if (e->is_pinned)
        amphi__json_put_bool(&writer, "pinned", true);
    if (e->is_archived)
        amphi__json_put_bool(&writer, "archived", true);
    e->done.conversations_count++;
    return end_line(e, &writer);
}

static bool write_message(exporter *e, const amphi_store_row *row)
{
    const amphi_store_message *message = &row->message;
    const amphi_usage *usage = &message->usage;
    amphi_json_writer writer = begin_line(e);
    amphi__json_put_int(&writer, "message", row->id);
    amphi__json_put_int(&writer, "created_ms", row->created_ms);
    put_text(&writer, "role", message->role);
    if (message->content_is_json && message->content.size > 0)
        put_json(&writer, "content", message->content, AMPHI_JSON_ARRAY);
    else
        put_text(&writer, message->content_is_json ? "content_json" : "content", message->content);
    put_json(&writer, "extra", message->extra_json, AMPHI_JSON_OBJECT);
    if (message->route.size > 0)
        put_text(&writer, "route", message->route);
    if (message->model.size > 0)
        put_text(&writer, "model", message->model);
    if (usage->prompt_tokens + (uint64_t)usage->completion_tokens + usage->cached_tokens > 0) {
        amphi__json_open(&writer, "usage", '[');
        amphi__json_put_int(&writer, NULL, usage->prompt_tokens);
        amphi__json_put_int(&writer, NULL, usage->completion_tokens);
        amphi__json_put_int(&writer, NULL, usage->cached_tokens);
        amphi__json_close(&writer, ']');
    }
    if (row->privacy != AMPHI_PRIVACY_NONE)
        amphi__json_put_str(&writer, "privacy", amphi_str_from(amphi_privacy_name(row->privacy)));
    if (row->state == AMPHI_MESSAGE_PARTIAL)
        amphi__json_put_bool(&writer, "partial", true);
    put_json(&writer, "record", message->decision_json, AMPHI_JSON_OBJECT);
    e->done.messages_count++;
    return end_line(e, &writer);
}

/* ---- Walking ---- */

static bool visit_row(void *opaque, const amphi_store_row *row)
{
    exporter *e = opaque;
    if (row->privacy != AMPHI_PRIVACY_NONE && !e->include_private) {
        e->done.left_out_count++;
        return true;
    }
    bool is_first = !e->is_begun;
    e->is_begun = true;
    return (!is_first || write_conversation(e)) && write_message(e, row);
}

/* A title of the user's own is left out where it may speak of what is left out. */
static bool visit_conversation(void *opaque, const amphi_history_conversation *item)
{
    exporter *e = opaque;
    e->is_pinned = item->is_pinned;
    e->is_archived = item->is_archived;
    e->is_begun = false;
    amphi__buf_reset(&e->id);
    amphi__buf_reset(&e->title);
    amphi__buf_append_str(&e->id, item->id);
    if (item->title_is_own && (item->privacy == AMPHI_PRIVACY_NONE || e->include_private))
        amphi__buf_append_str(&e->title, item->title);
    return e->id.status == AMPHI_OK && e->title.status == AMPHI_OK;
}

static amphi_status export_all(exporter *e, amphi_error *error)
{
    const amphi_history_visitor visitor = {visit_conversation, visit_row, e};
    amphi_json_writer writer = begin_line(e);
    bool was_ended = false;
    amphi__json_put_int(&writer, "amphi_history", 1);
    amphi_status status = AMPHI_OK;
    was_ended = !end_line(e, &writer);
    if (!was_ended)
        status = amphi__history_walk(e->store, &visitor, &was_ended, error);
    if (e->was_refused && (status == AMPHI_OK || status == AMPHI_E_CORRUPT))
        return amphi__fail(error, AMPHI_E_IO, 0, "export: a line could not be written");
    if (was_ended && status == AMPHI_OK)
        return amphi__fail_no_memory(error);
    return status;
}

amphi_status amphi_history_export(amphi_client *client, bool include_private,
    amphi_history_line_fn *write, void *user, amphi_history_transfer *transfer, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || write == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or write is NULL");
    amphi_status status =
        transfer != NULL ? AMPHI__SIZED_CHECK(amphi_history_transfer, transfer, "transfer", error)
                         : AMPHI_OK;
    if (status != AMPHI_OK)
        return status;
    status = amphi__history_walk_check(client->store, "export", error);
    if (status != AMPHI_OK) /* before the first line */
        return status;
    exporter e = {
        .store = client->store, .include_private = include_private, .write = write, .user = user};
    amphi_buf *buffers[] = {&e.line, &e.id, &e.title};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        amphi__buf_init(buffers[i], 0);
    amphi_history_transfer_init(&e.done);
    status = export_all(&e, error);
    if (transfer != NULL && status == AMPHI_OK)
        AMPHI__SIZED_WRITE(transfer, &e.done);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        amphi__buf_wipe(buffers[i]);
    return status;
}

/* ---- Backup ---- */

amphi_status amphi_history_backup(amphi_client *client, amphi_str path, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->store.ops->backup == NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "the store makes no backups");
    return client->store.ops->backup(client->store.self, path, error);
}
