/* SPDX-License-Identifier: Apache-2.0
 *
 * Code points, blanks, letters and case, as Python's str has them.
 */
#include "local/jinja/unicode.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void unicode__characters_are_read_from_both_sides(void **state)
{
    static const uint32_t codes[] = {
        'a', 0xE9, 0x4F60, 0x1F600, 'z', 0x7FF, 0x800, 0xFFFF, 0x10000};
    amphi_buf text;
    amphi__buf_init(&text, 0);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        amphi__jinja_put_char(&text, codes[i]);
    amphi_str all = amphi__buf_str(&text);
    assert_int_equal(amphi__jinja_char_count(all), sizeof codes / sizeof codes[0]);
    size_t at = 0;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        size_t size = 0;
        assert_int_equal(amphi__jinja_char_offset(all, i), at);
        assert_int_equal(amphi__jinja_char_at(all, at, &size), codes[i]);
        at += size;
        size_t back = 0;
        assert_int_equal(amphi__jinja_char_before(all, at, &back), codes[i]);
        assert_int_equal(back, size);
    }
    assert_int_equal(at, all.size);
    assert_int_equal(amphi__jinja_char_offset(all, 100), all.size);
    amphi__buf_clear(&text);
}

static void unicode__classes_are_pythons(void **state)
{
    static const struct {
        uint32_t code;
        bool space, alpha, digit, printable;
    } rows[] = {{' ', true, false, false, true}, {'\t', true, false, false, false},
        {'a', false, true, false, true}, {'5', false, false, true, true},
        {'_', false, false, false, true}, {0xA0, true, false, false, false},
        {0xE9, false, true, false, true}, {0x4F60, false, true, false, true},
        {0x2028, true, false, false, false}, {0x3000, true, false, false, false},
        {0x200B, false, false, false, false}, {0x663, false, false, true, true},
        {0x7F, false, false, false, false}, {0x1F600, false, false, false, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t c = rows[i].code;
        if (amphi__jinja_is_space(c) != rows[i].space ||
            amphi__jinja_is_alpha(c) != rows[i].alpha ||
            amphi__jinja_is_digit(c) != rows[i].digit ||
            amphi__jinja_is_printable(c) != rows[i].printable)
            fail_msg("U+%04X", (unsigned)c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unicode__characters_are_read_from_both_sides),
        cmocka_unit_test(unicode__classes_are_pythons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
