/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes small GGUF files (v3, keys and values only) into memory, well-formed or not:
 *
 *     gguf_writer w;
 *     gguf_writer_init(&w);
 *     gguf_writer_str(&w, "tokenizer.ggml.model", "gpt2");
 *     amphi_gguf *gguf = gguf_writer_open(&w);   asserts that it opens
 *     ...
 *     gguf_writer_clear(&w);                     after the gguf was freed
 */
#ifndef AMPHI_TESTS_GGUF_WRITER_H
#define AMPHI_TESTS_GGUF_WRITER_H

#include "local/model/gguf.h"

typedef struct gguf_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    uint64_t keys;
} gguf_writer;

void gguf_writer_init(gguf_writer *w);
void gguf_writer_clear(gguf_writer *w);
void gguf_writer_str(gguf_writer *w, const char *key, const char *value);
void gguf_writer_u32(gguf_writer *w, const char *key, uint32_t value);
void gguf_writer_bool(gguf_writer *w, const char *key, bool value);
void gguf_writer_strs(gguf_writer *w, const char *key, const char *const *values, size_t count);
void gguf_writer_str_array(gguf_writer *w, const char *key, const amphi_str *values, size_t count);
void gguf_writer_i32s(gguf_writer *w, const char *key, const int32_t *values, size_t count);
void gguf_writer_f32s(gguf_writer *w, const char *key, const float *values, size_t count);
amphi_gguf *gguf_writer_open(gguf_writer *w);

#endif
