/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiving side of an exchange: one call of headers for the final answer, every byte counted
 * before it is kept, whatever a server sends.
 */
#include "remote/http_response.h"

#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* What the sink was given: "200 [name: value][...]" and the body. */
typedef struct seen {
    amphi_buf headers;
    amphi_buf body;
    int headers_calls;
} seen;

static void note_headers(void *self, int status, const amphi_http_header *headers, size_t count)
{
    seen *s = self;
    s->headers_calls++;
    amphi__buf_printf(&s->headers, "%d ", status);
    for (size_t i = 0; i < count; i++)
        amphi__buf_printf(&s->headers, "[%.*s: %.*s]", (int)headers[i].name.size,
            headers[i].name.data, (int)headers[i].value.size, headers[i].value.data);
}

static void note_body(void *self, amphi_str piece)
{
    amphi__buf_append_str(&((seen *)self)->body, piece);
}

static void begin(amphi_http_response *response, seen *s, const amphi_http_request *limits)
{
    static const amphi_http_request none = {.struct_size = sizeof none};
    memset(s, 0, sizeof *s);
    amphi__buf_init(&s->headers, 0);
    amphi__buf_init(&s->body, 0);
    const amphi_http_sink sink = {s, note_headers, note_body, NULL};
    amphi__http_response_init(response, limits != NULL ? limits : &none, &sink);
}

static void end(amphi_http_response *response, seen *s)
{
    amphi__http_response_clear(response);
    amphi__buf_clear(&s->headers);
    amphi__buf_clear(&s->body);
}

/* Lines, each with CR LF behind it as they come; the status of the last one. */
static amphi_status feed(amphi_http_response *response, const char *const *lines)
{
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; lines[i] != NULL && status == AMPHI_OK; i++) {
        char line[512];
        snprintf(line, sizeof line, "%s\r\n", lines[i]);
        status = amphi__http_response_line(response, amphi_str_from(line));
    }
    return status;
}

static void expect_headers(const char *const *lines, const char *wanted)
{
    amphi_http_response response;
    seen s;
    begin(&response, &s, NULL);
    assert_int_equal(feed(&response, lines), AMPHI_OK);
    assert_int_equal(s.headers_calls, 1);
    assert_string_equal(s.headers.data, wanted);
    end(&response, &s);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void headers__are_given_once_when_they_are_complete(void **state)
{
    amphi_http_response response;
    seen s;
    begin(&response, &s, NULL);
    assert_int_equal(feed(&response, LINES("HTTP/1.1 200 OK", "A: 1")), AMPHI_OK);
    assert_int_equal(s.headers_calls, 0);
    assert_int_equal(feed(&response, LINES("B:2", "")), AMPHI_OK);
    assert_int_equal(s.headers_calls, 1);
    assert_string_equal(s.headers.data, "200 [A: 1][B: 2]");
    assert_int_equal(feed(&response, LINES("Trailer: 3", "")), AMPHI_OK);
    assert_int_equal(s.headers_calls, 1);
    end(&response, &s);
}

static void headers__of_interim_answers_are_dropped(void **state)
{
    expect_headers(LINES("HTTP/1.1 100 Continue", "Old: 1", "", "HTTP/1.1 103 Early Hints",
                       "Link: x", "", "HTTP/2 429", "Retry-After: 5", ""),
        "429 [Retry-After: 5]");
}

static void headers__odd_lines_are_survived(void **state)
{
    expect_headers(LINES("HTTP/1.1 200 OK", "no colon", ": no name", "Empty:", "Two: a:b",
                       " \t Blank \t : \t v \t ", ""),
        "200 [: no name][Empty: ][Two: a:b][Blank: v]");
}

static void status_line__gives_a_code_or_zero(void **state)
{
    static const struct {
        const char *line;
        const char *wanted;
    } cases[] = {{"HTTP/2 200", "200 "}, {"HTTP/1.1   503   Down", "503 "}, {"HTTP/1.1", "0 "},
        {"HTTP/1.1 OK", "0 "}, {"HTTP/1.1 -200", "0 "}, {"HTTP/1.1 1000", "0 "},
        {"HTTP/1.1 99999999999999999999999", "0 "}, {"HTTP/1.1 200OK", "0 "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_headers(LINES(cases[i].line, ""), cases[i].wanted);
}

static void headers__more_than_256_are_refused(void **state)
{
    for (int more = 0; more <= 1; more++) {
        amphi_http_response response;
        seen s;
        amphi_status status = AMPHI_OK;
        begin(&response, &s, NULL);
        assert_int_equal(feed(&response, LINES("HTTP/1.1 200 OK")), AMPHI_OK);
        for (int i = 0; i < 256 + more; i++)
            status = feed(&response, LINES("A: 1"));
        assert_int_equal(status, more == 0 ? AMPHI_OK : AMPHI_E_LIMIT);
        assert_int_equal(response.failure.status, status);
        end(&response, &s);
    }
}

static void headers__bytes_are_limited_across_interim_answers_and_trailers(void **state)
{
    const amphi_http_request limits = {.struct_size = sizeof limits, .headers_limit_bytes = 100};
    amphi_http_response response;
    seen s;
    begin(&response, &s, &limits);
    for (int i = 0; i < 4; i++) /* 25 bytes each: the limit just holds */
        assert_int_equal(
            amphi__http_response_line(&response, AMPHI_STR("HTTP/1.1 100 Continue   \n")),
            AMPHI_OK);
    assert_int_equal(amphi__http_response_line(&response, AMPHI_STR("\n")), AMPHI_E_LIMIT);
    assert_non_null(strstr(response.failure.message, "longer than 100 bytes"));
    assert_int_equal(s.headers_calls, 0);
    end(&response, &s);

    begin(&response, &s, &limits);
    assert_int_equal(feed(&response, LINES("HTTP/1.1 200 OK", "")), AMPHI_OK);
    amphi_status status = AMPHI_OK;
    for (int i = 0; i < 20 && status == AMPHI_OK; i++)
        status = feed(&response, LINES("T: 1"));
    assert_int_equal(status, AMPHI_E_LIMIT); /* an endless trailer */
    end(&response, &s);
}

static void body__is_passed_on_up_to_its_limit(void **state)
{
    const amphi_http_request limits = {.struct_size = sizeof limits, .body_limit_bytes = 10};
    amphi_http_response response;
    seen s;
    begin(&response, &s, &limits);
    assert_int_equal(amphi__http_response_body(&response, AMPHI_STR("12345")), AMPHI_OK);
    assert_int_equal(amphi__http_response_body(&response, AMPHI_STR("")), AMPHI_OK);
    assert_int_equal(amphi__http_response_body(&response, AMPHI_STR("67890")), AMPHI_OK);
    assert_int_equal(amphi__http_response_body(&response, AMPHI_STR("x")), AMPHI_E_LIMIT);
    assert_string_equal(s.body.data, "1234567890"); /* nothing above the limit is passed on */
    assert_string_equal(response.failure.message, "the answer is longer than 10 bytes");
    end(&response, &s);
}

static void limits__have_defaults(void **state)
{
    amphi_http_response response;
    seen s;
    begin(&response, &s, NULL);
    assert_true(response.body_limit_bytes == 64u << 20);
    assert_true(response.headers_limit_bytes == 64u << 10);
    end(&response, &s);
}

static void headers__every_failed_allocation_is_reported(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK && n < 100; n++) {
        amphi_http_response response;
        const amphi_http_request limits = {.struct_size = sizeof limits};
        seen s = {.headers_calls = 0};
        const amphi_http_sink sink = {&s, note_headers, note_body, NULL};
        amphi__buf_init(&s.headers, 0);
        amphi__http_response_init(&response, &limits, &sink);
        failing_alloc_at(n);
        status = feed(&response, LINES("HTTP/1.1 200 OK", "A: 1", ""));
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        if (s.headers_calls == 0)
            assert_int_equal(response.failure.status, AMPHI_E_NO_MEMORY);
        assert_true(failed || status == AMPHI_OK);
        amphi__http_response_clear(&response);
        amphi__buf_clear(&s.headers);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
    assert_int_equal(status, AMPHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers__are_given_once_when_they_are_complete),
        cmocka_unit_test(headers__of_interim_answers_are_dropped),
        cmocka_unit_test(headers__odd_lines_are_survived),
        cmocka_unit_test(status_line__gives_a_code_or_zero),
        cmocka_unit_test(headers__more_than_256_are_refused),
        cmocka_unit_test(headers__bytes_are_limited_across_interim_answers_and_trailers),
        cmocka_unit_test(body__is_passed_on_up_to_its_limit),
        cmocka_unit_test(limits__have_defaults),
        cmocka_unit_test(headers__every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
