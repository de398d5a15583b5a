/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/privacy_scene.h"

#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

const scripted_step privacy_answers_secretly[2] = {
    {SCRIPT_SAY, "SECRET-A", 0}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

privacy_outcome privacy_ask_client(amphi_client *client, const char *conversation, amphi_mode mode,
    bool is_private, const char *text)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(text)};
    amphi_chat_request request = chat_fixture_request(mode);
    request.messages = &message;
    request.messages_count = 1;
    request.conversation_id = amphi_str_from(conversation);
    request.is_private = is_private;
    amphi_stream *stream = NULL;
    amphi_event event;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_chat_start(&stream, client, &request, NULL), AMPHI_OK);
    do {
        assert_int_equal(amphi_stream_next(stream, LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    privacy_outcome out = {.kind = event.kind, .privacy = result.privacy};
    out.turns_omitted = result.turns_omitted;
    amphi__str_copy_to(out.route, sizeof out.route, result.route);
    if (result.error != NULL)
        amphi__str_copy_to(out.error, sizeof out.error, amphi_str_from(result.error->message));
    if (result.history_error != NULL)
        amphi__str_copy_to(out.history_error, sizeof out.history_error,
            amphi_str_from(result.history_error->message));
    for (size_t i = 0; i < result.decision->routes_count; i++)
        if (strcmp(result.decision->routes[i].route, "cloud") == 0)
            amphi__str_copy_to(out.cloud_why, sizeof out.cloud_why,
                amphi_str_from(result.decision->routes[i].why));
    amphi_stream_free(stream);
    return out;
}

privacy_outcome privacy_ask(
    chat_fixture *f, const char *conversation, amphi_mode mode, bool is_private, const char *text)
{
    return privacy_ask_client(f->client, conversation, mode, is_private, text);
}

void privacy_expect_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

void privacy_expect_cloud_knows_nothing(const chat_fixture *f)
{
    assert_null(strstr(f->cloud.last_body, "SECRET"));
    assert_null(strstr(f->cloud.last_prefix, "SECRET"));
}

void privacy_open_with_secret(chat_fixture *f, const char *policy)
{
    chat_fixture_open_with(f, privacy_answers_secretly, says_hello, policy);
    assert_int_equal(
        privacy_ask(f, "c", AMPHI_MODE_ONLY_CLOUD, false, "first").kind, AMPHI_EVENT_DONE);
    privacy_outcome o = privacy_ask(f, "c", AMPHI_MODE_AUTO, true, "SECRET-Q");
    assert_int_equal(o.kind, AMPHI_EVENT_DONE);
    assert_int_equal(o.privacy, AMPHI_PRIVACY_PRIVATE);
    assert_string_equal(o.route, "local");
    atomic_store(&f->cloud.starts, 0);
}
