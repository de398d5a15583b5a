/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events (WHATWG HTML, section 9.2 "Server-sent events"): bytes in, in pieces of any
 * size, events out. The parser holds at most one line and one event, and has a ceiling for both
 * and for the number of events; what the stream leaves unfinished is discarded, as the standard
 * wants. One thread at a time.
 */
#ifndef AMPHI_REMOTE_SSE_H
#define AMPHI_REMOTE_SSE_H

#include "sdk/core/buf.h"

typedef struct amphi_sse_event {
    amphi_str type; /* empty: "message" */
    amphi_str data; /* the data lines, joined by LF */
    amphi_str id;   /* the last id that the stream has set, in this event or before */
} amphi_sse_event;

/* The strings are valid for the call. Anything but AMPHI_OK stops the parser for good and is what
 * `feed` returns. */
typedef amphi_status amphi_sse_fn(void *user, const amphi_sse_event *event);

typedef struct amphi_sse_limits {
    size_t line_bytes_max;  /* of one line, without its end; 0: 1 MiB */
    size_t event_bytes_max; /* of one event's data; 0: 4 MiB */
    uint64_t events_max;    /* 0: 262,144 */
} amphi_sse_limits;

typedef struct amphi_sse {
    amphi_sse_limits limits;
    amphi_sse_fn *visit;
    void *user;
    amphi_buf line;    /* the beginning of a line whose end has not come yet */
    amphi_buf data;    /* each data line with an LF behind it */
    amphi_buf type;    /* of the event that is being read */
    amphi_buf id;      /* the last one */
    uint64_t events;   /* delivered so far */
    uint32_t retry_ms; /* the stream's reconnection time; 0: it named none */
    uint8_t bom_bytes; /* bytes of a leading byte order mark seen; 4: that question is over */
    bool after_cr;     /* an LF that comes next belongs to the CR before it */
    bool is_alive;     /* a comment came; the reader sets it back */
    amphi_status status;
} amphi_sse;

/* limits NULL: all defaults. No allocation. */
void amphi__sse_init(
    amphi_sse *sse, const amphi_sse_limits *limits, amphi_sse_fn *visit, void *user);
void amphi__sse_clear(amphi_sse *sse);
/* AMPHI_E_LIMIT, AMPHI_E_NO_MEMORY, or what `visit` returned; the same again on later calls. */
amphi_status amphi__sse_feed(amphi_sse *sse, amphi_str bytes);
/* The body has ended as HTTP says it should: an event whose last line ends or empty line are
 * missing is delivered all the same. (The standard drops it; servers that close behind their last
 * byte are more common than ones that mean that.) */
amphi_status amphi__sse_end(amphi_sse *sse);

#endif
