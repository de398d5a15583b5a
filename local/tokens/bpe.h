/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte-level BPE: words from the pre-tokenizer, each a row of bytes, neighbours merged in the
 * order of the file's merge list. Merges may name symbols that are no tokens (hostile or careless
 * files): they are kept as symbols of the vocabulary and fall apart into bytes in the end.
 */
#ifndef AMPHI_TOKENS_BPE_H
#define AMPHI_TOKENS_BPE_H

#include "local/tokens/merge.h"
#include "local/tokens/pretokenizer.h"
#include "local/tokens/token_list.h"
#include "local/tokens/vocabulary.h"

typedef struct amphi_bpe_pair {
    int32_t left; /* -1: free slot */
    int32_t right;
    uint32_t rank;
    int32_t joined;
} amphi_bpe_pair;

typedef struct amphi_bpe {
    amphi_vocabulary *vocabulary;
    const amphi_pretokenizer *words;
    amphi_bpe_pair *pairs;
    uint32_t pairs_count;     /* a power of two */
    int32_t symbols[256];     /* of a byte, written as GPT-2's table does; -1: none */
    int32_t byte_tokens[256]; /* the token whose text is this one byte, or -1 */
} amphi_bpe;

/* Reads the merges. Clear it also after a failure. Both are borrowed. */
amphi_status amphi__bpe_init(amphi_bpe *bpe, amphi_vocabulary *vocabulary,
    const amphi_pretokenizer *words, const amphi_gguf *gguf, amphi_error *error);
void amphi__bpe_clear(amphi_bpe *bpe);
amphi_status amphi__bpe_encode(
    const amphi_bpe *bpe, amphi_merge *merge, amphi_str text, amphi_tokens *out);

#endif
