/* SPDX-License-Identifier: Apache-2.0
 *
 * A growable byte buffer with an upper limit. The content is always followed by a NUL, so text in
 * it can be used as a C string. A failed append leaves the content as it was and is remembered in
 * `status`, so a long series of appends needs one check at its end.
 */
#ifndef AMPHI_CORE_BUF_H
#define AMPHI_CORE_BUF_H

#include <amphi/error.h>

typedef struct amphi_buf {
    char *data;          /* NULL while empty */
    size_t size;         /* bytes in use */
    size_t capacity;     /* bytes allocated */
    size_t limit_bytes;  /* content never grows past this */
    amphi_status status; /* AMPHI_OK, or the first failure: NO_MEMORY, LIMIT */
} amphi_buf;

/* No allocation yet. limit_bytes 0: 1 GiB. */
void amphi__buf_init(amphi_buf *buf, size_t limit_bytes);
void amphi__buf_clear(amphi_buf *buf); /* frees; usable again */
void amphi__buf_wipe(amphi_buf *buf);  /* overwrites, then frees */
void amphi__buf_reset(amphi_buf *buf); /* empty, keeps its memory and clears status */
amphi_status amphi__buf_append(amphi_buf *buf, const void *data, size_t size);
amphi_status amphi__buf_append_str(amphi_buf *buf, amphi_str str);
amphi_status amphi__buf_append_c(amphi_buf *buf, const char *text);
amphi_status amphi__buf_append_char(amphi_buf *buf, char c);
amphi_status amphi__buf_printf(amphi_buf *buf, const char *format, ...) AMPHI_PRINTF(2, 3);
/* Makes room for `size` more bytes, so that appends of that much can't fail. */
amphi_status amphi__buf_reserve(amphi_buf *buf, size_t size);
/* Drops the first `size` bytes. */
void amphi__buf_consume(amphi_buf *buf, size_t size);
void amphi__buf_truncate(amphi_buf *buf, size_t size);
amphi_str amphi__buf_str(const amphi_buf *buf);
/* The content as a heap string (never NULL unless memory ran out, or status is set); the buffer
 * is empty afterwards. */
char *amphi__buf_take(amphi_buf *buf);

#endif
