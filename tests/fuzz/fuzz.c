/* SPDX-License-Identifier: Apache-2.0
 *
 * One input: run, then perhaps run again with little luck.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/support/failing_alloc.h"

#include <time.h>

enum { STARVED_OF = 4, ALLOCATIONS_LOG2_MAX = 9, SECONDS_MAX = 10 };

static size_t failing; /* allocation of this run, counted from fuzz_starve(); 0: none */

void fuzz_begin(void)
{
    failing_alloc_install();
}

void fuzz_starve(void)
{
    failing_alloc_at(failing);
}

bool fuzz_starved(void)
{
    return failing_alloc_failed();
}

/* FNV-1a, its low bits stirred. */
uint32_t fuzz_hash(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    hash ^= hash >> 15;
    hash *= 0x85EBCA6Bu;
    return hash ^ hash >> 13;
}

/* Early allocations are chosen more often: most inputs make only a few. */
static size_t failing_one(uint32_t choice)
{
    uint32_t most = 1u << (choice % ALLOCATIONS_LOG2_MAX + 1);
    return 1 + (choice / ALLOCATIONS_LOG2_MAX) % most;
}

/* Of the processor, so that a busy machine is no finding. */
static time_t seconds_used(void)
{
    struct timespec used;
    fuzz_expect(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
    return used.tv_sec;
}

static void run_once(fuzz_body *body, const uint8_t *data, size_t size)
{
    long live = failing_alloc_live();
    time_t begin = seconds_used();
    body(data, size);
    fuzz_expect(seconds_used() - begin <= SECONDS_MAX);
    failing_alloc_at(0);
    fuzz_expect(failing_alloc_live() == live);
}

int fuzz_run(fuzz_body *body, const uint8_t *data, size_t size)
{
    uint32_t hash = fuzz_hash(data, size);
    failing = 0;
    run_once(body, data, size);
    if (hash % STARVED_OF == 0) {
        failing = failing_one(hash / STARVED_OF);
        run_once(body, data, size);
    }
    return 0;
}
