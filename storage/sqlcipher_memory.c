/* SPDX-License-Identifier: Apache-2.0
 *
 * Each block has its size in front. The reserve is a stack of blocks that is empty again when the
 * last of them was freed; without a lack of memory it is never touched.
 */
#include "storage/sqlcipher_memory.h"

#include "sdk/core/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES        16 /* keeps malloc's alignment */
#define RESERVE_BYTES       (256 * 1024)
#define RESERVE_BLOCK_BYTES (16 * 1024) /* larger ones are not served: pages fit */

static _Alignas(16) uint8_t reserve[RESERVE_BYTES];
static size_t reserve_used;
static size_t reserve_blocks;
static pthread_mutex_t reserve_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool in_reserve_section;
static _Thread_local bool has_reserve_only;

void amphi__sqlite_reserve_enter(void)
{
    in_reserve_section = true;
}

void amphi__sqlite_reserve_leave(void)
{
    in_reserve_section = false;
}

void amphi__sqlite_reserve_only(bool only)
{
    has_reserve_only = only;
}

size_t amphi__sqlite_reserve_blocks(void)
{
    pthread_mutex_lock(&reserve_lock);
    size_t count = reserve_blocks;
    pthread_mutex_unlock(&reserve_lock);
    return count;
}

static bool is_in_reserve(const uint8_t *block)
{
    return block >= reserve && block < reserve + RESERVE_BYTES;
}

static uint8_t *reserve_take(size_t size)
{
    uint8_t *block = NULL;
    size = (size + 15) & ~(size_t)15;
    pthread_mutex_lock(&reserve_lock);
    if (size <= RESERVE_BLOCK_BYTES && size <= RESERVE_BYTES - reserve_used) {
        block = reserve + reserve_used;
        reserve_used += size;
        reserve_blocks++;
    }
    pthread_mutex_unlock(&reserve_lock);
    return block;
}

static void reserve_give_back(void)
{
    pthread_mutex_lock(&reserve_lock);
    reserve_blocks--;
    if (reserve_blocks == 0)
        reserve_used = 0;
    pthread_mutex_unlock(&reserve_lock);
}

static size_t *size_of(void *memory)
{
    return (size_t *)((uint8_t *)memory - HEADER_BYTES);
}

static void *memory_take(int size)
{
    size_t whole = (size_t)size + HEADER_BYTES;
    uint8_t *block = has_reserve_only ? NULL : malloc(whole);
    if (block == NULL && in_reserve_section)
        block = reserve_take(whole);
    if (block == NULL)
        return NULL;
    *(size_t *)block = (size_t)size;
    return block + HEADER_BYTES;
}

static void memory_give(void *memory)
{
    if (memory == NULL)
        return;
    uint8_t *block = (uint8_t *)memory - HEADER_BYTES;
    amphi__wipe(memory, *size_of(memory));
    if (is_in_reserve(block))
        reserve_give_back();
    else
        free(block);
}

static int memory_size(void *memory)
{
    return memory != NULL ? (int)*size_of(memory) : 0;
}

/* Never realloc: it would leave a copy behind. */
static void *memory_resize(void *memory, int size)
{
    void *moved = memory_take(size);
    if (moved == NULL)
        return NULL;
    size_t kept = *size_of(memory);
    memcpy(moved, memory, kept < (size_t)size ? kept : (size_t)size);
    memory_give(memory);
    return moved;
}

static int memory_round_up(int size)
{
    return (size + 7) & ~7;
}

static int memory_begin(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void memory_end(void *context)
{
    (void)context;
}

void amphi__sqlite_memory_install(const amphi_sqlite *lib)
{
    static sqlite3_mem_methods methods = {
        .xMalloc = memory_take,
        .xFree = memory_give,
        .xRealloc = memory_resize,
        .xSize = memory_size,
        .xRoundup = memory_round_up,
        .xInit = memory_begin,
        .xShutdown = memory_end,
    };
    lib->config(SQLITE_CONFIG_MALLOC, &methods); /* SQLITE_MISUSE: an app was first */
}
