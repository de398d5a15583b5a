/* SPDX-License-Identifier: Apache-2.0
 *
 * An operating system's model that follows a script, behind the adapter that apps copy
 * (sdk/docs/examples/system_engine.c): what it says of itself, what it answers, and how it ends.
 */
#ifndef AMPHI_TESTS_SCRIPTED_SYSTEM_H
#define AMPHI_TESTS_SCRIPTED_SYSTEM_H

#include "sdk/docs/examples/system_engine.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SCRIPTED_SYSTEM_RUNS_MAX = 8 };

typedef struct scripted_system_answer {
    const char *text; /* NULL: none */
    system_end end;
    uint32_t retry_after_ms;
} scripted_system_answer;

typedef struct scripted_system scripted_system;

/* Each answer is given by a thread of its own, as a Task or a coroutine would. */
typedef struct scripted_system_run {
    scripted_system *system;
    system_run *run;
    scripted_system_answer answer;
    pthread_t thread;
} scripted_system_run;

struct scripted_system {
    system_state state; /* set between requests */
    bool waits;         /* behind the text, until scripted_system_go_on, or a cancel */
    atomic_int starts, cancels, prewarms;
    char last_body[8192]; /* read it after a run */
    system_model model;
    const scripted_system_answer *answers; /* of one run after the other; the last one also later */
    size_t answers_count;
    scripted_system_run runs[SCRIPTED_SYSTEM_RUNS_MAX];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool may_go_on;
};

/* Available, on this device, 4096 tokens of context; the route is called "system". */
void scripted_system_init(
    scripted_system *system, const scripted_system_answer *answers, size_t count);
amphi_engine scripted_system_value(scripted_system *system);
void scripted_system_go_on(scripted_system *system);
/* When no client has it any more: waits for its threads. */
void scripted_system_clear(scripted_system *system);

#endif
