/* SPDX-License-Identifier: Apache-2.0
 *
 * Tool calls in the forms that models write: whole, byte by byte, and when they turn out to be
 * text.
 */
#include "local/text/tool_call_parser.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char tools_json[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":"
    "\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":\"integer\"}}}}},"
    "{\"type\":\"function\",\"function\":{\"name\":\"now\",\"parameters\":{}}}]";

static amphi_status on_text(void *self, amphi_str text)
{
    return amphi__buf_append_str(self, text);
}

static amphi_status on_call(void *self, amphi_str name, amphi_str arguments)
{
    amphi__buf_append_c(self, "<<");
    amphi__buf_append_str(self, name);
    amphi__buf_append_c(self, " ");
    amphi__buf_append_str(self, arguments);
    return amphi__buf_append_c(self, ">>");
}

static void expect_in_steps(const char *answer, const char *wanted, size_t step)
{
    amphi_json *tools = NULL;
    amphi_buf out;
    const amphi_tool_call_sink sink = {.self = &out, .text = on_text, .call = on_call};
    amphi_str text = amphi_str_from(answer);
    assert_int_equal(
        amphi__json_parse(&tools, amphi_str_from(tools_json), "tools", NULL), AMPHI_OK);
    amphi__buf_init(&out, 0);
    amphi__buf_append_c(&out, "");
    amphi_tool_call_parser parser;
    amphi__tool_call_parser_init(&parser, tools, true, &sink);
    for (size_t at = 0; at < text.size; at += step)
        assert_int_equal(
            amphi__tool_call_parser_feed(&parser, amphi__str_slice(text, at, at + step)), AMPHI_OK);
    assert_int_equal(amphi__tool_call_parser_finish(&parser), AMPHI_OK);
    if (!amphi__str_equal_c(amphi__buf_str(&out), wanted))
        fail_msg("step %zu: %s\n  gave   %.*s\n  wanted %s", step, answer, (int)out.size,
            out.data != NULL ? out.data : "", wanted);
    amphi__tool_call_parser_clear(&parser);
    amphi__buf_clear(&out);
    amphi__json_free(tools);
}

static void expect(const char *answer, const char *wanted)
{
    for (size_t step = 1; step < 9; step++)
        expect_in_steps(answer, wanted, step);
    expect_in_steps(answer, wanted, strlen(answer) + 1);
}

static void tool_call_parser__hermes_and_qwen(void **state)
{
    expect("<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
           "\"Bern\"}}\n</tool_call>",
        "<<get_weather {\"city\": \"Bern\"}>>");
    expect("I look.\n<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>\n"
           "<tool_call>{\"name\":\"now\",\"arguments\":null}</tool_call>\n",
        "I look.\n<<now {}>><<now {}>>");
    expect("<tool_call>{\"name\":\"get_weather\",\"arguments\":\"{\\\"city\\\":\\\"A\\\"}\"}</"
           "tool_call>",
        "<<get_weather {\"city\":\"A\"}>>");
}

static void tool_call_parser__qwen_coder_and_glm(void **state)
{
    expect("<tool_call>\n<function=get_weather>\n<parameter=city>\n12\n</parameter>\n"
           "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
        "<<get_weather {\"city\":\"12\",\"days\":3}>>");
    expect("<function=now>\n</function>", "<<now {}>>");
    expect("<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>New \"York\"</arg_value>\n"
           "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
        "<<get_weather {\"city\":\"New \\\"York\\\"\",\"days\":2}>>");
}

static void tool_call_parser__mistral(void **state)
{
    expect("[TOOL_CALLS][{\"name\": \"get_weather\", \"arguments\": {\"city\": \"]\"}},"
           "{\"name\": \"now\", \"arguments\": {}}]",
        "<<get_weather {\"city\": \"]\"}>><<now {}>>");
    expect("[TOOL_CALLS]get_weather[ARGS]{\"city\": \"Bern\"}",
        "<<get_weather {\"city\": \"Bern\"}>>");
}

static void tool_call_parser__llama(void **state)
{
    expect("{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Bern\"}}",
        "<<get_weather {\"city\": \"Bern\"}>>");
    expect("<|python_tag|>{\"name\": \"now\", \"parameters\": {}}; {\"name\": \"now\", "
           "\"parameters\": {\"a\": 1}}",
        "<<now {}>><<now {\"a\": 1}>>");
    expect("<function=get_weather>{\"city\": \"Bern\"}</function>",
        "<<get_weather {\"city\": \"Bern\"}>>");
}

static void tool_call_parser__numbers_keep_all_their_digits(void **state)
{
    expect("<tool_call>{\"name\":\"now\",\"arguments\":{\"id\":12345678901234567890,\"x\":0.10}}</"
           "tool_call>",
        "<<now {\"id\":12345678901234567890,\"x\":0.10}>>");
}

/* Found by fuzzing: arguments went through that no reader of them could parse. */
static void tool_call_parser__arguments_are_an_object_or_it_is_no_call(void **state)
{
    static const char *const none[] = {
        "{\"name\": \"now\", \"parameters\": \"a;b\"}",
        "{\"name\": \"now\", \"parameters\": \"[1]\"}",
        "{\"name\": \"now\", \"parameters\": \"{\"}",
        "{\"name\": \"now\", \"parameters\": [1]}",
        "{\"name\": \"now\", \"par\\u0061meters\": {\"a\": 1}}",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        expect(none[i], none[i]);
    expect("{\"name\": \"now\", \"parameters\": \" {} \"}", "<<now {}>>");
    expect("{\"name\": \"now\", \"parameters\": \" \"}", "<<now {}>>");
    expect(
        "{\"name\": \"now\", \"parameters\": 5, \"parameters\": {\"a\": 1}}", "<<now {\"a\": 1}>>");
}

static void tool_call_parser__what_is_none_stays_text(void **state)
{
    static const char *const rows[] = {"Plain text.", "", "  leading blanks", "a < b and <tool_ca",
        "{\"name\": \"unknown\", \"parameters\": {}}", "{\"answer\": 42}", "{\"name\": \"now\"",
        "<tool_call>no call</tool_call> text", "<tool_call>{\"name\": \"now\", \"arguments\": {}",
        "[1, 2, 3]", "<|python_tag|>print(1)", "[TOOL_CALLS", "{\"name\": 1, \"parameters\": {}}"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(rows[i], rows[i]);
    /* A whole object is a call, also when its closing tag never came. */
    expect("<tool_call>{\"name\": \"now\", \"arguments\": {}}", "<<now {}>>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tool_call_parser__hermes_and_qwen),
        cmocka_unit_test(tool_call_parser__qwen_coder_and_glm),
        cmocka_unit_test(tool_call_parser__mistral), cmocka_unit_test(tool_call_parser__llama),
        cmocka_unit_test(tool_call_parser__numbers_keep_all_their_digits),
        cmocka_unit_test(tool_call_parser__arguments_are_an_object_or_it_is_no_call),
        cmocka_unit_test(tool_call_parser__what_is_none_stays_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
