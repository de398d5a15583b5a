/* SPDX-License-Identifier: Apache-2.0
 *
 * Medians of the last answers; forgotten in time; the same after a restart.
 */
#include "sdk/client/route_pace.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void add(amphi_route_pace *pace, uint32_t first_ms, float speed, uint32_t tokens)
{
    const amphi_answer_pace answer = {first_ms, speed, tokens};
    amphi__route_pace_add(pace, &answer, 1000000);
}

static void pace__is_the_median_of_three_at_least(void **state)
{
    amphi_route_pace pace = {.count = 0};
    add(&pace, 100, 10, 50);
    add(&pace, 9000, 0, 150);
    amphi_policy_pace now = amphi__route_pace_summary(&pace, 600, 1000000);
    assert_int_equal(now.answers, 2);
    assert_int_equal(now.first_token_ms, 0);
    assert_int_equal(now.answer_tokens, 100);
    add(&pace, 300, 30, 0);
    add(&pace, 200, 20, 0);
    now = amphi__route_pace_summary(&pace, 600, 1000000);
    assert_int_equal(now.answers, 4);
    assert_int_equal(now.first_token_ms, 200);
    assert_true(now.tokens_per_second == 20);
    assert_int_equal(now.answer_tokens, 100); /* of those that have a length */
}

static void pace__of_long_ago_is_forgotten(void **state)
{
    amphi_route_pace pace = {.count = 0};
    for (int i = 0; i < 5; i++)
        add(&pace, 100, 10, 50);
    assert_int_equal(amphi__route_pace_summary(&pace, 60, 1060000).first_token_ms, 100);
    amphi_policy_pace now = amphi__route_pace_summary(&pace, 60, 1060001);
    assert_int_equal(now.answers, 0);
    assert_int_equal(now.first_token_ms, 0);
    assert_int_equal(now.answer_tokens, 50);
    assert_int_equal(amphi__route_pace_summary(&pace, 60, 900000).answers, 0); /* set back */
}

static void pace__keeps_the_last_ones_and_comes_back_from_the_store(void **state)
{
    amphi_route_pace pace = {.count = 0};
    amphi_route_pace read;
    amphi_buf text;
    for (uint32_t i = 0; i < 100; i++)
        add(&pace, i + 1, 7.25f, 1000 + i);
    amphi__buf_init(&text, 4096);
    assert_int_equal(amphi__route_pace_write(&pace, &text), AMPHI_OK);
    assert_true(amphi__route_pace_read(&read, amphi__buf_str(&text)));
    amphi_policy_pace a = amphi__route_pace_summary(&pace, 600, 1000000);
    amphi_policy_pace b = amphi__route_pace_summary(&read, 600, 1000000);
    assert_int_equal(a.first_token_ms, 84); /* of 69 to 100 */
    assert_int_equal(b.first_token_ms, 84);
    assert_int_equal(b.answers, AMPHI_PACE_ANSWERS_MAX);
    assert_int_equal(b.answer_tokens, a.answer_tokens);
    assert_int_equal(read.unsaved, 0);
    amphi__buf_clear(&text);
}

static void pace__that_is_damaged_is_none(void **state)
{
    static const char *const texts[] = {"", "x", "{}", "[]", "{\"at\":1,\"first_ms\":[1]}",
        "{\"at\":1,\"first_ms\":[-1],\"tps\":[1],\"tokens\":[1]}",
        "{\"at\":1,\"first_ms\":[1],\"tps\":[1e99],\"tokens\":[1]}",
        "{\"at\":1,\"first_ms\":[\"1\"],\"tps\":[1],\"tokens\":[1]}"};
    amphi_route_pace read;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(amphi__route_pace_read(&read, amphi_str_from(texts[i])));
    amphi__route_pace_read(&read, AMPHI_STR("{\"at\":5,\"first_ms\":[1,2],\"tps\":[1],"
                                            "\"tokens\":[3,4]}"));
    assert_int_equal(read.count, 1); /* as far as it is whole */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace__is_the_median_of_three_at_least),
        cmocka_unit_test(pace__of_long_ago_is_forgotten),
        cmocka_unit_test(pace__keeps_the_last_ones_and_comes_back_from_the_store),
        cmocka_unit_test(pace__that_is_damaged_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
