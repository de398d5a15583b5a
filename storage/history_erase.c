/* SPDX-License-Identifier: Apache-2.0
 *
 * Deleting. Every copy of a text goes in one transaction: messages, the entries of the response
 * cache that are their answers, what waits in the outbox. SQLite overwrites what it frees
 * (secure_delete), the log is emptied afterwards. Where another process reads just then, the log
 * stays for the moment: a mark, set in the same transaction, makes the next erasure or the next
 * open empty it.
 *
 * A request under way could bring a deleted conversation back with its answer. So each deletion
 * leaves a note, the hash of the conversation's id and an ever growing epoch, and a turn says which
 * epoch its request began in. Retention leaves no such note: what is under way is not old.
 */
#include "storage/erasure_name.h"
#include "storage/history.h"
#include "storage/history_steps.h"
#include "storage/store_hint.h"
#include "storage/store_leftovers.h"
#include "storage/store_made.h"
#include "storage/store_reserve.h"
#include "storage/waiting_turns.h"

#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#define LOG_MARK "history.log_is_to_be_wiped"

/* The two names that are no hash. */
static const uint8_t everything[] = {0};
#define LATEST "x''"

/* ---- Epochs ---- */

static amphi_status read_epoch(amphi_db *db, int64_t *epoch, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT epoch FROM erasures WHERE name = " LATEST);
    *epoch = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 1;
    return amphi__query_end(&q, error);
}

amphi_status amphi__store_history_epoch(void *self, int64_t *epoch, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = read_epoch(db, epoch, error);
    amphi__store_read_end(store);
    return status;
}

static amphi_status put_epoch(
    amphi_db *db, const uint8_t *name, size_t size, int64_t epoch, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "INSERT OR REPLACE INTO erasures (name, epoch) VALUES (?1, ?2)");
    amphi__query_bind_blob(&q, 1, name, size);
    amphi__query_bind_int(&q, 2, epoch);
    return amphi__query_run(&q, error);
}

static amphi_status note_erasure(amphi_db *db, const uint8_t *name, size_t size, amphi_error *error)
{
    amphi_query q;
    int64_t epoch = 0;
    amphi_status status = read_epoch(db, &epoch, error);
    if (status == AMPHI_OK)
        status = put_epoch(db, NULL, 0, epoch + 1, error);
    if (status == AMPHI_OK && size > 0)
        status = put_epoch(db, name, size, epoch + 1, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "DELETE FROM erasures WHERE epoch <= ?1 AND LENGTH(name) > 1");
    amphi__query_bind_int(&q, 1, epoch + 1 - AMPHI_ERASURES_MAX);
    return amphi__query_run(&q, error);
}

/* Of a turn whose epoch is older than the oldest note nothing is known: it counts as deleted if the
 * conversation is not there. */
amphi_status amphi__history_check_erased(
    amphi_store_sqlcipher *store, amphi_db *db, amphi_str id, int64_t epoch, amphi_error *error)
{
    amphi_query q;
    uint8_t name[AMPHI_ERASURE_NAME_BYTES];
    if (epoch == 0)
        return AMPHI_OK;
    amphi_status status = amphi__erasure_name(store->master, id, name, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "SELECT 1 FROM erasures WHERE epoch > ?1 AND (name = ?2 OR name = x'00' OR"
        " (name = " LATEST " AND epoch > ?1 + ?3 AND NOT EXISTS"
        "  (SELECT 1 FROM conversations WHERE id = ?4)))");
    amphi__query_bind_int(&q, 1, epoch);
    amphi__query_bind_blob(&q, 2, name, sizeof name);
    amphi__query_bind_int(&q, 3, AMPHI_ERASURES_MAX);
    amphi__query_bind_str(&q, 4, id);
    bool erased = amphi__query_row(&q);
    status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && erased)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "history: the conversation was deleted while it was answered; nothing was kept");
    return status;
}

/* ---- What goes ---- */

/* Runs "SELECT count, bytes" on what a DELETE is about to take. */
static amphi_status add_up(
    amphi_query *q, uint64_t *count, amphi_history_receipt *receipt, amphi_error *error)
{
    if (amphi__query_row(q)) {
        *count += (uint64_t)amphi__query_int(q, 0);
        receipt->text_bytes += (uint64_t)amphi__query_int(q, 1);
    }
    return amphi__query_end(q, error);
}

amphi_status amphi__history_visit_keys(
    amphi_db *db, const amphi_store_erasure *what, int64_t seq, amphi_error *error)
{
    amphi_query q;
    if (what->visit_key == NULL)
        return AMPHI_OK;
    amphi__query_begin(&q, db,
        seq != 0 ? "SELECT cache_key FROM messages WHERE conversation = ?1"
                 : "SELECT cache_key FROM messages WHERE ?1 = 0");
    amphi__query_bind_int(&q, 1, seq);
    while (amphi__query_row(&q)) {
        amphi_str key = amphi__query_str(&q, 0);
        if (key.size == AMPHI_CACHE_KEY_BYTES)
            what->visit_key(what->user, (const uint8_t *)key.data);
    }
    return amphi__query_end(&q, error);
}

/* Answers of the conversation in the response cache: all of them, also when one message goes, for
 * the entry of an answer may hold its question. */
static amphi_status erase_cached(amphi_db *db, const amphi_store_erasure *what, int64_t seq,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_query q;
    amphi_status status = amphi__history_visit_keys(db, what, seq, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM cache WHERE key IN"
        " (SELECT cache_key FROM messages WHERE conversation = ?1)");
    amphi__query_bind_int(&q, 1, seq);
    status = add_up(&q, &receipt->cached_count, receipt, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "DELETE FROM cache WHERE key IN (SELECT cache_key FROM messages WHERE conversation = ?1)");
    amphi__query_bind_int(&q, 1, seq);
    return amphi__query_run(&q, error);
}

/* Which messages of a conversation. */
typedef struct selection {
    const amphi_store_erasure *what;
    int64_t seq;
    int64_t id;        /* 0: each */
    int64_t before_ms; /* created earlier */
    int64_t limit;     /* the oldest; -1: all */
} selection;

#define SELECTED                                                                                   \
    "(SELECT id FROM messages WHERE conversation = ?1 AND (?2 = 0 OR id = ?2) AND created_ms < ?3" \
    " ORDER BY id LIMIT ?4)"

static void bind_selection(amphi_query *q, const selection *which)
{
    amphi__query_bind_int(q, 1, which->seq);
    amphi__query_bind_int(q, 2, which->id);
    amphi__query_bind_int(q, 3, which->before_ms);
    amphi__query_bind_int(q, 4, which->limit);
}

static amphi_status erase_messages(
    amphi_db *db, const selection *which, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_query q;
    bool is_gone = false;
    amphi_status status = erase_cached(db, which->what, which->seq, receipt, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "SELECT COUNT(*), COALESCE(SUM(" AMPHI_HISTORY_BYTES "), 0) FROM messages WHERE id IN"
        " " SELECTED);
    bind_selection(&q, which);
    status = add_up(&q, &receipt->messages_count, receipt, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "DELETE FROM messages WHERE id IN " SELECTED);
    bind_selection(&q, which);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK)
        status = amphi__history_refresh(db, which->seq, &is_gone, error);
    receipt->conversations_count += is_gone;
    return status;
}

static amphi_status erase_queued(
    amphi_db *db, amphi_str id, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT COALESCE(SUM(state <> 1), 0), COALESCE(SUM(size_bytes), 0) FROM outbox"
        " WHERE conversation = ?1"); /* 1: a note that it was sent */
    amphi__query_bind_str(&q, 1, id);
    amphi_status status = add_up(&q, &receipt->outbox_count, receipt, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "DELETE FROM outbox WHERE conversation = ?1");
    amphi__query_bind_str(&q, 1, id);
    return amphi__query_run(&q, error);
}

static amphi_status erase_drafts(
    amphi_db *db, amphi_str id, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(CAST(content AS BLOB))), 0) FROM drafts"
        " WHERE conversation = ?1");
    amphi__query_bind_str(&q, 1, id);
    amphi_status status = add_up(&q, &receipt->messages_count, receipt, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "DELETE FROM drafts WHERE conversation = ?1");
    amphi__query_bind_str(&q, 1, id);
    return amphi__query_run(&q, error);
}

amphi_status amphi__history_grow_epoch(amphi_db *db, amphi_error *error)
{
    return note_erasure(db, NULL, 0, error);
}

amphi_status amphi__history_note_erasure(
    amphi_store_sqlcipher *store, amphi_db *db, const amphi_store_erasure *what, amphi_error *error)
{
    uint8_t name[AMPHI_ERASURE_NAME_BYTES];
    if (what->everything)
        return note_erasure(db, everything, sizeof everything, error);
    if (what->message_id != 0)
        return note_erasure(db, NULL, 0, error);
    amphi_status status = amphi__erasure_name(store->master, what->conversation_id, name, error);
    return status == AMPHI_OK ? note_erasure(db, name, sizeof name, error) : status;
}

/* The deletion is noted also when nothing is there yet: the first request may be under way. */
static amphi_status erase_conversation(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_erasure *what, amphi_history_receipt *receipt, amphi_error *error)
{
    const amphi_str id = what->conversation_id;
    selection all = {.what = what, .before_ms = INT64_MAX, .limit = -1};
    amphi_status status = amphi__history_note_erasure(store, db, what, error);
    if (status == AMPHI_OK)
        status = amphi__history_find(db, id, &all.seq, error);
    if (status == AMPHI_OK && all.seq != 0)
        status = erase_messages(db, &all, receipt, error);
    if (status == AMPHI_OK)
        status = erase_drafts(db, id, receipt, error);
    return status == AMPHI_OK ? erase_queued(db, id, receipt, error) : status;
}

static amphi_status erase_message(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_erasure *what, amphi_history_receipt *receipt, amphi_error *error)
{
    selection one = {.what = what, .id = what->message_id, .before_ms = INT64_MAX, .limit = 1};
    amphi_status status = amphi__history_find(db, what->conversation_id, &one.seq, error);
    if (status == AMPHI_OK && one.seq != 0)
        status = amphi__history_note_erasure(store, db, what, error);
    if (status == AMPHI_OK && one.seq != 0)
        status = erase_messages(db, &one, receipt, error);
    if (status == AMPHI_OK && receipt->messages_count == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such message");
    return status;
}

static amphi_status erase_everything(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_erasure *what, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM conversations");
    amphi_status status = add_up(&q, &receipt->conversations_count, receipt, error);
    if (status == AMPHI_OK) {
        amphi__query_begin(&q, db, "SELECT COUNT(*), 0 FROM messages");
        status = add_up(&q, &receipt->messages_count, receipt, error);
    }
    if (status == AMPHI_OK) {
        amphi__query_begin(&q, db, "SELECT entries, bytes FROM cache_totals");
        status = add_up(&q, &receipt->cached_count, receipt, error);
    }
    if (status == AMPHI_OK) {
        amphi__query_begin(&q, db,
            "SELECT COALESCE(SUM(state <> 1), 0), COALESCE(SUM(size_bytes), 0) FROM outbox");
        status = add_up(&q, &receipt->outbox_count, receipt, error);
    }
    if (status == AMPHI_OK)
        status = amphi__history_visit_keys(db, what, 0, error);
    if (status == AMPHI_OK)
        status = amphi__history_note_erasure(store, db, what, error);
    if (status == AMPHI_OK)
        status = amphi__db_exec(db,
            "DELETE FROM messages; DELETE FROM conversations; DELETE FROM drafts;"
            "DELETE FROM outbox;"
            "DELETE FROM cache",
            error);
    return status == AMPHI_OK ? amphi__store_lost_unmark(db, error) : status;
}

/* ---- Retention ---- */

/* The conversation that is next to give something up; 0: there is none. */
static amphi_status find_excess(
    amphi_db *db, const amphi_store_erasure *what, selection *which, amphi_error *error)
{
    amphi_query q;
    *which = (selection){
        .what = what, .before_ms = what->before_ms, .limit = (int64_t)what->messages_max};
    if (what->before_ms != 0) {
        amphi__query_begin(&q, db,
            "SELECT seq FROM conversations WHERE is_pinned = 0 AND created_ms < ?1"
            " ORDER BY updated_ms, seq LIMIT 1");
        amphi__query_bind_int(&q, 1, what->before_ms);
        which->seq = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 0;
        amphi_status status = amphi__query_end(&q, error);
        if (status != AMPHI_OK || which->seq != 0)
            return status;
    }
    which->before_ms = INT64_MAX;
    if (what->bytes_max == 0)
        return AMPHI_OK;
    amphi__query_begin(&q, db,
        "SELECT seq FROM conversations WHERE is_pinned = 0 AND"
        " (SELECT SUM(bytes) FROM conversations WHERE is_pinned = 0) > ?1 ORDER BY updated_ms, seq "
        "LIMIT 1");
    amphi__query_bind_int(
        &q, 1, what->bytes_max < INT64_MAX ? (int64_t)what->bytes_max : INT64_MAX);
    which->seq = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 0;
    return amphi__query_end(&q, error);
}

static amphi_status erase_excess(amphi_db *db, const amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error)
{
    selection which = {0};
    amphi_status status = find_excess(db, what, &which, error);
    if (status != AMPHI_OK || which.seq == 0)
        return status;
    status = note_erasure(db, NULL, 0, error);
    return status == AMPHI_OK ? erase_messages(db, &which, receipt, error) : status;
}

/* ---- The log ---- */

static amphi_status set_mark(amphi_db *db, amphi_error *error)
{
    return amphi__db_exec(
        db, "INSERT OR REPLACE INTO settings (name, value) VALUES ('" LOG_MARK "', x'01')", error);
}

/* Takes the mark away once the log is empty. Not after each erasure, for that write would be in the
 * log again. It may stay when this fails: an empty log is emptied once more. */
static void finish_wipe(amphi_store_sqlcipher *store)
{
    amphi_db *db;
    if (amphi__store_empty_log(store) &&
        amphi__store_write_begin_unsynced(store, AMPHI_PATIENCE_NONE_MS, &db, NULL) == AMPHI_OK)
        (void)amphi__store_write_end(store,
            amphi__db_exec(db, "DELETE FROM settings WHERE name = '" LOG_MARK "'", NULL), NULL);
}

amphi_status amphi__store_history_resume(amphi_store_sqlcipher *store, amphi_error *error)
{
    amphi_db *db;
    amphi_query q;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "SELECT 1 FROM settings WHERE name = '" LOG_MARK "'");
    bool is_marked = amphi__query_row(&q);
    status = amphi__query_end(&q, error);
    amphi__store_read_end(store);
    if (status == AMPHI_OK && is_marked)
        finish_wipe(store);
    return status;
}

/* ---- The entry ---- */

static bool took_something(const amphi_history_receipt *receipt)
{
    return receipt->messages_count + receipt->cached_count + receipt->outbox_count > 0;
}

/* Inside a transaction. */
static amphi_status erase(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_erasure *what, amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    if (what->everything)
        status = erase_everything(store, db, what, receipt, error);
    else if (what->message_id != 0)
        status = erase_message(store, db, what, receipt, error);
    else if (what->conversation_id.size > 0)
        status = erase_conversation(store, db, what, receipt, error);
    else
        status = erase_excess(db, what, receipt, error);
    return status == AMPHI_OK && took_something(receipt) ? set_mark(db, error) : status;
}

/* Without writing: is there anything that retention takes? Mostly not. */
static amphi_status has_excess(
    amphi_store_sqlcipher *store, const amphi_store_erasure *what, bool *out, amphi_error *error)
{
    amphi_db *db;
    selection which;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = find_excess(db, what, &which, error);
    amphi__store_read_end(store);
    *out = status == AMPHI_OK && which.seq != 0;
    return status;
}

/* One transaction; adds to *total what it took. */
static amphi_status erase_at_once(amphi_store_sqlcipher *store, const amphi_store_erasure *what,
    amphi_history_receipt *total, amphi_error *error)
{
    amphi_db *db;
    amphi_error why;
    amphi_history_receipt own;
    amphi_history_receipt_init(&own);
    amphi_status status = amphi__store_write_begin(store, AMPHI_PATIENCE_PERSON_MS, &db, error);
    if (status == AMPHI_OK &&
        amphi__store_leftovers_remove(amphi_str_from(store->dir), &why) != AMPHI_OK)
        amphi__log(&store->log, AMPHI_LOG_WARNING, "%s", why.message);
    if (status == AMPHI_OK)
        status = amphi__store_write_end(store, erase(store, db, what, &own, error), error);
    if (status == AMPHI_OK)
        amphi__history_add_receipt(total, &own);
    return status;
}

/* Where the disk refuses: in the room that is kept for it, at once or in steps. */
static amphi_status erase_in_reserve(amphi_store_sqlcipher *store, const amphi_store_erasure *what,
    amphi_history_receipt *total, amphi_error *error)
{
    amphi_store_erasure less = *what;
    bool is_retention = what->before_ms != 0 || what->bytes_max != 0;
    amphi_status status = erase_at_once(store, what, total, error);
    if (status == AMPHI_E_IO && !is_retention) {
        status = amphi__history_erase_in_steps(store, what, total, error);
        if (status == AMPHI_OK)
            status = erase_at_once(store, what, total, error);
    }
    while (status == AMPHI_E_IO && is_retention && less.messages_max > 1) {
        less.messages_max /= 4;
        (void)amphi__store_empty_log(store);
        status = erase_at_once(store, &less, total, error);
    }
    return status;
}

/* The rows, in every place. */
static amphi_status erase_rows(amphi_store_sqlcipher *store, const amphi_store_erasure *what,
    amphi_history_receipt *own, amphi_error *error)
{
    bool is_retention = what->before_ms != 0 || what->bytes_max != 0;
    bool has_work = what->everything || what->conversation_id.size > 0;
    amphi_status status = AMPHI_OK;
    if (is_retention)
        status = has_excess(store, what, &has_work, error);
    if (status != AMPHI_OK || !has_work)
        return status;
    status = erase_at_once(store, what, own, error);
    if (status == AMPHI_E_BUSY)
        (void)amphi__fail(error, status, 0,
            "store: another process writes to it for longer than %u s; nothing was deleted, try "
            "again",
            AMPHI_PATIENCE_PERSON_MS / 1000u);
    if (amphi__store_reserve_give(store, status)) {
        status = erase_in_reserve(store, what, own, error);
        (void)amphi__store_empty_log(store);
    }
    amphi__store_hint_change(store); /* also when only a part went */
    if (status == AMPHI_OK && what->everything)
        amphi__store_shrink(store);
    amphi__store_reserve_restore(store);
    return status;
}

amphi_status amphi__store_history_erase(void *self, const amphi_store_erasure *given,
    amphi_history_receipt *receipt, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_erasure what;
    amphi_history_receipt own;
    const amphi_str dir = amphi_str_from(store->dir);
    amphi_history_receipt_init(&own);
    amphi_status status = amphi__read_erasure(&what, given, error);
    if (status == AMPHI_OK)
        status = erase_rows(store, &what, &own, error);
    if (status != AMPHI_OK)
        return status;
    bool is_retention = what.before_ms != 0 || what.bytes_max != 0;
    if (what.everything || (what.conversation_id.size > 0 && what.message_id == 0))
        own.messages_count += amphi__waiting_turns_forget(store, what.conversation_id);
    if (what.conversation_id.size > 0 && !took_something(&own))
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    own.log_is_wiped = !is_retention && amphi__store_empty_log(store);
    own.damaged_count = amphi__store_aside_find(dir, own.damaged_path, sizeof own.damaged_path);
    if (what.everything) {
        amphi__store_lost_forget(dir); /* what is empty now was meant to be */
        status = amphi__store_aside_remove(dir, error);
        own.damaged_path[0] = '\0';
    }
    if (status != AMPHI_OK)
        return status;
    return amphi__put_receipt(receipt, &own, what.now_ms, error);
}

amphi_status amphi__store_history_delete(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_erasure what;
    amphi_history_receipt receipt;
    amphi_status status = amphi__check_id(id, "conversation_id", error);
    if (status != AMPHI_OK)
        return status;
    amphi_store_erasure_init(&what);
    amphi_history_receipt_init(&receipt);
    what.conversation_id = id;
    return amphi__store_history_erase(self, &what, &receipt, error);
}
