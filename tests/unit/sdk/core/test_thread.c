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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread__timed_wait_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
