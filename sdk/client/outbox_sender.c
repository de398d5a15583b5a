/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries are claimed one after the other, and each runs as an ordinary request. The transaction
 * that appends its answer to the history also removes the entry, so it is delivered once, however
 * often the process was killed meanwhile. Sending stops at the first entry that finds no route: the
 * next ones would not find one either.
 */
#include "sdk/client/outbox_sender.h"

#include "sdk/client/decide.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/awake.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#define LEASE_MS (5u * 60 * 1000) /* other processes do not claim the entry meanwhile */
#define REFUSED_PAUSE_MS                                                                           \
    (60 * 60 * 1000)         /* before an entry whose request was refused is tried again */
#define CLOSE_GRACE_MS 1000u /* for a delivery under way when the client is freed */

struct amphi_outbox_sender {
    amphi_client *client;
    amphi_mutex lock; /* guards what follows */
    amphi_cond changed;
    bool closing;
    amphi_stream *current; /* the delivery under way; NULL: none */
    uint32_t cancelling;   /* threads that are cancelling it: it is not freed meanwhile */
};

/* ---- one delivery ---- */

typedef struct claimed {
    char *id;
    char *request;
} claimed;

static bool take_claim(void *user, const amphi_store_outbox_item *item)
{
    claimed *claim = user;
    amphi_store_outbox_item own;
    if (AMPHI__SIZED_READ_KNOWN(&own, item, "item", NULL) != AMPHI_OK)
        return false;
    claim->id = amphi__str_copy(own.id);
    claim->request = amphi__str_copy(own.request_json);
    return false;
}

/* Reads the stream to its end. AMPHI_OK: the answer is complete and in the history. */
static amphi_status drain(amphi_stream *stream)
{
    amphi_event event;
    amphi_error error;
    do {
        if (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error) != AMPHI_OK)
            return AMPHI_E_INTERNAL;
    } while (!amphi_event_is_terminal(&event));
    return event.kind == AMPHI_EVENT_DONE ? AMPHI_OK : stream->error.status;
}

static bool is_closing(amphi_outbox_sender *sender)
{
    amphi__mutex_lock(&sender->lock);
    bool closing = sender->closing;
    amphi__mutex_unlock(&sender->lock);
    return closing;
}

/* From here on close waits for this stream, and cancels it. false: it was closed before. */
static bool delivery_begins(amphi_outbox_sender *sender, amphi_stream *stream)
{
    amphi__mutex_lock(&sender->lock);
    sender->current = stream;
    bool open = !sender->closing;
    amphi__mutex_unlock(&sender->lock);
    return open;
}

/* After this no other thread uses the stream. */
static void delivery_ends(amphi_outbox_sender *sender)
{
    amphi__mutex_lock(&sender->lock);
    sender->current = NULL;
    amphi__cond_broadcast(&sender->changed);
    while (sender->cancelling > 0)
        amphi__cond_wait(&sender->changed, &sender->lock);
    amphi__mutex_unlock(&sender->lock);
}

static amphi_status run_request(amphi_outbox_sender *sender, claimed *claim)
{
    amphi_request request;
    amphi_stream *stream = NULL;
    if (is_closing(sender))
        return AMPHI_E_CANCELLED;
    amphi_status status = amphi__request_from_json(&request, amphi_str_from(claim->request), NULL);
    if (status != AMPHI_OK)
        return status;
    amphi__decide_apply_options(sender->client, &request); /* of this client, not of who queued */
    request.outbox_id = claim->id;
    claim->id = NULL;
    status = amphi__stream_start(&stream, sender->client, &request, NULL);
    if (status != AMPHI_OK)
        return status;
    if (!delivery_begins(sender, stream)) /* close came first, and did not see this stream */
        amphi_stream_cancel(stream);
    status = drain(stream);
    if (status == AMPHI_E_REFUSED && stream->privacy.bound_turns > 0)
        status = AMPHI_E_REQUEST; /* its conversation forbids it, so others may go meanwhile */
    delivery_ends(sender);
    amphi_stream_free(stream);
    return status;
}

/* The request itself is at fault, so that another try soon is of no use. */
static bool is_hopeless(amphi_status status)
{
    return status == AMPHI_E_REQUEST || status == AMPHI_E_CONTENT_FILTER ||
           status == AMPHI_E_CONTEXT_LENGTH || status == AMPHI_E_UNSUPPORTED ||
           status == AMPHI_E_ARGUMENT || status == AMPHI_E_FORMAT;
}

/* AMPHI_OK: delivered, there may be more. AMPHI_E_NOT_FOUND: the outbox has nothing to send now. */
static amphi_status deliver_one(amphi_outbox_sender *sender)
{
    amphi_client *client = sender->client;
    claimed claim = {NULL, NULL};
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    amphi_status status = client->store.ops->outbox_claim(
        client->store.self, now_ms, LEASE_MS, take_claim, &claim, NULL);
    if (status != AMPHI_OK)
        return status;
    char *id = claim.id != NULL ? amphi__str_copy(amphi_str_from(claim.id)) : NULL;
    status = id == NULL || claim.request == NULL ? AMPHI_E_NO_MEMORY : run_request(sender, &claim);
    if (status != AMPHI_OK && id != NULL) {
        now_ms = amphi__clock_wall_ms(client->clock);
        (void)client->store.ops->outbox_release(client->store.self, amphi_str_from(id),
            is_hopeless(status) ? now_ms + REFUSED_PAUSE_MS : now_ms, NULL);
        amphi__log(&client->log, AMPHI_LOG_INFO, "outbox: not delivered yet (%s)",
            amphi_status_name(status));
    }
    amphi__free(claim.id);
    amphi__free(claim.request);
    amphi__free(id);
    return status == AMPHI_E_NOT_FOUND ? AMPHI_E_BUSY : status;
}

amphi_status amphi__outbox_sender_send(amphi_outbox_sender *sender)
{
    amphi_status status = AMPHI_OK;
    do {
        status = deliver_one(sender);
    } while ((status == AMPHI_OK || is_hopeless(status)) && !is_closing(sender));
    return status;
}

/* ---- the sender ---- */

amphi_status amphi__outbox_sender_new(
    amphi_outbox_sender **out, amphi_client *client, amphi_error *error)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    amphi_outbox_sender *sender = amphi__calloc(1, sizeof *sender);
    if (sender == NULL)
        goto cleanup;
    sender->client = client;
    status = amphi__mutex_init(&sender->lock);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&sender->changed);
    if (status != AMPHI_OK)
        goto cleanup;
    *out = sender;
    sender = NULL;
cleanup:
    amphi__outbox_sender_free(sender);
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__outbox_sender_free(amphi_outbox_sender *sender)
{
    if (sender == NULL)
        return;
    amphi__cond_clear(&sender->changed);
    amphi__mutex_clear(&sender->lock);
    amphi__free(sender);
}

void amphi__outbox_sender_close(amphi_outbox_sender *sender)
{
    amphi_awake awake = {0};
    uint64_t deadline_us = amphi__awake_us(&awake, NULL) + CLOSE_GRACE_MS * 1000u;
    amphi__mutex_lock(&sender->lock);
    sender->closing = true;
    for (uint64_t now_us = amphi__awake_us(&awake, NULL);
         sender->current != NULL && now_us < deadline_us; now_us = amphi__awake_us(&awake, NULL))
        amphi__cond_wait_us(
            &sender->changed, &sender->lock, amphi__awake_slice_us(&awake, deadline_us - now_us));
    amphi_stream *stream = sender->current;
    if (stream != NULL)
        sender->cancelling++;
    amphi__mutex_unlock(&sender->lock);
    if (stream == NULL)
        return;
    amphi_stream_cancel(stream); /* calls the engine: not under the lock */
    amphi__mutex_lock(&sender->lock);
    sender->cancelling--;
    amphi__cond_broadcast(&sender->changed);
    amphi__mutex_unlock(&sender->lock);
}

/* ---- adding entries ---- */

amphi_status amphi__outbox_add(amphi_client *client, const amphi_request *request, const char *key,
    uint32_t hold_ms, amphi_error *error)
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
        amphi__buf_clear(&json);
        return amphi__fail_no_memory(error);
    }
    amphi_store_outbox_item item = {
        .struct_size = sizeof item,
        .id = amphi_str_from(key),
        .conversation_id = amphi_str_from(kept.conversation_id),
        .request_json = amphi__buf_str(&json),
        .created_ms = amphi__clock_wall_ms(client->clock),
    };
    item.not_before_ms = hold_ms > 0 ? item.created_ms + hold_ms : 0;
    amphi__error_clear(error);
    amphi_status status = client->store.ops->outbox_add(client->store.self, &item, error);
    amphi__buf_clear(&json);
    return status;
}
