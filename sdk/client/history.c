/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls on outbox and response cache, passed to the client's store. Those on the
 * conversations: history_list.c, history_erase.c.
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
