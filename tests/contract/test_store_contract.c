/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/store.h promises of cache, settings, keys and ledger, tested over every store that this
 * build has. Each test runs once per store on a fresh one.
 */
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void cache__a_value_comes_back_until_it_expires(void **state)
{
    store_fixture *f = *state;
    store_text t;
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_put(f, 1, S("va\0lue"), NOW + 1000), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 1, NOW + 999, &t), AMPHI_OK);
    assert_int_equal(t.size, 6);
    assert_memory_equal(t.data, "va\0lue", 6);
    assert_int_equal(store_cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 1, NOW + 1000, &t), AMPHI_E_NOT_FOUND);
}

static void cache__a_second_put_replaces_and_clear_empties(void **state)
{
    store_fixture *f = *state;
    store_text t;
    store_cache_put(f, 1, S("old"), NOW + DAY);
    store_cache_put(f, 1, S(""), NOW + DAY);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_OK);
    assert_int_equal(t.size, 0);
    store_cache_put(f, 2, S("two"), NOW + DAY);
    assert_int_equal(f->store.ops->cache_clear(f->store.self, NULL), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_put(f, 2, S("again"), NOW + DAY), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 2, NOW, &t), AMPHI_OK);
}

static void cache__the_least_recently_used_goes_first(void **state)
{
    store_fixture *f = *state;
    store_text t;
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 3});
    for (int i = 1; i <= 3; i++)
        store_cache_put(f, i, S("v"), NOW + DAY);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_OK); /* 2 is the oldest now */
    store_cache_put(f, 4, S("v"), NOW + DAY);
    assert_int_equal(store_cache_get(f, 2, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 3, NOW, &t), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_OK);
    store_cache_put(f, 5, S("v"), NOW + DAY); /* order was 4 3 1 */
    assert_int_equal(store_cache_get(f, 4, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 5, NOW, &t), AMPHI_OK);
}

static void cache__many_reads_keep_their_order(void **state)
{
    store_fixture *f = *state;
    store_text t;
    store_reopen_with(f, (amphi_storage_options){.cache_entries_max = 200});
    for (int i = 0; i < 200; i++)
        assert_int_equal(store_cache_put(f, i, S("v"), NOW + DAY), AMPHI_OK);
    for (int i = 0; i < 150; i++)
        assert_int_equal(store_cache_get(f, i, NOW, &t), AMPHI_OK);
    for (int i = 200; i < 250; i++)
        assert_int_equal(store_cache_put(f, i, S("v"), NOW + DAY), AMPHI_OK);
    for (int i = 0; i < 250; i++)
        assert_int_equal(
            store_cache_get(f, i, NOW, &t), i >= 150 && i < 200 ? AMPHI_E_NOT_FOUND : AMPHI_OK);
}

static void cache__bytes_are_bounded_and_expired_entries_make_room(void **state)
{
    store_fixture *f = *state;
    store_text t;
    char value[400] = {0};
    amphi_str v = amphi_str_make(value, sizeof value);
    store_reopen_with(f, (amphi_storage_options){.cache_bytes_max = 1000});
    assert_int_equal(store_cache_put(f, 1, v, NOW + DAY), AMPHI_OK);
    assert_int_equal(store_cache_put(f, 2, v, NOW), AMPHI_OK); /* expires at once */
    assert_int_equal(store_cache_put(f, 3, v, NOW + DAY), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_OK);
    assert_int_equal(store_cache_put(f, 4, v, NOW + DAY), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 3, NOW, &t), AMPHI_E_NOT_FOUND);
    assert_int_equal(store_cache_get(f, 1, NOW, &t), AMPHI_OK);
    assert_int_equal(store_cache_get(f, 4, NOW, &t), AMPHI_OK);
}

static void cache__too_large_values_are_refused(void **state)
{
    store_fixture *f = *state;
    size_t size = (1u << 20) + 1;
    char *value = calloc(1, size);
    assert_non_null(value);
    assert_int_equal(store_cache_put(f, 1, amphi_str_make(value, size), NOW + DAY), AMPHI_E_LIMIT);
    assert_int_equal(store_cache_put(f, 1, amphi_str_make(value, size - 1), NOW + DAY), AMPHI_OK);
    free(value);
    store_reopen_with(f, (amphi_storage_options){.cache_bytes_max = 3});
    assert_int_equal(store_cache_put(f, 2, S("1234"), NOW + DAY), AMPHI_E_LIMIT);
}

static void settings__values_are_replaced_and_may_be_binary(void **state)
{
    store_fixture *f = *state;
    store_text t = {.stop_after = 0};
    assert_int_equal(f->store.ops->setting_get(f->store.self, S("n"), store_see_value, &t, NULL),
        AMPHI_E_NOT_FOUND);
    assert_int_equal(f->store.ops->setting_put(f->store.self, S("n"), S("old"), NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->setting_put(f->store.self, S("n"), S("\0new"), NULL), AMPHI_OK);
    assert_int_equal(
        f->store.ops->setting_get(f->store.self, S("n"), store_see_value, &t, NULL), AMPHI_OK);
    assert_int_equal(t.size, 4);
    assert_memory_equal(t.data, "\0new", 4);
    assert_int_equal(
        f->store.ops->setting_put(f->store.self, S(""), S("x"), NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(f->store.ops->setting_put(
                         f->store.self, S("big"), amphi_str_make("", (4u << 20) + 1), NULL),
        AMPHI_E_LIMIT);
}

static void settings__swap_writes_only_over_what_was_read(void **state)
{
    store_fixture *f = *state;
    const amphi_store store = f->store;
    store_text t = {.stop_after = 0};
    assert_int_equal(
        store.ops->setting_swap(store.self, S("n"), S("old"), S("a"), NULL), AMPHI_E_BUSY);
    assert_int_equal(store.ops->setting_swap(store.self, S("n"), S(""), S("a"), NULL), AMPHI_OK);
    assert_int_equal(
        store.ops->setting_swap(store.self, S("n"), S(""), S("b"), NULL), AMPHI_E_BUSY);
    assert_int_equal(
        store.ops->setting_swap(store.self, S("n"), S("a"), S("b\0c"), NULL), AMPHI_OK);
    assert_int_equal(
        store.ops->setting_swap(store.self, S("n"), S("b"), S("d"), NULL), AMPHI_E_BUSY);
    assert_int_equal(
        store.ops->setting_swap(store.self, S(""), S(""), S("x"), NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(
        store.ops->setting_get(store.self, S("n"), store_see_value, &t, NULL), AMPHI_OK);
    assert_memory_equal(t.data, "b\0c", 3);
}

static void keys__purposes_give_different_keys_and_the_same_twice(void **state)
{
    store_fixture *f = *state;
    uint8_t a[32], b[32], c[32];
    assert_int_equal(f->store.ops->derive_key(f->store.self, S("cache"), a, NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->derive_key(f->store.self, S("other"), b, NULL), AMPHI_OK);
    assert_int_equal(f->store.ops->derive_key(f->store.self, S("cache"), c, NULL), AMPHI_OK);
    assert_memory_equal(a, c, 32);
    assert_memory_not_equal(a, b, 32);
}

static int64_t add_start(store_fixture *f, const char *fingerprint, int64_t now_ms)
{
    amphi_store_start start = {.struct_size = sizeof start,
        .fingerprint = amphi_str_from(fingerprint),
        .build = S("build"),
        .kernels = S("avx2"),
        .host = S("boot/1/2"),
        .in_process = true,
        .started_ms = now_ms,
        .changed_ms = now_ms,
        .phase = AMPHI_START_LOAD,
        .outcome = AMPHI_START_RUNNING};
    int64_t id = 0;
    assert_int_equal(f->store.ops->ledger_add(f->store.self, &start, &id, NULL), AMPHI_OK);
    assert_true(id > 0);
    return id;
}

/* "phase/outcome@changed-started " of each row. */
static bool see_start(void *user, const amphi_store_start *start)
{
    char *seen = user;
    size_t used = strlen(seen);
    assert_true(start->in_process);
    assert_int_equal(start->build.size, 5);
    assert_memory_equal(start->kernels.data, "avx2", 4);
    assert_memory_equal(start->host.data, "boot/1/2", 8);
    snprintf(seen + used, 1000 - used, "%d/%d@%d-%d ", (int)start->phase, (int)start->outcome,
        (int)(start->changed_ms - NOW), (int)(start->started_ms - NOW));
    return strlen(seen) < 900;
}

static void ledger__starts_of_a_model_are_listed_by_their_last_change(void **state)
{
    store_fixture *f = *state;
    char seen[1000] = "";
    int64_t first = add_start(f, "m1", NOW);
    int64_t second = add_start(f, "m1", NOW + 10);
    add_start(f, "m2", NOW + 20);
    assert_int_equal(f->store.ops->ledger_set(f->store.self, first, AMPHI_START_TOKEN,
                         AMPHI_START_CRASHED, NOW + 30, NULL),
        AMPHI_OK);
    assert_int_equal(
        f->store.ops->ledger_list(f->store.self, S("m1"), NOW, see_start, seen, NULL), AMPHI_OK);
    assert_string_equal(seen, "2/4@30-0 0/0@10-10 ");
    seen[0] = '\0';
    assert_int_equal(
        f->store.ops->ledger_list(f->store.self, S("m1"), NOW + 11, see_start, seen, NULL),
        AMPHI_OK);
    assert_string_equal(seen, "2/4@30-0 ");
    assert_int_equal(f->store.ops->ledger_set(
                         f->store.self, second + 100, AMPHI_START_TOKEN, AMPHI_START_OK, NOW, NULL),
        AMPHI_E_NOT_FOUND);
}

static bool count_start(void *user, const amphi_store_start *start)
{
    ++*(int *)user;
    return true;
}

static void ledger__is_bounded_and_refuses_nonsense(void **state)
{
    store_fixture *f = *state;
    int count = 0;
    int64_t id = 0;
    amphi_store_start start = {.struct_size = sizeof start};
    assert_int_equal(f->store.ops->ledger_add(f->store.self, &start, &id, NULL), AMPHI_E_ARGUMENT);
    start.fingerprint = S("m");
    start.outcome = AMPHI_START_OUTCOME_COUNT;
    assert_int_equal(f->store.ops->ledger_add(f->store.self, &start, &id, NULL), AMPHI_E_ARGUMENT);
    int64_t oldest = add_start(f, "old", NOW);
    for (int i = 0; i < 640; i++)
        add_start(f, "m", NOW + i);
    assert_int_equal(
        f->store.ops->ledger_list(f->store.self, S("m"), 0, count_start, &count, NULL), AMPHI_OK);
    assert_in_range(count, 200, 512);
    assert_int_equal(f->store.ops->ledger_set(
                         f->store.self, oldest, AMPHI_START_TOKEN, AMPHI_START_OK, NOW, NULL),
        AMPHI_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_STORES(cache__a_value_comes_back_until_it_expires),
        BOTH_STORES(cache__a_second_put_replaces_and_clear_empties),
        BOTH_STORES(cache__the_least_recently_used_goes_first),
        BOTH_STORES(cache__many_reads_keep_their_order),
        BOTH_STORES(cache__bytes_are_bounded_and_expired_entries_make_room),
        BOTH_STORES(cache__too_large_values_are_refused),
        BOTH_STORES(settings__values_are_replaced_and_may_be_binary),
        BOTH_STORES(settings__swap_writes_only_over_what_was_read),
        BOTH_STORES(keys__purposes_give_different_keys_and_the_same_twice),
        BOTH_STORES(ledger__starts_of_a_model_are_listed_by_their_last_change),
        BOTH_STORES(ledger__is_bounded_and_refuses_nonsense),
    };
    return cmocka_run_group_tests_name("contract.store_contract", tests, NULL, NULL);
}
