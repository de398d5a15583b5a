/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of a conversation, in pages, so that a visitor runs without the lock and a long history
 * needs little memory.
 */
#include "storage/history.h"
#include "storage/store_visit.h"
#include "storage/waiting_turns.h"

#include "sdk/core/error.h"

amphi_status amphi__history_find(amphi_db *db, amphi_str id, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT seq FROM conversations WHERE id = ?1");
    amphi__query_bind_str(&q, 1, id);
    *seq = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 0;
    return amphi__query_end(&q, error);
}

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
            status = amphi__history_find(db, at->conversation_id, &seq, error);
        if (status == AMPHI_OK && seq == 0)
            status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
        if (status == AMPHI_OK)
            status = read_messages(db, seq, at, &page, &more, error);
        amphi__store_read_end(store);
        uint32_t count = (uint32_t)page.count;
        /* What stands before a damaged place is shown, and then the error. */
        bool is_readable =
            status == AMPHI_OK || (status == AMPHI_E_CORRUPT && page.bytes.status == AMPHI_OK);
        if (is_readable && !amphi__visit_messages(&page, visit, user, &at->from_id))
            more = false;
        at->limit -= is_limited ? count : 0;
        more = more && (!is_limited || at->limit > 0);
    }
    amphi__rows_clear(&page);
    return status;
}

/* Notes whether the visitor wants more. */
typedef struct follower {
    amphi_store_row_fn *visit;
    void *user;
    bool has_enough;
} follower;

static bool follow(void *opaque, const amphi_store_row *row)
{
    follower *to = opaque;
    to->has_enough = !to->visit(to->user, row);
    return !to->has_enough;
}

/* Rows of the database, and turns that wait to be written, which are newer. */
static amphi_status visit_all(amphi_store_sqlcipher *store, amphi_store_row_query *at,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    if (!amphi__waiting_turns_hold(store, at->conversation_id))
        return visit_rows(store, at, visit, user, error);
    follower to = {visit, user, false};
    bool is_limited = at->limit > 0;
    amphi_status status = AMPHI_OK;
    if (at->newest_first)
        to.has_enough = !amphi__waiting_turns_visit(store, at, visit, user);
    if (!to.has_enough)
        status = visit_rows(store, at, follow, &to, error);
    if (status == AMPHI_E_NOT_FOUND) { /* all of it waits */
        amphi__error_clear(error);
        status = AMPHI_OK;
    }
    if (status == AMPHI_OK && !at->newest_first && !to.has_enough &&
        !(is_limited && at->limit == 0))
        (void)amphi__waiting_turns_visit(store, at, visit, user);
    amphi__waiting_turns_release(store);
    return status;
}

amphi_status amphi__store_history_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    amphi_store_row_query own;
    amphi_status status = amphi__read_row_query(&own, query, error);
    return status == AMPHI_OK ? visit_all(self, &own, visit, user, error) : status;
}

amphi_status amphi__store_history_messages(void *self, amphi_str conversation_id,
    amphi_store_message_fn *visit, void *user, amphi_error *error)
{
    amphi_store_row_query query;
    amphi_message_visitor to = {visit, user};
    amphi_store_row_query_init(&query);
    query.conversation_id = conversation_id;
    return visit_all(self, &query, amphi__visit_message_of_row, &to, error);
}
