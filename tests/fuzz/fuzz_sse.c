/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an event stream: the same events from the whole and from pieces, whose length the
 * first byte says.
 */
#include "tests/fuzz/fuzz.h"

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

static amphi_status feed(amphi_str text, size_t step, amphi_buf *out)
{
    const amphi_sse_limits limits = {
        .line_bytes_max = 200, .event_bytes_max = 400, .events_max = 50};
    amphi_status status = AMPHI_OK;
    amphi__buf_init(out, 0);
    amphi_sse sse;
    amphi__sse_init(&sse, &limits, on_event, out);
    for (size_t at = 0; at < text.size && status == AMPHI_OK; at += step)
        status = amphi__sse_feed(&sse, amphi__str_slice(text, at, at + step));
    if (status == AMPHI_OK)
        status = amphi__sse_end(&sse);
    amphi__sse_clear(&sse);
    return status;
}

static void body(const uint8_t *data, size_t size)
{
    if (size < 2)
        return;
    amphi_str text = fuzz_input(data + 1, size - 1);
    fuzz_starve();
    amphi_buf whole;
    amphi_status a = feed(text, text.size, &whole);
    amphi_buf pieces;
    amphi_status b = feed(text, data[0] % 16 + 1u, &pieces);
    fuzz_expect(fuzz_starved() ||
                (a == b && amphi__str_equal(amphi__buf_str(&whole), amphi__buf_str(&pieces))));
    amphi__buf_clear(&whole);
    amphi__buf_clear(&pieces);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(body, data, size);
}
