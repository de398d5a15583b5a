/* SPDX-License-Identifier: Apache-2.0
 *
 * Every number in a page is checked against its edges: a good seal says who wrote the page, not
 * that the writer was sane. Depth and repeated pages are bounded, so no loop of pages holds it.
 */
#include "storage/btree_walk.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <string.h>

#define DEPTH_MAX      20
#define PAYLOAD_MAX    (1u << 30)
#define INDEX_INTERIOR 0x02
#define TABLE_INTERIOR 0x05
#define INDEX_LEAF     0x0a
#define TABLE_LEAF     0x0d

typedef struct page_view {
    const uint8_t *bytes;
    uint32_t start; /* of the tree's header: 100 on page 1 */
    uint32_t usable;
    uint8_t type;
    uint32_t cells;
} page_view;

typedef struct row_taker {
    amphi_row_fn *visit;
    void *user;
} row_taker;

static uint32_t two_bytes(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t four_bytes(const uint8_t *at)
{
    return two_bytes(at) << 16 | two_bytes(at + 2);
}

/* Bytes taken; 0: it does not end before `size`. */
static uint32_t varint(const uint8_t *at, uint32_t size, uint64_t *out)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size && i < 9; i++) {
        if (i == 8) {
            *out = value << 8 | at[i];
            return 9;
        }
        value = value << 7 | (at[i] & 0x7f);
        if (at[i] < 0x80) {
            *out = value;
            return i + 1;
        }
    }
    return 0;
}

/* ---- One record ---- */

static int64_t signed_bytes(const uint8_t *at, uint32_t size)
{
    int64_t value = at[0] < 0x80 ? at[0] : (int64_t)at[0] - 0x100;
    for (uint32_t i = 1; i < size; i++)
        value = (int64_t)((uint64_t)value << 8 | at[i]);
    return value;
}

static uint64_t value_bytes(uint64_t type)
{
    static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    return type < 12 ? sizes[type] : (type - 12) / 2;
}

static void take_value(amphi_row_value *out, uint64_t type, const uint8_t *at)
{
    uint32_t size = (uint32_t)value_bytes(type);
    *out = (amphi_row_value){.type = AMPHI_VALUE_NULL};
    if (type == 7) {
        uint64_t bits = (uint64_t)signed_bytes(at, 8);
        out->type = AMPHI_VALUE_FLOAT;
        memcpy(&out->real, &bits, sizeof bits);
    } else if (type >= 12) {
        out->type = type % 2 == 0 ? AMPHI_VALUE_BLOB : AMPHI_VALUE_TEXT;
        out->bytes = amphi_str_make((const char *)at, size);
    } else if (type != 0) {
        out->type = AMPHI_VALUE_INT;
        out->integer = type >= 8 ? (int64_t)type - 8 : signed_bytes(at, size);
    }
}

static bool take_record(amphi_row *row, const uint8_t *payload, uint32_t size)
{
    uint64_t header = 0, type = 0;
    uint32_t at = varint(payload, size, &header);
    if (at == 0 || header < at || header > size)
        return false;
    uint64_t body = header;
    row->count = 0;
    while (at < header) {
        uint32_t taken = varint(payload + at, (uint32_t)header - at, &type);
        if (taken == 0 || type == 10 || type == 11 || row->count == AMPHI_ROW_VALUES_MAX ||
            value_bytes(type) > size - body)
            return false;
        take_value(&row->values[row->count++], type, payload + body);
        body += value_bytes(type);
        at += taken;
    }
    return true;
}

/* ---- Cells ---- */

/* How much of a payload lies on the page itself. */
static uint32_t local_bytes(const page_view *view, uint64_t payload)
{
    uint32_t usable = view->usable;
    uint32_t least = (usable - 12) * 32 / 255 - 23;
    uint32_t most = view->type == TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
    if (payload <= most)
        return (uint32_t)payload;
    uint32_t rest = least + (uint32_t)((payload - least) % (usable - 4));
    return rest <= most ? rest : least;
}

static bool mark(amphi_walk *walk, uint32_t number)
{
    if (number == 0 || number > amphi__db_pages_count(walk->pages) ||
        (walk->seen[number / 8] >> number % 8 & 1))
        return false;
    walk->seen[number / 8] |= (uint8_t)(1 << number % 8);
    return true;
}

/* The chain of pages with a payload's rest. */
static bool read_rest(amphi_walk *walk, uint32_t number, uint8_t *out, uint32_t size)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    uint32_t room = amphi__db_pages_usable(walk->pages) - 4;
    bool ok = true;
    while (size > 0 && ok) {
        uint32_t part = size < room ? size : room;
        ok = mark(walk, number);
        if (ok && amphi__db_pages_read(walk->pages, number, page) != AMPHI_PAGE_GOOD) {
            walk->pages_bad++;
            ok = false;
        }
        if (ok) {
            memcpy(out, page + 4, part);
            number = four_bytes(page);
            out += part;
            size -= part;
        }
    }
    amphi__wipe(page, sizeof page);
    return ok;
}

static bool give_row(
    amphi_walk *walk, amphi_row *row, const uint8_t *payload, uint32_t size, const row_taker *taker)
{
    if (!take_record(row, payload, size))
        return false;
    walk->is_stopped = !taker->visit(taker->user, row);
    return true;
}

/* A payload at `at` in the page; false: it makes no sense. */
static bool read_payload(amphi_walk *walk, const page_view *view, uint32_t at, amphi_row *row,
    uint64_t size, const row_taker *taker)
{
    uint32_t local = local_bytes(view, size);
    if (size > PAYLOAD_MAX || local > view->usable - at ||
        (local < size && view->usable - at - local < 4))
        return false;
    if (local == size)
        return give_row(walk, row, view->bytes + at, local, taker);
    uint8_t *whole = amphi__alloc((size_t)size);
    if (whole == NULL) {
        walk->is_out_of_memory = true;
        return true;
    }
    memcpy(whole, view->bytes + at, local);
    bool ok = read_rest(walk, four_bytes(view->bytes + at + local), whole + local,
                  (uint32_t)size - local) &&
              give_row(walk, row, whole, (uint32_t)size, taker);
    amphi__wipe(whole, (size_t)size);
    amphi__free(whole);
    return ok;
}

static bool read_cell(amphi_walk *walk, const page_view *view, uint32_t at, const row_taker *taker)
{
    amphi_row row = {.rowid = 0};
    uint64_t size = 0, rowid = 0;
    if (view->type == INDEX_INTERIOR)
        at += 4; /* its child's number */
    if (at >= view->usable)
        return false;
    uint32_t taken = varint(view->bytes + at, view->usable - at, &size);
    at += taken;
    if (taken != 0 && view->type == TABLE_LEAF) {
        taken = varint(view->bytes + at, view->usable - at, &rowid);
        at += taken;
    }
    row.rowid = (int64_t)rowid;
    return taken != 0 && read_payload(walk, view, at, &row, size, taker);
}

/* ---- Pages ---- */

static bool view_page(page_view *view, const uint8_t *bytes, uint32_t number, uint32_t usable)
{
    view->bytes = bytes;
    view->start = number == 1 ? 100 : 0;
    view->usable = usable;
    view->type = bytes[view->start];
    view->cells = two_bytes(bytes + view->start + 3);
    bool is_interior = view->type == INDEX_INTERIOR || view->type == TABLE_INTERIOR;
    bool is_leaf = view->type == INDEX_LEAF || view->type == TABLE_LEAF;
    uint32_t pointers = view->start + (is_interior ? 12 : 8);
    return (is_interior || is_leaf) && view->cells <= (usable - pointers) / 2;
}

static uint32_t cell_offset(const page_view *view, uint32_t i)
{
    bool is_interior = view->type == INDEX_INTERIOR || view->type == TABLE_INTERIOR;
    return two_bytes(view->bytes + view->start + (is_interior ? 12 : 8) + 2 * i);
}

static void walk_page(amphi_walk *walk, uint32_t number, int depth, const row_taker *taker);

/* The rows and the children of a page, in their order. */
static void walk_cells(amphi_walk *walk, const page_view *view, int depth, const row_taker *taker)
{
    bool is_interior = view->type == INDEX_INTERIOR || view->type == TABLE_INTERIOR;
    for (uint32_t i = 0; i < view->cells && !walk->is_stopped && !walk->is_out_of_memory; i++) {
        uint32_t at = cell_offset(view, i);
        if (at < view->start + 8 || at + 4 > view->usable) {
            walk->rows_bad++;
            continue;
        }
        if (is_interior)
            walk_page(walk, four_bytes(view->bytes + at), depth + 1, taker);
        if (view->type != TABLE_INTERIOR && !walk->is_stopped)
            walk->rows_bad += !read_cell(walk, view, at, taker);
    }
    if (is_interior && !walk->is_stopped && !walk->is_out_of_memory)
        walk_page(walk, four_bytes(view->bytes + view->start + 8), depth + 1, taker);
}

static void walk_page(amphi_walk *walk, uint32_t number, int depth, const row_taker *taker)
{
    page_view view;
    if (depth > DEPTH_MAX || !mark(walk, number)) {
        walk->pages_bad++;
        return;
    }
    uint8_t *bytes = amphi__alloc(AMPHI_DB_PAGE_BYTES);
    if (bytes == NULL) {
        walk->is_out_of_memory = true;
        return;
    }
    if (amphi__db_pages_read(walk->pages, number, bytes) == AMPHI_PAGE_GOOD &&
        view_page(&view, bytes, number, amphi__db_pages_usable(walk->pages)))
        walk_cells(walk, &view, depth, taker);
    else
        walk->pages_bad++;
    amphi__wipe(bytes, AMPHI_DB_PAGE_BYTES);
    amphi__free(bytes);
}

static amphi_status outcome(const amphi_walk *walk, amphi_error *error)
{
    return walk->is_out_of_memory ? amphi__fail_no_memory(error) : AMPHI_OK;
}

amphi_status amphi__walk_init(amphi_walk *walk, amphi_db_pages *pages, amphi_error *error)
{
    *walk = (amphi_walk){.pages = pages};
    walk->seen = amphi__calloc(1, amphi__db_pages_count(pages) / 8 + 1);
    return walk->seen != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__walk_clear(amphi_walk *walk)
{
    amphi__free(walk->seen);
    walk->seen = NULL;
}

amphi_status amphi__walk_table(
    amphi_walk *walk, uint32_t root, amphi_row_fn *visit, void *user, amphi_error *error)
{
    row_taker taker = {visit, user};
    walk->is_stopped = false;
    walk_page(walk, root, 0, &taker);
    return outcome(walk, error);
}

amphi_status amphi__walk_orphan(
    amphi_walk *walk, uint32_t number, amphi_row_fn *visit, void *user, amphi_error *error)
{
    uint8_t bytes[AMPHI_DB_PAGE_BYTES];
    row_taker taker = {visit, user};
    page_view view;
    walk->is_stopped = false;
    if ((walk->seen[number / 8] >> number % 8 & 1) == 0 &&
        amphi__db_pages_read(walk->pages, number, bytes) == AMPHI_PAGE_GOOD &&
        view_page(&view, bytes, number, amphi__db_pages_usable(walk->pages)) &&
        view.type == TABLE_LEAF && mark(walk, number))
        walk_cells(walk, &view, 0, &taker);
    amphi__wipe(bytes, sizeof bytes);
    return outcome(walk, error);
}
