/* SPDX-License-Identifier: Apache-2.0
 *
 * posix_spawn waits in the kernel until its child has become another program. A child that is
 * stopped before that (SIGSTOP, a freezer that takes processes one by one) would hold the
 * supervisor's thread for ever, and with it the threads that wait for the engine. So a waiting
 * thread checks whether a start takes too long, and ends the child. Its pid is known only to the
 * kernel yet: /proc/self/task/THREAD/children (proc(5)).
 */
#include "local/parent/process_stat.h"
#include "local/parent/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define SPAWN_LONG_US 500000u /* it takes about one millisecond */

void amphi__spawn_timeout_begin(amphi_local *local)
{
    amphi__mutex_lock(&local->lock);
    local->spawn_thread = gettid();
    local->spawn_awake = (amphi_awake){0};
    local->spawn_us = amphi__awake_us(&local->spawn_awake, NULL);
    amphi__mutex_unlock(&local->lock);
}

void amphi__spawn_timeout_end(amphi_local *local)
{
    amphi__mutex_lock(&local->lock);
    local->spawn_us = 0;
    amphi__mutex_unlock(&local->lock);
}

void amphi__spawn_timeout_check(amphi_local *local)
{
    if (local->spawn_us == 0 ||
        amphi__awake_us(&local->spawn_awake, NULL) - local->spawn_us < SPAWN_LONG_US)
        return;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)local->spawn_thread);
    FILE *file = fopen(path, "re");
    int pid = 0;
    while (file != NULL && fscanf(file, "%d", &pid) == 1)
        if (amphi__process_stat_is_stopped(pid))
            kill(pid, SIGKILL);
    if (file != NULL)
        fclose(file);
}
