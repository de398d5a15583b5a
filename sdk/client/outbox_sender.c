/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries are claimed one after the other, and each runs as an ordinary request, with the entry's
 * id as its idempotency key. The transaction that appends its answer to the history also removes
 * the entry, if the lease still holds, so it is delivered once, however often the process was
 * killed or frozen meanwhile.
 *
 * The lease is longer than the request may take and is renewed while it runs. Who finds that it no
 * longer holds (the process was frozen for too long and another one has the entry, or the entry was
 * cancelled, or its conversation deleted) breaks off, and writes nothing.
 *
 * An entry that finds no route waits for the next round; when it is too old by then it expires
 * (the store's decision), so an entry is not given up without a try. One that was refused is put
 * off, and expires after the third time: it must not block its conversation for ever. A send that
 * the user or a later request asked for tries these as well; being refused again before the pause
 * is over does not count.
 *
 * Privacy is no refusal: what its conversation keeps on this device waits. What only this client
 * keeps here (it is private, or only_local) is another client's to send, and nothing is written on
 * it: its lease is kept until the round ends, so that the round goes on with other entries.
 */
#include "sdk/client/outbox_sender.h"

#include "sdk/client/decide.h"
#include "sdk/client/outbox.h"
#include "sdk/client/outbox_events.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/awake.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#define LEASE_GRACE_MS   60000u /* beyond the request's own time, for its end and its writing */
#define RENEW_EVERY_MS   15000u
#define REFUSED_PAUSE_MS (60u * 60 * 1000) /* before a request that was refused is tried again */
#define REFUSALS_MAX     3u                /* then it expires */
#define NO_ROUTE_MAX     3u                /* in a row: the next ones would find none either */
#define CLOSE_GRACE_MS   1000u             /* for a delivery under way when the client is freed */
#define CANCEL_CHECK_MS  100u              /* while a request waits for a delivery */

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
    char *lease;
    uint32_t refusals;
    uint32_t lease_ms;
    uint64_t age_ms;
    uint64_t claimed_us; /* by the clock that leases run by */
    bool is_old;         /* older than the policy's bound */
    bool was_put_off;
    bool is_kept_here; /* this client lets nothing leave the device, and could not answer it */
} claimed;

static bool take_claim(void *user, const amphi_store_outbox_item *item)
{
    claimed *claim = user;
    amphi_store_outbox_item own;
    if (AMPHI__SIZED_READ_KNOWN(&own, item, "item", NULL) != AMPHI_OK)
        return false;
    claim->id = amphi__str_copy(own.id);
    claim->request = amphi__str_copy(own.request_json);
    claim->lease = amphi__str_copy(own.lease);
    claim->refusals = own.refusals;
    claim->age_ms = own.age_ms;
    claim->was_put_off = own.not_before_ms > 0;
    return false;
}

static void clear_claim(claimed *claim)
{
    if (claim->request != NULL)
        amphi__wipe(claim->request, strlen(claim->request));
    amphi__free(claim->id);
    amphi__free(claim->request);
    amphi__free(claim->lease);
}

static amphi_status change(amphi_outbox_sender *sender, const claimed *claim,
    amphi_outbox_change_kind kind, const char *reason)
{
    amphi_store_outbox_change wanted = {.struct_size = sizeof wanted,
        .id = amphi_str_from(claim->id),
        .kind = kind,
        .lease = amphi_str_from(claim->lease),
        .lease_ms = claim->lease_ms,
        .pause_ms = REFUSED_PAUSE_MS,
        .reason = amphi_str_from(reason)};
    amphi_error error;
    amphi_status status = amphi__outbox_change(sender->client, &wanted, &error);
    if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
        amphi__log(&sender->client->log, AMPHI_LOG_WARNING, "%s", error.message);
    return status;
}

/* Should the request that waits for a delivery, if there is one, wait no longer? On its thread. */
static bool gives_up(amphi_stream *waits)
{
    return waits != NULL && (amphi__stream_is_cancelled(waits) ||
                                amphi__stream_awake_us(waits) >= waits->wait_until_us);
}

/* Reads the stream to its end and renews the lease meanwhile. AMPHI_OK: the answer is complete and
 * in the history. *error otherwise. It ends with the request that waits for it, if there is one. */
static amphi_status drain(amphi_outbox_sender *sender, const claimed *claim, amphi_stream *stream,
    amphi_stream *waits, amphi_error *error)
{
    amphi_event event = {.kind = AMPHI_EVENT_PROGRESS};
    uint32_t pause_ms = waits != NULL ? CANCEL_CHECK_MS : RENEW_EVERY_MS;
    uint64_t renewed_us = amphi__clock_us(NULL);
    do {
        amphi_status status = amphi_stream_next(stream, pause_ms, &event, error);
        if (status != AMPHI_OK && status != AMPHI_E_TIMEOUT)
            return AMPHI_E_INTERNAL;
        if (gives_up(waits))
            amphi_stream_cancel(stream);
        if (amphi__clock_us(NULL) - renewed_us < RENEW_EVERY_MS * 1000u)
            continue;
        renewed_us = amphi__clock_us(NULL);
        if (change(sender, claim, AMPHI_OUTBOX_CHANGE_RENEW, "") == AMPHI_E_NOT_FOUND)
            amphi_stream_cancel(stream); /* another sender has it now */
    } while (!amphi_event_is_terminal(&event));
    if (event.kind != AMPHI_EVENT_DONE)
        *error = stream->error;
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

/* The lease holds for the request's own time, or is renewed. Asked just before the request is sent:
 * this process may have been frozen since it claimed the entry. */
static amphi_status check_lease(
    amphi_outbox_sender *sender, claimed *claim, const amphi_request *request, amphi_error *error)
{
    uint32_t total_ms = request->budgets.total_ms;
    uint64_t since_us = amphi__clock_boot_us(sender->client->clock) - claim->claimed_us;
    if (total_ms <= claim->lease_ms - LEASE_GRACE_MS && since_us < 1000000u)
        return AMPHI_OK;
    if (total_ms > claim->lease_ms - LEASE_GRACE_MS)
        claim->lease_ms =
            total_ms < UINT32_MAX - LEASE_GRACE_MS ? total_ms + LEASE_GRACE_MS : UINT32_MAX;
    if (change(sender, claim, AMPHI_OUTBOX_CHANGE_RENEW, "") != AMPHI_E_NOT_FOUND)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_CANCELLED, 0, "another sender has the entry now");
}

static amphi_status run_request(
    amphi_outbox_sender *sender, claimed *claim, amphi_stream *waits, amphi_error *error)
{
    amphi_request request;
    amphi_stream *stream = NULL;
    if (is_closing(sender))
        return amphi__fail(error, AMPHI_E_CANCELLED, 0, "the client is being freed");
    amphi_status status = amphi__request_from_json(&request, amphi_str_from(claim->request), error);
    if (status != AMPHI_OK)
        return status;
    request.outbox_id = amphi__str_copy(amphi_str_from(claim->id));
    request.outbox_lease = amphi__str_copy(amphi_str_from(claim->lease));
    status = request.outbox_id == NULL || request.outbox_lease == NULL
                 ? amphi__fail_no_memory(error)
                 : check_lease(sender, claim, &request, error);
    if (status != AMPHI_OK) {
        amphi__request_clear(&request);
        return status;
    }
    amphi__decide_apply_options(sender->client, &request); /* of this client, not of who queued */
    status = amphi__stream_start(&stream, sender->client, &request, error);
    if (status != AMPHI_OK)
        return status;
    if (!delivery_begins(sender, stream)) /* close came first, and did not see this stream */
        amphi_stream_cancel(stream);
    status = drain(sender, claim, stream, waits, error);
    claim->is_kept_here = stream->privacy.own != AMPHI_PRIVACY_NONE;
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

/* ---- a round ---- */

typedef struct kept_lease {
    struct kept_lease *next;
    claimed claim; /* id and lease */
} kept_lease;

typedef struct round {
    bool is_asked_for;   /* every head is tried, also one that is put off */
    amphi_stream *waits; /* only its conversation, for this request; NULL: all, for the user */
    /* Entries that were tried in vain since the last one that was delivered, by their ids. */
    char **tried;
    uint32_t tried_count, tried_capacity;
    kept_lease *kept; /* of entries that are another client's to send */
} round;

static bool was_tried(const round *r, const char *id)
{
    for (uint32_t i = 0; i < r->tried_count; i++)
        if (strcmp(r->tried[i], id) == 0)
            return true;
    return false;
}

static void forget_tried(round *r)
{
    while (r->tried_count > 0)
        amphi__free(r->tried[--r->tried_count]);
}

/* Its id and its lease are the round's from here on. false: no memory; the claim has them still. */
static bool keep_lease(round *r, claimed *claim)
{
    kept_lease *kept = amphi__calloc(1, sizeof *kept);
    if (kept == NULL)
        return false;
    kept->claim = (claimed){.id = claim->id, .lease = claim->lease};
    kept->next = r->kept;
    r->kept = kept;
    claim->id = claim->lease = NULL;
    return true;
}

static void end_round(amphi_outbox_sender *sender, round *r)
{
    while (r->kept != NULL) {
        kept_lease *kept = r->kept;
        r->kept = kept->next;
        (void)change(sender, &kept->claim, AMPHI_OUTBOX_CHANGE_RETURNED, "");
        clear_claim(&kept->claim);
        amphi__free(kept);
    }
    forget_tried(r);
    amphi__free(r->tried);
}

/* false: no memory; the round ends, since it could not end otherwise. */
static bool note_tried(round *r, const char *id)
{
    if (r->tried_count == r->tried_capacity) {
        uint32_t capacity = r->tried_capacity * 2 + NO_ROUTE_MAX;
        char **tried = amphi__realloc_array(r->tried, capacity, sizeof *tried);
        if (tried == NULL)
            return false;
        r->tried = tried;
        r->tried_capacity = capacity;
    }
    char *copy = amphi__str_copy(amphi_str_from(id));
    if (copy == NULL)
        return false;
    r->tried[r->tried_count++] = copy;
    return true;
}

static void put_back(
    amphi_outbox_sender *sender, const round *r, const claimed *claim, const amphi_error *why)
{
    amphi_error reason = *why;
    bool counts = is_hopeless(why->status) && !(r->is_asked_for && claim->was_put_off);
    amphi_outbox_change_kind kind = counts ? AMPHI_OUTBOX_CHANGE_REFUSED
                                    : why->status == AMPHI_E_CANCELLED
                                        ? AMPHI_OUTBOX_CHANGE_RETURNED
                                        : AMPHI_OUTBOX_CHANGE_FAILED;
    if (kind == AMPHI_OUTBOX_CHANGE_REFUSED && claim->refusals + 1 >= REFUSALS_MAX) {
        kind = AMPHI_OUTBOX_CHANGE_EXPIRED;
        (void)amphi__fail(&reason, why->status, 0, "refused %u times; the last time: %s",
            REFUSALS_MAX, why->message);
    }
    (void)change(sender, claim, kind, reason.message);
    amphi__log(&sender->client->log, AMPHI_LOG_INFO, "outbox: %s (%s)",
        kind == AMPHI_OUTBOX_CHANGE_EXPIRED ? "given up" : "not delivered yet",
        amphi_status_name(why->status));
}

static amphi_status claim_one(
    amphi_outbox_sender *sender, const round *r, claimed *claim, amphi_error *error)
{
    amphi_client *client = sender->client;
    amphi_store store = client->store;
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    claim->lease_ms = policy.total_ms + LEASE_GRACE_MS;
    claim->claimed_us = amphi__clock_boot_us(client->clock);
    amphi_str conversation =
        amphi_str_from(r->waits != NULL ? r->waits->request.conversation_id : "");
    amphi_status status =
        r->is_asked_for && store.ops->outbox_claim_head != NULL
            ? store.ops->outbox_claim_head(
                  store.self, conversation, claim->lease_ms, take_claim, claim, error)
            : store.ops->outbox_claim(store.self, amphi__clock_wall_ms(client->clock),
                  claim->lease_ms, take_claim, claim, error);
    if (status == AMPHI_OK && (claim->id == NULL || claim->request == NULL || claim->lease == NULL))
        return amphi__fail_no_memory(error);
    /* It will expire, or be sent: not one of those that a round without a route ends with. */
    claim->is_old = status == AMPHI_OK && claim->age_ms / 1000 > policy.outbox_age_max_s;
    return status;
}

/* After an entry was tried in vain: does the round go on? */
static bool goes_on(round *r, const claimed *claim, amphi_status status)
{
    if (status == AMPHI_E_CANCELLED || status == AMPHI_E_NOT_FOUND)
        return true;
    if (r->is_asked_for)
        return note_tried(r, claim->id);
    if (is_hopeless(status) || claim->is_old)
        return true;
    return note_tried(r, claim->id) && r->tried_count < NO_ROUTE_MAX;
}

/* Delivers one entry. *more: the round goes on. AMPHI_E_NOT_FOUND: nothing is left to send now. */
static amphi_status deliver_one(amphi_outbox_sender *sender, round *r, bool *more, amphi_error *why)
{
    claimed claim = {.id = NULL};
    amphi__error_clear(why);
    *more = false;
    amphi_status status = claim_one(sender, r, &claim, why);
    if (status != AMPHI_OK) {
        if (claim.id != NULL)
            put_back(sender, r, &claim, why);
    } else if (was_tried(r, claim.id)) { /* and so were all others that may go */
        (void)change(sender, &claim, AMPHI_OUTBOX_CHANGE_RETURNED, "");
        status = AMPHI_E_NOT_FOUND;
    } else {
        status = run_request(sender, &claim, r->waits, why);
        if (status == AMPHI_OK) {
            forget_tried(r); /* there is a route */
            *more = true;
        } else if (claim.is_kept_here) {
            *more = keep_lease(r, &claim);
            if (!*more)
                (void)change(sender, &claim, AMPHI_OUTBOX_CHANGE_RETURNED, "");
        } else {
            put_back(sender, r, &claim, why);
            *more = goes_on(r, &claim, status);
        }
        status = status == AMPHI_E_NOT_FOUND ? AMPHI_E_BUSY : status; /* not of the outbox */
    }
    clear_claim(&claim);
    return status;
}

static amphi_status run_round(amphi_outbox_sender *sender, bool is_asked_for)
{
    round r = {.is_asked_for = is_asked_for};
    amphi_error why;
    amphi_status failed = AMPHI_OK;
    amphi_status status = AMPHI_OK;
    bool more = true;
    while (more && !is_closing(sender)) {
        status = deliver_one(sender, &r, &more, &why);
        if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
            failed = status;
        if (more && !is_closing(sender))
            amphi__outbox_events_report(sender->client);
    }
    end_round(sender, &r);
    return failed != AMPHI_OK ? failed : status;
}

amphi_status amphi__outbox_sender_send(amphi_outbox_sender *sender)
{
    return run_round(sender, false);
}

amphi_status amphi__outbox_sender_send_asked(amphi_outbox_sender *sender)
{
    return run_round(sender, true);
}

amphi_status amphi__outbox_sender_send_before(
    amphi_outbox_sender *sender, amphi_stream *waits, amphi_error *why)
{
    round r = {.is_asked_for = true, .waits = waits};
    bool more = true;
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && !gives_up(waits))
        status = deliver_one(sender, &r, &more, why);
    end_round(sender, &r);
    if (amphi__stream_is_cancelled(waits))
        return amphi__fail(why, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
    if (status == AMPHI_OK || status == AMPHI_E_CANCELLED)
        return amphi__fail(why, AMPHI_E_TIMEOUT, 0, "the request's time is used up");
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

/* Under the lock, which is given up meanwhile: cancelling calls the engine. */
static void cancel_current(amphi_outbox_sender *sender)
{
    amphi_stream *stream = sender->current;
    if (stream == NULL)
        return;
    sender->cancelling++;
    amphi__mutex_unlock(&sender->lock);
    amphi_stream_cancel(stream);
    amphi__mutex_lock(&sender->lock);
    sender->cancelling--;
    amphi__cond_broadcast(&sender->changed);
}

void amphi__outbox_sender_cancel(amphi_outbox_sender *sender, amphi_str id)
{
    amphi__mutex_lock(&sender->lock);
    if (sender->current != NULL && amphi__str_equal_c(id, sender->current->key))
        cancel_current(sender);
    amphi__mutex_unlock(&sender->lock);
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
    cancel_current(sender);
    amphi__mutex_unlock(&sender->lock);
}
