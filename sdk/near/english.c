/* SPDX-License-Identifier: Apache-2.0
 *
 * English questions in other words. Every rule is a pair of forms of which it is known that they
 * ask the same, with the conditions under which that holds: "how do I cook rice" is "how to cook
 * rice", but "how do I look" is not "how to look", so the verb has to stand on a list. What was
 * left out on purpose: articles ("what is the time", "what is time"), "do you know how to", plural
 * and singular, order, synonyms of content words.
 */
#include "sdk/near/gist.h"

#include "sdk/core/str.h"
#include "sdk/near/english.h"
#include "sdk/near/rewrite.h"
#include "sdk/near/words.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool opens(const amphi_near_list *list, size_t at)
{
    return amphi__near_has(
        list, at, AMPHI_WORD_QUESTION | AMPHI_WORD_AUXILIARY | AMPHI_WORD_REQUEST);
}

static size_t mark_at(const amphi_near_list *list, size_t at)
{
    return at < list->count && (amphi__str_equal_c(list->tokens[at].text, ",") ||
                                   amphi__str_equal_c(list->tokens[at].text, ".") ||
                                   amphi__str_equal_c(list->tokens[at].text, "!"))
               ? 1
               : 0;
}

/* ---- what stands before the question ---- */

typedef enum prefix_rest {
    REST_ASKS,     /* a question word: "tell me [what]" */
    REST_REQUESTS, /* a request: "could you please [write]" */
    REST_EXPLAINS  /* a request that nothing but an assistant can be asked for */
} prefix_rest;

typedef struct prefix {
    const char *words;
    prefix_rest rest;
} prefix;

static const prefix prefixes[] = {{"i was wondering if you could please", REST_REQUESTS},
    {"i was wondering if you could", REST_REQUESTS}, {"i would like you to", REST_REQUESTS},
    {"i want you to", REST_REQUESTS}, {"i need you to", REST_REQUESTS},
    {"can you please", REST_REQUESTS}, {"could you please", REST_REQUESTS},
    {"would you please", REST_REQUESTS}, {"will you please", REST_REQUESTS},
    {"can you kindly", REST_REQUESTS}, {"could you kindly", REST_REQUESTS},
    {"can you", REST_EXPLAINS}, {"could you", REST_EXPLAINS}, {"would you", REST_EXPLAINS},
    {"please tell me", REST_ASKS}, {"tell me please", REST_ASKS}, {"just tell me", REST_ASKS},
    {"tell me", REST_ASKS}, {"i would like to know", REST_ASKS}, {"i want to know", REST_ASKS},
    {"i need to know", REST_ASKS}, {"i am wondering", REST_ASKS}, {"i was wondering", REST_ASKS},
    {"i wonder", REST_ASKS}, {"i am curious", REST_ASKS}, {"may i ask you", REST_ASKS},
    {"may i ask", REST_ASKS}, {"can i ask you", REST_ASKS}, {"can i ask", REST_ASKS},
    {"could i ask", REST_ASKS}, {"i would love to know", REST_ASKS},
    {"do you happen to know", REST_ASKS}, {"any idea", REST_ASKS}};

/* "can you explain" is a request to the assistant; "can you find gold" asks about the world. */
static bool is_asked_of_an_assistant(const amphi_near_list *list, size_t at)
{
    static const char *const verbs[] = {"explain", "summarize", "summarise", "describe",
        "recommend", "suggest", "tell me", "give me", "show me", "help me", "teach me", "write me",
        "please"};
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (amphi__near_match(list, at, verbs[i]) > 0)
            return true;
    return false;
}

static bool rest_fits(const amphi_near_list *list, size_t at, prefix_rest rest)
{
    switch (rest) {
    case REST_ASKS:
        return amphi__near_has(list, at, AMPHI_WORD_QUESTION);
    case REST_REQUESTS:
        return amphi__near_has(list, at, AMPHI_WORD_REQUEST);
    case REST_EXPLAINS:
        return is_asked_of_an_assistant(list, at);
    }
    return false;
}

/* Tokens of a request to answer that begins at `at`; 0: none, or nothing to answer follows. */
static size_t prefix_size(const amphi_near_list *list, size_t at)
{
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        size_t size = amphi__near_match(list, at, prefixes[i].words);
        if (size == 0)
            continue;
        if (amphi__near_match(list, at + size, ",") && prefixes[i].rest == REST_ASKS)
            size++;
        if (rest_fits(list, at + size, prefixes[i].rest) && list->count >= at + size + 2)
            return size;
    }
    return 0;
}

/* Without a mark behind them these need a question word after them. */
static bool drop_greeting(amphi_near_list *list)
{
    static const char *const greetings[] = {"hi there", "hello there", "hey there", "hi", "hello",
        "hey", "good morning", "good afternoon", "good evening", "excuse me", "quick question",
        "ok so", "okay so", "ok", "okay", "so", "well", "um", "uh", "hmm", "umm", "please",
        "kindly"};
    for (size_t i = 0; i < COUNT(greetings); i++) {
        size_t size = amphi__near_match(list, 0, greetings[i]);
        if (size == 0)
            continue;
        size_t mark = mark_at(list, size);
        size_t next = size + mark;
        bool is_polite =
            amphi__near_match(list, 0, "please") || amphi__near_match(list, 0, "kindly");
        bool follows = prefix_size(list, next) > 0 ||
                       (mark > 0 || is_polite ? opens(list, next)
                                              : amphi__near_has(list, next, AMPHI_WORD_QUESTION));
        if (!follows || list->count < next + 3)
            continue;
        amphi__near_remove(list, 0, next);
        return true;
    }
    return false;
}

/* true: something was taken away. *is_indirect: the rest is in an indirect question's order. */
static bool drop_prefix(amphi_near_list *list, bool *is_indirect)
{
    size_t size = prefix_size(list, 0);
    if (size == 0)
        return false;
    amphi__near_remove(list, 0, size);
    *is_indirect = amphi__near_has(list, 0, AMPHI_WORD_QUESTION);
    return true;
}

/* ---- what stands behind it ---- */

static bool drop_suffix(amphi_near_list *list)
{
    static const char *const after_mark[] = {"thanks in advance", "thank you in advance",
        "thank you very much", "thank you so much", "thanks a lot", "many thanks", "thank you",
        "thanks", "please", "if you do not mind", "by the way"};
    amphi__near_drop_final_marks(list, AMPHI_NEAR_ENGLISH);
    if (!opens(list, 0))
        return false;
    for (size_t i = 0; i < COUNT(after_mark); i++) {
        size_t size = amphi__near_ends_with(list, after_mark[i]);
        if (size == 0)
            continue;
        size_t begin = list->count - size;
        bool has_mark = begin > 0 && (mark_at(list, begin - 1) > 0 ||
                                         amphi__near_match(list, begin - 1, "?") > 0);
        bool is_please = amphi__near_match(list, begin, "please") > 0;
        if (begin < 4 || !(has_mark || is_please))
            return false;
        amphi__near_remove(list, begin - (has_mark ? 1 : 0), size + (has_mark ? 1 : 0));
        return true;
    }
    return false;
}

void amphi__near_gist_english(amphi_near_list *list)
{
    bool is_indirect = false;
    amphi__near_english_spelling(list);
    while (drop_greeting(list) || drop_prefix(list, &is_indirect))
        ;
    while (drop_suffix(list))
        ;
    amphi__near_drop_final_marks(list, AMPHI_NEAR_ENGLISH);
    amphi__near_english_equivalents(list, is_indirect);
}
