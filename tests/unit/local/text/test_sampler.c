/* SPDX-License-Identifier: Apache-2.0
 *
 * The sampler against what can be computed by hand: which tokens survive each filter, and how
 * often each is drawn.
 */
#include "local/text/sampler.h"
#include "tests/support/failing_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 10000, COUNT_MAX = 2000 };

static amphi_sampler *sampler_of(const amphi_sampler_options *options, uint32_t count)
{
    amphi_sampler *sampler = NULL;
    assert_int_equal(amphi__sampler_new(&sampler, options, count, NULL), AMPHI_OK);
    return sampler;
}

static amphi_sampler_options plain(void)
{
    amphi_sampler_options options;
    amphi__sampler_options_init(&options);
    options.temperature = 1.0f;
    options.seed = 42;
    return options;
}

static int32_t pick(amphi_sampler *sampler, const float *logits, uint32_t count)
{
    float copy[COUNT_MAX];
    memcpy(copy, logits, count * sizeof *logits);
    return amphi__sampler_pick(sampler, copy);
}

/* Draws many times; each token's share must lie within 5 standard deviations of `wanted`. */
static void expect_shares(
    const amphi_sampler_options *options, const float *logits, const double *wanted, uint32_t count)
{
    amphi_sampler *sampler = sampler_of(options, count);
    uint32_t drawn[COUNT_MAX] = {0};
    for (int i = 0; i < DRAWS; i++) {
        int32_t token = pick(sampler, logits, count);
        assert_in_range(token, 0, count - 1);
        drawn[token]++;
    }
    for (uint32_t i = 0; i < count; i++) {
        double share = (double)drawn[i] / DRAWS;
        double allowed = 5.0 * sqrt(wanted[i] * (1.0 - wanted[i]) / DRAWS);
        if (fabs(share - wanted[i]) > allowed)
            fail_msg("token %u: share %.4f, wanted %.4f", i, share, wanted[i]);
    }
    amphi__sampler_free(sampler);
}

/* softmax(logits / temperature) over the tokens that are kept, 0 for the others. */
static void shares_of(
    const float *logits, const bool *kept, double temperature, double *out, uint32_t count)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = kept[i] ? exp(logits[i] / temperature) : 0.0;
        sum += out[i];
    }
    for (uint32_t i = 0; i < count; i++)
        out[i] /= sum;
}

static const float five[5] = {1.0f, 3.0f, 2.0f, -1.0f, 0.0f};
/* probabilities: .0861 .6364 .2341 .0117 .0317 */

static void sampler__greedy_takes_the_best_and_the_lowest_id_of_equals(void **state)
{
    amphi_sampler_options options = plain();
    options.temperature = 0.0f;
    amphi_sampler *sampler = sampler_of(&options, 5);
    assert_int_equal(pick(sampler, five, 5), 1);
    const float ties[5] = {0.0f, 7.0f, 7.0f, 1.0f, 7.0f};
    assert_int_equal(pick(sampler, ties, 5), 1);
    const float equal[5] = {2.0f, 2.0f, 2.0f, 2.0f, 2.0f};
    assert_int_equal(pick(sampler, equal, 5), 0);
    amphi__sampler_free(sampler);
}

static void sampler__nan_counts_as_minus_infinity(void **state)
{
    amphi_sampler_options options = plain();
    const float odd[5] = {NAN, -INFINITY, -3.0f, NAN, -INFINITY};
    const float hopeless[5] = {NAN, NAN, -INFINITY, NAN, NAN};
    const float endless[5] = {1.0f, INFINITY, 0.0f, 0.0f, 0.0f};
    for (int greedy = 0; greedy < 2; greedy++) {
        options.temperature = greedy ? 0.0f : 1.0f;
        options.top_p = 0.9f;
        options.typical_p = 0.9f;
        amphi_sampler *sampler = sampler_of(&options, 5);
        assert_int_equal(pick(sampler, odd, 5), 2);
        assert_int_equal(pick(sampler, hopeless, 5), 0);
        assert_int_equal(pick(sampler, endless, 5), 1);
        amphi__sampler_free(sampler);
    }
}

static void sampler__temperature_scales_the_logits(void **state)
{
    const bool all[5] = {true, true, true, true, true};
    amphi_sampler_options options = plain();
    const float temperatures[] = {0.5f, 1.0f, 2.0f};
    double wanted[5];
    for (int i = 0; i < 3; i++) {
        options.temperature = temperatures[i];
        shares_of(five, all, temperatures[i], wanted, 5);
        expect_shares(&options, five, wanted, 5);
    }
    options.temperature = 1e-5f; /* nearly greedy, and no overflow */
    const double best[5] = {0.0, 1.0, 0.0, 0.0, 0.0};
    expect_shares(&options, five, best, 5);
}

static void sampler__top_k_keeps_the_k_best(void **state)
{
    const bool two[5] = {false, true, true, false, false};
    amphi_sampler_options options = plain();
    options.top_k = 2;
    double wanted[5];
    shares_of(five, two, 1.0, wanted, 5);
    expect_shares(&options, five, wanted, 5);
    options.top_k = 99; /* more than there are */
    const bool all[5] = {true, true, true, true, true};
    shares_of(five, all, 1.0, wanted, 5);
    expect_shares(&options, five, wanted, 5);
}

static void sampler__top_k_finds_exactly_the_best_of_many(void **state)
{
    enum { MANY = 1000, K = 20 };
    uint32_t random = 99;
    float logits[MANY];
    double wanted[MANY];
    bool kept[MANY];
    for (int shape = 0; shape < 4; shape++) {
        for (int i = 0; i < MANY; i++) {
            random = random * 1664525u + 1013904223u;
            /* random, rising, falling, and nearly all equal */
            logits[i] = shape == 0   ? (float)(random >> 8) / 4e6f
                        : shape == 1 ? (float)i / 200.0f
                        : shape == 2 ? (float)-i / 200.0f
                                     : (float)(i % 500 == 0);
        }
        for (int i = 0; i < MANY; i++) {
            int better = 0;
            for (int j = 0; j < MANY; j++)
                better += logits[j] > logits[i] || (logits[j] == logits[i] && j < i);
            kept[i] = better < K;
        }
        amphi_sampler_options options = plain();
        options.top_k = K;
        shares_of(logits, kept, 1.0, wanted, MANY);
        expect_shares(&options, logits, wanted, MANY);
    }
}

static void sampler__top_p_keeps_the_fewest_that_hold_p(void **state)
{
    amphi_sampler_options options = plain();
    const struct {
        float p;
        bool kept[5];
    } cases[] = {
        {0.0f, {false, true, false, false, false}},
        {0.63f, {false, true, false, false, false}},
        {0.64f, {false, true, true, false, false}},
        {0.90f, {true, true, true, false, false}},
        {0.98f, {true, true, true, false, true}},
        {0.999f, {true, true, true, true, true}},
    };
    double wanted[5];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options.top_p = cases[i].p;
        shares_of(five, cases[i].kept, 1.0, wanted, 5);
        expect_shares(&options, five, wanted, 5);
    }
}

static void sampler__min_p_is_relative_to_the_best(void **state)
{
    amphi_sampler_options options = plain();
    const bool kept[5] = {true, true, true, false, false}; /* 0.1 x 0.6364 = 0.0636 */
    options.min_p = 0.1f;
    double wanted[5];
    shares_of(five, kept, 1.0, wanted, 5);
    expect_shares(&options, five, wanted, 5);
    const bool one[5] = {false, true, false, false, false};
    options.min_p = 1.0f;
    shares_of(five, one, 1.0, wanted, 5);
    expect_shares(&options, five, wanted, 5);
}

static void sampler__typical_prefers_average_surprise(void **state)
{
    /* Entropy 0.98 nats; surprises 2.45 0.45 1.45 4.45 3.45. The nearest to 0.98: token 2 (.47),
     * then token 1 (.53), then token 0 (1.47). */
    amphi_sampler_options options = plain();
    options.typical_p = 0.2f;
    const bool one[5] = {false, false, true, false, false};
    double wanted[5];
    shares_of(five, one, 1.0, wanted, 5);
    expect_shares(&options, five, wanted, 5);
    options.typical_p = 0.8f;
    const bool two[5] = {false, true, true, false, false};
    shares_of(five, two, 1.0, wanted, 5);
    expect_shares(&options, five, wanted, 5);
}

static void sampler__filters_work_together(void **state)
{
    amphi_sampler_options options = plain();
    options.top_k = 4;
    options.top_p = 0.95f;
    options.min_p = 0.2f; /* leaves tokens 1 and 2 */
    options.temperature = 0.7f;
    const bool kept[5] = {false, true, true, false, false};
    double wanted[5];
    shares_of(five, kept, 0.7f, wanted, 5);
    expect_shares(&options, five, wanted, 5);
}

static void sampler__penalties_follow_their_formulas(void **state)
{
    amphi_sampler_options options = plain();
    options.temperature = 0.0f;
    options.repetition_penalty = 2.0f;
    options.presence_penalty = 0.25f;
    options.frequency_penalty = 0.5f;
    amphi_sampler *sampler = sampler_of(&options, 4);
    amphi__sampler_accept(sampler, 0);
    amphi__sampler_accept(sampler, 1);
    amphi__sampler_accept(sampler, 0);
    amphi__sampler_accept(sampler, -1); /* no token: nothing */
    amphi__sampler_accept(sampler, 4);
    float logits[4] = {4.0f, -1.0f, 3.0f, 0.5f};
    assert_int_equal(amphi__sampler_pick(sampler, logits), 2);
    assert_float_equal(logits[0], 4.0f / 2 - 2 * 0.5f - 0.25f, 1e-6);
    assert_float_equal(logits[1], -1.0f * 2 - 0.5f - 0.25f, 1e-6);
    assert_float_equal(logits[2], 3.0f, 0.0);
    assert_float_equal(logits[3], 0.5f, 0.0);
    /* The second time gives the same: nothing was used up. */
    float again[4] = {4.0f, -1.0f, 3.0f, 0.5f};
    assert_int_equal(amphi__sampler_pick(sampler, again), 2);
    assert_memory_equal(again, logits, sizeof logits);
    amphi__sampler_free(sampler);
}

static void sampler__penalties_forget_what_left_the_window(void **state)
{
    amphi_sampler_options options = plain();
    options.temperature = 0.0f;
    options.frequency_penalty = 1.0f;
    options.penalty_window = 3;
    amphi_sampler *sampler = sampler_of(&options, 3);
    const int32_t accepted[] = {0, 0, 1, 0, 2}; /* the window holds 1 0 2 */
    for (int i = 0; i < 5; i++)
        amphi__sampler_accept(sampler, accepted[i]);
    float logits[3] = {9.0f, 8.5f, 8.0f};
    assert_int_equal(amphi__sampler_pick(sampler, logits), 0);
    assert_float_equal(logits[0], 8.0f, 0.0);
    assert_float_equal(logits[1], 7.5f, 0.0);
    assert_float_equal(logits[2], 7.0f, 0.0);
    amphi__sampler_free(sampler);
}

static void sampler__same_seed_gives_the_same_tokens(void **state)
{
    amphi_sampler_options options = plain();
    int differences = 0;
    int32_t first[200];
    for (int round = 0; round < 3; round++) {
        options.seed = round < 2 ? 7 : 8;
        amphi_sampler *sampler = sampler_of(&options, 5);
        for (int i = 0; i < 200; i++) {
            int32_t token = pick(sampler, five, 5);
            if (round == 0)
                first[i] = token;
            else if (round == 1)
                assert_int_equal(token, first[i]);
            else
                differences += token != first[i];
            amphi__sampler_accept(sampler, token);
        }
        amphi__sampler_free(sampler);
    }
    assert_true(differences > 20);
}

static void sampler__options_out_of_range_are_refused(void **state)
{
    amphi_sampler *sampler = NULL;
    const struct {
        size_t offset;
        float value;
        const char *name;
    } cases[] = {
        {offsetof(amphi_sampler_options, temperature), -1.0f, "temperature"},
        {offsetof(amphi_sampler_options, temperature), NAN, "temperature"},
        {offsetof(amphi_sampler_options, top_p), 1.5f, "top_p"},
        {offsetof(amphi_sampler_options, min_p), -0.1f, "min_p"},
        {offsetof(amphi_sampler_options, typical_p), NAN, "typical_p"},
        {offsetof(amphi_sampler_options, repetition_penalty), 0.0f, "repetition_penalty"},
        {offsetof(amphi_sampler_options, presence_penalty), INFINITY, "presence_penalty"},
        {offsetof(amphi_sampler_options, frequency_penalty), NAN, "frequency_penalty"},
    };
    amphi_error error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_sampler_options options = plain();
        memcpy((char *)&options + cases[i].offset, &cases[i].value, sizeof(float));
        assert_int_equal(amphi__sampler_new(&sampler, &options, 5, &error), AMPHI_E_ARGUMENT);
        assert_null(sampler);
        assert_non_null(strstr(error.message, cases[i].name));
    }
    amphi_sampler_options options = plain();
    assert_int_equal(amphi__sampler_new(&sampler, &options, 0, &error), AMPHI_E_ARGUMENT);
    options.penalty_window = 1u << 30;
    assert_int_equal(amphi__sampler_new(&sampler, &options, 5, &error), AMPHI_E_ARGUMENT);
}

static void sampler__every_failing_allocation_is_survived(void **state)
{
    amphi_sampler_options options = plain();
    options.frequency_penalty = 0.5f;
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_sampler *sampler = NULL;
        failing_alloc_at(n);
        status = amphi__sampler_new(&sampler, &options, 5, NULL);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        amphi__sampler_free(sampler);
        assert_int_equal(failing_alloc_live(), 0);
        assert_true(n < 20);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampler__greedy_takes_the_best_and_the_lowest_id_of_equals),
        cmocka_unit_test(sampler__nan_counts_as_minus_infinity),
        cmocka_unit_test(sampler__temperature_scales_the_logits),
        cmocka_unit_test(sampler__top_k_keeps_the_k_best),
        cmocka_unit_test(sampler__top_k_finds_exactly_the_best_of_many),
        cmocka_unit_test(sampler__top_p_keeps_the_fewest_that_hold_p),
        cmocka_unit_test(sampler__min_p_is_relative_to_the_best),
        cmocka_unit_test(sampler__typical_prefers_average_surprise),
        cmocka_unit_test(sampler__filters_work_together),
        cmocka_unit_test(sampler__penalties_follow_their_formulas),
        cmocka_unit_test(sampler__penalties_forget_what_left_the_window),
        cmocka_unit_test(sampler__same_seed_gives_the_same_tokens),
        cmocka_unit_test(sampler__options_out_of_range_are_refused),
        cmocka_unit_test(sampler__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
