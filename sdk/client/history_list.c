/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls that list conversations, read their messages and change what the list shows,
 * passed to the client's store. A store of the app may lack the newer entries: it then shows all of
 * its conversations, and its messages from the oldest on.
 */
#include "sdk/client/client.h"
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

static amphi_status fail_unsupported(amphi_error *error)
{
    return amphi__fail(
        error, AMPHI_E_UNSUPPORTED, 0, "history: the app's store has no list, change or rows");
}

amphi_status amphi_history_health(amphi_client *client, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->store.ops->health == NULL)
        return AMPHI_OK;
    return client->store.ops->health(client->store.self, error);
}

/* ---- Conversations ---- */

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

amphi_status amphi_history_list(amphi_client *client, const amphi_history_query *given,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    amphi_history_query query;
    amphi_status status = check_client(client, visit != NULL, error);
    if (status != AMPHI_OK)
        return status;
    amphi_history_query_init(&query);
    if (given != NULL)
        status = AMPHI__SIZED_READ(amphi_history_query, &query, given, "query", error);
    if (status != AMPHI_OK)
        return status;
    const amphi_store store = client->store;
    conversation_relay to = {visit, user};
    if (store.ops->list != NULL)
        return store.ops->list(store.self, &query, relay_conversation, &to, error);
    return given == NULL ? store.ops->conversations(store.self, relay_conversation, &to, error)
                         : fail_unsupported(error);
}

amphi_status amphi_history_conversations(
    amphi_client *client, amphi_history_conversation_fn *visit, void *user, amphi_error *error)
{
    return amphi_history_list(client, NULL, visit, user, error);
}

/* ---- Messages ---- */

typedef struct message_relay {
    amphi_history_message_fn *visit;
    void *user;
} message_relay;

static bool relay_row(void *opaque, const amphi_store_row *given)
{
    const message_relay *to = opaque;
    amphi_store_row row;
    if (AMPHI__SIZED_READ_KNOWN(&row, given, "row", NULL) != AMPHI_OK)
        return true;
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
        .content_is_json = row.message.content_is_json,
        .extra_json = row.message.extra_json,
    };
    return to->visit(to->user, &item);
}

static bool relay_message(
    void *opaque, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    amphi_store_row row = {
        .struct_size = sizeof row, .id = id, .created_ms = created_ms, .message = *message};
    return relay_row(opaque, &row);
}

amphi_status amphi_history_read(amphi_client *client, const amphi_history_message_query *given,
    amphi_history_message_fn *visit, void *user, amphi_error *error)
{
    amphi_history_message_query query;
    amphi_status status = check_client(client, visit != NULL, error);
    if (status == AMPHI_OK)
        status = AMPHI__SIZED_READ(amphi_history_message_query, &query, given, "query", error);
    if (status != AMPHI_OK)
        return status;
    const amphi_store store = client->store;
    message_relay to = {visit, user};
    amphi_store_row_query rows = {
        .struct_size = sizeof rows,
        .conversation_id = query.conversation_id,
        .newest_first = query.newest_first,
        .from_id = query.from_id,
        .limit = query.limit,
    };
    if (store.ops->rows != NULL)
        return store.ops->rows(store.self, &rows, relay_row, &to, error);
    bool is_whole = !query.newest_first && query.from_id == 0 && query.limit == 0;
    return is_whole
               ? store.ops->messages(store.self, query.conversation_id, relay_message, &to, error)
               : fail_unsupported(error);
}

amphi_status amphi_history_messages(amphi_client *client, amphi_str conversation_id,
    amphi_history_message_fn *visit, void *user, amphi_error *error)
{
    amphi_history_message_query query;
    amphi_history_message_query_init(&query);
    query.conversation_id = conversation_id;
    return amphi_history_read(client, &query, visit, user, error);
}

/* ---- Changing ---- */

static amphi_status change(
    amphi_client *client, const amphi_store_change *change, amphi_error *error)
{
    amphi_status status = check_client(client, true, error);
    if (status != AMPHI_OK)
        return status;
    const amphi_store store = client->store;
    return store.ops->change != NULL ? store.ops->change(store.self, change, error)
                                     : fail_unsupported(error);
}

amphi_status amphi_history_rename(
    amphi_client *client, amphi_str conversation_id, amphi_str title, amphi_error *error)
{
    amphi_store_change to = {.struct_size = sizeof to,
        .conversation_id = conversation_id,
        .sets_title = true,
        .title = title};
    return change(client, &to, error);
}

amphi_status amphi_history_pin(
    amphi_client *client, amphi_str conversation_id, bool pinned, amphi_error *error)
{
    amphi_store_change to = {.struct_size = sizeof to,
        .conversation_id = conversation_id,
        .sets_pinned = true,
        .is_pinned = pinned};
    return change(client, &to, error);
}

amphi_status amphi_history_archive(
    amphi_client *client, amphi_str conversation_id, bool archived, amphi_error *error)
{
    amphi_store_change to = {.struct_size = sizeof to,
        .conversation_id = conversation_id,
        .sets_archived = true,
        .is_archived = archived};
    return change(client, &to, error);
}
