/* SPDX-License-Identifier: Apache-2.0
 *
 * A head sees one pooled state and the numbers of the logits. Here they are put together for each
 * head that is tried, and the best is fitted again on all rows.
 */
#include "local/judge/head_choice.h"

#include "local/judge/head_fit.h"
#include "sdk/core/alloc.h"

static const double penalties[] = {0.03, 0.3, 3};

/* ---- rows ---- */

static size_t states_of_row(const amphi_head_rows *rows)
{
    size_t depths = 0;
    for (uint32_t d = 0; d < AMPHI_STATE_DEPTHS; d++)
        depths += rows->depths >> d & 1;
    return depths * AMPHI_POOL_COUNT;
}

static bool grow(void **memory, size_t count, size_t size)
{
    void *grown = amphi__realloc_array(*memory, count, size);
    if (grown != NULL)
        *memory = grown;
    return grown != NULL;
}

static amphi_status make_room(amphi_head_rows *rows)
{
    size_t room = rows->room > 0 ? rows->room * 2 : 64;
    if (rows->count < rows->room)
        return AMPHI_OK;
    if (!grow((void **)&rows->right, room, sizeof *rows->right) ||
        !grow((void **)&rows->states, room,
            states_of_row(rows) * rows->values * sizeof *rows->states) ||
        !grow((void **)&rows->numbers, room, AMPHI_EVIDENCE_NUMBERS * sizeof *rows->numbers) ||
        !grow((void **)&rows->logits, room, sizeof *rows->logits))
        return AMPHI_E_NO_MEMORY;
    rows->room = room;
    return AMPHI_OK;
}

amphi_status amphi__head_rows_add(
    amphi_head_rows *rows, const amphi_evidence *evidence, bool is_right)
{
    double numbers[AMPHI_EVIDENCE_NUMBERS];
    if (evidence->values == 0 || evidence->tokens == 0 ||
        (rows->values != 0 &&
            (evidence->values != rows->values || evidence->depths != rows->depths)))
        return AMPHI_E_FORMAT;
    rows->values = evidence->values;
    rows->depths = evidence->depths;
    amphi_status status = make_room(rows);
    if (status != AMPHI_OK)
        return status;
    size_t i = rows->count++;
    amphi_judge logits = amphi__judge_logits();
    amphi__evidence_numbers(evidence, numbers);
    for (size_t n = 0; n < AMPHI_EVIDENCE_NUMBERS; n++)
        rows->numbers[i * AMPHI_EVIDENCE_NUMBERS + n] = (float)numbers[n];
    rows->right[i] = is_right;
    rows->logits[i] = logits.ops->right(logits.self, evidence);
    float *out = rows->states + i * states_of_row(rows) * rows->values;
    for (uint32_t depth = 1; depth <= AMPHI_STATE_DEPTHS; depth++)
        for (uint32_t pool = 0; pool < AMPHI_POOL_COUNT; pool++)
            if (amphi__evidence_pool(evidence, depth, (amphi_state_pool)pool, out))
                out += rows->values;
    return AMPHI_OK;
}

void amphi__head_rows_clear(amphi_head_rows *rows)
{
    amphi__free(rows->right);
    amphi__free(rows->states);
    amphi__free(rows->numbers);
    amphi__free(rows->logits);
    *rows = (amphi_head_rows){0};
}

/* ---- heads ---- */

/* The columns of one head: `slot` is the depth and pool's place within a row's states. */
static void gather(const amphi_head_rows *rows, size_t slot, float *out)
{
    size_t per_row = states_of_row(rows) * rows->values;
    for (size_t i = 0; i < rows->count; i++) {
        memcpy(out, rows->states + i * per_row + slot * rows->values, rows->values * sizeof *out);
        memcpy(out + rows->values, rows->numbers + i * AMPHI_EVIDENCE_NUMBERS,
            AMPHI_EVIDENCE_NUMBERS * sizeof *out);
        out += rows->values + AMPHI_EVIDENCE_NUMBERS;
    }
}

typedef struct candidate {
    size_t slot;
    double penalty;
    double auc; /* below 0: none yet */
} candidate;

static amphi_status try_slot(
    const amphi_fit_rows *fit, size_t slot, double *scores, candidate *best)
{
    for (size_t p = 0; p < sizeof penalties / sizeof penalties[0]; p++) {
        amphi_status status = amphi__head_cross_validate(fit, penalties[p], scores);
        double auc = status == AMPHI_OK ? amphi__roc_area(scores, fit->right, fit->rows) : -1;
        if (auc < 0)
            return AMPHI_E_NO_MEMORY;
        if (auc > best->auc + 1e-9)
            *best = (candidate){slot, penalties[p], auc};
    }
    return AMPHI_OK;
}

static uint32_t depth_of(const amphi_head_rows *rows, size_t slot)
{
    size_t nth = slot / AMPHI_POOL_COUNT;
    uint32_t depth = 1;
    for (;; depth++)
        if ((rows->depths >> (depth - 1) & 1) != 0 && nth-- == 0)
            return depth;
}

static amphi_status finish(amphi_head *out, const amphi_head_rows *rows, const amphi_fit_rows *fit,
    const candidate *best, double *weights)
{
    amphi_status status = amphi__head_fit(fit, AMPHI_FIT_FOLDS, best->penalty, weights);
    out->weights = amphi__calloc(fit->columns, sizeof *out->weights);
    if (status != AMPHI_OK || out->weights == NULL)
        return AMPHI_E_NO_MEMORY;
    for (size_t c = 0; c < fit->columns; c++)
        out->weights[c] = (float)weights[c];
    out->bias = (float)weights[fit->columns];
    out->depth = depth_of(rows, best->slot);
    out->pool = (amphi_state_pool)(best->slot % AMPHI_POOL_COUNT);
    out->values = rows->values;
    out->rows = (uint32_t)rows->count;
    out->auc = (float)best->auc;
    return AMPHI_OK;
}

amphi_status amphi__head_choose(
    amphi_head *out, double *penalty, double *scores, const amphi_head_rows *rows)
{
    size_t columns = rows->values + AMPHI_EVIDENCE_NUMBERS;
    candidate best = {.auc = -1};
    amphi_status status = AMPHI_OK;
    float *features = amphi__calloc(rows->count * columns, sizeof *features);
    double *weights = amphi__calloc(columns + 1, sizeof *weights);
    const amphi_fit_rows fit = {features, rows->right, rows->count, columns};
    if (features == NULL || weights == NULL)
        status = AMPHI_E_NO_MEMORY;
    for (size_t slot = 0; slot < states_of_row(rows) && status == AMPHI_OK; slot++) {
        gather(rows, slot, features);
        status = try_slot(&fit, slot, scores, &best);
    }
    if (status == AMPHI_OK) {
        gather(rows, best.slot, features);
        status = amphi__head_cross_validate(&fit, best.penalty, scores);
    }
    if (status == AMPHI_OK)
        status = finish(out, rows, &fit, &best, weights);
    *penalty = best.penalty;
    amphi__free(weights);
    amphi__free(features);
    return status;
}
