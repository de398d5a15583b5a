/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/sqlcipher.h"
#include "tests/support/db_number.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#define S(x) AMPHI_STR(x)

static const amphi_db_key key = {{1, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

typedef struct fixture {
    scratch_dir dir;
    amphi_db *db;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    assert_int_equal(amphi__db_open(&f->db, scratch_dir_file(&f->dir, "db"), &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(f->db, "CREATE TABLE t (k PRIMARY KEY, v)", NULL), AMPHI_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    amphi__db_close(f->db);
    scratch_dir_remove(&f->dir);
    free(f);
    return 0;
}

static amphi_status insert(amphi_db *db, int64_t k, amphi_str v, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "INSERT INTO t VALUES (?1, ?2)");
    amphi__query_bind_int(&q, 1, k);
    amphi__query_bind_str(&q, 2, v);
    return amphi__query_run(&q, error);
}

static void sqlcipher__the_file_is_as_we_asked(void **state)
{
    fixture *f = *state;
    size_t size;
    amphi_query q;
    assert_int_equal(db_number(f->db, "PRAGMA synchronous"), 2); /* FULL: a sync per commit */
    assert_int_equal(db_number(f->db, "PRAGMA secure_delete"), 1);
    assert_int_equal(db_number(f->db, "PRAGMA cipher_page_size"), 4096);
    amphi__query_begin(&q, f->db, "PRAGMA journal_mode");
    assert_true(amphi__query_row(&q));
    assert_memory_equal(amphi__query_str(&q, 0).data, "wal", 3);
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
    amphi__db_close(f->db);
    f->db = NULL;
    char *bytes = scratch_read(scratch_dir_file(&f->dir, "db"), &size);
    assert_memory_equal(bytes, key.salt, sizeof key.salt);
    assert_int_equal(size % 4096, 0);
    free(bytes);
}

/* A sector of the first page arrived, the one with the salt did not. */
static void sqlcipher__a_file_whose_making_was_cut_off_by_the_power_is_made_anew(void **state)
{
    static const uint8_t header[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 0,
        0xff, 0x10, 0xe3, 0xd5, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0x10, 0};
    fixture *f = *state;
    char page[3584] = {0};
    char journal[512] = {0};
    amphi_db *db = NULL;
    amphi_error error = {0};
    memset(page + 1024, 'x', 512);
    memcpy(journal, header, sizeof header);
    scratch_write(scratch_dir_file(&f->dir, "torn"), page, sizeof page, 0600);
    assert_int_equal(
        amphi__db_open(&db, scratch_dir_file(&f->dir, "torn"), &key, &error), AMPHI_E_KEY);
    scratch_write(scratch_dir_file(&f->dir, "torn-journal"), journal, sizeof journal, 0600);
    if (amphi__db_open(&db, scratch_dir_file(&f->dir, "torn"), &key, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    assert_int_equal(db_number(db, "SELECT count(*) FROM sqlite_master"), 0);
    assert_int_equal(amphi__db_exec(db, "CREATE TABLE t (k)", NULL), AMPHI_OK);
    amphi__db_close(db);
}

static void sqlcipher__what_a_row_must_not_be_is_our_mistake(void **state)
{
    fixture *f = *state;
    amphi_error error = {0};
    assert_int_equal(insert(f->db, 1, S("a secret value"), NULL), AMPHI_OK);
    assert_int_equal(insert(f->db, 1, S("a secret value"), &error), AMPHI_E_INTERNAL);
    assert_int_equal(error.native_code & 0xff, 19); /* SQLITE_CONSTRAINT */
    assert_null(strstr(error.message, "secret"));
    assert_int_equal(insert(f->db, 2, S("x"), NULL), AMPHI_OK); /* the statement is usable again */
}

static void sqlcipher__a_failed_transaction_leaves_nothing(void **state)
{
    fixture *f = *state;
    assert_int_equal(amphi__db_begin(f->db, NULL), AMPHI_OK);
    assert_int_equal(insert(f->db, 1, S("x"), NULL), AMPHI_OK);
    assert_int_equal(amphi__db_finish(f->db, AMPHI_E_NOT_FOUND, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(db_number(f->db, "SELECT count(*) FROM t"), 0);
    assert_int_equal(amphi__db_begin(f->db, NULL), AMPHI_OK);
    assert_int_equal(insert(f->db, 1, S("x"), NULL), AMPHI_OK);
    assert_int_equal(amphi__db_finish(f->db, AMPHI_OK, NULL), AMPHI_OK);
    assert_int_equal(db_number(f->db, "SELECT count(*) FROM t"), 1);
}

/* As on a full disk: writes past a size fail, and what stood before stands. */
static void sqlcipher__a_refused_write_is_io_and_recovers(void **state)
{
    fixture *f = *state;
    struct rlimit old, small;
    amphi_error error = {0};
    size_t size = 300000;
    char *large = calloc(1, size);
    assert_non_null(large);
    assert_int_equal(insert(f->db, 1, S("x"), NULL), AMPHI_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    amphi_status status = amphi__db_begin(f->db, NULL);
    if (status == AMPHI_OK) {
        status = insert(f->db, 2, amphi_str_make(large, size), &error);
        status = amphi__db_finish(f->db, status, &error);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, AMPHI_E_IO);
    assert_int_equal(db_number(f->db, "SELECT count(*) FROM t"), 1);
    assert_int_equal(insert(f->db, 2, amphi_str_make(large, size), NULL), AMPHI_OK);
    assert_int_equal(db_number(f->db, "SELECT count(*) FROM t"), 2);
    free(large);
}

static void sqlcipher__text_and_numbers_keep_their_bytes(void **state)
{
    fixture *f = *state;
    amphi_query q;
    assert_int_equal(insert(f->db, INT64_MIN, S("a\0b\xff"), NULL), AMPHI_OK);
    assert_int_equal(insert(f->db, INT64_MAX, amphi_str_make(NULL, 0), NULL), AMPHI_OK);
    amphi__query_begin(&q, f->db, "SELECT k, v, v IS NULL FROM t ORDER BY k");
    assert_true(amphi__query_row(&q));
    assert_true(amphi__query_int(&q, 0) == INT64_MIN);
    assert_int_equal(amphi__query_str(&q, 1).size, 4);
    assert_memory_equal(amphi__query_str(&q, 1).data, "a\0b\xff", 4);
    assert_true(amphi__query_row(&q));
    assert_true(amphi__query_int(&q, 0) == INT64_MAX);
    assert_int_equal(amphi__query_str(&q, 1).size, 0);
    assert_int_equal(amphi__query_int(&q, 2), 0); /* empty, not NULL */
    assert_false(amphi__query_row(&q));
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
}

static void sqlcipher__bad_sql_is_reported_at_the_end(void **state)
{
    fixture *f = *state;
    amphi_query q;
    amphi__query_begin(&q, f->db, "SELECT nonsense FROM nowhere");
    amphi__query_bind_int(&q, 1, 1);
    assert_false(amphi__query_row(&q));
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_E_INTERNAL);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(sqlcipher__the_file_is_as_we_asked),
        T(sqlcipher__a_file_whose_making_was_cut_off_by_the_power_is_made_anew),
        T(sqlcipher__what_a_row_must_not_be_is_our_mistake),
        T(sqlcipher__a_failed_transaction_leaves_nothing),
        T(sqlcipher__a_refused_write_is_io_and_recovers),
        T(sqlcipher__text_and_numbers_keep_their_bytes),
        T(sqlcipher__bad_sql_is_reported_at_the_end),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher", tests, NULL, NULL);
}
