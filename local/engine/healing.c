/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the last word begins is the tokenizer's affair (amphi__tokenizer_last_word): blanks, digits
 * and punctuation are words too, since "\n" may have been on the way to "\n\n". Of a word too long
 * to be written again (scripts without blanks) the last tokens are taken back: what could be
 * appended changes how the end of a word is cut into tokens, hardly its beginning.
 */
#include "local/engine/healing.h"

#include "sdk/core/str.h"

#include <math.h>

enum {
    WORD_MAX = 48,     /* bytes that are taken back whole */
    LONG_WORD_END = 24 /* bytes that are taken back of a longer one */
};

/* ---- taking back ---- */

static bool is_inside_a_character(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Moves tokens' letters to the front of healing->letters until they are `wanted` bytes and begin
 * with a character. */
static void take_back(amphi_healing *healing, const amphi_tokenizer *tokenizer,
    const amphi_tokens *tokens, size_t first, size_t wanted)
{
    while (tokens->size - healing->tokens_count > first &&
           (healing->size < wanted || is_inside_a_character(healing->letters[0]))) {
        char scratch[8];
        amphi_str piece = amphi__tokenizer_piece(
            tokenizer, tokens->data[tokens->size - healing->tokens_count - 1], false, scratch);
        if (piece.size == 0 || piece.size > sizeof healing->letters - healing->size)
            return;
        memmove(healing->letters + piece.size, healing->letters, healing->size);
        memcpy(healing->letters, piece.data, piece.size);
        healing->size += piece.size;
        healing->tokens_count++;
    }
}

/* A text's first piece has a blank that is not the text's own. */
static void drop_leading_blank(amphi_healing *healing, amphi_str beginning)
{
    if (healing->size == beginning.size + 1 && healing->letters[0] == ' ')
        memmove(healing->letters, healing->letters + 1, --healing->size);
}

amphi_status amphi__healing_begin(amphi_healing *healing, const amphi_tokenizer *tokenizer,
    amphi_tokens *tokens, size_t first, amphi_str beginning)
{
    *healing = (amphi_healing){.stops_inside = amphi__healing_stops_inside(beginning)};
    size_t word = 0;
    amphi_status status = amphi__tokenizer_last_word(tokenizer, beginning, &word);
    if (status == AMPHI_E_NO_MEMORY)
        return status;
    if (status != AMPHI_OK)
        word = LONG_WORD_END; /* it could not be found */
    take_back(healing, tokenizer, tokens, first, word <= WORD_MAX ? word : LONG_WORD_END);
    if (healing->tokens_count == tokens->size - first) {
        healing->leads_blank = amphi__tokenizer_adds_space(tokenizer);
        drop_leading_blank(healing, beginning);
    }
    tokens->size -= healing->tokens_count;
    /* Tokens that do not spell the text (invalid UTF-8) stay. */
    if (healing->tokens_count == 0 ||
        !amphi__str_ends_with(beginning, amphi_str_make(healing->letters, healing->size)))
        amphi__healing_undo(healing, tokens);
    return AMPHI_OK;
}

void amphi__healing_undo(amphi_healing *healing, amphi_tokens *tokens)
{
    tokens->size += healing->tokens_count;
    healing->tokens_count = 0;
    healing->size = 0;
    healing->is_forced = true;
}

/* ---- spelling again ---- */

/* Is the piece a part of the letters from `at` on, or are they its beginning? */
static bool spells(const amphi_healing *healing, amphi_str piece, size_t at)
{
    size_t left = healing->size - at;
    size_t common = piece.size < left ? piece.size : left;
    return common == 0 || memcmp(piece.data, healing->letters + at, common) == 0;
}

/* What of a piece stands for letters: an answer's first one may have a blank in front. Empty with
 * *fits false: it does not spell them. */
static amphi_str spelling(const amphi_healing *healing, amphi_str piece, size_t at, bool *fits)
{
    *fits = piece.size > 0 && spells(healing, piece, at);
    if (*fits || at > 0 || !healing->leads_blank || piece.size == 0 || piece.data[0] != ' ')
        return piece;
    piece = amphi__str_slice(piece, 1, piece.size);
    *fits = spells(healing, piece, at);
    return piece;
}

amphi_healing_match amphi__healing_match(const amphi_healing *healing,
    const amphi_tokenizer *tokenizer, int32_t token, size_t at, size_t *letters)
{
    char scratch[8];
    bool fits = false;
    *letters = 0;
    if ((uint32_t)token >= amphi__tokenizer_size(tokenizer) ||
        amphi__tokenizer_is_end(tokenizer, token))
        return AMPHI_HEALING_NO;
    amphi_str piece = amphi__tokenizer_piece(tokenizer, token, false, scratch);
    piece = spelling(healing, piece, at, &fits);
    if (!fits)
        return AMPHI_HEALING_NO;
    *letters = piece.size;
    return piece.size < healing->size - at ? AMPHI_HEALING_PART : AMPHI_HEALING_WHOLE;
}

static int32_t likeliest(const float *logits, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t token = 1; token < count; token++)
        if (logits[token] > logits[best] || isnan(logits[best]))
            best = token;
    return (int32_t)best;
}

/* Forbids what does not spell the letters, where something does. Returns the longest token that
 * writes no more than them; -1: there is none, and nothing was forbidden. */
static int32_t forbid_others(
    const amphi_healing *healing, const amphi_tokenizer *tokenizer, float *logits, uint32_t count)
{
    int32_t longest = -1;
    size_t longest_size = 0;
    size_t letters = 0;
    for (uint32_t token = 0; token < count; token++) {
        if (amphi__healing_match(healing, tokenizer, (int32_t)token, 0, &letters) ==
                AMPHI_HEALING_NO ||
            letters <= longest_size || letters > healing->size)
            continue;
        longest = (int32_t)token;
        longest_size = letters;
    }
    for (uint32_t token = 0; token < count && longest >= 0; token++) {
        amphi_healing_match match =
            amphi__healing_match(healing, tokenizer, (int32_t)token, 0, &letters);
        if (match == AMPHI_HEALING_NO || (match == AMPHI_HEALING_PART && healing->is_found))
            logits[token] = -INFINITY;
    }
    return longest;
}

static void forbid_ends(const amphi_tokenizer *tokenizer, float *logits, uint32_t count)
{
    for (uint32_t token = 0; token < count; token++)
        if (amphi__tokenizer_is_end(tokenizer, (int32_t)token))
            logits[token] = -INFINITY;
}

int32_t amphi__healing_mask(
    amphi_healing *healing, const amphi_tokenizer *tokenizer, float *logits, uint32_t count)
{
    if (healing->size > 0) {
        healing->likeliest = likeliest(logits, count);
        int32_t spare = forbid_others(healing, tokenizer, logits, count);
        if (spare >= 0)
            return spare;
        healing->size = 0; /* a vocabulary that can't write them */
        healing->is_forced = true;
    }
    if (amphi__healing_is_active(healing))
        forbid_ends(tokenizer, logits, count);
    return -1;
}

amphi_str amphi__healing_accept(amphi_healing *healing, int32_t token, amphi_str piece)
{
    if (healing->size > 0 && piece.size > 0) {
        bool fits = false;
        piece = spelling(healing, piece, 0, &fits);
        size_t shown = piece.size < healing->size ? piece.size : healing->size;
        healing->size -= shown;
        memmove(healing->letters, healing->letters + shown, healing->size);
        piece = amphi__str_slice(piece, shown, piece.size);
        healing->is_forced = healing->is_forced || token != healing->likeliest;
        healing->leads_blank = false;
        healing->is_found = false;
        healing->is_behind = piece.size > 0;
    } else {
        healing->is_behind = true;
    }
    return piece;
}

/* ---- does it stop inside something? ---- */

/* The last character; U+FFFD: bytes that are none. */
static uint32_t last_character(amphi_str text)
{
    size_t at = text.size;
    while (at > 0 && text.size - at < 4 && is_inside_a_character(text.data[at - 1]))
        at--;
    at -= at > 0 ? 1 : 0;
    uint32_t codepoint = 0;
    size_t size = amphi__utf8_decode(amphi__str_slice(text, at, text.size), &codepoint);
    return size > 0 && at + size == text.size ? codepoint : 0xFFFD;
}

/* A sentence, a line or something in brackets or quotes ends with it. */
static bool closes(uint32_t character)
{
    static const uint32_t others[] = {0x2019, 0x201C, 0x201D, 0x00BB, 0x00AB, 0x2026, 0x3002,
        0x300D, 0x300F, 0x3011, 0xFF01, 0xFF1F, 0xFF09, 0x06D4, 0x061F, 0x0964};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (character == others[i])
            return true;
    return character < 0x80 && strchr(".!?)]}>\"'`*_~|\r\n", (int)character) != NULL;
}

static size_t count_of(amphi_str text, amphi_str mark)
{
    size_t count = 0;
    for (size_t at; (at = amphi__str_find(text, mark)) != SIZE_MAX; count++)
        text = amphi__str_slice(text, at + mark.size, text.size);
    return count;
}

/* A code fence, or in the last line a span of code or of bold text. */
static bool has_open_markup(amphi_str text)
{
    if (count_of(text, AMPHI_STR("```")) % 2 == 1)
        return true;
    size_t line = text.size;
    while (line > 0 && text.data[line - 1] != '\n')
        line--;
    text = amphi__str_slice(text, line, text.size);
    size_t ticks = count_of(text, AMPHI_STR("`")) + count_of(text, AMPHI_STR("```"));
    return count_of(text, AMPHI_STR("**")) % 2 == 1 || ticks % 2 == 1;
}

bool amphi__healing_stops_inside(amphi_str text)
{
    amphi_str trimmed = text;
    while (trimmed.size > 0 && strchr(" \t", trimmed.data[trimmed.size - 1]) != NULL)
        trimmed.size--;
    return trimmed.size > 0 && (!closes(last_character(trimmed)) || has_open_markup(trimmed));
}
