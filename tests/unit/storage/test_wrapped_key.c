/* SPDX-License-Identifier: Apache-2.0
 *
 * The wrapped key's file: what it gives, what is refused and how, and which of two keys counts.
 */
#include "storage/wrapped_key.h"

#include "storage/storage.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

static scratch_dir dir;
static const uint8_t provider[32] = {1, 2, 3};
static const uint8_t other[32] = {3, 2, 1};

static int set_up(void **state)
{
    scratch_dir_make(&dir);
    return 0;
}

static int tear_down(void **state)
{
    scratch_dir_remove(&dir);
    return 0;
}

static amphi_status open_with(const uint8_t with[32], uint8_t out[32], amphi_error *error)
{
    memcpy(out, with, 32);
    return amphi__wrapped_key_open(out, amphi_str_from(dir.path), error);
}

/* A database with this key, as far as its first bytes go. */
static void make_database(const uint8_t key[32])
{
    uint8_t page[4096] = {0};
    assert_int_equal(amphi__wrapped_key_salt(key, page), AMPHI_OK);
    scratch_write(scratch_dir_file(&dir, AMPHI_STORE_FILE), page, sizeof page, 0600);
}

static void wrapped_key__is_the_providers_where_there_is_no_file(void **state)
{
    uint8_t key[32];
    assert_int_equal(open_with(provider, key, NULL), AMPHI_OK);
    assert_memory_equal(key, provider, 32);
}

static void wrapped_key__a_new_one_counts_when_the_database_has_it(void **state)
{
    uint8_t fresh[32];
    uint8_t key[32];
    make_database(provider);
    assert_int_equal(
        amphi__wrapped_key_prepare(fresh, provider, amphi_str_from(dir.path), NULL), AMPHI_OK);
    assert_memory_not_equal(fresh, provider, 32);
    assert_int_equal(scratch_mode(scratch_dir_file(&dir, AMPHI_WRAP_NEW_FILE)), 0600);
    assert_int_equal(open_with(provider, key, NULL), AMPHI_OK);
    assert_memory_equal(key, provider, 32);
    make_database(fresh);
    for (int i = 0; i < 2; i++) { /* the first time puts it in place */
        assert_int_equal(open_with(provider, key, NULL), AMPHI_OK);
        assert_memory_equal(key, fresh, 32);
        assert_false(scratch_exists(scratch_dir_file(&dir, AMPHI_WRAP_NEW_FILE)));
    }
}

/* As on a full disk. */
static void wrapped_key__that_cannot_be_written_leaves_no_file_and_says_why(void **state)
{
    uint8_t fresh[32];
    amphi_error error = {0};
    struct rlimit before;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {10, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    amphi_status status =
        amphi__wrapped_key_prepare(fresh, provider, amphi_str_from(dir.path), &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, AMPHI_E_IO);
    assert_non_null(strstr(error.message, "may not grow further"));
    assert_false(scratch_exists(scratch_dir_file(&dir, AMPHI_WRAP_NEW_FILE)));
}

/* One that the database has stays, whatever a failed rekey asks for. */
static void wrapped_key__is_discarded_unless_the_database_has_it(void **state)
{
    uint8_t fresh[32];
    amphi_str folder = amphi_str_from(dir.path);
    const char *path = scratch_dir_file(&dir, AMPHI_WRAP_NEW_FILE);
    (void)state;
    make_database(provider);
    assert_int_equal(amphi__wrapped_key_prepare(fresh, provider, folder, NULL), AMPHI_OK);
    amphi__wrapped_key_discard(provider, folder);
    assert_false(scratch_exists(path));
    assert_int_equal(amphi__wrapped_key_prepare(fresh, provider, folder, NULL), AMPHI_OK);
    make_database(fresh);
    amphi__wrapped_key_discard(provider, folder);
    assert_true(scratch_exists(scratch_dir_file(&dir, AMPHI_WRAP_NEW_FILE)));
}

static void wrapped_key__another_providers_key_and_damage_are_two_errors(void **state)
{
    uint8_t fresh[32];
    uint8_t key[32];
    size_t size = 0;
    amphi_str folder = amphi_str_from(dir.path);
    assert_int_equal(amphi__wrapped_key_prepare(fresh, provider, folder, NULL), AMPHI_OK);
    assert_int_equal(amphi__wrapped_key_commit(folder, NULL), AMPHI_OK);
    assert_int_equal(open_with(provider, key, NULL), AMPHI_OK);
    assert_memory_equal(key, fresh, 32);
    amphi_error error = {0};
    assert_int_equal(open_with(other, key, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "restore the key"));
    char *whole = scratch_read(scratch_dir_file(&dir, AMPHI_WRAP_FILE), &size);
    assert_non_null(whole);
    for (size_t i = 0; i < size; i++) {
        whole[i] ^= 1;
        scratch_write(scratch_dir_file(&dir, AMPHI_WRAP_FILE), whole, size, 0600);
        assert_int_equal(open_with(provider, key, &error), AMPHI_E_CORRUPT);
        whole[i] ^= 1;
        scratch_write(scratch_dir_file(&dir, AMPHI_WRAP_FILE), whole, i, 0600);
        assert_int_equal(open_with(provider, key, &error), AMPHI_E_CORRUPT);
    }
    free(whole);
}

static void wrapped_key__destroyed_is_gone_and_none_is_fine(void **state)
{
    uint8_t fresh[32];
    bool is_wrapped = true;
    uint64_t bytes = 1;
    amphi_str folder = amphi_str_from(dir.path);
    assert_int_equal(amphi__wrapped_key_destroy(folder, NULL), AMPHI_OK);
    assert_int_equal(amphi__wrapped_key_prepare(fresh, provider, folder, NULL), AMPHI_OK);
    assert_int_equal(amphi__wrapped_key_commit(folder, NULL), AMPHI_OK);
    amphi__store_key_facts(folder, &is_wrapped, &bytes);
    assert_true(is_wrapped);
    assert_int_equal(bytes, 0);
    assert_int_equal(amphi__wrapped_key_destroy(folder, NULL), AMPHI_OK);
    amphi__store_key_facts(folder, &is_wrapped, &bytes);
    assert_false(is_wrapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            wrapped_key__that_cannot_be_written_leaves_no_file_and_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            wrapped_key__is_discarded_unless_the_database_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            wrapped_key__is_the_providers_where_there_is_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            wrapped_key__a_new_one_counts_when_the_database_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            wrapped_key__another_providers_key_and_damage_are_two_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            wrapped_key__destroyed_is_gone_and_none_is_fine, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
