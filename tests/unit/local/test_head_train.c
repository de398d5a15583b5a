/* SPDX-License-Identifier: Apache-2.0
 *
 * A head for the embedded help model, trained through the real worker on what the test calls right:
 * questions of one kind and not of the other. The worker is the one that ctest names.
 */
#include "local/judge/head.h"
#include "sdk/core/json.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/real_engine.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MODEL "local/models/amphi-help.gguf"

static const char *const inside[] = {"How do I %s the cache?", "How do I %s the history?",
    "Can I %s the outbox?", "Which flag lets me %s a model file?"};
static const char *const outside[] = {"How do I %s a cake?", "Who was the first to %s the moon?",
    "Can I %s a horse?", "Which tree may I %s in spring?"};
static const char *const verbs[] = {"see", "find", "open", "clear", "stop", "check", "take", "move",
    "change", "keep", "make", "start"};

enum { KINDS = 4, VERBS = 12 };

static void write_rows(amphi_buf *out, int from, int to)
{
    char prompt[80];
    for (int v = from; v < to; v++) {
        for (int k = 0; k < KINDS; k++) {
            snprintf(prompt, sizeof prompt, inside[k], verbs[v]);
            amphi__buf_printf(out, "{\"prompt\":\"%s\",\"right\":true,\"of\":\"us\"}\n", prompt);
            snprintf(prompt, sizeof prompt, outside[k], verbs[v]);
            amphi__buf_printf(out, "{\"prompt\":\"%s\",\"right\":false}\n\n", prompt);
        }
    }
}

static double number_of(const char *report, const char *key)
{
    amphi_json *root = NULL;
    assert_int_equal(amphi__json_parse(&root, amphi_str_from(report), "report", NULL), AMPHI_OK);
    double number = amphi__json_number(amphi__json_get(root, key), -1);
    amphi__json_free(root);
    return number;
}

/* A copy of the model, so that its head does not lie in the source tree. */
static void copy_model(const scratch_dir *dir, char *path, size_t capacity)
{
    size_t size = 0;
    char *data = scratch_read(MODEL, &size);
    assert_non_null(data);
    snprintf(path, capacity, "%s/help.gguf", dir->path);
    scratch_write(path, data, size, 0600);
    free(data);
}

static void head_train__learns_what_it_is_told_and_judges_with_it(void **state)
{
    const scratch_dir *dir = *state;
    char model[300];
    char *report = NULL;
    amphi_error error;
    amphi_head_options options;
    amphi_buf rows;
    copy_model(dir, model, sizeof model);
    amphi__buf_init(&rows, 0);
    write_rows(&rows, 0, 8);
    amphi_head_options_init(&options);
    options.model_path = amphi_str_from(model);
    options.rows = amphi__buf_str(&rows);
    options.threads = 1;
    assert_int_equal(amphi_model_head_test(&report, &options, &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi_model_head_train(&report, &options, &error), AMPHI_OK);
    assert_true(number_of(report, "rows") == 64);
    assert_true(number_of(report, "right") == 32);
    assert_true(number_of(report, "auc") > 0.9);
    amphi_string_free(report);
    amphi__buf_reset(&rows);
    write_rows(&rows, 8, VERBS);
    options.rows = amphi__buf_str(&rows);
    assert_int_equal(amphi_model_head_test(&report, &options, &error), AMPHI_OK);
    assert_true(number_of(report, "rows") == 32);
    assert_true(number_of(report, "auc") > 0.9);
    amphi_string_free(report);
    amphi__buf_clear(&rows);
}

/* What a client's request gets: the head beside the model counts as soon as it is there. */
static void head_train__an_engine_finds_the_head_beside_its_model(void **state)
{
    const scratch_dir *dir = *state;
    char model[300];
    char beside[310];
    amphi_engine engine;
    amphi_engine_info info;
    amphi_engine_request request;
    engine_recorder recorder;
    amphi_engine_run *run = NULL;
    snprintf(model, sizeof model, "%s/help.gguf", dir->path);
    snprintf(beside, sizeof beside, "%s.head", model);
    assert_true(real_engine_copy_new(&engine, "help", model));
    amphi_engine_info_init(&info);
    engine.ops->describe(engine.self, &info);
    assert_int_equal(info.judge, AMPHI_JUDGE_LOGITS);
    head_train__learns_what_it_is_told_and_judges_with_it(state);
    assert_true(scratch_exists(beside));
    amphi_engine_info_init(&info);
    engine.ops->describe(engine.self, &info);
    assert_int_equal(info.judge, AMPHI_JUDGE_HEAD);
    amphi_engine_request_init(&request);
    request.body = AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":"
                             "\"How do I clear the cache?\"}],\"temperature\":0}");
    request.judge_tokens = 32; /* the head needs 8 */
    engine_recorder_init(&recorder);
    const amphi_engine_sink sink = engine_recorder_sink(&recorder);
    assert_int_equal(engine.ops->start(engine.self, &run, &request, &sink, NULL), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&recorder, 600000));
    engine.ops->release(engine.self, run);
    assert_int_equal(recorder.confidences, 8);
    assert_true(recorder.confidence_is_final);
    assert_string_equal(recorder.judge, "head");
    assert_true(recorder.confidence_permille > 500);
    engine_recorder_clear(&recorder);
    engine.ops->free(engine.self);
}

static void head_train__bad_rows_are_named(void **state)
{
    static const struct {
        const char *rows;
        amphi_status status;
        const char *says;
    } cases[] = {
        {"", AMPHI_E_ARGUMENT, "rows: 0 with 0 right ones; it takes 40"},
        {"{\"prompt\":\"a\",\"right\":true}\n{\"prompt\":\"a\"}", AMPHI_E_ARGUMENT, "rows: line 2"},
        {"{\"prompt\":7,\"right\":true}", AMPHI_E_ARGUMENT, "rows: line 1"},
        {"{\"prompt\":\"a\",\"right\":1}", AMPHI_E_ARGUMENT, "rows: line 1"},
        {"\n\n{\"prompt\"", AMPHI_E_FORMAT, "rows: line 3"},
    };
    amphi_head_options options;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *report = NULL;
        amphi_error error;
        amphi_head_options_init(&options);
        options.model_path = AMPHI_STR(MODEL);
        options.out_path = AMPHI_STR("/nonexistent/head");
        options.threads = 1;
        options.rows = amphi_str_from(cases[i].rows);
        assert_int_equal(amphi_model_head_train(&report, &options, &error), (int)cases[i].status);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_null(report);
    }
    amphi_head_options_init(&options);
    amphi_error error;
    char *report = NULL;
    assert_int_equal(amphi_model_head_train(&report, &options, &error), AMPHI_E_ARGUMENT);
    options.model_path = AMPHI_STR(MODEL);
    options.tokens = 33;
    assert_int_equal(amphi_model_head_train(&report, &options, &error), AMPHI_E_ARGUMENT);
}

static bool stop_at_once(void *user, uint32_t permille)
{
    return false;
}

static void head_train__stops_when_the_caller_says_so(void **state)
{
    amphi_head_options options;
    amphi_error error;
    char *report = NULL;
    amphi_head_options_init(&options);
    options.model_path = AMPHI_STR(MODEL);
    options.rows = AMPHI_STR("{\"prompt\":\"a\",\"right\":true}");
    options.progress = stop_at_once;
    assert_int_equal(amphi_model_head_train(&report, &options, &error), AMPHI_E_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(head_train__learns_what_it_is_told_and_judges_with_it,
            scratch_dir_set_up, scratch_dir_tear_down),
        cmocka_unit_test_setup_teardown(head_train__an_engine_finds_the_head_beside_its_model,
            scratch_dir_set_up, scratch_dir_tear_down),
        cmocka_unit_test(head_train__bad_rows_are_named),
        cmocka_unit_test(head_train__stops_when_the_caller_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
