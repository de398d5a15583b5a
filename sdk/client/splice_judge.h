/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge at the seam: does what the next engine says go on where the delivered text stopped?
 * Servers continue a given beginning exactly, repeat it or its end, or answer the question anew;
 * what they claim to do says little. One look per file (splice_repeat.c, splice_json.c,
 * splice_code.c, splice_prose.c); each rules, or leaves the seam to the next one. Pure.
 */
#ifndef AMPHI_CLIENT_SPLICE_JUDGE_H
#define AMPHI_CLIENT_SPLICE_JUDGE_H

#include <amphi/types.h>

/* What the judge sees. */
typedef struct amphi_seam {
    amphi_str before; /* the delivered text, without the blanks at its end */
    amphi_str blanks; /* those */
    amphi_str after;  /* what the next engine has said so far */
    bool is_all;      /* it has finished, of its own accord */
    bool is_late;     /* nothing more may be held back: rule now */
    bool is_known;    /* this engine is known to continue: only the form can speak against it */
} amphi_seam;

typedef enum amphi_seam_verdict {
    AMPHI_SEAM_NONE = 0,  /* of a look: it has nothing to say */
    AMPHI_SEAM_UNDECIDED, /* more words are needed */
    AMPHI_SEAM_CONTINUES, /* behind `skip` bytes of `after` it goes on */
    AMPHI_SEAM_ANEW,      /* `after` is the beginning of a whole new answer */
    AMPHI_SEAM_USELESS    /* it is neither, or that is in doubt: ask again, from the beginning */
} amphi_seam_verdict;

typedef struct amphi_seam_ruling {
    amphi_seam_verdict verdict;
    size_t skip;      /* CONTINUES: bytes of `after` that were shown before */
    bool needs_blank; /* CONTINUES: a blank was lost between the two */
    bool is_sure;     /* CONTINUES, USELESS: it could not be otherwise, which is to be learnt */
    const char *why;  /* ANEW, USELESS: a few words for the record */
} amphi_seam_ruling;

/* Never NONE; not UNDECIDED when the seam is late or all. */
amphi_seam_ruling amphi__seam_judge(const amphi_seam *seam);
/* Does `after` only say again what was delivered, so far? Then holding it back holds back no news,
 * and no limit applies. */
bool amphi__seam_is_repeating(const amphi_seam *seam);

/* The looks, in their order. */
amphi_seam_ruling amphi__seam_look_at_repeats(const amphi_seam *seam);
amphi_seam_ruling amphi__seam_look_for_address(const amphi_seam *seam);
amphi_seam_ruling amphi__seam_look_at_json(const amphi_seam *seam);
amphi_seam_ruling amphi__seam_look_at_code(const amphi_seam *seam);
amphi_seam_ruling amphi__seam_look_at_list(const amphi_seam *seam);
amphi_seam_ruling amphi__seam_look_at_prose(const amphi_seam *seam);

/* splice_blank.c: was a blank lost between these two pieces of words? Below 0: they are one word;
 * above: two. The further from 0, the surer: 4 more are a factor of e. */
int amphi__seam_blank_score(amphi_str left, amphi_str right);

/* splice_anew.c: `after`, which begins in small letters, is the rest of the sentence that `before`
 * ends in: below 0; the beginning of another one: above. letters_meet: nothing stands between. */
int amphi__seam_anew_score(amphi_str before, amphi_str after, bool letters_meet);

static inline amphi_seam_ruling amphi__seam_rule(amphi_seam_verdict verdict, const char *why)
{
    amphi_seam_ruling ruling = {
        .verdict = verdict, .is_sure = verdict == AMPHI_SEAM_USELESS, .why = why};
    return ruling;
}

/* USELESS, because it is in doubt. */
static inline amphi_seam_ruling amphi__seam_doubt(const char *why)
{
    amphi_seam_ruling ruling = {.verdict = AMPHI_SEAM_USELESS, .why = why};
    return ruling;
}

#endif
