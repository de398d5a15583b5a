/* SPDX-License-Identifier: Apache-2.0 */
#include <amphi/bench.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void median__is_the_middle_one_or_the_mean_of_two(void **state)
{
    double odd[] = {9, 1, 5};
    double even[] = {8, 1, 4, 2};
    double one[] = {7};
    assert_true(amphi_bench_median(odd, 3) == 5);
    assert_true(amphi_bench_median(even, 4) == 3);
    assert_true(amphi_bench_median(one, 1) == 7);
    assert_true(amphi_bench_median(NULL, 0) == 0);
}

static void median__leaves_the_values_in_order(void **state)
{
    double values[] = {3, -2, 3, 0, 1};
    (void)amphi_bench_median(values, 5);
    for (int i = 1; i < 5; i++)
        assert_true(values[i - 1] <= values[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(median__is_the_middle_one_or_the_mean_of_two),
        cmocka_unit_test(median__leaves_the_values_in_order),
    };
    return cmocka_run_group_tests_name("unit.sdk.core.median", tests, NULL, NULL);
}
