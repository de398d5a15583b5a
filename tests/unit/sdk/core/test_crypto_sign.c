/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/crypto_sign.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sdk/core/base64url.h"
#include "sdk/core/crypto.h"

/* RFC 7515, appendix A.3. */
#define PRIVATE "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define X       "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y       "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define SIGNATURE                                                                                  \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define MESSAGE                                                                                    \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN" \
    "vbS9pc19yb290Ijp0cnVlfQ"

static void read_exactly(void *out, size_t size, const char *text)
{
    assert_int_equal(amphi__base64url_read_exactly(out, size, amphi_str_from(text)), AMPHI_OK);
}

static void published(uint8_t *private_key, uint8_t *public_key, uint8_t *digest)
{
    read_exactly(private_key, 32, PRIVATE);
    public_key[0] = 4;
    read_exactly(public_key + 1, 32, X);
    read_exactly(public_key + 33, 32, Y);
    assert_int_equal(amphi__sha256(AMPHI_STR(MESSAGE), digest), AMPHI_OK);
}

static void p256__accepts_the_published_signature(void **state)
{
    (void)state;
    uint8_t private_key[32], public_key[65], derived[65], digest[32], signature[64];
    published(private_key, public_key, digest);
    read_exactly(signature, 64, SIGNATURE);
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_OK);
    assert_int_equal(amphi__p256_public(private_key, derived), AMPHI_OK);
    assert_memory_equal(derived, public_key, 65);
}

static void p256__what_is_signed_is_accepted_and_nothing_near_it(void **state)
{
    (void)state;
    uint8_t private_key[32], public_key[65], other[65], digest[32] = {7}, signature[64];
    assert_int_equal(amphi__p256_generate(private_key, other), AMPHI_OK);
    assert_int_equal(amphi__p256_generate(private_key, public_key), AMPHI_OK);
    assert_int_equal(amphi__p256_sign(private_key, digest, signature), AMPHI_OK);
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_OK);
    assert_int_equal(amphi__p256_verify(other, digest, signature), AMPHI_E_CORRUPT);
    for (size_t bit = 0; bit < 512; bit += 37) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_E_CORRUPT);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    digest[31] ^= 1;
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_E_CORRUPT);
    memset(signature, 0, sizeof signature);
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_E_CORRUPT);
    memset(signature, 0xff, sizeof signature);
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_E_CORRUPT);
}

static void p256__what_is_no_key_is_refused(void **state)
{
    (void)state;
    uint8_t private_key[32] = {0}, public_key[65], digest[32] = {0}, signature[64] = {1};
    assert_int_equal(amphi__p256_public(private_key, public_key), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi__p256_sign(private_key, digest, signature), AMPHI_E_ARGUMENT);
    memset(private_key, 0xff, sizeof private_key);
    assert_int_equal(amphi__p256_public(private_key, public_key), AMPHI_E_ARGUMENT);
    published(private_key, public_key, digest);
    public_key[64] ^= 1; /* not on the curve */
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_E_ARGUMENT);
    public_key[64] ^= 1;
    public_key[0] = 6;
    assert_int_equal(amphi__p256_verify(public_key, digest, signature), AMPHI_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p256__accepts_the_published_signature),
        cmocka_unit_test(p256__what_is_signed_is_accepted_and_nothing_near_it),
        cmocka_unit_test(p256__what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
