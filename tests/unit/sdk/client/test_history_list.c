/* SPDX-License-Identifier: Apache-2.0
 *
 * What the history's calls say of a store that can't be read or written.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static amphi_status say_damaged(void *self, amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_CORRUPT, 0, "store: damaged: run `amphi history repair`");
}

static void health__is_what_the_store_says(void **state)
{
    chat_fixture f;
    amphi_error error;
    chat_fixture_open(&f, says_hello, says_hello);
    assert_int_equal(amphi_history_health(f.client, &error), AMPHI_OK);
    const amphi_store whole = f.client->store;
    amphi_store_ops ops = *whole.ops;
    f.client->store.ops = &ops;
    ops.health = say_damaged;
    assert_int_equal(amphi_history_health(f.client, &error), AMPHI_E_CORRUPT);
    assert_string_equal(error.message, "store: damaged: run `amphi history repair`");
    assert_int_equal(amphi_history_health(f.client, NULL), AMPHI_E_CORRUPT);
    ops.health = NULL; /* an app's own store that does not say */
    assert_int_equal(amphi_history_health(f.client, &error), AMPHI_OK);
    f.client->store = whole;
    chat_fixture_close(&f);
}

static void health__without_a_client_is_refused(void **state)
{
    amphi_error error;
    assert_int_equal(amphi_history_health(NULL, &error), AMPHI_E_ARGUMENT);
    assert_string_equal(error.message, "client is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health__is_what_the_store_says),
        cmocka_unit_test(health__without_a_client_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
