/* SPDX-License-Identifier: Apache-2.0
 *
 * A new key for the store: the provider is asked once, and where nothing can be written it says why
 * and leaves nothing behind.
 */
#include "sdk/core/error.h"
#include "storage/storage.h"
#include "storage/wrapped_key.h"
#include "tests/support/scratch_dir.h"

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

int main(void)
{
    char version[64];
    amphi_error error = {0};
    if (amphi__storage_version(version, sizeof version, &error) != AMPHI_OK ||
        strstr(version, "SQLCipher") == NULL) {
        printf("skipped: this build has no SQLCipher\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rekey__asks_the_provider_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            rekey__says_why_it_cannot_write_and_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("unit.storage.store_keys", tests, NULL, NULL);
}
