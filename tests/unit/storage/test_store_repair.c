/* SPDX-License-Identifier: Apache-2.0
 *
 * A repair and the others on its data folder: who waited for the old file goes on with the new one,
 * and the new one keeps its log. And a repair whose power went.
 */
#include "sdk/core/alloc.h"
#include "storage/sqlcipher_pages.h"
#include "storage/store_sqlcipher.h"
#include "storage/stores.h"
#include "tests/support/file_waiter.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S(x)     AMPHI_STR(x)
#define DATABASE "amphi.db"
#define PAGE     AMPHI_DB_PAGE_BYTES

static scratch_dir dir;
static uint8_t provided;

static amphi_status store_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    (void)self;
    (void)error;
    memset(out, provided, AMPHI_STORE_KEY_BYTES);
    *created = false;
    return AMPHI_OK;
}

static const amphi_keys_ops ops = {
    .struct_size = sizeof(amphi_keys_ops), .name = "test", .store_key = store_key};

static amphi_storage_options options(void)
{
    return (amphi_storage_options){.data_dir = amphi_str_from(dir.path), .keys = {.ops = &ops}};
}

static amphi_status open_store(amphi_store *store)
{
    amphi_storage_options own = options();
    return amphi__store_sqlcipher_new(store, &own, NULL);
}

static amphi_status say(const amphi_store *store, amphi_str content)
{
    amphi_store_message message = {.role = S("user"), .content = content};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1700000000000,
        .conversation_id = S("c"),
        .messages = &message,
        .messages_count = 1};
    return store->ops->turn_append(store->self, &turn, NULL);
}

static bool see(void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    char *all = user;
    size_t size = strlen(all);
    snprintf(all + size, 200 - size, "%.*s;", (int)message->content.size, message->content.data);
    return true;
}

/* The store is whole, and has these messages. */
static void expect_messages(const char *expected)
{
    char all[200] = "";
    amphi_store store;
    amphi_history_check_report found;
    amphi_storage_options own = options();
    assert_int_equal(open_store(&store), AMPHI_OK);
    (void)store.ops->messages(store.self, S("c"), see, all, NULL);
    store.ops->free(store.self);
    assert_string_equal(all, expected);
    assert_int_equal(amphi__store_check(&found, &own, false, NULL), AMPHI_OK);
    assert_true(found.is_whole);
}

static int set_up(void **state)
{
    amphi_store store;
    (void)state;
    provided = 7;
    scratch_dir_make(&dir);
    assert_int_equal(open_store(&store), AMPHI_OK);
    assert_int_equal(say(&store, S("old")), AMPHI_OK);
    store.ops->free(store.self);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_dir_remove(&dir);
    return 0;
}

/* ---- Who waited ---- */

/* While the other process waits for the database's lock another file comes to its place, as at a
 * repair's end, and gets a turn, which stands in its log. */
static int replace_before(int (*work)(void))
{
    char path[300], fresh[310];
    size_t size;
    file_waiter waiter;
    amphi_store store;
    amphi_db_key key;
    char *found = NULL;
    amphi_db_pages *pages = NULL;
    amphi_storage_options own = options();
    file_waiter_make(&waiter, work);
    snprintf(path, sizeof path, "%s", scratch_dir_file(&dir, DATABASE));
    snprintf(fresh, sizeof fresh, "%s.repair", path);
    char *bytes = scratch_read(path, &size);
    scratch_write(fresh, bytes, size, 0600);
    free(bytes);
    assert_int_equal(amphi__store_find(&found, &key, &own, NULL), AMPHI_OK);
    amphi__free(found);
    assert_int_equal(amphi__db_pages_open(&pages, path, &key, NULL), AMPHI_OK);
    assert_int_equal(amphi__db_pages_lock(pages, NULL), AMPHI_OK);
    file_waiter_begin(&waiter, path);
    assert_int_equal(rename(fresh, path), 0);
    assert_int_equal(open_store(&store), AMPHI_OK);
    assert_int_equal(say(&store, S("acknowledged")), AMPHI_OK);
    amphi__db_pages_close(pages);
    int answer = file_waiter_end(&waiter);
    assert_int_equal(say(&store, S("last")), AMPHI_OK);
    store.ops->free(store.self);
    return answer;
}

static int open_and_say(void)
{
    amphi_store store;
    if (open_store(&store) != AMPHI_OK)
        return 4;
    amphi_status status = say(&store, S("waited"));
    store.ops->free(store.self);
    return status == AMPHI_OK ? 0 : 5;
}

static int check_store(void)
{
    amphi_history_check_report found;
    amphi_storage_options own = options();
    if (amphi__store_check(&found, &own, false, NULL) != AMPHI_OK)
        return 4;
    return found.is_whole ? 0 : 5;
}

static int repair_store(void)
{
    amphi_history_repair_report done;
    amphi_error error = {0};
    amphi_storage_options own = options();
    if (amphi__store_repair(&done, &own, &error) != AMPHI_E_BUSY)
        return 4;
    return strstr(error.message, "open elsewhere") != NULL ? 0 : 5; /* the new one, by the test */
}

static void repair__who_waited_to_open_goes_on_in_the_new_file(void **state)
{
    (void)state;
    assert_int_equal(replace_before(open_and_say), 0);
    expect_messages("old;acknowledged;waited;last;");
}

static void repair__a_check_that_waited_reads_the_new_file(void **state)
{
    (void)state;
    assert_int_equal(replace_before(check_store), 0);
    expect_messages("old;acknowledged;last;");
}

static void repair__another_repair_that_waited_leaves_the_new_files_log(void **state)
{
    (void)state;
    assert_int_equal(replace_before(repair_store), 0);
    expect_messages("old;acknowledged;last;");
}

/* ---- The power went ---- */

/* Only the log was left; of the page that the repair wrote first the beginning did not arrive. */
static void tear_first_page(void)
{
    char path[300], log[310];
    size_t size, log_size;
    amphi_store store;
    snprintf(path, sizeof path, "%s", scratch_dir_file(&dir, DATABASE));
    snprintf(log, sizeof log, "%s-wal", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(scratch_dir_file(&dir, "store.made")), 0);
    assert_int_equal(open_store(&store), AMPHI_OK);
    assert_int_equal(say(&store, S("in the log")), AMPHI_OK);
    char *log_bytes = scratch_read(log, &log_size);
    store.ops->free(store.self);
    char *bytes = scratch_read(path, &size);
    assert_true(log_size > PAGE && size > PAGE);
    memset(bytes, 0, 512);
    scratch_write(path, bytes, PAGE, 0600);
    scratch_write(log, log_bytes, log_size, 0600);
    free(bytes);
    free(log_bytes);
}

static void repair__after_the_power_went_in_the_first_page_is_done_again(void **state)
{
    amphi_history_repair_report done;
    amphi_error error = {0};
    amphi_storage_options own = options();
    (void)state;
    tear_first_page();
    if (amphi__store_repair(&done, &own, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    expect_messages("in the log;");
    tear_first_page();
    expect_messages("in the log;");
}

static void repair__of_a_torn_first_page_and_anothers_log_is_refused(void **state)
{
    amphi_history_repair_report done;
    size_t size, log_size;
    amphi_storage_options own = options();
    (void)state;
    tear_first_page();
    provided = 8;
    assert_int_equal(amphi__store_repair(&done, &own, NULL), AMPHI_E_KEY);
    free(scratch_read(scratch_dir_file(&dir, DATABASE), &size));
    free(scratch_read(scratch_dir_file(&dir, DATABASE "-wal"), &log_size));
    assert_int_equal(size, PAGE);
    assert_true(log_size > PAGE);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(repair__who_waited_to_open_goes_on_in_the_new_file),
        T(repair__a_check_that_waited_reads_the_new_file),
        T(repair__another_repair_that_waited_leaves_the_new_files_log),
        T(repair__after_the_power_went_in_the_first_page_is_done_again),
        T(repair__of_a_torn_first_page_and_anothers_log_is_refused),
    };
    return cmocka_run_group_tests_name("unit.storage.store_repair", tests, NULL, NULL);
}
