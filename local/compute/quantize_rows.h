/* SPDX-License-Identifier: Apache-2.0
 *
 * Floats to weights of any type: the way back from dequantize.h. Scales are searched so that the
 * squared error of each block is small, as rounding to the nearest alone leaves a good part of a
 * narrow type's accuracy unused. Deterministic; no NaN or infinity may come in.
 */
#ifndef AMPHI_COMPUTE_QUANTIZE_ROWS_H
#define AMPHI_COMPUTE_QUANTIZE_ROWS_H

#include "local/compute/weight_type.h"

/* `count` elements, a multiple of the type's block. */
void amphi__quantize_rows(amphi_weight_type type, const float *x, void *out, size_t count);

#endif
