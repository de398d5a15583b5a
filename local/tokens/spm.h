/* SPDX-License-Identifier: Apache-2.0
 *
 * SentencePiece as llama.cpp runs it: blanks become U+2581, then any two neighbours whose joined
 * text is a token are merged, best score first. What is left and is no token becomes byte tokens.
 */
#ifndef AMPHI_TOKENS_SPM_H
#define AMPHI_TOKENS_SPM_H

#include "local/tokens/merge.h"
#include "local/tokens/token_list.h"
#include "local/tokens/vocabulary.h"

typedef struct amphi_spm {
    const amphi_vocabulary *vocabulary;
    int32_t byte_tokens[256]; /* "<0x0A>", else the byte itself, else the unknown token, else -1 */
    bool words_are_apart;     /* no token has a blank after anything but blanks */
} amphi_spm;

void amphi__spm_init(amphi_spm *spm, const amphi_vocabulary *vocabulary);
/* Appends the ids of `text`, with a blank in front of it if asked for. */
amphi_status amphi__spm_encode(
    const amphi_spm *spm, amphi_merge *merge, amphi_str text, bool with_blank, amphi_tokens *out);

#endif
