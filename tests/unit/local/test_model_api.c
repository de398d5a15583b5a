/* SPDX-License-Identifier: Apache-2.0
 *
 * <amphi/model.h> through its public calls only, on a tiny model file.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/gguf_builder.h"

#include <amphi/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TINY_VOCABULARY 40

typedef struct temp_file {
    char path[64];
} temp_file;

static temp_file write_file(const void *data, size_t size)
{
    temp_file file = {"/tmp/amphi-test-model-XXXXXX"};
    int fd = mkstemp(file.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
    return file;
}

static temp_file write_tiny(const char *chat_template)
{
    gguf_builder builder;
    amphi_buf bytes;
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    if (chat_template != NULL)
        gguf_builder_str(&builder, "tokenizer.chat_template", chat_template);
    gguf_builder_finish(&builder, &bytes);
    temp_file file = write_file(bytes.data, bytes.size);
    amphi__buf_clear(&bytes);
    gguf_builder_clear(&builder);
    return file;
}

static amphi_model *open_tiny(const char *chat_template, bool vocabulary_only)
{
    temp_file file = write_tiny(chat_template);
    amphi_model *model = NULL;
    amphi_model_options options;
    amphi_error error = {0};
    amphi_model_options_init(&options);
    options.vocabulary_only = vocabulary_only;
    options.context_tokens_max = 16;
    amphi_status status = amphi_model_open(&model, amphi_str_from(file.path), &options, &error);
    unlink(file.path);
    if (status != AMPHI_OK)
        fail_msg("%s", error.message);
    return model;
}

static void model__files_that_are_no_model_give_one_clear_line(void **state)
{
    char noise[5000];
    amphi_model *model = (amphi_model *)noise;
    amphi_error error = {0};
    assert_int_equal(amphi_model_open(&model, AMPHI_STR("/no/such/model.gguf"), NULL, &error),
        AMPHI_E_NOT_FOUND);
    assert_null(model);
    uint32_t random = 5;
    for (size_t i = 0; i < sizeof noise; i++) {
        random = random * 1664525u + 1013904223u;
        noise[i] = (char)(random >> 24);
    }
    temp_file file = write_file(noise, sizeof noise);
    assert_int_equal(
        amphi_model_open(&model, amphi_str_from(file.path), NULL, &error), AMPHI_E_FORMAT);
    assert_true(error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
    unlink(file.path);
    file = write_tiny(NULL);
    assert_int_equal(truncate(file.path, 3000), 0);
    assert_int_equal(
        amphi_model_open(&model, amphi_str_from(file.path), NULL, &error), AMPHI_E_FORMAT);
    assert_null(model);
    unlink(file.path);
    amphi_model_free(NULL);
    assert_int_equal(amphi_model_open(NULL, AMPHI_STR("x"), NULL, NULL), AMPHI_E_ARGUMENT);
}

static void model__logits_continue_or_start_again(void **state)
{
    amphi_model *model = open_tiny(NULL, false);
    const int32_t tokens[4] = {1, 5, 9, 30};
    float all[4 * TINY_VOCABULARY];
    float last[TINY_VOCABULARY];
    assert_int_equal(amphi_model_vocabulary_size(model), TINY_VOCABULARY);
    assert_int_equal(amphi_model_logits(model, tokens, 4, true, true, all, NULL), AMPHI_OK);
    assert_int_equal(amphi_model_logits(model, tokens, 2, true, false, last, NULL), AMPHI_OK);
    assert_memory_equal(last, all + TINY_VOCABULARY, sizeof last);
    assert_int_equal(amphi_model_logits(model, tokens + 2, 2, false, false, last, NULL), AMPHI_OK);
    assert_memory_equal(last, all + 3 * TINY_VOCABULARY, sizeof last);
    const int32_t many[16] = {0};
    assert_int_equal(
        amphi_model_logits(model, many, 16, false, false, last, NULL), AMPHI_E_CONTEXT_LENGTH);
    assert_int_equal(
        amphi_model_logits(model, NULL, 1, false, false, last, NULL), AMPHI_E_ARGUMENT);
    amphi_model_free(model);
}

static void model__text_survives_the_way_to_tokens_and_back(void **state)
{
    amphi_model *model = open_tiny(NULL, true);
    int32_t *tokens = NULL;
    size_t count = 0;
    char *text = NULL;
    size_t size = 0;
    const int32_t ids[3] = {1, 3, 4}; /* the start token gives nothing */
    const int32_t outside = 40;
    float logits[TINY_VOCABULARY];
    assert_int_equal(amphi_model_detokenize(model, ids, 3, &text, &size, NULL), AMPHI_OK);
    assert_string_equal(text, "tDtE");
    assert_int_equal(size, 4);
    amphi__free(text);
    assert_int_equal(
        amphi_model_detokenize(model, &outside, 1, &text, &size, NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(
        amphi_model_tokenize(model, AMPHI_STR("tD"), false, &tokens, &count, NULL), AMPHI_OK);
    assert_true(count > 0);
    amphi_model_tokens_free(tokens);
    assert_int_equal(
        amphi_model_logits(model, ids, 1, true, false, logits, NULL), AMPHI_E_ARGUMENT);
    amphi_model_free(model);
}

static void model__its_template_or_a_given_one_is_rendered(void **state)
{
    amphi_model *model =
        open_tiny("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}"
                  "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
            true);
    amphi_str messages = AMPHI_STR("[{\"role\":\"user\",\"content\":\"hi\"}]");
    amphi_str none = {NULL, 0};
    char *text = NULL;
    amphi_error error = {0};
    if (amphi_model_render(model, none, messages, none, none, none, true, &text, &error) !=
        AMPHI_OK)
        fail_msg("%s", error.message);
    assert_string_equal(text, "<s>[user]hi[assistant]");
    amphi__free(text);
    assert_int_equal(
        amphi_model_render(model, AMPHI_STR("{{ x }} {{ strftime_now('%Y-%m') }}"), messages, none,
            AMPHI_STR("{\"x\":7}"), AMPHI_STR("2026-01-02T03:04:05"), false, &text, &error),
        AMPHI_OK);
    assert_string_equal(text, "7 2026-01");
    amphi__free(text);
    assert_int_equal(
        amphi_model_render(model, none, AMPHI_STR("{}"), none, none, none, false, &text, &error),
        AMPHI_E_ARGUMENT);
    assert_int_equal(
        amphi_model_render(model, none, AMPHI_STR("["), none, none, none, false, &text, &error),
        AMPHI_E_FORMAT);
    assert_int_equal(amphi_model_render(model, none, messages, none, none, AMPHI_STR("soon"), false,
                         &text, &error),
        AMPHI_E_ARGUMENT);
    amphi_model_free(model);
    model = open_tiny(NULL, true);
    assert_int_equal(
        amphi_model_render(model, none, messages, none, none, none, false, &text, &error),
        AMPHI_E_NOT_FOUND);
    amphi_model_free(model);
}

static void model__inspect_tells_what_it_is_and_needs(void **state)
{
    amphi_model *model = open_tiny(NULL, false);
    char *text = NULL;
    amphi_json *json = NULL;
    assert_int_equal(amphi_model_inspect(model, &text, NULL), AMPHI_OK);
    assert_int_equal(amphi__json_parse(&json, amphi_str_from(text), "inspect", NULL), AMPHI_OK);
    assert_true(amphi__str_equal_c(amphi__json_string(amphi__json_get(json, "family")), "llama"));
    assert_int_equal(amphi__json_int(amphi__json_get(json, "vocabulary"), 0), 40);
    assert_int_equal(amphi__json_int(amphi__json_get(json, "context_tokens_max"), 0), 64);
    assert_int_equal(
        amphi__json_int(amphi__json_get(amphi__json_get(json, "types"), "F32"), 0), 11);
    const amphi_json *memory = amphi__json_get(json, "memory");
    assert_int_equal(amphi__json_int(amphi__json_get(memory, "kv_bytes"), 0), 64 * 16);
    assert_int_equal(amphi__json_int(amphi__json_get(json, "parameters"), 0),
        40 * 32 + 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 3 * 32);
    amphi__json_free(json);
    amphi__free(text);
    amphi_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model__files_that_are_no_model_give_one_clear_line),
        cmocka_unit_test(model__logits_continue_or_start_again),
        cmocka_unit_test(model__text_survives_the_way_to_tokens_and_back),
        cmocka_unit_test(model__its_template_or_a_given_one_is_rendered),
        cmocka_unit_test(model__inspect_tells_what_it_is_and_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
