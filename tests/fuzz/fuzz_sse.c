/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an event stream: the same events from the whole and from pieces.
 */
#include "fuzz.h"
#include "remote/sse.h"

static amphi_status on_event(void *user, const amphi_sse_event *event)
{
    amphi__buf_append_str(user, event->type);
    amphi__buf_append_c(user, "\x01");
    amphi__buf_append_str(user, event->data);
    amphi__buf_append_c(user, "\x02");
    amphi__buf_append_str(user, event->id);
    return amphi__buf_append_c(user, "\x03");
}

static amphi_status run(amphi_str text, size_t step, amphi_buf *out)
{
    const amphi_sse_limits limits = {
        .line_bytes_max = 200, .event_bytes_max = 400, .events_max = 50};
    amphi_sse sse;
    amphi_status status = AMPHI_OK;
    amphi__buf_init(out, 0);
    amphi__sse_init(&sse, &limits, on_event, out);
    for (size_t at = 0; at < text.size && status == AMPHI_OK; at += step)
        status = amphi__sse_feed(&sse, amphi__str_slice(text, at, at + step));
    amphi__sse_clear(&sse);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amphi_buf whole;
    amphi_buf pieces;
    if (size < 2)
        return 0;
    amphi_str text = fuzz_input(data + 1, size - 1);
    amphi_status a = run(text, text.size, &whole);
    amphi_status b = run(text, data[0] % 16 + 1u, &pieces);
    fuzz_expect(a == b && amphi__str_equal(amphi__buf_str(&whole), amphi__buf_str(&pieces)));
    amphi__buf_clear(&whole);
    amphi__buf_clear(&pieces);
    return 0;
}
