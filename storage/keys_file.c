/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's key in a file of its own: 64 hex digits, mode 0600. It is written whole under
 * another name, synced, and then linked into place, so that of two processes one wins and both read
 * the same key, and a crash leaves no half of one. What is there is never replaced: a file that
 * can't be read as a key is an error, because a new key could not open the old store.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/keys_place.h"
#include "storage/storage.h"
#include "storage/wrapped_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_DIGITS ((size_t)2 * AMPHI_STORE_KEY_BYTES)

typedef struct keys_file {
    char *dir;
    char *path;  /* dir/store.key */
    char *store; /* dir/amphi.db */
} keys_file;

static bool digit_value(char c, uint8_t *out)
{
    if (c >= '0' && c <= '9')
        *out = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *out = (uint8_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        *out = (uint8_t)(c - 'A' + 10);
    else
        return false;
    return true;
}

/* 64 digits, and at most one line end (\n or \r\n) after them. */
static bool parse_key(const char *text, size_t size, uint8_t out[AMPHI_STORE_KEY_BYTES])
{
    if (size > 0 && text[size - 1] == '\n')
        size--;
    if (size == HEX_DIGITS + 1 && text[size - 1] == '\r')
        size--;
    if (size != HEX_DIGITS)
        return false;
    for (size_t i = 0; i < AMPHI_STORE_KEY_BYTES; i++) {
        uint8_t high;
        uint8_t low;
        if (!digit_value(text[2 * i], &high) || !digit_value(text[2 * i + 1], &low))
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static amphi_status check_file(int fd, const char *path, amphi_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return amphi__fail(error, AMPHI_E_IO, errno, "key file: can't read its mode");
    if (!S_ISREG(info.st_mode))
        return amphi__fail(error, AMPHI_E_KEY, 0, "key file: not a regular file: %.100s", path);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "key file: others may use it (mode %03o): chmod 600 %.90s",
            (unsigned)(info.st_mode & 0777), path);
    return AMPHI_OK;
}

/* AMPHI_E_NOT_FOUND when there is none. */
static amphi_status read_key(
    const char *path, uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    char text[HEX_DIGITS + 3]; /* one more than the longest good file */
    int fd;
    do /* NONBLOCK: opening a FIFO must not hang. A signal may interrupt it all the same. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd < 0 && errno == ENOENT)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, ENOENT, "key file: not there");
    if (fd < 0)
        return amphi__fail(
            error, AMPHI_E_IO, errno, "key file: can't open %.100s (errno %d)", path, errno);
    amphi_status status = check_file(fd, path, error);
    if (status == AMPHI_OK) {
        size_t size = 0;
        ssize_t got = 1;
        while (got > 0 && size < sizeof text) {
            got = read(fd, text + size, sizeof text - size);
            size += got > 0 ? (size_t)got : 0;
            if (got < 0 && errno == EINTR)
                got = 1;
        }
        if (got < 0)
            status = amphi__fail(error, AMPHI_E_IO, errno, "key file: can't read it");
        else if (!parse_key(text, size, out))
            status = amphi__fail(error, AMPHI_E_KEY, 0,
                "key file: not 64 hex digits; restore it from a backup: %.90s", path);
    }
    amphi__wipe(text, sizeof text);
    close(fd);
    return status;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR)
            return false;
        data += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* A new key in a file of its own under `path`. */
static amphi_status write_new(const char *path, amphi_error *error)
{
    uint8_t key[AMPHI_STORE_KEY_BYTES];
    char text[HEX_DIGITS + 2];
    amphi_status status = amphi__random(key, sizeof key);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "key file: no random numbers");
    amphi__hex(text, key, sizeof key);
    text[HEX_DIGITS] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        status = amphi__fail(error, AMPHI_E_IO, errno,
            "key file: can't create it in the data folder%s", amphi__data_dir_reason(errno));
    else if (!write_all(fd, text, HEX_DIGITS + 1) || fsync(fd) != 0)
        status = amphi__fail(
            error, AMPHI_E_IO, errno, "key file: can't write it%s", amphi__data_dir_reason(errno));
    if (fd >= 0)
        close(fd);
    amphi__wipe(key, sizeof key);
    amphi__wipe(text, sizeof text);
    return status;
}

/* Gives the file its name unless another process's file has it (*won is false then). */
static amphi_status put_in_place(const char *from, const char *to, bool *won, amphi_error *error)
{
    int rc = link(from, to);
#if defined(__linux__) && defined(RENAME_NOREPLACE)
    if (rc != 0 && errno != EEXIST) /* file systems without links: FAT, some shared storage */
        rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
#endif
    *won = rc == 0;
    if (rc != 0 && errno != EEXIST)
        return amphi__fail(error, AMPHI_E_IO, errno, "key file: can't give it its name");
    return AMPHI_OK;
}

static amphi_status create_key(keys_file *keys, bool *won, amphi_error *error)
{
    uint8_t random[8];
    char suffix[2 * sizeof random + 1];
    amphi_status status = amphi__random(random, sizeof random);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "key file: no random numbers");
    amphi__hex(suffix, random, sizeof random);
    size_t size = strlen(keys->path) + sizeof ".new-" + sizeof suffix;
    char *fresh = amphi__alloc(size);
    if (fresh == NULL)
        return amphi__fail_no_memory(error);
    snprintf(fresh, size, "%s.new-%s", keys->path, suffix);
    status = amphi__key_place_forget(amphi_str_from(keys->dir), error); /* of a store before */
    if (status == AMPHI_OK)
        status = write_new(fresh, error);
    if (status == AMPHI_OK)
        status = put_in_place(fresh, keys->path, won, error);
    unlink(fresh); /* renamed away: not there any more */
    if (status == AMPHI_OK)
        status = amphi__data_dir_sync(keys->dir, error);
    amphi__free(fresh);
    return status;
}

/* A store without its key: a new key could only say "wrong key". Reads the key a second time,
 * because another process may have made both in between. */
static amphi_status refuse_to_replace(
    keys_file *keys, uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    amphi_status status = read_key(keys->path, out, error);
    if (status == AMPHI_E_NOT_FOUND)
        status = amphi__fail(error, AMPHI_E_KEY, 0,
            "key file: %s is there but its key (%s) is gone: restore it, name the place that it "
            "was "
            "made with (keys_place), or move the database away",
            AMPHI_STORE_FILE, AMPHI_KEY_FILE);
    return status;
}

static amphi_status store_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    keys_file *keys = self;
    bool won = false;
    struct stat info;
    amphi_status status = read_key(keys->path, out, error);
    if (status == AMPHI_E_NOT_FOUND) {
        if (stat(keys->store, &info) == 0 && info.st_size > 0)
            return refuse_to_replace(keys, out, error);
        status = amphi__data_dir_make(amphi_str_from(keys->dir), error);
        if (status == AMPHI_OK)
            status = create_key(keys, &won, error);
        if (status == AMPHI_OK) /* ours, or the winner's */
            status = read_key(keys->path, out, error);
    }
    if (status == AMPHI_E_NOT_FOUND)
        status = amphi__fail(error, AMPHI_E_IO, 0, "key file: it vanished while it was made");
    if (created != NULL)
        *created = won && status == AMPHI_OK;
    return status;
}

static void where(void *self, char *out, size_t capacity, bool *exists)
{
    const keys_file *keys = self;
    snprintf(out, capacity, "%s", keys->path);
    *exists = access(keys->path, F_OK) == 0;
}

static amphi_status destroy(void *self, amphi_error *error)
{
    const keys_file *keys = self;
    amphi_status status = amphi__wrapped_key_shred_file(keys->path, error);
    return status == AMPHI_OK ? amphi__data_dir_sync(keys->dir, error) : status;
}

static void keys_free(void *self)
{
    keys_file *keys = self;
    if (keys == NULL)
        return;
    amphi__free(keys->dir);
    amphi__free(keys->path);
    amphi__free(keys->store);
    amphi__free(keys);
}

static const amphi_keys_ops file_ops = {
    .struct_size = sizeof(amphi_keys_ops),
    .name = "file",
    .store_key = store_key,
    .api_key = NULL,
    .free = keys_free,
    .where = where,
    .destroy = destroy,
};

amphi_status amphi__keys_file_new(amphi_keys *out, amphi_str data_dir, amphi_error *error)
{
    if (data_dir.size == 0 || memchr(data_dir.data, '\0', data_dir.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "data_dir: empty, or with a NUL in it");
    amphi_status status = AMPHI_OK;
    keys_file *keys = amphi__calloc(1, sizeof *keys);
    if (keys == NULL)
        return amphi__fail_no_memory(error);
    status = amphi__data_dir_path(&keys->dir, data_dir, "", error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&keys->path, data_dir, AMPHI_KEY_FILE, error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&keys->store, data_dir, AMPHI_STORE_FILE, error);
    if (status == AMPHI_OK)
        status = amphi__key_place_check(data_dir, "file", error);
    if (status == AMPHI_OK) {
        *out = (amphi_keys){.ops = &file_ops, .self = keys};
        keys = NULL;
    }
    keys_free(keys);
    return status;
}
