/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers held to a format: random ways through the masks must always end in JSON that a checker of
 * its own finds valid, within the tokens that there are.
 */
#include "local/constraint/constraint.h"
#include "local/constraint/json_schema.h"
#include "local/constraint/matcher.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
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

static amphi_json *parse(const char *text)
{
    amphi_json *root = NULL;
    amphi_error error;
    if (amphi__json_parse(&root, amphi_str_from(text), "schema", &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return root;
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
        amphi_json *schema = parse(rows[i][0]);
        amphi_json *value = parse(rows[i][1]);
        assert_false(schema_accepts(schema, schema, value));
        amphi__json_free(schema);
        amphi__json_free(value);
    }
}

static void constraint__what_leaves_no_choice_is_forced(void **state)
{
    const bench *b = *state;
    amphi_json *schema = parse("{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"x\"}},"
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
    amphi_json *schema =
        parse("{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"battery and heat\"},"
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
    amphi_json *schema =
        parse("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"s\":{\"type\":"
              "\"string\"}},\"required\":[\"id\",\"s\"],\"additionalProperties\":false}");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_constraint *c = constraint_of(b, schema);
        amphi_json *value = NULL;
        amphi_buf text;
        amphi__buf_init(&text, 0);
        amphi__buf_append_c(&text, rows[i].text);
        amphi_error error;
        amphi_status status = amphi__constraint_given(c, amphi_str_from(rows[i].text), &error);
        assert_int_equal(status, rows[i].fits ? AMPHI_OK : AMPHI_E_REQUEST);
        if (rows[i].fits) {
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

static void schema__what_cant_be_kept_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *schema;
        amphi_status status;
        const char *place;
    } rows[] = {{"{\"not\":{}}", AMPHI_E_UNSUPPORTED, "#/not"},
        {"{\"properties\":{\"a\":{\"type\":\"array\",\"uniqueItems\":true}}}", AMPHI_E_UNSUPPORTED,
            "#/properties/a/uniqueItems"},
        {"{\"properties\":{\"n\":{\"multipleOf\":0.1}}}", AMPHI_E_UNSUPPORTED,
            "#/properties/n/multipleOf"},
        {"{\"type\":\"strange\"}", AMPHI_E_REQUEST, "#/type"},
        {"{\"$ref\":\"#/$defs/none\"}", AMPHI_E_REQUEST, "#/$ref"},
        {"{\"$ref\":\"http://x/y\"}", AMPHI_E_UNSUPPORTED, "#/$ref"},
        {"{\"type\":\"string\",\"pattern\":\"(?=a)\"}", AMPHI_E_UNSUPPORTED, "look-around"},
        {"{\"type\":\"string\",\"pattern\":\"(?i)a\"}", AMPHI_E_UNSUPPORTED, "groups"},
        {"{\"type\":\"integer\",\"minimum\":9007199254740993}", AMPHI_E_UNSUPPORTED, "9e15"},
        {"{\"type\":\"number\",\"exclusiveMaximum\":-1e300}", AMPHI_E_UNSUPPORTED, "9e15"},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", AMPHI_E_UNSUPPORTED,
            "#/oneOf/1"},
        {"{\"patternProperties\":{\"a\":{}}}", AMPHI_E_UNSUPPORTED, "#/patternProperties"},
        {"{\"$ref\":\"#\"}", AMPHI_E_REQUEST, "itself"},
        {"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"items\":{"
         "\"$ref\":\"#/$defs/a\"}}",
            AMPHI_E_REQUEST, "itself"},
        {"{\"type\":\"object\",\"required\":\"a\"}", AMPHI_E_REQUEST, "#/required"},
        {"{\"required\":[\"a\",1]}", AMPHI_E_REQUEST, "#/required/1"},
        {"{\"properties\":[]}", AMPHI_E_REQUEST, "#/properties"},
        {"{\"type\":\"integer\",\"minimum\":\"1\"}", AMPHI_E_REQUEST, "#/minimum"},
        {"{\"type\":\"string\",\"maxLength\":-1}", AMPHI_E_REQUEST, "#/maxLength"},
        {"{\"type\":\"string\",\"pattern\":5}", AMPHI_E_REQUEST, "#/pattern"},
        {"{\"type\":\"string\",\"minLength\":100000}", AMPHI_E_LIMIT, "large"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_json *schema = parse(rows[i].schema);
        amphi_grammar grammar;
        amphi_error error;
        assert_int_equal(amphi__json_schema_compile(&grammar, schema, &error), rows[i].status);
        if (strstr(error.message, rows[i].place) == NULL)
            fail_msg("%s: %s", rows[i].schema, error.message);
        amphi__grammar_clear(&grammar);
        amphi__json_free(schema);
    }
}

static void schema__nothing_finite_is_an_error_and_no_hang(void **state)
{
    static const char *const rows[] = {"false", "{\"enum\":[]}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
        "{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}",
        "{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}",
        "{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_json *schema = parse(rows[i]);
        amphi_grammar grammar;
        amphi_error error;
        amphi_status status = amphi__json_schema_compile(&grammar, schema, &error);
        if (status == AMPHI_OK)
            status = amphi__grammar_seal(&grammar, 8, &error);
        if (status == AMPHI_OK)
            fail_msg("%s was taken", rows[i]);
        amphi__grammar_clear(&grammar);
        amphi__json_free(schema);
    }
}

static bool schema_takes(const char *text_of_schema, const char *text)
{
    amphi_json *schema = parse(text_of_schema);
    amphi_matcher *m = NULL;
    amphi_grammar grammar;
    amphi_error error;
    assert_int_equal(amphi__json_schema_compile(&grammar, schema, &error), AMPHI_OK);
    assert_int_equal(amphi__grammar_seal(&grammar, 8, &error), AMPHI_OK);
    assert_int_equal(amphi__matcher_new(&m, &grammar, &error), AMPHI_OK);
    uint32_t at = amphi__matcher_start(m);
    for (const char *c = text; *c != '\0' && at != AMPHI_POSITION_NONE; c++)
        at = amphi__matcher_step(m, at, (uint8_t)*c);
    bool fits = at != AMPHI_POSITION_NONE && amphi__matcher_may_end(m, at);
    amphi__matcher_free(m);
    amphi__grammar_clear(&grammar);
    amphi__json_free(schema);
    return fits;
}

static void matcher__a_text_is_taken_or_not(void **state)
{
    static const struct {
        const char *schema, *text;
        bool fits;
    } rows[] = {{"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "130", true},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "131", false},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "-20", true},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "-21", false},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "007", false},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "0.25", true},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "0.2499", false},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "1.50", true},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "1.51", false},
        {"{\"type\":\"number\",\"exclusiveMaximum\":1,\"minimum\":0}", "1", false},
        {"{\"type\":\"number\",\"exclusiveMaximum\":1,\"minimum\":0}", "0.999", true},
        {"{\"type\":\"string\",\"pattern\":\"^a[^b]c$\"}",
            "\"a\xE4\xB8\xAD"
            "c\"",
            true},
        {"{\"type\":\"string\",\"pattern\":\"^a[^b]c$\"}", "\"abc\"", false},
        {"{\"type\":\"string\",\"pattern\":\"b\"}", "\"abc\"", true},
        {"{\"type\":\"string\",\"maxLength\":2}", "\"\\ud83d\\ude00x\"", true},
        {"{\"type\":\"string\",\"maxLength\":2}", "\"abc\"", false},
        {"{\"type\":\"string\"}", "\"\\ud83d\"", false},
        {"{\"type\":\"string\"}", "\"\xC0\x80\"", false},
        {"{\"type\":\"string\"}", "\"a\nb\"", false},
        {"{\"additionalProperties\":{\"type\":\"null\"},\"properties\":{\"ab\":{\"type\":"
         "\"integer\"}}}",
            "{\"ab\": null}", false},
        {"{\"additionalProperties\":{\"type\":\"null\"},\"properties\":{\"ab\":{\"type\":"
         "\"integer\"}}}",
            "{\"ab\": 1, \"a\": null, \"abc\": null}", true},
        {"{\"type\":\"string\",\"format\":\"date\"}", "\"2023-02-29\"", false},
        {"{\"type\":\"string\",\"format\":\"uri\"}", "\"https://a.example/b/c.d\"", true},
        {"{\"type\":\"string\",\"format\":\"uri\"}", "\"a b\"", false},
        {"{\"type\":\"string\",\"format\":\"ipv6\"}", "\"fe80:0:0:0:1:2:3:4\"", true},
        {"{\"type\":\"string\",\"format\":\"hostname\"}", "\"-a.example\"", false},
        {"{\"type\":\"string\",\"format\":\"duration\"}", "\"PT15M\"", true},
        {"{\"type\":\"string\",\"format\":\"unheard of\"}", "\"x\"", true},
        {"{\"type\":\"string\",\"format\":\"date\"}", "\"2024-12-31\"", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (schema_takes(rows[i].schema, rows[i].text) != rows[i].fits)
            fail_msg("%s: %s", rows[i].schema, rows[i].text);
}

static void schema__ordinary_values_of_a_format_can_be_written(void **state)
{
    static const struct {
        const char *format, *text;
        bool fits;
    } rows[] = {
        {"date", "2024-02-29", true},
        {"date", "1900-02-29", false},
        {"uri", "https://localhost:8080/a_(b)/c/d/e/f/g?q=1&r=%20#top", true},
        {"uri",
            "https://www.shop.example.co.uk/"
            "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
            true},
        {"uri", "mailto:a@b.example", true},
        {"uri", "urn:isbn:0451450523", true},
        {"uri", "/a/b", false},
        {"uri", "https://a/%2", false},
        {"uri-reference", "../a/b?c#d", true},
        {"uri-reference", "#top", true},
        {"uri-reference", "a b", false},
        {"iri",
            "https://b\xC3\xBC"
            "cher.example/\xE4\xB8\xAD",
            true},
        {"iri-reference", "\xC3\xA4", true},
        {"uri-template", "/users/{id}{?page,size}", true},
        {"hostname", "localhost", true},
        {"hostname", "a.b.c.d.Example.com", true},
        {"hostname", "a..b", false},
        {"idn-hostname",
            "b\xC3\xBC"
            "cher.example",
            true},
        {"email", "First.Last+tag@mail.example.co.uk", true},
        {"email", "a..b@c", false},
        {"idn-email",
            "j\xC3\xB6rg@b\xC3\xBC"
            "cher.example",
            true},
        {"uuid", "123E4567-e89b-12d3-a456-426614174000", true},
        {"ipv6", "::1", true},
        {"ipv6", "2001:db8::ff00:42:8329", true},
        {"ipv6", "1::2::3", false},
        {"duration", "P1Y2M3DT4H5M6S", true},
        {"duration", "PT", false},
        {"duration", "P1YT", false},
        {"json-pointer", "/Foo bar/0/~1x", true},
        {"json-pointer", "/~2", false},
        {"relative-json-pointer", "1#", true},
        {"regex", "^a+$", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char schema[64];
        (void)snprintf(schema, sizeof schema, "{\"format\":\"%s\"}", rows[i].format);
        char text[160];
        (void)snprintf(text, sizeof text, "\"%s\"", rows[i].text);
        if (schema_takes(schema, text) != rows[i].fits)
            fail_msg("%s: %s", schema, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constraint__random_answers_satisfy_each_of_twenty_schemas),
        cmocka_unit_test(constraint__checker_refuses_what_is_wrong),
        cmocka_unit_test(constraint__what_leaves_no_choice_is_forced),
        cmocka_unit_test(constraint__only_choices_cost_a_step),
        cmocka_unit_test(constraint__a_beginning_by_others_may_have_any_white_space),
        cmocka_unit_test(schema__what_cant_be_kept_is_refused_with_its_place),
        cmocka_unit_test(schema__nothing_finite_is_an_error_and_no_hang),
        cmocka_unit_test(schema__ordinary_values_of_a_format_can_be_written),
        cmocka_unit_test(matcher__a_text_is_taken_or_not)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
