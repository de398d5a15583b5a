/* SPDX-License-Identifier: Apache-2.0
 *
 * The form of the file: a line that names it, the sealed key in hex, a checksum of both in hex. The
 * checksum keeps a damaged file apart from one that another key wrapped.
 */
#include "storage/wrapped_key.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC        "amphi wrapped key 1\n"
#define SEALED_BYTES (AMPHI_STORE_KEY_BYTES + AMPHI_SEAL_BYTES)
#define SUM_BYTES    8
#define BODY_BYTES   (sizeof MAGIC - 1 + 2 * SEALED_BYTES + 1)
#define FILE_BYTES   (BODY_BYTES + 2 * SUM_BYTES + 1)

static const amphi_str bound = {"amphi/store/wrapped key/1", 25};

amphi_status amphi__wrapped_key_salt(const uint8_t key[32], uint8_t out[16])
{
    uint8_t salt[32] = {0};
    amphi_status status = amphi__hkdf_sha256(key, AMPHI_STR("amphi/store/salt/1"), salt);
    memcpy(out, salt, 16);
    return status;
}

/* ---- the file's text ---- */

static amphi_status write_text(char out[FILE_BYTES + 1], const uint8_t key[AMPHI_STORE_KEY_BYTES],
    const uint8_t provider[AMPHI_STORE_KEY_BYTES])
{
    uint8_t wrapping[32];
    uint8_t sum[32];
    amphi_buf sealed;
    amphi__buf_init(&sealed, 0);
    amphi_status status = amphi__hkdf_sha256(provider, bound, wrapping);
    if (status == AMPHI_OK)
        status = amphi__seal(
            wrapping, bound, amphi_str_make((const char *)key, AMPHI_STORE_KEY_BYTES), &sealed);
    if (status == AMPHI_OK) {
        memcpy(out, MAGIC, sizeof MAGIC);
        amphi__hex(out + sizeof MAGIC - 1, (const uint8_t *)sealed.data, SEALED_BYTES);
        out[BODY_BYTES - 1] = '\n';
        status = amphi__sha256(amphi_str_make(out, BODY_BYTES), sum);
    }
    if (status == AMPHI_OK) {
        amphi__hex(out + BODY_BYTES, sum, SUM_BYTES);
        out[FILE_BYTES - 1] = '\n';
        out[FILE_BYTES] = '\0';
    }
    amphi__wipe(wrapping, sizeof wrapping);
    amphi__buf_clear(&sealed);
    return status;
}

static bool unhex(uint8_t *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *high = memchr(digits, text[2 * i], 16);
        const char *low = memchr(digits, text[2 * i + 1], 16);
        if (high == NULL || low == NULL)
            return false;
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

static amphi_status read_text(uint8_t key[AMPHI_STORE_KEY_BYTES],
    const uint8_t provider[AMPHI_STORE_KEY_BYTES], const char *text, size_t size, const char *path,
    amphi_error *error)
{
    uint8_t wrapping[32];
    uint8_t sealed[SEALED_BYTES];
    uint8_t sum[32];
    uint8_t stated[SUM_BYTES];
    if (size != FILE_BYTES || text[FILE_BYTES - 1] != '\n' ||
        memcmp(text, MAGIC, sizeof MAGIC - 1) != 0 ||
        !unhex(sealed, text + sizeof MAGIC - 1, SEALED_BYTES) ||
        !unhex(stated, text + BODY_BYTES, SUM_BYTES) ||
        amphi__sha256(amphi_str_make(text, BODY_BYTES), sum) != AMPHI_OK ||
        memcmp(sum, stated, SUM_BYTES) != 0)
        return amphi__fail(error, AMPHI_E_CORRUPT, 0,
            "wrapped key: damaged; restore it from a backup: %.90s", path);
    amphi_buf plain;
    amphi__buf_init(&plain, 0);
    amphi_status status = amphi__hkdf_sha256(provider, bound, wrapping);
    if (status == AMPHI_OK)
        status = amphi__open(
            wrapping, bound, amphi_str_make((const char *)sealed, sizeof sealed), &plain);
    if (status == AMPHI_OK)
        memcpy(key, plain.data, AMPHI_STORE_KEY_BYTES);
    else if (status == AMPHI_E_CORRUPT)
        status = amphi__fail(error, AMPHI_E_KEY, 0,
            "wrapped key: the provider's key is not the one that wrapped it: restore the key that "
            "belongs to %.60s",
            path);
    else
        amphi__fail(error, status, 0, "wrapped key: can't be unwrapped");
    amphi__wipe(wrapping, sizeof wrapping);
    amphi__buf_wipe(&plain);
    return status;
}

/* ---- files ---- */

/* A signal is no reason: on slow media opening waits, and is interrupted. */
static int open_file(const char *path)
{
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* As far as it goes; false: the medium. */
static bool read_all(int fd, void *out, size_t capacity, size_t *size)
{
    ssize_t got = 1;
    *size = 0;
    while (got != 0 && *size < capacity) {
        got = read(fd, (char *)out + *size, capacity - *size);
        if (got < 0 && errno != EINTR)
            return false;
        *size += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* AMPHI_E_NOT_FOUND when there is none. */
static amphi_status read_file(uint8_t key[AMPHI_STORE_KEY_BYTES],
    const uint8_t provider[AMPHI_STORE_KEY_BYTES], amphi_str data_dir, const char *name,
    amphi_error *error)
{
    char text[FILE_BYTES + 1];
    char *path = NULL;
    size_t size = 0;
    amphi_status status = amphi__data_dir_path(&path, data_dir, name, error);
    if (status != AMPHI_OK)
        return status;
    int fd = open_file(path);
    if (fd < 0 && errno == ENOENT)
        status = AMPHI_E_NOT_FOUND;
    else if (fd < 0)
        status = amphi__fail(error, AMPHI_E_IO, errno, "wrapped key: can't open %.100s", path);
    else if (!read_all(fd, text, sizeof text, &size))
        status = amphi__fail(error, AMPHI_E_IO, errno, "wrapped key: can't read %.100s", path);
    else
        status = read_text(key, provider, text, size, path, error);
    if (fd >= 0)
        close(fd);
    amphi__free(path);
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

/* Does the database begin with what this key gives? Only asked when a rekey was interrupted. */
static amphi_status check_fit(
    bool *fits, const uint8_t key[32], amphi_str data_dir, amphi_error *error)
{
    uint8_t salt[16];
    uint8_t first[16];
    char *path = NULL;
    *fits = false;
    amphi_status status = amphi__data_dir_path(&path, data_dir, AMPHI_STORE_FILE, error);
    if (status != AMPHI_OK)
        return status;
    size_t size = 0;
    int fd = open_file(path);
    if (fd >= 0) {
        status = amphi__wrapped_key_salt(key, salt);
        if (status == AMPHI_OK && !read_all(fd, first, sizeof first, &size))
            status = AMPHI_E_IO;
        *fits = status == AMPHI_OK && size == sizeof first &&
                amphi__bytes_equal(first, salt, sizeof salt);
        close(fd);
    } else if (errno != ENOENT) {
        status = AMPHI_E_IO;
    }
    if (status != AMPHI_OK)
        amphi__fail(error, status, errno, "store: can't read the beginning of %.100s", path);
    amphi__free(path);
    return status;
}

/* Is there a key that an interrupted rekey left, and is it in use? One that can't be read for want
 * of memory, or by the medium's fault, may be: then nothing is opened. Half of one is not. */
static amphi_status find_new(bool *is_in_use, uint8_t found[AMPHI_STORE_KEY_BYTES],
    const uint8_t provider[AMPHI_STORE_KEY_BYTES], amphi_str data_dir, amphi_error *error)
{
    *is_in_use = false;
    amphi_status status = read_file(found, provider, data_dir, AMPHI_WRAP_NEW_FILE, error);
    if (status == AMPHI_OK)
        return check_fit(is_in_use, found, data_dir, error);
    return status == AMPHI_E_NO_MEMORY || status == AMPHI_E_IO ? status : AMPHI_OK;
}

amphi_status amphi__wrapped_key_open(
    uint8_t key[AMPHI_STORE_KEY_BYTES], amphi_str data_dir, amphi_error *error)
{
    uint8_t provider[AMPHI_STORE_KEY_BYTES];
    uint8_t found[AMPHI_STORE_KEY_BYTES];
    memcpy(provider, key, sizeof provider);
    bool is_new = false;
    amphi_status status = find_new(&is_new, found, provider, data_dir, error);
    if (status == AMPHI_OK && is_new) {
        status = amphi__wrapped_key_commit(data_dir, error);
    } else if (status == AMPHI_OK) {
        status = read_file(found, provider, data_dir, AMPHI_WRAP_FILE, error);
        if (status == AMPHI_E_NOT_FOUND) {
            memcpy(found, provider, sizeof found);
            status = AMPHI_OK;
        }
    }
    if (status == AMPHI_OK)
        amphi__error_clear(error);
    if (status == AMPHI_OK)
        memcpy(key, found, sizeof found);
    amphi__wipe(provider, sizeof provider);
    amphi__wipe(found, sizeof found);
    return status;
}

amphi_status amphi__wrapped_key_prepare(uint8_t fresh[AMPHI_STORE_KEY_BYTES],
    const uint8_t provider[AMPHI_STORE_KEY_BYTES], amphi_str data_dir, amphi_error *error)
{
    char text[FILE_BYTES + 1];
    char *path = NULL;
    amphi_status status = amphi__random(fresh, AMPHI_STORE_KEY_BYTES);
    if (status == AMPHI_OK)
        status = write_text(text, fresh, provider);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "wrapped key: no new key could be made");
    status = amphi__data_dir_path(&path, data_dir, AMPHI_WRAP_NEW_FILE, error);
    if (status != AMPHI_OK)
        return status;
    unlink(path); /* an interrupted one's, which never came into use */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 || !write_all(fd, text, FILE_BYTES) || fsync(fd) != 0)
        status = amphi__fail(error, AMPHI_E_IO, errno, "wrapped key: can't write %.80s%s", path,
            amphi__data_dir_reason(errno));
    if (fd >= 0)
        close(fd);
    char *dir = NULL;
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&dir, data_dir, "", error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_sync(dir, error);
    if (status != AMPHI_OK)
        unlink(path); /* nothing has this key yet */
    amphi__free(path);
    amphi__free(dir);
    return status;
}

void amphi__wrapped_key_discard(const uint8_t provider[AMPHI_STORE_KEY_BYTES], amphi_str data_dir)
{
    uint8_t found[AMPHI_STORE_KEY_BYTES];
    char *path = NULL;
    bool is_in_use = true;
    if (find_new(&is_in_use, found, provider, data_dir, NULL) == AMPHI_OK && !is_in_use &&
        amphi__data_dir_path(&path, data_dir, AMPHI_WRAP_NEW_FILE, NULL) == AMPHI_OK)
        (void)amphi__wrapped_key_shred_file(path, NULL);
    amphi__wipe(found, sizeof found);
    amphi__free(path);
}

amphi_status amphi__wrapped_key_commit(amphi_str data_dir, amphi_error *error)
{
    char *dir = NULL;
    char *from = NULL;
    char *to = NULL;
    amphi_status status = amphi__data_dir_path(&dir, data_dir, "", error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&from, data_dir, AMPHI_WRAP_NEW_FILE, error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&to, data_dir, AMPHI_WRAP_FILE, error);
    if (status == AMPHI_OK && rename(from, to) != 0 && errno != ENOENT) /* another process did */
        status = amphi__fail(error, AMPHI_E_IO, errno, "wrapped key: can't be put in place");
    if (status == AMPHI_OK)
        status = amphi__data_dir_sync(dir, error);
    amphi__free(dir);
    amphi__free(from);
    amphi__free(to);
    return status;
}

static uint64_t size_in(amphi_str data_dir, const char *name)
{
    struct stat info = {.st_size = 0};
    char *path = NULL;
    if (amphi__data_dir_path(&path, data_dir, name, NULL) == AMPHI_OK && stat(path, &info) != 0)
        info.st_size = 0;
    amphi__free(path);
    return (uint64_t)info.st_size;
}

void amphi__store_key_facts(amphi_str data_dir, bool *is_wrapped, uint64_t *store_bytes)
{
    *is_wrapped = size_in(data_dir, AMPHI_WRAP_FILE) > 0;
    *store_bytes = size_in(data_dir, AMPHI_STORE_FILE) + size_in(data_dir, AMPHI_STORE_FILE "-wal");
}

/* ---- the end ---- */

amphi_status amphi__wrapped_key_shred_file(const char *path, amphi_error *error)
{
    uint8_t noise[512];
    struct stat info;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return AMPHI_OK;
    bool done = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    for (off_t at = 0; done && at < info.st_size && at < 65536; at += (off_t)sizeof noise) {
        done = amphi__random(noise, sizeof noise) == AMPHI_OK &&
               pwrite(fd, noise, sizeof noise, at) == (ssize_t)sizeof noise;
    }
    done = done && fsync(fd) == 0 && unlink(path) == 0;
    amphi_status status = AMPHI_OK;
    if (!done)
        status = amphi__fail(error, AMPHI_E_IO, errno, "key: can't overwrite %.100s", path);
    if (fd >= 0)
        close(fd);
    return status;
}

amphi_status amphi__wrapped_key_destroy(amphi_str data_dir, amphi_error *error)
{
    static const char *const names[] = {AMPHI_WRAP_FILE, AMPHI_WRAP_NEW_FILE};
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < 2 && status == AMPHI_OK; i++) {
        char *path = NULL;
        status = amphi__data_dir_path(&path, data_dir, names[i], error);
        if (status == AMPHI_OK)
            status = amphi__wrapped_key_shred_file(path, error);
        amphi__free(path);
    }
    return status;
}
