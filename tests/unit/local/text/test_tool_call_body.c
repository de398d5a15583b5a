/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands inside a tool call's markers, in each of the forms; the markers themselves are tested
 * with tool_call_parser.c.
 */
#include "local/text/tool_call_body.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CALLS_MAX = 4 };

static const char tools_json[] =
    "[{\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"s\":{"
    "\"type\":\"string\"},\"n\":{\"type\":\"integer\"}}}}},{\"function\":{\"name\":\"g\"}}]";

static amphi_json *parse_tools(void)
{
    amphi_json *tools = NULL;
    assert_int_equal(
        amphi__json_parse(&tools, amphi_str_from(tools_json), "tools", NULL), AMPHI_OK);
    return tools;
}

/* The calls as "name arguments;". */
static void expect_calls(const char *body, size_t most, bool known_only, const char *expected)
{
    amphi_json *tools = parse_tools();
    amphi_tool_call calls[CALLS_MAX];
    size_t count = 77;
    assert_int_equal(
        amphi__tool_call_body_read(calls, most, &count, amphi_str_from(body), tools, known_only),
        AMPHI_OK);
    amphi_buf all;
    amphi__buf_init(&all, 0);
    for (size_t i = 0; i < count; i++) {
        amphi__buf_append_str(&all, amphi__buf_str(&calls[i].name));
        amphi__buf_append_c(&all, " ");
        amphi__buf_append_str(&all, amphi__buf_str(&calls[i].arguments));
        amphi__buf_append_c(&all, ";");
        amphi__tool_call_clear(&calls[i]);
    }
    if (!amphi__str_equal_c(amphi__buf_str(&all), expected))
        fail_msg("%s\nexpected %s\ngot %.*s", body, expected, (int)all.size, all.data);
    amphi__buf_clear(&all);
    amphi__json_free(tools);
}

static void tool_call_body__json_in_its_shapes(void **state)
{
    expect_calls("{\"name\":\"f\",\"arguments\":{\"n\":1}}", 4, false, "f {\"n\":1};");
    expect_calls("{\"name\":\"f\",\"parameters\":{\"n\":1}}", 4, false, "f {\"n\":1};");
    expect_calls(" [{\"name\":\"f\",\"arguments\":{}}, {\"name\":\"g\",\"arguments\":{}}] ", 4,
        false, "f {};g {};");
    expect_calls("{\"name\":\"f\",\"arguments\":{}}; {\"name\":\"g\",\"arguments\":{}}", 4, false,
        "f {};g {};");
    expect_calls("{\"name\":\"f\",\"arguments\":{\"n\":0.10}}", 4, false, "f {\"n\":0.10};");
}

static void tool_call_body__tags_take_their_types_from_the_tool(void **state)
{
    expect_calls("<function=f>\n<parameter=s>\n12\n</parameter>\n<parameter=n>\n12\n</parameter>",
        4, false, "f {\"s\":\"12\",\"n\":12};");
    expect_calls("<function=f><parameter=s>a \"b\"</parameter></function>", 4, false,
        "f {\"s\":\"a \\\"b\\\"\"};");
    expect_calls("f\n<arg_key>n</arg_key>\n<arg_value>3</arg_value>", 4, false, "f {\"n\":3};");
    expect_calls("<function=g>{\"x\": [1]}", 4, false, "g {\"x\": [1]};");
}

static void tool_call_body__names_before_json(void **state)
{
    expect_calls("f[ARGS]{\"n\": 1}", 4, false, "f {\"n\": 1};");
    expect_calls("f[CALL_ID]abc[ARGS]{\"n\": 1}", 4, false, "f {\"n\": 1};");
    expect_calls("f {\"n\": 1}", 4, false, "f {\"n\": 1};");
    expect_calls("g", 4, false, "g {};"); /* the name of a tool alone: a call without arguments */
}

static void tool_call_body__what_is_no_call_gives_none(void **state)
{
    static const char *const bodies[] = {"", "  ", "{", "[1,2]", "{\"name\":1}", "no call at all",
        "<function=>x", "<function=a b>x", "f[ARGS]", "f[ARGS][1]", "f[ARGS]{\"n\":}",
        "{\"name\":\"f\",\"arguments\":\"x\"}", "unknown"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        expect_calls(bodies[i], 4, false, "");
}

static void tool_call_body__no_more_than_asked_for_and_only_known_names(void **state)
{
    static const char two[] =
        "[{\"name\":\"f\",\"arguments\":{}},{\"name\":\"other\",\"arguments\":{}}]";
    expect_calls(two, 4, false, "f {};other {};");
    expect_calls(two, 1, false, "f {};");
    expect_calls(two, 0, false, "");
    expect_calls("{\"name\":\"other\",\"arguments\":{}}", 4, true, "");
    expect_calls("{\"name\":\"f\",\"arguments\":{}}", 4, true, "f {};");
}

static void tool_call_body__every_failing_allocation_leaves_nothing_behind(void **state)
{
    static const char *const bodies[] = {
        "[{\"name\":\"f\",\"arguments\":{\"n\":1}},{\"name\":\"g\",\"arguments\":{}}]",
        "<function=f><parameter=s>a</parameter></function>", "f[ARGS]{\"n\": 1}"};
    failing_alloc_install();
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        size_t n = 1;
        for (bool failed = true; failed; n++) {
            amphi_json *tools = parse_tools();
            long before = failing_alloc_live();
            amphi_tool_call calls[CALLS_MAX];
            size_t count = 0;
            failing_alloc_at(n);
            amphi_status status = amphi__tool_call_body_read(
                calls, CALLS_MAX, &count, amphi_str_from(bodies[i]), tools, false);
            failed = failing_alloc_failed();
            failing_alloc_at(0);
            assert_int_equal(status, failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
            assert_true(failed ? count == 0 : count > 0);
            while (count > 0)
                amphi__tool_call_clear(&calls[--count]);
            assert_int_equal(failing_alloc_live(), before);
            amphi__json_free(tools);
        }
        assert_true(n > 3);
    }
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tool_call_body__json_in_its_shapes),
        cmocka_unit_test(tool_call_body__tags_take_their_types_from_the_tool),
        cmocka_unit_test(tool_call_body__names_before_json),
        cmocka_unit_test(tool_call_body__what_is_no_call_gives_none),
        cmocka_unit_test(tool_call_body__no_more_than_asked_for_and_only_known_names),
        cmocka_unit_test(tool_call_body__every_failing_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
