/* SPDX-License-Identifier: Apache-2.0
 *
 * A conversation from elsewhere, in one transaction. Rows keep their ids where those are free, so
 * that a history which is imported into an empty store is the same as before; what is there already
 * is not doubled, and only its privacy may become stricter.
 */
#include "storage/history.h"

#include "sdk/core/error.h"

static amphi_status put_conversation(
    amphi_db *db, const amphi_store_import *what, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi_status status = amphi__history_find(db, what->conversation_id, seq, error);
    if (status != AMPHI_OK)
        return status;
    if (*seq == 0)
        amphi__query_begin(&q, db,
            "INSERT INTO conversations (id, title, title_is_own, is_pinned, is_archived,"
            " updated_ms, messages_count) VALUES (?1, ?2, ?2 <> '', ?3, ?4, 0, 0)");
    else
        amphi__query_begin(&q, db,
            "UPDATE conversations SET is_pinned = MAX(is_pinned, ?3),"
            " title = CASE WHEN title_is_own OR ?2 = '' THEN title ELSE ?2 END,"
            " title_is_own = MAX(title_is_own, ?2 <> '') WHERE id = ?1");
    amphi__query_bind_str(&q, 1, what->conversation_id);
    amphi__query_bind_str(&q, 2, what->title);
    amphi__query_bind_int(&q, 3, what->is_pinned);
    bool is_new = *seq == 0;
    if (is_new)
        amphi__query_bind_int(&q, 4, what->is_archived);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && is_new)
        *seq = amphi__db_last_id(db);
    return status;
}

/* *is_known: the same message is there. *id_is_taken: its id is another message's. */
static amphi_status look_up(amphi_db *db, int64_t seq, const amphi_store_row *row, bool *is_known,
    bool *id_is_taken, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT conversation = ?2 AND created_ms = ?3 AND role = ?4 AND content = ?5"
        " FROM messages WHERE id = ?1");
    amphi__query_bind_int(&q, 1, row->id);
    amphi__query_bind_int(&q, 2, seq);
    amphi__query_bind_int(&q, 3, row->created_ms);
    amphi__query_bind_str(&q, 4, row->message.role);
    amphi__query_bind_str(&q, 5, row->message.content);
    *id_is_taken = amphi__query_row(&q);
    *is_known = *id_is_taken && amphi__query_int(&q, 0) != 0;
    amphi_status status = amphi__query_end(&q, error);
    if (status != AMPHI_OK || *is_known || !*id_is_taken)
        return status;
    amphi__query_begin(&q, db,
        "SELECT 1 FROM messages WHERE conversation = ?1 AND created_ms = ?2 AND role = ?3"
        " AND content = ?4 LIMIT 1");
    amphi__query_bind_int(&q, 1, seq);
    amphi__query_bind_int(&q, 2, row->created_ms);
    amphi__query_bind_str(&q, 3, row->message.role);
    amphi__query_bind_str(&q, 4, row->message.content);
    *is_known = amphi__query_row(&q);
    return amphi__query_end(&q, error);
}

/* A message that is there already is as private as the stricter of both says. */
static amphi_status keep_stricter(
    amphi_db *db, int64_t seq, const amphi_store_row *row, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "UPDATE messages SET privacy = ?1 WHERE conversation = ?2 AND created_ms = ?3"
        " AND role = ?4 AND content = ?5 AND privacy < ?1");
    amphi__query_bind_int(&q, 1, row->privacy);
    amphi__query_bind_int(&q, 2, seq);
    amphi__query_bind_int(&q, 3, row->created_ms);
    amphi__query_bind_str(&q, 4, row->message.role);
    amphi__query_bind_str(&q, 5, row->message.content);
    return amphi__query_run(&q, error);
}

static amphi_status put_row(
    amphi_db *db, int64_t seq, const amphi_store_row *row, uint64_t *added, amphi_error *error)
{
    amphi_query q;
    const amphi_store_message *message = &row->message;
    bool is_known = false;
    bool id_is_taken = false;
    amphi_status status = look_up(db, seq, row, &is_known, &id_is_taken, error);
    if (status != AMPHI_OK)
        return status;
    if (is_known)
        return keep_stricter(db, seq, row, error);
    amphi__query_begin(&q, db,
        "INSERT INTO messages (id, conversation, created_ms, role, content, content_is_json,"
        " extra_json, route, model, decision_json, prompt_tokens, completion_tokens,"
        " cached_tokens, privacy, state) VALUES (CASE WHEN ?1 > 0 THEN ?1 END, ?2, ?3, ?4, ?5,"
        " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
    amphi__query_bind_int(&q, 1, id_is_taken ? 0 : row->id);
    amphi__query_bind_int(&q, 2, seq);
    amphi__query_bind_int(&q, 3, row->created_ms);
    amphi__query_bind_str(&q, 4, message->role);
    amphi__query_bind_str(&q, 5, message->content);
    amphi__query_bind_int(&q, 6, message->content_is_json);
    amphi__query_bind_str(&q, 7, message->extra_json);
    amphi__query_bind_str(&q, 8, message->route);
    amphi__query_bind_str(&q, 9, message->model);
    amphi__query_bind_str(&q, 10, message->decision_json);
    amphi__query_bind_int(&q, 11, message->usage.prompt_tokens);
    amphi__query_bind_int(&q, 12, message->usage.completion_tokens);
    amphi__query_bind_int(&q, 13, message->usage.cached_tokens);
    amphi__query_bind_int(&q, 14, row->privacy);
    amphi__query_bind_int(&q, 15, row->state);
    ++*added;
    return amphi__query_run(&q, error);
}

/* Inside a transaction. */
static amphi_status import(
    amphi_db *db, const amphi_store_import *what, uint64_t *added, amphi_error *error)
{
    int64_t seq = 0;
    bool is_gone = false;
    amphi_status status = put_conversation(db, what, &seq, error);
    for (size_t i = 0; status == AMPHI_OK && i < what->rows_count; i++)
        status = put_row(db, seq, &what->rows[i], added, error);
    return status == AMPHI_OK ? amphi__history_refresh(db, seq, &is_gone, error) : status;
}

amphi_status amphi__store_history_import(
    void *self, const amphi_store_import *given, uint64_t *added, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_import what;
    amphi_db *db;
    uint64_t count = 0;
    amphi_status status = amphi__read_import(&what, given, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_end(store, import(db, &what, &count, error), error);
    *added = status == AMPHI_OK ? count : 0;
    return status;
}
