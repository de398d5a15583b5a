/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights back to floats, exactly as the format defines them. The judge of every faster kernel,
 * and how embedding rows are read.
 */
#ifndef AMPHI_COMPUTE_DEQUANTIZE_H
#define AMPHI_COMPUTE_DEQUANTIZE_H

#include "local/compute/weight_type.h"

/* `count` elements from the start of a block on; count is a multiple of the type's block. */
void amphi__dequantize(amphi_weight_type type, const void *data, float *out, size_t count);

#endif
