/* SPDX-License-Identifier: Apache-2.0
 *
 * Unicode forms, and what is asked of single characters.
 */
#include "sdk/core/unicode.h"

#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_form(
    amphi_status (*form)(amphi_buf *out, amphi_str text), const char *text, const char *expected)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(form(&out, amphi_str_from(text)), AMPHI_OK);
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    amphi__buf_clear(&out);
}

static void unicode__nfc_joins_accents_and_keeps_what_a_reader_sees(void **state)
{
    assert_form(amphi__unicode_nfc, "", "");
    assert_form(amphi__unicode_nfc, "cafe\xcc\x81", "caf\xc3\xa9");
    assert_form(amphi__unicode_nfc, "caf\xc3\xa9", "caf\xc3\xa9");
    assert_form(amphi__unicode_nfc, "x\xc2\xb2", "x\xc2\xb2");       /* superscript two */
    assert_form(amphi__unicode_nfc, "\xef\xbc\xa1", "\xef\xbc\xa1"); /* full-width A */
    assert_form(amphi__unicode_nfc, "\xe2\x84\xab", "\xc3\x85");     /* angstrom sign */
    assert_form(amphi__unicode_nfc, "\xe1\x84\x92\xe1\x85\xa1", "\xed\x95\x98"); /* Hangul */
}

static void assert_found_as(uint32_t codepoint, const uint32_t *expected, size_t count)
{
    uint32_t found[AMPHI_UNICODE_FIND_MAX];
    assert_int_equal(amphi__unicode_find_character(codepoint, found), count);
    assert_memory_equal(found, expected, count * sizeof found[0]);
}

static void unicode__characters_are_found_without_case_accents_and_widths(void **state)
{
    assert_found_as('S', (const uint32_t[]){'s'}, 1);
    assert_found_as(0xC9, (const uint32_t[]){'e'}, 1);      /* E with acute */
    assert_found_as(0xDF, (const uint32_t[]){'s', 's'}, 2); /* sharp s */
    assert_found_as(0xFF21, (const uint32_t[]){'a'}, 1);    /* full-width A */
    assert_found_as(0x65E5, (const uint32_t[]){0x65E5}, 1); /* a Chinese character */
    assert_found_as(0xD558, (const uint32_t[]){0xD558}, 1); /* a Hangul syllable */
    assert_found_as(0xAD, (const uint32_t[]){0}, 0);        /* soft hyphen */
    assert_found_as(0x301, (const uint32_t[]){0}, 0);       /* combining acute */
}

static void unicode__invalid_text_is_refused_and_nothing_is_appended(void **state)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__unicode_nfc(&out, AMPHI_STR("a\xff")), AMPHI_E_FORMAT);
    assert_int_equal(amphi__unicode_nfc(&out, AMPHI_STR("\xc3")), AMPHI_E_FORMAT);
    assert_int_equal(out.size, 0);
    amphi__buf_clear(&out);
}

static void unicode__characters_have_their_classes(void **state)
{
    assert_true(amphi__unicode_is_letter(0x4E2D) && amphi__unicode_is_letter('z'));
    assert_false(amphi__unicode_is_letter('1') || amphi__unicode_is_letter('?'));
    assert_true(amphi__unicode_is_mark(0x301) && !amphi__unicode_is_mark('a'));
    assert_true(amphi__unicode_is_digit(0x664) && !amphi__unicode_is_digit(0xB2));
    assert_true(amphi__unicode_is_blank(0x3000) && amphi__unicode_is_blank('\n'));
    assert_true(amphi__unicode_is_blank(0xFEFF) && !amphi__unicode_is_blank('a'));
    assert_true(amphi__unicode_is_upper(0xC9) && amphi__unicode_is_lower(0xE9));
    assert_int_equal(amphi__unicode_to_lower(0x416), 0x436);
}

static void unicode__memory_that_runs_out_leaves_nothing_behind(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        failing_alloc_at(n);
        status = amphi__unicode_nfc(&out, AMPHI_STR("\xc3\x89tude \xe6\x97\xa5"));
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        amphi__buf_clear(&out);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unicode__nfc_joins_accents_and_keeps_what_a_reader_sees),
        cmocka_unit_test(unicode__characters_are_found_without_case_accents_and_widths),
        cmocka_unit_test(unicode__invalid_text_is_refused_and_nothing_is_appended),
        cmocka_unit_test(unicode__characters_have_their_classes),
        cmocka_unit_test(unicode__memory_that_runs_out_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
