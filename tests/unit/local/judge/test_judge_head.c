/* SPDX-License-Identifier: Apache-2.0
 *
 * The trained judge is one dot product and a logistic function.
 */
#include "local/judge/head.h"

#include "local/compute/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void gather(amphi_evidence *e, const amphi_judge *judge, float a, float b)
{
    const amphi_certainty c = {1, 0.5f, 0.6f};
    const uint16_t halves[] = {amphi__float_to_half(a), amphi__float_to_half(b)};
    amphi__evidence_init(e, 2, judge->depths);
    assert_int_equal(amphi__evidence_add_state(e, 0, 4, halves, sizeof halves), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(e, 0, &c), AMPHI_OK);
}

static void judge_head__is_the_logistic_of_a_dot_product(void **state)
{
    float weights[2 + AMPHI_EVIDENCE_NUMBERS] = {1, -2, 0.5f, 0, 0, 1};
    const amphi_head head = {.depth = 4,
        .pool = AMPHI_POOL_FIRST,
        .tokens = 3,
        .values = 2,
        .weights = weights,
        .bias = 0.25f};
    amphi_judge judge = amphi__judge_head(&head);
    amphi_evidence e;
    gather(&e, &judge, 1.5f, 0.5f);
    double sum = 0.25 + 1.5 - 1 + 0.5 * 1 + 1 * 0.5;
    assert_true(fabs(judge.ops->right(judge.self, &e) - 1 / (1 + exp(-sum))) < 1e-6);
    assert_int_equal(judge.depths, 8);
    assert_int_equal(judge.tokens, 3);
    amphi__evidence_clear(&e);
}

static void judge_head__of_another_width_or_depth_can_not_say(void **state)
{
    float weights[3 + AMPHI_EVIDENCE_NUMBERS] = {0};
    amphi_head head = {.depth = 4, .tokens = 3, .values = 3, .weights = weights};
    amphi_judge judge = amphi__judge_head(&head);
    amphi_evidence e;
    gather(&e, &judge, 1, 1);
    assert_true(judge.ops->right(judge.self, &e) < 0);
    head.values = 2;
    head.depth = 5;
    assert_true(judge.ops->right(judge.self, &e) < 0);
    amphi__evidence_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_head__is_the_logistic_of_a_dot_product),
        cmocka_unit_test(judge_head__of_another_width_or_depth_can_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
