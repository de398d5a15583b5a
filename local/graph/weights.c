/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding tensors by name and comparing their shapes. Fused tensors are cut into row ranges here,
 * so that the forward pass knows only one shape of layer.
 */
#include "local/graph/weights.h"

#include "local/compute/dequantize.h"
#include "local/graph/family.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define NAME_MAX_BYTES 64

/* One loading: the first failure sticks and later steps do nothing. */
typedef struct loader {
    amphi_weights *weights;
    const amphi_gguf *gguf;
    const amphi_hparams *hparams;
    const amphi_kernels *kernels;
    bool *used; /* of each tensor of the file: has it found its place? */
    amphi_status status;
    amphi_error *error;
} loader;

static const amphi_gguf_tensor *find_deep(
    loader *load, const char *name, uint64_t columns, uint64_t rows, uint64_t depth, bool required)
{
    if (load->status != AMPHI_OK)
        return NULL;
    const amphi_gguf_tensor *tensor = amphi__gguf_tensor(load->gguf, amphi_str_from(name));
    if (tensor == NULL) {
        if (required)
            load->status = amphi__fail(
                load->error, AMPHI_E_FORMAT, 0, "model file: the tensor %s is missing", name);
        return NULL;
    }
    load->used[tensor - amphi__gguf_tensor_at(load->gguf, 0)] = true;
    if (tensor->dims[0] == columns && tensor->dims[1] == rows && tensor->dims[2] == depth &&
        tensor->dims[3] == 1)
        return tensor;
    load->status = amphi__fail(load->error, AMPHI_E_FORMAT, 0,
        "model file: the tensor %s is %llu x %llu x %llu, not %llu x %llu x %llu", name,
        (unsigned long long)tensor->dims[0], (unsigned long long)tensor->dims[1],
        (unsigned long long)tensor->dims[2], (unsigned long long)columns, (unsigned long long)rows,
        (unsigned long long)depth);
    return NULL;
}

static const amphi_gguf_tensor *find(
    loader *load, const char *name, uint64_t columns, uint64_t rows, bool required)
{
    return find_deep(load, name, columns, rows, 1, required);
}

static const float *load_vector(loader *load, const char *name, uint64_t size, bool required)
{
    const amphi_gguf_tensor *tensor = find(load, name, size, 1, required);
    amphi_weights *weights = load->weights;
    if (tensor == NULL)
        return NULL;
    if (size > weights->vectors_capacity - weights->vectors_used) {
        load->status =
            amphi__fail(load->error, AMPHI_E_INTERNAL, 0, "model: more vectors than were counted");
        return NULL;
    }
    float *vector = weights->vectors + weights->vectors_used;
    weights->vectors_used += (size_t)size;
    amphi__dequantize(tensor->type, tensor->data, vector, (size_t)size);
    return vector;
}

static amphi_matrix make_matrix(
    const loader *load, const amphi_gguf_tensor *tensor, uint64_t columns, uint64_t rows)
{
    amphi_matrix matrix = {0};
    if (tensor == NULL)
        return matrix;
    matrix.data = tensor->data;
    matrix.type = tensor->type;
    matrix.rows = (size_t)rows;
    matrix.columns = (size_t)columns;
    matrix.row_bytes = (size_t)amphi__weight_row_bytes(tensor->type, columns);
    matrix.kernel = amphi__kernels_for(load->kernels, tensor->type);
    return matrix;
}

static amphi_matrix load_matrix(
    loader *load, const char *name, uint64_t columns, uint64_t rows, bool required)
{
    return make_matrix(load, find(load, name, columns, rows, required), columns, rows);
}

static amphi_matrix cut_rows(const amphi_matrix *whole, size_t from, size_t rows)
{
    amphi_matrix part = *whole;
    if (part.data != NULL)
        part.data += from * whole->row_bytes;
    part.rows = rows;
    if (part.bias != NULL)
        part.bias += from;
    return part;
}

static const char *layer_name(char out[NAME_MAX_BYTES], uint32_t layer, const char *part)
{
    (void)snprintf(out, NAME_MAX_BYTES, "blk.%u.%s", layer, part);
    return out;
}

/* blk.N.PART.weight and its bias, if there is one. */
static amphi_matrix load_projection(
    loader *load, uint32_t layer, const char *part, uint64_t columns, uint64_t rows)
{
    char leaf[NAME_MAX_BYTES / 2];
    (void)snprintf(leaf, sizeof leaf, "%s.weight", part);
    char name[NAME_MAX_BYTES];
    amphi_matrix matrix = load_matrix(load, layer_name(name, layer, leaf), columns, rows, true);
    (void)snprintf(leaf, sizeof leaf, "%s.bias", part);
    matrix.bias = load_vector(load, layer_name(name, layer, leaf), rows, false);
    return matrix;
}

static const float *load_norm(loader *load, uint32_t layer, const char *part, uint32_t size)
{
    char name[NAME_MAX_BYTES];
    return load_vector(load, layer_name(name, layer, part), size, true);
}

static void load_attention(loader *load, amphi_layer *layer, uint32_t index)
{
    const amphi_hparams *hparams = load->hparams;
    size_t width = hparams->embedding;
    size_t queries = (size_t)hparams->heads * hparams->key_size;
    size_t keys = (size_t)hparams->kv_heads * hparams->key_size;
    size_t values = (size_t)hparams->kv_heads * hparams->value_size;
    layer->attention_norm = load_norm(load, index, "attn_norm.weight", hparams->embedding);
    if (hparams->family->fused_qkv) {
        amphi_matrix fused =
            load_projection(load, index, "attn_qkv", width, queries + keys + values);
        layer->query = cut_rows(&fused, 0, queries);
        layer->key = cut_rows(&fused, queries, keys);
        layer->value = cut_rows(&fused, queries + keys, values);
    } else {
        layer->query = load_projection(load, index, "attn_q", width, queries);
        layer->key = load_projection(load, index, "attn_k", width, keys);
        layer->value = load_projection(load, index, "attn_v", width, values);
    }
    if (hparams->family->qk_norm) {
        layer->query_norm = load_norm(load, index, "attn_q_norm.weight", hparams->key_size);
        layer->key_norm = load_norm(load, index, "attn_k_norm.weight", hparams->key_size);
    }
    layer->output = load_projection(
        load, index, "attn_output", (size_t)hparams->heads * hparams->value_size, width);
    if (hparams->family->post_norms)
        layer->attention_post_norm =
            load_norm(load, index, "post_attention_norm.weight", hparams->embedding);
}

/* One part of all experts, one below the other, where they share a tensor. */
static amphi_matrix load_stack(
    loader *load, uint32_t layer, const char *part, uint64_t columns, uint64_t rows)
{
    uint32_t count = load->hparams->experts;
    char name[NAME_MAX_BYTES];
    const amphi_gguf_tensor *tensor =
        find_deep(load, layer_name(name, layer, part), columns, rows, count, true);
    return make_matrix(load, tensor, columns, rows * count);
}

/* One part of one expert that has a tensor of its own, as in files from before 2024. */
static amphi_matrix load_alone(loader *load, uint32_t layer, const char *part, uint32_t expert,
    uint64_t columns, uint64_t rows)
{
    char leaf[NAME_MAX_BYTES / 2];
    (void)snprintf(leaf, sizeof leaf, "%s.%u.weight", part, expert);
    char name[NAME_MAX_BYTES];
    return load_matrix(load, layer_name(name, layer, leaf), columns, rows, true);
}

static bool has_stacks(const loader *load, uint32_t layer)
{
    char name[NAME_MAX_BYTES];
    return amphi__gguf_tensor(
               load->gguf, amphi_str_from(layer_name(name, layer, "ffn_down_exps.weight"))) != NULL;
}

static void load_mixture(loader *load, amphi_layer *layer, uint32_t index)
{
    size_t width = load->hparams->embedding;
    size_t inner = load->hparams->feed_forward;
    uint32_t count = load->hparams->experts;
    layer->router = load_projection(load, index, "ffn_gate_inp", width, count);
    if (load->status != AMPHI_OK) /* its rows are in the file, so the count is no fancy */
        return;
    layer->experts = amphi__calloc(count, sizeof *layer->experts);
    if (layer->experts == NULL) {
        load->status = amphi__fail_no_memory(load->error);
        return;
    }
    if (has_stacks(load, index)) {
        amphi_matrix gate = load_stack(load, index, "ffn_gate_exps.weight", width, inner);
        amphi_matrix up = load_stack(load, index, "ffn_up_exps.weight", width, inner);
        amphi_matrix down = load_stack(load, index, "ffn_down_exps.weight", inner, width);
        for (uint32_t e = 0; e < count; e++) {
            layer->experts[e].gate = cut_rows(&gate, e * inner, inner);
            layer->experts[e].up = cut_rows(&up, e * inner, inner);
            layer->experts[e].down = cut_rows(&down, e * width, width);
        }
        return;
    }
    for (uint32_t e = 0; e < count && load->status == AMPHI_OK; e++) {
        amphi_expert *expert = &layer->experts[e];
        expert->gate = load_alone(load, index, "ffn_gate", e, width, inner);
        expert->up = load_alone(load, index, "ffn_up", e, width, inner);
        expert->down = load_alone(load, index, "ffn_down", e, inner, width);
    }
}

static void load_forward(loader *load, amphi_layer *layer, uint32_t index)
{
    const amphi_hparams *hparams = load->hparams;
    size_t width = hparams->embedding;
    size_t inner = hparams->feed_forward;
    layer->forward_norm = load_norm(load, index, "ffn_norm.weight", hparams->embedding);
    if (hparams->experts > 0) {
        load_mixture(load, layer, index);
        return;
    }
    if (hparams->family->fused_gate_up) {
        amphi_matrix fused = load_projection(load, index, "ffn_up", width, 2 * inner);
        layer->plain.gate = cut_rows(&fused, 0, inner);
        layer->plain.up = cut_rows(&fused, inner, inner);
    } else {
        layer->plain.gate = load_projection(load, index, "ffn_gate", width, inner);
        layer->plain.up = load_projection(load, index, "ffn_up", width, inner);
    }
    layer->plain.down = load_projection(load, index, "ffn_down", inner, width);
    if (hparams->family->post_norms)
        layer->forward_post_norm =
            load_norm(load, index, "post_ffw_norm.weight", hparams->embedding);
}

static void load_ends(loader *load)
{
    const amphi_hparams *hparams = load->hparams;
    amphi_weights *weights = load->weights;
    weights->embedding =
        load_matrix(load, "token_embd.weight", hparams->embedding, hparams->vocabulary, true);
    weights->output =
        load_matrix(load, "output.weight", hparams->embedding, hparams->vocabulary, false);
    if (weights->output.data == NULL)
        weights->output = weights->embedding;
    weights->output.bias = load_vector(load, "output.bias", hparams->vocabulary, false);
    weights->output_norm = load_vector(load, "output_norm.weight", hparams->embedding, true);
    size_t pairs = hparams->rope_size / 2;
    if (hparams->rope_scaling == AMPHI_ROPE_SCALING_LONGROPE) {
        weights->rope_factors = load_vector(load, "rope_factors_long.weight", pairs, false);
        weights->rope_factors_short = load_vector(load, "rope_factors_short.weight", pairs, false);
    } else {
        weights->rope_factors = load_vector(load, "rope_freqs.weight", pairs, false);
        weights->rope_factors_short = weights->rope_factors;
    }
}

/* A tensor without a place here belongs to another graph: this one would silently compute something
 * else. */
static void check_all_used(loader *load)
{
    for (size_t i = 0; i < amphi__gguf_tensors_count(load->gguf); i++) {
        if (load->status != AMPHI_OK || load->used[i])
            continue;
        char shown[65];
        amphi__str_copy_to(shown, sizeof shown, amphi__gguf_tensor_at(load->gguf, i)->name);
        load->status = amphi__fail(load->error, AMPHI_E_UNSUPPORTED, 0,
            "model file: the tensor %s has no place in the family %s", shown,
            load->hparams->family->name);
    }
}

/* Room for every one-dimensional tensor of the file: at most what it holds. */
static amphi_status reserve_vectors(
    amphi_weights *weights, const amphi_gguf *gguf, amphi_error *error)
{
    uint64_t total = 0;
    for (size_t i = 0; i < amphi__gguf_tensors_count(gguf); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(gguf, i);
        if (tensor->dims[1] == 1 && tensor->dims[2] == 1 && tensor->dims[3] == 1)
            total += tensor->dims[0]; /* the sum of tensor sizes is below the file's */
    }
    weights->vectors = amphi__calloc((size_t)total + 1, sizeof *weights->vectors);
    weights->vectors_capacity = (size_t)total;
    return weights->vectors != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}

amphi_status amphi__weights_init(amphi_weights *weights, const amphi_gguf *gguf,
    const amphi_hparams *hparams, const amphi_kernels *kernels, amphi_error *error)
{
    memset(weights, 0, sizeof *weights);
    /* A tensor or two for each layer at least: no huge allocation for a tiny hostile file. */
    if (hparams->layers > amphi__gguf_tensors_count(gguf))
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: %u layers, but only %zu tensors",
            hparams->layers, amphi__gguf_tensors_count(gguf));
    amphi_status status = reserve_vectors(weights, gguf, error);
    if (status != AMPHI_OK)
        return status;
    weights->layers = amphi__calloc(hparams->layers, sizeof *weights->layers);
    bool *used = amphi__calloc(amphi__gguf_tensors_count(gguf), sizeof *used);
    if (weights->layers == NULL || used == NULL) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    weights->layers_count = hparams->layers;
    loader load = {weights, gguf, hparams, kernels, used, AMPHI_OK, error};
    load_ends(&load);
    for (uint32_t i = 0; i < hparams->layers && load.status == AMPHI_OK; i++) {
        load_attention(&load, &weights->layers[i], i);
        load_forward(&load, &weights->layers[i], i);
    }
    check_all_used(&load);
    status = load.status;
cleanup:
    amphi__free(used);
    return status;
}

void amphi__weights_clear(amphi_weights *weights)
{
    for (uint32_t i = 0; i < weights->layers_count; i++)
        amphi__free(weights->layers[i].experts);
    amphi__free(weights->layers);
    amphi__free(weights->vectors);
    memset(weights, 0, sizeof *weights);
}
