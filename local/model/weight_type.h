/* SPDX-License-Identifier: Apache-2.0
 *
 * What a weight type is called and how its rows are cut into blocks. Sizes are those of the GGUF
 * format (ggml's block structures).
 */
#ifndef AMPHI_LOCAL_WEIGHT_TYPE_H
#define AMPHI_LOCAL_WEIGHT_TYPE_H

#include "local/model/gguf.h"

#define AMPHI_WEIGHT_TYPE_LIMIT 40 /* type numbers that we know are below this */

typedef struct amphi_weight_info {
    const char *name;        /* "Q8_0" */
    uint32_t block_elements; /* 1, 32 or 256 */
    uint32_t block_bytes;
} amphi_weight_info;

/* NULL for a type that we lack. */
const amphi_weight_info *amphi__weight_info(uint32_t type);
/* Bytes of a row of `columns` elements (a multiple of the block). */
uint64_t amphi__weight_row_bytes(amphi_weight_type type, uint64_t columns);

#endif
