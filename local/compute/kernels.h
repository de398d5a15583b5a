/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops behind one const table per instruction set. A table names, for each weight
 * type, the form in which it wants its activations and a matrix product over a range of rows; a
 * type that it leaves out is done by the reference table. The reference is plain C that follows
 * the formats' definitions, and it is the judge of the others.
 */
#ifndef AMPHI_COMPUTE_KERNELS_H
#define AMPHI_COMPUTE_KERNELS_H

#include "local/compute/weight_type.h"

/* How a row of activations is laid out for a matrix product. */
typedef enum amphi_activation {
    AMPHI_ACTIVATION_F32 = 0,
    AMPHI_ACTIVATION_Q8,   /* of 32: float d[n/32], float sum[n/32] (= d * sum of q), int8 q[n] */
    AMPHI_ACTIVATION_Q8_K, /* of 256: float d[n/256], int16 sum[n/16] (of q), int8 q[n] */
    AMPHI_ACTIVATION_COUNT
} amphi_activation;

/* out[t * out_stride + r] = row r . activation t, for r in [from, to) and every t. */
typedef struct amphi_matmul {
    const uint8_t *weights;
    size_t row_bytes;
    size_t columns;
    const uint8_t *activations;
    size_t activation_bytes; /* from one token to the next */
    size_t tokens;
    float *out;
    size_t out_stride;
} amphi_matmul;

typedef void (*amphi_matmul_fn)(const amphi_matmul *job, size_t from, size_t to);

typedef struct amphi_weight_kernel {
    amphi_activation activation;
    amphi_matmul_fn matmul;
} amphi_weight_kernel;

/* One query head over positions [from, to) of its KV head's cache (binary16). */
typedef struct amphi_attend {
    const float *query;
    const uint16_t *keys;   /* position p at keys + p * key_size */
    const uint16_t *values; /* position p at values + p * value_size */
    size_t key_size;
    size_t value_size;
    size_t from;
    size_t to; /* > from */
    float scale;
    float *scores; /* room for to - from floats */
    float *out;    /* value_size floats */
} amphi_attend;

typedef struct amphi_kernels {
    const char *name; /* "reference", "avx2", "avx512vnni" */
    bool (*supported)(void);
    amphi_weight_kernel weights[AMPHI_WEIGHT_TYPE_LIMIT];
    /* Activations to their forms; columns is a multiple of the form's block. NaN and infinity
     * give some numbers, never a fault. */
    void (*quantize[AMPHI_ACTIVATION_COUNT])(void *out, const float *x, size_t columns);
    /* out may be x. weight: n floats. */
    void (*rmsnorm)(float *out, const float *x, const float *weight, size_t n, float epsilon);
    void (*add)(float *x, const float *y, size_t n);
    void (*swiglu)(float *gate, const float *up, size_t n); /* gate = silu(gate) * up */
    void (*geglu)(float *gate, const float *up, size_t n);  /* gate = gelu_tanh(gate) * up */
    void (*to_half)(uint16_t *out, const float *x, size_t n);
    void (*attend)(const amphi_attend *job);
} amphi_kernels;

extern const amphi_kernels amphi__kernels_reference;

/* name empty: the best that this machine supports. AMPHI_E_UNSUPPORTED: there is no such table,
 * or not on this machine. */
amphi_status amphi__kernels_choose(const amphi_kernels **out, amphi_str name, amphi_error *error);
/* The table's entry, or the reference's. NULL matmul only for a type that does not exist. */
amphi_weight_kernel amphi__kernels_for(const amphi_kernels *kernels, amphi_weight_type type);
/* Bytes of one row of activations. */
size_t amphi__activation_bytes(amphi_activation activation, size_t columns);

/* Where the parts of a quantized row of activations lie. */
static inline const float *amphi__q8_scales(const uint8_t *row)
{
    return (const float *)row;
}

static inline const float *amphi__q8_sums(const uint8_t *row, size_t columns)
{
    return (const float *)(row + columns / 32 * 4);
}

static inline const int8_t *amphi__q8_values(const uint8_t *row, size_t columns)
{
    return (const int8_t *)(row + columns / 32 * 8);
}

static inline const int16_t *amphi__q8k_sums(const uint8_t *row, size_t columns)
{
    return (const int16_t *)(row + columns / 256 * 4);
}

static inline const int8_t *amphi__q8k_values(const uint8_t *row, size_t columns)
{
    return (const int8_t *)(row + columns / 256 * 36);
}

#endif
