/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file is, before a key is used on it: each kind is known, and left as it is.
 */
#include "storage/sqlcipher_look.h"

#include "tests/support/killed_log.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE 4096

static const amphi_db_key other_key = {{8, 2, 3}, {5, 5, 5}};

static amphi_status look(const killed_log *f, const amphi_db_key *key, char *words, size_t capacity)
{
    amphi_error error = {0};
    amphi_page_format format;
    amphi_db *db = NULL;
    amphi_status status = amphi__db_open_unkeyed(&db, f->path, key, &format, &error);
    amphi__db_close(db);
    snprintf(words, capacity, "%s", error.message);
    return status;
}

/* The database, with nothing in its log. */
static void take_whole(killed_log *f)
{
    killed_log_say(f->db, "text", 30);
    killed_log_exec(f->db, "PRAGMA wal_checkpoint(TRUNCATE)");
    amphi__db_close(f->db);
    f->db = NULL;
    free(f->database);
    f->database = scratch_read(f->path, &f->database_size);
    assert_true(f->database_size > (size_t)8 * PAGE);
}

static void put(const killed_log *f)
{
    scratch_write(f->path, f->database, f->database_size, 0600);
}

static void look__ours_is_known_by_any_page(void **state)
{
    killed_log *f = *state;
    char words[200];
    take_whole(f);
    assert_int_equal(look(f, &killed_log_key, words, sizeof words), AMPHI_OK);
    memset(f->database, 0x5a, PAGE); /* salt and all */
    put(f);
    assert_int_equal(look(f, &killed_log_key, words, sizeof words), AMPHI_OK);
    memset(f->database + PAGE, 0x5a, f->database_size - PAGE);
    put(f);
    assert_int_equal(look(f, &killed_log_key, words, sizeof words), AMPHI_E_KEY);
    memcpy(f->database, killed_log_key.salt, sizeof killed_log_key.salt); /* the salt alone */
    put(f);
    assert_int_equal(look(f, &killed_log_key, words, sizeof words), AMPHI_OK);
}

static void look__another_keys_file_a_plain_one_and_none_are_told_apart(void **state)
{
    killed_log *f = *state;
    char words[200];
    take_whole(f);
    assert_int_equal(look(f, &other_key, words, sizeof words), AMPHI_E_KEY);
    assert_non_null(strstr(words, "key does not open"));
    memset(f->database, 0, PAGE);
    memcpy(f->database, "SQLite format 3", 16);
    memset(f->database + PAGE, 0, f->database_size - PAGE);
    put(f);
    assert_int_equal(look(f, &killed_log_key, words, sizeof words), AMPHI_E_KEY);
    assert_non_null(strstr(words, "plain"));
    f->database_size = 0;
    put(f);
    assert_int_equal(look(f, &killed_log_key, words, sizeof words), AMPHI_OK); /* empty */
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        KILLED_LOG_TEST(look__ours_is_known_by_any_page),
        KILLED_LOG_TEST(look__another_keys_file_a_plain_one_and_none_are_told_apart),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_look", tests, NULL, NULL);
}
