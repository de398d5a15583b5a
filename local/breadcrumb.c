/* SPDX-License-Identifier: Apache-2.0
 *
 * One page, one writer. A crumb that was only half written has a wrong checksum and counts as
 * none; the stores are a handful, so that takes a power cut, or a kill between two of them.
 */
#include "local/breadcrumb.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC 0x31637268706d61ull /* "amphrc1" */

typedef struct amphi_crumb_bytes {
    uint64_t magic;
    char model[40]; /* the fingerprint's beginning */
    uint32_t phase;
    uint32_t crashes;
    uint32_t unused;
    uint32_t checksum; /* of what stands before */
} amphi_crumb_bytes;

_Static_assert(sizeof(amphi_crumb_bytes) == 64, "64 bytes, no holes");

/* FNV-1a, 32 bits. */
static uint32_t checksum(const amphi_crumb_bytes *bytes)
{
    const uint8_t *at = (const uint8_t *)bytes;
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < offsetof(amphi_crumb_bytes, checksum); i++)
        sum = (sum ^ at[i]) * 16777619u;
    return sum;
}

static void write_crumb(amphi_breadcrumb *crumb, amphi_crumb_bytes next)
{
    next.magic = MAGIC;
    next.checksum = checksum(&next);
    *crumb->bytes = next;
}

/* false: `bytes` holds no crumb. */
static bool is_sound(const amphi_crumb_bytes *bytes)
{
    return bytes->magic == MAGIC && bytes->checksum == checksum(bytes);
}

static int open_file(const char *path)
{
    return path[0] != '\0' ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
}

void amphi__breadcrumb_open(amphi_breadcrumb *crumb, const char *path)
{
    int fd = open_file(path);
    *crumb = (amphi_breadcrumb){.fd = -1, .other_fd = -1};
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) { /* another client leaves them */
        crumb->other_fd = fd;
        return;
    }
    void *memory = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(amphi_crumb_bytes)) == 0)
        memory = mmap(NULL, sizeof(amphi_crumb_bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        if (fd >= 0)
            close(fd);
        return;
    }
    crumb->fd = fd;
    crumb->bytes = memory;
    if (!is_sound(crumb->bytes)) {
        write_crumb(crumb, (amphi_crumb_bytes){0});
    } else if (crumb->bytes->phase != AMPHI_BREADCRUMB_IDLE) { /* it ended in the middle */
        amphi_crumb_bytes next = *crumb->bytes;

        next.phase = AMPHI_BREADCRUMB_IDLE;
        next.crashes++;
        write_crumb(crumb, next);
    }
}

void amphi__breadcrumb_close(amphi_breadcrumb *crumb)
{
    if (crumb->bytes != NULL) {
        munmap(crumb->bytes, sizeof *crumb->bytes);
        close(crumb->fd); /* and the lock goes */
    }
    if (crumb->other_fd >= 0)
        close(crumb->other_fd);
    *crumb = (amphi_breadcrumb){.fd = -1, .other_fd = -1};
}

static bool is_of(const amphi_crumb_bytes *bytes, const char *fingerprint)
{
    return strncmp(bytes->model, fingerprint, sizeof bytes->model) == 0;
}

uint32_t amphi__breadcrumb_crashes(const amphi_breadcrumb *crumb, const char *fingerprint)
{
    if (crumb->bytes != NULL)
        return is_of(crumb->bytes, fingerprint) ? crumb->bytes->crashes : 0;
    /* Read, not mapped: the file is not ours, and may be shorter by now. */
    amphi_crumb_bytes other;
    return crumb->other_fd >= 0 &&
                   pread(crumb->other_fd, &other, sizeof other, 0) == (ssize_t)sizeof other &&
                   is_sound(&other) && is_of(&other, fingerprint)
               ? other.crashes
               : 0;
}

void amphi__breadcrumb_set(
    amphi_breadcrumb *crumb, amphi_breadcrumb_phase phase, const char *fingerprint)
{
    size_t size = strlen(fingerprint);
    if (crumb->bytes == NULL)
        return;
    amphi_crumb_bytes next = {0};
    if (is_of(crumb->bytes, fingerprint))
        next = *crumb->bytes;
    else
        memcpy(next.model, fingerprint, size < sizeof next.model ? size : sizeof next.model);
    next.phase = phase;
    write_crumb(crumb, next);
}

void amphi__breadcrumb_forgive(amphi_breadcrumb *crumb)
{
    if (crumb->bytes != NULL && crumb->bytes->crashes != 0) {
        amphi_crumb_bytes next = *crumb->bytes;

        next.crashes = 0;
        write_crumb(crumb, next);
    }
}
