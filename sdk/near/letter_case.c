/* SPDX-License-Identifier: Apache-2.0
 *
 * Which capitals say something. "What Is The Capital Of France" and "what is the capital of france"
 * are one question; "Polish" and "polish", "US" and "us", "5 MW" and "5 mW" are two things. A
 * capital is folded where its place asks for it (the first word), where the word is a function word
 * or a name and nothing else, or where the text is written in capitals anyway. What remains is
 * kept.
 */
#include "sdk/near/reading.h"

#include "sdk/core/str.h"
#include "sdk/near/words.h"

/* How a whole text is written. */
typedef struct text_case {
    bool all_lower;
    bool all_upper;    /* two words or more */
    bool all_title;    /* "How Do Volcanoes Erupt": at most words like "of" have none */
    bool has_own_case; /* Turkish: I is not the capital of i */
} text_case;

static bool has_turkish_letter(amphi_str word)
{
    return amphi__str_find(word, AMPHI_STR("\xc4\xb1")) != SIZE_MAX || /* dotless i */
           amphi__str_find(word, AMPHI_STR("\xc4\xb0")) != SIZE_MAX || /* I with a dot */
           amphi__str_find(word, AMPHI_STR("\xc4\x9f")) != SIZE_MAX;   /* g with a breve */
}

static bool begins_sentence(const amphi_near_list *list, size_t i)
{
    if (i == 0)
        return true;
    const amphi_near_token *before = &list->tokens[i - 1];
    return before->kind == AMPHI_NEAR_KIND_MARK && list->tokens[i].blank_before &&
           (amphi__str_equal_c(before->text, ".") || amphi__str_equal_c(before->text, "!") ||
               amphi__str_equal_c(before->text, "?"));
}

/* Small also in titles. */
static bool is_small_in_titles(amphi_str word)
{
    static const char *const words[] = {"a", "an", "the", "of", "in", "on", "to", "and", "or",
        "for", "at", "by", "with", "from", "vs"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (amphi__str_equal_c(word, words[i]))
            return true;
    return false;
}

static text_case case_of_text(const amphi_near_list *list)
{
    text_case found = {.all_lower = true};
    size_t upper = 0;
    size_t lower = 0;
    size_t title_function = 0;
    size_t small = 0;
    for (size_t i = 0; i < list->count; i++) {
        const amphi_near_token *token = &list->tokens[i];
        if (token->kind != AMPHI_NEAR_KIND_WORD || token->shape == AMPHI_NEAR_SHAPE_NONE)
            continue;
        bool is_lower = token->shape == AMPHI_NEAR_SHAPE_LOWER;
        bool is_title = token->shape == AMPHI_NEAR_SHAPE_TITLE;
        found.all_lower = found.all_lower && is_lower;
        found.has_own_case = found.has_own_case || has_turkish_letter(token->text);
        upper += token->shape == AMPHI_NEAR_SHAPE_UPPER;
        lower += !(token->shape == AMPHI_NEAR_SHAPE_UPPER || (is_title && token->text.size == 1));
        small += is_lower && !is_small_in_titles(token->lower);
        title_function += is_title && token->text.size > 1 && !begins_sentence(list, i) &&
                          (token->flags & AMPHI_WORD_FUNCTION) != 0 &&
                          (token->flags & AMPHI_WORD_CASE) == 0;
    }
    found.all_upper = upper > 1 && lower == 0;
    found.all_title = title_function > 0 && small == 0;
    return found;
}

/* "I" beside a word that makes it the pronoun, not a numeral or a current. */
static bool is_pronoun(const amphi_near_list *list, size_t i)
{
    return (i > 0 && (list->tokens[i - 1].flags & AMPHI_WORD_WITH_I) != 0) ||
           (i + 1 < list->count && (list->tokens[i + 1].flags & AMPHI_WORD_WITH_I) != 0);
}

/* A one-letter word that stands apart: "a", "I". */
static bool single_letter_folds(const amphi_near_list *list, size_t i, const text_case *text)
{
    const amphi_near_token *token = &list->tokens[i];
    if (amphi__str_equal_c(token->lower, "i"))
        return is_pronoun(list, i);
    return amphi__str_equal_c(token->lower, "a") &&
           (i == 0 || text->all_upper || text->all_title) && i + 1 < list->count &&
           list->tokens[i + 1].blank_before;
}

static bool upper_folds(const amphi_near_list *list, size_t i, const text_case *text)
{
    const amphi_near_token *token = &list->tokens[i];
    bool is_function = (token->flags & AMPHI_WORD_FUNCTION) != 0;
    if (i == 0 && text->all_upper && (token->flags & AMPHI_WORD_QUESTION) != 0)
        return true;
    if ((token->flags & AMPHI_WORD_CASE) != 0)
        return false;
    if ((token->flags & AMPHI_WORD_ACRONYM) != 0)
        return true;
    return text->all_upper && (is_function || token->text.size > 3);
}

static bool title_folds(
    const amphi_near_list *list, size_t i, const text_case *text, amphi_near_language language)
{
    const amphi_near_token *token = &list->tokens[i];
    bool is_function = (token->flags & AMPHI_WORD_FUNCTION) != 0;
    bool has_two_meanings = (token->flags & AMPHI_WORD_CASE) != 0;
    if (begins_sentence(list, i) && language == AMPHI_NEAR_ENGLISH)
        return !has_two_meanings || is_function;
    if (begins_sentence(list, i))
        return (token->flags & AMPHI_WORD_OPENER) != 0;
    if (language != AMPHI_NEAR_ENGLISH || has_two_meanings)
        return false;
    return is_function || (token->flags & AMPHI_WORD_NAME) != 0 || text->all_title;
}

static bool folds(
    const amphi_near_list *list, size_t i, const text_case *text, amphi_near_language language)
{
    const amphi_near_token *token = &list->tokens[i];
    bool is_glued = i > 0 && !token->blank_before;
    bool follows_number = i > 0 && list->tokens[i - 1].kind == AMPHI_NEAR_KIND_NUMBER;
    if (token->shape == AMPHI_NEAR_SHAPE_LOWER || token->shape == AMPHI_NEAR_SHAPE_NONE)
        return true;
    /* What stands behind a number may be a unit, what is glued to a mark part of a name. */
    if (text->has_own_case || token->shape == AMPHI_NEAR_SHAPE_MIXED || is_glued ||
        (follows_number && token->text.size <= 3))
        return false;
    if (token->text.size == 1)
        return language == AMPHI_NEAR_ENGLISH && single_letter_folds(list, i, text);
    if (token->shape == AMPHI_NEAR_SHAPE_UPPER)
        return language == AMPHI_NEAR_ENGLISH && upper_folds(list, i, text);
    return title_folds(list, i, text, language);
}

void amphi__near_read_case(amphi_near_reading *reading)
{
    amphi_near_list *list = &reading->list;
    const text_case text = case_of_text(list);
    for (size_t i = 0; i < list->count; i++) {
        list->tokens[i].without_case = text.all_lower || text.all_upper;
        list->tokens[i].folds = folds(list, i, &text, reading->language);
    }
}
