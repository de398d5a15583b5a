/* SPDX-License-Identifier: Apache-2.0
 *
 * What endless and silent providers lead to, and which endpoints a request may name: bounded time
 * and memory, one error when every endpoint fails.
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

static void fault__endless_answers_end_in_bounded_time_and_memory(void **state)
{
    static const cloud_fault rows[] = {{"bomb", 1, 1, 0, 9000, false},
        {"endless-header", 1, 1, 0, 5000, false}, {"endless-headers", 1, 1, 0, 5000, false},
        {"endless-interim", 1, 1, 0, 5000, false}, {"endless-line", 1, 1, 0, 9000, false},
        {"drip", 1, 1, 650, 2500, false}};
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "ok", NULL);
    cloud_app_ask(&a, &o);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
    uint64_t before = memory_peak_begin();
    cloud_app_expect_faults(rows, sizeof rows / sizeof *rows);
    uint64_t grown = memory_peak_growth(before);
    print_message("memory growth %llu KiB\n", (unsigned long long)grown / 1024);
    assert_true(grown < 32u << 20);
}

static void fault__million_tiny_events_end_in_bounded_time_and_memory(void **state)
{
    static const char *const scenarios[] = {"events", "events-text"};
    for (size_t i = 0; i < 2; i++) {
        cloud_app a;
        cloud_outcome o;
        cloud_app_open(&a, scenarios[i], NULL);
        uint64_t before = memory_peak_begin();
        cloud_app_ask_with(
            &a, &o, (amphi_budgets){.first_token_ms = 10000, .total_ms = 25000}, NULL);
        uint64_t grown = memory_peak_growth(before);
        print_message("%s: %s after %llu ms, memory growth %llu KiB\n", scenarios[i],
            amphi_status_name(o.error.status), (unsigned long long)o.took_ms,
            (unsigned long long)grown / 1024);
        assert_int_equal(o.end, AMPHI_EVENT_ERROR);
        assert_int_equal(o.error.status, AMPHI_E_LIMIT);
        assert_int_equal(cloud_app_attempts(&a, 0), 1);
        assert_true(o.took_ms < 25000);
        assert_true(grown < 32u << 20);
        cloud_outcome_clear(&o);
        cloud_app_close(&a);
    }
}

/* A caller that does not pull must not make us keep a kilobyte for every letter. */
static void pull_late(const char *scenario, size_t shown)
{
    cloud_app a;
    cloud_outcome o;
    amphi_stream *stream;
    amphi_error error;
    cloud_app_open(&a, scenario, NULL);
    uint64_t before = memory_peak_begin();
    assert_int_equal(amphi_chat_start_json(&stream, a.client,
                         AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],"
                                   "\"amphi\":{\"mode\":\"only_cloud\",\"no_cache\":true}}"),
                         &error),
        AMPHI_OK);
    usleep(3000000);
    uint64_t grown = memory_peak_growth(before);
    print_message("memory growth %llu KiB\n", (unsigned long long)grown / 1024);
    cloud_app_pull(stream, &o);
    assert_int_equal(o.end, AMPHI_EVENT_DONE);
    assert_int_equal(o.screen.size, shown);
    assert_true(grown < 32u << 20);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__tiny_events_stay_small_when_nobody_pulls(void **state)
{
    pull_late("events-text:100000", 100000);
    pull_late("events-tools:100000", 0);
}

static void fault__every_endpoint_failing_is_one_error_in_bounded_time(void **state)
{
    cloud_app a;
    cloud_outcome o;
    amphi_budgets budgets = short_budgets();
    budgets.first_token_ms =
        2000; /* on a busy machine the second one needs a while to be reached */
    cloud_app_open(&a, "silence", "stall:3");
    cloud_app_ask_with(&a, &o, budgets, NULL);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(o.error.status, AMPHI_E_TIMEOUT);
    assert_true(o.took_ms < 6000);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_int_equal(cloud_app_attempts(&a, 1), 1);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
    cloud_app_open(&a, "silence", "ok"); /* the request's time is up: the other is not tried */
    cloud_app_ask_with(&a, &o, (amphi_budgets){.first_token_ms = 5000, .total_ms = 600}, NULL);
    assert_int_equal(o.error.status, AMPHI_E_TIMEOUT);
    assert_in_range(o.took_ms, 550, 2500);
    assert_int_equal(cloud_app_attempts(&a, 1), 0);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void expect_route(cloud_app *a, const char *extra_json, const char *route)
{
    cloud_outcome o;
    cloud_app_ask_with(a, &o, short_budgets(), extra_json);
    cloud_expect_whole(&o);
    assert_string_equal(o.route, route);
    cloud_outcome_clear(&o);
}

static void preference__model_and_fallbacks_choose_who_answers(void **state)
{
    cloud_app a;
    cloud_outcome o;
    const cloud_endpoint three[] = {
        {"ok", 0, "m-1"}, {"slow:1", 0, "m-2"}, {"status:401", 0, "m-3"}};
    cloud_app_open_with(&a, three, 3, "{\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    expect_route(&a, "{\"model\":\"b\"}", "b");
    expect_route(&a, "{\"model\":\"m-2\"}", "b");
    expect_route(&a, "{\"model\":\"who-knows\"}", "a");
    expect_route(&a, "{\"model\":\"c\",\"fallbacks\":[\"b\"]}", "b");
    expect_route(&a, "{\"model\":\"c\",\"fallbacks\":[\"b\",\"a\"]}", "b");
    expect_route(&a, "{\"model\":\"m-3\",\"fallbacks\":[\"m-1\",\"m-2\"]}", "a");
    int before = cloud_app_attempts(&a, 0) + cloud_app_attempts(&a, 1);
    cloud_app_ask_with(&a, &o, short_budgets(), "{\"model\":\"c\",\"fallbacks\":[]}");
    assert_int_equal(o.error.status, AMPHI_E_AUTH); /* no other endpoint may answer */
    assert_int_equal(cloud_app_attempts(&a, 0) + cloud_app_attempts(&a, 1), before);
    cloud_outcome_clear(&o);
    /* What is only for us stays here. */
    amphi_json *last = amphi_test_cloud_last(&app_cloud, "status:401");
    amphi_str body = amphi__json_string(amphi__json_get(last, "body"));
    assert_int_equal(amphi__str_find(body, AMPHI_STR("fallbacks")), SIZE_MAX);
    assert_int_equal(amphi__str_find(body, AMPHI_STR("\"amphi\"")), SIZE_MAX);
    assert_true(amphi__str_find(body, AMPHI_STR("\"model\":\"m-3\"")) != SIZE_MAX);
    amphi__json_free(last);
    cloud_app_close(&a);
}

static void preference__unknown_fallback_is_refused_by_name(void **state)
{
    static const char *const bad[] = {"\"fallbacks\":[\"b\",\"nobody\"]", "\"fallbacks\":\"b\"",
        "\"fallbacks\":[1]", "\"fallbacks\":[\"\"]", "\"fallbacks\":{}"};
    cloud_app a;
    cloud_app_open(&a, "ok", "slow:1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char body[256];
        amphi_stream *stream = NULL;
        amphi_error error;
        snprintf(
            body, sizeof body, "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],%s}", bad[i]);
        assert_int_equal(amphi_chat_start_json(&stream, a.client, amphi_str_from(body), &error),
            AMPHI_E_ARGUMENT);
        assert_null(stream);
        assert_true(strncmp(error.message, "fallbacks", 9) == 0);
    }
    assert_int_equal(amphi_test_cloud_attempts(&app_cloud, "*"), 0);
    cloud_app_close(&a);
}

static void preference__private_stays_private_whatever_is_named(void **state)
{
    cloud_app a;
    cloud_outcome o;
    amphi_stream *stream;
    amphi_error error;
    cloud_app_open(&a, "ok", "slow:1");
    assert_int_equal(amphi_chat_start_json(&stream, a.client,
                         AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],"
                                   "\"model\":\"a\",\"fallbacks\":[\"b\"],"
                                   "\"amphi\":{\"private\":true}}"),
                         &error),
        AMPHI_OK);
    cloud_app_pull(stream, &o);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(amphi_test_cloud_bytes(&app_cloud, "main"), 0);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__endless_answers_end_in_bounded_time_and_memory),
        cmocka_unit_test(fault__million_tiny_events_end_in_bounded_time_and_memory),
        cmocka_unit_test(fault__tiny_events_stay_small_when_nobody_pulls),
        cmocka_unit_test(fault__every_endpoint_failing_is_one_error_in_bounded_time),
        cmocka_unit_test(preference__model_and_fallbacks_choose_who_answers),
        cmocka_unit_test(preference__unknown_fallback_is_refused_by_name),
        cmocka_unit_test(preference__private_stays_private_whatever_is_named),
    };
    return cmocka_run_group_tests_name(
        "integration.cloud_faults_limits", tests, cloud_app_set_up, cloud_app_tear_down);
}
