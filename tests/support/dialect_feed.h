/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeding an answer's bytes to a dialect and recording its events. For tests of remote/dialect_*.
 */
#ifndef AMPHI_TESTS_DIALECT_FEED_H
#define AMPHI_TESTS_DIALECT_FEED_H

#include "remote/dialect.h"
#include "tests/support/engine_recorder.h"

extern const amphi_http_header event_stream[1];

/* prefix: the beginning that the request brought, or NULL. */
amphi_answer *new_answer(const amphi_dialect *dialect, engine_recorder *record, const char *prefix);

/* Feeds an event stream in pieces that end at `cuts`, and ends it with `error` (NULL: the body is
 * whole); asserts that exactly one terminal event came, and came last. */
void feed(const amphi_dialect *dialect, engine_recorder *record, amphi_str stream,
    const size_t *cuts, size_t cuts_count, const amphi_error *error);

/* Never NULL. */
const char *text_of(const amphi_buf *buf);

#endif
