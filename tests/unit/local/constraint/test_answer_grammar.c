/* SPDX-License-Identifier: Apache-2.0
 *
 * The form that a request asks for: which texts its grammar takes, and what is refused.
 */
#include "local/constraint/answer_grammar.h"
#include "sdk/core/buf.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WEATHER                                                                                    \
    "{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{\"type\":"          \
    "\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"when\":{\"$ref\":\"#/$defs/"      \
    "when\"}},\"required\":[\"city\",\"when\"],\"additionalProperties\":false,\"$defs\":{"         \
    "\"when\":{\"enum\":[\"now\",\"later\"]}}}}}"
#define TIME          "{\"type\":\"function\",\"function\":{\"name\":\"time \\\"now\\\"\"}}"
#define OPEN          "{\"type\":\"function\",\"function\":{\"name\":\"open\",\"parameters\":{}}}"
#define TOOLS(choice) "{\"tools\":[" WEATHER "," TIME "," OPEN "],\"tool_choice\":" choice "}"
#define NAMED(name)   TOOLS("{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}")

static bool takes(const char *request, const char *text)
{
    amphi_json *json = json_of(request);
    amphi_grammar grammar;
    amphi_error error;
    if (amphi__answer_grammar_compile(&grammar, json, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    assert_int_equal(amphi__grammar_seal(&grammar, 8, &error), AMPHI_OK);
    bool fits = grammar_accepts(&grammar, amphi_str_from(text));
    amphi__grammar_clear(&grammar);
    amphi__json_free(json);
    return fits;
}

static void answer_grammar__is_read_from_the_request(void **state)
{
    static const struct {
        const char *request;
        amphi_answer_grammar_kind form;
    } rows[] = {{"{}", AMPHI_ANSWER_GRAMMAR_FREE},
        {"{\"response_format\":null}", AMPHI_ANSWER_GRAMMAR_FREE},
        {"{\"response_format\":{\"type\":\"text\"}}", AMPHI_ANSWER_GRAMMAR_FREE},
        {"{\"response_format\":{\"type\":\"json_object\"}}", AMPHI_ANSWER_GRAMMAR_JSON},
        {TOOLS("\"auto\""), AMPHI_ANSWER_GRAMMAR_FREE},
        {TOOLS("\"none\""), AMPHI_ANSWER_GRAMMAR_FREE},
        {TOOLS("{\"type\":\"auto\"}"), AMPHI_ANSWER_GRAMMAR_FREE},
        {TOOLS("{\"type\":\"none\"}"), AMPHI_ANSWER_GRAMMAR_FREE},
        {TOOLS("null"), AMPHI_ANSWER_GRAMMAR_FREE},
        {TOOLS("{\"type\":\"required\"}"), AMPHI_ANSWER_GRAMMAR_CALL},
        {TOOLS("{\"type\":\"function\",\"name\":\"open\"}"), AMPHI_ANSWER_GRAMMAR_CALL},
        {TOOLS("\"required\""), AMPHI_ANSWER_GRAMMAR_CALL},
        {NAMED("open"), AMPHI_ANSWER_GRAMMAR_CALL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_json *json = json_of(rows[i].request);
        assert_int_equal(amphi__answer_grammar_kind(json), rows[i].form);
        amphi__json_free(json);
    }
}

static void answer_grammar__a_required_call_is_one_of_the_tools(void **state)
{
    static const char weather[] =
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\", \"when\": \"now\"}}";
    static const char time[] = "{\"name\": \"time \\\"now\\\"\", \"arguments\": {}}";
    static const char open[] = "{\"name\": \"open\", \"arguments\": {\"any\": [1]}}";
    assert_true(takes(TOOLS("\"required\""), weather));
    assert_true(takes(TOOLS("\"required\""), time));
    assert_true(takes(TOOLS("\"required\""), open));
    assert_true(takes(NAMED("weather"), weather));
    assert_false(takes(NAMED("weather"), open));
    assert_false(takes(NAMED("open"), weather));
    assert_false(takes(TOOLS("\"required\""), "{\"name\": \"weather\", \"arguments\": {}}"));
    assert_false(takes(TOOLS("\"required\""), "{\"name\": \"other\", \"arguments\": {}}"));
    assert_false(takes(TOOLS("\"required\""), "Sure."));
    assert_true(takes(TOOLS("{\"type\":\"function\",\"name\":\"weather\"}"), weather));
    assert_false(takes(TOOLS("{\"type\":\"function\",\"name\":\"weather\"}"), open));
}

static void answer_grammar__arguments_are_an_object_whatever_the_parameters_say(void **state)
{
    static const char *const parameters[] = {"true", "{}", "{\"description\":\"any\"}",
        "{\"type\":[\"object\",\"null\"],\"additionalProperties\":true}",
        "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\"}]}"};
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        static const char *const no[] = {"null", "5", "\"x\"", "[]"};
        char request[256];
        (void)snprintf(request, sizeof request,
            "{\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{"
            "\"name\":\"f\",\"parameters\":%s}}]}",
            parameters[i]);
        assert_true(takes(request, "{\"name\": \"f\", \"arguments\": {}}"));
        char text[64];
        for (size_t j = 0; j < sizeof no / sizeof no[0]; j++) {
            (void)snprintf(text, sizeof text, "{\"name\": \"f\", \"arguments\": %s}", no[j]);
            assert_false(takes(request, text));
        }
    }
}

static void answer_grammar__too_many_tools_are_refused_in_one_line(void **state)
{
    amphi_error error = {0};
    amphi_buf request;
    amphi__buf_init(&request, 64 << 20);
    amphi__buf_append_c(&request, "{\"tool_choice\":\"required\",\"tools\":[");
    for (int i = 0; i < 400; i++)
        amphi__buf_printf(
            &request, "%s{\"function\":{\"name\":\"%01000d\"}}", i == 0 ? "" : ",", i);
    amphi__buf_append_c(&request, "]}");
    amphi__buf_append_char(&request, '\0');
    amphi_json *json = json_of(request.data);
    amphi_grammar grammar;
    assert_int_equal(amphi__answer_grammar_compile(&grammar, json, &error), AMPHI_E_LIMIT);
    assert_string_equal(error.message, "tools: they are too large");
    amphi__grammar_clear(&grammar);
    amphi__json_free(json);
    amphi__buf_clear(&request);
}

static void answer_grammar__what_no_tool_can_answer_is_refused(void **state)
{
    static const char *const requests[] = {NAMED("missing"), "{\"tool_choice\":\"required\"}",
        "{\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
        "\"f\",\"parameters\":{\"not\":{}}}}]}",
        TOOLS("{}"), TOOLS("{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\"}}"),
        TOOLS("{\"type\":\"function\"}"), "{\"response_format\":{\"type\":\"strange\"}}",
        "{\"response_format\":{\"type\":\"json_schema\"}}"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        amphi_json *json = json_of(requests[i]);
        amphi_grammar grammar = {0};
        amphi_error error = {0};
        amphi_status status = amphi__answer_grammar_compile(&grammar, json, &error);
        assert_true(status == AMPHI_E_REQUEST || status == AMPHI_E_UNSUPPORTED);
        assert_true(strlen(error.message) > 10);
        amphi__grammar_clear(&grammar);
        amphi__json_free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_grammar__is_read_from_the_request),
        cmocka_unit_test(answer_grammar__a_required_call_is_one_of_the_tools),
        cmocka_unit_test(answer_grammar__arguments_are_an_object_whatever_the_parameters_say),
        cmocka_unit_test(answer_grammar__too_many_tools_are_refused_in_one_line),
        cmocka_unit_test(answer_grammar__what_no_tool_can_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
