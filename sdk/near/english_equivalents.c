/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of a question that ask the same.
 */
#include "sdk/near/english.h"

#include "sdk/core/str.h"
#include "sdk/near/rewrite.h"
#include "sdk/near/words.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_copula(const amphi_near_list *list, size_t at)
{
    return amphi__near_match(list, at, "is") || amphi__near_match(list, at, "are") ||
           amphi__near_match(list, at, "was") || amphi__near_match(list, at, "were");
}

static bool begins_clause(const amphi_near_list *list, size_t at)
{
    return amphi__near_has(list, at, AMPHI_WORD_QUESTION) || amphi__near_match(list, at, "that") ||
           amphi__near_match(list, at, "if");
}

/* Where the only copula of a text without a second clause stands; 0: there is none, or more. */
static size_t only_copula(const amphi_near_list *list)
{
    size_t found = 0;
    for (size_t i = 1; i < list->count; i++) {
        if (begins_clause(list, i) || (found > 0 && is_copula(list, i)))
            return 0;
        found = is_copula(list, i) ? i : found;
    }
    return found;
}

/* "what the capital of France is" -> "what is the capital of France". */
static void put_copula_in_front(amphi_near_list *list)
{
    static const char *const degrees[] = {"how old", "how tall", "how far", "how long", "how big",
        "how high", "how deep", "how heavy", "how large", "how fast", "what time"};
    size_t from = only_copula(list);
    size_t to = 1;
    for (size_t i = 0; i < COUNT(degrees); i++)
        if (amphi__near_match(list, 0, degrees[i]) > 0)
            to = 2;
    /* "tell me when you are done" asks to be called, not for a time. */
    bool is_present = amphi__near_match(list, from, "is") || amphi__near_match(list, from, "are");
    if (from <= to || (amphi__near_match(list, 0, "when") && is_present))
        return;
    amphi_near_token copula = list->tokens[from];
    memmove(&list->tokens[to + 1], &list->tokens[to], (from - to) * sizeof list->tokens[0]);
    list->tokens[to] = copula;
}

/* "how I can remove it" -> "how can I remove it". */
static void put_modal_in_front(amphi_near_list *list)
{
    static const char *const modals[] = {"can", "could", "should", "would"};
    for (size_t i = 0; i < COUNT(modals); i++)
        if (amphi__near_has(list, 0, AMPHI_WORD_QUESTION) && amphi__near_match(list, 1, "i") &&
            amphi__near_match(list, 2, modals[i])) {
            amphi_near_token pronoun = list->tokens[1];
            list->tokens[1] = list->tokens[2];
            list->tokens[2] = pronoun;
            return;
        }
}

/* "how photosynthesis works" -> "how does photosynthesis work". */
static void put_does_in_front(amphi_near_list *list)
{
    static const struct {
        const char *from;
        const char *to;
    } verbs[] = {{"works", "work"}, {"happens", "happen"}, {"forms", "form"}, {"occurs", "occur"},
        {"functions", "function"}};
    if (list->count < 3 || !amphi__near_match(list, 0, "how") ||
        amphi__near_has(list, 1, AMPHI_WORD_AUXILIARY) || amphi__near_match(list, 1, "to"))
        return;
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (amphi__near_ends_with(list, verbs[i].from)) {
            if (amphi__near_replace(list, list->count - 1, 1, verbs[i].to))
                (void)amphi__near_replace(list, 1, 0, "does");
            return;
        }
}

/* The ways to ask for a way. */
static void unify_how_to(amphi_near_list *list)
{
    static const char *const ways[] = {"how do i", "how can i", "how would i", "how could i",
        "how does one", "how can one", "how would one"};
    size_t size = amphi__near_match(list, 0, "how do you");
    if (size > 0 && amphi__near_has(list, size, AMPHI_WORD_HANDWORK)) {
        (void)amphi__near_replace(list, 0, size, "how to");
        return;
    }
    for (size_t i = 0; i < COUNT(ways); i++) {
        size = amphi__near_match(list, 0, ways[i]);
        if (size > 0 && amphi__near_has(list, size, AMPHI_WORD_ACTION) && list->count > size + 1)
            (void)amphi__near_replace(list, 0, size, "how to");
    }
}

/* What may stand before "the NOUN of Y"; *has_article. */
static size_t relation_frame(const amphi_near_list *list, bool *has_article)
{
    size_t size = amphi__near_match(list, 0, "what is");
    if (size == 0)
        size = amphi__near_match(list, 0, "tell me");
    if (size == 0)
        size = amphi__near_match(list, 0, "give me");
    *has_article = amphi__near_match(list, size, "the") > 0;
    return size + (*has_article ? 1 : 0);
}

/* "tell me the height of X" -> "what is the height of X"; for nouns that mean one thing without
 * their article also "what is population of X", "population of X". */
static void unify_relation(amphi_near_list *list)
{
    bool has_article = false;
    size_t size = relation_frame(list, &has_article);
    bool has_verb = size > (has_article ? 1u : 0u);
    bool is_plain = amphi__near_has(list, size, AMPHI_WORD_PLAIN_REL);
    bool is_relation = amphi__near_has(list, size, AMPHI_WORD_RELATION);
    if (!(is_plain || (is_relation && has_article && has_verb)) ||
        !amphi__near_match(list, size + 1, "of") || list->count < size + 3)
        return;
    for (size_t i = size + 2; i < list->count; i++)
        if (list->tokens[i].kind == AMPHI_NEAR_KIND_MARK ||
            amphi__near_has(list, i, AMPHI_WORD_AUXILIARY | AMPHI_WORD_QUESTION))
            return;
    (void)amphi__near_replace(list, 0, size, "what is the");
}

/* "what is France's capital" -> "what is the capital of France". */
static void unify_possessive(amphi_near_list *list)
{
    if (list->count != 4 || !amphi__near_match(list, 0, "what is") ||
        !amphi__near_has(list, 3, AMPHI_WORD_PLAIN_REL))
        return;
    amphi_near_token owner = list->tokens[2];
    amphi_near_token noun = list->tokens[3];
    if (owner.kind != AMPHI_NEAR_KIND_WORD || owner.lower.size < 4 ||
        !amphi__str_ends_with(owner.lower, AMPHI_STR("'s")))
        return;
    owner.lower.size -= 2;
    owner.text = owner.lower;
    owner.flags = amphi__near_word(owner.lower);
    owner.folds = true;
    if ((owner.flags & AMPHI_WORD_NAME) == 0 || !amphi__near_replace(list, 2, 2, "the x of x"))
        return;
    list->tokens[3] = noun;
    list->tokens[5] = owner;
}

typedef struct equivalent {
    const char *from;
    const char *to;
} equivalent;

/* At the beginning only. */
static const equivalent beginnings[] = {{"in what year", "what year"},
    {"in which year", "what year"}, {"which year", "what year"}, {"which country", "what country"},
    {"which city", "what city"}, {"which planet", "what planet"}, {"which animal", "what animal"},
    {"which language", "what language"}, {"which river", "what river"},
    {"which mountain", "what mountain"}, {"which ocean", "what ocean"},
    {"which continent", "what continent"}, {"which is the", "what is the"},
    {"what exactly is", "what is"}, {"what exactly are", "what are"}, {"how exactly do", "how do"},
    {"how exactly does", "how does"}, {"what actually is", "what is"},
    {"what kinds of", "what kind of"}, {"what sorts of", "what kind of"},
    {"what sort of", "what kind of"}, {"write me a", "write a"}, {"write me an", "write an"},
    {"best way to", "what is the best way to"}, {"the best way to", "what is the best way to"}};

static void unify_middle(amphi_near_list *list)
{
    size_t at = amphi__near_find(list, 0, "are there in");
    if (amphi__near_match(list, 0, "how many") && at < list->count)
        amphi__near_remove(list, at + 1, 1);
    bool asks_where =
        amphi__near_match(list, 0, "where is") || amphi__near_match(list, 0, "where are");
    if (asks_where && list->count > 3 &&
        (amphi__near_ends_with(list, "located") || amphi__near_ends_with(list, "situated")))
        list->count--;
}

void amphi__near_english_equivalents(amphi_near_list *list, bool is_indirect)
{
    if (is_indirect) {
        put_copula_in_front(list);
        put_modal_in_front(list);
    }
    put_does_in_front(list);
    for (size_t i = 0; i < COUNT(beginnings); i++) {
        size_t size = amphi__near_match(list, 0, beginnings[i].from);
        if (size > 0) {
            (void)amphi__near_replace(list, 0, size, beginnings[i].to);
            break;
        }
    }
    unify_how_to(list);
    unify_possessive(list);
    unify_relation(list);
    unify_middle(list);
}
