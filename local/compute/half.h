/* SPDX-License-Identifier: Apache-2.0
 *
 * 16-bit floating point (IEEE 754 binary16, and bfloat16) to float and back, by hand: the
 * reference kernels must give the same on every machine.
 */
#ifndef AMPHI_COMPUTE_HALF_H
#define AMPHI_COMPUTE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float amphi__bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t amphi__float_to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float amphi__bf16_to_float(uint16_t bits)
{
    return amphi__bits_to_float((uint32_t)bits << 16);
}

static inline float amphi__half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t fraction = half & 0x3ffu;
    if (exponent == 31)
        return amphi__bits_to_float(sign | 0x7f800000u | fraction << 13);
    if (exponent != 0)
        return amphi__bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f; /* zero and subnormals: exact */
    return sign != 0 ? -tiny : tiny;
}

/* Rounds to the nearest, ties to even. */
static inline uint16_t amphi__float_to_half(float value)
{
    uint32_t bits = amphi__float_to_bits(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x7f800000u)
        return (uint16_t)(sign | 0x7c00u | (magnitude > 0x7f800000u ? 0x200u : 0));
    if (magnitude >= 0x477ff000u) /* rounds past 65504 */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* below 2^-14: adding 0.5 rounds at the 24th binary place */
        float shifted = amphi__bits_to_float(magnitude) + 0.5f;
        return (uint16_t)(sign | (amphi__float_to_bits(shifted) - 0x3f000000u));
    }
    uint32_t odd = magnitude >> 13 & 1u;
    return (uint16_t)(sign | ((magnitude + 0xfffu + odd - 0x38000000u) >> 13));
}

#endif
