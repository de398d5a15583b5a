/* SPDX-License-Identifier: Apache-2.0
 *
 * An entry that is held while its request runs in an engine inside this app (takeover.c) does not
 * wait: it is only for the case that the app dies. What such a request of an app that died has left
 * does wait, until its time is over.
 */
#include "sdk/client/outbox_order.h"

#include "sdk/client/background.h"
#include "sdk/client/outbox_sender.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#define LEASED_PAUSE_US (100u * 1000) /* before another process's delivery is looked at again */
#define LEASED_WAIT_US  (10u * 1000 * 1000) /* for its end; the process may be frozen */

typedef struct line {
    const amphi_stream *stream;
    uint32_t count;
    bool head_is_leased; /* another sender has the first one now */
} line;

static bool note_waiting(void *user, const amphi_store_outbox_item *source)
{
    line *l = user;
    const amphi_stream *stream = l->stream;
    amphi_store_outbox_item item;
    if (AMPHI__SIZED_READ_KNOWN(&item, source, "item", NULL) != AMPHI_OK)
        return true;
    if (amphi__str_equal_c(item.id, stream->key))
        return false; /* what comes now is behind it */
    bool is_held = item.attempts == 0 && item.not_before_ms > 0;
    if (is_held && amphi__stream_set_has_key(stream->client->streams, item.id))
        return true;
    if (l->count++ == 0)
        l->head_is_leased = item.is_leased;
    return true;
}

static line look(const amphi_stream *stream)
{
    line l = {.stream = stream};
    const amphi_store store = stream->client->store;
    const amphi_request *request = &stream->request;
    if (request->conversation_id[0] != '\0' && request->outbox_id == NULL &&
        store.ops->outbox_waiting != NULL)
        (void)store.ops->outbox_waiting(
            store.self, amphi_str_from(request->conversation_id), note_waiting, &l, NULL);
    return l;
}

uint32_t amphi__outbox_order_count(const amphi_stream *stream)
{
    return look(stream).count;
}

static void pause(amphi_stream *stream)
{
    amphi__mutex_lock(&stream->lock);
    if (!stream->cancelled)
        amphi__cond_wait_us(&stream->to_driver, &stream->lock, LEASED_PAUSE_US);
    amphi__mutex_unlock(&stream->lock);
}

static bool say_behind(amphi_stream *stream, const line *l, const amphi_error *why)
{
    const char *reason = why->status != AMPHI_E_NOT_FOUND ? why->message
                         : l->head_is_leased              ? "another sender has the first one now"
                                                          : "not to be sent yet";
    (void)amphi__fail(&stream->error, AMPHI_E_BUSY, 0,
        "%u earlier message%s of this conversation wait%s in the outbox: %s", l->count,
        l->count == 1 ? "" : "s", l->count == 1 ? "s" : "", reason);
    return false;
}

/* What is sent before it has budgets of its own, which may be longer: as long as the request itself
 * may take, it waits for them. */
static uint64_t wait_until_us(amphi_stream *stream)
{
    uint32_t total_ms = stream->request.budgets.total_ms;
    total_ms = total_ms > 0 ? total_ms : stream->privacy.policy.total_ms;
    return amphi__stream_awake_us(stream) + (uint64_t)total_ms * 1000;
}

bool amphi__outbox_order_send(amphi_stream *stream)
{
    amphi_client *client = stream->client;
    amphi_outbox_sender *sender = NULL;
    uint64_t leased_us = 0; /* since then another sender has the first one; 0: none has */
    amphi_error why = {.status = AMPHI_E_NOT_FOUND};
    if (client->store.ops->outbox_claim_head != NULL &&
        amphi__outbox_sender_new(&sender, client, &stream->error) != AMPHI_OK)
        return false;
    line l = look(stream);
    stream->wait_until_us = wait_until_us(stream);
    while (l.count > 0 && !amphi__stream_check_cancelled(stream, &stream->error)) {
        amphi_status status = sender != NULL
                                  ? amphi__outbox_sender_send_before(sender, stream, &why)
                                  : AMPHI_E_NOT_FOUND;
        amphi__background_report(client->background);
        l = look(stream);
        uint64_t now_us = amphi__stream_awake_us(stream);
        leased_us = leased_us > 0 ? leased_us : now_us;
        if (status != AMPHI_E_NOT_FOUND || !l.head_is_leased || now_us - leased_us > LEASED_WAIT_US)
            break;
        pause(stream);
    }
    amphi__outbox_sender_free(sender);
    if (amphi__stream_check_cancelled(stream, &stream->error))
        return false;
    if (l.count > 0)
        return say_behind(stream, &l, &why);
    stream->budget_from_us = amphi__stream_awake_us(stream); /* what was sent had its own */
    return true;
}
