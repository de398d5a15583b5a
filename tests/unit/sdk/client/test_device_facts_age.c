/* SPDX-License-Identifier: Apache-2.0
 *
 * How old each fact is, and that one thread at a time looks at the device.
 */
#include "sdk/client/client.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

/* ---- a clock that the test moves, and a device that it fills in ---- */

static _Atomic uint64_t boot_us_now;
static amphi_device_facts found;
static atomic_int looks, at_once, at_once_most;
static atomic_uint look_us; /* how long a look takes */

static uint64_t boot_us(void *self)
{
    return boot_us_now;
}

static int64_t wall_ms(void *self)
{
    return 1700000000000 + (int64_t)(boot_us_now / 1000);
}

static const amphi_clock hand = {.struct_size = sizeof hand,
    .name = "hand",
    .monotonic_us = boot_us,
    .wall_ms = wall_ms,
    .boot_us = boot_us};

static void snapshot(void *self, amphi_device_facts *out)
{
    int now = atomic_fetch_add(&at_once, 1) + 1;
    int most = atomic_load(&at_once_most);
    while (now > most && !atomic_compare_exchange_weak(&at_once_most, &most, now))
        ;
    atomic_fetch_add(&looks, 1);
    usleep(atomic_load(&look_us));
    *out = found;
    atomic_fetch_sub(&at_once, 1);
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof device_ops, .name = "test", .snapshot = snapshot};

static void open_client(chat_fixture *f)
{
    boot_us_now = 1000000000;
    atomic_store(&looks, 0);
    atomic_store(&at_once_most, 0);
    atomic_store(&look_us, 0);
    amphi_device_facts_init(&found);
    found.known = AMPHI_FACT_BATTERY | AMPHI_FACT_DRAW;
    found.battery_percent = 50;
    found.draw_mw = 1500;
    chat_fixture_init(f, says_hello, says_hello);
    f->parts.clock = &hand;
    f->parts.device.ops = &device_ops;
    f->parts.device.self = NULL;
    chat_fixture_start(f, NULL);
}

static amphi_device_facts look(chat_fixture *f)
{
    amphi_device_facts facts;
    amphi_device_facts_init(&facts);
    assert_int_equal(amphi_device_snapshot(f->client, &facts, NULL), AMPHI_OK);
    return facts;
}

/* The place of a fact's bit. */
static unsigned place(uint32_t fact)
{
    return (unsigned)__builtin_ctz(fact);
}

static uint32_t age(const amphi_device_facts *facts, uint32_t fact)
{
    return facts->age_ms[place(fact)];
}

static void push(chat_fixture *f, amphi_device_facts *facts)
{
    assert_int_equal(amphi_device_push(f->client, facts, NULL), AMPHI_OK);
}

/* ---- ages ---- */

static void age__of_a_probed_fact_is_that_of_its_look(void **state)
{
    chat_fixture f;
    open_client(&f);
    boot_us_now += 5000000; /* whatever starting looked at is old */
    amphi_device_facts facts = look(&f);
    assert_int_equal(age(&facts, AMPHI_FACT_BATTERY), 0);
    boot_us_now += 999000;
    facts = look(&f);
    assert_int_equal(age(&facts, AMPHI_FACT_BATTERY), 999);
    assert_int_equal(age(&facts, AMPHI_FACT_DRAW), 999);
    assert_int_equal(age(&facts, AMPHI_FACT_THERMAL), 0); /* unknown has no age */
    int before = atomic_load(&looks);
    boot_us_now += 1000; /* a second: it is looked at again */
    facts = look(&f);
    assert_int_equal(atomic_load(&looks), before + 1);
    assert_int_equal(age(&facts, AMPHI_FACT_BATTERY), 0);
    chat_fixture_close(&f);
}

static void age__that_the_probe_states_is_added(void **state)
{
    chat_fixture f;
    open_client(&f);
    found.age_ms[place(AMPHI_FACT_DRAW)] = 30000;
    boot_us_now += 5000000;
    (void)look(&f);
    boot_us_now += 500000;
    amphi_device_facts facts = look(&f);
    assert_int_equal(age(&facts, AMPHI_FACT_DRAW), 30500);
    assert_int_equal(age(&facts, AMPHI_FACT_BATTERY), 500);
    found.age_ms[place(AMPHI_FACT_DRAW)] = UINT32_MAX - 1;
    boot_us_now += 5000000;
    (void)look(&f);
    boot_us_now += 500000;
    facts = look(&f);
    assert_int_equal(age(&facts, AMPHI_FACT_DRAW), UINT32_MAX); /* and does not begin anew */
    chat_fixture_close(&f);
}

static void age__of_a_pushed_fact_grows_from_its_own_push(void **state)
{
    chat_fixture f;
    amphi_device_facts pushed;
    open_client(&f);
    amphi_device_facts_init(&pushed);
    pushed.known = AMPHI_FACT_THERMAL;
    pushed.thermal = AMPHI_THERMAL_FAIR;
    push(&f, &pushed);
    boot_us_now += 60000000;
    amphi_device_facts_init(&pushed);
    pushed.known = AMPHI_FACT_BATTERY;
    pushed.battery_percent = 9;
    pushed.age_ms[place(AMPHI_FACT_BATTERY)] = 2000; /* the app knew it for a while */
    push(&f, &pushed);
    boot_us_now += 10000000;
    amphi_device_facts facts = look(&f);
    assert_int_equal(facts.battery_percent, 9);
    assert_int_equal(age(&facts, AMPHI_FACT_BATTERY), 12000);
    assert_int_equal(age(&facts, AMPHI_FACT_THERMAL), 70000);
    assert_int_equal(age(&facts, AMPHI_FACT_DRAW), 0); /* probed just now */
    amphi_device_facts_init(&pushed);                  /* clears them all */
    push(&f, &pushed);
    facts = look(&f);
    assert_int_equal(facts.battery_percent, 50);
    assert_int_equal(age(&facts, AMPHI_FACT_BATTERY), 0);
    assert_int_equal(facts.known & AMPHI_FACT_THERMAL, 0);
    chat_fixture_close(&f);
}

static void push__each_fact_lies_over_the_probed_one(void **state)
{
    chat_fixture f;
    amphi_device_facts pushed;
    open_client(&f);
    amphi_device_facts_init(&pushed);
    pushed.known = AMPHI_FACT_ALL;
    pushed.memory_total_bytes = 100;
    pushed.memory_available_bytes = 40;
    pushed.battery_percent = 9;
    pushed.charging = true;
    pushed.thermal = AMPHI_THERMAL_FAIR;
    pushed.network = AMPHI_NETWORK_METERED;
    pushed.rtt_ms = 7;
    pushed.throughput_kbps = 8;
    pushed.memory_pressure = 0;
    pushed.in_foreground = AMPHI_NO;
    pushed.cores = 8;
    pushed.cores_big = 3;
    pushed.cpu_stall_percent = 11;
    pushed.memory_stall_percent = 12;
    pushed.io_stall_percent = 13;
    pushed.draw_mw = 77;
    pushed.energy_uj = 1ull << 40;
    pushed.heat_forecast_percent = 120;
    push(&f, &pushed);
    amphi_device_facts facts = look(&f);
    assert_memory_equal(&facts, &pushed, sizeof facts);
    chat_fixture_close(&f);
}

/* ---- threads ---- */

static void *look_on_a_thread(void *argument)
{
    amphi_device_facts facts = look(argument);
    return (void *)(uintptr_t)facts.battery_percent;
}

static void probe__one_thread_looks_and_the_others_wait_for_it(void **state)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    chat_fixture f;
    open_client(&f);
    for (unsigned round = 0; round < 5; round++) {
        int before = atomic_load(&looks);
        boot_us_now += 5000000;
        atomic_store(&look_us, 20000);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, look_on_a_thread, &f), 0);
        for (size_t i = 0; i < THREADS; i++) {
            void *percent = NULL;
            assert_int_equal(pthread_join(threads[i], &percent), 0);
            assert_int_equal((uintptr_t)percent, 50); /* no thread decides without facts */
        }
        assert_int_equal(atomic_load(&looks), before + 1);
    }
    assert_int_equal(atomic_load(&at_once_most), 1);
    atomic_store(&look_us, 0);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(age__of_a_probed_fact_is_that_of_its_look),
        cmocka_unit_test(age__that_the_probe_states_is_added),
        cmocka_unit_test(age__of_a_pushed_fact_grows_from_its_own_push),
        cmocka_unit_test(push__each_fact_lies_over_the_probed_one),
        cmocka_unit_test(probe__one_thread_looks_and_the_others_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
