/* SPDX-License-Identifier: Apache-2.0
 *
 * One walk for the two largest logits, one for two sums relative to the largest: with s = sum of
 * exp(l - max) and t = sum of exp(l - max) * (l - max), the entropy is log(s) - t / s.
 */
#include "local/text/certainty.h"

#include <float.h>
#include <math.h>

static float sound(float logit)
{
    return isnan(logit) ? -INFINITY : logit == INFINITY ? FLT_MAX : logit;
}

void amphi__certainty_read(amphi_certainty *out, const float *logits, uint32_t count)
{
    float largest = -INFINITY;
    float second = -INFINITY;
    double sum = 0;
    double weighted = 0;
    *out = (amphi_certainty){0};
    for (uint32_t i = 0; i < count; i++) {
        float logit = sound(logits[i]);
        if (logit > largest) {
            second = largest;
            largest = logit;
        } else if (logit > second) {
            second = logit;
        }
    }
    if (largest == -INFINITY)
        return;
    for (uint32_t i = 0; i < count; i++) {
        double below = (double)sound(logits[i]) - (double)largest;
        double weight = exp(below);
        sum += weight;
        weighted += weight > 0 ? weight * below : 0; /* 0 times minus infinity */
    }
    double entropy = log(sum) - weighted / sum;
    out->entropy = entropy > 0 ? (float)entropy : 0.0f;
    out->top = (float)(1 / sum);
    out->margin = (float)((1 - exp((double)second - (double)largest)) / sum);
}

bool amphi__certainty_is_sound(const amphi_certainty *c)
{
    return c->entropy >= 0 && c->entropy <= AMPHI_ENTROPY_MAX && c->margin >= 0 &&
           c->margin <= c->top && c->top <= 1; /* false for NaN */
}
