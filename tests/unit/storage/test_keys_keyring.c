/* SPDX-License-Identifier: Apache-2.0
 *
 * In the real keyring of this user. The keys are named by scratch folders, and destroyed.
 */
#include "storage/keys_place.h"
#include "storage/storage.h"
#include "tests/support/key_race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Skips, by name, where the kernel refuses. */
static int set_up(void **state)
{
    uint8_t key[32];
    amphi_error error = {0};
    scratch_dir *dir = calloc(1, sizeof *dir);
    assert_non_null(dir);
    scratch_dir_make(dir);
    *state = dir;
    if (amphi__keyring_place.get(dir->path, key, &error) == AMPHI_E_UNSUPPORTED) {
        printf("skipped: %s\n", error.message);
        scratch_dir_remove(dir);
        free(dir);
        exit(77);
    }
    return 0;
}

static int tear_down(void **state)
{
    scratch_dir *dir = *state;
    (void)amphi__keyring_place.remove(dir->path, NULL);
    scratch_dir_remove(dir);
    free(dir);
    return 0;
}

static amphi_status get_key(
    const scratch_dir *dir, uint8_t out[32], bool *created, amphi_error *error)
{
    amphi_keys keys = {NULL, NULL};
    amphi_status status =
        amphi__keys_new(&keys, AMPHI_STR("keyring"), amphi_str_from(dir->path), error);
    if (status == AMPHI_OK) {
        status = keys.ops->store_key(keys.self, out, created, error);
        keys.ops->free(keys.self);
    }
    return status;
}

static void keys__the_kernel_keeps_finds_and_destroys_a_key(void **state)
{
    scratch_dir *dir = *state;
    const amphi_key_place *place = &amphi__keyring_place;
    uint8_t key[32], found[32];
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)(255 - i);
    assert_int_equal(place->get(dir->path, found, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(place->put(dir->path, key, NULL), AMPHI_OK);
    assert_int_equal(place->get(dir->path, found, NULL), AMPHI_OK);
    assert_memory_equal(key, found, 32);
    assert_int_equal(place->get("/another", found, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(place->remove(dir->path, NULL), AMPHI_OK);
    assert_int_equal(place->get(dir->path, found, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(place->remove(dir->path, NULL), AMPHI_OK); /* none is fine */
}

static void keys__a_path_that_the_kernel_can_not_name_is_refused(void **state)
{
    char *path = malloc(5001);
    uint8_t key[32] = {0};
    amphi_error error = {0};
    assert_non_null(path);
    memset(path, 'a', 5000);
    path[0] = '/';
    path[5000] = '\0';
    assert_int_equal(amphi__keyring_place.put(path, key, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "too long"));
    assert_int_equal(amphi__keyring_place.get(path, key, NULL), AMPHI_E_ARGUMENT);
    free(path);
}

static void keys__a_key_that_a_reboot_took_is_not_replaced(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[32];
    amphi_error error = {0};
    assert_int_equal(get_key(dir, key, NULL, NULL), AMPHI_OK);
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "data", 4, 0600);
    assert_int_equal(amphi__keyring_place.remove(dir->path, NULL), AMPHI_OK);
    assert_int_equal(get_key(dir, key, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "reboot"));
    assert_int_equal(amphi__keyring_place.get(dir->path, key, NULL), AMPHI_E_NOT_FOUND);
}

static void keys__processes_that_race_get_the_same_key(void **state)
{
    scratch_dir *dir = *state;
    for (int round = 0; round < 10; round++) {
        key_race(dir, get_key);
        assert_int_equal(amphi__keyring_place.remove(dir->path, NULL), AMPHI_OK);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(keys__the_kernel_keeps_finds_and_destroys_a_key),
        T(keys__a_path_that_the_kernel_can_not_name_is_refused),
        T(keys__a_key_that_a_reboot_took_is_not_replaced),
        T(keys__processes_that_race_get_the_same_key),
    };
    return cmocka_run_group_tests_name("unit.storage.keys_keyring", tests, NULL, NULL);
}
