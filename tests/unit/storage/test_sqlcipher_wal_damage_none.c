/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs as a power loss, an undone transaction or another process's commit leaves them: of these
 * nothing is said, and all that was acknowledged is there.
 */
#include "storage/sqlcipher_wal_damage.h"

#include "storage/schema.h"
#include "storage/sqlcipher_repair.h"
#include "tests/support/db_number.h"
#include "tests/support/killed_log.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAME KILLED_LOG_FRAME

/* Whole as far as it goes, which may be before the tables were made. */
static void expect_whole(const killed_log *f, const char *where)
{
    amphi_history_check_report found;
    amphi_error error = {0};
    amphi_db *db = NULL;
    killed_log_put(f);
    if (amphi__db_check(&found, f->path, &killed_log_key, true, &error) != AMPHI_OK ||
        !found.is_whole)
        fail_msg("%s: %s%s", where, error.message, found.fault);
    killed_log_put(f);
    if (amphi__db_open(&db, f->path, &killed_log_key, &error) != AMPHI_OK)
        fail_msg("%s: %s", where, error.message);
    amphi__db_close(db);
}

/* The last synced commit and what was written unsynced before it, any of it lost. */
static void log__what_a_power_loss_tears_is_no_damage(void **state)
{
    killed_log *f = *state;
    for (int i = 0; i < 10; i++) {
        killed_log_say(f->db, "text", 1);
        killed_log_write_unsynced(f->db);
    }
    killed_log_say(f->db, "the last that was synced", 1);
    killed_log_take(f);
    size_t synced = f->wal_size;
    for (int i = 0; i < 6; i++)
        killed_log_write_unsynced(f->db);
    killed_log_say(f->db, "not acknowledged", 30);
    killed_log_kill(f);
    char *whole = malloc(f->wal_size);
    assert_non_null(whole);
    memcpy(whole, f->wal, f->wal_size);
    srand(7);
    for (int i = 0; i < 80; i++) {
        char name[40];
        snprintf(name, sizeof name, "power loss %d", i);
        memcpy(f->wal, whole, f->wal_size);
        for (size_t at = (synced + 511) / 512 * 512; at + 512 <= f->wal_size; at += 512)
            if (rand() % (2 + i % 30) == 0)
                memset(f->wal + at, 0, 512);
        killed_log_expect_no_damage(f, 11, name);
    }
    size_t size = f->wal_size;
    memcpy(f->wal, whole, size);
    for (f->wal_size = synced; f->wal_size < size; f->wal_size += 2777)
        killed_log_expect_no_damage(f, 11, "cut off");
    free(whole);
}

/* A store as it is made: its list of tables is in the log alone, and no commit is older. */
static void log__what_a_power_loss_tears_of_a_new_store_is_no_damage(void **state)
{
    killed_log *f = *state;
    amphi__db_close(f->db);
    unlink(f->path);
    killed_log_open(f, &f->db);
    size_t header = KILLED_LOG_HEADER;
    assert_int_equal(amphi__schema_migrate(f->db, NULL), AMPHI_OK);
    killed_log_take(f);
    size_t synced = f->wal_size;
    killed_log_exec(f->db,
        "INSERT INTO conversations (seq, id, updated_ms, messages_count, title) VALUES "
        "(1, 'c', 1, 0, 't')");
    killed_log_take(f);
    char *whole = malloc(f->wal_size);
    assert_non_null(whole);
    memcpy(whole, f->wal, f->wal_size);
    size_t sizes[] = {synced, f->wal_size}; /* while the first, then the second, is written */
    size_t begins[] = {header, synced};
    amphi__db_close(f->db);
    f->db = NULL;
    srand(11);
    for (int i = 0; i < 60; i++) {
        char name[60];
        snprintf(name, sizeof name, "power loss %d of a new store", i);
        f->wal_size = sizes[i % 2];
        memcpy(f->wal, whole, f->wal_size);
        for (size_t at = (begins[i % 2] + 511) / 512 * 512; at + 512 <= f->wal_size; at += 512)
            if (rand() % (2 + i) == 0)
                memset(f->wal + at, 0, 512);
        expect_whole(f, name);
    }
    for (f->wal_size = header; f->wal_size < sizes[1]; f->wal_size += 2777) {
        memcpy(f->wal, whole, f->wal_size);
        expect_whole(f, "a new store, cut off");
    }
    free(whole);
}

/* Frames of this log that nothing leads to: a long transaction that was undone, then a short one
 * over its beginning; and the old frames behind a log that was begun anew. */
static void log__what_was_left_by_other_writes_is_no_damage(void **state)
{
    killed_log *f = *state;
    killed_log_say(f->db, "before", 1);
    killed_log_exec(f->db, "PRAGMA cache_size=10; PRAGMA cache_spill=10; BEGIN IMMEDIATE");
    for (int i = 0; i < 3000; i++)
        killed_log_exec(
            f->db, "INSERT INTO settings VALUES (hex(randomblob(20)), randomblob(300))");
    killed_log_exec(f->db, "ROLLBACK");
    killed_log_say(f->db, "after", 1);
    killed_log_write_unsynced(f->db);
    killed_log_kill(f);
    assert_true(f->wal_size > (size_t)100 * FRAME);
    killed_log_expect_no_damage(f, 2, "undone");
    killed_log_open(f, &f->db);
    for (int i = 0; i < 30; i++)
        killed_log_say(f->db, "an earlier log", 1);
    killed_log_exec(f->db, "PRAGMA wal_checkpoint(RESTART)");
    for (int i = 0; i < 3; i++)
        killed_log_say(f->db, "the log begun anew", 1);
    killed_log_kill(f);
    killed_log_expect_no_damage(f, 33, "begun anew");
}

static void log__others_commits_under_way_are_no_damage(void **state)
{
    killed_log *f = *state;
    for (int i = 0; i < 30; i++) {
        amphi_db *other = NULL;
        killed_log_say(f->db, "text", 3);
        killed_log_open(f, &other);
        assert_int_equal(db_number(other, "SELECT count(*) FROM messages"), 3 * (i + 1));
        amphi__db_close(other);
    }
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        KILLED_LOG_TEST(log__what_a_power_loss_tears_is_no_damage),
        KILLED_LOG_TEST(log__what_a_power_loss_tears_of_a_new_store_is_no_damage),
        KILLED_LOG_TEST(log__what_was_left_by_other_writes_is_no_damage),
        KILLED_LOG_TEST(log__others_commits_under_way_are_no_damage),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_wal_damage_none", tests, NULL, NULL);
}
