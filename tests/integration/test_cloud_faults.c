/* SPDX-License-Identifier: Apache-2.0
 *
 * What each fault of a provider leads to, seen by an app: two endpoints, streaming, through the C
 * API, against a cloud that misbehaves on command. The table of sdk/docs/cloud.md row by row. How
 * often each endpoint was called is counted on the server's side. (The same rows through `amphi
 * serve` are in test_cloud_faults_serve.py.)
 */
#include "sdk/core/buf.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/cloud_app.h"
#include "tests/support/memory_peak.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void fault__rate_limit_with_a_delay_fails_over_at_once(void **state)
{
    static const cloud_fault rows[] = {{"429:7", 1, 1, 0, 2000, false},
        {"429-date:9", 1, 1, 0, 2000, false}, {"429-body:5", 1, 1, 0, 2000, false},
        {"503:60", 1, 1, 0, 2000, false}};
    cloud_app_expect_faults(rows, sizeof rows / sizeof *rows);
}

static void fault__rate_limit_for_ever_is_asked_a_bounded_number_of_times(void **state)
{
    static const cloud_fault rows[] = {{"429", 1, 1, 0, 2000, false}};
    cloud_app_expect_faults(rows, 1);
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "429", NULL);
    cloud_app_ask(&a, &o);
    assert_int_equal(o.error.status, AMPHI_E_RATE_LIMITED);
    assert_in_range(cloud_app_attempts(&a, 0), 1, 2);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__one_500_is_tried_again_on_the_same_endpoint(void **state)
{
    static const cloud_fault rows[] = {{"500once", 2, 0, 0, 2000, false}};
    cloud_app_expect_faults(rows, 1);
}

static void fault__503_for_ever_fails_over_inside_the_retry_budget(void **state)
{
    static const cloud_fault rows[] = {
        {"503", 2, 1, 0, 2000, false}, {"500", 2, 1, 0, 2000, false}};
    cloud_app_expect_faults(rows, sizeof rows / sizeof *rows);
    cloud_app a;
    const cloud_endpoint endpoints[] = {{.path = "503"}, {.path = "ok"}};
    cloud_app_open_with(
        &a, endpoints, 2, "{\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    for (int i = 0; i < 40; i++) {
        cloud_outcome o;
        cloud_app_ask(&a, &o);
        cloud_expect_whole(&o);
        cloud_outcome_clear(&o);
    }
    /* Ten second tries in hand, one more earned by every ten requests: an outage is not doubled. */
    assert_in_range(cloud_app_attempts(&a, 0), 40 + 10, 40 + 10 + 4);
    assert_int_equal(cloud_app_attempts(&a, 1), 40);
    cloud_app_close(&a);
}

static void fault__reset_before_headers_is_retried(void **state)
{
    static const cloud_fault rows[] = {{"resetonce", 2, 0, 0, 2000, false},
        {"reset", 2, 1, 0, 2000, false}, {"close", 2, 1, 0, 2000, false}};
    cloud_app_expect_faults(rows, sizeof rows / sizeof *rows);
}

static void fault__silence_is_one_attempt_then_the_other(void **state)
{
    static const cloud_fault rows[] = {{"silence", 1, 1, 650, 2500, false}};
    cloud_app_expect_faults(rows, 1);
}

static void fault__late_first_token_is_answered_by_the_other(void **state)
{
    static const cloud_fault rows[] = {{"late:20", 1, 1, 650, 2500, false}};
    cloud_app_expect_faults(rows, 1);
}

static void fault__cut_in_mid_answer_still_gives_the_whole_answer(void **state)
{
    static const cloud_fault rows[] = {{"cut:6", 1, 1, 0, 2000, true},
        {"cut-reset", 1, 1, 0, 2000, true}, {"cut-notify", 1, 1, 0, 2000, true},
        {"cut-end", 1, 1, 0, 2000, true}, {"cut-done", 1, 1, 0, 2000, true},
        {"cut-length", 1, 1, 0, 2000, true}, {"cut-length-notify", 1, 1, 0, 2000, true},
        {"cut-open", 1, 1, 0, 2000, true}, {"cut-open-notify", 1, 1, 0, 2000, true},
        {"error-stream", 1, 1, 0, 2000, true}};
    cloud_app_expect_faults(rows, sizeof rows / sizeof *rows);
}

static void fault__stall_is_noticed_and_the_client_is_healthy_afterwards(void **state)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "stalls-now", "ok");
    amphi_test_cloud_set(&app_cloud, "stalls-now", "stall:6");
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 1);
    assert_in_range(o.took_ms, 450, 2500);
    assert_true(o.takeover.continued);
    assert_int_equal(o.takeover.reason, AMPHI_E_TIMEOUT);
    cloud_outcome_clear(&o);
    amphi_test_cloud_set(&app_cloud, "stalls-now", "ok");
    for (int i = 0; i < 5; i++) {
        cloud_app_ask(&a, &o);
        cloud_expect_whole(&o);
        assert_string_equal(o.route, "a");
        assert_true(o.took_ms < 1000);
        cloud_outcome_clear(&o);
    }
    assert_int_equal(cloud_app_attempts(&a, 0), 6);
    cloud_app_close(&a);
}

static void fault__event_that_is_not_json_fails_over_and_nothing_garbled_is_shown(void **state)
{
    static const cloud_fault rows[] = {{"garbage", 1, 1, 0, 2000, true}};
    cloud_app_expect_faults(rows, 1);
}

static void fault__finish_reason_without_end_marker_finishes_with_its_usage(void **state)
{
    static const cloud_fault rows[] = {{"nodone", 1, 0, 0, 1500, false},
        {"nodone-open", 1, 0, 0, 2500, false}, {"done-open", 1, 0, 0, 1500, false}};
    cloud_app_expect_faults(rows, sizeof rows / sizeof *rows);
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(
        &a, "nodone-cut", "ok"); /* cut behind the finish reason: whole, but no usage came */
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 0);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__context_length_goes_only_where_more_fits(void **state)
{
    static const cloud_fault rows[] = {{"context", 1, 1, 0, 2000, false}};
    cloud_app_expect_faults(rows, 1);
    cloud_app a;
    cloud_outcome o;
    const cloud_endpoint smaller[] = {
        {"context", 8192, NULL}, {"ok", 8192, NULL}, {"slow:1", 32768, NULL}};
    cloud_app_open_with(&a, smaller, 3, NULL);
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 0);
    assert_int_equal(cloud_app_attempts(&a, 2), 1);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__refused_request_is_not_repeated_to_the_same_model(void **state)
{
    cloud_app a;
    cloud_outcome o;
    const cloud_endpoint same[] = {
        {"status:400", 0, "m-1"}, {"ok", 0, "m-1"}, {"slow:1", 0, "m-2"}};
    cloud_app_open_with(&a, same, 3, NULL);
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 0);
    assert_int_equal(cloud_app_attempts(&a, 2), 1);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__content_filter_is_the_providers_reason_and_not_retried(void **state)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "filter", "ok");
    cloud_app_ask(&a, &o);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(o.error.status, AMPHI_E_CONTENT_FILTER);
    assert_non_null(strstr(o.error.message, "content_filter"));
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 0);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
    cloud_app_open(&a, "filter-stream", "ok");
    cloud_app_ask(&a, &o);
    assert_int_equal(o.end, AMPHI_EVENT_DONE);
    assert_int_equal(o.finish, AMPHI_FINISH_CONTENT_FILTER);
    assert_string_equal(cloud_screen(&o), "The harbour was");
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 0);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__next_endpoint_that_rejects_a_prefix_is_given_an_instruction(void **state)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "cut:6", "noprefix");
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 2); /* with the beginning, and by an instruction */
    assert_int_equal(o.takeovers, 1);
    assert_true(o.takeover.continued);
    assert_int_equal(o.replaces, 0);
    cloud_outcome_clear(&o);
    cloud_app_ask(&a, &o); /* learnt: the 400 does not come again */
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 1), 3);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__next_endpoint_that_answers_anew_is_never_joined(void **state)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "cut:6", "anew");
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 2); /* asked to go on, and from the beginning */
    assert_int_equal(o.takeovers, 1);
    assert_false(o.takeover.continued);
    assert_non_null(strstr(o.takeover.why, "asked to go on"));
    assert_int_equal(
        o.replaces, 0); /* from the beginning it says the same, which is joined silently */
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__rate_limit_with_a_delay_fails_over_at_once),
        cmocka_unit_test(fault__rate_limit_for_ever_is_asked_a_bounded_number_of_times),
        cmocka_unit_test(fault__one_500_is_tried_again_on_the_same_endpoint),
        cmocka_unit_test(fault__503_for_ever_fails_over_inside_the_retry_budget),
        cmocka_unit_test(fault__reset_before_headers_is_retried),
        cmocka_unit_test(fault__silence_is_one_attempt_then_the_other),
        cmocka_unit_test(fault__late_first_token_is_answered_by_the_other),
        cmocka_unit_test(fault__cut_in_mid_answer_still_gives_the_whole_answer),
        cmocka_unit_test(fault__stall_is_noticed_and_the_client_is_healthy_afterwards),
        cmocka_unit_test(fault__event_that_is_not_json_fails_over_and_nothing_garbled_is_shown),
        cmocka_unit_test(fault__finish_reason_without_end_marker_finishes_with_its_usage),
        cmocka_unit_test(fault__context_length_goes_only_where_more_fits),
        cmocka_unit_test(fault__refused_request_is_not_repeated_to_the_same_model),
        cmocka_unit_test(fault__content_filter_is_the_providers_reason_and_not_retried),
        cmocka_unit_test(fault__next_endpoint_that_rejects_a_prefix_is_given_an_instruction),
        cmocka_unit_test(fault__next_endpoint_that_answers_anew_is_never_joined),
    };
    return cmocka_run_group_tests_name(
        "integration.cloud_faults", tests, cloud_app_set_up, cloud_app_tear_down);
}
