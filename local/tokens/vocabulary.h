/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of a model file: texts, kinds, scores and special ids, with one hash table from text
 * to id. All texts lie in one arena and are named by offset, so loading 150,000 tokens takes a
 * handful of allocations. Model files are hostile: array types, counts, sizes and ids are checked
 * here, probe lengths are bounded, and what is odd but harmless (an empty token, a byte token that
 * spells no byte) is kept as plain text.
 *
 * Of tokens with the same text the last one is found by text; each keeps its own piece.
 */
#ifndef AMPHI_TOKENS_VOCABULARY_H
#define AMPHI_TOKENS_VOCABULARY_H

#include "local/model/gguf.h"

#define AMPHI_TOKENS_MAX           (4u << 20)
#define AMPHI_TOKEN_TEXT_BYTES_MAX 8192u

typedef enum amphi_token_kind { /* as in tokenizer.ggml.token_type */
    AMPHI_TOKEN_UNDEFINED = 0,
    AMPHI_TOKEN_NORMAL = 1,
    AMPHI_TOKEN_UNKNOWN = 2,
    AMPHI_TOKEN_CONTROL = 3,
    AMPHI_TOKEN_USER_DEFINED = 4,
    AMPHI_TOKEN_UNUSED = 5,
    AMPHI_TOKEN_BYTE = 6
} amphi_token_kind;

typedef struct amphi_token_entry {
    uint32_t text_at; /* offsets into the arena */
    uint32_t text_size;
    uint32_t piece_at;
    uint32_t piece_size;
    uint32_t order;    /* SPM: rises as the score falls, so the smallest is merged first */
    uint8_t kind;      /* amphi_token_kind */
    bool is_end;       /* generation ends here */
    bool strips_right; /* as a special token it swallows the blanks after it */
} amphi_token_entry;

typedef struct amphi_text_slot {
    uint32_t hash;
    int32_t id; /* -1: free */
} amphi_text_slot;

typedef struct amphi_vocabulary {
    char *arena;
    size_t arena_size;
    size_t arena_capacity;
    amphi_token_entry *entries; /* the tokens, then symbols that only merges name */
    uint32_t entries_count;
    uint32_t entries_capacity;
    uint32_t count; /* of tokens */
    uint32_t text_size_max;
    amphi_text_slot *slots;
    uint32_t slots_count; /* a power of two */
    bool has_duplicates;
    bool is_bpe;
    int32_t bos;
    int32_t eos;
    int32_t unknown;
} amphi_vocabulary;

/* AMPHI_E_FORMAT, _LIMIT, _UNSUPPORTED with one line. Clear it also after a failure. */
amphi_status amphi__vocabulary_load(
    amphi_vocabulary *vocabulary, const amphi_gguf *gguf, amphi_error *error);
void amphi__vocabulary_clear(amphi_vocabulary *vocabulary);

/* The entry with exactly this text, or -1. May be a symbol (>= count), which is no token. */
int32_t amphi__vocabulary_find(const amphi_vocabulary *vocabulary, amphi_str text);
/* Finds the text, or adds it as a symbol: *id. The text must not lie in the vocabulary. `hint` is a
 * guess at the id that makes the search short; -1: none. */
amphi_status amphi__vocabulary_symbol(
    amphi_vocabulary *vocabulary, amphi_str text, int32_t hint, int32_t *id);

static inline amphi_str amphi__vocabulary_text(const amphi_vocabulary *vocabulary, int32_t id)
{
    const amphi_token_entry *entry = &vocabulary->entries[id];
    return amphi_str_make(vocabulary->arena + entry->text_at, entry->text_size);
}

/* The character that byte-level BPE writes for a byte (GPT-2's table), and back: -1 for others. */
uint32_t amphi__byte_to_char(uint8_t byte);
int32_t amphi__byte_from_char(uint32_t codepoint);

#endif
