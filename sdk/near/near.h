/* SPDX-License-Identifier: Apache-2.0
 *
 * When is one question another one in other words? The front of this room, for the response cache
 * and for `amphi cache probe`. A wrong answer costs more than a missed one, so both levels list
 * what may differ and let nothing else pass:
 *
 * fold      equal folds may share a cache entry without being asked for: outer blanks, runs of
 *           blanks, Unicode form, final punctuation and case, each only where it can't change the
 *           meaning ("US" is not "us", "5!" is not "5", what stands in quotes stays as it is).
 * compare   two questions are near when, after greetings, requests to answer and a list of safe
 *           equivalents are taken away, the same words stand in the same order.
 * signature where near questions meet in a table: band hashes of the rest's 2-grams.
 *
 * No state but word lists that are indexed once. Any thread.
 */
#ifndef AMPHI_NEAR_NEAR_H
#define AMPHI_NEAR_NEAR_H

#include "sdk/core/buf.h"

/* Longer texts are folded at their ends only, and are near to nothing. */
#define AMPHI_NEAR_TEXT_BYTES_MAX 2048
#define AMPHI_NEAR_BANDS          4

typedef enum amphi_near_reason {
    AMPHI_NEAR_SAME_FOLD = 0, /* a hit: equal folds */
    AMPHI_NEAR_SAME_WORDS,    /* a hit: the same words in the same order */
    AMPHI_NEAR_VERBATIM,      /* the rest: refused. Code, quotes, or about a text's form */
    AMPHI_NEAR_TOO_LONG,
    AMPHI_NEAR_NUMBER, /* the first of these in which they differ */
    AMPHI_NEAR_NEGATION,
    AMPHI_NEAR_QUESTION_WORD,
    AMPHI_NEAR_UNIT,
    AMPHI_NEAR_TIME,
    AMPHI_NEAR_QUANTITY,
    AMPHI_NEAR_COMPARISON,
    AMPHI_NEAR_NAME,
    AMPHI_NEAR_WORDS,
    AMPHI_NEAR_PUNCTUATION,
    AMPHI_NEAR_ORDER,
    AMPHI_NEAR_CASE
} amphi_near_reason;

typedef struct amphi_near_verdict {
    bool is_hit;
    double score; /* 0 to 1: Jaccard index of the folded texts' 2-grams; of no weight for is_hit */
    amphi_near_reason reason;
} amphi_near_verdict;

typedef struct amphi_near_signature {
    bool is_near_able; /* false: looked for and stored by its fold only; no bands */
    uint64_t bands[AMPHI_NEAR_BANDS];
} amphi_near_signature;

/* Appends the fold. AMPHI_OK or AMPHI_E_NO_MEMORY (LIMIT of the buffer). */
amphi_status amphi__near_fold(amphi_buf *out, amphi_str text);
amphi_status amphi__near_compare(amphi_near_verdict *out, amphi_str a, amphi_str b);
/* Texts that compare as near have all bands equal; other similar texts share some. `key` makes the
 * bands say nothing to readers of the table, and keeps requests apart that differ in anything but
 * this text: derive it from the rest of the request. */
amphi_status amphi__near_signature(
    amphi_near_signature *out, amphi_str text, const uint8_t key[32]);
/* For a person: "numbers differ". Never NULL. */
const char *amphi__near_reason_text(amphi_near_reason reason);

#endif
