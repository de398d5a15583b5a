/* SPDX-License-Identifier: Apache-2.0
 *
 * Appending a turn: one transaction takes the outbox entry that it answers, brings the conversation
 * up to date, adds every message and the answer's entry in the response cache, or nothing at all.
 */
#include "storage/history.h"
#include "storage/search.h"
#include "storage/store_reserve.h"
#include "storage/waiting_turns.h"

#include "sdk/core/error.h"

static int64_t text_bytes_of(const amphi_store_turn *turn)
{
    size_t bytes = 0;
    for (size_t i = 0; i < turn->messages_count; i++) {
        const amphi_store_message *message = &turn->messages[i];
        bytes += message->content.size + message->extra_json.size + message->decision_json.size;
    }
    return (int64_t)bytes;
}

/* Brings the conversation's row up to date, or makes it. A title, once there, stays. */
static amphi_status update_conversation(
    amphi_db *db, const amphi_store_turn *turn, amphi_str title, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi_status status = amphi__history_find(db, turn->conversation_id, seq, error);
    bool is_new = *seq == 0;
    if (status != AMPHI_OK)
        return status;
    if (is_new)
        amphi__query_begin(&q, db,
            "INSERT INTO conversations (updated_ms, created_ms, messages_count, title, id, bytes,"
            " privacy) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6)");
    else
        amphi__query_begin(&q, db,
            "UPDATE conversations SET updated_ms = ?1, created_ms = MIN(created_ms, ?1),"
            " messages_count = messages_count + ?2,"
            " title = CASE WHEN title = '' THEN ?3 ELSE title END, bytes = bytes + ?5,"
            " privacy = MAX(privacy, ?6) WHERE id = ?4");
    amphi__query_bind_int(&q, 1, turn->now_ms);
    amphi__query_bind_int(&q, 2, (int64_t)turn->messages_count);
    amphi__query_bind_str(&q, 3, title);
    amphi__query_bind_str(&q, 4, turn->conversation_id);
    amphi__query_bind_int(&q, 5, text_bytes_of(turn));
    amphi__query_bind_int(&q, 6, turn->messages_count > 0 ? (int64_t)turn->privacy : 0);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && is_new)
        *seq = amphi__db_last_id(db);
    return status;
}

static amphi_status insert_message(amphi_db *db, int64_t conversation, const amphi_store_turn *turn,
    const amphi_store_message *message, amphi_error *error)
{
    amphi_query q;
    bool is_last = message == &turn->messages[turn->messages_count - 1];
    bool is_cached = is_last && turn->cached != NULL;
    amphi__query_begin(&q, db,
        "INSERT INTO messages (conversation, created_ms, role, content, content_is_json,"
        " extra_json, route, model, decision_json, prompt_tokens, completion_tokens,"
        " cached_tokens, privacy, cache_key)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
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
    amphi__query_bind_blob(
        &q, 14, is_cached ? turn->cached->key : NULL, is_cached ? AMPHI_CACHE_KEY_BYTES : 0);
    return amphi__query_run(&q, error);
}

/* Inside a transaction. */
static amphi_status append(amphi_store_sqlcipher *store, amphi_db *db, const amphi_store_turn *turn,
    amphi_str title, amphi_error *error)
{
    int64_t seq = 0;
    amphi_status status =
        amphi__history_check_erased(store, db, turn->conversation_id, turn->erasure_epoch, error);
    if (status == AMPHI_OK && turn->outbox_id.size > 0)
        status = amphi__store_outbox_take(db, turn, error);
    if (status == AMPHI_OK)
        status = update_conversation(db, turn, title, &seq, error);
    for (size_t i = 0; status == AMPHI_OK && i < turn->messages_count; i++)
        status = insert_message(db, seq, turn, &turn->messages[i], error);
    if (status == AMPHI_OK && turn->draft_key.size > 0)
        status = amphi__history_drop_draft(db, turn->draft_key, error);
    if (status == AMPHI_OK && turn->cached != NULL && turn->cached->value.size > 0)
        status = amphi__store_cache_put_within(store, db, turn->cached, turn->now_ms, error);
    return status;
}

amphi_status amphi__history_append_within(
    amphi_store_sqlcipher *store, amphi_db *db, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_buf title;
    amphi__buf_init(&title, 0);
    amphi_status status = amphi__turn_title(&title, turn, error);
    if (status == AMPHI_OK)
        status = append(store, db, turn, amphi__buf_str(&title), error);
    amphi__buf_wipe(&title);
    return status;
}

/* Turns that wait go first, so that a conversation keeps its order. */
static amphi_status append_at_once(
    amphi_store_sqlcipher *store, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_db *db;
    amphi_status status = amphi__waiting_turns_flush(store, AMPHI_PATIENCE_ANSWER_MS, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    return amphi__store_write_end(
        store, amphi__history_append_within(store, db, turn, error), error);
}

/* On a full disk what was deleted left room inside the file, but the log needs some beside it. */
static amphi_status append_in_reserve(
    amphi_store_sqlcipher *store, const amphi_store_turn *turn, amphi_error *error)
{
    if (!amphi__store_reserve_fits(store, (uint64_t)text_bytes_of(turn)) ||
        !amphi__store_reserve_give(store, AMPHI_E_IO))
        return AMPHI_E_IO;
    amphi_status status = append_at_once(store, turn, error);
    (void)amphi__store_empty_log(store);
    amphi__store_reserve_restore(store);
    return status;
}

amphi_status amphi__store_history_append(
    void *self, const amphi_store_turn *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_turn own;
    amphi_store_cache_entry cached;
    amphi_error why;
    error = error != NULL ? error : &why;
    amphi_status status = amphi__read_turn(&own, given, error);
    if (status == AMPHI_OK)
        status = amphi__read_cached(&own, &cached, &store->limits, error);
    if (status != AMPHI_OK)
        return status;
    status = append_at_once(store, &own, error);
    if (status == AMPHI_E_IO)
        status = append_in_reserve(store, &own, error);
    if (status != AMPHI_OK)
        amphi__waiting_turns_keep(store, &own, error);
    else
        amphi__search_catch_up(store, false, 1); /* the turn is kept: this one may fail */
    return status;
}
