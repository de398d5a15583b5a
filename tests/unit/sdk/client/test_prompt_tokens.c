/* SPDX-License-Identifier: Apache-2.0
 *
 * When a prompt's tokens are estimated and when a loaded local model counts them, and what follows
 * from it: the decision and its words, and how much of a conversation is left out.
 */
#include "sdk/client/prompt_tokens.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define LONG_BYTES 9000 /* an estimate of 3,008 tokens, where 4,096 fit */

static char long_text[LONG_BYTES + 1];

static int fill_text(void **state)
{
    for (int i = 0; i < LONG_BYTES; i++)
        long_text[i] = i % 5 == 4 ? ' ' : 'a';
    return 0;
}

/* What is decided about the local route for this message. */
static amphi_decision_route explain(chat_fixture *f, const char *text)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(text)};
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    amphi_decision decision;
    amphi_decision_init(&decision);
    request.messages = &message;
    request.messages_count = 1;
    assert_int_equal(amphi_route_explain(f->client, &request, &decision, NULL), AMPHI_OK);
    for (size_t i = 0; i < decision.routes_count; i++)
        if (strcmp(decision.routes[i].route, "local") == 0)
            return decision.routes[i];
    fail_msg("no local route");
    return decision.routes[0];
}

static uint32_t estimate(const char *json)
{
    amphi_request request;
    assert_int_equal(amphi__request_from_json(&request, amphi_str_from(json), NULL), AMPHI_OK);
    uint32_t tokens = amphi__prompt_tokens_estimate(&request);
    amphi__request_clear(&request);
    return tokens;
}

static void prompt_tokens__estimate_knows_messages_parts_and_tools(void **state)
{
    uint32_t plain = estimate("{\"messages\":[{\"role\":\"user\",\"content\":\"123456789\"}]}");
    assert_int_equal(plain, 3 + 8);
    assert_int_equal(plain, estimate("{\"messages\":[{\"role\":\"user\",\"content\":"
                                     "[{\"type\":\"text\",\"text\":\"123456789\"}]}]}"));
    uint32_t with_tools =
        estimate("{\"messages\":[{\"role\":\"user\",\"content\":\"123456789\"}],\"tools\":["
                 "{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":"
                 "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}}}]}");
    assert_in_range(with_tools, plain + 20, plain + 100);
}

/* The plan of a request in its JSON form, by its record. */
static char *routes_of(chat_fixture *f, const char *json)
{
    amphi_stream *stream = NULL;
    amphi_event event;
    char *record = NULL;
    assert_int_equal(
        amphi_chat_start_json(&stream, f->client, amphi_str_from(json), NULL), AMPHI_OK);
    do {
        assert_int_equal(amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(amphi_stream_result_json(stream, &record, NULL), AMPHI_OK);
    amphi_stream_free(stream);
    return record;
}

/* Nothing of a long prompt may hide in a member that is not `content`, or in a part of it. */
static void prompt_tokens__what_is_long_in_any_member_goes_to_no_short_context(void **state)
{
    static const char *const places[] = {
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}",
        "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"%s\"}]}",
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"%s\"}]}",
        "{\"role\":\"user\",\"content\":[{\"type\":\"odd\",\"deep\":[{\"text\":\"%s\"}]}]}",
        "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"%s\"}",
        "{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":\"%s\"}",
        "{\"role\":\"user\",\"content\":\"a\",\"name\":\"%s\"}",
        "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"%s\"}}]}",
        "{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\",\"arguments\":\"%s\"}}",
        "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"%s\"}",
        "{\"role\":\"tool\",\"tool_call_id\":\"%s\",\"content\":\"a\"}",
    };
    static char member[LONG_BYTES * 2], json[LONG_BYTES * 3];
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    f.local.info.context_tokens_max = f.cloud.info.context_tokens_max = 1024;
    f.local.info.tools = f.cloud.info.tools = true;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(member, sizeof member, places[i], long_text);
        snprintf(json, sizeof json,
            "{\"messages\":[%s,{\"role\":\"user\",\"content\":\"Hi\"}],"
            "\"amphi\":{\"no_queue\":true}}",
            member);
        char *record = routes_of(&f, json);
        if (strstr(record, "context_length") == NULL)
            fail_msg("%.60s... %s", member, record);
        amphi_string_free(record);
    }
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

/* An image is some hundred tokens, however large its file is, in the request and in what was said
 * before. */
static void prompt_tokens__an_images_bytes_are_no_tokens(void **state)
{
    static char json[LONG_BYTES * 2];
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    f.cloud.info.context_tokens_max = 2400;
    f.cloud.info.images = true;
    snprintf(json, sizeof json,
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"the oldest"
        " question\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,%s\"}}"
        "]}],\"amphi\":{\"conversation_id\":\"c\",\"mode\":\"only_cloud\"}}",
        long_text);
    amphi_string_free(routes_of(&f, json));
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    request.conversation_id = AMPHI_STR("c");
    chat_fixture_ask(&f, &request, "and now");
    assert_true(amphi__str_find(amphi_str_from(f.cloud.last_body),
                    AMPHI_STR("the oldest question")) != SIZE_MAX);
    chat_fixture_close(&f);
}

/* Its template would leave the call and its result out, and it would answer without them. */
static void prompt_tokens__a_called_tool_is_lost_on_no_route(void **state)
{
    static const char *const histories[] = {
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
        "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}",
        "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"42\"}",
        "{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}}",
    };
    char json[1024];
    for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
        chat_fixture f;
        chat_fixture_open(&f, says_hello, says_hello);
        f.local.info.tools = false;
        f.cloud.info.tools = true;
        snprintf(json, sizeof json,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"},%s,{\"role\":\"user\","
            "\"content\":\"Hi\"}],\"amphi\":{\"mode\":\"prefer_local\",\"conversation_id\":"
            "\"c\"}}",
            histories[i]);
        char *record = routes_of(&f, json);
        assert_non_null(strstr(
            record, "a tool was called in this conversation, which this route would leave out"));
        amphi_string_free(record);
        assert_int_equal(atomic_load(&f.cloud.starts), 1);
        /* Nor by the next request, which brings no message of that kind itself. */
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
        request.conversation_id = AMPHI_STR("c");
        chat_fixture_ask(&f, &request, "and now");
        assert_int_equal(atomic_load(&f.cloud.starts), 2);
        assert_int_equal(atomic_load(&f.local.starts), 0);
        chat_fixture_close(&f);
    }
}

static void prompt_tokens__far_from_every_limit_nothing_is_counted(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    f.local.tokens = 5000;
    assert_true(explain(&f, "Hi").kept);
    assert_int_equal(atomic_load(&f.local.counts), 0);
    chat_fixture_close(&f);
}

static void prompt_tokens__near_a_limit_the_count_decides_and_is_named(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    f.local.tokens = 5000;
    amphi_decision_route route = explain(&f, long_text);
    assert_int_equal(atomic_load(&f.local.counts), 1);
    assert_false(route.kept);
    assert_int_equal(route.reason, AMPHI_REASON_CONTEXT_LENGTH);
    assert_string_equal(route.why,
        "the prompt has 5000 tokens and the answer needs 64, this route has room for 4096");
    f.local.info.context_tokens_max = 2048; /* too short by the estimate */
    f.local.tokens = 1900;
    assert_true(explain(&f, long_text).kept);
    f.local.info.context_tokens_max = 600; /* a fifth of the estimate: blanks and the like */
    f.local.tokens = 500;
    assert_true(explain(&f, long_text).kept);
    chat_fixture_close(&f);
}

static void prompt_tokens__the_estimate_stands_while_the_engine_is_busy_or_not_loaded(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    f.local.info.context_tokens_max = 2048;
    assert_string_equal(explain(&f, long_text).why,
        "the prompt has about 3008 tokens and the answer needs 64, this route has room for 2048");
    assert_int_equal(atomic_load(&f.local.counts), 1);
    f.local.tokens = 1900;
    f.local.info.ready = false;
    assert_false(explain(&f, long_text).kept);
    assert_int_equal(atomic_load(&f.local.counts), 1);
    chat_fixture_close(&f);
}

/* By its bytes the conversation does not fit; by its tokens it does. */
static void prompt_tokens__a_conversation_that_fits_by_count_is_not_cut(void **state)
{
    chat_fixture f;
    for (int counted = 0; counted < 2; counted++) {
        chat_fixture_open(&f, says_hello, says_hello);
        f.local.info.context_tokens_max = 3500; /* a quarter of it is kept for the answer */
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
        request.conversation_id = AMPHI_STR("c");
        chat_fixture_ask(&f, &request, "the oldest question");
        chat_fixture_ask(&f, &request, long_text);
        f.local.tokens = counted != 0 ? 2000 : 0;
        chat_fixture_ask(&f, &request, "and now");
        bool whole = amphi__str_find(amphi_str_from(f.local.last_body),
                         AMPHI_STR("the oldest question")) != SIZE_MAX;
        assert_int_equal(whole, counted != 0);
        chat_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_tokens__estimate_knows_messages_parts_and_tools),
        cmocka_unit_test(prompt_tokens__what_is_long_in_any_member_goes_to_no_short_context),
        cmocka_unit_test(prompt_tokens__an_images_bytes_are_no_tokens),
        cmocka_unit_test(prompt_tokens__a_called_tool_is_lost_on_no_route),
        cmocka_unit_test(prompt_tokens__far_from_every_limit_nothing_is_counted),
        cmocka_unit_test(prompt_tokens__near_a_limit_the_count_decides_and_is_named),
        cmocka_unit_test(prompt_tokens__the_estimate_stands_while_the_engine_is_busy_or_not_loaded),
        cmocka_unit_test(prompt_tokens__a_conversation_that_fits_by_count_is_not_cut),
    };
    return cmocka_run_group_tests(tests, fill_text, NULL);
}
