/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding special tokens in a text before it is tokenized: the longest tokens first, each from
 * left to right, in what longer ones left over (llama.cpp's order). User-defined tokens always
 * count, control and unknown ones only when special text is parsed.
 */
#ifndef AMPHI_TOKENS_SPECIAL_TOKENS_H
#define AMPHI_TOKENS_SPECIAL_TOKENS_H

#include "local/tokens/vocabulary.h"
#include "sdk/core/cancel.h"

#define AMPHI_SPECIAL_BYTES_MAX 512u /* longer special tokens are never found in text */

typedef struct amphi_special_tokens {
    const amphi_vocabulary *vocabulary;
    int32_t *ids; /* sorted by text */
    size_t count;
    bool first_bytes[256];
} amphi_special_tokens;

/* A run of plain text, or one token (id >= 0, then text is empty). */
typedef amphi_status amphi_special_tokens_fn(void *user, amphi_str text, int32_t id);

amphi_status amphi__special_tokens_init(
    amphi_special_tokens *special, const amphi_vocabulary *vocabulary, bool with_control);
void amphi__special_tokens_clear(amphi_special_tokens *special);
/* Visits all parts of the text in order. cancel: NULL or a mark, polled on the way:
 * AMPHI_E_CANCELLED. AMPHI_E_NO_MEMORY, or the visitor's status. */
amphi_status amphi__special_tokens_split(const amphi_special_tokens *special, amphi_str text,
    const amphi_cancel *cancel, amphi_special_tokens_fn *visit, void *user);

#endif
