/* SPDX-License-Identifier: Apache-2.0
 *
 * The error that callers get: one line that fits, and the names of statuses.
 */
#include "sdk/core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void error__message_is_one_line_and_fits(void **state)
{
    amphi_error error;
    char name[400];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    name[3] = '\n';
    assert_int_equal(amphi__fail(&error, AMPHI_E_IO, 5, "%s", name), AMPHI_E_IO);
    assert_null(strchr(error.message, '\n'));
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_int_equal(amphi__fail(NULL, AMPHI_E_IO, 5, "%s", name), AMPHI_E_IO);
    assert_string_equal(amphi_status_name(AMPHI_E_ENGINE_DIED), "engine_died");
    assert_string_equal(amphi_status_name((amphi_status)999), "unknown");
}

static void error__of_what_grew_is_memory_or_the_limit(void **state)
{
    amphi_error error = {0};
    assert_int_equal(amphi__fail_grown(&error, AMPHI_OK, "too large"), AMPHI_OK);
    assert_int_equal(error.status, AMPHI_OK);
    assert_int_equal(amphi__fail_grown(&error, AMPHI_E_LIMIT, "too large"), AMPHI_E_LIMIT);
    assert_string_equal(error.message, "too large");
    assert_int_equal(amphi__fail_grown(&error, AMPHI_E_NO_MEMORY, "too large"), AMPHI_E_NO_MEMORY);
    assert_non_null(strstr(error.message, "out of memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error__message_is_one_line_and_fits),
        cmocka_unit_test(error__of_what_grew_is_memory_or_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
