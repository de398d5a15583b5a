/* SPDX-License-Identifier: Apache-2.0
 *
 * The growable buffer of buf.h: it doubles up to its limit, with one spare byte for the NUL.
 */
#include "sdk/core/buf.h"

#include "sdk/core/alloc.h"

#include <stdarg.h>
#include <stdio.h>

enum { CAPACITY_FIRST = 64 };

void amphi__buf_init(amphi_buf *buf, size_t limit_bytes)
{
    memset(buf, 0, sizeof *buf);
    buf->limit_bytes = limit_bytes > 0 ? limit_bytes : (size_t)1 << 30;
}

void amphi__buf_clear(amphi_buf *buf)
{
    amphi__free(buf->data);
    amphi__buf_init(buf, buf->limit_bytes);
}

void amphi__buf_wipe(amphi_buf *buf)
{
    amphi__wipe(buf->data, buf->capacity);
    amphi__buf_clear(buf);
}

void amphi__buf_reset(amphi_buf *buf)
{
    amphi__buf_truncate(buf, 0);
    buf->status = AMPHI_OK;
}

static amphi_status remember(amphi_buf *buf, amphi_status status)
{
    if (buf->status == AMPHI_OK)
        buf->status = status;
    return status;
}

amphi_status amphi__buf_reserve(amphi_buf *buf, size_t size)
{
    size_t limit = buf->limit_bytes > 0 ? buf->limit_bytes : (size_t)1 << 30;
    if (size > limit || buf->size > limit - size)
        return remember(buf, AMPHI_E_LIMIT);
    size_t needed = buf->size + size + 1;
    if (needed <= buf->capacity)
        return AMPHI_OK;
    size_t capacity = buf->capacity > 0 ? buf->capacity : CAPACITY_FIRST;
    while (capacity < needed)
        capacity *= 2;
    char *data = amphi__realloc(buf->data, capacity);
    if (data == NULL)
        return remember(buf, AMPHI_E_NO_MEMORY);
    buf->data = data;
    buf->capacity = capacity;
    return AMPHI_OK;
}

amphi_status amphi__buf_append(amphi_buf *buf, const void *data, size_t size)
{
    amphi_status status = amphi__buf_reserve(buf, size);
    if (status != AMPHI_OK)
        return status;
    if (size > 0)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
    return AMPHI_OK;
}

amphi_status amphi__buf_append_str(amphi_buf *buf, amphi_str str)
{
    return amphi__buf_append(buf, str.data, str.size);
}

amphi_status amphi__buf_append_c(amphi_buf *buf, const char *text)
{
    return amphi__buf_append_str(buf, amphi_str_from(text));
}

amphi_status amphi__buf_append_char(amphi_buf *buf, char c)
{
    return amphi__buf_append(buf, &c, 1);
}

amphi_status amphi__buf_printf(amphi_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    amphi_status status =
        needed < 0 ? remember(buf, AMPHI_E_ARGUMENT) : amphi__buf_reserve(buf, (size_t)needed);
    if (status == AMPHI_OK) {
        vsnprintf(buf->data + buf->size, (size_t)needed + 1, format, again);
        buf->size += (size_t)needed;
    }
    va_end(again);
    return status;
}

void amphi__buf_consume(amphi_buf *buf, size_t size)
{
    if (size >= buf->size) {
        amphi__buf_truncate(buf, 0);
        return;
    }
    memmove(buf->data, buf->data + size, buf->size - size + 1);
    buf->size -= size;
}

void amphi__buf_truncate(amphi_buf *buf, size_t size)
{
    if (size < buf->size)
        buf->size = size;
    if (buf->data != NULL)
        buf->data[buf->size] = '\0';
}

amphi_str amphi__buf_str(const amphi_buf *buf)
{
    return amphi_str_make(buf->data, buf->size);
}

char *amphi__buf_take(amphi_buf *buf)
{
    if (buf->status != AMPHI_OK || amphi__buf_reserve(buf, 0) != AMPHI_OK) {
        amphi__buf_clear(buf);
        return NULL;
    }
    buf->data[buf->size] = '\0';
    char *data = buf->data;
    amphi__buf_init(buf, buf->limit_bytes);
    return data;
}
