/* SPDX-License-Identifier: Apache-2.0
 *
 * Over a place in this test's memory, which fails as each test wants.
 */
#include "storage/keys_place.h"
#include "storage/storage.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/scratch_dir.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    bool is_kept;
    bool forgets; /* takes a key and does not keep it */
    uint8_t key[AMPHI_STORE_KEY_BYTES];
    char dir[PATH_MAX];
    int puts;
    amphi_status get_fails;
    amphi_status put_fails;
} fake;

static amphi_status fake_get(const char *dir, uint8_t out[32], amphi_error *error)
{
    if (fake.get_fails != AMPHI_OK)
        return fake.get_fails;
    if (!fake.is_kept || strcmp(fake.dir, dir) != 0)
        return AMPHI_E_NOT_FOUND;
    memcpy(out, fake.key, 32);
    return AMPHI_OK;
}

static amphi_status fake_put(const char *dir, const uint8_t key[32], amphi_error *error)
{
    fake.puts++;
    if (fake.put_fails != AMPHI_OK)
        return fake.put_fails;
    fake.is_kept = !fake.forgets;
    memcpy(fake.key, key, 32);
    snprintf(fake.dir, sizeof fake.dir, "%s", dir);
    return AMPHI_OK;
}

static amphi_status fake_remove(const char *dir, amphi_error *error)
{
    fake.is_kept = false;
    return AMPHI_OK;
}

static const amphi_key_place place = {.name = "fake",
    .words = "at home: ",
    .loss = "look for it",
    .get = fake_get,
    .put = fake_put,
    .remove = fake_remove};

static int set_up(void **state)
{
    scratch_dir *dir = calloc(1, sizeof *dir);
    assert_non_null(dir);
    scratch_dir_make(dir);
    memset(&fake, 0, sizeof fake);
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    scratch_dir_remove(*state);
    free(*state);
    return 0;
}

static amphi_status get_key(const char *path, uint8_t out[32], bool *created, amphi_error *error)
{
    amphi_keys keys = {NULL, NULL};
    amphi_status status = amphi__keys_in_place(&keys, &place, amphi_str_from(path), error);
    if (status == AMPHI_OK) {
        status = keys.ops->store_key(keys.self, out, created, error);
        keys.ops->free(keys.self);
    }
    return status;
}

static void keys__a_key_is_made_once_and_the_folder_says_where(void **state)
{
    scratch_dir *dir = *state, inner;
    uint8_t first[32] = {0}, second[32] = {0};
    bool created = false;
    size_t size;
    scratch_dir_inner(&inner, dir, "new");
    assert_int_equal(get_key(inner.path, first, &created, NULL), AMPHI_OK);
    assert_true(created);
    char *note = scratch_read(scratch_dir_file(&inner, AMPHI_PLACE_FILE), &size);
    assert_int_equal(size, 5);
    assert_memory_equal(note, "fake\n", 5);
    free(note);
    assert_int_equal(get_key(inner.path, second, &created, NULL), AMPHI_OK);
    assert_false(created);
    assert_memory_equal(first, second, 32);
    assert_int_equal(fake.puts, 1);
}

static void keys__every_way_to_write_the_folder_is_the_same_key(void **state)
{
    scratch_dir *dir = *state, inner;
    uint8_t first[32], other[32];
    char path[600], here[PATH_MAX];
    scratch_dir_inner(&inner, dir, "new");
    assert_int_equal(get_key(inner.path, first, NULL, NULL), AMPHI_OK);
    assert_int_equal(symlink(inner.path, scratch_dir_file(dir, "link")), 0);
    const char *forms[] = {"%s/new/", "%s/./new", "%s/new/../new", "%s/link", "%s//new"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        snprintf(path, sizeof path, forms[i], dir->path);
        assert_int_equal(get_key(path, other, NULL, NULL), AMPHI_OK);
        assert_memory_equal(first, other, 32);
    }
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(dir->path), 0);
    assert_int_equal(get_key("new", other, NULL, NULL), AMPHI_OK);
    assert_int_equal(chdir(here), 0);
    assert_memory_equal(first, other, 32);
    assert_int_equal(fake.puts, 1);
}

static void keys__no_key_is_made_while_a_database_is_there(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[32];
    bool created = true;
    amphi_error error = {0};
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "data", 4, 0600);
    assert_int_equal(get_key(dir->path, key, &created, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "look for it"));
    assert_false(created);
    assert_int_equal(fake.puts, 0);
    assert_false(scratch_exists(scratch_dir_file(dir, AMPHI_PLACE_FILE)));
}

static void keys__a_store_is_opened_with_its_own_place_alone(void **state)
{
    scratch_dir *dir = *state;
    amphi_str path = amphi_str_from(dir->path);
    amphi_keys keys;
    uint8_t key[32];
    amphi_error error = {0};
    /* Without a database the place is free. */
    assert_int_equal(amphi__keys_new(&keys, AMPHI_STR("file"), path, NULL), AMPHI_OK);
    assert_int_equal(keys.ops->store_key(keys.self, key, NULL, NULL), AMPHI_OK);
    keys.ops->free(keys.self);
    assert_int_equal(get_key(dir->path, key, NULL, NULL), AMPHI_OK);
    /* With one it is the last that made a key: not the file, although there is one. */
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "data", 4, 0600);
    assert_int_equal(amphi__keys_new(&keys, AMPHI_STR(""), path, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "--keys fake"));
    assert_int_equal(get_key(dir->path, key, NULL, NULL), AMPHI_OK);
    /* A key file alone: the place is "file". */
    unlink(scratch_dir_file(dir, AMPHI_PLACE_FILE));
    assert_int_equal(get_key(dir->path, key, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "--keys file"));
    assert_int_equal(amphi__keys_new(&keys, AMPHI_STR(""), path, NULL), AMPHI_OK);
    keys.ops->free(keys.self);
    assert_int_equal(fake.puts, 1);
}

static void keys__a_new_key_file_ends_the_note_of_the_place_before(void **state)
{
    scratch_dir *dir = *state;
    amphi_keys keys;
    uint8_t key[32];
    assert_int_equal(get_key(dir->path, key, NULL, NULL), AMPHI_OK);
    assert_int_equal(
        amphi__keys_new(&keys, AMPHI_STR(""), amphi_str_from(dir->path), NULL), AMPHI_OK);
    assert_int_equal(keys.ops->store_key(keys.self, key, NULL, NULL), AMPHI_OK);
    keys.ops->free(keys.self);
    assert_false(scratch_exists(scratch_dir_file(dir, AMPHI_PLACE_FILE)));
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "data", 4, 0600);
    assert_int_equal(get_key(dir->path, key, NULL, NULL), AMPHI_E_KEY);
}

static void keys__a_place_that_fails_is_an_error_and_never_a_key(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[32];
    amphi_error error = {0};
    fake.get_fails = AMPHI_E_UNSUPPORTED;
    assert_int_equal(get_key(dir->path, key, NULL, NULL), AMPHI_E_UNSUPPORTED);
    fake.get_fails = AMPHI_E_CORRUPT;
    assert_int_equal(get_key(dir->path, key, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "is no key"));
    assert_int_equal(fake.puts, 0);
    fake.get_fails = AMPHI_OK;
    fake.put_fails = AMPHI_E_KEY;
    assert_int_equal(get_key(dir->path, key, NULL, NULL), AMPHI_E_KEY);
    fake.put_fails = AMPHI_OK;
    fake.forgets = true;
    assert_int_equal(get_key(dir->path, key, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "does not give it back"));
}

static void keys__where_makes_nothing_and_destroy_leaves_nothing(void **state)
{
    scratch_dir *dir = *state, inner;
    amphi_keys keys;
    uint8_t key[32];
    char text[PATH_MAX + 32];
    bool exists = true;
    scratch_dir_inner(&inner, dir, "new");
    amphi_str path = amphi_str_from(inner.path);
    assert_int_equal(amphi__keys_in_place(&keys, &place, path, NULL), AMPHI_OK);
    keys.ops->where(keys.self, text, sizeof text, &exists);
    assert_false(exists);
    assert_false(scratch_exists(inner.path));
    assert_memory_equal(text, "at home: /", 10);
    assert_non_null(strstr(text, "/new"));
    assert_int_equal(keys.ops->store_key(keys.self, key, NULL, NULL), AMPHI_OK);
    keys.ops->where(keys.self, text, sizeof text, &exists);
    assert_true(exists);
    assert_string_equal(text + 9, fake.dir);
    assert_int_equal(keys.ops->destroy(keys.self, NULL), AMPHI_OK);
    assert_false(fake.is_kept);
    assert_false(scratch_exists(scratch_dir_file(&inner, AMPHI_PLACE_FILE)));
    assert_int_equal(keys.ops->destroy(keys.self, NULL), AMPHI_OK);
    keys.ops->free(keys.self);
}

static void keys__a_place_without_a_name_of_ours_is_refused_by_name(void **state)
{
    scratch_dir *dir = *state;
    const char *names[] = {"File", "keyring ", "libsecret2", "kernel"};
    amphi_keys keys;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        amphi_error error = {0};
        assert_int_equal(
            amphi__keys_new(&keys, amphi_str_from(names[i]), amphi_str_from(dir->path), &error),
            AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, names[i]));
        assert_non_null(strstr(error.message, "keys_place"));
    }
    assert_int_equal(
        amphi__keys_in_place(&keys, &place, amphi_str_make("a\0b", 3), NULL), AMPHI_E_ARGUMENT);
}

static void keys__every_allocation_may_fail_and_nothing_leaks(void **state)
{
    scratch_dir *dir = *state;
    amphi_status status;
    size_t n = 0;
    failing_alloc_install();
    do {
        uint8_t key[32];
        failing_alloc_at(++n);
        status = get_key(dir->path, key, NULL, NULL);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(failing_alloc_live(), 0);
    } while (failing_alloc_failed());
    failing_alloc_remove();
    assert_true(n > 3);
    assert_int_equal(status, AMPHI_OK);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(keys__a_key_is_made_once_and_the_folder_says_where),
        T(keys__every_way_to_write_the_folder_is_the_same_key),
        T(keys__no_key_is_made_while_a_database_is_there),
        T(keys__a_store_is_opened_with_its_own_place_alone),
        T(keys__a_new_key_file_ends_the_note_of_the_place_before),
        T(keys__a_place_that_fails_is_an_error_and_never_a_key),
        T(keys__where_makes_nothing_and_destroy_leaves_nothing),
        T(keys__a_place_without_a_name_of_ours_is_refused_by_name),
        T(keys__every_allocation_may_fail_and_nothing_leaks),
    };
    return cmocka_run_group_tests_name("unit.storage.keys_place", tests, NULL, NULL);
}
