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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guess__known_addresses_tell),
        cmocka_unit_test(guess__headers_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
