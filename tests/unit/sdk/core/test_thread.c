/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutexes, conditions and timed waits.
 */
#include "sdk/core/clock.h"
#include "sdk/core/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void thread__timed_wait_ends(void **state)
{
    amphi_mutex mutex;
    amphi_cond cond;
    assert_int_equal(amphi__mutex_init(&mutex), AMPHI_OK);
    assert_int_equal(amphi__cond_init(&cond), AMPHI_OK);
    amphi__mutex_lock(&mutex);
    uint64_t before = amphi__clock_us(NULL);
    assert_false(amphi__cond_wait_us(&cond, &mutex, 2000));
    assert_true(amphi__clock_us(NULL) - before >= 2000);
    amphi__mutex_unlock(&mutex);
    amphi__cond_clear(&cond);
    amphi__mutex_clear(&mutex);
}

/* What a constructor's cleanup relies on: never initialized, or cleared already. */
static void thread__clearing_what_was_never_initialized_does_nothing(void **state)
{
    amphi_mutex mutex = {0};
    amphi_cond cond = {0};
    amphi__mutex_clear(&mutex);
    amphi__cond_clear(&cond);
    assert_int_equal(amphi__mutex_init(&mutex), AMPHI_OK);
    assert_int_equal(amphi__cond_init(&cond), AMPHI_OK);
    assert_true(mutex.is_ready && cond.is_ready);
    for (int i = 0; i < 2; i++) {
        amphi__mutex_clear(&mutex);
        amphi__cond_clear(&cond);
        assert_false(mutex.is_ready || cond.is_ready);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread__timed_wait_ends),
        cmocka_unit_test(thread__clearing_what_was_never_initialized_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
