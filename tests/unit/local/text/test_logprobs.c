/* SPDX-License-Identifier: Apache-2.0
 *
 * Log-probabilities against plain double sums and against what llama.cpp says of a real model
 * (../shared/vectors).
 */
#include "local/text/logprobs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define REFERENCE "../shared/vectors/reference/llama-f32"
enum { VOCABULARY = 512, POSITIONS = 48 };

static void logprobs__are_the_logarithms_of_softmax(void **state)
{
    const float logits[] = {1.0f, -2.5f, 3.25f, 0.0f, 3.25f, -80.0f};
    double sum = 0;
    amphi_logprobs read;
    amphi__logprobs_read(&read, logits, 6, 3);
    for (int i = 0; i < 6; i++)
        sum += exp((double)logits[i]);
    for (int i = 0; i < 6; i++)
        assert_true(fabs((double)amphi__logprobs_of(&read, logits[i]) -
                         log(exp((double)logits[i]) / sum)) < 1e-5);
    assert_int_equal(read.top_count, 3);
    assert_int_equal(read.top[0].token, 2); /* equal ones by their ids */
    assert_int_equal(read.top[1].token, 4);
    assert_int_equal(read.top[2].token, 0);
    assert_true(read.top[0].logprob == amphi__logprobs_of(&read, 3.25f));
}

static void logprobs__of_huge_and_broken_logits_stay_in_range(void **state)
{
    const float odd[] = {NAN, -INFINITY, 3e38f, INFINITY, 1.0f};
    const float none[] = {NAN, -INFINITY};
    amphi_logprobs read;
    amphi__logprobs_read(&read, odd, 5, 20);
    assert_int_equal(read.top_count, 5);
    assert_int_equal(read.top[0].token, 3);
    for (int i = 0; i < 5; i++) {
        float logprob = amphi__logprobs_of(&read, odd[i]);
        assert_true(logprob <= 0 && logprob >= AMPHI_LOGPROB_NEVER);
    }
    assert_true(amphi__logprobs_of(&read, NAN) == AMPHI_LOGPROB_NEVER);
    amphi__logprobs_read(&read, none, 2, 1);
    assert_true(amphi__logprobs_of(&read, 0) == AMPHI_LOGPROB_NEVER);
    amphi__logprobs_read(&read, odd, 0, 20);
    assert_int_equal(read.top_count, 0);
}

/* llama.cpp's logits of the prompt's last position, and the five best of them as it names them. */
static void logprobs__agree_with_the_reference_implementation(void **state)
{
    static float logits[POSITIONS * VOCABULARY];
    FILE *file = fopen(REFERENCE ".logits.f32", "rb");
    FILE *words = fopen(REFERENCE ".txt", "r");
    long double sum = 0;
    if (file == NULL || words == NULL) {
        printf("skipped: ../shared/vectors is not there\n");
        skip();
    }
    assert_int_equal(
        fread(logits, sizeof logits[0], POSITIONS * VOCABULARY, file), POSITIONS * VOCABULARY);
    const float *last = logits + (POSITIONS - 1) * VOCABULARY;
    amphi_logprobs read;
    amphi__logprobs_read(&read, last, VOCABULARY, 5);
    for (int i = 0; i < VOCABULARY; i++)
        sum += expl((long double)last[i]);
    char line[1024];
    assert_non_null(fgets(line, sizeof line, words)); /* tokens: */
    assert_non_null(fgets(line, sizeof line, words)); /* vocab */
    for (int i = 0; i < 5; i++) {
        int token = 0;
        double logit = 0;
        assert_int_equal(fscanf(words, "%d %lf", &token, &logit), 2);
        assert_int_equal(read.top[i].token, token);
        assert_true(fabs((double)read.top[i].logprob - (logit - (double)logl(sum))) < 1e-4);
    }
    fclose(file);
    fclose(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logprobs__are_the_logarithms_of_softmax),
        cmocka_unit_test(logprobs__of_huge_and_broken_logits_stay_in_range),
        cmocka_unit_test(logprobs__agree_with_the_reference_implementation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
