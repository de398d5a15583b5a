/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading past a damaged log: all that was committed, or nothing; never a part of it as if it were
 * all.
 */
#include "storage/sqlcipher.h"

#include "storage/sqlcipher_repair.h"
#include "tests/support/db_number.h"
#include "tests/support/killed_log.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COMMITS 40
#define HEADER  KILLED_LOG_HEADER
#define FRAME   KILLED_LOG_FRAME

static void say_all(killed_log *f)
{
    for (int i = 0; i < COMMITS; i++) {
        killed_log_say(f->db, "text", 1);
        if (i % 3 == 0)
            killed_log_write_unsynced(f->db);
    }
    killed_log_kill(f);
}

/* Opens it past the damage, and then holds all that was committed. */
static bool reads_all(const killed_log *f, const char *where)
{
    amphi_error error = {0};
    amphi_query q;
    amphi_db *db = NULL;
    killed_log_put(f);
    amphi_status status = amphi__db_open_past_damage(&db, f->path, &killed_log_key, &error);
    if (status != AMPHI_OK) {
        assert_int_equal(status, AMPHI_E_CORRUPT);
        killed_log_expect_untouched(f);
        return false;
    }
    int64_t count = db_number(db, "SELECT count(*) FROM messages");
    int64_t starts = db_number(db, "SELECT count(*) FROM ledger");
    if (count != COMMITS || starts != (COMMITS + 2) / 3)
        fail_msg("%s: %d messages, %d starts", where, (int)count, (int)starts);
    amphi__query_begin(&q, db, "PRAGMA integrity_check");
    assert_true(amphi__query_row(&q));
    assert_true(amphi_str_from("ok").size == amphi__query_str(&q, 0).size);
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
    assert_int_not_equal(amphi__db_exec(db, "DELETE FROM messages", NULL), AMPHI_OK);
    amphi__db_close(db);
    killed_log_expect_untouched(f);
    return true;
}

static void past_damage__one_bit_anywhere_costs_nothing(void **state)
{
    killed_log *f = *state;
    say_all(f);
    size_t frames = (f->wal_size - HEADER) / FRAME;
    const size_t which[] = {0, frames / 3, frames / 2, frames - 2};
    const size_t where[] = {2, 5, 9, 17, 22, 25, 2000, 24 + 4070, FRAME - 1};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        for (size_t k = 0; k < sizeof where / sizeof where[0]; k++) {
            size_t at = HEADER + which[i] * FRAME + where[k];
            f->wal[at] ^= (char)(1 << k % 8);
            char name[64];
            snprintf(name, sizeof name, "frame %d, byte %d", (int)which[i], (int)where[k]);
            if (!reads_all(f, name))
                fail_msg("%s: not read", name);
            f->wal[at] ^= (char)(1 << k % 8);
        }
    }
}

static void past_damage__what_can_not_be_mended_is_not_read_in_part(void **state)
{
    killed_log *f = *state;
    char saved[700];
    int read = 0, refused = 0;
    say_all(f);
    srand(11);
    for (int i = 0; i < 120; i++) {
        size_t size = i % 2 == 0 ? 1 + (size_t)rand() % 8 : 9 + (size_t)rand() % 600;
        size_t at = (size_t)rand() % (f->wal_size - size);
        char name[64];
        memcpy(saved, f->wal + at, size);
        for (size_t k = 0; k < size; k++)
            f->wal[at + k] ^= (char)(1 + rand() % 255);
        snprintf(name, sizeof name, "%d bytes at %d", (int)size, (int)at);
        if (reads_all(f, name))
            read++;
        else
            refused++;
        memcpy(f->wal + at, saved, size);
    }
    print_message("%d read in full, %d refused\n", read, refused);
    assert_true(read >= 20 && refused >= 20);
}

static void past_damage__a_whole_log_and_an_emptied_database_are_refused(void **state)
{
    killed_log *f = *state;
    say_all(f);
    assert_false(reads_all(f, "whole"));
    f->database_size = 0;
    assert_false(reads_all(f, "emptied"));
}

/* A gateway goes on answering meanwhile. */
static void past_damage__a_repair_need_not_wait_for_the_reader(void **state)
{
    killed_log *f = *state;
    amphi_history_repair_report done;
    amphi_error error = {0};
    amphi_db *reader = NULL;
    say_all(f);
    f->wal[f->wal_size / 3] ^= 1;
    killed_log_put(f);
    assert_int_equal(amphi__db_open_past_damage(&reader, f->path, &killed_log_key, NULL), AMPHI_OK);
    assert_int_equal(db_number(reader, "SELECT count(*) FROM messages"), COMMITS);
    if (amphi__db_repair(&done, f->path, &killed_log_key, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    assert_int_equal(done.messages, COMMITS);
    assert_int_equal(db_number(reader, "SELECT count(*) FROM ledger"), (COMMITS + 2) / 3);
    assert_int_equal(db_number(reader, "SELECT count(*) FROM messages"), COMMITS);
    assert_int_equal(killed_log_messages(f), COMMITS);
    amphi__db_close(reader);
    assert_int_equal(killed_log_messages(f), COMMITS); /* its end removes nothing of the new one */
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        KILLED_LOG_TEST(past_damage__one_bit_anywhere_costs_nothing),
        KILLED_LOG_TEST(past_damage__what_can_not_be_mended_is_not_read_in_part),
        KILLED_LOG_TEST(past_damage__a_whole_log_and_an_emptied_database_are_refused),
        KILLED_LOG_TEST(past_damage__a_repair_need_not_wait_for_the_reader),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_open", tests, NULL, NULL);
}
