/* SPDX-License-Identifier: Apache-2.0
 *
 * A store whose disk is full, read-only, or gone: what can be read is read, each write says what is
 * wrong, and all comes back by itself.
 */
#include "storage/store_sqlcipher.h"
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

#define S(x)       AMPHI_STR(x)
#define DISK_BYTES (400u << 10)

static bool can_mount;

typedef struct fixture {
    scratch_dir dir;
    scratch_dir disk; /* a mount */
    amphi_keys keys;
    amphi_store store;
    amphi_error error;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_dir_make(&f->dir);
    scratch_dir_inner(&f->disk, &f->dir, "disk");
    if (can_mount)
        scratch_mount_disk(f->disk.path, DISK_BYTES);
    *state = f;
    return 0;
}

static void close_store(fixture *f)
{
    f->store.ops->free(f->store.self);
    f->keys.ops->free(f->keys.self);
}

static int tear_down(void **state)
{
    fixture *f = *state;
    if (can_mount)
        scratch_mount_end(f->disk.path);
    scratch_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void open_at(fixture *f, const scratch_dir *dir)
{
    amphi_str path = amphi_str_from(dir->path);
    assert_int_equal(amphi__keys_file_new(&f->keys, path, &f->error), AMPHI_OK);
    amphi_storage_options options = {.data_dir = path, .keys = f->keys};
    if (amphi__store_sqlcipher_new(&f->store, &options, &f->error) != AMPHI_OK)
        fail_msg("%s", f->error.message);
}

static amphi_status say(fixture *f, const char *content)
{
    amphi_store_message message = {.role = S("user"), .content = amphi_str_from(content)};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    f->error = (amphi_error){.status = AMPHI_OK};
    return f->store.ops->turn_append(f->store.self, &turn, &f->error);
}

static bool count_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    ++*(int *)user;
    return true;
}

/* -1: there is no such conversation; -2: the store can't be read. */
static int messages(fixture *f)
{
    int count = 0;
    amphi_status status =
        f->store.ops->messages(f->store.self, S("c"), count_message, &count, &f->error);
    return status == AMPHI_OK ? count : status == AMPHI_E_NOT_FOUND ? -1 : -2;
}

static void be_patient(fixture *f) /* until the store tries again */
{
    amphi_store_sqlcipher *store = f->store.self;
    amphi__mutex_lock(&store->gate_lock);
    store->retry_us = 0;
    amphi__mutex_unlock(&store->gate_lock);
}

static void connections__a_full_disk_is_named_and_has_room_again(void **state)
{
    fixture *f = *state;
    if (!can_mount)
        skip();
    open_at(f, &f->disk);
    assert_int_equal(say(f, "kept"), AMPHI_OK);
    scratch_mount_fill(scratch_dir_file(&f->disk, "ballast"));
    amphi_status status = AMPHI_OK;
    for (int i = 0; i < 100 && status == AMPHI_OK; i++)
        status = say(f, "no room");
    assert_int_equal(status, AMPHI_E_IO);
    assert_non_null(strstr(f->error.message, "disk is full"));
    int kept = messages(f);
    assert_true(kept >= 1);
    unlink(scratch_dir_file(&f->disk, "ballast"));
    assert_int_equal(say(f, "room"), AMPHI_OK);
    assert_int_equal(messages(f), kept + 1);
    close_store(f);
}

static void connections__a_full_disk_without_a_store_is_an_empty_store(void **state)
{
    fixture *f = *state;
    if (!can_mount)
        skip();
    scratch_mount_fill(scratch_dir_file(&f->disk, "ballast"));
    open_at(f, &f->disk);
    assert_int_equal(messages(f), -1);
    assert_int_equal(say(f, "x"), AMPHI_E_IO);
    assert_non_null(strstr(f->error.message, "disk is full"));
    unlink(scratch_dir_file(&f->disk, "ballast"));
    be_patient(f);
    assert_int_equal(say(f, "x"), AMPHI_OK);
    assert_int_equal(messages(f), 2); /* the first one waited */
    close_store(f);
}

static void connections__an_existing_store_is_read_from_a_full_or_read_only_disk(void **state)
{
    fixture *f = *state;
    if (!can_mount)
        skip();
    open_at(f, &f->disk);
    assert_int_equal(say(f, "kept"), AMPHI_OK);
    close_store(f);
    for (int is_full = 0; is_full < 2; is_full++) {
        if (is_full)
            scratch_mount_fill(scratch_dir_file(&f->disk, "ballast"));
        else
            scratch_mount_set_read_only(f->disk.path, true);
        open_at(f, &f->disk);
        assert_int_equal(messages(f), 1 + is_full);
        assert_int_equal(f->store.ops->ledger_list(f->store.self, S("m"), 0, NULL, NULL, &f->error),
            AMPHI_OK); /* so a local model may run */
        assert_int_equal(say(f, "x"), AMPHI_E_IO);
        assert_non_null(strstr(f->error.message, is_full ? "disk is full" : "read-only"));
        if (is_full)
            unlink(scratch_dir_file(&f->disk, "ballast"));
        else
            scratch_mount_set_read_only(f->disk.path, false);
        be_patient(f);
        assert_int_equal(messages(f), 2 + is_full); /* what waited counts */
        close_store(f);                             /* which writes it */
    }
}

static void connections__a_read_only_medium_is_named_and_recovers(void **state)
{
    fixture *f = *state;
    if (!can_mount)
        skip();
    scratch_mount_set_read_only(f->disk.path, true);
    open_at(f, &f->disk);
    assert_int_equal(messages(f), -1);
    assert_int_equal(say(f, "x"), AMPHI_E_IO);
    assert_non_null(strstr(f->error.message, "read-only medium"));
    scratch_mount_set_read_only(f->disk.path, false);
    assert_int_equal(say(f, "x"), AMPHI_E_IO); /* tried a moment ago */
    be_patient(f);
    assert_int_equal(say(f, "x"), AMPHI_OK);
    close_store(f);
}

static void connections__after_the_folder_was_deleted_nothing_is_said_to_be_kept(void **state)
{
    fixture *f = *state;
    scratch_dir inner;
    scratch_dir_inner(&inner, &f->dir, "data");
    open_at(f, &inner);
    assert_int_equal(say(f, "a"), AMPHI_OK);
    scratch_dir removed = inner;
    scratch_dir_remove(&removed);
    assert_int_equal(say(f, "b"), AMPHI_E_IO);
    assert_non_null(strstr(f->error.message, "deleted"));
    assert_int_equal(messages(f), 1); /* which waits; what was deleted is gone */
    assert_false(scratch_exists(inner.path));
    be_patient(f);
    assert_int_equal(say(f, "c"), AMPHI_OK); /* in a new one */
    assert_int_equal(messages(f), 2);
    close_store(f);
    open_at(f, &inner);
    assert_int_equal(messages(f), 2);
    close_store(f);
}

static void connections__a_corrupt_file_opens_and_every_call_says_so(void **state)
{
    fixture *f = *state;
    char *value = NULL;
    size_t size;
    open_at(f, &f->dir);
    for (int i = 0; i < 50; i++)
        assert_int_equal(say(f, "a sentence that fills pages"), AMPHI_OK);
    close_store(f);
    const char *path = scratch_dir_file(&f->dir, AMPHI_STORE_FILE);
    char *whole = scratch_read(path, &size);
    for (size_t at = 100; at < 4000; at++)
        whole[at] ^= 0x55;
    scratch_write(path, whole, size, 0600);
    free(whole);
    open_at(f, &f->dir);
    assert_int_equal(messages(f), -2);
    assert_int_equal(f->error.status, AMPHI_E_CORRUPT);
    assert_int_equal(say(f, "x"), AMPHI_E_CORRUPT);
    assert_int_equal(f->store.ops->ledger_list(f->store.self, S("m"), 0, NULL, NULL, &f->error),
        AMPHI_E_CORRUPT);
    assert_int_equal(
        f->store.ops->setting_get(f->store.self, S("x"), NULL, &value, &f->error), AMPHI_E_CORRUPT);
    close_store(f);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    can_mount = scratch_mount_begin();
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(connections__a_full_disk_is_named_and_has_room_again),
        T(connections__a_full_disk_without_a_store_is_an_empty_store),
        T(connections__an_existing_store_is_read_from_a_full_or_read_only_disk),
        T(connections__a_read_only_medium_is_named_and_recovers),
        T(connections__after_the_folder_was_deleted_nothing_is_said_to_be_kept),
        T(connections__a_corrupt_file_opens_and_every_call_says_so),
    };
    return cmocka_run_group_tests_name("unit.storage.store_connections", tests, NULL, NULL);
}
