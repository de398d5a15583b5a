/* SPDX-License-Identifier: Apache-2.0
 *
 * Fitting a head: logistic regression with an L2 penalty on standardized columns, and the area
 * under the ROC curve that tells what it is worth. Nothing is random: the same rows give the same
 * weights, bit for bit on one machine.
 */
#ifndef AMPHI_JUDGE_HEAD_FIT_H
#define AMPHI_JUDGE_HEAD_FIT_H

#include <amphi/error.h>

#define AMPHI_FIT_FOLDS 5u

typedef struct amphi_fit_rows {
    const float *features; /* rows x columns */
    const bool *right;     /* of each row */
    size_t rows;
    size_t columns;
} amphi_fit_rows;

/* Fits on the rows whose index is not `held_back` modulo AMPHI_FIT_FOLDS (AMPHI_FIT_FOLDS: on all).
 * penalty: of the squared weights, per row. weights: `columns`, then the bias; they apply to the
 * columns as they are. AMPHI_E_NO_MEMORY. */
amphi_status amphi__head_fit(
    const amphi_fit_rows *rows, size_t held_back, double penalty, double *weights);
/* weights as above; the logarithm of the odds that the row is right. */
double amphi__head_score(const double *weights, const float *features, size_t columns);
/* The score of each row by weights that were fitted without it (five folds). */
amphi_status amphi__head_cross_validate(const amphi_fit_rows *rows, double penalty, double *scores);

/* Area under the ROC curve: how often a right row has a higher score than a wrong one, equal ones
 * by half. 0.5 when there are not both. AMPHI_E_NO_MEMORY shows as -1. */
double amphi__roc_area(const double *scores, const bool *right, size_t rows);

#endif
