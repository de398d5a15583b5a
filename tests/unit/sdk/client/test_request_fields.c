/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's fields: what is out of range is refused, and the line begins with the field's name.
 */
#include "sdk/client/request_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static amphi_status check(const char *json, amphi_error *error)
{
    amphi_json *body = NULL;
    memset(error, 0, sizeof *error);
    assert_int_equal(amphi__json_parse(&body, amphi_str_from(json), "body", NULL), AMPHI_OK);
    amphi_status status = amphi__fields_check(body, error);
    amphi__json_free(body);
    return status;
}

static void fields__in_range_pass(void **state)
{
    static const char *const bodies[] = {"{}", "{\"temperature\":0}", "{\"temperature\":2}",
        "{\"temperature\":null,\"top_p\":null,\"stop\":null,\"logit_bias\":null,\"seed\":null}",
        "{\"top_p\":0}", "{\"top_p\":1}", "{\"min_p\":0.05}", "{\"typical_p\":0.9}",
        "{\"top_k\":0}", "{\"top_k\":-1}", "{\"top_k\":40}", "{\"presence_penalty\":-2}",
        "{\"frequency_penalty\":2}", "{\"repetition_penalty\":1.1}", "{\"max_tokens\":1}",
        "{\"seed\":0}", "{\"seed\":-1}", "{\"seed\":9007199254740991}", "{\"stop\":\"x\"}",
        "{\"stop\":[]}", "{\"stop\":[\"a\",\"b\"]}", "{\"logit_bias\":{\"5\":-100,\"6\":100}}",
        "{\"logprobs\":false}", "{\"logprobs\":true}", "{\"logprobs\":true,\"top_logprobs\":20}",
        "{\"logprobs\":true,\"top_logprobs\":0}", "{\"logprobs\":null,\"top_logprobs\":null}",
        "{\"stream\":true,\"unknown_to_all\":-5}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        amphi_error error;
        if (check(bodies[i], &error) != AMPHI_OK)
            fail_msg("%s: %s", bodies[i], error.message);
    }
}

static void fields__out_of_range_are_refused_by_name(void **state)
{
    static const char *const bodies[][2] = {{"temperature", "-5"}, {"temperature", "2.01"},
        {"temperature", "\"hot\""}, {"temperature", "[1]"}, {"temperature", "true"}, {"top_p", "2"},
        {"top_p", "-0.1"}, {"min_p", "1.5"}, {"typical_p", "-1"}, {"top_k", "-2"}, {"top_k", "1.5"},
        {"top_k", "1e12"}, {"presence_penalty", "2.5"}, {"frequency_penalty", "-3"},
        {"repetition_penalty", "0"}, {"repetition_penalty", "-1"}, {"repeat_penalty", "1000"},
        {"max_tokens", "0"}, {"max_tokens", "-1"}, {"max_tokens", "1.5"},
        {"max_completion_tokens", "\"many\""}, {"seed", "1.5"}, {"seed", "\"x\""}, {"seed", "1e30"},
        {"seed", "9223372036854775808"}, {"stop", "5"}, {"stop", "[\"a\",5]"},
        {"stop", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\","
                 "\"13\",\"14\",\"15\",\"16\",\"17\"]"},
        {"logit_bias", "[]"}, {"logit_bias", "{\"a\":1}"}, {"logit_bias", "{\"-1\":1}"},
        {"logit_bias", "{\"5\":101}"}, {"logit_bias", "{\"5\":\"x\"}"}, {"logprobs", "1"},
        {"logprobs", "\"yes\""}, {"top_logprobs", "5"}, {"stream", "\"true\""},
        {"parallel_tool_calls", "1"}};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        amphi_error error;
        char body[256], wanted[64];
        snprintf(body, sizeof body, "{\"%s\":%s}", bodies[i][0], bodies[i][1]);
        snprintf(wanted, sizeof wanted, "%s: ", bodies[i][0]);
        if (check(body, &error) != AMPHI_E_ARGUMENT ||
            strncmp(error.message, wanted, strlen(wanted)) != 0)
            fail_msg("%s: %s", body, error.message);
    }
}

static void fields__top_logprobs_has_its_own_bounds(void **state)
{
    static const char *const values[] = {"21", "-1", "1.5", "\"5\"", "1e9"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        amphi_error error;
        char body[96];
        snprintf(body, sizeof body, "{\"logprobs\":true,\"top_logprobs\":%s}", values[i]);
        assert_int_equal(check(body, &error), AMPHI_E_ARGUMENT);
        assert_memory_equal(error.message, "top_logprobs: ", 14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields__in_range_pass),
        cmocka_unit_test(fields__out_of_range_are_refused_by_name),
        cmocka_unit_test(fields__top_logprobs_has_its_own_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
