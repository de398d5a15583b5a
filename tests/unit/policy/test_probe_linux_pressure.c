/* SPDX-License-Identifier: Apache-2.0
 *
 * Pressure stall information: trees/pressure.txt.
 */
#include "tests/support/device_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void pressure__trees_say_what_the_kernel_documents(void **state)
{
    (void)state;
    unsigned trees = 0;
    assert_int_equal(device_trees_check("tests/unit/policy/trees/pressure.txt", &trees), 0);
    assert_true(trees >= 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure__trees_say_what_the_kernel_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
