/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of turns, each in one block of memory. A turn is in the database or in the list, never in
 * both for a reader: turns_lock is held from before a transaction writes the list until those that
 * it wrote are taken out, and by readers of a conversation that has turns here. It is taken inside
 * the gate, so that waiting for a lock of the database keeps no reader.
 */
#include "storage/waiting_turns.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"
#include "storage/history.h"

#define TURNS_MAX 64u
#define BYTES_MAX (8u << 20)
/* Above every row of the database. */
#define FIRST_ID (INT64_C(1) << 62)

struct amphi_waiting_turn {
    struct amphi_waiting_turn *next;
    size_t size;      /* of the whole block */
    int64_t first_id; /* of its messages, while they wait */
    bool is_done;     /* written, or not to be written any more */
    amphi_store_turn turn;
    amphi_store_message messages[];
};

/* ---- Copies ---- */

enum { TEXTS = 6 };

/* Every string of a message. */
static void texts_of(amphi_store_message *message, amphi_str *out[TEXTS])
{
    out[0] = &message->role;
    out[1] = &message->content;
    out[2] = &message->extra_json;
    out[3] = &message->route;
    out[4] = &message->model;
    out[5] = &message->decision_json;
}

static size_t size_of(const amphi_store_turn *turn)
{
    size_t size =
        sizeof(struct amphi_waiting_turn) + turn->conversation_id.size + turn->draft_key.size;
    for (size_t i = 0; i < turn->messages_count; i++) {
        amphi_store_message message = turn->messages[i];
        amphi_str *texts[TEXTS];
        texts_of(&message, texts);
        size += sizeof message;
        for (int t = 0; t < TEXTS; t++)
            size += texts[t]->size;
    }
    return size;
}

static void move_in(amphi_str *text, char **at)
{
    if (text->size > 0)
        memcpy(*at, text->data, text->size);
    text->data = *at;
    *at += text->size;
}

/* Without what belongs to other tables: the cache's entry. */
static struct amphi_waiting_turn *copy_of(const amphi_store_turn *turn, size_t size)
{
    struct amphi_waiting_turn *made = amphi__alloc(size);
    if (made == NULL)
        return NULL;
    *made = (struct amphi_waiting_turn){.size = size, .turn = *turn};
    char *at = (char *)&made->messages[turn->messages_count];
    made->turn.cached = NULL;
    made->turn.messages = made->messages;
    move_in(&made->turn.conversation_id, &at);
    move_in(&made->turn.draft_key, &at);
    for (size_t i = 0; i < turn->messages_count; i++) {
        amphi_str *texts[TEXTS];
        made->messages[i] = turn->messages[i];
        texts_of(&made->messages[i], texts);
        for (int t = 0; t < TEXTS; t++)
            move_in(texts[t], &at);
    }
    return made;
}

static void forget(struct amphi_waiting_turn *turn)
{
    amphi__wipe(turn, turn->size);
    amphi__free(turn);
}

/* ---- Keeping ---- */

/* Under the lock. */
static bool append(amphi_store_sqlcipher *store, struct amphi_waiting_turn *made)
{
    size_t count = 0;
    size_t bytes = made->size;
    struct amphi_waiting_turn **end = &store->turns;
    for (; *end != NULL; end = &(*end)->next) {
        count++;
        bytes += (*end)->size;
    }
    if (count >= TURNS_MAX || bytes > BYTES_MAX)
        return false;
    made->first_id = FIRST_ID + store->turn_messages;
    store->turn_messages += (int64_t)made->turn.messages_count;
    *end = made;
    return true;
}

void amphi__waiting_turns_keep(
    amphi_store_sqlcipher *store, const amphi_store_turn *turn, amphi_error *error)
{
    size_t size = size_of(turn);
    bool passes = error->status == AMPHI_E_BUSY || error->status == AMPHI_E_IO;
    /* An outbox entry is its own copy, and is sent again. */
    if (!passes || turn->outbox_id.size > 0 || size > BYTES_MAX)
        return;
    struct amphi_waiting_turn *made = copy_of(turn, size);
    if (made == NULL)
        return;
    amphi__mutex_lock(&store->turns_lock);
    bool kept = append(store, made);
    amphi__mutex_unlock(&store->turns_lock);
    if (!kept) {
        forget(made);
        return;
    }
    amphi_error why = *error;
    char what[sizeof why.message - 64];
    amphi__sentence_copy(what, sizeof what, amphi_str_from(why.message));
    (void)amphi__fail(error, why.status, why.native_code,
        "%s; it waits in memory for as long as the program runs", what);
    amphi__store_flusher_wake(store->flusher);
}

/* ---- Writing ---- */

/* Under the lock: takes out those that are done. */
static void drop_done(amphi_store_sqlcipher *store, bool stands)
{
    for (struct amphi_waiting_turn **link = &store->turns; *link != NULL;) {
        struct amphi_waiting_turn *turn = *link;
        if (turn->is_done && stands) {
            *link = turn->next;
            forget(turn);
        } else {
            turn->is_done = false;
            link = &turn->next;
        }
    }
}

/* A turn whose conversation was deleted since is dropped. */
static amphi_status write_one(
    amphi_store_sqlcipher *store, amphi_db *db, struct amphi_waiting_turn *turn, amphi_error *error)
{
    amphi_status status = amphi__db_exec(db, "SAVEPOINT waiting", error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__history_append_within(store, db, &turn->turn, error);
    if (status == AMPHI_E_NOT_FOUND)
        status = amphi__db_exec(db, "ROLLBACK TO waiting", error);
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "RELEASE waiting", error);
    turn->is_done = status == AMPHI_OK;
    return status;
}

static bool is_empty(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->turns_lock);
    bool empty = store->turns == NULL;
    amphi__mutex_unlock(&store->turns_lock);
    return empty;
}

amphi_status amphi__waiting_turns_flush(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_error *error)
{
    amphi_db *db;
    if (is_empty(store))
        return AMPHI_OK;
    amphi_status status = amphi__store_write_begin_alone(store, patience_ms, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->turns_lock);
    for (struct amphi_waiting_turn *turn = store->turns; turn != NULL && status == AMPHI_OK;
         turn = turn->next)
        status = write_one(store, db, turn, error);
    status = amphi__store_write_end(store, status, error);
    drop_done(store, status == AMPHI_OK);
    amphi__mutex_unlock(&store->turns_lock);
    return status;
}

/* ---- Forgetting ---- */

uint32_t amphi__waiting_turns_forget(amphi_store_sqlcipher *store, amphi_str conversation_id)
{
    uint32_t messages = 0;
    amphi__mutex_lock(&store->turns_lock);
    for (struct amphi_waiting_turn *turn = store->turns; turn != NULL; turn = turn->next) {
        turn->is_done = conversation_id.size == 0 ||
                        amphi__str_equal(turn->turn.conversation_id, conversation_id);
        messages += turn->is_done ? (uint32_t)turn->turn.messages_count : 0;
    }
    drop_done(store, true);
    amphi__mutex_unlock(&store->turns_lock);
    return messages;
}

uint32_t amphi__waiting_turns_clear(amphi_store_sqlcipher *store)
{
    uint32_t count = 0;
    for (; store->turns != NULL; count++) {
        struct amphi_waiting_turn *turn = store->turns;
        store->turns = turn->next;
        forget(turn);
    }
    return count;
}

/* ---- Reading ---- */

bool amphi__waiting_turns_hold(amphi_store_sqlcipher *store, amphi_str conversation_id)
{
    amphi__mutex_lock(&store->turns_lock);
    for (const struct amphi_waiting_turn *turn = store->turns; turn != NULL; turn = turn->next)
        if (amphi__str_equal(turn->turn.conversation_id, conversation_id))
            return true;
    amphi__mutex_unlock(&store->turns_lock);
    return false;
}

void amphi__waiting_turns_release(amphi_store_sqlcipher *store)
{
    amphi__mutex_unlock(&store->turns_lock);
}

/* The row with the lowest id above `from`, or with newest_first the highest below it. */
static bool find_next(
    const amphi_store_sqlcipher *store, const amphi_store_row_query *at, amphi_store_row *out)
{
    bool found = false;
    for (const struct amphi_waiting_turn *turn = store->turns; turn != NULL; turn = turn->next) {
        if (!amphi__str_equal(turn->turn.conversation_id, at->conversation_id))
            continue;
        for (size_t i = 0; i < turn->turn.messages_count; i++) {
            int64_t id = turn->first_id + (int64_t)i;
            bool fits = at->newest_first ? id < at->from_id : id > at->from_id;
            bool is_nearer = !found || (at->newest_first ? id > out->id : id < out->id);
            if (!fits || !is_nearer)
                continue;
            found = true;
            out->id = id;
            out->created_ms = turn->turn.now_ms;
            out->message = turn->messages[i];
            out->privacy = turn->turn.privacy;
        }
    }
    return found;
}

bool amphi__waiting_turns_visit(
    amphi_store_sqlcipher *store, amphi_store_row_query *at, amphi_store_row_fn *visit, void *user)
{
    amphi_store_row row;
    bool is_limited = at->limit > 0;
    amphi_store_row_init(&row);
    while (find_next(store, at, &row)) {
        at->from_id = row.id;
        if (!visit(user, &row))
            return false;
        if (is_limited && --at->limit == 0)
            return false;
    }
    return true;
}
