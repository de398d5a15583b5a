/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys are <architecture>.<suffix>. A missing key that has no default is an error, and so is a
 * value outside its limits; shapes are compared with the tensors later (weights.c).
 */
#include "local/graph/hparams.h"

#include "local/graph/family.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdio.h>

#define LAYERS_MAX     1024u
#define WIDTH_MAX      (1u << 17) /* of the residual stream */
#define FORWARD_MAX    (1u << 20)
#define HEADS_MAX      1024u
#define HEAD_SIZE_MAX  1024u
#define CONTEXT_MAX    (1u << 24)
#define VOCABULARY_MAX (1u << 22)

/* False as well when the key's name would not fit. */
static bool make_key(const amphi_gguf *gguf, const char *suffix, char out[96])
{
    amphi_str family = {NULL, 0};
    if (!amphi__gguf_str(gguf, "general.architecture", &family) || family.size > 32)
        return false;
    int size = snprintf(out, 96, "%.*s.%s", (int)family.size, family.data, suffix);
    return size > 0 && size < 96;
}

/* Some files give a number for each layer: fine as long as they are equal. */
static bool uniform_u64(const amphi_gguf *gguf, const char *key, uint64_t *out)
{
    amphi_gguf_array array;
    if (!amphi__gguf_array_get(gguf, key, &array) || array.count == 0 ||
        array.type == AMPHI_GGUF_STRING)
        return false;
    int64_t first = amphi__gguf_array_i64(&array, 0);
    for (uint64_t i = 1; i < array.count; i++)
        if (amphi__gguf_array_i64(&array, i) != first)
            return false;
    *out = (uint64_t)first;
    return first >= 0;
}

bool amphi__hparams_u32(const amphi_gguf *gguf, const char *suffix, uint32_t *out)
{
    char key[96];
    if (!make_key(gguf, suffix, key))
        return false;
    uint64_t value = 0;
    if (!amphi__gguf_u64(gguf, key, &value) && !uniform_u64(gguf, key, &value))
        return false;
    *out = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    return true;
}

bool amphi__hparams_f64(const amphi_gguf *gguf, const char *suffix, double *out)
{
    char key[96];
    return make_key(gguf, suffix, key) && amphi__gguf_f64(gguf, key, out);
}

static amphi_status need_u32(
    const amphi_gguf *gguf, const char *suffix, uint32_t limit, uint32_t *out, amphi_error *error)
{
    if (!amphi__hparams_u32(gguf, suffix, out))
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: the key %s is missing, or differs between layers", suffix);
    if (*out == 0 || *out > limit)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: %s = %u is not from 1 to %u",
            suffix, *out, limit);
    return AMPHI_OK;
}

static amphi_status read_family(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    amphi_str name = {NULL, 0};
    if (!amphi__gguf_str(gguf, "general.architecture", &name))
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: general.architecture is missing");
    out->family = amphi__family_find(name);
    if (out->family == NULL) {
        char shown[33];
        amphi__str_copy_to(shown, sizeof shown, name);
        return amphi__fail(
            error, AMPHI_E_UNSUPPORTED, 0, "model file: the family \"%s\" is not supported", shown);
    }
    return AMPHI_OK;
}

static amphi_status read_sizes(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    const struct {
        const char *suffix;
        uint32_t limit;
        uint32_t *value;
    } needed[] = {
        {"block_count", LAYERS_MAX, &out->layers},
        {"embedding_length", WIDTH_MAX, &out->embedding},
        {"feed_forward_length", FORWARD_MAX, &out->feed_forward},
        {"attention.head_count", HEADS_MAX, &out->heads},
        {"context_length", UINT32_MAX, &out->context_max},
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        amphi_status status =
            need_u32(gguf, needed[i].suffix, needed[i].limit, needed[i].value, error);
        if (status != AMPHI_OK)
            return status;
    }
    if (out->context_max > CONTEXT_MAX)
        out->context_max = CONTEXT_MAX;
    out->kv_heads = out->heads;
    char key[96];
    amphi_gguf_array array;
    if (!amphi__hparams_u32(gguf, "attention.head_count_kv", &out->kv_heads) &&
        make_key(gguf, "attention.head_count_kv", key) && amphi__gguf_array_get(gguf, key, &array))
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "model file: layers with different head counts are not supported");
    if (out->kv_heads == 0 || out->kv_heads > out->heads || out->heads % out->kv_heads != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: %u heads can't share %u key heads", out->heads, out->kv_heads);
    return AMPHI_OK;
}

static amphi_status read_experts(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    if (!amphi__hparams_u32(gguf, "expert_count", &out->experts) || out->experts == 0) {
        out->experts = 0;
        return AMPHI_OK;
    }
    if (!out->family->experts)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "model file: a mixture of experts is not supported in this family");
    amphi_status status =
        need_u32(gguf, "expert_used_count", AMPHI_EXPERTS_MAX, &out->experts_used, error);
    if (status != AMPHI_OK)
        return status;
    if (out->experts > AMPHI_EXPERTS_MAX || out->experts_used > out->experts)
        return amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: %u of %u experts make no sense",
            out->experts_used, out->experts);
    uint32_t inner = 0;
    if (!amphi__hparams_u32(gguf, "expert_feed_forward_length", &inner) || inner == 0)
        return AMPHI_OK; /* each is as large as the file's plain feed-forward */
    return need_u32(gguf, "expert_feed_forward_length", FORWARD_MAX, &out->feed_forward, error);
}

static amphi_status read_heads(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    out->key_size = out->embedding / out->heads;
    bool stated = amphi__hparams_u32(gguf, "attention.key_length", &out->key_size);
    out->value_size = out->key_size;
    (void)amphi__hparams_u32(gguf, "attention.value_length", &out->value_size);
    if (!stated && out->embedding % out->heads != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: the width %u is no multiple of %u heads", out->embedding, out->heads);
    out->rope_size = out->key_size;
    (void)amphi__hparams_u32(gguf, "rope.dimension_count", &out->rope_size);
    if (out->key_size == 0 || out->key_size > HEAD_SIZE_MAX || out->value_size == 0 ||
        out->value_size > HEAD_SIZE_MAX || out->rope_size > out->key_size ||
        out->rope_size % 2 != 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: heads of %u and %u values with %u rotated ones make no sense",
            out->key_size, out->value_size, out->rope_size);
    out->attention_scale = 1.0f / sqrtf((float)out->key_size);
    out->embedding_scale = 1;
    return AMPHI_OK;
}

static amphi_status read_rope_scaling(
    amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    amphi_str kind = {NULL, 0};
    out->rope_factor = 1;
    out->rope_magnitude = 1;
    out->rope_neox = out->family->rope_neox;
    out->rope_context = out->context_max;
    (void)amphi__hparams_f64(gguf, "rope.scaling.attn_factor", &out->rope_magnitude);
    (void)amphi__hparams_u32(gguf, "rope.scaling.original_context_length", &out->rope_context);
    if (!amphi__hparams_f64(gguf, "rope.scaling.factor", &out->rope_factor))
        (void)amphi__hparams_f64(gguf, "rope.scale_linear", &out->rope_factor);
    if (out->rope_factor == 0)
        out->rope_factor = 1;
    out->rope_scaling = out->rope_factor == 1 ? AMPHI_ROPE_SCALING_NONE : AMPHI_ROPE_SCALING_LINEAR;
    char key[96];
    if (!make_key(gguf, "rope.scaling.type", key) || !amphi__gguf_str(gguf, key, &kind))
        return AMPHI_OK;
    if (amphi__str_equal_c(kind, "none"))
        out->rope_scaling = AMPHI_ROPE_SCALING_NONE;
    else if (amphi__str_equal_c(kind, "yarn"))
        out->rope_scaling = AMPHI_ROPE_SCALING_YARN;
    else if (amphi__str_equal_c(kind, "longrope"))
        out->rope_scaling = AMPHI_ROPE_SCALING_LONGROPE;
    else if (!amphi__str_equal_c(kind, "linear"))
        return amphi__fail(
            error, AMPHI_E_UNSUPPORTED, 0, "model file: its kind of rope scaling is not supported");
    return AMPHI_OK;
}

static amphi_status read_numbers(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    double epsilon = 0;
    if (!amphi__hparams_f64(gguf, "attention.layer_norm_rms_epsilon", &epsilon))
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: the key attention.layer_norm_rms_epsilon is missing");
    out->rms_epsilon = (float)epsilon;
    out->rope_base = 10000;
    (void)amphi__hparams_f64(gguf, "rope.freq_base", &out->rope_base);
    out->rope_base_local = out->rope_base;
    return read_rope_scaling(out, gguf, error);
}

static amphi_status read_vocabulary(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    const amphi_gguf_tensor *embedding = amphi__gguf_tensor(gguf, AMPHI_STR("token_embd.weight"));
    if (embedding == NULL)
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "model file: the tensor token_embd.weight is missing");
    if (embedding->dims[1] > VOCABULARY_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "model file: its vocabulary is too large");
    out->vocabulary = (uint32_t)embedding->dims[1];
    amphi_gguf_array tokens;
    if (amphi__gguf_array_get(gguf, "tokenizer.ggml.tokens", &tokens) &&
        tokens.count != out->vocabulary)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "model file: %llu tokens, but embeddings for %u", (unsigned long long)tokens.count,
            out->vocabulary);
    return AMPHI_OK;
}

static amphi_status check_numbers(const amphi_hparams *hparams, amphi_error *error)
{
    const double numbers[] = {hparams->rope_base, hparams->rope_base_local, hparams->rope_factor,
        hparams->rope_magnitude, (double)hparams->rms_epsilon};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!(numbers[i] > 0 && numbers[i] < 1e30))
            return amphi__fail(
                error, AMPHI_E_FORMAT, 0, "model file: a rope or norm parameter makes no sense");
    }
    return AMPHI_OK;
}

amphi_status amphi__hparams_read(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    amphi_status status = read_family(out, gguf, error);
    if (status == AMPHI_OK)
        status = read_sizes(out, gguf, error);
    if (status == AMPHI_OK)
        status = read_experts(out, gguf, error);
    if (status == AMPHI_OK)
        status = read_heads(out, gguf, error);
    if (status == AMPHI_OK)
        status = read_numbers(out, gguf, error);
    if (status == AMPHI_OK && out->family->adjust != NULL)
        status = out->family->adjust(out, gguf, error);
    if (status == AMPHI_OK)
        status = check_numbers(out, error);
    if (status == AMPHI_OK)
        status = read_vocabulary(out, gguf, error);
    return status;
}

bool amphi__hparams_is_local(const amphi_hparams *hparams, uint32_t layer)
{
    return hparams->window > 0 && (layer + 1) % hparams->window_period != 0;
}
