/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations are brought into the forms that the kernels want, once for all products that share
 * them; then every thread takes runs of rows. A row's sums belong to one thread.
 */
#include "local/graph/projection.h"

#define ROWS_GRAIN 16 /* rows of a matrix that one thread takes at least */

static void quantize_tokens(void *arg, size_t from, size_t to, uint32_t thread)
{
    const amphi_projection *set = arg;
    size_t bytes = amphi__activation_bytes(set->form, set->columns);
    for (size_t t = from; t < to; t++)
        set->forward->kernels->quantize[set->form](set->forward->activations[set->form] + t * bytes,
            set->input + t * set->columns, set->columns);
}

/* Floats are used as they are; the other forms are computed once, however many matrices want it. */
static void prepare_activations(amphi_projection *set)
{
    bool done[AMPHI_ACTIVATION_COUNT] = {[AMPHI_ACTIVATION_F32] = true};
    for (size_t i = 0; i < set->count; i++) {
        amphi_activation form = set->matrices[i]->kernel.activation;
        if (done[form])
            continue;
        done[form] = true;
        set->form = form;
        amphi__thread_pool_run(set->forward->threads, set->tokens, 1, quantize_tokens, set);
    }
}

static void multiply_rows(const amphi_projection *set, size_t index, size_t from, size_t to)
{
    const amphi_matrix *matrix = set->matrices[index];
    float *out = set->outputs[index];
    amphi_activation form = matrix->kernel.activation;
    amphi_matmul job = {.weights = matrix->data,
        .row_bytes = matrix->row_bytes,
        .columns = matrix->columns,
        .activations = (const uint8_t *)set->input,
        .activation_bytes = set->columns * sizeof(float),
        .tokens = set->tokens,
        .out = out,
        .out_stride = matrix->rows};
    if (form != AMPHI_ACTIVATION_F32) {
        job.activations = set->forward->activations[form];
        job.activation_bytes = amphi__activation_bytes(form, set->columns);
    }
    /* A few rows at a time stay in the cache while all tokens pass by. */
    size_t step = set->tokens > 1 ? ROWS_GRAIN : to - from;
    for (size_t row = from; row < to && !amphi__forward_stops(set->forward); row += step)
        matrix->kernel.matmul(&job, row, to - row < step ? to : row + step);
    if (matrix->bias == NULL)
        return;
    for (size_t t = 0; t < set->tokens; t++)
        for (size_t r = from; r < to; r++)
            out[t * matrix->rows + r] += matrix->bias[r];
}

/* [from, to) counts rows through all matrices of the set. */
static void multiply_set(void *arg, size_t from, size_t to, uint32_t thread)
{
    const amphi_projection *set = arg;
    size_t before = 0;
    for (size_t i = 0; i < set->count && before < to; i++) {
        size_t rows = set->matrices[i]->rows;
        size_t begin = from > before ? from - before : 0;
        size_t end = to - before < rows ? to - before : rows;
        if (begin < end)
            multiply_rows(set, i, begin, end);
        before += rows;
    }
}

void amphi__projection_run(amphi_projection *set)
{
    size_t rows = 0;
    for (size_t i = 0; i < set->count; i++)
        rows += set->matrices[i]->rows;
    prepare_activations(set);
    amphi__thread_pool_run(set->forward->threads, rows, ROWS_GRAIN, multiply_set, set);
}

void amphi__projection_run_one(amphi_forward *forward, const amphi_matrix *matrix,
    const float *input, size_t tokens, float *out)
{
    amphi_projection set = {.forward = forward,
        .matrices = {matrix},
        .outputs = {out},
        .count = 1,
        .input = input,
        .columns = matrix->columns,
        .tokens = tokens};
    amphi__projection_run(&set);
}
