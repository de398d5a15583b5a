/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/crypto_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static amphi_bytes text(const char *words)
{
    return (amphi_bytes){(const uint8_t *)words, strlen(words)};
}

static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return size;
}

static void assert_hex(const uint8_t *got, const char *hex)
{
    uint8_t wanted[128];
    size_t size = from_hex(wanted, hex);
    assert_memory_equal(got, wanted, size);
}

/* RFC 2202 (SHA-1) and RFC 4231, the cases of a short key and of one longer than a block. */
static void page_hmac__gives_the_published_values(void **state)
{
    uint8_t out[AMPHI_HASH_BYTES_MAX], key[131];
    (void)state;
    const amphi_bytes jefe = {(const uint8_t *)"Jefe", 4};
    amphi_bytes what = text("what do ya want "), nothing = text("for nothing?");
    assert_true(amphi__page_hmac(AMPHI_HASH_SHA1, jefe, what, nothing, out));
    assert_hex(out, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_true(amphi__page_hmac(AMPHI_HASH_SHA256, jefe, what, nothing, out));
    assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_true(amphi__page_hmac(AMPHI_HASH_SHA512, jefe, what, nothing, out));
    assert_hex(out, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    memset(key, 0xaa, sizeof key);
    amphi_bytes large = text("Test Using Larger Than Block-Size Key - Hash Key First");
    assert_true(amphi__page_hmac(
        AMPHI_HASH_SHA1, (amphi_bytes){key, 80}, large, (amphi_bytes){NULL, 0}, out));
    assert_hex(out, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    assert_true(amphi__page_hmac(
        AMPHI_HASH_SHA256, (amphi_bytes){key, 131}, large, (amphi_bytes){NULL, 0}, out));
    assert_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_true(amphi__page_hmac(
        AMPHI_HASH_SHA512, (amphi_bytes){key, 131}, large, (amphi_bytes){NULL, 0}, out));
    assert_hex(out, "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
                    "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

/* RFC 6070. */
static void page_kdf__gives_the_published_values(void **state)
{
    uint8_t out[25];
    (void)state;
    assert_true(amphi__page_kdf(AMPHI_HASH_SHA1, text("password"), text("salt"), 1, out, 20));
    assert_hex(out, "0c60c80f961f0e71f3a9b524af6012062fe037a6");
    assert_true(amphi__page_kdf(AMPHI_HASH_SHA1, text("password"), text("salt"), 2, out, 20));
    assert_hex(out, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
    assert_true(amphi__page_kdf(AMPHI_HASH_SHA1, text("passwordPASSWORDpassword"),
        text("saltSALTsaltSALTsaltSALTsaltSALTsalt"), 4096, out, 25));
    assert_hex(out, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
    assert_false(amphi__page_kdf(AMPHI_HASH_SHA1, text("password"), text("salt"), 0, out, 20));
}

/* NIST SP 800-38A, F.2.5 and F.2.6. */
static void page_cipher__gives_the_published_values(void **state)
{
    uint8_t key[32], iv[16], plain[64], out[64];
    (void)state;
    from_hex(key, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    from_hex(iv, "000102030405060708090a0b0c0d0e0f");
    from_hex(plain, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    assert_true(
        amphi__page_cipher(key, iv, AMPHI_PAGE_ENCRYPT, (amphi_bytes){plain, sizeof plain}, out));
    assert_hex(out, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
                    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b");
    assert_true(
        amphi__page_cipher(key, iv, AMPHI_PAGE_DECRYPT, (amphi_bytes){out, sizeof out}, out));
    assert_memory_equal(out, plain, sizeof plain);
}

static void page_cipher__refuses_half_a_block_and_leaves_no_plain_text(void **state)
{
    uint8_t key[32] = {1}, iv[16] = {2}, plain[20], out[20], zeros[20] = {0};
    (void)state;
    memset(plain, 'p', sizeof plain);
    memset(out, 'p', sizeof out);
    assert_false(
        amphi__page_cipher(key, iv, AMPHI_PAGE_ENCRYPT, (amphi_bytes){plain, sizeof plain}, out));
    assert_memory_equal(out, zeros, sizeof out);
}

static void page_random__differs_over_its_whole_length(void **state)
{
    static uint8_t a[1000], b[1000];
    (void)state;
    assert_true(amphi__page_random(a, sizeof a));
    assert_true(amphi__page_random(b, sizeof b));
    for (size_t at = 0; at + 20 <= sizeof a; at += 20)
        assert_memory_not_equal(a + at, b + at, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_hmac__gives_the_published_values),
        cmocka_unit_test(page_kdf__gives_the_published_values),
        cmocka_unit_test(page_cipher__gives_the_published_values),
        cmocka_unit_test(page_cipher__refuses_half_a_block_and_leaves_no_plain_text),
        cmocka_unit_test(page_random__differs_over_its_whole_length),
    };
    return cmocka_run_group_tests_name("unit.sdk.core.crypto_page", tests, NULL, NULL);
}
