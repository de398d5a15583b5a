/* SPDX-License-Identifier: Apache-2.0
 *
 * From /proc (proc(5)): the boot's id, the namespace in which process ids count, the id, and when
 * the process started, in clock ticks since the boot.
 */
#include "sdk/core/host.h"

#include "sdk/core/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool read_line(const char *path, char *out, size_t capacity)
{
    FILE *file = fopen(path, "re");
    bool done = file != NULL && fgets(out, (int)capacity, file) != NULL;

    if (file != NULL) {
        fclose(file);
    }
    if (done) {
        out[strcspn(out, "\n")] = '\0';
    }
    return done;
}

/* Field 22 of /proc/PID/stat; the second one, the program's name, may hold anything. 0: no such
 * process, or a zombie: it does not run any more. */
static unsigned long long start_ticks(unsigned long long pid)
{
    char path[48];
    char line[1024];
    char *at = NULL;

    snprintf(path, sizeof path, "/proc/%llu/stat", pid);
    if (!read_line(path, line, sizeof line)) {
        return 0;
    }
    at = strrchr(line, ')');
    if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') {
        return 0;
    }
    at += 2;
    for (int field = 3; field < 22 && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* "BOOT/NAMESPACE", or empty. */
static void name_machine(char out[AMPHI_HOST_NAME_MAX])
{
    char boot[48];
    char space[48];
    ssize_t size = readlink("/proc/self/ns/pid", space, sizeof space - 1);

    out[0] = '\0';
    if (!read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot)) {
        return;
    }
    space[size > 0 ? size : 0] = '\0';
    snprintf(out, AMPHI_HOST_NAME_MAX, "%s/%s", boot, space);
}

void amphi__host_name(char out[AMPHI_HOST_NAME_MAX])
{
    char machine[AMPHI_HOST_NAME_MAX];
    unsigned long long pid = (unsigned long long)getpid();
    unsigned long long start = start_ticks(pid);

    name_machine(machine);
    out[0] = '\0';
    if (machine[0] != '\0' && start != 0) {
        snprintf(out, AMPHI_HOST_NAME_MAX, "%.80s/%llu/%llu", machine, pid, start);
    }
}

bool amphi__host_is_gone(amphi_str name)
{
    char own[AMPHI_HOST_NAME_MAX];
    amphi_str boot, space, rest, own_rest;
    uint64_t pid = 0;
    uint64_t start = 0;

    name_machine(own);
    boot = amphi__str_cut(name, '/', &rest);
    if (own[0] == '\0' || name.size == 0 || rest.size == 0) {
        return false;
    }
    if (!amphi__str_equal(boot, amphi__str_cut(amphi_str_from(own), '/', &own_rest))) {
        return true; /* another boot */
    }
    space = amphi__str_cut(rest, '/', &rest);
    if (!amphi__str_equal(space, own_rest) ||
        !amphi__str_to_u64(amphi__str_cut(rest, '/', &rest), &pid) ||
        !amphi__str_to_u64(rest, &start)) {
        return false; /* another namespace: its numbers tell us nothing */
    }
    return start_ticks(pid) != start;
}
