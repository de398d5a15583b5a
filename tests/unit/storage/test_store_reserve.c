/* SPDX-License-Identifier: Apache-2.0
 *
 * The room that is kept for deletions: how large it is, that it is given up, and that it comes
 * back.
 */
#include "storage/store_reserve.h"
#include "storage/stores.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/scratch_mount.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool can_mount;

typedef struct fixture {
    scratch_dir dir;
    scratch_dir disk; /* a mount */
    amphi_keys keys;
    amphi_store store;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    scratch_dir_inner(&f->disk, &f->dir, "disk");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    scratch_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void open_store(fixture *f)
{
    amphi_error error;
    amphi_str path = amphi_str_from(f->disk.path);
    assert_int_equal(amphi__keys_file_new(&f->keys, path, &error), AMPHI_OK);
    amphi_storage_options options = {.data_dir = path, .keys = f->keys};
    if (amphi__store_sqlcipher_new(&f->store, &options, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
}

static void close_store(fixture *f)
{
    f->store.ops->free(f->store.self);
    f->keys.ops->free(f->keys.self);
}

static uint64_t reserve_bytes(const fixture *f)
{
    struct stat info;
    if (stat(scratch_dir_file(&f->disk, AMPHI_RESERVE_FILE), &info) != 0)
        return 0;
    assert_true((uint64_t)info.st_blocks * 512 >= (uint64_t)info.st_size); /* no hole */
    return (uint64_t)info.st_size;
}

static void reserve__is_an_eighth_of_what_is_free_within_bounds(void **state)
{
    static const struct {
        size_t disk;
        uint64_t least, most;
    } rows[] = {
        {512u << 10, 0, 0}, /* every byte is needed */
        {4u << 20, 400u << 10, 512u << 10},
        {64u << 20, AMPHI_RESERVE_BYTES_MAX, AMPHI_RESERVE_BYTES_MAX},
    };
    fixture *f = *state;
    if (!can_mount)
        skip();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        scratch_mount_disk(f->disk.path, rows[i].disk);
        open_store(f);
        assert_in_range(reserve_bytes(f), rows[i].least, rows[i].most);
        close_store(f);
        scratch_mount_end(f->disk.path);
        rmdir(f->disk.path);
    }
}

static void reserve__is_given_up_and_comes_back(void **state)
{
    fixture *f = *state;
    if (!can_mount)
        skip();
    scratch_mount_disk(f->disk.path, 8u << 20);
    open_store(f);
    uint64_t bytes = reserve_bytes(f);
    assert_true(bytes > 0);
    assert_false(amphi__store_reserve_give(f->store.self, AMPHI_OK)); /* there is no need */
    assert_false(amphi__store_reserve_give(f->store.self, AMPHI_E_BUSY));
    scratch_mount_fill(scratch_dir_file(&f->disk, "ballast"));
    assert_int_equal(reserve_bytes(f), bytes);
    assert_true(amphi__store_reserve_give(f->store.self, AMPHI_E_IO));
    assert_int_equal(reserve_bytes(f), 0);
    amphi__store_reserve_restore(f->store.self);
    assert_int_equal(reserve_bytes(f), bytes);
    close_store(f);
    open_store(f);
    assert_int_equal(reserve_bytes(f), bytes);
    close_store(f);
    scratch_mount_end(f->disk.path);
}

static void reserve__opens_a_store_for_which_there_was_no_room(void **state)
{
    amphi_error error;
    fixture *f = *state;
    if (!can_mount)
        skip();
    scratch_mount_disk(f->disk.path, 8u << 20);
    open_store(f);
    close_store(f);
    uint64_t bytes = reserve_bytes(f);
    scratch_mount_fill(scratch_dir_file(&f->disk, "ballast"));
    open_store(f);
    assert_int_equal(f->store.ops->cache_clear(f->store.self, &error), AMPHI_OK);
    close_store(f);
    assert_int_equal(reserve_bytes(f), bytes);
    scratch_mount_end(f->disk.path);
}

static void reserve__free_pages_are_room_for_a_turn(void **state)
{
    static char text[300 << 10];
    amphi_error error;
    amphi_store_message message = {.content = amphi_str_make(text, sizeof text)};
    amphi_store_turn turn;
    fixture *f = *state;
    if (!can_mount)
        skip();
    scratch_mount_disk(f->disk.path, 8u << 20);
    open_store(f);
    memset(text, 'a', sizeof text);
    message.role = AMPHI_STR("user");
    amphi_store_turn_init(&turn);
    turn.conversation_id = AMPHI_STR("c");
    turn.now_ms = 1;
    turn.messages = &message;
    turn.messages_count = 1;
    assert_false(amphi__store_reserve_fits(f->store.self, 1));
    assert_int_equal(f->store.ops->turn_append(f->store.self, &turn, &error), AMPHI_OK);
    assert_int_equal(
        f->store.ops->conversation_delete(f->store.self, AMPHI_STR("c"), &error), AMPHI_OK);
    assert_true(amphi__store_reserve_fits(f->store.self, 50u << 10));
    assert_false(amphi__store_reserve_fits(f->store.self, 400u << 10));
    close_store(f);
    scratch_mount_end(f->disk.path);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    can_mount = scratch_mount_begin();
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(reserve__is_an_eighth_of_what_is_free_within_bounds),
        T(reserve__is_given_up_and_comes_back),
        T(reserve__opens_a_store_for_which_there_was_no_room),
        T(reserve__free_pages_are_room_for_a_turn),
    };
    return cmocka_run_group_tests_name("unit.storage.store_reserve", tests, NULL, NULL);
}
