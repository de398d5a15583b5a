/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that no route could answer: kept, sent once when a route is back, in order. Mostly
 * through the public calls; the network is the pushed fact, so that no test depends on time.
 */
#include "sdk/client/background.h"
#include "sdk/client/outbox_sender.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};

/* ---- what the outbox and the history hold ---- */

typedef struct entries {
    amphi_outbox_entry items[8]; /* without their strings */
    char ids[8][64];
    char conversations[8][64];
    int count;
} entries;

static bool note_entry(void *user, const amphi_outbox_entry *item)
{
    entries *e = user;
    assert_in_range(e->count, 0, 7);
    e->items[e->count] = *item;
    amphi__str_copy_to(e->ids[e->count], 64, item->id);
    amphi__str_copy_to(e->conversations[e->count], 64, item->conversation_id);
    e->count++;
    return true;
}

static entries outbox_of(amphi_client *client)
{
    entries e = {.count = 0};
    assert_int_equal(amphi_outbox_entries(client, note_entry, &e, NULL), AMPHI_OK);
    return e;
}

static bool append_message(void *user, const amphi_history_message *item)
{
    amphi__buf_append_str(user, item->role);
    amphi__buf_append_c(user, ": ");
    amphi__buf_append_str(user, item->content);
    amphi__buf_append_c(user, "\n");
    return true;
}

static void expect_history(amphi_client *client, const char *conversation, const char *text)
{
    amphi_buf buf;
    amphi__buf_init(&buf, 0);
    (void)amphi_history_messages(client, amphi_str_from(conversation), append_message, &buf, NULL);
    amphi__buf_append_c(&buf, "");
    assert_string_equal(buf.data != NULL ? buf.data : "", text);
    amphi__buf_clear(&buf);
}

/* ---- a client that is offline ---- */

static void set_network(amphi_client *client, const char *network)
{
    char json[64];
    snprintf(json, sizeof json, "{\"network\":\"%s\"}", network);
    assert_int_equal(amphi_device_push_json(client, amphi_str_from(json), NULL), AMPHI_OK);
}

static void open_offline(chat_fixture *f, const scripted_step *cloud)
{
    chat_fixture_open(f, says_hello, cloud);
    set_network(f->client, "none");
}

/* Runs a request in this conversation ("" for none), expects the request to be queued, copies its
 * id. */
static void queue(chat_fixture *f, const char *conversation, const char *text, char id[64])
{
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    request.conversation_id = amphi_str_from(conversation);
    amphi_stream *stream = chat_fixture_begin(f, &request, text);
    amphi_event event;
    do {
        assert_int_equal(amphi_stream_next(stream, LONG_MS, &event, NULL), AMPHI_OK);
    } while (!amphi_event_is_terminal(&event));
    assert_int_equal(event.kind, AMPHI_EVENT_QUEUED);
    assert_true(amphi__str_equal_c(event.route, "outbox"));
    if (id != NULL)
        amphi__str_copy_to(id, 64, event.text);
    amphi_stream_free(stream);
}

static uint32_t flush(amphi_client *client)
{
    uint32_t left = UINT32_MAX;
    assert_int_equal(amphi_outbox_flush(client, LONG_MS, &left, NULL), AMPHI_OK);
    return left;
}

static void outbox__no_route_queues_and_delivers_once(void **state)
{
    chat_fixture f;
    char id[64];
    open_offline(&f, says_hello);
    queue(&f, "later", "Hi", id);
    entries e = outbox_of(f.client);
    assert_int_equal(e.count, 1);
    assert_string_equal(e.ids[0], id);
    assert_string_equal(e.conversations[0], "later");
    expect_history(f.client, "later", ""); /* nothing, until it is answered */
    set_network(f.client, "free");
    assert_int_equal(flush(f.client), 0);
    assert_int_equal(flush(f.client), 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    assert_string_equal(f.cloud.last_key, id); /* a provider can recognize a second delivery */
    expect_history(f.client, "later", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static void outbox__request_without_a_conversation_gets_one_named_after_its_id(void **state)
{
    chat_fixture f;
    char id[64];
    open_offline(&f, says_hello);
    queue(&f, "", "Hi", id);
    assert_string_equal(outbox_of(f.client).conversations[0], id);
    set_network(f.client, "free");
    assert_int_equal(flush(f.client), 0);
    expect_history(f.client, id, "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static void outbox__conversation_is_delivered_in_its_order(void **state)
{
    chat_fixture f;
    open_offline(&f, says_hello);
    queue(&f, "c", "One", NULL);
    queue(&f, "c", "Two", NULL);
    queue(&f, "c", "Three", NULL);
    set_network(f.client, "free");
    assert_int_equal(flush(f.client), 0);
    expect_history(f.client, "c",
        "user: One\nassistant: Hello world.\nuser: Two\nassistant: Hello world.\n"
        "user: Three\nassistant: Hello world.\n");
    assert_int_equal(atomic_load(&f.cloud.starts), 3);
    assert_non_null(strstr(f.cloud.last_body, "Two")); /* the history goes along */
    chat_fixture_close(&f);
}

static void outbox__first_entry_without_a_route_ends_the_round(void **state)
{
    chat_fixture f;
    open_offline(&f, fails);
    queue(&f, "a", "One", NULL);
    queue(&f, "b", "Two", NULL);
    set_network(f.client, "free");
    assert_int_equal(flush(f.client), 2);
    entries e = outbox_of(f.client);
    assert_string_equal(e.conversations[0], "a"); /* it keeps its place */
    assert_true(e.items[0].attempts >= 1);
    assert_int_equal(e.items[1].attempts, 0);
    assert_true(e.items[0].not_before_ms <= amphi__clock_wall_ms(NULL)); /* not put off */
    chat_fixture_close(&f);
}

static void outbox__refused_entry_is_put_off_and_the_next_one_sent(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, refuses);
    f.cloud.next_script = says_hello;
    chat_fixture_start(&f, NULL);
    set_network(f.client, "none");
    queue(&f, "a", "Bad", NULL);
    queue(&f, "b", "Good", NULL);
    int64_t before_ms = amphi__clock_wall_ms(NULL);
    set_network(f.client, "free");
    assert_int_equal(flush(f.client), 1);
    entries e = outbox_of(f.client);
    assert_string_equal(e.conversations[0], "a");
    assert_true(e.items[0].not_before_ms >= before_ms + 3600 * 1000);
    expect_history(f.client, "a", "");
    expect_history(f.client, "b", "user: Good\nassistant: Hello world.\n");
    assert_int_equal(flush(f.client), 1); /* and is not sent again before its time */
    assert_int_equal(atomic_load(&f.cloud.starts), 2);
    chat_fixture_close(&f);
}

static void outbox__is_sent_when_the_app_says_that_the_network_is_back(void **state)
{
    chat_fixture f;
    open_offline(&f, says_hello);
    queue(&f, "c", "Hi", NULL);
    set_network(f.client, "free"); /* no flush */
    uint64_t until_ms = amphi__clock_ms(NULL) + LONG_MS;
    while (outbox_of(f.client).count > 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_int_equal(outbox_of(f.client).count, 0);
    expect_history(f.client, "c", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static void flush_other(void *client)
{
    (void)amphi_outbox_flush(client, LONG_MS, NULL, NULL);
}

/* Two processes on one store. */
static void outbox__two_clients_send_an_entry_once(void **state)
{
    static const scripted_step slowly[] = {{SCRIPT_WAIT, NULL, 50}, {SCRIPT_SAY, "Hello.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    open_offline(&f, slowly);
    queue(&f, "a", "One", NULL);
    queue(&f, "b", "Two", NULL);
    amphi_client *other = chat_fixture_client(&f, NULL);
    amphi_thread thread;
    assert_int_equal(amphi__thread_start(&thread, "other", flush_other, other), AMPHI_OK);
    set_network(f.client, "free");
    uint64_t until_ms = amphi__clock_ms(NULL) + LONG_MS;
    while (flush(f.client) > 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    amphi__thread_join(&thread);
    amphi_client_free(other);
    assert_int_equal(outbox_of(f.client).count, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 2);
    expect_history(f.client, "a", "user: One\nassistant: Hello.\n");
    expect_history(f.client, "b", "user: Two\nassistant: Hello.\n");
    chat_fixture_close(&f);
}

static void outbox__delivery_that_a_closing_client_breaks_off_is_not_lost(void **state)
{
    static const scripted_step endless[] = {{SCRIPT_SAY, "Hel", 0}, {SCRIPT_WAIT, NULL, 600000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_init(&f, says_hello, endless);
    f.cloud.next_script = says_hello;
    chat_fixture_start(&f, NULL);
    set_network(f.client, "none");
    queue(&f, "c", "Hi", NULL);
    set_network(f.client, "free");
    uint64_t until_ms = amphi__clock_ms(NULL) + LONG_MS;
    while (atomic_load(&f.cloud.running) == 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_int_equal(atomic_load(&f.cloud.running), 1);
    assert_true(outbox_of(f.client).items[0].is_being_sent);
    amphi_client_free(f.client);
    chat_fixture_start(&f, NULL);
    assert_int_equal(outbox_of(f.client).count, 1);
    expect_history(f.client, "c", "");
    assert_int_equal(flush(f.client), 0);
    expect_history(f.client, "c", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

/* ---- closing a sender ---- */

/* One per program: the hooks below have no room for a pointer. */
static amphi_outbox_sender *closing_sender;
static const amphi_engine_ops *cloud_ops;
static amphi_thread closer;
static atomic_int closers;
static atomic_int closed;
static atomic_int closed_within_cancel;

static void close_sender(void *unused)
{
    amphi__outbox_sender_close(closing_sender);
    atomic_fetch_add(&closed, 1);
}

/* The first cancel of the delivery's run: another thread closes the sender meanwhile. */
static void cancel_while_another_thread_closes(void *self, amphi_engine_run *run)
{
    if (atomic_fetch_add(&closers, 1) == 0 &&
        amphi__thread_start(&closer, "closer", close_sender, NULL) == AMPHI_OK) {
        for (int ms = 0; ms < 10000 && atomic_load(&closed) == 0; ms++)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        atomic_store(&closed_within_cancel, atomic_load(&closed));
    }
    cloud_ops->cancel(self, run);
}

static void send_all(void *sender)
{
    (void)amphi__outbox_sender_send(sender);
}

/* Only this sender works on the outbox, which has one entry. */
static void open_own_sender(chat_fixture *f)
{
    chat_fixture_start(f, NULL);
    set_network(f->client, "none");
    queue(f, "c", "Hi", NULL);
    amphi__background_stop(f->client->background);
    set_network(f->client, "free");
    assert_int_equal(amphi__outbox_sender_new(&closing_sender, f->client, NULL), AMPHI_OK);
}

static void close__calls_the_engine_outside_of_its_lock(void **state)
{
    static const scripted_step endless[] = {
        {SCRIPT_WAIT, NULL, 600000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_init(&f, says_hello, endless);
    cloud_ops = f.engines[0].ops;
    amphi_engine_ops hooked = *cloud_ops;
    hooked.cancel = cancel_while_another_thread_closes;
    f.engines[0].ops = &hooked;
    open_own_sender(&f);
    amphi_thread thread;
    assert_int_equal(amphi__thread_start(&thread, "sender", send_all, closing_sender), AMPHI_OK);
    while (atomic_load(&f.cloud.running) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    amphi__outbox_sender_close(closing_sender);
    amphi__thread_join(&thread);
    amphi__thread_join(&closer);
    assert_int_equal(atomic_load(&closed_within_cancel), 1);
    amphi__outbox_sender_free(closing_sender);
    chat_fixture_close(&f);
}

static const amphi_store_ops *store_ops;

static amphi_status claim_then_close(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_status status = store_ops->outbox_claim(self, now_ms, lease_ms, visit, user, error);
    if (closing_sender != NULL)
        amphi__outbox_sender_close(closing_sender);
    return status;
}

static void close__between_a_claim_and_its_request_sends_nothing(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    store_ops = f.parts.store.ops;
    amphi_store_ops hooked = *store_ops;
    hooked.outbox_claim = claim_then_close;
    f.parts.store.ops = &hooked;
    closing_sender = NULL;
    open_own_sender(&f);
    assert_int_equal(amphi__outbox_sender_send(closing_sender), AMPHI_E_CANCELLED);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    entries e = outbox_of(f.client);
    assert_int_equal(e.count, 1);
    assert_false(e.items[0].is_being_sent); /* any other sender may claim it at once */
    amphi__outbox_sender_free(closing_sender);
    chat_fixture_close(&f);
}

static void outbox__private_local_and_unqueued_requests_never_enter(void **state)
{
    chat_fixture f;
    open_offline(&f, says_hello);
    f.local.script = fails;
    for (int i = 0; i < 3; i++) {
        amphi_chat_request request =
            chat_fixture_request(i == 1 ? AMPHI_MODE_ONLY_LOCAL : AMPHI_MODE_AUTO);
        request.is_private = i == 0;
        request.no_queue = i == 2;
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    }
    assert_int_equal(outbox_of(f.client).count, 0);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbox__no_route_queues_and_delivers_once),
        cmocka_unit_test(outbox__request_without_a_conversation_gets_one_named_after_its_id),
        cmocka_unit_test(outbox__conversation_is_delivered_in_its_order),
        cmocka_unit_test(outbox__first_entry_without_a_route_ends_the_round),
        cmocka_unit_test(outbox__refused_entry_is_put_off_and_the_next_one_sent),
        cmocka_unit_test(outbox__is_sent_when_the_app_says_that_the_network_is_back),
        cmocka_unit_test(outbox__two_clients_send_an_entry_once),
        cmocka_unit_test(outbox__delivery_that_a_closing_client_breaks_off_is_not_lost),
        cmocka_unit_test(close__calls_the_engine_outside_of_its_lock),
        cmocka_unit_test(close__between_a_claim_and_its_request_sends_nothing),
        cmocka_unit_test(outbox__private_local_and_unqueued_requests_never_enter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
