/* SPDX-License-Identifier: Apache-2.0
 *
 * Who waits for whom: threads that write at once share a sync; another process that holds the write
 * lock, or was frozen with it, stops no reader and no start of an engine. 
 */
#include "sdk/core/clock.h"
#include "storage/store_sqlcipher.h"
#include "storage/stores.h"
#include "tests/support/lock_holder.h"
#include "tests/support/own_store.h"
#include "tests/support/sqlcipher_missing.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S(x) AMPHI_STR(x)
/* What may not wait for the lock: far above what a loaded machine needs, far below the seconds that
 * waiting takes. */
#define AT_ONCE_US (1000u * 1000)

typedef struct fixture {
    own_store own;
    lock_holder holder;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    own_store_begin(&f->own);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    own_store_end(&f->own);
    free(f);
    return 0;
}

static amphi_status say(amphi_store store, const char *conversation, const char *outbox_id)
{
    amphi_store_message message = {.role = S("user"), .content = S("x")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1,
        .conversation_id = amphi_str_from(conversation),
        .messages = &message,
        .messages_count = 1,
        .outbox_id = amphi_str_from(outbox_id)};
    return store.ops->turn_append(store.self, &turn, NULL);
}

static bool count_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    ++*(int *)user;
    return true;
}

static int messages(fixture *f, const char *conversation)
{
    int count = 0;
    (void)f->own.store.ops->messages(
        f->own.store.self, amphi_str_from(conversation), count_message, &count, NULL);
    return count;
}

static int64_t add_start(amphi_store store)
{
    amphi_store_start start = {.struct_size = sizeof start,
        .fingerprint = S("m"),
        .started_ms = 5,
        .changed_ms = 5,
        .phase = AMPHI_START_LOAD};
    int64_t id = 0;
    assert_int_equal(store.ops->ledger_add(store.self, &start, &id, NULL), AMPHI_OK);
    return id;
}

/* "phase/outcome " of each. */
static bool see_start(void *user, const amphi_store_start *start)
{
    char *seen = user;
    size_t used = strlen(seen);
    snprintf(seen + used, 100 - used, "%d/%d ", (int)start->phase, (int)start->outcome);
    return true;
}

static const char *starts(amphi_store store, char seen[100])
{
    seen[0] = '\0';
    assert_int_equal(
        store.ops->ledger_list(store.self, S("m"), 0, see_start, seen, NULL), AMPHI_OK);
    return seen;
}

static const char *starts_in_table(fixture *f, char seen[100])
{
    amphi_keys keys;
    amphi_store store;
    assert_int_equal(lock_holder_open(&store, &keys, f->own.dir.path), AMPHI_OK);
    starts(store, seen);
    store.ops->free(store.self);
    keys.ops->free(keys.self);
    return seen;
}

static void expect_no_wait_on_the_way(fixture *f)
{
    char seen[100];
    uint8_t key[AMPHI_CACHE_KEY_BYTES] = {1};
    uint64_t begun_us = amphi__clock_us(NULL);
    int64_t first = add_start(f->own.store);
    int64_t second = add_start(f->own.store);
    for (int phase = AMPHI_START_PREFILL; phase <= AMPHI_START_TOKEN; phase++)
        assert_int_equal(f->own.store.ops->ledger_set(f->own.store.self, second,
                             (amphi_start_phase)phase, AMPHI_START_RUNNING, 6, NULL),
            AMPHI_OK);
    assert_int_equal(messages(f, "c"), 1);
    assert_int_equal(f->own.store.ops->cache_get(f->own.store.self, key, 1, NULL, NULL, NULL),
        AMPHI_E_NOT_FOUND);
    assert_int_equal(f->own.store.ops->setting_get(f->own.store.self, S("x"), NULL, NULL, NULL),
        AMPHI_E_NOT_FOUND);
    assert_string_equal(starts(f->own.store, seen), "2/0 0/0 ");
    assert_string_equal(starts_in_table(f, seen), ""); /* it also opens */
    uint64_t took_us = amphi__clock_us(NULL) - begun_us;
    print_message("%u us\n", (unsigned)took_us);
    assert_true(took_us < AT_ONCE_US);
    assert_int_equal(f->own.store.ops->ledger_set(
                         f->own.store.self, first, AMPHI_START_LOAD, AMPHI_START_CRASHED, 7, NULL),
        AMPHI_OK);
}

static void wait_for_starts(fixture *f, const char *wanted)
{
    char seen[100] = "";
    for (int tries = 0; tries < 1000 && strcmp(starts_in_table(f, seen), wanted) != 0; tries++)
        usleep(20 * 1000);
    assert_string_equal(seen, wanted);
}

static void commits__a_lock_held_elsewhere_delays_no_start(void **state)
{
    fixture *f = *state;
    amphi_error error;
    assert_int_equal(say(f->own.store, "c", ""), AMPHI_OK);
    lock_holder_begin(&f->holder, f->own.dir.path);
    expect_no_wait_on_the_way(f);
    /* The flusher waits for the lock as well; what comes while it tries waits for the flusher. */
    do {
        assert_int_equal(
            amphi__store_write_begin(f->own.store.self, 10, &(amphi_db *){NULL}, &error),
            AMPHI_E_BUSY);
    } while (strstr(error.message, "another process") == NULL);
    lock_holder_end(&f->holder);
    wait_for_starts(f, "0/4 2/0 "); /* nothing else was written: the flusher did */
}

static void commits__a_process_frozen_with_the_lock_delays_no_start(void **state)
{
    fixture *f = *state;
    assert_int_equal(say(f->own.store, "c", ""), AMPHI_OK);
    lock_holder_begin(&f->holder, f->own.dir.path);
    kill(f->holder.pid, SIGSTOP);
    expect_no_wait_on_the_way(f);
    lock_holder_end(&f->holder);
    assert_int_equal(say(f->own.store, "c", ""), AMPHI_OK); /* takes the starts along */
    wait_for_starts(f, "0/4 2/0 ");
}

static void commits__starts_are_written_when_the_store_closes(void **state)
{
    fixture *f = *state;
    char seen[100];
    lock_holder_begin(&f->holder, f->own.dir.path);
    add_start(f->own.store);
    lock_holder_end(&f->holder);
    f->own.store.ops->free(f->own.store.self);
    f->own.keys.ops->free(f->own.keys.self);
    own_store_open(&f->own);
    assert_string_equal(starts(f->own.store, seen), "0/0 ");
}

/* ---- Groups ---- */

enum { WRITERS = 8, TURNS = 25 };

typedef struct writer {
    fixture *f;
    pthread_t thread;
    int number;
    int kept, refused, other;
} writer;

/* Every fourth turn names an entry of the outbox that is not there: it alone is undone. */
static void *write_turns(void *arg)
{
    writer *w = arg;
    char conversation[16];
    snprintf(conversation, sizeof conversation, "c%d", w->number);
    for (int i = 0; i < TURNS; i++) {
        amphi_status status = say(w->f->own.store, conversation, i % 4 == 3 ? "none" : "");
        w->kept += status == AMPHI_OK;
        w->refused += status == AMPHI_E_NOT_FOUND;
        w->other += status != AMPHI_OK && status != AMPHI_E_NOT_FOUND;
    }
    return NULL;
}

static void commits__threads_that_write_at_once_each_stand_for_themselves(void **state)
{
    fixture *f = *state;
    writer writers[WRITERS] = {{0}};
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.f = f, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_turns, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (int i = 0; i < WRITERS; i++) {
        char conversation[16];
        snprintf(conversation, sizeof conversation, "c%d", i);
        assert_int_equal(writers[i].other, 0);
        assert_int_equal(writers[i].refused, TURNS / 4);
        assert_int_equal(writers[i].kept, TURNS - TURNS / 4);
        assert_int_equal(messages(f, conversation), writers[i].kept);
    }
    amphi_store_sqlcipher *store = f->own.store.self;
    assert_int_equal(store->members_count, 0);
    assert_false(store->is_writing);
}

/* Two threads meet in one transaction: while the first is inside the gate the second waits, so the
 * first does not commit, and what it wrote is not visible before the second is done. */
static void *write_one(void *arg)
{
    writer *w = arg;
    w->kept = say(w->f->own.store, "second", "") == AMPHI_OK;
    return NULL;
}

static void commits__a_turn_joins_the_transaction_that_it_waited_for(void **state)
{
    fixture *f = *state;
    amphi_store_sqlcipher *store = f->own.store.self;
    amphi_db *db;
    writer second = {.f = f};
    bool waits = false;
    assert_int_equal(amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, NULL), AMPHI_OK);
    assert_int_equal(pthread_create(&second.thread, NULL, write_one, &second), 0);
    while (!waits) {
        usleep(1000);
        amphi__mutex_lock(&store->gate_lock);
        waits = store->waiting == 1;
        amphi__mutex_unlock(&store->gate_lock);
    }
    store->group_us = amphi__clock_us(NULL); /* however long that took */
    assert_int_equal(
        amphi__db_exec(db, "INSERT INTO settings VALUES ('first', 'x')", NULL), AMPHI_OK);
    uint64_t before = amphi__db_commits(db);
    assert_int_equal(amphi__store_write_end(store, AMPHI_OK, NULL), AMPHI_OK);
    pthread_join(second.thread, NULL);
    assert_true(second.kept);
    assert_int_equal(amphi__db_commits(db) - before, 1);
    assert_int_equal(messages(f, "second"), 1);
}

int main(int argc, char **argv)
{
    if (lock_holder_is_role(argc, argv))
        return lock_holder_main(argv);
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(commits__a_lock_held_elsewhere_delays_no_start),
        T(commits__a_process_frozen_with_the_lock_delays_no_start),
        T(commits__starts_are_written_when_the_store_closes),
        T(commits__threads_that_write_at_once_each_stand_for_themselves),
        T(commits__a_turn_joins_the_transaction_that_it_waited_for),
    };
    return cmocka_run_group_tests_name("unit.storage.store_commits", tests, NULL, NULL);
}
