/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate. Two texts pass when their gists are the same tokens in the same order; for all others
 * the reason says in what they differ first.
 */
#include "sdk/near/near.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"
#include "sdk/near/bigrams.h"
#include "sdk/near/gist.h"
#include "sdk/near/words.h"

static bool is_capitalized(const amphi_near_list *list, size_t i)
{
    return i > 0 && i < list->count && list->tokens[i].shape == AMPHI_NEAR_SHAPE_TITLE;
}

/* "eiffel tower" in a text in small letters, or "EIFFEL TOWER" in one in capitals, against "Eiffel
 * Tower". One capital alone is kept: Risk is a game, Frozen a film. */
static bool says_nothing_of_case(
    const amphi_near_list *plain_list, const amphi_near_list *other_list, size_t i)
{
    const amphi_near_token *plain = &plain_list->tokens[i];
    const amphi_near_token *other = &other_list->tokens[i];
    bool is_in_name = other->shape == AMPHI_NEAR_SHAPE_TITLE &&
                      (is_capitalized(other_list, i + 1) || is_capitalized(other_list, i - 1));
    bool is_brand = other->shape == AMPHI_NEAR_SHAPE_MIXED && other->text.size >= 5;
    return plain->without_case && plain->folds && (is_in_name || is_brand) &&
           plain->text.size > 1 && (plain->flags & (AMPHI_WORD_CASE | AMPHI_WORD_UNIT)) == 0;
}

static bool same_case(const amphi_near_list *a_list, const amphi_near_list *b_list, size_t i)
{
    const amphi_near_token *a = &a_list->tokens[i];
    const amphi_near_token *b = &b_list->tokens[i];
    amphi_str a_text = a->folds ? a->lower : a->text;
    amphi_str b_text = b->folds ? b->lower : b->text;
    return amphi__str_equal(a_text, b_text) || says_nothing_of_case(a_list, b_list, i) ||
           says_nothing_of_case(b_list, a_list, i);
}

/* A blank before a token parts words and marks ("re-sign", "re sign"), but says nothing at a text's
 * beginning, beside a Han character, and between a number and its unit. */
static bool same_blank(const amphi_near_list *a, const amphi_near_list *b, size_t i)
{
    if (i == 0 || a->tokens[i].blank_before == b->tokens[i].blank_before)
        return true;
    const amphi_near_token *token = &a->tokens[i];
    const amphi_near_token *before = &a->tokens[i - 1];
    bool is_han = token->kind == AMPHI_NEAR_KIND_HAN;
    bool was_han = before->kind == AMPHI_NEAR_KIND_HAN;
    return is_han != was_han ||
           (before->kind == AMPHI_NEAR_KIND_NUMBER && (token->flags & AMPHI_WORD_LOOSE_UNIT) != 0);
}

static bool same_words(const amphi_near_list *a, const amphi_near_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->tokens[i].kind == b->tokens[i].kind &&
               amphi__str_equal(a->tokens[i].lower, b->tokens[i].lower);
    return same;
}

/* ---- why not ---- */

static size_t count_of(const amphi_near_list *list, amphi_str word)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += amphi__str_equal(list->tokens[i].lower, word);
    return count;
}

static bool is_name(const amphi_near_token *token)
{
    return (token->flags & AMPHI_WORD_NAME) != 0 ||
           (token->shape != AMPHI_NEAR_SHAPE_LOWER && token->shape != AMPHI_NEAR_SHAPE_NONE &&
               !token->folds);
}

static amphi_near_reason kind_of_difference(const amphi_near_token *token)
{
    static const struct {
        uint32_t flags;
        amphi_near_reason reason;
    } kinds[] = {{AMPHI_WORD_NUMBER, AMPHI_NEAR_NUMBER}, {AMPHI_WORD_NEGATION, AMPHI_NEAR_NEGATION},
        {AMPHI_WORD_QUESTION, AMPHI_NEAR_QUESTION_WORD}, {AMPHI_WORD_UNIT, AMPHI_NEAR_UNIT},
        {AMPHI_WORD_TIME, AMPHI_NEAR_TIME}, {AMPHI_WORD_QUANTITY, AMPHI_NEAR_QUANTITY},
        {AMPHI_WORD_COMPARISON, AMPHI_NEAR_COMPARISON}};
    if (token->kind == AMPHI_NEAR_KIND_NUMBER)
        return AMPHI_NEAR_NUMBER;
    if (token->kind == AMPHI_NEAR_KIND_MARK)
        return AMPHI_NEAR_PUNCTUATION;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if ((token->flags & kinds[i].flags) != 0)
            return kinds[i].reason;
    return is_name(token) ? AMPHI_NEAR_NAME : AMPHI_NEAR_WORDS;
}

/* The reason that stands first in the enum among the words that one has and the other lacks. */
static amphi_near_reason first_difference(
    const amphi_near_list *a, const amphi_near_list *b, amphi_near_reason found)
{
    for (size_t i = 0; i < a->count; i++) {
        const amphi_near_token *token = &a->tokens[i];
        if (count_of(a, token->lower) == count_of(b, token->lower))
            continue;
        amphi_near_reason reason = kind_of_difference(token);
        found = reason < found ? reason : found;
    }
    return found;
}

static amphi_near_reason judge_words(const amphi_near_list *a, const amphi_near_list *b)
{
    if (!same_words(a, b)) {
        amphi_near_reason found = first_difference(a, b, AMPHI_NEAR_ORDER);
        return first_difference(b, a, found);
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!same_case(a, b, i))
            return AMPHI_NEAR_CASE;
        if (!same_blank(a, b, i))
            return AMPHI_NEAR_WORDS;
    }
    return AMPHI_NEAR_SAME_WORDS;
}

static amphi_status judge(amphi_near_reason *out, amphi_str a, amphi_str b)
{
    amphi_near_reading *readings = amphi__calloc(2, sizeof *readings);
    if (readings == NULL)
        return AMPHI_E_NO_MEMORY;
    amphi_status status = amphi__near_read(&readings[0], a);
    if (status == AMPHI_OK)
        status = amphi__near_read(&readings[1], b);
    if (status == AMPHI_OK && (readings[0].is_long || readings[1].is_long))
        *out = AMPHI_NEAR_TOO_LONG;
    else if (status == AMPHI_OK &&
             (readings[0].freedom != AMPHI_NEAR_FREE || readings[1].freedom != AMPHI_NEAR_FREE))
        *out = AMPHI_NEAR_VERBATIM;
    else if (status == AMPHI_OK) {
        amphi__near_gist(&readings[0]);
        amphi__near_gist(&readings[1]);
        *out = judge_words(&readings[0].list, &readings[1].list);
    }
    amphi__near_reading_clear(&readings[0]);
    amphi__near_reading_clear(&readings[1]);
    amphi__free(readings);
    return status;
}

amphi_status amphi__near_compare(amphi_near_verdict *out, amphi_str a, amphi_str b)
{
    amphi_buf a_fold;
    amphi_buf b_fold;
    memset(out, 0, sizeof *out);
    amphi__buf_init(&a_fold, 0);
    amphi__buf_init(&b_fold, 0);
    amphi_status status = amphi__near_fold(&a_fold, a);
    if (status == AMPHI_OK)
        status = amphi__near_fold(&b_fold, b);
    if (status == AMPHI_OK)
        status =
            amphi__bigrams_jaccard(&out->score, amphi__buf_str(&a_fold), amphi__buf_str(&b_fold));
    if (status == AMPHI_OK && !amphi__str_equal(amphi__buf_str(&a_fold), amphi__buf_str(&b_fold)))
        status = judge(&out->reason, a, b);
    out->is_hit = status == AMPHI_OK && out->reason <= AMPHI_NEAR_SAME_WORDS;
    amphi__buf_wipe(&a_fold);
    amphi__buf_wipe(&b_fold);
    return status;
}

const char *amphi__near_reason_text(amphi_near_reason reason)
{
    static const char *const texts[] = {"the same but for case, blanks and final punctuation",
        "the same words in the same order", "code, a quotation, or about words: nothing is near it",
        "too long", "numbers differ", "a negation differs", "the question word differs",
        "units differ", "times differ", "quantities differ", "a comparison differs", "names differ",
        "words differ", "punctuation differs", "the order differs", "capitals differ"};
    size_t i = (size_t)reason;
    return i < sizeof texts / sizeof texts[0] ? texts[i] : "unknown";
}
