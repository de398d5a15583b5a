/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox of the memory store: one list, oldest first, with the rules of outbox.c (leases,
 * pauses, the order within a conversation, bounds by number and age).
 */
#include "storage/store_checks.h"
#include "storage/store_memory.h"
#include "storage/store_visit.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* Which number of an entry is what; its strings: store_memory.h. */
enum { OUTBOX_SEQ, OUTBOX_CREATED, OUTBOX_ATTEMPTS, OUTBOX_NOT_BEFORE, OUTBOX_LEASE };

static void outbox_drop_old(amphi_store_memory *store, int64_t now_ms)
{
    unsigned dropped = 0;
    for (amphi_entry **link = &store->outbox.first; *link != NULL;) {
        if ((*link)->numbers[OUTBOX_CREATED] < now_ms - store->limits.outbox_age_ms &&
            (*link)->numbers[OUTBOX_LEASE] <= now_ms) {
            amphi__entry_free(amphi__list_unlink(&store->outbox, link));
            dropped++;
        } else {
            link = &(*link)->next;
        }
    }
    if (dropped > 0)
        amphi__log(&store->log, AMPHI_LOG_WARNING,
            "outbox: %u entries were too old and were dropped", dropped);
}

amphi_status amphi__memory_outbox_add(
    void *self, const amphi_store_outbox_item *given, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_outbox_item own;
    const amphi_store_outbox_item *item = &own;
    amphi_status status = amphi__read_outbox_item(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str strings[] = {item->id, item->conversation_id, item->request_json};
    amphi_entry *made = amphi__entry_new(strings, 3);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    made->numbers[OUTBOX_CREATED] = item->created_ms;
    made->numbers[OUTBOX_NOT_BEFORE] = item->not_before_ms;
    amphi__mutex_lock(&store->lock);
    outbox_drop_old(store, item->created_ms);
    if (amphi__list_find(&store->outbox, OUTBOX_ID, item->id) != NULL) {
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "id: already in the outbox");
    } else if (store->outbox.count >= store->limits.outbox_entries) {
        status = amphi__fail(error, AMPHI_E_FULL, 0, "outbox: full (%u entries)",
            (unsigned)store->limits.outbox_entries);
    } else {
        made->numbers[OUTBOX_SEQ] = ++store->last_id;
        amphi__list_append(&store->outbox, made);
        made = NULL;
    }
    amphi__mutex_unlock(&store->lock);
    amphi__entry_free(made);
    return status;
}

/* See outbox.c: a lease that ends too late is a jump of the clock. */
static bool is_leased(const amphi_store_memory *store, const amphi_entry *at, int64_t now_ms)
{
    int64_t lease = at->numbers[OUTBOX_LEASE];
    return lease > now_ms && lease <= now_ms + store->limits.outbox_age_ms;
}

/* In the order of amphi__visit_outbox_items. */
static void outbox_copy(const amphi_store_memory *store, amphi_rows *rows, const amphi_entry *at)
{
    amphi__rows_put_int(rows, at->numbers[OUTBOX_SEQ]);
    for (int i = OUTBOX_ID; i <= OUTBOX_REQUEST; i++)
        amphi__rows_put_str(rows, at->strings[i]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_CREATED]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_ATTEMPTS]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_NOT_BEFORE]);
    amphi__rows_put_int(rows, is_leased(store, at, amphi__clock_wall_ms(NULL)));
}

/* See outbox.c for the rules: the first of its conversation, not leased, not pausing. */
static amphi_entry *outbox_next(amphi_store_memory *store, int64_t now_ms)
{
    int64_t jump = now_ms + store->limits.outbox_age_ms;
    for (amphi_entry **link = &store->outbox.first; *link != NULL; link = &(*link)->next) {
        amphi_entry *at = *link;
        amphi_str conversation = at->strings[OUTBOX_CONVERSATION];
        int64_t pause = at->numbers[OUTBOX_NOT_BEFORE];
        bool is_due = pause <= now_ms || pause > jump;
        if (!is_leased(store, at, now_ms) && is_due &&
            (conversation.size == 0 ||
                amphi__list_find(&store->outbox, OUTBOX_CONVERSATION, conversation) == link))
            return at;
    }
    return NULL;
}

amphi_status amphi__memory_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_rows copy;
    amphi_status status = AMPHI_OK;
    int64_t seq = 0;
    int64_t lease = lease_ms;
    if (lease > store->limits.outbox_age_ms)
        lease = store->limits.outbox_age_ms;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    outbox_drop_old(store, now_ms);
    amphi_entry *next = outbox_next(store, now_ms);
    if (next == NULL) {
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: nothing to send now");
    } else {
        outbox_copy(store, &copy, next);
        (void)amphi__rows_end(&copy);
        if (copy.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
        else
            next->numbers[OUTBOX_LEASE] = now_ms + lease;
    }
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK)
        (void)amphi__visit_outbox_items(&copy, visit, user, &seq);
    amphi__rows_clear(&copy);
    return status;
}

amphi_status amphi__memory_outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->outbox, OUTBOX_ID, id);
    if (found != NULL) {
        (*found)->numbers[OUTBOX_LEASE] = 0;
        (*found)->numbers[OUTBOX_NOT_BEFORE] = not_before_ms;
        (*found)->numbers[OUTBOX_ATTEMPTS]++;
    }
    amphi__mutex_unlock(&store->lock);
    return found != NULL ? AMPHI_OK
                         : amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: no such entry");
}

amphi_status amphi__memory_outbox_remove(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->outbox, OUTBOX_ID, id);
    if (found != NULL)
        amphi__entry_free(amphi__list_unlink(&store->outbox, found));
    amphi__mutex_unlock(&store->lock);
    return found != NULL ? AMPHI_OK
                         : amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: no such entry");
}

amphi_status amphi__memory_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_rows page;
    int64_t last = 0;
    bool more = true;
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && more) {
        amphi__rows_reset(&page);
        more = false;
        amphi__mutex_lock(&store->lock);
        for (amphi_entry *at = store->outbox.first; at != NULL && !more; at = at->next) {
            if (at->numbers[OUTBOX_SEQ] > last) {
                outbox_copy(store, &page, at);
                more = !amphi__rows_end(&page);
            }
        }
        amphi__mutex_unlock(&store->lock);
        if (page.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
        if (status == AMPHI_OK && !amphi__visit_outbox_items(&page, visit, user, &last))
            more = false;
    }
    amphi__rows_clear(&page);
    return status;
}
