/* SPDX-License-Identifier: Apache-2.0
 *
 * A new key for the store: the provider is asked once, and where nothing can be written it says why
 * and leaves nothing behind. Who waited meanwhile goes on with the new key.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_rekey.h"
#include "storage/store_sqlcipher.h"
#include "storage/wrapped_key.h"
#include "tests/support/file_waiter.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/sqlcipher_missing.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

static scratch_dir dir;
static int asked;

static amphi_status store_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    (void)self;
    (void)error;
    memset(out, 7, AMPHI_STORE_KEY_BYTES);
    *created = false;
    asked++;
    return AMPHI_OK;
}

static const amphi_keys_ops ops = {
    .struct_size = sizeof(amphi_keys_ops), .name = "test", .store_key = store_key};

static amphi_storage_options options(void)
{
    return (amphi_storage_options){.data_dir = amphi_str_from(dir.path), .keys = {.ops = &ops}};
}

static int set_up(void **state)
{
    amphi_store store;
    (void)state;
    scratch_dir_make(&dir);
    amphi_storage_options own = options();
    assert_int_equal(amphi__store_new(&store, &own, NULL), AMPHI_OK);
    store.ops->free(store.self);
    asked = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_dir_remove(&dir);
    return 0;
}

static void rekey__asks_the_provider_once(void **state)
{
    amphi_storage_options own = options();
    (void)state;
    assert_int_equal(amphi__store_rekey(&own, NULL), AMPHI_OK);
    assert_int_equal(asked, 1);
}

static void rekey__says_why_it_cannot_write_and_leaves_nothing(void **state)
{
    static const rlim_t limits[] = {10, 8192}; /* of the wrapped key, and of the new database */
    amphi_storage_options own = options();
    struct rlimit before;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        amphi_error error = {0};
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        struct rlimit small = {limits[i], before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        amphi_status status = amphi__store_rekey(&own, &error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, AMPHI_E_IO);
        if (strstr(error.message, "may not grow further (ulimit -f)") == NULL)
            fail_msg("%s", error.message);
        assert_false(scratch_exists(scratch_dir_file(&dir, AMPHI_WRAP_NEW_FILE)));
        assert_false(scratch_exists(scratch_dir_file(&dir, "amphi.db.rekey")));
    }
    assert_int_equal(amphi__store_rekey(&own, NULL), AMPHI_OK);
}

/* ---- Who waited ---- */

static file_waiter waiter;

static amphi_status say(const amphi_store *store, amphi_str content)
{
    amphi_store_message message = {.role = AMPHI_STR("user"), .content = content};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .now_ms = 1700000000000,
        .conversation_id = AMPHI_STR("c"),
        .messages = &message,
        .messages_count = 1};
    return store->ops->turn_append(store->self, &turn, NULL);
}

static int open_and_say(void)
{
    amphi_store store;
    amphi_storage_options own = options();
    if (amphi__store_new(&store, &own, NULL) != AMPHI_OK)
        return 4;
    amphi_status status = say(&store, AMPHI_STR("waited"));
    store.ops->free(store.self);
    return status == AMPHI_OK ? 0 : 5;
}

static int rekey(void)
{
    amphi_storage_options own = options();
    return amphi__store_rekey(&own, NULL) == AMPHI_OK ? 0 : 4;
}

/* The store's own way to a new key; the other process comes while the lock is held. */
static amphi_status prepare(void *self, amphi_db_key *key, amphi_error *error)
{
    uint8_t provider[AMPHI_STORE_KEY_BYTES];
    memset(provider, 7, sizeof provider);
    file_waiter_begin(&waiter, self);
    amphi_status status =
        amphi__wrapped_key_prepare(key->key, provider, amphi_str_from(dir.path), error);
    return status == AMPHI_OK ? amphi__wrapped_key_salt(key->key, key->salt) : status;
}

static amphi_status commit(void *self, amphi_error *error)
{
    (void)self;
    return amphi__wrapped_key_commit(amphi_str_from(dir.path), error);
}

static void discard(void *self)
{
    (void)self;
    fail();
}

static bool see(void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    (void)message;
    (void)id;
    (void)created_ms;
    ++*(int *)user;
    return true;
}

static void expect_messages(int expected)
{
    int count = 0;
    amphi_store store;
    amphi_storage_options own = options();
    assert_int_equal(amphi__store_new(&store, &own, NULL), AMPHI_OK);
    assert_int_equal(say(&store, AMPHI_STR("last")), AMPHI_OK);
    assert_int_equal(store.ops->messages(store.self, AMPHI_STR("c"), see, &count, NULL), AMPHI_OK);
    store.ops->free(store.self);
    assert_int_equal(count, expected);
}

static void rekey_before(int (*work)(void))
{
    char *path = NULL;
    amphi_db_key key;
    amphi_error error = {0};
    amphi_storage_options own = options();
    file_waiter_make(&waiter, work);
    assert_int_equal(amphi__store_find(&path, &key, &own, NULL), AMPHI_OK);
    const amphi_db_new_key source = {path, prepare, commit, discard};
    if (amphi__db_rekey(path, &key, &source, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    amphi__free(path);
    assert_int_equal(file_waiter_end(&waiter), 0);
}

static void rekey__who_waited_to_open_goes_on_with_the_new_key(void **state)
{
    (void)state;
    rekey_before(open_and_say);
    expect_messages(2);
}

static void rekey__another_rekey_that_waited_is_done_as_well(void **state)
{
    (void)state;
    rekey_before(rekey);
    expect_messages(1);
}

int main(void)
{
    if (sqlcipher_is_missing())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rekey__asks_the_provider_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            rekey__says_why_it_cannot_write_and_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            rekey__who_waited_to_open_goes_on_with_the_new_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            rekey__another_rekey_that_waited_is_done_as_well, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("unit.storage.store_keys", tests, NULL, NULL);
}
