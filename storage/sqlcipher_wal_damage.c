/* SPDX-License-Identifier: Apache-2.0
 *
 * What a power loss may leave: every commit that is acknowledged was synced, and the sync is over
 * before anything else is written. So only the last synced commit's own frames, and those of
 * unsynced commits before it (the ledger, drafts, the cache's order), may be torn or missing. A
 * commit that changed messages, conversations or the outbox, with another frame written after it,
 * was synced, and with it all before it: when SQLite would not reach it the log is damaged. (The
 * commit that made these tables was synced as well, so where the list of tables can't be read, any
 * commit will do.) Besides
 * that, no cut-off write leaves a frame that is whole but for a few bytes, a log whose first bytes
 * alone are wrong while the database lacks its pages, or a log of an empty database.
 */
#include "storage/sqlcipher_wal_damage.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"
#include "storage/btree_walk.h"

#include <string.h>

#define ROOTS_MAX       8
#define DEPTH_MAX       6
#define INTERIOR        0x05 /* of a table with rowids */
#define HEADER_BYTES    12
#define CELLS_AT_OFFSET 3

typedef struct synced_pages {
    amphi_db_pages *pages;
    uint32_t count;
    uint8_t *bits; /* a bit per page of the tables below */
    bool is_any;   /* these tables are not known: every page may be theirs */
    uint32_t roots[ROOTS_MAX];
    size_t roots_count;
} synced_pages;

static const char *const tables[] = {"messages", "conversations", "outbox"};

#define TABLES (sizeof tables / sizeof tables[0])

static bool note_root(void *user, const amphi_row *row)
{
    synced_pages *s = user;
    if (row->count != 5 || !amphi__str_equal_c(row->values[0].bytes, "table") ||
        row->values[3].type != AMPHI_VALUE_INT)
        return true;
    for (size_t i = 0; i < TABLES; i++)
        if (amphi__str_equal_c(row->values[1].bytes, tables[i]) && s->roots_count < ROOTS_MAX)
            s->roots[s->roots_count++] = (uint32_t)row->values[3].integer;
    return true;
}

static bool mark(synced_pages *s, uint32_t number)
{
    if (number == 0 || number > s->count || (s->bits[number / 8] >> number % 8 & 1) != 0)
        return false;
    s->bits[number / 8] |= (uint8_t)(1u << number % 8);
    return true;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The child of a tree's inner page; 0: there is none. Cell `cells` is the right-most one. */
static uint32_t child_of(const uint8_t *page, uint32_t cell)
{
    uint32_t cells = (uint32_t)page[CELLS_AT_OFFSET] << 8 | page[CELLS_AT_OFFSET + 1];
    if (cell == cells)
        return big_endian(page + 8);
    uint32_t pointer = HEADER_BYTES + 2 * cell;
    if (cell > cells || pointer + 2 > AMPHI_DB_PAGE_BYTES)
        return 0;
    uint32_t at = (uint32_t)page[pointer] << 8 | page[pointer + 1];
    return at + 4 <= AMPHI_DB_PAGE_BYTES ? big_endian(page + at) : 0;
}

static bool read_inner(synced_pages *s, uint32_t number, uint8_t page[AMPHI_DB_PAGE_BYTES])
{
    return amphi__db_pages_read(s->pages, number, page) == AMPHI_PAGE_GOOD && page[0] == INTERIOR;
}

/* Levels of inner pages: a tree is as deep everywhere. */
static uint32_t depth_of(synced_pages *s, uint32_t root, uint8_t page[AMPHI_DB_PAGE_BYTES])
{
    uint32_t depth = 0;
    while (depth < DEPTH_MAX && read_inner(s, root, page)) {
        root = child_of(page, 0);
        depth++;
    }
    return depth;
}

/* Marks a tree's pages without reading its leaves. */
static void mark_tree(synced_pages *s, uint32_t root)
{
    uint8_t pages[DEPTH_MAX][AMPHI_DB_PAGE_BYTES];
    uint32_t cells[DEPTH_MAX];
    uint32_t depth = depth_of(s, root, pages[0]);
    uint32_t level = 0;
    if (!mark(s, root) || depth == 0 || !read_inner(s, root, pages[0]))
        return;
    cells[0] = 0;
    for (;;) {
        uint32_t child = child_of(pages[level], cells[level]++);
        if (child == 0 && level == 0)
            break;
        if (child == 0)
            level--;
        else if (mark(s, child) && level + 1 < depth && read_inner(s, child, pages[level + 1]))
            cells[++level] = 0;
    }
    amphi__wipe(pages, sizeof pages);
}

static bool is_marked(const synced_pages *s, uint32_t number)
{
    return number <= s->count && (s->bits[number / 8] >> number % 8 & 1) != 0;
}

/* Is there, behind the last commit that SQLite replays, one that was synced and then written on? */
static bool has_synced_commit(const amphi_wal *wal, const synced_pages *s)
{
    bool is_synced_kind = false;
    for (uint32_t i = 0; i + 1 < wal->tail_count; i++) {
        const amphi_wal_frame *at = &wal->tail[i];
        is_synced_kind |= s->is_any || is_marked(s, at->number);
        bool is_commit = at->commit != 0 && wal->last + 1 + i >= wal->broken;
        if (is_commit && is_synced_kind && at[1].is_linked)
            return true;
        if (at->commit != 0)
            is_synced_kind = false;
    }
    return false;
}

/* Without memory for it nothing is said of this. */
static bool has_lost_commit(const amphi_wal *wal, amphi_db_pages *pages)
{
    synced_pages s = {.pages = pages, .count = amphi__db_pages_count(pages)};
    amphi_walk walk;
    s.bits = amphi__calloc((size_t)s.count / 8 + 1, 1);
    bool found = false;
    if (s.bits != NULL && amphi__walk_init(&walk, pages, NULL) == AMPHI_OK) {
        bool is_walked = amphi__walk_table(&walk, 1, note_root, &s, NULL) == AMPHI_OK;
        s.is_any = is_walked && s.roots_count < TABLES;
        amphi__walk_clear(&walk);
        for (size_t i = 0; i < s.roots_count; i++)
            mark_tree(&s, s.roots[i]);
        found = has_synced_commit(wal, &s);
    }
    amphi__free(s.bits);
    return found;
}

/* A log is begun anew once the database has all of it: then its header may be torn. */
static bool database_lacks_any(const amphi_wal *wal, amphi_db_pages *pages)
{
    uint8_t own[AMPHI_DB_PAGE_BYTES], other[AMPHI_DB_PAGE_BYTES];
    uint32_t count = amphi__db_pages_count(pages);
    for (uint32_t number = 1; number <= count; number++) {
        uint32_t frame = amphi__db_pages_frame(pages, number);
        if (frame != 0 && (!amphi__wal_page(wal, frame, own) ||
                              amphi__db_pages_read_file(pages, number, other) != AMPHI_PAGE_GOOD ||
                              memcmp(own, other, sizeof own) != 0))
            return true;
    }
    return false;
}

bool amphi__wal_is_damaged(const amphi_wal *wal, amphi_db_pages *pages, uint32_t file_count)
{
    if (wal->reach > 0 && file_count == 0)
        return true;
    if (wal->tail_count == 0)
        return false;
    if (wal->is_headless)
        return wal->reach > 0 && database_lacks_any(wal, pages);
    return wal->is_damaged_surely || has_lost_commit(wal, pages);
}
