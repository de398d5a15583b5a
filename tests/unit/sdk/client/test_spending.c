/* SPDX-License-Identifier: Apache-2.0
 *
 * The day's sum: every answer once, in every process, over restarts and a store that fails for a
 * while; and the budget that it is held against. A token of the scripted cloud costs a dollar.
 */
#include "sdk/client/client.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define DOLLAR 1000000u

static const scripted_step says_its_cost[] = {{SCRIPT_SAY, "Hello world.", 0},
    {SCRIPT_EXTRA, "{\"chunk\":{\"usage\":{\"cost\":0.25}}}", 0}, {SCRIPT_USAGE, NULL, 2},
    {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step breaks_off[] = {
    {SCRIPT_SAY, "Hello wor", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_AUTH}};

static int64_t wall_now_ms;

static uint64_t real_us(void *self)
{
    return amphi__clock_us(NULL);
}

static int64_t set_wall_ms(void *self)
{
    return wall_now_ms;
}

static const amphi_clock set_clock = {
    .struct_size = sizeof(amphi_clock), .monotonic_us = real_us, .wall_ms = set_wall_ms};

/* The real store's swap, while it works. */
static amphi_store_ops ops;
static amphi_status (*real_swap)(
    void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error);
static bool swap_fails;

static amphi_status swap_that_may_fail(
    void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error)
{
    return swap_fails ? amphi__fail(error, AMPHI_E_IO, 0, "no space")
                      : real_swap(self, name, before, after, error);
}

static void init(chat_fixture *f, const scripted_step *cloud)
{
    chat_fixture_init(f, says_hello, cloud);
    f->cloud.info.price_completion = (uint64_t)DOLLAR * DOLLAR;
    ops = *f->parts.store.ops;
    real_swap = ops.setting_swap;
    ops.setting_swap = swap_that_may_fail;
    f->parts.store.ops = &ops;
    swap_fails = false;
}

static amphi_policy_spent spent(amphi_client *client)
{
    amphi_policy_spent out;
    amphi__spending_snapshot(client, &out);
    return out;
}

/* The request's result, while its stream lives. */
static amphi_stream *ask_cloud(chat_fixture *f, amphi_chat_result *result)
{
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    request.no_queue = true;
    amphi_stream *stream = chat_fixture_begin(f, &request, "Hi");
    chat_fixture_pull(f, stream);
    amphi_chat_result_init(result);
    assert_int_equal(amphi_stream_result(stream, result, NULL), AMPHI_OK);
    return stream;
}

static void budget__is_used_up_and_stays_so_in_every_process(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":2}}");
    amphi_client *other = chat_fixture_client(&f, "{\"cost\":{\"day_usd_max\":2}}");
    amphi_stream *stream = ask_cloud(&f, &result);
    assert_int_equal(result.cost, 2 * DOLLAR);
    assert_int_equal(result.cost_source, AMPHI_COST_SOURCE_PRICES);
    amphi_stream_free(stream);
    assert_int_equal(spent(f.client).microdollars, 2 * DOLLAR);
    stream = ask_cloud(&f, &result);
    assert_int_equal(f.last, AMPHI_EVENT_ERROR);
    assert_int_equal(result.error->status, AMPHI_E_QUOTA);
    assert_non_null(strstr(result.error->message, "today's budget of $2.00 is used up"));
    assert_int_equal(result.cost, 0);
    amphi_stream_free(stream);
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    /* A process that has been there all the time, once what it read is a second old. */
    usleep(1100 * 1000);
    amphi_client *first = f.client;
    f.client = other;
    stream = ask_cloud(&f, &result);
    assert_int_equal(result.error->status, AMPHI_E_QUOTA);
    amphi_stream_free(stream);
    amphi_client_free(first);
    amphi_client_free(other);
    /* And after a restart; another mode is answered on the device. */
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":2}}");
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_PREFER_CLOUD);
    chat_fixture_ask(&f, &request, "Hi");
    chat_fixture_expect(&f, "Hello world.");
    assert_int_equal(atomic_load(&f.cloud.starts), 1);
    assert_int_equal(atomic_load(&f.local.starts), 1);
    chat_fixture_close(&f);
}

static void budget__begins_anew_at_midnight_utc(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    f.parts.clock = &set_clock;
    wall_now_ms = (int64_t)20000 * 86400000 + 86399000;
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":2}}");
    amphi_stream_free(ask_cloud(&f, &result));
    assert_int_equal(spent(f.client).microdollars, 2 * DOLLAR);
    assert_int_equal(spent(f.client).day_left_s, 1);
    wall_now_ms += 1000;
    assert_int_equal(spent(f.client).microdollars, 0);
    amphi_stream *stream = ask_cloud(&f, &result);
    assert_null(result.error);
    amphi_stream_free(stream);
    assert_int_equal(spent(f.client).microdollars, 2 * DOLLAR);
    chat_fixture_close(&f);
}

/* Nothing is lost, and nothing is counted twice. */
static void spending__that_can_not_be_written_is_kept(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":100}}");
    swap_fails = true;
    for (int i = 0; i < 3; i++)
        amphi_stream_free(ask_cloud(&f, &result));
    assert_int_equal(spent(f.client).microdollars, 6 * DOLLAR);
    swap_fails = false;
    amphi_stream_free(ask_cloud(&f, &result));
    assert_int_equal(spent(f.client).microdollars, 8 * DOLLAR);
    amphi_client_free(f.client);
    chat_fixture_start(&f, NULL);
    assert_int_equal(spent(f.client).microdollars, 8 * DOLLAR);
    chat_fixture_close(&f);
}

static void spending__without_a_budget_is_written_at_the_end(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    chat_fixture_start(&f, NULL);
    for (int i = 0; i < 3; i++)
        amphi_stream_free(ask_cloud(&f, &result));
    amphi_client_free(f.client);
    chat_fixture_start(&f, NULL);
    assert_int_equal(spent(f.client).microdollars, 6 * DOLLAR);
    assert_int_equal(spent(f.client).unknown, 0);
    chat_fixture_close(&f);
}

static void cost__is_the_providers_own_word(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_its_cost);
    chat_fixture_start(&f, NULL);
    amphi_stream *stream = ask_cloud(&f, &result);
    assert_int_equal(result.cost, DOLLAR / 4);
    assert_int_equal(result.cost_source, AMPHI_COST_SOURCE_PROVIDER);
    char *json = NULL;
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"cost\":{\"usd\":0.25,\"source\":\"provider\"}"));
    amphi_string_free(json);
    amphi_stream_free(stream);
    assert_int_equal(spent(f.client).microdollars, DOLLAR / 4);
    chat_fixture_close(&f);
}

static void cost__of_unknown_price_is_unknown_and_counted_so(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    f.cloud.info.price_completion = 0;
    chat_fixture_start(&f, NULL);
    amphi_stream *stream = ask_cloud(&f, &result);
    assert_int_equal(result.cost, AMPHI_COST_UNKNOWN);
    assert_int_equal(result.cost_source, AMPHI_COST_SOURCE_UNKNOWN);
    char *json = NULL;
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"cost\":{\"usd\":null,\"source\":\"unknown\"}"));
    amphi_string_free(json);
    amphi_stream_free(stream);
    assert_int_equal(spent(f.client).microdollars, 0);
    assert_int_equal(spent(f.client).unknown, 1);
    amphi_client_free(f.client);
    chat_fixture_start(&f, NULL);
    assert_int_equal(spent(f.client).unknown, 1);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    stream = chat_fixture_begin(&f, &request, "Hi");
    chat_fixture_pull(&f, stream);
    amphi_chat_result_init(&result);
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    assert_int_equal(result.cost_source, AMPHI_COST_SOURCE_NONE);
    assert_int_equal(result.cost, 0);
    amphi_stream_free(stream);
    assert_int_equal(spent(f.client).unknown, 1);
    chat_fixture_close(&f);
}

static void cost__of_an_answer_that_broke_off_is_estimated(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, breaks_off);
    chat_fixture_start(&f, NULL);
    amphi_stream *stream = ask_cloud(&f, &result);
    assert_int_equal(result.cost_source, AMPHI_COST_SOURCE_ESTIMATE);
    assert_int_equal(result.cost, 3 * DOLLAR); /* nine bytes */
    amphi_stream_free(stream);
    assert_int_equal(spent(f.client).estimated, 1);
    assert_int_equal(spent(f.client).microdollars, 3 * DOLLAR);
    chat_fixture_close(&f);
}

static void bytes__over_a_metered_network_are_counted(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    chat_fixture_start(&f, NULL);
    amphi_stream_free(ask_cloud(&f, &result));
    assert_int_equal(spent(f.client).metered_bytes, 0);
    amphi_client_free(f.client);
    f.device.network = AMPHI_NETWORK_METERED;
    chat_fixture_start(&f, NULL);
    amphi_stream_free(ask_cloud(&f, &result));
    assert_in_range(spent(f.client).metered_bytes, 12, 4096);
    chat_fixture_close(&f);
}

static void pace__is_learned_from_answers(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    amphi_decision decision;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    const amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hi")};
    request.messages = &message;
    request.messages_count = 1;
    init(&f, says_hello);
    chat_fixture_start(&f, NULL);
    for (int i = 0; i < 4; i++)
        amphi_stream_free(ask_cloud(&f, &result));
    amphi_decision_init(&decision);
    assert_int_equal(amphi_route_explain(f.client, &request, &decision, NULL), AMPHI_OK);
    const amphi_decision_entry *entry = &decision.entries[0];
    assert_string_equal(entry->route.route, "cloud");
    assert_int_equal(entry->answers, 4);
    assert_true(entry->first_token_ms > 0);
    assert_int_equal(entry->answer_tokens, 2);
    assert_int_equal(entry->estimate, 2 * DOLLAR);
    assert_int_equal(decision.spent_today, 8 * DOLLAR);
    chat_fixture_close(&f);
}

/* ---- Several processes at once ---- */

enum { THREADS = 4, ROUNDS = 50 };

static void *spend(void *client)
{
    const uint64_t add[AMPHI_SPENT_COUNT] = {3, 1, 0, 7};
    for (int i = 0; i < ROUNDS; i++) {
        amphi__spending_note(client, add);
        amphi__spending_write(client);
    }
    return NULL;
}

static void spending__of_many_at_once_is_exact(void **state)
{
    chat_fixture f;
    pthread_t threads[THREADS];
    amphi_client *clients[2];
    init(&f, says_hello);
    chat_fixture_start(&f, NULL);
    clients[0] = f.client;
    clients[1] = chat_fixture_client(&f, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, spend, clients[i % 2]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        amphi__spending_write(clients[i]); /* what found the store busy for two seconds, if any */
        amphi__spending_refresh(clients[i], 0);
    }
    amphi__spending_refresh(clients[0], 0);
    assert_int_equal(spent(clients[0]).microdollars, 3 * THREADS * ROUNDS);
    assert_int_equal(spent(clients[1]).unknown, THREADS * ROUNDS);
    assert_int_equal(spent(clients[1]).metered_bytes, 7 * THREADS * ROUNDS);
    amphi_client_free(clients[1]);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget__is_used_up_and_stays_so_in_every_process),
        cmocka_unit_test(budget__begins_anew_at_midnight_utc),
        cmocka_unit_test(spending__that_can_not_be_written_is_kept),
        cmocka_unit_test(spending__without_a_budget_is_written_at_the_end),
        cmocka_unit_test(cost__is_the_providers_own_word),
        cmocka_unit_test(cost__of_unknown_price_is_unknown_and_counted_so),
        cmocka_unit_test(cost__of_an_answer_that_broke_off_is_estimated),
        cmocka_unit_test(bytes__over_a_metered_network_are_counted),
        cmocka_unit_test(pace__is_learned_from_answers),
        cmocka_unit_test(spending__of_many_at_once_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
