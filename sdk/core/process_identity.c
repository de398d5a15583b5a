/* SPDX-License-Identifier: Apache-2.0
 *
 * From /proc (proc(5)): the boot's id, the namespace in which process ids count, the id, and when
 * the process started, in clock ticks since the boot.
 */
#include "sdk/core/process_identity.h"

#include "sdk/core/str.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of a process. */
typedef enum life { LIFE_UNTOLD = 0, LIFE_ENDED, LIFE_RUNS } life;

/* false: errno says why, as far as it is known. */
static bool read_line(const char *path, char *out, size_t capacity)
{
    FILE *file = fopen(path, "re");
    bool done = file != NULL && fgets(out, (int)capacity, file) != NULL;
    int why = errno;

    if (file != NULL)
        fclose(file);
    errno = why;
    if (done)
        out[strcspn(out, "\n")] = '\0';
    return done;
}

/* Its file is missing, which it also is when /proc hides other users' processes (hidepid). */
static bool is_missing(unsigned long long pid, int why)
{
    return (why == ENOENT || why == ESRCH) && pid > 0 && pid <= INT_MAX &&
           kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Field 22 of /proc/PID/stat; the second one, the program's name, may hold anything. A zombie does
 * not run any more. */
static life look_at(unsigned long long pid, unsigned long long *start_ticks)
{
    char path[48];
    char line[1024];
    char *at = NULL;

    snprintf(path, sizeof path, "/proc/%llu/stat", pid);
    if (!read_line(path, line, sizeof line))
        return is_missing(pid, errno) ? LIFE_ENDED : LIFE_UNTOLD;
    at = strrchr(line, ')');
    if (at == NULL || at[1] != ' ')
        return LIFE_UNTOLD;
    if (at[2] == 'Z' || at[2] == 'X')
        return LIFE_ENDED;
    at += 2;
    for (int field = 3; field < 22 && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    *start_ticks = at != NULL ? strtoull(at, NULL, 10) : 0;
    return *start_ticks != 0 ? LIFE_RUNS : LIFE_UNTOLD;
}

/* "BOOT/NAMESPACE", or empty. */
static void name_machine(char out[AMPHI_HOST_NAME_MAX])
{
    char boot[48];
    char space[48];
    ssize_t size = readlink("/proc/self/ns/pid", space, sizeof space - 1);

    out[0] = '\0';
    if (!read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return;
    space[size > 0 ? size : 0] = '\0';
    snprintf(out, AMPHI_HOST_NAME_MAX, "%s/%s", boot, space);
}

void amphi__host_name(char out[AMPHI_HOST_NAME_MAX])
{
    char machine[AMPHI_HOST_NAME_MAX];
    unsigned long long pid = (unsigned long long)getpid();
    unsigned long long start = 0;

    name_machine(machine);
    out[0] = '\0';
    if (machine[0] != '\0' && look_at(pid, &start) == LIFE_RUNS)
        snprintf(out, AMPHI_HOST_NAME_MAX, "%.80s/%llu/%llu", machine, pid, start);
}

bool amphi__host_is_gone(amphi_str name)
{
    char own[AMPHI_HOST_NAME_MAX];
    amphi_str boot, space, rest, own_rest;
    uint64_t pid = 0;
    uint64_t start = 0;
    unsigned long long now = 0;
    life found = LIFE_UNTOLD;

    name_machine(own);
    boot = amphi__str_cut(name, '/', &rest);
    if (own[0] == '\0' || name.size == 0 || rest.size == 0)
        return false;
    if (!amphi__str_equal(boot, amphi__str_cut(amphi_str_from(own), '/', &own_rest)))
        return true; /* another boot */
    space = amphi__str_cut(rest, '/', &rest);
    if (!amphi__str_equal(space, own_rest) ||
        !amphi__str_to_u64(amphi__str_cut(rest, '/', &rest), &pid) ||
        !amphi__str_to_u64(rest, &start))
        return false; /* another namespace: its numbers tell us nothing */
    found = look_at(pid, &now);
    return found == LIFE_ENDED || (found == LIFE_RUNS && now != start);
}
