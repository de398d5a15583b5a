/* SPDX-License-Identifier: Apache-2.0
 *
 * Global functions and tests.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ undef is iterable }}", "True"},
    {"{{ undef is sequence }}", "True"},
    {"{{ undef is callable }}", "True"},
    {"{{ s is sequence }}", "True"},
    {"{{ d is iterable }}", "True"},
    {"{{ t is number }}", "True"},
    {"{{ t is integer }}", "False"},
    {"{{ n is none }}", "True"},
    {"{{ d is mapping }}", "True"},
    {"{{ range(3) is sequence }}", "True"},
    {"{{ d.items() is sequence }}", "False"},
    {"{{ d.items is callable }}", "True"},
    {"{{ d.zz is defined }}", "False"},
    {"{{ undef is none }}", "False"},
    {"{{ (1 if 0) is defined }}", "False"},
    {"{{ 1 is integer and 1.0 is float }}", "True"},
    {"{{ 5 is divisibleby 5 }}{{ 5 is divisibleby(2) }}", "TrueFalse"},
    {"{{ 3 is in [1,3] }}", "True"},
    {"{{ 3 is not in [1,3] }}", "False"},
    {"{{ 'a' is eq 'a' }}{{ 1 is lt 2 }}{{ 1 is gt(2) }}{{1 is ne 1}}{{1 is le 1}}{{1 is g"
     "e 2}}{{1 is sameas 1}}{{ 1 is sameas true }}",
        "TrueTrueFalseFalseTrueFalseTrueFalse"},
    {"{{ x is defined and x }}", "False"},
    {"{{ s is string is true }}", NULL},
    {"{{ 'a' is string or false }}", "True"},
    {"{{ dict(a=1,b=2) }}{{ dict({'x':1},y=2) }}{{ dict([('a',1)]) }}",
        "{'a': 1, 'b': 2}{'x': 1, 'y': 2}{'a': 1}"},
    {"{{ d.__class__ is defined }}", "False"},
    {"{{ range(5)|list }}{{ range(1,4)|list }}{{ range(10,0,-3)|list }}{{ range(3)[1] }}{{"
     " range(5)[1:3]|list }}{{ range(3)|length }}{{ range(0) is defined }}{{ range(5,0)|li"
     "st }}",
        "[0, 1, 2, 3, 4][1, 2, 3][10, 7, 4, 1]1[1, 2]3True[]"},
    {"{{ range(100001)|length }}", NULL},
    {"{{ range(1.5) }}", NULL},
    {"{{ range(3) }}{{ range(1,5,2) }}", "range(0, 3)range(1, 5, 2)"},
    {"{{ 3 in range(5) }}", "True"},
    {"{{ raise_exception('boo') }}", NULL},
    {"{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current "
     "}}{{ c.reset() }}",
        "ababNone"},
    {"{% set j = joiner('; ') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}", "3; 1; 2"},
    {"{{ tools is none }}{{ tools is defined }}{{ 1 if tools else 2 }}{{ documents is none"
     " }}",
        "TrueTrue2True"},
    {"{{ true is true }}{{ 1 is true }}{{ 'true' is true }}", "TrueFalseFalse"},
    {"{{ f is number }}{{ t is number }}{{ t is integer }}{{ i is integer }}", "TrueTrueFalseTrue"},
    {"{{ 'x' if d.type is defined and d.type else 'y' }}", "y"},
};

static void builtins__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtins__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
