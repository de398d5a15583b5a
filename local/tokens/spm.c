/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to SentencePiece tokens. Characters are cut by their first byte alone, as llama.cpp does,
 * so invalid UTF-8 gives the same ids there and here.
 *
 * Where no token of the vocabulary joins a character with a blank after it (nearly all models), no
 * merge can cross that place, so each word is merged by itself: the same result, and a heap that
 * stays in the cache.
 */
#include "local/tokens/spm.h"

#include "sdk/core/alloc.h"

#include <stdio.h>

static const char blank[3] = {'\xE2', '\x96', '\x81'}; /* U+2581 */

static bool is_blank(const char *at, size_t size)
{
    return size >= sizeof blank && memcmp(at, blank, sizeof blank) == 0;
}

/* Does the token hold a blank whose predecessor is none? */
static bool joins_words(amphi_str text)
{
    for (size_t i = 1; i < text.size; i++)
        if (is_blank(text.data + i, text.size - i) &&
            (i < sizeof blank || !is_blank(text.data + i - sizeof blank, sizeof blank)))
            return true;
    return false;
}

void amphi__spm_init(amphi_spm *spm, const amphi_vocabulary *vocabulary)
{
    spm->vocabulary = vocabulary;
    spm->words_are_apart = true;
    for (uint32_t i = 0; i < vocabulary->count && spm->words_are_apart; i++)
        spm->words_are_apart = !joins_words(amphi__vocabulary_text(vocabulary, (int32_t)i));
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", byte);
        int32_t id = amphi__vocabulary_find(vocabulary, amphi_str_make(text, 6));
        if (id < 0) {
            text[0] = (char)byte;
            id = amphi__vocabulary_find(vocabulary, amphi_str_make(text, 1));
        }
        spm->byte_tokens[byte] = id >= 0 ? id : vocabulary->unknown;
    }
}

typedef struct spm_text {
    const amphi_vocabulary *vocabulary;
    const char *data;
} spm_text;

/* Neighbours lie side by side in the text. */
static bool spm_joins(const void *user, const amphi_merge_symbol *left,
    const amphi_merge_symbol *right, uint32_t *order, int32_t *id)
{
    const spm_text *text = user;
    *id = amphi__vocabulary_find(
        text->vocabulary, amphi_str_make(text->data + left->at, left->size + right->size));
    if (*id < 0)
        return false;
    *order = text->vocabulary->entries[*id].order;
    return true;
}

static size_t size_by_first_byte(char first)
{
    static const uint8_t sizes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
    return sizes[(uint8_t)first >> 4];
}

/* A fresh copy with U+2581 for each blank. */
static char *escape(amphi_str text, bool with_blank, size_t *size)
{
    size_t blanks = with_blank ? 1 : 0;
    for (size_t i = 0; i < text.size; i++)
        blanks += text.data[i] == ' ';
    char *out = amphi__alloc(text.size + 3 * blanks);
    if (out == NULL)
        return NULL;
    char *end = out;
    if (with_blank) {
        memcpy(end, blank, sizeof blank);
        end += sizeof blank;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == ' ') {
            memcpy(end, blank, sizeof blank);
            end += sizeof blank;
        } else {
            *end++ = text.data[i];
        }
    }
    *size = (size_t)(end - out);
    return out;
}

static amphi_status emit(
    const amphi_spm *spm, const amphi_merge *merge, const char *data, amphi_tokens *out)
{
    amphi_status status = AMPHI_OK;
    size_t step = 1;
    for (int32_t i = 0; i >= 0 && status == AMPHI_OK; i = merge->symbols[i].next) {
        if (amphi__merge_poll(merge, step++) != AMPHI_OK)
            return AMPHI_E_CANCELLED;
        const amphi_merge_symbol *symbol = &merge->symbols[i];
        int32_t id = symbol->id;
        if (id < 0)
            id = amphi__vocabulary_find(
                spm->vocabulary, amphi_str_make(data + symbol->at, symbol->size));
        if (id >= 0) {
            status = amphi__tokens_append(out, &id, 1);
            continue;
        }
        for (uint32_t n = 0; n < symbol->size && status == AMPHI_OK; n++) {
            id = spm->byte_tokens[(uint8_t)data[symbol->at + n]];
            if (id >= 0)
                status = amphi__tokens_append(out, &id, 1);
        }
    }
    return status;
}

/* Where the next character ends. */
static size_t character_end(amphi_str text, size_t at)
{
    size_t length = size_by_first_byte(text.data[at]);
    return length < text.size - at ? at + length : text.size;
}

/* The end of the word at `begin`: where a blank follows something else. */
static size_t word_end(amphi_str text, size_t begin)
{
    bool after_blank = true;
    for (size_t at = begin; at < text.size;) {
        size_t end = character_end(text, at);
        bool blank_here = end - at == sizeof blank && is_blank(text.data + at, sizeof blank);
        if (blank_here && !after_blank)
            return at;
        after_blank = blank_here;
        at = end;
    }
    return text.size;
}

static amphi_status encode_word(const amphi_spm *spm, amphi_merge *merge, amphi_str text,
    size_t begin, size_t end, amphi_tokens *out)
{
    amphi_status status = amphi__merge_begin(merge, end - begin);
    if (status != AMPHI_OK)
        return status;
    for (size_t at = begin; at < end;) {
        size_t next = character_end(text, at);
        amphi__merge_push(merge, (uint32_t)at, (uint32_t)(next - at), -1);
        at = next;
    }
    spm_text user = {spm->vocabulary, text.data};
    status = amphi__merge_run(merge, spm_joins, &user);
    return status == AMPHI_OK ? emit(spm, merge, text.data, out) : status;
}

amphi_status amphi__spm_encode(
    const amphi_spm *spm, amphi_merge *merge, amphi_str text, bool with_blank, amphi_tokens *out)
{
    amphi_status status = AMPHI_OK;
    size_t size = 0;
    char *data = escape(text, with_blank, &size);
    if (data == NULL)
        return AMPHI_E_NO_MEMORY;
    amphi_str escaped = amphi_str_make(data, size);
    for (size_t begin = 0; begin < size && status == AMPHI_OK;) {
        size_t end = spm->words_are_apart ? word_end(escaped, begin) : size;
        status = amphi__merge_poll(merge, 0);
        if (status == AMPHI_OK)
            status = encode_word(spm, merge, escaped, begin, end, out);
        begin = end;
    }
    amphi__free(data);
    return status;
}
