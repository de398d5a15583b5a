/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversations and messages of the memory store. A turn is prepared whole before anything changes,
 * so that a lack of memory leaves nothing half-written. Messages are shown in pages and
 * conversations one by one, so that no visitor runs under the lock.
 */
#include "storage/store_checks.h"
#include "storage/store_memory.h"
#include "storage/store_visit.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* Which number and string of an entry is what. */
enum { CONVERSATION_SEQ, CONVERSATION_UPDATED, CONVERSATION_COUNT };
enum { CONVERSATION_ID, CONVERSATION_TITLE };
enum {
    MESSAGE_CONVERSATION,
    MESSAGE_ID,
    MESSAGE_CREATED,
    MESSAGE_IS_JSON,
    MESSAGE_PROMPT,
    MESSAGE_COMPLETION,
    MESSAGE_CACHED,
    MESSAGE_PRIVACY,
    MESSAGE_STATE
};
enum {
    MESSAGE_ROLE,
    MESSAGE_CONTENT,
    MESSAGE_EXTRA,
    MESSAGE_ROUTE,
    MESSAGE_MODEL,
    MESSAGE_DECISION
};

static amphi_entry *message_entry(const amphi_store_message *message, const amphi_store_turn *turn)
{
    amphi_str strings[AMPHI_ENTRY_STRINGS];
    strings[MESSAGE_ROLE] = message->role;
    strings[MESSAGE_CONTENT] = message->content;
    strings[MESSAGE_EXTRA] = message->extra_json;
    strings[MESSAGE_ROUTE] = message->route;
    strings[MESSAGE_MODEL] = message->model;
    strings[MESSAGE_DECISION] = message->decision_json;
    amphi_entry *made = amphi__entry_new(strings, AMPHI_ENTRY_STRINGS);
    if (made == NULL)
        return NULL;
    made->numbers[MESSAGE_CREATED] = turn->now_ms;
    made->numbers[MESSAGE_PRIVACY] = turn->privacy;
    made->numbers[MESSAGE_IS_JSON] = message->content_is_json;
    made->numbers[MESSAGE_PROMPT] = message->usage.prompt_tokens;
    made->numbers[MESSAGE_COMPLETION] = message->usage.completion_tokens;
    made->numbers[MESSAGE_CACHED] = message->usage.cached_tokens;
    return made;
}

/* All that a turn adds, made before anything changes. */
typedef struct prepared_turn {
    amphi_list messages;
    amphi_entry *conversation; /* takes the place of the old one */
} prepared_turn;

static amphi_status prepare(prepared_turn *out, amphi_store_memory *store,
    const amphi_store_turn *turn, amphi_str title, amphi_error *error)
{
    amphi_entry **old =
        amphi__list_find(&store->conversations, CONVERSATION_ID, turn->conversation_id);
    amphi_str strings[] = {turn->conversation_id, title};
    if (old != NULL && (*old)->strings[CONVERSATION_TITLE].size > 0)
        strings[CONVERSATION_TITLE] = (*old)->strings[CONVERSATION_TITLE];
    out->conversation = amphi__entry_new(strings, 2);
    if (out->conversation == NULL)
        return amphi__fail_no_memory(error);
    if (old != NULL)
        memcpy(out->conversation->numbers, (*old)->numbers, sizeof(*old)->numbers);
    out->conversation->numbers[CONVERSATION_UPDATED] = turn->now_ms;
    out->conversation->numbers[CONVERSATION_COUNT] += (int64_t)turn->messages_count;
    for (size_t i = 0; i < turn->messages_count; i++) {
        amphi_entry *message = message_entry(&turn->messages[i], turn);
        if (message == NULL)
            return amphi__fail_no_memory(error);
        amphi__list_append(&out->messages, message);
    }
    return AMPHI_OK;
}

/* Nothing in here can fail. */
static void put_turn(amphi_store_memory *store, prepared_turn *turn)
{
    amphi_entry *conversation = turn->conversation;
    amphi_entry **old = amphi__list_find(
        &store->conversations, CONVERSATION_ID, conversation->strings[CONVERSATION_ID]);
    if (old != NULL)
        amphi__entry_free(amphi__list_unlink(&store->conversations, old));
    else
        conversation->numbers[CONVERSATION_SEQ] = ++store->last_id;
    amphi__list_append(&store->conversations, conversation);
    while (turn->messages.first != NULL) {
        amphi_entry *message = amphi__list_unlink(&turn->messages, &turn->messages.first);
        message->numbers[MESSAGE_ID] = ++store->last_id;
        message->numbers[MESSAGE_CONVERSATION] = conversation->numbers[CONVERSATION_SEQ];
        amphi__list_append(&store->messages, message);
    }
    turn->conversation = NULL;
}

amphi_status amphi__memory_turn_append(
    void *self, const amphi_store_turn *given, amphi_error *error)
{
    amphi_store_memory *store = self;
    prepared_turn prepared = {.conversation = NULL};
    amphi_buf title;
    amphi__buf_init(&title, 0);
    amphi_store_turn own;
    const amphi_store_turn *turn = &own;
    amphi_status status = amphi__read_turn(&own, given, error);
    if (status == AMPHI_OK)
        status = amphi__turn_title(&title, turn, error);
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__mutex_lock(&store->lock);
    amphi_entry **waiting = turn->outbox_id.size > 0
                                ? amphi__list_find(&store->outbox, OUTBOX_ID, turn->outbox_id)
                                : NULL;
    if (turn->outbox_id.size > 0 && waiting == NULL)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "outbox: the entry is gone; it was delivered or removed elsewhere");
    if (status == AMPHI_OK)
        status = prepare(&prepared, store, turn, amphi__buf_str(&title), error);
    if (status == AMPHI_OK) {
        put_turn(store, &prepared);
        if (waiting != NULL)
            amphi__entry_free(amphi__list_unlink(&store->outbox, waiting));
    }
    amphi__mutex_unlock(&store->lock);
cleanup:
    amphi__entry_free(prepared.conversation);
    amphi__list_clear(&prepared.messages);
    amphi__buf_wipe(&title);
    return status;
}

/* In the order of amphi__visit_messages. */
static void copy_message(amphi_rows *rows, const amphi_entry *at)
{
    amphi__rows_put_int(rows, at->numbers[MESSAGE_ID]);
    amphi__rows_put_int(rows, at->numbers[MESSAGE_CREATED]);
    amphi__rows_put_str(rows, at->strings[MESSAGE_ROLE]);
    amphi__rows_put_str(rows, at->strings[MESSAGE_CONTENT]);
    amphi__rows_put_int(rows, at->numbers[MESSAGE_IS_JSON]);
    for (int i = MESSAGE_EXTRA; i <= MESSAGE_DECISION; i++)
        amphi__rows_put_str(rows, at->strings[i]);
    for (int i = MESSAGE_PROMPT; i <= MESSAGE_STATE; i++)
        amphi__rows_put_int(rows, at->numbers[i]);
}

/* The next messages that `at` asks for, in the list's order; the list is in the order of its ids.
 * Newest first: the last ones before from_id, in a ring. Returns how many were found. */
static size_t find_messages(const amphi_store_memory *store, int64_t conversation,
    const amphi_store_row_query *at, const amphi_entry *found[AMPHI_ROWS_PAGE_COUNT])
{
    size_t count = 0;
    for (const amphi_entry *m = store->messages.first; m != NULL; m = m->next) {
        int64_t id = m->numbers[MESSAGE_ID];
        if (m->numbers[MESSAGE_CONVERSATION] != conversation ||
            (at->newest_first ? id >= at->from_id : id <= at->from_id))
            continue;
        if (!at->newest_first && count == AMPHI_ROWS_PAGE_COUNT)
            break;
        found[count++ % AMPHI_ROWS_PAGE_COUNT] = m;
    }
    return count;
}

/* Rows that `at` asks for into `page`; *more: there may be further ones. */
static amphi_status copy_messages(const amphi_store_memory *store, int64_t conversation,
    const amphi_store_row_query *at, amphi_rows *page, bool *more, amphi_error *error)
{
    const amphi_entry *found[AMPHI_ROWS_PAGE_COUNT];
    size_t count = find_messages(store, conversation, at, found);
    size_t in_page = count < AMPHI_ROWS_PAGE_COUNT ? count : AMPHI_ROWS_PAGE_COUNT;
    bool go_on = true;
    *more = false;
    for (size_t i = 0; go_on && i < in_page && (at->limit == 0 || i < at->limit); i++) {
        size_t next = at->newest_first ? count - 1 - i : i;
        copy_message(page, found[next % AMPHI_ROWS_PAGE_COUNT]);
        go_on = amphi__rows_end(page);
        *more = !go_on;
    }
    return page->bytes.status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

/* `at` has passed amphi__read_row_query; it is moved along. */
static amphi_status visit_rows(amphi_store_memory *store, amphi_store_row_query *at,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    amphi_rows page;
    int64_t seq = 0;
    bool more = true;
    bool is_limited = at->limit > 0;
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && more) {
        amphi__rows_reset(&page);
        amphi__mutex_lock(&store->lock);
        amphi_entry **found =
            amphi__list_find(&store->conversations, CONVERSATION_ID, at->conversation_id);
        if (seq == 0 && found == NULL)
            status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
        else if (seq == 0)
            seq = (*found)->numbers[CONVERSATION_SEQ];
        if (status == AMPHI_OK)
            status = copy_messages(store, seq, at, &page, &more, error);
        amphi__mutex_unlock(&store->lock);
        uint32_t count = (uint32_t)page.count;
        if (status == AMPHI_OK && !amphi__visit_messages(&page, visit, user, &at->from_id))
            more = false;
        at->limit -= is_limited ? count : 0;
        more = more && (!is_limited || at->limit > 0);
    }
    amphi__rows_clear(&page);
    return status;
}

amphi_status amphi__memory_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    amphi_store_row_query own;
    amphi_status status = amphi__read_row_query(&own, query, error);
    return status == AMPHI_OK ? visit_rows(self, &own, visit, user, error) : status;
}

amphi_status amphi__memory_messages(void *self, amphi_str conversation_id,
    amphi_store_message_fn *visit, void *user, amphi_error *error)
{
    amphi_store_row_query query;
    amphi_message_visitor to = {visit, user};
    amphi_store_row_query_init(&query);
    query.conversation_id = conversation_id;
    return visit_rows(self, &query, amphi__visit_message_of_row, &to, error);
}

static bool is_older(const amphi_entry *at, amphi_conversation_place than)
{
    int64_t updated_ms = at->numbers[CONVERSATION_UPDATED];
    return updated_ms < than.updated_ms ||
           (updated_ms == than.updated_ms && at->numbers[CONVERSATION_SEQ] < than.seq);
}

/* The newest conversation that is older than `than`, or NULL. */
static amphi_entry *next_older(const amphi_store_memory *store, amphi_conversation_place than)
{
    amphi_entry *best = NULL;
    for (amphi_entry *at = store->conversations.first; at != NULL; at = at->next) {
        amphi_conversation_place place = {
            at->numbers[CONVERSATION_UPDATED], at->numbers[CONVERSATION_SEQ]};
        if (is_older(at, than) && (best == NULL || is_older(best, place)))
            best = at;
    }
    return best;
}

/* In the order of amphi__visit_conversations. */
static void copy_conversation(amphi_rows *row, const amphi_entry *at)
{
    amphi__rows_put_int(row, at->numbers[CONVERSATION_SEQ]);
    amphi__rows_put_int(row, at->numbers[CONVERSATION_UPDATED]);
    amphi__rows_put_str(row, at->strings[CONVERSATION_ID]);
    amphi__rows_put_int(row, at->numbers[CONVERSATION_COUNT]);
    amphi__rows_put_str(row, at->strings[CONVERSATION_TITLE]);
    (void)amphi__rows_end(row);
}

amphi_status amphi__memory_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_conversation_place last = {INT64_MAX, INT64_MAX};
    amphi_status status = AMPHI_OK;
    amphi_rows row;
    amphi__rows_init(&row);
    for (bool go_on = true; go_on;) {
        amphi__rows_reset(&row);
        amphi__mutex_lock(&store->lock);
        const amphi_entry *next = next_older(store, last);
        if (next != NULL)
            copy_conversation(&row, next);
        amphi__mutex_unlock(&store->lock);
        if (row.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
        go_on = next != NULL && status == AMPHI_OK &&
                amphi__visit_conversations(&row, visit, user, &last);
    }
    amphi__rows_clear(&row);
    return status;
}

amphi_status amphi__memory_conversation_delete(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_status status = amphi__check_id(id, "conversation_id", error);
    if (status != AMPHI_OK)
        return status;
    size_t deleted = 0;
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->conversations, CONVERSATION_ID, id);
    if (found != NULL) {
        int64_t seq = (*found)->numbers[CONVERSATION_SEQ];
        amphi__entry_free(amphi__list_unlink(&store->conversations, found));
        deleted++;
        for (amphi_entry **link = &store->messages.first; *link != NULL;)
            if ((*link)->numbers[MESSAGE_CONVERSATION] == seq)
                amphi__entry_free(amphi__list_unlink(&store->messages, link));
            else
                link = &(*link)->next;
    }
    while ((found = amphi__list_find(&store->outbox, OUTBOX_CONVERSATION, id)) != NULL) {
        amphi__entry_free(amphi__list_unlink(&store->outbox, found));
        deleted++;
    }
    amphi__mutex_unlock(&store->lock);
    if (deleted == 0)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    return AMPHI_OK;
}
