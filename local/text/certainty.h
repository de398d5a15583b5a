/* SPDX-License-Identifier: Apache-2.0
 *
 * How sure a model is of its next token, in three numbers of its logits. Like log-probabilities
 * (logprobs.h) they are of the model's own distribution, before temperature, biases and masks.
 */
#ifndef AMPHI_TEXT_CERTAINTY_H
#define AMPHI_TEXT_CERTAINTY_H

#include <stdbool.h>
#include <stdint.h>

/* Of one hidden state (local/judge/evidence.h), which is one event of the worker; a wider model
 * reports none. */
#define AMPHI_STATE_VALUES_MAX 8064u

#define AMPHI_ENTROPY_MAX 32.0f /* nats; a vocabulary of 2^26 has 18 at most */

typedef struct amphi_certainty {
    float entropy; /* Shannon's, in nats: 0 when one token is certain */
    float margin;  /* the likeliest token's probability less the second's: 0 to 1 */
    float top;     /* the likeliest token's probability */
} amphi_certainty;

/* NaN counts as minus infinity. Logits that hold no number: {0, 0, 0}. */
void amphi__certainty_read(amphi_certainty *out, const float *logits, uint32_t count);
/* Numbers within their ranges? Those of a worker are checked before anything reads them. */
bool amphi__certainty_is_sound(const amphi_certainty *certainty);

#endif
