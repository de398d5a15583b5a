/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a finished request is written into the history, and what when it can't be.
 */
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The store's rows as text: role|content|is JSON|extra|route, a line each. */
static bool append_row(void *user, const amphi_store_message *m, int64_t id, int64_t created_ms)
{
    amphi__buf_printf(user, "%.*s|%.*s|%d|%.*s|%.*s\n", (int)m->role.size, m->role.data,
        (int)m->content.size, m->content.data, m->content_is_json, (int)m->extra_json.size,
        m->extra_json.data != NULL ? m->extra_json.data : "", (int)m->route.size,
        m->route.data != NULL ? m->route.data : "");
    return true;
}

static void expect_rows(chat_fixture *f, const char *conversation, const char *rows)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 0);
    (void)f->parts.store.ops->messages(
        f->parts.store.self, amphi_str_from(conversation), append_row, &buf, NULL);
    amphi__buf_append_c(&buf, "");
    assert_string_equal(buf.data != NULL ? buf.data : "", rows);
    amphi__buf_clear(&buf);
}

static void ask_json(chat_fixture *f, const char *messages)
{
    amphi_buf json;
    amphi__buf_init(&json, 0);
    amphi__buf_printf(&json,
        "{\"messages\":[%s],\"amphi\":{\"mode\":\"only_local\",\"no_cache\":true,"
        "\"conversation_id\":\"c\"}}",
        messages);
    amphi_stream *stream = NULL;
    amphi_error error;
    if (amphi_chat_start_json(&stream, f->client, amphi__buf_str(&json), &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    chat_fixture_pull(f, stream);
    amphi_stream_free(stream);
    amphi__buf_clear(&json);
}

static void turn__messages_and_answer_are_written_together(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    ask_json(&f, "{\"role\":\"system\",\"content\":\"Be kind.\"},"
                 "{\"role\":\"user\",\"content\":\"Hi\",\"name\":\"Ada\"}");
    expect_rows(&f, "c",
        "system|Be kind.|0||\nuser|Hi|0|{\"name\":\"Ada\"}|\nassistant|Hello world.|0||local\n");
    chat_fixture_close(&f);
}

static void turn__messages_for_one_request_are_not_kept_and_stand_before_the_history(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    for (int turn = 0; turn < 2; turn++) {
        amphi_stream *stream = NULL;
        assert_int_equal(
            amphi_chat_start_json_with(&stream, f.client,
                AMPHI_STR("{\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},"
                          "{\"role\":\"user\",\"content\":\"Hi\"}],\"amphi\":{"
                          "\"mode\":\"only_local\",\"no_cache\":true}}"),
                AMPHI_STR("{\"conversation_id\":\"c\",\"unkept_messages\":1}"), NULL),
            AMPHI_OK);
        chat_fixture_pull(&f, stream);
        amphi_stream_free(stream);
    }
    expect_rows(&f, "c",
        "user|Hi|0||\nassistant|Hello world.|0||local\n"
        "user|Hi|0||\nassistant|Hello world.|0||local\n");
    chat_fixture_close(&f);
}

/* More than there are: none of them is kept, and the answer is. */
static void turn__of_messages_for_one_request_has_its_answer(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_stream *stream = NULL;
    assert_int_equal(
        amphi_chat_start_json(&stream, f.client,
            AMPHI_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"amphi\":{"
                      "\"mode\":\"only_local\",\"no_cache\":true,"
                      "\"conversation_id\":\"c\",\"unkept_messages\":9}}"),
            NULL),
        AMPHI_OK);
    chat_fixture_pull(&f, stream);
    amphi_stream_free(stream);
    expect_rows(&f, "c", "assistant|Hello world.|0||local\n");
    chat_fixture_close(&f);
}

static void turn__parts_stay_parts(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    ask_json(&f, "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}");
    expect_rows(&f, "c",
        "user|[{\"type\":\"text\",\"text\":\"Hi\"}]|1||\nassistant|Hello world.|0||local\n");
    ask_json(&f, "{\"role\":\"user\",\"content\":\"More\"}"); /* and go out again as such */
    assert_non_null(strstr(f.local.last_body, "[{\"type\":\"text\",\"text\":\"Hi\"}]"));
    chat_fixture_close(&f);
}

static void turn__given_beginning_is_part_of_the_answer(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, continues_hello, continues_hello);
    ask_json(&f, "{\"role\":\"user\",\"content\":\"Hi\"},"
                 "{\"role\":\"assistant\",\"content\":\"Hello\"}");
    expect_rows(&f, "c", "user|Hi|0||\nassistant|Hello world.|0||local\n");
    chat_fixture_close(&f);
}

static void turn__tool_calls_and_their_results_stay_whole(void **state)
{
    static const scripted_step calls[] = {
        {SCRIPT_TOOL_CALL,
            "[{\"index\":0,\"id\":\"k\",\"type\":\"function\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{}\"}}]",
            0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_TOOL_CALLS}};
    chat_fixture f;
    chat_fixture_init(&f, calls, calls);
    f.local.next_script = says_hello;
    chat_fixture_start(&f, NULL);
    ask_json(&f, "{\"role\":\"user\",\"content\":\"Hi\"}");
    ask_json(&f, "{\"role\":\"tool\",\"content\":\"42\",\"tool_call_id\":\"k\"}");
    expect_rows(&f, "c",
        "user|Hi|0||\n"
        "assistant||0|{\"tool_calls\":[{\"id\":\"k\",\"type\":\"function\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{}\"}}]}|local\n"
        "tool|42|0|{\"tool_call_id\":\"k\"}|\nassistant|Hello world.|0||local\n");
    assert_non_null(strstr(f.local.last_body, "\"tool_calls\":[{\"id\":\"k\""));
    chat_fixture_close(&f);
}

static void turn__without_a_conversation_or_a_whole_answer_is_not_written(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, dies_in_mid_word, says_hello);
    chat_fixture_start(&f, NULL);
    ask_json(&f, "{\"role\":\"user\",\"content\":\"Hi\"}");
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    expect_rows(&f, "c", "");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    expect_rows(&f, "", "");
    chat_fixture_close(&f);
}

/* The fixture's store with a disk that is full. */
static amphi_status refuse_turn(void *self, const amphi_store_turn *turn, amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_FULL, 28, "the disk is full");
}

static void turn__that_cannot_be_written_is_whole_and_says_so(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    amphi_store_ops ops = *f.parts.store.ops;
    ops.turn_append = refuse_turn;
    f.parts.store.ops = &ops;
    chat_fixture_start(&f, NULL);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    request.conversation_id = AMPHI_STR("c");
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    chat_fixture_pull(&f, stream);
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_null(result.error);
    assert_non_null(result.history_error);
    assert_int_equal(result.history_error->status, AMPHI_E_FULL);
    assert_non_null(strstr(result.history_error->message, "the disk is full"));
    char *json = NULL; /* the record says it as well */
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"history_error\":{\"status\":\"full\""));
    amphi_string_free(json);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turn__messages_and_answer_are_written_together),
        cmocka_unit_test(turn__messages_for_one_request_are_not_kept_and_stand_before_the_history),
        cmocka_unit_test(turn__of_messages_for_one_request_has_its_answer),
        cmocka_unit_test(turn__parts_stay_parts),
        cmocka_unit_test(turn__given_beginning_is_part_of_the_answer),
        cmocka_unit_test(turn__tool_calls_and_their_results_stay_whole),
        cmocka_unit_test(turn__without_a_conversation_or_a_whole_answer_is_not_written),
        cmocka_unit_test(turn__that_cannot_be_written_is_whole_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
