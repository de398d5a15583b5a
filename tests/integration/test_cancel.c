/* SPDX-License-Identifier: Apache-2.0
 *
 * A cancel in the middle of a long prompt: how soon the engine is free for the next request, in
 * both kinds of isolation, and that the next answer is the right one. (For figures of a real
 * model, through the client: amphi bench cancel.)
 */
#include "local/local.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/scratch_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* So long a prompt takes seconds under AddressSanitizer, and is read in several batches. */
enum { PROMPT_TOKENS = 1500, CONTEXT_TOKENS = 1664, RUNS = 5, LIMIT_MS = 100 };
/* Permille of the prompt: from here on a batch takes about twice as long as the limit. */
enum { BATCHES_ARE_LONG = 250 };

static scratch_dir dir;
static char model[512];
static char *long_body; /* a prompt of some PROMPT_TOKENS tokens */

static int set_up(void **state)
{
    static const char head[] =
        "{\"temperature\":0,\"max_tokens\":16,\"messages\":[{\"role\":\"user\","
        "\"content\":\"";
    gguf_builder builder;
    amphi_buf file;
    scratch_dir_make(&dir);
    snprintf(model, sizeof model, "%s", scratch_dir_file(&dir, "long.gguf"));
    gguf_builder_init(&builder);
    gguf_builder_llama_long(&builder, 256, 1024, 40, CONTEXT_TOKENS, 1);
    gguf_builder_finish(&builder, &file);
    gguf_builder_clear(&builder);
    scratch_write(model, file.data, file.size, 0600);
    amphi__buf_clear(&file);
    long_body = calloc(1, sizeof head + 2 * PROMPT_TOKENS + 8);
    size_t size = (size_t)sprintf(long_body, "%s", head);
    for (int i = 0; i < PROMPT_TOKENS; i++) /* one token for each: "tD" */
        size += (size_t)sprintf(long_body + size, "t%c", 'D' + i * 7 % 20);
    sprintf(long_body + size, "\"}]}");
    return 0;
}

static int tear_down(void **state)
{
    free(long_body);
    scratch_dir_remove(&dir);
    return 0;
}

static amphi_engine make(amphi_isolation isolation)
{
    amphi_local_options options;
    amphi_engine engine;
    memset(&options, 0, sizeof options);
    options.model_path = amphi_str_from(model);
    options.threads = 2;
    options.limits.prefill_ms = options.limits.load_ms =
        120000; /* machines under load, sanitizers */
    options.context_tokens_max = CONTEXT_TOKENS;
    options.isolation = isolation;
    assert_int_equal(amphi__local_engine_new(&engine, &options, NULL), AMPHI_OK);
    return engine;
}

/* When a run's prompt was under way, and when the engine began to work for a run. */
typedef struct watcher {
    atomic_int in_prefill;
    atomic_int ended;
    _Atomic uint64_t began_us;
    amphi_status status;
} watcher;

static void on_event(void *self, const amphi_engine_event *event)
{
    watcher *w = self;
    if (event->kind == AMPHI_ENGINE_MODEL)
        atomic_store(&w->began_us, amphi__clock_us(NULL));
    if (event->kind == AMPHI_ENGINE_PROGRESS && atomic_load(&w->began_us) != 0 &&
        event->permille >= BATCHES_ARE_LONG)
        atomic_store(&w->in_prefill, 1);
    if (event->kind == AMPHI_ENGINE_FINISH || event->kind == AMPHI_ENGINE_FAIL) {
        w->status = event->error != NULL ? event->error->status : AMPHI_OK;
        atomic_store(&w->ended, 1);
    }
}

static amphi_engine_run *start(amphi_engine engine, watcher *w, const char *body)
{
    const amphi_engine_request request = {
        .struct_size = sizeof request, .body = amphi_str_from(body)};
    const amphi_engine_sink sink = {w, on_event};
    amphi_engine_run *run = NULL;
    memset(w, 0, sizeof *w);
    assert_int_equal(engine.ops->start(engine.self, &run, &request, &sink, NULL), AMPHI_OK);
    return run;
}

static void wait_for(const atomic_int *flag)
{
    for (int i = 0; i < 120000 && !atomic_load(flag); i++)
        usleep(1000);
    assert_true(atomic_load(flag));
}

/* Cancels a prompt that is under way for `after_us`; how long until the engine begins the next
 * request, in microseconds. */
static uint64_t cancel_once(amphi_engine engine, unsigned after_us)
{
    watcher first, second;
    amphi_engine_run *run = start(engine, &first, long_body);
    wait_for(&first.in_prefill);
    usleep(after_us);
    assert_false(atomic_load(&first.ended));
    uint64_t cancelled_us = amphi__clock_us(NULL);
    engine.ops->cancel(engine.self, run);
    amphi_engine_run *next = start(engine, &second,
        "{\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"tD\"}]}");
    engine.ops->release(engine.self, run);
    assert_true(atomic_load(&first.ended));
    assert_int_equal(first.status, AMPHI_E_CANCELLED);
    wait_for(&second.ended);
    assert_int_equal(second.status, AMPHI_OK);
    engine.ops->release(engine.self, next);
    return atomic_load(&second.began_us) - cancelled_us;
}

static int compare_us(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void measure(amphi_isolation isolation, const char *name)
{
    uint64_t took_us[RUNS];
    amphi_engine engine = make(isolation);
    for (int i = 0; i < RUNS; i++) /* at different places in a batch */
        took_us[i] = cancel_once(engine, 1000 + (unsigned)i * 13919 % 60000);
    engine.ops->free(engine.self);
    qsort(took_us, RUNS, sizeof took_us[0], compare_us);
    print_message("cancel in a %d-token prefill, %s: p50 %.1f ms, max %.1f ms, %d runs\n",
        PROMPT_TOKENS, name, (double)took_us[RUNS / 2] / 1e3, (double)took_us[RUNS - 1] / 1e3,
        RUNS);
    assert_true(took_us[RUNS / 2] < LIMIT_MS * 1000);
}

static void cancel__frees_the_engine_process_within_100_ms(void **state)
{
    measure(AMPHI_ISOLATION_PROCESS, "process");
}

static void cancel__frees_the_engine_thread_within_100_ms(void **state)
{
    measure(AMPHI_ISOLATION_THREAD, "thread");
}

static void answer(amphi_engine engine, engine_recorder *r)
{
    amphi_engine_run *run = NULL;
    engine_recorder_init(r);
    assert_int_equal(engine_start(engine, &run, r, long_body, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(r, 120000));
    engine.ops->release(engine.self, run);
    assert_true(r->finished);
}

/* What was computed whole before the cancel is used again, and nothing else. */
static void cancel__leaves_the_next_answer_as_it_would_have_been(void **state)
{
    static const amphi_isolation kinds[] = {AMPHI_ISOLATION_PROCESS, AMPHI_ISOLATION_THREAD};
    engine_recorder undisturbed, after;
    amphi_engine engine = make(AMPHI_ISOLATION_PROCESS);
    answer(engine, &undisturbed);
    engine.ops->free(engine.self);
    for (int k = 0; k < 2; k++) {
        engine = make(kinds[k]);
        watcher w;
        amphi_engine_run *run = start(engine, &w, long_body);
        wait_for(&w.in_prefill);
        usleep(40000);
        engine.ops->release(engine.self, run); /* cancels */
        answer(engine, &after);
        assert_true(after.usage.cached_tokens > 0);
        assert_true(after.usage.cached_tokens < undisturbed.usage.prompt_tokens - 1);
        assert_int_equal(after.usage.prompt_tokens, undisturbed.usage.prompt_tokens);
        assert_true(
            amphi__str_equal(amphi__buf_str(&undisturbed.text), amphi__buf_str(&after.text)));
        engine_recorder_clear(&after);
        engine.ops->free(engine.self);
    }
    engine_recorder_clear(&undisturbed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel__leaves_the_next_answer_as_it_would_have_been),
        cmocka_unit_test(cancel__frees_the_engine_process_within_100_ms),
        cmocka_unit_test(cancel__frees_the_engine_thread_within_100_ms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
