/* SPDX-License-Identifier: Apache-2.0
 *
 * The loss is smooth and convex, so Nesterov's accelerated gradient needs no tuning: its step is
 * the inverse of the Lipschitz constant, a quarter of the largest eigenvalue of X'X / n (found by
 * power iteration) plus the penalty. (Y. Nesterov, "A method for solving the convex programming
 * problem with convergence rate O(1/k^2)", 1983.)
 */
#include "local/judge/head_fit.h"

#include "sdk/core/alloc.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 200, POWER_STEPS = 20 };

/* One fit's work memory. */
typedef struct fit {
    size_t rows, columns;
    float *x;  /* the rows that count, standardized */
    double *y; /* 1: right */
    double *mean, *deviation;
    double *weights, *before, *ahead, *slope; /* columns + 1: the bias is last */
} fit;

static void fit_clear(fit *f)
{
    void *const all[] = {
        f->x, f->y, f->mean, f->deviation, f->weights, f->before, f->ahead, f->slope};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        amphi__free(all[i]);
}

static bool fit_alloc(fit *f, size_t rows, size_t columns)
{
    *f = (fit){.columns = columns};
    f->x = amphi__calloc(rows * columns, sizeof *f->x);
    f->y = amphi__calloc(rows, sizeof *f->y);
    double **const vectors[] = {
        &f->mean, &f->deviation, &f->weights, &f->before, &f->ahead, &f->slope};
    bool is_whole = f->x != NULL && f->y != NULL;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        *vectors[i] = amphi__calloc(columns + 1, sizeof **vectors[i]);
        is_whole = is_whole && *vectors[i] != NULL;
    }
    return is_whole;
}

/* Takes the rows that count; then each column gets mean 0 and deviation 1. A constant column says
 * nothing and becomes 0. */
static void take_rows(fit *f, const amphi_fit_rows *rows, size_t held_back)
{
    for (size_t r = 0; r < rows->rows; r++) {
        if (r % AMPHI_FIT_FOLDS == held_back)
            continue;
        memcpy(f->x + f->rows * f->columns, rows->features + r * f->columns,
            f->columns * sizeof *f->x);
        f->y[f->rows++] = rows->right[r] ? 1 : 0;
    }
    for (size_t c = 0; c < f->columns; c++) {
        double sum = 0;
        double squares = 0;
        for (size_t r = 0; r < f->rows; r++)
            sum += (double)f->x[r * f->columns + c];
        f->mean[c] = f->rows > 0 ? sum / (double)f->rows : 0;
        for (size_t r = 0; r < f->rows; r++) {
            double off = (double)f->x[r * f->columns + c] - f->mean[c];
            squares += off * off;
        }
        double deviation = f->rows > 0 ? sqrt(squares / (double)f->rows) : 0;
        f->deviation[c] = deviation > 1e-6 ? deviation : HUGE_VAL;
        for (size_t r = 0; r < f->rows; r++) {
            float *value = &f->x[r * f->columns + c];
            *value = (float)(((double)*value - f->mean[c]) / f->deviation[c]);
        }
    }
}

static double row_dot(const fit *f, size_t r, const double *weights)
{
    const float *x = f->x + r * f->columns;
    double sum = 0;
    for (size_t c = 0; c < f->columns; c++)
        sum += (double)x[c] * weights[c];
    return sum;
}

static void add_row(const fit *f, size_t r, double factor, double *out)
{
    const float *x = f->x + r * f->columns;
    for (size_t c = 0; c < f->columns; c++)
        out[c] += factor * (double)x[c];
}

/* The largest eigenvalue of X'X / n, from below; the bias adds its column of ones. */
static double largest_eigenvalue(const fit *f, double *vector, double *next)
{
    double value = 1;
    for (size_t c = 0; c < f->columns; c++)
        vector[c] = 1 / sqrt((double)f->columns);
    for (int step = 0; step < POWER_STEPS; step++) {
        double squares = 0;
        memset(next, 0, f->columns * sizeof *next);
        for (size_t r = 0; r < f->rows; r++)
            add_row(f, r, row_dot(f, r, vector) / (double)f->rows, next);
        for (size_t c = 0; c < f->columns; c++)
            squares += next[c] * next[c];
        value = sqrt(squares);
        for (size_t c = 0; c < f->columns && value > 0; c++)
            vector[c] = next[c] / value;
    }
    return value + 1;
}

static void slope_at(const fit *f, const double *weights, double penalty, double *slope)
{
    for (size_t c = 0; c < f->columns; c++)
        slope[c] = penalty * weights[c];
    slope[f->columns] = 0;
    for (size_t r = 0; r < f->rows; r++) {
        double odds = row_dot(f, r, weights) + weights[f->columns];
        double off = (1 / (1 + exp(-odds)) - f->y[r]) / (double)f->rows;
        add_row(f, r, off, slope);
        slope[f->columns] += off;
    }
}

static void descend(fit *f, double penalty)
{
    /* The power iteration comes from below: a tenth more keeps the step safe. */
    double step = 1 / (0.25 * 1.1 * largest_eigenvalue(f, f->ahead, f->slope) + penalty);
    double pace = 1;
    size_t count = f->columns + 1;
    memset(f->ahead, 0, count * sizeof *f->ahead);
    for (int i = 0; i < STEPS; i++) {
        double next_pace = (1 + sqrt(1 + 4 * pace * pace)) / 2;
        slope_at(f, f->ahead, penalty, f->slope);
        memcpy(f->before, f->weights, count * sizeof *f->before);
        for (size_t c = 0; c < count; c++) {
            f->weights[c] = f->ahead[c] - step * f->slope[c];
            f->ahead[c] = f->weights[c] + (pace - 1) / next_pace * (f->weights[c] - f->before[c]);
        }
        pace = next_pace;
    }
}

amphi_status amphi__head_fit(
    const amphi_fit_rows *rows, size_t held_back, double penalty, double *weights)
{
    fit f;
    amphi_status status = AMPHI_E_NO_MEMORY;
    if (fit_alloc(&f, rows->rows, rows->columns)) {
        take_rows(&f, rows, held_back);
        descend(&f, penalty);
        double bias = f.weights[f.columns];
        for (size_t c = 0; c < f.columns; c++) { /* back to the columns as they were */
            weights[c] = f.weights[c] / f.deviation[c];
            bias -= weights[c] * f.mean[c];
        }
        weights[f.columns] = bias;
        status = AMPHI_OK;
    }
    fit_clear(&f);
    return status;
}

double amphi__head_score(const double *weights, const float *features, size_t columns)
{
    double sum = weights[columns];
    for (size_t c = 0; c < columns; c++)
        sum += weights[c] * (double)features[c];
    return sum;
}

amphi_status amphi__head_cross_validate(const amphi_fit_rows *rows, double penalty, double *scores)
{
    double *weights = amphi__calloc(rows->columns + 1, sizeof *weights);
    amphi_status status = weights != NULL ? AMPHI_OK : AMPHI_E_NO_MEMORY;
    for (size_t fold = 0; fold < AMPHI_FIT_FOLDS && status == AMPHI_OK; fold++) {
        status = amphi__head_fit(rows, fold, penalty, weights);
        for (size_t r = fold; r < rows->rows && status == AMPHI_OK; r += AMPHI_FIT_FOLDS)
            scores[r] =
                amphi__head_score(weights, rows->features + r * rows->columns, rows->columns);
    }
    amphi__free(weights);
    return status;
}

/* ---- the ROC curve ---- */

typedef struct ranked {
    double score;
    bool right;
} ranked;

static int compare(const void *a, const void *b)
{
    double left = ((const ranked *)a)->score;
    double right = ((const ranked *)b)->score;
    return (left > right) - (left < right);
}

/* Sum of ranks (Mann and Whitney), equal scores sharing theirs. */
double amphi__roc_area(const double *scores, const bool *right, size_t rows)
{
    double ranks = 0;
    double rights = 0;
    ranked *sorted = amphi__calloc(rows + 1, sizeof *sorted);
    if (sorted == NULL)
        return -1;
    for (size_t i = 0; i < rows; i++)
        sorted[i] = (ranked){scores[i], right[i]};
    qsort(sorted, rows, sizeof *sorted, compare);
    for (size_t from = 0; from < rows;) {
        size_t to = from;
        size_t rights_here = 0;
        for (; to < rows && sorted[to].score == sorted[from].score; to++)
            rights_here += sorted[to].right;
        ranks += (double)rights_here * ((double)(from + to) + 1) / 2;
        rights += (double)rights_here;
        from = to > from ? to : from + 1; /* NaN equals nothing */
    }
    amphi__free(sorted);
    double wrongs = (double)rows - rights;
    return rights > 0 && wrongs > 0 ? (ranks - rights * (rights + 1) / 2) / (rights * wrongs) : 0.5;
}
