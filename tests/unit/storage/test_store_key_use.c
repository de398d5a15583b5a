/* SPDX-License-Identifier: Apache-2.0
 *
 * Work with the store's key is done anew while the key is another one by then, and only then.
 */
#include "storage/store_sqlcipher.h"

#include "sdk/core/error.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A provider whose key is its count of calls, up to `last`. */
typedef struct counting {
    uint8_t calls, last;
    amphi_status status;
} counting;

static amphi_status count_key(
    void *self, uint8_t key[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    counting *c = self;
    if (c->calls < c->last)
        c->calls++;
    memset(key, c->calls, AMPHI_STORE_KEY_BYTES);
    *created = false;
    return c->status == AMPHI_OK ? AMPHI_OK : amphi__fail(error, c->status, 0, "no key here");
}

static const amphi_keys_ops counting_ops = {
    .struct_size = sizeof counting_ops, .name = "counting", .store_key = count_key};

typedef struct work {
    int times;
    int opens_with; /* the key's bytes; 0: none */
    amphi_status otherwise;
} work;

static amphi_status try_key(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error)
{
    work *w = user;
    w->times++;
    assert_memory_not_equal(master, key->key, 32);
    return key->key[0] == w->opens_with ? AMPHI_OK
                                        : amphi__fail(error, w->otherwise, 0, "does not open");
}

static amphi_status run(const scratch_dir *dir, counting *c, work *w, amphi_error *error)
{
    const amphi_keys keys = {&counting_ops, c};
    return amphi__store_with_key(&keys, amphi_str_from(dir->path), try_key, w, error);
}

static void with_key__a_key_that_changed_is_taken_anew(void **state)
{
    scratch_dir *dir = *state;
    amphi_error error = {0};
    counting c = {.last = 9};
    work w = {.opens_with = 3, .otherwise = AMPHI_E_KEY};
    /* Each failure asks once more whether the key is another one: calls 1, 3 give keys to it. */
    assert_int_equal(run(dir, &c, &w, &error), AMPHI_OK);
    assert_int_equal(w.times, 2);
}

static void with_key__a_wrong_key_and_other_failures_end_it_at_once(void **state)
{
    scratch_dir *dir = *state;
    amphi_error error = {0};
    counting same = {.last = 1};
    work wrong = {.opens_with = 7, .otherwise = AMPHI_E_KEY};
    assert_int_equal(run(dir, &same, &wrong, &error), AMPHI_E_KEY);
    assert_int_equal(wrong.times, 1);
    assert_string_equal(error.message, "does not open");
    counting other = {.last = 9};
    work damaged = {.opens_with = 7, .otherwise = AMPHI_E_CORRUPT};
    assert_int_equal(run(dir, &other, &damaged, NULL), AMPHI_E_CORRUPT);
    assert_int_equal(damaged.times, 1);
    counting none = {.last = 9, .status = AMPHI_E_IO};
    work never = {.opens_with = 1};
    assert_int_equal(run(dir, &none, &never, &error), AMPHI_E_IO);
    assert_int_equal(never.times, 0);
    assert_string_equal(error.message, "no key here");
}

static void with_key__a_key_that_never_rests_is_given_up(void **state)
{
    scratch_dir *dir = *state;
    amphi_error error = {0};
    counting c = {.last = 200};
    work w = {.opens_with = 250, .otherwise = AMPHI_E_KEY};
    assert_int_equal(run(dir, &c, &w, &error), AMPHI_E_KEY);
    assert_true(w.times > 1 && w.times < 20);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest tests[] = {
        T(with_key__a_key_that_changed_is_taken_anew),
        T(with_key__a_wrong_key_and_other_failures_end_it_at_once),
        T(with_key__a_key_that_never_rests_is_given_up),
    };
    return cmocka_run_group_tests_name("unit.storage.store_key_use", tests, NULL, NULL);
}
