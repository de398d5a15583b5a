/* SPDX-License-Identifier: Apache-2.0
 *
 * A process from outside (/proc/PID/stat, proc(5)): does it run, sleep or stand still, and how much
 * processor time did it get? Evidence about silence: a process that hangs, one that gets no
 * processor time and one that was stopped are all silent.
 */
#ifndef AMPHI_PARENT_PROCESS_STAT_H
#define AMPHI_PARENT_PROCESS_STAT_H

#include "local/parent/spawn.h"

typedef struct amphi_process_stat {
    char state;      /* 'R', 'S', 'D', 'T', 't', 'Z'; 0: unknown */
    uint64_t cpu_ms; /* of all its threads, so far */
} amphi_process_stat;

/* Of the whole process, whose state is its main thread's. */
amphi_process_stat amphi__process_stat(const amphi_process *process);
/* Of a process that is known by its number only. */
bool amphi__process_stat_is_stopped(int pid);
/* Is any of its threads in one of these states? Reads a file for each of them. */
bool amphi__process_stat_any_thread(const amphi_process *process, const char *states);

#endif
