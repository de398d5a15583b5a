/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls that delete. The store takes every copy it has; what the client holds of the
 * response cache in memory is forgotten here.
 */
#include "sdk/client/history_erase.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/history.h>

/* A store of the app without erase still deletes a conversation; its receipt is empty. */
static amphi_status erase_by_older_store(amphi_store store, const amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error)
{
    if (what->conversation_id.size == 0 || what->message_id != 0)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "history: the app's store has no erase");
    receipt->erased_ms = what->now_ms;
    return store.ops->conversation_delete(store.self, what->conversation_id, error);
}

static void note_key(void *user, const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    if (amphi__response_cache_is_shared_key(key))
        amphi__buf_append(user, key, AMPHI_CACHE_KEY_BYTES);
}

static amphi_status erase_with_shared(amphi_client *client, amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_buf keys;
    const amphi_store store = client->store;
    amphi__buf_init(&keys, 0);
    what->visit_key = note_key;
    what->user = &keys;
    amphi_status status = store.ops->erase(store.self, what, receipt, error);
    if (status == AMPHI_OK && keys.size > 0)
        amphi__response_cache_remove_shared(
            client->cache, &keys, &receipt->shared_count, &receipt->shared_left_count);
    if (keys.status != AMPHI_OK) /* some keys found no room */
        receipt->shared_left_count++;
    amphi__buf_clear(&keys);
    return status;
}

amphi_status amphi__history_erase(amphi_client *client, amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_history_receipt own;
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_status status = receipt != NULL
                              ? AMPHI__SIZED_CHECK(amphi_history_receipt, receipt, "receipt", error)
                              : AMPHI_OK;
    if (status != AMPHI_OK)
        return status;
    const amphi_store store = client->store;
    amphi_history_receipt_init(&own);
    what->now_ms = amphi__clock_wall_ms(client->clock);
    /* Before and after: what an answer's end puts there meanwhile is not kept either. */
    amphi__response_cache_forget(client->cache);
    status = store.ops->erase != NULL ? erase_with_shared(client, what, &own, error)
                                      : erase_by_older_store(store, what, &own, error);
    amphi__response_cache_forget(client->cache);
    if (status == AMPHI_OK && receipt != NULL)
        AMPHI__SIZED_WRITE(receipt, &own);
    return status;
}

amphi_status amphi_history_erase(amphi_client *client, amphi_str conversation_id,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_store_erasure what;
    amphi_store_erasure_init(&what);
    what.conversation_id = conversation_id;
    amphi__error_clear(error);
    if (conversation_id.size == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "conversation_id: empty");
    return amphi__history_erase(client, &what, receipt, error);
}

amphi_status amphi_history_delete(
    amphi_client *client, amphi_str conversation_id, amphi_error *error)
{
    return amphi_history_erase(client, conversation_id, NULL, error);
}

amphi_status amphi_history_erase_message(amphi_client *client, amphi_str conversation_id,
    int64_t message_id, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_store_erasure what;
    amphi_store_erasure_init(&what);
    what.conversation_id = conversation_id;
    what.message_id = message_id;
    amphi__error_clear(error);
    if (conversation_id.size == 0 || message_id <= 0)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "conversation_id: empty, or message_id: not positive");
    return amphi__history_erase(client, &what, receipt, error);
}

amphi_status amphi_history_erase_all(
    amphi_client *client, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_store_erasure what;
    amphi_store_erasure_init(&what);
    what.everything = true;
    return amphi__history_erase(client, &what, receipt, error);
}

static bool ignore(void *user, const amphi_history_conversation *item)
{
    (void)user;
    (void)item;
    return false;
}

bool amphi__history_was_erased(amphi_client *client, amphi_str conversation_id, int64_t epoch)
{
    amphi_history_query query;
    int64_t now = 0;
    const amphi_store store = client->store;
    if (epoch == 0 || store.ops->erasure_epoch == NULL || store.ops->list == NULL ||
        store.ops->erasure_epoch(store.self, &now, NULL) != AMPHI_OK || now == epoch)
        return false;
    amphi_history_query_init(&query);
    query.conversation_id = conversation_id;
    return store.ops->list(store.self, &query, ignore, NULL, NULL) == AMPHI_E_NOT_FOUND;
}
