/* SPDX-License-Identifier: Apache-2.0
 *
 * The records that carry log-probabilities from the worker, valid and hostile, and their JSON.
 */
#include "local/text/logprobs.h"
#include "local/text/logprobs_record.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void logprobs_record__becomes_openais_json(void **state)
{
    amphi_buf record;
    amphi__buf_init(&record, AMPHI_LOGPROBS_RECORD_MAX);
    amphi_buf json;
    amphi__buf_init(&json, 0);
    amphi__logprobs_record_put(&record, -0.5f, AMPHI_STR("a\"\n"));
    amphi__logprobs_record_put(&record, AMPHI_LOGPROB_NEVER, AMPHI_STR("\xe4\xbd"));
    assert_true(amphi__logprobs_record_is_sound(amphi__buf_str(&record)));
    amphi__logprobs_record_write(&json, amphi__buf_str(&record));
    assert_string_equal(json.data,
        "{\"token\":\"a\\\"\\n\",\"logprob\":-0.5,\"bytes\":[97,34,10],\"top_logprobs\":["
        "{\"token\":\"\xEF\xBF\xBD\xEF\xBF\xBD\",\"logprob\":-9999,\"bytes\":[228,189]}]}");
    amphi__buf_clear(&record);
    amphi__buf_clear(&json);
}

static void logprobs_record__too_long_tokens_are_cut(void **state)
{
    static char longer[AMPHI_LOGPROBS_TEXT_MAX * 2];
    memset(longer, 'x', sizeof longer);
    amphi_buf record;
    amphi__buf_init(&record, AMPHI_LOGPROBS_RECORD_MAX);
    for (unsigned i = 0; i <= AMPHI_LOGPROBS_TOP_MAX; i++)
        amphi__logprobs_record_put(&record, -1, amphi_str_make(longer, sizeof longer));
    assert_int_equal(record.status, AMPHI_OK);
    assert_int_equal(record.size, AMPHI_LOGPROBS_RECORD_MAX);
    assert_true(amphi__logprobs_record_is_sound(amphi__buf_str(&record)));
    amphi__buf_clear(&record);
}

/* Every cut, every wrong number; nothing is read past the end (ASan). */
static void logprobs_record__unsound_ones_are_refused(void **state)
{
    const float wrong[] = {NAN, INFINITY, -INFINITY, 1e-6f, -10000.0f};
    amphi_buf record;
    amphi__buf_init(&record, 0);
    for (int i = 0; i < 3; i++)
        amphi__logprobs_record_put(&record, -1, AMPHI_STR("abc"));
    for (size_t size = 0; size < record.size; size++) {
        char *copy = malloc(size + 1);
        memcpy(copy, record.data, size);
        assert_int_equal(
            amphi__logprobs_record_is_sound(amphi_str_make(copy, size)), size > 0 && size % 9 == 0);
        free(copy);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        amphi__buf_reset(&record);
        amphi__logprobs_record_put(&record, wrong[i], AMPHI_STR("a"));
        assert_false(amphi__logprobs_record_is_sound(amphi__buf_str(&record)));
    }
    amphi__buf_reset(&record);
    for (unsigned i = 0; i <= AMPHI_LOGPROBS_TOP_MAX + 1; i++)
        amphi__logprobs_record_put(&record, -1, AMPHI_STR("a"));
    assert_false(amphi__logprobs_record_is_sound(amphi__buf_str(&record)));
    amphi__buf_clear(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logprobs_record__becomes_openais_json),
        cmocka_unit_test(logprobs_record__too_long_tokens_are_cut),
        cmocka_unit_test(logprobs_record__unsound_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
