/* SPDX-License-Identifier: Apache-2.0
 *
 * The token of a deadline and a cancel flag.
 */
#include "sdk/core/cancel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void cancel__deadline_and_flag(void **state)
{
    amphi_cancel cancel;
    amphi__cancel_init(&cancel, NULL, UINT64_MAX);
    assert_int_equal(amphi__cancel_check(&cancel), AMPHI_OK);
    amphi__cancel_now(&cancel);
    assert_int_equal(amphi__cancel_check(&cancel), AMPHI_E_CANCELLED);
    amphi__cancel_init(&cancel, NULL, 1);
    assert_int_equal(amphi__cancel_check(&cancel), AMPHI_E_TIMEOUT);
    assert_int_equal(amphi__cancel_check(NULL), AMPHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel__deadline_and_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
