/* SPDX-License-Identifier: Apache-2.0
 *
 * The form of a list of pins: anything else might be read as a file's name.
 */
#include "remote/tls_pins_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PIN "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void pins__form_is_checked(void **state)
{
    static const char *const good[] = {"", PIN, PIN ";" PIN};
    static const char *const bad[] = {PIN ";", ";" PIN, PIN ";;" PIN,
        "sha256//short=", "/etc/ssl/key.pem",
        "sha1//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", PIN " ",
        "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==",
        PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN
            ";" PIN ";" PIN ";" PIN ";" PIN ";" PIN};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(amphi__tls_pins_format_check(amphi_str_from(good[i]), NULL), AMPHI_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            amphi__tls_pins_format_check(amphi_str_from(bad[i]), NULL), AMPHI_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins__form_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
