/* SPDX-License-Identifier: Apache-2.0
 *
 * How each model's patterns cut text into words, worked out by hand from the published patterns.
 */
#include "local/tokens/pretokenizer.h"
#include "sdk/core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Words joined by '|'. */
static amphi_status join(void *user, amphi_str word)
{
    amphi_buf *out = user;
    assert_true(word.size > 0);
    if (out->size > 0)
        amphi__buf_append_char(out, '|');
    return amphi__buf_append_str(out, word);
}

static void expect_str(const char *pre, amphi_str text, amphi_str wanted)
{
    amphi_pretokenizer *pretokenizer = NULL;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__pretokenizer_new(&pretokenizer, amphi_str_from(pre), NULL), AMPHI_OK);
    assert_int_equal(amphi__pretokenizer_split(pretokenizer, text, join, &out), AMPHI_OK);
    if (out.size != wanted.size || memcmp(out.data, wanted.data, out.size) != 0)
        fail_msg("%s: \"%s\", wanted \"%s\"", pre, out.data, wanted.data);
    amphi__buf_clear(&out);
    amphi__pretokenizer_free(pretokenizer);
}

static void expect(const char *pre, const char *text, const char *wanted)
{
    expect_str(pre, amphi_str_from(text), amphi_str_from(wanted));
}

static void pretokenizer__gpt2_cuts_words_numbers_and_blanks(void **state)
{
    expect("gpt-2", "Hello world's  end", "Hello| world|'s| | end");
    expect("gpt-2", "I'LL 1234!?\n\n x", "I|'|LL| 1234|!?|\n\n| x");
    expect("gpt-2", "a\t b   ", "a|\t| b|   ");
    expect("gpt-2", "naïve Ünï①", "naïve| Ünï|①");
}

static void pretokenizer__cl100k_family_differs_in_its_numbers(void **state)
{
    expect("llama-bpe", "I'LL pay $12345.67\r\n now", "I|'LL| pay| $|123|45|.|67|\r\n| now");
    expect("qwen2", "I'LL pay $123", "I|'LL| pay| $|1|2|3");
    expect("qwen2", "x  \n  y(z)!\n", "x|  \n| | y|(z|)!\n");
    expect("glm4", "1234 (a)", "123|4| (|a|)");
    expect("minicpm5", "12345", "123|45");
}

static void pretokenizer__o200k_family_cuts_where_case_changes(void **state)
{
    expect("gpt-4o", "camelCaseHTTPServer's", "camel|Case|HTTPServer's");
    expect("gpt-4o", "a/b//\n x 1234", "a|/b|//\n| x| |123|4");
    expect("tekken", "don't 12", "don|'t| |1|2");
}

static void pretokenizer__deepseek_applies_its_patterns_in_turn(void **state)
{
    expect("deepseek-llm", "Hi there,世界123\n\nok  ", "Hi| there|,|世界|123|\n|\n|ok|  ");
    expect("deepseek-llm", "price: $5", "price|:| $|5");
    expect("deepseek-coder", "x = 42;\n", "x| = |4|2|;|\n");
    expect("deepseek-coder", "a.b", "a|.|b");
    expect("deepseek-v3", "n=12345 你好 ok", "n|=|123|45| |你好| ok");
}

static void pretokenizer__other_families(void **state)
{
    expect("falcon", "a 1234567.8", "a| |123|456|7|.|8");
    expect("starcoder", "f(x) 42", "f|(|x|)| |4|2");
    expect("refact", "v12", "v|1|2");
    expect("smollm", "v12 it's", "v|1|2| it|'s");
    expect("bloom", " one,two three", " one|,|two| three");
    expect("default", "ab 12345+6", "ab| |123|45|+|6");
    expect("", "ab 12345+6", "ab| |123|45|+|6");
}

static void pretokenizer__unknown_names_are_named(void **state)
{
    amphi_pretokenizer *pretokenizer = NULL;
    const char *names[] = {"no-such-model", "gpt-2 phi-2", " ", "GPT-2", "gpt", "\x1b[2J"};
    amphi_error error;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(amphi__pretokenizer_new(&pretokenizer, amphi_str_from(names[i]), &error),
            AMPHI_E_UNSUPPORTED);
        assert_null(pretokenizer);
        assert_null(strchr(error.message, '\x1b'));
    }
    amphi__pretokenizer_new(&pretokenizer, AMPHI_STR("no-such-model"), &error);
    assert_non_null(strstr(error.message, "no-such-model"));
}

#define FFFD "\xEF\xBF\xBD"

static void pretokenizer__bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
    expect("gpt-2", "a\xFF\x80 b", "a|" FFFD FFFD "| b");
    expect("gpt-2", "x\xE4\xBD", "x|" FFFD FFFD);                   /* cut short */
    expect("gpt-2", "x\xC1\x81y", "xAy");                           /* an overlong A */
    expect("gpt-2", "x\xED\xA0\x80y", "x|\xED\xA0\x80|y");          /* a surrogate */
    expect("gpt-2", "\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD);       /* past U+10FFFF */
    expect_str("gpt-2", AMPHI_STR("a\xC0\x80"), AMPHI_STR("a|\0")); /* an overlong NUL */
}

static amphi_status stop_at_once(void *user, amphi_str word)
{
    (*(int *)user)++;
    return AMPHI_E_CANCELLED;
}

static void pretokenizer__the_visitor_can_stop(void **state)
{
    amphi_pretokenizer *pretokenizer = NULL;
    int calls = 0;
    assert_int_equal(
        amphi__pretokenizer_new(&pretokenizer, AMPHI_STR("deepseek-llm"), NULL), AMPHI_OK);
    assert_int_equal(
        amphi__pretokenizer_split(pretokenizer, AMPHI_STR("one two 三"), stop_at_once, &calls),
        AMPHI_E_CANCELLED);
    assert_int_equal(calls, 1);
    amphi__pretokenizer_free(pretokenizer);
}

static amphi_status add_size(void *user, amphi_str word)
{
    *(size_t *)user += word.size;
    return AMPHI_OK;
}

/* Long runs that make careless patterns quadratic, for every pattern; no byte may be lost. */
static void pretokenizer__long_runs_stay_fast_and_whole(void **state)
{
    static const char *const names[] = {"default", "gpt-2", "llama-bpe", "qwen2", "qwen35",
        "minicpm5", "seed-coder", "bailingmoe", "laguna", "deepseek-llm", "deepseek-coder",
        "deepseek-v3", "falcon", "starcoder", "gpt-4o", "tekken", "bloom", "viking", "glm4"};
    static const char *const runs[] = {" ", "A", "a", "1", "!", "\n", "\xE4\xB8\x80", "' ", "Aa"};
    const size_t size = 60000;
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        amphi_pretokenizer *pretokenizer = NULL;
        assert_int_equal(
            amphi__pretokenizer_new(&pretokenizer, amphi_str_from(names[n]), NULL), AMPHI_OK);
        for (size_t r = 0; r < sizeof runs / sizeof runs[0]; r++) {
            size_t total = 0;
            for (size_t i = 0; i < size; i++)
                text[i] = runs[r][i % strlen(runs[r])];
            text[size] = 'x';
            assert_int_equal(amphi__pretokenizer_split(
                                 pretokenizer, amphi_str_make(text, size + 1), add_size, &total),
                AMPHI_OK);
            assert_int_equal(total, size + 1);
        }
        amphi__pretokenizer_free(pretokenizer);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pretokenizer__gpt2_cuts_words_numbers_and_blanks),
        cmocka_unit_test(pretokenizer__cl100k_family_differs_in_its_numbers),
        cmocka_unit_test(pretokenizer__o200k_family_cuts_where_case_changes),
        cmocka_unit_test(pretokenizer__deepseek_applies_its_patterns_in_turn),
        cmocka_unit_test(pretokenizer__other_families),
        cmocka_unit_test(pretokenizer__unknown_names_are_named),
        cmocka_unit_test(pretokenizer__bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(pretokenizer__the_visitor_can_stop),
        cmocka_unit_test(pretokenizer__long_runs_stay_fast_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
