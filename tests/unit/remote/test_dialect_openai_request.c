/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests in OpenAI's dialect: untouched members arrive as they were written, ours are replaced.
 */
#include "remote/dialect_openai.h"
#include "sdk/core/alloc.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DIALECT amphi__dialect_openai

static void assert_way(amphi_continuation way, const char *body, const char *model,
    const char *prefix, const char *expected)
{
    amphi_buf out;
    amphi_error error;
    amphi__buf_init(&out, 0);
    const amphi_dialect_request request = {.body = amphi_str_from(body),
        .model = amphi_str_from(model),
        .prefix = amphi_str_from(prefix),
        .continuation = way};
    assert_int_equal(DIALECT.request_write(&out, &request, &error), AMPHI_OK);
    assert_string_equal(out.data, expected);
    assert_int_equal(amphi__json_check(amphi__buf_str(&out), "out", NULL), AMPHI_OK);
    amphi__buf_clear(&out);
}

static void assert_request(
    const char *body, const char *model, const char *prefix, const char *expected)
{
    assert_way(AMPHI_CONTINUE_AUTO, body, model, prefix, expected);
}

#define TAIL "\"stream\":true,\"stream_options\":{\"include_usage\":true}}"

static void request__members_go_out_as_they_were_written(void **state)
{
    assert_request(
        "{ \"model\" : \"x\" , \"seed\": 9007199254740993, \"temperature\" :0.30000000000000004,"
        "\"big\":1e400,\"messages\":[ {\"role\":\"user\", \"content\":\"a\\u0000\\u00e9\\/\"} ] }",
        NULL, NULL,
        "{\"model\":\"x\",\"seed\":9007199254740993,\"temperature\":0.30000000000000004,"
        "\"big\":1e400,\"messages\":[ {\"role\":\"user\", \"content\":\"a\\u0000\\u00e9\\/\"} "
        "]," TAIL);
    assert_request(
        "{\"messages\":[],\"tools\":[{\"type\":\"function\",\"a\":\"}],\\\"\"}],\"x\":null,"
        "\"response_format\":{\"type\":\"json_object\"},\"we\\\"ird\":[[],{}]}",
        NULL, NULL,
        "{\"messages\":[],\"tools\":[{\"type\":\"function\",\"a\":\"}],\\\"\"}],\"x\":null,"
        "\"response_format\":{\"type\":\"json_object\"},\"we\\\"ird\":[[],{}]," TAIL);
    assert_request("{}", NULL, NULL, "{" TAIL);
}

static void request__ours_and_what_would_break_streaming_is_replaced(void **state)
{
    assert_request("{\"amphi\":{\"mode\":\"auto\"},\"fallbacks\":[\"b\"],\"n\":3,\"stream\":false,"
                   "\"model\":\"x\",\"model\":\"y\",\"messages\":[]}",
        "gpt \"4\"", NULL, "{\"messages\":[],\"model\":\"gpt \\\"4\\\"\"," TAIL);
    assert_request("{\"stream_options\":{\"include_usage\":false,\"include_obfuscation\":false},"
                   "\"messages\":[]}",
        NULL, NULL,
        "{\"messages\":[],\"stream\":true,\"stream_options\":{\"include_obfuscation\":false,"
        "\"include_usage\":true}}");
    assert_request(
        "{\"stream_options\":null,\"messages\":[]}", NULL, NULL, "{\"messages\":[]," TAIL);
}

static void request__prefix_becomes_the_trailing_assistant_message(void **state)
{
    assert_request("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", NULL, "He said \"",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
        "{\"role\":\"assistant\",\"content\":\"He said \\\"\"}]," TAIL);
    assert_request("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                   "{\"role\":\"assistant\",\"content\":\"He\",\"name\":\"x\"}]}",
        NULL, " said",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
        "{\"role\":\"assistant\",\"name\":\"x\",\"content\":\"He said\"}]," TAIL);
    /* A tool call is no beginning of a text. */
    assert_request("{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]}]}",
        NULL, "a",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]},"
        "{\"role\":\"assistant\",\"content\":\"a\"}]," TAIL);
    assert_request("{\"messages\":[]}", NULL, "a",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]," TAIL);
}

static void request__that_is_no_json_object_is_refused(void **state)
{
    static const char *const bad[] = {"", "[]", "1", "{\"a\":1", "{\"a\":1}x", "{\"a\":\xff}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        const amphi_dialect_request request = {.body = amphi_str_from(bad[i])};
        assert_int_not_equal(DIALECT.request_write(&out, &request, NULL), AMPHI_OK);
        amphi__buf_clear(&out);
    }
}

static void request__beginning_is_marked_as_the_server_wants_it(void **state)
{
    static const char *const body = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}";
#define BEGUN "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
    assert_way(AMPHI_CONTINUE_NATIVE, body, NULL, "Hel", BEGUN "\"content\":\"Hel\"}]," TAIL);
    assert_way(AMPHI_CONTINUE_PREFIX, body, NULL, "Hel",
        BEGUN "\"content\":\"Hel\",\"prefix\":true}]," TAIL);
    assert_way(AMPHI_CONTINUE_VLLM, body, NULL, "Hel",
        BEGUN "\"content\":\"Hel\"}],\"continue_final_message\":true,"
              "\"add_generation_prompt\":false," TAIL);
    assert_way(AMPHI_CONTINUE_INSTRUCT, body, NULL, "Hel",
        BEGUN "\"content\":\"Hel\"},{\"role\":\"user\",\"content\":\"" AMPHI_CONTINUE_INSTRUCTION
              "\"}]," TAIL);
    assert_way(AMPHI_CONTINUE_PREFIX,
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"He\"}]}", NULL, "l",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"Hel\",\"prefix\":true}]," TAIL);
    assert_way(AMPHI_CONTINUE_VLLM, "{\"messages\":[]}", NULL, NULL, "{\"messages\":[]," TAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request__beginning_is_marked_as_the_server_wants_it),
        cmocka_unit_test(request__members_go_out_as_they_were_written),
        cmocka_unit_test(request__ours_and_what_would_break_streaming_is_replaced),
        cmocka_unit_test(request__prefix_becomes_the_trailing_assistant_message),
        cmocka_unit_test(request__that_is_no_json_object_is_refused),
    };
    return cmocka_run_group_tests_name("unit.remote.dialect_openai_request", tests, NULL, NULL);
}
