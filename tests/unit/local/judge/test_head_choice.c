/* SPDX-License-Identifier: Apache-2.0
 *
 * The best of several heads is found where the answer lies, and says what the judge will say.
 */
#include "local/judge/head_choice.h"

#include "local/compute/half.h"
#include "tests/support/failing_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROWS = 80, WIDTH = 4 };

static double next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 33) / (double)(1u << 31);
}

/* A row's evidence: what tells right from wrong is in the second value of the first token's state
 * at depth 6, and nowhere else. */
static amphi_status gather(amphi_evidence *e, uint64_t *seed, bool is_right)
{
    amphi_status status = AMPHI_OK;
    amphi__evidence_init(e, 2, 0x28); /* depths 4 and 6 */
    for (uint32_t token = 0; token < 2 && status == AMPHI_OK; token++) {
        for (uint32_t depth = 4; depth <= 6 && status == AMPHI_OK; depth += 2) {
            uint16_t halves[WIDTH];
            for (int i = 0; i < WIDTH; i++)
                halves[i] = amphi__float_to_half((float)(next_random(seed) * 4 - 2));
            if (token == 0 && depth == 6)
                halves[1] =
                    amphi__float_to_half((float)((is_right ? 1 : -1) + next_random(seed) - 0.5));
            status = amphi__evidence_add_state(e, token, depth, halves, sizeof halves);
        }
        const amphi_certainty c = {(float)next_random(seed), 0.1f, 0.5f};
        if (status == AMPHI_OK)
            status = amphi__evidence_add(e, token, &c);
    }
    return status;
}

static amphi_status gather_rows(amphi_head_rows *rows)
{
    uint64_t seed = 11;
    amphi_status status = AMPHI_OK;
    for (int i = 0; i < ROWS && status == AMPHI_OK; i++) {
        amphi_evidence e;
        bool is_right = next_random(&seed) > 0.5;
        status = gather(&e, &seed, is_right);
        if (status == AMPHI_OK)
            status = amphi__head_rows_add(rows, &e, is_right);
        amphi__evidence_clear(&e);
    }
    return status;
}

static void head_choice__finds_the_depth_and_pool_that_tell(void **state)
{
    amphi_head_rows rows = {0};
    amphi_head head = {.tokens = 2};
    static double scores[ROWS];
    double penalty = 0;
    assert_int_equal(gather_rows(&rows), AMPHI_OK);
    assert_int_equal(amphi__head_choose(&head, &penalty, scores, &rows), AMPHI_OK);
    assert_int_equal(head.depth, 6);
    assert_int_equal(head.pool, AMPHI_POOL_FIRST);
    assert_int_equal(head.values, WIDTH);
    assert_int_equal(head.rows, ROWS);
    assert_true(head.auc > 0.95f);
    assert_true(penalty > 0);
    /* The judge agrees with the labels of rows that it has not seen. */
    amphi_judge judge = amphi__judge_head(&head);
    uint64_t seed = 99;
    int agreed = 0;
    for (int i = 0; i < 40; i++) {
        amphi_evidence e;
        assert_int_equal(gather(&e, &seed, i % 2 == 0), AMPHI_OK);
        agreed += (judge.ops->right(judge.self, &e) > 0.5) == (i % 2 == 0);
        amphi__evidence_clear(&e);
    }
    assert_true(agreed >= 38);
    amphi__head_clear(&head);
    amphi__head_rows_clear(&rows);
}

static void head_choice__rows_without_states_or_of_another_width_are_refused(void **state)
{
    amphi_head_rows rows = {0};
    amphi_evidence e;
    const amphi_certainty c = {1, 0.1f, 0.5f};
    const uint16_t halves[2] = {0, 0};
    amphi__evidence_init(&e, 1, 0x28);
    assert_int_equal(amphi__evidence_add(&e, 0, &c), AMPHI_OK);
    assert_int_equal(amphi__head_rows_add(&rows, &e, true), AMPHI_E_FORMAT);
    amphi__evidence_clear(&e);
    assert_int_equal(gather_rows(&rows), AMPHI_OK);
    amphi__evidence_init(&e, 1, 0x28);
    assert_int_equal(amphi__evidence_add_state(&e, 0, 4, halves, sizeof halves), AMPHI_OK);
    assert_int_equal(amphi__evidence_add_state(&e, 0, 6, halves, sizeof halves), AMPHI_OK);
    assert_int_equal(amphi__evidence_add(&e, 0, &c), AMPHI_OK);
    assert_int_equal(amphi__head_rows_add(&rows, &e, true), AMPHI_E_FORMAT);
    assert_int_equal(rows.count, ROWS);
    amphi__evidence_clear(&e);
    amphi__head_rows_clear(&rows);
}

static void head_choice__rows_without_memory_say_so(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_head_rows rows = {0};
        failing_alloc_install();
        failing_alloc_at(n);
        status = gather_rows(&rows);
        bool has_failed = failing_alloc_failed();
        amphi__head_rows_clear(&rows);
        assert_int_equal(failing_alloc_live(), 0);
        failing_alloc_remove();
        assert_int_equal(status, has_failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_choice__finds_the_depth_and_pool_that_tell),
        cmocka_unit_test(head_choice__rows_without_states_or_of_another_width_are_refused),
        cmocka_unit_test(head_choice__rows_without_memory_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
