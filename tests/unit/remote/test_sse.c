/* SPDX-License-Identifier: Apache-2.0
 *
 * The event-stream parser: the standard's own examples first (WHATWG HTML, section 9.2.6), each fed
 * whole, byte by byte, at every cut and at random; then its corners and its limits.
 */
#include "remote/sse.h"
#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Events as text: type|id|data, with an LF behind each. */
static amphi_status write_down(void *user, const amphi_sse_event *event)
{
    amphi_buf *out = user;
    amphi__buf_append_str(out, event->type);
    amphi__buf_append_char(out, '|');
    amphi__buf_append_str(out, event->id);
    amphi__buf_append_char(out, '|');
    amphi__buf_append_str(out, event->data);
    return amphi__buf_append_char(out, '\n');
}

typedef struct example {
    amphi_str stream;
    const char *events;
} example;

#define EXAMPLE(stream, events)                                                                    \
    {                                                                                              \
        {stream, sizeof(stream) - 1}, events                                                       \
    }

static const example examples[] = {
    /* The standard's. */
    EXAMPLE("data: This is the first message.\n\ndata: This is the second message, it\n"
            "data: has two lines.\n\ndata: This is the third message.\n\n",
        "||This is the first message.\n||This is the second message, it\nhas two lines.\n"
        "||This is the third message.\n"),
    EXAMPLE(
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        "add||73857293\nremove||2153\nadd||113411\n"),
    EXAMPLE("data: YHOO\ndata: +2\ndata: 10\n\n", "||YHOO\n+2\n10\n"),
    EXAMPLE(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
            "event\n",
        "|1|first event\n||second event\n"),
    EXAMPLE("data\n\ndata\ndata\n\ndata:", "||\n||\n\n"),
    EXAMPLE("data:test\n\ndata: test\n\n", "||test\n||test\n"),
    /* Line ends of all three kinds, also mixed. */
    EXAMPLE("data: a\r\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n", "||a\nb\n||c\n||d\n"),
    EXAMPLE("data: a\r\n\ndata: b\n\r\n", "||a\n||b\n"),
    EXAMPLE("\r\n\r\n\n\r\rdata: x\r\n\r\n", "||x\n"),
    /* A byte order mark at the front, and only there. */
    EXAMPLE("\xEF\xBB\xBF"
            "data: a\n\n",
        "||a\n"),
    EXAMPLE("\xEF\xBB\xBF"
            "\xEF\xBB\xBF"
            "data: a\n\ndata: b\n\n",
        "||b\n"),
    EXAMPLE("\xEF\xBB"
            "data: a\n\ndata: b\n\n",
        "||b\n"),
    EXAMPLE("\xEF", ""),
    /* Comments, keep-alives, unknown fields, fields without a value or with odd names. */
    EXAMPLE(": keepalive\n\n: keepalive\n\ndata: a\n: in between\ndata: b\n\n:\n\n", "||a\nb\n"),
    EXAMPLE("foo: bar\ndata: a\nDATA: no\n data: no\ndata : no\ndatax: no\n\n", "||a\n"),
    EXAMPLE("event\ndata: a\n\nevent: x\n\ndata: b\n\n", "||a\n||b\n"),
    EXAMPLE("data::a:b\n\n", "||:a:b\n"),
    EXAMPLE("data:\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n\n",
        "||\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n"),
    /* The id stays until it is set again; one with a NUL is ignored. */
    EXAMPLE("id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid:\ndata: d\n\n",
        "|1|a\n|1|b\n|1|c\n||d\n"),
    EXAMPLE("id: 7\n\ndata: a\n\n", "|7|a\n"),
    EXAMPLE("retry: 1500\nretry: 12x\nretry: -1\nretry:\ndata: a\n\n", "||a\n"),
    /* What is not finished is discarded. */
    EXAMPLE("data: a\n\ndata: b\n", "||a\n"),
    EXAMPLE("data: a\n\ndata: b", "||a\n"),
    EXAMPLE("data: a", ""),
    EXAMPLE("", ""),
    EXAMPLE("\n\n\n", ""),
    /* What chat clouds send. */
    EXAMPLE("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n",
        "||{\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n||[DONE]\n"),
    EXAMPLE("event: error\r\ndata: {\"error\":{\"code\":500}}\r\n\r\n",
        "error||{\"error\":{\"code\":500}}\n"),
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

/* Feeds the stream in pieces; each is a copy of its own, so that ASan sees a read behind it. */
static void feed_pieces(const example *e, const size_t *cuts, size_t cuts_count)
{
    amphi_sse sse;
    amphi_buf events;
    amphi__buf_init(&events, 0);
    amphi__sse_init(&sse, NULL, write_down, &events);
    size_t from = 0;
    for (size_t i = 0; i <= cuts_count; i++) {
        size_t to = i < cuts_count ? cuts[i] : e->stream.size;
        amphi_str piece = amphi__str_slice(e->stream, from, to);
        char *copy = amphi__alloc(piece.size);
        assert_non_null(copy);
        if (piece.size > 0)
            memcpy(copy, piece.data, piece.size);
        assert_int_equal(amphi__sse_feed(&sse, amphi_str_make(copy, piece.size)), AMPHI_OK);
        amphi__free(copy);
        from = to;
    }
    assert_string_equal(events.data != NULL ? events.data : "", e->events);
    amphi__sse_clear(&sse);
    amphi__buf_clear(&events);
}

static void sse__standards_examples_give_the_documented_events(void **state)
{
    for (size_t i = 0; i < EXAMPLES; i++)
        feed_pieces(&examples[i], NULL, 0);
}

static void sse__event_split_across_reads_is_joined(void **state)
{
    for (size_t i = 0; i < EXAMPLES; i++)
        for (size_t cut = 0; cut <= examples[i].stream.size; cut++)
            feed_pieces(&examples[i], &cut, 1);
}

static void sse__byte_by_byte_is_the_same(void **state)
{
    size_t cuts[512];
    for (size_t i = 0; i < EXAMPLES; i++) {
        assert_true(examples[i].stream.size < 512);
        for (size_t at = 0; at < examples[i].stream.size; at++)
            cuts[at] = at;
        feed_pieces(&examples[i], cuts, examples[i].stream.size);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void sse__ten_thousand_random_splits_are_the_same(void **state)
{
    uint32_t seed = 20240601;
    for (int round = 0; round < 10000; round++) {
        const example *e = &examples[next_random(&seed) % EXAMPLES];
        size_t cuts[64];
        size_t count = 0;
        size_t at = 0;
        while (count < 64) {
            at += next_random(&seed) % 23;
            if (at > e->stream.size)
                break;
            cuts[count++] = at;
        }
        feed_pieces(e, cuts, count);
    }
}

static void sse__reconnection_time_is_read_from_digits_only(void **state)
{
    amphi_sse sse;
    amphi_buf events;
    amphi__buf_init(&events, 0);
    amphi__sse_init(&sse, NULL, write_down, &events);
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("retry: 1500\nretry: 1x\n")), AMPHI_OK);
    assert_int_equal(sse.retry_ms, 1500);
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("retry: 99999999999\n")), AMPHI_OK);
    assert_int_equal(sse.retry_ms, UINT32_MAX);
    amphi__sse_clear(&sse);
    amphi__buf_clear(&events);
}

/* Feeds `piece` until the parser refuses; how often that took. */
static size_t feed_until_refused(const amphi_sse_limits *limits, amphi_str piece, amphi_buf *events)
{
    amphi_sse sse;
    size_t count = 0;
    amphi_status status = AMPHI_OK;
    amphi__sse_init(&sse, limits, write_down, events);
    while (status == AMPHI_OK && count < 1000000) {
        status = amphi__sse_feed(&sse, piece);
        count++;
    }
    assert_int_equal(status, AMPHI_E_LIMIT);
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("data: more\n\n")), AMPHI_E_LIMIT);
    amphi__sse_clear(&sse);
    return count;
}

static void sse__line_without_end_meets_its_limit(void **state)
{
    amphi_buf events;
    amphi__buf_init(&events, 0);
    const amphi_sse_limits limits = {.line_bytes_max = 1000};
    assert_in_range(feed_until_refused(&limits, AMPHI_STR("0123456789"), &events), 100, 101);
    assert_int_equal(events.size, 0);
    /* One that comes whole in one piece meets it as well. */
    char line[1100];
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = '\n';
    assert_int_equal(feed_until_refused(&limits, amphi_str_make(line, sizeof line), &events), 1);
    amphi__buf_clear(&events);
}

static void sse__event_without_end_meets_its_limit(void **state)
{
    amphi_buf events;
    amphi__buf_init(&events, 0);
    const amphi_sse_limits limits = {.event_bytes_max = 1000};
    assert_in_range(feed_until_refused(&limits, AMPHI_STR("data: 012345678\n"), &events), 100, 102);
    assert_int_equal(events.size, 0);
    amphi__buf_clear(&events);
}

static void sse__event_of_exactly_the_limit_is_delivered(void **state)
{
    amphi_sse sse;
    amphi_buf events;
    const amphi_sse_limits limits = {.event_bytes_max = 10, .line_bytes_max = 16};
    amphi__buf_init(&events, 0);
    amphi__sse_init(&sse, &limits, write_down, &events);
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("data: 0123456789\n\n")), AMPHI_OK);
    assert_string_equal(events.data, "||0123456789\n");
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("data:0123456789a\n\n")), AMPHI_E_LIMIT);
    amphi__sse_clear(&sse);
    amphi__buf_clear(&events);
}

static void sse__number_of_events_is_limited(void **state)
{
    amphi_buf events;
    amphi__buf_init(&events, 0);
    const amphi_sse_limits limits = {.events_max = 50};
    assert_int_equal(feed_until_refused(&limits, AMPHI_STR("data:\n\n"), &events), 51);
    assert_int_equal(events.size, 50 * 3);
    amphi__buf_clear(&events);
}

static amphi_status refuse(void *user, const amphi_sse_event *event)
{
    ++*(int *)user;
    return AMPHI_E_CANCELLED;
}

static void sse__visitor_stops_the_parser_for_good(void **state)
{
    int calls = 0;
    amphi_sse sse;
    amphi__sse_init(&sse, NULL, refuse, &calls);
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("data: a\n\ndata: b\n\n")), AMPHI_E_CANCELLED);
    assert_int_equal(amphi__sse_feed(&sse, AMPHI_STR("data: c\n\n")), AMPHI_E_CANCELLED);
    assert_int_equal(calls, 1);
    amphi__sse_clear(&sse);
}

/* Random bytes from the grammar's own alphabet: nothing to be found but a sanitizer's complaint,
 * and the same events for two different ways of cutting. */
static void sse__noise_gives_the_same_events_however_it_is_cut(void **state)
{
    static const char alphabet[] = "\r\n\n\r::: data id event\xEF\xBB\xBF\0x";
    uint32_t seed = 7;
    for (int round = 0; round < 500; round++) {
        char noise[256];
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = alphabet[next_random(&seed) % (sizeof alphabet - 1)];
        amphi_buf whole;
        amphi_buf cut;
        amphi_sse sse;
        amphi__buf_init(&whole, 0);
        amphi__buf_init(&cut, 0);
        amphi__sse_init(&sse, NULL, write_down, &whole);
        assert_int_equal(amphi__sse_feed(&sse, amphi_str_make(noise, sizeof noise)), AMPHI_OK);
        amphi__sse_clear(&sse);
        amphi__sse_init(&sse, NULL, write_down, &cut);
        for (size_t at = 0; at < sizeof noise;) {
            size_t size = 1 + next_random(&seed) % 9;
            size = size < sizeof noise - at ? size : sizeof noise - at;
            assert_int_equal(amphi__sse_feed(&sse, amphi_str_make(noise + at, size)), AMPHI_OK);
            at += size;
        }
        amphi__sse_clear(&sse);
        assert_true(amphi__str_equal(amphi__buf_str(&whole), amphi__buf_str(&cut)));
        amphi__buf_clear(&whole);
        amphi__buf_clear(&cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sse__standards_examples_give_the_documented_events),
        cmocka_unit_test(sse__event_split_across_reads_is_joined),
        cmocka_unit_test(sse__byte_by_byte_is_the_same),
        cmocka_unit_test(sse__ten_thousand_random_splits_are_the_same),
        cmocka_unit_test(sse__reconnection_time_is_read_from_digits_only),
        cmocka_unit_test(sse__line_without_end_meets_its_limit),
        cmocka_unit_test(sse__event_without_end_meets_its_limit),
        cmocka_unit_test(sse__event_of_exactly_the_limit_is_delivered),
        cmocka_unit_test(sse__number_of_events_is_limited),
        cmocka_unit_test(sse__visitor_stops_the_parser_for_good),
        cmocka_unit_test(sse__noise_gives_the_same_events_however_it_is_cut),
    };
    return cmocka_run_group_tests_name("unit.remote.sse", tests, NULL, NULL);
}
