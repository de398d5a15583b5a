/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching the encrypted store: from the newest message back, segment by segment; stretches that
 * no segment covers are read message by message. Ends as soon as there are enough hits.
 */
#include "storage/search.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/store_visit.h"

#define BUILDS_PER_SEARCH 4 /* some 100 ms each: of a history that was never indexed */

typedef struct finder {
    amphi_db *db;
    amphi_search_query query;
    amphi_search_judge judge;
    int64_t conversation; /* conversations.seq; 0: all */
    amphi_buf own_ids;    /* of the conversation, ascending, as int64_t */
    amphi_rows hits;
    amphi_error *error;
} finder;

static bool has_enough(const finder *f)
{
    return f->hits.count >= f->query.limit;
}

static amphi_status find_conversation(finder *f)
{
    amphi_query q;
    amphi__query_begin(&q, f->db, "SELECT seq FROM conversations WHERE id = ?1");
    amphi__query_bind_str(&q, 1, f->query.conversation_id);
    f->conversation = amphi__query_row(&q) ? amphi__query_int(&q, 0) : 0;
    amphi_status status = amphi__query_end(&q, f->error);
    if (status == AMPHI_OK && f->conversation == 0)
        status = amphi__fail(f->error, AMPHI_E_NOT_FOUND, 0, "history: no such conversation");
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, f->db, "SELECT id FROM messages WHERE conversation = ?1 ORDER BY id");
    amphi__query_bind_int(&q, 1, f->conversation);
    while (amphi__query_row(&q)) {
        int64_t id = amphi__query_int(&q, 0);
        (void)amphi__buf_append(&f->own_ids, &id, sizeof id);
    }
    status = amphi__query_end(&q, f->error);
    if (status == AMPHI_OK && f->own_ids.status != AMPHI_OK)
        status = amphi__fail_no_memory(f->error);
    return status;
}

static bool is_own(const finder *f, int64_t id)
{
    const int64_t *ids = (const int64_t *)f->own_ids.data;
    size_t low = 0;
    size_t high = f->own_ids.size / sizeof *ids;
    if (f->conversation == 0)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle] == id)
            return true;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The row's columns: id, content, content_is_json, role, created_ms, conversation's id, title. */
static amphi_status judge_row(finder *f, amphi_query *q)
{
    bool hit = false;
    amphi_status status = amphi__search_judge_message(
        &f->judge, amphi__query_str(q, 1), amphi__query_int(q, 2) != 0, &hit);
    if (status != AMPHI_OK)
        return amphi__fail_no_memory(f->error);
    if (!hit)
        return AMPHI_OK;
    amphi__search_put_hit(&f->hits, &f->judge.snippet, amphi__query_int(q, 0),
        amphi__query_str(q, 5), amphi__query_str(q, 6), amphi__query_str(q, 3),
        amphi__query_int(q, 4));
    return f->hits.bytes.status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(f->error);
}

#define ROWS                                                                                       \
    "SELECT m.id, m.content, m.content_is_json, m.role, m.created_ms, c.id, c.title"               \
    " FROM messages m JOIN conversations c ON c.seq = m.conversation WHERE m.id "

static amphi_status search_segment(finder *f, const amphi_search_segment *segment, amphi_buf *ids)
{
    amphi_status status =
        amphi__search_index_candidates(f->db, segment, &f->judge.pieces, ids, f->error);
    const int64_t *candidates = (const int64_t *)ids->data;
    for (size_t i = ids->size / sizeof *candidates; status == AMPHI_OK && i > 0; i--) {
        amphi_query q;
        if (has_enough(f))
            break;
        if (candidates[i - 1] >= f->query.before_id || !is_own(f, candidates[i - 1]))
            continue;
        amphi__query_begin(&q, f->db, ROWS "= ?1");
        amphi__query_bind_int(&q, 1, candidates[i - 1]);
        if (amphi__query_row(&q))
            status = judge_row(f, &q);
        amphi_status ended = amphi__query_end(&q, f->error);
        status = status == AMPHI_OK ? ended : status;
    }
    return status;
}

/* Messages from first_id to last_id that no segment covers. */
static amphi_status search_gap(finder *f, int64_t first_id, int64_t last_id)
{
    amphi_query q;
    amphi_status status = AMPHI_OK;
    if (last_id < first_id || has_enough(f))
        return AMPHI_OK;
    amphi__query_begin(&q, f->db,
        f->conversation == 0 ? ROWS "BETWEEN ?1 AND ?2 ORDER BY m.id DESC"
                             : ROWS "BETWEEN ?1 AND ?2 AND m.conversation = ?3 ORDER BY m.id DESC");
    amphi__query_bind_int(&q, 1, first_id);
    amphi__query_bind_int(&q, 2, last_id < f->query.before_id ? last_id : f->query.before_id - 1);
    if (f->conversation != 0)
        amphi__query_bind_int(&q, 3, f->conversation);
    while (status == AMPHI_OK && !has_enough(f) && amphi__query_row(&q))
        status = judge_row(f, &q);
    amphi_status ended = amphi__query_end(&q, f->error);
    return status == AMPHI_OK ? ended : status;
}

static amphi_status list_segments(amphi_db *db, amphi_buf *segments, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(
        &q, db, "SELECT first_id, last_id FROM search_segments ORDER BY last_id DESC");
    while (amphi__query_row(&q)) {
        amphi_search_segment segment = {amphi__query_int(&q, 0), amphi__query_int(&q, 1)};
        (void)amphi__buf_append(segments, &segment, sizeof segment);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && segments->status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

static amphi_status search_all(finder *f)
{
    amphi_buf segments;
    amphi_buf ids;
    int64_t from = INT64_MAX; /* what lies behind it has been searched */
    amphi__buf_init(&segments, 0);
    amphi__buf_init(&ids, 0);
    amphi_status status = AMPHI_OK;
    if (f->query.conversation_id.size > 0)
        status = find_conversation(f);
    if (status == AMPHI_OK && f->judge.pieces.count > 0)
        status = list_segments(f->db, &segments, f->error);
    const amphi_search_segment *all = (const amphi_search_segment *)segments.data;
    for (size_t i = 0; status == AMPHI_OK && i < segments.size / sizeof *all && !has_enough(f);
         i++) {
        status = search_gap(f, all[i].last_id + 1, from - 1);
        if (status == AMPHI_OK && all[i].first_id < f->query.before_id && !has_enough(f))
            status = search_segment(f, &all[i], &ids);
        from = all[i].first_id;
    }
    if (status == AMPHI_OK && f->judge.pieces.count > 0)
        status = search_gap(f, 0, from - 1);
    amphi__buf_clear(&ids);
    amphi__buf_clear(&segments);
    return status;
}

/* One state of the database for all statements of a search. */
static amphi_status search_snapshot(finder *f, amphi_store_sqlcipher *store)
{
    amphi_status status = amphi__store_read_begin(store, &f->db, f->error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__db_exec(f->db, "BEGIN", f->error);
    if (status == AMPHI_OK) {
        status = search_all(f);
        (void)amphi__db_exec(f->db, "COMMIT", NULL); /* nothing was written */
    }
    amphi__store_read_end(store);
    return status;
}

void amphi__search_catch_up(amphi_store_sqlcipher *store, bool everywhere, size_t builds_max)
{
    bool found = true;
    for (size_t i = 0; i < builds_max && found; i++) {
        amphi_db *db;
        amphi_search_segment due;
        amphi_status status = amphi__store_read_begin(store, &db, NULL);
        if (status != AMPHI_OK)
            return;
        status = amphi__search_index_due(db, everywhere, &due, &found, NULL);
        amphi__store_read_end(store);
        if (status != AMPHI_OK || !found ||
            amphi__store_write_begin(store, AMPHI_PATIENCE_NONE_MS, &db, NULL) != AMPHI_OK)
            return;
        /* Another process may have been faster. */
        status = amphi__search_index_due(db, everywhere, &due, &found, NULL);
        if (status == AMPHI_OK && found)
            status = amphi__search_index_build(db, &due, NULL);
        if (amphi__store_write_end(store, status, NULL) != AMPHI_OK)
            return;
    }
}

amphi_status amphi__store_search(void *self, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error)
{
    finder *f = amphi__calloc(1, sizeof *f);
    if (f == NULL)
        return amphi__fail_no_memory(error);
    f->error = error;
    amphi__rows_init(&f->hits);
    amphi__buf_init(&f->own_ids, 0);
    amphi_status status = amphi__search_read_query(&f->query, query, error);
    if (status == AMPHI_OK)
        status = amphi__search_judge_init(&f->judge, f->query.words, error);
    if (status == AMPHI_OK) {
        amphi__search_catch_up(self, true, BUILDS_PER_SEARCH);
        status = search_snapshot(f, self);
    }
    if (status == AMPHI_OK)
        amphi__search_visit_hits(&f->hits, visit, user);
    amphi__search_judge_clear(&f->judge);
    amphi__buf_clear(&f->own_ids);
    amphi__rows_clear(&f->hits);
    amphi__free(f);
    return status;
}
