/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers between bounds: every whole number of small ranges, fractions at the bounds, multiples.
 */
#include "tests/support/grammar_reader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static bool fits(const amphi_number_bounds *bounds, const char *text)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t entry = amphi__grammar_bounded(&g, bounds, g.returns);
    bool accepts = false;
    if (entry != 0) {
        grammar_finish(&g, entry);
        accepts = grammar_accepts(&g, amphi_str_from(text));
    }
    amphi__grammar_clear(&g);
    return accepts;
}

static void grammar_number__whole_numbers_are_exact_at_every_value(void **state)
{
    static const int ranges[][2] = {{0, 0}, {3, 8}, {-7, 12}, {95, 105}, {-120, -88}, {9, 11}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        amphi_number_bounds bounds = {
            .least = ranges[i][0], .most = ranges[i][1], .whole = true, .multiple = 1};
        for (int value = -130; value <= 130; value++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%d", value);
            assert_int_equal(fits(&bounds, text), value >= ranges[i][0] && value <= ranges[i][1]);
        }
        assert_false(fits(&bounds, "007"));
        assert_false(fits(&bounds, ""));
        assert_false(fits(&bounds, "5.5"));
    }
}

static void grammar_number__multiples_are_exact_at_every_value(void **state)
{
    static const uint32_t multiples[] = {2, 3, 7, 10, 25};
    for (size_t i = 0; i < sizeof multiples / sizeof multiples[0]; i++) {
        amphi_number_bounds bounds = {
            .least = -60, .most = 140, .whole = true, .multiple = multiples[i]};
        for (int value = -150; value <= 150; value++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%d", value);
            assert_int_equal(fits(&bounds, text),
                value >= -60 && value <= 140 && value % (int)multiples[i] == 0);
        }
    }
}

static void grammar_number__fractions_end_at_the_bounds(void **state)
{
    amphi_number_bounds closed = {.least = 0.25, .most = 1.5, .multiple = 1};
    amphi_number_bounds open = {
        .least = 0.25, .most = 1.5, .above = true, .below = true, .multiple = 1};
    static const struct {
        const char *text;
        bool closed, open;
    } rows[] = {{"0.25", true, false}, {"0.2499", false, false}, {"0.2501", true, true},
        {"1", true, true}, {"1.5", true, false}, {"1.49999", true, true}, {"1.50001", false, false},
        {"-1", false, false}, {"1e0", false, false}, {".5", false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(fits(&closed, rows[i].text), rows[i].closed);
        assert_int_equal(fits(&open, rows[i].text), rows[i].open);
    }
}

static void grammar_number__one_bound_and_none_leave_the_other_side_free(void **state)
{
    amphi_number_bounds above = {.least = 10, .most = INFINITY, .whole = true, .multiple = 1};
    assert_true(fits(&above, "10"));
    assert_true(fits(&above, "123456789"));
    assert_false(fits(&above, "9"));
    assert_false(fits(&above, "-10"));
    amphi_number_bounds below = {.least = -INFINITY, .most = -3, .whole = true, .multiple = 1};
    assert_true(fits(&below, "-3"));
    assert_true(fits(&below, "-99999"));
    assert_false(fits(&below, "-2"));
    assert_false(fits(&below, "3"));
}

static void grammar_number__an_empty_range_has_no_state(void **state)
{
    amphi_number_bounds bounds = {.least = 5, .most = 4, .whole = true, .multiple = 1};
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    assert_int_equal(amphi__grammar_bounded(&g, &bounds, g.returns), 0);
    bounds = (amphi_number_bounds){.least = 11, .most = 13, .whole = true, .multiple = 7};
    assert_int_equal(amphi__grammar_bounded(&g, &bounds, g.returns), 0);
    amphi__grammar_clear(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_number__whole_numbers_are_exact_at_every_value),
        cmocka_unit_test(grammar_number__multiples_are_exact_at_every_value),
        cmocka_unit_test(grammar_number__fractions_end_at_the_bounds),
        cmocka_unit_test(grammar_number__one_bound_and_none_leave_the_other_side_free),
        cmocka_unit_test(grammar_number__an_empty_range_has_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
