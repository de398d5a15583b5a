/* SPDX-License-Identifier: Apache-2.0
 *
 * A request in a conversation of which earlier messages wait in the outbox. The background thread
 * is stopped in most tests, so that only the request itself can have sent them.
 */
#include "sdk/client/outbox_order.h"

#include "sdk/client/background.h"
#include "sdk/core/str.h"
#include "tests/support/outbox_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};
static const scripted_step endless[] = {
    {SCRIPT_SAY, "Hel", 0}, {SCRIPT_WAIT, NULL, 600000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

/* What ended a request. */
typedef struct ending {
    amphi_event_kind kind;
    uint32_t before, before_in_result;
    amphi_status status;
    char message[160];
    char *json;
} ending;

static void pull(amphi_stream *stream, ending *e)
{
    amphi_event event;
    amphi_chat_result result;
    memset(e, 0, sizeof *e);
    do {
        assert_int_equal(amphi_stream_next(stream, OUTBOX_FIXTURE_LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    e->kind = event.kind;
    e->before = event.outbox_before;
    if (event.error != NULL) {
        e->status = event.error->status;
        amphi__str_copy_to(e->message, sizeof e->message, amphi_str_from(event.error->message));
    }
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    e->before_in_result = result.outbox_before;
    assert_int_equal(amphi_stream_result_json(stream, &e->json, NULL), AMPHI_OK);
    amphi_stream_free(stream);
}

static ending ask(
    chat_fixture *f, amphi_chat_request request, const char *conversation, const char *text)
{
    ending e;
    request.conversation_id = amphi_str_from(conversation);
    pull(chat_fixture_begin(f, &request, text), &e);
    amphi_string_free(e.json);
    e.json = NULL;
    return e;
}

/* One and Two wait in "c", and nothing but a request sends them. */
static void open_with_two_waiting(chat_fixture *f, const scripted_step *cloud)
{
    outbox_fixture_open_offline(f, cloud);
    amphi__background_stop(f->client->background);
    outbox_fixture_queue(f, "c", "One", NULL);
    outbox_fixture_queue(f, "c", "Two", NULL);
}

static void order__earlier_messages_are_sent_first(void **state)
{
    chat_fixture f;
    open_with_two_waiting(&f, says_hello);
    outbox_fixture_queue(&f, "other", "Elsewhere", NULL);
    outbox_fixture_set_network(f.client, "free");
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Three");
    assert_int_equal(e.kind, AMPHI_EVENT_DONE);
    assert_int_equal(e.before_in_result, 0);
    outbox_fixture_expect_history(f.client, "c",
        "user: One\nassistant: Hello world.\nuser: Two\nassistant: Hello world.\n"
        "user: Three\nassistant: Hello world.\n");
    assert_non_null(strstr(f.cloud.last_body, "Two"));        /* it knows what was said before */
    assert_int_equal(outbox_fixture_list(f.client).count, 1); /* the other conversation's */
    assert_int_equal(atomic_load(&f.cloud.starts), 3);
    chat_fixture_close(&f);
}

static void order__what_can_not_be_sent_keeps_later_ones_behind_it(void **state)
{
    chat_fixture f;
    open_with_two_waiting(&f, says_hello);
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Three");
    assert_int_equal(e.kind, AMPHI_EVENT_QUEUED);
    assert_int_equal(e.before, 2);
    assert_int_equal(e.before_in_result, 2);
    assert_non_null(
        strstr(e.message, "2 earlier messages of this conversation wait in the outbox: "));
    amphi_chat_request impatient = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    impatient.no_queue = true;
    e = ask(&f, impatient, "c", "Four");
    assert_int_equal(e.kind, AMPHI_EVENT_ERROR);
    assert_int_equal(e.status, AMPHI_E_BUSY);
    assert_int_equal(outbox_fixture_list(f.client).count, 3);
    chat_fixture_close(&f);
}

static void order__the_first_one_that_is_queued_has_none_before_it(void **state)
{
    chat_fixture f;
    outbox_fixture_open_offline(&f, says_hello);
    amphi__background_stop(f.client->background);
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "One");
    assert_int_equal(e.kind, AMPHI_EVENT_QUEUED);
    assert_int_equal(e.before, 0);
    assert_int_not_equal(e.status, AMPHI_OK); /* why it was not answered */
    chat_fixture_close(&f);
}

/* It would be answered without knowing what was said before. */
static void order__a_local_answer_does_not_overtake_what_waits_for_the_cloud(void **state)
{
    chat_fixture f;
    open_with_two_waiting(&f, says_hello);
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_AUTO), "c", "Three");
    assert_int_equal(e.kind, AMPHI_EVENT_QUEUED);
    assert_int_equal(e.before, 2);
    assert_int_equal(atomic_load(&f.local.starts), 0);
    e = ask(&f, chat_fixture_request(AMPHI_MODE_AUTO), "other", "Hi");
    assert_int_equal(e.kind, AMPHI_EVENT_DONE);
    e = ask(&f, chat_fixture_request(AMPHI_MODE_AUTO), "", "Hi");
    assert_int_equal(e.kind, AMPHI_EVENT_DONE);
    chat_fixture_close(&f);
}

/* It can't wait in the outbox. */
static void order__what_stays_on_the_device_is_answered_at_once_and_says_so(void **state)
{
    chat_fixture f;
    open_with_two_waiting(&f, says_hello);
    for (int i = 0; i < 2; i++) {
        amphi_chat_request request =
            chat_fixture_request(i == 0 ? AMPHI_MODE_AUTO : AMPHI_MODE_ONLY_LOCAL);
        ending e;
        request.is_private = i == 0;
        request.conversation_id = AMPHI_STR("c");
        pull(chat_fixture_begin(&f, &request, "Three"), &e);
        assert_int_equal(e.kind, AMPHI_EVENT_DONE);
        assert_int_equal(e.before_in_result, 2);
        assert_non_null(strstr(e.json, "\"outbox_before\":2"));
        amphi_string_free(e.json);
    }
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static amphi_outbox_entry first_entry(chat_fixture *f)
{
    return outbox_fixture_list(f->client).items[0];
}

/* However often the user asks: what counts is one try an hour, as without these requests. The third
 * refusal gives it up, aloud. */
static void order__a_message_that_is_refused_is_given_up_by_time_and_not_by_requests(void **state)
{
    static const scripted_choice choices[] = {{"Bad", refuses}, {NULL, NULL}};
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    f.cloud.choices = choices;
    chat_fixture_start(&f, NULL);
    amphi__background_stop(f.client->background);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "c", "Bad", NULL);
    outbox_fixture_set_network(f.client, "free");
    for (uint32_t i = 1; i <= 6; i++) {
        ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Good");
        assert_int_equal(e.kind, AMPHI_EVENT_QUEUED);
        assert_int_equal(e.before, i);
        assert_int_equal(first_entry(&f).state, AMPHI_OUTBOX_QUEUED);
        assert_true(first_entry(&f).not_before_ms > 0);
        if (i % 3 == 0)
            outbox_fixture_pass_hours(1);
    }
    assert_int_equal(atomic_load(&f.cloud.starts), 6); /* each request tried it */
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Last");
    if (e.kind == AMPHI_EVENT_QUEUED) /* behind the one that was given up just now */
        e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Last");
    assert_int_equal(e.kind, AMPHI_EVENT_DONE);
    assert_int_equal(outbox_fixture_list(f.client).count, 1);
    assert_int_equal(first_entry(&f).state, AMPHI_OUTBOX_EXPIRED);
    chat_fixture_close(&f);
}

/* Another process has the first one in its hands: its end is waited for. */
static void order__a_delivery_under_way_elsewhere_is_waited_for(void **state)
{
    static const scripted_step slowly[] = {{SCRIPT_WAIT, NULL, 300}, {SCRIPT_SAY, "Hello.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    outbox_fixture_open_offline(&f, slowly);
    amphi__background_stop(f.client->background);
    outbox_fixture_queue(&f, "c", "One", NULL);
    amphi_client *other = chat_fixture_client(&f, NULL);
    outbox_fixture_set_network(f.client, "free");
    outbox_fixture_set_network(other, "free"); /* its background sends */
    outbox_fixture_wait_until_running(&f.cloud);
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Two");
    assert_int_equal(e.kind, AMPHI_EVENT_DONE);
    outbox_fixture_expect_history(
        f.client, "c", "user: One\nassistant: Hello.\nuser: Two\nassistant: Hello.\n");
    assert_int_equal(atomic_load(&f.cloud.starts), 2);
    amphi_client_free(other);
    chat_fixture_close(&f);
}

static bool ignore(void *user, const amphi_store_outbox_item *item)
{
    return false;
}

/* Its process is frozen: it has the lease, and does nothing. */
static void order__a_delivery_that_does_not_end_is_not_waited_for_for_ever(void **state)
{
    chat_fixture f;
    outbox_fixture_open_offline(&f, says_hello);
    amphi__background_stop(f.client->background);
    outbox_fixture_queue(&f, "c", "One", NULL);
    amphi_store store = f.parts.store;
    assert_int_equal(store.ops->outbox_claim(store.self, 0, 3600000, ignore, NULL, NULL), AMPHI_OK);
    outbox_fixture_set_network(f.client, "free");
    ending e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Two");
    assert_int_equal(e.kind, AMPHI_EVENT_QUEUED);
    assert_int_equal(e.before, 1);
    assert_non_null(strstr(e.message, "another sender has the first one now"));
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

/* By the caller, or because the client is freed. */
static void order__the_wait_ends_when_it_is_cancelled(void **state)
{
    for (int i = 0; i < 2; i++) {
        chat_fixture f;
        ending e;
        open_with_two_waiting(&f, endless);
        outbox_fixture_set_network(f.client, "free");
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
        request.conversation_id = AMPHI_STR("c");
        amphi_stream *stream = chat_fixture_begin(&f, &request, "Three");
        outbox_fixture_wait_until_running(&f.cloud);
        if (i == 0) {
            amphi_stream_cancel(stream);
        } else {
            amphi_client_free(f.client);
            chat_fixture_start(&f, NULL);
        }
        pull(stream, &e);
        assert_int_equal(e.kind, AMPHI_EVENT_ERROR);
        assert_int_equal(e.status, AMPHI_E_CANCELLED);
        amphi_string_free(e.json);
        outbox_fixture_entries left = outbox_fixture_list(f.client);
        assert_int_equal(left.count, 2);
        assert_false(left.items[0].is_being_sent);
        chat_fixture_close(&f);
    }
}

/* Those before it may take longer than it has itself. */
static void order__the_wait_ends_with_the_requests_own_time(void **state)
{
    for (int i = 0; i < 2; i++) {
        chat_fixture f;
        open_with_two_waiting(&f, endless);
        outbox_fixture_set_network(f.client, "free");
        amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
        request.budgets.total_ms = 300;
        request.no_queue = i == 0;
        ending e = ask(&f, request, "c", "Three");
        assert_int_equal(e.kind, i == 0 ? AMPHI_EVENT_ERROR : AMPHI_EVENT_QUEUED);
        if (i == 0)
            assert_non_null(strstr(e.message, "the request's time is used up"));
        outbox_fixture_entries left = outbox_fixture_list(f.client);
        assert_int_equal(left.count, 2 + i);
        assert_false(left.items[0].is_being_sent);
        chat_fixture_close(&f);
    }
}

/* What an app that died with an engine inside it has left, and what runs in this one. */
static void order__a_held_message_counts_unless_its_request_runs_here(void **state)
{
    chat_fixture f;
    ending e;
    chat_fixture_open(&f, endless, says_hello);
    amphi__background_stop(f.client->background);
    amphi_store store = f.parts.store;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    amphi_stream *running = chat_fixture_begin(&f, &request, "Now");
    outbox_fixture_wait_until_running(&f.local);
    amphi_store_outbox_item held = {.struct_size = sizeof held,
        .id = amphi_str_from(running->key),
        .conversation_id = AMPHI_STR("c"),
        .request_json = AMPHI_STR("{\"messages\":[]}"),
        .created_ms = 1000,
        .not_before_ms = 3601000};
    assert_int_equal(store.ops->outbox_add(store.self, &held, NULL), AMPHI_OK);
    e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Meanwhile");
    assert_int_equal(e.kind, AMPHI_EVENT_DONE);
    held.id = AMPHI_STR("left");
    assert_int_equal(store.ops->outbox_add(store.self, &held, NULL), AMPHI_OK);
    e = ask(&f, chat_fixture_request(AMPHI_MODE_ONLY_CLOUD), "c", "Later");
    assert_int_equal(e.kind, AMPHI_EVENT_QUEUED);
    assert_int_equal(e.before, 1);
    assert_non_null(strstr(e.message, "not to be sent yet"));
    amphi_stream_free(running);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order__earlier_messages_are_sent_first),
        cmocka_unit_test(order__what_can_not_be_sent_keeps_later_ones_behind_it),
        cmocka_unit_test(order__the_first_one_that_is_queued_has_none_before_it),
        cmocka_unit_test(order__a_local_answer_does_not_overtake_what_waits_for_the_cloud),
        cmocka_unit_test(order__what_stays_on_the_device_is_answered_at_once_and_says_so),
        cmocka_unit_test(order__a_message_that_is_refused_is_given_up_by_time_and_not_by_requests),
        cmocka_unit_test(order__a_delivery_under_way_elsewhere_is_waited_for),
        cmocka_unit_test(order__a_delivery_that_does_not_end_is_not_waited_for_for_ever),
        cmocka_unit_test(order__the_wait_ends_when_it_is_cancelled),
        cmocka_unit_test(order__the_wait_ends_with_the_requests_own_time),
        cmocka_unit_test(order__a_held_message_counts_unless_its_request_runs_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
