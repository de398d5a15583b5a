/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of the memory store. A turn is prepared whole before anything changes, so that a lack of
 * memory leaves nothing half-written. Messages are shown in pages, so that no visitor runs under
 * the lock.
 */
#include "storage/store_memory_history.h"
#include "storage/store_checks.h"
#include "storage/store_visit.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

static amphi_entry *message_entry(const amphi_store_message *message, const amphi_store_turn *turn)
{
    amphi_str strings[AMPHI_ENTRY_STRINGS];
    strings[MESSAGE_ROLE] = message->role;
    strings[MESSAGE_CONTENT] = message->content;
    strings[MESSAGE_EXTRA] = message->extra_json;
    strings[MESSAGE_ROUTE] = message->route;
    strings[MESSAGE_MODEL] = message->model;
    strings[MESSAGE_DECISION] = message->decision_json;
    bool is_last = message == &turn->messages[turn->messages_count - 1];
    strings[MESSAGE_CACHE_KEY] =
        is_last && turn->cached != NULL
            ? amphi_str_make((const char *)turn->cached->key, AMPHI_CACHE_KEY_BYTES)
            : amphi_str_make(NULL, 0);
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
    else
        out->conversation->numbers[CONVERSATION_CREATED] = turn->now_ms;
    out->conversation->numbers[CONVERSATION_UPDATED] = turn->now_ms;
    for (size_t i = 0; i < turn->messages_count; i++) {
        amphi_entry *message = message_entry(&turn->messages[i], turn);
        if (message == NULL)
            return amphi__fail_no_memory(error);
        amphi__list_append(&out->messages, message);
        amphi__memory_count_message(out->conversation, message);
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
    amphi_store_cache_entry cached;
    amphi_entry *cache_made = NULL;
    amphi_status status = amphi__read_turn(&own, given, error);
    if (status == AMPHI_OK)
        status = amphi__read_cached(&own, &cached, &store->limits, error);
    if (status == AMPHI_OK)
        status = amphi__turn_title(&title, turn, error);
    if (status == AMPHI_OK && turn->cached != NULL && turn->cached->value.size > 0)
        status = amphi__memory_cache_make(&cache_made, turn->cached, error);
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__mutex_lock(&store->lock);
    status = amphi__memory_check_erased(store, turn->conversation_id, turn->erasure_epoch, error);
    amphi_entry **waiting =
        turn->outbox_id.size > 0 ? amphi__memory_outbox_find(store, turn) : NULL;
    if (status == AMPHI_OK && turn->outbox_id.size > 0 && waiting == NULL)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "outbox: the entry is gone; it was delivered or removed elsewhere");
    if (status == AMPHI_OK)
        status = prepare(&prepared, store, turn, amphi__buf_str(&title), error);
    if (status == AMPHI_OK) {
        put_turn(store, &prepared);
        if (cache_made != NULL)
            amphi__memory_cache_add(store, cache_made, turn->now_ms);
        cache_made = NULL;
        if (waiting != NULL)
            amphi__memory_outbox_take(store, waiting);
    }
    amphi__mutex_unlock(&store->lock);
cleanup:
    amphi__entry_free(cache_made);
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
