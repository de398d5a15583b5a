/* SPDX-License-Identifier: Apache-2.0
 *
 * Which head is the best one for these rows: depths, ways to pool and penalties are tried in
 * five-fold cross-validation, in a fixed order, and the first of the best wins.
 */
#ifndef AMPHI_JUDGE_HEAD_CHOICE_H
#define AMPHI_JUDGE_HEAD_CHOICE_H

#include "local/judge/head.h"

/* The depths that are looked at: the upper half, where a model's answer takes shape. */
#define AMPHI_HEAD_DEPTHS 0xf8u

/* What was found in the model, a row for each prompt. */
typedef struct amphi_head_rows {
    size_t count, room;
    uint32_t values; /* of a state; 0: no row yet */
    uint8_t depths;  /* that are in `states` */
    bool *right;     /* of each row: what its author said */
    float *states;   /* of each row: for each depth and pool, `values` */
    float *numbers;  /* of each row: AMPHI_EVIDENCE_NUMBERS */
    double *logits;  /* of each row: what the judge for every model says */
} amphi_head_rows;

/* One row more. AMPHI_E_FORMAT: the evidence has no states, or of another width. */
amphi_status amphi__head_rows_add(
    amphi_head_rows *rows, const amphi_evidence *evidence, bool is_right);
void amphi__head_rows_clear(amphi_head_rows *rows);

/* Fills in depth, pool, values, rows, auc, weights and bias. *penalty: the chosen one; scores: of
 * each row, by the chosen head in cross-validation. */
amphi_status amphi__head_choose(
    amphi_head *out, double *penalty, double *scores, const amphi_head_rows *rows);

#endif
