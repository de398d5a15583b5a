/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/schema.h"
#include "tests/support/db_number.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const amphi_db_key key = {{1, 2, 3}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static amphi_db *open_db(const scratch_dir *dir)
{
    amphi_db *db = NULL;
    assert_int_equal(amphi__db_open(&db, scratch_dir_file(dir, "db"), &key, NULL), AMPHI_OK);
    return db;
}

static void schema__a_new_file_gets_the_tables_once(void **state)
{
    for (int round = 0; round < 2; round++) {
        amphi_db *db = open_db(*state);
        assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
        assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
        assert_int_equal(db_number(db, "PRAGMA user_version"), amphi__schema_version());
        assert_int_equal(db_number(db, "SELECT count(*) FROM cache_totals"), 1);
        amphi__db_close(db);
    }
}

/* With a log beside it, as after a crash: closing would copy it into the file. */
static void schema__a_newer_file_and_its_log_stay_byte_for_byte(void **state)
{
    const scratch_dir *dir = *state;
    size_t size, log_size, after_size, log_after_size;
    amphi_db *db = open_db(dir);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db, "PRAGMA user_version = 1000", NULL), AMPHI_OK);
    char *bytes = scratch_read(scratch_dir_file(dir, "db"), &size);
    char *log = scratch_read(scratch_dir_file(dir, "db-wal"), &log_size);
    assert_true(log_size > 4096);
    amphi__db_close(db);
    scratch_write(scratch_dir_file(dir, "db"), bytes, size, 0600);
    scratch_write(scratch_dir_file(dir, "db-wal"), log, log_size, 0600);
    db = open_db(dir);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_E_UNSUPPORTED);
    amphi__db_close(db);
    char *after = scratch_read(scratch_dir_file(dir, "db"), &after_size);
    char *log_after = scratch_read(scratch_dir_file(dir, "db-wal"), &log_after_size);
    assert_int_equal(size, after_size);
    assert_memory_equal(bytes, after, size);
    assert_int_equal(log_size, log_after_size);
    assert_memory_equal(log, log_after, log_size);
    free(bytes);
    free(log);
    free(after);
    free(log_after);
}

static void schema__a_recount_empties_the_search_index_and_knows_every_version(void **state)
{
    amphi_db *db = open_db(*state);
    for (int64_t version = 1; version <= amphi__schema_version(); version++) {
        assert_int_equal(amphi__schema_migrate_to(db, version, NULL), AMPHI_OK);
        if (version == amphi__schema_version())
            assert_int_equal(amphi__db_exec(db,
                                 "INSERT INTO search_segments VALUES (1, 1);"
                                 "INSERT INTO search_index VALUES (1, x'61', x'00')",
                                 NULL),
                AMPHI_OK);
        assert_int_equal(amphi__schema_recount(db, NULL), AMPHI_OK);
    }
    assert_int_equal(db_number(db, "SELECT count(*) FROM search_segments"), 0);
    assert_int_equal(db_number(db, "SELECT count(*) FROM search_index"), 0);
    amphi__db_close(db);
}

/* Of a conversation whose row was lost, and of one that lost a message. */
static void schema__a_recount_gives_conversations_their_facts(void **state)
{
    amphi_db *db = open_db(*state);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db,
                         "INSERT INTO conversations (seq, id, updated_ms, messages_count, title,"
                         " created_ms, bytes, privacy) VALUES (1, 'a', 9, 2, 't', 3, 99, 2);"
                         "INSERT INTO messages SELECT 1, 1, 5, 'user', '1234', 0, '', '', '', '',"
                         " 0, 0, 0, 0, 0, x'';"
                         "INSERT INTO messages SELECT 2, 7, 6, 'user', 'x', 0, '', '', '', '',"
                         " 0, 0, 0, 2, 0, x''",
                         NULL),
        AMPHI_OK);
    assert_int_equal(amphi__schema_recount(db, NULL), AMPHI_OK);
    assert_int_equal(db_number(db, "SELECT count(*) FROM conversations WHERE id = 'a' AND"
                                   " messages_count = 1 AND created_ms = 5 AND bytes = 4"
                                   " AND privacy = 0"),
        1);
    assert_int_equal(db_number(db, "SELECT count(*) FROM conversations WHERE id = 'recovered-7' AND"
                                   " messages_count = 1 AND created_ms = 6 AND bytes = 1"
                                   " AND privacy = 2"),
        1);
    amphi__db_close(db);
}

static void schema__a_newer_file_is_refused_and_left_alone(void **state)
{
    amphi_error error = {0};
    amphi_db *db = open_db(*state);
    assert_int_equal(amphi__db_exec(db, "PRAGMA user_version = 99", NULL), AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(db, &error), AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "newer"));
    assert_int_equal(db_number(db, "SELECT count(*) FROM sqlite_master"), 0);
    amphi__db_close(db);
}

static void schema__a_step_that_fails_leaves_nothing(void **state)
{
    amphi_db *db = open_db(*state);
    /* In the way of the third table. */
    assert_int_equal(amphi__db_exec(db, "CREATE TABLE cache (x)", NULL), AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_E_INTERNAL);
    assert_int_equal(db_number(db, "SELECT count(*) FROM sqlite_master"), 1);
    assert_int_equal(db_number(db, "PRAGMA user_version"), 0);
    assert_int_equal(amphi__db_exec(db, "DROP TABLE cache", NULL), AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    amphi__db_close(db);
}

/* A conversation, one message per letter: q asks; P, L, M and N answer privately, in mode
 * only_local (with and without a cloud) and otherwise, with the records that version 3 kept; a was
 * given by the caller. */
static void say_all(amphi_db *db, int conversation, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const char *record =
            *letters == 'P' ? "{\"decision\":[{\"route\":\"cloud\",\"reason\":\"private\"}]}"
            : *letters == 'L'
                ? "{\"decision\":[{\"route\":\"cloud\",\"kept\":false,\"reason\":\"mode\","
                  "\"why\":\"mode only_local excludes the cloud\"}]}"
            : *letters == 'M'
                ? "{\"decision\":[{\"route\":\"local\",\"kept\":true,\"reason\":\"mode\","
                  "\"why\":\"only_local: local first, model loaded\"}]}"
            : *letters == 'N' ? "{\"decision\":[{\"route\":\"cloud\",\"reason\":\"ok\"}]}"
                              : "";
        amphi_query q;
        amphi__query_begin(&q, db,
            "INSERT INTO messages (conversation, created_ms, role, content, content_is_json,"
            " extra_json, route, model, decision_json, prompt_tokens, completion_tokens,"
            " cached_tokens) VALUES (?1, 0, ?2, '', 0, '', '', '', ?3, 0, 0, 0)");
        amphi__query_bind_int(&q, 1, conversation);
        amphi__query_bind_str(&q, 2, amphi_str_from(*letters == 'q' ? "user" : "assistant"));
        amphi__query_bind_str(&q, 3, amphi_str_from(record));
        assert_int_equal(amphi__query_run(&q, NULL), AMPHI_OK);
    }
}

/* One digit per message. */
static const char *privacy_of(amphi_db *db, int conversation)
{
    static char digits[64];
    size_t count = 0;
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT privacy FROM messages WHERE conversation = ?1 ORDER BY id");
    amphi__query_bind_int(&q, 1, conversation);
    while (amphi__query_row(&q) && count + 1 < sizeof digits)
        digits[count++] = (char)('0' + amphi__query_int(&q, 0));
    digits[count] = '\0';
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
    return digits;
}

/* Version 3 kept nothing but the record; what was asked before a private answer, and all that was
 * said with it in the prompt, must not be taken for public. */
static void schema__older_private_turns_are_marked(void **state)
{
    static const struct {
        const char *said, *privacy;
    } cases[] = {{"qNqN", "0000"}, {"qP", "22"}, {"qNqPqN", "002222"}, {"qNqaqP", "002222"},
        {"qL", "11"}, {"qM", "11"}, {"qLqNqPqN", "11112222"}, {"qPqL", "2222"}, {"q", "0"}};
    enum { CASES = sizeof cases / sizeof cases[0] };
    amphi_db *db = open_db(*state);
    assert_int_equal(amphi__schema_migrate_to(db, 3, NULL), AMPHI_OK);
    for (int i = 0; i < CASES; i++)
        say_all(db, i + 1, cases[i].said);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    for (int i = 0; i < CASES; i++)
        assert_string_equal(privacy_of(db, i + 1), cases[i].privacy);
    assert_int_equal(db_number(db, "SELECT count(*) FROM messages WHERE state <> 0"), 0);
    assert_int_equal(
        db_number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'privacy_begins'"), 0);
    amphi__db_close(db);
}

/* Version 6 kept no sums, and no note of what a cached answer belongs to. */
static void schema__older_conversations_get_their_facts(void **state)
{
    amphi_db *db = open_db(*state);
    assert_int_equal(amphi__schema_migrate_to(db, 6, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db,
                         "INSERT INTO conversations (id, updated_ms, messages_count, title)"
                         " VALUES ('c', 90, 2, 't'), ('empty', 70, 0, '');"
                         "INSERT INTO messages (conversation, created_ms, role, content,"
                         " content_is_json, extra_json, route, model, decision_json,"
                         " prompt_tokens, completion_tokens, cached_tokens, privacy) VALUES"
                         " (1, 80, 'user', 'h\303\251', 0, '{}', '', '', '', 0, 0, 0, 1),"
                         " (1, 90, 'assistant', 'you', 0, '', '', '', '{}', 0, 0, 0, 2);"
                         "INSERT INTO cache (key, used, expires_ms, size, value)"
                         " VALUES (x'01', 1, 1, 1, x'02')",
                         NULL),
        AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    assert_int_equal(db_number(db, "SELECT created_ms FROM conversations WHERE id = 'c'"), 80);
    assert_int_equal(db_number(db, "SELECT bytes FROM conversations WHERE id = 'c'"), 10);
    assert_int_equal(db_number(db, "SELECT privacy FROM conversations WHERE id = 'c'"), 2);
    assert_int_equal(db_number(db, "SELECT created_ms FROM conversations WHERE id = 'empty'"), 70);
    assert_int_equal(db_number(db, "SELECT count(*) FROM cache"), 0);
    assert_int_equal(db_number(db, "SELECT entries FROM cache_totals"), 0);
    assert_int_equal(db_number(db, "SELECT epoch FROM erasures"), 1);
    amphi__db_close(db);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest tests[] = {
        T(schema__a_new_file_gets_the_tables_once),
        T(schema__a_recount_empties_the_search_index_and_knows_every_version),
        T(schema__a_recount_gives_conversations_their_facts),
        T(schema__a_newer_file_is_refused_and_left_alone),
        T(schema__a_newer_file_and_its_log_stay_byte_for_byte),
        T(schema__a_step_that_fails_leaves_nothing),
        T(schema__older_private_turns_are_marked),
        T(schema__older_conversations_get_their_facts),
    };
    return cmocka_run_group_tests_name("unit.storage.schema", tests, NULL, NULL);
}
