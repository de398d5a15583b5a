/* SPDX-License-Identifier: Apache-2.0
 *
 * Two walks over the logits: the largest ones are gathered in a short sorted list, then the sum is
 * taken relative to the largest, in double, so that it neither overflows nor loses the small ones.
 */
#include "local/text/logprobs.h"

#include <float.h>
#include <math.h>

static float sound(float logit)
{
    return isnan(logit) ? -INFINITY : logit == INFINITY ? FLT_MAX : logit;
}

/* `top` holds logits until the sum is known. */
static void gather(amphi_logprobs *out, int32_t token, float logit, uint32_t most)
{
    uint32_t at = out->top_count;
    if (at == most) {
        if (most == 0 || logit <= out->top[most - 1].logprob)
            return;
        at--;
    } else {
        out->top_count++;
    }
    for (; at > 0 && logit > out->top[at - 1].logprob; at--)
        out->top[at] = out->top[at - 1];
    out->top[at] = (amphi_logprob){token, logit};
}

void amphi__logprobs_read(
    amphi_logprobs *out, const float *logits, uint32_t count, uint32_t top_count)
{
    float largest = -INFINITY;
    double sum = 0;
    uint32_t most = top_count < AMPHI_LOGPROBS_TOP_MAX ? top_count : AMPHI_LOGPROBS_TOP_MAX;
    out->top_count = 0;
    out->log_sum = NAN;
    for (uint32_t i = 0; i < count; i++) {
        float logit = sound(logits[i]);
        largest = logit > largest ? logit : largest;
        gather(out, (int32_t)i, logit, most);
    }
    if (largest > -INFINITY) {
        for (uint32_t i = 0; i < count; i++)
            sum += exp((double)sound(logits[i]) - (double)largest);
        out->log_sum = (double)largest + log(sum);
    }
    for (uint32_t i = 0; i < out->top_count; i++)
        out->top[i].logprob = amphi__logprobs_of(out, out->top[i].logprob);
}

float amphi__logprobs_of(const amphi_logprobs *logprobs, float logit)
{
    double value = (double)sound(logit) - logprobs->log_sum;
    return !(value > (double)AMPHI_LOGPROB_NEVER) ? AMPHI_LOGPROB_NEVER
           : value > 0                            ? 0.0f
                                                  : (float)value;
}
