/* SPDX-License-Identifier: Apache-2.0
 *
 * What changed in the data folder, in order, with the bytes: from it tests/fault/disk.py makes what
 * a disk may hold after the power went. One record: fault_record, the name, the bytes.
 */
#include "preload.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct fault_record {
    uint32_t what;
    uint32_t name_size;
    uint64_t inode;
    uint64_t offset; /* of a write; the new size of a truncation */
    uint64_t size;
} fault_record;

static int trace_fd = -1;
static atomic_flag trace_lock = ATOMIC_FLAG_INIT;

void fault_trace_begin(void)
{
    trace_fd = (int)syscall(
        SYS_openat, AT_FDCWD, "trace", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

void fault_trace_lock(void)
{
    if (trace_fd < 0)
        return;
    while (atomic_flag_test_and_set(&trace_lock))
        syscall(SYS_sched_yield);
}

void fault_trace_unlock(void)
{
    if (trace_fd >= 0)
        atomic_flag_clear(&trace_lock);
}

void fault_trace(
    uint32_t what, uint64_t inode, uint64_t offset, const char *name, const void *data, size_t size)
{
    fault_record record = {what, (uint32_t)strlen(name), inode, offset, size};
    struct iovec parts[] = {{&record, sizeof record}, {(void *)(uintptr_t)name, record.name_size},
        {(void *)(uintptr_t)data, data != NULL ? size : 0}};
    if (trace_fd < 0)
        return;
    if (data == NULL)
        record.size = 0;
    if (syscall(SYS_writev, trace_fd, parts, 3) < 0)
        _exit(124); /* the record would lie */
}
