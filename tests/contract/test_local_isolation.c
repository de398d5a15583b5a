/* SPDX-License-Identifier: Apache-2.0
 *
 * What an app sees of the local engine does not depend on where it computes: every promise here is
 * kept by both kinds of isolation, over the embedded model.
 */
#include "sdk/core/clock.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/scratch_dir.h"

#include "local/local.h"
#include "local/run_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define QUESTION(max_tokens)                                                                       \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"What happens when the battery is low?\"}],"   \
    "\"temperature\":0,\"max_tokens\":" max_tokens "}"

static int answers_finished; /* by answer_many, which is joined before it is read */

static const amphi_isolation kinds[] = {AMPHI_ISOLATION_PROCESS, AMPHI_ISOLATION_THREAD};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static amphi_engine make_of(
    amphi_isolation isolation, const char *model_path, const char *breadcrumb_path)
{
    amphi_local_options options;
    memset(&options, 0, sizeof options);
    options.model_path = amphi_str_from(model_path);
    options.threads = 2;
    options.context_tokens_max = 512;
    options.isolation = isolation;
    options.breadcrumb_path = amphi_str_from(breadcrumb_path);
    amphi_engine engine;
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

static amphi_engine make_with(amphi_isolation isolation, const char *breadcrumb_path)
{
    return make_of(isolation, "local/models/amphi-help.gguf", breadcrumb_path);
}

static amphi_engine make(amphi_isolation isolation)
{
    return make_with(isolation, "");
}

/* So slow that it is still being answered when a test has looked at everything else. */
static amphi_engine_run *start_slow_run(amphi_engine engine, engine_recorder *recorder)
{
    amphi_engine_run *run = NULL;
    engine_recorder_init(recorder);
    assert_int_equal(engine_start(engine, &run, recorder, QUESTION("40"), "", 1), AMPHI_OK);
    assert_true(engine_recorder_wait_text(recorder, 1, 20000));
    return run;
}

static void isolation__the_engine_describes_itself_alike(void **state)
{
    amphi_engine_info info[KINDS];
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        info[i] = (amphi_engine_info){.struct_size = sizeof info[i]};
        engine.ops->describe(engine.self, &info[i]);
        assert_true(info[i].available);
        engine.ops->free(engine.self);
    }
    assert_string_equal(info[0].name, info[1].name);
    assert_string_equal(info[0].model, info[1].model);
    assert_string_equal(info[0].fingerprint, info[1].fingerprint);
    assert_string_equal(info[0].kernels, info[1].kernels);
    assert_int_equal(info[0].weights_bytes, info[1].weights_bytes);
    assert_int_equal(info[0].kv_bytes_per_token, info[1].kv_bytes_per_token);
    assert_int_equal(info[0].scratch_bytes, info[1].scratch_bytes);
    assert_int_equal(info[0].context_tokens_max, info[1].context_tokens_max);
    assert_int_equal(info[0].tools, info[1].tools);
    assert_int_equal(info[0].prefix, info[1].prefix);
}

static void isolation__one_run_and_a_full_queue_are_taken(void **state)
{
    enum { WAITING = AMPHI_LOCAL_QUEUE_MAX };
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        engine_recorder current;
        engine_recorder waiting;
        amphi_engine_run *runs[WAITING];
        amphi_engine_run *run = start_slow_run(engine, &current);
        engine_recorder_init(&waiting);
        for (int at = 0; at < WAITING; at++)
            assert_int_equal(
                engine_start(engine, &runs[at], &waiting, QUESTION("1"), "", 0), AMPHI_OK);
        amphi_engine_run *refused = NULL;
        assert_int_equal(
            engine_start(engine, &refused, &waiting, QUESTION("1"), "", 0), AMPHI_E_BUSY);
        assert_null(refused);
        for (int at = 0; at < WAITING; at++)
            engine.ops->release(engine.self, runs[at]);
        assert_int_equal(waiting.terminals, WAITING);
        assert_int_equal(waiting.texts, 0);
        engine.ops->release(engine.self, run);
        assert_int_equal(current.terminals, 1);
        engine_recorder_clear(&waiting);
        engine_recorder_clear(&current);
        engine.ops->free(engine.self);
    }
}

static void isolation__a_waiting_run_that_is_cancelled_does_not_wait_its_turn(void **state)
{
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        engine_recorder current;
        engine_recorder waiting;
        amphi_engine_run *second = NULL;
        amphi_engine_run *first = start_slow_run(engine, &current);
        engine_recorder_init(&waiting);
        assert_int_equal(engine_start(engine, &second, &waiting, QUESTION("1"), "", 0), AMPHI_OK);
        engine.ops->cancel(engine.self, second);
        assert_true(engine_recorder_wait_end(&waiting, 2000));
        assert_int_equal(waiting.error.status, AMPHI_E_CANCELLED);
        assert_false(engine_recorder_wait_end(&current, 0));
        engine.ops->release(engine.self, second);
        engine.ops->release(engine.self, first);
        assert_int_equal(current.error.status, AMPHI_E_CANCELLED);
        assert_int_equal(waiting.terminals, 1);
        engine_recorder_clear(&waiting);
        engine_recorder_clear(&current);
        engine.ops->free(engine.self);
    }
}

/* A conversation's next request is counted right behind the answer to the one before. */
static void isolation__counts_behind_a_run_and_behind_each_other_are_not_refused(void **state)
{
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        for (int at = 0; at < 5; at++) {
            amphi_engine_run *run = NULL;
            engine_recorder r;
            engine_recorder_init(&r);
            assert_int_equal(engine_start(engine, &run, &r, QUESTION("1"), "", 0), AMPHI_OK);
            assert_true(engine_recorder_wait_end(&r, 20000));
            engine.ops->release(engine.self, run);
            engine_recorder_clear(&r);
            for (int j = 0; j < 20; j++) {
                uint32_t tokens = 0;
                uint64_t begun_us = amphi__clock_us(NULL);
                amphi_status status =
                    engine.ops->count_tokens(engine.self, AMPHI_STR(QUESTION("1")), &tokens);
                if (amphi__clock_us(NULL) - begun_us >= 90000)
                    break; /* a busy machine: it was given up, and the next may find it there */
                assert_int_equal(status, AMPHI_OK);
            }
        }
        engine.ops->free(engine.self);
    }
}

static void isolation__unload_by_force_ends_waiting_runs_too(void **state)
{
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        engine_recorder current;
        engine_recorder waiting;
        amphi_engine_run *second = NULL;
        amphi_engine_run *first = start_slow_run(engine, &current);
        engine_recorder_init(&waiting);
        assert_int_equal(engine_start(engine, &second, &waiting, QUESTION("1"), "", 0), AMPHI_OK);
        engine.ops->unload(engine.self, true);
        assert_true(engine_recorder_wait_end(&current, 2000));
        assert_true(engine_recorder_wait_end(&waiting, 2000));
        assert_int_equal(current.error.status, AMPHI_E_RESOURCE);
        assert_int_equal(waiting.error.status, AMPHI_E_RESOURCE);
        engine.ops->release(engine.self, second);
        engine.ops->release(engine.self, first);
        engine_recorder_clear(&waiting);
        engine_recorder_clear(&current);
        engine.ops->free(engine.self);
    }
}

static void isolation__runs_are_answered_in_the_order_of_their_start(void **state)
{
    enum { RUNS = 4 };
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        engine_recorder recorders[RUNS];
        amphi_engine_run *runs[RUNS];
        for (int at = 0; at < RUNS; at++) {
            engine_recorder_init(&recorders[at]);
            assert_int_equal(
                engine_start(engine, &runs[at], &recorders[at], QUESTION("2"), "", 0), AMPHI_OK);
        }
        for (int at = 0; at < RUNS; at++) {
            assert_true(engine_recorder_wait_end(&recorders[at], 20000));
            assert_true(recorders[at].finished);
            if (at > 0)
                assert_true(recorders[at].terminal_us >= recorders[at - 1].terminal_us);
            engine.ops->release(engine.self, runs[at]);
            engine_recorder_clear(&recorders[at]);
        }
        engine.ops->free(engine.self);
    }
}

/* Tokenizing two megabytes takes longer than a cancel may: it ends before the prompt's length is
 * refused. */
static void isolation__a_prompt_that_is_being_tokenized_can_be_cancelled(void **state)
{
    static const char head[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"";
    enum { TEXT = 1900000 };
    char *body = malloc(sizeof head + TEXT + sizeof "\"}]}");
    assert_non_null(body);
    size_t size = (size_t)sprintf(body, "%s", head);
    memset(body + size, 'a', TEXT);
    sprintf(body + size + TEXT, "\"}]}");
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        engine_recorder recorder;
        amphi_engine_run *run = start_slow_run(engine, &recorder); /* loads the model */
        engine.ops->release(engine.self, run);
        engine_recorder_reset(&recorder);
        assert_int_equal(engine_start(engine, &run, &recorder, body, "", 0), AMPHI_OK);
        usleep(30000);
        engine.ops->cancel(engine.self, run);
        assert_true(engine_recorder_wait_end(&recorder, 20000));
        assert_int_equal(recorder.error.status, AMPHI_E_CANCELLED);
        engine.ops->release(engine.self, run);
        engine_recorder_clear(&recorder);
        engine.ops->free(engine.self);
    }
    free(body);
}

/* An engine that has just answered is idle a moment later. */
static uint32_t count(amphi_engine engine, const char *body)
{
    uint32_t tokens = 0;
    amphi_status status = AMPHI_E_BUSY;
    for (int i = 0; i < 500 && status == AMPHI_E_BUSY; i++) {
        status = engine.ops->count_tokens(engine.self, amphi_str_from(body), &tokens);
        if (status == AMPHI_E_BUSY)
            usleep(10000);
    }
    assert_int_equal(status, AMPHI_OK);
    return tokens;
}

/* What the engine itself reports for this body. */
static uint32_t prompt_tokens_of(amphi_engine engine, const char *body)
{
    engine_recorder recorder;
    amphi_engine_run *run = NULL;
    engine_recorder_init(&recorder);
    assert_int_equal(engine_start(engine, &run, &recorder, body, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&recorder, 20000));
    assert_true(recorder.finished);
    uint32_t tokens = recorder.usage.prompt_tokens;
    engine.ops->release(engine.self, run);
    engine_recorder_clear(&recorder);
    return tokens;
}

/* Plain, with a system message and parts, with a history, with a beginning of the answer that ends
 * inside a word, with odd characters, and with tools. */
static const char *const counted_bodies[] = {
    QUESTION("1"),
    "{\"max_tokens\":1,\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"},"
    "{\"type\":\"text\",\"text\":\" there\"}]}]}",
    "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Who are you?\"},"
    "{\"role\":\"assistant\",\"content\":\"Amphi.\"},"
    "{\"role\":\"user\",\"content\":\"And what is the outbox?\"}]}",
    "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Go on\"},"
    "{\"role\":\"assistant\",\"content\":\"The app is assi\"}]}",
    "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
    "\"Stra\\u00dfe \\u65e5\\u672c \\ud83d\\ude00 <|im_start|>\\u0001x\"}]}",
    "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Weather?\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"description\":"
    "\"The weather of a city\",\"parameters\":{\"type\":\"object\",\"properties\":"
    "{\"city\":{\"type\":\"string\"}}}}}]}",
};

static void isolation__a_count_is_the_prompt_of_the_same_request(void **state)
{
    enum { BODIES = sizeof counted_bodies / sizeof counted_bodies[0] };
    uint32_t counts[KINDS][BODIES];
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make(kinds[i]);
        assert_true(prompt_tokens_of(engine, counted_bodies[0]) > 0); /* loads the model */
        for (int at = 0; at < BODIES; at++) {
            counts[i][at] = count(engine, counted_bodies[at]);
            assert_int_equal(counts[i][at], prompt_tokens_of(engine, counted_bodies[at]));
            assert_int_equal(counts[i][at], counts[0][at]);
        }
        engine.ops->free(engine.self);
    }
}

/* Its template writes more in every year but the one in which the clock begins. */
static void isolation__a_count_sees_the_date_that_the_request_will_see(void **state)
{
    static const char body[] =
        "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"tD\"}]}";
    gguf_builder builder;
    amphi_buf file;
    scratch_dir dir;
    scratch_dir_make(&dir);
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_str(&builder, "tokenizer.chat_template",
        "{{ messages[0].content }}{% if strftime_now('%Y') != '1970' %}tDtEtF{% endif %}");
    gguf_builder_finish(&builder, &file);
    gguf_builder_clear(&builder);
    const char *path = scratch_dir_file(&dir, "dated.gguf");
    scratch_write(path, file.data, file.size, 0600);
    amphi__buf_clear(&file);
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make_of(kinds[i], path, "");
        uint32_t tokens = prompt_tokens_of(engine, body);
        assert_true(tokens >= 4);
        assert_int_equal(count(engine, body), tokens);
        engine.ops->free(engine.self);
    }
    scratch_dir_remove(&dir);
}

/* Starts answers that must reach their ends while another thread calls describe. */
static void answer_many(void *self)
{
    const amphi_engine *engine = self;
    for (int i = 0; i < 20; i++) {
        engine_recorder recorder;
        amphi_engine_run *run = NULL;
        engine_recorder_init(&recorder);
        if (engine_start(*engine, &run, &recorder, QUESTION("1"), "", 0) == AMPHI_OK) {
            (void)engine_recorder_wait_end(&recorder, 20000);
            engine->ops->release(engine->self, run);
        }
        answers_finished += recorder.finished;
        engine_recorder_clear(&recorder);
    }
}

static void isolation__the_engine_may_be_described_while_it_answers(void **state)
{
    scratch_dir dir;
    scratch_dir_make(&dir);
    for (int i = 0; i < KINDS; i++) {
        amphi_engine engine = make_with(kinds[i], scratch_dir_file(&dir, "crumb"));
        amphi_thread thread = {0};
        answers_finished = 0;
        assert_int_equal(amphi__thread_start(&thread, "answers", answer_many, &engine), AMPHI_OK);
        for (int at = 0; at < 200; at++) {
            amphi_engine_info info = {.struct_size = sizeof info};
            engine.ops->describe(engine.self, &info);
            assert_true(info.available);
            usleep(1000);
        }
        amphi__thread_join(&thread);
        assert_int_equal(answers_finished, 20);
        engine.ops->free(engine.self);
    }
    scratch_dir_remove(&dir);
}

int main(void)
{
    if (access("local/models/amphi-help.gguf", R_OK) != 0)
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isolation__the_engine_describes_itself_alike),
        cmocka_unit_test(isolation__one_run_and_a_full_queue_are_taken),
        cmocka_unit_test(isolation__a_waiting_run_that_is_cancelled_does_not_wait_its_turn),
        cmocka_unit_test(isolation__counts_behind_a_run_and_behind_each_other_are_not_refused),
        cmocka_unit_test(isolation__unload_by_force_ends_waiting_runs_too),
        cmocka_unit_test(isolation__the_engine_may_be_described_while_it_answers),
        cmocka_unit_test(isolation__runs_are_answered_in_the_order_of_their_start),
        cmocka_unit_test(isolation__a_count_is_the_prompt_of_the_same_request),
        cmocka_unit_test(isolation__a_count_sees_the_date_that_the_request_will_see),
        cmocka_unit_test(isolation__a_prompt_that_is_being_tokenized_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
