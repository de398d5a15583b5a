/* SPDX-License-Identifier: Apache-2.0
 *
 * What our provider promises beside its cryptography (test_crypto_page.c): the library's own keeps
 * its place, files are the same, and a failure stops the writing.
 */
#include "storage/sqlcipher.h"
#include "storage/sqlcipher_provider.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const amphi_sqlite *lib;
static const amphi_db_key key = {{9, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static int key_connection(sqlite3 *handle, int (*set)(sqlite3 *, const char *, size_t))
{
    char literal[2 + 96 + 1 + 1] = "x'";
    for (int i = 0; i < 32; i++)
        sprintf(literal + 2 + 2 * i, "%02x", key.key[i]);
    for (int i = 0; i < 16; i++)
        sprintf(literal + 66 + 2 * i, "%02x", key.salt[i]);
    strcat(literal, "'");
    return set(handle, literal, strlen(literal));
}

static int stock_key(sqlite3 *handle, const char *literal, size_t size)
{
    return lib->key(handle, literal, (int)size);
}

/* A connection as an app makes it, with the library's own provider. */
static sqlite3 *open_as_app(const char *path, char provider[32])
{
    sqlite3 *handle = NULL;
    assert_int_equal(
        lib->open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    assert_int_equal(key_connection(handle, stock_key), SQLITE_OK);
    assert_int_equal(lib->exec(handle, "PRAGMA cipher_page_size=4096", NULL, NULL, NULL), 0);
    assert_int_equal(
        amphi__sqlite_ask(handle, "PRAGMA cipher_provider", provider, 32, NULL), SQLITE_OK);
    return handle;
}

static void provider__an_app_keeps_the_librarys_own(void **state)
{
    scratch_dir *dir = *state;
    char before[32], between[32], after[32];
    amphi_db *db = NULL;
    sqlite3 *app = open_as_app(scratch_dir_file(dir, "app"), before);
    lib->close(app);
    assert_int_equal(amphi__db_open(&db, scratch_dir_file(dir, "ours"), &key, NULL), AMPHI_OK);
    app = open_as_app(scratch_dir_file(dir, "app"), between);
    amphi__db_close(db);
    lib->close(app);
    app = open_as_app(scratch_dir_file(dir, "app"), after);
    lib->close(app);
    assert_string_equal(before, between);
    assert_string_equal(before, after);
    if (lib->register_provider != NULL)
        assert_string_equal(before, "openssl");
}

/* One file, by turns through our provider and through the library's own. */
static void provider__files_are_the_same_as_the_librarys_own(void **state)
{
    scratch_dir *dir = *state;
    char answer[64];
    const char *path = scratch_dir_file(dir, "db");
    for (int i = 0; i < 4; i++) {
        if (i % 2 == 0) {
            amphi_db *db = NULL;
            assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
            assert_int_equal(amphi__db_exec(db,
                                 "CREATE TABLE IF NOT EXISTS t (v);"
                                 "INSERT INTO t VALUES (hex(randomblob(20000)))",
                                 NULL),
                AMPHI_OK);
            amphi__db_close(db);
        } else {
            sqlite3 *app = open_as_app(path, answer);
            assert_int_equal(lib->exec(app, "INSERT INTO t SELECT v FROM t", NULL, NULL, NULL), 0);
            lib->close(app);
        }
    }
    sqlite3 *app = open_as_app(path, answer);
    assert_int_equal(amphi__sqlite_ask(app, "PRAGMA integrity_check", answer, 64, NULL), 0);
    assert_string_equal(answer, "ok");
    assert_int_equal(amphi__sqlite_ask(app, "SELECT count(*) FROM t", answer, 64, NULL), 0);
    assert_string_equal(answer, "6");
    lib->close(app);
}

/* Our provider refuses work that SQLCipher never gives it: here a key of no rounds. */
static int key_without_rounds(sqlite3 *handle, const char *literal, size_t size)
{
    (void)literal;
    (void)size;
    int rc = amphi__sqlcipher_key(handle, "a passphrase", 12);
    return rc != SQLITE_OK ? rc : lib->exec(handle, "PRAGMA kdf_iter=0", NULL, NULL, NULL);
}

static void fail_once(const char *path)
{
    sqlite3 *handle = NULL;
    uint32_t before = amphi__sqlcipher_provider_failures();
    assert_int_equal(
        lib->open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    assert_int_equal(key_connection(handle, key_without_rounds), SQLITE_OK);
    lib->exec(handle, "CREATE TABLE t (v)", NULL, NULL, NULL);
    lib->close(handle);
    assert_true(amphi__sqlcipher_provider_failures() > before);
}

/* A page that was decrypted wrong has a good seal when it is written again; so nothing is. */
static void provider__after_a_failure_no_open_connection_writes(void **state)
{
    scratch_dir *dir = *state;
    amphi_error error = {0};
    amphi_db *db = NULL;
    const char *path = scratch_dir_file(dir, "db");
    if (lib->register_provider == NULL)
        skip();
    assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db, "CREATE TABLE t (v)", NULL), AMPHI_OK);
    fail_once(scratch_dir_file(dir, "other"));
    assert_int_equal(amphi__db_exec(db, "INSERT INTO t VALUES (1)", &error), AMPHI_E_IO);
    assert_non_null(strstr(error.message, "kept from the disk"));
    assert_int_equal(amphi__db_exec(db, "INSERT INTO t VALUES (1)", NULL), AMPHI_E_IO);
    amphi__db_close(db);
    assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db, "INSERT INTO t VALUES (1)", NULL), AMPHI_OK);
    amphi__db_close(db);
}

int main(void)
{
    amphi_error error = {0};
    if (amphi__sqlite_load(&lib, &error) != AMPHI_OK) {
        printf("skipped: %s\n", error.message);
        return 77;
    }
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest tests[] = {
        T(provider__an_app_keeps_the_librarys_own),
        T(provider__files_are_the_same_as_the_librarys_own),
        T(provider__after_a_failure_no_open_connection_writes),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_provider", tests, NULL, NULL);
}
