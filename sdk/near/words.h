/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of single words. A word that is on no list is content.
 */
#ifndef AMPHI_NEAR_WORDS_H
#define AMPHI_NEAR_WORDS_H

#include <amphi/types.h>

enum {
    AMPHI_WORD_ENGLISH = 1u << 0,    /* seen in English only: evidence of the language */
    AMPHI_WORD_FOREIGN = 1u << 1,    /* evidence of another Latin-script language */
    AMPHI_WORD_FUNCTION = 1u << 2,   /* "of", "should": a capital says nothing */
    AMPHI_WORD_NAME = 1u << 3,       /* "france": a name and nothing else */
    AMPHI_WORD_CASE = 1u << 4,       /* "polish", "us": case tells two meanings apart */
    AMPHI_WORD_ACRONYM = 1u << 5,    /* "nasa": spelled in either case */
    AMPHI_WORD_WITH_I = 1u << 6,     /* beside it, "I" is the pronoun */
    AMPHI_WORD_FORM = 1u << 7,       /* "uppercase", "regex": about the text's own form */
    AMPHI_WORD_META = 1u << 8,       /* "mean", "called": about words */
    AMPHI_WORD_QUESTION = 1u << 9,   /* "what", "who" */
    AMPHI_WORD_AUXILIARY = 1u << 10, /* "is", "can": opens a question */
    AMPHI_WORD_REQUEST = 1u << 11,   /* "write", "list": opens a request to the assistant */
    AMPHI_WORD_ACTION = 1u << 12,    /* what "how do I" asks a way for: "install" */
    AMPHI_WORD_HANDWORK = 1u << 13,  /* likewise, and no assistant does it: "boil" */
    AMPHI_WORD_RELATION = 1u << 14,  /* "the NOUN of Y" names one thing: "capital" */
    AMPHI_WORD_PLAIN_REL = 1u << 15, /* likewise, with or without the article */
    AMPHI_WORD_NEGATION = 1u << 16,  /* from here on: only for a refusal's reason */
    AMPHI_WORD_UNIT = 1u << 17,
    AMPHI_WORD_TIME = 1u << 18,
    AMPHI_WORD_QUANTITY = 1u << 19,
    AMPHI_WORD_COMPARISON = 1u << 20,
    AMPHI_WORD_NUMBER = 1u << 21,
    AMPHI_WORD_OPENER = 1u << 22,    /* a question word of another language */
    AMPHI_WORD_LOOSE_UNIT = 1u << 23 /* "km": a blank before it says nothing */
};

/* Flags of a word in lower case; 0: unknown. The lists are indexed at the first call. */
uint32_t amphi__near_word(amphi_str lower);

#endif
