/* SPDX-License-Identifier: Apache-2.0
 *
 * The courier's rounds. One round claims entries one after the other and runs each as an ordinary
 * request; the transaction that appends its answer to the history also removes the entry, so it is
 * delivered once however often we were killed meanwhile. A round ends with the first entry that
 * finds no route: the next ones would not either.
 *
 * The same thread refreshes the rollout payload, since both wait for the network to come back; and
 * while a local engine may be loaded it looks at the device's memory, which somebody else may need.
 */
#include "sdk/client/outbox_sender.h"

#include "sdk/client/decide.h"
#include "sdk/client/rollout.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define LEASE_MS             (5u * 60 * 1000)
#define FIRST_ROUND_AFTER_MS 500u /* so that short-lived commands do not start a delivery */
#define PAUSE_MIN_MS         1000u
#define PAUSE_MAX_MS         30000u
#define IDLE_MS              (10u * 60 * 1000) /* nothing waits: look again for other processes' entries */
#define REFUSED_PAUSE_MS     (60 * 60 * 1000)
#define WATCH_MEMORY_US      (5u * 1000 * 1000)
#define CLOSE_GRACE_MS       1000u /* for a delivery under way when the client closes */

struct amphi_courier {
    amphi_client *client;
    amphi_thread thread;
    amphi_mutex lock; /* guards what follows */
    amphi_cond changed;
    bool woken;
    bool closing;
    bool watching; /* a local engine may be loaded */
    uint32_t rounds_begun;
    uint32_t rounds_ended;
    amphi_stream *current; /* the delivery under way */
};

/* ---- one delivery ---- */

typedef struct claimed {
    char *id;
    char *request;
} claimed;

static bool take_claim(void *user, const amphi_store_outbox_item *item)
{
    claimed *claim = user;
    claim->id = amphi__str_copy(item->id);
    claim->request = amphi__str_copy(item->request_json);
    return false;
}

/* Pulls the stream to its end; returns what became of it. */
static amphi_status drain(amphi_courier *courier, amphi_stream *stream)
{
    amphi_event event;
    amphi_error error;
    do {
        if (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error) != AMPHI_OK)
            return AMPHI_E_INTERNAL;
    } while (!amphi_event_is_terminal(&event));
    return event.kind == AMPHI_EVENT_DONE ? AMPHI_OK : stream->error.status;
}

static amphi_status run_request(amphi_courier *courier, claimed *claim)
{
    amphi_request request;
    amphi_stream *stream = NULL;
    amphi_status status = amphi__request_from_json(&request, amphi_str_from(claim->request), NULL);
    if (status != AMPHI_OK)
        return status;
    request.outbox_id = claim->id;
    claim->id = NULL;
    status = amphi__stream_start(&stream, courier->client, &request, NULL);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&courier->lock);
    courier->current = stream;
    amphi__mutex_unlock(&courier->lock);
    status = drain(courier, stream);
    amphi__mutex_lock(&courier->lock);
    courier->current = NULL;
    amphi__cond_broadcast(&courier->changed);
    amphi__mutex_unlock(&courier->lock);
    amphi_stream_free(stream);
    return status;
}

/* The request itself is at fault, so that trying again soon is no use. */
static bool is_hopeless(amphi_status status)
{
    return status == AMPHI_E_REQUEST || status == AMPHI_E_CONTENT_FILTER ||
           status == AMPHI_E_CONTEXT_LENGTH || status == AMPHI_E_UNSUPPORTED ||
           status == AMPHI_E_ARGUMENT || status == AMPHI_E_FORMAT;
}

/* AMPHI_OK: delivered, there may be more. AMPHI_E_NOT_FOUND: nothing waits. */
static amphi_status deliver_one(amphi_courier *courier)
{
    amphi_client *client = courier->client;
    claimed claim = {NULL, NULL};
    int64_t now_ms = amphi__clock_wall_ms(client->clock);
    amphi_status status = client->store.ops->outbox_claim(
        client->store.self, now_ms, LEASE_MS, take_claim, &claim, NULL);
    if (status != AMPHI_OK)
        return status;
    char *id = claim.id != NULL ? amphi__str_copy(amphi_str_from(claim.id)) : NULL;
    status = id == NULL || claim.request == NULL ? AMPHI_E_NO_MEMORY : run_request(courier, &claim);
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

/* ---- rounds ---- */

static bool is_closing(amphi_courier *courier)
{
    amphi__mutex_lock(&courier->lock);
    bool closing = courier->closing;
    amphi__mutex_unlock(&courier->lock);
    return closing;
}

/* How long to wait before the next one. */
static uint32_t make_round(amphi_courier *courier, uint32_t pause_ms)
{
    amphi__mutex_lock(&courier->lock);
    courier->woken = false;
    courier->rounds_begun++;
    amphi__mutex_unlock(&courier->lock);
    amphi__client_rollout_tick(courier->client);
    (void)amphi__decide_unload(courier->client);
    amphi_status status = AMPHI_OK;
    do {
        status = deliver_one(courier);
    } while ((status == AMPHI_OK || is_hopeless(status)) && !is_closing(courier));
    amphi__mutex_lock(&courier->lock);
    courier->rounds_ended = courier->rounds_begun;
    amphi__cond_broadcast(&courier->changed);
    amphi__mutex_unlock(&courier->lock);
    if (status == AMPHI_E_NOT_FOUND)
        return IDLE_MS;
    return pause_ms >= IDLE_MS           ? PAUSE_MIN_MS
           : pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2
                                         : PAUSE_MAX_MS;
}

/* Until it is time for a round, or somebody wants one. false: the client closes. */
static bool wait_for_round(amphi_courier *courier, uint32_t pause_ms)
{
    uint64_t until_us = amphi__clock_us(NULL) + (uint64_t)pause_ms * 1000;
    amphi__mutex_lock(&courier->lock);
    while (!courier->woken && !courier->closing) {
        uint64_t now_us = amphi__clock_us(NULL);
        uint64_t left_us = until_us > now_us ? until_us - now_us : 0;
        bool watching = courier->watching;
        if (left_us == 0)
            break;
        amphi__cond_wait_us(&courier->changed, &courier->lock,
            watching && left_us > WATCH_MEMORY_US ? WATCH_MEMORY_US : left_us);
        if (!watching)
            continue;
        courier->watching = false; /* an attempt that begins from here on asks for it anew */
        amphi__mutex_unlock(&courier->lock);
        bool empty = amphi__decide_unload(courier->client);
        amphi__mutex_lock(&courier->lock);
        courier->watching |= !empty;
    }
    bool closing = courier->closing;
    amphi__mutex_unlock(&courier->lock);
    return !closing;
}

static void make_rounds(void *arg)
{
    amphi_courier *courier = arg;
    uint32_t pause_ms = FIRST_ROUND_AFTER_MS;
    while (wait_for_round(courier, pause_ms))
        pause_ms = make_round(courier, pause_ms);
}

amphi_status amphi__courier_new(amphi_courier **out, amphi_client *client, amphi_error *error)
{
    amphi_courier *courier = amphi__calloc(1, sizeof *courier);
    if (courier == NULL)
        return amphi__fail_no_memory(error);
    courier->client = client;
    if (amphi__mutex_init(&courier->lock) != AMPHI_OK) {
        amphi__free(courier);
        return amphi__fail_no_memory(error);
    }
    if (amphi__cond_init(&courier->changed) != AMPHI_OK) {
        amphi__mutex_clear(&courier->lock);
        amphi__free(courier);
        return amphi__fail_no_memory(error);
    }
    if (amphi__thread_start(&courier->thread, "amphi-courier", make_rounds, courier) != AMPHI_OK) {
        amphi__cond_clear(&courier->changed);
        amphi__mutex_clear(&courier->lock);
        amphi__free(courier);
        return amphi__fail_no_memory(error);
    }
    *out = courier;
    return AMPHI_OK;
}

void amphi__courier_wake(amphi_courier *courier)
{
    if (courier == NULL)
        return;
    amphi__mutex_lock(&courier->lock);
    courier->woken = true;
    amphi__cond_broadcast(&courier->changed);
    amphi__mutex_unlock(&courier->lock);
}

void amphi__courier_watch_memory(amphi_courier *courier)
{
    if (courier == NULL)
        return;
    amphi__mutex_lock(&courier->lock);
    if (!courier->watching) {
        courier->watching = true;
        amphi__cond_broadcast(&courier->changed);
    }
    amphi__mutex_unlock(&courier->lock);
}

void amphi__courier_flush(amphi_courier *courier, uint32_t timeout_ms)
{
    uint64_t deadline_us = amphi__clock_us(NULL) + (uint64_t)timeout_ms * 1000;
    amphi__mutex_lock(&courier->lock);
    uint32_t wanted = courier->rounds_begun + 1;
    courier->woken = true;
    amphi__cond_broadcast(&courier->changed);
    for (uint64_t now_us = amphi__clock_us(NULL);
         courier->rounds_ended < wanted && now_us < deadline_us; now_us = amphi__clock_us(NULL))
        amphi__cond_wait_us(&courier->changed, &courier->lock, deadline_us - now_us);
    amphi__mutex_unlock(&courier->lock);
}

void amphi__courier_free(amphi_courier *courier)
{
    if (courier == NULL)
        return;
    uint64_t deadline_us = amphi__clock_us(NULL) + CLOSE_GRACE_MS * 1000u;
    amphi__mutex_lock(&courier->lock);
    courier->closing = true;
    amphi__cond_broadcast(&courier->changed);
    for (uint64_t now_us = amphi__clock_us(NULL); courier->current != NULL && now_us < deadline_us;
         now_us = amphi__clock_us(NULL))
        amphi__cond_wait_us(&courier->changed, &courier->lock, deadline_us - now_us);
    if (courier->current != NULL)
        amphi_stream_cancel(courier->current);
    amphi__mutex_unlock(&courier->lock);
    amphi__thread_join(&courier->thread);
    amphi__cond_clear(&courier->changed);
    amphi__mutex_clear(&courier->lock);
    amphi__free(courier);
}

amphi_status amphi__courier_queue(amphi_client *client, const amphi_request *request,
    const char *key, uint32_t hold_ms, amphi_error *error)
{
    amphi_request kept = *request; /* borrowed, but for the conversation's name */
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
