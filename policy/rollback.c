/* SPDX-License-Identifier: Apache-2.0
 *
 * The test behind auto-rollback. With k failures of n answers under the release and j of m without,
 *
 *     E = P(k, n) Q(j, m) / max { p^k (1-p)^(n-k) q^j (1-q)^(m-j) : p <= q + margin }
 *
 * where P(k, n) is the mean of p^k (1-p)^(n-k) over Beta(1/2, 1/2), and Q the same over an equal
 * mixture of Beta(1/2, 1/2) and Beta(1/2, 16). For any p and q that are allowed the denominator is
 * at least the likelihood, and the numerator over the likelihood is a nonnegative martingale that
 * starts at 1. So, by Ville's inequality, E ever reaches 1/alpha with a probability of at most
 * alpha.
 *
 * Four kinds of failure are tested with shares of alpha; crashes, the worst, have half of it.
 */
#include "policy/rollback.h"

#include "policy/policy.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdio.h>

#define LOG_SQRT_2PI 0.9189385332046727

/* Stirling's series (Abramowitz and Stegun 6.1.41), for x > 0; its error is below 1e-10. lgamma of
 * the library writes a global. */
static double log_gamma(double x)
{
    double shift = 0;
    while (x < 12) {
        shift += log(x);
        x += 1;
    }
    double y = 1 / (x * x);
    double series = (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y / 1680))) / x;
    return (x - 0.5) * log(x) - x + LOG_SQRT_2PI + series - shift;
}

/* log of B(k + 1/2, n - k + other) / B(1/2, other): the mean of p^k (1-p)^(n-k) over Beta(1/2,
 * other). */
static double log_mean(uint32_t failed, uint32_t of, double other)
{
    return log_gamma(failed + 0.5) + log_gamma((double)of - failed + other) -
           log_gamma((double)of + 0.5 + other) + log_gamma(0.5 + other) - log_gamma(0.5) -
           log_gamma(other);
}

static double log_treated(uint32_t failed, uint32_t of)
{
    return log_mean(failed, of, 0.5);
}

/* Half the weight on devices on which little fails, which most are. */
static double log_control(uint32_t failed, uint32_t of)
{
    double any = log_mean(failed, of, 0.5);
    double little = log_mean(failed, of, 16);
    double more = any > little ? any : little;
    return more + log1p(exp(-fabs(any - little))) - log(2);
}

/* 0 log 0 is 0. */
static double log_likelihood(uint32_t failed, uint32_t of, double rate)
{
    double hits = failed > 0 ? failed * log(rate) : 0;
    return hits + (of > failed ? ((double)of - failed) * log1p(-rate) : 0);
}

/* Of that in p, at a rate strictly between 0 and 1. */
static double slope(uint32_t failed, uint32_t of, double rate)
{
    return failed / rate - ((double)of - failed) / (1 - rate);
}

/* The likeliest q with p = q + margin: the sum of the two is concave in q. */
static double likeliest(
    uint32_t failed, uint32_t of, uint32_t control_failed, uint32_t control_of, double margin)
{
    double low = 0;
    double high = 1 - margin;
    for (unsigned i = 0; i < 60; i++) {
        double q = (low + high) / 2;
        double rise = slope(failed, of, q + margin) + slope(control_failed, control_of, q);
        *(rise > 0 ? &low : &high) = q;
    }
    return (low + high) / 2;
}

double amphi__rollback_evidence(
    uint32_t failed, uint32_t of, uint32_t control_failed, uint32_t control_of, double margin)
{
    double mixture = log_treated(failed, of) + log_control(control_failed, control_of);
    double most = 0;
    if (of == 0 || control_of == 0)
        return 0;
    double p = (double)failed / of;
    double q = (double)control_failed / control_of;
    if (p > q + margin) { /* then the maximum lies on the edge */
        q = likeliest(failed, of, control_failed, control_of, margin);
        p = q + margin;
    }
    most = log_likelihood(failed, of, p) + log_likelihood(control_failed, control_of, q);
    return mixture - most;
}

double amphi__rollback_evidence_of_rate(uint32_t failed, uint32_t of, double rate)
{
    if (of == 0)
        return 0;
    double p = (double)failed / of;
    return log_treated(failed, of) - log_likelihood(failed, of, p > rate ? rate : p);
}

void amphi__rollback_count(amphi_rollback_tally *tally, unsigned faults)
{
    if (tally->answers >= AMPHI_ROLLBACK_ANSWERS_MAX)
        return;
    tally->answers++;
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS; i++)
        tally->failed[i] += faults >> i & 1;
}

void amphi__rollback_age(amphi_rollback_tally *tally)
{
    if (tally->answers < AMPHI_ROLLBACK_ANSWERS_MAX)
        return;
    tally->answers /= 2;
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS; i++)
        tally->failed[i] /= 2;
}

/* Each kind's share of alpha; together all of it. */
static double share_of(unsigned kind)
{
    return kind == AMPHI_ROLLBACK_CRASH ? 1.0 / 2 : 1.0 / 6;
}

static double evidence(
    const amphi_rollback_verdict *v, const amphi_policy *policy, amphi_rollback_kind kind)
{
    double percent = kind == AMPHI_ROLLBACK_CRASH ? policy->rollback_crash_margin_percent
                                                  : policy->rollback_margin_percent;
    if (!v->is_absolute)
        return amphi__rollback_evidence(
            v->failed, v->of, v->control_failed, v->control_of, percent / 100);
    return kind == AMPHI_ROLLBACK_CRASH ? amphi__rollback_evidence_of_rate(v->failed, v->of,
                                              policy->rollback_crash_usual_percent / 100.0)
                                        : 0; /* what is usual there, depends on the device */
}

void amphi__rollback_judge(amphi_rollback_verdict *out, const amphi_policy *policy,
    const amphi_rollback_tally *treated, const amphi_rollback_tally *control)
{
    amphi_rollback_verdict v = {
        .is_absolute = control->answers < policy->rollback_control_answers_min,
        .of = treated->answers,
        .control_of = control->answers};
    memset(out, 0, sizeof *out);
    if (!policy->rollback_enabled || treated->answers < policy->rollback_answers_min)
        return;
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS && !out->is_past; i++) {
        v.kind = (amphi_rollback_kind)i;
        v.failed = treated->failed[i];
        v.control_failed = control->failed[i];
        if (v.failed < policy->rollback_failures_min)
            continue;
        v.log_evidence = evidence(&v, policy, v.kind);
        v.is_past = v.log_evidence >= -log(policy->rollback_alpha_ppm * 1e-6 * share_of(i));
        if (v.is_past)
            *out = v;
    }
}

static const char *const kind_names[AMPHI_ROLLBACK_KINDS] = {
    [AMPHI_ROLLBACK_NONE] = "none",
    [AMPHI_ROLLBACK_CRASH] = "crash",
    [AMPHI_ROLLBACK_ERROR] = "error",
    [AMPHI_ROLLBACK_SLOW] = "slow",
    [AMPHI_ROLLBACK_TAKEOVER] = "takeover",
};

const char *amphi__rollback_kind_name(amphi_rollback_kind kind)
{
    return kind_names[(unsigned)kind < AMPHI_ROLLBACK_KINDS ? kind : AMPHI_ROLLBACK_NONE];
}

amphi_rollback_kind amphi__rollback_kind_named(amphi_str name)
{
    for (unsigned i = AMPHI_ROLLBACK_CRASH; i < AMPHI_ROLLBACK_KINDS; i++)
        if (amphi__str_equal_c(name, kind_names[i]))
            return (amphi_rollback_kind)i;
    return AMPHI_ROLLBACK_NONE;
}

void amphi__rollback_words(
    char out[AMPHI_ROLLBACK_WORDS_MAX], const amphi_rollback_verdict *verdict)
{
    snprintf(out, AMPHI_ROLLBACK_WORDS_MAX, "%s %u of %u against %u of %u",
        amphi__rollback_kind_name(verdict->kind), verdict->failed, verdict->of,
        verdict->control_failed, verdict->control_of);
}
