/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox: messages that no route could answer (AMPHI_EVENT_QUEUED). They are kept, encrypted,
 * and sent when a route returns, by any client on the same data folder, each once, those of one
 * conversation in their order: a later request of it sends them first, or waits behind them. The
 * answer is in the conversation; a message without one gets a conversation of its own, named after
 * the entry's id.
 *
 *     queued    waits, or is being sent
 *     sent      answered: the entry is gone
 *     expired   will not be sent: a try failed when it was older than the policy allows
 *               (outbox.age_max_s), or it was refused too often. Its text and the reason stay
 *               until the app collects it.
 *
 * Nothing leaves the outbox but by one of these ways, by amphi_outbox_cancel, or with its
 * conversation. An age is time that a device was seen to be on, awake or suspended; what a wall
 * clock says does not matter.
 */
#ifndef AMPHI_OUTBOX_H
#define AMPHI_OUTBOX_H

#include <amphi/device.h>
#include <amphi/error.h>

AMPHI_BEGIN_DECLS

typedef enum amphi_outbox_state {
    AMPHI_OUTBOX_QUEUED = 0,
    AMPHI_OUTBOX_SENT = 1, /* in events only */
    AMPHI_OUTBOX_EXPIRED = 2
} amphi_outbox_state;

/* SIZED, handed out. */
typedef struct amphi_outbox_entry {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str id;              /* also the idempotency key */
    amphi_str conversation_id; /* may be empty */
    int64_t created_ms;        /* Unix time, as the clock said then */
    uint32_t attempts;         /* deliveries that failed */
    bool is_being_sent;        /* now, by this process or another one */
    /* Unix time until which it is put off: it was refused, or its request still runs in an engine
     * inside the app; 0: not put off. */
    int64_t not_before_ms;
    amphi_outbox_state state;
    amphi_str reason;       /* expired: why; queued: why no route answered, the last time that it
                               was tried; empty: not known */
    amphi_str text;         /* the last message of the user: plain text, or the JSON of OpenAI's
                               content parts; empty in the event "sent" */
    amphi_str request_json; /* the whole request, as amphi_chat_start_json takes it; empty in the
                               event "sent" */
    uint64_t age_ms;        /* see above */
} amphi_outbox_entry;

static inline void amphi_outbox_entry_init(amphi_outbox_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    entry->struct_size = sizeof *entry;
}

/* false ends the walk. */
typedef bool amphi_outbox_entry_fn(void *user, const amphi_outbox_entry *item);

/* What became of an entry: entry->state. Called on the client's background thread, outside of every
 * lock; strings are valid for the call. It may call this client, but not amphi_outbox_flush, which
 * waits for it, nor amphi_client_free. An event is reported when this has returned: if the app ends
 * before, a later client reports it again, so the same event may come twice, and none is lost. For
 * one entry "queued" comes first. "sent" is reported of entries that were queued by a client with
 * such a function, whichever process delivered them; the last 1,000 are kept for it. */
typedef void amphi_outbox_event_fn(void *user, const amphi_outbox_entry *entry);

/* What waits and what has expired, oldest first. The visitor is called on the calling thread. */
AMPHI_API amphi_status amphi_outbox_entries(
    amphi_client *client, amphi_outbox_entry_fn *visit, void *user, amphi_error *error);
/* Tries to deliver what waits, now, and waits up to timeout_ms for it: the first message of every
 * conversation, also one that was put off, but none that another process is sending, or whose
 * request runs in an engine inside an app. *left_out is what still waits afterwards. (A client
 * delivers in the background anyway when a route returns.) */
AMPHI_API amphi_status amphi_outbox_flush(
    amphi_client *client, uint32_t timeout_ms, uint32_t *left_out, amphi_error *error);
/* Forgets an entry, queued or expired. One that is being sent may have reached its provider; its
 * answer is dropped. AMPHI_E_NOT_FOUND: it was delivered, or never was. */
AMPHI_API amphi_status amphi_outbox_cancel(amphi_client *client, amphi_str id, amphi_error *error);
/* The app has what it needs of an expired entry: it is forgotten. AMPHI_E_NOT_FOUND: there is no
 * such entry. AMPHI_E_ARGUMENT: it still waits. AMPHI_E_UNSUPPORTED: a store of the app's without
 * outbox_change. */
AMPHI_API amphi_status amphi_outbox_collect(amphi_client *client, amphi_str id, amphi_error *error);

/* "queued", "sent", "expired". */
AMPHI_API const char *amphi_outbox_state_name(amphi_outbox_state state);

AMPHI_END_DECLS

#endif
