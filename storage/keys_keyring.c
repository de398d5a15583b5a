/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's key in the user's keyring of the Linux kernel (man 7 user-keyring): never on a disk,
 * open to every process of the same user, and gone when the machine starts anew. The system calls
 * are made directly; libkeyutils has nothing to add.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/keys_place.h"

#include <errno.h>
#include <stdio.h>

/* Android ends a process that asks for keyrings. */
#if defined(__linux__) && !defined(__ANDROID__)

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The holder may do everything, the user's other sessions may find, read and destroy it
 * (man 3 keyctl_setperm). */
#define PERMISSIONS 0x3f0b0000ul
/* The longest description that the kernel takes, with its NUL. */
#define DESCRIPTION_BYTES_MAX 4096

static amphi_status explain(const char *what, amphi_error *error)
{
    if (errno == ENOSYS || errno == EPERM || errno == EOPNOTSUPP)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, errno,
            "keyring: the kernel refuses keyrings here (errno %d): choose another place for the "
            "key, such as \"file\"",
            errno);
    if (errno == EDQUOT)
        return amphi__fail(error, AMPHI_E_KEY, errno,
            "keyring: the user has as many keys as the kernel allows (/proc/key-users)");
    return amphi__fail(
        error, AMPHI_E_KEY, errno, "keyring: can't %s the key (errno %d)", what, errno);
}

/* What the key is called. */
static bool describe(char out[DESCRIPTION_BYTES_MAX], const char *dir, amphi_error *error)
{
    int size = snprintf(out, DESCRIPTION_BYTES_MAX, "amphi:store:%s", dir);
    if (size >= 0 && size < DESCRIPTION_BYTES_MAX)
        return true;
    amphi__fail(error, AMPHI_E_ARGUMENT, 0, "keyring: the data folder's path is too long for it");
    return false;
}

/* AMPHI_E_NOT_FOUND: there is none. */
static amphi_status find(const char *dir, long *id, amphi_error *error)
{
    char description[DESCRIPTION_BYTES_MAX];
    if (!describe(description, dir, error))
        return AMPHI_E_ARGUMENT;
    *id = syscall(
        SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", (const char *)description, 0);
    if (*id >= 0)
        return AMPHI_OK;
    if (errno == ENOKEY || errno == EKEYEXPIRED || errno == EKEYREVOKED)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, errno, "keyring: no key for %.100s", dir);
    return explain("find", error);
}

static amphi_status get(const char *dir, uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    uint8_t key[AMPHI_STORE_KEY_BYTES];
    long id = -1;
    amphi_status status = find(dir, &id, error);
    if (status != AMPHI_OK)
        return status;
    /* The whole size is returned, whatever fits. */
    long size = syscall(SYS_keyctl, KEYCTL_READ, id, key, sizeof key, 0);
    if (size < 0)
        status = explain("read", error);
    else if (size != (long)sizeof key)
        status = amphi__fail(
            error, AMPHI_E_CORRUPT, 0, "keyring: no key of %d bytes", AMPHI_STORE_KEY_BYTES);
    else
        memcpy(out, key, sizeof key);
    amphi__wipe(key, sizeof key);
    return status;
}

static amphi_status put(
    const char *dir, const uint8_t key[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    char description[DESCRIPTION_BYTES_MAX];
    if (!describe(description, dir, error))
        return AMPHI_E_ARGUMENT;
    long id = syscall(SYS_add_key, "user", (const char *)description, key,
        (size_t)AMPHI_STORE_KEY_BYTES, KEY_SPEC_USER_KEYRING);
    if (id < 0)
        return explain("keep", error);
    if (syscall(SYS_keyctl, KEYCTL_SETPERM, id, PERMISSIONS, 0, 0) == 0)
        return AMPHI_OK;
    amphi_status status = explain("share", error);
    (void)syscall(SYS_keyctl, KEYCTL_INVALIDATE, id, 0, 0, 0);
    return status;
}

static amphi_status remove_key(const char *dir, amphi_error *error)
{
    long id = -1;
    amphi_status status = find(dir, &id, error);
    if (status == AMPHI_E_NOT_FOUND) {
        amphi__error_clear(error);
        return AMPHI_OK;
    }
    if (status == AMPHI_OK && syscall(SYS_keyctl, KEYCTL_INVALIDATE, id, 0, 0, 0) != 0)
        status = explain("destroy", error);
    return status;
}

#else

static amphi_status refuse(amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
        "keyring: Linux has it, this system does not: choose another place for the key");
}

static amphi_status get(const char *dir, uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    return refuse(error);
}

static amphi_status put(
    const char *dir, const uint8_t key[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    return refuse(error);
}

static amphi_status remove_key(const char *dir, amphi_error *error)
{
    return refuse(error);
}

#endif

const amphi_key_place amphi__keyring_place = {
    .name = "keyring",
    .words = "the user's kernel keyring, which a reboot empties: amphi:store:",
    .loss = "a reboot or the folder's new path lost it; move the folder back, or the database away",
    .get = get,
    .put = put,
    .remove = remove_key,
};
