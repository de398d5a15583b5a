/* SPDX-License-Identifier: Apache-2.0
 *
 * Check and repair over files whose pages are ruined in turn: what stood on other pages is there
 * afterwards, nothing else is, and the old file is kept.
 */
#include "storage/schema.h"
#include "storage/sqlcipher_repair.h"
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

#define MESSAGES 300
#define S(x)     AMPHI_STR(x)

static const amphi_db_key key = {{9, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

typedef struct fixture {
    scratch_dir dir;
    char path[300];
    char *whole; /* the database as it was */
    size_t size;
} fixture;

static void open_db(const fixture *f, amphi_db **db)
{
    amphi_error error = {0};
    if (amphi__db_open(db, f->path, &key, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

static void exec(amphi_db *db, const char *sql)
{
    amphi_error error = {0};
    if (amphi__db_exec(db, sql, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

/* A database with some of everything: long texts on chains of pages, a table WITHOUT ROWID. */
static void fill(amphi_db *db)
{
    amphi_query q;
    assert_int_equal(amphi__db_begin(db, NULL), AMPHI_OK);
    for (int i = 1; i <= MESSAGES; i++) {
        char text[9000];
        size_t size = i % 25 == 0 ? sizeof text - 1 : 200 + (size_t)i;
        memset(text, 'a' + i % 26, size);
        amphi__query_begin(&q, db,
            "INSERT INTO messages (conversation, created_ms, role, content, content_is_json, "
            "extra_json, route, model, decision_json, prompt_tokens, completion_tokens, "
            "cached_tokens) VALUES (?1, ?2, 'user', ?3, 0, '', '', '', '', 0, 0, 0)");
        amphi__query_bind_int(&q, 1, 1 + i % 5);
        amphi__query_bind_int(&q, 2, i);
        amphi__query_bind_str(&q, 3, amphi_str_make(text, size));
        assert_int_equal(amphi__query_run(&q, NULL), AMPHI_OK);
        amphi__query_begin(
            &q, db, "INSERT INTO cache VALUES (NULL, randomblob(32), ?1, 9, 700, zeroblob(700))");
        amphi__query_bind_int(&q, 1, i);
        assert_int_equal(amphi__query_run(&q, NULL), AMPHI_OK);
    }
    assert_int_equal(amphi__db_finish(db, AMPHI_OK, NULL), AMPHI_OK);
    exec(db, "INSERT INTO conversations (seq, id, updated_ms, messages_count, title) "
             "SELECT DISTINCT conversation, 'c' || conversation, 1, 60, 't' FROM messages");
    exec(db, "INSERT INTO settings VALUES ('a', 'one'), ('b', 'two')");
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    amphi_db *db = NULL;
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    snprintf(f->path, sizeof f->path, "%s", scratch_dir_file(&f->dir, "amphi.db"));
    open_db(f, &db);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    fill(db);
    amphi__db_close(db);
    f->whole = scratch_read(f->path, &f->size);
    assert_non_null(f->whole);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    scratch_dir_remove(&f->dir);
    free(f->whole);
    free(f);
    return 0;
}

static void ruin(const fixture *f, const uint32_t *pages, size_t count)
{
    char *bytes = malloc(f->size);
    assert_non_null(bytes);
    memcpy(bytes, f->whole, f->size);
    for (size_t i = 0; i < count; i++)
        bytes[(size_t)pages[i] * 4096 - 2000] ^= 4;
    scratch_write(f->path, bytes, f->size, 0600);
    free(bytes);
}

static amphi_history_check_report check(const fixture *f)
{
    amphi_history_check_report found;
    amphi_error error = {0};
    if (amphi__db_check(&found, f->path, &key, false, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return found;
}

static amphi_history_repair_report repair(const fixture *f)
{
    amphi_history_repair_report done;
    amphi_error error = {0};
    if (amphi__db_repair(&done, f->path, &key, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    amphi_history_check_report found = check(f);
    if (found.pages_bad != 0 || found.faults != 0)
        fail_msg("after the repair: %d bad pages, %s", (int)found.pages_bad, found.fault);
    return done;
}

/* What is in the repaired file was in the old one, unchanged. Returns the number of messages. */
static int64_t expect_only_old_rows(const fixture *f)
{
    amphi_db *db = NULL;
    open_db(f, &db);
    assert_int_equal(
        db_number(db, "SELECT count(*) FROM messages WHERE id < 1 OR id > 300 OR "
                      "conversation <> 1 + id % 5 OR created_ms <> id OR "
                      "length(content) <> CASE id % 25 WHEN 0 THEN 8999 ELSE 200 + id "
                      "END OR content <> replace(hex(zeroblob(length(content) / 2 + 1)), "
                      "'0', char(97 + id % 26)) AND substr(content, 1, 100) <> "
                      "substr(replace(hex(zeroblob(50)), '0', char(97 + id % 26)), 1, "
                      "100)"),
        0);
    int64_t count = db_number(db, "SELECT count(*) FROM messages");
    assert_int_equal(
        db_number(db, "SELECT COALESCE(SUM(messages_count), 0) FROM conversations"), count);
    assert_int_equal(
        db_number(db, "SELECT entries - (SELECT count(*) FROM cache) FROM cache_totals"), 0);
    exec(db, "INSERT INTO cache VALUES (NULL, randomblob(32), 1, 9, 700, zeroblob(700))");
    assert_int_equal(
        db_number(db, "SELECT entries + 0 - (SELECT count(*) FROM cache) FROM cache_totals"), 0);
    amphi__db_close(db);
    return count;
}

static void check__of_a_whole_database_finds_nothing(void **state)
{
    fixture *f = *state;
    amphi_history_check_report found = check(f);
    assert_int_equal(found.pages, f->size / 4096);
    assert_int_equal(found.pages_bad, 0);
    assert_int_equal(found.faults, 0);
}

static void check__finds_each_bad_page(void **state)
{
    fixture *f = *state;
    const uint32_t pages[] = {1, 2, 7, (uint32_t)(f->size / 4096)};
    for (size_t i = 0; i < 4; i++) {
        ruin(f, &pages[i], 1);
        amphi_history_check_report one = check(f);
        assert_int_equal(one.pages_bad, 1);
        assert_non_null(strstr(one.fault, "is the first that can't be read"));
    }
    ruin(f, pages, 4);
    amphi_history_check_report found = check(f);
    assert_int_equal(found.pages_bad, 4);
    assert_true(found.faults > 0);
}

static void check__of_nothing_says_so(void **state)
{
    fixture *f = *state;
    amphi_history_check_report found;
    amphi_history_repair_report done;
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(amphi__db_check(&found, f->path, &key, false, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi__db_repair(&done, f->path, &key, NULL), AMPHI_E_NOT_FOUND);
    assert_false(scratch_exists(f->path));
}

static void repair__of_a_whole_database_loses_nothing(void **state)
{
    fixture *f = *state;
    amphi_history_repair_report done = repair(f);
    assert_int_equal(done.pages_bad, 0);
    assert_int_equal(done.rows_bad, 0);
    assert_int_equal(done.messages, MESSAGES);
    assert_int_equal(expect_only_old_rows(f), MESSAGES);
}

static void repair__keeps_the_old_file_under_the_name_that_it_gives(void **state)
{
    fixture *f = *state;
    const uint32_t page = 5;
    size_t size, kept_size;
    ruin(f, &page, 1);
    char *ruined = scratch_read(f->path, &size);
    amphi_history_repair_report done = repair(f);
    char *kept = scratch_read(done.kept_path, &kept_size);
    assert_int_equal(kept_size, size);
    assert_memory_equal(kept, ruined, size);
    assert_non_null(strstr(done.kept_path, "amphi.db.damaged-"));
    assert_int_equal(scratch_mode(f->path), 0600);
    free(ruined);
    free(kept);
}

/* Pages of the file in turn: no other page's rows may be lost. A leaf has at most 18 of these
 * messages; inner pages, the schema and page 1 hold none. */
static void repair__a_bad_page_costs_the_rows_on_it_and_no_others(void **state)
{
    fixture *f = *state;
    for (uint32_t page = 1; page <= f->size / 4096; page += page < 45 ? 1 : 5) {
        ruin(f, &page, 1);
        amphi_history_repair_report done = repair(f);
        int64_t count = expect_only_old_rows(f);
        if (count < MESSAGES - 18 || done.pages_bad == 0)
            fail_msg("page %u: %d messages, %d bad pages", page, (int)count, (int)done.pages_bad);
        unlink(done.kept_path);
    }
}

static void repair__of_a_file_without_its_first_pages_gives_the_rows_to_their_tables(void **state)
{
    fixture *f = *state;
    const uint32_t pages[] = {1, 2, 3, 4, 5};
    ruin(f, pages, 5);
    repair(f);
    assert_true(expect_only_old_rows(f) >= MESSAGES - 18 * 5);
}

static void repair__takes_what_only_the_log_has(void **state)
{
    fixture *f = *state;
    amphi_db *db = NULL, *other = NULL;
    char log[310];
    size_t log_size;
    const uint32_t page = 5;
    snprintf(log, sizeof log, "%s-wal", f->path);
    ruin(f, &page, 1);
    open_db(f, &db);
    exec(db, "INSERT INTO settings VALUES ('late', 'three')");
    char *log_bytes = scratch_read(log, &log_size); /* as after a crash */
    assert_true(log_size > 4096);
    amphi__db_close(db);
    ruin(f, &page, 1);
    scratch_write(log, log_bytes, log_size, 0600);
    free(log_bytes);
    repair(f);
    assert_false(scratch_exists(log));
    open_db(f, &other);
    assert_int_equal(db_number(other, "SELECT count(*) FROM settings"), 3);
    amphi__db_close(other);
}

static void repair__waits_for_nobody_and_says_that_it_is_open(void **state)
{
    fixture *f = *state;
    int ready[2], end[2];
    char byte = 0;
    assert_int_equal(pipe(ready) | pipe(end), 0);
    pid_t child = fork();
    if (child == 0) {
        amphi_db *db = NULL;
        open_db(f, &db);
        if (write(ready[1], "x", 1) != 1 || read(end[0], &byte, 1) < 0)
            _exit(1);
        amphi__db_close(db);
        _exit(0);
    }
    amphi_history_repair_report done;
    amphi_error error = {0};
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(amphi__db_repair(&done, f->path, &key, &error), AMPHI_E_BUSY);
    assert_non_null(strstr(error.message, "open elsewhere"));
    assert_int_equal(write(end[1], "x", 1), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    repair(f);
}

/* Killed after a random time: the database is the old one or the new one, and a second repair
 * ends well. */
static void repair__may_be_killed_at_any_moment(void **state)
{
    fixture *f = *state;
    const uint32_t page = 6;
    ruin(f, &page, 1);
    amphi_history_repair_report first = repair(f);
    for (int i = 0; i < 15; i++) {
        ruin(f, &page, 1);
        pid_t child = fork();
        if (child == 0) {
            amphi_history_repair_report ignored;
            _exit(amphi__db_repair(&ignored, f->path, &key, NULL) == AMPHI_OK ? 0 : 1);
        }
        usleep((useconds_t)(1000 + i * 7000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        amphi_history_check_report found = check(f);
        assert_true(found.pages_bad <= 1); /* the old one's page, or none */
        assert_int_equal(found.pages_bad == 0, found.faults == 0);
        amphi_history_repair_report done = repair(f);
        assert_int_equal(done.messages, first.messages);
    }
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(check__of_a_whole_database_finds_nothing),
        T(check__finds_each_bad_page),
        T(check__of_nothing_says_so),
        T(repair__of_a_whole_database_loses_nothing),
        T(repair__keeps_the_old_file_under_the_name_that_it_gives),
        T(repair__a_bad_page_costs_the_rows_on_it_and_no_others),
        T(repair__of_a_file_without_its_first_pages_gives_the_rows_to_their_tables),
        T(repair__takes_what_only_the_log_has),
        T(repair__waits_for_nobody_and_says_that_it_is_open),
        T(repair__may_be_killed_at_any_moment),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_repair", tests, NULL, NULL);
}
