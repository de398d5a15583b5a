/* SPDX-License-Identifier: Apache-2.0
 *
 * Cached answers that are to be removed: kept once, bounded, and of several processes all of them.
 */
#include "sdk/client/shared_removals.h"
#include "storage/stores.h"
#include "tests/support/own_store.h"
#include "tests/support/sqlcipher_missing.h"
#include "tests/support/store_race.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PROCESSES 2
#define EACH      40

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

/* Key number n; n is all that tells it from others. */
static void put_key(amphi_buf *keys, uint32_t n)
{
    uint8_t key[AMPHI_CACHE_KEY_BYTES] = {0};
    memcpy(key + 8, &n, sizeof n);
    amphi__buf_append(keys, key, sizeof key);
}

static void change(uint32_t done, uint32_t first, uint32_t count)
{
    amphi_buf less, more;
    amphi__buf_init(&less, 0);
    amphi__buf_init(&more, 0);
    put_key(&less, done);
    for (uint32_t n = first; n < first + count; n++)
        put_key(&more, n);
    amphi__shared_removals_change(store, amphi__buf_str(&less), amphi__buf_str(&more));
    amphi__buf_clear(&more);
    amphi__buf_clear(&less);
}

/* How many there are; *first gets the first one's number. */
static size_t kept(uint32_t *first)
{
    amphi_buf keys;
    amphi__buf_init(&keys, 0);
    amphi__shared_removals_read(store, &keys);
    size_t count = keys.size / AMPHI_CACHE_KEY_BYTES;
    if (count > 0)
        memcpy(first, keys.data + 8, sizeof *first);
    amphi__buf_clear(&keys);
    return count;
}

static void removals__are_kept_once_until_they_are_done(void **state)
{
    uint32_t first = 0;
    assert_int_equal(kept(&first), 0);
    change(99, 1, 3);
    change(99, 2, 3); /* 2 and 3 are there already */
    assert_int_equal(kept(&first), 4);
    assert_int_equal(first, 1);
    change(1, 0, 0);
    assert_int_equal(kept(&first), 3);
    assert_int_equal(first, 2);
    change(2, 2, 1); /* tried in vain */
    assert_int_equal(kept(&first), 3);
    assert_int_equal(first, 3);
    change(2, 0, 0);
    change(3, 0, 0);
    change(4, 0, 0);
    assert_int_equal(kept(&first), 0);
}

static void removals__are_bounded(void **state)
{
    uint32_t first = 0;
    change(0, 1, AMPHI_SHARED_REMOVALS_MAX);
    assert_int_equal(kept(&first), AMPHI_SHARED_REMOVALS_MAX);
    change(0, 100000, 5);
    assert_int_equal(kept(&first), AMPHI_SHARED_REMOVALS_MAX);
    assert_int_equal(first, 6); /* the oldest went */
    change(0, 200000, AMPHI_SHARED_REMOVALS_MAX + 7);
    assert_int_equal(kept(&first), AMPHI_SHARED_REMOVALS_MAX);
    assert_int_equal(first, 200007);
}

/* ---- Others write at the same time ---- */

static amphi_store inner;
static int reads;

/* After the first reading, and before what follows from it is written, another process writes. */
static amphi_status get_then_another(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = inner.ops->setting_get(self, name, visit, user, error);
    amphi_buf other;
    if (++reads > 1)
        return status;
    amphi__buf_init(&other, 0);
    put_key(&other, 500);
    assert_int_equal(
        amphi__shared_removals_change(inner, amphi_str_make(NULL, 0), amphi__buf_str(&other)),
        AMPHI_OK);
    amphi__buf_clear(&other);
    return status;
}

static void removals__what_another_wrote_after_the_reading_stays(void **state)
{
    uint32_t first = 0;
    amphi_store_ops racing = *store.ops;
    racing.setting_get = get_then_another;
    inner = store;
    reads = 0;
    store.ops = &racing;
    change(99, 1, 3);
    store = inner;
    assert_true(reads >= 2);
    assert_int_equal(kept(&first), 4);
    assert_int_equal(first, 500);
}

/* Its own numbers, one by one. */
static amphi_status add_each(amphi_store shared, unsigned number)
{
    uint32_t first = 1000 * (number + 1);
    amphi_status status = AMPHI_OK;
    for (uint32_t n = first; n < first + EACH && status == AMPHI_OK; n++) {
        amphi_buf more;
        amphi__buf_init(&more, 0);
        put_key(&more, n);
        status =
            amphi__shared_removals_change(shared, amphi_str_make(NULL, 0), amphi__buf_str(&more));
        amphi__buf_clear(&more);
    }
    return status;
}

static void removals__processes_that_write_at_once_lose_none(void **state)
{
    own_store own;
    uint32_t first = 0;
    if (sqlcipher_is_missing())
        skip();
    own_store_begin(&own);
    store = own.store;
    store_race(own.dir.path, PROCESSES);
    assert_int_equal(kept(&first), PROCESSES * EACH);
    own_store_end(&own);
}

int main(int argc, char **argv)
{
    if (store_race_is_role(argc, argv))
        return store_race_main(argv, add_each);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            removals__are_kept_once_until_they_are_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removals__are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            removals__what_another_wrote_after_the_reading_stays, set_up, tear_down),
        cmocka_unit_test(removals__processes_that_write_at_once_lose_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
