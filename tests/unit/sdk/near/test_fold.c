/* SPDX-License-Identifier: Apache-2.0
 *
 * What the exact key takes for the same text, and what not.
 */
#include "sdk/near/near.h"

#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct text_pair {
    const char *a;
    const char *b;
} text_pair;

static void fold(amphi_buf *out, amphi_str text)
{
    amphi__buf_init(out, 0);
    assert_int_equal(amphi__near_fold(out, text), AMPHI_OK);
}

static bool folds_equal(text_pair pair)
{
    amphi_buf a;
    amphi_buf b;
    fold(&a, amphi_str_from(pair.a));
    fold(&b, amphi_str_from(pair.b));
    bool equal = a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
    amphi__buf_clear(&a);
    amphi__buf_clear(&b);
    return equal;
}

static void fold__what_cannot_change_the_meaning_is_folded(void **state)
{
    static const text_pair same[] = {
        {"What is the capital of France?", "what is the capital of france"},
        {"What is the capital of France?", "WHAT IS THE CAPITAL OF FRANCE??"},
        {"How do volcanoes erupt?", "How Do Volcanoes Erupt?"},
        {"  What is a lake ?", "What is   a lake ?\t"}, {"What is a lake.", "what is a lake"},
        {"What is a lake!", "What is a lake?!"},
        {"What is a caf\xc3\xa9?", "what is a cafe\xcc\x81"},
        {"\xe3\x80\x80What is NASA? ", "What is nasa?"},
        {"Why can\xe2\x80\x99t I sleep?", "why can't i sleep?"},
        {"法国的首都是哪里？", "法国的首都是哪里"}, {"Comment allez-vous?", "comment allez-vous"},
        {"Is \"a\" a vowel? ", "Is \"a\" a vowel?"}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (!folds_equal(same[i]))
            print_error("%s | %s\n", same[i].a, same[i].b);
        assert_true(folds_equal(same[i]));
    }
}

static void fold__what_may_change_the_meaning_is_kept(void **state)
{
    static const text_pair different[] = {{"What is US policy?", "What is us policy?"},
        {"How do I polish a table?", "How do I Polish a table?"}, {"What is 5!", "What is 5?"},
        {"How much is 5 MW?", "How much is 5 mW?"}, {"You like tea?", "You like tea."},
        {"What is x\xc2\xb2?", "What is x2?"}, {"Explain cd .", "Explain cd .."},
        {"Explain cd .", "Explain cd"}, {"Is \"us\" a word?", "Is \"US\" a word?"},
        {"Does `a` equal `A`?", "Does `a` equal `a`?"}, {"Capitalize hello", "capitalize Hello"},
        {"Wo wohnen Sie?", "Wo wohnen sie?"}, {"if a:\n  b", "if a:\n b"},
        {"Who directed Airplane!", "Who directed Airplane"}, {"他来吗？", "他来"},
        {"他来？", "他来。"}, {"re-sign it", "resign it"}};
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        if (folds_equal(different[i]))
            print_error("%s | %s\n", different[i].a, different[i].b);
        assert_false(folds_equal(different[i]));
    }
}

static void fold__texts_about_themselves_keep_all_but_outer_blanks(void **state)
{
    static const text_pair different[] = {
        {"Does my message end in a question mark?", "Does my message end in a question mark"},
        {"How many exclamation marks are in hi!!!", "How many exclamation marks are in hi!"},
        {"how many question marks here???", "how many question marks here?"},
        {"Sentiment of great!", "Sentiment of great"},
        {"a  b tabs count spaces", "a b tabs count spaces"},
        {"Is this a question?", "Is this a question"}, {"AM I RUDE?", "Am I rude?"},
        {"我的问题有问号吗？", "我的问题有问号吗"}, {"我的语气怎么样！", "我的语气怎么样"}};
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        if (folds_equal(different[i]))
            print_error("%s | %s\n", different[i].a, different[i].b);
        assert_false(folds_equal(different[i]));
    }
    assert_true(folds_equal((text_pair){" Is this a question? ", "Is this a question?"}));
}

static void fold__a_fold_is_folded_already(void **state)
{
    static const char *const texts[] = {"What is the Capital of France?!", "  HOW DO I WIN?? ",
        "Hi! Who are you?", "法国的首都是哪里？", "cd ..", "5!", "?", "", " ", "\xff\xfe", "I",
        "a b!!!"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        amphi_buf once;
        amphi_buf twice;
        fold(&once, amphi_str_from(texts[i]));
        fold(&twice, amphi__buf_str(&once));
        assert_int_equal(once.size, twice.size);
        if (once.size > 0)
            assert_memory_equal(once.data, twice.data, once.size);
        amphi__buf_clear(&once);
        amphi__buf_clear(&twice);
    }
}

static void fold__long_texts_keep_every_byte(void **state)
{
    char text[3 * AMPHI_NEAR_TEXT_BYTES_MAX];
    memset(text, 'A', sizeof text);
    for (size_t size = AMPHI_NEAR_TEXT_BYTES_MAX + 1; size < sizeof text; size += 997) {
        amphi_buf out;
        text[size - 1] = '?';
        fold(&out, amphi_str_make(text, size));
        assert_int_equal(out.size, size);
        assert_memory_equal(out.data, text, size);
        amphi__buf_clear(&out);
    }
}

/* Every byte of a text in turn is made any byte: nothing is read outside, nothing is refused. */
static void fold__any_bytes_are_taken(void **state)
{
    for (size_t at = 0; at < 23; at++)
        for (int byte = 0; byte < 256; byte++) {
            char odd[] = "What's 5km in \xe4\xb8\xad mW?!";
            amphi_near_verdict verdict;
            odd[at] = (char)byte;
            assert_int_equal(amphi__near_compare(&verdict, amphi_str_make(odd, sizeof odd - 1),
                                 AMPHI_STR("What's 5km in \xe4\xb8\xad mW?")),
                AMPHI_OK);
            assert_true(verdict.score >= 0 && verdict.score <= 1);
        }
}

static void fold__memory_that_runs_out_leaves_nothing_behind(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_near_verdict verdict;
        failing_alloc_at(n);
        status = amphi__near_compare(
            &verdict, AMPHI_STR("What is a caf\xc3\xa9?"), AMPHI_STR("What's a caf\xc3\xa9?"));
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(verdict.is_hit, status == AMPHI_OK);
        assert_int_equal(failing_alloc_live(), 0);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fold__what_cannot_change_the_meaning_is_folded),
        cmocka_unit_test(fold__what_may_change_the_meaning_is_kept),
        cmocka_unit_test(fold__texts_about_themselves_keep_all_but_outer_blanks),
        cmocka_unit_test(fold__a_fold_is_folded_already),
        cmocka_unit_test(fold__long_texts_keep_every_byte),
        cmocka_unit_test(fold__any_bytes_are_taken),
        cmocka_unit_test(fold__memory_that_runs_out_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
