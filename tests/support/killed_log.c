/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/killed_log.h"

#include "storage/schema.h"
#include "storage/sqlcipher_repair.h"
#include "tests/support/db_number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

const amphi_db_key killed_log_key = {{7, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16}};

void killed_log_exec(amphi_db *db, const char *sql)
{
    amphi_error error = {0};
    if (amphi__db_exec(db, sql, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

void killed_log_open(const killed_log *f, amphi_db **db)
{
    amphi_error error = {0};
    if (amphi__db_open(db, f->path, &killed_log_key, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

/* One turn's commit. */
void killed_log_say(amphi_db *db, const char *text, int times)
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
void killed_log_write_unsynced(amphi_db *db)
{
    killed_log_exec(db,
        "INSERT INTO ledger (fingerprint, build, kernels, host, in_process, started_ms, "
        "changed_ms, phase, outcome, start_id) VALUES ('f', 'b', 'k', 'h', 0, 1, 1, 1, 0, "
        "random())");
    killed_log_exec(db, "INSERT OR REPLACE INTO drafts VALUES ('d', 0, 'h', 'c', 1, 'assistant', "
                        "hex(randomblob(400)), 0, '', 0, 0)");
}

void killed_log_take(killed_log *f)
{
    free(f->database);
    free(f->wal);
    f->database = scratch_read(f->path, &f->database_size);
    f->wal = scratch_read(f->log, &f->wal_size);
    assert_non_null(f->database);
    assert_non_null(f->wal);
}

void killed_log_kill(killed_log *f)
{
    killed_log_take(f);
    amphi__db_close(f->db);
    f->db = NULL;
}

void killed_log_put(const killed_log *f)
{
    char shm[320];
    snprintf(shm, sizeof shm, "%s-shm", f->path);
    unlink(shm);
    scratch_write(f->path, f->database, f->database_size, 0600);
    scratch_write(f->log, f->wal, f->wal_size, 0600);
}

int killed_log_set_up(void **state)
{
    killed_log *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    snprintf(f->path, sizeof f->path, "%s", scratch_dir_file(&f->dir, "amphi.db"));
    snprintf(f->log, sizeof f->log, "%s-wal", f->path);
    killed_log_open(f, &f->db);
    assert_int_equal(amphi__schema_migrate(f->db, NULL), AMPHI_OK);
    killed_log_exec(f->db,
        "INSERT INTO conversations (seq, id, updated_ms, messages_count, title) VALUES "
        "(1, 'c', 1, 0, 't')");
    amphi__db_close(f->db); /* the log goes into the database */
    killed_log_open(f, &f->db);
    *state = f;
    return 0;
}

int killed_log_tear_down(void **state)
{
    killed_log *f = *state;
    amphi__db_close(f->db);
    scratch_dir_remove(&f->dir);
    free(f->database);
    free(f->wal);
    free(f);
    return 0;
}

int64_t killed_log_messages(const killed_log *f)
{
    amphi_db *db = NULL;
    killed_log_open(f, &db);
    int64_t count = db_number(db, "SELECT count(*) FROM messages");
    amphi__db_close(db);
    return count;
}

void killed_log_expect_untouched(const killed_log *f)
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

void killed_log_expect_no_damage(const killed_log *f, int64_t least, const char *where)
{
    amphi_history_check_report found;
    amphi_error error = {0};
    killed_log_put(f);
    if (amphi__db_check(&found, f->path, &killed_log_key, true, &error) != AMPHI_OK ||
        !found.is_whole)
        fail_msg("%s: %s%s", where, error.message, found.fault);
    int64_t count = killed_log_messages(f);
    if (count < least)
        fail_msg("%s: %d messages", where, (int)count);
}
