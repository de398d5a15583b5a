/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking a sealed grammar: positions, what may follow, the cost of the rest, and forgetting.
 */
#include "tests/support/failing_alloc.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* "ab" or "ac", each with or without a "d" behind it; or balanced parentheses. */
static void build(amphi_grammar *g)
{
    assert_int_equal(amphi__grammar_init(g), AMPHI_OK);
    uint32_t rule = amphi__grammar_rule(g);
    uint32_t inner = amphi__grammar_call(g, rule, amphi__grammar_range(g, ')', ')', g->returns));
    g->rules[rule] = amphi__grammar_either(g, g->returns, amphi__grammar_range(g, '(', '(', inner));
    uint32_t rest =
        amphi__grammar_either(g, g->returns, amphi__grammar_range(g, 'd', 'd', g->returns));
    uint32_t word = amphi__grammar_range(g, 'a', 'a', amphi__grammar_any_of(g, "bc", rest));
    grammar_finish(g, amphi__grammar_either(g, word, amphi__grammar_call(g, rule, g->returns)));
}

static uint32_t walk(amphi_matcher *m, const char *text)
{
    uint32_t at = amphi__matcher_start(m);
    for (const char *c = text; *c != '\0' && at != AMPHI_POSITION_NONE; c++)
        at = amphi__matcher_step(m, at, (uint8_t)*c);
    return at;
}

static void matcher__equal_places_have_one_number(void **state)
{
    amphi_grammar g;
    build(&g);
    amphi_matcher *m = NULL;
    assert_int_equal(amphi__matcher_new(&m, &g, NULL), AMPHI_OK);
    assert_int_equal(walk(m, "((("), walk(m, "((("));
    assert_int_equal(walk(m, "(()"), walk(m, "((())")); /* one ')' is left in both */
    assert_int_not_equal(walk(m, "("), walk(m, "(("));
    assert_int_equal(walk(m, "ab"), walk(m, "ac"));
    assert_int_equal(walk(m, "ax"), AMPHI_POSITION_NONE);
    assert_int_equal(walk(m, "())"), AMPHI_POSITION_NONE);
    amphi__matcher_free(m);
    amphi__grammar_clear(&g);
}

static void matcher__what_may_follow_is_known(void **state)
{
    static const struct {
        const char *text;
        bool may_end, may_go_on;
        int only;
    } rows[] = {{"", true, true, -1}, {"a", false, true, -1},
        {"ab", true, true, -1}, /* the end, or one byte */
        {"abd", true, false, -1}, {"(", false, true, -1}, {"(()", false, true, ')'},
        {"()", true, false, -1}};
    amphi_grammar g;
    build(&g);
    amphi_matcher *m = NULL;
    assert_int_equal(amphi__matcher_new(&m, &g, NULL), AMPHI_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t at = walk(m, rows[i].text);
        assert_int_not_equal(at, AMPHI_POSITION_NONE);
        assert_int_equal(amphi__matcher_may_end(m, at), rows[i].may_end);
        assert_int_equal(amphi__matcher_may_go_on(m, at), rows[i].may_go_on);
        assert_int_equal(amphi__matcher_only(m, at), rows[i].only);
    }
    amphi__matcher_free(m);
    amphi__grammar_clear(&g);
}

static void matcher__the_rest_costs_what_its_calls_need(void **state)
{
    amphi_grammar g;
    build(&g);
    amphi_matcher *m = NULL;
    assert_int_equal(amphi__matcher_new(&m, &g, NULL), AMPHI_OK);
    assert_int_equal(amphi__matcher_cost(m, amphi__matcher_start(m)), 0);
    uint32_t one = amphi__matcher_cost(m, walk(m, "("));
    assert_int_equal(one, 8); /* a ')' without a choice: grammar_finish says 8 */
    assert_int_equal(amphi__matcher_cost(m, walk(m, "((((")), 4 * one);
    assert_int_equal(amphi__matcher_cost(m, walk(m, "a")), AMPHI_COST_TOKEN);
    amphi__matcher_free(m);
    amphi__grammar_clear(&g);
}

static void matcher__nesting_ends_at_the_limit(void **state)
{
    amphi_grammar g;
    build(&g);
    amphi_matcher *m = NULL;
    assert_int_equal(amphi__matcher_new(&m, &g, NULL), AMPHI_OK);
    uint32_t at = amphi__matcher_start(m);
    unsigned depth = 0;
    while (depth < 1000 && at != AMPHI_POSITION_NONE) {
        at = amphi__matcher_step(m, at, '(');
        depth += at != AMPHI_POSITION_NONE;
    }
    assert_in_range(depth, AMPHI_GRAMMAR_DEPTH_MAX - 2, AMPHI_GRAMMAR_DEPTH_MAX);
    assert_int_equal(amphi__matcher_status(m), AMPHI_OK);
    amphi__matcher_free(m);
    amphi__grammar_clear(&g);
}

static void matcher__tidying_keeps_the_position(void **state)
{
    amphi_grammar g;
    build(&g);
    amphi_matcher *m = NULL;
    assert_int_equal(amphi__matcher_new(&m, &g, NULL), AMPHI_OK);
    uint32_t at = walk(m, "(((");
    bool forgot = true;
    assert_int_equal(amphi__matcher_tidy(m, at, 1000, &forgot), at);
    assert_false(forgot);
    at = amphi__matcher_tidy(m, at, 2, &forgot);
    assert_true(forgot);
    for (int i = 0; i < 3; i++) {
        assert_false(amphi__matcher_may_end(m, at));
        assert_int_equal(amphi__matcher_cost(m, at), (uint32_t)(3 - i) * 8);
        at = amphi__matcher_step(m, at, ')');
    }
    assert_true(amphi__matcher_may_end(m, at));
    assert_int_equal(amphi__matcher_step(m, at, ')'), AMPHI_POSITION_NONE);
    amphi__matcher_free(m);
    amphi__grammar_clear(&g);
}

static void matcher__every_failing_allocation_is_reported(void **state)
{
    amphi_grammar g;
    build(&g);
    failing_alloc_install();
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        failing_alloc_at(n);
        amphi_matcher *m = NULL;
        amphi_status status = amphi__matcher_new(&m, &g, NULL);
        if (status == AMPHI_OK) {
            (void)walk(m, "((((((((");
            status = amphi__matcher_status(m);
        }
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        assert_int_equal(status, failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        amphi__matcher_free(m);
        assert_int_equal(failing_alloc_live(), 0);
        if (!failed)
            break;
        failures++;
    }
    assert_true(failures > 5);
    failing_alloc_remove();
    amphi__grammar_clear(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matcher__equal_places_have_one_number),
        cmocka_unit_test(matcher__what_may_follow_is_known),
        cmocka_unit_test(matcher__the_rest_costs_what_its_calls_need),
        cmocka_unit_test(matcher__nesting_ends_at_the_limit),
        cmocka_unit_test(matcher__tidying_keeps_the_position),
        cmocka_unit_test(matcher__every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
