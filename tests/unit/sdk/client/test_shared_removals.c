/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/client/shared_removals.h"
#include "storage/stores.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            removals__are_kept_once_until_they_are_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removals__are_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
