/* SPDX-License-Identifier: Apache-2.0
 *
 * What every request has to pass before a transport may touch it.
 */
#include "remote/http_request.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static amphi_http_request valid_request(void)
{
    return (amphi_http_request){.struct_size = sizeof(amphi_http_request),
        .method = AMPHI_STR("POST"),
        .url = AMPHI_STR("https://api.example.com/v1")};
}

static amphi_status check(const amphi_http_request *request, amphi_error *error)
{
    amphi_url url;
    return amphi__http_request_check(request, &url, error);
}

static void expect_refused(const amphi_http_request *request, const char *field)
{
    amphi_error error;
    assert_int_not_equal(check(request, &error), AMPHI_OK);
    if (strncmp(error.message, field, strlen(field)) != 0)
        fail_msg("\"%s\" does not begin with %s", error.message, field);
}

static amphi_http_request with_header(amphi_http_header *header, amphi_str name, amphi_str value)
{
    amphi_http_request request = valid_request();
    *header = (amphi_http_header){name, value};
    request.headers = header;
    request.headers_count = 1;
    return request;
}

static void header__names_and_texts_have_one_rule(void **state)
{
    static const char *const names[] = {"", " ", "X y", "X:", "X\r", "\xC3\xA4", "X\t"};
    assert_true(amphi__http_header_name_is_valid(AMPHI_STR("X-Api_Key-2")));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(amphi__http_header_name_is_valid(amphi_str_from(names[i])));
    assert_true(amphi__http_header_text_is_valid(AMPHI_STR("")));
    assert_true(amphi__http_header_text_is_valid(AMPHI_STR("a\tb \xC3\xA4")));
    assert_false(amphi__http_header_text_is_valid(AMPHI_STR("a\nb")));
    assert_false(amphi__http_header_text_is_valid(AMPHI_STR("a\x7F")));
    assert_false(amphi__http_header_text_is_valid(AMPHI_STR("a\0b")));
}

static void method__is_get_or_post(void **state)
{
    static const char *const refused[] = {"", "get", "PUT", "DELETE", "POST ", "GET\r\nX: y"};
    amphi_http_request request = valid_request();
    assert_int_equal(check(&request, NULL), AMPHI_OK);
    request.method = AMPHI_STR("GET");
    assert_int_equal(check(&request, NULL), AMPHI_OK);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        request.method = amphi_str_from(refused[i]);
        expect_refused(&request, "method: ");
    }
}

static void url__is_https_or_allowed_loopback(void **state)
{
    amphi_http_request request = valid_request();
    request.url = AMPHI_STR("http://127.0.0.1:8080/v1");
    expect_refused(&request, "url");
    request.allow_http_loopback = true;
    assert_int_equal(check(&request, NULL), AMPHI_OK);
    request.url = AMPHI_STR("http://example.com/v1");
    expect_refused(&request, "url");
    request.url = AMPHI_STR("file:///etc/passwd");
    expect_refused(&request, "url");
}

static void pins__are_checked(void **state)
{
    amphi_http_request request = valid_request();
    request.pins = AMPHI_STR("/etc/ssl/key.pem"); /* curl would read the file */
    expect_refused(&request, "pins: ");
}

static void headers__value_cannot_end_its_line(void **state)
{
    const struct {
        amphi_str value;
        bool good;
    } cases[] = {{AMPHI_STR(""), true}, {AMPHI_STR("a b\tc"), true}, {AMPHI_STR("\xc3\xa9"), true},
        {AMPHI_STR("a\r\nX: y"), false}, {AMPHI_STR("a\nX: y"), false}, {AMPHI_STR("a\rb"), false},
        {AMPHI_STR("a\0b"), false}, {AMPHI_STR("a\x7f"), false}, {AMPHI_STR("\x1b[0m"), false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_http_header header;
        amphi_http_request request = with_header(&header, AMPHI_STR("Key"), cases[i].value);
        if (cases[i].good)
            assert_int_equal(check(&request, NULL), AMPHI_OK);
        else
            expect_refused(&request, "headers: number 0");
    }
}

static void headers__name_is_a_token(void **state)
{
    static const char *const refused[] = {
        "", "A:", "A B", "A\r", "A\tB", "\xc3\xa9", "A\nB", "(A)"};
    amphi_http_header header;
    amphi_http_request request = with_header(&header, AMPHI_STR("x-Key_1"), AMPHI_STR("v"));
    assert_int_equal(check(&request, NULL), AMPHI_OK);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        request = with_header(&header, amphi_str_from(refused[i]), AMPHI_STR("v"));
        expect_refused(&request, "headers: number 0");
    }
}

static void headers__message_does_not_repeat_the_value(void **state)
{
    amphi_http_header header;
    amphi_error error;
    amphi_http_request request =
        with_header(&header, AMPHI_STR("Authorization"), AMPHI_STR("Bearer secret-1\n"));
    assert_int_equal(check(&request, &error), AMPHI_E_ARGUMENT);
    assert_null(strstr(error.message, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header__names_and_texts_have_one_rule),
        cmocka_unit_test(method__is_get_or_post),
        cmocka_unit_test(url__is_https_or_allowed_loopback),
        cmocka_unit_test(pins__are_checked),
        cmocka_unit_test(headers__value_cannot_end_its_line),
        cmocka_unit_test(headers__name_is_a_token),
        cmocka_unit_test(headers__message_does_not_repeat_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
