/* SPDX-License-Identifier: Apache-2.0
 *
 * Processors and the big ones among them: trees/cpu.txt.
 */
#include "tests/support/device_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void cpu__trees_say_what_the_kernel_documents(void **state)
{
    (void)state;
    unsigned trees = 0;
    assert_int_equal(device_trees_check("tests/unit/policy/trees/cpu.txt", &trees), 0);
    assert_true(trees >= 27);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu__trees_say_what_the_kernel_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
