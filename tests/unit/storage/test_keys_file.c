/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/storage.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/key_race.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

/* Opening the key file is interrupted this many times. */
static int interruptions;

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? (mode_t)va_arg(arguments, int) : 0;
    va_end(arguments);
    if (interruptions > 0 && strstr(path, AMPHI_KEY_FILE) != NULL) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return openat(AT_FDCWD, path, flags, mode);
}

static amphi_status get_key(
    const scratch_dir *dir, uint8_t out[32], bool *created, amphi_error *error)
{
    amphi_keys keys = {NULL, NULL};
    amphi_status status = amphi__keys_file_new(&keys, amphi_str_from(dir->path), error);
    if (status == AMPHI_OK) {
        status = keys.ops->store_key(keys.self, out, created, error);
        keys.ops->free(keys.self);
    }
    return status;
}

static int files_in(const scratch_dir *dir)
{
    char command[400];
    int count = -1;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", dir->path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void keys__a_key_is_made_once_and_stays(void **state)
{
    scratch_dir *dir = *state, other;
    uint8_t first[32] = {0}, second[32] = {0}, third[32] = {0};
    const uint8_t zero[32] = {0};
    bool created = false;
    size_t size;
    mode_t old = umask(0);
    assert_int_equal(get_key(dir, first, &created, NULL), AMPHI_OK);
    umask(old);
    assert_true(created);
    assert_int_equal(scratch_mode(scratch_dir_file(dir, AMPHI_KEY_FILE)), 0600);
    char *text = scratch_read(scratch_dir_file(dir, AMPHI_KEY_FILE), &size);
    assert_int_equal(size, 65);
    assert_int_equal(strspn(text, "0123456789abcdef"), 64);
    free(text);
    assert_int_equal(get_key(dir, second, &created, NULL), AMPHI_OK);
    assert_false(created);
    assert_memory_equal(first, second, 32);
    assert_memory_not_equal(first, zero, 32);
    assert_int_equal(files_in(dir), 1); /* nothing half-made beside it */
    scratch_dir_inner(&other, dir, "other");
    assert_int_equal(get_key(&other, third, NULL, NULL), AMPHI_OK); /* created may be NULL */
    assert_memory_not_equal(first, third, 32);
}

static void keys__an_interrupted_open_is_tried_again(void **state)
{
    scratch_dir *dir = *state;
    uint8_t first[32] = {0}, second[32] = {0};
    assert_int_equal(get_key(dir, first, NULL, NULL), AMPHI_OK);
    interruptions = 3;
    assert_int_equal(get_key(dir, second, NULL, NULL), AMPHI_OK);
    assert_int_equal(interruptions, 0);
    assert_memory_equal(first, second, 32);
}

static void keys__good_forms_are_read(void **state)
{
    scratch_dir *dir = *state;
    const char *forms[] = {DIGITS, DIGITS "\n", DIGITS "\r\n"};
    for (size_t i = 0; i < 3; i++) {
        uint8_t key[32];
        bool created = true;
        const char *path = scratch_dir_file(dir, AMPHI_KEY_FILE);
        scratch_write(path, forms[i], strlen(forms[i]), 0400);
        assert_int_equal(get_key(dir, key, &created, NULL), AMPHI_OK);
        assert_false(created);
        for (int k = 0; k < 32; k++)
            assert_int_equal(key[k], k);
        unlink(path);
    }
}

static void keys__a_file_that_others_may_use_is_refused_with_the_mend(void **state)
{
    scratch_dir *dir = *state;
    const unsigned modes[] = {0640, 0604, 0620, 0644, 0601, 0660};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        uint8_t key[32];
        amphi_error error = {0};
        scratch_write(scratch_dir_file(dir, AMPHI_KEY_FILE), DIGITS, strlen(DIGITS), modes[i]);
        assert_int_equal(get_key(dir, key, NULL, &error), AMPHI_E_KEY);
        assert_non_null(strstr(error.message, "chmod 600 "));
        assert_null(strstr(error.message, "0001")); /* not the key */
        assert_int_equal(scratch_mode(scratch_dir_file(dir, AMPHI_KEY_FILE)), modes[i]);
    }
}

static void keys__a_malformed_file_is_an_error_and_never_replaced(void **state)
{
    scratch_dir *dir = *state;
    const char *bad[] = {"", "\n", "00", DIGITS "0", DIGITS "\n\n", DIGITS " \n", " " DIGITS,
        "0x" DIGITS, "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t key[32];
        size_t size;
        amphi_error error = {0};
        scratch_write(scratch_dir_file(dir, AMPHI_KEY_FILE), bad[i], strlen(bad[i]), 0600);
        assert_int_equal(get_key(dir, key, NULL, &error), AMPHI_E_KEY);
        assert_non_null(strstr(error.message, "64 hex digits"));
        char *after = scratch_read(scratch_dir_file(dir, AMPHI_KEY_FILE), &size);
        assert_int_equal(size, strlen(bad[i]));
        assert_memory_equal(after, bad[i], size);
        free(after);
    }
}

static void keys__what_is_no_file_is_refused_at_once(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[32];
    assert_int_equal(mkfifo(scratch_dir_file(dir, AMPHI_KEY_FILE), 0600), 0);
    assert_int_equal(get_key(dir, key, NULL, NULL), AMPHI_E_KEY); /* and does not hang */
    unlink(scratch_dir_file(dir, AMPHI_KEY_FILE));
    assert_int_equal(mkdir(scratch_dir_file(dir, AMPHI_KEY_FILE), 0700), 0);
    assert_int_equal(get_key(dir, key, NULL, NULL), AMPHI_E_KEY);
}

static void keys__a_lost_key_is_not_replaced_while_its_store_is_there(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[32];
    amphi_error error = {0};
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "data", 4, 0600);
    assert_int_equal(get_key(dir, key, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "restore"));
    assert_false(scratch_exists(scratch_dir_file(dir, AMPHI_KEY_FILE)));
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
        status = get_key(dir, key, NULL, NULL);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(failing_alloc_live(), 0);
    } while (status != AMPHI_OK);
    failing_alloc_remove();
    assert_true(n > 4);
    assert_int_equal(files_in(dir), 1);
}

static void keys__processes_that_race_get_the_same_key(void **state)
{
    scratch_dir *dir = *state, inner;
    for (int round = 0; round < 10; round++) {
        char name[16];
        snprintf(name, sizeof name, "%d", round);
        scratch_dir_inner(&inner, dir, name);
        key_race(&inner, get_key);
        assert_int_equal(files_in(&inner), 1);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest tests[] = {
        T(keys__processes_that_race_get_the_same_key),
        T(keys__a_key_is_made_once_and_stays),
        T(keys__an_interrupted_open_is_tried_again),
        T(keys__good_forms_are_read),
        T(keys__a_file_that_others_may_use_is_refused_with_the_mend),
        T(keys__a_malformed_file_is_an_error_and_never_replaced),
        T(keys__what_is_no_file_is_refused_at_once),
        T(keys__a_lost_key_is_not_replaced_while_its_store_is_there),
        T(keys__every_allocation_may_fail_and_nothing_leaks),
    };
    return cmocka_run_group_tests_name("unit.storage.keys_file", tests, NULL, NULL);
}
