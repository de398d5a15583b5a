/* SPDX-License-Identifier: Apache-2.0
 *
 * A key is made once, under a lock on the data folder, and never while a database is there: a new
 * key could not open it.
 */
#include "storage/keys_place.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/data_dir.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES_MAX 32

typedef struct place_keys {
    amphi_keys_ops ops; /* the same for all places, but for the name */
    const amphi_key_place *place;
    char *dir;
} place_keys;

/* ---- which place ---- */

static bool has_file(amphi_str data_dir, const char *name)
{
    struct stat info;
    char *path = NULL;
    bool is_there = amphi__data_dir_path(&path, data_dir, name, NULL) == AMPHI_OK &&
                    stat(path, &info) == 0 && info.st_size > 0;
    amphi__free(path);
    return is_there;
}

/* The noted place, or "" where none is noted. */
static amphi_status read_note(char out[NAME_BYTES_MAX + 1], amphi_str data_dir, amphi_error *error)
{
    char *path = NULL;
    ssize_t got = 0;
    out[0] = '\0';
    amphi_status status = amphi__data_dir_path(&path, data_dir, AMPHI_PLACE_FILE, error);
    if (status != AMPHI_OK)
        return status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        got = read(fd, out, NAME_BYTES_MAX);
    if ((fd < 0 && errno != ENOENT && errno != ENOTDIR) || got < 0)
        status = amphi__fail(
            error, AMPHI_E_IO, errno, "keys: can't read %.100s (errno %d)", path, errno);
    out[got > 0 ? got : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
    amphi__free(path);
    return status;
}

amphi_status amphi__key_place_check(amphi_str data_dir, const char *name, amphi_error *error)
{
    char noted[NAME_BYTES_MAX + 1];
    if (!has_file(data_dir, AMPHI_STORE_FILE))
        return AMPHI_OK;
    amphi_status status = read_note(noted, data_dir, error);
    if (status != AMPHI_OK)
        return status;
    if (noted[0] == '\0' && has_file(data_dir, AMPHI_KEY_FILE))
        snprintf(noted, sizeof noted, "file");
    if (noted[0] == '\0' || strcmp(noted, name) == 0)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_KEY, 0,
        "keys: this store's key is in the place \"%s\", not in \"%s\": open it with keys_place "
        "\"%s\" (--keys %s)",
        noted, name, noted, noted);
}

amphi_status amphi__key_place_note(amphi_str data_dir, const char *name, amphi_error *error)
{
    char *path = NULL;
    char *dir = NULL;
    size_t size = strlen(name);
    amphi_status status = amphi__data_dir_path(&path, data_dir, AMPHI_PLACE_FILE, error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&dir, data_dir, "", error);
    if (status == AMPHI_OK) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd < 0 || write(fd, name, size) != (ssize_t)size || write(fd, "\n", 1) != 1 ||
            fsync(fd) != 0)
            status = amphi__fail(error, AMPHI_E_IO, errno, "keys: can't write %.100s", path);
        if (fd >= 0)
            close(fd);
    }
    if (status == AMPHI_OK)
        status = amphi__data_dir_sync(dir, error);
    amphi__free(path);
    amphi__free(dir);
    return status;
}

amphi_status amphi__key_place_forget(amphi_str data_dir, amphi_error *error)
{
    char *path = NULL;
    amphi_status status = amphi__data_dir_path(&path, data_dir, AMPHI_PLACE_FILE, error);
    if (status == AMPHI_OK && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
        status = amphi__fail(error, AMPHI_E_IO, errno, "keys: can't remove %.100s", path);
    amphi__free(path);
    return status;
}

/* ---- the folder's path, and its lock ---- */

/* The path that names the key. Of a folder that is not there yet: what it will be. */
static amphi_status resolve(char out[PATH_MAX], const char *dir, amphi_error *error)
{
    char head[PATH_MAX];
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/')
        size--;
    if (size >= sizeof head)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "data_dir: longer than a path may be");
    memcpy(head, dir, size);
    head[size] = '\0';
    const char *rest = dir + size; /* what is not there */
    while (realpath(head, out) == NULL) {
        char *slash = strrchr(head, '/');
        if (errno != ENOENT || strcmp(head, "/") == 0 || strcmp(head, ".") == 0)
            return amphi__fail(error, AMPHI_E_IO, errno,
                "data_dir: can't be followed (errno %d): %.100s", errno, dir);
        rest = slash != NULL ? dir + (slash - head) + 1 : dir;
        if (slash == NULL)
            snprintf(head, sizeof head, ".");
        else
            slash[slash == head ? 1 : 0] = '\0';
    }
    size_t at = strlen(out);
    size_t more = size - (size_t)(rest - dir);
    if (more > 0 && at + more + 2 > PATH_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "data_dir: longer than a path may be");
    if (more > 0)
        snprintf(out + at, PATH_MAX - at, "%s%.*s", at > 1 ? "/" : "", (int)more, rest);
    return AMPHI_OK;
}

/* Closing *fd gives the lock back. */
static amphi_status lock_folder(int *fd, const char *path, amphi_error *error)
{
    int rc = -1;
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0)
        do {
            rc = flock(*fd, LOCK_EX);
        } while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_IO, errno, "keys: can't lock %.100s (errno %d)", path, errno);
}

/* ---- the provider ---- */

static amphi_status create_key(const place_keys *keys, const char *path,
    uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    uint8_t key[AMPHI_STORE_KEY_BYTES];
    amphi_status status = amphi__random(key, sizeof key);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "keys: no random numbers");
    status = amphi__key_place_note(amphi_str_from(keys->dir), keys->place->name, error);
    if (status == AMPHI_OK)
        status = keys->place->put(path, key, error);
    if (status == AMPHI_OK) /* what it will give the next time */
        status = keys->place->get(path, out, error);
    if (status == AMPHI_E_NOT_FOUND ||
        (status == AMPHI_OK && !amphi__bytes_equal(key, out, sizeof key)))
        status = amphi__fail(error, AMPHI_E_KEY, 0,
            "keys: \"%s\" took a new key and does not give it back", keys->place->name);
    amphi__wipe(key, sizeof key);
    return status;
}

/* The lock is on a folder, so of two processes that come here one makes the key. */
static amphi_status make_key(
    const place_keys *keys, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *won, amphi_error *error)
{
    char path[PATH_MAX];
    int lock = -1;
    amphi_status status = amphi__data_dir_make(amphi_str_from(keys->dir), error);
    if (status == AMPHI_OK)
        status = resolve(path, keys->dir, error);
    if (status == AMPHI_OK)
        status = lock_folder(&lock, path, error);
    if (status == AMPHI_OK)
        status = keys->place->get(path, out, error);
    if (status == AMPHI_E_NOT_FOUND && has_file(amphi_str_from(keys->dir), AMPHI_STORE_FILE)) {
        status = amphi__fail(error, AMPHI_E_KEY, 0,
            "keys: %s is there, but \"%s\" has no key for %.60s: %s", AMPHI_STORE_FILE,
            keys->place->name, path, keys->place->loss);
    } else if (status == AMPHI_E_NOT_FOUND) {
        status = create_key(keys, path, out, error);
        *won = status == AMPHI_OK;
    }
    if (lock >= 0)
        close(lock);
    return status;
}

static amphi_status store_key(
    void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    const place_keys *keys = self;
    char path[PATH_MAX];
    bool won = false;
    amphi_status status = resolve(path, keys->dir, error);
    if (status == AMPHI_OK)
        status = keys->place->get(path, out, error);
    if (status == AMPHI_E_NOT_FOUND)
        status = make_key(keys, out, &won, error);
    if (status == AMPHI_E_CORRUPT) /* the store itself may be whole */
        status = amphi__fail(error, AMPHI_E_KEY, 0,
            "keys: what \"%s\" keeps for %.100s is no key: restore it from a backup",
            keys->place->name, path);
    if (created != NULL)
        *created = won;
    return status;
}

static void where(void *self, char *out, size_t capacity, bool *exists)
{
    const place_keys *keys = self;
    uint8_t key[AMPHI_STORE_KEY_BYTES];
    char path[PATH_MAX];
    amphi_error error;
    amphi__error_clear(&error);
    amphi_status status = resolve(path, keys->dir, &error);
    if (status == AMPHI_OK) {
        snprintf(out, capacity, "%s%s", keys->place->words, path);
        status = keys->place->get(path, key, &error);
    } else {
        snprintf(out, capacity, "%s", error.message);
    }
    *exists = status == AMPHI_OK || status == AMPHI_E_CORRUPT;
    amphi__wipe(key, sizeof key);
}

static amphi_status destroy(void *self, amphi_error *error)
{
    const place_keys *keys = self;
    char path[PATH_MAX];
    amphi_status status = resolve(path, keys->dir, error);
    if (status == AMPHI_OK)
        status = keys->place->remove(path, error);
    return status == AMPHI_OK ? amphi__key_place_forget(amphi_str_from(keys->dir), error) : status;
}

static void keys_free(void *self)
{
    place_keys *keys = self;
    if (keys == NULL)
        return;
    amphi__free(keys->dir);
    amphi__free(keys);
}

/* Asks the place once: one that does not answer is better known before anything is opened. */
static amphi_status ask_place(const place_keys *keys, amphi_error *error)
{
    uint8_t key[AMPHI_STORE_KEY_BYTES];
    char path[PATH_MAX];
    amphi_status status = resolve(path, keys->dir, error);
    if (status == AMPHI_OK)
        status = keys->place->get(path, key, error);
    amphi__wipe(key, sizeof key);
    if (status == AMPHI_E_NOT_FOUND || status == AMPHI_E_CORRUPT) {
        amphi__error_clear(error);
        status = AMPHI_OK;
    }
    return status;
}

amphi_status amphi__keys_in_place(
    amphi_keys *out, const amphi_key_place *place, amphi_str data_dir, amphi_error *error)
{
    if (data_dir.size == 0 || memchr(data_dir.data, '\0', data_dir.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "data_dir: empty, or with a NUL in it");
    place_keys *keys = amphi__calloc(1, sizeof *keys);
    if (keys == NULL)
        return amphi__fail_no_memory(error);
    keys->place = place;
    keys->ops = (amphi_keys_ops){
        .struct_size = sizeof(amphi_keys_ops),
        .name = place->name,
        .store_key = store_key,
        .free = keys_free,
        .where = where,
        .destroy = destroy,
    };
    amphi_status status = amphi__data_dir_path(&keys->dir, data_dir, "", error);
    if (status == AMPHI_OK)
        status = amphi__key_place_check(data_dir, place->name, error);
    if (status == AMPHI_OK)
        status = ask_place(keys, error);
    if (status == AMPHI_OK) {
        *out = (amphi_keys){.ops = &keys->ops, .self = keys};
        keys = NULL;
    }
    keys_free(keys);
    return status;
}

amphi_status amphi__keys_new(
    amphi_keys *out, amphi_str place, amphi_str data_dir, amphi_error *error)
{
    if (place.size == 0 || amphi__str_equal_c(place, "file"))
        return amphi__keys_file_new(out, data_dir, error);
    if (amphi__str_equal_c(place, "keyring"))
        return amphi__keys_in_place(out, &amphi__keyring_place, data_dir, error);
    if (amphi__str_equal_c(place, "libsecret"))
        return amphi__keys_in_place(out, &amphi__libsecret_place, data_dir, error);
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "keys_place: \"%.*s\" is none of file, keyring and libsecret",
        (int)(place.size < 40 ? place.size : 40), place.data);
}
