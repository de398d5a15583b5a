/* SPDX-License-Identifier: Apache-2.0
 *
 * Every table of kernels that this machine runs against the reference one, on random rows; the
 * reference itself against blocks computed by hand; and the thread pool under it.
 */
#include "local/compute/blocks.h"
#include "local/compute/dequantize.h"
#include "local/compute/half.h"
#include "local/compute/kernels.h"
#include "local/compute/thread_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#define COLUMNS_MAX 1024
#define ROWS        7
#define TOKENS      9

static const amphi_weight_type all_types[] = {AMPHI_WEIGHT_F32, AMPHI_WEIGHT_F16, AMPHI_WEIGHT_BF16,
    AMPHI_WEIGHT_Q4_0, AMPHI_WEIGHT_Q4_1, AMPHI_WEIGHT_Q5_0, AMPHI_WEIGHT_Q5_1, AMPHI_WEIGHT_Q8_0,
    AMPHI_WEIGHT_Q2_K, AMPHI_WEIGHT_Q3_K, AMPHI_WEIGHT_Q4_K, AMPHI_WEIGHT_Q5_K, AMPHI_WEIGHT_Q6_K,
    AMPHI_WEIGHT_IQ4_NL, AMPHI_WEIGHT_IQ4_XS};
#define ALL_TYPES (sizeof all_types / sizeof *all_types)

/* The best table of this machine and each that can be asked for by name. */
static const char *const names[] = {"", "avx2", "avx512vnni", "reference"};
#define NAMES (sizeof names / sizeof *names)

static uint32_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static float random_float(void)
{
    return (float)random_bits() / (float)(1u << 23) - 1.0f;
}

static const amphi_kernels *table(const char *name)
{
    const amphi_kernels *kernels = NULL;
    (void)amphi__kernels_choose(&kernels, amphi_str_from(name), NULL);
    return kernels;
}

/* Random bytes with scales that are ordinary numbers. */
static void fill_weights(amphi_weight_type type, uint8_t *data, size_t columns, size_t rows)
{
    static const struct {
        amphi_weight_type type;
        uint8_t at[2]; /* offsets of binary16 numbers; the second may repeat the first */
    } scales[] = {{AMPHI_WEIGHT_Q4_0, {0, 0}}, {AMPHI_WEIGHT_Q4_1, {0, 2}},
        {AMPHI_WEIGHT_Q5_0, {0, 0}}, {AMPHI_WEIGHT_Q5_1, {0, 2}}, {AMPHI_WEIGHT_Q8_0, {0, 0}},
        {AMPHI_WEIGHT_Q2_K, {80, 82}}, {AMPHI_WEIGHT_Q3_K, {108, 108}}, {AMPHI_WEIGHT_Q4_K, {0, 2}},
        {AMPHI_WEIGHT_Q5_K, {0, 2}}, {AMPHI_WEIGHT_Q6_K, {208, 208}}, {AMPHI_WEIGHT_IQ4_NL, {0, 0}},
        {AMPHI_WEIGHT_IQ4_XS, {0, 0}}};
    const amphi_weight_info *info = amphi__weight_info(type);
    size_t blocks = columns / info->block_elements * rows;
    for (size_t i = 0; i < blocks * info->block_bytes; i++)
        data[i] = (uint8_t)random_bits();
    for (size_t i = 0; i < blocks; i++) {
        float value = random_float();
        uint16_t half = amphi__float_to_half(value);
        uint8_t *block = data + i * info->block_bytes;
        if (type == AMPHI_WEIGHT_F32)
            memcpy(block, &value, sizeof value);
        if (type == AMPHI_WEIGHT_BF16)
            half = (uint16_t)(amphi__float_to_bits(value) >> 16);
        if (type == AMPHI_WEIGHT_F16 || type == AMPHI_WEIGHT_BF16)
            memcpy(block, &half, sizeof half);
        for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
            if (scales[k].type != type)
                continue;
            memcpy(block + scales[k].at[0], &half, sizeof half);
            half = amphi__float_to_half(random_float());
            memcpy(block + scales[k].at[1], &half, sizeof half);
        }
    }
}

/* What a row of prepared activations stands for. */
static void unquantize(amphi_activation form, const uint8_t *row, float *out, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        if (form == AMPHI_ACTIVATION_Q8)
            out[i] = amphi__q8_scales(row)[i / 32] * (float)amphi__q8_values(row, columns)[i];
        else if (form == AMPHI_ACTIVATION_Q8_K)
            out[i] = amphi__q8_scales(row)[i / 256] * (float)amphi__q8k_values(row, columns)[i];
        else
            out[i] = ((const float *)row)[i];
}

typedef struct product {
    uint8_t weights[COLUMNS_MAX * 4 * ROWS];
    float x[COLUMNS_MAX * TOKENS];
    uint8_t activations[(COLUMNS_MAX * 4 + 64) * TOKENS];
    float out[ROWS * TOKENS];
} product;

static amphi_matmul prepare(
    product *p, const amphi_kernels *kernels, amphi_weight_type type, size_t columns, size_t tokens)
{
    amphi_activation form = amphi__kernels_for(kernels, type).activation;
    size_t bytes = amphi__activation_bytes(form, columns);
    for (size_t t = 0; t < tokens; t++)
        kernels->quantize[form](p->activations + t * bytes, p->x + t * columns, columns);
    amphi_matmul job = {.weights = p->weights,
        .row_bytes = (size_t)amphi__weight_row_bytes(type, columns),
        .columns = columns,
        .activations = p->activations,
        .activation_bytes = bytes,
        .tokens = tokens,
        .out = p->out,
        .out_stride = ROWS};
    return job;
}

/* The exact product of the weights and the activations as they were rounded, in double. */
static void check_product(const product *p, const amphi_kernels *kernels, amphi_weight_type type,
    size_t columns, size_t tokens)
{
    static float row[COLUMNS_MAX];
    static float x[COLUMNS_MAX];
    amphi_activation form = amphi__kernels_for(kernels, type).activation;
    size_t bytes = amphi__activation_bytes(form, columns);
    for (size_t r = 0; r < ROWS; r++) {
        amphi__dequantize(
            type, p->weights + r * amphi__weight_row_bytes(type, columns), row, columns);
        for (size_t t = 0; t < tokens; t++) {
            double sum = 0;
            double size = 0;
            unquantize(form, p->activations + t * bytes, x, columns);
            for (size_t i = 0; i < columns; i++) {
                sum += (double)row[i] * (double)x[i];
                size += fabs((double)row[i] * (double)x[i]);
            }
            double error = fabs((double)p->out[t * ROWS + r] - sum);
            if (error > 2e-6 * size + 1e-6)
                fail_msg("%s %s, %zu columns, row %zu, token %zu: %g, not %g", kernels->name,
                    amphi__weight_info(type)->name, columns, r, t, (double)p->out[t * ROWS + r],
                    sum);
        }
    }
}

static void kernels__products_agree_with_the_formats_definition(void **state)
{
    static product p;
    for (size_t n = 0; n < NAMES; n++) {
        const amphi_kernels *kernels = table(names[n]);
        for (size_t i = 0; kernels != NULL && i < ALL_TYPES; i++) {
            size_t block = amphi__weight_info(all_types[i])->block_elements;
            for (size_t blocks = 1; blocks * block <= COLUMNS_MAX; blocks += 1 + blocks / 5) {
                size_t columns = blocks * block;
                size_t tokens = 1 + random_bits() % TOKENS;
                fill_weights(all_types[i], p.weights, columns, ROWS);
                for (size_t k = 0; k < columns * tokens; k++)
                    p.x[k] = random_float() * 3;
                amphi_matmul job = prepare(&p, kernels, all_types[i], columns, tokens);
                amphi__kernels_for(kernels, all_types[i]).matmul(&job, 0, ROWS);
                check_product(&p, kernels, all_types[i], columns, tokens);
            }
        }
    }
}

static void kernels__a_token_gives_the_same_bits_alone_and_in_a_batch(void **state)
{
    static product p;
    float batch[ROWS * TOKENS];
    for (size_t n = 0; n < NAMES; n++) {
        const amphi_kernels *kernels = table(names[n]);
        for (size_t i = 0; kernels != NULL && i < ALL_TYPES; i++) {
            const size_t columns = 512;
            fill_weights(all_types[i], p.weights, columns, ROWS);
            for (size_t k = 0; k < columns * TOKENS; k++)
                p.x[k] = random_float();
            amphi_matmul job = prepare(&p, kernels, all_types[i], columns, TOKENS);
            amphi_weight_kernel kernel = amphi__kernels_for(kernels, all_types[i]);
            kernel.matmul(&job, 0, ROWS);
            memcpy(batch, p.out, sizeof batch);
            memset(p.out, 0, sizeof p.out);
            job.tokens = 1;
            for (size_t t = 0; t < TOKENS; t++) {
                for (size_t r = 0; r < ROWS; r += 3)
                    kernel.matmul(&job, r, r + 3 < ROWS ? r + 3 : ROWS);
                job.activations += job.activation_bytes;
                job.out += ROWS;
            }
            assert_memory_equal(batch, p.out, sizeof batch);
        }
    }
}

static void kernels__rows_outside_the_range_stay_untouched(void **state)
{
    static product p;
    const amphi_kernels *kernels = table("");
    for (size_t i = 0; i < ALL_TYPES; i++) {
        fill_weights(all_types[i], p.weights, 256, ROWS);
        for (size_t k = 0; k < ROWS * TOKENS; k++)
            p.out[k] = 12345;
        amphi_matmul job = prepare(&p, kernels, all_types[i], 256, 5);
        amphi__kernels_for(kernels, all_types[i]).matmul(&job, 2, 4);
        for (size_t k = 0; k < ROWS * TOKENS; k++) {
            bool inside = k < ROWS * 5 && k % ROWS >= 2 && k % ROWS < 4;
            assert_true((p.out[k] == 12345) != inside);
        }
    }
}

static void kernels__activations_are_rounded_as_by_the_reference(void **state)
{
    static float x[COLUMNS_MAX];
    static uint8_t expected[COLUMNS_MAX * 4 + 64];
    static uint8_t got[COLUMNS_MAX * 4 + 64];
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < COLUMNS_MAX; i++)
            x[i] = round == 0 ? 0 : random_float() * (round % 3 == 0 ? 1e-20f : 40);
        for (size_t n = 0; n < NAMES; n++) {
            const amphi_kernels *kernels = table(names[n]);
            for (int form = 0; kernels != NULL && form < AMPHI_ACTIVATION_COUNT; form++) {
                memset(expected, 0, sizeof expected);
                memset(got, 0, sizeof got);
                amphi__kernels_reference.quantize[form](expected, x, COLUMNS_MAX);
                kernels->quantize[form](got, x, COLUMNS_MAX);
                assert_memory_equal(expected, got, sizeof got);
            }
        }
    }
}

static void kernels__not_a_number_and_infinity_do_not_fault(void **state)
{
    static product p;
    const uint16_t strange[] = {0x7c00, 0xfc00, 0x7e00, 0x0001, 0x7bff};
    for (size_t n = 0; n < NAMES; n++) {
        const amphi_kernels *kernels = table(names[n]);
        for (size_t i = 0; kernels != NULL && i < ALL_TYPES; i++) {
            for (size_t k = 0; k < sizeof p.weights; k += 2)
                memcpy(p.weights + k, &strange[k / 2 % 5], 2);
            for (size_t k = 0; k < 512 * TOKENS; k++)
                p.x[k] = k % 3 == 0 ? NAN : k % 3 == 1 ? -INFINITY : 1e38f;
            amphi_matmul job = prepare(&p, kernels, all_types[i], 512, TOKENS);
            amphi__kernels_for(kernels, all_types[i]).matmul(&job, 0, ROWS);
        }
        if (kernels == NULL)
            continue;
        float up[33] = {0};
        kernels->swiglu(p.x, up, 33);
        kernels->geglu(p.x, up, 33);
        kernels->rmsnorm(p.x, p.x, up, 33, 1e-5f);
    }
    assert_true(true);
}

static void assert_near(float got, float expected, double tolerance)
{
    double error = fabs((double)got - (double)expected);
    if (error > tolerance * (1 + fabs((double)expected)))
        fail_msg("%g, not %g", (double)got, (double)expected);
}

static void kernels__vector_functions_agree_with_the_reference(void **state)
{
    static float x[2][200];
    static float y[200];
    uint16_t halves[2][200];
    const amphi_kernels *r = &amphi__kernels_reference;
    for (size_t n = 0; n < NAMES; n++) {
        const amphi_kernels *kernels = table(names[n]);
        for (size_t size = 1; kernels != NULL && size < 200; size += 1 + size / 4) {
            for (int function = 0; function < 5; function++) {
                for (size_t i = 0; i < size; i++) {
                    x[0][i] = x[1][i] = random_float() * 20;
                    y[i] = random_float();
                }
                switch (function) {
                case 0:
                    kernels->swiglu(x[0], y, size);
                    r->swiglu(x[1], y, size);
                    break;
                case 1:
                    kernels->geglu(x[0], y, size);
                    r->geglu(x[1], y, size);
                    break;
                case 2:
                    kernels->add(x[0], y, size);
                    r->add(x[1], y, size);
                    break;
                case 3:
                    kernels->rmsnorm(x[0], x[0], y, size, 1e-6f);
                    r->rmsnorm(x[1], x[1], y, size, 1e-6f);
                    break;
                default:
                    kernels->to_half(halves[0], x[0], size);
                    r->to_half(halves[1], x[1], size);
                    assert_memory_equal(halves[0], halves[1], size * 2);
                }
                for (size_t i = 0; i < size; i++)
                    assert_near(x[0][i], x[1][i], 2e-6);
            }
        }
    }
}

static void kernels__attention_agrees_with_the_reference(void **state)
{
    static uint16_t keys[40 * 144];
    static uint16_t values[40 * 144];
    static float query[144];
    float scores[40];
    float out[2][144];
    const size_t sizes[] = {2, 8, 20, 32, 64, 72, 96, 128, 144};
    for (size_t i = 0; i < 40 * 144; i++) {
        keys[i] = amphi__float_to_half(random_float());
        values[i] = amphi__float_to_half(random_float());
        query[i % 144] = random_float() * 4;
    }
    for (size_t n = 0; n < NAMES; n++) {
        const amphi_kernels *kernels = table(names[n]);
        for (size_t s = 0; kernels != NULL && s < sizeof sizes / sizeof *sizes; s++) {
            for (size_t to = 1; to <= 40; to += 3) {
                amphi_attend job = {
                    query, keys, values, sizes[s], sizes[8 - s], to / 3, to, 0.3f, scores, out[0]};
                kernels->attend(&job);
                job.out = out[1];
                amphi__kernels_reference.attend(&job);
                for (size_t i = 0; i < job.value_size; i++)
                    assert_near(out[0][i], out[1][i], 3e-6);
            }
        }
    }
}

static void dequantize__blocks_made_by_hand(void **state)
{
    float out[32];
    amphi_block_q8_0 q8 = {amphi__float_to_half(0.5f), {-128, 127, 3}};
    amphi__dequantize(AMPHI_WEIGHT_Q8_0, &q8, out, 32);
    assert_true(out[0] == -64 && out[1] == 63.5f && out[2] == 1.5f && out[31] == 0);
    amphi_block_q4_0 q4 = {amphi__float_to_half(2), {0xf0, 0x18}};
    amphi__dequantize(AMPHI_WEIGHT_Q4_0, &q4, out, 32);
    assert_true(out[0] == -16 && out[16] == 14 && out[1] == 0 && out[17] == -14);
    amphi_block_q4_1 q41 = {amphi__float_to_half(2), amphi__float_to_half(-1), {0x3f}};
    amphi__dequantize(AMPHI_WEIGHT_Q4_1, &q41, out, 32);
    assert_true(out[0] == 29 && out[16] == 5 && out[1] == -1);
    amphi_block_q5_0 q5 = {amphi__float_to_half(1), {0x01, 0, 0x02, 0}, {0x21}};
    amphi__dequantize(AMPHI_WEIGHT_Q5_0, &q5, out, 32);
    assert_true(out[0] == 1 && out[16] == -14 && out[17] == 0 && out[1] == -16);
    amphi_block_iq4_nl iq4 = {amphi__float_to_half(1), {0xf0, 0x78}};
    amphi__dequantize(AMPHI_WEIGHT_IQ4_NL, &iq4, out, 32);
    assert_true(out[0] == -127 && out[16] == 113 && out[1] == 1 && out[17] == -10);
}

static void half__every_number_survives_the_way_to_float_and_back(void **state)
{
    for (uint32_t half = 0; half < 65536; half++) {
        float value = amphi__half_to_float((uint16_t)half);
        if (isnan(value))
            assert_true(isnan(amphi__half_to_float(amphi__float_to_half(value))));
        else
            assert_int_equal(amphi__float_to_half(value), half);
    }
    assert_int_equal(amphi__float_to_half(65504), 0x7bff);
    assert_int_equal(amphi__float_to_half(65520), 0x7c00);
    assert_int_equal(amphi__float_to_half(0x1p-25f), 0); /* a tie, to even */
    assert_int_equal(amphi__float_to_half(0x1.8p-25f), 1);
    assert_int_equal(amphi__float_to_half(1 + 0x1p-11f), 0x3c00); /* a tie, to even */
    assert_int_equal(amphi__float_to_half(1 + 0x3p-11f), 0x3c02);
}

static void kernels__an_unknown_name_is_refused(void **state)
{
    const amphi_kernels *kernels = NULL;
    amphi_error error = {0};
    assert_int_equal(
        amphi__kernels_choose(&kernels, AMPHI_STR("abacus"), &error), AMPHI_E_UNSUPPORTED);
    assert_int_equal(amphi__kernels_choose(&kernels, AMPHI_STR("reference"), &error), AMPHI_OK);
    assert_string_equal(kernels->name, "reference");
}

typedef struct count_job {
    atomic_uint *visits;
    atomic_uint threads_seen;
} count_job;

static void count_visits(void *arg, size_t from, size_t to, uint32_t thread)
{
    count_job *job = arg;
    atomic_fetch_or(&job->threads_seen, 1u << thread);
    for (size_t i = from; i < to; i++)
        atomic_fetch_add(&job->visits[i], 1);
}

static void threads__every_item_is_done_exactly_once(void **state)
{
    enum { ITEMS = 1000 };
    static atomic_uint visits[ITEMS];
    for (uint32_t count = 1; count <= 5; count++) {
        amphi_thread_pool *threads = NULL;
        count_job job = {visits, 0};
        assert_int_equal(amphi__thread_pool_new(&threads, count, NULL), AMPHI_OK);
        assert_int_equal(amphi__thread_pool_count(threads), count);
        for (size_t round = 0; round < 300; round++) {
            size_t total = round * 37 % (ITEMS + 1);
            memset(visits, 0, sizeof visits);
            amphi__thread_pool_run(threads, total, round % 20, count_visits, &job);
            for (size_t i = 0; i < ITEMS; i++)
                assert_int_equal(atomic_load(&visits[i]), i < total ? 1 : 0);
        }
        assert_true(atomic_load(&job.threads_seen) < 1u << count);
        amphi__thread_pool_free(threads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels__products_agree_with_the_formats_definition),
        cmocka_unit_test(kernels__a_token_gives_the_same_bits_alone_and_in_a_batch),
        cmocka_unit_test(kernels__rows_outside_the_range_stay_untouched),
        cmocka_unit_test(kernels__activations_are_rounded_as_by_the_reference),
        cmocka_unit_test(kernels__not_a_number_and_infinity_do_not_fault),
        cmocka_unit_test(kernels__vector_functions_agree_with_the_reference),
        cmocka_unit_test(kernels__attention_agrees_with_the_reference),
        cmocka_unit_test(dequantize__blocks_made_by_hand),
        cmocka_unit_test(half__every_number_survives_the_way_to_float_and_back),
        cmocka_unit_test(kernels__an_unknown_name_is_refused),
        cmocka_unit_test(threads__every_item_is_done_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
