/* SPDX-License-Identifier: Apache-2.0
 *
 * A crash between a deletion's commit and this change leaves the others with the epoch, which they
 * read once a second. The bytes are random, so that two deletions at the same time are two changes.
 */
#include "storage/store_hint.h"

#include "sdk/core/crypto.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 4200

void amphi__store_hint_open(amphi_store_sqlcipher *store)
{
    char path[NAME_BYTES];
    uint64_t none = 1;
    store->hint_fd = -1;
    int size = snprintf(path, sizeof path, "%s/" AMPHI_HINT_FILE, store->dir);
    if (size <= 0 || size >= NAME_BYTES)
        return;
    store->hint_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (store->hint_fd < 0) /* a read-only medium */
        store->hint_fd = open(path, O_RDONLY | O_CLOEXEC);
    /* At once, so that a full disk does not keep it from being written later. */
    if (store->hint_fd >= 0 && amphi__store_hint(store) == 0)
        (void)!pwrite(store->hint_fd, &none, sizeof none, 0);
}

void amphi__store_hint_close(amphi_store_sqlcipher *store)
{
    if (store->hint_fd >= 0)
        close(store->hint_fd);
    store->hint_fd = -1;
}

void amphi__store_hint_change(amphi_store_sqlcipher *store)
{
    uint64_t fresh;
    if (store->hint_fd >= 0 && amphi__random(&fresh, sizeof fresh) == AMPHI_OK)
        (void)!pwrite(store->hint_fd, &fresh, sizeof fresh, 0);
}

uint64_t amphi__store_hint(void *self)
{
    const amphi_store_sqlcipher *store = self;
    uint64_t value = 0;
    if (store->hint_fd < 0 ||
        pread(store->hint_fd, &value, sizeof value, 0) != (ssize_t)sizeof value)
        return 0;
    return value;
}
