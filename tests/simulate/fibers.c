/* SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler. One context of its own picks the next fiber and runs it until it waits, ends or
 * gives way. Stacks are kept for later fibers. The address sanitizer hears of every switch.
 */
#include "tests/simulate/fibers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES (4u << 20)
#else
#define STACK_BYTES (1u << 20)
#endif

#define FIBERS_MAX    64
#define STEPS_MAX     20000000u
#define PAUSE_ONE_IN  16u /* how often a lock gives way to another fiber */
#define START_US      1000000000u
#define START_WALL_MS 1767225600000 /* 2026-01-01 */
#define REPORT_BYTES  4096
#define GUARD_BYTES   4096u

typedef enum fiber_state { FIBER_FREE = 0, FIBER_READY, FIBER_WAITS, FIBER_ENDED } fiber_state;

struct sim_fiber {
    fiber_state state;
    const char *name;
    void (*run)(void *arg);
    void *arg;
    const void *on;   /* waits on this address */
    uint64_t wake_us; /* or until then; UINT64_MAX: for ever */
    bool is_woken;
    int held; /* locks */
    void *stack;
    ucontext_t context;
    void *fake_stack; /* the sanitizer's */
};

static struct {
    sim_fiber fibers[FIBERS_MAX];
    sim_fiber *self; /* runs now; NULL: the scheduler, or no run at all */
    ucontext_t scheduler;
    void *fake_stack;
    const void *own_stack; /* the scheduler's, as the sanitizer has it */
    size_t own_bytes;
    void *stacks[FIBERS_MAX];
    size_t stacks_count;
    uint64_t now_us, suspended_us;
    int64_t wall_jump_ms;
    uint64_t steps;
    uint64_t dice[SIM_DICE_COUNT];
    char report[REPORT_BYTES];
} sim;

/* ---- chance ---- */

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_dice_next(sim_dice dice)
{
    uint64_t x = sim.dice[dice] += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* ---- time ---- */

uint64_t sim_time_peek_us(void)
{
    return sim.now_us;
}

uint64_t sim_time_us(void)
{
    return sim.now_us++;
}

uint64_t sim_time_boot_us(void)
{
    return sim_time_us() + sim.suspended_us;
}

int64_t sim_time_wall_ms(void)
{
    return START_WALL_MS + (int64_t)((sim.now_us - START_US + sim.suspended_us) / 1000) +
           sim.wall_jump_ms;
}

void sim_time_freeze_us(uint64_t us, bool is_suspended)
{
    if (is_suspended)
        sim.suspended_us += us;
    else
        sim.now_us += us;
}

void sim_time_jump_wall_ms(int64_t ms)
{
    sim.wall_jump_ms += ms;
}

/* ---- switching ---- */

static void enter(sim_fiber *fiber)
{
    sim.self = fiber;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(
        &sim.fake_stack, (char *)fiber->stack + GUARD_BYTES, STACK_BYTES - GUARD_BYTES);
#endif
    swapcontext(&sim.scheduler, &fiber->context);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(sim.fake_stack, NULL, NULL);
#endif
    sim.self = NULL;
}

/* Back to the scheduler; returns when it picks this fiber again. */
static void leave(sim_fiber *fiber)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(
        fiber->state == FIBER_ENDED ? NULL : &fiber->fake_stack, sim.own_stack, sim.own_bytes);
#endif
    swapcontext(&fiber->context, &sim.scheduler);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &sim.own_stack, &sim.own_bytes);
#endif
}

static void fiber_main(void)
{
    sim_fiber *fiber = sim.self;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &sim.own_stack, &sim.own_bytes);
#endif
    fiber->run(fiber->arg);
    fiber->state = FIBER_ENDED;
    sim_fiber_wake(fiber);
    leave(fiber);
    abort(); /* an ended fiber is never picked */
}

static void *take_stack(void)
{
    if (sim.stacks_count > 0)
        return sim.stacks[--sim.stacks_count];
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return NULL;
    (void)mprotect(stack, GUARD_BYTES, PROT_NONE);
    return stack;
}

static void release(sim_fiber *fiber)
{
    sim.stacks[sim.stacks_count++] = fiber->stack;
    memset(fiber, 0, sizeof *fiber);
}

/* Only for makecontext, which sets where it goes on: nothing returns here twice. */
__attribute__((noinline)) static void read_context(ucontext_t *out)
{
    getcontext(out);
}

sim_fiber *sim_fiber_start(const char *name, void (*run)(void *arg), void *arg)
{
    sim_fiber *fiber = sim.fibers;
    while (fiber < sim.fibers + FIBERS_MAX && fiber->state != FIBER_FREE)
        fiber++;
    void *stack = fiber < sim.fibers + FIBERS_MAX ? take_stack() : NULL;
    if (stack == NULL)
        return NULL;
    *fiber =
        (sim_fiber){.state = FIBER_READY, .name = name, .run = run, .arg = arg, .stack = stack};
    read_context(&fiber->context);
    fiber->context.uc_stack.ss_sp = (char *)stack + GUARD_BYTES;
    fiber->context.uc_stack.ss_size = STACK_BYTES - GUARD_BYTES;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, fiber_main, 0);
    return fiber;
}

void sim_fiber_join(sim_fiber *fiber)
{
    while (fiber->state != FIBER_ENDED)
        (void)sim_fiber_wait(fiber, UINT64_MAX);
    release(fiber);
}

sim_fiber *sim_fiber_self(void)
{
    return sim.self;
}

const char *sim_fiber_name(const sim_fiber *fiber)
{
    return fiber != NULL ? fiber->name : "";
}

/* ---- waiting ---- */

bool sim_fiber_wait(const void *on, uint64_t timeout_us)
{
    sim_fiber *fiber = sim.self;
    fiber->state = FIBER_WAITS;
    fiber->on = on;
    fiber->is_woken = false;
    fiber->wake_us = timeout_us < UINT64_MAX - sim.now_us ? sim.now_us + timeout_us : UINT64_MAX;
    leave(fiber);
    return fiber->is_woken;
}

void sim_fiber_wake(const void *on)
{
    for (sim_fiber *fiber = sim.fibers; fiber < sim.fibers + FIBERS_MAX; fiber++) {
        if (fiber->state == FIBER_WAITS && fiber->on == on) {
            fiber->state = FIBER_READY;
            fiber->is_woken = true;
        }
    }
}

void sim_fiber_pause(void)
{
    if (sim.self != NULL && sim_dice_next(SIM_DICE_FIBERS) % PAUSE_ONE_IN == 0)
        leave(sim.self);
}

void sim_fiber_sleep_us(uint64_t us)
{
    (void)sim_fiber_wait(NULL, us);
}

void sim_fiber_hold(int change)
{
    if (sim.self != NULL)
        sim.self->held += change;
}

bool sim_fibers_hold(void)
{
    for (const sim_fiber *fiber = sim.fibers; fiber < sim.fibers + FIBERS_MAX; fiber++)
        if (fiber != sim.self && fiber->held > 0)
            return true;
    return false;
}

void sim_fibers_kill(const sim_fiber *kept)
{
    for (sim_fiber *fiber = sim.fibers; fiber < sim.fibers + FIBERS_MAX; fiber++)
        if (fiber->state != FIBER_FREE && fiber != sim.self && fiber != kept)
            release(fiber);
}

/* ---- the scheduler ---- */

/* Those whose time has come are ready. Returns how many are, and when the next one would be. */
static size_t find_ready(sim_fiber *ready[FIBERS_MAX], uint64_t *next_us)
{
    size_t count = 0;
    *next_us = UINT64_MAX;
    for (sim_fiber *fiber = sim.fibers; fiber < sim.fibers + FIBERS_MAX; fiber++) {
        if (fiber->state == FIBER_WAITS && fiber->wake_us <= sim.now_us)
            fiber->state = FIBER_READY;
        if (fiber->state == FIBER_READY)
            ready[count++] = fiber;
        else if (fiber->state == FIBER_WAITS && fiber->wake_us < *next_us)
            *next_us = fiber->wake_us;
    }
    return count;
}

static void write_report(void)
{
    size_t at = 0;
    for (sim_fiber *fiber = sim.fibers; fiber < sim.fibers + FIBERS_MAX; fiber++) {
        if (fiber->state != FIBER_WAITS && fiber->state != FIBER_READY)
            continue;
        int size = snprintf(sim.report + at, REPORT_BYTES - at, "  %s %s\n", fiber->name,
            fiber->state == FIBER_READY    ? "can run"
            : fiber->wake_us == UINT64_MAX ? "waits for ever"
                                           : "waits for a time");
        at += size > 0 && (size_t)size < REPORT_BYTES - at ? (size_t)size : 0;
    }
}

const char *sim_fibers_report(void)
{
    return sim.report;
}

static sim_outcome schedule(const sim_fiber *first)
{
    sim_fiber *ready[FIBERS_MAX];
    uint64_t next_us;
    while (first->state != FIBER_ENDED) {
        size_t count = find_ready(ready, &next_us);
        if (count == 0 && next_us == UINT64_MAX)
            return SIM_DEADLOCK;
        if (count == 0) {
            sim.now_us = next_us;
            continue;
        }
        if (++sim.steps > STEPS_MAX)
            return SIM_ENDLESS;
        enter(ready[count > 1 ? sim_dice_next(SIM_DICE_FIBERS) % count : 0]);
    }
    return SIM_ENDED;
}

sim_outcome sim_fibers_run(uint64_t seed, void (*run)(void *arg), void *arg, uint64_t *steps)
{
    for (size_t i = 0; i < SIM_DICE_COUNT; i++)
        sim.dice[i] = seed * 0x2545f4914f6cdd1du + i * 0xd1342543de82ef95u;
    sim.now_us = START_US;
    sim.suspended_us = 0;
    sim.wall_jump_ms = 0;
    sim.steps = 0;
    sim.report[0] = '\0';
    sim_fiber *first = sim_fiber_start("world", run, arg);
    if (first == NULL)
        abort();
    sim_outcome outcome = schedule(first);
    if (outcome != SIM_ENDED)
        write_report();
    for (sim_fiber *fiber = sim.fibers; fiber < sim.fibers + FIBERS_MAX; fiber++)
        if (fiber->state != FIBER_FREE)
            release(fiber);
    *steps = sim.steps;
    return outcome;
}
