/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of log-probabilities on their way: joined, and without what is not shown.
 */
#include "sdk/client/logprobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN(text, bytes) "{\"token\":\"" text "\",\"logprob\":-1,\"bytes\":" bytes "}"

static void expect(const amphi_buf *array, const char *wanted)
{
    assert_int_equal(array->size, strlen(wanted));
    assert_memory_equal(array->size > 0 ? array->data : "", wanted, array->size);
}

static void logprobs__are_joined(void **state)
{
    amphi_buf array;
    amphi__buf_init(&array, 0);
    amphi__logprobs_append(&array, AMPHI_STR("[]"));
    amphi__logprobs_append(&array, amphi_str_make(NULL, 0));
    expect(&array, "");
    amphi__logprobs_append(&array, AMPHI_STR("[1,2]"));
    amphi__logprobs_append(&array, AMPHI_STR("[]"));
    amphi__logprobs_append(&array, AMPHI_STR("not an array"));
    amphi__logprobs_append(&array, AMPHI_STR("[3]"));
    expect(&array, "[1,2,3]");
    amphi__buf_clear(&array);
}

static void logprobs__stay_whole_at_their_limit(void **state)
{
    amphi_buf array;
    amphi__buf_init(&array, 8);
    amphi__logprobs_append(&array, AMPHI_STR("[1,2]"));
    amphi__logprobs_append(&array, AMPHI_STR("[3,4,5,6]"));
    expect(&array, "[1,2]");
    amphi__buf_clear(&array);
}

static void logprobs__of_words_that_were_shown_before_are_left_out(void **state)
{
    static const char whole[] =
        "[" TOKEN("ab", "[97,98]") "," TOKEN("cd", "null") "," TOKEN("\\u00e9", "[195,169]") "]";
    static const struct {
        size_t bytes;
        const char *left;
    } cases[] = {
        {0, whole},
        {1, whole}, /* partly written */
        {2, "[" TOKEN("cd", "null") "," TOKEN("\xc3\xa9", "[195,169]") "]"},
        {4, "[" TOKEN("\xc3\xa9", "[195,169]") "]"},
        {6, ""},
        {100, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_buf array;
        amphi__buf_init(&array, 0);
        amphi__logprobs_append(&array, amphi_str_from(whole));
        amphi__logprobs_skip(&array, cases[i].bytes);
        if (cases[i].left != whole)
            expect(&array, cases[i].left);
        else
            assert_non_null(strstr(array.data, "\"ab\""));
        amphi__buf_clear(&array);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logprobs__are_joined),
        cmocka_unit_test(logprobs__stay_whole_at_their_limit),
        cmocka_unit_test(logprobs__of_words_that_were_shown_before_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
