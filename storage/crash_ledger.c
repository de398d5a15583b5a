/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of local starts. A row is written before each phase, on the way to the first token, so
 * it never waits: a start is first kept in memory, and goes into the table at once when nothing
 * else is written (without a sync: the bytes are in the kernel's hands then, which survives this
 * process), else with the next write of any kind, at the latest by the flusher. Lists show memory
 * over table. A start has an id of its own, a random number, since it exists before its row does.
 */
#include "storage/store_sqlcipher.h"
#include "storage/store_visit.h"

#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { PRUNE_EVERY = 64 };
enum {
    START_ID,
    START_IN_PROCESS,
    START_STARTED,
    START_CHANGED,
    START_PHASE,
    START_OUTCOME,
    START_STATE,  /* start_state */
    START_IS_ROW, /* a change to a row of the table: only id, phase, outcome, time are known */
};
enum { START_FINGERPRINT, START_BUILD, START_KERNELS, START_HOST, START_STRINGS };
typedef enum start_state { START_WRITTEN, START_DIRTY, START_ON_ITS_WAY } start_state;

/* ---- The table ---- */

static amphi_status prune(amphi_db *db, int64_t newest, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM ledger WHERE id <= ?1");
    amphi__query_bind_int(&q, 1, newest - AMPHI_LEDGER_ROWS_MAX);
    return amphi__query_run(&q, error);
}

static amphi_status insert(amphi_db *db, const amphi_entry *start, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "INSERT INTO ledger (fingerprint, build, kernels, host, in_process, started_ms, changed_ms,"
        " phase, outcome, start_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    for (int i = START_FINGERPRINT; i < START_STRINGS; i++)
        amphi__query_bind_str(&q, 1 + i, start->strings[i]);
    for (int i = START_IN_PROCESS; i <= START_OUTCOME; i++)
        amphi__query_bind_int(&q, 4 + i, start->numbers[i]);
    amphi__query_bind_int(&q, 10, start->numbers[START_ID]);
    amphi_status status = amphi__query_run(&q, error);
    int64_t newest = amphi__db_last_id(db);
    if (status == AMPHI_OK && newest % PRUNE_EVERY == 0)
        status = prune(db, newest, error);
    return status;
}

static amphi_status write_start(amphi_db *db, const amphi_entry *start, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(
        &q, db, "UPDATE ledger SET phase = ?2, outcome = ?3, changed_ms = ?4 WHERE start_id = ?1");
    amphi__query_bind_int(&q, 1, start->numbers[START_ID]);
    amphi__query_bind_int(&q, 2, start->numbers[START_PHASE]);
    amphi__query_bind_int(&q, 3, start->numbers[START_OUTCOME]);
    amphi__query_bind_int(&q, 4, start->numbers[START_CHANGED]);
    amphi_status status = amphi__query_run(&q, error);
    bool is_new = amphi__db_changes(db) == 0 && start->numbers[START_IS_ROW] == 0;
    return status == AMPHI_OK && is_new ? insert(db, start, error) : status;
}

/* ---- Memory ---- */

static amphi_entry *find(const amphi_store_sqlcipher *store, int64_t id)
{
    for (amphi_entry *at = store->ledger.first; at != NULL; at = at->next)
        if (at->numbers[START_ID] == id)
            return at;
    return NULL;
}

/* Those that are in the table and will not change any more; beyond the bound, the oldest. */
static void drop_finished(amphi_store_sqlcipher *store)
{
    amphi_entry **link = &store->ledger.first;
    while (*link != NULL) {
        const int64_t *numbers = (*link)->numbers;
        bool over = store->ledger.count > AMPHI_LEDGER_ROWS_MAX;
        bool done = numbers[START_STATE] == START_WRITTEN &&
                    (numbers[START_OUTCOME] != AMPHI_START_RUNNING || numbers[START_IS_ROW] != 0);
        if (done || (over && numbers[START_STATE] != START_ON_ITS_WAY))
            amphi__entry_free(amphi__list_unlink(&store->ledger, link));
        else
            link = &(*link)->next;
    }
}

bool amphi__store_ledger_is_dirty(amphi_store_sqlcipher *store)
{
    bool dirty = false;
    amphi__mutex_lock(&store->ledger_lock);
    for (const amphi_entry *at = store->ledger.first; at != NULL && !dirty; at = at->next)
        dirty = at->numbers[START_STATE] != START_WRITTEN;
    amphi__mutex_unlock(&store->ledger_lock);
    return dirty;
}

amphi_status amphi__store_ledger_write(
    amphi_store_sqlcipher *store, amphi_db *db, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    amphi__mutex_lock(&store->ledger_lock);
    for (amphi_entry *at = store->ledger.first; at != NULL && status == AMPHI_OK; at = at->next) {
        if (at->numbers[START_STATE] != START_DIRTY)
            continue;
        status = write_start(db, at, error);
        if (status == AMPHI_OK)
            at->numbers[START_STATE] = START_ON_ITS_WAY;
    }
    amphi__mutex_unlock(&store->ledger_lock);
    return status;
}

void amphi__store_ledger_written(amphi_store_sqlcipher *store, bool stands)
{
    amphi__mutex_lock(&store->ledger_lock);
    for (amphi_entry *at = store->ledger.first; at != NULL; at = at->next)
        if (at->numbers[START_STATE] == START_ON_ITS_WAY)
            at->numbers[START_STATE] = stands ? START_WRITTEN : START_DIRTY;
    drop_finished(store);
    amphi__mutex_unlock(&store->ledger_lock);
}

amphi_status amphi__store_ledger_flush(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_error *error)
{
    amphi_db *db;
    if (!amphi__store_ledger_is_dirty(store))
        return AMPHI_OK;
    /* Beginning a transaction writes what waits. */
    amphi_status status = amphi__store_write_begin_unsynced(store, patience_ms, &db, error);
    return status == AMPHI_OK ? amphi__store_write_end(store, AMPHI_OK, error) : status;
}

/* At once, or by the flusher. That it can't be written is no failure: it is known here. */
static void write_or_wait(amphi_store_sqlcipher *store)
{
    amphi_error why;
    if (amphi__store_ledger_flush(store, AMPHI_PATIENCE_NONE_MS, &why) != AMPHI_OK ||
        amphi__store_ledger_is_dirty(store))
        amphi__store_flusher_wake(store->flusher);
}

/* ---- Adding and changing ---- */

amphi_status amphi__store_ledger_add(
    void *self, const amphi_store_start *given, int64_t *id, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_start start;
    uint64_t number = 0;
    amphi_status status = amphi__read_start(&start, given, error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__random(&number, sizeof number);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "ledger: no random numbers");
    const amphi_str strings[] = {start.fingerprint, start.build, start.kernels, start.host};
    amphi_entry *made = amphi__entry_new(strings, START_STRINGS);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    *id = (int64_t)(number >> 2 | 1ull << 61); /* positive, and no row number of older versions */
    made->numbers[START_ID] = *id;
    made->numbers[START_IN_PROCESS] = start.in_process;
    made->numbers[START_STARTED] = start.started_ms;
    made->numbers[START_CHANGED] = start.changed_ms;
    made->numbers[START_PHASE] = start.phase;
    made->numbers[START_OUTCOME] = start.outcome;
    made->numbers[START_STATE] = START_DIRTY;
    amphi__mutex_lock(&store->ledger_lock);
    amphi__list_append(&store->ledger, made);
    drop_finished(store);
    amphi__mutex_unlock(&store->ledger_lock);
    write_or_wait(store);
    return AMPHI_OK;
}

static bool set_in_memory(amphi_store_sqlcipher *store, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms)
{
    amphi__mutex_lock(&store->ledger_lock);
    amphi_entry *start = find(store, id);
    if (start != NULL) {
        start->numbers[START_PHASE] = phase;
        start->numbers[START_OUTCOME] = outcome;
        start->numbers[START_CHANGED] = now_ms;
        start->numbers[START_STATE] = START_DIRTY;
    }
    amphi__mutex_unlock(&store->ledger_lock);
    return start != NULL;
}

/* A row of another client, or of an earlier one: what changes is kept in memory like a start. */
static amphi_status adopt(amphi_store_sqlcipher *store, int64_t id, amphi_error *error)
{
    amphi_query q;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "SELECT 1 FROM ledger WHERE start_id = ?1");
    amphi__query_bind_int(&q, 1, id);
    bool found = amphi__query_row(&q);
    status = amphi__query_end(&q, error);
    amphi__store_read_end(store);
    if (status != AMPHI_OK)
        return status;
    if (!found)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "ledger: no such start");
    amphi_entry *made = amphi__entry_new(NULL, 0);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    made->numbers[START_ID] = id;
    made->numbers[START_IS_ROW] = 1;
    amphi__mutex_lock(&store->ledger_lock);
    amphi__list_append(&store->ledger, made);
    amphi__mutex_unlock(&store->ledger_lock);
    return AMPHI_OK;
}

amphi_status amphi__store_ledger_set(void *self, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    if (!set_in_memory(store, id, phase, outcome, now_ms)) {
        amphi_status status = adopt(store, id, error);
        if (status != AMPHI_OK)
            return status;
        (void)set_in_memory(store, id, phase, outcome, now_ms);
    }
    write_or_wait(store);
    return AMPHI_OK;
}

/* ---- Listing ---- */

/* What is in memory when a list begins, newest first. */
typedef struct known_starts {
    const amphi_entry *starts[AMPHI_LEDGER_ROWS_MAX + 1];
    size_t count;
    size_t next; /* to be shown */
} known_starts;

/* In the order of amphi__visit_starts. */
static void put_known(amphi_rows *rows, const amphi_entry *start)
{
    amphi__rows_put_int(rows, start->numbers[START_ID]);
    for (int i = START_FINGERPRINT; i < START_STRINGS; i++)
        amphi__rows_put_str(rows, start->strings[i]);
    for (int i = START_IN_PROCESS; i <= START_OUTCOME; i++)
        amphi__rows_put_int(rows, start->numbers[i]);
    rows->count++;
}

static void put_row(amphi_rows *rows, amphi_query *q, const amphi_entry *change)
{
    amphi__rows_put_int(rows, amphi__query_int(q, 0));
    for (int column = 1; column <= 4; column++)
        amphi__rows_put_str(rows, amphi__query_str(q, column));
    amphi__rows_put_int(rows, amphi__query_int(q, 5));
    amphi__rows_put_int(rows, amphi__query_int(q, 6));
    for (int column = 7; column <= 9; column++)
        amphi__rows_put_int(rows, change != NULL ? change->numbers[START_CHANGED + column - 7]
                                                 : amphi__query_int(q, column));
    rows->count++;
}

/* Under the lock of the ledger. */
static void collect(
    amphi_store_sqlcipher *store, amphi_str fingerprint, int64_t since_ms, known_starts *out)
{
    out->count = out->next = 0;
    for (const amphi_entry *at = store->ledger.first; at != NULL; at = at->next) {
        if (out->count > AMPHI_LEDGER_ROWS_MAX || at->numbers[START_IS_ROW] != 0 ||
            at->numbers[START_CHANGED] < since_ms ||
            !amphi__str_equal(at->strings[START_FINGERPRINT], fingerprint))
            continue;
        size_t place = out->count++;
        for (; place > 0 &&
               out->starts[place - 1]->numbers[START_CHANGED] <= at->numbers[START_CHANGED];
             place--)
            out->starts[place] = out->starts[place - 1];
        out->starts[place] = at;
    }
}

/* Those that changed at from_ms or later. */
static void put_known_since(amphi_rows *rows, known_starts *known, int64_t from_ms)
{
    while (
        known->next < known->count && known->starts[known->next]->numbers[START_CHANGED] >= from_ms)
        put_known(rows, known->starts[known->next++]);
}

/* Under both locks. */
static amphi_status read_starts(amphi_store_sqlcipher *store, amphi_db *db, amphi_str fingerprint,
    int64_t since_ms, amphi_rows *rows, amphi_error *error)
{
    known_starts known;
    amphi_query q;
    collect(store, fingerprint, since_ms, &known);
    amphi__query_begin(&q, db,
        "SELECT start_id, fingerprint, build, kernels, host, in_process, started_ms, changed_ms,"
        " phase, outcome FROM ledger WHERE fingerprint = ?1 AND changed_ms >= ?2"
        " ORDER BY changed_ms DESC, id DESC LIMIT ?3");
    amphi__query_bind_str(&q, 1, fingerprint);
    amphi__query_bind_int(&q, 2, since_ms);
    amphi__query_bind_int(&q, 3, AMPHI_LEDGER_LIST_MAX);
    while (amphi__query_row(&q)) {
        const amphi_entry *start = find(store, amphi__query_int(&q, 0));
        if (start != NULL && start->numbers[START_IS_ROW] == 0)
            continue; /* shown from memory */
        put_known_since(rows, &known, amphi__query_int(&q, 7));
        put_row(rows, &q, start);
    }
    put_known_since(rows, &known, INT64_MIN);
    return amphi__query_end(&q, error);
}

amphi_status amphi__store_ledger_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows rows;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__rows_init(&rows);
    amphi__mutex_lock(&store->ledger_lock);
    status = read_starts(store, db, fingerprint, since_ms, &rows, error);
    amphi__mutex_unlock(&store->ledger_lock);
    amphi__store_read_end(store);
    if (status == AMPHI_OK && rows.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        (void)amphi__visit_starts(&rows, visit, user);
    amphi__rows_clear(&rows);
    return status;
}
