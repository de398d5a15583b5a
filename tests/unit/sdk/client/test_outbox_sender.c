/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that no route could answer: kept, sent once when a route is back, in order.
 */
#include "sdk/client/client.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool count_message(void *user, const amphi_history_message *item)
{
    ++*(int *)user;
    return true;
}

static bool first_outbox(void *user, const amphi_outbox_entry *item)
{
    amphi__str_copy_to(user, 64, item->id);
    return false;
}

static void chat__no_route_queues_and_delivers_once(void **state)
{
    static const scripted_step down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
    char id[64] = "";
    int count = 0;
    uint32_t left = 9;
    chat_fixture f;
    chat_fixture_open(&f, down, down);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.conversation_id = AMPHI_STR("later");
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_QUEUED);
    assert_int_equal(amphi_outbox_entries(f.client, first_outbox, id, NULL), AMPHI_OK);
    assert_string_equal(id, f.cloud.last_key);
    f.local.script = f.cloud.script = says_hello;
    assert_int_equal(amphi_outbox_flush(f.client, 10000, &left, NULL), AMPHI_OK);
    assert_int_equal(left, 0);
    int starts = atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts);
    assert_int_equal(amphi_outbox_flush(f.client, 10000, &left, NULL), AMPHI_OK);
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), starts);
    assert_int_equal(
        amphi_history_messages(f.client, AMPHI_STR("later"), count_message, &count, NULL),
        AMPHI_OK);
    assert_int_equal(count, 2);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat__no_route_queues_and_delivers_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
