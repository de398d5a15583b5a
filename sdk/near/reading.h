/* SPDX-License-Identifier: Apache-2.0
 *
 * A text as tokens, with what the rest of this room asks about each: kind, case, what the word
 * lists know. A Han or kana character is a token of its own, every other word is one.
 */
#ifndef AMPHI_NEAR_READING_H
#define AMPHI_NEAR_READING_H

#include "sdk/core/buf.h"

#define AMPHI_NEAR_TOKENS_MAX 96

typedef enum amphi_near_kind {
    AMPHI_NEAR_KIND_WORD,
    AMPHI_NEAR_KIND_NUMBER, /* digits, with points, commas and slashes between them */
    AMPHI_NEAR_KIND_HAN,    /* one character, kana included */
    AMPHI_NEAR_KIND_MARK    /* one character of punctuation, or a symbol */
} amphi_near_kind;

typedef enum amphi_near_shape {
    AMPHI_NEAR_SHAPE_NONE, /* no letters with case */
    AMPHI_NEAR_SHAPE_LOWER,
    AMPHI_NEAR_SHAPE_TITLE, /* "What", "What's", "I" */
    AMPHI_NEAR_SHAPE_UPPER, /* two capitals or more, nothing else */
    AMPHI_NEAR_SHAPE_MIXED  /* "iPhone", "mW" */
} amphi_near_shape;

typedef enum amphi_near_language {
    AMPHI_NEAR_ENGLISH,
    AMPHI_NEAR_CHINESE,
    AMPHI_NEAR_OTHER
} amphi_near_language;

/* How much of a text may be touched. */
typedef enum amphi_near_freedom {
    AMPHI_NEAR_FREE,
    AMPHI_NEAR_FOLD_ONLY, /* about words ("what does X mean"): it is near to nothing */
    AMPHI_NEAR_KEEP       /* code, quotes, about a text's form: only its ends are trimmed */
} amphi_near_freedom;

typedef struct amphi_near_token {
    amphi_str text;  /* as written, in form C */
    amphi_str lower; /* the same in lower case */
    uint32_t flags;  /* AMPHI_WORD_* of `lower` */
    amphi_near_kind kind;
    amphi_near_shape shape;
    bool blank_before;
    bool folds;        /* its case can't change the meaning: `lower` stands for it */
    bool without_case; /* its whole text is in small letters or in capitals: its own say nothing */
} amphi_near_token;

typedef struct amphi_near_list {
    amphi_near_token tokens[AMPHI_NEAR_TOKENS_MAX];
    size_t count;
} amphi_near_list;

typedef struct amphi_near_reading {
    amphi_buf text;  /* trimmed, form C; as it came where that is not UTF-8 */
    amphi_buf lower; /* tokens point into both */
    amphi_near_list list;
    amphi_near_freedom freedom;
    amphi_near_language language;
    bool is_long; /* then there are no tokens */
} amphi_near_reading;

/* Clear it in any case; clearing wipes. */
amphi_status amphi__near_read(amphi_near_reading *out, amphi_str text);
void amphi__near_reading_clear(amphi_near_reading *reading);

/* For amphi__near_read: sets folds and without_case of every token (letter_case.c). */
void amphi__near_read_case(amphi_near_reading *reading);

/* For amphi__near_read: the text speaks of its own marks, blanks, case, tone or manners, so that
 * none of these may be taken away (subject.c). */
bool amphi__near_is_about_itself(const amphi_near_list *list);

/* Removes punctuation at the end that can't change the meaning. */
void amphi__near_drop_final_marks(amphi_near_list *list, amphi_near_language language);

#endif
