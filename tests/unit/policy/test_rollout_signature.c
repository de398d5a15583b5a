/* SPDX-License-Identifier: Apache-2.0
 *
 * Signed payloads: what is signed is taken, and nothing near it. The same over store and network:
 * test_rollout_signed.c.
 */
#include "policy/rollout_signature.h"
#include "sdk/core/base64url.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define PAYLOAD "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"total_ms\":50999}}}}\n"
#define NOW     1800000000
#define DAY     (24 * 3600)

static uint8_t private_keys[2][AMPHI_P256_PRIVATE_BYTES];
static amphi_rollout_keys pinned; /* the first */

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        amphi_rollout_key key;
        assert_int_equal(amphi__p256_generate(private_keys[i], key.point), AMPHI_OK);
        assert_int_equal(amphi__rollout_kid(key.point, key.kid), AMPHI_OK);
        if (i == 0)
            pinned.keys[pinned.count++] = key;
    }
    return 0;
}

static void sign(amphi_buf *out, size_t key, uint64_t version, const char *payload)
{
    const amphi_rollout_claims claims = {
        .version = version, .issued_s = NOW, .expires_s = NOW + 30 * DAY};
    assert_int_equal(
        amphi__rollout_sign_line(out, &claims, private_keys[key], amphi_str_from(payload), NULL),
        AMPHI_OK);
}

static amphi_status check(amphi_str signature, amphi_str payload)
{
    amphi_rollout_claims claims;
    amphi_error error;
    amphi_status status =
        amphi__rollout_signature_check(&claims, &pinned, signature, payload, &error);
    assert_true(status == AMPHI_OK ? claims.version > 0 : claims.version == 0);
    assert_true(status == AMPHI_OK || error.message[0] != '\0');
    return status;
}

static void signature__says_who_what_and_until_when(void **state)
{
    (void)state;
    amphi_buf text;
    amphi_rollout_claims claims;
    amphi__buf_init(&text, 0);
    sign(&text, 0, 42, PAYLOAD);
    assert_int_equal(amphi__rollout_signature_check(
                         &claims, &pinned, amphi__buf_str(&text), AMPHI_STR(PAYLOAD), NULL),
        AMPHI_OK);
    assert_int_equal(claims.version, 42);
    assert_int_equal(claims.issued_s, NOW);
    assert_int_equal(claims.expires_s, NOW + 30 * DAY);
    assert_string_equal(claims.kid, pinned.keys[0].kid);
    assert_int_equal(strlen(claims.kid), 43);
    amphi__buf_clear(&text);
}

/* Every single bit of payload and signature. */
static void signature__no_flipped_bit_is_accepted(void **state)
{
    (void)state;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    sign(&text, 0, 42, PAYLOAD);
    char payload[] = PAYLOAD;
    const size_t payload_size = sizeof payload - 1;
    unsigned accepted = 0;
    unsigned tried = 0;
    for (size_t bit = 0; bit < 8 * payload_size; bit++, tried++) {
        payload[bit / 8] = (char)(payload[bit / 8] ^ 1 << bit % 8);
        accepted += check(amphi__buf_str(&text), amphi_str_make(payload, payload_size)) == AMPHI_OK;
        payload[bit / 8] = (char)(payload[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * text.size; bit++, tried++) {
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ 1 << bit % 8);
        accepted += check(amphi__buf_str(&text), amphi_str_make(payload, payload_size)) == AMPHI_OK;
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ 1 << bit % 8);
    }
    printf("%u of %u flipped bits accepted\n", accepted, tried);
    assert_int_equal(accepted, 0);
    assert_int_equal(check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD)), AMPHI_OK);
    amphi__buf_clear(&text);
}

static void signature__no_cut_and_no_addition_is_accepted(void **state)
{
    (void)state;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    sign(&text, 0, 42, PAYLOAD);
    for (size_t size = 0; size < text.size; size++)
        assert_int_not_equal(check(amphi_str_make(text.data, size), AMPHI_STR(PAYLOAD)), AMPHI_OK);
    for (size_t size = 0; size < strlen(PAYLOAD); size += 7)
        assert_int_equal(
            check(amphi__buf_str(&text), amphi_str_make(PAYLOAD, size)), AMPHI_E_CORRUPT);
    assert_int_equal(check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD " ")), AMPHI_E_CORRUPT);
    amphi__buf_clear(&text);
}

/* A header of another form, signed with the right key, for what a lax reader would take. */
static void signature__no_other_header_is_accepted(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":1}",
        "{\"alg\":\"ES256\",\"b64\":true,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":1}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\"],\"exp\":1800000001,\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":1}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\",\"x\"],\"exp\":"
        "1800000001,"
        "\"iat\":1800000000,\"kid\":\"%s\",\"ver\":1}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"iat\":1800000000,"
        "\"kid\":\"%s\",\"ver\":1}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":0}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":1.0}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":\"1\"}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":1,\"ver\":2}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\",\"exp\",\"ver\"],\"exp\":1800000001,"
        "\"iat\":"
        "1800000000,\"kid\":\"%s\",\"ver\":1,\"jwk\":{}}",
        "[\"%s\"]",
        "{\"kid\":\"%s\"",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        char json[600];
        uint8_t signature[AMPHI_P256_SIGNATURE_BYTES] = {1};
        amphi_buf text;
        amphi__buf_init(&text, 0);
        int size = snprintf(json, sizeof json, headers[i], pinned.keys[0].kid);
        amphi__base64url_write(&text, json, (size_t)size);
        amphi__buf_append_c(&text, "..");
        amphi__base64url_write(&text, signature, sizeof signature);
        amphi__buf_append_char(&text, '\n');
        if (check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD)) != AMPHI_E_FORMAT)
            fail_msg("%s", json);
        amphi__buf_clear(&text);
    }
}

static void keys__rotate_with_an_overlap(void **state)
{
    (void)state;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    sign(&text, 1, 7, PAYLOAD); /* the new key alone: this app does not pin it yet */
    assert_int_equal(check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD)), AMPHI_E_CORRUPT);
    sign(&text, 0, 7, PAYLOAD);
    assert_int_equal(check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD)), AMPHI_OK);
    for (size_t i = 0; i < AMPHI_ROLLOUT_LINES_MAX; i++)
        sign(&text, 1, 7, PAYLOAD);
    assert_int_equal(check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD)), AMPHI_OK);
    amphi__buf_truncate(&text, 0);
    for (size_t i = 0; i <= AMPHI_ROLLOUT_LINES_MAX; i++)
        sign(&text, 1, 7, PAYLOAD);
    assert_int_equal(check(amphi__buf_str(&text), AMPHI_STR(PAYLOAD)), AMPHI_E_FORMAT);
    amphi__buf_clear(&text);
}

static void keys__are_read_or_refused_with_a_reason(void **state)
{
    (void)state;
    amphi_buf text;
    amphi_rollout_keys keys;
    amphi_error error;
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__buf_reserve(&text, 1000), AMPHI_OK); /* it is appended to itself */
    amphi__base64url_write(&text, pinned.keys[0].point, sizeof pinned.keys[0].point);
    amphi__buf_append_c(&text, "; ");
    amphi__base64url_write(&text, pinned.keys[0].point, sizeof pinned.keys[0].point);
    amphi__buf_append_c(&text, ";\n");
    assert_int_equal(amphi__rollout_keys_parse(&keys, amphi__buf_str(&text), &error), AMPHI_OK);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.keys[1].kid, pinned.keys[0].kid);
    static const char *const wrong[] = {"x", "BAAA", "sha256//x",
        "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(
            amphi__rollout_keys_parse(&keys, amphi_str_from(wrong[i]), &error), AMPHI_E_ARGUMENT);
    for (int i = 0; i < 3; i++)
        amphi__buf_append_str(&text, amphi_str_make(text.data, 88));
    assert_int_equal(
        amphi__rollout_keys_parse(&keys, amphi__buf_str(&text), &error), AMPHI_E_ARGUMENT);
    amphi__buf_clear(&text);
}

/* RFC 7638 has an example of RSA only; this one was computed with Python's hashlib, of the key of
 * RFC 7515, appendix A.3. */
static void keys__are_named_by_their_thumbprint(void **state)
{
    (void)state;
    uint8_t point[AMPHI_P256_PUBLIC_BYTES] = {4};
    char kid[AMPHI_ROLLOUT_KID_MAX];
    assert_int_equal(amphi__base64url_read_exactly(
                         point + 1, 32, AMPHI_STR("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")),
        AMPHI_OK);
    assert_int_equal(amphi__base64url_read_exactly(
                         point + 33, 32, AMPHI_STR("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")),
        AMPHI_OK);
    assert_int_equal(amphi__rollout_kid(point, kid), AMPHI_OK);
    assert_string_equal(kid, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

static void claims__of_version_and_time(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        amphi_rollout_claims claims;
        amphi_rollout_floor floor;
        int64_t now_s;
        amphi_status status;
    } table[] = {
        {"the first one", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY}, {0}, NOW,
            AMPHI_OK},
        {"a newer one", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY},
            {.version = 4, .issued_s = NOW - DAY, .digest = {1}}, NOW, AMPHI_OK},
        {"the same one", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY},
            {.version = 5, .issued_s = NOW}, NOW, AMPHI_OK},
        {"the same one, signed for longer",
            {.version = 5, .issued_s = NOW + DAY, .expires_s = NOW + 30 * DAY},
            {.version = 5, .issued_s = NOW}, NOW + DAY, AMPHI_OK},
        {"an older one", {.version = 3, .issued_s = NOW, .expires_s = NOW + DAY}, {.version = 4},
            NOW, AMPHI_E_REFUSED},
        {"another of the same version", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY},
            {.version = 5, .digest = {1}}, NOW, AMPHI_E_REFUSED},
        {"the last second", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY}, {0}, NOW + DAY,
            AMPHI_OK},
        {"expired", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY}, {0}, NOW + DAY + 1,
            AMPHI_E_REFUSED},
        {"expired, and the clock was set back",
            {.version = 5, .issued_s = NOW - 9 * DAY, .expires_s = NOW - DAY},
            {.version = 4, .issued_s = NOW}, NOW - 8 * DAY, AMPHI_E_REFUSED},
        {"a clock a year ahead", {.version = 5, .issued_s = NOW, .expires_s = NOW + 30 * DAY}, {0},
            NOW + 365 * DAY, AMPHI_E_REFUSED},
        {"a clock a year behind", {.version = 5, .issued_s = NOW, .expires_s = NOW + 30 * DAY}, {0},
            NOW - 365 * DAY, AMPHI_E_REFUSED},
        {"a clock a day behind", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY}, {0},
            NOW - DAY, AMPHI_OK},
        {"no clock", {.version = 5, .issued_s = NOW, .expires_s = NOW + DAY}, {0}, 0,
            AMPHI_E_REFUSED},
        {"a clock before 1970", {.version = 5, .issued_s = 1, .expires_s = 2}, {0}, -5,
            AMPHI_E_REFUSED},
        {"for ever", {.version = 5, .issued_s = NOW, .expires_s = NOW + 181 * DAY}, {0}, NOW,
            AMPHI_E_REFUSED},
        {"an expiry before its time", {.version = 5, .issued_s = NOW, .expires_s = NOW - 1}, {0},
            NOW - 2, AMPHI_E_REFUSED},
        {"the largest numbers",
            {.version = AMPHI_ROLLOUT_VERSION_MAX,
                .issued_s = AMPHI_ROLLOUT_VERSION_MAX,
                .expires_s = AMPHI_ROLLOUT_VERSION_MAX},
            {0}, INT64_MAX - 2 * DAY, AMPHI_E_REFUSED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        amphi_error error;
        amphi_status status =
            amphi__rollout_claims_admit(&table[i].claims, &table[i].floor, table[i].now_s, &error);
        if (status != table[i].status)
            fail_msg("%s: %s", table[i].what, amphi_status_name(status));
    }
}

static void floor__only_rises(void **state)
{
    (void)state;
    amphi_rollout_floor floor = {.version = 4, .issued_s = NOW, .digest = {4}};
    const amphi_rollout_claims older = {.version = 3, .issued_s = NOW + 5, .digest = {3}};
    const amphi_rollout_claims newer = {.version = 9, .issued_s = NOW - 5, .digest = {9}};
    amphi__rollout_floor_raise(&floor, &older);
    assert_int_equal(floor.version, 4);
    assert_int_equal(floor.digest[0], 4);
    assert_int_equal(floor.issued_s, NOW + 5);
    amphi__rollout_floor_raise(&floor, &newer);
    assert_int_equal(floor.version, 9);
    assert_int_equal(floor.digest[0], 9);
    assert_int_equal(floor.issued_s, NOW + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature__says_who_what_and_until_when),
        cmocka_unit_test(signature__no_flipped_bit_is_accepted),
        cmocka_unit_test(signature__no_cut_and_no_addition_is_accepted),
        cmocka_unit_test(signature__no_other_header_is_accepted),
        cmocka_unit_test(keys__rotate_with_an_overlap),
        cmocka_unit_test(keys__are_read_or_refused_with_a_reason),
        cmocka_unit_test(keys__are_named_by_their_thumbprint),
        cmocka_unit_test(claims__of_version_and_time),
        cmocka_unit_test(floor__only_rises),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
