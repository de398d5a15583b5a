/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoders of the types with blocks of 256; see encode.h.
 */
#ifndef AMPHI_LOCAL_ENCODE_SUPER_H
#define AMPHI_LOCAL_ENCODE_SUPER_H

#include <stddef.h>

void amphi__encode_q2_k(const float *x, void *out, size_t count);
void amphi__encode_q3_k(const float *x, void *out, size_t count);
void amphi__encode_q4_k(const float *x, void *out, size_t count);
void amphi__encode_q5_k(const float *x, void *out, size_t count);
void amphi__encode_q6_k(const float *x, void *out, size_t count);
void amphi__encode_iq4_xs(const float *x, void *out, size_t count);

#endif
