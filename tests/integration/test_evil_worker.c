/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine process that attacks its parent: every field of every message out of range, false
 * lengths, messages at the wrong moment, floods, silence. Each ends its own answer at
 * most, with exactly one terminal event; the parent stays whole (ASan) and serves the next model.
 */
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/scripted_worker.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* What the parent should make of a script. */
typedef enum outcome { DIED, STALLED, FINISHED } outcome;

/* Only a script that is silent is waited for until it stalls. All others are judged by what they
 * do, on a machine that may be too busy to start a process within such a time. */
enum { STALL_MS = 300, PATIENCE_MS = 60000, END_MS = 120000 };

typedef struct evil {
    const char *script;
    outcome expected;
} evil;

static const evil evils[] = {
    /* frames */
    {"frame-kind-0", DIED},
    {"frame-kind-99", DIED},
    {"frame-kind-max", DIED},
    {"frame-empty-text", DIED},
    {"frame-short-finish", DIED},
    {"frame-long-finish", DIED},
    {"frame-too-long", DIED},
    {"ring-head-max", DIED},
    {"ring-head-back", DIED},
    {"ring-head-odd", DIED},
    {"ring-head-without-frame", DIED},
    {"ring-size-lies", DIED},
    {"ring-zeroed", FINISHED},
    {"ring-everything-random", DIED},
    /* fields */
    {"hello-magic", DIED},
    {"hello-version", DIED},
    {"hello-cage-bits", DIED},
    {"hello-twice", DIED},
    {"described-status", DIED},
    {"described-weights", DIED},
    {"described-kv", DIED},
    {"described-scratch", DIED},
    {"described-context", DIED},
    {"described-unterminated", FINISHED},
    {"described-twice", DIED},
    {"described-before-hello", DIED},
    {"ready-status", DIED},
    {"ready-context", DIED},
    {"ready-unasked", DIED},
    {"ready-twice", DIED},
    {"progress-permille", DIED},
    {"progress-phase", DIED},
    {"text-of-run-0", DIED},
    {"text-of-next-run", DIED},
    {"text-not-utf8", DIED},
    {"text-half-a-character", DIED},
    {"text-surrogate", DIED},
    {"text-overlong", DIED},
    {"text-while-idle", DIED},
    {"text-flood", DIED},
    {"logprobs-empty", DIED},
    {"logprobs-cut", DIED},
    {"logprobs-not-a-number", DIED},
    {"logprobs-above-0", DIED},
    {"logprobs-too-many", DIED},
    {"logprobs-of-other-run", DIED},
    {"logprobs-without-text", FINISHED},
    {"logprobs-flood", DIED},
    {"usage-huge", DIED},
    {"usage-cached-above-prompt", DIED},
    {"usage-of-other-run", DIED},
    {"finish-0", DIED},
    {"finish-4", DIED},
    {"finish-max", DIED},
    {"finish-of-other-run", DIED},
    {"finish-twice", FINISHED},
    {"fail-ok", DIED},
    {"fail-status", DIED},
    {"counted-unasked", DIED},
    /* the control page and the eventfds */
    {"control-zeroed", FINISHED},
    {"control-random", FINISHED},
    {"wakes-without-events", FINISHED},
    {"wakes-for-ever", DIED},
    {"death-note-0", FINISHED},
    {"death-note-65", DIED},
    {"death-note-max", DIED},
    {"death-note-kill", DIED},          /* no handler reports that one */
    {"death-note-sender-of-own", DIED}, /* no process sent it; names process 1 */
    {"death-note-sender-negative", DIED},
    {"death-note-twice", DIED}, /* an eventfd adds */
    {"shrinks-the-memory", FINISHED},
    /* silence and exits */
    {"silent-at-hello", STALLED},
    {"silent-at-described", STALLED},
    {"silent-at-ready", STALLED},
    {"silent-at-run", STALLED},
    {"silent-after-text", STALLED},
    {"heartbeat-then-silent", STALLED},
    {"stops-itself", STALLED},
    {"exit-0", DIED},
    {"exit-at-hello", DIED},
    {"exit-at-ready", DIED},
};

static void ring_put(scripted_worker *worker, uint32_t kind, const void *data, size_t size)
{
    scripted_send(worker, kind, data, size);
}

static bool is(const char *script, const char *name)
{
    return strcmp(script, name) == 0;
}

static void silence(void)
{
    for (;;)
        pause();
}

static bool evil_hello(scripted_worker *worker, const char *script)
{
    amphi_worker_hello hello = {.magic = AMPHI_WORKER_MAGIC, .version = AMPHI_WORKER_VERSION};
    const amphi_worker_described described = {.status = AMPHI_OK};

    hello.magic ^= is(script, "hello-magic") ? 1 : 0;
    hello.version += is(script, "hello-version") ? 1 : 0;
    hello.cage_missing = is(script, "hello-cage-bits") ? UINT32_MAX : 0;
    if (is(script, "described-before-hello"))
        ring_put(worker, AMPHI_WORKER_DESCRIBED, &described, sizeof described);
    else if (is(script, "silent-at-hello"))
        silence();
    else if (is(script, "exit-at-hello"))
        _exit(0);
    else if (is(script, "hello-twice"))
        ring_put(worker, AMPHI_WORKER_HELLO, &hello, sizeof hello);
    ring_put(worker, AMPHI_WORKER_HELLO, &hello, sizeof hello);
    return true;
}

static bool evil_described(scripted_worker *worker, const char *script)
{
    amphi_worker_described described = {
        .context_tokens_max = 100, .weights_bytes = 100, .name = "evil", .family = "evil"};
    const amphi_worker_ready ready = {.status = AMPHI_OK};

    described.status = is(script, "described-status") ? UINT32_MAX : AMPHI_OK;
    described.weights_bytes = is(script, "described-weights") ? UINT64_MAX : 100;
    described.kv_bytes_per_token = is(script, "described-kv") ? UINT64_MAX : 100;
    described.scratch_bytes = is(script, "described-scratch") ? (uint64_t)1 << 47 : 100;
    described.context_tokens_max = is(script, "described-context") ? UINT32_MAX : 100;
    if (is(script, "described-unterminated")) {
        memset(described.name, 0xC3, sizeof described.name);
        memset(described.family, '\n', sizeof described.family);
        memset(described.message, 'x', sizeof described.message);
    }
    if (is(script, "silent-at-described"))
        silence();
    ring_put(worker, AMPHI_WORKER_DESCRIBED, &described, sizeof described);
    if (is(script, "described-twice")) {
        ring_put(worker, AMPHI_WORKER_DESCRIBED, &described, sizeof described);
    } else if (is(script, "ready-unasked")) {
        ring_put(worker, AMPHI_WORKER_READY, &ready, sizeof ready);
        ring_put(worker, AMPHI_WORKER_READY, &ready, sizeof ready);
    }
    return true;
}

static bool evil_ready(scripted_worker *worker, const char *script)
{
    amphi_worker_ready ready = {.context_tokens = 100};
    amphi_worker_progress progress = {.phase = AMPHI_PHASE_LOAD, .permille = 10};

    ready.status = is(script, "ready-status") ? UINT32_MAX : AMPHI_OK;
    ready.context_tokens = is(script, "ready-context") ? UINT32_MAX : 100;
    progress.permille = is(script, "progress-permille") ? 1001 : 10;
    progress.phase = is(script, "progress-phase") ? 3 : AMPHI_PHASE_LOAD;
    if (is(script, "silent-at-ready"))
        silence();
    else if (is(script, "exit-at-ready"))
        _exit(0);
    ring_put(worker, AMPHI_WORKER_PROGRESS, &progress, sizeof progress);
    ring_put(worker, AMPHI_WORKER_READY, &ready, sizeof ready);
    if (is(script, "ready-twice"))
        ring_put(worker, AMPHI_WORKER_READY, &ready, sizeof ready);
    else if (is(script, "text-while-idle"))
        scripted_text(worker, 0, "psst");
    return true;
}

/* Writes the ring's memory by hand. */
static bool evil_ring(scripted_worker *worker, const char *script)
{
    uint64_t at = worker->events.position & (AMPHI_WORKER_EVENTS_BYTES - 1);
    amphi_ring_frame *frame = (amphi_ring_frame *)(void *)(worker->events.data + at);
    _Atomic uint64_t *head = &worker->control->events.head;

    if (is(script, "ring-head-max")) {
        atomic_store(head, UINT64_MAX);
    } else if (is(script, "ring-head-back")) {
        atomic_store(head, 0);
    } else if (is(script, "ring-head-odd")) {
        atomic_fetch_add(head, 17);
    } else if (is(script, "ring-head-without-frame")) {
        atomic_fetch_add(head, 64);
    } else if (is(script, "ring-size-lies")) {
        *frame = (amphi_ring_frame){.magic = AMPHI_RING_MAGIC,
            .sequence = worker->events.sequence + 1,
            .kind = AMPHI_WORKER_TEXT,
            .size = UINT32_MAX - 3};
        atomic_fetch_add(head, 64);
    } else if (is(script, "ring-zeroed")) {
        memset(worker->events.data, 0, AMPHI_WORKER_EVENTS_BYTES);
        return false; /* nothing that the parent still needs */
    } else if (is(script, "ring-everything-random")) {
        for (size_t i = 0; i < AMPHI_WORKER_EVENTS_BYTES; i++)
            worker->events.data[i] = (uint8_t)(i * 2654435761u >> 13);
        atomic_fetch_add(head, 4096);
    } else {
        return false;
    }
    scripted_wake();
    silence();
    return true;
}

static bool evil_frame(scripted_worker *worker, const char *script, uint32_t run)
{
    static uint8_t big[AMPHI_WORKER_EVENT_MAX + 8];
    const amphi_worker_finish finish = {.run = run, .finish = AMPHI_FINISH_STOP};
    uint8_t longer[sizeof finish + 1] = {0};

    if (is(script, "frame-kind-0")) {
        ring_put(worker, 0, &finish, sizeof finish);
    } else if (is(script, "frame-kind-99")) {
        ring_put(worker, 99, &finish, sizeof finish);
    } else if (is(script, "frame-kind-max")) {
        ring_put(worker, UINT32_MAX, &finish, sizeof finish);
    } else if (is(script, "frame-empty-text")) {
        ring_put(worker, AMPHI_WORKER_TEXT, &run, sizeof run);
    } else if (is(script, "frame-short-finish")) {
        ring_put(worker, AMPHI_WORKER_FINISH, &finish, sizeof finish - 1);
    } else if (is(script, "frame-long-finish")) {
        memcpy(longer, &finish, sizeof finish);
        ring_put(worker, AMPHI_WORKER_FINISH, longer, sizeof longer);
    } else if (is(script, "frame-too-long")) {
        memset(big, 'a', sizeof big);
        memcpy(big, &run, sizeof run);
        ring_put(worker, AMPHI_WORKER_TEXT, big, sizeof big);
    } else {
        return false;
    }
    silence();
    return true;
}

static bool evil_text(scripted_worker *worker, const char *script, uint32_t run)
{
    if (is(script, "text-of-run-0")) {
        scripted_text(worker, 0, "x");
    } else if (is(script, "text-of-next-run")) {
        scripted_text(worker, run + 1, "x");
    } else if (is(script, "text-not-utf8")) {
        scripted_text(worker, run, "\xff\xfe");
    } else if (is(script, "text-half-a-character")) {
        scripted_text(worker, run, "a\xe4\xbd");
    } else if (is(script, "text-surrogate")) {
        scripted_text(worker, run, "\xed\xa0\x80");
    } else if (is(script, "text-overlong")) {
        scripted_text(worker, run, "\xc0\xaf");
    } else if (is(script, "text-flood")) {
        char text[1000];

        memset(text, 'a', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        for (;;)
            scripted_text(worker, run, text);
    } else {
        return false;
    }
    silence();
    return true;
}

static void put_logprobs(
    scripted_worker *worker, uint32_t run, float logprob, size_t entries, size_t cut)
{
    const uint16_t size = 3;
    uint8_t bytes[sizeof run + 64 * (sizeof logprob + sizeof size + 3)];
    size_t at = sizeof run;

    memcpy(bytes, &run, sizeof run);
    for (size_t i = 0; i < entries; i++) {
        memcpy(bytes + at, &logprob, sizeof logprob);
        memcpy(bytes + at + sizeof logprob, &size, sizeof size);
        memcpy(bytes + at + sizeof logprob + sizeof size, "a\xff\"", 3);
        at += sizeof logprob + sizeof size + 3;
    }
    ring_put(worker, AMPHI_WORKER_LOGPROBS, bytes, at - cut);
}

static bool evil_logprobs(scripted_worker *worker, const char *script, uint32_t run)
{
    if (is(script, "logprobs-empty")) {
        put_logprobs(worker, run, -1, 0, 0);
    } else if (is(script, "logprobs-cut")) {
        put_logprobs(worker, run, -1, 2, 1);
    } else if (is(script, "logprobs-not-a-number")) {
        put_logprobs(worker, run, NAN, 1, 0);
    } else if (is(script, "logprobs-above-0")) {
        put_logprobs(worker, run, 0.5f, 1, 0);
    } else if (is(script, "logprobs-too-many")) {
        put_logprobs(worker, run, -1, 22, 0);
    } else if (is(script, "logprobs-of-other-run")) {
        put_logprobs(worker, run + 1, -1, 1, 0);
    } else if (is(script, "logprobs-without-text")) {
        put_logprobs(worker, run, -1, 21, 0);
        scripted_finish(worker, run, AMPHI_FINISH_STOP);
    } else if (is(script, "logprobs-flood")) {
        for (;;)
            put_logprobs(worker, run, -1, 21, 0);
    } else {
        return false;
    }
    if (!is(script, "logprobs-without-text"))
        silence();
    return true;
}

static bool evil_end(scripted_worker *worker, const char *script, uint32_t run)
{
    amphi_worker_usage usage = {.run = run, .prompt_tokens = 5};
    amphi_worker_fail fail = {.run = run, .status = AMPHI_E_INTERNAL};
    const amphi_worker_counted counted = {.id = 1};

    if (is(script, "usage-huge")) {
        usage.prompt_tokens = UINT32_MAX;
        ring_put(worker, AMPHI_WORKER_USAGE, &usage, sizeof usage);
    } else if (is(script, "usage-cached-above-prompt")) {
        usage.cached_tokens = 6;
        ring_put(worker, AMPHI_WORKER_USAGE, &usage, sizeof usage);
    } else if (is(script, "usage-of-other-run")) {
        usage.run++;
        ring_put(worker, AMPHI_WORKER_USAGE, &usage, sizeof usage);
    } else if (is(script, "finish-0")) {
        scripted_finish(worker, run, 0);
    } else if (is(script, "finish-4")) {
        scripted_finish(worker, run, AMPHI_FINISH_CONTENT_FILTER);
    } else if (is(script, "finish-max")) {
        scripted_finish(worker, run, UINT32_MAX);
    } else if (is(script, "finish-of-other-run")) {
        scripted_finish(worker, run - 1, AMPHI_FINISH_STOP);
    } else if (is(script, "finish-twice")) {
        scripted_finish(worker, run, AMPHI_FINISH_STOP);
        scripted_finish(worker, run, AMPHI_FINISH_STOP);
    } else if (is(script, "fail-ok")) {
        fail.status = AMPHI_OK;
        ring_put(worker, AMPHI_WORKER_FAIL, &fail, sizeof fail);
    } else if (is(script, "fail-status")) {
        fail.status = 1000;
        ring_put(worker, AMPHI_WORKER_FAIL, &fail, sizeof fail);
    } else if (is(script, "counted-unasked")) {
        ring_put(worker, AMPHI_WORKER_COUNTED, &counted, sizeof counted);
    } else {
        return false;
    }
    silence();
    return true;
}

static uint64_t death_note(const char *script)
{
    return is(script, "death-note-0")       ? 0
           : is(script, "death-note-65")    ? 65
           : is(script, "death-note-kill")  ? SIGKILL
           : is(script, "death-note-twice") ? SIGABRT | AMPHI_DEATH_FOREIGN
           : is(script, "foreign-note")
               ? SIGSEGV | AMPHI_DEATH_FOREIGN | 1ull << AMPHI_DEATH_SENDER_SHIFT
           : is(script, "death-note-sender-of-own") ? SIGSEGV | 1ull << AMPHI_DEATH_SENDER_SHIFT
           : is(script, "death-note-sender-negative")
               ? SIGSEGV | AMPHI_DEATH_FOREIGN | 0x80000000ull << AMPHI_DEATH_SENDER_SHIFT
               : UINT64_MAX - 1;
}

static bool evil_control(scripted_worker *worker, const char *script)
{
    const uint64_t note = death_note(script);

    if (is(script, "control-zeroed")) {
        worker->control->magic = 0;
        worker->control->version = 0;
        worker->control->parent_pid = 0;
        atomic_store(&worker->control->phase, 0);
    } else if (is(script, "control-random")) {
        worker->control->parent_pid = 1;
        atomic_store(&worker->control->phase, UINT32_MAX);
        atomic_store(&worker->control->heartbeat, UINT32_MAX);
    } else if (is(script, "wakes-without-events")) {
        for (int i = 0; i < 1000; i++)
            scripted_wake();
    } else if (is(script, "wakes-for-ever")) {
        for (;;) {
            atomic_fetch_add(&worker->control->heartbeat, 1); /* looks alive */
            scripted_wake();
        }
    } else if (is(script, "shrinks-the-memory")) {
        if (ftruncate(AMPHI_WORKER_FD_SHARED, 0) == 0)
            _exit(1); /* the seal did not hold */
    } else if (is(script, "death-note-0")) {
        (void)!write(AMPHI_WORKER_FD_DEATH, &note, sizeof note);
    } else if (strncmp(script, "death-note-", 11) == 0 || is(script, "foreign-note")) {
        (void)!write(AMPHI_WORKER_FD_DEATH, &note, sizeof note);
        if (is(script, "death-note-twice"))
            (void)!write(AMPHI_WORKER_FD_DEATH, &note, sizeof note);
        silence();
    }
    return false; /* and then a usual answer */
}

static bool evil_silence(scripted_worker *worker, const char *script, uint32_t run)
{
    if (is(script, "silent-at-run")) {
        silence();
    } else if (is(script, "silent-after-text")) {
        scripted_text(worker, run, "something");
        silence();
    } else if (is(script, "heartbeat-then-silent")) {
        for (int i = 0; i < 30; i++) {
            atomic_fetch_add(&worker->control->heartbeat, 1);
            usleep(20000);
        }
        silence();
    } else if (is(script, "stops-itself")) {
        raise(SIGSTOP);
    } else if (is(script, "exit-0")) {
        _exit(0);
    }
    return false;
}

static bool step(scripted_worker *worker, const char *script, const char *at, uint32_t run)
{
    if (is(at, "hello"))
        return evil_hello(worker, script);
    if (is(at, "described"))
        return evil_described(worker, script);
    if (is(at, "ready"))
        return evil_ready(worker, script);
    return is(at, "run") &&
           (evil_ring(worker, script) || evil_frame(worker, script, run) ||
               evil_text(worker, script, run) || evil_logprobs(worker, script, run) ||
               evil_end(worker, script, run) || evil_control(worker, script) ||
               evil_silence(worker, script, run));
}

static bool play(const evil *what)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    amphi_engine_info info = {.struct_size = sizeof info};
    bool good =
        scripted_engine_new(&e, what->script, what->expected == STALLED ? STALL_MS : PATIENCE_MS);

    if (!good)
        return false;
    engine_recorder_init(&r);
    good = engine_start(e.engine, &run, &r, BODY, "", 0) == AMPHI_OK &&
           engine_recorder_wait_end(&r, END_MS);
    e.engine.ops->describe(e.engine.self, &info);
    e.engine.ops->release(e.engine.self, run);
    good = good && r.terminals == 1 && r.after_terminal == 0;
    good = good && (what->expected == FINISHED) == r.finished;
    good = good && (what->expected != DIED || r.error.status == AMPHI_E_ENGINE_DIED);
    good = good && (what->expected != STALLED || r.error.status == AMPHI_E_ENGINE_STALLED);
    good = good && amphi__utf8_is_valid(amphi__buf_str(&r.text));
    good = good && amphi__utf8_is_valid(amphi_str_from(info.model));
    if (!good) {
        printf("%s: terminals %u, finished %d, status %d, %s\n", what->script, r.terminals,
            (int)r.finished, (int)r.error.status, r.error.message);
    }
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
    return good;
}

static void evil_worker__ends_its_own_answer_at_most(void **state)
{
    unsigned bad = 0;
    int descriptors = count_descriptors();

    for (size_t i = 0; i < sizeof evils / sizeof evils[0]; i++)
        bad += !play(&evils[i]);
    printf("%zu evil scripts, %u with another outcome\n", sizeof evils / sizeof evils[0], bad);
    assert_int_equal(bad, 0);
    assert_int_equal(count_children(), 0);
    assert_int_equal(count_descriptors(), descriptors);
}

/* A worker that reports a kill from outside and goes on is ended. Its death then counts as one from
 * outside and nothing else: the policy bounds how many of these count. */
static void evil_worker__may_at_most_make_its_crash_look_foreign(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;

    assert_true(scripted_engine_new(&e, "foreign-note", PATIENCE_MS));
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, END_MS));
    e.engine.ops->release(e.engine.self, run);
    assert_int_equal(r.terminals, 1);
    assert_int_equal(r.error.status, AMPHI_E_ENGINE_DIED);
    assert_true(r.from_outside);
    assert_non_null(strstr(r.error.message, "SIGSEGV from process 1)"));
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
    assert_int_equal(count_children(), 0);
}

static void evil_worker__the_engine_serves_again_when_the_file_is_good(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    FILE *file = NULL;

    assert_true(scripted_engine_new(&e, "text-not-utf8", PATIENCE_MS));
    for (int i = 0; i < 2; i++) {
        engine_recorder_init(&r);
        assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
        assert_true(engine_recorder_wait_end(&r, END_MS));
        e.engine.ops->release(e.engine.self, run);
        assert_int_equal(r.finished, i == 1);
        engine_recorder_clear(&r);
        file = fopen(e.model, "we");
        assert_non_null(file);
        fputs("good", file);
        fclose(file);
    }
    scripted_engine_free(&e);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evil_worker__ends_its_own_answer_at_most),
        cmocka_unit_test(evil_worker__may_at_most_make_its_crash_look_foreign),
        cmocka_unit_test(evil_worker__the_engine_serves_again_when_the_file_is_good),
    };

    scripted_worker_main(argc, argv, step);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
