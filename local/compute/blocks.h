/* SPDX-License-Identifier: Apache-2.0
 *
 * The blocks of quantized rows as they lie in a GGUF file (ggml's definitions), little-endian.
 * d and m are binary16. Every structure is 2-aligned at most, as rows in a file are.
 */
#ifndef AMPHI_COMPUTE_BLOCKS_H
#define AMPHI_COMPUTE_BLOCKS_H

#include <stdint.h>

typedef struct amphi_block_q4_0 { /* 32: (q - 8) d; low nibbles first, high ones 16 later */
    uint16_t d;
    uint8_t qs[16];
} amphi_block_q4_0;

typedef struct amphi_block_q4_1 { /* 32: q d + m */
    uint16_t d;
    uint16_t m;
    uint8_t qs[16];
} amphi_block_q4_1;

typedef struct amphi_block_q5_0 { /* 32: (q - 16) d; bit i of qh is element i's fifth bit */
    uint16_t d;
    uint8_t qh[4];
    uint8_t qs[16];
} amphi_block_q5_0;

typedef struct amphi_block_q5_1 { /* 32: q d + m */
    uint16_t d;
    uint16_t m;
    uint8_t qh[4];
    uint8_t qs[16];
} amphi_block_q5_1;

typedef struct amphi_block_q8_0 { /* 32: q d */
    uint16_t d;
    int8_t qs[32];
} amphi_block_q8_0;

typedef struct amphi_block_iq4_nl { /* 32: table[q] d */
    uint16_t d;
    uint8_t qs[16];
} amphi_block_iq4_nl;

typedef struct amphi_block_q2_k { /* 256: 16 groups of 16, scale and minimum of 4 bits each */
    uint8_t scales[16];
    uint8_t qs[64];
    uint16_t d;
    uint16_t dmin;
} amphi_block_q2_k;

typedef struct amphi_block_q3_k { /* 256: 16 groups of 16, signed scales of 6 bits */
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;
} amphi_block_q3_k;

typedef struct amphi_block_q4_k { /* 256: 8 groups of 32, scale and minimum of 6 bits each */
    uint16_t d;
    uint16_t dmin;
    uint8_t scales[12];
    uint8_t qs[128];
} amphi_block_q4_k;

typedef struct amphi_block_q5_k { /* the same with a fifth bit in qh */
    uint16_t d;
    uint16_t dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
} amphi_block_q5_k;

typedef struct amphi_block_q6_k { /* 256: 16 groups of 16, signed scales of 8 bits, (q - 32) */
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
} amphi_block_q6_k;

typedef struct amphi_block_iq4_xs { /* 256: 8 groups of 32, signed scales of 6 bits, table[q] */
    uint16_t d;
    uint16_t scales_h;
    uint8_t scales_l[4];
    uint8_t qs[128];
} amphi_block_iq4_xs;

/* The 16 values of IQ4_NL and IQ4_XS. */
extern const int8_t amphi__iq4_values[16];

/* Scale and minimum number `group` (0..7) of Q4_K and Q5_K, out of their 12 packed bytes. */
static inline void amphi__k4_scale(
    const uint8_t packed[12], int group, uint8_t *scale, uint8_t *minimum)
{
    if (group < 4) {
        *scale = packed[group] & 63;
        *minimum = packed[group + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4);
        *minimum = (uint8_t)(packed[group + 4] >> 4 | (packed[group] >> 6) << 4);
    }
}

/* The 16 signed scales of Q3_K, out of their 12 packed bytes: 4 low bits, then 2 high ones. */
static inline void amphi__k3_scales(const uint8_t packed[12], int8_t scales[16])
{
    for (int i = 0; i < 16; i++) {
        int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
        int high = packed[8 + (i & 3)] >> (2 * (i >> 2)) & 3;
        scales[i] = (int8_t)((low | high << 4) - 32);
    }
}

#endif
