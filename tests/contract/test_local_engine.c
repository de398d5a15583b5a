/* SPDX-License-Identifier: Apache-2.0
 *
 * What ext/engine.h promises about a run, kept by the local engine over a scripted worker: exactly
 * one terminal event, in every order of start, cancel, release and free, without a lost process or
 * descriptor.
 */
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/scripted_worker.h"

#include "local/local.h"
#include "local/parent/supervisor.h"
#include "sdk/core/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <amphi/ext/allocator.h>

#include <cmocka.h>

#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static void cancelled(scripted_worker *worker, uint32_t run)
{
    const amphi_worker_fail fail = {.run = run, .status = AMPHI_E_CANCELLED};

    scripted_send(worker, AMPHI_WORKER_FAIL, &fail, sizeof fail);
}

static bool step(scripted_worker *worker, const char *script, const char *at, uint32_t run)
{
    if (strcmp(script, "slow") == 0 && strcmp(at, "run") == 0) { /* a word each 5 ms, for ever */
        while (atomic_load(&worker->control->cancel_run) != run) {
            scripted_text(worker, run, "w");
            usleep(5000);
        }
        cancelled(worker, run);
        return true;
    }
    if (strcmp(script, "deaf") == 0 &&
        strcmp(at, "run") == 0) { /* never looks at the cancel flag */
        for (int i = 0; i < 60; i++) {
            scripted_text(worker, run, "w");
            usleep(5000);
        }
        cancelled(worker, run);
        return true;
    }
    if (strcmp(script, "bad-model") == 0 && strcmp(at, "described") == 0) {
        const amphi_worker_described described = {
            .status = AMPHI_E_FORMAT, .message = "not a GGUF file (magic 'abcd')"};

        scripted_send(worker, AMPHI_WORKER_DESCRIBED, &described, sizeof described);
        pause();
    }
    if (strcmp(script, "bad-load") == 0 && strcmp(at, "ready") == 0) {
        const amphi_worker_ready ready = {
            .status = AMPHI_E_UNSUPPORTED, .message = "weight type 99 is not supported"};

        scripted_send(worker, AMPHI_WORKER_READY, &ready, sizeof ready);
        pause();
    }
    if (strcmp(script, "no-load") == 0 && strcmp(at, "ready") == 0)
        usleep(300000);
    return false;
}

static void engine__a_run_ends_with_one_finish(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;

    assert_true(scripted_engine_new(&e, "usual", 0));
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.terminals, 1);
    assert_int_equal(r.after_terminal, 0);
    assert_true(r.finished);
    assert_int_equal(r.finish, AMPHI_FINISH_STOP);
    assert_int_equal(r.text.size, 50);
    assert_int_equal(r.usage.completion_tokens, 10);
    assert_string_equal(r.model.data, "scripted");
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

static void engine__describe_tells_the_header_before_any_load(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};

    assert_true(scripted_engine_new(&e, "usual", 0));
    e.engine.ops->describe(e.engine.self, &info);
    assert_true(info.available);
    assert_false(info.ready);
    assert_int_equal(info.kind, AMPHI_ENGINE_LOCAL);
    assert_string_equal(info.name, "local");
    assert_string_equal(info.model, "scripted");
    assert_int_equal(info.weights_bytes, 1 << 20);
    assert_int_equal(info.context_tokens_max, 2048);
    assert_int_equal(info.prefix, AMPHI_YES);
    assert_int_equal(count_children(), 1);
    scripted_engine_free(&e);
    assert_int_equal(count_children(), 0);
}

static void engine__describe_is_quick_the_second_time(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};
    uint64_t from_us = 0;

    assert_true(scripted_engine_new(&e, "usual", 0));
    e.engine.ops->describe(e.engine.self, &info);
    from_us = amphi__clock_us(NULL);
    for (int i = 0; i < 100; i++)
        e.engine.ops->describe(e.engine.self, &info);
    assert_true(amphi__clock_us(NULL) - from_us < 200000);
    scripted_engine_free(&e);
}

static void engine__a_missing_model_is_told_in_one_line(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};
    engine_recorder r;
    amphi_engine_run *run = NULL;

    assert_true(scripted_engine_new(&e, "usual", 0));
    unlink(e.model);
    e.engine.ops->describe(e.engine.self, &info);
    assert_false(info.available);
    assert_non_null(strstr(info.why, "no such file"));
    assert_non_null(strstr(info.why, "amphi-script-"));
    assert_int_equal(count_children(), 0);
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.terminals, 1);
    assert_int_equal(r.error.status, AMPHI_E_NOT_FOUND);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

static void engine__a_broken_model_is_told_and_not_tried_again(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};

    assert_true(scripted_engine_new(&e, "bad-model", 0));
    for (int i = 0; i < 3; i++) {
        e.engine.ops->describe(e.engine.self, &info);
        assert_false(info.available);
        assert_non_null(strstr(info.why, "not a GGUF file (magic 'abcd')"));
        assert_non_null(strstr(info.why, "model "));
    }
    scripted_engine_free(&e);
}

static void engine__a_model_that_fails_to_load_fails_the_run_and_is_unavailable(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};
    engine_recorder r;
    amphi_engine_run *run = NULL;

    assert_true(scripted_engine_new(&e, "bad-load", 0));
    e.engine.ops->describe(e.engine.self, &info);
    assert_true(info.available);
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.error.status, AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(r.error.message, "weight type 99"));
    e.engine.ops->describe(e.engine.self, &info);
    assert_false(info.available);
    assert_non_null(strstr(info.why, "weight type 99"));
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

static void engine__a_replaced_model_file_is_described_anew(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};
    FILE *file = NULL;

    assert_true(scripted_engine_new(&e, "bad-model", 0));
    e.engine.ops->describe(e.engine.self, &info);
    assert_false(info.available);
    file = fopen(e.model, "we");
    assert_non_null(file);
    fputs("usual now", file);
    fclose(file);
    e.engine.ops->describe(e.engine.self, &info);
    assert_true(info.available);
    scripted_engine_free(&e);
}

static void engine__a_missing_worker_is_told_in_one_line(void **state)
{
    amphi_local_options options;
    amphi_engine engine;
    amphi_engine_info info = {.struct_size = sizeof info};

    memset(&options, 0, sizeof options);
    options.model_path = AMPHI_STR("/proc/self/exe");
    options.worker_path = AMPHI_STR("/nowhere/amphi-worker");
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    engine.ops->describe(engine.self, &info);
    assert_false(info.available);
    assert_non_null(strstr(info.why, "/nowhere/amphi-worker"));
    engine.ops->free(engine.self);
}

static void cancel_case(const char *script, bool wait_first)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    uint64_t from_us = 0;

    assert_true(scripted_engine_new(&e, script, 0));
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    if (wait_first)
        assert_true(engine_recorder_wait_text(&r, 3, 5000));
    from_us = amphi__clock_us(NULL);
    e.engine.ops->cancel(e.engine.self, run);
    e.engine.ops->cancel(e.engine.self, run);
    assert_true(engine_recorder_wait_end(&r, 5000));
    assert_true(amphi__clock_us(NULL) - from_us < 200000);
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.terminals, 1);
    assert_int_equal(r.after_terminal, 0);
    assert_int_equal(r.error.status, AMPHI_E_CANCELLED);
    engine_recorder_clear(&r);
    /* The next one gets its whole answer: nothing of the cancelled one leaks into it. */
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&r, 5, 5000));
    assert_false(engine_recorder_wait_end(&r, 0));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.terminals, 1);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

static void engine__cancel_in_mid_answer_ends_the_run_at_once(void **state)
{
    cancel_case("slow", true);
}

static void engine__cancel_before_the_first_text_ends_the_run(void **state)
{
    cancel_case("slow", false);
}

static void engine__cancel_does_not_wait_for_a_worker_that_ignores_it(void **state)
{
    cancel_case("deaf", true);
}

static void engine__requests_wait_their_turn_and_one_too_many_is_told_busy(void **state)
{
    enum { RUNS = AMPHI_LOCAL_QUEUE_MAX + 1 }; /* one runs, the others wait */
    scripted_engine e;
    engine_recorder r[RUNS + 1];
    amphi_engine_run *run[RUNS + 1];
    amphi_status status = AMPHI_OK;

    assert_true(scripted_engine_new(&e, "slow", 0));
    for (int i = 0; i < RUNS; i++) {
        engine_recorder_init(&r[i]);
        assert_int_equal(engine_start(e.engine, &run[i], &r[i], BODY, "", 0), AMPHI_OK);
    }
    engine_recorder_init(&r[RUNS]);
    status = engine_start(e.engine, &run[RUNS], &r[RUNS], BODY, "", 0);
    assert_int_equal(status, AMPHI_E_BUSY);
    assert_null(run[RUNS]);
    for (int i = 0; i < RUNS; i++) {
        assert_true(engine_recorder_wait_text(&r[i], 2, 5000));
        e.engine.ops->release(e.engine.self, run[i]);
        assert_int_equal(r[i].terminals, 1);
        engine_recorder_clear(&r[i]);
    }
    assert_int_equal(r[RUNS].terminals, 0);
    engine_recorder_clear(&r[RUNS]);
    scripted_engine_free(&e);
}

static void engine__unload_stops_the_answer_only_when_forced(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;

    assert_true(scripted_engine_new(&e, "slow", 0));
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&r, 2, 5000));
    e.engine.ops->unload(e.engine.self, false);
    assert_true(engine_recorder_wait_text(&r, 20, 5000));
    assert_false(engine_recorder_wait_end(&r, 0));
    e.engine.ops->unload(e.engine.self, true);
    assert_true(engine_recorder_wait_end(&r, 5000));
    assert_int_equal(r.error.status, AMPHI_E_RESOURCE);
    e.engine.ops->release(e.engine.self, run);
    for (int i = 0; i < 100 && count_children() > 0; i++)
        usleep(10000);
    assert_int_equal(count_children(), 0);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

static void engine__prewarm_loads_and_unload_gives_all_back(void **state)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};

    assert_true(scripted_engine_new(&e, "usual", 0));
    e.engine.ops->prewarm(e.engine.self);
    for (int i = 0; i < 200 && !info.ready; i++) {
        e.engine.ops->describe(e.engine.self, &info);
        usleep(5000);
    }
    assert_true(info.ready);
    e.engine.ops->unload(e.engine.self, false);
    for (int i = 0; i < 200 && count_children() > 0; i++)
        usleep(5000);
    assert_int_equal(count_children(), 0);
    e.engine.ops->describe(e.engine.self, &info);
    assert_true(info.available);
    assert_false(info.ready);
    scripted_engine_free(&e);
}

static void engine__tokens_are_counted_exactly_once_loaded(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    uint32_t count = 0;

    assert_true(scripted_engine_new(&e, "usual", 0));
    assert_int_equal(
        e.engine.ops->count_tokens(e.engine.self, AMPHI_STR(BODY), &count), AMPHI_E_BUSY);
    assert_int_equal(count, 0); /* nothing is loaded */
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(e.engine.ops->count_tokens(e.engine.self, AMPHI_STR(BODY), &count), AMPHI_OK);
    assert_int_equal(count, 42);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

static void engine__too_long_a_request_is_refused_at_start(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    static char body[(2 << 20) + 2];

    assert_true(scripted_engine_new(&e, "usual", 0));
    engine_recorder_init(&r);
    memset(body, ' ', sizeof body - 1);
    assert_int_equal(engine_start(e.engine, &run, &r, body, "", 0), AMPHI_E_LIMIT);
    assert_null(run);
    body[2 << 20] = '\0';
    assert_int_equal(engine_start(e.engine, &run, &r, body, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e.engine.ops->release(e.engine.self, run);
    assert_true(r.finished);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

/* Four threads that start, cancel and release at random moments. */
typedef struct hammer {
    scripted_engine *e;
    unsigned seed;
    unsigned bad;
} hammer;

static void hammer_run(void *arg)
{
    hammer *h = arg;

    for (int i = 0; i < 40; i++) {
        engine_recorder r;
        amphi_engine_run *run = NULL;

        engine_recorder_init(&r);
        if (engine_start(h->e->engine, &run, &r, BODY, "", 0) == AMPHI_OK) {
            h->seed = h->seed * 1103515245u + 12345u;
            usleep(h->seed >> 16 & 2047);
            if ((h->seed & 1) != 0)
                h->e->engine.ops->cancel(h->e->engine.self, run);
            h->e->engine.ops->release(h->e->engine.self, run);
            h->bad += r.terminals != 1 || r.after_terminal != 0;
        }
        engine_recorder_clear(&r);
    }
}

static void engine__threads_that_start_cancel_and_release_each_get_one_end(void **state)
{
    scripted_engine e;
    hammer h[4];
    amphi_thread threads[4] = {0};

    assert_true(scripted_engine_new(&e, "usual", 0));
    for (unsigned i = 0; i < 4; i++) {
        h[i] = (hammer){.e = &e, .seed = i + 1};
        assert_int_equal(amphi__thread_start(&threads[i], "hammer", hammer_run, &h[i]), AMPHI_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        amphi__thread_join(&threads[i]);
        assert_int_equal(h[i].bad, 0);
    }
    scripted_engine_free(&e);
}

static void engine__a_run_started_after_unload_is_not_meant_by_it(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;

    assert_true(scripted_engine_new(&e, "usual", 0));
    for (int i = 0; i < 20; i++) {
        e.engine.ops->unload(e.engine.self, true);
        engine_recorder_init(&r);
        assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
        assert_true(engine_recorder_wait_end(&r, 5000));
        e.engine.ops->release(e.engine.self, run);
        assert_true(r.finished);
        engine_recorder_clear(&r);
    }
    scripted_engine_free(&e);
}

static int run_with(scripted_engine *e, uint32_t threads, uint32_t context)
{
    engine_recorder r;
    amphi_engine_run *run = NULL;
    const amphi_engine_sink sink = engine_recorder_sink(&r);
    const amphi_engine_request request = {.struct_size = sizeof request,
        .body = AMPHI_STR(BODY),
        .threads_max = threads,
        .context_tokens_max = context};

    engine_recorder_init(&r);
    assert_int_equal(e->engine.ops->start(e->engine.self, &run, &request, &sink, NULL), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e->engine.ops->release(e->engine.self, run);
    assert_true(r.finished);
    engine_recorder_clear(&r);
    for (int i = 0; i < 200 && count_children() != 1; i++)
        usleep(5000); /* until the former worker is collected */
    return only_child();
}

static void engine__a_degraded_run_gets_a_worker_of_its_size(void **state)
{
    scripted_engine e;
    int whole = 0;
    int small = 0;

    assert_true(scripted_engine_new(&e, "usual", 0));
    whole = run_with(&e, 0, 0);
    assert_int_equal(run_with(&e, 64, 1 << 20), whole); /* bounds that bind nothing */
    small = run_with(&e, 0, 512);
    assert_int_not_equal(small, whole);
    assert_int_equal(run_with(&e, 0, 512), small);
    assert_int_not_equal(run_with(&e, 0, 0), small);
    scripted_engine_free(&e);
}

/* An allocator whose n-th call fails. */
static atomic_int calls_left;
static atomic_int blocks_live;

static bool must_fail(void)
{
    return atomic_fetch_sub(&calls_left, 1) == 1;
}

static void *failing_alloc(void *self, size_t size)
{
    void *memory = must_fail() ? NULL : malloc(size);

    atomic_fetch_add(&blocks_live, memory != NULL);
    return memory;
}

static void *failing_realloc(void *self, void *old, size_t size)
{
    void *memory = must_fail() ? NULL : realloc(old, size);

    atomic_fetch_add(&blocks_live, memory != NULL && old == NULL);
    return memory;
}

static void failing_free(void *self, void *memory)
{
    atomic_fetch_sub(&blocks_live, memory != NULL);
    free(memory);
}

static const amphi_allocator failing = {.struct_size = sizeof failing,
    .name = "failing",
    .alloc = failing_alloc,
    .realloc = failing_realloc,
    .free = failing_free};

static void count_end(void *self, const amphi_engine_event *event)
{
    atomic_fetch_add(
        (atomic_int *)self, event->kind == AMPHI_ENGINE_FINISH || event->kind == AMPHI_ENGINE_FAIL);
}

/* One whole life with the n-th allocation failing; false once there are fewer than n. */
static bool live_failing_at(int n)
{
    scripted_engine e;
    amphi_engine_info info = {.struct_size = sizeof info};
    amphi_engine_run *run = NULL;
    atomic_int ends = 0;
    const amphi_engine_sink sink = {.self = &ends, .event = count_end};
    const amphi_engine_request request = {.struct_size = sizeof request, .body = AMPHI_STR(BODY)};
    amphi_status status = AMPHI_E_NO_MEMORY;
    uint32_t count = 0;

    atomic_store(&calls_left, n);
    if (scripted_engine_new(&e, "usual", 0)) {
        e.engine.ops->describe(e.engine.self, &info);
        status = e.engine.ops->start(e.engine.self, &run, &request, &sink, NULL);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(run != NULL, status == AMPHI_OK);
        e.engine.ops->count_tokens(e.engine.self, AMPHI_STR(BODY), &count);
        e.engine.ops->release(e.engine.self, run);
        assert_int_equal(atomic_load(&ends), status == AMPHI_OK);
        scripted_engine_free(&e);
    } else {
        unlink(e.model);
    }
    assert_int_equal(atomic_load(&blocks_live), 0);
    return atomic_load(&calls_left) <= 0;
}

static void engine__every_allocation_may_fail(void **state)
{
    int n = 1;

    amphi_allocator_set(&failing, NULL);
    while (live_failing_at(n))
        n++;
    amphi_allocator_set(NULL, NULL);
    assert_true(n > 4);
    assert_int_equal(count_children(), 0);
}

static void engine__nothing_is_left_behind(void **state)
{
    int descriptors = count_descriptors();

    for (int i = 0; i < 20; i++) {
        scripted_engine e;
        engine_recorder r;
        amphi_engine_run *run = NULL;

        assert_true(scripted_engine_new(&e, i % 2 == 0 ? "usual" : "slow", 0));
        engine_recorder_init(&r);
        assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
        engine_recorder_wait_text(&r, 2, 5000);
        e.engine.ops->release(e.engine.self, run);
        engine_recorder_clear(&r);
        scripted_engine_free(&e);
    }
    assert_int_equal(count_children(), 0);
    assert_int_equal(count_descriptors(), descriptors);
}

static void engine__an_app_that_ignores_sigchld_is_served_as_well(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;

    signal(SIGCHLD, SIG_IGN);
    assert_true(scripted_engine_new(&e, "slow", 0));
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&r, 2, 5000));
    kill(only_child(), SIGKILL);
    assert_true(engine_recorder_wait_end(&r, 5000));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.error.status, AMPHI_E_ENGINE_DIED);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
    signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine__a_run_ends_with_one_finish),
        cmocka_unit_test(engine__describe_tells_the_header_before_any_load),
        cmocka_unit_test(engine__describe_is_quick_the_second_time),
        cmocka_unit_test(engine__a_missing_model_is_told_in_one_line),
        cmocka_unit_test(engine__a_broken_model_is_told_and_not_tried_again),
        cmocka_unit_test(engine__a_model_that_fails_to_load_fails_the_run_and_is_unavailable),
        cmocka_unit_test(engine__a_replaced_model_file_is_described_anew),
        cmocka_unit_test(engine__a_missing_worker_is_told_in_one_line),
        cmocka_unit_test(engine__cancel_in_mid_answer_ends_the_run_at_once),
        cmocka_unit_test(engine__cancel_before_the_first_text_ends_the_run),
        cmocka_unit_test(engine__cancel_does_not_wait_for_a_worker_that_ignores_it),
        cmocka_unit_test(engine__requests_wait_their_turn_and_one_too_many_is_told_busy),
        cmocka_unit_test(engine__unload_stops_the_answer_only_when_forced),
        cmocka_unit_test(engine__prewarm_loads_and_unload_gives_all_back),
        cmocka_unit_test(engine__tokens_are_counted_exactly_once_loaded),
        cmocka_unit_test(engine__too_long_a_request_is_refused_at_start),
        cmocka_unit_test(engine__threads_that_start_cancel_and_release_each_get_one_end),
        cmocka_unit_test(engine__a_run_started_after_unload_is_not_meant_by_it),
        cmocka_unit_test(engine__a_degraded_run_gets_a_worker_of_its_size),
        cmocka_unit_test(engine__every_allocation_may_fail),
        cmocka_unit_test(engine__nothing_is_left_behind),
        cmocka_unit_test(engine__an_app_that_ignores_sigchld_is_served_as_well),
    };

    scripted_worker_main(argc, argv, step);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
