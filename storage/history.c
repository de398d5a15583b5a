/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversations and messages. A turn is one transaction: the outbox entry that it answers, the
 * conversation and every message, or nothing. Lists are read in pages, so that a visitor runs
 * without the lock and a long history needs little memory.
 */
#include "storage/store_sqlcipher.h"
#include "storage/store_visit.h"

#include "sdk/core/error.h"

/* ---- Appending ---- */

static amphi_status take_from_outbox(amphi_db *db, amphi_str id, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM outbox WHERE id = ?1");
    amphi__query_bind_str(&q, 1, id);
    amphi_status status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && amphi__db_changes(db) == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "outbox: the entry is gone; it was delivered or removed elsewhere");
    return status;
}

/* *seq: 0 when there is no such conversation. */
static amphi_status find_conversation(amphi_db *db, amphi_str id, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT seq FROM conversations WHERE id = ?1");
    amphi__query_bind_str(&q, 1, id);
    *seq = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 0;
    return amphi__query_end(&q, error);
}

/* Brings the conversation's row up to date, or makes it. A title, once there, stays. */
static amphi_status update_conversation(
    amphi_db *db, const amphi_store_turn *turn, amphi_str title, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi_status status = find_conversation(db, turn->conversation_id, seq, error);
    bool is_new = *seq == 0;
    if (status != AMPHI_OK)
        return status;
    if (is_new)
        amphi__query_begin(&q, db,
            "INSERT INTO conversations (updated_ms, messages_count, title, id)"
            " VALUES (?1, ?2, ?3, ?4)");
    else
        amphi__query_begin(&q, db,
            "UPDATE conversations SET updated_ms = ?1, messages_count = messages_count + ?2,"
            " title = CASE WHEN title = '' THEN ?3 ELSE title END WHERE id = ?4");
    amphi__query_bind_int(&q, 1, turn->now_ms);
    amphi__query_bind_int(&q, 2, (int64_t)turn->messages_count);
    amphi__query_bind_str(&q, 3, title);
    amphi__query_bind_str(&q, 4, turn->conversation_id);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && is_new)
        *seq = amphi__db_last_id(db);
    return status;
}

static amphi_status insert_message(amphi_db *db, int64_t conversation, const amphi_store_turn *turn,
    const amphi_store_message *message, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "INSERT INTO messages (conversation, created_ms, role, content, content_is_json,"
        " extra_json, route, model, decision_json, prompt_tokens, completion_tokens,"
        " cached_tokens, privacy)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    amphi__query_bind_int(&q, 1, conversation);
    amphi__query_bind_int(&q, 2, turn->now_ms);
    amphi__query_bind_str(&q, 3, message->role);
    amphi__query_bind_str(&q, 4, message->content);
    amphi__query_bind_int(&q, 5, message->content_is_json);
    amphi__query_bind_str(&q, 6, message->extra_json);
    amphi__query_bind_str(&q, 7, message->route);
    amphi__query_bind_str(&q, 8, message->model);
    amphi__query_bind_str(&q, 9, message->decision_json);
    amphi__query_bind_int(&q, 10, message->usage.prompt_tokens);
    amphi__query_bind_int(&q, 11, message->usage.completion_tokens);
    amphi__query_bind_int(&q, 12, message->usage.cached_tokens);
    amphi__query_bind_int(&q, 13, turn->privacy);
    return amphi__query_run(&q, error);
}

/* Inside a transaction. */
static amphi_status append(
    amphi_db *db, const amphi_store_turn *turn, amphi_str title, amphi_error *error)
{
    int64_t seq = 0;
    amphi_status status = AMPHI_OK;
    if (turn->outbox_id.size > 0)
        status = take_from_outbox(db, turn->outbox_id, error);
    if (status == AMPHI_OK)
        status = update_conversation(db, turn, title, &seq, error);
    for (size_t i = 0; status == AMPHI_OK && i < turn->messages_count; i++)
        status = insert_message(db, seq, turn, &turn->messages[i], error);
    return status;
}

amphi_status amphi__store_history_append(
    void *self, const amphi_store_turn *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_buf title;
    amphi__buf_init(&title, 0);
    amphi_store_turn own;
    const amphi_store_turn *turn = &own;
    amphi_status status = amphi__read_turn(&own, given, error);
    if (status == AMPHI_OK)
        status = amphi__turn_title(&title, turn, error);
    if (status != AMPHI_OK)
        goto cleanup;
    amphi_db *db;
    status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
    if (status == AMPHI_OK) {
        status = append(db, turn, amphi__buf_str(&title), error);
        status = amphi__store_write_end(store, status, error);
    }
cleanup:
    amphi__buf_wipe(&title);
    return status;
}

/* ---- Reading messages ---- */

#define MESSAGES                                                                                   \
    "SELECT id, created_ms, role, content, content_is_json, extra_json, route, model,"             \
    " decision_json, prompt_tokens, completion_tokens, cached_tokens, privacy, state"              \
    " FROM messages WHERE conversation = ?1 AND id "

/* Rows that `at` asks for into `page`; *more: there may be further pages. */
static amphi_status read_messages(amphi_db *db, int64_t conversation,
    const amphi_store_row_query *at, amphi_rows *page, bool *more, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        at->newest_first ? MESSAGES "< ?2 ORDER BY id DESC LIMIT ?3"
                         : MESSAGES "> ?2 ORDER BY id LIMIT ?3");
    amphi__query_bind_int(&q, 1, conversation);
    amphi__query_bind_int(&q, 2, at->from_id);
    amphi__query_bind_int(&q, 3, at->limit > 0 ? (int64_t)at->limit : -1);
    *more = false;
    while (!*more && amphi__query_row(&q)) {
        amphi__rows_put_int(page, amphi__query_int(&q, 0));
        amphi__rows_put_int(page, amphi__query_int(&q, 1));
        amphi__rows_put_str(page, amphi__query_str(&q, 2));
        amphi__rows_put_str(page, amphi__query_str(&q, 3));
        amphi__rows_put_int(page, amphi__query_int(&q, 4));
        for (int column = 5; column <= 8; column++)
            amphi__rows_put_str(page, amphi__query_str(&q, column));
        for (int column = 9; column <= 13; column++)
            amphi__rows_put_int(page, amphi__query_int(&q, column));
        *more = !amphi__rows_end(page);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && page->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

/* `at` has passed amphi__read_row_query; it is moved along. */
static amphi_status visit_rows(amphi_store_sqlcipher *store, amphi_store_row_query *at,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    amphi_rows page;
    int64_t seq = 0;
    bool more = true;
    bool is_limited = at->limit > 0;
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && more) {
        amphi_db *db;
        amphi__rows_reset(&page);
        status = amphi__store_read_begin(store, &db, error);
        if (status != AMPHI_OK)
            break;
        if (seq == 0)
            status = find_conversation(db, at->conversation_id, &seq, error);
        if (status == AMPHI_OK && seq == 0)
            status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
        if (status == AMPHI_OK)
            status = read_messages(db, seq, at, &page, &more, error);
        amphi__store_read_end(store);
        uint32_t count = (uint32_t)page.count;
        if (status == AMPHI_OK && !amphi__visit_messages(&page, visit, user, &at->from_id))
            more = false;
        at->limit -= is_limited ? count : 0;
        more = more && (!is_limited || at->limit > 0);
    }
    amphi__rows_clear(&page);
    return status;
}

amphi_status amphi__store_history_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    amphi_store_row_query own;
    amphi_status status = amphi__read_row_query(&own, query, error);
    return status == AMPHI_OK ? visit_rows(self, &own, visit, user, error) : status;
}

amphi_status amphi__store_history_messages(void *self, amphi_str conversation_id,
    amphi_store_message_fn *visit, void *user, amphi_error *error)
{
    amphi_store_row_query query;
    amphi_message_visitor to = {visit, user};
    amphi_store_row_query_init(&query);
    query.conversation_id = conversation_id;
    return visit_rows(self, &query, amphi__visit_message_of_row, &to, error);
}

/* ---- Listing conversations ---- */

static amphi_status read_conversations(
    amphi_db *db, amphi_conversation_place from, amphi_rows *page, bool *more, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT seq, updated_ms, id, messages_count, title FROM conversations"
        " WHERE updated_ms < ?1 OR (updated_ms = ?1 AND seq < ?2)"
        " ORDER BY updated_ms DESC, seq DESC");
    amphi__query_bind_int(&q, 1, from.updated_ms);
    amphi__query_bind_int(&q, 2, from.seq);
    *more = false;
    while (!*more && amphi__query_row(&q)) {
        amphi__rows_put_int(page, amphi__query_int(&q, 0));
        amphi__rows_put_int(page, amphi__query_int(&q, 1));
        amphi__rows_put_str(page, amphi__query_str(&q, 2));
        amphi__rows_put_int(page, amphi__query_int(&q, 3));
        amphi__rows_put_str(page, amphi__query_str(&q, 4));
        *more = !amphi__rows_end(page);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && page->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

amphi_status amphi__store_history_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows page;
    amphi_conversation_place at = {INT64_MAX, INT64_MAX};
    bool more = true;
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && more) {
        amphi_db *db;
        amphi__rows_reset(&page);
        status = amphi__store_read_begin(store, &db, error);
        if (status != AMPHI_OK)
            break;
        status = read_conversations(db, at, &page, &more, error);
        amphi__store_read_end(store);
        if (status == AMPHI_OK && !amphi__visit_conversations(&page, visit, user, &at))
            more = false;
    }
    amphi__rows_clear(&page);
    return status;
}

/* ---- Deleting ---- */

static amphi_status run_with_id(
    amphi_db *db, const char *sql, amphi_str id, uint32_t *changes, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, sql);
    amphi__query_bind_str(&q, 1, id);
    amphi_status status = amphi__query_run(&q, error);
    *changes += status == AMPHI_OK ? amphi__db_changes(db) : 0;
    return status;
}

/* What waits in the outbox for this conversation holds the same words, so it goes as well. */
static amphi_status delete_all_of(amphi_db *db, amphi_str id, amphi_error *error)
{
    uint32_t changes = 0;
    amphi_status status = run_with_id(db,
        "DELETE FROM messages WHERE conversation = (SELECT seq FROM conversations WHERE id = ?1)",
        id, &changes, error);
    if (status == AMPHI_OK)
        status = run_with_id(db, "DELETE FROM outbox WHERE conversation = ?1", id, &changes, error);
    if (status == AMPHI_OK)
        status = run_with_id(db, "DELETE FROM conversations WHERE id = ?1", id, &changes, error);
    if (status == AMPHI_OK && changes == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    return status;
}

amphi_status amphi__store_history_delete(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_status status = amphi__check_id(id, "conversation_id", error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db;
    status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_end(store, delete_all_of(db, id, error), error);
    if (status == AMPHI_OK)
        amphi__store_empty_log(store);
    return status;
}
