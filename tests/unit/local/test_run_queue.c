/* SPDX-License-Identifier: Apache-2.0 */
#include "local/run_queue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void run_queue__ids_never_become_zero(void **state)
{
    amphi_run_queue queue = {.last_id = UINT32_MAX - 1};
    amphi_engine_run runs[3] = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(amphi__run_queue_add(&queue, &runs[i]), AMPHI_OK);
    assert_int_equal(runs[0].id, UINT32_MAX);
    assert_int_equal(runs[1].id, 1);
    assert_int_equal(runs[2].id, 2);
}

static void run_queue__takes_one_that_runs_and_a_queue_behind_it(void **state)
{
    enum { RUNS = AMPHI_LOCAL_QUEUE_MAX + 1 };
    amphi_run_queue queue = {0};
    amphi_engine_run runs[RUNS + 1] = {0};
    for (int i = 0; i < RUNS; i++)
        assert_int_equal(amphi__run_queue_add(&queue, &runs[i]), AMPHI_OK);
    assert_int_equal(amphi__run_queue_add(&queue, &runs[RUNS]), AMPHI_E_BUSY);
    assert_ptr_equal(amphi__run_queue_next(&queue), &runs[0]);
    assert_int_equal(amphi__run_queue_add(&queue, &runs[RUNS]), AMPHI_E_BUSY);
    amphi__run_queue_ended(&queue, &runs[0]);
    assert_int_equal(amphi__run_queue_add(&queue, &runs[RUNS]), AMPHI_OK);
}

static void run_queue__runs_come_in_order_and_one_at_a_time(void **state)
{
    amphi_run_queue queue = {0};
    amphi_engine_run runs[3] = {0};
    assert_null(amphi__run_queue_next(&queue));
    for (int i = 0; i < 3; i++)
        assert_int_equal(amphi__run_queue_add(&queue, &runs[i]), AMPHI_OK);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(amphi__run_queue_next(&queue), &runs[i]);
        assert_ptr_equal(amphi__run_queue_next(&queue), &runs[i]);
        assert_false(runs[i].ended);
        amphi__run_queue_ended(&queue, &runs[i]);
        assert_true(runs[i].ended);
    }
    assert_null(amphi__run_queue_next(&queue));
    assert_int_equal(queue.count, 0);
}

static void run_queue__abandoned_runs_leave_from_every_place(void **state)
{
    for (unsigned set = 0; set < 16; set++) { /* which of four waiting ones were given up */
        amphi_run_queue queue = {0};
        amphi_engine_run runs[5] = {0};
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(amphi__run_queue_add(&queue, &runs[i]), AMPHI_OK);
            *(i % 2 == 0 ? &runs[i].cancelled : &runs[i].evicted) = (set >> i & 1) != 0;
        }
        amphi_engine_run *taken = amphi__run_queue_take_abandoned(&queue, false);
        assert_int_equal(queue.count, 4); /* until each has ended */
        for (unsigned i = 0; i < 4; i++) {
            if ((set >> i & 1) == 0)
                continue;
            assert_ptr_equal(taken, &runs[i]);
            taken = taken->next;
            amphi__run_queue_ended(&queue, &runs[i]);
        }
        assert_null(taken);
        assert_int_equal(amphi__run_queue_add(&queue, &runs[4]), AMPHI_OK); /* the end is known */
        for (unsigned i = 0; i < 5; i++) {
            if ((set >> i & 1) != 0)
                continue;
            assert_ptr_equal(amphi__run_queue_next(&queue), &runs[i]);
            amphi__run_queue_ended(&queue, &runs[i]);
        }
        assert_int_equal(queue.count, 0);
    }
}

static void run_queue__the_current_run_is_not_taken(void **state)
{
    amphi_run_queue queue = {0};
    amphi_engine_run runs[2] = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(amphi__run_queue_add(&queue, &runs[i]), AMPHI_OK);
    amphi__run_queue_next(&queue);
    amphi__run_queue_evict(&queue);
    assert_true(runs[0].evicted);
    assert_true(runs[1].evicted);
    assert_ptr_equal(amphi__run_queue_take_abandoned(&queue, true), &runs[1]);
    assert_null(runs[1].next);
    assert_ptr_equal(queue.current, &runs[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_queue__ids_never_become_zero),
        cmocka_unit_test(run_queue__takes_one_that_runs_and_a_queue_behind_it),
        cmocka_unit_test(run_queue__runs_come_in_order_and_one_at_a_time),
        cmocka_unit_test(run_queue__abandoned_runs_leave_from_every_place),
        cmocka_unit_test(run_queue__the_current_run_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
