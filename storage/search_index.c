/* SPDX-License-Identifier: Apache-2.0
 *
 * Building: all terms of a stretch are gathered in memory, sorted, and written in the order of
 * the table's key. Postings are ids relative to the segment's first, as differences in LEB128.
 */
#include "storage/search_index.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdlib.h>

#define BUILD_BYTES_MAX (4u << 20) /* of text in one segment */

/* ---- what is due ---- */

/* The newest segments that are small and touch each other are taken into the new one once together
 * they fill it. */
static amphi_status extend_over_small(
    amphi_db *db, int64_t last_id, amphi_search_segment *out, amphi_error *error)
{
    amphi_query q;
    int64_t first = out->first_id;
    amphi__query_begin(
        &q, db, "SELECT first_id, last_id FROM search_segments ORDER BY last_id DESC");
    while (amphi__query_row(&q) && amphi__query_int(&q, 1) == first - 1 &&
           last_id - amphi__query_int(&q, 0) < AMPHI_SEARCH_SEGMENT_MAX)
        first = amphi__query_int(&q, 0);
    if (last_id - first >= AMPHI_SEARCH_SEGMENT_MAX - AMPHI_SEARCH_SEGMENT_MIN)
        out->first_id = first;
    return amphi__query_end(&q, error);
}

/* Each bound by a query of its own: SQLite reads the whole table for two at once. */
static amphi_status find_newest(
    amphi_db *db, amphi_search_segment *out, bool *found, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT COALESCE((SELECT MAX(last_id) FROM search_segments),"
        " (SELECT MIN(id) FROM messages) - 1), (SELECT MAX(id) FROM messages)");
    int64_t covered = 0;
    int64_t last_id = 0;
    if (amphi__query_row(&q)) {
        covered = amphi__query_int(&q, 0);
        last_id = amphi__query_int(&q, 1);
    }
    amphi_status status = amphi__query_end(&q, error);
    *found = status == AMPHI_OK && last_id - covered >= AMPHI_SEARCH_SEGMENT_MIN;
    if (!*found)
        return status;
    out->first_id = covered + 1;
    out->last_id = last_id;
    if (last_id - covered > AMPHI_SEARCH_SEGMENT_MAX)
        out->last_id = covered + AMPHI_SEARCH_SEGMENT_MAX;
    else
        status = extend_over_small(db, last_id, out, error);
    return status;
}

/* A stretch between segments, or before the first. */
static amphi_status find_gap(
    amphi_db *db, amphi_search_segment *out, bool *found, amphi_error *error)
{
    amphi_query q;
    int64_t covered = -1;
    amphi__query_begin(&q, db,
        "SELECT first_id, last_id, (SELECT MIN(id) FROM messages) FROM search_segments"
        " ORDER BY last_id");
    while (!*found && amphi__query_row(&q)) {
        int64_t first = amphi__query_int(&q, 0);
        covered = covered < 0 ? amphi__query_int(&q, 2) - 1 : covered;
        *found = first - 1 - covered >= AMPHI_SEARCH_SEGMENT_MIN;
        out->first_id = covered + 1;
        out->last_id = first - 1 - covered > AMPHI_SEARCH_SEGMENT_MAX
                           ? covered + AMPHI_SEARCH_SEGMENT_MAX
                           : first - 1;
        covered = amphi__query_int(&q, 1);
    }
    return amphi__query_end(&q, error);
}

amphi_status amphi__search_index_due(
    amphi_db *db, bool everywhere, amphi_search_segment *out, bool *found, amphi_error *error)
{
    *found = false;
    amphi_status status = find_newest(db, out, found, error);
    if (status == AMPHI_OK && !*found && everywhere)
        status = find_gap(db, out, found, error);
    return status;
}

/* ---- building ---- */

typedef struct posting {
    union {
        size_t offset;     /* in the arena, while that still moves */
        const char *bytes; /* afterwards */
    } term;
    uint32_t id; /* relative to the segment's first */
    uint16_t size;
} posting;

typedef struct builder {
    amphi_buf arena;    /* the terms' bytes */
    amphi_buf postings; /* of type posting */
    amphi_buf row;      /* one term's postings, encoded */
    amphi_search_text text;
    amphi_buf readable;
} builder;

static void builder_clear(builder *b)
{
    amphi__buf_wipe(&b->arena);
    amphi__buf_wipe(&b->row);
    amphi__buf_wipe(&b->readable);
    amphi__buf_clear(&b->postings);
    amphi__search_text_clear(&b->text);
}

static amphi_status add_message(builder *b, amphi_str content, bool is_json, uint32_t id)
{
    amphi__buf_reset(&b->readable);
    amphi_status status = amphi__search_readable(&b->readable, content, is_json);
    if (status == AMPHI_OK)
        status = amphi__search_text_fold(&b->text, amphi__buf_str(&b->readable));
    amphi_str folded = amphi__buf_str(&b->text.folded);
    amphi_str term;
    for (size_t at = 0; status == AMPHI_OK && amphi__search_next_term(folded, &at, &term);) {
        posting made = {.term.offset = b->arena.size, .id = id, .size = (uint16_t)term.size};
        status = amphi__buf_append_str(&b->arena, term);
        if (status == AMPHI_OK)
            status = amphi__buf_append(&b->postings, &made, sizeof made);
    }
    return status;
}

/* *segment ends earlier where the texts are long. */
static amphi_status read_messages(
    builder *b, amphi_db *db, amphi_search_segment *segment, amphi_error *error)
{
    amphi_query q;
    amphi_status status = AMPHI_OK;
    size_t read_bytes = 0;
    amphi__query_begin(&q, db,
        "SELECT id, content, content_is_json FROM messages WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
    amphi__query_bind_int(&q, 1, segment->first_id);
    amphi__query_bind_int(&q, 2, segment->last_id);
    while (status == AMPHI_OK && amphi__query_row(&q)) {
        int64_t id = amphi__query_int(&q, 0);
        amphi_str content = amphi__query_str(&q, 1);
        if (read_bytes > 0 && read_bytes + content.size > BUILD_BYTES_MAX) {
            segment->last_id = id - 1;
            break;
        }
        read_bytes += content.size;
        status = add_message(
            b, content, amphi__query_int(&q, 2) != 0, (uint32_t)(id - segment->first_id));
    }
    amphi_status ended = amphi__query_end(&q, error);
    return status == AMPHI_OK ? ended : amphi__fail_no_memory(error);
}

static int compare_postings(const void *left, const void *right)
{
    const posting *a = left;
    const posting *b = right;
    size_t shared = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->term.bytes, b->term.bytes, shared);
    if (order == 0)
        order = a->size - b->size;
    if (order == 0)
        order = a->id < b->id ? -1 : a->id > b->id;
    return order;
}

static void put_number(amphi_buf *out, uint32_t value)
{
    while (value >= 0x80) {
        (void)amphi__buf_append_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    (void)amphi__buf_append_char(out, (char)value);
}

static amphi_status write_row(amphi_db *db, const amphi_search_segment *segment,
    const posting *posting_of, const amphi_buf *row, amphi_error *error)
{
    amphi_query q;
    if (row->status != AMPHI_OK)
        return amphi__fail_no_memory(error);
    amphi__query_begin(&q, db, "INSERT INTO search_index VALUES (?1, ?2, ?3)");
    amphi__query_bind_int(&q, 1, segment->last_id);
    amphi__query_bind_blob(&q, 2, posting_of->term.bytes, posting_of->size);
    amphi__query_bind_blob(&q, 3, row->data, row->size);
    return amphi__query_run(&q, error);
}

static bool same_term(const posting *a, const posting *b)
{
    return a->size == b->size && memcmp(a->term.bytes, b->term.bytes, a->size) == 0;
}

static amphi_status write_terms(
    builder *b, amphi_db *db, const amphi_search_segment *segment, amphi_error *error)
{
    posting *all = (posting *)b->postings.data;
    size_t count = b->postings.size / sizeof *all;
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < count; i++)
        all[i].term.bytes = b->arena.data + all[i].term.offset;
    if (count > 0)
        qsort(all, count, sizeof *all, compare_postings);
    for (size_t i = 0, next; status == AMPHI_OK && i < count; i = next) {
        uint32_t last = 0;
        amphi__buf_reset(&b->row);
        for (next = i; next < count && same_term(&all[i], &all[next]); next++) {
            if (next > i && all[next].id == last)
                continue;
            put_number(&b->row, all[next].id - last);
            last = all[next].id;
        }
        status = write_row(db, segment, &all[i], &b->row, error);
    }
    return status;
}

static amphi_status run_with_segment(
    amphi_db *db, const char *sql, const amphi_search_segment *segment, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, sql);
    amphi__query_bind_int(&q, 1, segment->first_id);
    amphi__query_bind_int(&q, 2, segment->last_id);
    return amphi__query_run(&q, error);
}

amphi_status amphi__search_index_build(
    amphi_db *db, const amphi_search_segment *segment, amphi_error *error)
{
    builder b = {0};
    amphi_search_segment own = *segment;
    amphi__search_text_init(&b.text, false);
    amphi_status status = run_with_segment(
        db, "DELETE FROM search_index WHERE segment BETWEEN ?1 AND ?2", &own, error);
    if (status == AMPHI_OK)
        status = run_with_segment(
            db, "DELETE FROM search_segments WHERE last_id BETWEEN ?1 AND ?2", &own, error);
    if (status == AMPHI_OK)
        status = read_messages(&b, db, &own, error);
    if (status == AMPHI_OK)
        status = run_with_segment(
            db, "INSERT INTO search_segments (first_id, last_id) VALUES (?1, ?2)", &own, error);
    if (status == AMPHI_OK)
        status = write_terms(&b, db, &own, error);
    builder_clear(&b);
    return status;
}

/* ---- looking up ---- */

/* Appends the ids of one row. */
static void read_postings(amphi_buf *ids, amphi_str row, int64_t first_id)
{
    uint32_t value = 0;
    uint32_t relative = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < row.size; i++) {
        unsigned char byte = (unsigned char)row.data[i];
        value |= shift < 32 ? (uint32_t)(byte & 0x7F) << shift : 0;
        shift += 7;
        if ((byte & 0x80) != 0)
            continue;
        relative += value;
        int64_t id = first_id + relative;
        (void)amphi__buf_append(ids, &id, sizeof id);
        value = 0;
        shift = 0;
    }
}

static int compare_ids(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* The messages of one term, or of all terms that begin with it; ascending, some twice. */
static amphi_status look_up(amphi_db *db, const amphi_search_segment *segment, amphi_str term,
    bool is_prefix, amphi_buf *ids, amphi_error *error)
{
    amphi_query q;
    char upper[AMPHI_SEARCH_TERM_BYTES_MAX + 1];
    size_t rows = 0;
    memcpy(upper, term.data, term.size);
    upper[term.size] = '\xff'; /* no byte of UTF-8 */
    amphi__buf_reset(ids);
    amphi__query_begin(&q, db,
        is_prefix ? "SELECT postings FROM search_index"
                    " WHERE segment = ?1 AND term >= ?2 AND term < ?3"
                  : "SELECT postings FROM search_index WHERE segment = ?1 AND term = ?2");
    amphi__query_bind_int(&q, 1, segment->last_id);
    amphi__query_bind_blob(&q, 2, term.data, term.size);
    if (is_prefix)
        amphi__query_bind_blob(&q, 3, upper, term.size + 1);
    for (; amphi__query_row(&q); rows++)
        read_postings(ids, amphi__query_str(&q, 0), segment->first_id);
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && ids->status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK && rows > 1)
        qsort(ids->data, ids->size / sizeof(int64_t), sizeof(int64_t), compare_ids);
    return status;
}

/* Keeps of `ids` what is in `others` as well, each once. */
static void intersect(amphi_buf *ids, const amphi_buf *others)
{
    int64_t *kept = (int64_t *)ids->data;
    const int64_t *other = (const int64_t *)others->data;
    size_t count = ids->size / sizeof *kept;
    size_t others_count = others->size / sizeof *other;
    size_t found = 0;
    for (size_t i = 0, j = 0; i < count && j < others_count;)
        if (kept[i] < other[j])
            i++;
        else if (kept[i] > other[j])
            j++;
        else {
            if (found == 0 || kept[found - 1] != kept[i])
                kept[found++] = kept[i];
            i++;
        }
    amphi__buf_truncate(ids, found * sizeof *kept);
}

/* Whole words first: they are rarer than beginnings. */
static amphi_status narrow(amphi_db *db, const amphi_search_segment *segment,
    const amphi_search_pieces *pieces, bool prefixes, amphi_buf *ids, bool *is_first,
    amphi_error *error)
{
    amphi_buf more;
    amphi_status status = AMPHI_OK;
    amphi__buf_init(&more, 0);
    for (size_t i = 0; i < pieces->count; i++) {
        amphi_str text = pieces->pieces[i].text;
        amphi_str term;
        for (size_t at = 0; status == AMPHI_OK && (*is_first || ids->size > 0) &&
                            amphi__search_next_term(text, &at, &term);) {
            bool is_last = term.data + term.size == text.data + text.size || at >= text.size;
            bool is_run = amphi__search_is_run(term);
            uint32_t c = 0;
            bool is_single = is_run && amphi__utf8_decode(term, &c) == term.size;
            /* A run's last character alone is in the pair before it, unless it is the whole run. */
            bool is_covered = is_single && term.data > text.data && term.data[-1] != ' ';
            bool is_prefix = is_single || (is_last && !is_run && pieces->pieces[i].is_prefix);
            if (is_covered || is_prefix != prefixes)
                continue;
            status = look_up(db, segment, term, is_prefix, *is_first ? ids : &more, error);
            if (status == AMPHI_OK)
                intersect(ids, *is_first ? ids : &more);
            *is_first = false;
        }
    }
    amphi__buf_clear(&more);
    return status;
}

amphi_status amphi__search_index_candidates(amphi_db *db, const amphi_search_segment *segment,
    const amphi_search_pieces *pieces, amphi_buf *ids, amphi_error *error)
{
    bool is_first = true;
    amphi__buf_reset(ids);
    amphi_status status = narrow(db, segment, pieces, false, ids, &is_first, error);
    if (status == AMPHI_OK)
        status = narrow(db, segment, pieces, true, ids, &is_first, error);
    return status;
}
