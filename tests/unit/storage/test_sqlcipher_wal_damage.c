/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs as a kill leaves them, damaged in many places: each is noticed before SQLite replays it,
 * nothing is overwritten, and the repair brings the commits back.
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

#define COMMITS 40
#define HEADER  KILLED_LOG_HEADER
#define FRAME   KILLED_LOG_FRAME

/* The files as they are in the fixture: said, refused, kept aside, repaired. */
static amphi_history_repair_report expect_damage(const killed_log *f, const char *where)
{
    amphi_history_check_report found;
    amphi_history_repair_report done;
    amphi_error error = {0};
    amphi_db *db = NULL;
    killed_log_put(f);
    assert_int_equal(amphi__db_check(&found, f->path, &killed_log_key, false, &error), AMPHI_OK);
    if (found.is_whole || strstr(found.fault, "log (amphi.db-wal)") == NULL)
        fail_msg("%s: not noticed (%s)", where, found.fault);
    if (amphi__db_open(&db, f->path, &killed_log_key, &error) != AMPHI_E_CORRUPT)
        fail_msg("%s: opened", where);
    assert_non_null(strstr(error.message, "log (amphi.db-wal)"));
    assert_non_null(strstr(error.message, "amphi history repair"));
    assert_int_equal(
        amphi__db_open_read_only(&db, f->path, &killed_log_key, &error), AMPHI_E_CORRUPT);
    killed_log_expect_untouched(f);
    if (amphi__db_repair(&done, f->path, &killed_log_key, &error) != AMPHI_OK)
        fail_msg("%s: %s", where, error.message);
    assert_int_equal(amphi__db_check(&found, f->path, &killed_log_key, false, NULL), AMPHI_OK);
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

static void log__one_bit_anywhere_is_noticed_and_costs_nothing(void **state)
{
    killed_log *f = *state;
    for (int i = 0; i < COMMITS; i++)
        killed_log_say(f->db, "text", 1);
    killed_log_kill(f);
    killed_log_expect_no_damage(f, COMMITS, "as it was");
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
    killed_log *f = *state;
    for (int i = 0; i < COMMITS; i++)
        killed_log_say(f->db, "text", 1);
    killed_log_kill(f);
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

/* A store that was never closed has its list of tables in the log's first frames, and nowhere
 * else. */
static void begin_anew(killed_log *f)
{
    amphi__db_close(f->db);
    unlink(f->path);
    killed_log_open(f, &f->db);
    assert_int_equal(amphi__schema_migrate(f->db, NULL), AMPHI_OK);
    killed_log_exec(f->db,
        "INSERT INTO conversations (seq, id, updated_ms, messages_count, title) VALUES "
        "(1, 'c', 1, 0, 't')");
}

static void log__of_a_new_store_is_noticed_without_its_list_of_tables(void **state)
{
    killed_log *f = *state;
    begin_anew(f);
    for (int i = 0; i < COMMITS; i++)
        killed_log_say(f->db, "text", 1);
    killed_log_kill(f);
    killed_log_expect_no_damage(f, COMMITS, "as it was");
    size_t frames = (f->wal_size - HEADER) / FRAME;
    for (size_t i = 0; i < frames * 3 / 4; i += i < 6 ? 1 : 11) {
        static const size_t widths[] = {
            16, 24, 64, 512}; /* salts and checksum; then the page too */
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            char name[60];
            char *at = f->wal + HEADER + i * FRAME + (w == 0 ? 8 : 16);
            snprintf(name, sizeof name, "frame %d, %d bytes", (int)i + 1, (int)widths[w]);
            for (size_t k = 0; k < widths[w]; k++)
                at[k] ^= 0x5a;
            (void)expect_damage(f, name);
            for (size_t k = 0; k < widths[w]; k++)
                at[k] ^= 0x5a;
        }
    }
}

static void log__of_an_emptied_database_is_kept_and_read(void **state)
{
    killed_log *f = *state;
    for (int i = 0; i < COMMITS; i++)
        killed_log_say(f->db, "text", 1);
    killed_log_kill(f);
    f->database_size = 0;
    amphi_history_repair_report done = expect_damage(f, "emptied");
    assert_true(done.messages > 0);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        KILLED_LOG_TEST(log__one_bit_anywhere_is_noticed_and_costs_nothing),
        KILLED_LOG_TEST(log__a_lost_sector_costs_no_more_than_its_own_pages),
        KILLED_LOG_TEST(log__of_a_new_store_is_noticed_without_its_list_of_tables),
        KILLED_LOG_TEST(log__of_an_emptied_database_is_kept_and_read),
    };
    return cmocka_run_group_tests_name("unit.storage.sqlcipher_wal_damage", tests, NULL, NULL);
}
