/* SPDX-License-Identifier: Apache-2.0
 *
 * When a provider may be tried again, by the headers and bodies that providers send.
 */
#include "remote/retry_after.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint32_t retry_of(const char *name, const char *value, const char *date)
{
    const amphi_http_header headers[] = {{amphi_str_from("Date"), amphi_str_from(date)},
        {amphi_str_from(name), amphi_str_from(value)}};
    return amphi__retry_after_ms(headers, 2, NULL);
}

static int64_t fixed_wall_ms(void *self)
{
    return 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
}

static void retry_after__seconds_dates_and_nonsense(void **state)
{
    const char *date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_int_equal(retry_of("Retry-After", "120", date), 120000);
    assert_int_equal(retry_of("retry-after", "0.5", date), 500);
    assert_int_equal(retry_of("retry-after-ms", "250", date), 250);
    assert_int_equal(retry_of("Retry-After", "Sun, 06 Nov 1994 08:50:00 GMT", date), 23000);
    assert_int_equal(retry_of("Retry-After", "Sun, 06 Nov 1994 08:49:00 GMT", date), 0);
    assert_int_equal(retry_of("Retry-After", "Sun, 06 Nov 2094 08:49:00 GMT", date), 86400000);
    assert_int_equal(retry_of("Retry-After", "999999999999999999", date), 86400000);
    assert_int_equal(retry_of("Retry-After", "-5", date), 0);
    assert_int_equal(retry_of("Retry-After", "soon", date), 0);
    assert_int_equal(retry_of("Retry-After", "", date), 0);
    assert_int_equal(retry_of("X-Other", "5", date), 0);
    /* Without a Date it is the device's clock that counts. */
    const amphi_clock clock = {.struct_size = sizeof clock, .wall_ms = fixed_wall_ms};
    const amphi_http_header header = {
        AMPHI_STR("Retry-After"), AMPHI_STR("Sun, 06 Nov 1994 08:49:47 GMT")};
    assert_int_equal(amphi__retry_after_ms(&header, 1, &clock), 10000);
}

static void retry_after__rate_limit_headers_count_where_nothing_remains(void **state)
{
    amphi_http_header headers[] = {
        {AMPHI_STR("x-ratelimit-remaining-requests"), AMPHI_STR("0")},
        {AMPHI_STR("x-ratelimit-reset-requests"), AMPHI_STR("1.5s")},
        {AMPHI_STR("x-ratelimit-remaining-tokens"), AMPHI_STR("149984")},
        {AMPHI_STR("x-ratelimit-reset-tokens"), AMPHI_STR("6m0s")},
        {AMPHI_STR("retry-after"), AMPHI_STR("9")},
    };
    assert_int_equal(amphi__retry_after_ms(headers, 4, NULL), 1500);
    headers[2].value = AMPHI_STR("0"); /* then both have to be waited for */
    assert_int_equal(amphi__retry_after_ms(headers, 4, NULL), 360000);
    headers[0].value = headers[2].value = AMPHI_STR("3");
    assert_int_equal(amphi__retry_after_ms(headers, 4, NULL), 0);
    headers[0].value = AMPHI_STR("0");
    assert_int_equal(amphi__retry_after_ms(headers, 5, NULL), 9000); /* the plain one wins */
}

static void http_date__is_read_strictly(void **state)
{
    assert_int_equal(amphi__http_date(AMPHI_STR("Thu, 01 Jan 1970 00:00:00 GMT")), 0);
    assert_int_equal(amphi__http_date(AMPHI_STR("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777);
    assert_int_equal(amphi__http_date(AMPHI_STR("Thu, 29 Feb 2024 12:00:00 GMT")), 1709208000);
    assert_int_equal(amphi__http_date(AMPHI_STR("Fri, 31 Dec 2100 23:59:59 GMT")), 4133980799);
    /* The older forms: RFC 850's, and the C library's. */
    assert_int_equal(amphi__http_date(AMPHI_STR("Tuesday, 06-Nov-29 08:49:37 GMT")), 1888649377);
    assert_int_equal(amphi__http_date(AMPHI_STR("Sun Nov  6 08:49:37 1994")), 784111777);
    assert_int_equal(amphi__http_date(AMPHI_STR("Wed Nov 16 08:49:37 1994")), 784975777);
    assert_int_equal(amphi__http_date(AMPHI_STR("Tuesday, 06-Nov-29 08:49:37 CET")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR(", 06-Nov-29 08.49.37 GMT")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR("Tuesday 06-Nov-29 08:49:37 GMT")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR("Sun, 06 Nov 1994 08:49:37 CET")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR("Sun, 06 Foo 1994 08:49:37 GMT")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR("Sun, 06 Nov 1994 25:49:37 GMT")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR("Sun, xx Nov 1994 08:49:37 GMT")), -1);
    assert_int_equal(amphi__http_date(AMPHI_STR("")), -1);
}

static void duration__units_and_sums(void **state)
{
    assert_int_equal(amphi__duration_ms(AMPHI_STR("1.2s. Visit")), 1200);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("20ms")), 20);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("6m0s")), 360000);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("1h2m3.5s")), 3723500);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("5 seconds.")), 5000);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("7")), 0);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("")), 0);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("s")), 0);
    assert_int_equal(amphi__duration_ms(AMPHI_STR("99999999999h")), 86400000);
}

static uint32_t error_retry_of(const char *text)
{
    amphi_json *error = NULL;
    assert_int_equal(amphi__json_parse(&error, amphi_str_from(text), "error", NULL), AMPHI_OK);
    uint32_t retry_ms = amphi__retry_after_error_ms(error);
    amphi__json_free(error);
    return retry_ms;
}

static void retry_after__of_an_error_object_is_a_number_or_a_detail(void **state)
{
    assert_int_equal(error_retry_of("{\"retry_after\":1.5}"), 1500);
    assert_int_equal(error_retry_of("{\"details\":[{},{\"retryDelay\":\"34s\"}]}"), 34000);
    assert_int_equal(
        error_retry_of("{\"retry_after\":2,\"details\":[{\"retryDelay\":\"34s\"}]}"), 2000);
    assert_int_equal(error_retry_of("{\"retry_after\":\"soon\",\"details\":7}"), 0);
    assert_int_equal(error_retry_of("{}"), 0);
    assert_int_equal(amphi__retry_after_error_ms(NULL), 0);
}

static void retry_after__of_prose_is_the_duration_behind_the_phrase(void **state)
{
    assert_int_equal(
        amphi__retry_after_prose_ms(AMPHI_STR("limit 3. please try again in 1.2s. visit")), 1200);
    assert_int_equal(amphi__retry_after_prose_ms(AMPHI_STR("retry after 3 seconds")), 3000);
    assert_int_equal(amphi__retry_after_prose_ms(AMPHI_STR("retry in 20ms")), 20);
    /* A phrase without a duration does not hide the next one. */
    assert_int_equal(
        amphi__retry_after_prose_ms(AMPHI_STR("try again in a while, or retry in 5s")), 5000);
    assert_int_equal(amphi__retry_after_prose_ms(AMPHI_STR("wait 5s")), 0);
    assert_int_equal(amphi__retry_after_prose_ms(AMPHI_STR("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after__seconds_dates_and_nonsense),
        cmocka_unit_test(retry_after__rate_limit_headers_count_where_nothing_remains),
        cmocka_unit_test(retry_after__of_an_error_object_is_a_number_or_a_detail),
        cmocka_unit_test(retry_after__of_prose_is_the_duration_behind_the_phrase),
        cmocka_unit_test(http_date__is_read_strictly),
        cmocka_unit_test(duration__units_and_sums),
    };
    return cmocka_run_group_tests_name("unit.remote.retry_after", tests, NULL, NULL);
}
