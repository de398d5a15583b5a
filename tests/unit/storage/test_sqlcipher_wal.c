/* SPDX-License-Identifier: Apache-2.0
 *
 * A log as SQLite wrote it, read whole and with damage: what is replayed, what lies behind, and
 * that what is mended is as it was.
 */
#include "storage/sqlcipher_wal.h"

#include "storage/sqlcipher.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COMMITS 5
#define HEADER  32
#define FRAME   (24 + 4096)

static const amphi_db_key key = {{7, 7, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16}};

typedef struct fixture {
    scratch_dir dir;
    char path[300]; /* of the log alone */
    char *bytes;
    size_t size;
    uint32_t frames;
    amphi_page_seal seal;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    amphi_db *db = NULL;
    char version[64];
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    snprintf(f->path, sizeof f->path, "%s", scratch_dir_file(&f->dir, "a.db"));
    assert_int_equal(amphi__db_open(&db, f->path, &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db, "CREATE TABLE t (a)", NULL), AMPHI_OK);
    for (int i = 1; i < COMMITS; i++)
        assert_int_equal(
            amphi__db_exec(db, "INSERT INTO t VALUES (hex(randomblob(900)))", NULL), AMPHI_OK);
    f->bytes = scratch_read(scratch_dir_file(&f->dir, "a.db-wal"), &f->size);
    amphi__db_close(db);
    assert_non_null(f->bytes);
    f->frames = (uint32_t)((f->size - HEADER) / FRAME);
    assert_true(f->frames > COMMITS);
    snprintf(f->path, sizeof f->path, "%s", scratch_dir_file(&f->dir, "log"));
    assert_int_equal(amphi__db_version(version, sizeof version, NULL), AMPHI_OK);
    amphi__page_seal_init(&f->seal,
        strstr(version, "SQLCipher 3") != NULL ? AMPHI_PAGE_FORMAT_3 : AMPHI_PAGE_FORMAT_4, &key);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    scratch_dir_remove(&f->dir);
    free(f->bytes);
    free(f);
    return 0;
}

static void read_log(const fixture *f, amphi_wal *wal)
{
    scratch_write(f->path, f->bytes, f->size, 0600);
    assert_int_equal(amphi__wal_read(wal, f->path, &f->seal, NULL), AMPHI_OK);
}

static char *page_at(const fixture *f, uint32_t frame)
{
    return f->bytes + HEADER + (size_t)(frame - 1) * FRAME + 24;
}

static void wal__that_is_not_there_is_empty(void **state)
{
    const fixture *f = *state;
    amphi_wal wal;
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    assert_int_equal(amphi__wal_read(&wal, f->path, &f->seal, NULL), AMPHI_OK);
    assert_int_equal(wal.last, 0);
    assert_int_equal(wal.reach, 0);
    assert_false(amphi__wal_page(&wal, 1, page));
    amphi__wal_clear(&wal);
    assert_false(amphi__wal_is_suspect(f->path));
}

static void wal__that_is_whole_is_replayed_to_its_end(void **state)
{
    const fixture *f = *state;
    amphi_wal wal;
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    read_log(f, &wal);
    assert_false(amphi__wal_is_suspect(f->path));
    assert_int_equal(wal.last, f->frames);
    assert_int_equal(wal.reach, f->frames);
    assert_int_equal(wal.broken, 0);
    for (uint32_t i = 1; i <= f->frames; i++) {
        assert_true(amphi__wal_page(&wal, i, page));
        assert_true(amphi__page_seal_holds(&f->seal, amphi__wal_number(&wal, i), page));
    }
    amphi__wal_clear(&wal);
}

/* Eight bytes anywhere in a frame; all frames stay reachable, and each page is as it was. */
static void wal__a_few_bytes_of_any_frame_are_mended(void **state)
{
    fixture *f = *state;
    for (uint32_t frame = 1; frame <= f->frames; frame++) {
        for (int at = -24; at < 4096; at += at < 0 ? 8 : 504) {
            amphi_wal wal;
            uint8_t page[AMPHI_DB_PAGE_BYTES];
            char saved[8], *place = page_at(f, frame) + at;
            bool is_sum = at == -8;
            memcpy(saved, place, sizeof saved);
            place[3] ^= 0x41;
            place[is_sum ? 2 : 7] ^= 1;
            read_log(f, &wal);
            assert_true(amphi__wal_is_suspect(f->path));
            if (wal.broken != frame || !wal.is_damaged_surely || wal.reach != f->frames)
                fail_msg("frame %d, %d: broken %d, reach %d", (int)frame, at, (int)wal.broken,
                    (int)wal.reach);
            memcpy(place, saved, sizeof saved);
            for (uint32_t i = 1; i <= f->frames; i++) {
                assert_true(amphi__wal_page(&wal, i, page));
                assert_memory_equal(page, page_at(f, i), sizeof page);
                assert_true(amphi__page_seal_holds(&f->seal, amphi__wal_number(&wal, i), page));
            }
            amphi__wal_clear(&wal);
        }
    }
}

/* What no seal proves is not taken: its number is 0. */
static void wal__a_ruined_page_is_not_believed_and_the_rest_is(void **state)
{
    fixture *f = *state;
    amphi_wal wal;
    memset(page_at(f, 2) + 100, 0, 700);
    read_log(f, &wal);
    assert_true(amphi__wal_is_suspect(f->path));
    assert_int_equal(wal.broken, 2);
    assert_int_equal(wal.reach, f->frames);
    assert_int_equal(amphi__wal_number(&wal, 2), 0);
    assert_int_not_equal(amphi__wal_number(&wal, 3), 0);
    assert_false(wal.is_damaged_surely); /* its place in the log says so, not it */
    amphi__wal_clear(&wal);
}

static void wal__without_its_header_has_its_frames(void **state)
{
    fixture *f = *state;
    amphi_wal wal;
    memset(f->bytes, 0, HEADER);
    read_log(f, &wal);
    assert_true(amphi__wal_is_suspect(f->path));
    assert_true(wal.is_headless);
    assert_int_equal(wal.last, 0);
    assert_int_equal(wal.reach, f->frames);
    amphi__wal_clear(&wal);
}

/* A cut at any place: the commits before it are replayed, and nothing is suspected. */
static void wal__that_is_cut_off_ends_there(void **state)
{
    fixture *f = *state;
    size_t whole = f->size;
    for (f->size = 0; f->size < whole; f->size += 515) {
        amphi_wal wal;
        read_log(f, &wal);
        assert_false(amphi__wal_is_suspect(f->path));
        assert_true(wal.last <= f->size / FRAME);
        assert_int_equal(wal.reach, wal.last);
        amphi__wal_clear(&wal);
    }
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(wal__that_is_not_there_is_empty),
        T(wal__that_is_whole_is_replayed_to_its_end),
        T(wal__a_few_bytes_of_any_frame_are_mended),
        T(wal__a_ruined_page_is_not_believed_and_the_rest_is),
        T(wal__without_its_header_has_its_frames),
        T(wal__that_is_cut_off_ends_there),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_wal", tests, NULL, NULL);
}
