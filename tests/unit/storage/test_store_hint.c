/* SPDX-License-Identifier: Apache-2.0
 *
 * Two stores of one folder, as two processes have them: one notices at once what the other deletes.
 */
#include "storage/store_hint.h"

#include "sdk/client/response_cache.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/support/lock_holder.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct side {
    amphi_keys keys;
    amphi_store store;
    amphi_response_cache *cache;
} side;

static uint64_t now_ms;

static uint64_t stands_still_us(void *self)
{
    return now_ms * 1000;
}

static int64_t wall_ms(void *self)
{
    return 1700000000000;
}

/* In which no second passes. */
static const amphi_clock still = {
    .struct_size = sizeof still, .monotonic_us = stands_still_us, .wall_ms = wall_ms};

static void open_side(side *s, const scratch_dir *dir)
{
    amphi_error error;
    const amphi_shared_cache none = {NULL, NULL};
    assert_int_equal(lock_holder_open(&s->store, &s->keys, dir->path), AMPHI_OK);
    assert_int_equal(
        amphi__response_cache_new(&s->cache, s->store, none, &still, &error), AMPHI_OK);
}

static void close_side(side *s)
{
    amphi__response_cache_free(s->cache);
    s->store.ops->free(s->store.self);
    s->keys.ops->free(s->keys.self);
}

static char *copy_of(const char *text)
{
    char *copy = amphi__str_copy(amphi_str_from(text));
    assert_non_null(copy);
    return copy;
}

static void keep(side *s, const amphi_cache_keys *keys)
{
    amphi_cache_keeping keeping;
    const amphi_cache_terms terms = {.ttl_s = 60};
    amphi_cached_answer answer = {.text = copy_of("yes"),
        .question = copy_of("hi"),
        .model = copy_of("m"),
        .route = copy_of("local"),
        .identity = copy_of("m")};
    amphi__response_cache_prepare(&keeping, s->cache, &answer, &terms);
    amphi__response_cache_remember(s->cache, keys, &keeping);
    amphi__response_cache_write(s->cache, keys, &keeping, false, false);
    amphi__cache_keeping_clear(&keeping);
}

static bool finds(side *s, const amphi_cache_keys *keys)
{
    amphi_cached_answer answer;
    bool found =
        amphi__response_cache_find(s->cache, keys, keys->exact, false, &answer) == AMPHI_OK;
    if (found)
        amphi__cached_answer_clear(&answer);
    return found;
}

static void hint__another_process_forgets_at_once_what_was_deleted(void **state)
{
    scratch_dir dir;
    side a, b;
    amphi_error error;
    amphi_history_receipt receipt;
    amphi_store_erasure everything;
    const amphi_cache_keys keys = {.exact = {7}};
    scratch_dir_make(&dir);
    open_side(&a, &dir);
    open_side(&b, &dir);
    keep(&a, &keys);
    assert_true(finds(&b, &keys)); /* from the table */
    keep(&b, &keys);
    assert_true(finds(&b, &keys)); /* from memory */
    assert_int_equal(a.store.ops->cache_clear(a.store.self, &error), AMPHI_OK);
    assert_false(finds(&b, &keys));
    keep(&b, &keys);
    assert_true(finds(&b, &keys));
    amphi_store_erasure_init(&everything);
    amphi_history_receipt_init(&receipt);
    everything.everything = true;
    everything.now_ms = 1;
    assert_int_equal(a.store.ops->erase(a.store.self, &everything, &receipt, &error), AMPHI_OK);
    assert_false(finds(&b, &keys));
    close_side(&b);
    close_side(&a);
    scratch_dir_remove(&dir);
}

static void hint__is_another_value_after_each_deletion_and_survives_a_cut_file(void **state)
{
    scratch_dir dir;
    side a, b;
    scratch_dir_make(&dir);
    open_side(&a, &dir);
    open_side(&b, &dir);
    uint64_t first = amphi__store_hint(a.store.self);
    assert_true(first != 0);
    for (int i = 0; i < 10; i++) {
        uint64_t before = amphi__store_hint(b.store.self);
        amphi__store_hint_change(a.store.self);
        assert_true(amphi__store_hint(b.store.self) != before);
        assert_true(amphi__store_hint(b.store.self) == amphi__store_hint(a.store.self));
    }
    assert_int_equal(truncate(scratch_dir_file(&dir, AMPHI_HINT_FILE), 0), 0);
    assert_int_equal(amphi__store_hint(b.store.self), 0);
    amphi__store_hint_change(b.store.self);
    assert_true(amphi__store_hint(a.store.self) != 0);
    close_side(&b);
    close_side(&a);
    scratch_dir_remove(&dir);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hint__another_process_forgets_at_once_what_was_deleted),
        cmocka_unit_test(hint__is_another_value_after_each_deletion_and_survives_a_cut_file),
    };
    return cmocka_run_group_tests_name("unit.storage.store_hint", tests, NULL, NULL);
}
