/* SPDX-License-Identifier: Apache-2.0
 *
 * "ferr" and "ies" are one word, "ferries" and "stop" are two between which a server has lost the
 * blank. A small logistic model over the letters at the joint decides: which beginnings and ends of
 * words are common, and which letters follow each other inside of one. Trained on word lists of ten
 * languages (tests/seams/train_blanks.py); of cuts that it has not seen it takes 91 % for what they
 * are, so only a clear score counts.
 */
#include "sdk/client/splice_judge.h"

#include "sdk/client/splice_weights.h"
#include "sdk/core/str.h"
#include "sdk/core/unicode.h"

#include <stdio.h>

enum {
    LETTERS_MAX = 12, /* of each piece that are looked at */
    MARKED_MAX = LETTERS_MAX + 1,
    AFFIX_MAX = 6
};

/* Letters in lower case, with a mark where the word begins or ends. */
typedef struct piece {
    uint32_t letters[MARKED_MAX];
    size_t count;
} piece;

static int weight_of(uint32_t hash)
{
    return amphi__splice_weight(amphi__splice_blank_weights, hash);
}

static size_t read_letters(amphi_str text, uint32_t *out, size_t most)
{
    size_t at = 0;
    size_t count = 0;
    while (at < text.size && count < most) {
        uint32_t c = 0;
        size_t size = amphi__utf8_decode(amphi__str_slice(text, at, text.size), &c);
        if (size == 0)
            break;
        out[count++] = amphi__unicode_to_lower(c);
        at += size;
    }
    return count;
}

/* Its last letters, behind a mark when it is whole. */
static void read_left(piece *out, amphi_str text)
{
    uint32_t letters[64];
    size_t count = read_letters(text, letters, sizeof letters / sizeof *letters);
    size_t from = count > LETTERS_MAX ? count - LETTERS_MAX : 0;
    out->letters[0] = '^';
    out->count = 1 + count - from;
    memcpy(out->letters + 1, letters + from, (count - from) * sizeof *letters);
}

static void read_right(piece *out, amphi_str text)
{
    out->count = read_letters(text, out->letters, LETTERS_MAX);
    out->letters[out->count++] = '$';
}

static int joint(const piece *left, const piece *right, size_t a, size_t b)
{
    a = a < left->count ? a : left->count;
    b = b < right->count ? b : right->count;
    uint32_t hash =
        amphi__splice_hash_letters(amphi__splice_hash_tag('c'), left->letters + left->count - a, a);
    return weight_of(
        amphi__splice_hash_letters(amphi__splice_hash_byte(hash, '|'), right->letters, b));
}

static int lengths(const piece *left, const piece *right)
{
    char text[8];
    size_t a = left->count - 1;
    size_t b = right->count - 1;
    uint32_t hash = amphi__splice_hash_tag('j');
    snprintf(
        text, sizeof text, "%c|%c", (char)('0' + (a < 9 ? a : 9)), (char)('0' + (b < 9 ? b : 9)));
    for (const char *c = text; *c != '\0'; c++)
        hash = amphi__splice_hash_byte(hash, *c);
    return weight_of(hash);
}

int amphi__seam_blank_score(amphi_str left_text, amphi_str right_text)
{
    static const size_t joints[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {3, 2}, {2, 3}, {3, 3}};
    piece left;
    piece right;
    int score = 0;
    read_left(&left, left_text);
    read_right(&right, right_text);
    if (left.count < 2 || right.count < 2)
        return 0;
    for (size_t k = 1; k <= AFFIX_MAX && k <= left.count; k++)
        score += weight_of(amphi__splice_hash_letters(
            amphi__splice_hash_tag('a'), left.letters + left.count - k, k));
    for (size_t k = 1; k <= AFFIX_MAX && k <= right.count; k++)
        score +=
            weight_of(amphi__splice_hash_letters(amphi__splice_hash_tag('b'), right.letters, k));
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++)
        score += joint(&left, &right, joints[i][0], joints[i][1]);
    score += weight_of(
        amphi__splice_hash_letters(amphi__splice_hash_tag('h'), left.letters + 1, left.count - 1));
    score += weight_of(
        amphi__splice_hash_letters(amphi__splice_hash_tag('i'), right.letters, right.count - 1));
    return score + lengths(&left, &right);
}
