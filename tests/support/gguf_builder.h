/* SPDX-License-Identifier: Apache-2.0
 *
 * GGUF files made in memory, well-formed or not: for tests of the reader and of the graph.
 *
 *     gguf_builder b;
 *     gguf_builder_init(&b);
 *     gguf_builder_u32(&b, "llama.block_count", 1);
 *     gguf_builder_tensor(&b, "output_norm.weight", AMPHI_WEIGHT_F32, 1, dims, data, size);
 *     amphi_buf file;
 *     gguf_builder_finish(&b, &file);
 */
#ifndef AMPHI_TESTS_SUPPORT_GGUF_BUILDER_H
#define AMPHI_TESTS_SUPPORT_GGUF_BUILDER_H

#include "local/model/gguf.h"
#include "sdk/core/buf.h"

typedef struct gguf_builder {
    amphi_buf values;
    amphi_buf infos;
    amphi_buf data;
    uint32_t version;
    uint64_t values_count;
    uint64_t tensors_count;
    uint64_t alignment;
} gguf_builder;

void gguf_builder_init(gguf_builder *builder);
void gguf_builder_clear(gguf_builder *builder);

void gguf_builder_u32(gguf_builder *builder, const char *key, uint32_t value);
void gguf_builder_f32(gguf_builder *builder, const char *key, float value);
void gguf_builder_str(gguf_builder *builder, const char *key, const char *value);
/* Any value's bytes as they stand in a file. */
void gguf_builder_raw(
    gguf_builder *builder, const char *key, uint32_t type, const void *value, size_t size);
void gguf_builder_strings(
    gguf_builder *builder, const char *key, const char *const *values, size_t count);
/* data is padded to the alignment; size need not match dims. */
void gguf_builder_tensor(gguf_builder *builder, const char *name, uint32_t type,
    uint32_t dims_count, const uint64_t *dims, const void *data, size_t size);
/* The same at an offset of the caller's choice, without data. */
void gguf_builder_tensor_at(gguf_builder *builder, const char *name, uint32_t type,
    uint32_t dims_count, const uint64_t *dims, uint64_t offset);

/* The file; free it with amphi__buf_clear. The builder stays as it was. */
void gguf_builder_finish(const gguf_builder *builder, amphi_buf *out);

/* A llama model of one layer and four heads, with weights from `seed`; width is a multiple of 8,
 * vocabulary 4 to 40. */
void gguf_builder_llama(
    gguf_builder *builder, uint32_t width, uint32_t inner, uint32_t vocabulary, uint32_t seed);
/* The same with room for `context` tokens instead of 64. */
void gguf_builder_llama_long(gguf_builder *builder, uint32_t width, uint32_t inner,
    uint32_t vocabulary, uint32_t context, uint32_t seed);
/* The same, 32 wide, 64 inside, with 40 tokens. */
void gguf_builder_tiny_llama(gguf_builder *builder, uint32_t seed);

#endif
