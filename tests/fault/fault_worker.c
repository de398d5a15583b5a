/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine process that breaks from inside, at the phase that its script ("KIND@PHASE") names.
 * The ways to end that need no code of ours (a signal) are here too, so that the matrix is whole
 * without a model.
 */
#include "tests/fault/fault.h"
#include "tests/support/scripted_worker.h"

#include "local/local.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

const char *const fault_kind_names[FAULT_KINDS] = {
    "SEGV", "BUS", "ABRT", "ILL", "FPE", "KILL", "hang", "stack", "memory", "garbage"};
const char *const fault_phase_names[FAULT_PHASES] = {
    "spawn", "load", "prefill", "first", "middle", "last", "after"};
const char *const fault_cloud_names[FAULT_CLOUDS] = {"ok", "slow", "500", "offline"};

static volatile unsigned sink;

static unsigned eat_stack(volatile char *above, unsigned depth)
{
    volatile char here[4096];

    here[0] = above[0];
    return depth == 0 ? 0 : eat_stack(here, depth - 1) + (unsigned)here[0];
}

/* Takes memory until there is none, and is killed for it as the kernel does it. */
static void eat_memory(void)
{
    const struct rlimit limit = {256u << 20, 256u << 20};
    char *taken = NULL;

    setrlimit(RLIMIT_AS, &limit);
    while ((taken = malloc(1 << 20)) != NULL) {
        memset(taken, 1, 1 << 20);
        sink += (unsigned)taken[4096];
    }
    raise(SIGKILL);
}

/* Random bytes over the whole ring and its ends; then it waits for what comes of it. */
static void spoil_ring(scripted_worker *worker)
{
    uint8_t *ring =
        (uint8_t *)worker->control + AMPHI_WORKER_CONTROL_BYTES + AMPHI_WORKER_REQUESTS_BYTES;
    uint32_t random = (uint32_t)getpid() * 2654435761u;

    usleep(20000); /* what it said before stays said: the parent has read it by then */
    for (size_t i = 0; i < AMPHI_WORKER_EVENTS_BYTES; i += 61) {
        random = random * 1664525u + 1013904223u;
        ring[i] = (uint8_t)(random >> 24);
    }
    memset(
        &worker->control->events, (int)(random >> 16 & 0xff) | 1, sizeof worker->control->events);
    scripted_wake();
    for (;;)
        pause();
}

static void end(scripted_worker *worker, fault_kind kind)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGKILL};
    volatile char start[1] = {0};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL); /* a sanitizer's handler would write a report */
    switch (kind) {
    case FAULT_HANG:
        for (;;)
            pause();
    case FAULT_STACK:
        sink = eat_stack(start, UINT32_MAX);
        break;
    case FAULT_MEMORY:
        eat_memory();
        break;
    case FAULT_GARBAGE:
        spoil_ring(worker);
        break;
    default:
        raise(signals[kind]);
    }
    _exit(1);
}

static int index_of(const char *const *names, int count, const char *name, size_t size)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return i;
    return -1;
}

/* How many words the answer's given beginning holds; its last blank was cut off. */
static int words_given(const scripted_worker *worker)
{
    amphi_worker_generate generate;

    memcpy(&generate, worker->request, sizeof generate);
    return (int)((generate.prefix_size + 1) / FAULT_WORD_BYTES);
}

/* The words, broken off where the script says; a second start goes on behind what it is given, and
 * breaks off too. */
static void answer(scripted_worker *worker, fault_kind kind, fault_phase phase, uint32_t run)
{
    char word[24];
    int given = words_given(worker);
    int first = given;
    int middle = given > FAULT_WORDS / 2 ? given : FAULT_WORDS / 2;

    if (phase == FAULT_AT_PREFILL) {
        atomic_store(&worker->control->phase, AMPHI_PHASE_PREFILL);
        end(worker, kind);
    }
    if (given > 0)
        scripted_text(worker, run, " ");
    for (int i = given; i < FAULT_WORDS; i++) {
        snprintf(word, sizeof word, "word%02d ", i);
        scripted_text(worker, run, word);
        if ((phase == FAULT_AT_FIRST_TOKEN && i == first) ||
            (phase == FAULT_AT_MIDDLE && i == middle))
            end(worker, kind);
    }
    if (phase == FAULT_AT_LAST_TOKEN)
        end(worker, kind);
    scripted_finish(worker, run, AMPHI_FINISH_STOP);
    if (phase == FAULT_AFTER_LAST)
        end(worker, kind);
}

static bool step(scripted_worker *worker, const char *script, const char *at, uint32_t run)
{
    const char *mark = strchr(script, '@');
    size_t size = mark != NULL ? (size_t)(mark - script) : 0;
    int kind = index_of(fault_kind_names, FAULT_KINDS, script, size);
    int phase = mark == NULL
                    ? -1
                    : index_of(fault_phase_names, FAULT_PHASES, mark + 1, strcspn(mark + 1, "\n "));

    if (kind < 0 || phase < 0) { /* "none": the words, and nothing happens */
        if (strcmp(at, "run") == 0)
            answer(worker, FAULT_SEGV, FAULT_PHASES, run);
        return strcmp(at, "run") == 0;
    }
    if ((phase == FAULT_AT_SPAWN && strcmp(at, "hello") == 0) ||
        (phase == FAULT_AT_LOAD && strcmp(at, "ready") == 0))
        end(worker, (fault_kind)kind);
    if (strcmp(at, "run") == 0) {
        answer(worker, (fault_kind)kind, (fault_phase)phase, run);
        return true;
    }
    return false;
}

void fault_worker_main(int argc, char **argv)
{
    scripted_worker_main(argc, argv, step);
}

bool fault_scripted_engine(amphi_engine *out, char model[256])
{
    scripted_engine made;
    bool done = scripted_engine_new(&made, "none", 300);

    if (done) {
        *out = made.engine;
        memcpy(model, made.model, sizeof made.model);
    }
    return done;
}

bool fault_write_script(const char *model, const char *text)
{
    char other[272];
    FILE *file = NULL;

    snprintf(other, sizeof other, "%s.new", model);
    file = fopen(other, "we");
    return file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && rename(other, model) == 0;
}
