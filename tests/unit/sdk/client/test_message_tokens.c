/* SPDX-License-Identifier: Apache-2.0
 *
 * What each member of a message comes to.
 */
#include "sdk/client/message_tokens.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint64_t tokens(const char *json)
{
    amphi_json *root = NULL;
    assert_int_equal(amphi__json_parse(&root, amphi_str_from(json), "message", NULL), AMPHI_OK);
    uint64_t n = amphi__message_tokens(root);
    amphi__json_free(root);
    return n;
}

static bool has_tools(const char *json)
{
    amphi_json *root = NULL;
    assert_int_equal(amphi__json_parse(&root, amphi_str_from(json), "message", NULL), AMPHI_OK);
    bool found = amphi__message_has_tools(root);
    amphi__json_free(root);
    return found;
}

static void message_tokens__text_is_three_bytes_a_token_in_one_part_or_in_many(void **state)
{
    assert_int_equal(tokens("{\"role\":\"user\",\"content\":\"123456\"}"), 2 + 8);
    assert_int_equal(tokens("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"12\"},"
                            "{\"type\":\"text\",\"text\":\"3456\"}]}"),
        2 + 8);
    assert_int_equal(tokens("{\"role\":\"user\",\"content\":null}"), 8);
}

static void message_tokens__what_is_no_text_has_its_own_estimate(void **state)
{
    static char data[64001], json[70000];
    memset(data, 'A', sizeof data - 1); /* 48,000 bytes */
    snprintf(json, sizeof json,
        "{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,%s\"}"
        "}]}",
        data);
    assert_int_equal(tokens(json), AMPHI_IMAGE_TOKENS + 8);
    assert_int_equal(tokens("{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\","
                            "\"detail\":\"low\"}}]}"),
        AMPHI_IMAGE_TOKENS_LOW + 8);
    snprintf(json, sizeof json,
        "{\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"format\":\"mp3\",\"data\":\"%s"
        "\"}}]}",
        data);
    assert_int_equal(tokens(json), 30 + 8); /* three seconds */
    snprintf(json, sizeof json,
        "{\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"format\":\"wav\",\"data\":\"%s"
        "\"}}]}",
        data);
    assert_int_equal(tokens(json), 10 + 8); /* one */
    snprintf(json, sizeof json,
        "{\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":\"%s\"}}]}", data);
    assert_int_equal(tokens(json), 1500 + 8);
    snprintf(json, sizeof json,
        "{\"content\":[{\"type\":\"video_url\",\"video_url\":{\"url\":\"data:video/mp4;base64,%s\"}"
        "}]}",
        data);
    assert_in_range(tokens(json), 1500, 1520);
}

static void message_tokens__calls_results_names_and_thoughts_count(void **state)
{
    uint64_t plain = tokens("{\"role\":\"assistant\",\"content\":\"a\"}");
    static const char *const members[] = {
        "name", "tool_call_id", "reasoning_content", "refusal", "anything"};
    char json[256];
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        snprintf(json, sizeof json, "{\"role\":\"assistant\",\"content\":\"a\",\"%s\":\"%060d\"}",
            members[i], 0);
        assert_in_range(tokens(json), plain + 20, plain + 30);
    }
    snprintf(json, sizeof json,
        "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"function\":{\"arguments\":"
        "\"%060d\"}}]}",
        0);
    assert_in_range(tokens(json), plain + 20, plain + 40);
}

static void message_tokens__a_tools_call_and_its_result_are_seen(void **state)
{
    assert_true(has_tools("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\"}]}"));
    assert_true(has_tools("{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\"}}"));
    assert_true(has_tools("{\"role\":\"tool\",\"content\":\"42\"}"));
    assert_true(has_tools("{\"role\":\"function\",\"content\":\"42\"}"));
    assert_false(has_tools("{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[]}"));
    assert_false(has_tools("{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":null}"));
    assert_false(has_tools("{\"role\":\"user\",\"content\":\"tool\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_tokens__text_is_three_bytes_a_token_in_one_part_or_in_many),
        cmocka_unit_test(message_tokens__what_is_no_text_has_its_own_estimate),
        cmocka_unit_test(message_tokens__calls_results_names_and_thoughts_count),
        cmocka_unit_test(message_tokens__a_tools_call_and_its_result_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
