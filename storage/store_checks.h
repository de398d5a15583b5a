/* SPDX-License-Identifier: Apache-2.0
 *
 * What both stores accept and refuse, and their limits: one contract, written once.
 */
#ifndef AMPHI_STORAGE_STORE_CHECKS_H
#define AMPHI_STORAGE_STORE_CHECKS_H

#include "sdk/core/buf.h"
#include "storage/storage.h"

#define AMPHI_STORE_ID_BYTES_MAX                                                                   \
    AMPHI_CONVERSATION_ID_BYTES_MAX               /* conversation, outbox id, setting's name */
#define AMPHI_STORE_TEXT_BYTES_MAX    (16u << 20) /* each string of a message, a request */
#define AMPHI_STORE_SETTING_BYTES_MAX (4u << 20)
#define AMPHI_CACHE_VALUE_BYTES_MAX   (1u << 20)
#define AMPHI_STORE_MESSAGES_MAX      10000 /* of one turn */
#define AMPHI_LEDGER_ROWS_MAX         512
#define AMPHI_LEDGER_LIST_MAX         512                /* rows that one list shows */
#define AMPHI_TITLE_CHARACTERS        60                 /* of a question that gives the title */
#define AMPHI_ROW_ID_MAX              ((int64_t)1 << 53) /* of an imported row: exact in JSON */
#define AMPHI_TITLE_BYTES_MAX         1000               /* of a user's own */
#define AMPHI_OUTBOX_REASON_MAX       256                /* with its NUL */

/* The place in the list of conversations: the pinned ones first, then the newest. */
typedef struct amphi_conversation_place {
    int64_t is_pinned;
    int64_t updated_ms;
    int64_t seq;
} amphi_conversation_place;
/* As text: what amphi_history_conversation.cursor holds. */
#define AMPHI_CURSOR_BYTES_MAX 64

typedef struct amphi_store_limits {
    uint32_t cache_entries;
    uint64_t cache_bytes; /* values only */
    uint32_t outbox_entries;
    uint64_t outbox_bytes; /* requests only */
    int64_t outbox_age_ms;
} amphi_store_limits;

/* The options' limits with their defaults filled in. */
amphi_store_limits amphi__store_limits(const amphi_storage_options *options);

/* Read what the caller hands over, whatever version it has, into *own, and check it:
 * AMPHI_E_ARGUMENT with the field's name, or AMPHI_E_LIMIT. */
amphi_status amphi__read_turn(
    amphi_store_turn *own, const amphi_store_turn *given, amphi_error *error);
/* from_id becomes the id before which, or behind which, the first row is. */
amphi_status amphi__read_row_query(
    amphi_store_row_query *own, const amphi_store_row_query *given, amphi_error *error);
amphi_status amphi__read_outbox_item(
    amphi_store_outbox_item *own, const amphi_store_outbox_item *given, amphi_error *error);
amphi_status amphi__read_outbox_change(
    amphi_store_outbox_change *own, const amphi_store_outbox_change *given, amphi_error *error);
amphi_status amphi__read_start(
    amphi_store_start *own, const amphi_store_start *given, amphi_error *error);
/* *at becomes the place behind which, or before which, the first one is. */
amphi_status amphi__read_history_query(amphi_history_query *own, const amphi_history_query *given,
    amphi_conversation_place *at, amphi_error *error);
amphi_status amphi__read_change(
    amphi_store_change *own, const amphi_store_change *given, amphi_error *error);
amphi_status amphi__read_erasure(
    amphi_store_erasure *own, const amphi_store_erasure *given, amphi_error *error);
amphi_status amphi__read_import(
    amphi_store_import *own, const amphi_store_import *given, amphi_error *error);
/* The turn's entry of the response cache, if it has one; turn->cached then is *entry. */
amphi_status amphi__read_cached(amphi_store_turn *turn, amphi_store_cache_entry *entry,
    const amphi_store_limits *limits, amphi_error *error);

/* Adds what was erased to the caller's receipt, whatever version that has. */
amphi_status amphi__put_receipt(amphi_history_receipt *out, const amphi_history_receipt *erased,
    int64_t now_ms, amphi_error *error);

/* AMPHI_E_ARGUMENT with the field's name, or AMPHI_E_LIMIT. */
amphi_status amphi__check_id(amphi_str id, const char *field, amphi_error *error);
amphi_status amphi__check_setting(amphi_str name, amphi_str value, amphi_error *error);
amphi_status amphi__check_cache_value(
    const amphi_store_limits *limits, amphi_str value, amphi_error *error);

/* What an outbox holds, waiting and expired. */
typedef struct amphi_outbox_room {
    uint64_t entries;
    uint64_t bytes;
    uint64_t expired; /* of entries */
    bool has_same_id;
} amphi_outbox_room;

/* AMPHI_E_FULL with the bound that another entry would break, AMPHI_E_ARGUMENT for an id that is
 * taken. */
amphi_status amphi__check_outbox_room(const amphi_store_limits *limits,
    const amphi_store_outbox_item *item, const amphi_outbox_room *room, amphi_error *error);
/* For how long an entry is put off, from now on; whatever the wall clock does meanwhile. */
int64_t amphi__outbox_hold_ms(const amphi_store_outbox_item *item);
/* The reason of an entry that expires for its age; `reason` is what the last try failed with. */
void amphi__outbox_too_old(
    char out[AMPHI_OUTBOX_REASON_MAX], const amphi_store_limits *limits, amphi_str reason);
/* Milliseconds since the boot, suspension included; the same for every process. */
int64_t amphi__store_boot_ms(const amphi_clock *clock);

/* The first characters of the turn's first user message (of its first text part); stays empty
 * when there is none. AMPHI_E_NO_MEMORY only. */
amphi_status amphi__turn_title(amphi_buf *out, const amphi_store_turn *turn, amphi_error *error);

#endif
