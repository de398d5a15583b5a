/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns are walked word by word beside the tokens; nothing is compiled, the lists are short.
 */
#include "sdk/near/rewrite.h"

#include "sdk/core/str.h"
#include "sdk/near/words.h"

/* The next word of a pattern: up to a blank, or one character where that is not ASCII. */
static amphi_str next_word(const char **pattern)
{
    const char *begin = *pattern;
    while (*begin == ' ')
        begin++;
    const char *end = begin;
    if ((unsigned char)*end >= 0x80) {
        end++;
        while (((unsigned char)*end & 0xC0) == 0x80)
            end++;
    } else
        while (*end != '\0' && *end != ' ' && (unsigned char)*end < 0x80)
            end++;
    *pattern = end;
    return amphi_str_make(begin, (size_t)(end - begin));
}

size_t amphi__near_match(const amphi_near_list *list, size_t at, const char *pattern)
{
    size_t count = 0;
    for (amphi_str word = next_word(&pattern); word.size > 0; word = next_word(&pattern)) {
        if (at + count >= list->count || !amphi__str_equal(list->tokens[at + count].lower, word))
            return 0;
        count++;
    }
    return count;
}

size_t amphi__near_find(const amphi_near_list *list, size_t at, const char *pattern)
{
    while (at < list->count && amphi__near_match(list, at, pattern) == 0)
        at++;
    return at;
}

size_t amphi__near_ends_with(const amphi_near_list *list, const char *pattern)
{
    const char *rest = pattern;
    size_t count = 0;
    while (next_word(&rest).size > 0)
        count++;
    return count <= list->count ? amphi__near_match(list, list->count - count, pattern) : 0;
}

static amphi_near_token token_of(amphi_str word)
{
    bool is_mark = word.size == 1 && !((word.data[0] >= 'a' && word.data[0] <= 'z') ||
                                         (word.data[0] >= '0' && word.data[0] <= '9'));
    amphi_near_kind kind = is_mark ? AMPHI_NEAR_KIND_MARK : AMPHI_NEAR_KIND_WORD;
    if ((unsigned char)word.data[0] >= 0x80)
        kind = AMPHI_NEAR_KIND_HAN;
    return (amphi_near_token){.text = word,
        .lower = word,
        .flags = amphi__near_word(word),
        .kind = kind,
        .shape = kind == AMPHI_NEAR_KIND_WORD ? AMPHI_NEAR_SHAPE_LOWER : AMPHI_NEAR_SHAPE_NONE,
        .blank_before = kind == AMPHI_NEAR_KIND_WORD,
        .folds = true};
}

bool amphi__near_replace(amphi_near_list *list, size_t at, size_t count, const char *replacement)
{
    amphi_near_token fresh[16];
    size_t fresh_count = 0;
    for (amphi_str word = next_word(&replacement); word.size > 0; word = next_word(&replacement)) {
        if (fresh_count == sizeof fresh / sizeof fresh[0])
            return false;
        fresh[fresh_count++] = token_of(word);
    }
    if (list->count - count + fresh_count > AMPHI_NEAR_TOKENS_MAX)
        return false;
    memmove(&list->tokens[at + fresh_count], &list->tokens[at + count],
        (list->count - at - count) * sizeof list->tokens[0]);
    memcpy(&list->tokens[at], fresh, fresh_count * sizeof fresh[0]);
    list->count = list->count - count + fresh_count;
    return true;
}

void amphi__near_remove(amphi_near_list *list, size_t at, size_t count)
{
    (void)amphi__near_replace(list, at, count, "");
}

bool amphi__near_has(const amphi_near_list *list, size_t at, uint32_t flags)
{
    return at < list->count && (list->tokens[at].flags & flags) != 0;
}
