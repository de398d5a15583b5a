/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that no route could answer: kept, sent once when a route is back, in order. Mostly
 * through the public calls; the network is the pushed fact, so that no test depends on time.
 */
#include "sdk/client/background.h"
#include "sdk/client/outbox_sender.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"
#include "tests/support/outbox_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};

static void outbox__no_route_queues_and_delivers_once(void **state)
{
    chat_fixture f;
    char id[64];
    outbox_fixture_open_offline(&f, says_hello);
    outbox_fixture_queue(&f, "later", "Hi", id);
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    assert_int_equal(e.count, 1);
    assert_string_equal(e.ids[0], id);
    assert_string_equal(e.conversations[0], "later");
    outbox_fixture_expect_history(f.client, "later", ""); /* nothing, until it is answered */
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    assert_string_equal(f.cloud.last_key, id); /* a provider can recognize a second delivery */
    outbox_fixture_expect_history(f.client, "later", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static void outbox__request_without_a_conversation_gets_one_named_after_its_id(void **state)
{
    chat_fixture f;
    char id[64];
    outbox_fixture_open_offline(&f, says_hello);
    outbox_fixture_queue(&f, "", "Hi", id);
    assert_string_equal(outbox_fixture_list(f.client).conversations[0], id);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    outbox_fixture_expect_history(f.client, id, "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static void outbox__conversation_is_delivered_in_its_order(void **state)
{
    chat_fixture f;
    outbox_fixture_open_offline(&f, says_hello);
    outbox_fixture_queue(&f, "c", "One", NULL);
    outbox_fixture_queue(&f, "c", "Two", NULL);
    outbox_fixture_queue(&f, "c", "Three", NULL);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    outbox_fixture_expect_history(f.client, "c",
        "user: One\nassistant: Hello world.\nuser: Two\nassistant: Hello world.\n"
        "user: Three\nassistant: Hello world.\n");
    assert_int_equal(atomic_load(&f.cloud.starts), 3);
    assert_non_null(strstr(f.cloud.last_body, "Two")); /* the history goes along */
    chat_fixture_close(&f);
}

static void outbox__entries_without_a_route_take_turns(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    chat_fixture f;
    outbox_fixture_open_offline(&f, fails);
    for (int i = 0; i < 5; i++)
        outbox_fixture_queue(&f, names[i], "Hi", NULL);
    outbox_fixture_set_network(f.client, "free");
    for (int round = 0; round < 4; round++)
        assert_int_equal(outbox_fixture_flush(f.client), 5); /* a round ends with the third */
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (int i = 0; i < 5; i++) {
        assert_string_equal(e.conversations[i], names[i]); /* it keeps its place */
        assert_int_equal(e.items[i].not_before_ms, 0);     /* not put off */
        least = e.items[i].attempts < least ? e.items[i].attempts : least;
        most = e.items[i].attempts > most ? e.items[i].attempts : most;
    }
    assert_true(least >= 2 && most <= least + 1);
    chat_fixture_close(&f);
}

/* Its own endpoint is gone, say; the others have theirs. */
static void outbox__one_without_a_route_does_not_keep_the_others(void **state)
{
    static const scripted_choice choices[] = {{"Lost", fails}, {NULL, NULL}};
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.cloud.choices = choices;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "a", "Lost", NULL);
    outbox_fixture_queue(&f, "a", "Behind it", NULL);
    outbox_fixture_queue(&f, "b", "Fine", NULL);
    outbox_fixture_queue(&f, "c", "Fine", NULL);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 2);
    outbox_fixture_expect_history(f.client, "a", "");
    outbox_fixture_expect_history(f.client, "b", "user: Fine\nassistant: Hello world.\n");
    outbox_fixture_expect_history(f.client, "c", "user: Fine\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

/* ---- time passes ---- */

static void outbox__refused_entry_expires_after_three_times_and_lets_the_next_one_go(void **state)
{
    static const scripted_choice choices[] = {{"Bad", refuses}, {NULL, NULL}};
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    f.cloud.choices = choices;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "a", "Bad", NULL);
    outbox_fixture_queue(&f, "a", "Good", NULL);
    outbox_fixture_queue(&f, "b", "Good", NULL);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 2);
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    assert_in_range(e.items[0].not_before_ms, 3600 * 1000, 3601 * 1000 + 1000);
    outbox_fixture_expect_history(f.client, "b", "user: Good\nassistant: Hello world.\n");
    outbox_fixture_pass_hours(1);
    assert_int_equal(outbox_fixture_flush(f.client), 2);
    outbox_fixture_pass_hours(1);
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    e = outbox_fixture_list(f.client);
    assert_int_equal(e.count, 1);
    assert_int_equal(e.items[0].state, AMPHI_OUTBOX_EXPIRED);
    assert_true(e.items[0].attempts >= 3);
    outbox_fixture_expect_history(f.client, "a", "user: Good\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

/* ---- a send that the user asked for ---- */

/* Its endpoint was wrong, and is right now: it goes without waiting for its hour. */
static void flush__makes_an_entry_go_that_was_put_off(void **state)
{
    static const scripted_choice choices[] = {{"Bad", refuses}, {NULL, NULL}};
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    f.cloud.choices = choices;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "a", "Bad", NULL);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 1);
    assert_true(outbox_fixture_list(f.client).items[0].not_before_ms > 0);
    f.cloud.choices = NULL;
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    outbox_fixture_expect_history(f.client, "a", "user: Bad\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

/* A user who mends an endpoint by trial and error does not lose the message by that. */
static void flush__that_is_refused_again_does_not_count(void **state)
{
    static const scripted_choice choices[] = {{"Bad", refuses}, {NULL, NULL}};
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    f.cloud.choices = choices;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "a", "Bad", NULL);
    outbox_fixture_set_network(f.client, "free");
    for (int i = 0; i < 5; i++)
        assert_int_equal(outbox_fixture_flush(f.client), 1);
    assert_true(atomic_load(&f.cloud.starts) >= 5);
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    assert_int_equal(e.items[0].state, AMPHI_OUTBOX_QUEUED);
    assert_true(e.items[0].not_before_ms > 0); /* in the background it keeps its hour */
    chat_fixture_close(&f);
}

static void flush__tries_every_conversation_though_none_finds_a_route(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    chat_fixture f;
    outbox_fixture_open_offline(&f, fails);
    for (int i = 0; i < 8; i++)
        outbox_fixture_queue(&f, names[i], "Hi", NULL);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 8);
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    for (int i = 0; i < 8; i++)
        assert_true(e.items[i].attempts >= 1);
    chat_fixture_close(&f);
}

/* Issue of the week that passed without a network, and of the wall clock that says 1970. */
static void outbox__an_old_entry_is_sent_when_it_can_be_and_expires_otherwise(void **state)
{
    chat_fixture f;
    outbox_fixture_init_with_clock(&f, says_hello);
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "a", "One", NULL);
    outbox_fixture_pass_hours(8 * 24);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    assert_int_equal(outbox_fixture_list(f.client).count, 0);
    outbox_fixture_expect_history(f.client, "a", "user: One\nassistant: Hello world.\n");
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "a", "Two", NULL);
    outbox_fixture_queue(&f, "a", "Three", NULL);
    outbox_fixture_pass_hours(8 * 24);
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    assert_int_equal(e.count, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(e.items[i].state, AMPHI_OUTBOX_EXPIRED);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 1); /* what has expired is not sent */
    chat_fixture_close(&f);
}

static amphi_store inner;
static atomic_int turns; /* that reached turn_append */

/* The disk is full, or read-only, when the answer is there. */
static amphi_status append_refused(void *self, const amphi_store_turn *turn, amphi_error *error)
{
    if (turn->outbox_id.size > 0 && atomic_fetch_add(&turns, 1) == 0)
        return amphi__fail(error, AMPHI_E_IO, 0, "no space left");
    return inner.ops->turn_append(self, turn, error);
}

static void outbox__an_answer_that_could_not_be_kept_is_asked_for_again_with_its_key(void **state)
{
    chat_fixture f;
    char id[64];
    chat_fixture_init(&f, says_hello, says_hello);
    inner = f.parts.store;
    amphi_store_ops hooked = *inner.ops;
    hooked.turn_append = append_refused;
    f.parts.store.ops = &hooked;
    atomic_store(&turns, 0);
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "c", "Hi", id);
    outbox_fixture_set_network(f.client, "free");
    while (outbox_fixture_flush(f.client) > 0)
        ;
    assert_int_equal(atomic_load(&f.cloud.starts), 2);
    assert_string_equal(f.cloud.last_key, id);
    outbox_fixture_expect_history(f.client, "c", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

/* Cancelled, or deleted with its conversation, while it is being sent. */
static void outbox__what_is_let_go_while_it_is_sent_leaves_nothing(void **state)
{
    static const scripted_step slowly[] = {
        {SCRIPT_SAY, "Hel", 0}, {SCRIPT_WAIT, NULL, 300}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    for (int i = 0; i < 2; i++) {
        chat_fixture f;
        char id[64];
        outbox_fixture_open_offline(&f, slowly);
        outbox_fixture_queue(&f, "c", "Hi", id);
        outbox_fixture_set_network(f.client, "free");
        outbox_fixture_wait_until_running(&f.cloud);
        if (i == 0)
            assert_int_equal(amphi_outbox_cancel(f.client, amphi_str_from(id), NULL), AMPHI_OK);
        else
            assert_int_equal(amphi_history_delete(f.client, AMPHI_STR("c"), NULL), AMPHI_OK);
        assert_int_equal(outbox_fixture_flush(f.client), 0);
        outbox_fixture_expect_history(f.client, "c", "");
        assert_int_equal(outbox_fixture_list(f.client).count, 0);
        assert_int_equal(
            amphi_outbox_cancel(f.client, amphi_str_from(id), NULL), AMPHI_E_NOT_FOUND);
        chat_fixture_close(&f);
    }
}

static void outbox__a_private_client_sends_nothing_to_a_cloud(void **state)
{
    chat_fixture f;
    outbox_fixture_open_offline(&f, says_hello);
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    f.is_private = true;
    amphi_client *other = chat_fixture_client(&f, NULL);
    outbox_fixture_set_network(other, "free");
    assert_int_equal(outbox_fixture_flush(other), 1);
    amphi_client_free(other);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    outbox_fixture_set_network(f.client, "free");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    chat_fixture_close(&f);
}

static void outbox__is_sent_when_the_app_says_that_the_network_is_back(void **state)
{
    chat_fixture f;
    outbox_fixture_open_offline(&f, says_hello);
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    outbox_fixture_set_network(f.client, "free"); /* no flush */
    uint64_t until_ms = amphi__clock_ms(NULL) + OUTBOX_FIXTURE_LONG_MS;
    while (outbox_fixture_list(f.client).count > 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_int_equal(outbox_fixture_list(f.client).count, 0);
    outbox_fixture_expect_history(f.client, "c", "user: Hi\nassistant: Hello world.\n");
    chat_fixture_close(&f);
}

static void flush_other(void *client)
{
    (void)amphi_outbox_flush(client, OUTBOX_FIXTURE_LONG_MS, NULL, NULL);
}

/* Two processes on one store. */
static void outbox__two_clients_send_an_entry_once(void **state)
{
    static const scripted_step slowly[] = {{SCRIPT_WAIT, NULL, 50}, {SCRIPT_SAY, "Hello.", 0},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    outbox_fixture_open_offline(&f, slowly);
    outbox_fixture_queue(&f, "a", "One", NULL);
    outbox_fixture_queue(&f, "b", "Two", NULL);
    amphi_client *other = chat_fixture_client(&f, NULL);
    amphi_thread thread;
    assert_int_equal(amphi__thread_start(&thread, "other", flush_other, other), AMPHI_OK);
    outbox_fixture_set_network(f.client, "free");
    uint64_t until_ms = amphi__clock_ms(NULL) + OUTBOX_FIXTURE_LONG_MS;
    while (outbox_fixture_flush(f.client) > 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    amphi__thread_join(&thread);
    amphi_client_free(other);
    assert_int_equal(outbox_fixture_list(f.client).count, 0);
    assert_int_equal(atomic_load(&f.cloud.starts), 2);
    outbox_fixture_expect_history(f.client, "a", "user: One\nassistant: Hello.\n");
    outbox_fixture_expect_history(f.client, "b", "user: Two\nassistant: Hello.\n");
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
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    outbox_fixture_set_network(f.client, "free");
    uint64_t until_ms = amphi__clock_ms(NULL) + OUTBOX_FIXTURE_LONG_MS;
    while (atomic_load(&f.cloud.running) == 0 && amphi__clock_ms(NULL) < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_int_equal(atomic_load(&f.cloud.running), 1);
    assert_true(outbox_fixture_list(f.client).items[0].is_being_sent);
    amphi_client_free(f.client);
    chat_fixture_start(&f, NULL);
    assert_int_equal(outbox_fixture_list(f.client).count, 1);
    outbox_fixture_expect_history(f.client, "c", "");
    assert_int_equal(outbox_fixture_flush(f.client), 0);
    outbox_fixture_expect_history(f.client, "c", "user: Hi\nassistant: Hello world.\n");
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
    outbox_fixture_set_network(f->client, "none");
    outbox_fixture_queue(f, "c", "Hi", NULL);
    amphi__background_stop(f->client->background);
    outbox_fixture_set_network(f->client, "free");
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
    for (int ms = 0; ms < 20000 && atomic_load(&closed_within_cancel) == 0; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* that thread is at its end */
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
    outbox_fixture_entries e = outbox_fixture_list(f.client);
    assert_int_equal(e.count, 1);
    assert_false(e.items[0].is_being_sent); /* any other sender may claim it at once */
    amphi__outbox_sender_free(closing_sender);
    chat_fixture_close(&f);
}

static void outbox__private_local_and_unqueued_requests_never_enter(void **state)
{
    chat_fixture f;
    outbox_fixture_open_offline(&f, says_hello);
    f.local.script = fails;
    for (int i = 0; i < 3; i++) {
        amphi_chat_request request =
            chat_fixture_request(i == 1 ? AMPHI_MODE_ONLY_LOCAL : AMPHI_MODE_AUTO);
        request.is_private = i == 0;
        request.no_queue = i == 2;
        chat_fixture_ask(&f, &request, "Hi");
        assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    }
    assert_int_equal(outbox_fixture_list(f.client).count, 0);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbox__no_route_queues_and_delivers_once),
        cmocka_unit_test(outbox__request_without_a_conversation_gets_one_named_after_its_id),
        cmocka_unit_test(outbox__conversation_is_delivered_in_its_order),
        cmocka_unit_test(outbox__entries_without_a_route_take_turns),
        cmocka_unit_test(outbox__one_without_a_route_does_not_keep_the_others),
        cmocka_unit_test(outbox__refused_entry_expires_after_three_times_and_lets_the_next_one_go),
        cmocka_unit_test(flush__makes_an_entry_go_that_was_put_off),
        cmocka_unit_test(flush__that_is_refused_again_does_not_count),
        cmocka_unit_test(flush__tries_every_conversation_though_none_finds_a_route),
        cmocka_unit_test(outbox__an_old_entry_is_sent_when_it_can_be_and_expires_otherwise),
        cmocka_unit_test(outbox__an_answer_that_could_not_be_kept_is_asked_for_again_with_its_key),
        cmocka_unit_test(outbox__what_is_let_go_while_it_is_sent_leaves_nothing),
        cmocka_unit_test(outbox__a_private_client_sends_nothing_to_a_cloud),
        cmocka_unit_test(outbox__is_sent_when_the_app_says_that_the_network_is_back),
        cmocka_unit_test(outbox__two_clients_send_an_entry_once),
        cmocka_unit_test(outbox__delivery_that_a_closing_client_breaks_off_is_not_lost),
        cmocka_unit_test(close__calls_the_engine_outside_of_its_lock),
        cmocka_unit_test(close__between_a_claim_and_its_request_sends_nothing),
        cmocka_unit_test(outbox__private_local_and_unqueued_requests_never_enter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
