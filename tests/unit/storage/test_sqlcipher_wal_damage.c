/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs as a kill leaves them, damaged in many places: each is noticed before SQLite replays it,
 * nothing is overwritten, and the repair brings the commits back. Logs as a power loss leaves them:
 * of these nothing is said.
 */
#include "storage/sqlcipher_wal_damage.h"

#include "storage/schema.h"
#include "storage/sqlcipher_repair.h"
#include "tests/support/db_number.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define COMMITS 40
#define HEADER  32
#define FRAME   (24 + 4096)

static const amphi_db_key key = {{7, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16}};

typedef struct fixture {
    scratch_dir dir;
    char path[300], log[310];
    amphi_db *db;
    char *database, *wal; /* as they are when the process is killed */
    size_t database_size, wal_size;
} fixture;

static void exec(amphi_db *db, const char *sql)
{
    amphi_error error = {0};
    if (amphi__db_exec(db, sql, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

static void open_db(const fixture *f, amphi_db **db)
{
    amphi_error error = {0};
    if (amphi__db_open(db, f->path, &key, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

/* One turn's commit. */
static void say(amphi_db *db, const char *text, int times)
{
    amphi_query q;
    assert_int_equal(amphi__db_begin(db, NULL), AMPHI_OK);
    for (int i = 0; i < times; i++) {
        amphi__query_begin(&q, db,
            "INSERT INTO messages (conversation, created_ms, role, content, content_is_json, "
            "extra_json, route, model, decision_json, prompt_tokens, completion_tokens, "
            "cached_tokens) VALUES (1, 1, 'user', ?1 || hex(randomblob(150)), 0, '', '', '', '', "
            "0, 0, 0)");
        amphi__query_bind_str(&q, 1, amphi_str_from(text));
        assert_int_equal(amphi__query_run(&q, NULL), AMPHI_OK);
    }
    assert_int_equal(amphi__db_finish(db, AMPHI_OK, NULL), AMPHI_OK);
}

/* What a start of the engine, or an answer under way, writes without a sync. */
static void write_unsynced(amphi_db *db)
{
    exec(db, "INSERT INTO ledger (fingerprint, build, kernels, host, in_process, started_ms, "
             "changed_ms, phase, outcome, start_id) VALUES ('f', 'b', 'k', 'h', 0, 1, 1, 1, 0, "
             "random())");
    exec(db, "INSERT OR REPLACE INTO drafts VALUES ('d', 0, 'h', 'c', 1, 'assistant', "
             "hex(randomblob(400)), 0, '', 0, 0)");
}

static void take_files(fixture *f)
{
    free(f->database);
    free(f->wal);
    f->database = scratch_read(f->path, &f->database_size);
    f->wal = scratch_read(f->log, &f->wal_size);
    assert_non_null(f->database);
    assert_non_null(f->wal);
}

static void kill_host(fixture *f)
{
    take_files(f);
    amphi__db_close(f->db);
    f->db = NULL;
}

static void put_files(const fixture *f)
{
    char shm[320];
    snprintf(shm, sizeof shm, "%s-shm", f->path);
    unlink(shm);
    scratch_write(f->path, f->database, f->database_size, 0600);
    scratch_write(f->log, f->wal, f->wal_size, 0600);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    snprintf(f->path, sizeof f->path, "%s", scratch_dir_file(&f->dir, "amphi.db"));
    snprintf(f->log, sizeof f->log, "%s-wal", f->path);
    open_db(f, &f->db);
    assert_int_equal(amphi__schema_migrate(f->db, NULL), AMPHI_OK);
    exec(f->db, "INSERT INTO conversations (seq, id, updated_ms, messages_count, title) VALUES "
                "(1, 'c', 1, 0, 't')");
    amphi__db_close(f->db); /* the log goes into the database */
    open_db(f, &f->db);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    amphi__db_close(f->db);
    scratch_dir_remove(&f->dir);
    free(f->database);
    free(f->wal);
    free(f);
    return 0;
}

static int64_t count_messages(const fixture *f)
{
    amphi_db *db = NULL;
    open_db(f, &db);
    int64_t count = db_number(db, "SELECT count(*) FROM messages");
    amphi__db_close(db);
    return count;
}

static void expect_untouched(const fixture *f)
{
    size_t size;
    char *bytes = scratch_read(f->path, &size);
    assert_int_equal(size, f->database_size);
    assert_memory_equal(bytes, f->database, size);
    free(bytes);
    bytes = scratch_read(f->log, &size);
    assert_int_equal(size, f->wal_size);
    assert_memory_equal(bytes, f->wal, size);
    free(bytes);
}

/* The files as they are in the fixture: said, refused, kept aside, repaired. */
static amphi_history_repair_report expect_damage(const fixture *f, const char *where)
{
    amphi_history_check_report found;
    amphi_history_repair_report done;
    amphi_error error = {0};
    amphi_db *db = NULL;
    put_files(f);
    assert_int_equal(amphi__db_check(&found, f->path, &key, false, &error), AMPHI_OK);
    if (found.is_whole || strstr(found.fault, "log (amphi.db-wal)") == NULL)
        fail_msg("%s: not noticed (%s)", where, found.fault);
    if (amphi__db_open(&db, f->path, &key, &error) != AMPHI_E_CORRUPT)
        fail_msg("%s: opened", where);
    assert_non_null(strstr(error.message, "log (amphi.db-wal)"));
    assert_non_null(strstr(error.message, "amphi history repair"));
    assert_int_equal(amphi__db_open_read_only(&db, f->path, &key, &error), AMPHI_E_CORRUPT);
    expect_untouched(f);
    if (amphi__db_repair(&done, f->path, &key, &error) != AMPHI_OK)
        fail_msg("%s: %s", where, error.message);
    assert_int_equal(amphi__db_check(&found, f->path, &key, false, NULL), AMPHI_OK);
    if (!found.is_whole)
        fail_msg("%s: after the repair: %s", where, found.fault);
    char kept[1100];
    snprintf(kept, sizeof kept, "%s-wal", done.kept_path);
    size_t size;
    char *bytes = scratch_read(kept, &size);
    assert_int_equal(size, f->wal_size);
    assert_memory_equal(bytes, f->wal, size);
    free(bytes);
    bytes = scratch_read(done.kept_path, &size);
    assert_int_equal(size, f->database_size);
    assert_true(size == 0 || memcmp(bytes, f->database, size) == 0);
    free(bytes);
    unlink(kept);
    unlink(done.kept_path);
    return done;
}

/* Opens as SQLite would, and has this many messages. */
static void expect_no_damage(const fixture *f, int64_t least, const char *where)
{
    amphi_history_check_report found;
    amphi_error error = {0};
    put_files(f);
    if (amphi__db_check(&found, f->path, &key, true, &error) != AMPHI_OK || !found.is_whole)
        fail_msg("%s: %s%s", where, error.message, found.fault);
    int64_t count = count_messages(f);
    if (count < least)
        fail_msg("%s: %d messages", where, (int)count);
}

static void log__one_bit_anywhere_is_noticed_and_costs_nothing(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < COMMITS; i++)
        say(f->db, "text", 1);
    kill_host(f);
    expect_no_damage(f, COMMITS, "as it was");
    size_t frames = (f->wal_size - HEADER) / FRAME;
    assert_true(frames >= (size_t)2 * COMMITS);
    const size_t which[] = {0, frames / 2, frames - 2, frames - 1};
    /* Page number, commit, salts, checksum, page, HMAC, and what is behind it. */
    const size_t where[] = {0, 6, 9, 15, 17, 22, 25, 2000, 24 + 4070, FRAME - 9, FRAME - 1};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        for (size_t k = 0; k < sizeof where / sizeof where[0]; k++) {
            char name[64];
            size_t at = HEADER + which[i] * FRAME + where[k];
            snprintf(name, sizeof name, "frame %d, byte %d", (int)which[i], (int)where[k]);
            f->wal[at] ^= (char)(1 << k % 8);
            assert_int_equal(expect_damage(f, name).messages, COMMITS);
            f->wal[at] ^= (char)(1 << k % 8);
        }
    }
    for (size_t at = 0; at < HEADER; at += 3) {
        f->wal[at] ^= 0x10;
        assert_int_equal(expect_damage(f, "the log's header").messages, COMMITS);
        f->wal[at] ^= 0x10;
    }
}

/* A sector is gone: the newest good version of each page is taken, so that at most the rows of the
 * pages that stood there, and nowhere later, are lost. */
static void log__a_lost_sector_costs_no_more_than_its_own_pages(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < COMMITS; i++)
        say(f->db, "text", 1);
    kill_host(f);
    char saved[4096];
    for (size_t sector = 1; sector < f->wal_size / 4096 * 3 / 4; sector += 23) {
        char *at = f->wal + sector * 4096;
        memcpy(saved, at, sizeof saved);
        memset(at, sector % 2 == 0 ? 0 : 0x5a, sizeof saved);
        amphi_history_repair_report done = expect_damage(f, "a sector");
        if (done.messages < COMMITS - 12)
            fail_msg("sector %d: %d messages", (int)sector, (int)done.messages);
        memcpy(at, saved, sizeof saved);
    }
}

/* The last synced commit and what was written unsynced before it, any of it lost. */
static void log__what_a_power_loss_tears_is_no_damage(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        say(f->db, "text", 1);
        write_unsynced(f->db);
    }
    say(f->db, "the last that was synced", 1);
    take_files(f);
    size_t synced = f->wal_size;
    for (int i = 0; i < 6; i++)
        write_unsynced(f->db);
    say(f->db, "not acknowledged", 30);
    kill_host(f);
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
        expect_no_damage(f, 11, name);
    }
    size_t size = f->wal_size;
    memcpy(f->wal, whole, size);
    for (f->wal_size = synced; f->wal_size < size; f->wal_size += 2777)
        expect_no_damage(f, 11, "cut off");
    free(whole);
}

/* Frames of this log that nothing leads to: a long transaction that was undone, then a short one
 * over its beginning; and the old frames behind a log that was begun anew. */
static void log__what_was_left_by_other_writes_is_no_damage(void **state)
{
    fixture *f = *state;
    say(f->db, "before", 1);
    exec(f->db, "PRAGMA cache_size=10; PRAGMA cache_spill=10; BEGIN IMMEDIATE");
    for (int i = 0; i < 3000; i++)
        exec(f->db, "INSERT INTO settings VALUES (hex(randomblob(20)), randomblob(300))");
    exec(f->db, "ROLLBACK");
    say(f->db, "after", 1);
    write_unsynced(f->db);
    kill_host(f);
    assert_true(f->wal_size > (size_t)100 * FRAME);
    expect_no_damage(f, 2, "undone");
    open_db(f, &f->db);
    for (int i = 0; i < 30; i++)
        say(f->db, "an earlier log", 1);
    exec(f->db, "PRAGMA wal_checkpoint(RESTART)");
    for (int i = 0; i < 3; i++)
        say(f->db, "the log begun anew", 1);
    kill_host(f);
    expect_no_damage(f, 33, "begun anew");
}

static void log__of_an_emptied_database_is_kept_and_read(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < COMMITS; i++)
        say(f->db, "text", 1);
    kill_host(f);
    f->database_size = 0;
    amphi_history_repair_report done = expect_damage(f, "emptied");
    assert_true(done.messages > 0);
}

static void log__others_commits_under_way_are_no_damage(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 30; i++) {
        amphi_db *other = NULL;
        say(f->db, "text", 3);
        open_db(f, &other);
        assert_int_equal(db_number(other, "SELECT count(*) FROM messages"), 3 * (i + 1));
        amphi__db_close(other);
    }
}

int main(void)
{
    char version[64];
    amphi_error error = {0};
    if (amphi__db_version(version, sizeof version, &error) != AMPHI_OK) {
        printf("skipped: %s\n", error.message);
        return 77;
    }
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(log__one_bit_anywhere_is_noticed_and_costs_nothing),
        T(log__a_lost_sector_costs_no_more_than_its_own_pages),
        T(log__what_a_power_loss_tears_is_no_damage),
        T(log__what_was_left_by_other_writes_is_no_damage),
        T(log__of_an_emptied_database_is_kept_and_read),
        T(log__others_commits_under_way_are_no_damage),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_wal_damage", tests, NULL, NULL);
}
