/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods of mappings, lists and tuples; the ones that change their object are refused.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ d.items() }}",
        "dict_items([('a', 1), ('B', 2), ('c', [1, 2, {'x': None}]), ('items', 5)])"},
    {"{{ d.get('a') }}{{ d.get('zz') }}{{ d.get('zz','k') }}{{ d.keys()|list }}{{ d.values"
     "()|list }}{{ d.items()|list }}{{ d.keys() }}",
        "1Nonek['a', 'B', 'c', 'items'][1, 2, [1, 2, {'x': None}], 5][('a', 1), ('B', 2), ('c"
        "', [1, 2, {'x': None}]), ('items', 5)]dict_keys(['a', 'B', 'c', 'items'])"},
    {"{{ d.pop('a') }}", NULL},
    {"{{ d.update({'x':1}) }}", NULL},
    {"{{ l.append(4) }}", NULL},
    {"{{ l.append is defined }}{{ d.update is defined }}{{ d.setdefault }}", "FalseFalse"},
    {"{{ l.index(1) }}{{ l.count(3) }}{{ l.index(9) }}", NULL},
    {"{{ l.copy() }}", "[3, 1, 2]"},
    {"{{ (1,2).count(1) }}", "1"},
    {"{% set _ = l.append(1) %}", NULL},
};

static void methods_container__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_container__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
