/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes, items, slices and paths of values, and what is undefined.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ undef.x }}", NULL},
    {"{{ undef['x'] }}", NULL},
    {"{{ d.zz.y }}", NULL},
    {"{{ d.zz }}", ""},
    {"{{ d.c[2].x }}", "None"},
    {"{{ d['c'][0] }}", "1"},
    {"{{ nest.p.q.r }}", "deep"},
    {"{{ nest['p'].q['r'] }}", "deep"},
    {"{{ {'a':1}.a }}{{ {'a':1}['a'] }}", "11"},
    {"{{ s.__class__ }}", ""},
    {"{{ ''.__class__.__mro__ }}", NULL},
    {"{{ d|length }}{{ e|length }}", "40"},
    {"{{ l.0 }}{{ l.1.2 }}", "3"},
    {"{{ 1.5.x }}", ""},
    {"{{ messages[0].content }}{{ messages[-1]['role'] }}{{ messages[1:]|length }}{{ messa"
     "ges|last }}",
        "Be <b>.assistant2{'role': 'assistant', 'content': '  yo ', 'n': 3}"},
    {"{{ u[1] }}{{ u|length }}{{ u[::-1] }}{{ u|upper }}{{ u|lower }}{{ u|title }}{{ u[5:7"
     "] }}{{ u.find('\345\245\275') }}",
        "\303\26612\303\211\303\200 \345\245\275\344\275\240 \303\251 nl\303\266KK\303\226LN "
        "\303\211 \344\275\240\345\245\275 \303\200\303\211k\303\266ln \303\251 \344\275\240"
        "\345\245\275 \303\240\303\251K\303\266ln \303\211 \344\275\240\345\245\275 \303\200"
        "\303\251\303\251 8"},
    {"{{ 'abc'[1] }}{{ 'abc'['1'] }}", "b"},
    {"{{ d[1] }}{{ l['x'] }}{{ 5[0] }}{{ none.x }}{{ none[0] }}", ""},
    {"{{ none.x.y }}", NULL},
    {"{{ d.a.b }}", ""},
    {"{{ d.a.b.c }}", NULL},
    {"{{ l[l|length-1] }}{{ l[loop] }}", "2"},
    {"{{ (d.c|last).x is none }}{{ d['c'][-1]['x'] }}", "TrueNone"},
    {"{{ (d.items()|list)[0][0] }}", "a"},
    {"{{ [1,2,3][1:][0] }}{{ 'abc'[1:][0] }}{{ [1,2,3][:-1]|last }}", "2b2"},
};

static void item_access__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(item_access__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
