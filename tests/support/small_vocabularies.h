/* SPDX-License-Identifier: Apache-2.0
 *
 * Small hand-made vocabularies, and ids compared as text ("1 2 3").
 */
#ifndef AMPHI_TESTS_SMALL_VOCABULARIES_H
#define AMPHI_TESTS_SMALL_VOCABULARIES_H

#include "local/tokens/tokenizer.h"
#include "tests/support/gguf_builder.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { N = 1, U = 2, C = 3, D = 4, B = 6 }; /* normal, unknown, control, user-defined, byte */

enum { SPM_COUNT = 17, BPE_COUNT = 12, BPE_MERGES_COUNT = 4 };

extern const char *const spm_texts[SPM_COUNT];
extern const char *const bpe_texts[BPE_COUNT];
extern const char *const bpe_merges[BPE_MERGES_COUNT];

void build_bool(gguf_builder *w, const char *key, bool value);
void build_i32s(gguf_builder *w, const char *key, const int32_t *values, size_t count);
void build_f32s(gguf_builder *w, const char *key, const float *values, size_t count);

/* A whole SentencePiece vocabulary; keys may be added. */
void spm_begin(gguf_builder *w);
/* Only the model's name and, unless NULL, its pre-tokenizer's. */
void bpe_begin(gguf_builder *w, const char *pre);
/* With bpe_texts and bpe_merges. */
void bpe_begin_small(gguf_builder *w, const char *pre);

/* Asserts that it can be made; clears the builder. */
amphi_tokenizer *tokenizer_of(gguf_builder *w);
/* What making it gives; clears the builder. */
amphi_status tokenizer_status_of(gguf_builder *w, amphi_error *error);

void expect_ids(const amphi_tokenizer *tokenizer, amphi_str text, bool special, const char *wanted);
void expect(const amphi_tokenizer *tokenizer, const char *text, const char *wanted);
void expect_special(const amphi_tokenizer *tokenizer, const char *text, const char *wanted);

#endif
