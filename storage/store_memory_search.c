/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching the memory store: every message is read, newest first. The list is in the order of its
 * ids and has no way back, so it is noted first.
 */
#include "storage/search_hits.h"
#include "storage/store_memory_history.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

typedef struct finder {
    const amphi_store_memory *store;
    amphi_search_query query;
    amphi_search_judge judge;
    int64_t conversation; /* its number; 0: all */
    amphi_rows hits;
} finder;

static const amphi_entry *conversation_of(const finder *f, int64_t seq)
{
    const amphi_entry *at = f->store->conversations.first;
    while (at != NULL && at->numbers[CONVERSATION_SEQ] != seq)
        at = at->next;
    return at;
}

static amphi_status judge_message(finder *f, const amphi_entry *message)
{
    bool hit = false;
    int64_t seq = message->numbers[MESSAGE_CONVERSATION];
    if (message->numbers[MESSAGE_ID] >= f->query.before_id ||
        (f->conversation != 0 && seq != f->conversation))
        return AMPHI_OK;
    amphi_status status = amphi__search_judge_message(
        &f->judge, message->strings[MESSAGE_CONTENT], message->numbers[MESSAGE_IS_JSON] != 0, &hit);
    const amphi_entry *conversation = hit ? conversation_of(f, seq) : NULL;
    if (status != AMPHI_OK || conversation == NULL)
        return status;
    amphi__search_put_hit(&f->hits, &f->judge.snippet, message->numbers[MESSAGE_ID],
        conversation->strings[CONVERSATION_ID], conversation->strings[CONVERSATION_TITLE],
        message->strings[MESSAGE_ROLE], message->numbers[MESSAGE_CREATED]);
    return f->hits.bytes.status;
}

/* Under the lock. AMPHI_OK, AMPHI_E_NO_MEMORY, AMPHI_E_NOT_FOUND. */
static amphi_status search_all(finder *f, amphi_store_memory *store)
{
    amphi_str id = f->query.conversation_id;
    size_t count = store->messages.count;
    if (id.size > 0) {
        amphi_entry **found = amphi__list_find(&store->conversations, CONVERSATION_ID, id);
        if (found == NULL)
            return AMPHI_E_NOT_FOUND;
        f->conversation = (*found)->numbers[CONVERSATION_SEQ];
    }
    if (count == 0 || f->judge.pieces.count == 0)
        return AMPHI_OK;
    const amphi_entry **all = amphi__calloc(count, sizeof *all);
    if (all == NULL)
        return AMPHI_E_NO_MEMORY;
    size_t at = 0;
    for (const amphi_entry *m = store->messages.first; m != NULL && at < count; m = m->next)
        all[at++] = m;
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && at > 0 && f->hits.count < f->query.limit)
        status = judge_message(f, all[--at]);
    amphi__free(all);
    return status;
}

amphi_status amphi__memory_search(void *self, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    finder *f = amphi__calloc(1, sizeof *f);
    if (f == NULL)
        return amphi__fail_no_memory(error);
    f->store = store;
    amphi__rows_init(&f->hits);
    amphi_status status = amphi__search_read_query(&f->query, query, error);
    if (status == AMPHI_OK)
        status = amphi__search_judge_init(&f->judge, f->query.words, error);
    if (status == AMPHI_OK) {
        amphi__mutex_lock(&store->lock);
        status = search_all(f, store);
        amphi__mutex_unlock(&store->lock);
        if (status == AMPHI_E_NOT_FOUND)
            amphi__fail(error, status, 0, "history: no such conversation");
        else if (status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
    }
    if (status == AMPHI_OK)
        amphi__search_visit_hits(&f->hits, visit, user);
    amphi__search_judge_clear(&f->judge);
    amphi__rows_clear(&f->hits);
    amphi__free(f);
    return status;
}
