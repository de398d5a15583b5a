/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/file_waiter.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "file_waiter: %s\n", what);
    exit(3);
}

void file_waiter_make(file_waiter *waiter, int (*work)(void))
{
    int go[2];
    char byte;
    must(pipe(go) == 0, "pipe");
    waiter->pid = fork();
    must(waiter->pid >= 0, "fork");
    if (waiter->pid == 0) {
        close(go[1]);
        _exit(read(go[0], &byte, 1) == 1 ? work() : 3);
    }
    close(go[0]);
    waiter->go = go[1];
}

static bool has_open(pid_t pid, const struct stat *file)
{
    char name[300];
    bool found = false;
    snprintf(name, sizeof name, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(name);
    must(folder != NULL, "its files can't be listed");
    for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
        struct stat info;
        snprintf(name, sizeof name, "/proc/%d/fd/%.200s", (int)pid, entry->d_name);
        found =
            stat(name, &info) == 0 && info.st_dev == file->st_dev && info.st_ino == file->st_ino;
    }
    closedir(folder);
    return found;
}

void file_waiter_begin(const file_waiter *waiter, const char *path)
{
    struct stat file;
    must(stat(path, &file) == 0, "there is no such file");
    must(write(waiter->go, "g", 1) == 1, "write");
    for (int waited_ms = 0; !has_open(waiter->pid, &file); waited_ms++) {
        must(waited_ms < PATIENCE_MS, "it did not open the file");
        usleep(1000);
    }
}

int file_waiter_end(const file_waiter *waiter)
{
    int status;
    close(waiter->go);
    must(waitpid(waiter->pid, &status, 0) == waiter->pid && WIFEXITED(status), "it was killed");
    return WEXITSTATUS(status);
}
