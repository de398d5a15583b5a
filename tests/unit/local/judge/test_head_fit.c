/* SPDX-License-Identifier: Apache-2.0
 *
 * Logistic regression against a gradient that must vanish, and the ROC area against counting pairs.
 */
#include "local/judge/head_fit.h"

#include "tests/support/failing_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROWS = 100, COLUMNS = 3 };

static float features[ROWS * COLUMNS];
static bool right[ROWS];

/* A small generator of our own: the same on every machine. */
static double next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 33) / (double)(1u << 31);
}

/* Right where 2a - b and some noise is above 0; the third column says nothing, on a large scale. */
static amphi_fit_rows make_rows(void)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < ROWS; i++) {
        float *row = features + i * COLUMNS;
        row[0] = (float)next_random(&seed) - 0.5f;
        row[1] = (float)next_random(&seed) * 4 + 10;
        row[2] = (float)next_random(&seed) * 1000;
        right[i] = 2 * (double)row[0] - ((double)row[1] - 12) / 4 + next_random(&seed) - 0.5 > 0;
    }
    return (amphi_fit_rows){features, right, ROWS, COLUMNS};
}

static double loss(const amphi_fit_rows *rows, double penalty, const double *weights)
{
    double sum = 0;
    for (size_t i = 0; i < rows->rows; i++) {
        double odds = amphi__head_score(weights, rows->features + i * COLUMNS, COLUMNS);
        sum += log(1 + exp(rows->right[i] ? -odds : odds)) / (double)rows->rows;
    }
    for (size_t c = 0; c < COLUMNS; c++) { /* the penalty is on standardized columns */
        double mean = 0;
        double squares = 0;
        for (size_t i = 0; i < rows->rows; i++)
            mean += (double)rows->features[i * COLUMNS + c] / (double)rows->rows;
        for (size_t i = 0; i < rows->rows; i++)
            squares += pow((double)rows->features[i * COLUMNS + c] - mean, 2);
        sum += penalty / 2 * squares / (double)rows->rows * weights[c] * weights[c];
    }
    return sum;
}

static void head_fit__finds_the_minimum_of_the_penalized_loss(void **state)
{
    const amphi_fit_rows rows = make_rows();
    double weights[COLUMNS + 1];
    assert_int_equal(amphi__head_fit(&rows, AMPHI_FIT_FOLDS, 0.1, weights), AMPHI_OK);
    double least = loss(&rows, 0.1, weights);
    for (size_t c = 0; c <= COLUMNS; c++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            double other[COLUMNS + 1];
            memcpy(other, weights, sizeof other);
            other[c] += sign * (c == 2 ? 1e-5 : 1e-2);
            assert_true(loss(&rows, 0.1, other) > least - 1e-9);
        }
    }
    assert_true(weights[0] > 0 && weights[1] < 0);
}

static void head_fit__same_rows_give_the_same_bits(void **state)
{
    const amphi_fit_rows rows = make_rows();
    double a[COLUMNS + 1];
    double b[COLUMNS + 1];
    assert_int_equal(amphi__head_fit(&rows, 2, 0.1, a), AMPHI_OK);
    assert_int_equal(amphi__head_fit(&rows, 2, 0.1, b), AMPHI_OK);
    assert_memory_equal(a, b, sizeof a);
}

static void head_fit__constant_columns_get_no_weight(void **state)
{
    amphi_fit_rows rows = make_rows();
    double weights[COLUMNS + 1];
    for (size_t i = 0; i < ROWS; i++)
        features[i * COLUMNS + 2] = 5;
    assert_int_equal(amphi__head_fit(&rows, AMPHI_FIT_FOLDS, 0.1, weights), AMPHI_OK);
    assert_true(weights[2] == 0.0);
    assert_true(isfinite(weights[COLUMNS]));
}

static void head_fit__cross_validation_sees_no_row_that_it_scores(void **state)
{
    amphi_fit_rows rows = make_rows();
    static double scores[ROWS];
    assert_int_equal(amphi__head_cross_validate(&rows, 0.1, scores), AMPHI_OK);
    double auc = amphi__roc_area(scores, right, ROWS);
    assert_true(auc > 0.7 && auc < 1);
    /* Labels that nothing explains are not learnt: a row of its own fold would give it away. */
    uint64_t seed = 3;
    for (size_t i = 0; i < ROWS; i++)
        right[i] = next_random(&seed) > 0.5;
    assert_int_equal(amphi__head_cross_validate(&rows, 0.001, scores), AMPHI_OK);
    assert_true(amphi__roc_area(scores, right, ROWS) < 0.65);
}

static void head_fit__roc_area_counts_pairs_and_halves_for_equal_ones(void **state)
{
    const double scores[] = {0.1, 0.4, 0.4, 0.8, 0.9, 0.4};
    const bool labels[] = {false, true, false, true, true, false};
    double pairs = 0;
    double won = 0;
    for (int r = 0; r < 6; r++)
        for (int w = 0; w < 6; w++)
            if (labels[r] && !labels[w]) {
                pairs++;
                won += scores[r] > scores[w] ? 1 : scores[r] == scores[w] ? 0.5 : 0;
            }
    assert_true(fabs(amphi__roc_area(scores, labels, 6) - won / pairs) < 1e-12);
    const bool all[] = {true, true, true, true, true, true};
    assert_true(amphi__roc_area(scores, all, 6) == 0.5);
    assert_true(amphi__roc_area(scores, all, 0) == 0.5);
}

static void head_fit__without_memory_says_so(void **state)
{
    const amphi_fit_rows rows = make_rows();
    static double scores[ROWS];
    amphi_status status = AMPHI_E_NO_MEMORY;
    for (size_t n = 1; status != AMPHI_OK; n++) {
        failing_alloc_install();
        failing_alloc_at(n);
        status = amphi__head_cross_validate(&rows, 0.1, scores);
        bool has_failed = failing_alloc_failed();
        assert_int_equal(failing_alloc_live(), 0);
        failing_alloc_remove();
        assert_int_equal(status, has_failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_fit__finds_the_minimum_of_the_penalized_loss),
        cmocka_unit_test(head_fit__same_rows_give_the_same_bits),
        cmocka_unit_test(head_fit__constant_columns_get_no_weight),
        cmocka_unit_test(head_fit__cross_validation_sees_no_row_that_it_scores),
        cmocka_unit_test(head_fit__roc_area_counts_pairs_and_halves_for_equal_ones),
        cmocka_unit_test(head_fit__without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
