/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls on files of the data folder (./data, or its absolute path): each may fail as the order
 * says, and each change goes into the trace. What is no file of the data folder goes to the kernel
 * as it is.
 */
#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 1024, NAME_MAX_BYTES = 64 };

typedef struct known_file {
    bool is_ours;
    uint64_t inode;
    char name[NAME_MAX_BYTES]; /* within the data folder; "" is the folder itself */
} known_file;

static known_file files[FILES_MAX];

/* The name within the data folder, or NULL when the path leads elsewhere. */
static const char *name_of(const char *path)
{
    size_t size = strlen(fault->order.folder);
    if (!atomic_load_explicit(&fault->is_armed, memory_order_relaxed) || path == NULL)
        return NULL;
    if (strncmp(path, fault->order.folder, size) == 0 && path[size] == '/')
        path += size + 1;
    if (strncmp(path, "data", 4) != 0 || (path[4] != '/' && path[4] != '\0'))
        return NULL;
    path += 4;
    while (*path == '/')
        path++;
    return path;
}

static known_file *file_of(int fd)
{
    return fd >= 0 && fd < FILES_MAX && files[fd].is_ours ? &files[fd] : NULL;
}

static int fail(int why)
{
    errno = why;
    return -1;
}

static bool is_errno(int why)
{
    return why > 0;
}

/* ---- Opening, closing ---- */

static void note_open(int fd, const char *name)
{
    struct stat info;
    if (fd < 0 || fd >= FILES_MAX || syscall(SYS_fstat, fd, &info) != 0)
        return;
    files[fd] = (known_file){.is_ours = true, .inode = info.st_ino};
    snprintf(files[fd].name, sizeof files[fd].name, "%s", name);
}

static bool is_log(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, "-wal") == 0;
}

static int open_it(int folder, const char *path, int flags, mode_t mode)
{
    const char *name = folder == AT_FDCWD ? name_of(path) : NULL;
    if (name != NULL && is_log(name))
        fault_note_first(&fault->before_log);
    int why = name != NULL ? fault_file_fails(CALL_OPEN) : 0;
    if (is_errno(why))
        return fail(why);
    if (name != NULL)
        fault_trace_lock();
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (name != NULL) {
        note_open(fd, name);
        if (fd >= 0 && (flags & O_CREAT) != 0)
            fault_trace(TRACE_OPEN, file_of(fd)->inode, 0, name, NULL, 0);
        if (fd >= 0 && (flags & O_TRUNC) != 0)
            fault_trace(TRACE_TRUNCATE, file_of(fd)->inode, 0, name, NULL, 0);
        fault_trace_unlock();
    }
    return fd;
}

#define TAKE_MODE(flags)                                                                           \
    mode_t mode = 0;                                                                               \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    if (((flags) & (O_CREAT | __O_TMPFILE)) != 0)                                                  \
        mode = va_arg(rest, mode_t);                                                               \
    va_end(rest)

int open(const char *path, int flags, ...)
{
    TAKE_MODE(flags);
    return open_it(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    TAKE_MODE(flags);
    return open_it(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    TAKE_MODE(flags);
    return open_it(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    TAKE_MODE(flags);
    return open_it(folder, path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES_MAX)
        files[fd].is_ours = false;
    return (int)syscall(SYS_close, fd);
}

/* ---- Reading, writing ---- */

/* How much of it a call may take, or -1 with errno. A short call moves half, at least a byte. */
static ssize_t allowed(int fd, uint32_t kind, size_t size)
{
    int why = file_of(fd) != NULL ? fault_file_fails(kind) : 0;
    if (is_errno(why))
        return fail(why);
    return (ssize_t)(why == FAULT_SHORT && size > 1 ? size / 2 : size);
}

ssize_t read(int fd, void *data, size_t size)
{
    ssize_t most = allowed(fd, CALL_READ, size);
    return most < 0 ? most : syscall(SYS_read, fd, data, most);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    ssize_t most = allowed(fd, CALL_READ, size);
    return most < 0 ? most : syscall(SYS_pread64, fd, data, most, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    return pread(fd, data, size, offset);
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset)
{
    known_file *file = file_of(fd);
    ssize_t most = allowed(fd, CALL_WRITE, size);
    ssize_t done = most;
    if (most < 0)
        return most;
    if (file != NULL)
        fault_trace_lock();
    off_t at = offset >= 0 || file == NULL ? offset : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    if (offset >= 0)
        done = syscall(SYS_pwrite64, fd, data, most, offset);
    else
        done = syscall(SYS_write, fd, data, most);
    if (file != NULL) {
        if (done > 0)
            fault_trace(TRACE_WRITE, file->inode, (uint64_t)at, file->name, data, (size_t)done);
        fault_trace_unlock();
    }
    return done;
}

ssize_t write(int fd, const void *data, size_t size)
{
    return write_at(fd, data, size, -1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_at(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return write_at(fd, data, size, offset);
}

/* ---- Syncing, sizes, locks, mappings ---- */

static int sync_it(int fd, long call)
{
    known_file *file = file_of(fd);
    int why = file != NULL ? fault_file_fails(CALL_SYNC) : 0;
    if (is_errno(why))
        return fail(why);
    if (file != NULL)
        fault_trace_lock();
    int rc = (int)syscall(call, fd);
    if (file != NULL) {
        if (rc == 0)
            fault_trace(TRACE_SYNC, file->inode, 0, file->name, NULL, 0);
        fault_trace_unlock();
    }
    return rc;
}

int fsync(int fd)
{
    return sync_it(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_it(fd, SYS_fdatasync);
}

int ftruncate(int fd, off_t size)
{
    known_file *file = file_of(fd);
    int why = file != NULL ? fault_file_fails(CALL_TRUNCATE) : 0;
    if (is_errno(why))
        return fail(why);
    if (file != NULL)
        fault_trace_lock();
    int rc = (int)syscall(SYS_ftruncate, fd, size);
    if (file != NULL) {
        if (rc == 0)
            fault_trace(TRACE_TRUNCATE, file->inode, (uint64_t)size, file->name, NULL, 0);
        fault_trace_unlock();
    }
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

/* A file system that can't: so what would be written by it is written by write(). */
int fallocate(int fd, int mode, off_t offset, off_t size)
{
    if (file_of(fd) == NULL)
        return (int)syscall(SYS_fallocate, fd, mode, offset, size);
    int why = fault_file_fails(CALL_TRUNCATE);
    return fail(is_errno(why) ? why : EOPNOTSUPP);
}

/* A lock may be refused; that one is given back never fails. */
static int control(int fd, int command, void *argument)
{
    int why = 0;
    if ((command == F_SETLK || command == F_SETLKW) &&
        ((const struct flock *)argument)->l_type != F_UNLCK)
        why = file_of(fd) != NULL ? fault_file_fails(CALL_LOCK) : 0;
    if (is_errno(why))
        return fail(why);
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return control(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return control(fd, command, argument);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    int why = 0;
    if ((flags & MAP_ANONYMOUS) != 0)
        why = fault_memory_fails() ? ENOMEM : 0;
    else if (file_of(fd) != NULL)
        why = fault_file_fails(CALL_MAP);
    if (is_errno(why)) {
        errno = why;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset); // NOLINT
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, size, protection, flags, fd, offset);
}

/* ---- Names ---- */

/* From and to, or one of them alone; either may lie elsewhere. */
static int change_name(uint32_t what, const char *from, const char *to, long call, unsigned flags)
{
    const char *name = name_of(from);
    const char *other = to != NULL ? name_of(to) : NULL;
    bool is_ours = name != NULL || other != NULL;
    int why = is_ours ? fault_file_fails(CALL_NAME) : 0;
    int rc = 0;
    char both[2 * NAME_MAX_BYTES];
    if (is_errno(why))
        return fail(why);
    if (is_ours)
        fault_trace_lock();
    if (call == SYS_unlink)
        rc = (int)syscall(call, from);
    else if (call == SYS_link)
        rc = (int)syscall(call, from, to);
    else
        rc = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
    if (is_ours) {
        snprintf(both, sizeof both, "%s\n%s", name != NULL ? name : "", other != NULL ? other : "");
        if (rc == 0)
            fault_trace(what, 0, 0, both, NULL, 0);
        fault_trace_unlock();
    }
    return rc;
}

int unlink(const char *path)
{
    return change_name(TRACE_UNLINK, path, NULL, SYS_unlink, 0);
}

int link(const char *from, const char *to)
{
    return change_name(TRACE_LINK, from, to, SYS_link, 0);
}

int rename(const char *from, const char *to)
{
    return change_name(TRACE_RENAME, from, to, SYS_renameat2, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (from_folder != AT_FDCWD || to_folder != AT_FDCWD)
        return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    return change_name(TRACE_RENAME, from, to, SYS_renameat2, flags);
}

int mkdir(const char *path, mode_t mode)
{
    int why = name_of(path) != NULL ? fault_file_fails(CALL_NAME) : 0;
    return is_errno(why) ? fail(why) : (int)syscall(SYS_mkdir, path, mode);
}
