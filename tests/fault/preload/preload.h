/* SPDX-License-Identifier: Apache-2.0
 *
 * A library for LD_PRELOAD that makes calls of a whole process fail: memory (libcrypto, SQLCipher
 * and curl included) and files of the data folder. It also turns the process into a server of
 * itself: it stands still before main(), and each order makes a copy (fork) that runs main() with
 * the fault that the order asks for. So a run costs a millisecond to start.
 */
#ifndef AMPHI_TESTS_FAULT_PRELOAD_H
#define AMPHI_TESTS_FAULT_PRELOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Kinds of calls on files; an order names the kinds that count. */
enum {
    CALL_OPEN = 1 << 0,
    CALL_READ = 1 << 1,
    CALL_WRITE = 1 << 2,
    CALL_SYNC = 1 << 3,
    CALL_TRUNCATE = 1 << 4, /* and fallocate */
    CALL_LOCK = 1 << 5,
    CALL_NAME = 1 << 6, /* rename, link, unlink, mkdir */
    CALL_MAP = 1 << 7
};

/* What befalls a call beside an errno. */
enum { FAULT_SHORT = -1, FAULT_KILL = -2 };

/* An order, as the script beside this folder packs it. Calls are counted from 1. */
typedef struct fault_order {
    uint32_t memory_first; /* allocations first to last fail; 0: none */
    uint32_t memory_last;
    uint32_t file_first; /* calls of file_kinds first to last fail; 0: none */
    uint32_t file_last;
    uint32_t file_kinds;
    int32_t file_fault;     /* an errno, FAULT_SHORT or FAULT_KILL */
    uint32_t kill_after_us; /* SIGKILL from outside; 0: none */
    uint32_t timeout_ms;    /* SIGKILL, and said to hang */
    uint32_t is_traced;     /* writes every change of a file to ./trace */
    char folder[220];       /* the run's: its data folder is ./data, its output ./out and ./err */
} fault_order;

typedef struct fault_report {
    int32_t status; /* of wait() */
    uint32_t is_hung;
    uint32_t memory_calls;
    uint32_t file_calls;
    uint32_t fired; /* calls that were made to fail */
    /* Allocations before the log is opened, before curl starts up, and when it has: libcrypto's
     * start-up is in the one or the other. */
    uint32_t before_log, before_curl, after_curl;
} fault_report;

/* Shared by the server and the copy that runs. */
typedef struct fault_state {
    fault_order order;
    atomic_uint is_armed, memory_calls, file_calls, fired, before_log, before_curl, after_curl;
} fault_state;

extern fault_state *fault;

/* How many allocations there were, into *place, the first time. */
void fault_note_first(atomic_uint *place);
/* Whether this allocation is to fail. */
bool fault_memory_fails(void);
/* Whether this call of that kind is to fail: 0, or the order's file_fault. FAULT_KILL: does not
 * return then. */
int fault_file_fails(uint32_t kind);

/* ---- trace.c: what a power loss may leave ---- */

enum {
    TRACE_OPEN,
    TRACE_WRITE,
    TRACE_TRUNCATE,
    TRACE_SYNC,
    TRACE_LINK,
    TRACE_UNLINK,
    TRACE_RENAME
};

void fault_trace_begin(void);
/* A call and its record are one step, so that the trace has the order of the calls. */
void fault_trace_lock(void);
void fault_trace_unlock(void);
/* name: of the file as it was opened, or "name\nother name" of a link or rename. */
void fault_trace(uint32_t what, uint64_t inode, uint64_t offset, const char *name, const void *data,
    size_t size);

#endif
