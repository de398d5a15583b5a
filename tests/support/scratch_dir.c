/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scratch_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void give_up(const char *what)
{
    perror(what);
    exit(99);
}

void scratch_dir_make(scratch_dir *dir)
{
    const char *base = getenv("TMPDIR");
    snprintf(dir->path, sizeof dir->path, "%s/amphi-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(dir->path) == NULL)
        give_up("mkdtemp");
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void scratch_dir_remove(scratch_dir *dir)
{
    if (dir->path[0] != '\0')
        nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    dir->path[0] = '\0';
}

int scratch_dir_set_up(void **state)
{
    scratch_dir *dir = calloc(1, sizeof *dir);
    if (dir == NULL)
        give_up("calloc");
    scratch_dir_make(dir);
    *state = dir;
    return 0;
}

int scratch_dir_tear_down(void **state)
{
    scratch_dir_remove(*state);
    free(*state);
    return 0;
}

void scratch_dir_inner(scratch_dir *out, const scratch_dir *dir, const char *name)
{
    int size = snprintf(out->path, sizeof out->path, "%s/%s", dir->path, name);
    if (size < 0 || (size_t)size >= sizeof out->path)
        give_up("a path that is too long");
}

const char *scratch_dir_file(const scratch_dir *dir, const char *name)
{
    static char ring[32][512]; /* threads share it */
    static atomic_uint next;
    char *out = ring[atomic_fetch_add(&next, 1) % 32];
    snprintf(out, sizeof ring[0], "%s/%s", dir->path, name);
    return out;
}

bool scratch_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

unsigned scratch_mode(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_mode & 07777 : 0;
}

char *scratch_read(const char *path, size_t *size)
{
    *size = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    struct stat info;
    if (fstat(fileno(file), &info) != 0)
        give_up("fstat");
    char *data = malloc((size_t)info.st_size + 1);
    if (data == NULL)
        give_up("malloc");
    *size = fread(data, 1, (size_t)info.st_size, file);
    data[*size] = '\0';
    fclose(file);
    return data;
}

void scratch_write(const char *path, const void *data, size_t size, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || fchmod(fd, mode) != 0 || write(fd, data, size) != (ssize_t)size)
        give_up(path);
    close(fd);
}

int scratch_files_with(const scratch_dir *dir, const char *words)
{
    int found = 0;
    DIR *listing = opendir(dir->path);
    if (listing == NULL)
        give_up(dir->path);
    for (struct dirent *item = readdir(listing); item != NULL; item = readdir(listing)) {
        size_t size;
        if (item->d_name[0] == '.')
            continue;
        char *data = scratch_read(scratch_dir_file(dir, item->d_name), &size);
        found += data != NULL && memmem(data, size, words, strlen(words)) != NULL;
        free(data);
    }
    closedir(listing);
    return found;
}
