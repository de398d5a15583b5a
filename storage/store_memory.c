/* SPDX-License-Identifier: Apache-2.0
 *
 * The store without a disk, for builds with AMPHI_STORE=memory: the same contract as the encrypted
 * one as long as the process lives, and nothing afterwards. Plain lists, oldest first; a look-up
 * walks them. One mutex; visitors get copies, outside of it. What is freed is overwritten first.
 */
#include "storage/rows.h"
#include "storage/store_checks.h"
#include "storage/store_memory_ledger.h"
#include "storage/store_memory_list.h"
#include "storage/stores.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

/* Which number and string is what, per list. */
enum { CONVERSATION_SEQ, CONVERSATION_UPDATED, CONVERSATION_COUNT };
enum { CONVERSATION_ID, CONVERSATION_TITLE };
enum {
    MESSAGE_CONVERSATION,
    MESSAGE_ID,
    MESSAGE_CREATED,
    MESSAGE_IS_JSON,
    MESSAGE_PROMPT,
    MESSAGE_COMPLETION,
    MESSAGE_CACHED
};
enum {
    MESSAGE_ROLE,
    MESSAGE_CONTENT,
    MESSAGE_EXTRA,
    MESSAGE_ROUTE,
    MESSAGE_MODEL,
    MESSAGE_DECISION
};
enum { OUTBOX_SEQ, OUTBOX_CREATED, OUTBOX_ATTEMPTS, OUTBOX_NOT_BEFORE, OUTBOX_LEASE };
enum { OUTBOX_ID, OUTBOX_CONVERSATION, OUTBOX_REQUEST };
enum { CACHE_EXPIRES };
enum { CACHE_KEY, CACHE_VALUE };
enum { SETTING_NAME, SETTING_VALUE };

typedef struct store_memory {
    amphi_mutex lock; /* guards everything below */
    amphi_store_limits limits;
    amphi_log log;
    uint8_t master[32];
    int64_t last_id; /* of conversations, messages and outbox entries alike */
    amphi_list conversations, messages, outbox, settings, ledger;
    amphi_list cache; /* least recently used first */
    uint64_t cache_bytes;
} store_memory;

/* ---- History ---- */

static amphi_entry *message_entry(const amphi_store_message *message, int64_t now_ms)
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
    made->numbers[MESSAGE_CREATED] = now_ms;
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

static amphi_status prepare(prepared_turn *out, store_memory *store, const amphi_store_turn *turn,
    amphi_str title, amphi_error *error)
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
        amphi_entry *message = message_entry(&turn->messages[i], turn->now_ms);
        if (message == NULL)
            return amphi__fail_no_memory(error);
        amphi__list_append(&out->messages, message);
    }
    return AMPHI_OK;
}

/* Nothing in here can fail. */
static void put_turn(store_memory *store, prepared_turn *turn)
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

static amphi_status turn_append(void *self, const amphi_store_turn *given, amphi_error *error)
{
    store_memory *store = self;
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

/* Messages of the conversation after `after`; *more: the page was too small. */
static amphi_status copy_messages(store_memory *store, int64_t conversation, int64_t after,
    amphi_rows *page, bool *more, amphi_error *error)
{
    *more = false;
    for (amphi_entry *at = store->messages.first; at != NULL && !*more; at = at->next) {
        if (at->numbers[MESSAGE_CONVERSATION] != conversation || at->numbers[MESSAGE_ID] <= after)
            continue;
        for (int i = MESSAGE_ID; i <= MESSAGE_CACHED; i++)
            amphi__rows_put_int(page, at->numbers[i]);
        for (int i = 0; i < AMPHI_ENTRY_STRINGS; i++)
            amphi__rows_put_str(page, at->strings[i]);
        *more = !amphi__rows_end(page);
    }
    return page->bytes.status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

static bool visit_messages(
    amphi_rows *page, amphi_store_message_fn *visit, void *user, int64_t *last)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < page->count; i++) {
        amphi_store_message message = {.content_is_json = false};
        *last = amphi__rows_take_int(page);
        int64_t created_ms = amphi__rows_take_int(page);
        message.content_is_json = amphi__rows_take_int(page) != 0;
        message.usage.prompt_tokens = (uint32_t)amphi__rows_take_int(page);
        message.usage.completion_tokens = (uint32_t)amphi__rows_take_int(page);
        message.usage.cached_tokens = (uint32_t)amphi__rows_take_int(page);
        message.role = amphi__rows_take_str(page);
        message.content = amphi__rows_take_str(page);
        message.extra_json = amphi__rows_take_str(page);
        message.route = amphi__rows_take_str(page);
        message.model = amphi__rows_take_str(page);
        message.decision_json = amphi__rows_take_str(page);
        go_on = visit(user, &message, *last, created_ms);
    }
    return go_on;
}

static amphi_status messages(void *self, amphi_str conversation_id, amphi_store_message_fn *visit,
    void *user, amphi_error *error)
{
    store_memory *store = self;
    amphi_rows page;
    int64_t seq = 0, last = 0;
    bool more = true;
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && more) {
        amphi__rows_reset(&page);
        amphi__mutex_lock(&store->lock);
        amphi_entry **found =
            amphi__list_find(&store->conversations, CONVERSATION_ID, conversation_id);
        if (seq == 0 && found == NULL)
            status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
        else if (seq == 0)
            seq = (*found)->numbers[CONVERSATION_SEQ];
        if (status == AMPHI_OK)
            status = copy_messages(store, seq, last, &page, &more, error);
        amphi__mutex_unlock(&store->lock);
        if (status == AMPHI_OK && !visit_messages(&page, visit, user, &last))
            more = false;
    }
    amphi__rows_clear(&page);
    return status;
}

/* The newest conversation that is older than (updated_ms, seq), or NULL. */
static amphi_entry *next_older(store_memory *store, int64_t updated_ms, int64_t seq)
{
    amphi_entry *best = NULL;
    for (amphi_entry *at = store->conversations.first; at != NULL; at = at->next) {
        int64_t when = at->numbers[CONVERSATION_UPDATED], id = at->numbers[CONVERSATION_SEQ];
        bool older = when < updated_ms || (when == updated_ms && id < seq);
        if (older && (best == NULL || when > best->numbers[CONVERSATION_UPDATED] ||
                         (when == best->numbers[CONVERSATION_UPDATED] &&
                             id > best->numbers[CONVERSATION_SEQ])))
            best = at;
    }
    return best;
}

static amphi_status conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    store_memory *store = self;
    amphi_rows row;
    int64_t updated_ms = INT64_MAX, seq = INT64_MAX;
    amphi__rows_init(&row);
    amphi_status status = AMPHI_OK;
    bool go_on = true;
    while (status == AMPHI_OK && go_on) {
        amphi__rows_reset(&row);
        amphi__mutex_lock(&store->lock);
        amphi_entry *next = next_older(store, updated_ms, seq);
        if (next != NULL) {
            for (int i = 0; i <= CONVERSATION_COUNT; i++)
                amphi__rows_put_int(&row, next->numbers[i]);
            amphi__rows_put_str(&row, next->strings[CONVERSATION_ID]);
            amphi__rows_put_str(&row, next->strings[CONVERSATION_TITLE]);
        }
        amphi__mutex_unlock(&store->lock);
        if (next == NULL)
            break;
        if (row.bytes.status != AMPHI_OK) {
            status = amphi__fail_no_memory(error);
            break;
        }
        amphi_history_conversation item;
        amphi_history_conversation_init(&item);
        seq = amphi__rows_take_int(&row);
        updated_ms = item.updated_ms = amphi__rows_take_int(&row);
        item.messages_count = (uint64_t)amphi__rows_take_int(&row);
        item.id = amphi__rows_take_str(&row);
        item.title = amphi__rows_take_str(&row);
        go_on = visit(user, &item);
    }
    amphi__rows_clear(&row);
    return status;
}

static amphi_status conversation_delete(void *self, amphi_str id, amphi_error *error)
{
    store_memory *store = self;
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

/* ---- Cache ---- */

static void cache_drop(store_memory *store, amphi_entry **link)
{
    amphi_entry *old = amphi__list_unlink(&store->cache, link);
    store->cache_bytes -= old->strings[CACHE_VALUE].size;
    amphi__entry_free(old);
}

static amphi_status cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], int64_t now_ms,
    amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    store_memory *store = self;
    amphi_rows copy;
    amphi_status status = AMPHI_OK;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(
        &store->cache, CACHE_KEY, amphi_str_make((const char *)key, AMPHI_CACHE_KEY_BYTES));
    if (found == NULL || (*found)->numbers[CACHE_EXPIRES] <= now_ms) {
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "cache: not there");
    } else {
        amphi_entry *used = amphi__list_unlink(&store->cache, found);
        amphi__list_append(&store->cache, used);
        amphi__rows_put_str(&copy, used->strings[CACHE_VALUE]);
        if (copy.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
    }
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK)
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

static amphi_status cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value,
    int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    store_memory *store = self;
    amphi_status status = amphi__check_cache_value(&store->limits, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str strings[] = {amphi_str_make((const char *)key, AMPHI_CACHE_KEY_BYTES), value};
    amphi_entry *made = amphi__entry_new(strings, 2);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    made->numbers[CACHE_EXPIRES] = expires_ms;
    amphi__mutex_lock(&store->lock);
    for (amphi_entry **link = &store->cache.first; *link != NULL;)
        if ((*link)->numbers[CACHE_EXPIRES] <= now_ms ||
            amphi__str_equal((*link)->strings[CACHE_KEY], strings[CACHE_KEY]))
            cache_drop(store, link);
        else
            link = &(*link)->next;
    amphi__list_append(&store->cache, made);
    store->cache_bytes += value.size;
    while (store->cache.count > store->limits.cache_entries ||
           store->cache_bytes > store->limits.cache_bytes)
        cache_drop(store, &store->cache.first);
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}

static amphi_status cache_clear(void *self, amphi_error *error)
{
    store_memory *store = self;
    (void)error;
    amphi__mutex_lock(&store->lock);
    amphi__list_clear(&store->cache);
    store->cache_bytes = 0;
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}

/* ---- Outbox ---- */

static void outbox_drop_old(store_memory *store, int64_t now_ms)
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

static amphi_status outbox_add(void *self, const amphi_store_outbox_item *given, amphi_error *error)
{
    store_memory *store = self;
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
static bool is_leased(const store_memory *store, const amphi_entry *at, int64_t now_ms)
{
    int64_t lease = at->numbers[OUTBOX_LEASE];
    return lease > now_ms && lease <= now_ms + store->limits.outbox_age_ms;
}

static void outbox_copy(const store_memory *store, amphi_rows *rows, const amphi_entry *at)
{
    amphi__rows_put_int(rows, at->numbers[OUTBOX_SEQ]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_CREATED]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_ATTEMPTS]);
    amphi__rows_put_int(rows, at->numbers[OUTBOX_NOT_BEFORE]);
    amphi__rows_put_int(rows, is_leased(store, at, amphi__clock_wall_ms(NULL)));
    for (int i = 0; i <= OUTBOX_REQUEST; i++)
        amphi__rows_put_str(rows, at->strings[i]);
}

static bool outbox_visit(amphi_rows *rows, amphi_store_outbox_fn *visit, void *user, int64_t *seq)
{
    amphi_store_outbox_item item = {.struct_size = sizeof item};
    *seq = amphi__rows_take_int(rows);
    item.created_ms = amphi__rows_take_int(rows);
    item.attempts = (uint32_t)amphi__rows_take_int(rows);
    item.not_before_ms = amphi__rows_take_int(rows);
    item.is_leased = amphi__rows_take_int(rows) != 0;
    item.id = amphi__rows_take_str(rows);
    item.conversation_id = amphi__rows_take_str(rows);
    item.request_json = amphi__rows_take_str(rows);
    return visit(user, &item);
}

/* See outbox.c for the rules: the first of its conversation, not leased, not pausing. */
static amphi_entry *outbox_next(store_memory *store, int64_t now_ms)
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

static amphi_status outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    store_memory *store = self;
    amphi_rows copy;
    amphi_status status = AMPHI_OK;
    int64_t lease = lease_ms, seq;
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
        if (copy.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
        else
            next->numbers[OUTBOX_LEASE] = now_ms + lease;
    }
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK)
        outbox_visit(&copy, visit, user, &seq);
    amphi__rows_clear(&copy);
    return status;
}

static amphi_status outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error)
{
    store_memory *store = self;
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

static amphi_status outbox_remove(void *self, amphi_str id, amphi_error *error)
{
    store_memory *store = self;
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->outbox, OUTBOX_ID, id);
    if (found != NULL)
        amphi__entry_free(amphi__list_unlink(&store->outbox, found));
    amphi__mutex_unlock(&store->lock);
    return found != NULL ? AMPHI_OK
                         : amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: no such entry");
}

static amphi_status outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    store_memory *store = self;
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
        for (size_t i = 0; status == AMPHI_OK && i < page.count; i++) {
            if (!outbox_visit(&page, visit, user, &last)) {
                more = false;
                break;
            }
        }
    }
    amphi__rows_clear(&page);
    return status;
}

/* ---- Settings and keys ---- */

static amphi_status setting_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    store_memory *store = self;
    amphi_rows copy;
    amphi_status status = AMPHI_OK;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->settings, SETTING_NAME, name);
    if (found != NULL)
        amphi__rows_put_str(&copy, (*found)->strings[SETTING_VALUE]);
    amphi__mutex_unlock(&store->lock);
    if (found == NULL)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "settings: no such name");
    else if (copy.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

static amphi_status setting_put(void *self, amphi_str name, amphi_str value, amphi_error *error)
{
    store_memory *store = self;
    amphi_status status = amphi__check_setting(name, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str strings[] = {name, value};
    amphi_entry *made = amphi__entry_new(strings, 2);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->settings, SETTING_NAME, name);
    if (found != NULL)
        amphi__entry_free(amphi__list_unlink(&store->settings, found));
    amphi__list_append(&store->settings, made);
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}

static amphi_status derive_key(void *self, amphi_str purpose, uint8_t out[32], amphi_error *error)
{
    store_memory *store = self;
    amphi_status status = amphi__hkdf_sha256(store->master, purpose, out);
    return status == AMPHI_OK ? status : amphi__fail(error, status, 0, "store: HKDF failed");
}

/* ---- Ledger ---- */

static amphi_status ledger_add(
    void *self, const amphi_store_start *given, int64_t *id, amphi_error *error)
{
    store_memory *store = self;
    amphi_store_start own;
    const amphi_store_start *start = &own;
    amphi_status status = amphi__read_start(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    *id = ++store->last_id;
    status = amphi__memory_ledger_add(&store->ledger, start, *id, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}

static amphi_status ledger_set(void *self, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error)
{
    store_memory *store = self;
    amphi__mutex_lock(&store->lock);
    amphi_status status =
        amphi__memory_ledger_set(&store->ledger, id, phase, outcome, now_ms, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}

static amphi_status ledger_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    store_memory *store = self;
    amphi_rows rows;
    amphi__rows_init(&rows);
    amphi__mutex_lock(&store->lock);
    amphi__memory_ledger_copy(&store->ledger, fingerprint, since_ms, &rows);
    amphi__mutex_unlock(&store->lock);
    amphi_status status = AMPHI_OK;
    if (rows.bytes.status == AMPHI_OK)
        amphi__memory_ledger_visit(&rows, visit, user);
    else
        status = amphi__fail_no_memory(error);
    amphi__rows_clear(&rows);
    return status;
}

static void store_free(void *self)
{
    store_memory *store = self;
    if (store == NULL)
        return;
    amphi__list_clear(&store->conversations);
    amphi__list_clear(&store->messages);
    amphi__list_clear(&store->outbox);
    amphi__list_clear(&store->settings);
    amphi__list_clear(&store->ledger);
    amphi__list_clear(&store->cache);
    amphi__wipe(store->master, sizeof store->master);
    amphi__mutex_clear(&store->lock);
    amphi__free(store);
}

static const amphi_store_ops memory_ops = {
    .struct_size = sizeof(amphi_store_ops),
    .name = "memory",
    .turn_append = turn_append,
    .messages = messages,
    .conversations = conversations,
    .conversation_delete = conversation_delete,
    .cache_get = cache_get,
    .cache_put = cache_put,
    .cache_clear = cache_clear,
    .outbox_add = outbox_add,
    .outbox_claim = outbox_claim,
    .outbox_release = outbox_release,
    .outbox_remove = outbox_remove,
    .outbox_entries = outbox_entries,
    .setting_get = setting_get,
    .setting_put = setting_put,
    .derive_key = derive_key,
    .free = store_free,
    .ledger_add = ledger_add,
    .ledger_set = ledger_set,
    .ledger_list = ledger_list,
};

amphi_status amphi__store_memory_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    store_memory *store = amphi__calloc(1, sizeof *store);
    if (store == NULL)
        return amphi__fail_no_memory(error);
    store->limits = amphi__store_limits(options);
    store->log = options->log;
    amphi_status status = amphi__mutex_init(&store->lock);
    if (status != AMPHI_OK) {
        amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = amphi__random(store->master, sizeof store->master);
    if (status != AMPHI_OK) {
        amphi__fail(error, status, 0, "store: no random numbers");
        goto cleanup;
    }
    *out = (amphi_store){.ops = &memory_ops, .self = store};
    store = NULL; /* the caller owns it now */
cleanup:
    store_free(store);
    return status;
}
