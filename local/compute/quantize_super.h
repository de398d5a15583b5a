/* SPDX-License-Identifier: Apache-2.0
 *
 * Quantizers of the types with blocks of 256; see quantize_rows.h.
 */
#ifndef AMPHI_COMPUTE_QUANTIZE_SUPER_H
#define AMPHI_COMPUTE_QUANTIZE_SUPER_H

#include <stddef.h>

void amphi__quantize_q2_k(const float *x, void *out, size_t count);
void amphi__quantize_q3_k(const float *x, void *out, size_t count);
void amphi__quantize_q4_k(const float *x, void *out, size_t count);
void amphi__quantize_q5_k(const float *x, void *out, size_t count);
void amphi__quantize_q6_k(const float *x, void *out, size_t count);
void amphi__quantize_iq4_xs(const float *x, void *out, size_t count);

#endif
