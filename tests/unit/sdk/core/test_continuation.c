/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of the ways to continue.
 */
#include "sdk/core/continuation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void continuation__every_way_has_a_name_that_is_read_again(void **state)
{
    for (int i = 0; i < AMPHI_CONTINUE_COUNT; i++) {
        amphi_continuation way;
        const char *name = amphi__continuation_name((amphi_continuation)i);
        assert_true(amphi__continuation_parse(&way, amphi_str_from(name)));
        assert_int_equal(way, i);
    }
}

static void continuation__empty_is_auto_and_others_are_refused(void **state)
{
    amphi_continuation way = AMPHI_CONTINUE_NO;
    assert_true(amphi__continuation_parse(&way, AMPHI_STR("")));
    assert_int_equal(way, AMPHI_CONTINUE_AUTO);
    assert_false(amphi__continuation_parse(&way, AMPHI_STR("Native")));
    assert_string_equal(amphi__continuation_name((amphi_continuation)99), "auto");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuation__every_way_has_a_name_that_is_read_again),
        cmocka_unit_test(continuation__empty_is_auto_and_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
