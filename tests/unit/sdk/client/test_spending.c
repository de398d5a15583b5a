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

static const scripted_step breaks_before_a_word[] = {{SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
static const scripted_step is_no_protocol[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROTOCOL}};
static const scripted_step breaks_after_a_sign[] = {
    {SCRIPT_PROGRESS, NULL, 1}, {SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step is_unreachable[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_AUTH}};

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
static amphi_status (*real_get)(
    void *self, amphi_str name, amphi_store_value_fn *value, void *user, amphi_error *error);
static bool get_fails;
static void (*after_get)(void);  /* once */
static void (*after_swap)(void); /* once */
static amphi_client *meddler;    /* for both */

static void call_once(void (**function)(void))
{
    void (*once)(void) = *function;
    if (once == NULL) /* nor is anything written where many threads come by */
        return;
    *function = NULL;
    once();
}

static amphi_status get_that_may_fail(
    void *self, amphi_str name, amphi_store_value_fn *value, void *user, amphi_error *error)
{
    bool is_ours = amphi__str_equal_c(name, "spent");
    if (is_ours && get_fails)
        return amphi__fail(error, AMPHI_E_IO, 0, "damaged");
    amphi_status status = real_get(self, name, value, user, error);
    if (is_ours)
        call_once(&after_get);
    return status;
}

static amphi_status swap_that_may_fail(
    void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error)
{
    if (swap_fails)
        return amphi__fail(error, AMPHI_E_IO, 0, "no space");
    amphi_status status = real_swap(self, name, before, after, error);
    call_once(&after_swap);
    return status;
}

static void init(chat_fixture *f, const scripted_step *cloud)
{
    chat_fixture_init(f, says_hello, cloud);
    f->cloud.info.price_completion = (uint64_t)DOLLAR * DOLLAR;
    ops = *f->parts.store.ops;
    real_swap = ops.setting_swap;
    ops.setting_swap = swap_that_may_fail;
    real_get = ops.setting_get;
    ops.setting_get = get_that_may_fail;
    f->parts.store.ops = &ops;
    swap_fails = get_fails = false;
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

/* Before a word came: what its provider had begun is estimated, what it did not begin is not. */
static void cost__of_what_brought_nothing_is_estimated_where_it_was_begun(void **state)
{
    static const scripted_step *const begun[] = {
        breaks_before_a_word, is_no_protocol, breaks_after_a_sign};
    static const scripted_step *const not_begun[] = {is_unreachable, refuses};
    for (size_t i = 0; i < 5; i++) {
        chat_fixture f;
        amphi_chat_result result;
        init(&f, i < 3 ? begun[i] : not_begun[i - 3]);
        f.cloud.info.price_prompt = (uint64_t)DOLLAR * DOLLAR;
        chat_fixture_start(&f, NULL);
        amphi_stream_free(ask_cloud(&f, &result));
        assert_int_equal(f.last, AMPHI_EVENT_ERROR);
        assert_int_equal(spent(f.client).estimated > 0, i < 3);
        assert_int_equal(spent(f.client).microdollars > 0, i < 3);
        chat_fixture_close(&f);
    }
}

static void budget__is_closed_while_the_store_can_not_be_read(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":100}}");
    get_fails = true;
    amphi__spending_refresh(f.client, 0); /* as when what is known is a second old */
    amphi_stream *stream = ask_cloud(&f, &result);
    assert_int_equal(result.error->status, AMPHI_E_QUOTA);
    assert_non_null(strstr(result.error->message, "can't be read from the store"));
    amphi_stream_free(stream);
    assert_int_equal(atomic_load(&f.cloud.starts), 0);
    get_fails = false;
    stream = ask_cloud(&f, &result);
    assert_null(result.error);
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void write_tomorrow(void)
{
    const uint64_t add[AMPHI_SPENT_COUNT] = {5, 0, 0, 0};
    wall_now_ms += 1000;
    amphi__spending_note(meddler, add);
    amphi__spending_write(meddler);
}

/* A thread read before midnight, and is slow; another has written since. */
static void spending__of_yesterday_does_not_come_back(void **state)
{
    chat_fixture f;
    amphi_chat_result result;
    init(&f, says_hello);
    f.parts.clock = &set_clock;
    wall_now_ms = (int64_t)20000 * 86400000 + 86399000;
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":100}}");
    amphi_stream_free(ask_cloud(&f, &result));
    meddler = f.client;
    after_get = write_tomorrow;
    amphi__spending_refresh(f.client, 0);
    assert_int_equal(spent(f.client).microdollars, 5);
    chat_fixture_close(&f);
}

static uint64_t seen_meanwhile;

static void look(void)
{
    amphi__spending_refresh(meddler, 0);
    seen_meanwhile = spent(meddler).microdollars;
}

static void spending__that_is_being_written_counts_once(void **state)
{
    const uint64_t add[AMPHI_SPENT_COUNT] = {5, 0, 0, 0};
    chat_fixture f;
    init(&f, says_hello);
    chat_fixture_start(&f, NULL);
    meddler = f.client;
    after_swap = look;
    amphi__spending_note(f.client, add);
    amphi__spending_write(f.client);
    assert_int_equal(seen_meanwhile, 5);
    assert_int_equal(spent(f.client).microdollars, 5);
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
        cmocka_unit_test(cost__of_what_brought_nothing_is_estimated_where_it_was_begun),
        cmocka_unit_test(budget__is_closed_while_the_store_can_not_be_read),
        cmocka_unit_test(spending__of_yesterday_does_not_come_back),
        cmocka_unit_test(spending__that_is_being_written_counts_once),
        cmocka_unit_test(bytes__over_a_metered_network_are_counted),
        cmocka_unit_test(pace__is_learned_from_answers),
        cmocka_unit_test(spending__of_many_at_once_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
