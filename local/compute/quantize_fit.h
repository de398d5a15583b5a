/* SPDX-License-Identifier: Apache-2.0
 *
 * The searches that the quantizers share. Each tries a few dozen scales around the obvious one,
 * assigns every value to its nearest level, solves for the scale that is best for that assignment
 * (least squares), and keeps the one with the smallest squared error.
 */
#ifndef AMPHI_COMPUTE_QUANTIZE_FIT_H
#define AMPHI_COMPUTE_QUANTIZE_FIT_H

#include <stddef.h>
#include <stdint.h>

typedef struct amphi_affine {
    float scale;
    float minimum; /* value = scale * level + minimum */
} amphi_affine;

/* The nearest whole number, ties to even, for magnitudes below 2^22. */
static inline float amphi__nearest(float x)
{
    return (x + 12582912.0f) - 12582912.0f;
}

static inline float amphi__clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* For value = scale * level, levels from low (< 0) to high. The scale may be negative. */
float amphi__fit_scale(const float *x, size_t n, float low, float high);
/* For levels 0 .. top. minimum is never positive when `below_zero`. */
amphi_affine amphi__fit_affine(const float *x, size_t n, float top, int below_zero);
/* For value = scale * amphi__iq4_values[level]. */
float amphi__fit_iq4(const float *x, size_t n);
/* The index of the nearest of amphi__iq4_values. */
uint8_t amphi__nearest_iq4(float x);
/* To binary16, at its largest number instead of infinity. */
uint16_t amphi__scale_to_half(float x);

#endif
