/* SPDX-License-Identifier: Apache-2.0
 *
 * What the model reads when an answer is to be gone on with: the template's head of the assistant's
 * turn, the beginning, and nothing behind it. The vocabulary has a token per byte, so that a
 * prompt's tokens are its text.
 */
#include "local/engine/answer.h"
#include "local/engine/prompt.h"
#include "local/tokens/vocabulary.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/small_vocabularies.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEMPLATES "../shared/vectors/templates/"
#define TURNS     "{% for m in messages %}{{ '<' + m.role + '>' + m.content + '\n' }}{% endfor %}"
#define HEAD      TURNS "{{ '<assistant>\n' }}"
#define THINKS    HEAD "{{ '<think>\n' }}"
#define MAY_THINK                                                                                  \
    HEAD "{% if enable_thinking is defined and not enable_thinking %}"                             \
         "{{ '<think>\n\n</think>\n\n' }}{% endif %}"
#define TOOLS                                                                                      \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","       \
    "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]"

static amphi_tokenizer *byte_tokenizer(void)
{
    char spelled[256][8];
    const char *texts[256];
    for (size_t byte = 0; byte < COUNT_OF(texts); byte++) {
        spelled[byte][amphi__utf8_encode(amphi__byte_to_char((uint8_t)byte), spelled[byte])] = '\0';
        texts[byte] = spelled[byte];
    }
    static const char *const merges[] = {"! !"};
    gguf_builder w;
    bpe_begin(&w, "gpt-2");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    return tokenizer_of(&w);
}

/* A request of one question; beginning: NULL, or a trailing assistant message as JSON. */
static amphi_status make(amphi_prompt *out, const amphi_inference *inference, const char *beginning,
    const char *prefix, const char *more, amphi_error *error)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}%s%s%s]%s}",
        beginning != NULL ? ",{\"role\":\"assistant\",\"content\":" : "",
        beginning != NULL ? beginning : "", beginning != NULL ? "}" : "", more);
    const amphi_inference_request request = {
        .body = amphi_str_from(body), .prefix = amphi_str_from(prefix)};
    return amphi__prompt_make(out, inference, &request, error);
}

/* All that the model reads, with the letters that it will spell again. */
static void write_text(amphi_buf *out, const amphi_tokenizer *tokenizer, const amphi_prompt *prompt)
{
    amphi__buf_init(out, 0);
    for (size_t i = 0; i < prompt->tokens.size; i++) {
        char scratch[8];
        amphi__buf_append_str(
            out, amphi__tokenizer_piece(tokenizer, prompt->tokens.data[i], false, scratch));
    }
    amphi__buf_append(out, prompt->healing.letters, prompt->healing.size);
}

typedef struct prompt_case {
    const char *source; /* the template */
    const char *beginning;
    const char *prefix;
    const char *more; /* members of the request */
    const char *text;
    amphi_reasoning_state state;
} prompt_case;

#define ASKED    "<user>Hi\n<assistant>\n"
#define KWARGS   ",\"chat_template_kwargs\":{\"enable_thinking\":true,\"x\":1}"
#define NO_THINK "<think>\n\n</think>\n\n"

static const prompt_case cases[] = {
    {HEAD, NULL, "", "", ASKED, AMPHI_REASONING_FRONT},
    {HEAD, NULL, "The answ", "", ASKED "The answ", AMPHI_REASONING_TEXT},
    {HEAD, "\"The answ\"", "", "", ASKED "The answ", AMPHI_REASONING_TEXT},
    {HEAD, "\"The \"", "answ", "", ASKED "The answ", AMPHI_REASONING_TEXT},
    {HEAD, "[{\"type\":\"text\",\"text\":\"The answ\"}]", "", "", ASKED "The answ",
        AMPHI_REASONING_TEXT},
    {HEAD, NULL, "one\n\n", "", ASKED "one\n\n", AMPHI_REASONING_TEXT},
    {HEAD, "\"<think>Hm\"", "", "", ASKED "<think>Hm", AMPHI_REASONING_INSIDE},
    {HEAD, "\"<think>Hm</think>\\n\\nYes\"", "", "", ASKED "<think>Hm</think>\n\nYes",
        AMPHI_REASONING_TEXT},
    {THINKS, NULL, "", "", ASKED "<think>\n", AMPHI_REASONING_OPENED},
    {THINKS, NULL, "The answ", "", ASKED NO_THINK "The answ", AMPHI_REASONING_TEXT},
    {THINKS, "\"<think>\\nHm\"", "", "", ASKED "<think>\nHm", AMPHI_REASONING_INSIDE},
    {MAY_THINK, NULL, "", "", ASKED, AMPHI_REASONING_FRONT},
    {MAY_THINK, NULL, "The answ", "", ASKED NO_THINK "The answ", AMPHI_REASONING_TEXT},
    {MAY_THINK, NULL, "The answ", KWARGS, ASKED NO_THINK "The answ", AMPHI_REASONING_TEXT},
    {MAY_THINK, NULL, "", KWARGS, ASKED, AMPHI_REASONING_FRONT},
    {MAY_THINK, "\"<think>\\nHm\"", "", "", ASKED "<think>\nHm", AMPHI_REASONING_INSIDE},
};

/* Where the answer's text stands once it was opened: what comes next, thoughts or answer? */
static amphi_reasoning_state opened_state(const amphi_prompt *prompt)
{
    const amphi_inference_sink sink = {0};
    amphi_logprobs_report logprobs = {0};
    amphi_answer answer;
    assert_int_equal(
        amphi__answer_init(&answer, &sink, prompt, false, NULL, 0, &logprobs, NULL), AMPHI_OK);
    amphi_reasoning_state state = answer.reasoning.state;
    amphi__answer_clear(&answer);
    return state;
}

static void check_case(const prompt_case *row, const amphi_tokenizer *tokenizer)
{
    amphi_inference inference = {.tokenizer = (amphi_tokenizer *)tokenizer};
    amphi_prompt prompt;
    amphi_error error = {0};
    amphi_buf text;
    assert_int_equal(
        amphi__template_new(&inference.tmpl, amphi_str_from(row->source), &error), AMPHI_OK);
    if (make(&prompt, &inference, row->beginning, row->prefix, row->more, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    write_text(&text, tokenizer, &prompt);
    assert_string_equal(text.data, row->text);
    assert_int_equal(opened_state(&prompt), row->state);
    assert_int_equal(prompt.starts_text, row->beginning == NULL && row->prefix[0] == '\0');
    amphi__buf_clear(&text);
    amphi__prompt_clear(&prompt);
    amphi__template_free(inference.tmpl);
}

static void prompt__an_answer_is_gone_on_with_inside_its_turn(void **state)
{
    amphi_tokenizer *tokenizer = byte_tokenizer();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_case(&cases[i], tokenizer);
    amphi__tokenizer_free(tokenizer);
}

/* Templates of real models: the beginning is the last that the model reads. */
static void check_published(const char *name, const amphi_tokenizer *tokenizer)
{
    char path[300];
    snprintf(path, sizeof path, TEMPLATES "%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static char source[1 << 18];
    size_t size = fread(source, 1, sizeof source, file);
    fclose(file);
    amphi_inference inference = {.tokenizer = (amphi_tokenizer *)tokenizer};
    amphi_prompt prompt;
    amphi_error error = {0};
    amphi_buf text;
    assert_int_equal(
        amphi__template_new(&inference.tmpl, amphi_str_make(source, size), &error), AMPHI_OK);
    if (make(&prompt, &inference, NULL, "The answer is Pa",
            strstr(name, "tool_use") != NULL ? TOOLS : "", &error) != AMPHI_OK)
        fail_msg("%s: %s", name, error.message);
    write_text(&text, tokenizer, &prompt);
    amphi_str all = amphi__buf_str(&text);
    if (!amphi__str_ends_with(all, AMPHI_STR("The answer is Pa")) || prompt.healing.size != 3)
        fail_msg("%s: %s", name, text.data);
    bool thinks =
        amphi__str_find(amphi_str_make(source, size), AMPHI_STR("enable_thinking")) != SIZE_MAX ||
        strstr(name, "R1-") != NULL;
    size_t at = all.size > 60 ? all.size - 60 : 0;
    amphi_str end = amphi__str_slice(all, at, all.size);
    if (thinks)
        assert_true(amphi__str_find(end, AMPHI_STR("</think>")) != SIZE_MAX);
    amphi__buf_clear(&text);
    amphi__prompt_clear(&prompt);
    amphi__template_free(inference.tmpl);
}

static void prompt__published_templates_end_with_the_beginning(void **state)
{
    DIR *folder = opendir(TEMPLATES);
    if (folder == NULL) {
        print_message("skipped: %s is not there\n", TEMPLATES);
        skip();
    }
    amphi_tokenizer *tokenizer = byte_tokenizer();
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (size < 6 || strcmp(entry->d_name + size - 6, ".jinja") != 0)
            continue;
        check_published(entry->d_name, tokenizer);
        count++;
    }
    closedir(folder);
    assert_true(count >= 10);
    amphi__tokenizer_free(tokenizer);
}

/* The form of tools before "tools": nothing of it would reach the model. */
static void prompt__functions_are_refused_by_name(void **state)
{
    amphi_tokenizer *tokenizer = byte_tokenizer();
    amphi_inference inference = {.tokenizer = tokenizer};
    amphi_prompt prompt;
    amphi_error error;
    assert_int_equal(amphi__template_new(&inference.tmpl, AMPHI_STR(THINKS), NULL), AMPHI_OK);
    assert_int_equal(
        make(&prompt, &inference, NULL, "", ",\"functions\":[{\"name\":\"f\"}]", &error),
        AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "functions: "));
    assert_int_equal(make(&prompt, &inference, NULL, "", ",\"functions\":[]", &error), AMPHI_OK);
    amphi__prompt_clear(&prompt);
    amphi__template_free(inference.tmpl);
    amphi__tokenizer_free(tokenizer);
}

static void prompt__every_failing_allocation_is_survived(void **state)
{
    amphi_tokenizer *tokenizer = byte_tokenizer();
    amphi_inference inference = {.tokenizer = tokenizer};
    assert_int_equal(amphi__template_new(&inference.tmpl, AMPHI_STR(THINKS), NULL), AMPHI_OK);
    failing_alloc_install();
    amphi_status status = AMPHI_E_NO_MEMORY;
    for (size_t n = 1; status != AMPHI_OK && n < 2000; n++) {
        amphi_prompt prompt;
        amphi_error error;
        failing_alloc_at(n);
        status = make(&prompt, &inference, "\"The \"", "answ", KWARGS, &error);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        if (status == AMPHI_OK)
            amphi__prompt_clear(&prompt);
        assert_int_equal(failing_alloc_live(), 0);
    }
    assert_int_equal(status, AMPHI_OK);
    failing_alloc_remove();
    amphi__template_free(inference.tmpl);
    amphi__tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt__an_answer_is_gone_on_with_inside_its_turn),
        cmocka_unit_test(prompt__published_templates_end_with_the_beginning),
        cmocka_unit_test(prompt__functions_are_refused_by_name),
        cmocka_unit_test(prompt__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
