/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels in plain C: every weight type is turned back into floats as its format defines and
 * multiplied with the activations, rounded to 8 bits for quantized types. Slow, and the same
 * everywhere.
 */
#include "local/compute/kernels.h"

#include "local/compute/dequantize.h"
#include "local/compute/half.h"

#include <math.h>

#define CHUNK 256 /* elements turned back at a time; a multiple of every block */

static bool always(void)
{
    return true;
}

/* Eight partial sums: the order of additions is fixed, and the error stays small. */
static float dot(const float *a, const float *b, size_t n)
{
    float sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] += a[i + j] * b[i + j];
    float rest = 0;
    for (; i < n; i++)
        rest += a[i] * b[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest;
}

/* `count` activations from column c on, as the numbers that their form stands for. */
static const float *load_activations(
    const uint8_t *row, amphi_activation form, size_t columns, size_t c, float *out, size_t count)
{
    if (form == AMPHI_ACTIVATION_F32)
        return (const float *)row + c;
    size_t block = form == AMPHI_ACTIVATION_Q8 ? 32 : 256;
    const int8_t *values = form == AMPHI_ACTIVATION_Q8 ? amphi__q8_values(row, columns)
                                                       : amphi__q8k_values(row, columns);
    for (size_t i = 0; i < count; i++)
        out[i] = amphi__q8_scales(row)[(c + i) / block] * (float)values[c + i];
    return out;
}

/* Quantized weights are defined to meet activations of 8 bits: that is what every engine does
 * with them, and so all tables compute the same thing. */
static void matmul(const amphi_matmul *job, size_t from, size_t to, amphi_weight_type type)
{
    amphi_activation form = amphi__kernels_reference.weights[type].activation;
    float chunk[CHUNK];
    float activations[CHUNK];
    for (size_t r = from; r < to; r++) {
        const uint8_t *row = job->weights + r * job->row_bytes;
        for (size_t t = 0; t < job->tokens; t++)
            job->out[t * job->out_stride + r] = 0;
        for (size_t c = 0; c < job->columns; c += CHUNK) {
            size_t count = job->columns - c < CHUNK ? job->columns - c : CHUNK;
            amphi__dequantize(type, row + amphi__weight_row_bytes(type, c), chunk, count);
            for (size_t t = 0; t < job->tokens; t++) {
                const float *x = load_activations(job->activations + t * job->activation_bytes,
                    form, job->columns, c, activations, count);
                job->out[t * job->out_stride + r] += dot(chunk, x, count);
            }
        }
    }
}

#define MATMUL(type)                                                                               \
    static void matmul_##type(const amphi_matmul *job, size_t from, size_t to)                     \
    {                                                                                              \
        matmul(job, from, to, AMPHI_WEIGHT_##type);                                                \
    }

MATMUL(F32)
MATMUL(F16)
MATMUL(BF16)
MATMUL(Q4_0)
MATMUL(Q4_1)
MATMUL(Q5_0)
MATMUL(Q5_1)
MATMUL(Q8_0)
MATMUL(Q2_K)
MATMUL(Q3_K)
MATMUL(Q4_K)
MATMUL(Q5_K)
MATMUL(Q6_K)
MATMUL(IQ4_NL)
MATMUL(IQ4_XS)

static void quantize_f32(void *out, const float *x, size_t columns)
{
    memcpy(out, x, columns * sizeof *x);
}

static float largest_magnitude(const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        float magnitude = fabsf(x[i]);
        largest = magnitude > largest ? magnitude : largest; /* NaN never is */
    }
    return largest;
}

/* Rounds half to even and saturates at +-127; NaN becomes 0. */
static int8_t to_int8(float value)
{
    if (!(value > -127.5f))
        return value < 0 ? -127 : 0;
    return value >= 126.5f ? 127 : (int8_t)lrintf(value);
}

/* The scale is one that fits into binary16, as in the format Q8_0 itself: engines that people
 * compare with round it too. */
static void quantize_q8(void *out, const float *x, size_t columns)
{
    float *scales = out;
    float *sums = scales + columns / 32;
    int8_t *values = (int8_t *)(sums + columns / 32);
    for (size_t b = 0; b < columns / 32; b++, x += 32, values += 32) {
        float d = largest_magnitude(x, 32) / 127.0f;
        float inverse = d > 0 ? 1.0f / d : 0;
        int sum = 0;
        for (int j = 0; j < 32; j++) {
            values[j] = to_int8(x[j] * inverse);
            sum += values[j];
        }
        scales[b] = amphi__half_to_float(amphi__float_to_half(d));
        sums[b] = scales[b] * (float)sum;
    }
}

static void quantize_q8_k(void *out, const float *x, size_t columns)
{
    float *scales = out;
    int16_t *sums = (int16_t *)(scales + columns / 256);
    int8_t *values = (int8_t *)(sums + columns / 16);
    for (size_t b = 0; b < columns / 256; b++) {
        float largest = largest_magnitude(x, 256);
        float inverse = largest > 0 ? 127.0f / largest : 0;
        for (int group = 0; group < 16; group++, x += 16, values += 16, sums++) {
            int sum = 0;
            for (int j = 0; j < 16; j++) {
                values[j] = to_int8(x[j] * inverse);
                sum += values[j];
            }
            *sums = (int16_t)sum;
        }
        scales[b] = inverse > 0 ? 1.0f / inverse : 0;
    }
}

/* "Root Mean Square Layer Normalization", arXiv 1910.07467. */
static void rmsnorm(float *out, const float *x, const float *weight, size_t n, float epsilon)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    float scale = 1.0f / sqrtf((float)(squares / (double)n) + epsilon);
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * scale * weight[i];
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

static void swiglu(float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

/* gelu by its tanh form, arXiv 1606.08415. */
static void geglu(float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = gate[i];
        float inner = 0.79788456080286535588f * x * (1.0f + 0.044715f * x * x);
        gate[i] = 0.5f * x * (1.0f + tanhf(inner)) * up[i];
    }
}

static void to_half(uint16_t *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = amphi__float_to_half(x[i]);
}

static void attend(const amphi_attend *job)
{
    size_t count = job->to - job->from;
    float largest = -INFINITY;
    for (size_t p = 0; p < count; p++) {
        const uint16_t *key = job->keys + (job->from + p) * job->key_size;
        float sum = 0;
        for (size_t i = 0; i < job->key_size; i++)
            sum += job->query[i] * amphi__half_to_float(key[i]);
        job->scores[p] = sum * job->scale;
        largest = job->scores[p] > largest ? job->scores[p] : largest;
    }
    float total = 0;
    for (size_t p = 0; p < count; p++) {
        job->scores[p] = expf(job->scores[p] - largest);
        total += job->scores[p];
    }
    memset(job->out, 0, job->value_size * sizeof *job->out);
    for (size_t p = 0; p < count; p++) {
        const uint16_t *value = job->values + (job->from + p) * job->value_size;
        float weight = job->scores[p] / total;
        for (size_t i = 0; i < job->value_size; i++)
            job->out[i] += weight * amphi__half_to_float(value[i]);
    }
}

#define WEIGHT(type, form) [AMPHI_WEIGHT_##type] = {AMPHI_ACTIVATION_##form, matmul_##type}

const amphi_kernels amphi__kernels_reference = {
    .name = "reference",
    .supported = always,
    .weights = {WEIGHT(F32, F32), WEIGHT(F16, F32), WEIGHT(BF16, F32), WEIGHT(Q4_0, Q8),
        WEIGHT(Q4_1, Q8), WEIGHT(Q5_0, Q8), WEIGHT(Q5_1, Q8), WEIGHT(Q8_0, Q8), WEIGHT(Q2_K, Q8_K),
        WEIGHT(Q3_K, Q8_K), WEIGHT(Q4_K, Q8_K), WEIGHT(Q5_K, Q8_K), WEIGHT(Q6_K, Q8_K),
        WEIGHT(IQ4_NL, Q8), WEIGHT(IQ4_XS, Q8_K)},
    .quantize = {quantize_f32, quantize_q8, quantize_q8_k},
    .rmsnorm = rmsnorm,
    .add = add,
    .swiglu = swiglu,
    .geglu = geglu,
    .to_half = to_half,
    .attend = attend,
};
