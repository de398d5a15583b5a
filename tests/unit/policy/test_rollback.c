/* SPDX-License-Identifier: Apache-2.0
 *
 * The test that gives a release up: how often it is wrong is computed exactly, not drawn.
 */
#include "policy/policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ANSWERS_MAX 150u

static amphi_rollback_tally tally(uint32_t crashes, uint32_t answers)
{
    return (amphi_rollback_tally){.answers = answers, .failed = {0, crashes}};
}

/* Of n with this rate, k. */
static double binomial(uint32_t k, uint32_t n, double rate)
{
    return exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) +
               (k > 0 ? k * log(rate) : 0) + (n > k ? (n - k) * log1p(-rate) : 0));
}

typedef bool test_fn(uint32_t k, uint32_t n, uint32_t j, uint32_t m);

/* How likely is it that the test ever says yes when looked at after each of ANSWERS_MAX answers?
 * Over all ways in which the answers may come, each with its probability. */
static double ever(test_fn *says, uint32_t j, uint32_t m, double rate)
{
    static double at[ANSWERS_MAX + 2]; /* at[k]: k failures so far, and not yet a yes */
    double yes = 0;
    for (size_t k = 0; k <= ANSWERS_MAX; k++)
        at[k] = k == 0 ? 1 : 0;
    for (uint32_t n = 1; n <= ANSWERS_MAX; n++) {
        for (uint32_t k = n; k + 1 > 0; k--) {
            at[k] = at[k] * (1 - rate) + (k > 0 ? at[k - 1] * rate : 0);
            if (at[k] > 0 && says(k, n, j, m)) {
                yes += at[k];
                at[k] = 0;
            }
        }
    }
    return yes;
}

/* The same over every control period that may come before it. */
static double false_alarms(test_fn *says, uint32_t m, double rate, double control_rate)
{
    double sum = 0;
    for (uint32_t j = 0; j <= m; j++) {
        double weight = binomial(j, m, control_rate);
        if (weight > 1e-7)
            sum += weight * ever(says, j, m, rate);
    }
    return sum;
}

static bool by_default(uint32_t k, uint32_t n, uint32_t j, uint32_t m)
{
    amphi_policy policy;
    amphi_rollback_verdict verdict;
    amphi_rollback_tally treated = tally(k, n);
    amphi_rollback_tally control = tally(j, m);
    amphi__policy_init(&policy);
    amphi__rollback_judge(&verdict, &policy, &treated, &control);
    return verdict.is_past;
}

/* What the guard must not be: the usual test of two shares at one in a hundred, as if it were
 * looked at one time. */
static bool by_shares(uint32_t k, uint32_t n, uint32_t j, uint32_t m)
{
    double pooled = (double)(k + j) / (n + m);
    double deviation = sqrt(pooled * (1 - pooled) * (1.0 / n + 1.0 / m));
    return n >= 3 && k >= 2 && deviation > 0 &&
           ((double)k / n - (double)j / m) / deviation > 2.3263;
}

static void rollback__a_harmless_release_is_given_up_no_more_often_than_the_document_says(
    void **state)
{
    static const struct {
        uint32_t control;
        double rate;
    } cases[] = {{20, 0.002}, {20, 0.05}, {20, 0.3}, {60, 0.01}, {60, 0.1}, {200, 0.005}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double rate = cases[i].rate;
        assert_true(false_alarms(by_default, cases[i].control, rate, rate) <= 0.0025);
        /* At the very edge of what is allowed, too. */
        assert_true(false_alarms(by_default, cases[i].control, rate + 0.01, rate) <= 0.0025);
    }
    /* Without a control period the fixed rate bounds it. */
    assert_true(ever(by_default, 0, 0, 0.05) <= 0.0025);
    assert_true(ever(by_default, 0, 0, 0.01) <= 0.0025);
    /* The usual test, looked at as often, is wrong many times as often as it says. */
    assert_true(false_alarms(by_shares, 60, 0.1, 0.1) > 0.05);
}

static void rollback__a_crashing_release_is_given_up_soon(void **state)
{
    for (uint32_t control = 20; control <= 1000; control += 20)
        assert_true(by_default(3, 3, 0, control));
    assert_true(by_default(3, 3, 0, 0)); /* a new install */
    assert_true(by_default(4, 9, 1, 200));
    assert_true(by_default(4, 9, 0, 100));
    assert_true(by_default(5, 6, 0, 20));
    assert_false(by_default(1, 1, 0, 1000));
    assert_false(by_default(4, 9, 80, 200));
    /* One that crashes at every third start: nine in ten within 40 answers. */
    assert_true(ever(by_default, 1, 200, 0.34) > 0.999);
}

static void rollback__evidence_grows_with_failures_and_with_a_better_control_period(void **state)
{
    for (uint32_t n = 3; n <= 60; n += 3) {
        for (uint32_t k = n / 3 + 2; k < n; k++) {
            double now = amphi__rollback_evidence(k, n, 2, 100, 0.01);
            assert_true(isfinite(now));
            assert_true(amphi__rollback_evidence(k + 1, n, 2, 100, 0.01) > now);
            assert_true(amphi__rollback_evidence(k, n, 10, 100, 0.01) < now);
            assert_true(amphi__rollback_evidence(k, n, 2, 100, 0.1) < now);
        }
    }
    assert_true(amphi__rollback_evidence(0, 1000, 0, 1000, 0) < 0);
    assert_true(amphi__rollback_evidence(1000, 1000, 1000, 1000, 0.01) < 0);
    assert_true(amphi__rollback_evidence(0, 0, 5, 5, 0) == 0);
    assert_true(amphi__rollback_evidence(1000, 1000, 0, 1000, 0.1) > 1000);
}

/* The mean of the e-value is at most 1 at every length, which is why it may be looked at. */
static void rollback__the_mean_evidence_of_a_harmless_release_is_at_most_one(void **state)
{
    static const double rates[] = {0.01, 0.1, 0.5, 0.9};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        for (uint32_t n = 1; n <= 40; n += 3) {
            double mean = 0;
            double mean_of_rate = 0;
            for (uint32_t k = 0; k <= n; k++) {
                double weight = binomial(k, n, rates[i]);
                mean_of_rate += weight * exp(amphi__rollback_evidence_of_rate(k, n, rates[i]));
                for (uint32_t j = 0; j <= 30; j++)
                    mean += weight * binomial(j, 30, rates[i]) *
                            exp(amphi__rollback_evidence(k, n, j, 30, 0));
            }
            assert_true(mean <= 1 + 1e-9);
            assert_true(mean_of_rate <= 1 + 1e-9);
        }
    }
}

static void rollback__each_kind_is_judged_and_named(void **state)
{
    static const char *const words[] = {"", "crash 30 of 40 against 2 of 100",
        "error 30 of 40 against 2 of 100", "slow 30 of 40 against 2 of 100",
        "takeover 30 of 40 against 2 of 100"};
    amphi_policy policy;
    amphi__policy_init(&policy);
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS; i++) {
        amphi_rollback_tally treated = {.answers = 40};
        amphi_rollback_tally control = {.answers = 100};
        amphi_rollback_verdict verdict;
        char text[AMPHI_ROLLBACK_WORDS_MAX];
        treated.failed[i] = 30;
        control.failed[i] = 2;
        amphi__rollback_judge(&verdict, &policy, &treated, &control);
        assert_true(verdict.is_past);
        amphi__rollback_words(text, &verdict);
        assert_string_equal(text, words[i]);
        assert_int_equal(amphi__rollback_kind_named(
                             amphi_str_from(amphi__rollback_kind_name((amphi_rollback_kind)i))),
            i);
        policy.rollback_enabled = false;
        amphi__rollback_judge(&verdict, &policy, &treated, &control);
        assert_false(verdict.is_past);
        policy.rollback_enabled = true;
        /* A new install's errors say nothing of the release. */
        memset(&control, 0, sizeof control);
        amphi__rollback_judge(&verdict, &policy, &treated, &control);
        assert_int_equal(verdict.is_past, i == AMPHI_ROLLBACK_CRASH);
    }
}

static void rollback__minimum_counts_hold(void **state)
{
    amphi_policy policy;
    amphi_rollback_verdict verdict;
    amphi_rollback_tally treated = tally(3, 3);
    amphi_rollback_tally control = tally(0, 100);
    amphi__policy_init(&policy);
    policy.rollback_answers_min = 4;
    amphi__rollback_judge(&verdict, &policy, &treated, &control);
    assert_false(verdict.is_past);
    policy.rollback_answers_min = 3;
    policy.rollback_failures_min = 4;
    amphi__rollback_judge(&verdict, &policy, &treated, &control);
    assert_false(verdict.is_past);
    policy.rollback_failures_min = 3;
    amphi__rollback_judge(&verdict, &policy, &treated, &control);
    assert_true(verdict.is_past);
}

static void rollback__a_payload_cannot_blind_its_own_guard(void **state)
{
    amphi_policy policy;
    amphi_buf held;
    amphi__policy_init(&policy);
    amphi__buf_init(&held, 0);
    assert_int_equal(
        amphi__policy_apply_payload(&policy,
            AMPHI_STR("{\"rollback\":{\"enabled\":false,\"answers_min\":1000,\"alpha_ppm\":1,"
                      "\"control_answers_min\":1000,\"failures_min\":1000,\"margin_percent\":90,"
                      "\"crash_margin_percent\":90,\"crash_usual_percent\":90}}"),
            &held, NULL),
        AMPHI_OK);
    amphi__buf_clear(&held);
    assert_true(policy.rollback_enabled);
    amphi_rollback_verdict verdict;
    amphi_rollback_tally treated = tally(90, 100);
    amphi_rollback_tally control = tally(1, 250);
    amphi__rollback_judge(&verdict, &policy, &treated, &control);
    assert_true(verdict.is_past);
}

static void rollback__a_full_tally_is_closed_or_ages(void **state)
{
    amphi_rollback_tally t = {0};
    for (unsigned i = 0; i < 2 * AMPHI_ROLLBACK_ANSWERS_MAX; i++)
        amphi__rollback_count(&t, i % 4 == 0 ? 1u << AMPHI_ROLLBACK_ERROR : 0);
    assert_int_equal(t.answers, AMPHI_ROLLBACK_ANSWERS_MAX);
    assert_int_equal(t.failed[AMPHI_ROLLBACK_ERROR], AMPHI_ROLLBACK_ANSWERS_MAX / 4);
    amphi__rollback_age(&t);
    assert_int_equal(t.answers, AMPHI_ROLLBACK_ANSWERS_MAX / 2);
    assert_int_equal(t.failed[AMPHI_ROLLBACK_ERROR], AMPHI_ROLLBACK_ANSWERS_MAX / 8);
    amphi__rollback_age(&t);
    assert_int_equal(t.answers, AMPHI_ROLLBACK_ANSWERS_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            rollback__a_harmless_release_is_given_up_no_more_often_than_the_document_says),
        cmocka_unit_test(rollback__a_crashing_release_is_given_up_soon),
        cmocka_unit_test(rollback__evidence_grows_with_failures_and_with_a_better_control_period),
        cmocka_unit_test(rollback__the_mean_evidence_of_a_harmless_release_is_at_most_one),
        cmocka_unit_test(rollback__each_kind_is_judged_and_named),
        cmocka_unit_test(rollback__minimum_counts_hold),
        cmocka_unit_test(rollback__a_payload_cannot_blind_its_own_guard),
        cmocka_unit_test(rollback__a_full_tally_is_closed_or_ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
