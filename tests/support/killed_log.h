/* SPDX-License-Identifier: Apache-2.0
 *
 * A store's database and log as the kill of its process leaves them, in memory, to be damaged there
 * and written back. Failures end the test.
 */
#ifndef AMPHI_TESTS_KILLED_LOG_H
#define AMPHI_TESTS_KILLED_LOG_H

#include "storage/sqlcipher.h"
#include "tests/support/scratch_dir.h"

#define KILLED_LOG_HEADER 32
#define KILLED_LOG_FRAME  (24 + 4096)

extern const amphi_db_key killed_log_key;

typedef struct killed_log {
    scratch_dir dir;
    char path[300], log[310];
    amphi_db *db;
    char *database, *wal; /* as they are when the process is killed */
    size_t database_size, wal_size;
} killed_log;

/* For tests whose *state is a killed_log: one with the schema, a conversation and an open db. */
int killed_log_set_up(void **state);
int killed_log_tear_down(void **state);
#define KILLED_LOG_TEST(test)                                                                      \
    cmocka_unit_test_setup_teardown(test, killed_log_set_up, killed_log_tear_down)

void killed_log_open(const killed_log *f, amphi_db **db);
void killed_log_exec(amphi_db *db, const char *sql);
/* One turn's commit, of so many messages. */
void killed_log_say(amphi_db *db, const char *text, int times);
/* What a start of the engine, or an answer under way, writes without a sync. */
void killed_log_write_unsynced(amphi_db *db);
/* Reads both files, as a kill at this moment would leave them; kill closes db as well. */
void killed_log_take(killed_log *f);
void killed_log_kill(killed_log *f);
/* Writes both back. */
void killed_log_put(const killed_log *f);
/* Of the database at its path, as SQLite reads it. */
int64_t killed_log_messages(const killed_log *f);
/* Puts both: no damage is found, it opens as SQLite would, and has at least so many messages. */
void killed_log_expect_no_damage(const killed_log *f, int64_t least, const char *where);
/* Both files are as they were put. */
void killed_log_expect_untouched(const killed_log *f);

#endif
