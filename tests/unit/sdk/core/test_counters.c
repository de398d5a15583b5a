/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of a period: they begin anew with the next one, and what is no such text counts as nothing.
 */
#include "sdk/core/counters.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect(const amphi_counters *counters, const char *text)
{
    amphi_buf out;
    amphi__buf_init(&out, AMPHI_COUNTERS_BYTES_MAX);
    amphi__counters_write(counters, &out);
    assert_int_equal(out.status, AMPHI_OK);
    assert_true(amphi__str_equal_c(amphi__buf_str(&out), text));
    amphi__buf_clear(&out);
}

static void counters__are_read_as_they_were_written(void **state)
{
    amphi_counters c = amphi__counters_read(AMPHI_STR("20787 1 18446744073709551615 0"), 3);
    expect(&c, "20787 1 18446744073709551615 0");
    c = amphi__counters_read(AMPHI_STR("20787 7"), 3); /* of a version with one number */
    expect(&c, "20787 7 0 0");
    c = amphi__counters_read(AMPHI_STR("20787 1 2 3 4"), 2); /* of one with four */
    expect(&c, "20787 1 2");
}

static void counters__of_a_damaged_text_are_none(void **state)
{
    static const char *const texts[] = {"", " ", "x", "20787 1 x", "20787 -1", "1e3 1",
        "20787 18446744073709551616", "9223372036854775808 1", "20787  1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        amphi_counters c = amphi__counters_read(amphi_str_from(texts[i]), 2);
        expect(&c, "0 0 0");
    }
}

static void counters__begin_anew_with_the_next_period(void **state)
{
    const uint64_t add[] = {5, 1};
    amphi_counters c = amphi__counters_read(AMPHI_STR("100 7 7"), 2);
    amphi__counters_turn(&c, 100);
    amphi__counters_add(&c, add);
    expect(&c, "100 12 8");
    amphi__counters_turn(&c, 101);
    amphi__counters_add(&c, add);
    expect(&c, "101 5 1");
    amphi__counters_turn(&c, 100); /* late by a moment: nothing of today is lost */
    amphi__counters_add(&c, add);
    expect(&c, "101 10 2");
    amphi__counters_turn(&c, 90); /* the clock was wrong by days */
    expect(&c, "90 0 0");
}

static void counters__that_are_full_stay_so(void **state)
{
    const uint64_t add[] = {UINT64_MAX, 1};
    amphi_counters c = amphi__counters_read(AMPHI_STR("9223372036854775807 9 9"), 2);
    amphi__counters_add(&c, add);
    expect(&c, "9223372036854775807 18446744073709551615 10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters__are_read_as_they_were_written),
        cmocka_unit_test(counters__of_a_damaged_text_are_none),
        cmocka_unit_test(counters__begin_anew_with_the_next_period),
        cmocka_unit_test(counters__that_are_full_stay_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
