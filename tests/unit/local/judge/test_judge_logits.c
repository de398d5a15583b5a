/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge for every model: a surer model is likelier right.
 */
#include "local/judge/judge.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static double right_of(float entropy, float margin, float top)
{
    amphi_judge judge = amphi__judge_logits();
    amphi_evidence e;
    const amphi_certainty c = {entropy, margin, top};
    amphi__evidence_init(&e, 2, judge.depths);
    assert_int_equal(amphi__evidence_add(&e, 0, &c), AMPHI_OK);
    double right = judge.ops->right(judge.self, &e);
    amphi__evidence_clear(&e);
    return right;
}

static void judge_logits__is_a_probability_that_falls_with_doubt(void **state)
{
    double before = 1;
    for (int i = 0; i <= 10; i++) {
        float doubt = (float)i / 10;
        double right = right_of(doubt * 8, 1 - doubt, 1 - doubt);
        assert_true(right >= 0 && right < before);
        before = right;
    }
}

static void judge_logits__of_nothing_can_not_say(void **state)
{
    amphi_judge judge = amphi__judge_logits();
    amphi_evidence e;
    amphi__evidence_init(&e, 2, 0);
    assert_true(judge.ops->right(judge.self, &e) < 0);
    assert_string_equal(judge.ops->name, "logits");
    assert_int_equal(judge.depths, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_logits__is_a_probability_that_falls_with_doubt),
        cmocka_unit_test(judge_logits__of_nothing_can_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
