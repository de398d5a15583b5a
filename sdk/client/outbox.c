/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls on the outbox, passed to the client's store, and what the client itself does
 * with entries.
 */
#include "sdk/client/outbox.h"

#include "sdk/client/background.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

const char *amphi_outbox_state_name(amphi_outbox_state state)
{
    static const char *const names[] = {"queued", "sent", "expired"};
    return (unsigned)state <= AMPHI_OUTBOX_EXPIRED ? names[state] : "unknown";
}

/* ---- entries as the app sees them ---- */

/* The last message of the user, or nothing. */
static amphi_status put_text(amphi_buf *out, amphi_str request)
{
    amphi_json *body = NULL;
    const amphi_json *content = NULL;
    amphi_status status = amphi__json_parse(&body, request, "request", NULL);
    if (status != AMPHI_OK)
        return status == AMPHI_E_NO_MEMORY ? status : AMPHI_OK;
    const amphi_json *m = amphi__json_first(amphi__json_get(body, "messages"));
    for (; m != NULL; m = amphi__json_next(m))
        if (amphi__str_equal_c(amphi__json_string(amphi__json_get(m, "role")), "user"))
            content = amphi__json_get(m, "content");
    if (amphi__json_is_string(content))
        amphi__buf_append_str(out, amphi__json_string(content));
    else if (content != NULL)
        amphi__json_write(out, content);
    amphi__json_free(body);
    return out->status;
}

amphi_status amphi__outbox_entry_of(
    amphi_outbox_entry *out, const amphi_store_outbox_item *item, amphi_buf *text)
{
    amphi__buf_init(text, 0);
    amphi_status status =
        item->request_json.size > 0 ? put_text(text, item->request_json) : AMPHI_OK;
    *out = (amphi_outbox_entry){
        .struct_size = sizeof *out,
        .id = item->id,
        .conversation_id = item->conversation_id,
        .created_ms = item->created_ms,
        .attempts = item->attempts,
        .is_being_sent = item->is_leased,
        .not_before_ms = item->not_before_ms,
        .state = item->state,
        .reason = item->reason,
        .text = amphi__buf_str(text),
        .request_json = item->request_json,
        .age_ms = item->age_ms,
    };
    return status;
}

typedef struct relay {
    amphi_outbox_entry_fn *visit; /* NULL: only count */
    void *user;
    uint32_t waiting;
    amphi_status status;
} relay;

/* An item without a size is left out: its store breaks the rule of amphi/types.h. */
static bool relay_item(void *opaque, const amphi_store_outbox_item *source)
{
    relay *to = opaque;
    amphi_store_outbox_item item;
    amphi_outbox_entry entry;
    amphi_buf text;
    if (AMPHI__SIZED_READ_KNOWN(&item, source, "item", NULL) != AMPHI_OK)
        return true;
    to->waiting += item.state == AMPHI_OUTBOX_QUEUED;
    if (to->visit == NULL)
        return true;
    to->status = amphi__outbox_entry_of(&entry, &item, &text);
    bool go_on = to->status == AMPHI_OK && to->visit(to->user, &entry);
    amphi__buf_wipe(&text);
    return go_on;
}

static amphi_status check_client(const amphi_client *client, bool visit, amphi_error *error)
{
    amphi__error_clear(error);
    if (client != NULL && visit)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or visit is NULL");
}

amphi_status amphi_outbox_entries(
    amphi_client *client, amphi_outbox_entry_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = check_client(client, visit != NULL, error);
    if (status != AMPHI_OK)
        return status;
    relay to = {visit, user, 0, AMPHI_OK};
    status = client->store.ops->outbox_entries(client->store.self, relay_item, &to, error);
    return status == AMPHI_OK && to.status != AMPHI_OK ? amphi__fail_no_memory(error) : status;
}

amphi_status amphi_outbox_flush(
    amphi_client *client, uint32_t timeout_ms, uint32_t *left_out, amphi_error *error)
{
    amphi_status status = check_client(client, true, error);
    if (status != AMPHI_OK)
        return status;
    amphi__background_flush(client->background, timeout_ms);
    relay to = {NULL, NULL, 0, AMPHI_OK};
    status = client->store.ops->outbox_entries(client->store.self, relay_item, &to, error);
    if (left_out != NULL)
        *left_out = to.waiting;
    return status;
}

/* ---- changes ---- */

static amphi_status change_in_older_store(
    amphi_client *client, const amphi_store_outbox_change *change, amphi_error *error)
{
    amphi_store store = client->store;
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    switch (change->kind) {
    case AMPHI_OUTBOX_CHANGE_RENEW:
    case AMPHI_OUTBOX_CHANGE_REPORTED:
        return AMPHI_OK;
    case AMPHI_OUTBOX_CHANGE_RETURNED:
    case AMPHI_OUTBOX_CHANGE_FAILED:
        return store.ops->outbox_release(store.self, change->id, now_ms, error);
    case AMPHI_OUTBOX_CHANGE_REFUSED:
    case AMPHI_OUTBOX_CHANGE_EXPIRED: /* it can't be kept otherwise */
        return store.ops->outbox_release(
            store.self, change->id, now_ms + (int64_t)change->pause_ms, error);
    case AMPHI_OUTBOX_CHANGE_CANCEL:
        return store.ops->outbox_remove(store.self, change->id, error);
    default:
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "outbox: not in this store");
    }
}

amphi_status amphi__outbox_change(
    amphi_client *client, const amphi_store_outbox_change *change, amphi_error *error)
{
    amphi__error_clear(error);
    if (client->store.ops->outbox_change == NULL)
        return change_in_older_store(client, change, error);
    return client->store.ops->outbox_change(client->store.self, change, error);
}

static amphi_status change_by_app(
    amphi_client *client, amphi_str id, amphi_outbox_change_kind kind, amphi_error *error)
{
    amphi_status status = check_client(client, true, error);
    if (status != AMPHI_OK)
        return status;
    amphi_store_outbox_change change = {.struct_size = sizeof change, .id = id, .kind = kind};
    return amphi__outbox_change(client, &change, error);
}

amphi_status amphi_outbox_cancel(amphi_client *client, amphi_str id, amphi_error *error)
{
    amphi_status status = change_by_app(client, id, AMPHI_OUTBOX_CHANGE_CANCEL, error);
    if (status == AMPHI_OK)
        amphi__background_cancel(client->background, id);
    return status;
}

amphi_status amphi_outbox_collect(amphi_client *client, amphi_str id, amphi_error *error)
{
    return change_by_app(client, id, AMPHI_OUTBOX_CHANGE_COLLECT, error);
}

/* ---- adding ---- */

amphi_status amphi__outbox_add(amphi_client *client, const amphi_request *request, const char *key,
    uint32_t hold_ms, const char *reason, amphi_error *error)
{
    amphi_request kept = *request; /* borrowed, except for the conversation's name */
    char conversation[64];
    amphi_buf json;
    if (kept.conversation_id[0] == '\0') {
        amphi__str_copy_to(conversation, sizeof conversation, amphi_str_from(key));
        kept.conversation_id = conversation;
    }
    amphi__buf_init(&json, 0);
    if (amphi__request_to_json(&kept, &json) != AMPHI_OK) {
        amphi__buf_wipe(&json);
        return amphi__fail_no_memory(error);
    }
    amphi_store_outbox_item item = {
        .struct_size = sizeof item,
        .id = amphi_str_from(key),
        .conversation_id = amphi_str_from(kept.conversation_id),
        .request_json = amphi__buf_str(&json),
        .created_ms = amphi__clock_wall_ms(client->clock),
        .reason = amphi_str_from(reason),
        .is_watched = client->outbox_event != NULL,
    };
    item.not_before_ms = hold_ms > 0 ? item.created_ms + hold_ms : 0;
    amphi__error_clear(error);
    amphi_status status = client->store.ops->outbox_add(client->store.self, &item, error);
    amphi__buf_wipe(&json);
    return status;
}
