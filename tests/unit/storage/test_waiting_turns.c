/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns that could not be written at their answer's end: the caller knows, the next turn of the
 * conversation sees them, and they are written once that is possible, in order and once.
 */
#include "storage/waiting_turns.h"

#include "sdk/core/clock.h"
#include "tests/support/lock_holder.h"
#include "tests/support/own_store.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S(x) AMPHI_STR(x)

typedef struct fixture {
    own_store own;
    lock_holder holder;
    amphi_error error;
    char seen[300];
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

/* A question and its answer. */
static amphi_status say(fixture *f, const char *conversation, const char *word)
{
    amphi_store_message messages[] = {{.role = S("user"), .content = amphi_str_from(word)},
        {.role = S("assistant"), .content = amphi_str_from(word), .route = S("local")}};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1,
        .conversation_id = amphi_str_from(conversation),
        .messages = messages,
        .messages_count = 2,
        .privacy = AMPHI_PRIVACY_PRIVATE};
    f->error = (amphi_error){.status = AMPHI_OK};
    return f->own.store.ops->turn_append(f->own.store.self, &turn, &f->error);
}

static bool see_row(void *user, const amphi_store_row *row)
{
    char *seen = user;
    size_t used = strlen(seen);
    assert_int_equal(row->privacy, AMPHI_PRIVACY_PRIVATE);
    snprintf(seen + used, 300 - used, "%c:%.*s ", row->message.role.data[0],
        (int)row->message.content.size, row->message.content.data);
    return true;
}

static const char *rows(fixture *f, const char *conversation, bool newest_first, uint32_t limit)
{
    amphi_store_row_query query;
    amphi_store_row_query_init(&query);
    query.conversation_id = amphi_str_from(conversation);
    query.newest_first = newest_first;
    query.limit = limit;
    f->seen[0] = '\0';
    amphi_status status =
        f->own.store.ops->rows(f->own.store.self, &query, see_row, f->seen, &f->error);
    assert_true(status == AMPHI_OK || status == AMPHI_E_NOT_FOUND);
    return status == AMPHI_OK ? f->seen : "none";
}

static void expect_waiting(fixture *f, const char *conversation, const char *word)
{
    uint64_t begun_us = amphi__clock_us(NULL);
    assert_int_equal(say(f, conversation, word), AMPHI_E_BUSY);
    assert_non_null(strstr(f->error.message, "another process"));
    assert_non_null(strstr(f->error.message, "in memory"));
    assert_true(amphi__clock_us(NULL) - begun_us < 8u * 1000 * 1000); /* it waits for 2 s */
}

static void waiting__a_turn_is_seen_before_and_after_it_is_written(void **state)
{
    fixture *f = *state;
    assert_int_equal(say(f, "c", "1"), AMPHI_OK);
    lock_holder_begin(&f->holder, f->own.dir.path);
    expect_waiting(f, "c", "2");
    expect_waiting(f, "d", "3");
    assert_string_equal(rows(f, "c", false, 0), "u:1 a:1 u:2 a:2 ");
    assert_string_equal(rows(f, "c", true, 0), "a:2 u:2 a:1 u:1 ");
    assert_string_equal(rows(f, "c", true, 3), "a:2 u:2 a:1 ");
    assert_string_equal(rows(f, "c", false, 3), "u:1 a:1 u:2 ");
    assert_string_equal(rows(f, "d", false, 0), "u:3 a:3 ");
    assert_string_equal(rows(f, "e", false, 0), "none");
    lock_holder_end(&f->holder);
    assert_int_equal(say(f, "c", "4"), AMPHI_OK); /* behind those that waited */
    assert_null(((amphi_store_sqlcipher *)f->own.store.self)->turns);
    assert_string_equal(rows(f, "c", false, 0), "u:1 a:1 u:2 a:2 u:4 a:4 ");
    assert_string_equal(rows(f, "d", false, 0), "u:3 a:3 ");
}

static void waiting__they_are_written_by_themselves(void **state)
{
    fixture *f = *state;
    amphi_store_sqlcipher *store = f->own.store.self;
    bool is_written = false;
    lock_holder_begin(&f->holder, f->own.dir.path);
    expect_waiting(f, "c", "1");
    lock_holder_end(&f->holder);
    for (int tries = 0; tries < 1000 && !is_written; tries++) {
        usleep(20 * 1000);
        amphi__mutex_lock(&store->turns_lock);
        is_written = store->turns == NULL;
        amphi__mutex_unlock(&store->turns_lock);
    }
    assert_true(is_written);
    assert_string_equal(rows(f, "c", false, 0), "u:1 a:1 ");
}

static void waiting__they_are_written_when_the_store_closes(void **state)
{
    fixture *f = *state;
    lock_holder_begin(&f->holder, f->own.dir.path);
    expect_waiting(f, "c", "1");
    lock_holder_end(&f->holder);
    own_store_close(&f->own);
    own_store_open(&f->own);
    assert_string_equal(rows(f, "c", false, 0), "u:1 a:1 ");
}

/* Not once more as long as the answer's end waited. The least of three, for a busy machine. */
static void waiting__the_end_of_a_store_waits_for_no_lock_that_stays(void **state)
{
    fixture *f = *state;
    uint64_t least_us = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        lock_holder_begin(&f->holder, f->own.dir.path);
        expect_waiting(f, "c", "1");
        uint64_t begun_us = amphi__clock_us(NULL);
        own_store_close(&f->own);
        uint64_t took_us = amphi__clock_us(NULL) - begun_us;
        least_us = took_us < least_us ? took_us : least_us;
        lock_holder_end(&f->holder);
        own_store_open(&f->own);
    }
    assert_true(least_us < 1500u * 1000);
    assert_string_equal(rows(f, "c", false, 0), "none"); /* as was said */
}

static void waiting__a_deletion_says_soon_that_others_write(void **state)
{
    fixture *f = *state;
    assert_int_equal(say(f, "c", "1"), AMPHI_OK);
    lock_holder_begin(&f->holder, f->own.dir.path);
    uint64_t begun_us = amphi__clock_us(NULL);
    assert_int_equal(
        f->own.store.ops->conversation_delete(f->own.store.self, S("c"), &f->error), AMPHI_E_BUSY);
    assert_non_null(strstr(f->error.message, "another process"));
    assert_non_null(strstr(f->error.message, "nothing was deleted"));
    assert_int_equal(f->own.store.ops->cache_clear(f->own.store.self, &f->error), AMPHI_E_BUSY);
    assert_true(amphi__clock_us(NULL) - begun_us < 10u * 1000 * 1000); /* 3 s each */
    lock_holder_end(&f->holder);
    assert_string_equal(rows(f, "c", false, 0), "u:1 a:1 ");
}

static void waiting__a_deleted_conversation_takes_its_waiting_turns_along(void **state)
{
    fixture *f = *state;
    amphi_error busy = {.status = AMPHI_E_BUSY};
    amphi_store_message message = {.role = S("user"), .content = S("x")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    amphi__waiting_turns_keep(f->own.store.self, &turn, &busy);
    assert_non_null(((amphi_store_sqlcipher *)f->own.store.self)->turns);
    (void)f->own.store.ops->conversation_delete(f->own.store.self, S("c"), NULL);
    assert_null(((amphi_store_sqlcipher *)f->own.store.self)->turns);
}

static void waiting__what_will_not_pass_does_not_wait_and_nothing_grows_without_end(void **state)
{
    fixture *f = *state;
    amphi_store_sqlcipher *store = f->own.store.self;
    static char large[3 << 20];
    amphi_error corrupt = {.status = AMPHI_E_CORRUPT};
    amphi_store_message message = {
        .role = S("user"), .content = amphi_str_make(large, sizeof large)};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    amphi__waiting_turns_keep(store, &turn, &corrupt);
    assert_null(store->turns);
    turn.outbox_id = S("entry");
    amphi__waiting_turns_keep(store, &turn, &(amphi_error){.status = AMPHI_E_BUSY});
    assert_null(store->turns);
    turn.outbox_id = S("");
    lock_holder_begin(&f->holder, f->own.dir.path); /* so that none is written meanwhile */
    for (int i = 0; i < 4; i++)
        amphi__waiting_turns_keep(store, &turn, &(amphi_error){.status = AMPHI_E_BUSY});
    assert_int_equal(amphi__waiting_turns_forget(store, S("")), 2);
    lock_holder_end(&f->holder);
}

int main(int argc, char **argv)
{
    if (lock_holder_is_role(argc, argv))
        return lock_holder_main(argv);
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(waiting__a_turn_is_seen_before_and_after_it_is_written),
        T(waiting__they_are_written_by_themselves),
        T(waiting__they_are_written_when_the_store_closes),
        T(waiting__the_end_of_a_store_waits_for_no_lock_that_stays),
        T(waiting__a_deletion_says_soon_that_others_write),
        T(waiting__a_deleted_conversation_takes_its_waiting_turns_along),
        T(waiting__what_will_not_pass_does_not_wait_and_nothing_grows_without_end),
    };
    return cmocka_run_group_tests_name("unit.storage.waiting_turns", tests, NULL, NULL);
}
