/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters over the items of a value.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ l|batch(2,0)|list }}", "[[3, 1], [2, 0]]"},
    {"{{ l|slice(2,0)|list }}", "[[3, 1], [2, 0]]"},
    {"{{ l|reverse|first }}", "2"},
    {"{{ l|last }}", "2"},
    {"{{ l|sum(start=1) }}", "7"},
    {"{{ l|first(1) }}", NULL},
    {"{{ l|join(1,2,3) }}", NULL},
    {"{{ ld|map(attribute='v')|list }}{{ ld|map(attribute='k',default='?')|list }}{{ ld|ma"
     "p(attribute='k')|list }}",
        "[1, 2, 3, 4]['x', 'Y', 'x', '?']['x', 'Y', 'x', Undefined]"},
    {"{{ ld|selectattr('k')|list|length }}", "3"},
    {"{{ ld|selectattr('k','defined')|list }}",
        "[{'k': 'x', 'v': 1}, {'k': 'Y', 'v': 2}, {'k': 'x', 'v': 3}]"},
    {"{{ ld|selectattr('k','equalto','x')|map(attribute='v')|join(',') }}", "1,3"},
    {"{{ ld|rejectattr('k','eq','x')|list }}", "[{'k': 'Y', 'v': 2}, {'v': 4}]"},
    {"{{ l|select('gt',1)|list }}{{ l|select('odd')|list }}{{ l|reject('in',[1,2])|list }}",
        "[3, 2][3, 1][3]"},
    {"{{ ld|sum(attribute='v') }}{{ l|sum }}", "106"},
    {"{{ ld|map(attribute='v')|sum }}", "10"},
    {"{{ ld|join(',',attribute='v') }}", "1,2,3,4"},
    {"{{ messages|map(attribute='role')|join(' ') }}", "system user assistant"},
    {"{{ messages|selectattr('role','equalto','user')|first }}",
        "{'role': 'user', 'content': 'Hi there\\n'}"},
    {"{{ (messages|selectattr('role','equalto','zzz')|first) is defined }}", "False"},
    {"{{ 'y' if messages|selectattr('role','equalto','zz') else 'n' }}", "y"},
    {"{{ (messages|selectattr('role','equalto','zz')|list)|length }}", "0"},
    {"{{ messages|selectattr('role','equalto','zz')|length }}", NULL},
    {"{{ m|map('replace','a','q')|list }}", "['b', 'A', 'c', 'q']"},
    {"{{ m|map('upper')|map('lower')|list }}", "['b', 'a', 'c', 'a']"},
    {"{{ l|map('nofilter')|list }}", NULL},
    {"{{ [[1,2],[3]]|map('first')|list }}{{ [[1,2],[3]]|map('length')|sum }}{{ [[2,1],[3]]"
     "|map(attribute=0)|list }}",
        "[1, 3]3[2, 3]"},
    {"{{ ld|map(attribute='k.x')|list }}", NULL},
    {"{{ [{'a':{'b':1}}]|map(attribute='a.b')|list }}", "[1]"},
    {"{{ l|first }}{{ l|last }}{{ e|first }}{{ 'abc'|first }}{{ 'abc'|last }}{{ ''|first i"
     "s defined }}{{ d|first }}{{ d|last }}",
        "32acFalseaitems"},
    {"{{ [1,[2,[3]]]|string }}{{ [none,true,1.0]|join(',') }}", "[1, [2, [3]]]None,True,1.0"},
    {"{{ l|batch(2)|list }}{{ l|slice(2)|list }}{{ range(7)|slice(3)|list }}{{ range(7)|sl"
     "ice(3,'x')|list }}{{ range(7)|batch(3,'x')|list }}",
        "[[3, 1], [2]][[3, 1], [2]][[0, 1, 2], [3, 4], [5, 6]][[0, 1, 2], [3, 4, 'x'], [5, 6,"
        " 'x']][[0, 1, 2], [3, 4, 5], [6, 'x', 'x']]"},
    {"{{ ('a','b')|join }}{{ ('a','b')|list }}{{ ('b','a')|sort }}", "ab['a', 'b']['a', 'b']"},
    {"{{ d|list }}{{ d|string }}{{ d|items|list }}",
        "['a', 'B', 'c', 'items']{'a': 1, 'B': 2, 'c': [1, 2, {'x': None}], 'items': 5}[('a',"
        " 1), ('B', 2), ('c', [1, 2, {'x': None}]), ('items', 5)]"},
    {"{{ [[1,'a'],[2,'b']]|map('last')|join }}", "ab"},
    {"{{ {'type':['string','null']}.type|join(' | ') }}", "string | null"},
    {"{{ d.items()|map('first')|list }}{{ d.items()|first }}{{ d.items()[0] }}",
        "['a', 'B', 'c', 'items']('a', 1)"},
};

static void filters_list__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_list__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
