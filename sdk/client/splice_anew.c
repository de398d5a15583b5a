/* SPDX-License-Identifier: Apache-2.0
 *
 * "Dredgers keep the" goes on with "channel deep", not with "in chess, castling moves". A small
 * logistic model over the words at the seam tells a rest from a new answer in small letters: which
 * words follow each other, which begin a sentence, and how long the sentence becomes. Trained on
 * sentences in nine languages (tests/seams/train_anew.py); of seams that it has not seen it takes
 * 83 % for what they are, so it only counts together with words that were said before.
 */
#include "sdk/client/splice_judge.h"
#include "sdk/client/splice_weights.h"
#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

#include <string.h>

enum {
    LETTERS_MAX = 64, /* of a piece */
    WORDS_MAX = 24,   /* of the new text that are read */
    LEFT_MAX = 20,    /* words of the sentence before that are counted */
    LEFT_BYTES = 1024 /* of it */
};

/* The pieces that features are made of. B and C begin with a mark, as A, D, E and G do. */
enum {
    PIECE_A, /* the last word but one of the sentence that was cut */
    PIECE_B, /* its last word, with the mark behind it */
    PIECE_C, /* the first three words that came */
    PIECE_D,
    PIECE_E,
    PIECE_F, /* the first with the mark behind it */
    PIECE_G, /* B and C as one word */
    PIECE_H, /* counts: of words to the end of the new sentence */
    PIECE_I, /* of its clause */
    PIECE_J, /* and of the sentence that was cut */
    PIECES
};

typedef struct letters {
    uint32_t at[LETTERS_MAX];
    size_t count;
} letters;

/* Pieces by their letter; a number behind one: so many of its last letters, in front: of its first.
 * train_anew.py has the same. */
static const char *const shared_features[] = {"", "B8", "C", "D", "B C", "B C3", "B3 C", "B2 C2",
    "C D", "C D3", "C2 D2", "F", "A B C", "3C", "C3", "A3 B3 C3", "D E", "B1", "H", "J H", "I",
    "J C", "D3 E3", "E", NULL};
/* Where letters meet. */
static const char *const joined_features[] = {"G", "B3 3C", "B2 2C", "B1 2C", "B2 1C", "B4 1C",
    "B3 2C", "B4 3C", "2C", "4C", "G6", "6G", NULL};

static void put(letters *out, uint32_t c)
{
    if (out->count < LETTERS_MAX)
        out->at[out->count++] = amphi__unicode_to_lower(c);
}

static void put_text(letters *out, amphi_str text)
{
    size_t at = 0;
    while (at < text.size) {
        uint32_t c = 0;
        size_t size = amphi__utf8_decode(amphi__str_slice(text, at, text.size), &c);
        if (size == 0)
            break;
        put(out, c);
        at += size;
    }
}

static void put_count(letters *out, size_t count)
{
    put(out, '0' + (uint32_t)(count < 6 ? count : count / 3 + 4));
}

/* ---- The pieces ------------------------------------------------------------------------------ */

static bool is_gap(amphi_str text, size_t at)
{
    return at >= text.size || strchr(" \t\r\n", text.data[at]) != NULL;
}

/* A full stop, question or exclamation mark with a blank or the end behind it, or a line's end. */
static bool has_end(amphi_str text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (text.data[i] == '\n' || (strchr(".!?", text.data[i]) != NULL && is_gap(text, i + 1)))
            return true;
    return false;
}

static bool has_clause_mark(amphi_str text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (strchr(",;:", text.data[i]) != NULL)
            return true;
    return false;
}

static void read_left(letters *pieces, amphi_str before)
{
    size_t from = before.size > LEFT_BYTES ? before.size - LEFT_BYTES : 0;
    amphi_str text = amphi__str_slice(before, from, before.size);
    amphi_str last[2] = {{NULL, 0}, {NULL, 0}};
    amphi_splice_word word;
    size_t offset = 0;
    size_t count = 0;
    for (size_t begin = 0; amphi__splice_word_next(text, &offset, &word); begin = offset) {
        if (has_end(text, begin, (size_t)(word.text.data - text.data)))
            count = 0;
        last[0] = count > 0 ? last[1] : amphi_str_make(NULL, 0);
        last[1] = word.text;
        count++;
    }
    if (count == 0)
        put(&pieces[PIECE_B], '^');
    put_text(&pieces[PIECE_A], last[0]);
    put_text(&pieces[PIECE_B], last[1]);
    pieces[PIECE_G] = pieces[PIECE_B];
    uint32_t mark = amphi__splice_last_char(before);
    if (before.size > 0 && !amphi__splice_is_word_char(mark))
        put(&pieces[PIECE_B], mark);
    put_count(&pieces[PIECE_J], count < LEFT_MAX ? count : LEFT_MAX);
}

/* The character between the first word and the second, blanks aside. */
static void put_mark(letters *out, amphi_str text, size_t from, size_t to)
{
    amphi_str gap = amphi__str_slice(text, from, to);
    size_t blanks = amphi__splice_blanks(gap);
    if (blanks < gap.size)
        put(out, amphi__splice_first_char(amphi__str_slice(gap, blanks, gap.size)));
}

static void read_right(letters *pieces, amphi_str text)
{
    amphi_splice_word word;
    size_t offset = 0;
    size_t count = 0;
    size_t to_end = 0;
    size_t to_clause = 0;
    for (size_t begin = 0; count < WORDS_MAX && amphi__splice_word_next(text, &offset, &word);
         begin = offset, count++) {
        size_t first = (size_t)(word.text.data - text.data);
        if (count == 1)
            put_mark(&pieces[PIECE_F], text, begin, first);
        if (to_end == 0 && count > 0 && has_end(text, begin, first))
            to_end = count;
        if (to_clause == 0 && count > 0 && has_clause_mark(text, begin, first))
            to_clause = count;
        if (count < 3)
            put_text(&pieces[PIECE_C + count], word.text);
        if (count == 0)
            put_text(&pieces[PIECE_F], word.text);
    }
    for (size_t i = count; i < 3; i++)
        put(&pieces[PIECE_C + i], '$');
    if (count < 2)
        put(&pieces[PIECE_F], '$');
    if (to_end == 0 && has_end(text, offset, text.size))
        to_end = count;
    if (to_clause == 0 && has_clause_mark(text, offset, text.size))
        to_clause = count;
    put_count(&pieces[PIECE_H], to_end > 0 ? to_end : WORDS_MAX + 1);
    put_count(&pieces[PIECE_I], to_clause > 0 ? to_clause : WORDS_MAX + 1);
}

/* ---- The score ------------------------------------------------------------------------------- */

static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = amphi__splice_hash_byte(hash, *text);
    return hash;
}

static int weight_of(char kind, const char *feature, const letters *pieces)
{
    uint32_t hash = hash_text(amphi__splice_hash_tag(kind), feature);
    size_t first = 0;
    for (const char *c = feature; *c != '\0'; c++) {
        if (*c >= '1' && *c <= '9')
            first = (size_t)(*c - '0');
        if (*c < 'A')
            continue;
        const letters *piece = &pieces[*c - 'A'];
        size_t last = c[1] >= '1' && c[1] <= '9' ? (size_t)(c[1] - '0') : piece->count;
        size_t size = first > 0 ? first : last;
        size = size < piece->count ? size : piece->count;
        hash = amphi__splice_hash_letters(amphi__splice_hash_byte(hash, '|'),
            first > 0 ? piece->at : piece->at + piece->count - size, size);
        first = 0;
        c += c[1] >= '1' && c[1] <= '9';
    }
    return amphi__splice_weight(amphi__splice_anew_weights, hash);
}

int amphi__seam_anew_score(amphi_str before, amphi_str after, bool letters_meet)
{
    letters pieces[PIECES];
    int score = 0;
    memset(pieces, 0, sizeof pieces);
    for (int i = PIECE_A; i <= PIECE_E; i++)
        put(&pieces[i], '^');
    read_left(pieces, before);
    read_right(pieces, after);
    for (size_t i = 1; i < pieces[PIECE_C].count; i++)
        put(&pieces[PIECE_G], pieces[PIECE_C].at[i]);
    char kind = letters_meet ? 'l' : 'g';
    for (size_t i = 0; shared_features[i] != NULL; i++)
        score += weight_of(kind, shared_features[i], pieces);
    for (size_t i = 0; letters_meet && joined_features[i] != NULL; i++)
        score += weight_of(kind, joined_features[i], pieces);
    return score;
}
