/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failing_alloc.h"

#include <amphi/ext/allocator.h>

#include <stdatomic.h>
#include <stdlib.h>

static atomic_long live;
static atomic_size_t countdown; /* 0: never fails */
static atomic_bool failed;

bool failing_alloc_now(void)
{
    size_t left = atomic_load(&countdown);
    if (left == 0)
        return false;
    atomic_store(&countdown, left - 1);
    if (left == 1)
        atomic_store(&failed, true);
    return left == 1;
}

static void *take(void *self, size_t size)
{
    (void)self;
    void *memory = failing_alloc_now() ? NULL : malloc(size);
    if (memory != NULL)
        atomic_fetch_add(&live, 1);
    return memory;
}

static void *retake(void *self, void *old, size_t size)
{
    (void)self;
    void *memory = failing_alloc_now() ? NULL : realloc(old, size);
    if (memory != NULL && old == NULL)
        atomic_fetch_add(&live, 1);
    return memory;
}

static void give_back(void *self, void *memory)
{
    (void)self;
    if (memory != NULL)
        atomic_fetch_sub(&live, 1);
    free(memory);
}

static const amphi_allocator allocator = {
    .struct_size = sizeof(amphi_allocator),
    .name = "failing",
    .alloc = take,
    .realloc = retake,
    .free = give_back,
};

void failing_alloc_install(void)
{
    atomic_store(&live, 0);
    atomic_store(&countdown, 0);
    amphi_allocator_set(&allocator, NULL);
}

void failing_alloc_remove(void)
{
    amphi_allocator_set(NULL, NULL);
}

void failing_alloc_at(size_t n)
{
    atomic_store(&failed, false);
    atomic_store(&countdown, n);
}

bool failing_alloc_failed(void)
{
    return atomic_load(&failed);
}

long failing_alloc_live(void)
{
    return atomic_load(&live);
}
