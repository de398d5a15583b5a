/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard by itself: which writes pass, piece by piece; then under a connection whose crypto
 * provider fails at each of its calls in turn, the way SQLCipher's own does without memory.
 */
#include "storage/sqlcipher_guard.h"
#include "storage/sqlcipher_provider.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sealed_page.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE AMPHI_DB_PAGE_BYTES
#define ROWS 12

static const amphi_sqlite *lib;
static const amphi_db_key key = {{1, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

typedef struct fixture {
    scratch_dir dir;
    amphi_db_guard *guard;
    amphi_page_seal seal;
    sqlite3_vfs *vfs;
    sqlite3_file *file;
    uint8_t page[PAGE];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    f->guard = amphi__db_guard_new(lib);
    assert_non_null(f->guard);
    f->vfs = lib->vfs_find(amphi__db_guard_name(f->guard));
    assert_non_null(f->vfs);
    f->file = calloc(1, (size_t)f->vfs->szOsFile);
    assert_non_null(f->file);
    amphi__page_seal_init(&f->seal, AMPHI_PAGE_FORMAT_3, &key);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    if (f->file->pMethods != NULL)
        f->file->pMethods->xClose(f->file);
    amphi__db_guard_free(f->guard);
    scratch_dir_remove(&f->dir);
    free(f->file);
    free(f);
    return 0;
}

/* Beside a database that is there: SQLite takes a log's mode from it. */
static void open_file(fixture *f, int kind)
{
    static char name[600];
    snprintf(name, sizeof name, "%s%s", scratch_dir_file(&f->dir, "file"),
        kind == SQLITE_OPEN_WAL            ? "-wal"
        : kind == SQLITE_OPEN_MAIN_JOURNAL ? "-journal"
                                           : "");
    if (kind != SQLITE_OPEN_MAIN_DB)
        scratch_write(scratch_dir_file(&f->dir, "file"), "", 0, 0600);
    assert_int_equal(f->vfs->xOpen(f->vfs, name, f->file,
                         kind | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
}

static int put(fixture *f, const void *data, int size, sqlite3_int64 offset)
{
    int rc = f->file->pMethods->xWrite(f->file, data, size, offset);
    assert_int_equal(amphi__db_guard_take_refusal(f->guard), rc == SQLITE_IOERR_WRITE);
    return rc;
}

static int put_page(fixture *f, uint32_t number, sqlite3_int64 offset)
{
    sealed_page_make(f->page, &f->seal, &key, number);
    return put(f, f->page, PAGE, offset);
}

static void guard__lets_nothing_through_before_it_has_a_seal(void **state)
{
    fixture *f = *state;
    open_file(f, SQLITE_OPEN_MAIN_DB);
    assert_int_equal(put_page(f, 1, 0), SQLITE_IOERR_WRITE);
    amphi__db_guard_seal(f->guard, AMPHI_PAGE_FORMAT_3, &key);
    assert_int_equal(put_page(f, 1, 0), SQLITE_OK);
}

static void guard__a_database_takes_sealed_pages_in_their_place(void **state)
{
    fixture *f = *state;
    size_t size;
    uint8_t zeros[PAGE] = {0};
    open_file(f, SQLITE_OPEN_MAIN_DB);
    amphi__db_guard_seal(f->guard, AMPHI_PAGE_FORMAT_3, &key);
    assert_int_equal(put_page(f, 1, 0), SQLITE_OK);
    assert_int_equal(put_page(f, 3, 2 * PAGE), SQLITE_OK);
    assert_int_equal(put_page(f, 3, PAGE), SQLITE_IOERR_WRITE);
    assert_int_equal(put_page(f, 3, 2 * PAGE + 512), SQLITE_IOERR_WRITE);
    assert_int_equal(put(f, f->page, 512, 0), SQLITE_IOERR_WRITE);
    f->page[100] ^= 1;
    assert_int_equal(put(f, f->page, PAGE, 2 * PAGE), SQLITE_IOERR_WRITE);
    assert_int_equal(put(f, zeros, PAGE, 2 * PAGE), SQLITE_IOERR_WRITE); /* over a page */
    assert_int_equal(put(f, zeros, PAGE, 5 * PAGE), SQLITE_OK);          /* a longer file */
    char *bytes = scratch_read(scratch_dir_file(&f->dir, "file"), &size);
    assert_int_equal(size, 6 * PAGE);
    sealed_page_make(f->page, &f->seal, &key, 3);
    assert_memory_equal(bytes + 2 * PAGE, f->page, PAGE);
    free(bytes);
}

static void guard__a_log_takes_headers_and_the_page_that_a_frame_names(void **state)
{
    fixture *f = *state;
    uint8_t header[32] = {0x37, 0x7f, 0x06, 0x82};
    uint8_t frame[24] = {0, 0, 1, 2};
    open_file(f, SQLITE_OPEN_WAL);
    amphi__db_guard_seal(f->guard, AMPHI_PAGE_FORMAT_3, &key);
    assert_int_equal(put(f, header, 32, 0), SQLITE_OK);
    assert_int_equal(put(f, frame, 24, 32), SQLITE_OK);
    assert_int_equal(put_page(f, 0x102, 56), SQLITE_OK);
    assert_int_equal(put_page(f, 0x103, 56), SQLITE_IOERR_WRITE);
    assert_int_equal(put(f, frame, 24, 32 + 24 + PAGE), SQLITE_OK);
    assert_int_equal(put(f, frame, 24, 100), SQLITE_IOERR_WRITE);
    assert_int_equal(put(f, f->page, 1000, 56), SQLITE_IOERR_WRITE);
    assert_int_equal(put(f, f->page, 1000, 0), SQLITE_IOERR_WRITE);
    memset(f->page, 'p', PAGE);
    assert_int_equal(put(f, f->page, PAGE, 56), SQLITE_IOERR_WRITE);
}

static void guard__a_journal_takes_headers_numbers_and_sealed_pages(void **state)
{
    fixture *f = *state;
    uint8_t number[4] = {0, 0, 0, 9};
    uint8_t header[512] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    header[26] = PAGE >> 8;
    open_file(f, SQLITE_OPEN_MAIN_JOURNAL);
    amphi__db_guard_seal(f->guard, AMPHI_PAGE_FORMAT_3, &key);
    assert_int_equal(put(f, header, sizeof header, 0), SQLITE_OK);
    assert_int_equal(put(f, number, 4, 512), SQLITE_OK);
    assert_int_equal(put_page(f, 9, 516), SQLITE_OK);
    assert_int_equal(put_page(f, 8, 516), SQLITE_IOERR_WRITE);
    header[40] = 'p';
    assert_int_equal(put(f, header, sizeof header, 0), SQLITE_IOERR_WRITE);
    memset(f->page, 0, PAGE);
    assert_int_equal(put(f, f->page, PAGE, 516), SQLITE_IOERR_WRITE);
}

static void guard__a_file_that_was_replaced_is_not_locked(void **state)
{
    fixture *f = *state;
    char path[300];
    int is_reserved = 1;
    snprintf(path, sizeof path, "%s", scratch_dir_file(&f->dir, "file"));
    open_file(f, SQLITE_OPEN_MAIN_DB);
    assert_int_equal(f->file->pMethods->xLock(f->file, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(f->file->pMethods->xUnlock(f->file, SQLITE_LOCK_NONE), SQLITE_OK);
    scratch_write(scratch_dir_file(&f->dir, "fresh"), "", 0, 0600);
    assert_int_equal(rename(scratch_dir_file(&f->dir, "fresh"), path), 0);
    for (int i = 0; i < 2; i++) /* nor is half a lock left */
        assert_int_equal(
            f->file->pMethods->xLock(f->file, SQLITE_LOCK_SHARED), SQLITE_READONLY_DBMOVED);
    assert_int_equal(f->file->pMethods->xCheckReservedLock(f->file, &is_reserved), SQLITE_OK);
    assert_int_equal(is_reserved, 0);
}

static void guard__makes_no_temporary_files(void **state)
{
    fixture *f = *state;
    static const int kinds[] = {SQLITE_OPEN_TEMP_DB, SQLITE_OPEN_TRANSIENT_DB,
        SQLITE_OPEN_TEMP_JOURNAL, SQLITE_OPEN_SUBJOURNAL, SQLITE_OPEN_MASTER_JOURNAL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int flags = kinds[i] | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        assert_int_equal(f->vfs->xOpen(f->vfs, NULL, f->file, flags, NULL), SQLITE_CANTOPEN);
        assert_null(f->file->pMethods);
    }
}

/* ---- Under a provider that fails ---- */

static amphi_sqlcipher_provider stock;
static long calls, calls_fail_at;
static enum { FAIL_WITH_AN_ERROR, FAIL_IN_SILENCE } calls_fail_how;

/* Only what encrypts: the guard can't know that a page was decrypted wrong, which is why the
 * provider counts its failures (see test_sqlcipher_provider.c). */
static bool fails_now(void)
{
    return ++calls == calls_fail_at;
}

static int failing_random(void *context, void *buffer, int length)
{
    if (fails_now())
        return calls_fail_how == FAIL_WITH_AN_ERROR ? SQLITE_ERROR : SQLITE_OK;
    return stock.random(context, buffer, length);
}

static int failing_hmac(void *context, unsigned char *hmac_key, int key_size, unsigned char *a,
    int a_size, unsigned char *b, int b_size, unsigned char *out)
{
    if (fails_now())
        return calls_fail_how == FAIL_WITH_AN_ERROR ? SQLITE_ERROR : SQLITE_OK;
    return stock.hmac(context, hmac_key, key_size, a, a_size, b, b_size, out);
}

static int failing_cipher(void *context, int encrypt, unsigned char *aes_key, int key_size,
    unsigned char *iv, unsigned char *in, int in_size, unsigned char *out)
{
    if (encrypt && fails_now()) {
        memcpy(out, in, (size_t)in_size); /* plain text, as from a buffer that was not filled */
        return calls_fail_how == FAIL_WITH_AN_ERROR ? SQLITE_ERROR : SQLITE_OK;
    }
    return stock.cipher(context, encrypt, aes_key, key_size, iv, in, in_size, out);
}

static void register_failing(void)
{
    amphi_sqlcipher_provider *failing = lib->malloc(sizeof *failing);
    assert_non_null(failing);
    assert_int_equal(lib->stock_provider_setup(&stock), SQLITE_OK);
    *failing = stock;
    failing->random = failing_random;
    failing->hmac = failing_hmac;
    failing->cipher = failing_cipher;
    lib->register_provider(failing);
}

static sqlite3 *open_keyed(const char *path, const amphi_db_guard *guard)
{
    sqlite3 *handle = NULL;
    char literal[2 + 96 + 1 + 1] = "x'";
    for (int i = 0; i < 32; i++)
        sprintf(literal + 2 + 2 * i, "%02x", key.key[i]);
    for (int i = 0; i < 16; i++)
        sprintf(literal + 66 + 2 * i, "%02x", key.salt[i]);
    strcat(literal, "'");
    assert_int_equal(lib->open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                         guard != NULL ? amphi__db_guard_name(guard) : NULL),
        SQLITE_OK);
    assert_int_equal(lib->key(handle, literal, (int)strlen(literal)), SQLITE_OK);
    assert_int_equal(lib->exec(handle, "PRAGMA cipher_page_size=4096", NULL, NULL, NULL), 0);
    return handle;
}

/* Transactions of several pages; returns how many were acknowledged, as bits. */
static uint32_t write_rows(sqlite3 *handle)
{
    uint32_t acknowledged = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
            "INSERT INTO t VALUES (%u, replace(hex(zeroblob(700)), '00', 'plain words')||%u)", i,
            i);
        if (lib->exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK)
            acknowledged |= 1u << i;
        else
            lib->exec(handle, "ROLLBACK", NULL, NULL, NULL);
    }
    return acknowledged;
}

/* After everything was closed, with a provider that works. */
static void expect_whole(fixture *f, const char *path, uint32_t acknowledged)
{
    char answer[64];
    calls_fail_at = 0;
    assert_int_equal(scratch_files_with(&f->dir, "plain words"), 0);
    assert_int_equal(sealed_page_count_bad(path, &f->seal, false), 0);
    sqlite3 *handle = open_keyed(path, NULL);
    assert_int_equal(amphi__sqlite_ask(handle, "PRAGMA integrity_check", answer, 64, NULL), 0);
    assert_string_equal(answer, "ok");
    for (unsigned i = 0; i < ROWS; i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE k = %u", i);
        assert_int_equal(amphi__sqlite_ask(handle, sql, answer, 64, NULL), 0);
        if (acknowledged >> i & 1)
            assert_string_equal(answer, "1");
    }
    lib->close(handle);
}

static bool run_with_failure_at(fixture *f, const char *mode, long at)
{
    static int number;
    char path[300], log[310], sql[100], name[20];
    snprintf(name, sizeof name, "db%d", number++);
    snprintf(path, sizeof path, "%s", scratch_dir_file(&f->dir, name));
    snprintf(log, sizeof log, "%s-wal", path);
    calls_fail_at = 0;
    amphi_db_guard *guard = amphi__db_guard_new(lib);
    assert_non_null(guard);
    amphi__db_guard_seal(guard, AMPHI_PAGE_FORMAT_3, &key);
    register_failing(); /* the library frees it with the last connection */
    sqlite3 *handle = open_keyed(path, guard);
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s; CREATE TABLE t (k PRIMARY KEY, v)", mode);
    assert_int_equal(lib->exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    calls = 0;
    calls_fail_at = at;
    uint32_t acknowledged = write_rows(handle);
    bool has_failed = calls >= at;
    assert_true(sealed_page_count_bad(log, &f->seal, true) <= 0); /* -1: none there */
    assert_int_equal(scratch_files_with(&f->dir, "plain words"), 0);
    lib->close(handle);
    amphi__db_guard_free(guard);
    expect_whole(f, path, acknowledged);
    return has_failed;
}

static void fail_everywhere(fixture *f, const char *mode)
{
    if (lib->register_provider == NULL)
        skip(); /* SQLCipher 4: its provider can't be replaced by this table */
    long failed = 0;
    for (long at = 1; at < 4000; at += at < 40 ? 1 : 41) {
        calls_fail_how = at % 4 < 2 ? FAIL_WITH_AN_ERROR : FAIL_IN_SILENCE;
        if (!run_with_failure_at(f, mode, at))
            break;
        failed++;
        scratch_dir_remove(&f->dir);
        scratch_dir_make(&f->dir);
    }
    calls_fail_at = 0;
    print_message("failed at %ld calls in turn\n", failed);
    assert_true(failed > 40);
}

static void guard__no_failed_encryption_reaches_the_log(void **state)
{
    fail_everywhere(*state, "WAL");
}

static void guard__no_failed_encryption_reaches_the_journal(void **state)
{
    fail_everywhere(*state, "DELETE");
}

int main(void)
{
    amphi_error error = {0};
    if (amphi__sqlite_load(&lib, &error) != AMPHI_OK) {
        printf("skipped: %s\n", error.message);
        return 77;
    }
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(guard__lets_nothing_through_before_it_has_a_seal),
        T(guard__a_database_takes_sealed_pages_in_their_place),
        T(guard__a_log_takes_headers_and_the_page_that_a_frame_names),
        T(guard__a_journal_takes_headers_numbers_and_sealed_pages),
        T(guard__a_file_that_was_replaced_is_not_locked),
        T(guard__makes_no_temporary_files),
        T(guard__no_failed_encryption_reaches_the_log),
        T(guard__no_failed_encryption_reaches_the_journal),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_guard", tests, NULL, NULL);
}
