/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scratch_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool done, const char *what, const char *path)
{
    if (done)
        return;
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(3);
}

bool scratch_mount_begin(void)
{
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return true;
    printf("skipped: mounts are not allowed here (%s)\n", strerror(errno));
    return false;
}

void scratch_mount_disk(const char *path, size_t bytes)
{
    char options[64];
    snprintf(options, sizeof options, "size=%zu,mode=0700", bytes);
    must(mkdir(path, 0700) == 0, "mkdir", path);
    must(mount("scratch", path, "tmpfs", 0, options) == 0, "mount", path);
}

void scratch_mount_set_read_only(const char *path, bool read_only)
{
    must(mount("scratch", path, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL) == 0,
        "remount", path);
}

void scratch_mount_end(const char *path)
{
    must(umount2(path, MNT_DETACH) == 0, "umount", path);
}

void scratch_mount_fill(const char *file)
{
    static const char zeros[4096];
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0, "open", file);
    for (size_t size = sizeof zeros; size > 0; size /= 2)
        while (write(fd, zeros, size) > 0)
            ;
    close(fd);
}
