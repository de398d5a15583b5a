/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops, scopes, macros, blocks: what each statement prints and what it leaves defined.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ l"
     "oop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nexti"
     "tem }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.cycle('a','b') }}\n{% endfor %}",
        "10TrueFalse332110a\n21FalseFalse3213210b\n32FalseTrue310110a\n"},
    {"{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }}{% end"
     "for %}",
        "FalseFalseTrueFalseTrueTrue"},
    {"{% for k,v in d.items() %}{{k}}={{v}};{% endfor %}",
        "a=1;B=2;c=[1, 2, {'x': None}];items=5;"},
    {"{% for k in d %}{{k}}{% endfor %}", "aBcitems"},
    {"{% for k,v in d|items %}{{k}}{{v}}{% endfor %}", "a1B2c[1, 2, {'x': None}]items5"},
    {"{% for a,b in [(1,2),(3,4)] %}{{a+b}}{% endfor %}", "37"},
    {"{% for a,b in [(1,2,3)] %}{{a+b}}{% endfor %}", NULL},
    {"{% for (a,b),c in [((1,2),3)] %}{{a}}{{b}}{{c}}{% endfor %}", "123"},
    {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
    {"{% for x in undef %}a{% else %}none{% endfor %}", "none"},
    {"{% for x in n %}a{% else %}none{% endfor %}", NULL},
    {"{% for x in l if x > 1 %}{{x}}{{loop.index}}{{loop.last}}{% endfor %}", "31False22True"},
    {"{% for x in l if x > 100 %}{{x}}{% else %}E{% endfor %}", "E"},
    {"{% for c in 'h\303\251y' %}{{c}}-{% endfor %}", "h-\303\251-y-"},
    {"{% for x in 5 %}{% endfor %}", NULL},
    {"{% for x in [1,[2,[3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){{loop.dept"
     "h}}{% else %}{{x}}d{{loop.depth}}{% endif %}{% endfor %}",
        "1d1(2d2(3d3)2)1"},
    {"{% for x in l %}{{ loop(l) }}{% endfor %}", NULL},
    {"{% for x in range(10) %}{% if x==3 %}{% continue %}{% endif %}{% if x==6 %}{% break "
     "%}{% endif %}{{x}}{% endfor %}",
        "01245"},
    {"{% break %}", NULL},
    {"{% for i in l %}{% for j in l %}{% if j==1 %}{% break %}{% endif %}{{i}}{{j}} {% end"
     "for %}{% endfor %}",
        "33 13 23 "},
    {"{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{x}}{% endfor %}{{x}}", "4231"},
    {"{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{"
     "ns.x}}",
        "7"},
    {"{% set ns = namespace() %}{{ns.a}}{% set ns.a='z' %}{{ns.a}}{{ns['a']}}{{ns.b is def"
     "ined}}{{ns}}",
        "zzFalse<Namespace {'a': 'z'}>"},
    {"{% set ns = namespace({'a':1},b=2) %}{{ns}}{{ns.a}}{{ns is mapping}}{{ns is iterable"
     "}}",
        "<Namespace {'a': 1, 'b': 2}>1FalseFalse"},
    {"{% set d.x = 1 %}", NULL},
    {"{% set q.x = 1 %}", NULL},
    {"{% set a, b = 1, 2 %}{{a}}{{b}}", "12"},
    {"{% set a, b = [1,2,3] %}", NULL},
    {"{% set (a, b) = (1,2) %}{{b}}{{a}}", "21"},
    {"{% set x %}abc{{ s }}{% endset %}{{x}}{{x is string}}", "abcHello WorldTrue"},
    {"{% set x | upper | replace('A','z') %}abc{{ s }}{% endset %}{{x}}", "zBCHELLO WORLD"},
    {"{% set x = 1, 2 %}{{x}}", "(1, 2)"},
    {"{% set x = 1 if false %}{{x is defined}}{{x}}", "False"},
    {"{% if true %}{% set y = 5 %}{% endif %}{{y}}", "5"},
    {"{% for i in [1] %}{% if true %}{% set y = 5 %}{% endif %}{{y}}{% endfor %}{{y}}", "5"},
    {"{% set none = 1 %}", NULL},
    {"{% set loop = 1 %}{{loop}}", "1"},
    {"{% set ns = namespace(a=1) %}{% set ns.a, b = 2, 3 %}{{ns.a}}{{b}}", "23"},
    {"{% macro m(a, b=2, c=a) %}[{{a}}|{{b}}|{{c}}]{% endmacro %}{{m(1)}}{{m(1,5)}}{{m(b=3"
     ",a=4)}}{{m()}}",
        "[1|2|1][1|5|1][4|3|4][|2|]"},
    {"{% macro m(a) %}{{a}}{% endmacro %}{{m(1,2)}}", NULL},
    {"{% macro m(a) %}{{a}}{{kwargs}}{{varargs}}{% endmacro %}{{m(1,2,3,z=4)}}", "1{'z': 4}(2, 3)"},
    {"{% macro m(a) %}{{a}}{% endmacro %}{{m(z=2)}}", NULL},
    {"{% macro m() %}{{ caller() }}!{% endmacro %}{% call m() %}x{{s}}{% endcall %}",
        "xHello World!"},
    {"{% macro m() %}{{ caller(1,2) }}!{% endmacro %}{% call(a,b) m() %}{{a}}+{{b}}{% endc"
     "all %}",
        "1+2!"},
    {"{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "False"},
    {"{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", NULL},
    {"{{ m() }}{% macro m() %}x{% endmacro %}", NULL},
    {"{% macro f(n) %}{{n}}{% if n > 0 %}{{ f(n-1) }}{% endif %}{% endmacro %}{{f(5)}}", "543210"},
    {"{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}", "12"},
    {"{% macro m() %}{% set x = 9 %}{{x}}{% endmacro %}{% set x = 1 %}{{ m() }}{{x}}", "91"},
    {"{% macro m() %}{{ undef }}{% endmacro %}{{m()|length}}{{ m.name }}", "0m"},
    {"{% for i in l %}{% macro m() %}{{i}}{% endmacro %}{{m()}}{% endfor %}", "312"},
    {"{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{f(0)}}", NULL},
    {"{% macro m(a,b='x') %}{{a}}{{b}}{% endmacro %}{{ m(*[1,2]) }}{{ m(**{'a':5}) }}{{ m("
     "1,**{'b':5}) }}",
        "125x15"},
    {"{% macro o() %}{% macro i() %}in{% endmacro %}{{i()}}{% endmacro %}{{o()}}", "in"},
    {"{% macro m(x) %}{% set x = x ~ '!' %}{{ x }}{% endmacro %}{{m('a')}}", "a!"},
    {"{% macro m(x) %}{{ x.y }}{% endmacro %}{{ m() }}", NULL},
    {"{% set g = l|map('string') %}{{ g|list }}{{ g|list }}", "['3', '1', '2'][]"},
    {"{% set g = l|select %}{{ 3 in g }}", "True"},
    {"{% if false %}{{ l|nofilter }}{% endif %}ok", "ok"},
    {"{% for x in [1,1,2] %}{{ loop.changed(x) }}{% endfor %}", "TrueFalseTrue"},
    {"{% filter upper %}abc {{ s }}{% endfilter %}", "ABC HELLO WORLD"},
    {"{% filter replace('a','b')|upper %}abc{% endfilter %}", "BBC"},
    {"{% with a=1, b=2 %}{{a+b}}{% endwith %}{{a}}", "3"},
    {"{% with %}{% set q=1 %}{{q}}{% endwith %}", "1"},
    {"{% set a = 1 %}{% with a=2, b=a %}{{a}}{{b}}{% endwith %}", "21"},
    {"{% generation %}x{{s}}{% endgeneration %}", "xHello World"},
    {"{% for i in l %}{% generation %}{{i}}{{loop.index}}{% endgeneration %}{% endfor %}",
        "311223"},
    {"{% generation %}{% set z=1 %}{% endgeneration %}{{z}}", ""},
    {"{% print s, 1 %}", "Hello World1"},
    {"{% if 1, %}t{% endif %}", "t"},
    {"{% if x: %}a{% endif %}", ""},
    {"{% for x in l: %}{{x}}{% endfor %}", "312"},
    {"{% if true %}a{% elif false %}b{% else %}c{% endif %}", "a"},
    {"{% if false %}a{% elif true %}b{% else %}c{% endif %}", "b"},
    {"{% if 0 %}a{% elif '' %}b{% else %}c{% endif %}", "c"},
    {"{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 ="
     "= 0) %}E{% endif %}{{ message.content|trim }}{% endfor %}",
        "EBe <b>.EHi thereEyo"},
    {"{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content"
     "'] %}{% set messages = messages[1:] %}{% endif %}{{ messages|length }}{{ system_mess"
     "age }}",
        "2Be <b>."},
    {"{% for m in messages[::-1] %}{{ m.role }}{% endfor %}", "assistantusersystem"},
    {"{% for m in messages|reverse %}{{ m.role }}{% endfor %}", "assistantusersystem"},
    {"{% set a = [] %}{% for x in l %}{% set a = a + [x] %}{% endfor %}{{ a }}", "[]"},
    {"{% set ns = namespace(a=[]) %}{% for x in l %}{% set ns.a = ns.a + [x*2] %}{% endfor"
     " %}{{ ns.a }}",
        "[6, 2, 4]"},
    {"{% set x = d.c %}{{ x[2].x is none }}", "True"},
    {"{% if 'a' in d and d.a == 1 and d['c'] is not string and d.c is sequence %}ok{% endi"
     "f %}",
        "ok"},
    {"{% for x in l %}{% if loop.first %}F{% elif loop.last %}L{% else %}M{% endif %}{{ ',"
     "' if not loop.last }}{% endfor %}",
        "F,M,L"},
    {"{% for x in l %}\n {{ x }}\n{% endfor %}", " 3\n 1\n 2\n"},
};

static void exec_statement__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exec_statement__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
