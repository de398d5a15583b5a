/* SPDX-License-Identifier: Apache-2.0
 *
 * A short unsorted list: a world has a dozen entries at a time.
 */
#include "tests/simulate/agenda.h"

#include "tests/simulate/fibers.h"

#include <stdlib.h>

#define ENTRIES_MAX 64

typedef struct entry {
    uint64_t at_us;
    uint64_t number; /* in the order of their adding, where times are equal */
    sim_agenda_fn *fn;
    void *owner;
} entry;

struct sim_agenda {
    sim_fiber *fiber;
    entry entries[ENTRIES_MAX];
    int count;
    uint64_t added;
    const void *running; /* the owner whose function runs */
    bool stops;
};

/* -1: none. */
static int find_next(const sim_agenda *agenda)
{
    int next = -1;
    for (int i = 0; i < agenda->count; i++) {
        const entry *a = &agenda->entries[i];
        const entry *b = next >= 0 ? &agenda->entries[next] : NULL;
        if (b == NULL || a->at_us < b->at_us || (a->at_us == b->at_us && a->number < b->number))
            next = i;
    }
    return next;
}

static void run(void *arg)
{
    sim_agenda *agenda = arg;
    while (!agenda->stops) {
        int next = find_next(agenda);
        uint64_t now_us = sim_time_peek_us();
        if (next < 0 || agenda->entries[next].at_us > now_us) {
            (void)sim_fiber_wait(
                agenda, next < 0 ? UINT64_MAX : agenda->entries[next].at_us - now_us);
            continue;
        }
        entry due = agenda->entries[next];
        agenda->entries[next] = agenda->entries[--agenda->count];
        agenda->running = due.owner;
        due.fn(due.owner);
        agenda->running = NULL;
        sim_fiber_wake(&agenda->running);
    }
}

sim_agenda *sim_agenda_start(const char *name)
{
    sim_agenda *agenda = calloc(1, sizeof *agenda);
    if (agenda == NULL || (agenda->fiber = sim_fiber_start(name, run, agenda)) == NULL)
        abort();
    return agenda;
}

void sim_agenda_stop(sim_agenda *agenda)
{
    agenda->stops = true;
    sim_fiber_wake(agenda);
    sim_fiber_join(agenda->fiber);
    free(agenda);
}

void sim_agenda_add(sim_agenda *agenda, uint64_t after_us, sim_agenda_fn *fn, void *owner)
{
    if (agenda->count == ENTRIES_MAX)
        abort();
    agenda->entries[agenda->count++] =
        (entry){sim_time_peek_us() + after_us, agenda->added++, fn, owner};
    sim_fiber_wake(agenda);
}

static void drop(sim_agenda *agenda, const void *owner)
{
    for (int i = agenda->count - 1; i >= 0; i--)
        if (agenda->entries[i].owner == owner)
            agenda->entries[i] = agenda->entries[--agenda->count];
}

void sim_agenda_forget(sim_agenda *agenda, const void *owner)
{
    while (agenda->running == owner)
        (void)sim_fiber_wait(&agenda->running, UINT64_MAX);
    drop(agenda, owner);
}

void sim_agenda_hurry(sim_agenda *agenda, sim_agenda_fn *fn, void *owner)
{
    drop(agenda, owner);
    sim_agenda_add(agenda, 0, fn, owner);
}
