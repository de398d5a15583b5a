/* SPDX-License-Identifier: Apache-2.0
 *
 * The event-stream parser. A line that lies whole in one piece is read where it is; only the ends
 * of pieces are copied. CR, LF and CRLF all end a line, so a CR ends it at once (waiting for the
 * LF would hold an event back) and an LF right behind it is skipped, also in the next piece.
 */
#include "remote/sse.h"

#include "sdk/core/str.h"

static const char byte_order_mark[3] = {'\xEF', '\xBB', '\xBF'};
enum { BOM_DECIDED = 4 };

void amphi__sse_init(
    amphi_sse *sse, const amphi_sse_limits *limits, amphi_sse_fn *visit, void *user)
{
    memset(sse, 0, sizeof *sse);
    if (limits != NULL)
        sse->limits = *limits;
    if (sse->limits.line_bytes_max == 0)
        sse->limits.line_bytes_max = (size_t)1 << 20;
    if (sse->limits.event_bytes_max == 0)
        sse->limits.event_bytes_max = (size_t)4 << 20;
    if (sse->limits.events_max == 0)
        sse->limits.events_max = 262144;
    sse->visit = visit;
    sse->user = user;
    amphi__buf_init(&sse->line, sse->limits.line_bytes_max);
    amphi__buf_init(&sse->data, sse->limits.event_bytes_max + 1); /* the last LF is not content */
    amphi__buf_init(&sse->type, sse->limits.line_bytes_max);
    amphi__buf_init(&sse->id, sse->limits.line_bytes_max);
}

void amphi__sse_clear(amphi_sse *sse)
{
    amphi__buf_clear(&sse->line);
    amphi__buf_clear(&sse->data);
    amphi__buf_clear(&sse->type);
    amphi__buf_clear(&sse->id);
}

/* An empty line: the event is complete, if it has data at all. */
static amphi_status dispatch(amphi_sse *sse)
{
    amphi_status status = AMPHI_OK;
    if (sse->data.size > 0) {
        amphi_sse_event event;
        event.type = amphi__buf_str(&sse->type);
        event.data = amphi__buf_str(&sse->data);
        event.data.size--; /* the LF behind the last line */
        event.id = amphi__buf_str(&sse->id);
        if (sse->events == sse->limits.events_max)
            return AMPHI_E_LIMIT;
        sse->events++;
        status = sse->visit(sse->user, &event);
    }
    amphi__buf_reset(&sse->data);
    amphi__buf_reset(&sse->type);
    return status;
}

static amphi_status replace(amphi_buf *buf, amphi_str value)
{
    amphi__buf_reset(buf);
    return amphi__buf_append_str(buf, value);
}

static amphi_status set_retry(amphi_sse *sse, amphi_str value)
{
    uint64_t retry_ms;
    if (amphi__str_to_u64(value, &retry_ms))
        sse->retry_ms = retry_ms < UINT32_MAX ? (uint32_t)retry_ms : UINT32_MAX;
    return AMPHI_OK; /* anything but digits is ignored */
}

static amphi_status take_line(amphi_sse *sse, amphi_str line)
{
    if (line.size > sse->limits.line_bytes_max)
        return AMPHI_E_LIMIT;
    if (line.size == 0)
        return dispatch(sse);
    if (line.data[0] == ':') { /* a comment; servers send them to keep the connection alive */
        sse->is_alive = true;
        return AMPHI_OK;
    }
    amphi_str value;
    amphi_str field = amphi__str_cut(line, ':', &value);
    if (value.size > 0 && value.data[0] == ' ')
        value = amphi__str_slice(value, 1, value.size);
    if (amphi__str_equal_c(field, "data")) {
        amphi_status status = amphi__buf_append_str(&sse->data, value);
        return status == AMPHI_OK ? amphi__buf_append_char(&sse->data, '\n') : status;
    }
    if (amphi__str_equal_c(field, "event"))
        return replace(&sse->type, value);
    if (amphi__str_equal_c(field, "id")) {
        bool has_nul = value.size > 0 && memchr(value.data, '\0', value.size) != NULL;
        return has_nul ? AMPHI_OK : replace(&sse->id, value);
    }
    if (amphi__str_equal_c(field, "retry"))
        return set_retry(sse, value);
    return AMPHI_OK; /* unknown fields are ignored */
}

/* Offset of the first CR or LF, or bytes.size. */
static size_t find_line_end(amphi_str bytes)
{
    const char *lf = memchr(bytes.data, '\n', bytes.size);
    size_t end = lf != NULL ? (size_t)(lf - bytes.data) : bytes.size;
    const char *cr = memchr(bytes.data, '\r', end);
    return cr != NULL ? (size_t)(cr - bytes.data) : end;
}

/* A byte order mark at the very front is skipped; it may come in three pieces. Bytes that only
 * looked like its beginning belong to the first line. */
static amphi_status skip_mark(amphi_sse *sse, amphi_str *bytes)
{
    while (sse->bom_bytes < sizeof byte_order_mark && bytes->size > 0) {
        if (bytes->data[0] != byte_order_mark[sse->bom_bytes]) {
            size_t held = sse->bom_bytes;
            sse->bom_bytes = BOM_DECIDED;
            return amphi__buf_append(&sse->line, byte_order_mark, held);
        }
        sse->bom_bytes++;
        *bytes = amphi__str_slice(*bytes, 1, bytes->size);
    }
    if (sse->bom_bytes == sizeof byte_order_mark)
        sse->bom_bytes = BOM_DECIDED;
    return AMPHI_OK;
}

static amphi_status feed(amphi_sse *sse, amphi_str bytes)
{
    amphi_status status = AMPHI_OK;
    if (sse->bom_bytes != BOM_DECIDED)
        status = skip_mark(sse, &bytes);
    while (status == AMPHI_OK && bytes.size > 0) {
        if (sse->after_cr) {
            sse->after_cr = false;
            if (bytes.data[0] == '\n') {
                bytes = amphi__str_slice(bytes, 1, bytes.size);
                continue;
            }
        }
        size_t end = find_line_end(bytes);
        if (end == bytes.size)
            return amphi__buf_append_str(&sse->line, bytes);
        sse->after_cr = bytes.data[end] == '\r';
        amphi_str line = amphi__str_slice(bytes, 0, end);
        bytes = amphi__str_slice(bytes, end + 1, bytes.size);
        if (sse->line.size == 0) {
            status = take_line(sse, line);
            continue;
        }
        status = amphi__buf_append_str(&sse->line, line);
        if (status == AMPHI_OK)
            status = take_line(sse, amphi__buf_str(&sse->line));
        amphi__buf_reset(&sse->line);
    }
    return status;
}

amphi_status amphi__sse_feed(amphi_sse *sse, amphi_str bytes)
{
    if (sse->status == AMPHI_OK)
        sse->status = feed(sse, bytes);
    return sse->status;
}

amphi_status amphi__sse_end(amphi_sse *sse)
{
    /* Behind a CR the first of them is skipped, and the second one ends the event. */
    return amphi__sse_feed(sse, AMPHI_STR("\n\n"));
}
