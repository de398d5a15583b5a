/* SPDX-License-Identifier: Apache-2.0
 *
 * Values as text: str(), repr() and json.dumps() of Python, byte for byte.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ s }}", "Hello World"},
    {"{{ s|tojson }}", "\"Hello World\""},
    {"{{ u }}", "K\303\266ln \303\251 \344\275\240\345\245\275 \303\200\303\211"},
    {"{{ u|tojson }}", "\"K\303\266ln \303\251 \344\275\240\345\245\275 \303\200\303\211\""},
    {"{{ d }}", "{'a': 1, 'B': 2, 'c': [1, 2, {'x': None}], 'items': 5}"},
    {"{{ d|tojson }}", "{\"a\": 1, \"B\": 2, \"c\": [1, 2, {\"x\": null}], \"items\": 5}"},
    {"{{ l }}", "[3, 1, 2]"},
    {"{{ 'a\177b\303\251'|tojson(ensure_ascii=true) }}", "\"a\\u007fb\\u00e9\""},
    {"{{ l|tojson }}", "[3, 1, 2]"},
    {"{{ q }}", "it's \"q\" \\ \n\t\303\251\342\200\213\360\237\230\200"},
    {"{{ q|tojson }}", "\"it's \\\"q\\\" \\\\ \\n\\t\303\251\342\200\213\360\237\230\200\""},
    {"{{ ws }}", "  a  b\t c \n"},
    {"{{ ws|tojson }}", "\"  a  b\\t c \\n\""},
    {"{{ lines }}", "one\ntwo\n\nthree\015\nfour"},
    {"{{ lines|tojson }}", "\"one\\ntwo\\n\\nthree\\r\\nfour\""},
    {"{{ 1e16 }}", "1e+16"},
    {"{{ 1e16|tojson }}", "1e+16"},
    {"{{ 1e22 }}", "1e+22"},
    {"{{ 1e22|tojson }}", "1e+22"},
    {"{{ 123456.789 }}", "123456.789"},
    {"{{ 123456.789|tojson }}", "123456.789"},
    {"{{ 0.1 }}", "0.1"},
    {"{{ 0.1|tojson }}", "0.1"},
    {"{{ 1e-5 }}", "1e-05"},
    {"{{ 1e-5|tojson }}", "1e-05"},
    {"{{ {} }}", "{}"},
    {"{{ {}|tojson }}", "{}"},
    {"{{ (1,) }}", "(1,)"},
    {"{{ (1,)|tojson }}", "[1]"},
    {"{{ [1,'a',none,1.5,true] }}", "[1, 'a', None, 1.5, True]"},
    {"{{ [1,'a',none,1.5,true]|tojson }}", "[1, \"a\", null, 1.5, true]"},
    {"{{ d.items()|tojson }}", NULL},
    {"{{ undef|tojson }}", NULL},
    {"{{ 1.0 }}{{ 1.50 }}{{ 3.14e10 }}{{ 1e100 }}{{ 0.1+0.2 }}{{ 1/3 }}{{ 2**-1 }}{{ 2**0."
     "5 }}{{ 4**0.5 }}",
        "1.01.531400000000.01e+1000.300000000000000040.33333333333333330.51.41421356237309512"
        ".0"},
    {"{{ 9223372036854775807 }}", "9223372036854775807"},
    {"{{ {'a':1,'b':[1,2]} }}", "{'a': 1, 'b': [1, 2]}"},
    {"{{ {1:2, none:3, true:4, (1,2):5, 1.5:6} }}", "{1: 4, None: 3, (1, 2): 5, 1.5: 6}"},
    {"{{ {'a':1,} }}{{ [1,] }}{{ (1,) }}{{ () }}", "{'a': 1}[1](1,)()"},
    {"{{ [1,2,3]|tojson }}{{ d|tojson }}{{ 1.0|tojson }}{{ none|tojson }}{{ true|tojson }}"
     "{{ '\303\251\"\\\\/<>&\\n\\x7f\\x01'|tojson }}",
        "[1, 2, 3]{\"a\": 1, \"B\": 2, \"c\": [1, 2, {\"x\": null}], \"items\": 5}1.0nulltrue"
        "\"\303\251\\\"\\\\/<>&\\n\177\\u0001\""},
    {"{{ (1,2)|tojson }}", "[1, 2]"},
    {"{{ range(2)|tojson }}", NULL},
    {"{{ {1:2,none:1,true:0,1.5:3}|tojson }}", "{\"1\": 0, \"null\": 1, \"1.5\": 3}"},
    {"{{ d|tojson(indent=2) }}{{ [[],{},[1]]|tojson(indent=1) }}{{ d|tojson(indent='\t') }"
     "}",
        "{\n  \"a\": 1,\n  \"B\": 2,\n  \"c\": [\n    1,\n    2,\n    {\n      \"x\": null\n "
        "   }\n  ],\n  \"items\": 5\n}[\n [],\n {},\n [\n  1\n ]\n]{\n\t\"a\": 1,\n\t\"B\": 2"
        ",\n\t\"c\": [\n\t\t1,\n\t\t2,\n\t\t{\n\t\t\t\"x\": null\n\t\t}\n\t],\n\t\"items\": 5"
        "\n}"},
    {"{{ {'b':1,'a':2}|tojson(sort_keys=true) }}", "{\"a\": 2, \"b\": 1}"},
    {"{{ d|tojson(separators=(',',':')) }}",
        "{\"a\":1,\"B\":2,\"c\":[1,2,{\"x\":null}],\"items\":5}"},
    {"{{ d|tojson|safe }}", "{\"a\": 1, \"B\": 2, \"c\": [1, 2, {\"x\": null}], \"items\": 5}"},
    {"{{ '<' ~ (d|tojson|safe) }}",
        "<{\"a\": 1, \"B\": 2, \"c\": [1, 2, {\"x\": null}], \"items\": 5}"},
    {"{{ 1, 2 }}", "(1, 2)"},
    {"{{ 5 .x }}", ""},
    {"{{ q }}{{ [q] }}{{ q|tojson }}{{ q|length }}",
        "it's \"q\" \\ \n\t\303\251\342\200\213\360\237\230\200['it\\'s \"q\" \\\\ \\n\\t\303"
        "\251\\u200b\360\237\230\200']\"it's \\\"q\\\" \\\\ \\n\\t\303\251\342\200\213\360"
        "\237\230\200\"16"},
    {"{{ 1e308 * 10 }}{{ -1e308*10 }}{{ (1e308*10)|tojson }}", "inf-infInfinity"},
    {"{{ 12345678.9 }}{{ 1234567890123456.0 }}{{ 12345678901234567.0 }}{{ 0.0001 }}{{ 0.00"
     "001 }}{{ -0.0 }}",
        "12345678.91234567890123456.01.2345678901234568e+160.00011e-05-0.0"},
};

static void stringify__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stringify__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
