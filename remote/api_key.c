/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the key. The buffer is on the stack, and the header is reserved whole before the key is
 * appended: growing it would leave a copy of the key in freed memory.
 */
#include "remote/api_key.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { KEY_BYTES_MAX = 4096 };

static amphi_status fail_unreadable(const amphi_api_key_source *source, amphi_error *error)
{
    return amphi__fail(error, errno == ENOENT ? AMPHI_E_NOT_FOUND : AMPHI_E_IO, errno,
        "endpoint %s: the key file can't be read", source->endpoint);
}

static amphi_status read_key_file(
    const amphi_api_key_source *source, char *out, size_t *size, amphi_error *error)
{
    *size = 0;
    int fd = open(source->key_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_unreadable(source, error);
    ssize_t got = 1;
    while (got > 0 && *size < KEY_BYTES_MAX) {
        got = read(fd, out + *size, KEY_BYTES_MAX - *size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            *size += (size_t)got;
    }
    amphi_status status = AMPHI_OK;
    if (got < 0) {
        status = fail_unreadable(source, error);
    } else if (got > 0) {
        status = amphi__fail(
            error, AMPHI_E_FORMAT, 0, "endpoint %s: the key file is too long", source->endpoint);
    }
    close(fd);
    return status;
}

static amphi_status find_key(
    const amphi_api_key_source *source, char *out, size_t *size, amphi_error *error)
{
    const amphi_keys *keys = &source->keys;
    *size = 0;
    if (keys->ops != NULL && keys->ops->api_key != NULL) {
        amphi_status status = keys->ops->api_key(
            keys->self, amphi_str_from(source->endpoint), out, KEY_BYTES_MAX, size, error);
        if (status != AMPHI_E_NOT_FOUND)
            return status;
        *size = 0;
        amphi__error_clear(error);
    }
    return source->key_file[0] != '\0' ? read_key_file(source, out, size, error) : AMPHI_OK;
}

amphi_status amphi__api_key_authorization(
    amphi_buf *out, const amphi_api_key_source *source, amphi_error *error)
{
    char key[KEY_BYTES_MAX];
    size_t size = 0;
    amphi_status status = find_key(source, key, &size, error);
    bool is_wanted = source->key_file[0] != '\0' || size > 0;
    if (status != AMPHI_OK || !is_wanted)
        goto cleanup;
    amphi_str text = amphi__str_trim(amphi_str_make(key, size));
    if (text.size == 0 || !amphi__str_is_visible_ascii(text)) {
        status = amphi__fail(error, AMPHI_E_FORMAT, 0,
            "endpoint %s: the key must be one line of visible ASCII characters", source->endpoint);
        goto cleanup;
    }
    amphi__buf_reserve(out, text.size + sizeof "Bearer ");
    amphi__buf_append_c(out, "Bearer ");
    amphi__buf_append_str(out, text);
    status = out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
cleanup:
    amphi__wipe(key, sizeof key);
    return status;
}
