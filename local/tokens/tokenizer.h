/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to token ids and back. Two algorithms behind one type: SentencePiece-style merges by score
 * (tokenizer.ggml.model "llama") and byte-level BPE by merge rank ("gpt2") after the model's own
 * pre-split pattern (PCRE2, pretokenizer.c). Vocabularies are hostile input: ids, types, scores
 * and merges are checked when it is made. Immutable afterwards: any thread.
 */
#ifndef AMPHI_TOKENS_TOKENIZER_H
#define AMPHI_TOKENS_TOKENIZER_H

#include "local/model/gguf.h"
#include "local/tokens/token_list.h"
#include "sdk/core/cancel.h"

typedef struct amphi_tokenizer amphi_tokenizer;

/* Copies what it needs; the gguf may be freed afterwards. */
amphi_status amphi__tokenizer_new(
    amphi_tokenizer **out, const amphi_gguf *gguf, amphi_error *error);
void amphi__tokenizer_free(amphi_tokenizer *tokenizer);

/* Appends the ids of `text` (any bytes). No start token. parse_special: text that spells a control
 * token becomes it (user-defined tokens always match); otherwise it is plain text. cancel: NULL, or
 * a mark that is polled on the way: a megabyte takes some hundred milliseconds. After a failure
 * `out` is as before. */
amphi_status amphi__tokenizer_encode(const amphi_tokenizer *tokenizer, amphi_str text,
    bool parse_special, const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error);
/* The same for text that goes on in the middle of another one: nothing is put in front. */
amphi_status amphi__tokenizer_encode_inside(const amphi_tokenizer *tokenizer, amphi_str text,
    const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error);
/* How many bytes at the end of `text` are what is cut into tokens by itself: a word with the blank
 * before it, a row of digits, punctuation, or all blanks that the text ends with. What is appended
 * to the text may be joined with them, and with nothing before them. Of a text's last KiB. */
amphi_status amphi__tokenizer_last_word(
    const amphi_tokenizer *tokenizer, amphi_str text, size_t *size);
/* The bytes that a token stands for; control tokens give their spelling only with_special, else
 * nothing. May be a part of a UTF-8 character. `scratch` (8 bytes) is used for byte tokens. */
amphi_str amphi__tokenizer_piece(
    const amphi_tokenizer *tokenizer, int32_t token, bool with_special, char scratch[8]);

uint32_t amphi__tokenizer_size(const amphi_tokenizer *tokenizer);
int32_t amphi__tokenizer_bos(const amphi_tokenizer *tokenizer); /* -1: none */
int32_t amphi__tokenizer_eos(const amphi_tokenizer *tokenizer); /* -1: none */
/* Is the model's start token put in front (tokenizer.ggml.add_bos_token, or its default)? */
bool amphi__tokenizer_adds_bos(const amphi_tokenizer *tokenizer);
/* SentencePiece: the first piece of a text is encoded with a blank in front. */
bool amphi__tokenizer_adds_space(const amphi_tokenizer *tokenizer);
/* eos, eot, eom and the like: generation ends here. */
bool amphi__tokenizer_is_end(const amphi_tokenizer *tokenizer, int32_t token);
bool amphi__tokenizer_is_control(const amphi_tokenizer *tokenizer, int32_t token);
const char *amphi__tokenizer_kind(const amphi_tokenizer *tokenizer); /* "llama-spm", "bpe/qwen2" */

#endif
