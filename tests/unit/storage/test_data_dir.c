/* SPDX-License-Identifier: Apache-2.0
 *
 * The data folder: made with its parents, readable for its owner only, refused in words.
 */
#include "storage/data_dir.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static scratch_dir dir;

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

static amphi_status make(const char *name, amphi_error *error)
{
    return amphi__data_dir_make(amphi_str_from(scratch_dir_file(&dir, name)), error);
}

static void make__creates_parents_for_the_owner_only(void **state)
{
    mode_t before = umask(0);
    assert_int_equal(make("a/b/c", NULL), AMPHI_OK);
    umask(before);
    assert_int_equal(scratch_mode(scratch_dir_file(&dir, "a")) & 0777, 0700);
    assert_int_equal(scratch_mode(scratch_dir_file(&dir, "a/b/c")) & 0777, 0700);
    assert_int_equal(make("a/b/c", NULL), AMPHI_OK); /* again is fine */
    assert_int_equal(make("a//d///", NULL), AMPHI_OK);
    assert_true(scratch_exists(scratch_dir_file(&dir, "a/d")));
}

static void make__leaves_the_mode_of_a_folder_that_is_there(void **state)
{
    assert_int_equal(mkdir(scratch_dir_file(&dir, "open"), 0755), 0);
    assert_int_equal(chmod(scratch_dir_file(&dir, "open"), 0755), 0);
    assert_int_equal(make("open", NULL), AMPHI_OK);
    assert_int_equal(scratch_mode(scratch_dir_file(&dir, "open")) & 0777, 0755);
}

static void make__in_the_way_of_a_file_fails(void **state)
{
    amphi_error error;
    scratch_write(scratch_dir_file(&dir, "file"), "x", 1, 0600);
    assert_int_equal(make("file", &error), AMPHI_E_IO);
    assert_int_equal(strncmp(error.message, "data folder: can't create", 25), 0);
    assert_int_equal(make("file/inside", &error), AMPHI_E_IO);
}

static void make__without_a_name_is_refused(void **state)
{
    amphi_error error;
    assert_int_equal(amphi__data_dir_make(AMPHI_STR(""), &error), AMPHI_E_ARGUMENT);
    assert_int_equal(strncmp(error.message, "data_dir: ", 10), 0);
    assert_int_equal(amphi__data_dir_make(AMPHI_STR("/tmp\0/x"), &error), AMPHI_E_ARGUMENT);
}

static void make_deep(void *status)
{
    *(amphi_status *)status = make("deep/1/2/3/4/5/6/7/8", NULL);
}

static void make__by_several_at_once_succeeds_for_all(void **state)
{
    enum { THREADS = 8 };
    amphi_thread threads[THREADS];
    amphi_status statuses[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            amphi__thread_start(&threads[i], "make", make_deep, &statuses[i]), AMPHI_OK);
    for (int i = 0; i < THREADS; i++)
        amphi__thread_join(&threads[i]);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(statuses[i], AMPHI_OK);
}

static void path__is_folder_and_name(void **state)
{
    char *path = NULL;
    assert_int_equal(amphi__data_dir_path(&path, AMPHI_STR("/a"), "key", NULL), AMPHI_OK);
    assert_string_equal(path, "/a/key");
    amphi__free(path);
}

static void sync__of_no_folder_fails(void **state)
{
    amphi_error error;
    assert_int_equal(amphi__data_dir_sync(dir.path, &error), AMPHI_OK);
    assert_int_equal(amphi__data_dir_sync(scratch_dir_file(&dir, "nothing"), &error), AMPHI_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(make__creates_parents_for_the_owner_only),
        cmocka_unit_test(make__leaves_the_mode_of_a_folder_that_is_there),
        cmocka_unit_test(make__in_the_way_of_a_file_fails),
        cmocka_unit_test(make__without_a_name_is_refused),
        cmocka_unit_test(make__by_several_at_once_succeeds_for_all),
        cmocka_unit_test(path__is_folder_and_name),
        cmocka_unit_test(sync__of_no_folder_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
