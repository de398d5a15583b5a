/* SPDX-License-Identifier: Apache-2.0
 *
 * One of several equal requests goes first, the others wait for it.
 */
#include "sdk/client/single_flight.h"
#include "sdk/core/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

static const uint8_t key[AMPHI_CACHE_KEY_BYTES] = {1};
static const uint8_t other[AMPHI_CACHE_KEY_BYTES] = {2};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static bool at_once(void *arg)
{
    ++*(int *)arg;
    return true;
}

static void flight__second_joins_and_another_does_not(void **state)
{
    amphi_single_flight *flights = amphi__single_flight_new();
    int asked = 0;
    assert_int_equal(amphi__single_flight_enter(flights, key), AMPHI_FLIGHT_FIRST);
    assert_int_equal(amphi__single_flight_enter(flights, key), AMPHI_FLIGHT_JOINED);
    assert_int_equal(amphi__single_flight_enter(flights, other), AMPHI_FLIGHT_FIRST);
    assert_false(amphi__single_flight_wait(flights, key, at_once, &asked));
    assert_int_equal(asked, 1);
    amphi__single_flight_land(flights, key);
    assert_true(amphi__single_flight_wait(flights, key, never, NULL));
    assert_int_equal(amphi__single_flight_enter(flights, key), AMPHI_FLIGHT_FIRST);
    amphi__single_flight_land(flights, key);
    amphi__single_flight_land(flights, other);
    amphi__single_flight_free(flights);
}

static void flight__too_many_go_alone(void **state)
{
    amphi_single_flight *flights = amphi__single_flight_new();
    uint8_t many[AMPHI_CACHE_KEY_BYTES] = {0};
    int alone = 0;
    for (unsigned i = 0; i < 1000; i++) {
        memcpy(many, &i, sizeof i);
        alone += amphi__single_flight_enter(flights, many) == AMPHI_FLIGHT_ALONE;
    }
    assert_in_range(alone, 1, 999);
    amphi__single_flight_free(flights);
}

typedef struct flown {
    amphi_single_flight *flights;
    atomic_int firsts, over;
} flown;

static void fly(void *arg)
{
    flown *f = arg;
    if (amphi__single_flight_enter(f->flights, key) == AMPHI_FLIGHT_FIRST) {
        atomic_fetch_add(&f->firsts, 1);
        while (atomic_load(&f->over) == 0)
            ;
        amphi__single_flight_land(f->flights, key);
    } else {
        assert_true(amphi__single_flight_wait(f->flights, key, never, NULL));
        assert_int_equal(atomic_load(&f->over), 1);
    }
}

static void flight__waiters_go_on_when_the_first_has_landed(void **state)
{
    flown f = {.flights = amphi__single_flight_new()};
    amphi_thread threads[4] = {0};
    assert_int_equal(amphi__single_flight_enter(f.flights, key), AMPHI_FLIGHT_FIRST);
    for (int i = 0; i < 4; i++)
        assert_int_equal(amphi__thread_start(&threads[i], "flight", fly, &f), AMPHI_OK);
    atomic_store(&f.over, 1);
    amphi__single_flight_land(f.flights, key);
    for (int i = 0; i < 4; i++)
        amphi__thread_join(&threads[i]);
    amphi__single_flight_free(f.flights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flight__second_joins_and_another_does_not),
        cmocka_unit_test(flight__too_many_go_alone),
        cmocka_unit_test(flight__waiters_go_on_when_the_first_has_landed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
