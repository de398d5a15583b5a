/* SPDX-License-Identifier: Apache-2.0
 *
 * What the history's JSON form refuses, since it would take more away than was meant.
 */
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void say(chat_fixture *f, const char *id)
{
    amphi_store store = f->parts.store;
    amphi_store_message message = {.role = AMPHI_STR("user"), .content = AMPHI_STR("q")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .conversation_id = amphi_str_from(id),
        .now_ms = 1000,
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(store.ops->turn_append(store.self, &turn, NULL), AMPHI_OK);
}

static amphi_status ask(chat_fixture *f, const char *request, amphi_error *error)
{
    char *answer = NULL;
    amphi_status status = amphi_history_json(f->client, amphi_str_from(request), &answer, error);
    amphi_string_free(answer);
    return status;
}

static void json__a_message_0_is_refused_by_name(void **state)
{
    static const char *const requests[] = {
        "{\"op\":\"delete\",\"conversation_id\":\"c\",\"message_id\":0}",
        "{\"op\":\"delete\",\"message_id\":-0,\"conversation_id\":\"c\"}",
        "{\"op\":\"delete\",\"conversation_id\":\"c\",\"message_id\":-1}",
        "{\"op\":\"delete\",\"conversation_id\":\"c\",\"message_id\":0.5}",
        "{\"op\":\"delete\",\"conversation_id\":\"c\",\"message_id\":\"0\"}",
        "{\"op\":\"delete\",\"conversation_id\":\"c\",\"message_id\":null}",
    };
    chat_fixture f;
    amphi_error error;
    chat_fixture_init(&f, says_hello, says_hello);
    chat_fixture_start(&f, NULL);
    say(&f, "c");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        assert_int_equal(ask(&f, requests[i], &error), AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, "message_id: "));
    }
    /* Without a limit nothing goes. */
    assert_int_equal(ask(&f, "{\"op\":\"prune\",\"max_age_ms\":0,\"max_bytes\":0}", &error), 0);
    assert_int_equal(ask(&f, "{\"op\":\"show\",\"conversation_id\":\"c\"}", &error), AMPHI_OK);
    assert_int_equal(ask(&f, "{\"op\":\"delete\",\"conversation_id\":\"c\"}", &error), AMPHI_OK);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__a_message_0_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
