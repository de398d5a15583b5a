/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of conversations and what users do with its items. A place in the list is (pinned, time
 * of last use, number), so a cursor stays good when its conversation is gone.
 */
#include "storage/history.h"
#include "storage/store_visit.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

/* ---- Listing ---- */

#define LIST                                                                                       \
    "SELECT seq, is_pinned, updated_ms, id, messages_count, title, title_is_own, is_archived,"     \
    " privacy, created_ms, bytes FROM conversations WHERE "
#define LIST_FILTER " AND (is_archived = 0 OR ?4) ORDER BY "

/* In the order of amphi__visit_conversations. */
static bool put_conversation(amphi_rows *page, amphi_query *q)
{
    for (int column = 0; column <= 2; column++)
        amphi__rows_put_int(page, amphi__query_int(q, column));
    amphi__rows_put_str(page, amphi__query_str(q, 3));
    amphi__rows_put_int(page, amphi__query_int(q, 4));
    amphi__rows_put_str(page, amphi__query_str(q, 5));
    for (int column = 6; column <= 10; column++)
        amphi__rows_put_int(page, amphi__query_int(q, column));
    return amphi__rows_end(page);
}

/* Conversations behind `at` into `page`; *more: there may be further ones. */
static amphi_status read_page(amphi_db *db, const amphi_history_query *query,
    amphi_conversation_place at, amphi_rows *page, bool *more, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        query->backwards ? LIST "(is_pinned, updated_ms, seq) > (?1, ?2, ?3)" LIST_FILTER
                                "is_pinned, updated_ms, seq LIMIT ?5"
                         : LIST "(is_pinned, updated_ms, seq) < (?1, ?2, ?3)" LIST_FILTER
                                "is_pinned DESC, updated_ms DESC, seq DESC LIMIT ?5");
    amphi__query_bind_int(&q, 1, at.is_pinned);
    amphi__query_bind_int(&q, 2, at.updated_ms);
    amphi__query_bind_int(&q, 3, at.seq);
    amphi__query_bind_int(&q, 4, query->with_archived);
    amphi__query_bind_int(&q, 5, query->limit > 0 ? (int64_t)query->limit : -1);
    *more = false;
    while (!*more && amphi__query_row(&q))
        *more = !put_conversation(page, &q);
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && page->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

static amphi_status read_one(amphi_db *db, amphi_str id, amphi_rows *page, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, LIST "id = ?1");
    amphi__query_bind_str(&q, 1, id);
    if (amphi__query_row(&q))
        (void)put_conversation(page, &q);
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && page->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else if (status == AMPHI_OK && page->count == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    return status;
}

amphi_status amphi__store_history_list(void *self, const amphi_history_query *given,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_history_query query;
    amphi_conversation_place at;
    amphi_rows page;
    bool more = true;
    amphi_status status = amphi__read_history_query(&query, given, &at, error);
    bool is_limited = query.limit > 0;
    amphi__rows_init(&page);
    while (status == AMPHI_OK && more) {
        amphi_db *db;
        amphi__rows_reset(&page);
        status = amphi__store_read_begin(store, &db, error);
        if (status != AMPHI_OK)
            break;
        more = false;
        status = query.conversation_id.size > 0 ? read_one(db, query.conversation_id, &page, error)
                                                : read_page(db, &query, at, &page, &more, error);
        amphi__store_read_end(store);
        uint32_t count = (uint32_t)page.count;
        if (status == AMPHI_OK && !amphi__visit_conversations(&page, visit, user, &at))
            more = false;
        query.limit -= is_limited ? count : 0;
        more = more && (!is_limited || query.limit > 0);
    }
    amphi__rows_clear(&page);
    return status;
}

amphi_status amphi__store_history_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_history_query query;
    amphi_history_query_init(&query);
    query.with_archived = true;
    return amphi__store_history_list(self, &query, visit, user, error);
}

/* ---- Titles, counts ---- */

static amphi_status read_first_question(
    amphi_db *db, int64_t seq, amphi_buf *title, amphi_error *error)
{
    amphi_query q;
    amphi_status status = AMPHI_OK;
    amphi__query_begin(&q, db,
        "SELECT content, content_is_json FROM messages WHERE conversation = ?1 AND role = 'user'"
        " ORDER BY id");
    amphi__query_bind_int(&q, 1, seq);
    while (status == AMPHI_OK && title->size == 0 && amphi__query_row(&q)) {
        amphi_store_message question = {.role = AMPHI_STR("user"),
            .content = amphi__query_str(&q, 0),
            .content_is_json = amphi__query_int(&q, 1) != 0};
        amphi_store_turn turn = {.messages = &question, .messages_count = 1};
        status = amphi__turn_title(title, &turn, error);
    }
    amphi_status ended = amphi__query_end(&q, error);
    return ended != AMPHI_OK ? ended : status;
}

/* Inside a transaction: puts the beginning of the first user message where the title is not the
 * user's own. */
static amphi_status retitle(amphi_db *db, int64_t seq, amphi_error *error)
{
    amphi_query q;
    amphi_buf title;
    amphi__buf_init(&title, 0);
    amphi_status status = read_first_question(db, seq, &title, error);
    if (status == AMPHI_OK) {
        amphi__query_begin(
            &q, db, "UPDATE conversations SET title = ?1 WHERE seq = ?2 AND title_is_own = 0");
        amphi__query_bind_str(&q, 1, amphi__buf_str(&title));
        amphi__query_bind_int(&q, 2, seq);
        status = amphi__query_run(&q, error);
    }
    amphi__buf_wipe(&title);
    return status;
}

amphi_status amphi__history_refresh(amphi_db *db, int64_t seq, bool *is_gone, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "DELETE FROM conversations WHERE seq = ?1 AND NOT EXISTS"
        " (SELECT 1 FROM messages WHERE conversation = ?1)");
    amphi__query_bind_int(&q, 1, seq);
    amphi_status status = amphi__query_run(&q, error);
    *is_gone = status == AMPHI_OK && amphi__db_changes(db) > 0;
    if (status != AMPHI_OK || *is_gone)
        return status;
    amphi__query_begin(&q, db,
        "UPDATE conversations SET"
        " messages_count = (SELECT COUNT(*) FROM messages WHERE conversation = ?1),"
        " created_ms = (SELECT MIN(created_ms) FROM messages WHERE conversation = ?1),"
        " updated_ms = (SELECT created_ms FROM messages WHERE conversation = ?1"
        "  ORDER BY id DESC LIMIT 1),"
        " privacy = (SELECT MAX(privacy) FROM messages WHERE conversation = ?1),"
        " bytes = (SELECT SUM(" AMPHI_HISTORY_BYTES ") FROM messages WHERE conversation = ?1)"
        " WHERE seq = ?1");
    amphi__query_bind_int(&q, 1, seq);
    status = amphi__query_run(&q, error);
    return status == AMPHI_OK ? retitle(db, seq, error) : status;
}

/* ---- Changing ---- */

/* Inside a transaction. */
static amphi_status change_conversation(
    amphi_db *db, const amphi_store_change *change, amphi_error *error)
{
    amphi_query q;
    int64_t seq = 0;
    amphi_status status = amphi__history_find(db, change->conversation_id, &seq, error);
    if (status == AMPHI_OK && seq == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "UPDATE conversations SET is_pinned = CASE WHEN ?2 THEN ?3 ELSE is_pinned END,"
        " is_archived = CASE WHEN ?4 THEN ?5 ELSE is_archived END,"
        " title = CASE WHEN ?6 THEN ?7 ELSE title END,"
        " title_is_own = CASE WHEN ?6 THEN ?7 <> '' ELSE title_is_own END WHERE seq = ?1");
    amphi__query_bind_int(&q, 1, seq);
    amphi__query_bind_int(&q, 2, change->sets_pinned);
    amphi__query_bind_int(&q, 3, change->is_pinned);
    amphi__query_bind_int(&q, 4, change->sets_archived);
    amphi__query_bind_int(&q, 5, change->is_archived);
    amphi__query_bind_int(&q, 6, change->sets_title);
    amphi__query_bind_str(&q, 7, change->title);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && change->sets_title && change->title.size == 0)
        status = retitle(db, seq, error);
    return status;
}

amphi_status amphi__store_history_change(
    void *self, const amphi_store_change *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_change change;
    amphi_db *db;
    amphi_status status = amphi__read_change(&change, given, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_end(store, change_conversation(db, &change, error), error);
    return status;
}
