/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud engine against a server that misbehaves: every fault is reported as what it is, in
 * bounded time and memory.
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

typedef struct fault {
    const char *scenario;
    amphi_status status;
    uint64_t limit_ms;
    uint32_t retry_after_from_ms;
    uint32_t retry_after_to_ms;
} fault;

static void check_faults(const fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cloud_outcome o;
        amphi_test_cloud_reset_counts(&test_cloud);
        cloud_ask(&o, &(cloud_question){.scenario = faults[i].scenario});
        if (o.record.finished || o.record.error.status != faults[i].status ||
            o.took_ms > faults[i].limit_ms) {
            print_message("%s: %s after %llu ms: %s\n", faults[i].scenario,
                o.record.finished ? "finished" : amphi_status_name(o.record.error.status),
                (unsigned long long)o.took_ms, o.record.error.message);
        }
        assert_false(o.record.finished);
        assert_int_equal(o.record.error.status, faults[i].status);
        assert_true(o.took_ms <= faults[i].limit_ms);
        assert_in_range(o.record.error.retry_after_ms, faults[i].retry_after_from_ms,
            faults[i].retry_after_to_ms);
        assert_int_equal(amphi_test_cloud_attempts(&test_cloud, faults[i].scenario), 1);
        engine_recorder_clear(&o.record);
    }
}

static void fault__http_status_is_mapped_with_its_delay(void **state)
{
    static const fault faults[] = {
        {"429", AMPHI_E_RATE_LIMITED, 2000, 0, 0},
        {"429:7", AMPHI_E_RATE_LIMITED, 2000, 7000, 7000},
        {"429-date:9", AMPHI_E_RATE_LIMITED, 2000, 7000, 9000},
        {"429-body:37", AMPHI_E_RATE_LIMITED, 2000, 37000, 37000},
        {"429-prose", AMPHI_E_RATE_LIMITED, 2000, 1250, 1250},
        {"500", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"503:3", AMPHI_E_PROVIDER, 2000, 3000, 3000},
        {"status:504", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"status:408", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"status:404", AMPHI_E_REQUEST, 2000, 0, 0},
        {"status:403", AMPHI_E_AUTH, 2000, 0, 0},
        {"401", AMPHI_E_AUTH, 2000, 0, 0},
        {"context", AMPHI_E_CONTEXT_LENGTH, 2000, 0, 0},
        {"filter", AMPHI_E_CONTENT_FILTER, 2000, 0, 0},
        {"error-open", AMPHI_E_PROVIDER, 2500, 0, 0},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
}

static void fault__broken_connection_is_never_a_whole_answer(void **state)
{
    static const fault faults[] = {
        {"reset", AMPHI_E_NETWORK, 2000, 0, 0},
        {"close", AMPHI_E_NETWORK, 2000, 0, 0},
        {"cut", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-reset", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-notify", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-end", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-done", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-length", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-length-notify", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-open", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"cut-open-notify", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"empty", AMPHI_E_TRUNCATED, 2000, 0, 0},
        {"garbage", AMPHI_E_PROTOCOL, 2000, 0, 0},
        {"error-stream", AMPHI_E_PROVIDER, 2000, 0, 0},
        {"html", AMPHI_E_PROTOCOL, 2000, 0, 0},
        {"bad-gzip", AMPHI_E_PROTOCOL, 2000, 0, 0},
        {"redirect:test_http", AMPHI_E_PROTOCOL, 2500, 0, 0},
        {"redirect:https", AMPHI_E_PROTOCOL, 2500, 0, 0},
    };
    check_faults(faults, sizeof faults / sizeof *faults);
}

static void fault__endless_answers_meet_a_limit_in_bounded_time_and_memory(void **state)
{
    static const fault faults[] = {
        {"endless-header", AMPHI_E_LIMIT, 5000, 0, 0},
        {"endless-headers", AMPHI_E_LIMIT, 5000, 0, 0},
        {"endless-interim", AMPHI_E_LIMIT, 5000, 0, 0},
        {"endless-line", AMPHI_E_LIMIT, 10000, 0, 0},
        {"bomb", AMPHI_E_LIMIT, 14000, 0, 0},
        {"events", AMPHI_E_LIMIT, 14000, 0, 0},
    };
    uint64_t before = memory_peak_begin();
    check_faults(faults, sizeof faults / sizeof *faults);
    uint64_t after = memory_peak_bytes();
    print_message("memory growth %lld KiB\n", ((long long)after - (long long)before) / 1024);
    assert_true(after < before + (32u << 20));
}

static void fault__cancel_ends_silence_and_stalls_at_once(void **state)
{
    static const char *const scenarios[] = {"silence", "stall", "late", "drip"};
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        cloud_outcome o;
        amphi_engine engine;
        amphi_engine_run *run;
        const cloud_question q = {.scenario = scenarios[i]};
        memset(&o, 0, sizeof o);
        engine_recorder_init(&o.record);
        amphi_test_cloud_reset_counts(&test_cloud);
        assert_int_equal(cloud_make_engine(&engine, &q, NULL), AMPHI_OK);
        assert_int_equal(cloud_start_run(engine, &run, &q, &o), AMPHI_OK);
        assert_false(engine_recorder_wait_end(&o.record, 300));
        uint64_t began_ms = amphi__clock_ms(NULL);
        engine.ops->cancel(engine.self, run);
        assert_true(engine_recorder_wait_end(&o.record, 2000));
        engine.ops->release(engine.self, run);
        assert_true(amphi__clock_ms(NULL) - began_ms < 500);
        assert_int_equal(o.record.error.status, AMPHI_E_CANCELLED);
        assert_int_equal(amphi_test_cloud_attempts(&test_cloud, scenarios[i]), 1);
        engine.ops->free(engine.self);
        engine_recorder_clear(&o.record);
    }
}

static void fault__release_without_cancel_ends_a_running_answer(void **state)
{
    cloud_outcome o;
    amphi_engine engine;
    amphi_engine_run *run;
    const cloud_question q = {.scenario = "silence"};
    memset(&o, 0, sizeof o);
    engine_recorder_init(&o.record);
    assert_int_equal(cloud_make_engine(&engine, &q, NULL), AMPHI_OK);
    assert_int_equal(cloud_start_run(engine, &run, &q, &o), AMPHI_OK);
    uint64_t began_ms = amphi__clock_ms(NULL);
    engine.ops->release(engine.self, run);
    assert_true(amphi__clock_ms(NULL) - began_ms < 500);
    assert_int_equal(o.record.terminals, 1);
    engine.ops->free(engine.self);
    engine_recorder_clear(&o.record);
}

static void fault__unreachable_servers_fail_inside_the_connect_budget(void **state)
{
    cloud_outcome o;
    cloud_ask(&o, &(cloud_question){.listener = "mute", .connect_ms = 400});
    assert_int_equal(o.record.error.status, AMPHI_E_TIMEOUT);
    assert_in_range(o.took_ms, 300, 2000);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.listener = "closer"});
    assert_int_equal(o.record.error.status, AMPHI_E_NETWORK);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.url = "https://127.0.0.1:1/v1"});
    assert_int_equal(o.record.error.status, AMPHI_E_NETWORK);
    engine_recorder_clear(&o.record);
    cloud_ask(&o, &(cloud_question){.url = "https://no-such-host.invalid/v1", .connect_ms = 3000});
    assert_true(
        o.record.error.status == AMPHI_E_OFFLINE || o.record.error.status == AMPHI_E_TIMEOUT);
    engine_recorder_clear(&o.record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__http_status_is_mapped_with_its_delay),
        cmocka_unit_test(fault__broken_connection_is_never_a_whole_answer),
        cmocka_unit_test(fault__endless_answers_meet_a_limit_in_bounded_time_and_memory),
        cmocka_unit_test(fault__cancel_ends_silence_and_stalls_at_once),
        cmocka_unit_test(fault__release_without_cancel_ends_a_running_answer),
        cmocka_unit_test(fault__unreachable_servers_fail_inside_the_connect_budget),
    };
    return cmocka_run_group_tests_name(
        "integration.remote_faults", tests, cloud_question_set_up, cloud_question_tear_down);
}
