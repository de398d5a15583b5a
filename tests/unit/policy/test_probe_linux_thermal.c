/* SPDX-License-Identifier: Apache-2.0
 *
 * Heat: trees/thermal.txt.
 */
#include "tests/support/device_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void thermal__trees_say_what_the_kernel_documents(void **state)
{
    (void)state;
    unsigned trees = 0;
    assert_int_equal(device_trees_check("tests/unit/policy/trees/thermal.txt", &trees), 0);
    assert_true(trees >= 54);
}

/* What changes without a new look at every zone is found within a round of looks. */
static void thermal__late_zones_and_moved_trips_are_found(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "zone 0 type=cpu-thermal temp=60000 trips=\"95000 passive\"",
        "zone 1 type=battery temp=99000"};
    scratch_tree tree;
    scratch_tree_open(&tree);
    for (size_t i = 0; i < 2; i++)
        scratch_tree_put(&tree, zones[i]);
    assert_int_equal(scratch_tree_look(&tree).thermal, AMPHI_THERMAL_NOMINAL);
    scratch_tree_put(&tree, "zone 0 trips=\"60000 passive\"");
    unsigned looks = 1;
    while (scratch_tree_look(&tree).thermal != AMPHI_THERMAL_SERIOUS && looks < 16)
        looks++;
    assert_true(looks < 16);
    scratch_tree_put(&tree, "zone 0 trips=\"95000 passive\"");
    scratch_tree_put(&tree, "zone 2 type=BIG temp=96000 trips=\"95000 passive\"");
    for (looks = 0; looks < 16; looks++)
        (void)scratch_tree_look(&tree);
    assert_int_equal(scratch_tree_look(&tree).thermal, AMPHI_THERMAL_SERIOUS);
    scratch_tree_put(&tree, "zone 2 mode=disabled"); /* and forgotten again */
    for (looks = 0; looks < 16; looks++)
        (void)scratch_tree_look(&tree);
    assert_int_equal(scratch_tree_look(&tree).thermal, AMPHI_THERMAL_NOMINAL);
    scratch_tree_close(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thermal__trees_say_what_the_kernel_documents),
        cmocka_unit_test(thermal__late_zones_and_moved_trips_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
