/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud half against a cloud that misbehaves (tests/support/badcloud.py): real sockets, real
 * TLS, one engine value per question. Healthy answers, and connections.
 */
#include "remote/remote.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/cloud_question.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/memory_peak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_whole(const cloud_outcome *o)
{
    if (!o->record.finished)
        print_message("%s\n", o->record.error.message);
    assert_true(o->record.finished);
    cloud_expect_text(o, AMPHI_TEST_CLOUD_ANSWER);
}

static void answer__streams_over_tls_with_model_and_usage(void **state)
{
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.scenario = "ok"});
    assert_whole(&o);
    assert_int_equal(o.record.finish, AMPHI_FINISH_STOP);
    assert_string_equal(o.record.model.data, "badcloud-1");
    assert_int_equal(o.record.usages, 1);
    assert_int_equal(o.record.usage.prompt_tokens, 11);
    assert_int_equal(o.record.usage.completion_tokens, 22);
    assert_int_equal(o.record.usage.cached_tokens, 5);
    assert_true(o.info.ready);
    engine_recorder_clear(&o.record);
}

static void answer__comes_whole_in_every_healthy_form(void **state)
{
    static const char *const forms[] = {"slow:5", "whole", "keepalive", "gzip", "continue",
        "reasoning", "nodone", "done-open", "resetonce:0"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cloud_outcome o;
        cloud_ask(&o, &(cloud_question){.scenario = forms[i]});
        assert_whole(&o);
        assert_true(o.took_ms < 3000);
        engine_recorder_clear(&o.record);
    }
}

static void answer__first_token_arrives_while_the_rest_is_not_sent_yet(void **state)
{
    cloud_outcome o;
    amphi_engine engine;
    amphi_engine_run *run;
    const cloud_question q = {.scenario = "slow:200"};
    memset(&o, 0, sizeof o);
    engine_recorder_init(&o.record);
    assert_int_equal(cloud_make_engine(&engine, &q, NULL), AMPHI_OK);
    assert_int_equal(cloud_start_run(engine, &run, &q, &o), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&o.record, 3, 3000));
    assert_int_equal(o.record.terminals, 0);
    engine.ops->cancel(engine.self, run);
    assert_true(engine_recorder_wait_end(&o.record, 1000));
    assert_int_equal(o.record.error.status, AMPHI_E_CANCELLED);
    engine.ops->cancel(engine.self, run);
    engine.ops->release(engine.self, run);
    engine.ops->free(engine.self);
    engine_recorder_clear(&o.record);
}

static void answer__finish_reason_without_end_marker_finishes_at_once(void **state)
{
    cloud_outcome o;
    cloud_ask(
        &o, &(cloud_question){.scenario = "nodone-open"}); /* usage came: nothing is waited for */
    assert_whole(&o);
    assert_int_equal(o.record.usages, 1);
    assert_true(o.took_ms < 400);
    engine_recorder_clear(&o.record);
    cloud_ask(
        &o, &(cloud_question){.scenario = "nousage-open"}); /* it may still come: a short wait */
    assert_whole(&o);
    assert_int_equal(o.record.usages, 0);
    assert_in_range(o.took_ms, 350, 1500);
    engine_recorder_clear(&o.record);
}

static void answer__cut_behind_the_finish_reason_is_whole(void **state)
{
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.scenario = "nodone-cut"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
}

static void answer__tool_calls_reasoning_and_reasons_are_told_apart(void **state)
{
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.scenario = "tools"});
    assert_int_equal(o.record.finish, AMPHI_FINISH_TOOL_CALLS);
    assert_non_null(strstr(o.record.tool_calls.data, "get_weather"));
    assert_non_null(strstr(o.record.tool_calls.data, "\"arguments\":\"ty\\\":\\\"P\""));
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.scenario = "reasoning"});
    assert_string_equal(o.record.reasoning.data, "Let me think.");
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.scenario = "length"});
    assert_int_equal(o.record.finish, AMPHI_FINISH_LENGTH);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.scenario = "filter-stream"});
    assert_int_equal(o.record.finish, AMPHI_FINISH_CONTENT_FILTER);
    engine_recorder_clear(&o.record);
}

static void answer__given_beginning_is_continued(void **state)
{
    cloud_outcome o;
    const char *prefix = "The harbour was quiet when the first";
    cloud_ask(&o, &(cloud_question){.scenario = "ok", .prefix = prefix});
    assert_true(o.record.finished);
    cloud_expect_text(&o, AMPHI_TEST_CLOUD_ANSWER + strlen(prefix));
    engine_recorder_clear(&o.record);
    cloud_ask(
        &o, &(cloud_question){.scenario = "restarts", .prefix = prefix}); /* says it all again */
    assert_true(o.record.finished);
    cloud_expect_text(&o, AMPHI_TEST_CLOUD_ANSWER + strlen(prefix));
    engine_recorder_clear(&o.record);
}

static void answer__refused_beginning_is_marked_and_learnt(void **state)
{
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.scenario = "noprefix", .prefix = "The harbour"});
    assert_int_equal(o.record.error.status, AMPHI_E_REQUEST);
    assert_true(o.record.prefix_refused);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.scenario = "noprefix"});
    assert_whole(&o);
    engine_recorder_clear(&o.record);
}

static void connection__is_reused_and_warmed_ahead(void **state)
{
    cloud_outcome o;
    amphi_engine engine;
    amphi_engine_run *run;
    amphi_http fresh;
    amphi_http before = test_http;
    const cloud_question q = {.scenario = "ok"};
    assert_int_equal(amphi__http_new(&fresh, NULL), AMPHI_OK);
    test_http = fresh;
    amphi_test_cloud_reset_counts(&test_cloud);
    assert_int_equal(cloud_make_engine(&engine, &q, NULL), AMPHI_OK);
    engine.ops->prewarm(engine.self);
    for (int i = 0; i < 100 && amphi_test_cloud_bytes(&test_cloud, "main") == 0; i++)
        usleep(20000);
    assert_int_equal(amphi_test_cloud_attempts(&test_cloud, "*"), 0); /* a warm-up is no request */
    usleep(100000);
    for (int i = 0; i < 20; i++) {
        memset(&o, 0, sizeof o);
        engine_recorder_init(&o.record);
        assert_int_equal(cloud_start_run(engine, &run, &q, &o), AMPHI_OK);
        assert_true(engine_recorder_wait_end(&o.record, 5000));
        engine.ops->release(engine.self, run);
        assert_whole(&o);
        engine_recorder_clear(&o.record);
        usleep(2000); /* the body's end is read behind our back */
    }
    assert_int_equal(amphi_test_cloud_connections(&test_cloud, "main"), 1);
    engine.ops->free(engine.self);
    test_http = before;
    fresh.ops->free(fresh.self);
}

static void connection__many_answers_at_once_on_one_thread(void **state)
{
    enum { COUNT = 24 };
    static cloud_outcome outcomes[COUNT];
    amphi_engine_run *runs[COUNT];
    amphi_engine engine;
    const cloud_question q = {.scenario = "slow:3"};
    assert_int_equal(cloud_make_engine(&engine, &q, NULL), AMPHI_OK);
    for (int i = 0; i < COUNT; i++) {
        memset(&outcomes[i], 0, sizeof outcomes[i]);
        engine_recorder_init(&outcomes[i].record);
        assert_int_equal(cloud_start_run(engine, &runs[i], &q, &outcomes[i]), AMPHI_OK);
    }
    for (int i = 0; i < COUNT; i++)
        if (i % 3 == 2)
            engine.ops->cancel(engine.self, runs[i]);
    for (int i = 0; i < COUNT; i++) {
        assert_true(engine_recorder_wait_end(&outcomes[i].record, 15000));
        engine.ops->release(engine.self, runs[i]);
        assert_int_equal(outcomes[i].record.terminals, 1);
        if (i % 3 != 2)
            assert_whole(&outcomes[i]);
        engine_recorder_clear(&outcomes[i].record);
    }
    engine.ops->free(engine.self);
}

enum { STRESS_THREADS = 6, STRESS_ROUNDS = 25 };

typedef struct stress {
    amphi_thread thread;
    amphi_engine engine;
    uint32_t seed;
    unsigned failures; /* read after the thread's end */
} stress;

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Starts, waits a little or until the end, cancels or not, releases: every run ends once. */
static void stress_main(void *arg)
{
    stress *s = arg;
    for (int i = 0; i < STRESS_ROUNDS; i++) {
        cloud_outcome o;
        amphi_engine_run *run;
        const cloud_question q = {0};
        memset(&o, 0, sizeof o);
        engine_recorder_init(&o.record);
        if (cloud_start_run(s->engine, &run, &q, &o) != AMPHI_OK) {
            s->failures++;
            engine_recorder_clear(&o.record);
            continue;
        }
        uint32_t kind = next_random(&s->seed) % 4;
        usleep(next_random(&s->seed) % 4000);
        if (kind == 0)
            s->engine.ops->cancel(s->engine.self, run);
        else if (kind == 1)
            s->failures += !engine_recorder_wait_end(&o.record, 10000);
        s->engine.ops->release(s->engine.self, run);
        s->failures += o.record.terminals != 1 || o.record.after_terminal != 0;
        s->failures += kind == 1 && !o.record.finished;
        engine_recorder_clear(&o.record);
    }
}

static void connection__every_run_ends_once_whoever_cancels_or_releases(void **state)
{
    static const char *const scenarios[STRESS_THREADS] = {
        "ok", "slow:1", "nodone", "keepalive", "gzip", "whole"};
    stress threads[STRESS_THREADS];
    memset(threads, 0, sizeof threads);
    for (int i = 0; i < STRESS_THREADS; i++) {
        const cloud_question q = {.scenario = scenarios[i]};
        threads[i].seed = (uint32_t)i;
        assert_int_equal(cloud_make_engine(&threads[i].engine, &q, NULL), AMPHI_OK);
        assert_int_equal(
            amphi__thread_start(&threads[i].thread, "stress", stress_main, &threads[i]), AMPHI_OK);
    }
    for (int i = 0; i < STRESS_THREADS; i++) {
        amphi__thread_join(&threads[i].thread);
        assert_int_equal(threads[i].failures, 0);
        threads[i].engine.ops->free(threads[i].engine.self);
    }
}

static void connection__transport_can_be_freed_while_a_warm_up_hangs(void **state)
{
    amphi_http fresh;
    amphi_http before = test_http;
    amphi_engine engine;
    const cloud_question q = {.listener = "mute"};
    assert_int_equal(amphi__http_new(&fresh, NULL), AMPHI_OK);
    test_http = fresh;
    assert_int_equal(cloud_make_engine(&engine, &q, NULL), AMPHI_OK);
    engine.ops->prewarm(engine.self);
    usleep(50000);
    engine.ops->free(engine.self);
    test_http = before;
    uint64_t began_ms = amphi__clock_ms(NULL);
    fresh.ops->free(fresh.self);
    assert_true(amphi__clock_ms(NULL) - began_ms < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer__streams_over_tls_with_model_and_usage),
        cmocka_unit_test(answer__comes_whole_in_every_healthy_form),
        cmocka_unit_test(answer__first_token_arrives_while_the_rest_is_not_sent_yet),
        cmocka_unit_test(answer__finish_reason_without_end_marker_finishes_at_once),
        cmocka_unit_test(answer__cut_behind_the_finish_reason_is_whole),
        cmocka_unit_test(answer__tool_calls_reasoning_and_reasons_are_told_apart),
        cmocka_unit_test(answer__given_beginning_is_continued),
        cmocka_unit_test(answer__refused_beginning_is_marked_and_learnt),
        cmocka_unit_test(connection__is_reused_and_warmed_ahead),
        cmocka_unit_test(connection__many_answers_at_once_on_one_thread),
        cmocka_unit_test(connection__every_run_ends_once_whoever_cancels_or_releases),
        cmocka_unit_test(connection__transport_can_be_freed_while_a_warm_up_hangs),
    };
    return cmocka_run_group_tests_name(
        "integration.remote", tests, cloud_question_set_up, cloud_question_tear_down);
}
