/* SPDX-License-Identifier: Apache-2.0
 *
 * The stream of an answer with calls in it: where one begins, where it ends. What is inside is read
 * by tool_call_body.c.
 */
#include "local/text/tool_call_parser.h"

#include "local/text/reasoning.h"
#include "local/text/tool_call_body.h"
#include "sdk/core/str.h"

#include <amphi/ext/engine.h>

enum { HELD_MAX = 16 << 20 };

enum { STATE_START, STATE_TEXT, STATE_BARE, STATE_BODY, STATE_BETWEEN };

static const struct {
    amphi_str begin, end; /* end empty: the answer's end */
} markers[] = {{{"<tool_call>", 11}, {"</tool_call>", 12}},
    {{"<function=", 10}, {"</function>", 11}}, {{"[TOOL_CALLS]", 12}, {NULL, 0}},
    {{"<|python_tag|>", 14}, {NULL, 0}}};

enum { MARKERS = sizeof markers / sizeof markers[0] };

bool amphi__tool_call_marker(amphi_str text)
{
    static const char *const controls[] = {"<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]",
        "[CALL_ID]", "<|python_tag|>", "<think>", "</think>", "<arg_key>", "</arg_key>",
        "<arg_value>", "</arg_value>"};
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
        if (amphi__str_equal_c(text, controls[i]))
            return true;
    return false;
}

void amphi__tool_call_parser_init(amphi_tool_call_parser *parser, const amphi_json *tools,
    bool at_start, const amphi_tool_call_sink *sink)
{
    memset(parser, 0, sizeof *parser);
    parser->tools = tools;
    parser->sink = *sink;
    parser->state = at_start ? STATE_START : STATE_TEXT;
    amphi__buf_init(&parser->held, HELD_MAX);
}

void amphi__tool_call_parser_clear(amphi_tool_call_parser *parser)
{
    amphi__buf_clear(&parser->held);
}

static amphi_status send_text(amphi_tool_call_parser *p, size_t size)
{
    amphi_status status = AMPHI_OK;
    if (size > 0)
        status = p->sink.text(p->sink.self, amphi__str_slice(amphi__buf_str(&p->held), 0, size));
    amphi__buf_consume(&p->held, size);
    return status;
}

/* The first marker in the text, or how much of its end may become one (*overlap). */
static int find_marker(amphi_str text, size_t *at, size_t *overlap)
{
    int found = -1;
    *overlap = 0;
    *at = SIZE_MAX;
    for (int i = 0; i < MARKERS; i++) {
        size_t here = amphi__str_find(text, markers[i].begin);
        size_t end = amphi__marker_overlap(text, markers[i].begin);
        *overlap = end > *overlap ? end : *overlap;
        if (here < *at) {
            *at = here;
            found = i;
        }
    }
    return found;
}

static size_t blanks(amphi_str text)
{
    size_t count = 0;
    while (count < text.size && strchr(" \t\r\n", text.data[count]) != NULL)
        count++;
    return count;
}

/* Calls from `body`; *found: it held some. */
static amphi_status send_calls(
    amphi_tool_call_parser *p, amphi_str body, bool known_only, bool *found)
{
    size_t count = 0;
    amphi_tool_call calls[AMPHI_TOOL_CALLS_MAX];
    amphi_status status = amphi__tool_call_body_read(
        calls, AMPHI_TOOL_CALLS_MAX - p->calls, &count, body, p->tools, known_only);
    *found = status == AMPHI_OK && count > 0;
    for (size_t i = 0; i < count && status == AMPHI_OK; i++) {
        status = p->sink.call(
            p->sink.self, amphi__buf_str(&calls[i].name), amphi__buf_str(&calls[i].arguments));
        p->calls++;
    }
    for (size_t i = 0; i < count; i++)
        amphi__tool_call_clear(&calls[i]);
    return status;
}

/* An answer that is only {"name"...}: as long as it may be that. */
static bool may_be_bare(amphi_str text)
{
    static const char *const keys[] = {
        "\"name\"", "\"type\"", "\"function\"", "\"parameters\"", "\"arguments\"", "\"id\""};
    text = amphi__str_slice(text, blanks(text), text.size);
    if (text.size > 0 && text.data[0] == '[') {
        text = amphi__str_slice(text, 1, text.size);
        text = amphi__str_slice(text, blanks(text), text.size);
    }
    if (text.size == 0)
        return true;
    if (text.data[0] != '{')
        return false;
    text = amphi__str_slice(text, 1, text.size);
    text = amphi__str_slice(text, blanks(text), text.size);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        amphi_str key = amphi_str_from(keys[i]);
        if (amphi__str_starts_with(text, key) || amphi__str_starts_with(key, text))
            return true;
    }
    return false;
}

/* At the end of a call's body, or of everything. */
static amphi_status end_body(amphi_tool_call_parser *p, size_t body_size, size_t whole_size)
{
    amphi_str text = amphi__str_slice(amphi__buf_str(&p->held), 0, whole_size);
    size_t skip = p->marker == 1 ? 0 : markers[p->marker].begin.size; /* <function= names it */
    bool found = false;
    amphi_status status = send_calls(p, amphi__str_slice(text, skip, body_size), false, &found);
    if (status == AMPHI_OK && !found) {
        p->state = STATE_TEXT;
        return send_text(p, whole_size);
    }
    amphi__buf_consume(&p->held, whole_size);
    p->state = STATE_BETWEEN;
    return status;
}

/* The answer's first words decide whether it may be a bare call, whatever its strings hold.
 * *wait: more of them are needed. */
static void at_start(amphi_tool_call_parser *p, bool *wait)
{
    amphi_str text = amphi__buf_str(&p->held);
    amphi_str rest = amphi__str_slice(text, blanks(text), text.size);
    *wait = false;
    for (int i = 0; i < MARKERS; i++) {
        if (amphi__str_starts_with(rest, markers[i].begin)) {
            p->state = STATE_BETWEEN; /* the blanks before it are dropped */
            return;
        }
        *wait |= amphi__str_starts_with(markers[i].begin, rest);
    }
    if (!*wait)
        p->state = may_be_bare(text) ? STATE_BARE : STATE_TEXT;
}

/* Searches for a call's beginning; *more: the state changed. */
static amphi_status in_text(amphi_tool_call_parser *p, bool *more)
{
    amphi_str text = amphi__buf_str(&p->held);
    size_t at = 0;
    size_t overlap = 0;
    int marker = p->calls < AMPHI_TOOL_CALLS_MAX ? find_marker(text, &at, &overlap) : -1;
    size_t skipped = blanks(text);
    bool quiet = p->state != STATE_TEXT; /* blanks before and between calls are dropped */
    if (marker >= 0) {
        amphi_status status = AMPHI_OK;
        if (quiet && skipped == at)
            amphi__buf_consume(&p->held, at);
        else
            status = send_text(p, at);
        p->marker = marker;
        p->state = STATE_BODY;
        *more = true;
        return status;
    }
    if (quiet && skipped + overlap >= text.size)
        return AMPHI_OK;
    p->state = STATE_TEXT;
    return send_text(p, text.size - overlap);
}

static amphi_status step(amphi_tool_call_parser *p, bool *more)
{
    amphi_str text = amphi__buf_str(&p->held);
    size_t at = 0;
    bool wait = false;
    *more = false;
    switch (p->state) {
    case STATE_START:
        at_start(p, &wait);
        *more = !wait;
        return AMPHI_OK;
    case STATE_BARE:
        if (!may_be_bare(text)) {
            p->state = STATE_TEXT;
            *more = true;
        }
        return AMPHI_OK;
    case STATE_BODY:
        if (markers[p->marker].end.size == 0)
            return AMPHI_OK;
        at = amphi__str_find(text, markers[p->marker].end);
        if (at == SIZE_MAX)
            return AMPHI_OK;
        *more = true;
        return end_body(p, at, at + markers[p->marker].end.size);
    default:
        return in_text(p, more);
    }
}

amphi_status amphi__tool_call_parser_feed(amphi_tool_call_parser *p, amphi_str text)
{
    amphi_status status = amphi__buf_append_str(&p->held, text);
    for (bool more = true; more && p->held.size > 0 && status == AMPHI_OK;)
        status = step(p, &more);
    return status;
}

amphi_status amphi__tool_call_parser_finish(amphi_tool_call_parser *p)
{
    amphi_status status = AMPHI_OK;
    bool found = false;
    if (p->state == STATE_BODY)
        status = end_body(p, p->held.size, p->held.size);
    else if (p->state == STATE_BARE)
        status = send_calls(p, amphi__buf_str(&p->held), true, &found);
    else if (p->state == STATE_BETWEEN && blanks(amphi__buf_str(&p->held)) == p->held.size)
        found = true; /* what is left is dropped */
    if (status == AMPHI_OK && !found)
        status = send_text(p, p->held.size);
    amphi__buf_reset(&p->held);
    return status;
}
