/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are not whole yet. While an answer comes, its turn so far stands in the table of
 * drafts: written often, without a sync, so that a crash of the app loses little and a draft costs
 * little. The turn's own transaction takes the draft away. What an app that died has left there
 * becomes part of its conversation when the store is opened next: the question, and the answer's
 * beginning as a partial message.
 */
#include "storage/history.h"

#include "sdk/core/error.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/str.h"

/* ---- Putting ---- */

static amphi_status put_row(
    amphi_db *db, amphi_str key, size_t place, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_query q;
    char holder[AMPHI_PROCESS_IDENTITY_MAX];
    const amphi_store_message *message = &turn->messages[place];
    bool is_answer = place + 1 == turn->messages_count;
    amphi__process_identity(holder);
    /* What was asked does not change. */
    amphi__query_begin(&q, db,
        is_answer ? "INSERT OR REPLACE INTO drafts (draft, place, holder, conversation,"
                    " created_ms, role, content, content_is_json, extra_json, privacy, state)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                  : "INSERT OR IGNORE INTO drafts (draft, place, holder, conversation,"
                    " created_ms, role, content, content_is_json, extra_json, privacy, state)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    amphi__query_bind_str(&q, 1, key);
    amphi__query_bind_int(&q, 2, (int64_t)place);
    amphi__query_bind_str(&q, 3, amphi_str_from(holder));
    amphi__query_bind_str(&q, 4, turn->conversation_id);
    amphi__query_bind_int(&q, 5, turn->now_ms);
    amphi__query_bind_str(&q, 6, message->role);
    amphi__query_bind_str(&q, 7, message->content);
    amphi__query_bind_int(&q, 8, message->content_is_json);
    amphi__query_bind_str(&q, 9, message->extra_json);
    amphi__query_bind_int(&q, 10, turn->privacy);
    amphi__query_bind_int(&q, 11, is_answer ? AMPHI_MESSAGE_PARTIAL : AMPHI_MESSAGE_COMPLETE);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_draft_put(
    void *self, amphi_str key, const amphi_store_turn *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_turn turn;
    amphi_db *db;
    amphi_status status = amphi__check_id(key, "key", error);
    if (status == AMPHI_OK)
        status = amphi__read_turn(&turn, given, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_begin_unsynced(store, AMPHI_PATIENCE_DRAFT_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status =
        amphi__history_check_erased(store, db, turn.conversation_id, turn.erasure_epoch, error);
    for (size_t i = 0; status == AMPHI_OK && i < turn.messages_count; i++)
        status = put_row(db, key, i, &turn, error);
    return amphi__store_write_end(store, status, error);
}

/* ---- Ending ---- */

amphi_status amphi__history_drop_draft(amphi_db *db, amphi_str key, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM drafts WHERE draft = ?1");
    amphi__query_bind_str(&q, 1, key);
    return amphi__query_run(&q, error);
}

static amphi_status put_conversation(amphi_db *db, amphi_str key, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "INSERT OR IGNORE INTO conversations (id, updated_ms, messages_count, title)"
        " SELECT conversation, created_ms, 0, '' FROM drafts WHERE draft = ?1 LIMIT 1");
    amphi__query_bind_str(&q, 1, key);
    amphi_status status = amphi__query_run(&q, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "SELECT seq FROM conversations WHERE id ="
        " (SELECT conversation FROM drafts WHERE draft = ?1 LIMIT 1)");
    amphi__query_bind_str(&q, 1, key);
    *seq = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 0;
    return amphi__query_end(&q, error);
}

/* Inside a transaction: the draft becomes part of its conversation. */
static amphi_status keep_draft(amphi_db *db, amphi_str key, amphi_error *error)
{
    amphi_query q;
    int64_t seq = 0;
    bool is_gone = false;
    amphi_status status = put_conversation(db, key, &seq, error);
    if (status != AMPHI_OK || seq == 0)
        return status;
    amphi__query_begin(&q, db,
        "INSERT INTO messages (conversation, created_ms, role, content, content_is_json,"
        " extra_json, route, model, decision_json, prompt_tokens, completion_tokens,"
        " cached_tokens, privacy, state) SELECT ?2, created_ms, role, content, content_is_json,"
        " extra_json, '', '', '', 0, 0, 0, privacy, state FROM drafts WHERE draft = ?1"
        " ORDER BY place");
    amphi__query_bind_str(&q, 1, key);
    amphi__query_bind_int(&q, 2, seq);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK)
        status = amphi__history_drop_draft(db, key, error);
    return status == AMPHI_OK ? amphi__history_refresh(db, seq, &is_gone, error) : status;
}

amphi_status amphi__store_draft_end(void *self, amphi_str key, bool keep, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_db *db;
    amphi_status status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = keep ? keep_draft(db, key, error) : amphi__history_drop_draft(db, key, error);
    return amphi__store_write_end(store, status, error);
}

/* ---- After a crash ---- */

/* A draft whose process has ended; empty: there is none. */
static amphi_status find_left_draft(amphi_db *db, amphi_buf *key, amphi_error *error)
{
    amphi_query q;
    amphi__buf_reset(key);
    amphi__query_begin(&q, db, "SELECT DISTINCT draft, holder FROM drafts");
    while (key->size == 0 && amphi__query_row(&q))
        if (amphi__process_has_ended(amphi__query_str(&q, 1)))
            amphi__buf_append_str(key, amphi__query_str(&q, 0));
    amphi_status status = amphi__query_end(&q, error);
    return status == AMPHI_OK && key->status != AMPHI_OK ? amphi__fail_no_memory(error) : status;
}

amphi_status amphi__store_drafts_resume(amphi_store_sqlcipher *store, amphi_error *error)
{
    amphi_buf key;
    amphi_status status = AMPHI_OK;
    amphi__buf_init(&key, 0);
    do {
        amphi_db *db;
        status = amphi__store_read_begin(store, &db, error);
        if (status != AMPHI_OK)
            break;
        status = find_left_draft(db, &key, error);
        amphi__store_read_end(store);
        if (status == AMPHI_OK && key.size > 0)
            status = amphi__store_draft_end(store, amphi__buf_str(&key), true, error);
    } while (status == AMPHI_OK && key.size > 0);
    amphi__buf_clear(&key);
    return status;
}
