/* SPDX-License-Identifier: Apache-2.0
 *
 * When a device gives up a release by itself: how answers went under it, against how they went
 * without it on the same device. The test is sequential and always valid: looking after every
 * answer does not make a false alarm more likely than rollback.alpha_ppm.
 */
#ifndef AMPHI_POLICY_ROLLBACK_H
#define AMPHI_POLICY_ROLLBACK_H

#include <amphi/decision.h>

#include <stdbool.h>
#include <stdint.h>

#define AMPHI_ROLLBACK_KINDS 5u /* amphi_rollback_kind; nothing is counted under _NONE */

struct amphi_policy;

/* How the answers of one group went. All zero: none yet. */
typedef struct amphi_rollback_tally {
    uint32_t answers;
    uint32_t failed[AMPHI_ROLLBACK_KINDS];
} amphi_rollback_tally;

typedef struct amphi_rollback_verdict {
    bool is_past;     /* the release goes back; what follows is of the kind that showed it */
    bool is_absolute; /* there were too few answers without the release: judged by a fixed rate */
    amphi_rollback_kind kind;
    uint32_t failed, of;
    uint32_t control_failed, control_of;
    double log_evidence; /* natural logarithm of the e-value */
} amphi_rollback_verdict;

#define AMPHI_ROLLBACK_ANSWERS_MAX 1000u

/* `faults`: bit i for the kind i; 0: none. A full tally counts no more: a release that served so
 * many answers without being given up is no longer judged. */
void amphi__rollback_count(amphi_rollback_tally *tally, unsigned faults);
/* Makes room in a full one, of answers without the release: every count is halved, so that the
 * device's newer ones weigh more. */
void amphi__rollback_age(amphi_rollback_tally *tally);
/* Pure. */
void amphi__rollback_judge(amphi_rollback_verdict *out, const struct amphi_policy *policy,
    const amphi_rollback_tally *treated, const amphi_rollback_tally *control);
/* "crash", "error", "slow", "takeover"; "none" for anything else. */
const char *amphi__rollback_kind_name(amphi_rollback_kind kind);
amphi_rollback_kind amphi__rollback_kind_named(amphi_str name); /* _NONE: no such name */
/* "crash 4 of 9 against 1 of 200" */
#define AMPHI_ROLLBACK_WORDS_MAX 96u
void amphi__rollback_words(
    char out[AMPHI_ROLLBACK_WORDS_MAX], const amphi_rollback_verdict *verdict);

/* The logarithm of the evidence that failures are more than `margin` likelier in the first group
 * than in the second. Reaches log(1/alpha) with a probability of at most alpha while they are not,
 * however often one looks, in whatever order the answers come (Wasserman, Ramdas and Balakrishnan,
 * "Universal inference", PNAS 117 (2020), section 8; the numerators are Beta mixtures, as in
 * Krichevsky and Trofimov, IEEE Trans. Inf. Theory 27 (1981)). */
double amphi__rollback_evidence(
    uint32_t failed, uint32_t of, uint32_t control_failed, uint32_t control_of, double margin);
/* Likewise that they are likelier than `rate`. */
double amphi__rollback_evidence_of_rate(uint32_t failed, uint32_t of, double rate);

#endif
