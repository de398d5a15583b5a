/* SPDX-License-Identifier: Apache-2.0
 *
 * The transformer, from top to bottom: embed, then for each layer attention and feed-forward on a
 * residual stream, then norm and logits. Matrix products are cut by rows over the threads;
 * everything that belongs to one token is cut by tokens. Every sum is computed by one thread in a
 * fixed order, so the number of threads changes no result.
 */
#include "local/graph/forward.h"

#include "local/compute/dequantize.h"
#include "local/graph/experts.h"
#include "local/graph/family.h"
#include "local/graph/projection.h"
#include "local/model/checked.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <math.h>

#define GATE_GRAIN 512 /* gate values that one thread takes at least */

/* --- work memory --- */

/* Sizes in floats of the pieces, in the order of the structure's members. */
enum {
    PIECE_STREAM,
    PIECE_NORMED,
    PIECE_QUERIES,
    PIECE_KEYS,
    PIECE_VALUES,
    PIECE_ATTENDED,
    PIECE_GATE,
    PIECE_UP,
    PIECE_ANGLES,
    PIECE_SCORES,
    PIECE_EXPERTS,
    PIECE_ACTIVATIONS,
    PIECE_COUNT = PIECE_ACTIVATIONS + AMPHI_ACTIVATION_COUNT
};

static size_t widest_input(const amphi_hparams *hparams)
{
    size_t widest = hparams->embedding;
    size_t attended = (size_t)hparams->heads * hparams->value_size;
    if (attended > widest)
        widest = attended;
    return hparams->feed_forward > widest ? hparams->feed_forward : widest;
}

/* hparams.c bounds every factor, so that nothing here passes 2^60. */
static void measure_pieces(
    const amphi_hparams *hparams, uint64_t context, uint64_t threads, uint64_t pieces[PIECE_COUNT])
{
    const uint64_t batch = AMPHI_BATCH_TOKENS;
    pieces[PIECE_STREAM] = batch * hparams->embedding;
    pieces[PIECE_NORMED] = batch * hparams->embedding;
    pieces[PIECE_QUERIES] = batch * hparams->heads * hparams->key_size;
    pieces[PIECE_KEYS] = batch * hparams->kv_heads * hparams->key_size;
    pieces[PIECE_VALUES] = batch * hparams->kv_heads * hparams->value_size;
    pieces[PIECE_ATTENDED] = batch * hparams->heads * hparams->value_size;
    pieces[PIECE_GATE] = batch * hparams->feed_forward;
    pieces[PIECE_UP] = batch * hparams->feed_forward;
    pieces[PIECE_ANGLES] = batch * hparams->rope_size * 2;
    pieces[PIECE_SCORES] = context * threads;
    pieces[PIECE_EXPERTS] = amphi__experts_scratch_floats(hparams, batch);
    size_t widest = widest_input(hparams);
    pieces[PIECE_ACTIVATIONS + AMPHI_ACTIVATION_F32] = 0; /* used where they lie */
    for (int i = AMPHI_ACTIVATION_F32 + 1; i < AMPHI_ACTIVATION_COUNT; i++)
        pieces[PIECE_ACTIVATIONS + i] =
            batch * amphi__activation_bytes((amphi_activation)i, widest) / sizeof(float);
    for (int i = 0; i < PIECE_COUNT; i++)
        pieces[i] = (pieces[i] + 15) / 16 * 16;
}

uint64_t amphi__forward_scratch_bytes(
    const amphi_hparams *hparams, uint32_t context, uint32_t threads)
{
    uint64_t pieces[PIECE_COUNT];
    measure_pieces(hparams, context, threads, pieces);
    uint64_t total = 0;
    for (int i = 0; i < PIECE_COUNT; i++)
        total += pieces[i];
    return total * sizeof(float);
}

amphi_status amphi__forward_alloc(amphi_forward *forward, amphi_error *error)
{
    uint32_t threads = amphi__thread_pool_count(forward->threads);
    uint64_t bytes = amphi__forward_scratch_bytes(&forward->hparams, forward->context, threads);
    if (bytes > SIZE_MAX / 2)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "model: it needs too much work memory");
    forward->memory = amphi__alloc((size_t)bytes);
    if (forward->memory == NULL)
        return amphi__fail_no_memory(error);
    uint64_t pieces[PIECE_COUNT];
    measure_pieces(&forward->hparams, forward->context, threads, pieces);
    float **members[] = {&forward->stream, &forward->normed, &forward->queries, &forward->keys,
        &forward->values, &forward->attended, &forward->gate, &forward->up, &forward->angles,
        &forward->scores, &forward->experts};
    float *next = forward->memory;
    for (int i = 0; i < PIECE_ACTIVATIONS; i++) {
        *members[i] = next;
        next += pieces[i];
    }
    for (int i = 0; i < AMPHI_ACTIVATION_COUNT; i++) {
        forward->activations[i] = (uint8_t *)next;
        next += pieces[PIECE_ACTIVATIONS + i];
    }
    return AMPHI_OK;
}

void amphi__forward_clear(amphi_forward *forward)
{
    amphi__thread_pool_free(forward->threads);
    amphi__kv_cache_clear(&forward->cache);
    amphi__rope_clear(&forward->rope);
    amphi__rope_clear(&forward->rope_local);
    amphi__weights_clear(&forward->weights);
    amphi__free(forward->memory);
    amphi__free(forward->taps);
    memset(forward, 0, sizeof *forward);
}

amphi_status amphi__forward_tap(amphi_forward *forward, uint8_t depths)
{
    forward->tap_depths = 0;
    if (depths != 0 && forward->taps == NULL)
        forward->taps = amphi__calloc(AMPHI_TAP_DEPTHS, forward->hparams.embedding * sizeof(float));
    if (depths != 0 && forward->taps == NULL)
        return AMPHI_E_NO_MEMORY;
    forward->tap_depths = depths;
    return AMPHI_OK;
}

/* --- one batch --- */

typedef struct forward_batch {
    amphi_forward *forward;
    const int32_t *tokens;
    size_t count;
    uint32_t position; /* of the first token */
    uint32_t layer;
} forward_batch;

/* --- per token --- */

typedef struct norm_job {
    amphi_forward *forward;
    float *out;
    const float *x;
    const float *weight;
    float *add_to; /* not NULL: `out` is added to it afterwards */
} norm_job;

static void norm_tokens(void *arg, size_t from, size_t to, uint32_t thread)
{
    const norm_job *job = arg;
    const amphi_kernels *kernels = job->forward->kernels;
    size_t width = job->forward->hparams.embedding;
    for (size_t t = from; t < to; t++) {
        float *out = job->out + t * width;
        if (job->weight != NULL)
            kernels->rmsnorm(
                out, job->x + t * width, job->weight, width, job->forward->hparams.rms_epsilon);
        if (job->add_to != NULL)
            kernels->add(job->add_to + t * width, out, width);
    }
}

static void norm(amphi_forward *forward, const float *weight, size_t count)
{
    norm_job job = {forward, forward->normed, forward->stream, weight, NULL};
    amphi__thread_pool_run(forward->threads, count, 1, norm_tokens, &job);
}

/* Adds a part's output to the stream, normalized first where the family says so. */
static void add_to_stream(amphi_forward *forward, const float *post_norm, size_t count)
{
    norm_job job = {forward, forward->normed, forward->normed, post_norm, forward->stream};
    amphi__thread_pool_run(forward->threads, count, 1, norm_tokens, &job);
}

static void embed_tokens(void *arg, size_t from, size_t to, uint32_t thread)
{
    const forward_batch *batch = arg;
    amphi_forward *forward = batch->forward;
    const amphi_matrix *embedding = &forward->weights.embedding;
    size_t pairs = forward->rope.pairs;
    for (size_t t = from; t < to; t++) {
        float *row = forward->stream + t * embedding->columns;
        amphi__dequantize(embedding->type,
            embedding->data + (size_t)batch->tokens[t] * embedding->row_bytes, row,
            embedding->columns);
        for (size_t i = 0; i < embedding->columns && forward->hparams.embedding_scale != 1; i++)
            row[i] *= forward->hparams.embedding_scale;
        float *angles = forward->angles + t * pairs * 4;
        amphi__rope_at(&forward->rope, batch->position + (uint32_t)t, angles);
        if (forward->rope_local.pairs > 0)
            amphi__rope_at(&forward->rope_local, batch->position + (uint32_t)t, angles + pairs * 2);
    }
}

/* Norms and rotates the heads of one token's queries or keys. */
static void turn_heads(
    const forward_batch *batch, size_t token, float *heads, size_t count, const float *norm_weight)
{
    const amphi_forward *forward = batch->forward;
    const amphi_hparams *hparams = &forward->hparams;
    size_t pairs = forward->rope.pairs;
    const float *angles = forward->angles + token * pairs * 4;
    if (amphi__hparams_is_local(hparams, batch->layer))
        angles += pairs * 2;
    for (size_t h = 0; h < count; h++, heads += hparams->key_size) {
        if (norm_weight != NULL)
            forward->kernels->rmsnorm(
                heads, heads, norm_weight, hparams->key_size, hparams->rms_epsilon);
        amphi__rope_apply(heads, angles, pairs, hparams->rope_neox);
    }
}

static void place_tokens(void *arg, size_t from, size_t to, uint32_t thread)
{
    const forward_batch *batch = arg;
    amphi_forward *forward = batch->forward;
    const amphi_hparams *hparams = &forward->hparams;
    const amphi_layer *layer = &forward->weights.layers[batch->layer];
    for (size_t t = from; t < to; t++) {
        float *queries = forward->queries + t * hparams->heads * hparams->key_size;
        float *keys = forward->keys + t * hparams->kv_heads * hparams->key_size;
        const float *values = forward->values + t * hparams->kv_heads * hparams->value_size;
        turn_heads(batch, t, queries, hparams->heads, layer->query_norm);
        turn_heads(batch, t, keys, hparams->kv_heads, layer->key_norm);
        size_t position = batch->position + t;
        for (size_t h = 0; h < hparams->kv_heads; h++) {
            forward->kernels->to_half(amphi__kv_cache_keys(&forward->cache, batch->layer, h) +
                                          position * hparams->key_size,
                keys + h * hparams->key_size, hparams->key_size);
            forward->kernels->to_half(amphi__kv_cache_values(&forward->cache, batch->layer, h) +
                                          position * hparams->value_size,
                values + h * hparams->value_size, hparams->value_size);
        }
    }
}

/* One item is one query head of one token; heads that share keys are neighbours. */
static void attend_heads(void *arg, size_t from, size_t to, uint32_t thread)
{
    const forward_batch *batch = arg;
    amphi_forward *forward = batch->forward;
    const amphi_hparams *hparams = &forward->hparams;
    size_t shared = hparams->heads / hparams->kv_heads;
    bool local = amphi__hparams_is_local(hparams, batch->layer);
    for (size_t item = from; item < to && !amphi__forward_stops(forward); item++) {
        size_t head = item / batch->count;
        size_t token = item % batch->count;
        size_t end = batch->position + token + 1;
        size_t row = token * hparams->heads + head;
        amphi_attend job = {.query = forward->queries + row * hparams->key_size,
            .keys = amphi__kv_cache_keys(&forward->cache, batch->layer, head / shared),
            .values = amphi__kv_cache_values(&forward->cache, batch->layer, head / shared),
            .key_size = hparams->key_size,
            .value_size = hparams->value_size,
            .from = local && end > hparams->window ? end - hparams->window : 0,
            .to = end,
            .scale = hparams->attention_scale,
            .scores = forward->scores + (size_t)thread * forward->context,
            .out = forward->attended + row * hparams->value_size};
        forward->kernels->attend(&job);
    }
}

static void gate_values(void *arg, size_t from, size_t to, uint32_t thread)
{
    amphi_forward *forward = arg;
    if (forward->hparams.family->gate == AMPHI_GATE_GELU)
        forward->kernels->geglu(forward->gate + from, forward->up + from, to - from);
    else
        forward->kernels->swiglu(forward->gate + from, forward->up + from, to - from);
}

/* --- layers --- */

static void run_attention(forward_batch *batch, const amphi_layer *layer)
{
    amphi_forward *forward = batch->forward;
    norm(forward, layer->attention_norm, batch->count);
    amphi_projection set = {.forward = forward,
        .matrices = {&layer->query, &layer->key, &layer->value},
        .outputs = {forward->queries, forward->keys, forward->values},
        .count = 3,
        .input = forward->normed,
        .columns = forward->hparams.embedding,
        .tokens = batch->count};
    amphi__projection_run(&set);
    if (amphi__forward_stops(forward))
        return; /* the cache is not to get what was not computed */
    amphi__thread_pool_run(forward->threads, batch->count, 1, place_tokens, batch);
    amphi__thread_pool_run(
        forward->threads, batch->count * forward->hparams.heads, 1, attend_heads, batch);
    amphi__projection_run_one(
        forward, &layer->output, forward->attended, batch->count, forward->normed);
    add_to_stream(forward, layer->attention_post_norm, batch->count);
}

void amphi__forward_gated(amphi_forward *forward, const amphi_expert *matrices, const float *input,
    size_t tokens, float *out)
{
    amphi_projection set = {.forward = forward,
        .matrices = {&matrices->gate, &matrices->up},
        .outputs = {forward->gate, forward->up},
        .count = 2,
        .input = input,
        .columns = forward->hparams.embedding,
        .tokens = tokens};
    amphi__projection_run(&set);
    amphi__thread_pool_run(
        forward->threads, tokens * forward->hparams.feed_forward, GATE_GRAIN, gate_values, forward);
    amphi__projection_run_one(forward, &matrices->down, forward->gate, tokens, out);
}

static void run_feed_forward(forward_batch *batch, const amphi_layer *layer)
{
    amphi_forward *forward = batch->forward;
    norm(forward, layer->forward_norm, batch->count);
    if (forward->hparams.experts > 0) {
        amphi__experts_run(forward, layer, batch->count);
        return;
    }
    amphi__forward_gated(forward, &layer->plain, forward->normed, batch->count, forward->normed);
    add_to_stream(forward, layer->forward_post_norm, batch->count);
}

static void write_logits(amphi_forward *forward, size_t count, float *logits, size_t rows)
{
    size_t width = forward->hparams.embedding;
    const float *last = forward->stream + (count - rows) * width;
    norm_job job = {forward, forward->normed, last, forward->weights.output_norm, NULL};
    amphi__thread_pool_run(forward->threads, rows, 1, norm_tokens, &job);
    amphi__projection_run_one(forward, &forward->weights.output, forward->normed, rows, logits);
    float cap = forward->hparams.logit_cap;
    for (size_t i = 0; cap > 0 && i < rows * forward->hparams.vocabulary; i++)
        logits[i] = cap * tanhf(logits[i] / cap);
}

/* Behind a layer: the last token's stream, where a depth ends here. In a model of few layers
 * several do. */
static void tap_stream(const forward_batch *batch)
{
    amphi_forward *forward = batch->forward;
    size_t width = forward->hparams.embedding;
    const float *last = forward->stream + (batch->count - 1) * width;
    for (uint32_t d = 0; d < AMPHI_TAP_DEPTHS; d++) {
        uint64_t layers = forward->hparams.layers;
        uint64_t ends = (layers * (d + 1) + AMPHI_TAP_DEPTHS - 1) / AMPHI_TAP_DEPTHS;
        if ((forward->tap_depths >> d & 1) != 0 && ends == (uint64_t)batch->layer + 1)
            memcpy(forward->taps + d * width, last, width * sizeof *last);
    }
}

static void run_layers(forward_batch *batch)
{
    amphi_forward *forward = batch->forward;
    amphi__thread_pool_run(forward->threads, batch->count, 1, embed_tokens, batch);
    for (batch->layer = 0; batch->layer < forward->hparams.layers; batch->layer++) {
        run_attention(batch, &forward->weights.layers[batch->layer]);
        if (amphi__forward_stops(forward))
            return;
        run_feed_forward(batch, &forward->weights.layers[batch->layer]);
        if (amphi__forward_stops(forward))
            return;
        if (forward->tap_depths != 0)
            tap_stream(batch);
    }
}

amphi_status amphi__forward_run(amphi_forward *forward, const int32_t *tokens, size_t count,
    uint32_t position, float *logits, size_t logits_rows, const amphi_cancel *cancel)
{
    forward_batch batch = {forward, tokens, count, position, 0};
    forward->cancel = cancel;
    atomic_store_explicit(&forward->stopped, false, memory_order_relaxed);
    if (!amphi__forward_stops(forward))
        run_layers(&batch);
    if (!amphi__forward_stops(forward) && logits != NULL && logits_rows > 0)
        write_logits(forward, count, logits, logits_rows);
    forward->cancel = NULL;
    /* A cancel that came behind the last piece of work left nothing out. */
    return atomic_load_explicit(&forward->stopped, memory_order_relaxed) ? AMPHI_E_CANCELLED
                                                                         : AMPHI_OK;
}
