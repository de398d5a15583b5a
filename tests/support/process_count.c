/* SPDX-License-Identifier: Apache-2.0
 *
 * See process_count.h.
 */
#include "tests/support/process_count.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return -1;
    int count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder's own */
}

/* The parent of a process, or 0. */
static int parent_of(const char *pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    int parent = 0;
    char line[512];
    if (fgets(line, sizeof line, file) != NULL && strrchr(line, ')') != NULL)
        sscanf(strrchr(line, ')') + 1, " %*c %d", &parent);
    fclose(file);
    return parent;
}

static int find_children(int *last)
{
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        return -1;
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == (int)getpid()) {
            *last = atoi(entry->d_name);
            count++;
        }
    }
    closedir(folder);
    return count;
}

int count_children(void)
{
    int last = 0;
    return find_children(&last);
}

int only_child(void)
{
    int last = 0;
    return find_children(&last) == 1 ? last : 0;
}
