/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversations of the memory store: the list, shown one by one so that no visitor runs under the
 * lock, and what users do with its items.
 */
#include "storage/store_memory_history.h"
#include "storage/store_visit.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* ---- Listing ---- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare(amphi_conversation_place a, amphi_conversation_place b)
{
    int by_pin = compare_numbers(a.is_pinned, b.is_pinned);
    int by_time = compare_numbers(a.updated_ms, b.updated_ms);
    return by_pin != 0 ? by_pin : by_time != 0 ? by_time : compare_numbers(a.seq, b.seq);
}

static amphi_conversation_place place_of(const amphi_entry *at)
{
    return (amphi_conversation_place){at->numbers[CONVERSATION_PINNED],
        at->numbers[CONVERSATION_UPDATED], at->numbers[CONVERSATION_SEQ]};
}

/* The next one behind `from` (backwards: before it), or NULL. */
static const amphi_entry *find_next(const amphi_store_memory *store,
    const amphi_history_query *query, amphi_conversation_place from)
{
    const amphi_entry *best = NULL;
    int sign = query->backwards ? -1 : 1;
    for (const amphi_entry *at = store->conversations.first; at != NULL; at = at->next) {
        bool is_listed = query->with_archived || at->numbers[CONVERSATION_ARCHIVED] == 0;
        if (is_listed && sign * compare(place_of(at), from) < 0 &&
            (best == NULL || sign * compare(place_of(at), place_of(best)) > 0))
            best = at;
    }
    return best;
}

/* In the order of amphi__visit_conversations. */
static void copy_conversation(amphi_rows *row, const amphi_entry *at)
{
    for (int i = CONVERSATION_SEQ; i <= CONVERSATION_UPDATED; i++)
        amphi__rows_put_int(row, at->numbers[i]);
    amphi__rows_put_str(row, at->strings[CONVERSATION_ID]);
    amphi__rows_put_int(row, at->numbers[CONVERSATION_COUNT]);
    amphi__rows_put_str(row, at->strings[CONVERSATION_TITLE]);
    for (int i = CONVERSATION_OWN_TITLE; i <= CONVERSATION_BYTES; i++)
        amphi__rows_put_int(row, at->numbers[i]);
    (void)amphi__rows_end(row);
}

static const amphi_entry *find_by_id(amphi_store_memory *store, amphi_str id)
{
    amphi_entry **found = amphi__list_find(&store->conversations, CONVERSATION_ID, id);
    return found != NULL ? *found : NULL;
}

amphi_status amphi__memory_list(void *self, const amphi_history_query *given,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_history_query query;
    amphi_conversation_place at;
    amphi_rows row;
    amphi_status status = amphi__read_history_query(&query, given, &at, error);
    bool is_one = query.conversation_id.size > 0;
    bool is_limited = query.limit > 0 || is_one;
    uint32_t left = is_one ? 1 : query.limit;
    amphi__rows_init(&row);
    for (bool go_on = status == AMPHI_OK; go_on && (!is_limited || left > 0); left--) {
        amphi__rows_reset(&row);
        amphi__mutex_lock(&store->lock);
        const amphi_entry *next =
            is_one ? find_by_id(store, query.conversation_id) : find_next(store, &query, at);
        if (next != NULL)
            copy_conversation(&row, next);
        amphi__mutex_unlock(&store->lock);
        if (row.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
        else if (is_one && next == NULL)
            status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
        go_on = next != NULL && status == AMPHI_OK &&
                amphi__visit_conversations(&row, visit, user, &at);
    }
    amphi__rows_clear(&row);
    return status;
}

amphi_status amphi__memory_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_history_query query;
    amphi_history_query_init(&query);
    query.with_archived = true;
    return amphi__memory_list(self, &query, visit, user, error);
}

/* ---- Titles, counts ---- */

int64_t amphi__memory_message_bytes(const amphi_entry *message)
{
    return (int64_t)(message->strings[MESSAGE_CONTENT].size + message->strings[MESSAGE_EXTRA].size +
                     message->strings[MESSAGE_DECISION].size);
}

void amphi__memory_count_message(amphi_entry *conversation, const amphi_entry *message)
{
    int64_t *facts = conversation->numbers;
    int64_t created_ms = message->numbers[MESSAGE_CREATED];
    int64_t privacy = message->numbers[MESSAGE_PRIVACY];
    facts[CONVERSATION_COUNT]++;
    facts[CONVERSATION_BYTES] += amphi__memory_message_bytes(message);
    if (privacy > facts[CONVERSATION_PRIVACY])
        facts[CONVERSATION_PRIVACY] = privacy;
    if (created_ms < facts[CONVERSATION_CREATED])
        facts[CONVERSATION_CREATED] = created_ms;
}

/* Gives *link's conversation this title. */
static amphi_status put_title(amphi_entry **link, amphi_str title, amphi_error *error)
{
    amphi_str strings[] = {(*link)->strings[CONVERSATION_ID], title};
    amphi_entry *made = amphi__entry_new(strings, 2);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    memcpy(made->numbers, (*link)->numbers, sizeof made->numbers);
    made->next = (*link)->next;
    amphi__entry_free(*link);
    *link = made;
    return AMPHI_OK;
}

/* The title that the messages give. */
static amphi_status retitle(amphi_store_memory *store, amphi_entry **link, amphi_error *error)
{
    amphi_buf title;
    amphi_status status = AMPHI_OK;
    amphi__buf_init(&title, 0);
    for (const amphi_entry *m = store->messages.first; m != NULL; m = m->next) {
        if (m->numbers[MESSAGE_CONVERSATION] != (*link)->numbers[CONVERSATION_SEQ] ||
            !amphi__str_equal_c(m->strings[MESSAGE_ROLE], "user"))
            continue;
        amphi_store_message question = {.role = m->strings[MESSAGE_ROLE],
            .content = m->strings[MESSAGE_CONTENT],
            .content_is_json = m->numbers[MESSAGE_IS_JSON] != 0};
        amphi_store_turn turn = {.messages = &question, .messages_count = 1};
        status = amphi__turn_title(&title, &turn, error);
        if (status != AMPHI_OK || title.size > 0)
            break;
    }
    if (status == AMPHI_OK)
        status = put_title(link, amphi__buf_str(&title), error);
    amphi__buf_wipe(&title);
    return status;
}

/* For lack of memory: no title rather than that of a message that was erased. */
static void wipe_title(amphi_entry *conversation)
{
    amphi_str *title = &conversation->strings[CONVERSATION_TITLE];
    amphi__wipe((char *)title->data, title->size);
    title->size = 0;
}

bool amphi__memory_refresh(amphi_store_memory *store, amphi_entry **link)
{
    int64_t *facts = (*link)->numbers;
    facts[CONVERSATION_COUNT] = facts[CONVERSATION_BYTES] = facts[CONVERSATION_PRIVACY] = 0;
    facts[CONVERSATION_CREATED] = INT64_MAX;
    for (const amphi_entry *m = store->messages.first; m != NULL; m = m->next)
        if (m->numbers[MESSAGE_CONVERSATION] == facts[CONVERSATION_SEQ]) {
            amphi__memory_count_message(*link, m);
            facts[CONVERSATION_UPDATED] = m->numbers[MESSAGE_CREATED];
        }
    if (facts[CONVERSATION_COUNT] == 0) {
        amphi__entry_free(amphi__list_unlink(&store->conversations, link));
        return true;
    }
    if (!facts[CONVERSATION_OWN_TITLE] && retitle(store, link, NULL) != AMPHI_OK)
        wipe_title(*link);
    return false;
}

/* ---- Changing ---- */

/* Under the lock. */
static amphi_status change_title(
    amphi_store_memory *store, amphi_entry **link, amphi_str title, amphi_error *error)
{
    amphi_status status =
        title.size > 0 ? put_title(link, title, error) : retitle(store, link, error);
    if (status == AMPHI_OK)
        (*link)->numbers[CONVERSATION_OWN_TITLE] = title.size > 0;
    return status;
}

amphi_status amphi__memory_change(void *self, const amphi_store_change *given, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_change change;
    amphi_status status = amphi__read_change(&change, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    amphi_entry **link =
        amphi__list_find(&store->conversations, CONVERSATION_ID, change.conversation_id);
    if (link == NULL)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    if (link != NULL && change.sets_pinned)
        (*link)->numbers[CONVERSATION_PINNED] = change.is_pinned;
    if (link != NULL && change.sets_archived)
        (*link)->numbers[CONVERSATION_ARCHIVED] = change.is_archived;
    if (link != NULL && change.sets_title)
        status = change_title(store, link, change.title, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}
