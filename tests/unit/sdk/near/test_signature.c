/* SPDX-License-Identifier: Apache-2.0
 *
 * Bands: near questions have all of them in common, others seldom one, another key none.
 */
#include "sdk/near/near.h"

#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const uint8_t key[32] = {1, 2, 3};

static amphi_near_signature sign(const char *text, const uint8_t with[32])
{
    amphi_near_signature out;
    assert_int_equal(amphi__near_signature(&out, amphi_str_from(text), with), AMPHI_OK);
    return out;
}

static size_t bands_in_common(const amphi_near_signature *a, const amphi_near_signature *b)
{
    size_t count = 0;
    for (size_t i = 0; i < AMPHI_NEAR_BANDS; i++)
        count += a->bands[i] == b->bands[i];
    return count;
}

static void signature__near_questions_share_every_band(void **state)
{
    static const char *const same[] = {"What is the capital of Kenya?",
        "what's the capital of kenya",
        "Hi, could you please tell me what the capital of Kenya is? Thanks!"};
    amphi_near_signature first = sign(same[0], key);
    assert_true(first.is_near_able);
    for (size_t i = 1; i < sizeof same / sizeof same[0]; i++) {
        amphi_near_signature other = sign(same[i], key);
        assert_int_equal(bands_in_common(&first, &other), AMPHI_NEAR_BANDS);
    }
}

static void signature__another_key_shares_none(void **state)
{
    static const uint8_t other_key[32] = {1, 2, 4};
    amphi_near_signature a = sign("What is a lake?", key);
    amphi_near_signature b = sign("What is a lake?", other_key);
    assert_int_equal(bands_in_common(&a, &b), 0);
}

static void signature__unlike_questions_seldom_meet(void **state)
{
    size_t met = 0;
    amphi_near_signature a = sign("Why do cats purr when they are held?", key);
    for (int i = 0; i < 200; i++) {
        char text[80];
        snprintf(text, sizeof text, "How many rivers of %d km are there in country %d?", i, i * 7);
        amphi_near_signature b = sign(text, key);
        met += bands_in_common(&a, &b) > 0;
    }
    assert_true(met <= 2);
}

static void signature__what_is_near_to_nothing_has_no_bands(void **state)
{
    assert_false(sign("What does `ls` do?", key).is_near_able);
    assert_false(sign("", key).is_near_able);
    assert_false(sign("\xff", key).is_near_able);
}

static void signature__memory_that_runs_out_leaves_nothing_behind(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_near_signature out;
        failing_alloc_at(n);
        status = amphi__near_signature(&out, AMPHI_STR("What is a caf\xc3\xa9?"), key);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(out.is_near_able, status == AMPHI_OK);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature__near_questions_share_every_band),
        cmocka_unit_test(signature__another_key_shares_none),
        cmocka_unit_test(signature__unlike_questions_seldom_meet),
        cmocka_unit_test(signature__what_is_near_to_nothing_has_no_bands),
        cmocka_unit_test(signature__memory_that_runs_out_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
