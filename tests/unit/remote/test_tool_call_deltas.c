/* SPDX-License-Identifier: Apache-2.0
 *
 * Which piece belongs to which tool call: the forms of servers that give no index, no id, one index
 * for all, or repeat what they said. Each case is a list of deltas and what goes up of each.
 */
#include "remote/tool_call_deltas.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct sample {
    amphi_tool_form form;
    const char *deltas[4];
    const char *written;
} sample;

/* A call as a server says it; `marks` come first: an index, an id, or nothing. */
#define SAYS(marks, name, arguments)                                                               \
    "{" marks "\"function\":{\"name\":\"" name "\",\"arguments\":\"" arguments "\"}}"
#define GOES_ON(marks, arguments) "{" marks "\"function\":{\"arguments\":\"" arguments "\"}}"
#define F_AND_G                                                                                    \
    "[" SAYS("\"index\":0,\"id\":\"call_0\",", "f", "{}") "," SAYS(                                \
        "\"index\":1,\"id\":\"call_1\",", "g", "{}") "]\n"

static const sample samples[] = {
    /* Neither index nor id. */
    {AMPHI_TOOL_WHOLE, {"[" SAYS("", "f", "{}") "," SAYS("", "g", "{}") "]"}, F_AND_G},
    {AMPHI_TOOL_DELTA, {"[" SAYS("", "f", "{}") "," SAYS("", "g", "{}") "]"}, F_AND_G},
    /* The index 0 for all, and an id that says nothing. */
    {AMPHI_TOOL_WHOLE,
        {"[" SAYS("\"index\":0,\"id\":\"\",", "f", "{}") "," SAYS(
            "\"index\":0,\"id\":\"\",", "g", "{}") "]"},
        F_AND_G},
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("\"index\":0,\"id\":\"\",", "f", "{}") "," SAYS(
            "\"index\":0,\"id\":\"\",", "g", "{}") "]"},
        F_AND_G},
    /* A whole answer's calls are apart even if all of them are alike, or without arguments. */
    {AMPHI_TOOL_WHOLE, {"[" SAYS("\"id\":\"a\",", "f", "") "," SAYS("\"id\":\"a\",", "f", "") "]"},
        "[" SAYS("\"index\":0,\"id\":\"a\",", "f", "") "," SAYS(
            "\"index\":1,\"id\":\"a\",", "f", "") "]\n"},
    /* The same function twice, in a stream: the first call's arguments are whole. */
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("", "f", "{\\\"x\\\":\\\"}\\\\\\\"{\\\"") "]", "[" GOES_ON("", "}") "]",
            "[" SAYS("", "f", "{}") "]"},
        "[" SAYS("\"index\":0,\"id\":\"call_0\",", "f",
            "{\\\"x\\\":\\\"}\\\\\\\"{\\\"") "]\n"
                                             "[" GOES_ON("\"index\":0,",
                                                 "}") "]\n"
                                                      "[" SAYS("\"index\":1,\"id\":\"call_1\",",
                                                          "f", "{}") "]\n"},
    /* The name again in mid-arguments, with another id or none, is no other call. */
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("\"index\":0,\"id\":\"a\",", "f", "{\\\"x") "]",
            "[" SAYS("\"index\":0,\"id\":\"b\",", "f", "\\\":{") "]",
            "[" SAYS("\"index\":0,", "f", "}}") "]"},
        "[" SAYS("\"index\":0,\"id\":\"a\",", "f",
            "{\\\"x") "]\n"
                      "[" SAYS("\"index\":0,\"id\":\"b\",", "f", "\\\":{") "]\n"
                                                                           "[" SAYS("\"index\":0,",
                                                                               "f", "}}") "]\n"},
    /* Nor is it with the call's own id, or before any arguments. */
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("\"index\":0,\"id\":\"a\",", "f", "{}") "]",
            "[" SAYS("\"index\":0,\"id\":\"a\",", "f", "") "]"},
        "[" SAYS("\"index\":0,\"id\":\"a\",", "f", "{}") "]\n"
                                                         "[" SAYS("\"index\":0,\"id\":\"a\",", "f",
                                                             "") "]\n"},
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("\"index\":0,", "f", "") "]", "[" SAYS("\"index\":0,", "f", "{}") "]"},
        "[" SAYS("\"index\":0,\"id\":\"call_0\",", "f", "") "]\n"
                                                            "[" SAYS(
                                                                "\"index\":0,", "f", "{}") "]\n"},
    /* Arguments as objects are whole. */
    {AMPHI_TOOL_DELTA,
        {"[{\"function\":{\"name\":\"f\",\"arguments\":{}}},"
         "{\"function\":{\"name\":\"g\",\"arguments\":{}}}]"},
        F_AND_G},
    /* One index, other ids; a new id without a name means nothing. */
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("\"index\":0,\"id\":\"a\",", "f", "") "]",
            "[" GOES_ON("\"index\":0,\"id\":\"b\",", "{}") "]",
            "[" SAYS("\"index\":0,\"id\":\"c\",", "g", "{}") "]"},
        "[" SAYS("\"index\":0,\"id\":\"a\",", "f",
            "") "]\n"
                "[" GOES_ON("\"index\":0,\"id\":\"b\",", "{}") "]\n"
                                                               "[" SAYS("\"index\":1,\"id\":\"c\",",
                                                                   "g", "{}") "]\n"},
    /* Without an index another id begins a call, and a piece without an id goes on. */
    {AMPHI_TOOL_DELTA,
        {"[" SAYS("\"id\":\"a\",", "f", "{") "]", "[" GOES_ON("", "}") "]",
            "[" SAYS("\"id\":\"b\",", "g", "") "]", "[" GOES_ON("", "{}") "]"},
        "[" SAYS("\"index\":0,\"id\":\"a\",", "f",
            "{") "]\n"
                 "[" GOES_ON("\"index\":0,", "}") "]\n"
                                                  "[" SAYS("\"index\":1,\"id\":\"b\",", "g",
                                                      "") "]\n"
                                                          "[" GOES_ON("\"index\":1,", "{}") "]\n"},
    /* A custom tool's input comes in pieces too, and has no function. */
    {AMPHI_TOOL_DELTA,
        {"[{\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"\"}"
         "}]",
            "[{\"index\":0,\"custom\":{\"input\":\"ab\"}}]",
            "[{\"index\":0,\"custom\":{\"input\":\"c\"}}]"},
        "[{\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"\"}}"
        "]\n"
        "[{\"index\":0,\"custom\":{\"input\":\"ab\"}}]\n"
        "[{\"index\":0,\"custom\":{\"input\":\"c\"}}]\n"},
};

static void write_one(
    amphi_tool_call_deltas *deltas, amphi_buf *out, const char *delta, amphi_tool_form form)
{
    amphi_json *calls = NULL;
    amphi_json_writer writer;
    assert_int_equal(amphi__json_parse(&calls, amphi_str_from(delta), "delta", NULL), AMPHI_OK);
    amphi__json_writer_init(&writer, out);
    if (form == AMPHI_TOOL_ONE) {
        assert_int_equal(amphi__tool_call_deltas_write_function(deltas, &writer, calls), 1);
    } else {
        amphi__json_open(&writer, NULL, '[');
        assert_int_equal(
            amphi__tool_call_deltas_write(deltas, &writer, calls, form), amphi__json_count(calls));
        amphi__json_close(&writer, ']');
    }
    amphi__buf_append_char(out, '\n');
    amphi__json_free(calls);
}

static void deltas__are_told_apart_by_what_odd_servers_say(void **state)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const sample *s = &samples[i];
        amphi_tool_call_deltas deltas = {0};
        amphi_buf out;
        amphi__buf_init(&out, 0);
        for (size_t d = 0; d < sizeof s->deltas / sizeof *s->deltas && s->deltas[d] != NULL; d++)
            write_one(&deltas, &out, s->deltas[d], s->form);
        assert_string_equal(out.data, s->written);
        amphi__buf_clear(&out);
    }
}

static void deltas__of_the_older_form_are_one_call(void **state)
{
    amphi_tool_call_deltas deltas = {0};
    amphi_buf out;
    amphi__buf_init(&out, 0);
    write_one(&deltas, &out, "{\"name\":\"f\",\"arguments\":\"1\"}", AMPHI_TOOL_ONE);
    write_one(&deltas, &out, "{\"name\":\"f\",\"arguments\":\"2\"}", AMPHI_TOOL_ONE);
    assert_int_equal(deltas.count, 1);
    assert_string_equal(out.data,
        SAYS("\"index\":0,\"id\":\"call_0\",", "f", "1") "\n" SAYS("\"index\":0,", "f", "2") "\n");
    amphi__buf_clear(&out);
}

static void deltas__of_more_calls_than_there_is_room_for_are_refused(void **state)
{
    amphi_tool_call_deltas deltas = {0};
    amphi_json *calls = NULL;
    amphi_json_writer writer;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(
        amphi__json_parse(&calls, AMPHI_STR("[" SAYS("", "f", "{}") "]"), "delta", NULL), AMPHI_OK);
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '[');
    for (size_t i = 0; i < AMPHI_TOOL_CALLS_MAX; i++)
        assert_int_equal(
            amphi__tool_call_deltas_write(&deltas, &writer, calls, AMPHI_TOOL_DELTA), 1);
    assert_true(
        amphi__tool_call_deltas_write(&deltas, &writer, calls, AMPHI_TOOL_DELTA) == SIZE_MAX);
    amphi__json_free(calls);
    amphi__buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deltas__are_told_apart_by_what_odd_servers_say),
        cmocka_unit_test(deltas__of_the_older_form_are_one_call),
        cmocka_unit_test(deltas__of_more_calls_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
