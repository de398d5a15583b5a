/* SPDX-License-Identifier: Apache-2.0
 *
 * What the judges look at is gathered from a worker that is not believed.
 */
#include "local/judge/evidence.h"

#include "local/compute/half.h"
#include "tests/support/failing_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WIDTH = 4, DEPTHS = 0x88 }; /* depths 4 and 8 */

static const amphi_certainty sure = {0.5f, 0.8f, 0.9f};
static const amphi_certainty unsure = {2.5f, 0.1f, 0.3f};

static amphi_status add_state(amphi_evidence *e, uint32_t index, uint32_t depth, float value)
{
    uint16_t halves[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        halves[i] = amphi__float_to_half(value + (float)i);
    return amphi__evidence_add_state(e, index, depth, halves, sizeof halves);
}

static void evidence__numbers_are_means_extremes_and_the_first(void **state)
{
    amphi_evidence e;
    double n[AMPHI_EVIDENCE_NUMBERS];
    amphi__evidence_init(&e, 4, 0);
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 1, &unsure), AMPHI_OK);
    amphi__evidence_numbers(&e, n);
    const double expected[] = {1.5, 2.5, 0.5, 0.45, 0.1, (log(0.9) + log(0.3)) / 2};
    for (size_t i = 0; i < AMPHI_EVIDENCE_NUMBERS; i++)
        assert_true(fabs(n[i] - expected[i]) < 1e-6);
    amphi__evidence_clear(&e);
}

static void evidence__pools_the_first_state_and_the_mean(void **state)
{
    amphi_evidence e;
    float out[WIDTH];
    amphi__evidence_init(&e, 2, DEPTHS);
    assert_false(amphi__evidence_pool(&e, 4, AMPHI_POOL_FIRST, out));
    assert_int_equal(add_state(&e, 0, 4, 1), AMPHI_OK);
    assert_int_equal(add_state(&e, 0, 8, 10), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_OK);
    assert_int_equal(add_state(&e, 1, 8, 20), AMPHI_OK);
    assert_int_equal(add_state(&e, 1, 4, 3), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 1, &sure), AMPHI_OK);
    assert_true(amphi__evidence_pool(&e, 4, AMPHI_POOL_FIRST, out));
    assert_true(out[0] == 1.0f && out[3] == 4.0f);
    assert_true(amphi__evidence_pool(&e, 4, AMPHI_POOL_MEAN, out));
    assert_true(out[0] == 2.0f && out[3] == 5.0f);
    assert_true(amphi__evidence_pool(&e, 8, AMPHI_POOL_MEAN, out));
    assert_true(out[0] == 15.0f);
    assert_false(amphi__evidence_pool(&e, 3, AMPHI_POOL_MEAN, out));
    amphi__evidence_clear(&e);
}

static void evidence__what_was_not_asked_for_or_is_out_of_order_is_refused(void **state)
{
    amphi_evidence e;
    uint16_t halves[AMPHI_STATE_VALUES_MAX + 1] = {0};
    amphi__evidence_init(&e, 0, 0); /* nothing is asked for */
    assert_int_equal(add_state(&e, 0, 4, 1), AMPHI_E_PROTOCOL);
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_E_PROTOCOL);
    amphi__evidence_init(&e, 2, DEPTHS);
    assert_int_equal(amphi__evidence_add(&e, 1, &sure), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 1, 4, 1), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 0, 5, 1), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 0, 0, 1), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 0, 9, 1), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 0, UINT32_MAX, 1), AMPHI_E_PROTOCOL);
    assert_int_equal(amphi__evidence_add_state(&e, 0, 4, halves, 0), AMPHI_E_PROTOCOL);
    assert_int_equal(amphi__evidence_add_state(&e, 0, 4, halves, 3), AMPHI_E_PROTOCOL);
    assert_int_equal(amphi__evidence_add_state(&e, 0, 4, halves, sizeof halves), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 0, 4, 1), AMPHI_OK);
    assert_int_equal(add_state(&e, 0, 4, 1), AMPHI_E_PROTOCOL);            /* twice */
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_E_PROTOCOL); /* depth 8 is missing */
    assert_int_equal(amphi__evidence_add_state(&e, 0, 8, halves, 6), AMPHI_E_PROTOCOL);
    assert_int_equal(add_state(&e, 0, 8, 1), AMPHI_OK);
    const amphi_certainty odd = {NAN, 0, 0};
    assert_int_equal(amphi__evidence_add(&e, 0, &odd), AMPHI_E_PROTOCOL);
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 1, &sure), AMPHI_E_PROTOCOL); /* no states now */
    amphi__evidence_clear(&e);
    amphi__evidence_init(&e, 1, 0);
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 1, &sure), AMPHI_E_PROTOCOL); /* more than asked */
    amphi__evidence_clear(&e);
}

static void evidence__values_that_are_no_numbers_are_refused(void **state)
{
    static const uint16_t bad[] = {0x7c00, 0xfc00, 0x7e00};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        amphi_evidence e;
        uint16_t halves[WIDTH] = {0, 0, bad[i], 0};
        amphi__evidence_init(&e, 2, DEPTHS);
        assert_int_equal(
            amphi__evidence_add_state(&e, 0, 4, halves, sizeof halves), AMPHI_E_PROTOCOL);
        amphi__evidence_clear(&e);
    }
}

static void evidence__a_model_may_have_no_states_at_all(void **state)
{
    amphi_evidence e;
    float out[WIDTH];
    amphi__evidence_init(&e, 2, DEPTHS); /* asked for, but too wide for the wire */
    assert_int_equal(amphi__evidence_add(&e, 0, &sure), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 1, &sure), AMPHI_OK);
    assert_false(amphi__evidence_pool(&e, 4, AMPHI_POOL_FIRST, out));
    amphi__evidence_clear(&e);
}

static void evidence__without_memory_says_so_each_time(void **state)
{
    for (int n = 1; n <= 2; n++) {
        amphi_evidence e;
        amphi__evidence_init(&e, 2, DEPTHS);
        failing_alloc_install();
        failing_alloc_at((size_t)n);
        assert_int_equal(add_state(&e, 0, 4, 1), AMPHI_E_NO_MEMORY);
        assert_int_equal(add_state(&e, 0, 8, 1), AMPHI_E_NO_MEMORY);
        amphi__evidence_clear(&e);
        assert_int_equal(failing_alloc_live(), 0);
        failing_alloc_remove();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence__numbers_are_means_extremes_and_the_first),
        cmocka_unit_test(evidence__pools_the_first_state_and_the_mean),
        cmocka_unit_test(evidence__what_was_not_asked_for_or_is_out_of_order_is_refused),
        cmocka_unit_test(evidence__values_that_are_no_numbers_are_refused),
        cmocka_unit_test(evidence__a_model_may_have_no_states_at_all),
        cmocka_unit_test(evidence__without_memory_says_so_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
