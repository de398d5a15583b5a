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

typedef enum process_state { STATE_UNKNOWN = 0, STATE_ENDED, STATE_RUNNING } process_state;

/* false: errno says why, as far as it is known. */
static bool read_line(const char *path, char *out, size_t capacity)
{
    FILE *file = fopen(path, "re");
    bool done = file != NULL && fgets(out, (int)capacity, file) != NULL;
    int read_errno = errno;
    if (file != NULL)
        fclose(file);
    errno = read_errno;
    if (done)
        out[strcspn(out, "\n")] = '\0';
    return done;
}

/* Its file is missing, which it also is when /proc hides other users' processes (hidepid). */
static bool is_missing(unsigned long long pid, int read_errno)
{
    return (read_errno == ENOENT || read_errno == ESRCH) && pid > 0 && pid <= INT_MAX &&
           kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Field 22 of /proc/PID/stat; the second one, the program's name, may hold any characters. A zombie
 * counts as ended. */
static process_state read_state(unsigned long long pid, unsigned long long *start_ticks)
{
    char path[48];
    char line[1024];
    snprintf(path, sizeof path, "/proc/%llu/stat", pid);
    if (!read_line(path, line, sizeof line))
        return is_missing(pid, errno) ? STATE_ENDED : STATE_UNKNOWN;
    char *at = strrchr(line, ')');
    if (at == NULL || at[1] != ' ')
        return STATE_UNKNOWN;
    if (at[2] == 'Z' || at[2] == 'X')
        return STATE_ENDED;
    at += 2;
    for (int field = 3; field < 22 && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    *start_ticks = at != NULL ? strtoull(at, NULL, 10) : 0;
    return *start_ticks != 0 ? STATE_RUNNING : STATE_UNKNOWN;
}

/* "BOOT/NAMESPACE", or empty. */
static void boot_and_namespace(char out[AMPHI_PROCESS_IDENTITY_MAX])
{
    char boot[48];
    char space[48];
    ssize_t size = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    out[0] = '\0';
    if (!read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return;
    space[size > 0 ? size : 0] = '\0';
    snprintf(out, AMPHI_PROCESS_IDENTITY_MAX, "%s/%s", boot, space);
}

void amphi__process_identity(char out[AMPHI_PROCESS_IDENTITY_MAX])
{
    char machine[AMPHI_PROCESS_IDENTITY_MAX];
    unsigned long long pid = (unsigned long long)getpid();
    unsigned long long start = 0;
    boot_and_namespace(machine);
    out[0] = '\0';
    if (machine[0] != '\0' && read_state(pid, &start) == STATE_RUNNING)
        snprintf(out, AMPHI_PROCESS_IDENTITY_MAX, "%.80s/%llu/%llu", machine, pid, start);
}

bool amphi__process_has_ended(amphi_str identity)
{
    char own[AMPHI_PROCESS_IDENTITY_MAX];
    amphi_str rest;
    amphi_str own_rest;
    boot_and_namespace(own);
    amphi_str boot = amphi__str_cut(identity, '/', &rest);
    if (own[0] == '\0' || identity.size == 0 || rest.size == 0)
        return false;
    if (!amphi__str_equal(boot, amphi__str_cut(amphi_str_from(own), '/', &own_rest)))
        return true; /* another boot */
    amphi_str space = amphi__str_cut(rest, '/', &rest);
    uint64_t pid = 0;
    uint64_t start = 0;
    if (!amphi__str_equal(space, own_rest) ||
        !amphi__str_to_u64(amphi__str_cut(rest, '/', &rest), &pid) ||
        !amphi__str_to_u64(rest, &start))
        return false; /* another namespace: its process ids are not ours */
    unsigned long long now = 0;
    process_state state = read_state(pid, &now);
    return state == STATE_ENDED || (state == STATE_RUNNING && now != start);
}
