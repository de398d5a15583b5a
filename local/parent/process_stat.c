/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading /proc/PID/stat. Where /proc hides other processes (hidepid) nothing is told but stops,
 * which waitid tells too.
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
    amphi_process_stat look = {0};
    char line[512];
    const char *at = NULL;
    uint64_t ticks = 0;
    long ticks_per_s = sysconf(_SC_CLK_TCK);
    FILE *file = fopen(path, "re");

    if (file != NULL && fgets(line, sizeof line, file) != NULL)
        at = strrchr(line, ')');
    if (file != NULL)
        fclose(file);
    if (at == NULL || at[1] != ' ')
        return look;
    look.state = at[2];
    for (int field = 2; at != NULL && field <= FIELD_STIME; field++) {
        if (field == FIELD_UTIME || field == FIELD_STIME)
            ticks += strtoull(at, NULL, 10);
        at = strchr(at + 1, ' ');
    }
    look.cpu_ms = ticks_per_s > 0 ? ticks * 1000 / (uint64_t)ticks_per_s : 0;
    return look;
}

amphi_process_stat amphi__process_stat(const amphi_process *process)
{
    amphi_process_stat look = {0};
    siginfo_t info;
    char path[48];

    if (process->pid <= 0)
        return look;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    look = read_stat(path);
    memset(&info, 0, sizeof info);
    if (look.state == 0 &&
        waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid != 0 && info.si_code == CLD_STOPPED)
        look.state = 'T';
    return look;
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
    DIR *folder = NULL;
    struct dirent *entry = NULL;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
    folder = process->pid > 0 ? opendir(path) : NULL;
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
