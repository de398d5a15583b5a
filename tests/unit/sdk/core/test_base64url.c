/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/base64url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sdk/core/str.h"

/* RFC 4648, section 10, and the two characters that differ from base64. */
static const struct {
    const char *bytes;
    size_t size;
    const char *text;
} pairs[] = {{"", 0, ""}, {"f", 1, "Zg"}, {"fo", 2, "Zm8"}, {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg"}, {"fooba", 5, "Zm9vYmE"}, {"foobar", 6, "Zm9vYmFy"},
    {"\xff\xef\xfe", 3, "_-_-"}, {"\0\0\0\0", 4, "AAAAAA"}};

static void base64url__has_one_text_for_each_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        assert_int_equal(amphi__base64url_write(&out, pairs[i].bytes, pairs[i].size), AMPHI_OK);
        assert_true(amphi__str_equal_c(amphi__buf_str(&out), pairs[i].text));
        amphi__buf_truncate(&out, 0);
        assert_int_equal(amphi__base64url_read(&out, amphi_str_from(pairs[i].text)), AMPHI_OK);
        assert_true(
            amphi__str_equal(amphi__buf_str(&out), amphi_str_make(pairs[i].bytes, pairs[i].size)));
        char room[16];
        assert_int_equal(
            amphi__base64url_read_exactly(room, pairs[i].size, amphi_str_from(pairs[i].text)),
            AMPHI_OK);
        assert_int_equal(
            amphi__base64url_read_exactly(room, pairs[i].size + 1, amphi_str_from(pairs[i].text)),
            AMPHI_E_FORMAT);
        amphi__buf_clear(&out);
    }
}

/* Padding, the other alphabet, blanks, a single character, bits that are left over. */
static void base64url__refuses_every_other_text(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Zg==", "Zm9v\n", " Zm9v", "+/+/", "Z", "Zm9vY", "Zh",
        "Zm9", "Zm9vYh", "Zm=v", "Zm9v.", "\xc3\xa4\x41\x41"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        amphi__buf_append_c(&out, "x");
        if (amphi__base64url_read(&out, amphi_str_from(wrong[i])) != AMPHI_E_FORMAT)
            fail_msg("%s", wrong[i]);
        assert_true(amphi__str_equal_c(amphi__buf_str(&out), "x"));
        amphi__buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url__has_one_text_for_each_bytes),
        cmocka_unit_test(base64url__refuses_every_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
