/* SPDX-License-Identifier: Apache-2.0
 *
 * Tool calls that arrive in pieces are joined into whole ones, within limits.
 */
#include "sdk/client/tool_calls.h"
#include "sdk/core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void tool_calls__pieces_cut_anywhere_are_joined(void **state)
{
    amphi_tool_calls calls = {NULL, 0, 0};
    amphi_buf merged;
    amphi__buf_init(&merged, 0);
    static const char *const deltas[] = {"[{\"index\":0,\"id\":\"a\",\"type\":\"function\","
                                         "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]",
        "[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\"}}]",
        "[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]",
        "[{\"index\":0,\"function\":{\"arguments\":\"\\\":\"}},"
        "{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]"};
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_int_equal(merged.size, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(amphi__tool_calls_add(&calls, amphi_str_from(deltas[i])), AMPHI_OK);
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_string_equal(merged.data,
        "[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
        "\\\"x\\\":1}\"}},"
        "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]");
    amphi__tool_calls_clear(&calls);
    amphi__buf_clear(&merged);
}

static void tool_calls__of_custom_tools_and_unknown_members_are_kept(void **state)
{
    amphi_tool_calls calls = {NULL, 0, 0};
    amphi_buf merged;
    amphi__buf_init(&merged, 0);
    static const char *const deltas[] = {
        "[{\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"f\","
        "\"input\":\"x\"}}]",
        "[{\"index\":0,\"custom\":{\"input\":\"yz\"}}]",
        "[{\"index\":1,\"id\":\"b\",\"status\":\"begun\",\"extra_content\":{\"google\":{"
        "\"thought_signature\":\"S\"}},\"function\":{\"name\":\"g\",\"arguments\":\"{\"}}]",
        "[{\"index\":1,\"status\":\"ended\",\"other\":null,\"function\":{\"arguments\":\"}\"}}]"};
    for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++)
        assert_int_equal(amphi__tool_calls_add(&calls, amphi_str_from(deltas[i])), AMPHI_OK);
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_string_equal(merged.data,
        "[{\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"xyz\"}},"
        "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"},"
        "\"status\":\"ended\",\"extra_content\":{\"google\":{\"thought_signature\":\"S\"}}}]");
    amphi__tool_calls_clear(&calls);
    amphi__buf_clear(&merged);
}

static void tool_calls__hostile_indexes_are_refused(void **state)
{
    static const struct {
        const char *delta;
        amphi_status status;
    } cases[] = {
        {"[{\"index\":4000000000}]", AMPHI_E_LIMIT},
        {"[{\"index\":-1}]", AMPHI_E_FORMAT},
        {"{}", AMPHI_E_FORMAT},
        {"nonsense", AMPHI_E_FORMAT},
        {"[{\"index\":128}]", AMPHI_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_tool_calls calls = {NULL, 0, 0};
        assert_int_equal(
            amphi__tool_calls_add(&calls, amphi_str_from(cases[i].delta)), cases[i].status);
        assert_int_equal(calls.count, 0);
        amphi__tool_calls_clear(&calls);
    }
}

/* A file of half a megabyte, four bytes at a time: merging by rewriting took minutes. */
static void tool_calls__cost_of_a_piece_does_not_grow_with_the_call(void **state)
{
    enum { PIECES = 128 * 1024 };
    amphi_tool_calls calls = {NULL, 0, 0};
    amphi_buf merged;
    amphi__buf_init(&merged, 0);
    uint64_t began_ms = amphi__clock_ms(NULL);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(amphi__tool_calls_add(&calls,
                             AMPHI_STR("[{\"index\":0,\"function\":{\"arguments\":\"abcd\"}}]")),
            AMPHI_OK);
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_true(merged.size > 4 * PIECES);
    assert_true(amphi__clock_ms(NULL) - began_ms < 20000);
    amphi_status status = AMPHI_OK;
    for (int i = 0; i < PIECES && status == AMPHI_OK; i++)
        status = amphi__tool_calls_add(&calls,
            AMPHI_STR(
                "[{\"index\":0,\"function\":{\"arguments\":\"abcdefghijklmnopqrstuvwxyz\"}}]"));
    assert_int_equal(status, AMPHI_E_LIMIT); /* 8 MiB */
    amphi__tool_calls_clear(&calls);
    amphi__buf_clear(&merged);
}

static bool is_offered(const char *body, const char *delta)
{
    amphi_json *root = NULL;
    assert_int_equal(amphi__json_parse(&root, amphi_str_from(body), "body", NULL), AMPHI_OK);
    bool offered = amphi__tool_calls_is_offered(root, amphi_str_from(delta));
    amphi__json_free(root);
    return offered;
}

static void tool_calls__only_tools_of_the_request_are_offered(void **state)
{
    static const char call[] = "[{\"index\":0,\"function\":{\"name\":\"f\"}}]";
    static const char own[] = "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
                              "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}";
    assert_true(is_offered(own, call));
    assert_true(is_offered("{\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]}",
        "[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]"));
    assert_true(is_offered("{\"tools\":[{\"type\":\"web_search\"}]}", call));
    assert_true(is_offered(own, "[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]"));
    assert_true(is_offered("{\"functions\":[{\"name\":\"f\"}]}", call));
    assert_false(is_offered("{\"functions\":[{\"name\":\"f\"}],\"function_call\":\"none\"}", call));
    assert_false(is_offered("{}", call));
    assert_false(is_offered("{\"tools\":[]}", call));
    assert_false(is_offered(own, "[{\"index\":0,\"function\":{\"name\":\"ff\"}}]"));
    assert_false(is_offered(own, "no JSON"));
    assert_false(
        is_offered("{\"tool_choice\":\"none\",\"tools\":[{\"function\":{\"name\":\"f\"}}]}", call));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tool_calls__only_tools_of_the_request_are_offered),
        cmocka_unit_test(tool_calls__pieces_cut_anywhere_are_joined),
        cmocka_unit_test(tool_calls__of_custom_tools_and_unknown_members_are_kept),
        cmocka_unit_test(tool_calls__hostile_indexes_are_refused),
        cmocka_unit_test(tool_calls__cost_of_a_piece_does_not_grow_with_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
