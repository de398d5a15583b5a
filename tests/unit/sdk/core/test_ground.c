/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings, buffers, errors, crypto: the ground that everything stands on. Crypto is checked against
 * published vectors (FIPS 180-2, RFC 4231, RFC 5869's construction).
 */
#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"
#include "sdk/core/cancel.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void str__utf8_validity_follows_rfc_3629(void **state)
{
    static const char *const good[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc2",
        "\xe1\x80", "\xf1\x80\x80", "a\xc2g"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(amphi__utf8_is_valid(amphi_str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(amphi__utf8_is_valid(amphi_str_from(bad[i])));
}

static void str__every_character_survives_encode_and_decode(void **state)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
        char bytes[4];
        uint32_t back = 0;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        size_t size = amphi__utf8_encode(c, bytes);
        assert_int_equal(amphi__utf8_decode(amphi_str_make(bytes, size), &back), size);
        assert_int_equal(back, c);
        for (size_t cut = 1; cut < size; cut++) {
            assert_int_equal(amphi__utf8_decode(amphi_str_make(bytes, cut), &back), 0);
            assert_int_equal(amphi__utf8_complete_size(amphi_str_make(bytes, cut)), 0);
        }
        assert_int_equal(amphi__utf8_complete_size(amphi_str_make(bytes, size)), size);
    }
}

static void str__copies_are_cut_between_characters(void **state)
{
    char small[4];
    amphi__str_copy_to(small, sizeof small,
        AMPHI_STR("ab\xc3\xa9"
                  "c"));
    assert_string_equal(small, "ab");
    amphi__str_copy_to(small, sizeof small, AMPHI_STR("abc"));
    assert_string_equal(small, "abc");
    amphi__str_copy_to(small, 1, AMPHI_STR("abc"));
    assert_string_equal(small, "");
}

static void str__numbers_are_whole_or_nothing(void **state)
{
    uint64_t value = 0;
    assert_true(amphi__str_to_u64(AMPHI_STR("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_false(amphi__str_to_u64(AMPHI_STR("18446744073709551616"), &value));
    assert_false(amphi__str_to_u64(AMPHI_STR(""), &value));
    assert_false(amphi__str_to_u64(AMPHI_STR("1 "), &value));
    assert_false(amphi__str_to_u64(AMPHI_STR("-1"), &value));
}

static void str__cut_and_trim_and_find(void **state)
{
    amphi_str rest;
    amphi_str first = amphi__str_cut(AMPHI_STR("a=b=c"), '=', &rest);
    assert_true(amphi__str_equal_c(first, "a"));
    assert_true(amphi__str_equal_c(rest, "b=c"));
    first = amphi__str_cut(AMPHI_STR("abc"), '=', &rest);
    assert_true(amphi__str_equal_c(first, "abc"));
    assert_int_equal(rest.size, 0);
    assert_true(amphi__str_equal_c(amphi__str_trim(AMPHI_STR(" \t a b\r\n")), "a b"));
    assert_int_equal(amphi__str_find(AMPHI_STR("hello"), AMPHI_STR("lo")), 3);
    assert_true(amphi__str_find(AMPHI_STR("hello"), AMPHI_STR("x")) == SIZE_MAX);
}

static void buf__never_grows_past_its_ceiling(void **state)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 5);
    assert_int_equal(amphi__buf_append_c(&buf, "abc"), AMPHI_OK);
    assert_int_equal(amphi__buf_append_c(&buf, "def"), AMPHI_E_LIMIT);
    assert_int_equal(buf.size, 3);
    assert_string_equal(buf.data, "abc");
    assert_int_equal(amphi__buf_append_c(&buf, "de"), AMPHI_OK);
    assert_int_equal(buf.status, AMPHI_E_LIMIT);
    assert_null(amphi__buf_take(&buf));
    assert_int_equal(buf.size, 0);
}

static void buf__consume_and_take(void **state)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 0);
    amphi__buf_printf(&buf, "%s-%d", "abc", 42);
    amphi__buf_consume(&buf, 2);
    assert_string_equal(buf.data, "c-42");
    amphi__buf_consume(&buf, 99);
    assert_int_equal(buf.size, 0);
    char *taken = amphi__buf_take(&buf);
    assert_string_equal(taken, "");
    amphi__free(taken);
}

static void error__message_is_one_line_and_fits(void **state)
{
    amphi_error error;
    char name[400];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    name[3] = '\n';
    assert_int_equal(amphi__fail(&error, AMPHI_E_IO, 5, "%s", name), AMPHI_E_IO);
    assert_null(strchr(error.message, '\n'));
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_int_equal(amphi__fail(NULL, AMPHI_E_IO, 5, "%s", name), AMPHI_E_IO);
    assert_string_equal(amphi_status_name(AMPHI_E_ENGINE_DIED), "engine_died");
    assert_string_equal(amphi_status_name((amphi_status)999), "unknown");
}

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

static void cancel__deadline_and_flag(void **state)
{
    amphi_cancel cancel;
    amphi__cancel_init(&cancel, NULL, UINT64_MAX);
    assert_int_equal(amphi__cancel_check(&cancel), AMPHI_OK);
    amphi__cancel_now(&cancel);
    assert_int_equal(amphi__cancel_check(&cancel), AMPHI_E_CANCELLED);
    amphi__cancel_init(&cancel, NULL, 1);
    assert_int_equal(amphi__cancel_check(&cancel), AMPHI_E_TIMEOUT);
    assert_int_equal(amphi__cancel_check(NULL), AMPHI_OK);
}

static void thread__timed_wait_ends(void **state)
{
    amphi_mutex mutex;
    amphi_cond cond;
    assert_int_equal(amphi__mutex_init(&mutex), AMPHI_OK);
    assert_int_equal(amphi__cond_init(&cond), AMPHI_OK);
    amphi__mutex_lock(&mutex);
    uint64_t before = amphi__clock_us(NULL);
    assert_false(amphi__cond_wait_us(&cond, &mutex, 2000));
    assert_true(amphi__clock_us(NULL) - before >= 2000);
    amphi__mutex_unlock(&mutex);
    amphi__cond_clear(&cond);
    amphi__mutex_clear(&mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str__utf8_validity_follows_rfc_3629),
        cmocka_unit_test(str__every_character_survives_encode_and_decode),
        cmocka_unit_test(str__copies_are_cut_between_characters),
        cmocka_unit_test(str__numbers_are_whole_or_nothing),
        cmocka_unit_test(str__cut_and_trim_and_find),
        cmocka_unit_test(buf__never_grows_past_its_ceiling),
        cmocka_unit_test(buf__consume_and_take),
        cmocka_unit_test(error__message_is_one_line_and_fits),
        cmocka_unit_test(crypto__published_vectors_hold),
        cmocka_unit_test(crypto__derived_keys_differ_by_purpose),
        cmocka_unit_test(crypto__uuids_are_version_4_and_differ),
        cmocka_unit_test(cancel__deadline_and_flag),
        cmocka_unit_test(thread__timed_wait_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
