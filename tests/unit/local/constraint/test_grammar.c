/* SPDX-License-Identifier: Apache-2.0
 *
 * The builders of a grammar one by one, and what sealing computes: costs, byte classes, and that a
 * language without a finite text is refused.
 */
#include "tests/support/failing_alloc.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void grammar__builders_accept_what_they_say(void **state)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t end = amphi__grammar_any_of(&g, "xy", g.returns);
    uint32_t digits = amphi__grammar_range(&g, '3', '5', end);
    uint32_t word = amphi__grammar_literal(&g, AMPHI_STR("ab"), end);
    grammar_finish(&g, amphi__grammar_either(&g, digits, word));
    static const char *const accepted[] = {"3x", "4y", "5x", "abx", "aby"};
    static const char *const refused[] = {"", "3", "2x", "6x", "abz", "ax", "abxx", "ab3x"};
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        assert_true(grammar_accepts(&g, amphi_str_from(accepted[i])));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(grammar_accepts(&g, amphi_str_from(refused[i])));
    amphi__grammar_clear(&g);
}

static void grammar__loops_are_aimed_at_later(void **state)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t loop = amphi__grammar_forward(&g);
    amphi__grammar_aim(&g, loop, g.returns, amphi__grammar_range(&g, 'a', 'a', loop));
    grammar_finish(&g, loop);
    assert_true(grammar_accepts(&g, AMPHI_STR("")));
    assert_true(grammar_accepts(&g, AMPHI_STR("aaaaaaaa")));
    assert_false(grammar_accepts(&g, AMPHI_STR("aab")));
    amphi__grammar_clear(&g);
}

/* rule: '(' rule ')' or nothing: no automaton without a stack accepts exactly these. */
static void grammar__rules_may_call_themselves(void **state)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t rule = amphi__grammar_rule(&g);
    assert_int_not_equal(rule, 0);
    uint32_t inner = amphi__grammar_call(&g, rule, amphi__grammar_range(&g, ')', ')', g.returns));
    g.rules[rule] = amphi__grammar_either(&g, g.returns, amphi__grammar_range(&g, '(', '(', inner));
    grammar_finish(&g, amphi__grammar_call(&g, rule, g.returns));
    assert_true(grammar_accepts(&g, AMPHI_STR("")));
    assert_true(grammar_accepts(&g, AMPHI_STR("((()))")));
    assert_false(grammar_accepts(&g, AMPHI_STR("((())")));
    assert_false(grammar_accepts(&g, AMPHI_STR("(()))")));
    amphi__grammar_clear(&g);
}

static void grammar__sealing_computes_the_least_cost(void **state)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t literal = amphi__grammar_literal(&g, AMPHI_STR("abc"), g.returns);
    uint32_t choice = amphi__grammar_range(&g, 'x', 'z', g.returns);
    uint32_t both = amphi__grammar_either(&g, literal, choice);
    g.rules[0] = both;
    assert_int_equal(amphi__grammar_seal(&g, 4, NULL), AMPHI_OK);
    assert_int_equal(g.states[g.returns].cost, 0);
    assert_int_equal(g.states[literal].cost, 3 * 4); /* bytes without a choice */
    assert_int_equal(g.states[choice].cost, AMPHI_COST_TOKEN);
    assert_int_equal(g.states[both].cost, 3 * 4);
    assert_int_equal(g.states[both].height, 0);
    amphi__grammar_clear(&g);
}

static void grammar__bytes_of_one_class_are_in_the_same_sets(void **state)
{
    amphi_grammar g;
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t letters = amphi__grammar_range(&g, 'a', 'm', g.returns);
    g.rules[0] = amphi__grammar_either(&g, letters, amphi__grammar_range(&g, 'h', 'z', g.returns));
    assert_int_equal(amphi__grammar_seal(&g, 8, NULL), AMPHI_OK);
    assert_int_equal(g.classes_count, 4); /* a-g, h-m, n-z, the rest */
    assert_int_equal(g.classes['a'], g.classes['g']);
    assert_int_equal(g.classes['h'], g.classes['m']);
    assert_int_equal(g.classes['n'], g.classes['z']);
    assert_int_equal(g.classes[0], g.classes[255]);
    assert_int_not_equal(g.classes['g'], g.classes['h']);
    assert_int_not_equal(g.classes['m'], g.classes['n']);
    assert_int_not_equal(g.classes['z'], g.classes['{']);
    amphi__grammar_clear(&g);
}

static void grammar__without_a_finite_text_it_is_refused(void **state)
{
    amphi_grammar g;
    amphi_error error = {0};
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    g.rules[0] = 0; /* nothing at all */
    assert_int_equal(amphi__grammar_seal(&g, 8, &error), AMPHI_E_REQUEST);
    assert_string_equal(error.message, "the schema allows no answer at all");
    amphi__grammar_clear(&g);
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    uint32_t loop = amphi__grammar_forward(&g);
    uint32_t again = amphi__grammar_range(&g, 'a', 'a', loop);
    amphi__grammar_aim(&g, loop, again, again); /* "a" for ever */
    g.rules[0] = loop;
    assert_int_equal(amphi__grammar_seal(&g, 8, &error), AMPHI_E_REQUEST);
    amphi__grammar_clear(&g);
}

static void grammar__failures_are_remembered_until_it_is_sealed(void **state)
{
    amphi_grammar g;
    amphi_error error = {0};
    assert_int_equal(amphi__grammar_init(&g), AMPHI_OK);
    for (uint32_t i = 0; i <= AMPHI_GRAMMAR_STATES_MAX; i++)
        (void)amphi__grammar_forward(&g);
    assert_int_equal(g.status, AMPHI_E_LIMIT);
    assert_int_equal(amphi__grammar_forward(&g), 0);
    assert_int_equal(amphi__grammar_seal(&g, 8, &error), AMPHI_E_LIMIT);
    assert_string_equal(error.message, "the schema is too large");
    amphi__grammar_clear(&g);
    failing_alloc_install();
    failing_alloc_at(1);
    assert_int_equal(amphi__grammar_init(&g), AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    amphi__grammar_clear(&g);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar__builders_accept_what_they_say),
        cmocka_unit_test(grammar__loops_are_aimed_at_later),
        cmocka_unit_test(grammar__rules_may_call_themselves),
        cmocka_unit_test(grammar__sealing_computes_the_least_cost),
        cmocka_unit_test(grammar__bytes_of_one_class_are_in_the_same_sets),
        cmocka_unit_test(grammar__without_a_finite_text_it_is_refused),
        cmocka_unit_test(grammar__failures_are_remembered_until_it_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
