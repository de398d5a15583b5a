/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes, derived keys and random identifiers, against published vectors (FIPS 180-2, RFC 4231,
 * RFC 5869's construction).
 */
#include "sdk/core/crypto.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect_hex(const uint8_t *data, size_t size, const char *hex)
{
    char text[65];
    amphi__hex(text, data, size);
    assert_string_equal(text, hex);
}

static void crypto__published_vectors_hold(void **state)
{
    uint8_t out[32];
    uint8_t key[32] = "Jefe"; /* RFC 4231, case 2: a shorter key is the same padded with zeros */
    assert_int_equal(amphi__sha256(AMPHI_STR("abc"), out), AMPHI_OK);
    expect_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(amphi__sha256(amphi_str_make(NULL, 0), out), AMPHI_OK);
    expect_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(
        amphi__hmac_sha256(key, AMPHI_STR("what do ya want for nothing?"), out), AMPHI_OK);
    expect_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void crypto__derived_keys_differ_by_purpose(void **state)
{
    uint8_t key[32] = {1};
    uint8_t a[32], b[32], again[32];
    assert_int_equal(amphi__hkdf_sha256(key, AMPHI_STR("cache"), a), AMPHI_OK);
    assert_int_equal(amphi__hkdf_sha256(key, AMPHI_STR("store"), b), AMPHI_OK);
    assert_int_equal(amphi__hkdf_sha256(key, AMPHI_STR("cache"), again), AMPHI_OK);
    assert_false(amphi__bytes_equal(a, b, 32));
    assert_true(amphi__bytes_equal(a, again, 32));
}

static void crypto__uuids_are_version_4_and_differ(void **state)
{
    char a[37], b[37];
    assert_int_equal(amphi__uuid(a), AMPHI_OK);
    assert_int_equal(amphi__uuid(b), AMPHI_OK);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crypto__published_vectors_hold),
        cmocka_unit_test(crypto__derived_keys_differ_by_purpose),
        cmocka_unit_test(crypto__uuids_are_version_4_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
