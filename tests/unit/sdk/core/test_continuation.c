/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of the ways to continue.
 */
#include "sdk/core/continuation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void continuation__every_way_has_a_name_that_is_read_again(void **state)
{
    for (int i = 0; i < AMPHI_CONTINUE_COUNT; i++) {
        amphi_continuation way;
        const char *name = amphi__continuation_name((amphi_continuation)i);
        assert_true(amphi__continuation_parse(&way, amphi_str_from(name)));
        assert_int_equal(way, i);
    }
}

static void continuation__empty_is_auto_and_others_are_refused(void **state)
{
    amphi_continuation way = AMPHI_CONTINUE_NO;
    assert_true(amphi__continuation_parse(&way, AMPHI_STR("")));
    assert_int_equal(way, AMPHI_CONTINUE_AUTO);
    assert_false(amphi__continuation_parse(&way, AMPHI_STR("Native")));
    assert_string_equal(amphi__continuation_name((amphi_continuation)99), "auto");
}

static void expect(const char *model, amphi_continuation way)
{
    if (amphi__continuation_of_model(amphi_str_from(model)) != way)
        fail_msg("%s", model);
}

static void continuation__names_of_services_tell_the_way(void **state)
{
    static const char *const prefix[] = {"mistral-large-latest", "mistral-large-2411",
        "codestral-latest", "codestral-2501", "magistral-medium-2506", "ministral-8b-latest",
        "open-mistral-nemo", "open-mixtral-8x22b", "mistral/mistral-small-latest"};
    static const char *const native[] = {"claude-3-5-sonnet-20241022", "claude-2.1",
        "claude-instant-1.2", "claude-sonnet-4-20250514", "claude-opus-4-1-20250805",
        "claude-sonnet-4-5@20250929", "anthropic/claude-opus-4.5", "claude-3-opus-latest",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic/claude-3.7-sonnet"};
    static const char *const anew[] = {"gpt-4o", "openai/gpt-4o-mini", "gpt-5", "gpt-3.5-turbo",
        "chatgpt-4o-latest", "o1", "o3-mini", "google/gemini-2.5-pro", "x-ai/grok-4",
        "deepseek-chat", "deepseek/deepseek-reasoner", "claude-opus-4-6", "claude-sonnet-4.6",
        "us.anthropic.claude-opus-4-6-v1", "claude-opus-5", "claude-sonnet-latest", "claude-"};
    for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
        expect(prefix[i], AMPHI_CONTINUE_PREFIX);
    for (size_t i = 0; i < sizeof native / sizeof *native; i++)
        expect(native[i], AMPHI_CONTINUE_NATIVE);
    for (size_t i = 0; i < sizeof anew / sizeof *anew; i++)
        expect(anew[i], AMPHI_CONTINUE_INSTRUCT);
}

static void continuation__names_of_open_models_tell_nothing(void **state)
{
    static const char *const open[] = {"", "/", "-", "m", "mistral:7b", "mistral", "mistral-small",
        "mistralai/Mistral-7B-Instruct-v0.3", "mistralai/Devstral-Small-2505", "codestral:22b",
        "deepseek-ai/DeepSeek-R1", "deepseek-r1:7b", "gpt-oss-20b", "openai/gpt-oss-120b",
        "gemma3:4b", "openhermes", "olmo-2", "o", "gpt-", "my-claude-clone", "-2411", "x-latest",
        "meta-llama/Llama-3.1-8B-Instruct", "qwen3:8b", "amphi/auto"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        expect(open[i], AMPHI_CONTINUE_AUTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuation__every_way_has_a_name_that_is_read_again),
        cmocka_unit_test(continuation__empty_is_auto_and_others_are_refused),
        cmocka_unit_test(continuation__names_of_services_tell_the_way),
        cmocka_unit_test(continuation__names_of_open_models_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
