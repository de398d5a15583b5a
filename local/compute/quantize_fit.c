/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops run over at most 32 values with no branches inside, so that a compiler makes vectors of
 * them.
 */
#include "local/compute/quantize_fit.h"

#include "local/compute/blocks.h"
#include "local/compute/half.h"

#include <math.h>

#define TINY 1e-30f /* a block below this is all zero for us */

static float largest_value(const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(x[i]) > fabsf(largest) ? x[i] : largest;
    return largest;
}

/* What the best scale explains of the squares is (sum of x q)^2 / (sum of q^2). */
typedef struct best_scale {
    float scale;
    float explained;
} best_scale;

static void consider(best_scale *best, float xq, float qq)
{
    if (qq > 0 && xq * xq > best->explained * qq) {
        best->explained = xq * xq / qq;
        best->scale = xq / qq;
    }
}

float amphi__fit_scale(const float *x, size_t n, float low, float high)
{
    float largest = largest_value(x, n);
    best_scale best = {0, 0};
    if (fabsf(largest) < TINY)
        return 0;
    /* The side with one level more takes the largest value; a narrower step lets it saturate. */
    for (int step = -10; step <= 10; step++) {
        float inverse = (low + 0.1f * (float)step) / largest;
        float xq = 0;
        float qq = 0;
        for (size_t i = 0; i < n; i++) {
            float q = amphi__clamp(amphi__nearest(x[i] * inverse), low, high);
            xq += x[i] * q;
            qq += q * q;
        }
        consider(&best, xq, qq);
    }
    return best.scale;
}

/* Least squares for given levels; the error is that of the sums alone. */
static float solve_affine(amphi_affine *out, const float sums[4], float n, float xx, int below_zero)
{
    float q = sums[0];
    float qq = sums[1];
    float xq = sums[2];
    float x = sums[3];
    float determinant = n * qq - q * q;
    if (determinant > 0) {
        out->scale = (n * xq - x * q) / determinant;
        out->minimum = (x * qq - q * xq) / determinant;
    }
    if (determinant <= 0 || (below_zero && out->minimum > 0)) { /* all on one level, or above 0 */
        if (qq <= 0)
            return INFINITY;
        out->minimum = 0;
        out->scale = xq / qq;
    }
    return xx - out->scale * xq - out->minimum * x;
}

amphi_affine amphi__fit_affine(const float *x, size_t n, float top, int below_zero)
{
    float low = x[0];
    float high = x[0];
    float xx = 0;
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        xx += x[i] * x[i];
        sum += x[i];
    }
    if (below_zero && low > 0)
        low = 0;
    amphi_affine best = {0, low};
    if (high - low < TINY)
        return best;
    float least = INFINITY;
    for (int round = 0; round < 2; round++) { /* the second from where the first one ended */
        float from = round == 0 ? low : best.minimum;
        for (int step = -8; step <= 12; step++) {
            float inverse = (top + 0.1f * (float)step) / (high - from);
            float sums[4] = {0, 0, 0, sum};
            for (size_t i = 0; i < n; i++) {
                float q = amphi__clamp(amphi__nearest((x[i] - from) * inverse), 0, top);
                sums[0] += q;
                sums[1] += q * q;
                sums[2] += x[i] * q;
            }
            amphi_affine found = {0, 0};
            float error = solve_affine(&found, sums, (float)n, xx, below_zero);
            if (error < least && found.scale > 0) {
                least = error;
                best = found;
            }
        }
        if (high - best.minimum < TINY)
            break;
    }
    return best;
}

uint8_t amphi__nearest_iq4(float x)
{
    uint8_t level = 0;
    for (int i = 0; i < 15; i++) {
        float middle = 0.5f * (float)(amphi__iq4_values[i] + amphi__iq4_values[i + 1]);
        level = (uint8_t)(level + (x > middle));
    }
    return level;
}

float amphi__fit_iq4(const float *x, size_t n)
{
    float largest = largest_value(x, n);
    best_scale best = {0, 0};
    if (fabsf(largest) < TINY)
        return 0;
    for (int step = -7; step <= 7; step++) {
        for (int side = 0; side < 2; side++) { /* the levels are not symmetric */
            float end = (float)amphi__iq4_values[side * 15];
            float inverse = end * (1 + 0.025f * (float)step) / largest;
            float xq = 0;
            float qq = 0;
            for (size_t i = 0; i < n; i++) {
                float q = (float)amphi__iq4_values[amphi__nearest_iq4(x[i] * inverse)];
                xq += x[i] * q;
                qq += q * q;
            }
            consider(&best, xq, qq);
        }
    }
    return best.scale;
}

uint16_t amphi__scale_to_half(float x)
{
    return amphi__float_to_half(amphi__clamp(x, -65504.0f, 65504.0f));
}
