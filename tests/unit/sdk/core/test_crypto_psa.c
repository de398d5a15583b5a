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

/* GCM specification (McGrew, Viega), test case 14: a key, a nonce and a block of zeros. */
static void crypto__open_takes_the_published_vector(void **state)
{
    static const uint8_t sealed[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xce, 0xa7, 0x40, 0x3d,
        0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8,
        0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    const uint8_t key[32] = {0};
    const char zeros[16] = {0};
    amphi_buf plain;
    amphi__buf_init(&plain, 0);
    assert_int_equal(amphi__open(key, amphi_str_make(NULL, 0),
                         amphi_str_make((const char *)sealed, sizeof sealed), &plain),
        AMPHI_OK);
    assert_int_equal(plain.size, sizeof zeros);
    assert_memory_equal(plain.data, zeros, sizeof zeros);
    amphi__buf_clear(&plain);
}

static void crypto__what_was_sealed_opens_only_unchanged(void **state)
{
    uint8_t key[32] = {7};
    const amphi_str text = AMPHI_STR("the answer");
    amphi_buf sealed, again, plain;
    amphi__buf_init(&sealed, 0);
    amphi__buf_init(&again, 0);
    amphi__buf_init(&plain, 0);
    assert_int_equal(amphi__seal(key, AMPHI_STR("row 1"), text, &sealed), AMPHI_OK);
    assert_int_equal(amphi__seal(key, AMPHI_STR("row 1"), text, &again), AMPHI_OK);
    assert_int_equal(sealed.size, text.size + AMPHI_SEAL_BYTES);
    assert_memory_not_equal(sealed.data, again.data, sealed.size);
    assert_int_equal(
        amphi__open(key, AMPHI_STR("row 1"), amphi__buf_str(&sealed), &plain), AMPHI_OK);
    assert_true(amphi__str_equal(amphi__buf_str(&plain), text));
    amphi__buf_reset(&plain);
    assert_int_equal(
        amphi__open(key, AMPHI_STR("row 2"), amphi__buf_str(&sealed), &plain), AMPHI_E_CORRUPT);
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(
            amphi__open(key, AMPHI_STR("row 1"), amphi__buf_str(&sealed), &plain), AMPHI_E_CORRUPT);
        sealed.data[i] ^= 1;
    }
    for (size_t size = 0; size < sealed.size; size++)
        assert_int_equal(
            amphi__open(key, AMPHI_STR("row 1"), amphi_str_make(sealed.data, size), &plain),
            AMPHI_E_CORRUPT);
    key[31] ^= 1;
    assert_int_equal(
        amphi__open(key, AMPHI_STR("row 1"), amphi__buf_str(&sealed), &plain), AMPHI_E_CORRUPT);
    assert_int_equal(plain.size, 0);
    amphi__buf_clear(&plain);
    amphi__buf_clear(&again);
    amphi__buf_clear(&sealed);
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
        cmocka_unit_test(crypto__open_takes_the_published_vector),
        cmocka_unit_test(crypto__what_was_sealed_opens_only_unchanged),
        cmocka_unit_test(crypto__derived_keys_differ_by_purpose),
        cmocka_unit_test(crypto__uuids_are_version_4_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
