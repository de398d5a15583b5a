/* SPDX-License-Identifier: Apache-2.0
 *
 * Python's str methods that test or change single characters.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ s.strip() }}", "Hello World"},
    {"{{ s.center(-9223372036854775807) }}", "Hello World"},
    {"{{ s.zfill(-9223372036854775807) }}", "Hello World"},
    {"{{ s.strip('Hd ') }}", "ello Worl"},
    {"{{ s.lstrip() }}", "Hello World"},
    {"{{ s.rstrip() }}", "Hello World"},
    {"{{ s.lstrip('H') }}", "ello World"},
    {"{{ s.rstrip('d\n') }}", "Hello Worl"},
    {"{{ s.upper() }}", "HELLO WORLD"},
    {"{{ s.lower() }}", "hello world"},
    {"{{ s.title() }}", "Hello World"},
    {"{{ s.capitalize() }}", "Hello world"},
    {"{{ s.swapcase() }}", "hELLO wORLD"},
    {"{{ s.casefold() }}", "hello world"},
    {"{{ s.isdigit() }}", "False"},
    {"{{ s.isalpha() }}", "False"},
    {"{{ s.isalnum() }}", "False"},
    {"{{ s.isspace() }}", "False"},
    {"{{ s.islower() }}", "False"},
    {"{{ s.isupper() }}", "False"},
    {"{{ s.istitle() }}", "True"},
    {"{{ ws.strip() }}", "a  b\t c"},
    {"{{ ws.strip('Hd ') }}", "a  b\t c \n"},
    {"{{ ws.lstrip() }}", "a  b\t c \n"},
    {"{{ ws.rstrip() }}", "  a  b\t c"},
    {"{{ ws.lstrip('H') }}", "  a  b\t c \n"},
    {"{{ ws.rstrip('d\n') }}", "  a  b\t c "},
    {"{{ ws.isalpha() }}", "False"},
    {"{{ ws.isalnum() }}", "False"},
    {"{{ ws.isspace() }}", "False"},
    {"{{ ws.islower() }}", "True"},
    {"{{ ws.isupper() }}", "False"},
    {"{{ ws.istitle() }}", "False"},
    {"{{ 'abc def  ghi '.strip() }}", "abc def  ghi"},
    {"{{ 'abc def  ghi '.strip('Hd ') }}", "abc def  ghi"},
    {"{{ 'abc def  ghi '.lstrip() }}", "abc def  ghi "},
    {"{{ 'abc def  ghi '.rstrip() }}", "abc def  ghi"},
    {"{{ 'abc def  ghi '.lstrip('H') }}", "abc def  ghi "},
    {"{{ 'abc def  ghi '.rstrip('d\n') }}", "abc def  ghi "},
    {"{{ 'abc def  ghi '.isalpha() }}", "False"},
    {"{{ 'abc def  ghi '.isalnum() }}", "False"},
    {"{{ 'abc def  ghi '.isspace() }}", "False"},
    {"{{ 'abc def  ghi '.islower() }}", "True"},
    {"{{ 'abc def  ghi '.isupper() }}", "False"},
    {"{{ 'abc def  ghi '.istitle() }}", "False"},
    {"{{ s.isascii() }}", "True"},
    {"{{ s.isidentifier() }}", "False"},
    {"{{ s.isprintable() }}", "True"},
    {"{{ s.isdecimal() }}", "False"},
    {"{{ s.zfill(15) }}", "0000Hello World"},
    {"{{ s.ljust(15)~'|' }}", "Hello World    |"},
    {"{{ s.rjust(15,'*') }}", "****Hello World"},
    {"{{ s.center(16,'-') }}", "--Hello World---"},
    {"{{ s.strip(none) }}", "Hello World"},
    {"{{ s.upper(1) }}", NULL},
    {"{{ '\303\237'.upper() }}{{ '\303\277'.upper() }}{{ '\320\257'.lower() }}{{ '\316\243"
     "'.lower() }}{{ '\305\201\303\223D\305\271'|lower }}",
        "SS\305\270\321\217\317\203\305\202\303\263d\305\272"},
};

static void methods_str_chars__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_str_chars__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
