/* SPDX-License-Identifier: Apache-2.0
 *
 * Special tokens in a text: which kinds are found, which of overlapping ones, what lies between
 * them; through the tokenizer and by itself.
 */
#include "local/tokens/special_tokens.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/small_vocabularies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- through the tokenizer ------------------------------------------------------------------ */

static void special_tokens__user_defined_always_longest_first_control_on_request(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "<tool>x<tool>a", "12 11 6");
    expect_special(t, "a<s><tool></s>", "6 1 11 2");
    expect_special(t, "<unk>", "0");
    expect(t, "<tool", "0 0 0 0 0"); /* not whole: plain text, of which no byte is a token */
    expect(t, "</s>", "0 0 0 0");
    amphi__tokenizer_free(t);
}

static void special_tokens__longer_ones_win_even_where_they_begin_later(void **state)
{
    const char *texts[] = {"<unk>", "<s>", "</s>", "x", "ab", "bcd", "a", "b", "c", "d"};
    const int32_t kinds[] = {U, C, C, N, D, D, N, N, N, N};
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    build_i32s(&w, "tokenizer.ggml.token_type", kinds, COUNT_OF(texts));
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "abcd", "6 5");
    expect(t, "abc", "4 8");
    expect(t, "abab", "4 4");
    amphi__tokenizer_free(t);
}

static void special_tokens__phi3_swallows_blanks_after_them(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    gguf_builder_str(&w, "general.name", "Phi-3 mini");
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect_special(t, "</s> \n a", "2 6");
    expect_special(t, "<s> a", "1 10"); /* not after this one */
    expect(t, "<tool>  ", "11");
    amphi__tokenizer_free(t);
}

/* ---- by itself ------------------------------------------------------------------------------ */

/* A vocabulary of these texts and kinds; the file's bytes are gone after it. */
static void load(
    amphi_vocabulary *vocabulary, const char *const *texts, const int32_t *kinds, size_t count)
{
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, count);
    build_i32s(&w, "tokenizer.ggml.token_type", kinds, count);
    amphi_buf file;
    gguf_builder_finish(&w, &file);
    gguf_builder_clear(&w);
    amphi_gguf *gguf = NULL;
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
    assert_int_equal(amphi__vocabulary_load(vocabulary, gguf, NULL), AMPHI_OK);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
}

typedef struct parts {
    char text[256]; /* "plain", then <id> for a token */
    int visits_left;
} parts;

static amphi_status visit(void *user, amphi_str text, int32_t id)
{
    parts *p = user;
    size_t used = strlen(p->text);
    if (p->visits_left-- == 0)
        return AMPHI_E_CANCELLED;
    if (id >= 0) {
        assert_int_equal(text.size, 0);
        (void)snprintf(p->text + used, sizeof p->text - used, "<%d>", id);
    } else {
        assert_true(text.size > 0);
        (void)snprintf(p->text + used, sizeof p->text - used, "'%.*s'", (int)text.size, text.data);
    }
    return AMPHI_OK;
}

static void expect_parts(
    const amphi_vocabulary *vocabulary, bool with_control, const char *text, const char *expected)
{
    amphi_special_tokens special;
    assert_int_equal(amphi__special_tokens_init(&special, vocabulary, with_control), AMPHI_OK);
    parts p = {.text = "", .visits_left = -1};
    assert_int_equal(
        amphi__special_tokens_split(&special, amphi_str_from(text), NULL, visit, &p), AMPHI_OK);
    assert_string_equal(p.text, expected);
    amphi__special_tokens_clear(&special);
}

static const char *const small_texts[] = {
    "<unk>", "<s>", "</s>", "ab", "abc", "cd", "abc", "b", "[X]"};
static const int32_t small_kinds[] = {U, C, C, D, D, D, D, N, C};

static void special_tokens__kinds_decide_what_is_found(void **state)
{
    amphi_vocabulary vocabulary;
    load(&vocabulary, small_texts, small_kinds, COUNT_OF(small_texts));
    expect_parts(&vocabulary, false, "<s>b[X]", "'<s>b[X]'");
    expect_parts(&vocabulary, true, "<s>b[X]", "<1>'b'<8>");
    expect_parts(&vocabulary, true, "<unk></s>", "<0><2>");
    expect_parts(&vocabulary, false, "b", "'b'"); /* normal tokens are not special */
    expect_parts(&vocabulary, true, "", "");
    amphi__vocabulary_clear(&vocabulary);
}

static void special_tokens__longest_first_then_left_to_right(void **state)
{
    amphi_vocabulary vocabulary;
    load(&vocabulary, small_texts, small_kinds, COUNT_OF(small_texts));
    expect_parts(&vocabulary, false, "abcd", "<6>'d'"); /* of two "abc" the last one */
    expect_parts(&vocabulary, false, "abd cd", "<3>'d '<5>");
    expect_parts(&vocabulary, false, "ababcab", "<3><6><3>");
    expect_parts(&vocabulary, false, "xabx", "'x'<3>'x'");
    expect_parts(&vocabulary, false, "a", "'a'"); /* a token's beginning at the text's end */
    amphi__vocabulary_clear(&vocabulary);
}

static void special_tokens__longer_than_the_limit_are_never_found(void **state)
{
    char at_limit[AMPHI_SPECIAL_BYTES_MAX + 1];
    char over[AMPHI_SPECIAL_BYTES_MAX + 2];
    memset(at_limit, 'x', sizeof at_limit - 1);
    memset(over, 'y', sizeof over - 1);
    at_limit[sizeof at_limit - 1] = '\0';
    over[sizeof over - 1] = '\0';
    const char *const texts[] = {"<unk>", at_limit, over};
    const int32_t kinds[] = {U, D, D};
    amphi_vocabulary vocabulary;
    load(&vocabulary, texts, kinds, COUNT_OF(texts));
    amphi_special_tokens special;
    assert_int_equal(amphi__special_tokens_init(&special, &vocabulary, false), AMPHI_OK);
    assert_int_equal(special.count, 1);
    parts p = {.text = "", .visits_left = -1};
    assert_int_equal(
        amphi__special_tokens_split(&special, amphi_str_from(at_limit), NULL, visit, &p), AMPHI_OK);
    assert_string_equal(p.text, "<1>");
    amphi__special_tokens_clear(&special);
    amphi__vocabulary_clear(&vocabulary);
}

static void special_tokens__the_visitor_can_stop(void **state)
{
    amphi_vocabulary vocabulary;
    load(&vocabulary, small_texts, small_kinds, COUNT_OF(small_texts));
    amphi_special_tokens special;
    assert_int_equal(amphi__special_tokens_init(&special, &vocabulary, false), AMPHI_OK);
    static const char *const before[] = {"", "'x'", "'x'<3>", "'x'<3>'y'"};
    for (int n = 0; n < 4; n++) {
        parts p = {.text = "", .visits_left = n};
        assert_int_equal(
            amphi__special_tokens_split(&special, AMPHI_STR("xabycd"), NULL, visit, &p),
            AMPHI_E_CANCELLED);
        assert_string_equal(p.text, before[n]);
    }
    amphi__special_tokens_clear(&special);
    amphi__vocabulary_clear(&vocabulary);
}

static void special_tokens__a_cancelled_text_is_not_visited(void **state)
{
    amphi_vocabulary vocabulary;
    load(&vocabulary, small_texts, small_kinds, COUNT_OF(small_texts));
    amphi_special_tokens special;
    assert_int_equal(amphi__special_tokens_init(&special, &vocabulary, false), AMPHI_OK);
    _Atomic uint32_t word = 7;
    for (uint32_t job = 6; job <= 7; job++) {
        const amphi_cancel cancel = {&word, job};
        parts p = {.text = "", .visits_left = -1};
        assert_int_equal(
            amphi__special_tokens_split(&special, AMPHI_STR("xabycd"), &cancel, visit, &p),
            job == 7 ? AMPHI_E_CANCELLED : AMPHI_OK);
        assert_int_equal(p.text[0] == '\0', job == 7);
    }
    amphi__special_tokens_clear(&special);
    amphi__vocabulary_clear(&vocabulary);
}

static void special_tokens__every_failing_allocation_is_reported(void **state)
{
    amphi_vocabulary vocabulary;
    load(&vocabulary, small_texts, small_kinds, COUNT_OF(small_texts));
    failing_alloc_install();
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        failing_alloc_at(n);
        amphi_special_tokens special;
        amphi_status status = amphi__special_tokens_init(&special, &vocabulary, true);
        parts p = {.text = "", .visits_left = -1};
        if (status == AMPHI_OK)
            status = amphi__special_tokens_split(&special, AMPHI_STR("xab<s>"), NULL, visit, &p);
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        assert_int_equal(status, failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        assert_string_equal(p.text, failed ? "" : "'x'<3><1>");
        amphi__special_tokens_clear(&special);
        assert_int_equal(failing_alloc_live(), 0);
        if (!failed)
            break;
        failures++;
    }
    assert_int_equal(failures, 3); /* the ids, the claims, the taken bytes */
    failing_alloc_remove();
    amphi__vocabulary_clear(&vocabulary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_tokens__user_defined_always_longest_first_control_on_request),
        cmocka_unit_test(special_tokens__longer_ones_win_even_where_they_begin_later),
        cmocka_unit_test(special_tokens__phi3_swallows_blanks_after_them),
        cmocka_unit_test(special_tokens__kinds_decide_what_is_found),
        cmocka_unit_test(special_tokens__longest_first_then_left_to_right),
        cmocka_unit_test(special_tokens__longer_than_the_limit_are_never_found),
        cmocka_unit_test(special_tokens__the_visitor_can_stop),
        cmocka_unit_test(special_tokens__a_cancelled_text_is_not_visited),
        cmocka_unit_test(special_tokens__every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
