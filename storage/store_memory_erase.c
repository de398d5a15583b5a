/* SPDX-License-Identifier: Apache-2.0
 *
 * Deleting in the memory store, with the rules of history_erase.c. Entries are overwritten before
 * they are freed, and there is no log.
 */
#include "storage/erasure_name.h"
#include "storage/store_memory_history.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* Of an erasure: its epoch and its name. */
enum { ERASURE_EPOCH };
enum { ERASURE_NAME };

/* ---- Epochs ---- */

amphi_status amphi__memory_erasure_epoch(void *self, int64_t *epoch, amphi_error *error)
{
    amphi_store_memory *store = self;
    (void)error;
    amphi__mutex_lock(&store->lock);
    *epoch = store->erasure_epoch;
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}

static amphi_status note_erasure(amphi_store_memory *store, amphi_str id, amphi_error *error)
{
    uint8_t name[AMPHI_ERASURE_NAME_BYTES];
    amphi_status status = amphi__erasure_name(store->master, id, name, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str strings[] = {amphi_str_make((const char *)name, sizeof name)};
    amphi_entry *made = amphi__entry_new(strings, 1);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    made->numbers[ERASURE_EPOCH] = ++store->erasure_epoch;
    amphi__list_append(&store->erasures, made);
    if (store->erasures.count > AMPHI_ERASURES_MAX)
        amphi__entry_free(amphi__list_unlink(&store->erasures, &store->erasures.first));
    return AMPHI_OK;
}

amphi_status amphi__memory_check_erased(
    const amphi_store_memory *store, amphi_str id, int64_t epoch, amphi_error *error)
{
    uint8_t name[AMPHI_ERASURE_NAME_BYTES];
    if (epoch == 0)
        return AMPHI_OK;
    amphi_status status = amphi__erasure_name(store->master, id, name, error);
    bool erased = store->everything_epoch > epoch;
    for (const amphi_entry *at = store->erasures.first; status == AMPHI_OK && at != NULL;
         at = at->next)
        erased |= at->numbers[ERASURE_EPOCH] > epoch &&
                  memcmp(at->strings[ERASURE_NAME].data, name, sizeof name) == 0;
    if (status == AMPHI_OK && erased)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "history: the conversation was deleted while it was answered; nothing was kept");
    return status;
}

/* ---- What goes ---- */

/* Of a conversation's cached answers; 0: of all. */
static void visit_keys(
    const amphi_store_memory *store, const amphi_store_erasure *what, int64_t seq)
{
    for (const amphi_entry *m = store->messages.first; m != NULL && what->visit_key != NULL;
         m = m->next)
        if ((seq == 0 || m->numbers[MESSAGE_CONVERSATION] == seq) &&
            m->strings[MESSAGE_CACHE_KEY].size == AMPHI_CACHE_KEY_BYTES)
            what->visit_key(what->user, (const uint8_t *)m->strings[MESSAGE_CACHE_KEY].data);
}

static void erase_cached(amphi_store_memory *store, int64_t seq, amphi_history_receipt *receipt)
{
    for (const amphi_entry *m = store->messages.first; m != NULL; m = m->next)
        if (m->numbers[MESSAGE_CONVERSATION] == seq && m->strings[MESSAGE_CACHE_KEY].size > 0)
            receipt->cached_count += amphi__memory_cache_take(
                store, m->strings[MESSAGE_CACHE_KEY], &receipt->text_bytes);
}

/* Which messages of a conversation. */
typedef struct selection {
    int64_t seq;
    int64_t id;        /* 0: each */
    int64_t before_ms; /* created earlier */
    uint32_t limit;    /* the oldest */
} selection;

static void erase_messages(
    amphi_store_memory *store, const selection *which, amphi_history_receipt *receipt)
{
    uint32_t left = which->limit;
    for (amphi_entry **link = &store->messages.first; *link != NULL;) {
        const int64_t *m = (*link)->numbers;
        if (m[MESSAGE_CONVERSATION] != which->seq || left == 0 ||
            (which->id != 0 && m[MESSAGE_ID] != which->id) ||
            m[MESSAGE_CREATED] >= which->before_ms) {
            link = &(*link)->next;
            continue;
        }
        receipt->messages_count++;
        receipt->text_bytes += (uint64_t)amphi__memory_message_bytes(*link);
        amphi__entry_free(amphi__list_unlink(&store->messages, link));
        left--;
    }
}

static void erase_of(amphi_store_memory *store, amphi_entry **link, const selection *which,
    const amphi_store_erasure *what, amphi_history_receipt *receipt)
{
    visit_keys(store, what, which->seq);
    erase_cached(store, which->seq, receipt);
    erase_messages(store, which, receipt);
    receipt->conversations_count += amphi__memory_refresh(store, link);
}

static void erase_queued(amphi_store_memory *store, amphi_str id, amphi_history_receipt *receipt)
{
    amphi_entry **found;
    while ((found = amphi__list_find(&store->outbox, OUTBOX_CONVERSATION, id)) != NULL) {
        receipt->outbox_count += (*found)->strings[OUTBOX_REQUEST].size > 0;
        receipt->text_bytes += (*found)->strings[OUTBOX_REQUEST].size;
        amphi__entry_free(amphi__list_unlink(&store->outbox, found));
    }
}

static amphi_status erase_conversation(amphi_store_memory *store, const amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error)
{
    selection which = {.id = what->message_id, .before_ms = INT64_MAX, .limit = UINT32_MAX};
    amphi_entry **link =
        amphi__list_find(&store->conversations, CONVERSATION_ID, what->conversation_id);
    amphi_status status = AMPHI_OK;
    if (what->message_id == 0)
        status = note_erasure(store, what->conversation_id, error);
    else
        store->erasure_epoch++;
    if (status == AMPHI_OK && link != NULL) {
        which.seq = (*link)->numbers[CONVERSATION_SEQ];
        erase_of(store, link, &which, what, receipt);
    }
    if (status == AMPHI_OK && what->message_id == 0)
        erase_queued(store, what->conversation_id, receipt);
    if (status == AMPHI_OK && receipt->messages_count + receipt->outbox_count == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such %s",
            what->message_id == 0 ? "conversation" : "message");
    return status;
}

/* Without the notes of what was sent, which have no text. */
static void count_queued(const amphi_list *list, amphi_history_receipt *receipt)
{
    for (const amphi_entry *at = list->first; at != NULL; at = at->next) {
        receipt->outbox_count += at->strings[OUTBOX_REQUEST].size > 0;
        receipt->text_bytes += at->strings[OUTBOX_REQUEST].size;
    }
}

static void erase_everything(amphi_store_memory *store, amphi_history_receipt *receipt)
{
    receipt->conversations_count += store->conversations.count;
    receipt->messages_count += store->messages.count;
    for (const amphi_entry *m = store->messages.first; m != NULL; m = m->next)
        receipt->text_bytes += (uint64_t)amphi__memory_message_bytes(m);
    count_queued(&store->outbox, receipt);
    receipt->cached_count += store->cache.count;
    receipt->text_bytes += store->cache_bytes;
    amphi__list_clear(&store->conversations);
    amphi__list_clear(&store->messages);
    amphi__list_clear(&store->outbox);
    amphi__list_clear(&store->cache);
    store->cache_bytes = 0;
    store->everything_epoch = ++store->erasure_epoch;
}

/* ---- Retention ---- */

static uint64_t unpinned_bytes(const amphi_store_memory *store)
{
    uint64_t bytes = 0;
    for (const amphi_entry *at = store->conversations.first; at != NULL; at = at->next)
        bytes += at->numbers[CONVERSATION_PINNED] ? 0 : (uint64_t)at->numbers[CONVERSATION_BYTES];
    return bytes;
}

/* The conversation used longest ago that holds something older, or NULL. */
static amphi_entry **find_oldest(amphi_store_memory *store, int64_t before_ms)
{
    amphi_entry **best = NULL;
    for (amphi_entry **at = &store->conversations.first; *at != NULL; at = &(*at)->next)
        if (!(*at)->numbers[CONVERSATION_PINNED] &&
            (*at)->numbers[CONVERSATION_CREATED] < before_ms &&
            (best == NULL ||
                (*at)->numbers[CONVERSATION_UPDATED] < (*best)->numbers[CONVERSATION_UPDATED]))
            best = at;
    return best;
}

static void erase_excess(
    amphi_store_memory *store, const amphi_store_erasure *what, amphi_history_receipt *receipt)
{
    selection which = {.before_ms = what->before_ms, .limit = what->messages_max};
    amphi_entry **link = what->before_ms != 0 ? find_oldest(store, what->before_ms) : NULL;
    if (link == NULL && what->bytes_max != 0 && unpinned_bytes(store) > what->bytes_max) {
        which.before_ms = INT64_MAX;
        link = find_oldest(store, INT64_MAX);
    }
    if (link == NULL)
        return;
    which.seq = (*link)->numbers[CONVERSATION_SEQ];
    store->erasure_epoch++;
    erase_of(store, link, &which, what, receipt);
}

/* ---- The entry ---- */

amphi_status amphi__memory_erase(void *self, const amphi_store_erasure *given,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_erasure what;
    amphi_history_receipt own;
    amphi_history_receipt_init(&own);
    amphi_status status = amphi__read_erasure(&what, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    if (what.everything) {
        visit_keys(store, &what, 0);
        erase_everything(store, &own);
    } else if (what.conversation_id.size > 0)
        status = erase_conversation(store, &what, &own, error);
    else if (what.before_ms != 0 || what.bytes_max != 0)
        erase_excess(store, &what, &own);
    amphi__mutex_unlock(&store->lock);
    own.log_is_wiped = true;
    return status == AMPHI_OK ? amphi__put_receipt(receipt, &own, what.now_ms, error) : status;
}

amphi_status amphi__memory_conversation_delete(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_erasure what;
    amphi_history_receipt receipt;
    amphi_status status = amphi__check_id(id, "conversation_id", error);
    if (status != AMPHI_OK)
        return status;
    amphi_store_erasure_init(&what);
    amphi_history_receipt_init(&receipt);
    what.conversation_id = id;
    return amphi__memory_erase(self, &what, &receipt, error);
}
