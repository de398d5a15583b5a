/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters that return a text or a number.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ l|urlencode }}", NULL},
    {"{{ l|center(20) }}", "     [3, 1, 2]      "},
    {"{{ l|wordcount }}", "3"},
    {"{{ '\u1e9e\u0130X'|lower }}", "\303\237i\314\207x"},
    {"{{ nest.p.z|default('dd') }}", "dd"},
    {"{{ undef|default(undef2)|default('k') }}", "k"},
    {"{{ -1|abs }}", "1"},
    {"{{ s|upper|lower|length }}", "11"},
    {"{{ true + 1 }}{{ true|int }}{{ false ~ '' }}", "21False"},
    {"{{ '<' + ('<'|safe) }}{{ ('<'|safe) + '<' }}{{ '<'|e|e }}{{ html|e }}{{ html|escape|"
     "upper }}",
        "&lt;<<&lt;&lt;&lt;a href=&#39;x&#39;&gt;&amp;&#34;&lt;/a&gt;&LT;A HREF=&#39;X&#39;&G"
        "T;&AMP;&#34;&LT;/A&GT;"},
    {"{{ messages[0]['content']|trim + 'x' }}", "Be <b>.x"},
    {"{{ s|indent }}{{ lines|indent(2) }}{{ lines|indent(2,true,true) }}{{ lines|indent(fi"
     "rst=true) }}",
        "Hello Worldone\n  two\n\n  three\n  four  one\n  two\n  \n  three\n  four    one\n  "
        "  two\n\n    three\n    four"},
    {"{{ 3.7|int }}{{ '3.7'|int }}{{ ' 42 '|int }}{{ 'x'|int(9) }}{{ '0x1f'|int(0,16) }}{{"
     " '1_0'|int }}{{ none|int }}{{ '1e2'|float }}{{ 'x'|float }}{{ 5|float }}{{ 'inf'|flo"
     "at }}",
        "3342931100100.00.05.0inf"},
    {"{{ 2.5|round }}{{ 3.5|round }}{{ 2.675|round(2) }}{{ 7|round }}{{ 1234|round(-2) }}{"
     "{ 1.1|round(1,'ceil') }}{{ -2.5|round }}{{ 1e300|round(2) }}",
        "2.04.02.67712001.1-2.01e+300"},
    {"{{ 'a-b_c d'|title }}{{ \"they're (bill) [x] {y} <z>\"|title }}{{ \"they're\".title("
     ") }}{{ 'HELLO wORLD'|capitalize }}",
        "A-B_c DThey're (Bill) [X] {Y} <Z>They'ReHello world"},
    {"{{ 'foo bar baz qux'|truncate(9) }}{{ 'foo bar baz qux'|truncate(9,true) }}{{ 'foo b"
     "ar baz qux'|truncate(11) }}{{ 'foo bar baz qux'|truncate(11,false,'..',0) }}",
        "foo...foo ba...foo bar baz quxfoo bar.."},
    {"{{ 'a b&c/d?\303\251'|urlencode }}{{ {'a b':'c&d','e':1}|urlencode }}",
        "a%20b%26c/d%3F%C3%A9a+b=c%26d&e=1"},
};

static void filters_text__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_text__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
