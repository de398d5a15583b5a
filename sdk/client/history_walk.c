/* SPDX-License-Identifier: Apache-2.0
 *
 * Page by page, one conversation each, so that no visitor runs within two of the store's calls. A
 * conversation that is deleted meanwhile is passed over.
 */
#include "sdk/client/history_walk.h"

#include "sdk/core/buf.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

typedef struct walk {
    amphi_store store;
    const amphi_history_visitor *visitor;
    amphi_buf id, cursor; /* of the conversation under way */
    bool has_conversation;
    bool is_ended;      /* by a visitor */
    amphi_error damage; /* of conversations that could not be read to their end */
} walk;

static bool visit_row(void *opaque, const amphi_store_row *given)
{
    walk *w = opaque;
    amphi_store_row row;
    if (AMPHI__SIZED_READ_KNOWN(&row, given, "row", NULL) != AMPHI_OK)
        return true;
    w->is_ended = !w->visitor->row(w->visitor->user, &row);
    return !w->is_ended;
}

static bool visit_conversation(void *opaque, const amphi_history_conversation *given)
{
    walk *w = opaque;
    amphi_history_conversation item;
    if (AMPHI__SIZED_READ_KNOWN(&item, given, "item", NULL) != AMPHI_OK)
        return true;
    w->has_conversation = true;
    amphi__buf_reset(&w->id);
    amphi__buf_reset(&w->cursor);
    amphi__buf_append_str(&w->id, item.id);
    amphi__buf_append_str(&w->cursor, item.cursor);
    w->is_ended = !w->visitor->conversation(w->visitor->user, &item);
    return false;
}

static amphi_status visit_next(walk *w, amphi_error *error)
{
    amphi_history_query query;
    amphi_history_query_init(&query);
    query.cursor = amphi__buf_str(&w->cursor);
    query.limit = 1;
    query.backwards = true;
    query.with_archived = true;
    w->has_conversation = false;
    amphi_status status = w->store.ops->list(w->store.self, &query, visit_conversation, w, error);
    if (status != AMPHI_OK || !w->has_conversation || w->is_ended)
        return status;
    if (w->id.status != AMPHI_OK || w->cursor.status != AMPHI_OK)
        return amphi__fail_no_memory(error);
    amphi_store_row_query rows;
    amphi_store_row_query_init(&rows);
    rows.conversation_id = amphi__buf_str(&w->id);
    status = w->store.ops->rows(w->store.self, &rows, visit_row, w, error);
    if (status == AMPHI_E_NOT_FOUND) /* deleted meanwhile */
        status = AMPHI_OK;
    if (status == AMPHI_E_CORRUPT) { /* the next one may be whole */
        if (error != NULL)
            w->damage = *error;
        w->damage.status = status;
        status = AMPHI_OK;
    }
    return status;
}

amphi_status amphi__history_walk_check(amphi_store store, const char *what, amphi_error *error)
{
    if (store.ops->list == NULL || store.ops->rows == NULL)
        return amphi__fail(
            error, AMPHI_E_UNSUPPORTED, 0, "%s: the app's store has no list, or no rows", what);
    /* An empty one would be taken for what was there. */
    return store.ops->lost != NULL ? store.ops->lost(store.self, error) : AMPHI_OK;
}

amphi_status amphi__history_walk(
    amphi_store store, const amphi_history_visitor *visitor, bool *was_ended, amphi_error *error)
{
    walk w = {.store = store, .visitor = visitor};
    amphi_status status = AMPHI_OK;
    amphi__buf_init(&w.id, 0);
    amphi__buf_init(&w.cursor, 0);
    do
        status = visit_next(&w, error);
    while (status == AMPHI_OK && w.has_conversation && !w.is_ended);
    if (status == AMPHI_OK && w.damage.status != AMPHI_OK) {
        if (error != NULL)
            *error = w.damage;
        status = w.damage.status;
    }
    if (was_ended != NULL)
        *was_ended = w.is_ended;
    amphi__buf_wipe(&w.id);
    amphi__buf_wipe(&w.cursor);
    return status;
}
