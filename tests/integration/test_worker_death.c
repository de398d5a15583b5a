/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine process dies in mid-answer, of every signal: the run ends with exactly one FAIL that
 * names the cause, what was written before is delivered, the next run has a new process, and
 * nothing is left behind. Prints how long the parent needed to know.
 */
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/real_engine.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/scripted_worker.h"

#include "sdk/core/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY                                                                                       \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"Once upon a time\"}],\"temperature\":0,"      \
    "\"max_tokens\":400,\"stop\":[]}"

#define BODY_SHORT                                                                                 \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"Once upon a time\"}],\"temperature\":0,"      \
    "\"max_tokens\":60}"

typedef struct death {
    int signal;
    const char *name;
    amphi_status status;
    bool reported_by_handler; /* else by the kernel, later */
} death;

static const death deaths[] = {
    {SIGSEGV, "SIGSEGV", AMPHI_E_ENGINE_DIED, true},
    {SIGBUS, "SIGBUS", AMPHI_E_ENGINE_DIED, true},
    {SIGABRT, "SIGABRT", AMPHI_E_ENGINE_DIED, true},
    {SIGILL, "SIGILL", AMPHI_E_ENGINE_DIED, true},
    {SIGFPE, "SIGFPE", AMPHI_E_ENGINE_DIED, true},
    {SIGKILL, "SIGKILL", AMPHI_E_ENGINE_DIED, false},
    {SIGTERM, "SIGTERM", AMPHI_E_ENGINE_DIED, false},
    {SIGSYS, "SIGSYS", AMPHI_E_ENGINE_DIED, true},
    {SIGPIPE, "SIGPIPE", AMPHI_E_ENGINE_DIED, false},
    {SIGSTOP, "stopped", AMPHI_E_ENGINE_STALLED, false},
};

enum { DEATHS = sizeof deaths / sizeof deaths[0], ROUNDS = 7 };

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Kills the worker in mid-answer; microseconds from the signal to the FAIL, 0 when something of
 * the promise was not kept. */
static uint64_t kill_one(amphi_engine engine, const death *what)
{
    engine_recorder r;
    amphi_engine_run *run = NULL;
    uint64_t from_us = 0;
    uint64_t took_us = 0;
    int child = 0;
    bool good = true;

    engine_recorder_init(&r);
    good = engine_start(engine, &run, &r, BODY, "", 200) == AMPHI_OK &&
           engine_recorder_wait_text(&r, 8, 60000) && !engine_recorder_wait_end(&r, 0);
    child = only_child();
    from_us = amphi__clock_us(NULL);
    good =
        good && child > 0 && kill(child, what->signal) == 0 && engine_recorder_wait_end(&r, 10000);
    took_us = good ? r.terminal_us - from_us + 1 : 0;
    engine.ops->release(engine.self, run);
    good = good && r.terminals == 1 && r.after_terminal == 0 && !r.finished && r.from_outside &&
           r.error.status == what->status && strstr(r.error.message, "from outside") != NULL &&
           strstr(r.error.message, what->name) != NULL &&
           strstr(r.error.message, "while generating") != NULL;
    if (!good)
        printf("%s: terminals %u, %s\n", what->name, r.terminals, r.error.message);
    engine_recorder_clear(&r);
    /* The dead one is collected within moments. */
    for (int i = 0; i < 200 && count_children() > 0; i++)
        usleep(5000);
    good = good && count_children() == 0;
    return good ? took_us : 0;
}

static void kill_all(amphi_engine engine)
{
    unsigned bad = 0;

    for (int d = 0; d < DEATHS; d++) {
        uint64_t took_us[ROUNDS];

        for (int i = 0; i < ROUNDS; i++) {
            took_us[i] = kill_one(engine, &deaths[d]);
            bad += took_us[i] == 0;
        }
        qsort(took_us, ROUNDS, sizeof took_us[0], by_value);
        printf("%-8s to FAIL: p50 %llu us, worst %llu us (%d runs)\n", deaths[d].name,
            (unsigned long long)took_us[ROUNDS / 2], (unsigned long long)took_us[ROUNDS - 1],
            ROUNDS);
    }
    assert_int_equal(bad, 0);
}

static void death__of_the_real_worker_is_told_at_once(void **state)
{
    amphi_engine engine;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    int descriptors = count_descriptors();

    if (!real_engine_new(&engine, "stories"))
        skip();
    kill_all(engine);
    /* And the next answer is whole. */
    engine_recorder_init(&r);
    assert_int_equal(engine_start(engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 60000));
    engine.ops->release(engine.self, run);
    assert_true(r.finished);
    engine_recorder_clear(&r);
    engine.ops->free(engine.self);
    assert_int_equal(count_children(), 0);
    assert_int_equal(count_descriptors(), descriptors);
}

static unsigned eat_stack(volatile char *above, unsigned depth)
{
    volatile char here[4096];

    here[0] = above[0];
    return depth == 0 ? 0 : eat_stack(here, depth - 1) + (unsigned)here[0];
}

/* What a worker can do to itself, by script name. */
static bool step(scripted_worker *worker, const char *script, const char *at, uint32_t run)
{
    char text[32];

    if (strcmp(at, "run") != 0)
        return false;
    for (int i = 0; i < 100; i++) { /* a hundred words, then the end, with no pause between */
        snprintf(text, sizeof text, "word%02d ", i);
        scripted_text(worker, run, text);
    }
    if (strcmp(script, "stack") == 0) {
        volatile char start[1] = {0};

        signal(SIGSEGV, SIG_DFL);                 /* ASan's handler would write a report */
        _exit((int)eat_stack(start, UINT32_MAX)); /* never gets that far */
    } else if (strcmp(script, "abort") == 0) {
        signal(SIGABRT, SIG_DFL);
        abort();
    } else if (strcmp(script, "bus") == 0) { /* a file that became shorter than its mapping */
        int fd = memfd_create("short", MFD_CLOEXEC);
        volatile char *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

        signal(SIGBUS, SIG_DFL);
        memory[0];
    } else if (strcmp(script, "waits") == 0) {
        for (;;)
            pause();
    } else if (strcmp(script, "kill") == 0) {
        raise(SIGKILL);
    } else if (strcmp(script, "note") == 0) { /* writes the handler's note and goes on running */
        const uint64_t note = SIGSEGV;

        (void)!write(AMPHI_WORKER_FD_DEATH, &note, sizeof note);
        for (;;)
            pause();
    }
    return false;
}

static void death__comes_after_every_text_that_was_written_before_it(void **state)
{
    static const char *const scripts[] = {"stack", "abort", "bus", "kill", "note"};

    for (size_t s = 0; s < sizeof scripts / sizeof scripts[0]; s++) {
        for (int round = 0; round < 5; round++) {
            scripted_engine e;
            engine_recorder r;
            amphi_engine_run *run = NULL;

            assert_true(scripted_engine_new(&e, scripts[s], 0));
            engine_recorder_init(&r);
            assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
            assert_true(engine_recorder_wait_end(&r, 10000));
            e.engine.ops->release(e.engine.self, run);
            assert_int_equal(r.terminals, 1);
            assert_int_equal(r.error.status, AMPHI_E_ENGINE_DIED);
            /* Without a report its own is only a signal that the real handler would report. */
            assert_int_equal(r.from_outside, strcmp(scripts[s], "kill") == 0);
            assert_int_equal(r.text.size, 700);
            for (int i = 0; i < 100; i++) {
                char word[32];

                snprintf(word, sizeof word, "word%02d ", i);
                assert_memory_equal(r.text.data + (size_t)i * 7, word, 7);
            }
            engine_recorder_clear(&r);
            scripted_engine_free(&e);
        }
    }
    assert_int_equal(count_children(), 0);
}

/* A fault of the worker's own, made from outside: its model file is cut below its mapping. */
static void death__of_its_own_fault_is_not_told_as_a_kill(void **state)
{
    amphi_engine engine;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    amphi_engine_info info = {.struct_size = sizeof info};
    scratch_dir dir;
    char model[256];

    scratch_dir_make(&dir);
    snprintf(model, sizeof model, "%s", scratch_dir_file(&dir, "model.gguf"));
    if (!real_engine_copy_new(&engine, "stories", model)) {
        scratch_dir_remove(&dir);
        skip();
    }
    engine_recorder_init(&r);
    assert_int_equal(engine_start(engine, &run, &r, BODY, "", 50), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&r, 4, 60000));
    assert_int_equal(truncate(model, 4096), 0);
    assert_true(engine_recorder_wait_end(&r, 20000));
    engine.ops->release(engine.self, run);
    assert_int_equal(r.error.status, AMPHI_E_ENGINE_DIED);
    assert_non_null(strstr(r.error.message, "ended by SIGBUS while generating"));
    assert_false(r.from_outside);
    engine.ops->describe(engine.self, &info);
    assert_int_equal(info.deaths_late, 1);
    assert_int_equal(info.deaths_outside, 0);
    engine_recorder_clear(&r);
    engine.ops->free(engine.self);
    scratch_dir_remove(&dir);
}

/* Holds a process as a debugger does. Returns the tracer, whose end lets it go, or 0. */
static pid_t trace(int pid)
{
    int pipe_fds[2];
    char done = 0;
    pid_t tracer = 0;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return 0;
    tracer = fork();
    if (tracer == 0) {
        done = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 &&
               ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0;
        (void)!write(pipe_fds[1], &done, 1);
        for (;;)
            pause();
    }
    (void)!read(pipe_fds[0], &done, 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    if (!done && tracer > 0) {
        kill(tracer, SIGKILL);
        waitpid(tracer, NULL, 0);
    }
    return done ? tracer : 0;
}

/* Only its tracer can collect it: neither the answer nor the engine's end may wait for that. */
static void death__of_a_traced_worker_holds_nobody(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    uint64_t from_us = 0;
    pid_t tracer = 0;

    assert_true(scripted_engine_new(&e, "waits", 0));
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_text(&r, 700, 10000));
    tracer = trace(only_child());
    if (tracer == 0) {
        e.engine.ops->release(e.engine.self, run);
        engine_recorder_clear(&r);
        scripted_engine_free(&e);
        print_message("skipped: this system forbids tracing\n");
        skip();
    }
    from_us = amphi__clock_us(NULL);
    assert_true(engine_recorder_wait_end(&r, 10000));
    assert_true(amphi__clock_us(NULL) - from_us < 2000000);
    assert_int_equal(r.error.status, AMPHI_E_ENGINE_STALLED);
    assert_true(r.from_outside);
    e.engine.ops->release(e.engine.self, run);
    from_us = amphi__clock_us(NULL);
    scripted_engine_free(&e);
    assert_true(amphi__clock_us(NULL) - from_us < 5000000);
    engine_recorder_clear(&r);
    kill(tracer, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue; /* it, and then the worker */
}

static void death__while_idle_is_noticed_and_the_next_run_starts_a_new_worker(void **state)
{
    scripted_engine e;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    amphi_engine_info info = {.struct_size = sizeof info};

    assert_true(scripted_engine_new(&e, "usual", 0));
    e.engine.ops->describe(e.engine.self, &info);
    assert_int_equal(count_children(), 1);
    kill(only_child(), SIGKILL);
    for (int i = 0; i < 200 && count_children() > 0; i++)
        usleep(5000);
    assert_int_equal(count_children(), 0);
    engine_recorder_init(&r);
    assert_int_equal(engine_start(e.engine, &run, &r, BODY, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&r, 10000));
    assert_true(r.finished);
    e.engine.ops->release(e.engine.self, run);
    engine_recorder_clear(&r);
    scripted_engine_free(&e);
}

/* A sanitizer's own handler may hang when the signal hits its start: then silence ended it. */
static amphi_status dead_status(const engine_recorder *r)
{
#ifdef AMPHI_SANITIZE
    if (r->error.status == AMPHI_E_ENGINE_STALLED)
        return AMPHI_E_ENGINE_STALLED;
#endif
    return AMPHI_E_ENGINE_DIED;
}

/* From the spawn to after the last token; a fresh worker each time, so every phase is hit. */
static void death__at_any_moment_leaves_an_exact_beginning_of_the_answer(void **state)
{
    enum { MOMENTS = 60 };
    static const int signals[] = {SIGSEGV, SIGKILL, SIGABRT};
    amphi_engine engine;
    engine_recorder whole;
    amphi_engine_run *run = NULL;
    unsigned died = 0;
    unsigned finished = 0;
    unsigned bad = 0;
    uint32_t random = 12345;
    uint64_t from_us = 0;
    uint64_t whole_us = 0;

    if (!real_engine_new(&engine, "stories"))
        skip();
    engine_recorder_init(&whole);
    from_us = amphi__clock_us(NULL);
    assert_int_equal(engine_start(engine, &run, &whole, BODY_SHORT, "", 0), AMPHI_OK);
    assert_true(engine_recorder_wait_end(&whole, 60000));
    whole_us = amphi__clock_us(NULL) - from_us; /* with the spawn and the load */
    engine.ops->release(engine.self, run);
    assert_true(whole.finished);
    for (int i = 0; i < MOMENTS; i++) {
        engine_recorder r;
        int child = 0;

        engine.ops->unload(engine.self, true);
        while (count_children() > 0)
            usleep(1000);
        engine_recorder_init(&r);
        assert_int_equal(engine_start(engine, &run, &r, BODY_SHORT, "", 0), AMPHI_OK);
        random = random * 1664525u + 1013904223u;
        usleep((useconds_t)((random >> 8) % (whole_us + whole_us / 8)));
        child = only_child();
        if (child > 0)
            kill(child, signals[i % 3]);
        bad += !engine_recorder_wait_end(&r, 20000);
        engine.ops->release(engine.self, run);
        died += r.error.status == AMPHI_E_ENGINE_DIED;
        finished += r.finished;
        bad += r.terminals != 1 || r.after_terminal != 0 || r.text.size > whole.text.size ||
               (r.text.size > 0 && memcmp(r.text.data, whole.text.data, r.text.size) != 0) ||
               (r.finished && r.text.size != whole.text.size) ||
               (!r.finished && r.error.status != dead_status(&r));
        if (!r.finished && r.error.status != dead_status(&r))
            printf("kill %d: %s: %s\n", i, amphi_status_name(r.error.status), r.error.message);
        engine_recorder_clear(&r);
    }
    printf("%d kills at random moments: %u died, %u had finished before, %u broke a promise\n",
        MOMENTS, died, finished, bad);
    assert_int_equal(bad, 0);
    assert_true(died > 0);
    engine_recorder_clear(&whole);
    engine.ops->free(engine.self);
    assert_int_equal(count_children(), 0);
}

/* An app of its own: starts an answer, writes the worker's pid, and waits to be killed. */
static int host_main(void)
{
    amphi_engine engine;
    engine_recorder r;
    amphi_engine_run *run = NULL;
    char text[32];
    int size = 0;

    engine_recorder_init(&r);
    if (!real_engine_new(&engine, "stories") ||
        engine_start(engine, &run, &r, BODY, "", 20) != AMPHI_OK ||
        !engine_recorder_wait_text(&r, 3, 60000))
        return 1;
    size = snprintf(text, sizeof text, "%d\n", only_child());
    (void)!write(STDOUT_FILENO, text, (size_t)size);
    for (;;)
        pause();
}

static bool is_alive(int pid)
{
    char path[64];
    char line[256];
    FILE *file = NULL;
    bool alive = false;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file != NULL) { /* an orphan may stay a zombie where no init collects it */
        alive = fgets(line, sizeof line, file) != NULL && strstr(line, ") Z ") == NULL;
        fclose(file);
    }
    return alive;
}

static void death__of_the_app_takes_the_worker_along(void **state)
{
    char command[512];
    int worker = 0;
    FILE *host = NULL;
    ssize_t size = readlink("/proc/self/exe", command, 400);
    char line[64] = "";

    assert_true(size > 0);
    snprintf(command + size, sizeof command - (size_t)size, " --host & echo $!; wait");
    host = popen(command, "re");
    assert_non_null(host);
    assert_non_null(fgets(line, sizeof line, host));
    if (fgets(command, sizeof command, host) == NULL || atoi(command) == 0) {
        pclose(host);
        skip();
    }
    worker = atoi(command);
    assert_true(is_alive(worker));
    assert_int_equal(kill(atoi(line), SIGKILL), 0);
    for (int i = 0; i < 400 && is_alive(worker); i++)
        usleep(5000);
    assert_false(is_alive(worker));
    pclose(host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(death__of_the_real_worker_is_told_at_once),
        cmocka_unit_test(death__of_its_own_fault_is_not_told_as_a_kill),
        cmocka_unit_test(death__comes_after_every_text_that_was_written_before_it),
        cmocka_unit_test(death__at_any_moment_leaves_an_exact_beginning_of_the_answer),
        cmocka_unit_test(death__of_the_app_takes_the_worker_along),
        cmocka_unit_test(death__of_a_traced_worker_holds_nobody),
        cmocka_unit_test(death__while_idle_is_noticed_and_the_next_run_starts_a_new_worker),
    };

    scripted_worker_main(argc, argv, step);
    if (argc == 2 && strcmp(argv[1], "--host") == 0)
        return host_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
