/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's life, with engines that follow scripts: exactly one terminal event, privacy, history,
 * cancelling, both public forms.
 */
#include "sdk/client/client.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void chat__whole_answer_ends_in_one_done(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void chat__events_name_their_route_and_its_model(void **state)
{
    chat_fixture f;
    unsigned deltas = 0;
    amphi_event event = {0};
    chat_fixture_open(&f, dies_in_mid_word, continues_hello);
    snprintf(f.local.info.model, sizeof f.local.info.model, "small");
    snprintf(f.cloud.info.model, sizeof f.cloud.info.model, "large");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_LOCAL);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    while (!amphi_event_is_terminal(&event)) {
        assert_int_equal(amphi_stream_next(stream, 20000, &event, NULL), AMPHI_OK);
        bool is_cloud = amphi__str_equal_c(event.route, "cloud");
        deltas += event.kind == AMPHI_EVENT_DELTA;
        if (event.kind == AMPHI_EVENT_DELTA || event.kind == AMPHI_EVENT_DONE)
            assert_true(amphi__str_equal_c(event.model, is_cloud ? "large" : "small"));
    }
    assert_int_equal(event.kind, AMPHI_EVENT_DONE);
    assert_true(amphi__str_equal_c(event.route, "cloud"));
    assert_true(deltas >= 2);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void chat__private_never_reaches_the_cloud(void **state)
{
    static const amphi_mode modes[] = {AMPHI_MODE_DEFAULT, AMPHI_MODE_AUTO, AMPHI_MODE_PREFER_LOCAL,
        AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_ONLY_CLOUD};
    chat_fixture f;
    chat_fixture_open(&f, dies_in_mid_word, says_hello);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        amphi_chat_request request = chat_fixture_request(modes[i]);
        request.is_private = true;
        chat_fixture_ask(&f, &request, "Secret");
        assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    }
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void chat__cancel_from_another_thread_ends_the_stream(void **state)
{
    static const scripted_step slow[] = {{SCRIPT_SAY, "Hello", 0}, {SCRIPT_WAIT, NULL, 60000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, slow, slow);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    amphi_thread thread;
    assert_int_equal(
        amphi__thread_start(&thread, "cancel", (void (*)(void *))amphi_stream_cancel, stream),
        AMPHI_OK);
    chat_fixture_pull(&f, stream);
    amphi__thread_join(&thread);
    assert_int_equal(f.error, AMPHI_E_CANCELLED);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void chat__freeing_a_running_stream_cancels_it(void **state)
{
    static const scripted_step slow[] = {
        {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_open(&f, slow, slow);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    amphi_stream_free(chat_fixture_begin(&f, &request, "Hi"));
    chat_fixture_close(&f);
}

static bool count_message(void *user, const amphi_history_message *item)
{
    ++*(int *)user;
    return true;
}

static void chat__conversation_sends_its_history_along(void **state)
{
    int count = 0;
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("c");
    chat_fixture_ask(&f, &request, "First question");
    chat_fixture_ask(&f, &request, "Second question");
    assert_non_null(strstr(f.local.last_body, "First question"));
    assert_non_null(strstr(f.local.last_body, "Hello world."));
    assert_non_null(strstr(f.local.last_body, "Second question"));
    assert_int_equal(
        amphi_history_messages(f.client, AMPHI_STR("c"), count_message, &count, NULL), AMPHI_OK);
    assert_int_equal(count, 4);
    chat_fixture_close(&f);
}

static void chat__conversation_that_is_too_long_loses_its_oldest_turns(void **state)
{
    static const scripted_step too_long[] = {{SCRIPT_FAIL, NULL, AMPHI_E_CONTEXT_LENGTH}};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("long");
    chat_fixture_ask(&f, &request, "First question");
    chat_fixture_ask(&f, &request, "Second question");
    atomic_store(&f.local.starts, 0);
    f.local.script = too_long;
    f.local.next_script = says_hello;
    chat_fixture_ask(&f, &request, "Third question");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&f.local.starts), 2);
    assert_null(strstr(f.local.last_body, "First question"));
    assert_non_null(strstr(f.local.last_body, "Second question"));
    assert_non_null(strstr(f.local.last_body, "Third question"));
    f.local.next_script = too_long;
    chat_fixture_ask(&f, &request, "Fourth question");
    assert_int_equal(f.error, AMPHI_E_CONTEXT_LENGTH);
    chat_fixture_close(&f);
}

static void chat__json_form_continues_a_given_beginning(void **state)
{
    amphi_stream *stream = NULL;
    chat_fixture f;
    chat_fixture_open(&f, continues_hello, continues_hello);
    assert_int_equal(amphi_chat_start_json(&stream, f.client,
                         AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                                   "{\"role\":\"assistant\",\"content\":\"Hello\"}],"
                                   "\"amphi\":{\"mode\":\"only_local\"}}"),
                         NULL),
        AMPHI_OK);
    chat_fixture_pull(&f, stream);
    amphi_stream_free(stream);
    chat_fixture_expect(&f, " world.");
    assert_string_equal(f.local.last_prefix, "Hello");
    assert_null(strstr(f.local.last_body, "assistant"));
    chat_fixture_close(&f);
}

static void chat__bad_json_requests_name_the_field(void **state)
{
    static const struct {
        const char *json;
        const char *field;
    } cases[] = {
        {"", "request"},
        {"[]", "request"},
        {"{}", "messages"},
        {"{\"messages\":[]}", "messages"},
        {"{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}", "messages[0].role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":3}]}", "messages[0].content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":2}", "n:"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"amphi\":{\"mode\":\"up\"}}",
            "amphi.mode"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"amphi\":{\"private\":\"yes\"}}",
            "amphi.private"},
    };
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_error error;
        amphi_stream *stream = NULL;
        assert_int_not_equal(
            amphi_chat_start_json(&stream, f.client, amphi_str_from(cases[i].json), &error),
            AMPHI_OK);
        assert_null(stream);
        assert_non_null(strstr(error.message, cases[i].field));
    }
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__whole_answer_ends_in_one_done),
        cmocka_unit_test(chat__events_name_their_route_and_its_model),
        cmocka_unit_test(chat__private_never_reaches_the_cloud),
        cmocka_unit_test(chat__cancel_from_another_thread_ends_the_stream),
        cmocka_unit_test(chat__freeing_a_running_stream_cancels_it),
        cmocka_unit_test(chat__conversation_sends_its_history_along),
        cmocka_unit_test(chat__conversation_that_is_too_long_loses_its_oldest_turns),
        cmocka_unit_test(chat__json_form_continues_a_given_beginning),
        cmocka_unit_test(chat__bad_json_requests_name_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
