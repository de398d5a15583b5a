/* SPDX-License-Identifier: Apache-2.0
 *
 * What the judges of an answer look at: of each of its first tokens how sure the model was, and,
 * where a judge wants them, the hidden states that the token was chosen from. Gathered in the app's
 * process while the answer comes. A worker is not believed: what was not asked for, comes out of
 * order or is no number is refused, and the caller then takes the worker for broken.
 *
 * A state is the residual stream behind some layer, at the position whose logits choose the token
 * (for the first token: the prompt's last one), divided by its root mean square, so that it fits
 * into half floats. Layers are named by their depth in eighths: 8 is behind the last layer, 4 in
 * the middle, whatever the model.
 */
#ifndef AMPHI_JUDGE_EVIDENCE_H
#define AMPHI_JUDGE_EVIDENCE_H

#include "local/text/certainty.h"

#include <amphi/error.h>

#define AMPHI_STATE_DEPTHS      8u
#define AMPHI_JUDGED_TOKENS_MAX 32u
#define AMPHI_EVIDENCE_NUMBERS  6u

typedef struct amphi_evidence {
    uint32_t tokens_max;                    /* to be judged; 0: nothing is asked for */
    uint8_t depths;                         /* asked for: bit 0 is depth 1 */
    uint8_t arrived;                        /* of them, for the token that is next */
    uint32_t tokens;                        /* so far */
    double numbers[AMPHI_EVIDENCE_NUMBERS]; /* sums, extremes and the first: evidence.c */
    uint32_t values;                        /* of a state; 0: none came */
    float *first;                           /* of the first token: depths x values */
    float *sum;                             /* over the tokens so far: likewise */
} amphi_evidence;

void amphi__evidence_init(amphi_evidence *evidence, uint32_t tokens_max, uint8_t depths);
void amphi__evidence_clear(amphi_evidence *evidence); /* wiped: states tell of the prompt */

/* One state of token `index`, `size` bytes of half floats. AMPHI_E_PROTOCOL: unasked, out of order,
 * of another size than the ones before, or not finite. */
amphi_status amphi__evidence_add_state(
    amphi_evidence *evidence, uint32_t index, uint32_t depth, const void *halves, size_t size);
/* Ends token `index`. AMPHI_E_PROTOCOL: unasked, out of order, or out of range. */
amphi_status amphi__evidence_add(
    amphi_evidence *evidence, uint32_t index, const amphi_certainty *certainty);

/* Mean, largest and first entropy; mean and smallest margin; mean logarithm of the likeliest
 * token's probability. At least one token must have come. */
void amphi__evidence_numbers(const amphi_evidence *evidence, double out[AMPHI_EVIDENCE_NUMBERS]);

typedef enum amphi_state_pool {
    AMPHI_POOL_FIRST = 0, /* the first token's state: what the model made of the question */
    AMPHI_POOL_MEAN = 1,  /* the mean over the tokens judged */
    AMPHI_POOL_COUNT
} amphi_state_pool;

/* `evidence->values` floats; false: no such state came. */
bool amphi__evidence_pool(
    const amphi_evidence *evidence, uint32_t depth, amphi_state_pool pool, float *out);

#endif
