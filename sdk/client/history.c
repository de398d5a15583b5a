/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls on history, outbox and response cache, passed to the client's store.
 */
#include "sdk/client/background.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/history.h>

static amphi_status check_client(const amphi_client *client, bool visit, amphi_error *error)
{
    amphi__error_clear(error);
    if (client != NULL && visit)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or visit is NULL");
}

typedef struct conversation_relay {
    amphi_history_conversation_fn *visit;
    void *user;
} conversation_relay;

/* An item without a size is left out: its store breaks the rule of amphi/types.h. */
static bool relay_conversation(void *opaque, const amphi_history_conversation *item)
{
    const conversation_relay *to = opaque;
    amphi_history_conversation own;
    return AMPHI__SIZED_READ_KNOWN(&own, item, "item", NULL) != AMPHI_OK ||
           to->visit(to->user, &own);
}

amphi_status amphi_history_conversations(
    amphi_client *client, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = check_client(client, visit != NULL, error);
    if (status != AMPHI_OK)
        return status;
    conversation_relay to = {visit, user};
    return client->store.ops->conversations(client->store.self, relay_conversation, &to, error);
}

typedef struct relay {
    amphi_history_message_fn *visit;
    void *user;
} relay;

static bool relay_row(void *opaque, const amphi_store_row *source)
{
    const relay *to = opaque;
    amphi_store_row row;
    if (AMPHI__SIZED_READ_KNOWN(&row, source, "row", NULL) != AMPHI_OK)
        return true; /* left out, as above */
    amphi_history_message item = {
        .struct_size = sizeof item,
        .id = row.id,
        .role = row.message.role,
        .content = row.message.content,
        .created_ms = row.created_ms,
        .route = row.message.route,
        .model = row.message.model,
        .decision_json = row.message.decision_json,
        .privacy = row.privacy,
        .state = row.state,
    };
    return to->visit(to->user, &item);
}

/* Of a store without `rows`. */
static bool relay_message(
    void *opaque, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    amphi_store_row row;
    amphi_store_row_init(&row);
    row.id = id;
    row.created_ms = created_ms;
    row.message = *message;
    return relay_row(opaque, &row);
}

amphi_status amphi_history_messages(amphi_client *client, amphi_str conversation_id,
    amphi_history_message_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = check_client(client, visit != NULL, error);
    if (status != AMPHI_OK)
        return status;
    amphi_store store = client->store;
    relay to = {visit, user};
    amphi_store_row_query query;
    if (store.ops->rows == NULL)
        return store.ops->messages(store.self, conversation_id, relay_message, &to, error);
    amphi_store_row_query_init(&query);
    query.conversation_id = conversation_id;
    return store.ops->rows(store.self, &query, relay_row, &to, error);
}

amphi_status amphi_history_delete(
    amphi_client *client, amphi_str conversation_id, amphi_error *error)
{
    amphi_status status = check_client(client, true, error);
    if (status != AMPHI_OK)
        return status;
    return client->store.ops->conversation_delete(client->store.self, conversation_id, error);
}

typedef struct outbox_relay {
    amphi_outbox_entry_fn *visit;
    void *user;
    uint32_t count;
} outbox_relay;

static bool relay_outbox(void *opaque, const amphi_store_outbox_item *source)
{
    outbox_relay *to = opaque;
    amphi_store_outbox_item own;
    const amphi_store_outbox_item *item = &own;
    if (AMPHI__SIZED_READ_KNOWN(&own, source, "item", NULL) != AMPHI_OK)
        return true;
    to->count++;
    if (to->visit == NULL)
        return true;
    amphi_outbox_entry entry = {
        .struct_size = sizeof entry,
        .id = item->id,
        .conversation_id = item->conversation_id,
        .created_ms = item->created_ms,
        .attempts = item->attempts,
        .is_being_sent = item->is_leased,
        .not_before_ms = item->not_before_ms,
    };
    return to->visit(to->user, &entry);
}

amphi_status amphi_outbox_entries(
    amphi_client *client, amphi_outbox_entry_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = check_client(client, visit != NULL, error);
    if (status != AMPHI_OK)
        return status;
    outbox_relay to = {visit, user, 0};
    return client->store.ops->outbox_entries(client->store.self, relay_outbox, &to, error);
}

amphi_status amphi_outbox_flush(
    amphi_client *client, uint32_t timeout_ms, uint32_t *left_out, amphi_error *error)
{
    amphi_status status = check_client(client, true, error);
    if (status != AMPHI_OK)
        return status;
    amphi__background_flush(client->background, timeout_ms);
    outbox_relay to = {NULL, NULL, 0};
    status = client->store.ops->outbox_entries(client->store.self, relay_outbox, &to, error);
    if (left_out != NULL)
        *left_out = to.count;
    return status;
}

amphi_status amphi_cache_clear(amphi_client *client, amphi_error *error)
{
    amphi_status status = check_client(client, true, error);
    return status == AMPHI_OK ? amphi__response_cache_clear(client->cache, error) : status;
}
