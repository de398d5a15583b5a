/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate: one pair per rule, and the reason of each kind of refusal. The many pairs are in
 * tests/near/ and go through the command.
 */
#include "sdk/near/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct judged_pair {
    const char *a;
    const char *b;
    amphi_near_reason reason;
} judged_pair;

static const judged_pair pairs[] = {
    {"What is a lake?", "what is a lake", AMPHI_NEAR_SAME_FOLD},
    {"What's a lake?", "Could you please tell me what a lake is?", AMPHI_NEAR_SAME_WORDS},
    {"Hello, what is a lake? Thanks!", "what's a lake, please?", AMPHI_NEAR_SAME_WORDS},
    {"How do I cook rice?", "How to cook rice", AMPHI_NEAR_SAME_WORDS},
    {"How old is the Eiffel Tower?", "how old is the eiffel tower", AMPHI_NEAR_SAME_WORDS},
    {"What is Monopoly?", "what is monopoly", AMPHI_NEAR_CASE},
    {"What is Kenya's capital?", "Tell me the capital of Kenya", AMPHI_NEAR_SAME_WORDS},
    {"Where is Oslo located?", "Where is Oslo?", AMPHI_NEAR_SAME_WORDS},
    {"What's the flag of the United States?", "What is the flag of the United States?",
        AMPHI_NEAR_SAME_WORDS},
    {"Who's helped the most?", "Who is helped the most?", AMPHI_NEAR_QUESTION_WORD},
    {"What's the war done to him?", "What is the war done to him?", AMPHI_NEAR_QUESTION_WORD},
    {"Hello, did I greet you?", "Did I greet you?", AMPHI_NEAR_VERBATIM},
    {"Am I polite, please?", "Am I polite?", AMPHI_NEAR_VERBATIM},
    {"你好，我打招呼了吗？", "我打招呼了吗？", AMPHI_NEAR_VERBATIM},
    {"How far is 5 km?", "How far is 5km?", AMPHI_NEAR_SAME_WORDS},
    {"请问什么是黑洞？", "黑洞是什么呢", AMPHI_NEAR_SAME_WORDS},
    {"你好，法国的首都是哪里？", "法国首都是什么", AMPHI_NEAR_SAME_WORDS},
    {"能帮我写一首诗吗？", "请写一首诗", AMPHI_NEAR_SAME_WORDS},
    {"What does lake mean?", "so what does lake mean?", AMPHI_NEAR_VERBATIM},
    {"What is `a`?", "What's `a`?", AMPHI_NEAR_VERBATIM},
    {"Add 2 and 3", "Add 2 and 4", AMPHI_NEAR_NUMBER},
    {"Why do cats purr?", "Why do cats not purr?", AMPHI_NEAR_NEGATION},
    {"Where was she born?", "When was she born?", AMPHI_NEAR_QUESTION_WORD},
    {"Is it 5 miles away?", "Is it 5 km away?", AMPHI_NEAR_UNIT},
    {"May I eat before the test?", "May I eat after the test?", AMPHI_NEAR_TIME},
    {"Do all birds fly?", "Do some birds fly?", AMPHI_NEAR_QUANTITY},
    {"Is it worse?", "Is it better?", AMPHI_NEAR_COMPARISON},
    {"Is he in Paris?", "Is he in Rome?", AMPHI_NEAR_NAME},
    {"Is the red car fast?", "Is the blue car fast?", AMPHI_NEAR_WORDS},
    {"Let us eat, grandma", "Let us eat grandma", AMPHI_NEAR_PUNCTUATION},
    {"Can dogs chase cats?", "Can cats chase dogs?", AMPHI_NEAR_ORDER},
    {"What is the US?", "What is the us?", AMPHI_NEAR_CASE},
    {"我能来吗？", "我不能来吗？", AMPHI_NEAR_NEGATION},
    {"从北京到上海怎么走？", "从上海到北京怎么走？", AMPHI_NEAR_ORDER},
};

static amphi_near_verdict judge(const char *a, const char *b)
{
    amphi_near_verdict verdict;
    assert_int_equal(amphi__near_compare(&verdict, amphi_str_from(a), amphi_str_from(b)), AMPHI_OK);
    return verdict;
}

static void compare__each_rule_and_each_refusal_has_its_reason(void **state)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        amphi_near_verdict verdict = judge(pairs[i].a, pairs[i].b);
        if (verdict.reason != pairs[i].reason)
            print_error(
                "%s | %s: %s\n", pairs[i].a, pairs[i].b, amphi__near_reason_text(verdict.reason));
        assert_int_equal(verdict.reason, pairs[i].reason);
        assert_int_equal(verdict.is_hit, pairs[i].reason <= AMPHI_NEAR_SAME_WORDS);
    }
}

static void compare__is_the_same_in_both_directions(void **state)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        amphi_near_verdict there = judge(pairs[i].a, pairs[i].b);
        amphi_near_verdict back = judge(pairs[i].b, pairs[i].a);
        assert_int_equal(there.is_hit, back.is_hit);
        assert_true(there.score == back.score);
        assert_true(judge(pairs[i].a, pairs[i].a).score == 1);
    }
}

static void compare__hits_are_transitive(void **state)
{
    enum { N = 2 * sizeof pairs / sizeof pairs[0] };
    bool near[N][N];
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            near[i][j] = judge(i % 2 == 0 ? pairs[i / 2].a : pairs[i / 2].b,
                j % 2 == 0 ? pairs[j / 2].a : pairs[j / 2].b)
                             .is_hit;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            for (size_t k = 0; k < N; k++)
                assert_true(!(near[i][j] && near[j][k]) || near[i][k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare__each_rule_and_each_refusal_has_its_reason),
        cmocka_unit_test(compare__is_the_same_in_both_directions),
        cmocka_unit_test(compare__hits_are_transitive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
