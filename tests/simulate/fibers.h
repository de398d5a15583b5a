/* SPDX-License-Identifier: Apache-2.0
 *
 * The threads and the time of a simulation. The client's own code runs unchanged: its threads
 * (sdk/core/thread.h) are fibers on one thread of the system, its clocks (sdk/core/clock.h) are
 * virtual, its random numbers come from the seed. Which fiber runs next is drawn from the seed as
 * well, at every lock, unlock, wait and end, so a seed is one interleaving, and the same one each
 * time. When no fiber can run, time goes on to the next deadline: nothing ever sleeps.
 *
 * See sdk/docs/decisions/0027-simulation.md.
 */
#ifndef AMPHI_TESTS_SIMULATE_FIBERS_H
#define AMPHI_TESTS_SIMULATE_FIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_fiber sim_fiber;

typedef enum sim_outcome {
    SIM_ENDED = 0,    /* the first fiber returned */
    SIM_DEADLOCK = 1, /* every fiber waits, and none for a time */
    SIM_ENDLESS = 2   /* it took more steps than any run should */
} sim_outcome;

/* Runs `run(arg)` as the first fiber until it returns. Fibers that are left over are dropped with
 * what they hold. *steps: switches that it took. */
sim_outcome sim_fibers_run(uint64_t seed, void (*run)(void *arg), void *arg, uint64_t *steps);
/* Which fiber waits for what, one line each, of the last run that did not end. */
const char *sim_fibers_report(void);

/* NULL outside of a run. */
sim_fiber *sim_fiber_self(void);
const char *sim_fiber_name(const sim_fiber *fiber);
/* NULL: no memory. Its owner joins it once. */
sim_fiber *sim_fiber_start(const char *name, void (*run)(void *arg), void *arg);
void sim_fiber_join(sim_fiber *fiber);

/* What a fiber waits on is any address. false: timeout_us passed first (UINT64_MAX: never). */
bool sim_fiber_wait(const void *on, uint64_t timeout_us);
void sim_fiber_wake(const void *on);
/* Another fiber may run here; most times none does. */
void sim_fiber_pause(void);
void sim_fiber_sleep_us(uint64_t us);

/* A fiber takes a lock (+1) or gives it back (-1). */
void sim_fiber_hold(int change);
/* Does a fiber beside this one hold a lock? What it guards may then be half changed. */
bool sim_fibers_hold(void);
/* The end of a process: all but this fiber and `kept` are gone, with what they hold. */
void sim_fibers_kill(const sim_fiber *kept);

/* ---- time ---- */

/* Each reading takes a microsecond, so that a loop that waits for a time gets there. */
uint64_t sim_time_us(void);
uint64_t sim_time_boot_us(void);
int64_t sim_time_wall_ms(void);
/* The same without the microsecond: for the world. */
uint64_t sim_time_peek_us(void);
/* Time in which no fiber runs. is_suspended: the machine sleeps, its monotonic clock too. */
void sim_time_freeze_us(uint64_t us, bool is_suspended);
void sim_time_jump_wall_ms(int64_t ms);

/* ---- chance ---- */

/* A sequence of its own for each use, so that one more draw in the world changes no other one. */
typedef enum sim_dice {
    SIM_DICE_FIBERS,
    SIM_DICE_LIBRARY,
    SIM_DICE_WORLD,
    SIM_DICE_WEATHER,
    SIM_DICE_APP,
    SIM_DICE_COUNT
} sim_dice;
uint64_t sim_dice_next(sim_dice dice);

#endif
