/* SPDX-License-Identifier: Apache-2.0
 *
 * Little-endian writing of the GGUF layout; no checks, so that broken files can be made.
 */
#include "tests/support/gguf_builder.h"

#include <stdio.h>
#include <stdlib.h>

void gguf_builder_init(gguf_builder *builder)
{
    memset(builder, 0, sizeof *builder);
    amphi__buf_init(&builder->values, 0);
    amphi__buf_init(&builder->infos, 0);
    amphi__buf_init(&builder->data, 0);
    builder->version = 3;
    builder->alignment = 32;
}

void gguf_builder_clear(gguf_builder *builder)
{
    amphi__buf_clear(&builder->values);
    amphi__buf_clear(&builder->infos);
    amphi__buf_clear(&builder->data);
}

static void put_u32(amphi_buf *out, uint32_t value)
{
    (void)amphi__buf_append(out, &value, sizeof value);
}

static void put_u64(amphi_buf *out, uint64_t value)
{
    (void)amphi__buf_append(out, &value, sizeof value);
}

static void put_str(amphi_buf *out, const char *text)
{
    put_u64(out, strlen(text));
    (void)amphi__buf_append(out, text, strlen(text));
}

void gguf_builder_raw(
    gguf_builder *builder, const char *key, uint32_t type, const void *value, size_t size)
{
    put_str(&builder->values, key);
    put_u32(&builder->values, type);
    (void)amphi__buf_append(&builder->values, value, size);
    builder->values_count++;
}

void gguf_builder_u32(gguf_builder *builder, const char *key, uint32_t value)
{
    gguf_builder_raw(builder, key, AMPHI_GGUF_U32, &value, sizeof value);
}

void gguf_builder_f32(gguf_builder *builder, const char *key, float value)
{
    gguf_builder_raw(builder, key, AMPHI_GGUF_F32, &value, sizeof value);
}

void gguf_builder_str(gguf_builder *builder, const char *key, const char *value)
{
    gguf_builder_raw(builder, key, AMPHI_GGUF_STRING, NULL, 0);
    put_str(&builder->values, value);
}

void gguf_builder_strings(
    gguf_builder *builder, const char *key, const char *const *values, size_t count)
{
    gguf_builder_raw(builder, key, AMPHI_GGUF_ARRAY, NULL, 0);
    put_u32(&builder->values, AMPHI_GGUF_STRING);
    put_u64(&builder->values, count);
    for (size_t i = 0; i < count; i++)
        put_str(&builder->values, values[i]);
}

void gguf_builder_tensor_at(gguf_builder *builder, const char *name, uint32_t type,
    uint32_t dims_count, const uint64_t *dims, uint64_t offset)
{
    put_str(&builder->infos, name);
    put_u32(&builder->infos, dims_count);
    for (uint32_t i = 0; i < dims_count; i++)
        put_u64(&builder->infos, dims[i]);
    put_u32(&builder->infos, type);
    put_u64(&builder->infos, offset);
    builder->tensors_count++;
}

static void pad(amphi_buf *out, uint64_t alignment)
{
    while (out->size % alignment != 0 && out->status == AMPHI_OK)
        (void)amphi__buf_append_char(out, '\0');
}

void gguf_builder_tensor(gguf_builder *builder, const char *name, uint32_t type,
    uint32_t dims_count, const uint64_t *dims, const void *data, size_t size)
{
    pad(&builder->data, builder->alignment);
    gguf_builder_tensor_at(builder, name, type, dims_count, dims, builder->data.size);
    (void)amphi__buf_append(&builder->data, data, size);
}

void gguf_builder_finish(const gguf_builder *builder, amphi_buf *out)
{
    amphi__buf_init(out, 0);
    (void)amphi__buf_append(out, "GGUF", 4);
    put_u32(out, builder->version);
    put_u64(out, builder->tensors_count);
    put_u64(out, builder->values_count);
    (void)amphi__buf_append(out, builder->values.data, builder->values.size);
    (void)amphi__buf_append(out, builder->infos.data, builder->infos.size);
    if (builder->tensors_count > 0)
        pad(out, builder->alignment);
    (void)amphi__buf_append(out, builder->data.data, builder->data.size);
    if (out->status != AMPHI_OK)
        abort(); /* a test without memory proves nothing */
}

/* --- a model --- */

#define VOCABULARY_MAX 40
#define MATRIX_MAX     (512 * 4096)

static float next_weight(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return ((float)(*state >> 8) / (float)(1u << 24) - 0.5f) * 0.5f;
}

static void put_matrix(
    gguf_builder *builder, const char *name, uint64_t columns, uint64_t rows, uint32_t *state)
{
    static float data[MATRIX_MAX];
    const uint64_t dims[2] = {columns, rows};
    if (columns * rows > MATRIX_MAX)
        abort();
    for (uint64_t i = 0; i < columns * rows; i++)
        data[i] = next_weight(state);
    gguf_builder_tensor(
        builder, name, AMPHI_WEIGHT_F32, rows > 1 ? 2 : 1, dims, data, columns * rows * 4);
}

static void put_vocabulary(gguf_builder *builder, uint32_t count)
{
    static char texts[VOCABULARY_MAX][8];
    const char *tokens[VOCABULARY_MAX];
    float scores[VOCABULARY_MAX] = {0};
    int32_t types[VOCABULARY_MAX];
    amphi_buf array;
    if (count > VOCABULARY_MAX)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        static const char *const first[3] = {"<unk>", "<s>", "</s>"};
        (void)snprintf(texts[i], sizeof texts[i], "%s%c", i < 3 ? "" : "t", (int)('A' + i));
        tokens[i] = i < 3 ? first[i] : texts[i];
        types[i] = i == 0 ? 2 : i < 3 ? 3 : 1;
    }
    gguf_builder_str(builder, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(builder, "tokenizer.ggml.tokens", tokens, count);
    amphi__buf_init(&array, 0);
    put_u32(&array, AMPHI_GGUF_F32);
    put_u64(&array, count);
    (void)amphi__buf_append(&array, scores, count * sizeof *scores);
    gguf_builder_raw(builder, "tokenizer.ggml.scores", AMPHI_GGUF_ARRAY, array.data, array.size);
    amphi__buf_reset(&array);
    put_u32(&array, AMPHI_GGUF_I32);
    put_u64(&array, count);
    (void)amphi__buf_append(&array, types, count * sizeof *types);
    gguf_builder_raw(
        builder, "tokenizer.ggml.token_type", AMPHI_GGUF_ARRAY, array.data, array.size);
    amphi__buf_clear(&array);
    gguf_builder_u32(builder, "tokenizer.ggml.bos_token_id", 1);
    gguf_builder_u32(builder, "tokenizer.ggml.eos_token_id", 2);
}

void gguf_builder_llama(
    gguf_builder *builder, uint32_t width, uint32_t inner, uint32_t vocabulary, uint32_t seed)
{
    gguf_builder_llama_long(builder, width, inner, vocabulary, 64, seed);
}

void gguf_builder_llama_long(gguf_builder *builder, uint32_t width, uint32_t inner,
    uint32_t vocabulary, uint32_t context, uint32_t seed)
{
    uint32_t state = seed;
    gguf_builder_str(builder, "general.architecture", "llama");
    gguf_builder_str(builder, "general.name", "tiny");
    gguf_builder_u32(builder, "llama.block_count", 1);
    gguf_builder_u32(builder, "llama.context_length", context);
    gguf_builder_u32(builder, "llama.embedding_length", width);
    gguf_builder_u32(builder, "llama.feed_forward_length", inner);
    gguf_builder_u32(builder, "llama.attention.head_count", 4);
    gguf_builder_u32(builder, "llama.attention.head_count_kv", 2);
    gguf_builder_f32(builder, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    put_vocabulary(builder, vocabulary);
    put_matrix(builder, "token_embd.weight", width, vocabulary, &state);
    put_matrix(builder, "blk.0.attn_norm.weight", width, 1, &state);
    put_matrix(builder, "blk.0.attn_q.weight", width, width, &state);
    put_matrix(builder, "blk.0.attn_k.weight", width, width / 2, &state);
    put_matrix(builder, "blk.0.attn_v.weight", width, width / 2, &state);
    put_matrix(builder, "blk.0.attn_output.weight", width, width, &state);
    put_matrix(builder, "blk.0.ffn_norm.weight", width, 1, &state);
    put_matrix(builder, "blk.0.ffn_gate.weight", width, inner, &state);
    put_matrix(builder, "blk.0.ffn_up.weight", width, inner, &state);
    put_matrix(builder, "blk.0.ffn_down.weight", inner, width, &state);
    put_matrix(builder, "output_norm.weight", width, 1, &state);
}

void gguf_builder_tiny_llama(gguf_builder *builder, uint32_t seed)
{
    gguf_builder_llama(builder, 32, 64, VOCABULARY_MAX, seed);
}
