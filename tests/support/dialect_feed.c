/* SPDX-License-Identifier: Apache-2.0
 *
 * See dialect_feed.h.
 */
#include "tests/support/dialect_feed.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const amphi_http_header event_stream[1] = {
    {{"Content-Type", 12}, {"text/event-stream; charset=utf-8", 32}}};

amphi_answer *new_answer(const amphi_dialect *dialect, engine_recorder *record, const char *prefix)
{
    const amphi_answer_options options = {
        .sink = engine_recorder_sink(record), .prefix = amphi_str_from(prefix)};
    amphi_answer *answer = NULL;
    assert_int_equal(dialect->answer_new(&answer, &options), AMPHI_OK);
    return answer;
}

void feed(const amphi_dialect *dialect, engine_recorder *record, amphi_str stream,
    const size_t *cuts, size_t cuts_count, const amphi_error *error)
{
    amphi_answer *answer = new_answer(dialect, record, NULL);
    dialect->answer_headers(answer, 200, event_stream, 1);
    size_t from = 0;
    for (size_t i = 0; i <= cuts_count; i++) {
        size_t to = i < cuts_count ? cuts[i] : stream.size;
        dialect->answer_body(answer, amphi__str_slice(stream, from, to));
        from = to;
    }
    dialect->answer_end(answer, error);
    dialect->answer_free(answer);
    assert_int_equal(record->terminals, 1);
    assert_int_equal(record->after_terminal, 0);
}

const char *text_of(const amphi_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}
