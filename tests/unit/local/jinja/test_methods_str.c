/* SPDX-License-Identifier: Apache-2.0
 *
 * Python's str methods that search, split and join.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ s.split() }}", "['Hello', 'World']"},
    {"{{ s.split(' ') }}", "['Hello', 'World']"},
    {"{{ s.split('o',1) }}", "['Hell', ' World']"},
    {"{{ s.split(none,1) }}", "['Hello', 'World']"},
    {"{{ s.rsplit() }}", "['Hello', 'World']"},
    {"{{ s.rsplit(' ',1) }}", "['Hello', 'World']"},
    {"{{ s.rsplit(none,1) }}", "['Hello', 'World']"},
    {"{{ s.rsplit('l') }}", "['He', '', 'o Wor', 'd']"},
    {"{{ s.splitlines() }}", "['Hello World']"},
    {"{{ s.splitlines(true) }}", "['Hello World']"},
    {"{{ s.startswith('H') }}", "True"},
    {"{{ s.startswith(('x','H')) }}", "True"},
    {"{{ s.endswith('d') }}", "True"},
    {"{{ s.endswith(('d','\n')) }}", "True"},
    {"{{ s.startswith('e',1) }}", "True"},
    {"{{ s.replace('l','L') }}", "HeLLo WorLd"},
    {"{{ s.replace('l','L',1) }}", "HeLlo World"},
    {"{{ s.replace('','-') }}", "-H-e-l-l-o- -W-o-r-l-d-"},
    {"{{ s.find('o') }}", "4"},
    {"{{ s.find('o',5) }}", "7"},
    {"{{ s.find('o',-4,-1) }}", "7"},
    {"{{ s.rfind('o') }}", "7"},
    {"{{ s.rfind('') }}", "11"},
    {"{{ s.find('') }}", "0"},
    {"{{ s.count('l') }}", "3"},
    {"{{ s.count('') }}", "12"},
    {"{{ s.index('zz') }}", NULL},
    {"{{ s.rindex('o') }}", "7"},
    {"{{ s.join(['a','b']) }}", "aHello Worldb"},
    {"{{ s.join('ab') }}", "aHello Worldb"},
    {"{{ s.join([1]) }}", NULL},
    {"{{ ws.split() }}", "['a', 'b', 'c']"},
    {"{{ ws.split(' ') }}", "['', '', 'a', '', 'b\\t', 'c', '\\n']"},
    {"{{ ws.split('o',1) }}", "['  a  b\\t c \\n']"},
    {"{{ ws.split(none,1) }}", "['a', 'b\\t c \\n']"},
    {"{{ ws.rsplit() }}", "['a', 'b', 'c']"},
    {"{{ ws.rsplit(' ',1) }}", "['  a  b\\t c', '\\n']"},
    {"{{ ws.rsplit(none,1) }}", "['  a  b', 'c']"},
    {"{{ ws.rsplit('l') }}", "['  a  b\\t c \\n']"},
    {"{{ ws.splitlines() }}", "['  a  b\\t c ']"},
    {"{{ ws.splitlines(true) }}", "['  a  b\\t c \\n']"},
    {"{{ ws.replace('l','L') }}", "  a  b\t c \n"},
    {"{{ ws.replace('l','L',1) }}", "  a  b\t c \n"},
    {"{{ ws.replace('','-') }}", "- - -a- - -b-\t- -c- -\n-"},
    {"{{ ws.find('o') }}", "-1"},
    {"{{ ws.find('o',5) }}", "-1"},
    {"{{ ws.find('o',-4,-1) }}", "-1"},
    {"{{ ws.rfind('o') }}", "-1"},
    {"{{ ws.rfind('') }}", "11"},
    {"{{ ws.find('') }}", "0"},
    {"{{ ws.count('l') }}", "0"},
    {"{{ ws.count('') }}", "12"},
    {"{{ ws.index('zz') }}", NULL},
    {"{{ ws.rindex('o') }}", NULL},
    {"{{ ws.join(['a','b']) }}", "a  a  b\t c \nb"},
    {"{{ ws.join('ab') }}", "a  a  b\t c \nb"},
    {"{{ ws.join([1]) }}", NULL},
    {"{{ 'abc def  ghi '.split() }}", "['abc', 'def', 'ghi']"},
    {"{{ 'abc def  ghi '.split(' ') }}", "['abc', 'def', '', 'ghi', '']"},
    {"{{ 'abc def  ghi '.split('o',1) }}", "['abc def  ghi ']"},
    {"{{ 'abc def  ghi '.split(none,1) }}", "['abc', 'def  ghi ']"},
    {"{{ 'abc def  ghi '.rsplit() }}", "['abc', 'def', 'ghi']"},
    {"{{ 'abc def  ghi '.rsplit(' ',1) }}", "['abc def  ghi', '']"},
    {"{{ 'abc def  ghi '.rsplit(none,1) }}", "['abc def', 'ghi']"},
    {"{{ 'abc def  ghi '.rsplit('l') }}", "['abc def  ghi ']"},
    {"{{ 'abc def  ghi '.splitlines() }}", "['abc def  ghi ']"},
    {"{{ 'abc def  ghi '.splitlines(true) }}", "['abc def  ghi ']"},
    {"{{ 'abc def  ghi '.replace('l','L') }}", "abc def  ghi "},
    {"{{ 'abc def  ghi '.replace('l','L',1) }}", "abc def  ghi "},
    {"{{ 'abc def  ghi '.replace('','-') }}", "-a-b-c- -d-e-f- - -g-h-i- -"},
    {"{{ 'abc def  ghi '.find('o') }}", "-1"},
    {"{{ 'abc def  ghi '.find('o',5) }}", "-1"},
    {"{{ 'abc def  ghi '.find('o',-4,-1) }}", "-1"},
    {"{{ 'abc def  ghi '.rfind('o') }}", "-1"},
    {"{{ 'abc def  ghi '.rfind('') }}", "13"},
    {"{{ 'abc def  ghi '.find('') }}", "0"},
    {"{{ 'abc def  ghi '.count('l') }}", "0"},
    {"{{ 'abc def  ghi '.count('') }}", "14"},
    {"{{ 'abc def  ghi '.index('zz') }}", NULL},
    {"{{ 'abc def  ghi '.rindex('o') }}", NULL},
    {"{{ 'abc def  ghi '.join(['a','b']) }}", "aabc def  ghi b"},
    {"{{ 'abc def  ghi '.join('ab') }}", "aabc def  ghi b"},
    {"{{ 'abc def  ghi '.join([1]) }}", NULL},
    {"{{ s.partition(' ') }}", "('Hello', ' ', 'World')"},
    {"{{ s.rpartition('o') }}", "('Hello W', 'o', 'rld')"},
    {"{{ s.removeprefix('He') }}", "llo World"},
    {"{{ s.removesuffix('ld') }}", "Hello Wor"},
    {"{{ s.split('') }}", NULL},
    {"{{ s.split(sep=' ',maxsplit=1) }}", "['Hello', 'World']"},
    {"{{ s.rsplit(maxsplit=1) }}", "['Hello', 'World']"},
    {"{{ s.find(1) }}", NULL},
    {"{{ s.startswith(1) }}", NULL},
    {"{{ s.replace('a') }}", NULL},
    {"{{ 'a,b'.split(',')|last }}{{ ('a</think>b'.split('</think>')|last).lstrip('\\n') }}", "bb"},
    {"{{ 'a</think>b'.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n'"
     ") }}",
        "a"},
    {"{{ '\\n'.join(['a','b']) }}{{ ', '.join(d) }}{{ '-'.join(m|sort) }}",
        "a\nba, B, c, itemsA-a-b-c"},
};

static void methods_str__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_str__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
