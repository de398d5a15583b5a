/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypted outbox over reboots, restarts and schema versions; what holds for every store is in
 * tests/contract/test_store_outbox.c.
 */
#include "storage/schema.h"
#include "tests/support/sqlcipher_missing.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOUR (3600ll * 1000)

typedef struct seen {
    int count;
    int leased;
    int64_t age_ms;
} seen;

static bool see(void *user, const amphi_store_outbox_item *item)
{
    seen *s = user;
    s->count++;
    s->leased += item->is_leased;
    s->age_ms = (int64_t)item->age_ms;
    return true;
}

static seen look(store_fixture *f)
{
    seen s = {.count = 0};
    assert_int_equal(f->store.ops->outbox_entries(f->store.self, see, &s, NULL), AMPHI_OK);
    return s;
}

/* The device is off for a while; the new boot's clock begins at zero. */
static void reboot(store_fixture *f, int64_t up_ms)
{
    f->wall_ms += 5 * DAY;
    f->boot_ms = up_ms;
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 0});
}

static void age__is_what_was_observed_over_restarts_and_reboots(void **state)
{
    store_fixture *f = *state;
    store_queue(f, "1", "c", store_wall(f));
    store_pass(f, 30 * HOUR);
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 0});
    assert_int_equal(look(f).age_ms, 30 * HOUR); /* a restart: the same boot */
    store_pass(f, HOUR / 2);
    store_jump(f, -NOW);
    assert_int_equal(look(f).age_ms, 30 * HOUR + HOUR / 2);
    reboot(f, HOUR / 4); /* what was not observed is not counted, nor is the time off */
    assert_int_equal(look(f).age_ms, 30 * HOUR + HOUR / 4);
    store_pass(f, HOUR / 4);
    assert_int_equal(look(f).age_ms, 30 * HOUR + HOUR / 2);
    reboot(f, 100 * HOUR); /* up for longer than the last one: no reboot by the numbers alone */
    assert_true(look(f).age_ms >= 30 * HOUR + HOUR / 2);
}

static void age__is_observed_every_hour_while_a_client_looks(void **state)
{
    store_fixture *f = *state;
    store_queue(f, "1", "c", store_wall(f));
    for (int i = 0; i < 48; i++) {
        store_pass(f, HOUR / 2);
        assert_int_equal(look(f).age_ms, (i + 1) * HOUR / 2);
    }
    reboot(f, 0);
    assert_in_range(look(f).age_ms, 23 * HOUR, 24 * HOUR);
}

/* An app that was updated: entries of the former schema, leased and put off by the wall clock. */
static void migration__keeps_every_entry_and_lets_it_go(void **state)
{
    static const amphi_db_key key = {{1, 2, 3}, {4, 5, 6}};
    store_fixture *f = *state;
    amphi_db *db = NULL;
    amphi_query q;
    assert_int_equal(
        amphi__db_open(&db, scratch_dir_file(&f->dir, "older.db"), &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__schema_migrate_to(db, 4, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_exec(db,
                         "INSERT INTO outbox (id, conversation, request_json, created_ms, attempts,"
                         " not_before_ms, lease_until_ms, lease_holder) VALUES"
                         " ('a', 'c', '{\"messages\":\"\xC3\xA4\"}', 5, 3, 1e15, 1e15, 'x'),"
                         " ('b', 'c', '{}', 6, 0, 0, 0, '')",
                         NULL),
        AMPHI_OK);
    assert_int_equal(amphi__schema_migrate(db, NULL), AMPHI_OK);
    amphi__query_begin(&q, db,
        "SELECT group_concat(seq || id || conversation || request_json || created_ms || attempts"
        " || state || reported || boot || lease_holder || pause_age_ms || size_bytes) FROM"
        " (SELECT * FROM outbox ORDER BY seq)");
    assert_true(amphi__query_row(&q));
    amphi_str all = amphi__query_str(&q, 0);
    static const char wanted[] = "1ac{\"messages\":\"\xC3\xA4\"}5301?017,2bc{}6001?02";
    assert_int_equal(all.size, sizeof wanted - 1);
    assert_memory_equal(all.data, wanted, all.size);
    assert_int_equal(amphi__query_end(&q, NULL), AMPHI_OK);
    amphi__db_close(db);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, store_set_up_own, store_tear_down)
    const struct CMUnitTest tests[] = {
        T(age__is_what_was_observed_over_restarts_and_reboots),
        T(age__is_observed_every_hour_while_a_client_looks),
        T(migration__keeps_every_entry_and_lets_it_go),
    };
    return cmocka_run_group_tests_name("unit.storage.outbox", tests, NULL, NULL);
}
