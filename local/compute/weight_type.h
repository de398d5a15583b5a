/* SPDX-License-Identifier: Apache-2.0
 *
 * The weight types: their numbers in a file, their names, and how their rows are cut into blocks.
 * Sizes are those of the GGUF format (ggml's block structures).
 */
#ifndef AMPHI_COMPUTE_WEIGHT_TYPE_H
#define AMPHI_COMPUTE_WEIGHT_TYPE_H

#include <amphi/error.h>

typedef enum amphi_weight_type { /* ggml_type, as in the file */
    AMPHI_WEIGHT_F32 = 0,
    AMPHI_WEIGHT_F16 = 1,
    AMPHI_WEIGHT_Q4_0 = 2,
    AMPHI_WEIGHT_Q4_1 = 3,
    AMPHI_WEIGHT_Q5_0 = 6,
    AMPHI_WEIGHT_Q5_1 = 7,
    AMPHI_WEIGHT_Q8_0 = 8,
    AMPHI_WEIGHT_Q2_K = 10,
    AMPHI_WEIGHT_Q3_K = 11,
    AMPHI_WEIGHT_Q4_K = 12,
    AMPHI_WEIGHT_Q5_K = 13,
    AMPHI_WEIGHT_Q6_K = 14,
    AMPHI_WEIGHT_IQ4_NL = 20,
    AMPHI_WEIGHT_IQ4_XS = 23,
    AMPHI_WEIGHT_BF16 = 30
} amphi_weight_type;

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
