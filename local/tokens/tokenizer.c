/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokenizer of a model: vocabulary, special tokens, and one of the two algorithms. Everything
 * is built when it is made; encoding only reads it, with working memory of its own per call.
 */
#include "local/tokens/tokenizer.h"

#include "local/tokens/bpe.h"
#include "local/tokens/pretokenizer.h"
#include "local/tokens/special_tokens.h"
#include "local/tokens/spm.h"
#include "local/tokens/vocabulary.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define TEXT_BYTES_MAX (256u << 20)
#define LAST_WORD_MAX  1024u

struct amphi_tokenizer {
    amphi_vocabulary vocabulary;
    amphi_special_tokens user_defined; /* found in every text */
    amphi_special_tokens special;      /* found when special is parsed */
    amphi_pretokenizer *words;         /* BPE only */
    amphi_bpe bpe;
    amphi_spm spm;
    bool adds_bos;
    bool adds_space;
    char kind[64];
};

/* ---- lists of ids --------------------------------------------------------------------------- */

/* ---- making --------------------------------------------------------------------------------- */

static amphi_status init_bpe(amphi_tokenizer *tokenizer, const amphi_gguf *gguf, amphi_error *error)
{
    amphi_str pre = {NULL, 0};
    uint64_t bos = 0;
    amphi__gguf_str(gguf, "tokenizer.ggml.pre", &pre);
    amphi_status status = amphi__pretokenizer_new(&tokenizer->words, pre, error);
    if (status != AMPHI_OK)
        return status;
    if (!amphi__pretokenizer_assumes_bos(tokenizer->words) &&
        !amphi__gguf_u64(gguf, "tokenizer.ggml.bos_token_id", &bos))
        tokenizer->vocabulary.bos = -1;
    tokenizer->adds_bos = amphi__pretokenizer_adds_bos(tokenizer->words);
    if (pre.size == 0)
        pre = AMPHI_STR("default");
    /* A known name: short and printable. */
    snprintf(tokenizer->kind, sizeof tokenizer->kind, "bpe/%.*s", (int)pre.size, pre.data);
    return amphi__bpe_init(&tokenizer->bpe, &tokenizer->vocabulary, tokenizer->words, gguf, error);
}

amphi_status amphi__tokenizer_new(amphi_tokenizer **out, const amphi_gguf *gguf, amphi_error *error)
{
    *out = NULL;
    amphi_tokenizer *tokenizer = amphi__calloc(1, sizeof *tokenizer);
    if (tokenizer == NULL)
        return amphi__fail_no_memory(error);
    amphi_status status = amphi__vocabulary_load(&tokenizer->vocabulary, gguf, error);
    if (status != AMPHI_OK)
        goto cleanup;
    if (tokenizer->vocabulary.is_bpe) {
        status = init_bpe(tokenizer, gguf, error);
        if (status != AMPHI_OK)
            goto cleanup;
    } else {
        amphi__spm_init(&tokenizer->spm, &tokenizer->vocabulary);
        snprintf(tokenizer->kind, sizeof tokenizer->kind, "llama-spm");
        tokenizer->adds_bos = true;
        tokenizer->adds_space = true;
        amphi__gguf_bool(gguf, "tokenizer.ggml.add_space_prefix", &tokenizer->adds_space);
    }
    amphi__gguf_bool(gguf, "tokenizer.ggml.add_bos_token", &tokenizer->adds_bos);
    if (tokenizer->vocabulary.bos < 0)
        tokenizer->adds_bos = false;
    if (amphi__special_tokens_init(&tokenizer->user_defined, &tokenizer->vocabulary, false) !=
            AMPHI_OK ||
        amphi__special_tokens_init(&tokenizer->special, &tokenizer->vocabulary, true) != AMPHI_OK) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    *out = tokenizer;
    tokenizer = NULL;
cleanup:
    amphi__tokenizer_free(tokenizer);
    return status;
}

void amphi__tokenizer_free(amphi_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    amphi__special_tokens_clear(&tokenizer->user_defined);
    amphi__special_tokens_clear(&tokenizer->special);
    amphi__bpe_clear(&tokenizer->bpe);
    amphi__pretokenizer_free(tokenizer->words);
    amphi__vocabulary_clear(&tokenizer->vocabulary);
    amphi__free(tokenizer);
}

/* ---- encoding ------------------------------------------------------------------------------- */

typedef struct encoding {
    const amphi_tokenizer *tokenizer;
    amphi_tokens *out;
    amphi_merge merge;
    bool after_special; /* or at the beginning */
} encoding;

static amphi_status encode_part(void *user, amphi_str text, int32_t id)
{
    encoding *e = user;
    const amphi_tokenizer *tokenizer = e->tokenizer;
    if (id >= 0) {
        e->after_special = true;
        return amphi__tokens_append(e->out, &id, 1);
    }
    bool with_blank = tokenizer->adds_space && e->after_special;
    e->after_special = false;
    if (tokenizer->vocabulary.is_bpe)
        return amphi__bpe_encode(&tokenizer->bpe, &e->merge, text, e->out);
    return amphi__spm_encode(&tokenizer->spm, &e->merge, text, with_blank, e->out);
}

static amphi_status encode(const amphi_tokenizer *tokenizer, amphi_str text, bool parse_special,
    bool at_beginning, const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error)
{
    if (text.size > TEXT_BYTES_MAX)
        return amphi__fail(
            error, AMPHI_E_LIMIT, 0, "the text is longer than %u bytes", TEXT_BYTES_MAX);
    size_t size_before = out->size;
    encoding e = {tokenizer, out, {.cancel = cancel}, at_beginning};
    amphi_status status =
        amphi__special_tokens_split(parse_special ? &tokenizer->special : &tokenizer->user_defined,
            text, cancel, encode_part, &e);
    amphi__merge_clear(&e.merge);
    if (status == AMPHI_OK)
        return AMPHI_OK;
    out->size = size_before;
    if (status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    if (status == AMPHI_E_CANCELLED)
        return amphi__fail(error, status, 0, "the request was cancelled");
    return amphi__fail(error, status, 0, "the text takes too long to split into tokens");
}

amphi_status amphi__tokenizer_encode(const amphi_tokenizer *tokenizer, amphi_str text,
    bool parse_special, const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error)
{
    return encode(tokenizer, text, parse_special, true, cancel, out, error);
}

amphi_status amphi__tokenizer_encode_inside(const amphi_tokenizer *tokenizer, amphi_str text,
    const amphi_cancel *cancel, amphi_tokens *out, amphi_error *error)
{
    return encode(tokenizer, text, false, false, cancel, out, error);
}

/* ---- the last word -------------------------------------------------------------------------- */

typedef struct last_word {
    const amphi_tokenizer *tokenizer;
    size_t size;
} last_word;

static amphi_status on_word(void *user, amphi_str word)
{
    ((last_word *)user)->size = word.size;
    return AMPHI_OK;
}

static bool is_blank(char byte)
{
    return strchr(" \t\r\n", byte) != NULL && byte != '\0';
}

/* SentencePiece knows words by the blanks in front of them. */
static size_t last_spm_word(amphi_str text)
{
    size_t at = text.size;
    while (at > 0 && !is_blank(text.data[at - 1]))
        at--;
    while (at > 0 && text.data[at - 1] == ' ')
        at--;
    return text.size - at;
}

static amphi_status on_part(void *user, amphi_str text, int32_t id)
{
    last_word *word = user;
    const amphi_tokenizer *tokenizer = word->tokenizer;
    if (id >= 0)
        word->size = tokenizer->vocabulary.entries[id].piece_size;
    else if (tokenizer->vocabulary.is_bpe)
        return amphi__pretokenizer_split(tokenizer->words, text, on_word, word);
    else
        word->size = last_spm_word(text);
    return AMPHI_OK;
}

amphi_status amphi__tokenizer_last_word(
    const amphi_tokenizer *tokenizer, amphi_str text, size_t *size)
{
    amphi_str end = amphi__str_slice(
        text, text.size > LAST_WORD_MAX ? text.size - LAST_WORD_MAX : 0, text.size);
    while (end.size > 0 && end.size < text.size && ((unsigned char)end.data[0] & 0xC0) == 0x80)
        end = amphi__str_slice(end, 1, end.size);
    last_word word = {.tokenizer = tokenizer};
    amphi_status status =
        amphi__special_tokens_split(&tokenizer->user_defined, end, NULL, on_part, &word);
    size_t blanks = 0;
    while (blanks < end.size && is_blank(end.data[end.size - 1 - blanks]))
        blanks++;
    *size = word.size > blanks ? word.size : blanks;
    *size = *size < end.size ? *size : end.size;
    return status;
}

/* ---- questions ------------------------------------------------------------------------------ */

static bool is_token(const amphi_tokenizer *tokenizer, int32_t token)
{
    return token >= 0 && (uint32_t)token < tokenizer->vocabulary.count;
}

amphi_str amphi__tokenizer_piece(
    const amphi_tokenizer *tokenizer, int32_t token, bool with_special, char scratch[8])
{
    if (!is_token(tokenizer, token))
        return amphi_str_make(NULL, 0);
    const amphi_token_entry *entry = &tokenizer->vocabulary.entries[token];
    bool is_special = entry->kind == AMPHI_TOKEN_CONTROL || entry->kind == AMPHI_TOKEN_UNKNOWN;
    if (is_special && !with_special)
        return amphi_str_make(NULL, 0);
    return amphi_str_make(tokenizer->vocabulary.arena + entry->piece_at, entry->piece_size);
}

uint32_t amphi__tokenizer_size(const amphi_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.count;
}

int32_t amphi__tokenizer_bos(const amphi_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.bos;
}

int32_t amphi__tokenizer_eos(const amphi_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.eos;
}

bool amphi__tokenizer_adds_bos(const amphi_tokenizer *tokenizer)
{
    return tokenizer->adds_bos;
}

bool amphi__tokenizer_adds_space(const amphi_tokenizer *tokenizer)
{
    return tokenizer->adds_space;
}

bool amphi__tokenizer_is_end(const amphi_tokenizer *tokenizer, int32_t token)
{
    return is_token(tokenizer, token) && tokenizer->vocabulary.entries[token].is_end;
}

bool amphi__tokenizer_is_control(const amphi_tokenizer *tokenizer, int32_t token)
{
    return is_token(tokenizer, token) &&
           tokenizer->vocabulary.entries[token].kind == AMPHI_TOKEN_CONTROL;
}

const char *amphi__tokenizer_kind(const amphi_tokenizer *tokenizer)
{
    return tokenizer->kind;
}
