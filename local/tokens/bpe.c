/* SPDX-License-Identifier: Apache-2.0
 *
 * The merge table is a hash from two symbol ids to rank and joined id, so encoding compares no
 * strings. Probe chains are bounded, as in vocabulary.c.
 */
#include "local/tokens/bpe.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define PROBES_MAX 2048u
#define PREFETCH   16u

static uint32_t pair_hash(int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    return (uint32_t)((key ^ key >> 31) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static amphi_bpe_pair *pair_slot(const amphi_bpe *bpe, int32_t left, int32_t right)
{
    uint32_t mask = bpe->pairs_count - 1;
    uint32_t at = pair_hash(left, right) & mask;
    for (uint32_t probe = 0; probe < PROBES_MAX && probe <= mask; probe++) {
        amphi_bpe_pair *pair = &bpe->pairs[at];
        if (pair->left < 0 || (pair->left == left && pair->right == right))
            return pair;
        at = (at + 1) & mask;
    }
    return NULL;
}

/* ---- loading -------------------------------------------------------------------------------- */

/* The ids of left, right and what they give. In most files the joined tokens stand in the order
 * of the merges, so the token after the last one (out->joined) is a good guess. */
static amphi_status read_pair(
    const amphi_bpe *bpe, amphi_str left, amphi_str right, amphi_bpe_pair *out)
{
    size_t size = left.size + right.size;
    char joined[AMPHI_TOKEN_TEXT_BYTES_MAX];
    if (size > sizeof joined)
        return AMPHI_E_LIMIT;
    memcpy(joined, left.data, left.size);
    memcpy(joined + left.size, right.data, right.size);
    amphi_status status = amphi__vocabulary_symbol(bpe->vocabulary, left, -1, &out->left);
    if (status == AMPHI_OK)
        status = amphi__vocabulary_symbol(bpe->vocabulary, right, -1, &out->right);
    if (status == AMPHI_OK)
        status = amphi__vocabulary_symbol(
            bpe->vocabulary, amphi_str_make(joined, size), out->joined + 1, &out->joined);
    return status;
}

/* All pairs in the order of the file: first their ids, *count of them. */
static amphi_status read_pairs(const amphi_bpe *bpe, const amphi_gguf_array *merges,
    amphi_bpe_pair *pairs, uint32_t *count, amphi_error *error)
{
    size_t cursor = 0;
    amphi_bpe_pair pair = {-1, -1, 0, -1};
    for (pair.rank = 0; pair.rank < merges->count; pair.rank++) {
        amphi_str text;
        if (!amphi__gguf_array_next_str(merges, &cursor, &text))
            return amphi__fail(error, AMPHI_E_FORMAT, 0, "merge %u can't be read", pair.rank);
        const char *gap = text.size > 2 ? memchr(text.data + 1, ' ', text.size - 1) : NULL;
        if (gap == NULL || gap == text.data + text.size - 1)
            continue; /* names no pair: can't apply, but keeps its rank */
        amphi_str left = amphi_str_make(text.data, (size_t)(gap - text.data));
        amphi_str right = amphi_str_make(gap + 1, text.size - left.size - 1);
        amphi_status status = read_pair(bpe, left, right, &pair);
        if (status == AMPHI_E_NO_MEMORY)
            return amphi__fail_no_memory(error);
        if (status != AMPHI_OK)
            return amphi__fail(error, status, 0, "merge %u is beyond our limits", pair.rank);
        pairs[(*count)++] = pair;
    }
    return AMPHI_OK;
}

/* A pass of its own, so that the slots of the next pairs can be on their way from memory. */
static amphi_status fill_table(const amphi_bpe *bpe, const amphi_bpe_pair *pairs, uint32_t count)
{
    uint32_t mask = bpe->pairs_count - 1;
    for (uint32_t i = 0; i < count; i++) {
        if (i + PREFETCH < count) {
            const amphi_bpe_pair *later = &pairs[i + PREFETCH];
            __builtin_prefetch(&bpe->pairs[pair_hash(later->left, later->right) & mask], 1);
        }
        amphi_bpe_pair *slot = pair_slot(bpe, pairs[i].left, pairs[i].right);
        if (slot == NULL)
            return AMPHI_E_LIMIT;
        if (slot->left < 0) /* else a repeated merge: the first one counts */
            *slot = pairs[i];
    }
    return AMPHI_OK;
}

static amphi_status load_merges(
    const amphi_bpe *bpe, const amphi_gguf_array *merges, amphi_error *error)
{
    uint32_t count = 0;
    amphi_bpe_pair *pairs = amphi__realloc_array(NULL, (size_t)merges->count + 1, sizeof *pairs);
    if (pairs == NULL)
        return amphi__fail_no_memory(error);
    amphi_status status = read_pairs(bpe, merges, pairs, &count, error);
    if (status == AMPHI_OK && fill_table(bpe, pairs, count) != AMPHI_OK)
        status = amphi__fail(error, AMPHI_E_LIMIT, 0, "the merges defeat their hash table");
    amphi__free(pairs);
    return status;
}

static void find_bytes(amphi_bpe *bpe)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[4];
        size_t size = amphi__utf8_encode(amphi__byte_to_char((uint8_t)byte), text);
        bpe->symbols[byte] = amphi__vocabulary_find(bpe->vocabulary, amphi_str_make(text, size));
        text[0] = (char)byte;
        int32_t id = amphi__vocabulary_find(bpe->vocabulary, amphi_str_make(text, 1));
        bpe->byte_tokens[byte] = id >= 0 && (uint32_t)id < bpe->vocabulary->count ? id : -1;
    }
}

amphi_status amphi__bpe_init(amphi_bpe *bpe, amphi_vocabulary *vocabulary,
    const amphi_pretokenizer *words, const amphi_gguf *gguf, amphi_error *error)
{
    memset(bpe, 0, sizeof *bpe);
    bpe->vocabulary = vocabulary;
    bpe->words = words;
    amphi_gguf_array merges;
    if (!amphi__gguf_array_get(gguf, "tokenizer.ggml.merges", &merges) ||
        merges.type != AMPHI_GGUF_STRING)
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "the model file has no merges (tokenizer.ggml.merges)");
    if (merges.count > AMPHI_TOKENS_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "the model file has %llu merges, more than %u",
            (unsigned long long)merges.count, AMPHI_TOKENS_MAX);
    bpe->pairs_count = 1024;
    while (bpe->pairs_count / 2 < merges.count)
        bpe->pairs_count *= 2;
    bpe->pairs = amphi__realloc_array(NULL, bpe->pairs_count, sizeof *bpe->pairs);
    if (bpe->pairs == NULL)
        return amphi__fail_no_memory(error);
    memset(bpe->pairs, 0xFF, (size_t)bpe->pairs_count * sizeof *bpe->pairs);
    amphi_status status = load_merges(bpe, &merges, error);
    if (status == AMPHI_OK)
        find_bytes(bpe);
    return status;
}

void amphi__bpe_clear(amphi_bpe *bpe)
{
    amphi__free(bpe->pairs);
    memset(bpe, 0, sizeof *bpe);
}

/* ---- encoding ------------------------------------------------------------------------------- */

typedef struct bpe_walk {
    const amphi_bpe *bpe;
    amphi_merge *merge;
    amphi_tokens *out;
} bpe_walk;

static bool bpe_joins(const void *user, const amphi_merge_symbol *left,
    const amphi_merge_symbol *right, uint32_t *order, int32_t *id)
{
    if (left->id < 0 || right->id < 0)
        return false;
    const amphi_bpe_pair *pair = pair_slot(user, left->id, right->id);
    if (pair == NULL || pair->left < 0)
        return false;
    *order = pair->rank;
    *id = pair->joined;
    return true;
}

/* A symbol that is no token: the bytes of its written form that are tokens, the rest is lost. */
static amphi_status emit_bytes(const amphi_bpe *bpe, amphi_str raw, amphi_tokens *out)
{
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < raw.size; i++) {
        char text[4];
        size_t size = amphi__utf8_encode(amphi__byte_to_char((uint8_t)raw.data[i]), text);
        for (size_t n = 0; n < size && status == AMPHI_OK; n++) {
            int32_t id = bpe->byte_tokens[(uint8_t)text[n]];
            if (id >= 0)
                status = amphi__tokens_append(out, &id, 1);
        }
    }
    return status;
}

/* The token that is written exactly like this word, or -1. */
static int32_t whole_word(const amphi_bpe *bpe, amphi_str word)
{
    size_t size = 0;
    char text[AMPHI_TOKEN_TEXT_BYTES_MAX + 2];
    for (size_t i = 0; i < word.size; i++) {
        if (size > AMPHI_TOKEN_TEXT_BYTES_MAX)
            return -1;
        size += amphi__utf8_encode(amphi__byte_to_char((uint8_t)word.data[i]), text + size);
    }
    int32_t id = amphi__vocabulary_find(bpe->vocabulary, amphi_str_make(text, size));
    return id >= 0 && (uint32_t)id < bpe->vocabulary->count ? id : -1;
}

static amphi_status encode_word(void *user, amphi_str word)
{
    const bpe_walk *walk = user;
    const amphi_bpe *bpe = walk->bpe;
    if (amphi__merge_poll(walk->merge, 0) != AMPHI_OK)
        return AMPHI_E_CANCELLED;
    if (amphi__pretokenizer_ignores_merges(bpe->words)) {
        int32_t id = whole_word(bpe, word);
        if (id >= 0)
            return amphi__tokens_append(walk->out, &id, 1);
    }
    amphi_status status = amphi__merge_begin(walk->merge, word.size);
    if (status != AMPHI_OK)
        return status;
    for (size_t i = 0; i < word.size; i++)
        amphi__merge_push(walk->merge, (uint32_t)i, 1, bpe->symbols[(uint8_t)word.data[i]]);
    status = amphi__merge_run(walk->merge, bpe_joins, bpe);
    size_t step = 1;
    for (int32_t i = 0; i >= 0 && status == AMPHI_OK; i = walk->merge->symbols[i].next) {
        if (amphi__merge_poll(walk->merge, step++) != AMPHI_OK)
            return AMPHI_E_CANCELLED;
        const amphi_merge_symbol *symbol = &walk->merge->symbols[i];
        if (symbol->id >= 0 && (uint32_t)symbol->id < bpe->vocabulary->count)
            status = amphi__tokens_append(walk->out, &symbol->id, 1);
        else
            status =
                emit_bytes(bpe, amphi_str_make(word.data + symbol->at, symbol->size), walk->out);
    }
    return status;
}

amphi_status amphi__bpe_encode(
    const amphi_bpe *bpe, amphi_merge *merge, amphi_str text, amphi_tokens *out)
{
    bpe_walk walk = {bpe, merge, out};
    return amphi__pretokenizer_split(bpe->words, text, encode_word, &walk);
}
