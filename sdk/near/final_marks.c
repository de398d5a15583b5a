/* SPDX-License-Identifier: Apache-2.0
 *
 * Punctuation at the end of a text. A full stop says nothing; a question mark says nothing where
 * the words ask already; an exclamation mark says nothing behind a plain word ("5!" is 120, and
 * "Yahoo!" a company). Marks that a blank parts from the word are kept: "cd ." has an argument.
 */
#include "sdk/near/reading.h"

#include "sdk/core/str.h"
#include "sdk/near/rewrite.h"
#include "sdk/near/words.h"

static bool is_mark(const amphi_near_token *token, const char *narrow, const char *wide)
{
    return token->kind == AMPHI_NEAR_KIND_MARK &&
           (amphi__str_equal_c(token->text, narrow) || amphi__str_equal_c(token->text, wide));
}

static bool asks_in_words(const amphi_near_list *list, amphi_near_language language)
{
    static const char *const chinese[] = {"什么", "谁", "哪", "几", "多少", "怎么", "怎样", "如何",
        "为何", "吗", "呢", "是否", "何时", "是不是", "有没有", "多高", "多大", "多远", "多长",
        "多久", "多重", "啥"};
    if (language == AMPHI_NEAR_CHINESE) {
        for (size_t i = 0; i < sizeof chinese / sizeof chinese[0]; i++)
            if (amphi__near_find(list, 0, chinese[i]) < list->count)
                return true;
        return false;
    }
    if (list->count == 0)
        return false;
    uint32_t first = list->tokens[0].flags;
    if (language == AMPHI_NEAR_ENGLISH)
        return (first & (AMPHI_WORD_QUESTION | AMPHI_WORD_AUXILIARY | AMPHI_WORD_REQUEST)) != 0;
    return (first & AMPHI_WORD_OPENER) != 0;
}

/* A word whose capitals say nothing, or Han: what no mark is part of. */
static bool is_plain_word(const amphi_near_token *token)
{
    return token->kind == AMPHI_NEAR_KIND_HAN ||
           (token->kind == AMPHI_NEAR_KIND_WORD && token->text.size > 1 && token->folds);
}

void amphi__near_drop_final_marks(amphi_near_list *list, amphi_near_language language)
{
    while (list->count >= 2) {
        const amphi_near_token *last = &list->tokens[list->count - 1];
        const amphi_near_token *before = last - 1;
        bool is_question = is_mark(last, "?", "？");
        bool after_question = is_mark(before, "?", "？");
        if (last->blank_before)
            return;
        if (is_question && after_question)
            list->count--;
        else if (is_question && before->kind != AMPHI_NEAR_KIND_MARK) {
            if (!asks_in_words(list, language))
                return;
            list->count--;
        } else if (is_question && (is_mark(before, "!", "！") || is_mark(before, ")", "）")) &&
                   asks_in_words(list, language))
            list->count--;
        else if (is_mark(last, "!", "！") &&
                 (after_question || is_mark(before, "!", "！") || is_plain_word(before)))
            list->count--;
        else if (is_mark(last, ".", "。") && before->kind != AMPHI_NEAR_KIND_MARK)
            list->count--;
        else
            return;
    }
}
