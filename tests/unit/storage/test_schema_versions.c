/* SPDX-License-Identifier: Apache-2.0
 *
 * Databases of every earlier version, with rows, are brought up to today's and lose none. What
 * shipped is kept here as the text that made it, so that an edit of an old step is noticed; later
 * versions are made by the steps themselves.
 */
#include "storage/schema.h"
#include "tests/support/db_number.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const amphi_db_key key = {{1, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

enum { SHIPPED = 3 };

static const char *const shipped[SHIPPED] = {
    /* 1: first light */
    "CREATE TABLE conversations ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  updated_ms INTEGER NOT NULL,"
    "  messages_count INTEGER NOT NULL,"
    "  title TEXT NOT NULL);"
    "CREATE INDEX conversations_by_update ON conversations (updated_ms, seq);"
    "CREATE TABLE messages ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  conversation INTEGER NOT NULL," /* conversations.seq */
    "  created_ms INTEGER NOT NULL,"
    "  role TEXT NOT NULL,"
    "  content TEXT NOT NULL,"
    "  content_is_json INTEGER NOT NULL,"
    "  extra_json TEXT NOT NULL,"
    "  route TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  decision_json TEXT NOT NULL,"
    "  prompt_tokens INTEGER NOT NULL,"
    "  completion_tokens INTEGER NOT NULL,"
    "  cached_tokens INTEGER NOT NULL);"
    "CREATE INDEX messages_by_conversation ON messages (conversation, id);"
    "CREATE TABLE cache ("
    "  id INTEGER PRIMARY KEY,"
    "  key BLOB NOT NULL UNIQUE,"
    "  used INTEGER NOT NULL," /* grows with every use: the lowest goes first */
    "  expires_ms INTEGER NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  value BLOB NOT NULL);"
    "CREATE INDEX cache_by_use ON cache (used);"
    "CREATE INDEX cache_by_expiry ON cache (expires_ms);"
    /* What the cache holds, kept by triggers, so that a put need not count it. */
    "CREATE TABLE cache_totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);"
    "INSERT INTO cache_totals VALUES (0, 0);"
    "CREATE TRIGGER cache_grows AFTER INSERT ON cache BEGIN"
    "  UPDATE cache_totals SET entries = entries + 1, bytes = bytes + NEW.size; END;"
    "CREATE TRIGGER cache_shrinks AFTER DELETE ON cache BEGIN"
    "  UPDATE cache_totals SET entries = entries - 1, bytes = bytes - OLD.size; END;"
    "CREATE TABLE outbox ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  conversation TEXT NOT NULL," /* the id; there may be no such conversation yet */
    "  request_json TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL,"
    "  not_before_ms INTEGER NOT NULL,"
    "  lease_until_ms INTEGER NOT NULL);"
    "CREATE INDEX outbox_by_conversation ON outbox (conversation, seq);"
    "CREATE TABLE settings (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;",
    /* 2: the ledger of local starts */
    "CREATE TABLE ledger ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  fingerprint TEXT NOT NULL,"
    "  build TEXT NOT NULL,"
    "  kernels TEXT NOT NULL,"
    "  host TEXT NOT NULL,"
    "  in_process INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  changed_ms INTEGER NOT NULL,"
    "  phase INTEGER NOT NULL,"
    "  outcome INTEGER NOT NULL);"
    "CREATE INDEX ledger_by_model ON ledger (fingerprint, changed_ms);"
    "PRAGMA user_version = 2;",
    /* 3: who sends an entry (amphi__process_identity), so that a dead process's lease is known as
     * such */
    "ALTER TABLE outbox ADD COLUMN lease_holder TEXT NOT NULL DEFAULT '';"
    "PRAGMA user_version = 3;",
};

/* Two rows in each table of version 1; a start where there is a ledger. */
static const char rows[] =
    "INSERT INTO conversations (id, updated_ms, messages_count, title)"
    " VALUES ('a', 20, 2, 'First'), ('b', 10, 1, 'Second');"
    "INSERT INTO messages (conversation, created_ms, role, content, content_is_json, extra_json,"
    " route, model, decision_json, prompt_tokens, completion_tokens, cached_tokens)"
    " VALUES (1, 5, 'user', 'question', 0, '', '', '', '', 0, 0, 0),"
    " (1, 6, 'assistant', 'answer', 0, '{}', 'local', 'm', '{}', 1, 2, 3),"
    " (2, 7, 'user', 'other', 0, '', '', '', '', 0, 0, 0);"
    "INSERT INTO cache (key, used, expires_ms, size, value) VALUES (x'01', 1, 99, 2, x'aabb');"
    "INSERT INTO settings VALUES ('install', x'0102');";
static const char queued[] =
    "INSERT INTO outbox (id, conversation, request_json, created_ms, attempts, not_before_ms,"
    " lease_until_ms) VALUES ('o1', 'a', '{\"x\":1}', 1, 2, 3, 0), ('o2', 'b', '{}', 1, 0, 0, 0);";
/* Since version 5. */
static const char queued_since_5[] =
    "INSERT INTO outbox (id, conversation, request_json, created_ms, attempts, boot, seen_ms,"
    " size_bytes) VALUES ('o1', 'a', '{\"x\":1}', 1, 2, 'b', 0, 7),"
    " ('o2', 'b', '{}', 1, 0, 'b', 0, 2);";
static const char start[] =
    "INSERT INTO ledger (fingerprint, build, kernels, host, in_process, started_ms, changed_ms,"
    " phase, outcome) VALUES ('f', 'b', 'avx2', 'h', 1, 10, 11, 2, 4);";

static void exec(amphi_db *db, const char *sql)
{
    amphi_error error = {0};
    if (amphi__db_exec(db, sql, &error) != AMPHI_OK)
        fail_msg("%s: %s", error.message, sql);
}

static void make_version(amphi_db *db, int version)
{
    for (int i = 0; i < version && i < SHIPPED; i++)
        exec(db, shipped[i]);
    if (version > SHIPPED)
        assert_int_equal(amphi__schema_migrate_to(db, version, NULL), AMPHI_OK);
    assert_int_equal(db_number(db, "PRAGMA user_version"), version);
    exec(db, rows);
    exec(db, version < 5 ? queued : queued_since_5);
    if (version >= 2)
        exec(db, start);
}

static void expect_every_row(amphi_db *db, int version)
{
    assert_int_equal(db_number(db, "SELECT count(*) FROM conversations"), 2);
    assert_int_equal(db_number(db, "SELECT count(*) FROM conversations WHERE id = 'a' AND"
                                   " updated_ms = 20 AND messages_count = 2 AND title = 'First'"),
        1);
    assert_int_equal(db_number(db, "SELECT count(*) FROM messages"), 3);
    assert_int_equal(
        db_number(db, "SELECT count(*) FROM messages WHERE id = 2 AND conversation = 1"
                      " AND created_ms = 6 AND role = 'assistant' AND content = 'answer'"
                      " AND extra_json = '{}' AND route = 'local' AND model = 'm' AND"
                      " prompt_tokens = 1 AND completion_tokens = 2 AND"
                      " cached_tokens = 3 AND privacy = 0 AND state = 0"),
        1);
    assert_int_equal(db_number(db, "SELECT count(*) FROM outbox"), 2);
    assert_int_equal(db_number(db, "SELECT count(*) FROM outbox WHERE id = 'o1' AND conversation ="
                                   " 'a' AND request_json = '{\"x\":1}' AND created_ms = 1 AND"
                                   " attempts = 2 AND state = 0 AND size_bytes = 7"),
        1);
    assert_int_equal(db_number(db, "SELECT count(*) FROM settings WHERE name = 'install' AND"
                                   " value = x'0102'"),
        1);
    assert_int_equal(db_number(db, "SELECT count(*) FROM ledger"), version >= 2);
    assert_int_equal(db_number(db, "SELECT count(*) FROM ledger WHERE fingerprint = 'f' AND"
                                   " outcome = 4"),
        version >= 2);
    /* Entries of the cache may go (which message they belong to is not known), their sum holds. */
    assert_int_equal(db_number(db, "SELECT count(*) FROM cache"),
        db_number(db, "SELECT entries FROM cache_totals"));
}

static void versions__each_earlier_one_comes_up_with_every_row(void **state)
{
    const scratch_dir *dir = *state;
    for (int version = 1; version < amphi__schema_version(); version++) {
        char name[16];
        amphi_db *db = NULL;
        amphi_error error = {0};
        snprintf(name, sizeof name, "v%d", version);
        const char *path = scratch_dir_file(dir, name);
        assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
        make_version(db, version);
        amphi__db_close(db);
        assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
        if (amphi__schema_migrate(db, &error) != AMPHI_OK)
            fail_msg("from %d: %s", version, error.message);
        assert_int_equal(db_number(db, "PRAGMA user_version"), amphi__schema_version());
        expect_every_row(db, version);
        amphi__db_close(db);
    }
}

static int64_t fingerprint(amphi_db *db)
{
    return db_number(db, "SELECT SUM(LENGTH(sql)) FROM sqlite_master");
}

/* However a database came to today's version, its tables are the same. */
static void versions__every_way_leads_to_the_same_tables(void **state)
{
    const scratch_dir *dir = *state;
    amphi_db *fresh = NULL;
    assert_int_equal(amphi__db_open(&fresh, scratch_dir_file(dir, "fresh"), &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(fresh, NULL), AMPHI_OK);
    for (int version = 1; version <= SHIPPED; version++) {
        char name[16];
        amphi_db *db = NULL;
        snprintf(name, sizeof name, "w%d", version);
        assert_int_equal(amphi__db_open(&db, scratch_dir_file(dir, name), &key, NULL), AMPHI_OK);
        make_version(db, version);
        assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
        assert_int_equal(fingerprint(db), fingerprint(fresh));
        amphi__db_close(db);
    }
    amphi__db_close(fresh);
}

static void versions__a_newer_one_is_refused_and_not_a_byte_changes(void **state)
{
    const scratch_dir *dir = *state;
    const char *path = scratch_dir_file(dir, "newer");
    amphi_db *db = NULL;
    size_t before_size, after_size;
    assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
    make_version(db, SHIPPED);
    exec(db, "PRAGMA user_version = 99");
    amphi__db_close(db);
    char *before = scratch_read(path, &before_size);
    assert_int_equal(amphi__db_open(&db, path, &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_E_UNSUPPORTED);
    amphi__db_close(db);
    char *after = scratch_read(path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest tests[] = {
        T(versions__each_earlier_one_comes_up_with_every_row),
        T(versions__every_way_leads_to_the_same_tables),
        T(versions__a_newer_one_is_refused_and_not_a_byte_changes),
    };
    return cmocka_run_group_tests_name("unit.storage.schema_versions", tests, NULL, NULL);
}
