/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic, comparison and membership with Python's rules.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ undef + 'x' }}", NULL},
    {"{{ undef == undef2 }}", "True"},
    {"{{ undef == none }}", "False"},
    {"{{ 'x' in undef }}", "False"},
    {"{{ undef in [1] }}", "False"},
    {"{{ 1 < 2 < 3 }}{{ 3 > 2 > 2 }}{{ 1 == 1.0 == true }}{{ 1 < 2 > 0 != 5 }}{{ 2 in [2] "
     "in [[2]] }}",
        "TrueFalseTrueTrueTrue"},
    {"{{ 1 + 2 * 3 ** 2 // 4 % 5 - -6 }}", "11"},
    {"{{ 2 ** 3 ** 2 }}", "64"},
    {"{{ -2 ** 2 }}", "4"},
    {"{{ 1 ~ 2 + 3 }}", NULL},
    {"{{ 1 + 2 ~ 3 }}", NULL},
    {"{{ not 1 == 2 }}", "True"},
    {"{{ 10 / 4 }}{{ 10 // 4 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7 % -3 }}{{ 7.5 // 2 }}{{ -7.5 "
     "% 2 }}{{ 1e3 }}{{ 1_000 }}{{ 0x1F }}{{ 0b101 }}{{ 0o17 }}",
        "2.52-42-23.00.51000.0100031515"},
    {"{{ 1 // 0 }}", NULL},
    {"{{ 1.0 % 0 }}", NULL},
    {"{{ 'a' * 3 }}{{ [1] * 2 }}{{ 2 * 'ab' }}{{ 'a' * -1 }}", "aaa[1, 1]abab"},
    {"{{ [1]+[2] }}{{ (1,)+(2,) }}", "[1, 2](1, 2)"},
    {"{{ [1]+(2,) }}", NULL},
    {"{{ 'a' < 'b' }}{{ [1,2] < [1,3] }}{{ (1,) < (1,2) }}{{ 'a' < 1 }}", NULL},
    {"{{ none < 1 }}", NULL},
    {"{{ 1 == '1' }}{{ none == false }}{{ [] == () }}{{ {} == {} }}{{ {'a':1,'b':2} == {'b"
     "':2,'a':1} }}{{ [1] == [1.0] }}{{ [1] == [true] }}",
        "FalseFalseFalseTrueTrueTrueTrue"},
    {"{{ 'a' in 'abc' }}{{ '' in 'abc' }}{{ 'a' in d }}{{ 1 in d.values() }}{{ ('a',1) in "
     "d.items() }}{{ 1 in 'a' }}",
        NULL},
    {"{{ 1 in 5 }}", NULL},
    {"{{ [1] in d }}", NULL},
    {"{{ 1.0 * big }}", "12345678901.0"},
};

static void operators__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
