/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions: names, constants, conditions, concatenation, unknown filters.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ undef }}", ""},
    {"{{ undef() }}", NULL},
    {"{{ undef ~ 'x' }}", "x"},
    {"{{ 'a' 'b' 'c' }}", "abc"},
    {"{{ 1 if 0 else 2 if 0 else 3 }}", "3"},
    {"{{ not not true }}", "True"},
    {"{{ [1,2]|length == 2 }}", "True"},
    {"{{ none ~ 'x' }}", "Nonex"},
    {"{{ {[1]:2} }}", NULL},
    {"{{ l|nofilter }}", NULL},
    {"{{ l is notest }}", NULL},
    {"{{ True }}{{ False }}{{ None }}{{ true }}{{ none }}", "TrueFalseNoneTrueNone"},
    {"{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}", "<s></s>True"},
    {"{{ loop }}", ""},
    {"{{ caller }}{{ varargs }}", ""},
    {"{{ 'x' ~ none ~ true ~ 1.5 ~ [1] ~ {'a':1} ~ undef }}", "xNoneTrue1.5[1]{'a': 1}"},
    {"{{ l|length > 2 and l[0] or 5 }}", "3"},
    {"{{ (l|length) - 1 }}{{ l|length-1 }}", "22"},
    {"{{ '' or 'x' }}{{ 0 and 1 }}{{ none or false or 'z' }}", "x0z"},
    {"{{ true and 'yes' or 'no' }}", "yes"},
    {"{{ s[0]|lower ~ s[1:] }}", "hello World"},
};

static void eval_expression__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eval_expression__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
