/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/store_made.h"

#include "storage/storage.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static scratch_dir dir;

static int set_up(void **state)
{
    (void)state;
    scratch_dir_make(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_dir_remove(&dir);
    return 0;
}

static void put(const char *name, const char *text)
{
    scratch_write(scratch_dir_file(&dir, name), text, strlen(text), 0600);
}

static bool words_have(const char *what)
{
    char words[160] = "";
    return amphi__store_lost_words(amphi_str_from(dir.path), words, sizeof words) &&
           strstr(words, what) != NULL;
}

static void made__a_new_store_is_not_a_lost_one(void **state)
{
    char words[160];
    amphi_str folder = amphi_str_from(dir.path);
    (void)state;
    assert_false(amphi__store_is_lost(folder));
    put("store.key", "k");
    put(AMPHI_STORE_FILE, "");
    assert_false(amphi__store_is_lost(folder));
    assert_false(amphi__store_lost_words(folder, words, sizeof words));
    put(AMPHI_STORE_FILE, "rows");
    amphi__store_made_note(folder, false);
    assert_false(amphi__store_is_lost(folder));
    assert_int_equal(scratch_mode(scratch_dir_file(&dir, AMPHI_MADE_FILE)), 0600);
}

static void made__a_lost_one_is_named_until_that_is_known(void **state)
{
    amphi_str folder = amphi_str_from(dir.path);
    (void)state;
    put(AMPHI_STORE_FILE, "rows");
    amphi__store_made_note(folder, false);
    put(AMPHI_STORE_FILE, "");
    assert_true(amphi__store_is_lost(folder));
    assert_true(words_have("restore it from a backup"));
    put(AMPHI_STORE_FILE "-wal", "frames");
    assert_true(words_have("amphi history repair"));
    unlink(scratch_dir_file(&dir, AMPHI_STORE_FILE));
    assert_true(amphi__store_is_lost(folder));
    put(AMPHI_STORE_FILE, "new rows");
    amphi__store_made_note(folder, true);
    assert_false(amphi__store_is_lost(folder));
    assert_true(words_have("delete store.lost"));
    unlink(scratch_dir_file(&dir, AMPHI_LOST_FILE));
    assert_false(words_have(""));
    unlink(scratch_dir_file(&dir, AMPHI_STORE_FILE));
    assert_true(amphi__store_is_lost(folder)); /* the new one as well */
    amphi__store_lost_forget(folder);
    assert_int_not_equal(access(scratch_dir_file(&dir, AMPHI_LOST_FILE), F_OK), 0);
    assert_int_equal(amphi__store_made_remove(folder, NULL), AMPHI_OK);
    assert_int_equal(amphi__store_made_remove(folder, NULL), AMPHI_OK);
    assert_false(amphi__store_is_lost(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made__a_new_store_is_not_a_lost_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            made__a_lost_one_is_named_until_that_is_known, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("unit.storage.store_made", tests, NULL, NULL);
}
