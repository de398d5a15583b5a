/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading /proc/PID/stat. Where /proc hides other processes (hidepid) only stops are known, from
 * waitid.
 */
#include "local/parent/process_stat.h"

#include "sdk/core/str.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIELD_UTIME = 14, FIELD_STIME = 15 }; /* counted from 1, as in proc(5) */

/* "PID (NAME) STATE PPID ..."; the name may hold anything, blanks and brackets too. */
static amphi_process_stat read_stat(const char *path)
{
    long ticks_per_s = sysconf(_SC_CLK_TCK);
    FILE *file = fopen(path, "re");
    const char *at = NULL;
    char line[512];
    if (file != NULL && fgets(line, sizeof line, file) != NULL)
        at = strrchr(line, ')');
    if (file != NULL)
        fclose(file);
    amphi_process_stat seen = {0};
    if (at == NULL || at[1] != ' ')
        return seen;
    seen.state = at[2];
    uint64_t ticks = 0;
    for (int field = 2; at != NULL && field <= FIELD_STIME; field++) {
        if (field == FIELD_UTIME || field == FIELD_STIME)
            ticks += strtoull(at, NULL, 10);
        at = strchr(at + 1, ' ');
    }
    seen.cpu_ms = ticks_per_s > 0 ? ticks * 1000 / (uint64_t)ticks_per_s : 0;
    return seen;
}

amphi_process_stat amphi__process_stat(const amphi_process *process)
{
    amphi_process_stat seen = {0};
    if (process->pid <= 0)
        return seen;
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    seen = read_stat(path);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (seen.state == 0 &&
        waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid != 0 && info.si_code == CLD_STOPPED)
        seen.state = 'T';
    return seen;
}

bool amphi__process_stat_is_stopped(int pid)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    return strchr("Tt", read_stat(path).state) != NULL;
}

bool amphi__process_stat_any_thread(const amphi_process *process, const char *states)
{
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
    DIR *folder = process->pid > 0 ? opendir(path) : NULL;
    struct dirent *entry = NULL;
    bool found = false;
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        char state = 0;

        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)process->pid, entry->d_name);
            state = read_stat(path).state;
        }
        found = state != 0 && strchr(states, state) != NULL;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}
