/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a database where nothing can be written: folders without the right to write (not as
 * root, who may always), files that are read-only, and the log beside them.
 */
#include "storage/sqlcipher.h"
#include "storage/sqlcipher_heap_index.h"
#include "tests/support/db_number.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const amphi_db_key key = {{3, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

typedef struct fixture {
    scratch_dir dir;
    char path[300], log[310], shm[310];
} fixture;

/* A thousand rows; the last five hundred only in the log, as after a crash. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    amphi_db *db = NULL;
    size_t log_size, size;
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    snprintf(f->path, sizeof f->path, "%s", scratch_dir_file(&f->dir, "db"));
    snprintf(f->log, sizeof f->log, "%s-wal", f->path);
    snprintf(f->shm, sizeof f->shm, "%s-shm", f->path);
    assert_int_equal(amphi__db_open(&db, f->path, &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db,
                         "CREATE TABLE t (v); INSERT INTO t VALUES (hex(randomblob(100)));"
                         "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT "
                         "499) INSERT INTO t SELECT hex(randomblob(100)) FROM n;"
                         "PRAGMA wal_checkpoint(TRUNCATE);",
                         NULL),
        AMPHI_OK);
    assert_int_equal(
        amphi__db_exec(db, "INSERT INTO t SELECT hex(randomblob(100)) FROM t", NULL), AMPHI_OK);
    char *log_bytes = scratch_read(f->log, &log_size);
    char *bytes = scratch_read(f->path, &size);
    amphi__db_close(db);
    scratch_write(f->path, bytes, size, 0600);
    scratch_write(f->log, log_bytes, log_size, 0600);
    free(bytes);
    free(log_bytes);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    chmod(f->dir.path, 0700);
    scratch_dir_remove(&f->dir);
    free(f);
    return 0;
}

/* Files by size and content, so that a changed one is seen. */
static uint64_t files_sum(const fixture *f)
{
    const char *const paths[] = {f->path, f->log, f->shm};
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        char *bytes = scratch_read(paths[i], &size);
        sum = (sum ^ (bytes != NULL) ^ size << 8) * 1099511628211u;
        for (size_t j = 0; bytes != NULL && j < size; j++)
            sum = (sum ^ (uint8_t)bytes[j]) * 1099511628211u;
        free(bytes);
    }
    return sum;
}

static void read_only__reads_the_log_and_changes_no_file(void **state)
{
    fixture *f = *state;
    amphi_db *db = NULL;
    uint64_t before = files_sum(f);
    assert_int_equal(amphi__db_open_read_only(&db, f->path, &key, NULL), AMPHI_OK);
    assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 1000);
    assert_int_equal(amphi__db_exec(db, "INSERT INTO t VALUES (1)", NULL), AMPHI_E_IO);
    assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 1000);
    amphi__db_close(db);
    assert_true(files_sum(f) == before);
}

static void read_only__reads_without_a_log(void **state)
{
    fixture *f = *state;
    amphi_db *db = NULL;
    assert_int_equal(unlink(f->log), 0);
    uint64_t before = files_sum(f);
    assert_int_equal(amphi__db_open_read_only(&db, f->path, &key, NULL), AMPHI_OK);
    assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 500);
    amphi__db_close(db);
    assert_true(files_sum(f) == before);
}

static void read_only__works_in_a_folder_of_another_user(void **state)
{
    fixture *f = *state;
    assert_int_equal(chmod(f->dir.path, 0555) | chmod(f->path, 0444) | chmod(f->log, 0444), 0);
    pid_t child = fork();
    if (child == 0) {
        amphi_db *db = NULL;
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        if (amphi__db_open(&db, f->path, &key, NULL) != AMPHI_E_IO)
            _exit(3);
        if (amphi__db_open_read_only(&db, f->path, &key, NULL) != AMPHI_OK)
            _exit(4);
        int64_t rows = db_number(db, "SELECT count(*) FROM t");
        amphi__db_close(db);
        _exit(rows == 1000 ? 0 : 5);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void read_only__is_refused_while_another_connection_may_write(void **state)
{
    fixture *f = *state;
    amphi_db *db = NULL;
    int ready[2], end[2];
    char byte = 0;
    assert_int_equal(pipe(ready) | pipe(end), 0);
    pid_t child = fork();
    if (child == 0) {
        if (amphi__db_open(&db, f->path, &key, NULL) != AMPHI_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(end[0], &byte, 1) == 1 ? 0 : 1); /* ends without closing: files stay */
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(amphi__db_open_read_only(&db, f->path, &key, NULL), AMPHI_E_BUSY);
    assert_int_equal(write(end[1], "x", 1), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(scratch_exists(f->shm));
    assert_int_equal(amphi__db_open_read_only(&db, f->path, &key, NULL), AMPHI_OK);
    assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 1000);
    amphi__db_close(db);
}

static void read_only__notices_a_connection_that_comes_later(void **state)
{
    fixture *f = *state;
    amphi_db *reader = NULL;
    assert_int_equal(amphi__db_open_read_only(&reader, f->path, &key, NULL), AMPHI_OK);
    assert_int_equal(db_number(reader, "SELECT count(*) FROM t"), 1000);
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        amphi_db *db = NULL;
        bool ok =
            amphi__db_open(&db, f->path, &key, NULL) == AMPHI_OK && write(ready[1], "x", 1) == 1;
        _exit(ok && pause() == 0 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(amphi__db_exec(reader, "SELECT count(*) FROM t", NULL), AMPHI_E_IO);
    kill(child, 9);
    assert_int_equal(waitpid(child, NULL, 0), child);
    amphi__db_close(reader);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(read_only__reads_the_log_and_changes_no_file),
        T(read_only__reads_without_a_log),
        T(read_only__works_in_a_folder_of_another_user),
        T(read_only__is_refused_while_another_connection_may_write),
        T(read_only__notices_a_connection_that_comes_later),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_heap_index", tests, NULL, NULL);
}
