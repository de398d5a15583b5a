/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi_model_quantize through public calls: what it refuses, what it leaves behind, and how far
 * its models are from the floats they came from, next to files that an independent implementation
 * quantized (../shared/vectors).
 */
#include "sdk/core/buf.h"
#include "tests/support/gguf_builder.h"

#include <amphi/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <math.h>

#define MODELS "../shared/vectors/models/"
#define TOKENS 24

static char folder[64];
static char in_path[128];
static char out_path[128];

static int make_folder(void **state)
{
    gguf_builder builder;
    amphi_buf bytes;
    (void)snprintf(folder, sizeof folder, "/tmp/amphi-test-quantize-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(in_path, sizeof in_path, "%s/in.gguf", folder);
    (void)snprintf(out_path, sizeof out_path, "%s/out.gguf", folder);
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &bytes);
    FILE *file = fopen(in_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    amphi__buf_clear(&bytes);
    gguf_builder_clear(&builder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)unlink(in_path);
    (void)unlink(out_path);
    return rmdir(folder); /* fails when anything was left behind */
}

static amphi_status quantize(const char *in, const char *type, amphi_error *error)
{
    return amphi_model_quantize(
        amphi_str_from(in), amphi_str_from(out_path), amphi_str_from(type), NULL, NULL, error);
}

static void quantize__every_type_of_a_tiny_model_opens_and_runs(void **state)
{
    static const char *const types[] = {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q4_K",
        "Q3_K", "Q2_K", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "q4_k_m"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        amphi_model *model = NULL;
        amphi_error error = {0};
        const int32_t tokens[3] = {1, 2, 3};
        float logits[40];
        struct stat info;
        assert_int_equal(quantize(in_path, types[i], &error), AMPHI_OK);
        assert_int_equal(stat(out_path, &info), 0);
        assert_int_equal(info.st_mode & 0600, 0600);
        assert_int_equal(
            amphi_model_open(&model, amphi_str_from(out_path), NULL, &error), AMPHI_OK);
        assert_int_equal(
            amphi_model_logits(model, tokens, 3, true, false, logits, &error), AMPHI_OK);
        for (int k = 0; k < 40; k++)
            assert_true(isfinite(logits[k]));
        amphi_model_free(model);
    }
}

static bool stop_half_way(void *user, uint32_t permille)
{
    *(uint32_t *)user = permille;
    return permille < 300;
}

static bool count_up(void *user, uint32_t permille)
{
    uint32_t *last = user;
    assert_true(permille >= *last && permille <= 1000);
    *last = permille;
    return true;
}

static void quantize__progress_rises_to_a_thousand_and_can_stop_it(void **state)
{
    uint32_t last = 0;
    amphi_str in = amphi_str_from(in_path);
    amphi_str out = amphi_str_from(out_path);
    assert_int_equal(
        amphi_model_quantize(in, out, AMPHI_STR("Q8_0"), count_up, &last, NULL), AMPHI_OK);
    assert_int_equal(last, 1000);
    assert_int_equal(unlink(out_path), 0);
    assert_int_equal(amphi_model_quantize(in, out, AMPHI_STR("Q8_0"), stop_half_way, &last, NULL),
        AMPHI_E_CANCELLED);
    assert_true(last >= 300 && last < 1000);
    assert_int_not_equal(access(out_path, F_OK), 0);
}

static void quantize__what_makes_no_sense_is_refused_and_nothing_is_left(void **state)
{
    amphi_error error = {0};
    assert_int_equal(quantize(in_path, "Q7_0", &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "Q4_K"));
    assert_int_equal(quantize("/nonexistent.gguf", "Q8_0", &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(quantize("", "Q8_0", &error), AMPHI_E_ARGUMENT);
    assert_int_equal(quantize(out_path, "Q8_0", &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi_model_quantize(amphi_str_from(in_path), amphi_str_from(in_path),
                         AMPHI_STR("Q8_0"), NULL, NULL, &error),
        AMPHI_E_ARGUMENT);
    assert_int_equal(
        amphi_model_quantize(amphi_str_from(in_path), AMPHI_STR("/nonexistent/folder/out.gguf"),
            AMPHI_STR("Q8_0"), NULL, NULL, &error),
        AMPHI_E_IO);
    /* A folder, as a device or a pipe would be: nothing takes its place. */
    assert_int_equal(amphi_model_quantize(amphi_str_from(in_path), amphi_str_from(folder),
                         AMPHI_STR("Q8_0"), NULL, NULL, &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "not a regular file"));
    assert_int_equal(quantize(in_path, "Q4_0", &error), AMPHI_OK);
    char narrow[140];
    (void)snprintf(narrow, sizeof narrow, "%s.again", out_path);
    assert_int_equal(amphi_model_quantize(amphi_str_from(out_path), amphi_str_from(narrow),
                         AMPHI_STR("Q4_0"), NULL, NULL, &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "quantized already"));
    assert_int_not_equal(access(narrow, F_OK), 0);
}

/* Logits of the same few tokens by any model. */
static float *logits_of(const char *path, uint32_t *vocabulary)
{
    amphi_model *model = NULL;
    amphi_error error = {0};
    int32_t tokens[TOKENS];
    if (amphi_model_open(&model, amphi_str_from(path), NULL, &error) != AMPHI_OK)
        fail_msg("%s: %s", path, error.message);
    for (int32_t i = 0; i < TOKENS; i++)
        tokens[i] = 3 + i * 17;
    *vocabulary = amphi_model_vocabulary_size(model);
    float *logits = malloc(sizeof *logits * TOKENS * *vocabulary);
    assert_non_null(logits);
    assert_int_equal(
        amphi_model_logits(model, tokens, TOKENS, true, true, logits, &error), AMPHI_OK);
    amphi_model_free(model);
    return logits;
}

static double distance(const char *path, const float *expected, uint32_t vocabulary)
{
    uint32_t count = 0;
    double error = 0;
    double size = 0;
    float *got = logits_of(path, &count);
    assert_int_equal(count, vocabulary);
    for (size_t i = 0; i < (size_t)TOKENS * count; i++) {
        double off = (double)got[i] - (double)expected[i];
        error += off * off;
        size += (double)expected[i] * (double)expected[i];
    }
    free(got);
    return error / size;
}

static void quantize__models_are_as_good_as_those_of_the_independent_implementation(void **state)
{
    static const char *const types[] = {
        "Q8_0", "Q4_0", "Q5_1", "Q2_K", "Q3_K_M", "Q4_K_M", "Q6_K", "IQ4_XS"};
    if (access(MODELS "llama-f32.gguf", R_OK) != 0) {
        printf("skipped: " MODELS " is not there\n");
        skip();
    }
    uint32_t vocabulary = 0;
    float *expected = logits_of(MODELS "llama-f32.gguf", &vocabulary);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char theirs[128];
        amphi_error error = {0};
        (void)snprintf(theirs, sizeof theirs, MODELS "llama-%s.gguf", types[i]);
        if (quantize(MODELS "llama-f32.gguf", types[i], &error) != AMPHI_OK)
            fail_msg("%s: %s", types[i], error.message);
        double ours = distance(out_path, expected, vocabulary);
        double independent = distance(theirs, expected, vocabulary);
        if (ours > independent * 1.1)
            fail_msg("%s: %g, theirs %g", types[i], ours, independent);
    }
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            quantize__every_type_of_a_tiny_model_opens_and_runs, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            quantize__progress_rises_to_a_thousand_and_can_stop_it, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            quantize__what_makes_no_sense_is_refused_and_nothing_is_left, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            quantize__models_are_as_good_as_those_of_the_independent_implementation, make_folder,
            remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
