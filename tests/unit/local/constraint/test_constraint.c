/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers held to a format: random ways through the masks must always end in JSON that a checker of
 * its own finds valid, within the tokens that there are.
 */
#include "local/constraint/constraint.h"
#include "local/constraint/json_schema.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/grammar_reader.h"
#include "tests/support/schema_checker.h"
#include "tests/support/small_vocabularies.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

/* Every byte is a token, and some pieces of JSON are; the last one is the end. */
static amphi_tokenizer *byte_tokenizer(void)
{
    static const char *const pieces[] = {"{\"", "\":", "\", \"", "\": \"", ", ", "}}", "\"}", "]}",
        "true", "false", "null", "name", "value", "the", "12", "0.5", "[[", "}], ", "\\\"", "\\u00",
        "\xE2\x96\x81"};
    enum { PIECES = sizeof pieces / sizeof pieces[0], TOKENS = 256 + PIECES + 1 };
    static char texts[TOKENS][16];
    const char *pointers[TOKENS];
    int32_t kinds[TOKENS];
    float scores[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
        if (i < 256)
            snprintf(texts[i], sizeof texts[i], "<0x%02X>", (unsigned)i);
        else
            snprintf(texts[i], sizeof texts[i], "%s", i == TOKENS - 1 ? "</s>" : pieces[i - 256]);
        kinds[i] = i < 256 ? 6 : i == TOKENS - 1 ? 3 : 1;
        scores[i] = (float)-i;
        pointers[i] = texts[i];
    }
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", pointers, TOKENS);
    build_i32s(&w, "tokenizer.ggml.token_type", kinds, TOKENS);
    build_f32s(&w, "tokenizer.ggml.scores", scores, TOKENS);
    gguf_builder_u32(&w, "tokenizer.ggml.eos_token_id", TOKENS - 1);
    gguf_builder_u32(&w, "tokenizer.ggml.bos_token_id", TOKENS - 1);
    return tokenizer_of(&w);
}

typedef struct bench {
    amphi_tokenizer *tokenizer;
    amphi_lexicon *lexicon;
    amphi_json *schemas;
} bench;

static int setup(void **state)
{
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->tokenizer = byte_tokenizer();
    amphi_error error;
    assert_int_equal(amphi__lexicon_new(&b->lexicon, b->tokenizer, &error), AMPHI_OK);
    b->schemas = schema_list();
    assert_non_null(b->schemas);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    amphi__lexicon_free(b->lexicon);
    amphi__tokenizer_free(b->tokenizer);
    amphi__json_free(b->schemas);
    free(b);
    return 0;
}

static amphi_constraint *constraint_of(const bench *b, const amphi_json *schema)
{
    amphi_constraint *constraint = NULL;
    amphi_grammar grammar;
    amphi_error error;
    if (amphi__json_schema_compile(&grammar, schema, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    if (amphi__constraint_new(
            &constraint, b->lexicon, &grammar, AMPHI_STR("{\"name\":1}"), &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return constraint;
}

static void append_token(const bench *b, int32_t token, amphi_buf *out)
{
    char scratch[8];
    amphi__buf_append_str(out, amphi__tokenizer_piece(b->tokenizer, token, false, scratch));
}

/* One of the allowed tokens; short ones are taken more often, so that strings end. */
static int32_t draw(const bench *b, const float *logits, size_t count, uint32_t allowed)
{
    uint32_t seen = 0;
    int32_t chosen = -1;
    uint32_t at = next_random() % allowed;
    for (size_t i = 0; i < count; i++) {
        if (logits[i] == -INFINITY)
            continue;
        bool ends = i == '"' || amphi__tokenizer_is_end(b->tokenizer, (int32_t)i);
        if (seen++ == at || (ends && next_random() % 8 == 0))
            chosen = (int32_t)i;
    }
    assert_int_equal(seen, allowed);
    return chosen;
}

/* A random answer of at most `most` tokens. */
static void random_answer(const bench *b, amphi_constraint *c, uint32_t most, amphi_buf *out)
{
    const size_t size = amphi__tokenizer_size(b->tokenizer);
    float *logits = calloc(size, sizeof *logits);
    amphi_tokens forced = {0};
    assert_non_null(logits);
    amphi_error error;
    for (uint32_t left = most; left > 0;) {
        uint32_t allowed = 0;
        forced.size = 0;
        assert_int_equal(amphi__constraint_forced(c, left, &forced, &error), AMPHI_OK);
        for (size_t i = 0; i < forced.size; i++)
            append_token(b, forced.data[i], out);
        left -= (uint32_t)forced.size;
        if (left == 0 || amphi__constraint_must_end(c))
            break;
        memset(logits, 0, size * sizeof *logits);
        if (amphi__constraint_mask(c, left, logits, size, &allowed, &error) != AMPHI_OK)
            fail_msg("%s after %.*s", error.message, (int)out->size, out->data);
        int32_t token = draw(b, logits, size, allowed);
        left--;
        if (amphi__tokenizer_is_end(b->tokenizer, token))
            break;
        assert_int_equal(amphi__constraint_accept(c, token, &error), AMPHI_OK);
        append_token(b, token, out);
    }
    assert_true(amphi__constraint_may_end(c));
    amphi__tokens_clear(&forced);
    free(logits);
}

static void constraint__random_answers_satisfy_each_of_twenty_schemas(void **state)
{
    const bench *b = *state;
    assert_int_equal(amphi__json_count(b->schemas), 20);
    for (const amphi_json *entry = amphi__json_first(b->schemas); entry != NULL;
         entry = amphi__json_next(entry)) {
        const amphi_json *schema = amphi__json_get(entry, "schema");
        for (int i = 0; i < 12; i++) {
            amphi_constraint *c = constraint_of(b, schema);
            amphi_json *value = NULL;
            amphi_buf text;
            amphi__buf_init(&text, 0);
            random_answer(b, c, 600, &text);
            amphi_error error;
            if (amphi__json_parse(&value, amphi__buf_str(&text), "answer", &error) != AMPHI_OK ||
                !schema_accepts(schema, schema, value))
                fail_msg("%.*s: %.*s", (int)amphi__json_string(amphi__json_get(entry, "name")).size,
                    amphi__json_string(amphi__json_get(entry, "name")).data, (int)text.size,
                    text.data);
            amphi__json_free(value);
            amphi__buf_clear(&text);
            amphi__constraint_free(c);
        }
    }
}

static void constraint__checker_refuses_what_is_wrong(void **state)
{
    static const char *const rows[][2] = {{"{\"type\":\"integer\",\"maximum\":3}", "4"},
        {"{\"required\":[\"a\"]}", "{}"}, {"{\"enum\":[1,2]}", "3"},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}}}", "{\"a\":1}"},
        {"{\"additionalProperties\":false}", "{\"a\":1}"}, {"{\"maxItems\":1}", "[1,2]"},
        {"{\"oneOf\":[{},{}]}", "1"}, {"{\"anyOf\":[{\"type\":\"null\"}]}", "1"},
        {"{\"pattern\":\"^[a-z]+$\"}", "\"A\""}, {"{\"maxLength\":1}", "\"ab\""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_json *schema = json_of(rows[i][0]);
        amphi_json *value = json_of(rows[i][1]);
        assert_false(schema_accepts(schema, schema, value));
        amphi__json_free(schema);
        amphi__json_free(value);
    }
}

static void constraint__what_leaves_no_choice_is_forced(void **state)
{
    const bench *b = *state;
    amphi_json *schema = json_of("{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"x\"}},"
                                 "\"required\":[\"name\"]}");
    amphi_constraint *c = constraint_of(b, schema);
    amphi_tokens forced = {0};
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi_error error;
    assert_int_equal(amphi__constraint_forced(c, 100, &forced, &error), AMPHI_OK);
    for (size_t i = 0; i < forced.size; i++)
        append_token(b, forced.data[i], &text);
    assert_non_null(text.data);
    assert_string_equal(text.data, "{\"name\": \"x\"}");
    assert_true(amphi__constraint_must_end(c));
    amphi__tokens_clear(&forced);
    amphi__buf_clear(&text);
    amphi__constraint_free(c);
    amphi__json_free(schema);
}

/* How many tokens are chosen, and so computed one at a time, of an answer with a frame. */
static void constraint__only_choices_cost_a_step(void **state)
{
    const bench *b = *state;
    amphi_json *schema = json_of(
        "{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"battery and heat\"},"
        "\"level\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9},\"value\":{\"type\":"
        "\"boolean\"}},\"required\":[\"name\",\"level\",\"value\"],\"additionalProperties\":"
        "false}");
    amphi_constraint *c = constraint_of(b, schema);
    const size_t size = amphi__tokenizer_size(b->tokenizer);
    float *logits = calloc(size, sizeof *logits);
    amphi_tokens forced = {0};
    uint32_t picks = 0;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    assert_non_null(logits);
    amphi_error error;
    for (;;) {
        uint32_t allowed = 0;
        forced.size = 0;
        assert_int_equal(amphi__constraint_forced(c, 200, &forced, &error), AMPHI_OK);
        for (size_t i = 0; i < forced.size; i++)
            append_token(b, forced.data[i], &text);
        if (amphi__constraint_must_end(c))
            break;
        memset(logits, 0, size * sizeof *logits);
        assert_int_equal(amphi__constraint_mask(c, 200, logits, size, &allowed, &error), AMPHI_OK);
        int32_t token = draw(b, logits, size, allowed);
        assert_int_equal(amphi__constraint_accept(c, token, &error), AMPHI_OK);
        append_token(b, token, &text);
        picks++;
    }
    print_message("%.*s: %u choices\n", (int)text.size, text.data, picks);
    assert_true(picks <= 5 && text.size > 50); /* two real ones, and borders that may melt */
    amphi__tokens_clear(&forced);
    amphi__buf_clear(&text);
    free(logits);
    amphi__constraint_free(c);
    amphi__json_free(schema);
}

static void constraint__a_beginning_by_others_may_have_any_white_space(void **state)
{
    static const struct {
        const char *text;
        bool fits;
    } rows[] = {{"{ \n \"id\" :\t7 ,\"", true}, {"{\"id\":1", true}, {"{\"id\": 1,", true},
        {"{\"no\"", false}, {"[", false}, {"{\"id\": x", false}};
    const bench *b = *state;
    amphi_json *schema = json_of(
        "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"s\":{\"type\":"
        "\"string\"}},\"required\":[\"id\",\"s\"],\"additionalProperties\":false}");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_constraint *c = constraint_of(b, schema);
        amphi_json *value = NULL;
        amphi_buf text;
        amphi__buf_init(&text, 0);
        amphi__buf_append_c(&text, rows[i].text);
        amphi_error error;
        amphi_status status =
            amphi__constraint_accept_prefix(c, amphi_str_from(rows[i].text), &error);
        assert_int_equal(status, rows[i].fits ? AMPHI_OK : AMPHI_E_REQUEST);
        if (rows[i].fits) {
            assert_true(amphi__constraint_fits(c, AMPHI_STR("")));
            assert_false(amphi__constraint_fits(c, AMPHI_STR("}}")));
            random_answer(b, c, 200, &text);
            assert_int_equal(
                amphi__json_parse(&value, amphi__buf_str(&text), "answer", &error), AMPHI_OK);
            assert_true(schema_accepts(schema, schema, value));
        }
        amphi__json_free(value);
        amphi__buf_clear(&text);
        amphi__constraint_free(c);
    }
    amphi__json_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constraint__random_answers_satisfy_each_of_twenty_schemas),
        cmocka_unit_test(constraint__checker_refuses_what_is_wrong),
        cmocka_unit_test(constraint__what_leaves_no_choice_is_forced),
        cmocka_unit_test(constraint__only_choices_cost_a_step),
        cmocka_unit_test(constraint__a_beginning_by_others_may_have_any_white_space)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
