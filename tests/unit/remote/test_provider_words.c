/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider's own words: out of every shape of body that providers send, and never with a key in
 * them.
 */
#include "remote/provider_words.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static amphi_provider_error read(const char *body, const char *secrets)
{
    amphi_provider_error out;
    const amphi_provider_answer answer = {
        400, amphi_str_from(body), AMPHI_STR("req_1"), amphi_str_from(secrets)};
    (void)amphi__provider_words_read(&out, &answer);
    return out;
}

static void words__are_taken_from_every_shape(void **state)
{
    static const struct {
        const char *body, *message, *type, *code, *param;
    } cases[] = {
        {"{\"error\":{\"message\":\"Invalid schema for function 'f': 'required' is required\","
         "\"type\":\"invalid_request_error\",\"param\":\"tools[0].function.parameters\",\"code\":"
         "\"invalid_function_parameters\"}}",
            "Invalid schema for function 'f': 'required' is required", "invalid_request_error",
            "invalid_function_parameters", "tools[0].function.parameters"},
        {"{\"object\":\"error\",\"message\":\"no\",\"type\":\"BadRequestError\",\"param\":null,"
         "\"code\":400}",
            "no", "BadRequestError", "400", ""},
        {"[{\"error\":{\"code\":429,\"message\":\"exhausted\",\"status\":\"RESOURCE_EXHAUSTED\"}}]",
            "exhausted", "RESOURCE_EXHAUSTED", "429", ""},
        {"{\"error\":\"model 'x' not found\"}", "model 'x' not found", "", "", ""},
        {"{\"detail\":\"Not Found\"}", "Not Found", "", "", ""},
        {"{\"detail\":[{\"loc\":[\"body\",\"messages\"],\"msg\":\"field required\"}]}",
            "body.messages: field required", "", "", ""},
        {"{\"error\":{\"message\":\"Provider returned error\",\"code\":400,\"metadata\":{\"raw\":"
         "\"{\\\"error\\\":{\\\"message\\\":\\\"too hot\\\"}}\",\"provider_name\":\"P\"}}}",
            "Provider returned error: too hot", "", "400", ""},
        {"upstream connect error\n", "upstream connect error", "", "", ""},
        {"<html>502</html>", "", "", "", ""},
        {"", "", "", "", ""},
        {"{\"error\":{}}", "", "", "", ""},
        {"{\"error\":{\"message\":7,\"code\":[],\"type\":{}}}", "", "", "", ""},
        {"null", "", "", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amphi_provider_error words = read(cases[i].body, "");
        assert_string_equal(words.message, cases[i].message);
        assert_string_equal(words.type, cases[i].type);
        assert_string_equal(words.code, cases[i].code);
        assert_string_equal(words.param, cases[i].param);
        assert_string_equal(words.request_id, "req_1");
        assert_int_equal(words.http_status, 400);
    }
}

static void words__keys_are_taken_out(void **state)
{
    static const char *const cases[][2] = {
        {"Incorrect API key provided: sk-abc123.", "Incorrect API key provided: [key]."},
        {"Incorrect API key provided: sk-ab***********yz.", "Incorrect API key provided: [key]."},
        {"key my-secret-42 is bad", "key [key] is bad"},
        {"key \"xmy-secret-42y\" is bad", "key \"x[key]y\" is bad"},
        {"bad 0123456789abcdef0123456789ABCDEF!", "bad [key]!"},
        {"use Authorization: Bearer 9fJ2kkq0 here", "use Authorization: Bearer [key] here"},
        {"Bearer authentication is needed", "Bearer authentication is needed"},
        {"AIzaSyD-0123456789abcdefgh x", "[key] x"},
        {"gpt-4o-mini-2024-07-18 has no task 7f9c24e5-2c1b-4d8e-9f3a-1b2c3d4e5f60",
            "gpt-4o-mini-2024-07-18 has no task 7f9c24e5-2c1b-4d8e-9f3a-1b2c3d4e5f60"},
        {"skill sk- task", "skill sk- task"},
        {"a\x1b[31mred\nline\xc2\x9b", "a [31mred line "},
        {"cut \xff here", "cut \xEF\xBF\xBD here"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amphi_buf out;
        amphi__buf_init(&out, 0);
        amphi__provider_words_redact(
            &out, amphi_str_from(cases[i][0]), AMPHI_STR("my-secret-42\nabc\n\n"));
        assert_string_equal(out.data, cases[i][1]);
        amphi__buf_clear(&out);
    }
}

/* Wherever a key stands in a long message: no part of it of six letters is left. */
static void words__no_cut_leaves_half_a_key(void **state)
{
    static const char key[] = "zq81-Wm4x7-pp0LLk-9Tr";
    char body[1400];
    for (size_t at = 990; at < 1030; at++) {
        memset(body, 'm', sizeof body);
        memcpy(body + at, key, sizeof key - 1);
        body[sizeof body - 1] = '\0';
        amphi_provider_error words = read(body, "zq81-Wm4x7-pp0LLk-9Tr\n");
        assert_true(strlen(words.message) < sizeof words.message);
        for (size_t i = 0; i + 6 < sizeof key; i++) {
            char part[7] = {0};
            memcpy(part, key + i, 6);
            assert_null(strstr(words.message, part));
        }
    }
}

static void words__are_bounded_and_whole_characters(void **state)
{
    char body[6000] = "{\"error\":{\"message\":\"";
    while (strlen(body) < 5000)
        strcat(body, "\xC3\xA4");
    strcat(body, "\",\"param\":\"");
    for (int i = 0; i < 300; i++)
        strcat(body, "p");
    strcat(body, "\"}}");
    amphi_provider_error words = read(body, "");
    assert_true(strlen(words.message) > 1000);
    assert_true(amphi__utf8_is_valid(amphi_str_from(words.message)));
    assert_int_equal(strlen(words.param), sizeof words.param - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__are_taken_from_every_shape),
        cmocka_unit_test(words__keys_are_taken_out),
        cmocka_unit_test(words__no_cut_leaves_half_a_key),
        cmocka_unit_test(words__are_bounded_and_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
