/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox of the memory store: one list, oldest first, with the rules of outbox.c (leases,
 * pauses, the order within a conversation, bounds, what is reported). It lives and ends with its
 * process, so times are simply those of the boot clock.
 */
#include "storage/store_checks.h"
#include "storage/store_memory.h"
#include "storage/store_visit.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* Which number of an entry is what; its strings: store_memory.h. */
enum {
    OUTBOX_SEQ,
    OUTBOX_CREATED,
    OUTBOX_ATTEMPTS,
    OUTBOX_BORN,
    OUTBOX_PAUSE, /* until */
    OUTBOX_LEASE, /* until; 0: none */
    OUTBOX_LEASE_NAME,
    OUTBOX_STATE,
    OUTBOX_IS_WATCHED,
    OUTBOX_REPORTED,
    OUTBOX_REFUSALS,
    OUTBOX_TRIED
};

/* ---- Adding ---- */

static void measure(const amphi_store_memory *store, amphi_outbox_room *room)
{
    for (const amphi_entry *at = store->outbox.first; at != NULL; at = at->next) {
        if (at->numbers[OUTBOX_STATE] == AMPHI_OUTBOX_SENT)
            continue;
        room->entries++;
        room->bytes += at->strings[OUTBOX_REQUEST].size;
        room->expired += at->numbers[OUTBOX_STATE] == AMPHI_OUTBOX_EXPIRED;
    }
}

amphi_status amphi__memory_outbox_add(
    void *self, const amphi_store_outbox_item *given, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_outbox_item own;
    const amphi_store_outbox_item *item = &own;
    amphi_outbox_room room = {.entries = 0};
    amphi_status status = amphi__read_outbox_item(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str strings[] = {item->id, item->conversation_id, item->request_json, item->reason};
    amphi_entry *made = amphi__entry_new(strings, 4);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    int64_t now_ms = amphi__store_boot_ms(store->clock);
    made->numbers[OUTBOX_CREATED] = item->created_ms;
    made->numbers[OUTBOX_BORN] = now_ms;
    made->numbers[OUTBOX_PAUSE] = now_ms + amphi__outbox_hold_ms(item);
    made->numbers[OUTBOX_IS_WATCHED] = item->is_watched;
    made->numbers[OUTBOX_REPORTED] = item->is_watched ? 0 : 1;
    amphi__mutex_lock(&store->lock);
    room.has_same_id = amphi__list_find(&store->outbox, OUTBOX_ID, item->id) != NULL;
    measure(store, &room);
    status = amphi__check_outbox_room(&store->limits, item, &room, error);
    if (status == AMPHI_OK) {
        made->numbers[OUTBOX_SEQ] = ++store->last_id;
        amphi__list_append(&store->outbox, made);
        made = NULL;
    }
    amphi__mutex_unlock(&store->lock);
    amphi__entry_free(made);
    return status;
}

/* ---- Claiming ---- */

static bool is_leased(const amphi_entry *at, int64_t now_ms)
{
    return at->numbers[OUTBOX_LEASE] > now_ms;
}

static void name_lease(char out[24], const amphi_entry *at)
{
    snprintf(out, 24, "%lld", (long long)at->numbers[OUTBOX_LEASE_NAME]);
}

/* In the order of amphi__visit_outbox_items. */
static void outbox_copy(const amphi_store_memory *store, amphi_rows *rows, const amphi_entry *at,
    const char *lease, int64_t state, bool with_request)
{
    int64_t now_ms = amphi__store_boot_ms(store->clock);
    int64_t pause_ms = at->numbers[OUTBOX_PAUSE] - now_ms;
    amphi__rows_put_int(rows, at->numbers[OUTBOX_SEQ]);
    for (int i = OUTBOX_ID; i <= OUTBOX_REASON; i++)
        amphi__rows_put_str(
            rows, i == OUTBOX_REQUEST && !with_request ? amphi_str_make(NULL, 0) : at->strings[i]);
    amphi__rows_put_str(rows, amphi_str_from(lease));
    amphi__rows_put_int(rows, at->numbers[OUTBOX_CREATED]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_ATTEMPTS]);
    amphi__rows_put_int(rows, pause_ms > 0 ? amphi__clock_wall_ms(store->clock) + pause_ms : 0);
    amphi__rows_put_int(rows, is_leased(at, now_ms));
    amphi__rows_put_int(rows, now_ms - at->numbers[OUTBOX_BORN]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_REFUSALS]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_IS_WATCHED]);
    amphi__rows_put_int(rows, state);
}

/* Is it the first of its conversation that waits? */
static bool is_first(const amphi_store_memory *store, const amphi_entry *entry)
{
    amphi_str conversation = entry->strings[OUTBOX_CONVERSATION];
    if (conversation.size == 0)
        return true;
    for (const amphi_entry *at = store->outbox.first; at != entry; at = at->next)
        if (at->numbers[OUTBOX_STATE] == AMPHI_OUTBOX_QUEUED &&
            amphi__str_equal(at->strings[OUTBOX_CONVERSATION], conversation))
            return false;
    return true;
}

typedef struct wanted {
    amphi_str conversation; /* empty: of any */
    bool though_put_off;    /* after a try */
    uint32_t lease_ms;
} wanted;

/* See outbox_lease.c for the rules. */
static amphi_entry *outbox_next(const amphi_store_memory *store, const wanted *w, int64_t now_ms)
{
    amphi_entry *best = NULL;
    for (amphi_entry *at = store->outbox.first; at != NULL; at = at->next) {
        bool is_put_off = at->numbers[OUTBOX_PAUSE] > now_ms &&
                          !(w->though_put_off && at->numbers[OUTBOX_ATTEMPTS] > 0);
        bool is_other = w->conversation.size > 0 &&
                        !amphi__str_equal(w->conversation, at->strings[OUTBOX_CONVERSATION]);
        if (at->numbers[OUTBOX_STATE] != AMPHI_OUTBOX_QUEUED || is_leased(at, now_ms) ||
            is_put_off || is_other || !is_first(store, at))
            continue;
        if (best == NULL || at->numbers[OUTBOX_TRIED] < best->numbers[OUTBOX_TRIED])
            best = at;
    }
    return best;
}

static amphi_status claim(amphi_store_memory *store, const wanted *w, amphi_store_outbox_fn *visit,
    void *user, amphi_error *error)
{
    amphi_rows copy;
    char lease[24];
    amphi_status status = AMPHI_OK;
    int64_t seq = 0;
    int64_t now_ms = amphi__store_boot_ms(store->clock);
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi_entry *next = outbox_next(store, w, now_ms);
    if (next == NULL) {
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: nothing to send now");
    } else {
        next->numbers[OUTBOX_LEASE_NAME] = ++store->last_id;
        name_lease(lease, next);
        outbox_copy(store, &copy, next, lease, AMPHI_OUTBOX_QUEUED, true);
        (void)amphi__rows_end(&copy);
        if (copy.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
        else
            next->numbers[OUTBOX_LEASE] = now_ms + w->lease_ms;
    }
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK)
        (void)amphi__visit_outbox_items(&copy, visit, user, &seq);
    amphi__rows_clear(&copy);
    return status;
}

amphi_status amphi__memory_outbox_claim(void *self, int64_t unused_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    return claim(self, &(wanted){.lease_ms = lease_ms}, visit, user, error);
}

amphi_status amphi__memory_outbox_claim_head(void *self, amphi_str conversation_id,
    uint32_t lease_ms, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    const wanted head = {
        .conversation = conversation_id, .though_put_off = true, .lease_ms = lease_ms};
    return claim(self, &head, visit, user, error);
}

/* ---- Afterwards ---- */

/* Under the lock. The entry that waits and, unless `lease` is empty, is leased with it. */
static amphi_entry **find_leased(amphi_store_memory *store, amphi_str id, amphi_str lease)
{
    char name[24];
    amphi_entry **found = amphi__list_find(&store->outbox, OUTBOX_ID, id);
    if (found == NULL || (*found)->numbers[OUTBOX_STATE] != AMPHI_OUTBOX_QUEUED)
        return NULL;
    name_lease(name, *found);
    bool is_own = (*found)->numbers[OUTBOX_LEASE] != 0 && amphi__str_equal_c(lease, name);
    return lease.size == 0 || is_own ? found : NULL;
}

amphi_entry **amphi__memory_outbox_find(amphi_store_memory *store, const amphi_store_turn *turn)
{
    return find_leased(store, turn->outbox_id, turn->outbox_lease);
}

/* Notes of what was sent are bounded: the oldest goes. */
static void drop_note(amphi_store_memory *store)
{
    size_t notes = 0;
    amphi_entry **first = NULL;
    for (amphi_entry **link = &store->outbox.first; *link != NULL; link = &(*link)->next) {
        if ((*link)->numbers[OUTBOX_STATE] != AMPHI_OUTBOX_SENT)
            continue;
        first = first == NULL ? link : first;
        notes++;
    }
    if (notes > 1000)
        amphi__entry_free(amphi__list_unlink(&store->outbox, first));
}

void amphi__memory_outbox_take(amphi_store_memory *store, amphi_entry **link)
{
    amphi_entry *entry = *link;
    if (!entry->numbers[OUTBOX_IS_WATCHED]) {
        amphi__entry_free(amphi__list_unlink(&store->outbox, link));
        return;
    }
    char *after = (char *)(entry + 1) + entry->strings[OUTBOX_ID].size +
                  entry->strings[OUTBOX_CONVERSATION].size;
    amphi__wipe(after, entry->size - (size_t)(after - (char *)entry));
    entry->strings[OUTBOX_REQUEST] = entry->strings[OUTBOX_REASON] = amphi_str_make(NULL, 0);
    entry->numbers[OUTBOX_STATE] = AMPHI_OUTBOX_SENT;
    entry->numbers[OUTBOX_LEASE] = 0;
    drop_note(store);
}

/* Another entry with the same values and this reason takes its place. */
static amphi_status put_reason(
    amphi_store_memory *store, amphi_entry **link, amphi_str reason, amphi_error *error)
{
    amphi_entry *old = *link;
    amphi_str strings[4];
    memcpy(strings, old->strings, sizeof strings);
    strings[OUTBOX_REASON] = reason;
    amphi_entry *made = amphi__entry_new(strings, 4);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    memcpy(made->numbers, old->numbers, sizeof made->numbers);
    made->next = old->next;
    *link = made;
    amphi__entry_free(old);
    return AMPHI_OK;
}

static amphi_status not_found(amphi_error *error)
{
    return amphi__fail(
        error, AMPHI_E_NOT_FOUND, 0, "outbox: no such entry, or another sender has it now");
}

/* Under the lock. */
static amphi_status change_leased(
    amphi_store_memory *store, const amphi_store_outbox_change *change, amphi_error *error)
{
    amphi_str reason = change->reason;
    char too_old[AMPHI_OUTBOX_REASON_MAX];
    int64_t now_ms = amphi__store_boot_ms(store->clock);
    amphi_entry **link = find_leased(store, change->id, change->lease);
    if (link == NULL)
        return not_found(error);
    bool is_expired = change->kind == AMPHI_OUTBOX_CHANGE_EXPIRED ||
                      (change->kind == AMPHI_OUTBOX_CHANGE_FAILED &&
                          now_ms - (*link)->numbers[OUTBOX_BORN] > store->limits.outbox_age_ms);
    if (change->kind == AMPHI_OUTBOX_CHANGE_FAILED && is_expired) {
        amphi__outbox_too_old(too_old, &store->limits, reason);
        reason = amphi_str_from(too_old);
    }
    bool was_tried = change->kind >= AMPHI_OUTBOX_CHANGE_FAILED;
    amphi_status status = was_tried ? put_reason(store, link, reason, error) : AMPHI_OK;
    if (status != AMPHI_OK)
        return status;
    int64_t *numbers = (*link)->numbers;
    numbers[OUTBOX_LEASE] =
        change->kind == AMPHI_OUTBOX_CHANGE_RENEW ? now_ms + change->lease_ms : 0;
    if (was_tried) {
        numbers[OUTBOX_ATTEMPTS]++;
        numbers[OUTBOX_TRIED] = ++store->last_id;
    }
    if (change->kind == AMPHI_OUTBOX_CHANGE_REFUSED) {
        numbers[OUTBOX_REFUSALS]++;
        numbers[OUTBOX_PAUSE] = now_ms + (int64_t)change->pause_ms;
    }
    if (is_expired)
        numbers[OUTBOX_STATE] = AMPHI_OUTBOX_EXPIRED;
    return AMPHI_OK;
}

/* Under the lock. */
static amphi_status change_any(
    amphi_store_memory *store, const amphi_store_outbox_change *change, amphi_error *error)
{
    amphi_entry **link = amphi__list_find(&store->outbox, OUTBOX_ID, change->id);
    bool is_told = change->kind == AMPHI_OUTBOX_CHANGE_REPORTED;
    if (link == NULL || (!is_told && (*link)->numbers[OUTBOX_STATE] == AMPHI_OUTBOX_SENT))
        return not_found(error);
    int64_t *numbers = (*link)->numbers;
    if (is_told) {
        int64_t reported = change->state == AMPHI_OUTBOX_QUEUED ? 1 : 2;
        numbers[OUTBOX_REPORTED] =
            numbers[OUTBOX_REPORTED] > reported ? numbers[OUTBOX_REPORTED] : reported;
        if (reported < 2 || numbers[OUTBOX_STATE] != AMPHI_OUTBOX_SENT)
            return AMPHI_OK;
    }
    if (change->kind == AMPHI_OUTBOX_CHANGE_COLLECT && numbers[OUTBOX_STATE] == AMPHI_OUTBOX_QUEUED)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "outbox: the entry still waits: cancel it instead");
    amphi__entry_free(amphi__list_unlink(&store->outbox, link));
    return AMPHI_OK;
}

amphi_status amphi__memory_outbox_change(
    void *self, const amphi_store_outbox_change *given, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_outbox_change own;
    amphi_status status = amphi__read_outbox_change(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    status = own.kind <= AMPHI_OUTBOX_CHANGE_EXPIRED ? change_leased(store, &own, error)
                                                     : change_any(store, &own, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}

amphi_status amphi__memory_outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error)
{
    amphi_store_memory *store = self;
    int64_t pause_ms = not_before_ms - amphi__clock_wall_ms(store->clock);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = find_leased(store, id, amphi_str_make(NULL, 0));
    if (found != NULL) {
        int64_t *numbers = (*found)->numbers;
        numbers[OUTBOX_LEASE] = 0;
        numbers[OUTBOX_PAUSE] = amphi__store_boot_ms(store->clock) + (pause_ms > 0 ? pause_ms : 0);
        numbers[OUTBOX_ATTEMPTS]++;
        numbers[OUTBOX_TRIED] = ++store->last_id;
    }
    amphi__mutex_unlock(&store->lock);
    return found != NULL ? AMPHI_OK : not_found(error);
}

amphi_status amphi__memory_outbox_remove(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_memory *store = self;
    const amphi_store_outbox_change cancel = {.id = id, .kind = AMPHI_OUTBOX_CHANGE_CANCEL};
    amphi__mutex_lock(&store->lock);
    amphi_status status = change_any(store, &cancel, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}

/* ---- Listing, and events ---- */

/* Everything, or what waits in one conversation. */
static bool is_listed(const amphi_entry *at, const amphi_str *conversation)
{
    int64_t state = at->numbers[OUTBOX_STATE];
    if (conversation == NULL)
        return state != AMPHI_OUTBOX_SENT;
    return state == AMPHI_OUTBOX_QUEUED &&
           amphi__str_equal(*conversation, at->strings[OUTBOX_CONVERSATION]);
}

static amphi_status visit_pages(amphi_store_memory *store, const amphi_str *conversation,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
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
            if (at->numbers[OUTBOX_SEQ] > last && is_listed(at, conversation)) {
                outbox_copy(store, &page, at, "", at->numbers[OUTBOX_STATE], conversation == NULL);
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

amphi_status amphi__memory_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    return visit_pages(self, NULL, visit, user, error);
}

amphi_status amphi__memory_outbox_waiting(void *self, amphi_str conversation_id,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    return visit_pages(self, &conversation_id, visit, user, error);
}

/* See outbox.c: an entry that is only held is no queued one yet. */
static bool has_event(const amphi_entry *at, int64_t now_ms)
{
    const int64_t *numbers = at->numbers;
    bool is_done = numbers[OUTBOX_STATE] != AMPHI_OUTBOX_QUEUED;
    if (numbers[OUTBOX_REPORTED] == 0)
        return is_done || numbers[OUTBOX_ATTEMPTS] > 0 || numbers[OUTBOX_PAUSE] <= now_ms;
    return numbers[OUTBOX_REPORTED] == 1 && is_done;
}

amphi_status amphi__memory_outbox_event(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_rows row;
    int64_t seq = 0;
    int64_t now_ms = amphi__store_boot_ms(store->clock);
    amphi_status status = AMPHI_OK;
    amphi__rows_init(&row);
    amphi__mutex_lock(&store->lock);
    const amphi_entry *at = store->outbox.first;
    while (at != NULL && !has_event(at, now_ms))
        at = at->next;
    if (at != NULL) {
        outbox_copy(store, &row, at, "",
            at->numbers[OUTBOX_REPORTED] == 0 ? AMPHI_OUTBOX_QUEUED : at->numbers[OUTBOX_STATE],
            true);
        (void)amphi__rows_end(&row);
    }
    amphi__mutex_unlock(&store->lock);
    if (at == NULL)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: no event");
    else if (row.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else
        (void)amphi__visit_outbox_items(&row, visit, user, &seq);
    amphi__rows_clear(&row);
    return status;
}
