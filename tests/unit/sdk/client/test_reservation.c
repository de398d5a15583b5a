/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests under way against the day's budget: as many at once as it can pay for, and nothing is
 * held behind a request's end. A token of the scripted cloud costs a dollar, each request may have
 * two, and there are seven dollars.
 */
#include "sdk/client/client.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define DOLLAR 1000000u

enum { AT_ONCE = 20, HAVE_ROOM = 3, PATIENCE_MS = 60000 };

#define SEVEN_DOLLARS                                                                              \
    "{\"cost\":{\"day_usd_max\":7},\"total_ms\":600000,"                                           \
    "\"cloud\":{\"budgets\":{\"first_token_ms\":600000}}}"

static const scripted_step waits[] = {
    {SCRIPT_WAIT, NULL, 600000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_AUTH}};
static const scripted_step is_down[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
static const scripted_step does_not_start[] = {{SCRIPT_REFUSE_START, NULL, AMPHI_E_PROVIDER}};

static void init(chat_fixture *f, const scripted_step *cloud)
{
    chat_fixture_init(f, says_hello, cloud);
    f->cloud.info.price_completion = (uint64_t)DOLLAR * DOLLAR;
}

static amphi_policy_spent spent(amphi_client *client)
{
    amphi_policy_spent out;
    amphi__spending_snapshot(client, &out);
    return out;
}

static amphi_stream *begin(chat_fixture *f, amphi_mode mode)
{
    amphi_chat_request request = chat_fixture_request(mode);
    request.no_queue = true;
    request.sampling.tokens_max = 2;
    return chat_fixture_begin(f, &request, "Hi");
}

static void wait_for(atomic_int *number, int value)
{
    for (int i = 0; i < PATIENCE_MS && atomic_load(number) < value; i++)
        usleep(1000);
    assert_int_equal(atomic_load(number), value);
}

static void cancel(chat_fixture *f, amphi_stream *stream)
{
    amphi_stream_cancel(stream);
    chat_fixture_pull(f, stream);
    amphi_stream_free(stream);
}

/* Pulls them until `count` have ended, and frees those; the others are left in `streams`. */
static void pull_until_ended(amphi_stream *streams[AT_ONCE], int count, amphi_error *last)
{
    int ended = 0;
    for (int i = 0; ended < count && i < PATIENCE_MS; i++) {
        amphi_stream **one = &streams[i % AT_ONCE];
        amphi_event event;
        while (*one != NULL && amphi_stream_next(*one, 10, &event, NULL) == AMPHI_OK) {
            if (!amphi_event_is_terminal(&event))
                continue;
            if (event.kind == AMPHI_EVENT_ERROR)
                *last = *event.error;
            amphi_stream_free(*one);
            *one = NULL;
            ended++;
        }
    }
    assert_int_equal(ended, count);
}

static void budget__has_room_for_as_many_at_once_as_it_can_pay_for(void **state)
{
    static const amphi_mode modes[] = {AMPHI_MODE_ONLY_CLOUD, AMPHI_MODE_PREFER_CLOUD};
    for (size_t m = 0; m < 2; m++) {
        chat_fixture f;
        amphi_stream *streams[AT_ONCE];
        amphi_error last = {0};
        init(&f, waits);
        chat_fixture_start(&f, SEVEN_DOLLARS);
        for (int i = 0; i < AT_ONCE; i++)
            streams[i] = begin(&f, modes[m]);
        pull_until_ended(streams, AT_ONCE - HAVE_ROOM, &last);
        wait_for(&f.cloud.starts, HAVE_ROOM);
        assert_int_equal(spent(f.client).reserved, HAVE_ROOM * 2 * DOLLAR);
        assert_int_equal(atomic_load(&f.local.starts), m == 0 ? 0 : AT_ONCE - HAVE_ROOM);
        assert_int_equal(last.status, m == 0 ? AMPHI_E_QUOTA : AMPHI_OK);
        if (m == 0)
            assert_non_null(strstr(last.message,
                "it would cost about $2.00, and $1.00 of today's budget of $7.00 are left ($6.00 "
                "reserved)"));
        for (int i = 0; i < AT_ONCE; i++)
            if (streams[i] != NULL)
                cancel(&f, streams[i]);
        assert_int_equal(spent(f.client).reserved, 0);
        assert_int_equal(spent(f.client).microdollars, 0); /* nothing came, prompts are free */
        amphi_stream *next = begin(&f, modes[m]);
        wait_for(&f.cloud.starts, HAVE_ROOM + 1);
        cancel(&f, next);
        chat_fixture_close(&f);
    }
}

static void reservation__ends_with_its_request(void **state)
{
    static const scripted_step *const scripts[] = {says_hello, refuses, does_not_start, is_down};
    for (size_t i = 0; i < 4; i++) {
        chat_fixture f;
        init(&f, scripts[i]);
        chat_fixture_start(&f, SEVEN_DOLLARS);
        amphi_stream *stream = begin(&f, AMPHI_MODE_ONLY_CLOUD);
        chat_fixture_pull(&f, stream);
        amphi_stream_free(stream);
        assert_true(atomic_load(&f.cloud.starts) > 0);
        assert_int_equal(spent(f.client).reserved, 0);
        assert_int_equal(spent(f.client).microdollars, i == 0 ? 2 * DOLLAR : 0);
        chat_fixture_close(&f);
    }
}

static void reservation__of_unknown_price_is_nothing(void **state)
{
    chat_fixture f;
    init(&f, waits);
    f.cloud.info.price_completion = 0;
    chat_fixture_start(&f, SEVEN_DOLLARS);
    amphi_stream *stream = begin(&f, AMPHI_MODE_ONLY_CLOUD);
    wait_for(&f.cloud.starts, 1);
    assert_int_equal(spent(f.client).reserved, 0);
    cancel(&f, stream);
    chat_fixture_close(&f);
}

/* The second asks twice as much. */
static void reservation__moves_with_a_takeover(void **state)
{
    chat_fixture f;
    init(&f, is_down);
    f.parts.engines_count = 2;
    f.cloud.info.priority = 1;
    f.cloud2.info.priority = 2;
    f.cloud2.info.price_completion = f.cloud.info.price_completion;
    f.cloud.info.price_completion /= 2;
    f.cloud2.script = waits;
    chat_fixture_start(&f, SEVEN_DOLLARS);
    amphi_stream *stream = begin(&f, AMPHI_MODE_ONLY_CLOUD);
    wait_for(&f.cloud2.starts, 1);
    assert_int_equal(spent(f.client).reserved, 2 * DOLLAR);
    cancel(&f, stream);
    assert_int_equal(spent(f.client).reserved, 0);
    chat_fixture_close(&f);
}

/* Both may be charged for. */
static void reservation__of_a_hedge_stands_beside_the_first(void **state)
{
    chat_fixture f;
    init(&f, waits);
    f.parts.engines_count = 2;
    f.cloud.info.priority = 1;
    f.cloud2.info.priority = 2;
    f.cloud2.info.price_completion = f.cloud.info.price_completion;
    f.cloud.info.price_completion /= 2;
    chat_fixture_start(&f, "{\"cost\":{\"day_usd_max\":7},\"total_ms\":600000,"
                           "\"cloud\":{\"hedge_ms\":1,"
                           "\"budgets\":{\"first_token_ms\":600000}}}");
    amphi_stream *stream = begin(&f, AMPHI_MODE_ONLY_CLOUD);
    wait_for(&f.cloud2.starts, 1);
    assert_int_equal(spent(f.client).reserved, (1 + 2) * DOLLAR);
    cancel(&f, stream);
    assert_int_equal(spent(f.client).reserved, 0);
    chat_fixture_close(&f);
}

/* Between the decision and the attempt others went on. */
static void reservation__is_looked_at_again_before_an_attempt(void **state)
{
    chat_fixture f;
    amphi_error error;
    amphi_reservation others = {0};
    amphi_reservation own = {0};
    amphi_policy policy = {.cost_day_max = 7 * DOLLAR};
    amphi_plan_step step = {.cost_estimate = 2 * DOLLAR};
    init(&f, says_hello);
    chat_fixture_start(&f, SEVEN_DOLLARS);
    assert_true(amphi__reservation_enter(f.client, &policy, &step, &own, &error));
    assert_true(amphi__reservation_move(f.client, &others, 5 * DOLLAR, policy.cost_day_max));
    assert_true(amphi__reservation_enter(f.client, &policy, &step, &own, &error)); /* it has it */
    step.cost_estimate = 3 * DOLLAR;
    assert_false(amphi__reservation_enter(f.client, &policy, &step, &own, &error));
    assert_int_equal(error.status, AMPHI_E_QUOTA);
    assert_int_equal(own.microdollars, 2 * DOLLAR);
    policy.cost_over = AMPHI_OVER_LAST;
    assert_true(amphi__reservation_enter(f.client, &policy, &step, &own, &error));
    assert_int_equal(spent(f.client).reserved, 8 * DOLLAR);
    assert_true(amphi__reservation_move(f.client, &own, UINT64_MAX - 1, 0)); /* no sum overflows */
    assert_true(amphi__reservation_move(f.client, &others, UINT64_MAX - 1, 0));
    amphi__reservation_release(f.client, &own);
    amphi__reservation_release(f.client, &others);
    assert_int_equal(spent(f.client).reserved, 0);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget__has_room_for_as_many_at_once_as_it_can_pay_for),
        cmocka_unit_test(reservation__ends_with_its_request),
        cmocka_unit_test(reservation__of_unknown_price_is_nothing),
        cmocka_unit_test(reservation__moves_with_a_takeover),
        cmocka_unit_test(reservation__of_a_hedge_stands_beside_the_first),
        cmocka_unit_test(reservation__is_looked_at_again_before_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
