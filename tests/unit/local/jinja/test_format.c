/* SPDX-License-Identifier: Apache-2.0
 *
 * "%s" % values, "{}".format(values) and strftime.
 */
#include "tests/support/small_templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const template_case cases[] = {
    {"{{ s.format(1) }}", "Hello World"},
    {"{{ '%s is %d and %5.2f|%-5s|%05d|%x|%%' % ('a',3,2.5,'b',42,255) }}",
        "a is 3 and  2.50|b    |00042|ff|%"},
    {"{{ '%s' % 1 }}", "1"},
    {"{{ '%s %s' % (1,) }}", NULL},
    {"{{ '%s' % (1,2) }}", NULL},
    {"{{ '%(a)s-%(b)d' % {'a':1,'b':2} }}", "1-2"},
    {"{{ '%r' % 'x' }}", "'x'"},
    {"{{ '%s' % [1,2] }}", "[1, 2]"},
    {"{{ '%d' % 2.7 }}", "2"},
    {"{{ '%+d' % 5 }}", "+5"},
    {"{{ '%.3s' % 'abcdef' }}", "abc"},
    {"{{ '%d' % 'x' }}", NULL},
    {"{{ '%5s|' % true }}", " True|"},
    {"{{'%i' % 3}}", "3"},
    {"{{ '%.1f' % 0.25 }}", "0.2"},
    {"{{ '%.0f' % 2.5 }}", "2"},
    {"{{ 'a%' % 1 }}", NULL},
    {"{{ 'plain' % 1 }}", NULL},
    {"{{ 'plain' % [] }}", "plain"},
    {"{{ 'plain' % {} }}", "plain"},
    {"{{ '{} {}'.format(1,'a') }}", "1 a"},
    {"{{ '{0}{1}{0}'.format('a','b') }}", "aba"},
    {"{{ '{x}'.format(x=3) }}", "3"},
    {"{{ '{:>5}|{:<5}|{:^5}'.format('a','b','c') }}", "    a|b    |  c  "},
    {"{{ '{:.2f}'.format(3.14159) }}", "3.14"},
    {"{{ '{:05d}'.format(42) }}", "00042"},
    {"{{ '{{}}'.format() }}", "{}"},
    {"{{ '{:,}'.format(1234567) }}", "1,234,567"},
    {"{{ '{:.3e}|{:g}'.format(1234.5, 0.0001) }}", "1.234e+03|0.0001"},
    {"{{ '%g %e %G'|format(12345.678, 0, 1e20) }}", "12345.7 0.000000e+00 1E+20"},
    {"{{ '{}'.format() }}", NULL},
    {"{{ '{!r}'.format('a') }}", "'a'"},
    {"{{ '{:d}'.format(3) }}", "3"},
    {"{{ '{:x}'.format(255) }}", "ff"},
    {"{{ '{:*^9}'.format('mid') }}", "***mid***"},
    {"{{ '{0.a}'.format(d) }}", "1"},
    {"{{ '{a[b]}'.format(a={'b':1}) }}", "1"},
    {"{{ '{'.format() }}", NULL},
    {"{{ '{:5}|'.format(3) }}", "    3|"},
    {"{{ '{:5}|'.format('x') }}", "x    |"},
    {"{{ '{:.1%}'.format(0.5) }}", "50.0%"},
    {"{{ '{:,.2f}'.format(1234567.891) }}", "1,234,567.89"},
    {"{{ '%s|%s'|format(1,2) }}", "1|2"},
    {"{{ '%(x)s'|format(x=1) }}", "1"},
    {"{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %y %p %I %e|%-d %-m|%%') }}",
        "2026-01-02 03:04:05 January Jan Friday Fri 002 26 AM 03  2|2 1|%"},
    {"{{ strftime_now('%V %-V %g %-g %-G') }}", "01 1 26 26 2026"},
    {"{{ strftime_now('%d %b %Y') }}{{ strftime_now('%F %T %D %R %c %x %X %Z %z %f %u %w')"
     " }}",
        "02 Jan 20262026-01-02 03:04:05 01/02/26 03:04 Fri Jan  2 03:04:05 2026 01/02/26 03:0"
        "4:05   000000 5 5"},
    {"{{ '%.2f' % 1 }}{{ '%s' % none }}{{ '%s' % d }}",
        "1.00None{'a': 1, 'B': 2, 'c': [1, 2, {'x': None}], 'items': 5}"},
};

static void format__small_templates_agree_with_the_reference(void **state)
{
    template_check_cases(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format__small_templates_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
