/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows go in the order in which they lie in each other's way: the search index (whose triggers
 * would else take a whole segment along with a message), cached answers, messages, drafts, the
 * outbox. A step that does not fit is tried again with a quarter of the rows, down to one.
 */
#include "storage/history_steps.h"

#include "sdk/core/error.h"

#define ROWS_AT_FIRST 256

typedef struct steps {
    amphi_store_sqlcipher *store;
    const amphi_store_erasure *what;
    int64_t seq;  /* of the conversation; 0: none, or everything */
    int64_t rows; /* at a time */
    amphi_history_receipt taken;
} steps;

/* Inside a transaction; *rows: that went. */
typedef amphi_status step_fn(steps *s, amphi_db *db, int64_t *rows, amphi_error *error);

/* ---- Rows of a table ---- */

/* Each statement has ?1, the conversation (seq, or by_id its id), and ?2, rows. */
typedef struct table_step {
    const char *count; /* rows and their bytes; NULL: not counted */
    const char *remove;
    bool by_id;
} table_step;

#define CACHED                                                                                     \
    "(SELECT id FROM cache WHERE key IN (SELECT cache_key FROM messages"                           \
    " WHERE conversation = ?1) LIMIT ?2)"
#define ANY_CACHED         "(SELECT id FROM cache LIMIT ?2)"
#define MESSAGES           "(SELECT id FROM messages WHERE conversation = ?1 ORDER BY id LIMIT ?2)"
#define ANY_MESSAGE        "(SELECT id FROM messages LIMIT ?2)"
#define QUEUED             "(SELECT seq FROM outbox WHERE conversation = ?1 LIMIT ?2)"
#define ANY_QUEUED         "(SELECT seq FROM outbox LIMIT ?2)"
#define COUNT_CACHED(rows) "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM cache WHERE id IN " rows
#define COUNT_MESSAGES(rows)                                                                       \
    "SELECT COUNT(*), COALESCE(SUM(" AMPHI_HISTORY_BYTES "), 0) FROM messages WHERE id IN " rows
#define COUNT_QUEUED(rows)                                                                         \
    "SELECT COALESCE(SUM(state <> 1), 0), COALESCE(SUM(size_bytes), 0) FROM outbox"                \
    " WHERE seq IN " rows

static void bind(amphi_query *q, const steps *s, bool by_id)
{
    if (by_id)
        amphi__query_bind_str(q, 1, s->what->conversation_id);
    else
        amphi__query_bind_int(q, 1, s->seq);
    amphi__query_bind_int(q, 2, s->rows);
}

static amphi_status take_rows(const steps *s, amphi_db *db, const table_step *step, int64_t *rows,
    uint64_t *count, uint64_t *bytes, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, step->count);
    bind(&q, s, step->by_id);
    if (amphi__query_row(&q)) {
        *count += (uint64_t)amphi__query_int(&q, 0);
        *bytes += (uint64_t)amphi__query_int(&q, 1);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, step->remove);
    bind(&q, s, step->by_id);
    status = amphi__query_run(&q, error);
    *rows = status == AMPHI_OK ? amphi__db_changes(db) : 0;
    return status;
}

static amphi_status take_cached(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    static const table_step one = {
        .count = COUNT_CACHED(CACHED), .remove = "DELETE FROM cache WHERE id IN " CACHED};
    static const table_step all = {
        .count = COUNT_CACHED(ANY_CACHED), .remove = "DELETE FROM cache WHERE id IN " ANY_CACHED};
    return take_rows(s, db, s->what->everything ? &all : &one, rows, &s->taken.cached_count,
        &s->taken.text_bytes, error);
}

/* The conversations themselves, and with everything their sizes, are left to the last step. */
static amphi_status take_messages(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    static const table_step one = {
        .count = COUNT_MESSAGES(MESSAGES), .remove = "DELETE FROM messages WHERE id IN " MESSAGES};
    static const table_step all = {.count = COUNT_MESSAGES(ANY_MESSAGE),
        .remove = "DELETE FROM messages WHERE id IN " ANY_MESSAGE};
    uint64_t ignored = 0;
    if (s->what->message_id != 0) /* one that fits by itself or not at all */
        return AMPHI_OK;
    if (s->what->everything)
        return take_rows(s, db, &all, rows, &s->taken.messages_count, &ignored, error);
    amphi_status status =
        take_rows(s, db, &one, rows, &s->taken.messages_count, &s->taken.text_bytes, error);
    bool is_gone = false;
    if (status == AMPHI_OK && *rows > 0)
        status = amphi__history_refresh(db, s->seq, &is_gone, error);
    s->taken.conversations_count += status == AMPHI_OK && is_gone;
    return status;
}

static amphi_status take_queued(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    static const table_step one = {.count = COUNT_QUEUED(QUEUED),
        .remove = "DELETE FROM outbox WHERE seq IN " QUEUED,
        .by_id = true};
    static const table_step all = {
        .count = COUNT_QUEUED(ANY_QUEUED), .remove = "DELETE FROM outbox WHERE seq IN " ANY_QUEUED};
    if (s->what->message_id != 0)
        return AMPHI_OK;
    return take_rows(s, db, s->what->everything ? &all : &one, rows, &s->taken.outbox_count,
        &s->taken.text_bytes, error);
}

/* ---- The search index ---- */

/* Segments that cover what goes are forgotten whole; they are made anew for what stays. */
static amphi_status forget_segments(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "DELETE FROM search_segments WHERE ?1 = 0 OR EXISTS (SELECT 1 FROM messages"
        " WHERE conversation = ?1 AND id BETWEEN first_id AND last_id"
        " AND (?2 = 0 OR id = ?2))");
    amphi__query_bind_int(&q, 1, s->seq);
    amphi__query_bind_int(&q, 2, s->what->message_id);
    *rows = 0;
    return amphi__query_run(&q, error);
}

/* A segment whose rows are there though it was forgotten; -1: none. */
static amphi_status find_forgotten(amphi_db *db, int64_t *segment, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "WITH RECURSIVE found(s) AS (SELECT MIN(segment) FROM search_index UNION ALL"
        " SELECT (SELECT MIN(segment) FROM search_index WHERE segment > s) FROM found"
        " WHERE s IS NOT NULL)"
        " SELECT s FROM found WHERE s IS NOT NULL"
        " AND s NOT IN (SELECT last_id FROM search_segments) LIMIT 1");
    *segment = amphi__query_row(&q) ? amphi__query_int(&q, 0) : -1;
    return amphi__query_end(&q, error);
}

static amphi_status take_index(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    amphi_query q;
    int64_t segment;
    amphi_status status = find_forgotten(db, &segment, error);
    if (status != AMPHI_OK || segment < 0)
        return status;
    amphi__query_begin(&q, db,
        "DELETE FROM search_index WHERE segment = ?1 AND term IN"
        " (SELECT term FROM search_index WHERE segment = ?1 LIMIT ?2)");
    amphi__query_bind_int(&q, 1, segment);
    amphi__query_bind_int(&q, 2, s->rows);
    status = amphi__query_run(&q, error);
    *rows = status == AMPHI_OK ? amphi__db_changes(db) : 0;
    return status;
}

/* ---- Steps ---- */

static amphi_status note(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    *rows = 0;
    return amphi__history_note_erasure(s->store, db, s->what, error);
}

static amphi_status note_change(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    *rows = 0;
    return amphi__history_grow_epoch(db, error);
}

static amphi_status find_seq(steps *s, amphi_db *db, int64_t *rows, amphi_error *error)
{
    *rows = 0;
    amphi_status status = AMPHI_OK;
    if (!s->what->everything)
        status = amphi__history_find(db, s->what->conversation_id, &s->seq, error);
    if (status == AMPHI_OK && (s->what->everything || s->seq != 0))
        status = amphi__history_visit_keys(db, s->what, s->seq, error);
    return status;
}

/* One transaction. What a failed one counted does not count. */
static amphi_status run_once(steps *s, step_fn *step, int64_t *rows, amphi_error *error)
{
    amphi_db *db;
    const amphi_history_receipt before = s->taken;
    *rows = 0;
    amphi_status status =
        amphi__store_write_begin_alone(s->store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_end(s->store, step(s, db, rows, error), error);
    if (status != AMPHI_OK)
        s->taken = before;
    (void)amphi__store_empty_log(s->store);
    return status;
}

/* Until a step finds nothing more. */
static amphi_status run_to_end(steps *s, step_fn *step, amphi_error *error)
{
    int64_t rows = 1;
    amphi_status status = AMPHI_OK;
    s->rows = ROWS_AT_FIRST;
    while (status == AMPHI_OK && rows > 0) {
        status = run_once(s, step, &rows, error);
        bool may_shrink = status == AMPHI_E_IO && s->rows > 1;
        if (may_shrink) {
            s->rows /= 4;
            rows = 1;
            status = AMPHI_OK;
        }
    }
    if (status == AMPHI_E_IO)
        (void)amphi__fail(error, AMPHI_E_IO, error != NULL ? error->native_code : 0,
            "store: the disk is full, and this does not fit the room that is kept for deletions: "
            "make some, or `amphi keys shred` everything");
    return status;
}

void amphi__history_add_receipt(amphi_history_receipt *to, const amphi_history_receipt *part)
{
    to->conversations_count += part->conversations_count;
    to->messages_count += part->messages_count;
    to->cached_count += part->cached_count;
    to->outbox_count += part->outbox_count;
    to->text_bytes += part->text_bytes;
}

amphi_status amphi__history_erase_in_steps(amphi_store_sqlcipher *store,
    const amphi_store_erasure *what, amphi_history_receipt *receipt, amphi_error *error)
{
    static step_fn *const all[] = {
        note, find_seq, forget_segments, take_index, take_cached, take_messages, take_queued};
    steps s = {.store = store, .what = what};
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && status == AMPHI_OK; i++) {
        bool has_target = what->everything || s.seq != 0 || all[i] == note || all[i] == find_seq ||
                          all[i] == take_queued;
        if (has_target)
            status = run_to_end(&s, all[i], error);
    }
    amphi__history_add_receipt(receipt, &s.taken);
    return status;
}

amphi_status amphi__cache_clear_in_steps(amphi_store_sqlcipher *store, amphi_error *error)
{
    amphi_store_erasure all;
    amphi_store_erasure_init(&all);
    all.everything = true;
    steps s = {.store = store, .what = &all};
    amphi_status status = run_to_end(&s, note_change, error);
    return status == AMPHI_OK ? run_to_end(&s, take_cached, error) : status;
}
