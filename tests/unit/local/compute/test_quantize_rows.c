/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoders against the formats' definition: what comes back is close, exact where the format can
 * say it, and never worse than rounding to the nearest multiple of the obvious scale.
 */
#include "local/compute/dequantize.h"
#include "local/compute/quantize_rows.h"
#include "local/model/quantize_mixture.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <math.h>

#define COUNT 4096

/* The relative squared error that normally distributed weights may keep: a good deal below what
 * plain rounding reaches. */
static const struct {
    amphi_weight_type type;
    double most;
} limits[] = {{AMPHI_WEIGHT_F32, 0}, {AMPHI_WEIGHT_F16, 1e-7}, {AMPHI_WEIGHT_BF16, 4e-6},
    {AMPHI_WEIGHT_Q8_0, 4e-5}, {AMPHI_WEIGHT_Q6_K, 4e-4}, {AMPHI_WEIGHT_Q5_K, 1.4e-3},
    {AMPHI_WEIGHT_Q5_1, 1.3e-3}, {AMPHI_WEIGHT_Q5_0, 1.8e-3}, {AMPHI_WEIGHT_Q4_K, 5.5e-3},
    {AMPHI_WEIGHT_Q4_1, 5e-3}, {AMPHI_WEIGHT_Q4_0, 6.5e-3}, {AMPHI_WEIGHT_IQ4_NL, 6e-3},
    {AMPHI_WEIGHT_IQ4_XS, 6e-3}, {AMPHI_WEIGHT_Q3_K, 2.4e-2}, {AMPHI_WEIGHT_Q2_K, 8e-2}};
#define TYPES (sizeof limits / sizeof *limits)

static uint32_t random_state = 7;

/* Twelve uniform numbers make a normal one, nearly. */
static float random_normal(void)
{
    float sum = -6;
    for (int i = 0; i < 12; i++) {
        random_state = random_state * 1664525u + 1013904223u;
        sum += (float)(random_state >> 8) / (float)(1u << 24);
    }
    return sum;
}

static double round_trip_error(amphi_weight_type type, const float *x, size_t count)
{
    static uint8_t packed[COUNT * 4];
    static float back[COUNT];
    double error = 0;
    double size = 0;
    amphi__quantize_rows(type, x, packed, count);
    amphi__dequantize(type, packed, back, count);
    for (size_t i = 0; i < count; i++) {
        double off = (double)x[i] - (double)back[i];
        error += off * off;
        size += (double)x[i] * (double)x[i];
    }
    return size > 0 ? error / size : error;
}

static void quantize_rows__normal_weights_keep_their_accuracy(void **state)
{
    static float x[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        x[i] = random_normal() * 0.05f;
    for (size_t i = 0; i < TYPES; i++) {
        double error = round_trip_error(limits[i].type, x, COUNT);
        if (!(error <= limits[i].most))
            fail_msg("%s: %g", amphi__weight_info(limits[i].type)->name, error);
    }
}

static void quantize_rows__zeros_stay_zeros_and_equal_values_stay_equal(void **state)
{
    static float x[256];
    for (size_t i = 0; i < TYPES; i++) {
        for (size_t k = 0; k < 256; k++)
            x[k] = 0;
        assert_true(round_trip_error(limits[i].type, x, 256) == 0);
        for (float value = -3; value <= 3; value += 6) {
            for (size_t k = 0; k < 256; k++)
                x[k] = value;
            /* A scale of binary16 or 8 bits is the only thing that is rounded. */
            double error = round_trip_error(limits[i].type, x, 256);
            if (error > 1e-3)
                fail_msg("%s: %g", amphi__weight_info(limits[i].type)->name, error);
        }
    }
}

static void quantize_rows__extreme_values_become_numbers(void **state)
{
    static float x[256];
    static uint8_t packed[1024];
    static float back[256];
    const float extremes[] = {3e38f, -3e38f, 1e-40f, 65504, -1e9f, 0};
    for (size_t i = 0; i < TYPES; i++) {
        for (size_t k = 0; k < 256; k++)
            x[k] = extremes[(k * 7 + k / 32) % 6];
        amphi__quantize_rows(limits[i].type, x, packed, 256);
        amphi__dequantize(limits[i].type, packed, back, 256);
        for (size_t k = 0; k < 256 && limits[i].type != AMPHI_WEIGHT_BF16; k++)
            assert_true(isfinite(back[k]));
    }
}

static amphi_weight_type choose(const char *mixture, const char *name, uint64_t columns)
{
    amphi_gguf_tensor tensor = {.name = amphi_str_from(name), .dims = {columns, 64, 1, 1}};
    return amphi__mixture_choose(amphi__mixture_find(amphi_str_from(mixture)), &tensor, 24);
}

static void mixture__sensitive_tensors_stay_wider(void **state)
{
    const amphi_gguf_tensor norm = {
        .name = AMPHI_STR("blk.0.attn_norm.weight"), .dims = {256, 1, 1, 1}};
    assert_int_equal(
        amphi__mixture_choose(amphi__mixture_find(AMPHI_STR("Q4_0")), &norm, 24), AMPHI_WEIGHT_F32);
    assert_int_equal(choose("Q4_0", "token_embd.weight", 256), AMPHI_WEIGHT_Q6_K);
    assert_int_equal(choose("q4_k_m", "output.weight", 896), AMPHI_WEIGHT_Q8_0);
    assert_int_equal(choose("Q8_0", "output.weight", 256), AMPHI_WEIGHT_Q8_0);
    assert_int_equal(choose("F16", "token_embd.weight", 256), AMPHI_WEIGHT_F16);
    assert_int_equal(choose("Q4_K", "blk.0.ffn_down.weight", 256), AMPHI_WEIGHT_Q6_K);
    assert_int_equal(choose("Q4_K", "blk.4.ffn_down.weight", 256), AMPHI_WEIGHT_Q4_K);
    assert_int_equal(choose("Q4_K", "blk.4.ffn_gate_inp.weight", 256), AMPHI_WEIGHT_F32);
    assert_int_equal(choose("Q4_K", "blk.4.attn_q.weight", 896), AMPHI_WEIGHT_Q5_0);
    assert_int_equal(choose("Q6_K", "blk.4.attn_q.weight", 896), AMPHI_WEIGHT_Q8_0);
    assert_int_equal(choose("Q2_K", "blk.4.attn_q.weight", 32), AMPHI_WEIGHT_IQ4_NL);
    assert_int_equal(choose("Q4_0", "blk.4.attn_q.weight", 40), AMPHI_WEIGHT_F16);
    assert_null(amphi__mixture_find(AMPHI_STR("Q9_0")));
    assert_null(amphi__mixture_find(AMPHI_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantize_rows__normal_weights_keep_their_accuracy),
        cmocka_unit_test(quantize_rows__zeros_stay_zeros_and_equal_values_stay_equal),
        cmocka_unit_test(quantize_rows__extreme_values_become_numbers),
        cmocka_unit_test(mixture__sensitive_tensors_stay_wider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
