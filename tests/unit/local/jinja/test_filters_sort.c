/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters that compare items: sort, unique, min, max, groupby, dictsort.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ l|unique(true)|list }}", "[3, 1, 2]"},
    {"{{ l|max(attribute=0) }}", NULL},
    {"{% for k, v in d|dictsort %}{{k}}{{v}}{% endfor %}", "a1B2c[1, 2, {'x': None}]items5"},
    {"{{ ld|groupby('k',default='z') }}",
        "[('x', [{'k': 'x', 'v': 1}, {'k': 'x', 'v': 3}]), ('Y', [{'k': 'Y', 'v': 2}]), ('z',"
        " [{'v': 4}])]"},
    {"{% for g,items in ld|groupby('k',default='z') %}{{g}}:{{items|length}} {% endfor %}",
        "x:2 Y:1 z:1 "},
    {"{% for g in ld|groupby('v') %}{{g.grouper}}{{g.list}}{% endfor %}",
        "1[{'k': 'x', 'v': 1}]2[{'k': 'Y', 'v': 2}]3[{'k': 'x', 'v': 3}]4[{'v': 4}]"},
    {"{{ ld|sort(attribute='v',reverse=true)|map(attribute='v')|list }}", "[4, 3, 2, 1]"},
    {"{{ ld|sort(attribute='k') }}", NULL},
    {"{{ m|sort }}{{ m|sort(case_sensitive=true) }}{{ m|sort(reverse=true) }}{{ m|unique|l"
     "ist }}{{ ['a','A','b']|unique|list }}{{ m|min }}{{ m|max }}{{ l|max }}{{ l|min }}{{ "
     "[]|max is defined }}",
        "['A', 'a', 'b', 'c']['A', 'a', 'b', 'c']['c', 'b', 'A', 'a']['b', 'A', 'c']['a', 'b'"
        "]Ac31False"},
    {"{{ d|dictsort(by='value') }}", NULL},
    {"{{ {'b':1,'A':2,'c':0}|dictsort }}{{ {'b':1,'A':2}|dictsort(true) }}{{ {'b':1,'A':2}"
     "|dictsort(false,'value') }}{{ {'b':1,'A':2}|dictsort(reverse=true) }}",
        "[('A', 2), ('b', 1), ('c', 0)][('A', 2), ('b', 1)][('b', 1), ('A', 2)][('b', 1), ('A"
        "', 2)]"},
    {"{{ [3,1,2]|sort|first }}{{ [1,'a']|sort }}", NULL},
    {"{{ ['b',none]|sort }}", NULL},
};

static void filters_sort__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_sort__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
