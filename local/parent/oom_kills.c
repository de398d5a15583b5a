/* SPDX-License-Identifier: Apache-2.0
 *
 * Control groups, version 2 (Linux, Documentation/admin-guide/cgroup-v2.rst), then /proc/vmstat.
 */
#include "local/parent/oom_kills.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind `word` at the beginning of a line. */
static bool find_count(const char *path, const char *word, uint64_t *out)
{
    FILE *file = fopen(path, "re");
    size_t size = strlen(word);
    bool found = false;
    char line[512];
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, word, size) == 0;
    if (found)
        *out = strtoull(line + size, NULL, 10);
    if (file != NULL)
        fclose(file);
    return found;
}

uint64_t amphi__oom_kills(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    uint64_t count = 0;
    bool found = false;
    char line[256];
    char path[320];
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0) { /* "0::/path" */
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.events", line + 3);
            found = find_count(path, "oom_kill ", &count);
        }
    }
    if (file != NULL)
        fclose(file);
    if (!found)
        (void)find_count("/proc/vmstat", "oom_kill ", &count);
    return count;
}
