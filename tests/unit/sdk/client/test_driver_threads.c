/* SPDX-License-Identifier: Apache-2.0
 *
 * Drivers: every start runs once, a thread is used again, and none outlives its pool.
 */
#include "sdk/client/driver_threads.h"
#include "sdk/core/thread.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 12, ROUNDS = 200 };

/* What a run left behind. */
typedef struct work {
    atomic_bool may_end;
    atomic_uint runs;
    pthread_t thread;
} work;

static void note_thread(void *arg)
{
    work *w = arg;
    w->thread = pthread_self();
    atomic_fetch_add(&w->runs, 1);
}

static void wait_for_leave(void *arg)
{
    work *w = arg;
    note_thread(w);
    while (!atomic_load(&w->may_end))
        sched_yield();
}

static amphi_drivers *drivers_new(void)
{
    amphi_drivers *drivers = NULL;
    assert_int_equal(amphi__drivers_new(&drivers, AMPHI_DRIVER_IDLE_US, NULL), AMPHI_OK);
    return drivers;
}

static void driver__thread_is_used_again(void **state)
{
    amphi_drivers *drivers = drivers_new();
    amphi_driver *driver = NULL;
    work first = {0}, second = {0};
    assert_int_equal(amphi__driver_start(&driver, drivers, note_thread, &first), AMPHI_OK);
    amphi__driver_join(driver);
    assert_int_equal(amphi__driver_start(&driver, drivers, note_thread, &second), AMPHI_OK);
    amphi__driver_join(driver);
    assert_int_equal(first.runs, 1);
    assert_int_equal(second.runs, 1);
    assert_true(pthread_equal(first.thread, second.thread));
    assert_false(pthread_equal(first.thread, pthread_self()));
    amphi__drivers_free(drivers);
}

static void driver__expected_start_may_come_or_not(void **state)
{
    amphi_drivers *drivers = drivers_new();
    amphi_driver *driver = NULL;
    work w = {.may_end = true};
    amphi__drivers_expect(drivers); /* no thread waits for it */
    for (unsigned i = 1; i <= ROUNDS; i++) {
        assert_int_equal(amphi__driver_start(&driver, drivers, note_thread, &w), AMPHI_OK);
        amphi__driver_join(driver);
        assert_int_equal(w.runs, i);
        amphi__drivers_expect(drivers);
        if (i % 10 == 0)
            usleep(200); /* longer than a thread spins for it */
    }
    usleep(1000);
    clock_t used = clock();
    usleep(200000);
    assert_true(clock() - used < CLOCKS_PER_SEC / 10); /* no thread spins any more */
    amphi__drivers_free(drivers);
}

static void driver__requests_in_flight_have_a_thread_each(void **state)
{
    amphi_drivers *drivers = drivers_new();
    amphi_driver *running[MANY];
    work works[MANY] = {0};
    for (int i = 0; i < MANY; i++)
        assert_int_equal(
            amphi__driver_start(&running[i], drivers, wait_for_leave, &works[i]), AMPHI_OK);
    for (int i = 0; i < MANY; i++)
        while (atomic_load(&works[i].runs) == 0) /* all at once: none waits for another's end */
            sched_yield();
    for (int i = 0; i < MANY; i++) {
        atomic_store(&works[i].may_end, true);
        amphi__driver_join(running[i]);
        assert_int_equal(works[i].runs, 1);
    }
    amphi__drivers_free(drivers); /* most have ended by then, a few wait */
}

static void driver__join_waits_for_the_end_of_the_run(void **state)
{
    amphi_drivers *drivers = drivers_new();
    for (int i = 0; i < ROUNDS; i++) {
        amphi_driver *driver = NULL;
        work w = {.may_end = true};
        assert_int_equal(amphi__driver_start(&driver, drivers, wait_for_leave, &w), AMPHI_OK);
        amphi__driver_join(driver);
        assert_int_equal(w.runs, 1);
    }
    amphi__drivers_free(drivers);
}

typedef struct starter {
    amphi_drivers *drivers;
    amphi_thread thread;
    unsigned done;
} starter;

static void start_and_join(void *arg)
{
    starter *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        amphi_driver *driver = NULL;
        work w = {.may_end = true};
        if (i % 3 != 0)
            amphi__drivers_expect(s->drivers);
        if (amphi__driver_start(&driver, s->drivers, wait_for_leave, &w) == AMPHI_OK)
            amphi__driver_join(driver);
        s->done += w.runs;
    }
}

static void driver__many_starters_share_the_threads(void **state)
{
    starter starters[MANY] = {0};
    amphi_drivers *drivers = drivers_new();
    for (int i = 0; i < MANY; i++) {
        starters[i].drivers = drivers;
        assert_int_equal(
            amphi__thread_start(&starters[i].thread, "starter", start_and_join, &starters[i]),
            AMPHI_OK);
    }
    for (int i = 0; i < MANY; i++) {
        amphi__thread_join(&starters[i].thread);
        assert_int_equal(starters[i].done, ROUNDS);
    }
    amphi__drivers_free(drivers);
}

static pthread_key_t at_thread_end;
static atomic_bool thread_ended;

static void note_thread_end(void *value)
{
    atomic_store(&thread_ended, true);
}

static void ask_for_its_end(void *arg)
{
    pthread_setspecific(at_thread_end, arg);
}

static void driver__idle_thread_ends_by_itself_and_the_next_start_works(void **state)
{
    amphi_drivers *drivers = NULL;
    amphi_driver *driver = NULL;
    work w = {0};
    assert_int_equal(pthread_key_create(&at_thread_end, note_thread_end), 0);
    assert_int_equal(amphi__drivers_new(&drivers, 2000, NULL), AMPHI_OK);
    assert_int_equal(amphi__driver_start(&driver, drivers, ask_for_its_end, &w), AMPHI_OK);
    amphi__driver_join(driver);
    while (!atomic_load(&thread_ended)) /* or the test's own time limit */
        sched_yield();
    assert_int_equal(amphi__driver_start(&driver, drivers, note_thread, &w), AMPHI_OK);
    amphi__driver_join(driver);
    assert_int_equal(w.runs, 1);
    amphi__drivers_free(drivers);
    pthread_key_delete(at_thread_end);
}

static void driver__no_memory_is_said_and_leaves_nothing(void **state)
{
    amphi_status status;
    size_t n = 1;
    do {
        amphi_drivers *drivers = NULL;
        amphi_driver *driver = NULL;
        work w = {0};
        failing_alloc_install();
        failing_alloc_at(n++);
        status = amphi__drivers_new(&drivers, AMPHI_DRIVER_IDLE_US, NULL);
        if (status == AMPHI_OK)
            status = amphi__driver_start(&driver, drivers, note_thread, &w);
        amphi__driver_join(driver);
        assert_int_equal(w.runs, status == AMPHI_OK);
        amphi__drivers_free(drivers);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(failing_alloc_live(), 0);
        failing_alloc_remove();
    } while (status != AMPHI_OK);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver__thread_is_used_again),
        cmocka_unit_test(driver__expected_start_may_come_or_not),
        cmocka_unit_test(driver__requests_in_flight_have_a_thread_each),
        cmocka_unit_test(driver__join_waits_for_the_end_of_the_run),
        cmocka_unit_test(driver__many_starters_share_the_threads),
        cmocka_unit_test(driver__idle_thread_ends_by_itself_and_the_next_start_works),
        cmocka_unit_test(driver__no_memory_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
