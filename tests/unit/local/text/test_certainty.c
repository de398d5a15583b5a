/* SPDX-License-Identifier: Apache-2.0
 *
 * Entropy and margin against plain sums, and of logits that are odd.
 */
#include "local/text/certainty.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void certainty__is_entropy_and_margin_of_the_softmax(void **state)
{
    const float logits[] = {1.0f, -2.5f, 3.25f, 0.0f, 2.0f, -80.0f};
    double sum = 0;
    double entropy = 0;
    amphi_certainty c;
    for (int i = 0; i < 6; i++)
        sum += exp((double)logits[i]);
    for (int i = 0; i < 6; i++) {
        double p = exp((double)logits[i]) / sum;
        entropy -= p * log(p);
    }
    amphi__certainty_read(&c, logits, 6);
    assert_true(fabs((double)c.entropy - entropy) < 1e-6);
    assert_true(fabs((double)c.top - exp(3.25) / sum) < 1e-6);
    assert_true(fabs((double)c.margin - (exp(3.25) - exp(2.0)) / sum) < 1e-6);
    assert_true(amphi__certainty_is_sound(&c));
}

static void certainty__of_equal_logits_is_none(void **state)
{
    const float logits[] = {7, 7, 7, 7};
    amphi_certainty c;
    amphi__certainty_read(&c, logits, 4);
    assert_true(fabs((double)c.entropy - log(4)) < 1e-6);
    assert_true(c.margin == 0.0f);
    assert_true(fabs((double)c.top - 0.25) < 1e-6);
}

static void certainty__of_odd_logits_stays_in_range(void **state)
{
    const float odd[] = {NAN, -INFINITY, 3e38f, INFINITY, 1.0f};
    const float one[] = {-INFINITY, 5.0f, NAN};
    const float none[] = {NAN, -INFINITY};
    amphi_certainty c;
    amphi__certainty_read(&c, odd, 5);
    assert_true(amphi__certainty_is_sound(&c));
    amphi__certainty_read(&c, one, 3);
    assert_true(c.entropy == 0.0f && c.margin == 1.0f && c.top == 1.0f);
    amphi__certainty_read(&c, none, 2);
    assert_true(c.entropy == 0.0f && c.margin == 0.0f && c.top == 0.0f);
    amphi__certainty_read(&c, odd, 0);
    assert_true(amphi__certainty_is_sound(&c));
}

static void certainty__numbers_out_of_range_are_unsound(void **state)
{
    static const amphi_certainty bad[] = {{-0.1f, 0, 0}, {33, 0, 0}, {NAN, 0, 0}, {1, -0.1f, 0.5f},
        {1, 0.6f, 0.5f}, {1, NAN, 0.5f}, {1, 0.5f, NAN}, {1, 0.5f, 1.1f}, {INFINITY, 0, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(amphi__certainty_is_sound(&bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certainty__is_entropy_and_margin_of_the_softmax),
        cmocka_unit_test(certainty__of_equal_logits_is_none),
        cmocka_unit_test(certainty__of_odd_logits_stays_in_range),
        cmocka_unit_test(certainty__numbers_out_of_range_are_unsound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
