/* SPDX-License-Identifier: Apache-2.0
 *
 * Prices as people write them, exactly; and what an answer comes to, never too low.
 */
#include "sdk/core/price.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void price__is_read_exactly(void **state)
{
    amphi_price p = amphi__price_list_find(AMPHI_STR("0.15/0.60"), AMPHI_STR("any"));
    assert_true(p.is_known);
    assert_int_equal(p.prompt, 150000);
    assert_int_equal(p.completion, 600000);
    assert_int_equal(p.cached, 150000); /* no discount is stated */
    p = amphi__price_list_find(AMPHI_STR("2.5/10/0.000001"), AMPHI_STR(""));
    assert_int_equal(p.prompt, 2500000);
    assert_int_equal(p.completion, 10000000);
    assert_int_equal(p.cached, 1);
}

static void price__is_the_models_own_or_the_one_without_a_name(void **state)
{
    amphi_str list = AMPHI_STR("org/m=free=1/2|b=3/4|5/6");
    assert_int_equal(amphi__price_list_find(list, AMPHI_STR("org/m=free")).prompt, 1000000);
    assert_int_equal(amphi__price_list_find(list, AMPHI_STR("b")).completion, 4000000);
    assert_int_equal(amphi__price_list_find(list, AMPHI_STR("c")).prompt, 5000000);
    assert_false(amphi__price_list_find(AMPHI_STR("b=3/4"), AMPHI_STR("c")).is_known);
    assert_false(amphi__price_list_find(AMPHI_STR(""), AMPHI_STR("c")).is_known);
    assert_true(amphi__price_list_find(AMPHI_STR("0/0"), AMPHI_STR("c")).is_known); /* free */
}

static void price__that_is_none_is_refused_and_quoted(void **state)
{
    static const char *const good[] = {"", "0/0", "1/2", "1/2/0.5", "a=1/2|b=3/4|5/6", "1000000/0",
        "0.123456/00.5", "org/m:free=0/0"};
    static const char *const bad[] = {"1", "1/", "/2", "1/2/", "1/2/3/4", "-1/2", "1e3/2", "1,5/2",
        "1./2", ".5/2", "0.1234567/1", "1000000.000001/1", "1000001/1", "=1/2", "a=1/2|=1/2",
        "1/2|", "|1/2", "a=1/2||b=1/2", "a=1/2|a=1/2", "1/2|3/4", "a=", "nan/1", " 1/2"};
    char large[AMPHI_PRICE_LIST_BYTES_MAX];
    amphi_error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(amphi__price_list_check(amphi_str_from(good[i]), &error), AMPHI_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (amphi__price_list_check(amphi_str_from(bad[i]), &error) != AMPHI_E_ARGUMENT)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(strstr(error.message, "prices="));
    }
    assert_int_equal(amphi__price_list_check(AMPHI_STR("m=12/x"), &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "not \"12/x\""));
    memset(large, '1', sizeof large);
    assert_int_equal(
        amphi__price_list_check(amphi_str_make(large, sizeof large), &error), AMPHI_E_LIMIT);
}

static void price__names_only_models_that_are_there(void **state)
{
    amphi_str stranger =
        amphi__price_list_stranger(AMPHI_STR("a=1/2|zz=1/2|3/4"), AMPHI_STR("a|b"));
    assert_true(amphi__str_equal_c(stranger, "zz"));
    assert_int_equal(amphi__price_list_stranger(AMPHI_STR("a=1/2|3/4"), AMPHI_STR("a|b")).size, 0);
    assert_int_equal(amphi__price_list_stranger(AMPHI_STR("zz=1/2"), AMPHI_STR("")).size, 0);
}

static void cost__is_rounded_up_and_never_overflows(void **state)
{
    const amphi_price cheap = amphi__price_list_find(AMPHI_STR("0.15/0.60/0.075"), AMPHI_STR(""));
    const amphi_price most = amphi__price_list_find(AMPHI_STR("1000000/1000000"), AMPHI_STR(""));
    const amphi_price wild = {
        .is_known = true, .prompt = UINT64_MAX, .completion = UINT64_MAX, .cached = UINT64_MAX};
    const amphi_price unknown = {.is_known = false};
    assert_int_equal(amphi__price_cost(&cheap, 1000000, 0, 1000000), 750000);
    assert_int_equal(amphi__price_cost(&cheap, 1000000, 400000, 0), 90000 + 30000);
    assert_int_equal(amphi__price_cost(&cheap, 10, 4000000000u, 0), 1); /* 10 cached: 0.75 */
    assert_int_equal(amphi__price_cost(&cheap, 1, 0, 0), 1);            /* 0.15 of one */
    assert_int_equal(amphi__price_cost(&cheap, 0, 0, 0), 0);
    assert_int_equal(amphi__price_cost(&unknown, 0, 0, 0), AMPHI_COST_UNKNOWN);
    assert_int_equal(amphi__price_cost(&most, UINT32_MAX, 0, UINT32_MAX), 8589934590000000u);
    assert_true(amphi__price_cost(&wild, UINT32_MAX, 7, UINT32_MAX) < AMPHI_COST_UNKNOWN);
    assert_int_equal(amphi__cost_add(1, 2), 3);
    assert_int_equal(amphi__cost_add(UINT64_MAX - 3, 2), AMPHI_COST_UNKNOWN - 1);
    assert_int_equal(amphi__cost_add(UINT64_MAX - 3, 9), AMPHI_COST_UNKNOWN - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(price__is_read_exactly),
        cmocka_unit_test(price__is_the_models_own_or_the_one_without_a_name),
        cmocka_unit_test(price__that_is_none_is_refused_and_quoted),
        cmocka_unit_test(price__names_only_models_that_are_there),
        cmocka_unit_test(cost__is_rounded_up_and_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
