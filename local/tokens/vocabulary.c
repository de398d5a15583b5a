/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a vocabulary: two passes over the token array (sizes, then texts), then pieces, special
 * ids and end tokens. The hash table has open addressing with linear probing; a chain longer than
 * PROBES_MAX can only be made on purpose and is refused, so load and lookup are bounded.
 */
#include "local/tokens/vocabulary.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>

#define PROBES_MAX 2048u
#define PREFETCH   16u

/* ---- bytes of byte-level BPE ------------------------------------------------------------- */

static bool byte_is_printable(uint32_t byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/* GPT-2's table (github.com/openai/gpt-2, encoder.py, bytes_to_unicode): printable Latin-1
 * characters stand for themselves, the 68 others follow one another from U+0100. */
uint32_t amphi__byte_to_char(uint8_t byte)
{
    if (byte_is_printable(byte))
        return byte;
    if (byte < 0x21)
        return 256u + byte;
    return byte == 0xAD ? 256u + 67 : 256u + 33 + (byte - 0x7Fu);
}

int32_t amphi__byte_from_char(uint32_t codepoint)
{
    if (codepoint < 256)
        return byte_is_printable(codepoint) ? (int32_t)codepoint : -1;
    if (codepoint < 256 + 33)
        return (int32_t)(codepoint - 256);
    if (codepoint < 256 + 67)
        return (int32_t)(codepoint - 256 - 33 + 0x7F);
    return codepoint == 256 + 67 ? 0xAD : -1;
}

/* ---- the table from text to id ------------------------------------------------------------ */

static uint64_t hash_word(uint64_t state, uint64_t word)
{
    uint64_t mixed = (state ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ mixed >> 29;
}

static uint32_t hash_of(amphi_str text)
{
    uint64_t state = UINT64_C(0x243F6A8885A308D3) ^ text.size;
    const char *at = text.data;
    size_t left = text.size;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = hash_word(state, word);
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < left; i++)
        tail |= (uint64_t)(uint8_t)at[i] << 8 * i;
    state = hash_word(state, tail);
    return (uint32_t)(state >> 32) ^ (uint32_t)state;
}

static bool entry_is(const amphi_vocabulary *vocabulary, int32_t id, amphi_str text)
{
    amphi_str other = amphi__vocabulary_text(vocabulary, id);
    return other.size == text.size && memcmp(other.data, text.data, text.size) == 0;
}

/* The slot that holds the text, or the free one where it belongs; NULL: too long a chain. */
static amphi_text_slot *slot_of(const amphi_vocabulary *vocabulary, uint32_t hash, amphi_str text)
{
    uint32_t mask = vocabulary->slots_count - 1;
    uint32_t at = hash & mask;
    for (uint32_t probe = 0; probe < PROBES_MAX && probe <= mask; probe++) {
        amphi_text_slot *slot = &vocabulary->slots[at];
        if (slot->id < 0)
            return slot;
        if (slot->hash == hash && entry_is(vocabulary, slot->id, text))
            return slot;
        at = (at + 1) & mask;
    }
    return NULL;
}

int32_t amphi__vocabulary_find(const amphi_vocabulary *vocabulary, amphi_str text)
{
    if (text.size == 0 || text.size > vocabulary->text_size_max)
        return -1;
    const amphi_text_slot *slot = slot_of(vocabulary, hash_of(text), text);
    return slot != NULL ? slot->id : -1;
}

static amphi_status table_resize(amphi_vocabulary *vocabulary, uint32_t slots_count)
{
    amphi_text_slot *slots = amphi__calloc(slots_count, sizeof *slots);
    if (slots == NULL)
        return AMPHI_E_NO_MEMORY;
    memset(slots, 0xFF, (size_t)slots_count * sizeof *slots); /* every id is -1 */
    amphi_status status = AMPHI_OK;
    for (uint32_t i = 0; i < vocabulary->slots_count; i++) {
        amphi_text_slot old = vocabulary->slots[i];
        if (old.id < 0)
            continue;
        uint32_t at = old.hash & (slots_count - 1);
        for (uint32_t probe = 0; slots[at].id >= 0; probe++, at = (at + 1) & (slots_count - 1))
            if (probe >= PROBES_MAX)
                status = AMPHI_E_LIMIT;
        slots[at] = old;
    }
    amphi__free(vocabulary->slots);
    vocabulary->slots = slots;
    vocabulary->slots_count = slots_count;
    return status;
}

/* ---- arena and entries -------------------------------------------------------------------- */

static amphi_status arena_reserve(amphi_vocabulary *vocabulary, size_t more)
{
    size_t need = vocabulary->arena_size + more;
    if (need < more || need > UINT32_MAX)
        return AMPHI_E_LIMIT;
    if (need <= vocabulary->arena_capacity)
        return AMPHI_OK;
    size_t capacity = vocabulary->arena_capacity + vocabulary->arena_capacity / 2;
    if (capacity < need)
        capacity = need;
    char *arena = amphi__realloc(vocabulary->arena, capacity);
    if (arena == NULL)
        return AMPHI_E_NO_MEMORY;
    vocabulary->arena = arena;
    vocabulary->arena_capacity = capacity;
    return AMPHI_OK;
}

/* Room was reserved. */
static uint32_t arena_put(amphi_vocabulary *vocabulary, amphi_str text)
{
    size_t at = vocabulary->arena_size;
    if (text.size > 0)
        memcpy(vocabulary->arena + at, text.data, text.size);
    vocabulary->arena_size = at + text.size;
    return (uint32_t)at;
}

static amphi_status entries_reserve(amphi_vocabulary *vocabulary, uint32_t count)
{
    if (count <= vocabulary->entries_capacity)
        return AMPHI_OK;
    uint32_t capacity = vocabulary->entries_capacity + vocabulary->entries_capacity / 2;
    if (capacity < count)
        capacity = count;
    amphi_token_entry *entries =
        amphi__realloc_array(vocabulary->entries, capacity, sizeof *entries);
    if (entries == NULL)
        return AMPHI_E_NO_MEMORY;
    vocabulary->entries = entries;
    vocabulary->entries_capacity = capacity;
    return AMPHI_OK;
}

static uint32_t slots_for(uint32_t entries_count)
{
    uint32_t slots_count = 1024;
    while (slots_count / 2 < entries_count)
        slots_count *= 2;
    return slots_count;
}

static amphi_status add_symbol(
    amphi_vocabulary *vocabulary, uint32_t hash, amphi_str text, int32_t *id)
{
    if (text.size == 0 || text.size > AMPHI_TOKEN_TEXT_BYTES_MAX ||
        vocabulary->entries_count >= 4 * AMPHI_TOKENS_MAX)
        return AMPHI_E_LIMIT;
    amphi_status status = arena_reserve(vocabulary, text.size);
    if (status == AMPHI_OK)
        status = entries_reserve(vocabulary, vocabulary->entries_count + 1);
    if (status == AMPHI_OK && slots_for(vocabulary->entries_count + 1) > vocabulary->slots_count)
        status = table_resize(vocabulary, vocabulary->slots_count * 2);
    if (status != AMPHI_OK)
        return status;
    amphi_text_slot *slot = slot_of(vocabulary, hash, text);
    if (slot == NULL)
        return AMPHI_E_LIMIT;
    amphi_token_entry *entry = &vocabulary->entries[vocabulary->entries_count];
    memset(entry, 0, sizeof *entry);
    entry->text_at = arena_put(vocabulary, text);
    entry->text_size = (uint32_t)text.size;
    if (entry->text_size > vocabulary->text_size_max)
        vocabulary->text_size_max = entry->text_size;
    *id = (int32_t)vocabulary->entries_count++;
    slot->hash = hash;
    slot->id = *id;
    return AMPHI_OK;
}

amphi_status amphi__vocabulary_symbol(
    amphi_vocabulary *vocabulary, amphi_str text, int32_t hint, int32_t *id)
{
    if (hint >= 0 && (uint32_t)hint < vocabulary->count && !vocabulary->has_duplicates &&
        entry_is(vocabulary, hint, text)) {
        *id = hint;
        return AMPHI_OK;
    }
    uint32_t hash = hash_of(text);
    const amphi_text_slot *slot = slot_of(vocabulary, hash, text);
    if (slot == NULL)
        return AMPHI_E_LIMIT;
    *id = slot->id;
    return slot->id >= 0 ? AMPHI_OK : add_symbol(vocabulary, hash, text, id);
}

void amphi__vocabulary_clear(amphi_vocabulary *vocabulary)
{
    amphi__free(vocabulary->arena);
    amphi__free(vocabulary->entries);
    amphi__free(vocabulary->slots);
    memset(vocabulary, 0, sizeof *vocabulary);
}

/* ---- loading ------------------------------------------------------------------------------ */

/* A float's bits as an integer that falls as the float rises. NaN: last of all. */
static uint32_t order_of_score(double score)
{
    float value = (float)score;
    if (isnan(value))
        return UINT32_MAX;
    if (value == 0.0f)
        value = 0.0f; /* -0 equals 0 */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rising = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    return ~rising;
}

static amphi_status check_arrays(amphi_vocabulary *vocabulary, const amphi_gguf *gguf,
    amphi_gguf_array *tokens, amphi_gguf_array *scores, amphi_gguf_array *kinds, amphi_error *error)
{
    if (!amphi__gguf_array_get(gguf, "tokenizer.ggml.tokens", tokens) ||
        tokens->type != AMPHI_GGUF_STRING || tokens->count == 0)
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "the model file has no list of tokens (tokenizer.ggml.tokens)");
    if (tokens->count > AMPHI_TOKENS_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "the vocabulary has %llu tokens, more than %u",
            (unsigned long long)tokens->count, AMPHI_TOKENS_MAX);
    memset(scores, 0, sizeof *scores);
    memset(kinds, 0, sizeof *kinds);
    bool has_scores = amphi__gguf_array_get(gguf, "tokenizer.ggml.scores", scores);
    if (has_scores && (scores->count != tokens->count ||
                          (scores->type != AMPHI_GGUF_F32 && scores->type != AMPHI_GGUF_F64)))
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "tokenizer.ggml.scores is not one float for each token");
    bool has_kinds = amphi__gguf_array_get(gguf, "tokenizer.ggml.token_type", kinds);
    if (has_kinds && (kinds->count != tokens->count || kinds->type == AMPHI_GGUF_STRING ||
                         kinds->type == AMPHI_GGUF_F32 || kinds->type == AMPHI_GGUF_F64))
        return amphi__fail(error, AMPHI_E_FORMAT, 0,
            "tokenizer.ggml.token_type is not one integer for each token");
    vocabulary->count = (uint32_t)tokens->count;
    return AMPHI_OK;
}

static uint8_t kind_at(const amphi_gguf_array *kinds, uint32_t i)
{
    if (kinds->count == 0)
        return AMPHI_TOKEN_NORMAL;
    int64_t kind = amphi__gguf_array_i64(kinds, i);
    return kind >= AMPHI_TOKEN_UNDEFINED && kind <= AMPHI_TOKEN_BYTE ? (uint8_t)kind
                                                                     : AMPHI_TOKEN_UNDEFINED;
}

static amphi_status load_texts(amphi_vocabulary *vocabulary, const amphi_gguf_array *tokens,
    const amphi_gguf_array *scores, const amphi_gguf_array *kinds, amphi_error *error)
{
    size_t cursor = 0;
    for (uint32_t i = 0; i < vocabulary->count; i++) {
        amphi_token_entry *entry = &vocabulary->entries[i];
        memset(entry, 0, sizeof *entry);
        amphi_str text;
        if (!amphi__gguf_array_next_str(tokens, &cursor, &text))
            return amphi__fail(error, AMPHI_E_FORMAT, 0, "token %u can't be read", i);
        if (text.size > AMPHI_TOKEN_TEXT_BYTES_MAX)
            return amphi__fail(error, AMPHI_E_LIMIT, 0, "token %u has more than %u bytes", i,
                AMPHI_TOKEN_TEXT_BYTES_MAX);
        entry->text_at = arena_put(vocabulary, text);
        entry->text_size = (uint32_t)text.size;
        entry->kind = kind_at(kinds, i);
        entry->order = order_of_score(scores->count != 0 ? amphi__gguf_array_f64(scores, i) : 0);
        if (text.size == 0)
            continue; /* can't be found, stands for nothing */
        if (entry->text_size > vocabulary->text_size_max)
            vocabulary->text_size_max = entry->text_size;
        entry->piece_at = hash_of(text); /* kept here until fill_table has used it */
    }
    vocabulary->entries_count = vocabulary->count;
    return AMPHI_OK;
}

/* A pass of its own, so that the slots of the next tokens can be on their way from memory. */
static amphi_status fill_table(amphi_vocabulary *vocabulary)
{
    uint32_t mask = vocabulary->slots_count - 1;
    for (uint32_t i = 0; i < vocabulary->count; i++) {
        if (i + PREFETCH < vocabulary->count)
            __builtin_prefetch(
                &vocabulary->slots[vocabulary->entries[i + PREFETCH].piece_at & mask], 1);
        amphi_str text = amphi__vocabulary_text(vocabulary, (int32_t)i);
        if (text.size == 0)
            continue;
        uint32_t hash = vocabulary->entries[i].piece_at;
        amphi_text_slot *slot = slot_of(vocabulary, hash, text);
        if (slot == NULL)
            return AMPHI_E_LIMIT;
        vocabulary->has_duplicates |= slot->id >= 0;
        slot->hash = hash;
        slot->id = (int32_t)i;
    }
    return AMPHI_OK;
}

static amphi_status load_tokens(
    amphi_vocabulary *vocabulary, const amphi_gguf *gguf, amphi_error *error)
{
    amphi_gguf_array tokens;
    amphi_gguf_array scores;
    amphi_gguf_array kinds;
    amphi_status status = check_arrays(vocabulary, gguf, &tokens, &scores, &kinds, error);
    if (status != AMPHI_OK)
        return status;
    /* Every text and every piece (never longer than its text) lies in the array's own bytes,
     * so twice its size is room for all. */
    if (tokens.size_bytes > UINT32_MAX / 4)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "the vocabulary's texts are too large");
    if (arena_reserve(vocabulary, 2 * tokens.size_bytes + 1) != AMPHI_OK ||
        entries_reserve(vocabulary, vocabulary->count) != AMPHI_OK ||
        table_resize(vocabulary, slots_for(vocabulary->count)) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    status = load_texts(vocabulary, &tokens, &scores, &kinds, error);
    if (status == AMPHI_OK && fill_table(vocabulary) != AMPHI_OK)
        status = amphi__fail(error, AMPHI_E_LIMIT, 0, "the vocabulary defeats its hash table");
    return status;
}

/* ---- pieces: what a token stands for ------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<0x0A>" */
static bool byte_of_text(amphi_str text, char *byte)
{
    if (text.size != 6 || memcmp(text.data, "<0x", 3) != 0 || text.data[5] != '>')
        return false;
    int high = hex_digit(text.data[3]);
    int low = hex_digit(text.data[4]);
    if (high < 0 || low < 0)
        return false;
    *byte = (char)(high * 16 + low);
    return true;
}

/* U+2581 is a blank. */
static size_t unescape_blanks(char *out, amphi_str text)
{
    size_t size = 0;
    for (size_t i = 0; i < text.size;) {
        if (text.size - i >= 3 && memcmp(text.data + i, "\xE2\x96\x81", 3) == 0) {
            out[size++] = ' ';
            i += 3;
        } else {
            out[size++] = text.data[i++];
        }
    }
    return size;
}

/* A character outside GPT-2's table stands for itself. */
static size_t decode_bytes(char *out, amphi_str text)
{
    size_t size = 0;
    for (size_t i = 0; i < text.size;) {
        uint32_t codepoint = 0;
        size_t length =
            amphi__utf8_decode(amphi_str_make(text.data + i, text.size - i), &codepoint);
        int32_t byte = length > 0 ? amphi__byte_from_char(codepoint) : -1;
        if (byte >= 0) {
            out[size++] = (char)byte;
            i += length;
            continue;
        }
        for (size_t n = length > 0 ? length : 1; n > 0; n--)
            out[size++] = text.data[i++];
    }
    return size;
}

static void make_pieces(amphi_vocabulary *vocabulary)
{
    for (uint32_t i = 0; i < vocabulary->count; i++) {
        amphi_token_entry *entry = &vocabulary->entries[i];
        amphi_str text = amphi__vocabulary_text(vocabulary, (int32_t)i);
        char *out = vocabulary->arena + vocabulary->arena_size;
        size_t size = 0;
        if (entry->kind == AMPHI_TOKEN_UNUSED || entry->kind == AMPHI_TOKEN_UNDEFINED) {
            size = 0;
        } else if (entry->kind == AMPHI_TOKEN_BYTE && byte_of_text(text, out)) {
            size = 1;
        } else if (entry->kind == AMPHI_TOKEN_NORMAL || entry->kind == AMPHI_TOKEN_BYTE) {
            size = vocabulary->is_bpe ? decode_bytes(out, text) : unescape_blanks(out, text);
        } else {
            entry->piece_at = entry->text_at;
            entry->piece_size = entry->text_size;
            continue;
        }
        entry->piece_at = (uint32_t)vocabulary->arena_size;
        entry->piece_size = (uint32_t)size;
        vocabulary->arena_size += size;
    }
}

/* ---- special ids --------------------------------------------------------------------------- */

static int32_t id_of_key(
    const amphi_vocabulary *vocabulary, const amphi_gguf *gguf, const char *key, int32_t otherwise)
{
    uint64_t id = 0;
    if (amphi__gguf_u64(gguf, key, &id) && id < vocabulary->count)
        return (int32_t)id;
    return otherwise >= 0 && (uint32_t)otherwise < vocabulary->count ? otherwise : -1;
}

static int32_t token_of(const amphi_vocabulary *vocabulary, const char *text)
{
    return amphi__vocabulary_find(vocabulary, amphi_str_from(text));
}

/* Spellings that end an answer in some known model. A vocabulary that has one uses it so, even
 * where the file does not mark it as a control token. */
static const char *const end_texts[] = {"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>",
    "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>",
    "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>",
    "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~["};

/* Fill-in-the-middle marks: control tokens; those of the second list end an answer as well. */
static const char *const infill_texts[] = {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",
    "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|fim_suffix|>", "<fim-suffix>",
    "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|fim_middle|>",
    "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>"};
static const char *const infill_end_texts[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>",
    "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void mark(amphi_vocabulary *vocabulary, const char *const *texts, size_t count, bool is_end)
{
    for (size_t i = 0; i < count; i++) {
        int32_t id = token_of(vocabulary, texts[i]);
        if (id < 0)
            continue;
        vocabulary->entries[id].kind = AMPHI_TOKEN_CONTROL;
        vocabulary->entries[id].is_end |= is_end;
    }
}

static bool ends_with(const amphi_vocabulary *vocabulary, const char *text)
{
    int32_t id = token_of(vocabulary, text);
    return id >= 0 && vocabulary->entries[id].is_end;
}

static void unmark(amphi_vocabulary *vocabulary, const char *text, uint8_t kind)
{
    int32_t id = token_of(vocabulary, text);
    if (id >= 0) {
        vocabulary->entries[id].kind = kind;
        vocabulary->entries[id].is_end = false;
    }
}

static void mark_ends(amphi_vocabulary *vocabulary, const amphi_gguf *gguf)
{
    static const char *const keys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id",
        "tokenizer.ggml.fim_pad_token_id", "tokenizer.ggml.fim_rep_token_id",
        "tokenizer.ggml.fim_sep_token_id"};
    static const char *const rendered[] = {
        "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};
    mark(vocabulary, infill_texts, COUNT_OF(infill_texts), false);
    mark(vocabulary, infill_end_texts, COUNT_OF(infill_end_texts), true);
    mark(vocabulary, end_texts, COUNT_OF(end_texts), true);
    for (size_t i = 0; i < COUNT_OF(rendered); i++) /* OpenAI's harmony format */
        unmark(vocabulary, rendered[i], AMPHI_TOKEN_USER_DEFINED);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        int32_t id = id_of_key(vocabulary, gguf, keys[i], -1);
        if (id >= 0)
            vocabulary->entries[id].is_end = true;
    }
    if (vocabulary->eos >= 0)
        vocabulary->entries[vocabulary->eos].is_end = true;
    /* In harmony, and in Solar's format, "<|end|>" ends a part, not the answer. */
    bool calls = ends_with(vocabulary, "<|call|>") || ends_with(vocabulary, "<|calls|>");
    if (calls && (ends_with(vocabulary, "<|return|>") || ends_with(vocabulary, "<|flush|>")) &&
        ends_with(vocabulary, "<|end|>"))
        unmark(vocabulary, "<|end|>", AMPHI_TOKEN_USER_DEFINED);
    if (ends_with(vocabulary, "<|tool_response>") && ends_with(vocabulary, "</s>"))
        unmark(vocabulary, "</s>", AMPHI_TOKEN_NORMAL);
}

/* Phi-3's special tokens swallow the blanks after them; only the model's name shows that. */
static void mark_strips(amphi_vocabulary *vocabulary, const amphi_gguf *gguf)
{
    static const char *const keepers[] = {"<unk>", "<s>", "<|endoftext|>"};
    amphi_str name = {NULL, 0};
    if (!amphi__gguf_str(gguf, "general.name", &name))
        return;
    char lower[128];
    amphi__str_copy_to(lower, sizeof lower, name);
    for (char *c = lower; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    if (strstr(lower, "phi-3") == NULL && strstr(lower, "phi3") == NULL)
        return;
    for (uint32_t i = 0; i < vocabulary->count; i++) {
        uint8_t kind = vocabulary->entries[i].kind;
        vocabulary->entries[i].strips_right = kind == AMPHI_TOKEN_CONTROL ||
                                              kind == AMPHI_TOKEN_USER_DEFINED ||
                                              kind == AMPHI_TOKEN_UNKNOWN;
    }
    for (size_t i = 0; i < COUNT_OF(keepers); i++) {
        int32_t id = token_of(vocabulary, keepers[i]);
        if (id >= 0)
            vocabulary->entries[id].strips_right = false;
    }
}

amphi_status amphi__vocabulary_load(
    amphi_vocabulary *vocabulary, const amphi_gguf *gguf, amphi_error *error)
{
    memset(vocabulary, 0, sizeof *vocabulary);
    amphi_str model = {NULL, 0};
    if (!amphi__gguf_str(gguf, "tokenizer.ggml.model", &model))
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "the model file has no tokenizer (tokenizer.ggml.model)");
    vocabulary->is_bpe = amphi__str_equal_c(model, "gpt2");
    if (!vocabulary->is_bpe && !amphi__str_equal_c(model, "llama"))
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "the model's tokenizer is neither \"llama\" (SentencePiece) nor \"gpt2\" (BPE)");
    amphi_status status = load_tokens(vocabulary, gguf, error);
    if (status != AMPHI_OK)
        return status;
    /* The defaults are those of the two families' first models, as in llama.cpp. */
    bool is_bpe = vocabulary->is_bpe;
    vocabulary->bos = id_of_key(vocabulary, gguf, "tokenizer.ggml.bos_token_id", is_bpe ? 11 : 1);
    vocabulary->eos = id_of_key(vocabulary, gguf, "tokenizer.ggml.eos_token_id", is_bpe ? 11 : 2);
    vocabulary->unknown =
        id_of_key(vocabulary, gguf, "tokenizer.ggml.unknown_token_id", is_bpe ? -1 : 0);
    mark_ends(vocabulary, gguf);
    mark_strips(vocabulary, gguf);
    make_pieces(vocabulary);
    return AMPHI_OK;
}
