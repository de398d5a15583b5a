/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting text into words before byte-level BPE, by the patterns that each model was trained with
 * (tokenizer.ggml.pre names them). A model's patterns are applied one after the other: each cuts
 * the pieces of the one before into its matches and what lies between them. PCRE2, compiled once;
 * splitting is safe from any thread.
 */
#ifndef AMPHI_TOKENS_PRETOKENIZER_H
#define AMPHI_TOKENS_PRETOKENIZER_H

#include <amphi/error.h>

typedef struct amphi_pretokenizer amphi_pretokenizer;

/* One word; valid for the call. Another status than AMPHI_OK stops the walk. */
typedef amphi_status amphi_word_fn(void *user, amphi_str word);

/* Empty or "default": the pattern of models that name none. AMPHI_E_UNSUPPORTED: unknown name. */
amphi_status amphi__pretokenizer_new(amphi_pretokenizer **out, amphi_str name, amphi_error *error);
void amphi__pretokenizer_free(amphi_pretokenizer *pretokenizer);

/* Visits the words of `text` in order. Bytes that are no character count as U+FFFD, one for each
 * byte, and overlong forms as the character they spell; words hold the text after that.
 * AMPHI_E_LIMIT when a pattern takes too many steps, AMPHI_E_NO_MEMORY, or the visitor's. */
amphi_status amphi__pretokenizer_split(
    const amphi_pretokenizer *pretokenizer, amphi_str text, amphi_word_fn *visit, void *user);

/* A word that is a token as it stands is not taken apart (llama-bpe and others). */
bool amphi__pretokenizer_ignores_merges(const amphi_pretokenizer *pretokenizer);
/* Whether a start token belongs in front where the file does not say. */
bool amphi__pretokenizer_adds_bos(const amphi_pretokenizer *pretokenizer);
/* Whether token 11 is the start token where the file names none. */
bool amphi__pretokenizer_assumes_bos(const amphi_pretokenizer *pretokenizer);

#endif
