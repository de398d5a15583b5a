/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cache counts, of one client and of several at the same time.
 */
#include "sdk/client/cache_counters.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/support/lock_holder.h"
#include "tests/support/own_store.h"
#include "tests/support/sqlcipher_missing.h"
#include "tests/support/store_race.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PROCESSES 3
#define EACH      30

static amphi_store store;

static int set_up(void **state)
{
    amphi_storage_options options = {0};
    return amphi__store_memory_new(&store, &options, NULL) == AMPHI_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    store.ops->free(store.self);
    return 0;
}

static amphi_cache_stats counts(uint64_t misses, uint64_t ms_saved)
{
    amphi_cache_stats stats;
    amphi_cache_stats_init(&stats);
    stats.misses = misses;
    stats.ms_saved = ms_saved;
    return stats;
}

static amphi_status add(uint64_t misses, uint64_t ms_saved)
{
    const amphi_cache_stats own = counts(misses, ms_saved);
    return amphi__cache_counters_add(store, &own);
}

static void assert_kept(uint64_t misses, uint64_t ms_saved)
{
    amphi_cache_stats stats = counts(0, 0);
    amphi__cache_counters_read(store, &stats);
    assert_int_equal(stats.misses, misses);
    assert_int_equal(stats.ms_saved, ms_saved);
    assert_int_equal(stats.hits_exact, 0);
}

static void counters__add_up(void **state)
{
    amphi_cache_stats stats = counts(100, 1);
    assert_kept(0, 0);
    assert_int_equal(add(2, 30), AMPHI_OK);
    assert_int_equal(add(1, 0), AMPHI_OK);
    assert_kept(3, 30);
    amphi__cache_counters_read(store, &stats); /* to what is there */
    assert_int_equal(stats.misses, 103);
    assert_int_equal(stats.ms_saved, 31);
}

static void counters__what_makes_no_sense_counts_as_none(void **state)
{
    static const char *const values[] = {"", "{", "[1]", "{\"misses\":-4,\"ms_saved\":\"7\"}", "0"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(store.ops->setting_put(store.self, AMPHI_STR("cache counters"),
                             amphi_str_from(values[i]), NULL),
            AMPHI_OK);
        assert_kept(0, 0);
        assert_int_equal(add(5, 6), AMPHI_OK);
        assert_kept(5, 6);
    }
}

/* ---- others add at the same time ---- */

static amphi_store inner;
static int reads;

/* After each of the first readings, and before what follows from it is written, another adds. */
static amphi_status get_then_another(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    const amphi_cache_stats own = counts(10, 0);
    amphi_status status = inner.ops->setting_get(self, name, visit, user, error);
    if (++reads <= 3)
        assert_int_equal(amphi__cache_counters_add(inner, &own), AMPHI_OK);
    return status;
}

static void counters__what_another_added_after_the_reading_stays(void **state)
{
    amphi_store_ops racing = *store.ops;
    racing.setting_get = get_then_another;
    inner = store;
    reads = 0;
    store.ops = &racing;
    assert_int_equal(add(1, 2), AMPHI_OK);
    store = inner;
    assert_int_equal(reads, 4);
    assert_kept(31, 2);
}

/* An app's own store of an earlier version. */
static void counters__are_kept_without_a_swap(void **state)
{
    const amphi_store whole = store;
    amphi_store_ops older = *store.ops;
    older.setting_swap = NULL;
    store.ops = &older;
    assert_int_equal(add(1, 2), AMPHI_OK);
    assert_int_equal(add(1, 2), AMPHI_OK);
    assert_kept(2, 4);
    store = whole;
}

static amphi_status fail_to_read(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    return AMPHI_E_IO;
}

static void counters__that_can_not_be_read_are_not_overwritten(void **state)
{
    const amphi_store whole = store;
    amphi_store_ops failing = *store.ops;
    assert_int_equal(add(3, 4), AMPHI_OK);
    failing.setting_get = fail_to_read;
    store.ops = &failing;
    assert_int_equal(add(1, 2), AMPHI_E_IO);
    store = whole;
    assert_kept(3, 4);
}

static amphi_status add_each(amphi_store shared, unsigned number)
{
    amphi_status status = AMPHI_OK;
    store = shared;
    int rounds = 100; /* of a second at least: one that is kept from running may hold the lock */
    for (int i = 0; i < EACH && status == AMPHI_OK; i++)
        do
            status = add(1, 2);
        while (status == AMPHI_E_BUSY && rounds-- > 0);
    return status;
}

static void counters__of_processes_that_add_at_once_are_all_kept(void **state)
{
    own_store own;
    if (sqlcipher_is_missing())
        skip();
    own_store_begin(&own);
    store = own.store;
    store_race(own.dir.path, PROCESSES);
    assert_kept(PROCESSES * EACH, PROCESSES * EACH * 2);
    own_store_end(&own);
}

static void counters__give_up_on_a_lock_that_is_held(void **state)
{
    own_store own;
    lock_holder holder;
    if (sqlcipher_is_missing())
        skip();
    own_store_begin(&own);
    store = own.store;
    assert_int_equal(add(1, 1), AMPHI_OK);
    lock_holder_begin(&holder, own.dir.path);
    assert_int_equal(add(2, 2), AMPHI_E_BUSY);
    lock_holder_end(&holder);
    assert_kept(1, 1);
    own_store_end(&own);
}

int main(int argc, char **argv)
{
    if (store_race_is_role(argc, argv))
        return store_race_main(argv, add_each);
    if (lock_holder_is_role(argc, argv))
        return lock_holder_main(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters__add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            counters__what_makes_no_sense_counts_as_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            counters__what_another_added_after_the_reading_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counters__are_kept_without_a_swap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            counters__that_can_not_be_read_are_not_overwritten, set_up, tear_down),
        cmocka_unit_test(counters__of_processes_that_add_at_once_are_all_kept),
        cmocka_unit_test(counters__give_up_on_a_lock_that_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
