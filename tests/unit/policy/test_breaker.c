/* SPDX-License-Identifier: Apache-2.0
 *
 * The breaker's three states and its rolling window, with time brought by the test.
 */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* failures 3, failure_percent 50, window_requests 20, window_s 60, requests_min 8, open_ms 10000 */
static amphi_policy policy;

static amphi_breaker_facts look(amphi_breaker *breaker, uint64_t now_ms)
{
    amphi_breaker_facts facts;
    amphi__breaker_snapshot(breaker, &policy, now_ms, &facts);
    assert_false(facts.open && facts.probe);
    return facts;
}

/* A whole attempt, at one moment; it must be let in. */
static void attempt(amphi_breaker *breaker, amphi_breaker_result result, uint64_t now_ms)
{
    amphi_breaker_pass pass = amphi__breaker_enter(breaker, &policy, false, now_ms);
    assert_int_not_equal(pass, AMPHI_BREAKER_REFUSED);
    amphi__breaker_leave(breaker, &policy, pass, result, now_ms);
}

/* "f" failed, "." answered, "-" said nothing; a second apart. Returns the time of the last one. */
static uint64_t attempts(amphi_breaker *breaker, const char *outcomes, uint64_t from_ms)
{
    for (const char *at = outcomes; *at != '\0'; at++, from_ms += 1000)
        attempt(breaker,
            *at == 'f'   ? AMPHI_BREAKER_FAILURE
            : *at == '.' ? AMPHI_BREAKER_SUCCESS
                         : AMPHI_BREAKER_IGNORED,
            from_ms);
    return from_ms - 1000;
}

static bool is_open(amphi_breaker *breaker, uint64_t now_ms)
{
    return look(breaker, now_ms).open;
}

static amphi_breaker opened_at(uint64_t now_ms)
{
    amphi_breaker breaker = {0};
    for (uint32_t i = 0; i < policy.breaker_failures; i++)
        attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms);
    assert_true(is_open(&breaker, now_ms));
    return breaker;
}

/* ---- what opens it ---- */

static void breaker__opens_after_failures_in_a_row(void **state)
{
    amphi_breaker breaker = {0};
    assert_false(is_open(&breaker, 0));
    uint64_t now_ms = attempts(&breaker, "ff.ff", 100); /* the row ended once */
    assert_false(is_open(&breaker, now_ms));
    attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms);
    amphi_breaker_facts facts = look(&breaker, now_ms);
    assert_true(facts.open);
    assert_int_equal(facts.failed, 3);
    assert_int_equal(facts.of, 3);
    assert_int_equal(facts.left_ms, 10000);
}

static void breaker__row_counts_however_long_it_took(void **state)
{
    amphi_breaker breaker = {0};
    const uint64_t hour_ms = 3600 * 1000;
    attempt(&breaker, AMPHI_BREAKER_FAILURE, hour_ms);
    attempt(&breaker, AMPHI_BREAKER_FAILURE, 2 * hour_ms);
    attempt(&breaker, AMPHI_BREAKER_FAILURE, 3 * hour_ms);
    assert_true(is_open(&breaker, 3 * hour_ms));
}

static void breaker__opens_at_a_share_of_the_window(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms = attempts(&breaker, ".f.f.f.", 1000); /* three of seven */
    assert_false(is_open(&breaker, now_ms));
    attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms + 1000);
    amphi_breaker_facts facts = look(&breaker, now_ms + 1000);
    assert_true(facts.open);
    assert_int_equal(facts.failed, 4);
    assert_int_equal(facts.of, 8);
}

static void breaker__too_few_say_nothing_and_an_answer_never_opens_it(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms = attempts(&breaker, "f.ff.f", 1000); /* four of six */
    assert_false(is_open(&breaker, now_ms));
    now_ms = attempts(&breaker, "..", now_ms + 1000); /* four of eight, but it answers */
    assert_false(is_open(&breaker, now_ms));
    attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms + 1000); /* five of nine */
    assert_true(is_open(&breaker, now_ms + 1000));
}

static void breaker__window_slides_by_number(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms = attempts(&breaker, "ff.f", 1000);
    now_ms = attempts(&breaker, "....................", now_ms + 100); /* 20: those are out */
    now_ms = attempts(&breaker, "f.f.f.f.f.f.f.f.f", now_ms + 1000);
    assert_false(is_open(&breaker, now_ms)); /* nine of the last 20 */
    now_ms = attempts(&breaker, ".f", now_ms + 1000);
    amphi_breaker_facts facts = look(&breaker, now_ms);
    assert_true(facts.open);
    assert_int_equal(facts.failed, 10);
    assert_int_equal(facts.of, 20);
}

static void breaker__window_slides_by_time(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms = attempts(&breaker, "ff.ff.f", 1000); /* five of seven, then a long silence */
    attempt(&breaker, AMPHI_BREAKER_SUCCESS, now_ms + 60 * 1000);
    attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms + 60 * 1000);
    assert_false(is_open(&breaker, now_ms + 60 * 1000)); /* one of two */
}

static void breaker__share_can_be_switched_off(void **state)
{
    amphi_breaker breaker = {0};
    policy.breaker_failure_percent = 0;
    assert_false(is_open(&breaker, attempts(&breaker, "ff.ff.ff.ff.ff.ff.ff.", 1000)));
    policy.breaker_failure_percent = 50;
}

static void breaker__what_says_nothing_is_not_counted(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms =
        attempts(&breaker, "f-f-----", 1000); /* neither in the window nor in the row */
    assert_false(is_open(&breaker, now_ms));
    attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms + 1000);
    assert_true(is_open(&breaker, now_ms + 1000));
}

/* ---- half open ---- */

static void breaker__lets_one_probe_at_a_time_through(void **state)
{
    amphi_breaker breaker = opened_at(1000);
    assert_int_equal(look(&breaker, 10999).left_ms, 1);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 10999), AMPHI_BREAKER_REFUSED);
    assert_true(look(&breaker, 11000).probe);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 11000), AMPHI_BREAKER_PROBE);
    assert_true(is_open(&breaker, 11001)); /* two had the same plan: the second one is refused */
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 11001), AMPHI_BREAKER_REFUSED);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 31000), AMPHI_BREAKER_REFUSED);
}

/* It passes while no other route may answer. Its success closes the breaker; its failure makes no
 * other request wait for longer, and lets no second probe in. */
static void breaker__passed_by_a_request_without_another_route_learns_of_it(void **state)
{
    amphi_breaker breaker = opened_at(1000);
    amphi_breaker_pass pass = amphi__breaker_enter(&breaker, &policy, true, 3000);
    assert_int_equal(pass, AMPHI_BREAKER_FORCED);
    amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_FAILURE, 4000);
    assert_int_equal(look(&breaker, 4000).left_ms, 7000);
    pass = amphi__breaker_enter(&breaker, &policy, true, 5000);
    amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_IGNORED, 5000);
    assert_int_equal(look(&breaker, 5000).left_ms, 6000);
    amphi_breaker_pass probe = amphi__breaker_enter(&breaker, &policy, false, 14000);
    assert_int_equal(probe, AMPHI_BREAKER_PROBE);
    pass = amphi__breaker_enter(&breaker, &policy, true, 14001);
    assert_int_equal(pass, AMPHI_BREAKER_FORCED);
    amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_FAILURE, 14002);
    assert_int_equal(/* the probe is still under way */
        amphi__breaker_enter(&breaker, &policy, false, 14003), AMPHI_BREAKER_REFUSED);
    amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_SUCCESS, 14004);
    assert_false(is_open(&breaker, 14004));
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, true, 14005), AMPHI_BREAKER_PASSED);
}

static void breaker__probe_success_closes_it_with_an_empty_window(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms = attempts(&breaker, ".f.f.f.f", 1000) + 10000;
    attempt(&breaker, AMPHI_BREAKER_SUCCESS, now_ms); /* the probe */
    assert_false(is_open(&breaker, now_ms));
    now_ms = attempts(&breaker, "ff", now_ms);
    assert_false(is_open(&breaker, now_ms)); /* counts from nothing again */
    attempt(&breaker, AMPHI_BREAKER_FAILURE, now_ms);
    assert_true(is_open(&breaker, now_ms));
}

static void breaker__probe_failure_opens_it_again_for_the_same_reason(void **state)
{
    amphi_breaker breaker = {0};
    uint64_t now_ms = attempts(&breaker, ".f.f.f.f", 1000) + 10000;
    amphi_breaker_pass pass = amphi__breaker_enter(&breaker, &policy, false, now_ms);
    amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_FAILURE, now_ms + 700);
    amphi_breaker_facts facts = look(&breaker, now_ms + 10699);
    assert_true(facts.open);
    assert_int_equal(facts.failed, 4);
    assert_int_equal(facts.of, 8);
    assert_true(look(&breaker, now_ms + 10700).probe);
}

static void breaker__cancelled_probe_lets_the_next_one_try_at_once(void **state)
{
    amphi_breaker breaker = opened_at(1000);
    amphi_breaker_pass pass = amphi__breaker_enter(&breaker, &policy, false, 11000);
    amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_IGNORED, 11500);
    assert_true(look(&breaker, 11500).probe);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 11500), AMPHI_BREAKER_PROBE);
}

static void breaker__probe_that_never_ends_does_not_hold_it_shut_for_ever(void **state)
{
    amphi_breaker breaker = opened_at(1000);
    amphi_breaker_pass lost = amphi__breaker_enter(&breaker, &policy, false, 11000);
    assert_true(is_open(&breaker, 11000 + 12 * 10000 - 1));
    assert_int_equal(
        amphi__breaker_enter(&breaker, &policy, false, 11000 + 12 * 10000), AMPHI_BREAKER_PROBE);
    assert_true(is_open(&breaker, 11000 + 12 * 10000));
    /* It comes back after all: it was a probe, and what it says is news. */
    amphi__breaker_leave(&breaker, &policy, lost, AMPHI_BREAKER_SUCCESS, 140000);
    assert_false(is_open(&breaker, 140000));
}

static void breaker__late_outcomes_of_earlier_requests_neither_close_nor_prolong_it(void **state)
{
    amphi_breaker breaker = {0};
    amphi_breaker_pass early = amphi__breaker_enter(&breaker, &policy, false, 900);
    amphi_breaker_pass earlier = amphi__breaker_enter(&breaker, &policy, false, 901);
    attempts(&breaker, "fff", 1000);
    assert_true(is_open(&breaker, 3000));
    amphi__breaker_leave(&breaker, &policy, early, AMPHI_BREAKER_FAILURE, 9000);
    amphi__breaker_leave(&breaker, &policy, earlier, AMPHI_BREAKER_SUCCESS, 9000);
    assert_true(is_open(&breaker, 12999));
    assert_true(look(&breaker, 13000).probe);
}

static void breaker__late_outcome_does_not_end_somebody_elses_probe(void **state)
{
    amphi_breaker breaker = {0};
    amphi_breaker_pass early = amphi__breaker_enter(&breaker, &policy, false, 900);
    attempts(&breaker, "fff", 1000);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 13000), AMPHI_BREAKER_PROBE);
    amphi__breaker_leave(&breaker, &policy, early, AMPHI_BREAKER_IGNORED, 13100);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 13200), AMPHI_BREAKER_REFUSED);
}

static void breaker__is_back_within_thirty_seconds_of_recovery(void **state)
{
    /* A request every 100 ms; each attempt on a silent route takes the 15 s of its budget. */
    for (uint64_t recovers_ms = 20000; recovers_ms < 60000; recovers_ms += 700) {
        amphi_breaker breaker = opened_at(1000);
        uint64_t back_ms = 0;
        for (uint64_t now_ms = 1000; back_ms == 0; now_ms += 100) {
            amphi_breaker_pass pass = amphi__breaker_enter(&breaker, &policy, false, now_ms);
            if (pass == AMPHI_BREAKER_REFUSED)
                continue;
            if (now_ms >= recovers_ms) {
                amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_SUCCESS, now_ms);
                back_ms = now_ms;
            } else {
                now_ms += 15000;
                amphi__breaker_leave(&breaker, &policy, pass, AMPHI_BREAKER_FAILURE, now_ms);
            }
        }
        assert_true(back_ms - recovers_ms <= 30000);
    }
}

/* ---- odd clocks ---- */

static void breaker__time_zero_and_a_clock_that_is_set_back_are_survived(void **state)
{
    amphi_breaker breaker = opened_at(0);
    assert_true(is_open(&breaker, 0));
    breaker = opened_at(5000000);
    assert_int_equal(look(&breaker, 10).left_ms, 10000); /* not until it has caught up */
    assert_true(look(&breaker, 10010).probe);
    assert_int_equal(amphi__breaker_enter(&breaker, &policy, false, 6000000), AMPHI_BREAKER_PROBE);
    assert_true(is_open(&breaker, 20));
    assert_true(look(&breaker, 20 + 12 * 10000).probe); /* a lost probe is forgotten all the same */
}

static void breaker__outcomes_of_the_future_are_not_in_the_window(void **state)
{
    amphi_breaker breaker = {0};
    attempts(&breaker, ".f.f.f.", 9000000);
    attempt(&breaker, AMPHI_BREAKER_SUCCESS, 1000); /* set back */
    attempt(&breaker, AMPHI_BREAKER_FAILURE, 1000);
    assert_false(is_open(&breaker, 1000)); /* one of two */
}

/* ---- whatever happens ---- */

static void breaker__at_most_one_probe_whatever_happens(void **state)
{
    enum { RUNNING_MAX = 6 };
    srand(7);
    for (int run = 0; run < 300; run++) {
        amphi_breaker breaker = {0};
        amphi_breaker_pass running[RUNNING_MAX] = {0};
        uint64_t now_ms = 1000;
        for (int step = 0; step < 300; step++) {
            int i = rand() % RUNNING_MAX;
            int probes = 0;
            now_ms += (uint64_t)(rand() % 900); /* a probe ends long before it is forgotten */
            if (running[i] == AMPHI_BREAKER_REFUSED) {
                running[i] = amphi__breaker_enter(&breaker, &policy, rand() % 4 == 0, now_ms);
            } else {
                amphi_breaker_result result = (amphi_breaker_result)(rand() % 3);
                if (running[i] == AMPHI_BREAKER_FORCED && result == AMPHI_BREAKER_SUCCESS)
                    result = AMPHI_BREAKER_FAILURE; /* it would close, and the probe goes on */
                amphi__breaker_leave(&breaker, &policy, running[i], result, now_ms);
                running[i] = AMPHI_BREAKER_REFUSED;
            }
            for (i = 0; i < RUNNING_MAX; i++)
                probes += running[i] == AMPHI_BREAKER_PROBE;
            amphi_breaker_facts facts = look(&breaker, now_ms);
            assert_true(probes <= 1);
            assert_false(probes == 1 && facts.probe);
            assert_true(facts.left_ms <= policy.breaker_open_ms);
        }
    }
}

int main(void)
{
    amphi__policy_init(&policy);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker__opens_after_failures_in_a_row),
        cmocka_unit_test(breaker__row_counts_however_long_it_took),
        cmocka_unit_test(breaker__opens_at_a_share_of_the_window),
        cmocka_unit_test(breaker__too_few_say_nothing_and_an_answer_never_opens_it),
        cmocka_unit_test(breaker__window_slides_by_number),
        cmocka_unit_test(breaker__window_slides_by_time),
        cmocka_unit_test(breaker__share_can_be_switched_off),
        cmocka_unit_test(breaker__what_says_nothing_is_not_counted),
        cmocka_unit_test(breaker__lets_one_probe_at_a_time_through),
        cmocka_unit_test(breaker__probe_success_closes_it_with_an_empty_window),
        cmocka_unit_test(breaker__probe_failure_opens_it_again_for_the_same_reason),
        cmocka_unit_test(breaker__cancelled_probe_lets_the_next_one_try_at_once),
        cmocka_unit_test(breaker__probe_that_never_ends_does_not_hold_it_shut_for_ever),
        cmocka_unit_test(breaker__late_outcomes_of_earlier_requests_neither_close_nor_prolong_it),
        cmocka_unit_test(breaker__late_outcome_does_not_end_somebody_elses_probe),
        cmocka_unit_test(breaker__is_back_within_thirty_seconds_of_recovery),
        cmocka_unit_test(breaker__time_zero_and_a_clock_that_is_set_back_are_survived),
        cmocka_unit_test(breaker__outcomes_of_the_future_are_not_in_the_window),
        cmocka_unit_test(breaker__at_most_one_probe_whatever_happens),
        cmocka_unit_test(breaker__passed_by_a_request_without_another_route_learns_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
