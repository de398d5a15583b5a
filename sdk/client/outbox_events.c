/* SPDX-License-Identifier: Apache-2.0
 *
 * An event is read from the store, handed to the app, and only then marked as reported: if the
 * process ends in between, the next one finds it again. A store that cannot be written ends the
 * round, since it would show the same event for ever.
 */
#include "sdk/client/outbox_events.h"

#include "sdk/client/outbox.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

/* A copy of an event: the app must not be called while the store visits. */
typedef struct kept_event {
    amphi_buf id, conversation, request, reason;
    amphi_store_outbox_item item; /* its strings point into the buffers */
} kept_event;

static amphi_str keep(amphi_buf *buf, amphi_str text)
{
    amphi__buf_append_str(buf, text);
    return amphi__buf_str(buf);
}

static bool keep_event(void *user, const amphi_store_outbox_item *source)
{
    kept_event *event = user;
    amphi_store_outbox_item *item = &event->item;
    if (AMPHI__SIZED_READ_KNOWN(item, source, "item", NULL) != AMPHI_OK)
        return false;
    item->id = keep(&event->id, item->id);
    item->conversation_id = keep(&event->conversation, item->conversation_id);
    item->request_json = keep(&event->request, item->request_json);
    item->reason = keep(&event->reason, item->reason);
    item->lease = amphi_str_make(NULL, 0);
    return false;
}

static amphi_status report_next(amphi_client *client, kept_event *event)
{
    amphi_outbox_entry entry;
    amphi_buf text;
    amphi_status status =
        client->store.ops->outbox_event(client->store.self, keep_event, event, NULL);
    const amphi_buf *buffers[] = {
        &event->id, &event->conversation, &event->request, &event->reason};
    for (size_t i = 0; i < 4 && status == AMPHI_OK; i++)
        status = buffers[i]->status;
    if (status != AMPHI_OK || event->id.size == 0)
        return status != AMPHI_OK ? status : AMPHI_E_NOT_FOUND;
    status = amphi__outbox_entry_of(&entry, &event->item, &text);
    if (status == AMPHI_OK) {
        client->outbox_event(client->outbox_user, &entry);
        amphi_store_outbox_change reported = {.struct_size = sizeof reported,
            .id = event->item.id,
            .kind = AMPHI_OUTBOX_CHANGE_REPORTED,
            .state = event->item.state};
        status = amphi__outbox_change(client, &reported, NULL);
        if (status == AMPHI_E_NOT_FOUND) /* cancelled or collected meanwhile, by the app perhaps */
            status = AMPHI_OK;
    }
    amphi__buf_wipe(&text);
    return status;
}

void amphi__outbox_events_report(amphi_client *client)
{
    amphi_status status = AMPHI_OK;
    if (client->outbox_event == NULL || client->store.ops->outbox_event == NULL ||
        client->store.ops->outbox_change == NULL)
        return;
    while (status == AMPHI_OK) {
        kept_event event;
        memset(&event, 0, sizeof event);
        amphi_buf *buffers[] = {&event.id, &event.conversation, &event.request, &event.reason};
        for (size_t i = 0; i < 4; i++)
            amphi__buf_init(buffers[i], 0);
        status = report_next(client, &event);
        for (size_t i = 0; i < 4; i++)
            amphi__buf_wipe(buffers[i]);
    }
}
