/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and freeing a client.
 */
#include "sdk/client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void client__options_that_were_not_initialized_are_refused(void **state)
{
    amphi_client *client = NULL;
    amphi_client_options options;
    amphi_error error;
    memset(&options, 0, sizeof options);
    assert_int_equal(amphi_client_new(&client, &options, &error), AMPHI_E_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(error.message, "amphi_client_options_init"));
    assert_int_equal(amphi_client_new(NULL, NULL, NULL), AMPHI_E_ARGUMENT);
    amphi_client_free(NULL);
    amphi_stream_free(NULL);
    amphi_stream_cancel(NULL);
    amphi_string_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client__options_that_were_not_initialized_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
