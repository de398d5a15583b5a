/* SPDX-License-Identifier: Apache-2.0
 *
 * Pauses: what a provider demands is waited for or remembered; one that was down is tried again
 * soon.
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

static void fault__pause_that_was_asked_for_holds_for_the_next_requests(void **state)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "429once:2", "ok");
    for (unsigned i = 0; i < 3; i++) {
        cloud_app_ask(&a, &o);
        cloud_expect_whole(&o);
        assert_int_equal(cloud_app_attempts(&a, 0), 1);
        assert_int_equal(cloud_app_attempts(&a, 1), i + 1);
        cloud_outcome_clear(&o);
    }
    usleep(2100 * 1000);
    cloud_app_ask(&a, &o);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 2); /* over: the first one is the first one again */
    assert_int_equal(cloud_app_attempts(&a, 1), 3);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__rate_limit_without_another_endpoint_waits_as_told(void **state)
{
    cloud_app a;
    cloud_outcome o;
    cloud_app_open(&a, "429once:1", NULL);
    cloud_app_ask_with(&a, &o, (amphi_budgets){.total_ms = 8000}, NULL);
    cloud_expect_whole(&o);
    assert_int_equal(cloud_app_attempts(&a, 0), 2);
    assert_in_range(o.took_ms, 950, 4000);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);

    cloud_app_open(&a, "429:120", NULL); /* too long to wait for: it is reported */
    cloud_app_ask(&a, &o);
    assert_int_equal(o.end, AMPHI_EVENT_ERROR);
    assert_int_equal(o.error.status, AMPHI_E_RATE_LIMITED);
    assert_int_equal(o.error.retry_after_ms, 120000);
    assert_int_equal(cloud_app_attempts(&a, 0), 1);
    assert_true(o.took_ms < 2000);
    cloud_outcome_clear(&o);
    cloud_app_close(&a);
}

static void fault__endpoint_that_is_down_is_back_soon_after_its_recovery(void **state)
{
    /* Scaled: the breaker stays open for 400 ms instead of 10 s, so "within 30 s" is 1.2 s here. */
    enum { OPEN_MS = 400, BACK_MS = 3 * OPEN_MS };
    cloud_app a;
    cloud_outcome o;
    const cloud_endpoint endpoints[] = {{.path = "comes-back"}, {.path = "ok"}};
    cloud_app_open_with(&a, endpoints, 2, "{\"breaker\":{\"open_ms\":400}}");
    amphi_test_cloud_set(&app_cloud, "comes-back", "503");
    uint64_t began_ms = amphi__clock_ms(NULL);
    int asked = 0;
    for (; amphi__clock_ms(NULL) - began_ms < 2500; asked++) {
        cloud_app_ask(&a, &o);
        cloud_expect_whole(&o); /* served meanwhile */
        assert_string_equal(o.route, "b");
        cloud_outcome_clear(&o);
        usleep(20000);
    }
    /* Left alone but for a probe now and then. */
    assert_in_range(cloud_app_attempts(&a, 0), 3, 6 + 2 * (2500 / OPEN_MS));
    assert_int_equal(cloud_app_attempts(&a, 1), asked);
    amphi_test_cloud_set(&app_cloud, "comes-back", "ok");
    began_ms = amphi__clock_ms(NULL);
    do {
        usleep(20000);
        cloud_app_ask(&a, &o);
        cloud_expect_whole(&o);
        cloud_outcome_clear(&o);
    } while (strcmp(o.route, "a") != 0 && amphi__clock_ms(NULL) - began_ms < 10000);
    print_message("back after %llu ms, breaker.open_ms %d\n",
        (unsigned long long)(amphi__clock_ms(NULL) - began_ms), OPEN_MS);
    assert_string_equal(o.route, "a");
    assert_true(amphi__clock_ms(NULL) - began_ms < BACK_MS);
    cloud_app_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__pause_that_was_asked_for_holds_for_the_next_requests),
        cmocka_unit_test(fault__rate_limit_without_another_endpoint_waits_as_told),
        cmocka_unit_test(fault__endpoint_that_is_down_is_back_soon_after_its_recovery),
    };
    return cmocka_run_group_tests_name(
        "integration.cloud_faults_pauses", tests, cloud_app_set_up, cloud_app_tear_down);
}
