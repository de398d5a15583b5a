/* SPDX-License-Identifier: Apache-2.0
 *
 * Angles are computed in double: at position 100,000 a float has lost the fast pairs.
 */
#include "local/graph/rope.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <math.h>

#define YARN_BETA_FAST 32.0
#define YARN_BETA_SLOW 1.0
#define TWO_PI         6.283185307179586

/* The pair whose wave makes `turns` turns within the trained context (arXiv 2309.00071, eq. 18). */
static double yarn_pair(const amphi_hparams *hparams, double base, double turns)
{
    return (double)hparams->rope_size * log((double)hparams->rope_context / (turns * TWO_PI)) /
           (2 * log(base));
}

/* Fast pairs keep their frequency, slow ones are stretched, those between get a mixture. */
static void scale_yarn(amphi_rope *rope, const amphi_hparams *hparams, double base)
{
    double last = (double)hparams->rope_size - 1;
    double low = fmax(0, floor(yarn_pair(hparams, base, YARN_BETA_FAST)));
    double high = fmin(last, ceil(yarn_pair(hparams, base, YARN_BETA_SLOW)));
    for (size_t i = 0; i < rope->pairs; i++) {
        double slow = ((double)i - low) / fmax(0.001, high - low);
        slow = fmin(1, fmax(0, slow));
        rope->frequencies[i] *= (1 - slow) + slow / hparams->rope_factor;
    }
    if (hparams->rope_factor > 1)
        rope->magnitude *= (float)(1 + 0.1 * log(hparams->rope_factor));
}

amphi_status amphi__rope_init(amphi_rope *rope, const amphi_hparams *hparams, const float *factors,
    bool local, amphi_error *error)
{
    double base = local ? hparams->rope_base_local : hparams->rope_base;
    memset(rope, 0, sizeof *rope);
    rope->pairs = hparams->rope_size / 2;
    rope->magnitude = (float)hparams->rope_magnitude;
    rope->frequencies = amphi__calloc(rope->pairs + 1, sizeof *rope->frequencies);
    if (rope->frequencies == NULL)
        return amphi__fail_no_memory(error);
    for (size_t i = 0; i < rope->pairs; i++) {
        double factor = factors != NULL ? (double)factors[i] : 1;
        if (!(factor > 0 && factor < 1e30))
            return amphi__fail(
                error, AMPHI_E_FORMAT, 0, "model file: a rotary factor makes no sense");
        rope->frequencies[i] = pow(base, -2.0 * (double)i / (double)hparams->rope_size) / factor;
        if (!local && hparams->rope_scaling == AMPHI_ROPE_SCALING_LINEAR)
            rope->frequencies[i] /= hparams->rope_factor;
    }
    if (!local && hparams->rope_scaling == AMPHI_ROPE_SCALING_YARN)
        scale_yarn(rope, hparams, base);
    return AMPHI_OK;
}

void amphi__rope_clear(amphi_rope *rope)
{
    amphi__free(rope->frequencies);
    memset(rope, 0, sizeof *rope);
}

void amphi__rope_at(const amphi_rope *rope, uint32_t position, float *cosines)
{
    for (size_t i = 0; i < rope->pairs; i++) {
        double angle = (double)position * rope->frequencies[i];
        cosines[i] = (float)cos(angle) * rope->magnitude;
        cosines[rope->pairs + i] = (float)sin(angle) * rope->magnitude;
    }
}

void amphi__rope_apply(float *head, const float *cosines, size_t pairs, bool neox)
{
    const float *sines = cosines + pairs;
    size_t step = neox ? 1 : 2;
    size_t apart = neox ? pairs : 1;
    for (size_t i = 0; i < pairs; i++) {
        float *pair = head + i * step;
        float a = pair[0];
        float b = pair[apart];
        pair[0] = a * cosines[i] - b * sines[i];
        pair[apart] = a * sines[i] + b * cosines[i];
    }
}
