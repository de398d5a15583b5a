/* SPDX-License-Identifier: Apache-2.0
 *
 * See scripted_system.h.
 */
#include "tests/support/scripted_system.h"

#include "sdk/docs/examples/system_engine.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void report_state(void *user, system_state *out)
{
    *out = ((const scripted_system *)user)->state;
}

static void *answer(void *opaque)
{
    scripted_system_run *run = opaque;
    scripted_system *system = run->system;
    if (run->answer.text != NULL)
        system_run_text(run->run, run->answer.text, strlen(run->answer.text));
    pthread_mutex_lock(&system->lock);
    while (system->waits && !system->may_go_on)
        pthread_cond_wait(&system->changed, &system->lock);
    pthread_mutex_unlock(&system->lock);
    system_run_end(run->run, run->answer.end, run->answer.retry_after_ms);
    return NULL;
}

static void generate(void *user, system_run *run, const char *body, size_t size)
{
    scripted_system *system = user;
    size_t number = (size_t)atomic_fetch_add(&system->starts, 1);
    size_t at = number < system->answers_count ? number : system->answers_count - 1;
    if (number >= SCRIPTED_SYSTEM_RUNS_MAX || size >= sizeof system->last_body) {
        system_run_end(run, SYSTEM_FAILED, 0); /* beyond what a test plans: its record says so */
        return;
    }
    scripted_system_run *own = &system->runs[number];
    *own = (scripted_system_run){.system = system, .run = run, .answer = system->answers[at]};
    memcpy(system->last_body, body, size);
    system->last_body[size] = '\0';
    if (pthread_create(&own->thread, NULL, answer, own) != 0)
        abort(); /* no test can go on */
}

static void stop(void *user, system_run *run)
{
    scripted_system *system = user;
    (void)run;
    atomic_fetch_add(&system->cancels, 1);
    scripted_system_go_on(system);
}

static void get_ready(void *user)
{
    atomic_fetch_add(&((scripted_system *)user)->prewarms, 1);
}

void scripted_system_go_on(scripted_system *system)
{
    pthread_mutex_lock(&system->lock);
    system->may_go_on = true;
    pthread_cond_broadcast(&system->changed);
    pthread_mutex_unlock(&system->lock);
}

void scripted_system_init(
    scripted_system *system, const scripted_system_answer *answers, size_t count)
{
    memset(system, 0, sizeof *system);
    system->state =
        (system_state){.availability = SYSTEM_AVAILABLE, .on_device = true, .context_tokens = 4096};
    system->answers = answers;
    system->answers_count = count;
    system->model =
        (system_model){system, "system", "os-model", report_state, generate, stop, get_ready};
    assert_int_equal(pthread_mutex_init(&system->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&system->changed, NULL), 0);
}

amphi_engine scripted_system_value(scripted_system *system)
{
    return system_engine(&system->model);
}

void scripted_system_clear(scripted_system *system)
{
    int starts = atomic_load(&system->starts);
    for (int i = 0; i < starts && i < SCRIPTED_SYSTEM_RUNS_MAX; i++)
        assert_int_equal(pthread_join(system->runs[i].thread, NULL), 0);
    pthread_cond_destroy(&system->changed);
    pthread_mutex_destroy(&system->lock);
}
