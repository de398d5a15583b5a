/* SPDX-License-Identifier: Apache-2.0
 *
 * First guesses of how a server continues.
 */
#include "remote/continuation_guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void expect(const char *url, amphi_continuation way)
{
    assert_int_equal(amphi__continuation_guess_from_url(amphi_str_from(url)), way);
}

static void guess__known_addresses_tell(void **state)
{
    expect("https://api.mistral.ai/v1", AMPHI_CONTINUE_PREFIX);
    expect("https://api.deepseek.com/beta", AMPHI_CONTINUE_PREFIX);
    expect("https://api.deepseek.com", AMPHI_CONTINUE_INSTRUCT);
    expect("https://api.openai.com/v1", AMPHI_CONTINUE_INSTRUCT);
    expect("https://me.openai.azure.com/openai/v1", AMPHI_CONTINUE_INSTRUCT);
    expect("https://generativelanguage.googleapis.com/v1beta/openai", AMPHI_CONTINUE_INSTRUCT);
    expect("https://evilapi.openai.com.example.org/v1", AMPHI_CONTINUE_AUTO);
    expect("https://notapi.mistral.ai/v1", AMPHI_CONTINUE_AUTO);
    expect("https://api.deepseek.com/beta/v1", AMPHI_CONTINUE_PREFIX);
    expect("https://api.deepseek.com/betatest", AMPHI_CONTINUE_INSTRUCT);
    expect("https://api.groq.com/openai/v1", AMPHI_CONTINUE_NATIVE);
    expect("https://llm.example.org/openai/deployments/chat", AMPHI_CONTINUE_INSTRUCT);
    expect("http://127.0.0.1:11434/v1", AMPHI_CONTINUE_NATIVE);
    expect("https://api.openai.com:11434/v1", AMPHI_CONTINUE_INSTRUCT);
    expect("https://openrouter.ai/api/v1", AMPHI_CONTINUE_AUTO); /* the model's name says more */
    expect("http://127.0.0.1:4000/v1", AMPHI_CONTINUE_AUTO);
    expect("http://127.0.0.1:8080/v1", AMPHI_CONTINUE_AUTO);
    expect("no URL", AMPHI_CONTINUE_AUTO);
}

static void guess__headers_tell(void **state)
{
    const amphi_http_header llama[] = {{AMPHI_STR("Content-Type"), AMPHI_STR("text/event-stream")},
        {AMPHI_STR("Server"), AMPHI_STR("llama.cpp")}};
    const amphi_http_header other[] = {{AMPHI_STR("server"), AMPHI_STR("nginx")}};
    assert_int_equal(amphi__continuation_guess_from_headers(llama, 2), AMPHI_CONTINUE_NATIVE);
    assert_int_equal(amphi__continuation_guess_from_headers(other, 1), AMPHI_CONTINUE_AUTO);
}

static amphi_continuation from_one(const char *name, const char *value)
{
    const amphi_http_header headers[] = {{AMPHI_STR("Date"), AMPHI_STR("now")},
        {amphi_str_from(name), amphi_str_from(value)}, {AMPHI_STR("server"), AMPHI_STR("nginx")}};
    return amphi__continuation_guess_from_headers(headers, 3);
}

static void guess__headers_of_providers_and_routers_tell(void **state)
{
    assert_int_equal(from_one("Mistral-Correlation-Id", "1"), AMPHI_CONTINUE_PREFIX);
    assert_int_equal(from_one("x-ds-trace-id", "1"), AMPHI_CONTINUE_INSTRUCT);
    assert_int_equal(from_one("openai-version", "2020-10-01"), AMPHI_CONTINUE_INSTRUCT);
    assert_int_equal(from_one("azureml-model-session", "d1"), AMPHI_CONTINUE_INSTRUCT);
    assert_int_equal(from_one("x-groq-region", "fra"), AMPHI_CONTINUE_NATIVE);
    assert_int_equal(
        from_one("x-litellm-model-api-base", "https://api.mistral.ai/v1"), AMPHI_CONTINUE_PREFIX);
    assert_int_equal(
        from_one("x-litellm-model-api-base", "http://gpu:8000/v1"), AMPHI_CONTINUE_AUTO);
    assert_int_equal(from_one("x-litellm-model-api-base", "\xFF"), AMPHI_CONTINUE_AUTO);
    assert_int_equal(from_one("x-litellm-version", "1.80.0"), AMPHI_CONTINUE_AUTO);
    assert_int_equal(from_one("via", "1.1 google"), AMPHI_CONTINUE_AUTO);
}

/* A server's own name goes before what it passes on from another one. */
static void guess__server_that_answers_goes_before_one_behind_it(void **state)
{
    const amphi_http_header headers[] = {{AMPHI_STR("openai-version"), AMPHI_STR("2020-10-01")},
        {AMPHI_STR("server"), AMPHI_STR("amphi/0.5")}};
    assert_int_equal(amphi__continuation_guess_from_headers(headers, 2), AMPHI_CONTINUE_NATIVE);
    assert_int_equal(amphi__continuation_guess_from_headers(headers, 1), AMPHI_CONTINUE_INSTRUCT);
    assert_int_equal(amphi__continuation_guess_from_headers(NULL, 0), AMPHI_CONTINUE_AUTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guess__known_addresses_tell),
        cmocka_unit_test(guess__headers_tell),
        cmocka_unit_test(guess__headers_of_providers_and_routers_tell),
        cmocka_unit_test(guess__server_that_answers_goes_before_one_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
