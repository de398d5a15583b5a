/* SPDX-License-Identifier: Apache-2.0
 *
 * Which URLs may leave the device, what counts as this machine itself, and where the dialect's path
 * goes.
 */
#include "remote/url.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void url__parts_are_found(void **state)
{
    amphi_url url;
    assert_int_equal(
        amphi__url_parse(&url, AMPHI_STR("HTTPS://api.example.com/v1?api-version=2"), NULL),
        AMPHI_OK);
    assert_true(url.is_https);
    assert_true(amphi__str_equal_c(url.host, "api.example.com"));
    assert_int_equal(url.port, 443);
    assert_true(amphi__str_equal_c(url.path, "/v1"));
    assert_true(amphi__str_equal_c(url.query, "?api-version=2"));
    assert_int_equal(amphi__url_parse(&url, AMPHI_STR("http://[::1]:8080"), NULL), AMPHI_OK);
    assert_false(url.is_https);
    assert_true(url.is_loopback);
    assert_true(amphi__str_equal_c(url.host, "::1"));
    assert_int_equal(url.port, 8080);
    assert_int_equal(url.path.size, 0);
}

static void url__malformed_is_refused(void **state)
{
    static const char *const bad[] = {"", "example.com", "https:/x", "https://", "https://:1",
        "https://a:0", "https://a:65536", "https://a:1x", "https://a:", "https://u@h/",
        "https://u:p@h", "https://h\\@g", "https://h#f", "https://h/ a", "https://h/\n",
        "https://h%2e", "https://[::1", "https://[::1]x", "https://[g]", "https://\xC3\xA9/",
        "file:///x", "gopher://h", "https//h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        amphi_url url;
        assert_int_equal(amphi__url_parse(&url, amphi_str_from(bad[i]), NULL), AMPHI_E_ARGUMENT);
    }
}

static void url__only_literal_loopback_is_this_machine(void **state)
{
    static const char *const here[] = {"http://localhost", "http://LOCALHOST:1/x",
        "http://127.0.0.1", "http://127.255.0.3:9", "http://[::1]/"};
    static const char *const elsewhere[] = {"http://localhost.example.com", "http://127.1",
        "http://127.0.0.1.example.com", "http://127.0.0.256", "http://127.0.0.01", "http://127.0.0",
        "http://127.0.0.1.", "http://0x7f.0.0.1", "http://2130706433", "http://[::2]",
        "http://[::ffff:127.0.0.1]", "http://128.0.0.1", "http://0.0.0.0", "http://mylocalhost"};
    amphi_url url;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        assert_int_equal(amphi__url_parse(&url, amphi_str_from(here[i]), NULL), AMPHI_OK);
        assert_int_equal(amphi__url_check(&url, true, NULL), AMPHI_OK);
        assert_int_equal(amphi__url_check(&url, false, NULL), AMPHI_E_ARGUMENT);
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        assert_int_equal(amphi__url_parse(&url, amphi_str_from(elsewhere[i]), NULL), AMPHI_OK);
        assert_int_equal(amphi__url_check(&url, true, NULL), AMPHI_E_ARGUMENT);
    }
}

static void assert_joined(const char *base, const char *expected)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(
        amphi__url_join(&out, amphi_str_from(base), AMPHI_STR("/chat/completions")), AMPHI_OK);
    assert_string_equal(out.data, expected);
    amphi__buf_clear(&out);
}

static void url__path_is_put_before_the_query_once(void **state)
{
    assert_joined("https://h/v1", "https://h/v1/chat/completions");
    assert_joined("https://h/v1//", "https://h/v1/chat/completions");
    assert_joined("https://h", "https://h/chat/completions");
    assert_joined("https://h/d?api-version=1", "https://h/d/chat/completions?api-version=1");
    assert_joined("https://h/v1/chat/completions", "https://h/v1/chat/completions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url__parts_are_found),
        cmocka_unit_test(url__malformed_is_refused),
        cmocka_unit_test(url__only_literal_loopback_is_this_machine),
        cmocka_unit_test(url__path_is_put_before_the_query_once),
    };
    return cmocka_run_group_tests_name("unit.remote.url", tests, NULL, NULL);
}
