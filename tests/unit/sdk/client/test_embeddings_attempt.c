/* SPDX-License-Identifier: Apache-2.0
 *
 * One try at an embeddings request, at a scripted endpoint: what it brings, when it is over, and
 * what it is charged.
 */
#include "sdk/client/embeddings_attempt.h"

#include "sdk/client/route.h"
#include "sdk/client/spending.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ANSWER "{\"object\":\"list\",\"data\":[]}"
#define ASK    "{\"model\":\"m-1\",\"input\":\"Hi\"}"

enum { A_DOLLAR_A_TOKEN = 1000000 /* microdollars */ };

static const scripted_step answers[] = {{SCRIPT_SAY, "{\"object\":\"list\",", 0},
    {SCRIPT_SAY, "\"data\":[]}", 0}, {SCRIPT_USAGE, NULL, 3}, {SCRIPT_FINISH, NULL, 1}};
static const scripted_step is_cut[] = {{SCRIPT_SAY, "{\"object\":", 0}, {SCRIPT_USAGE, NULL, 7},
    {SCRIPT_EXTRA, "{\"chunk\":{\"usage\":{\"cost\":0.25}}}", 0},
    {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
static const scripted_step breaks_off[] = {
    {SCRIPT_SAY, "{\"object\":", 0}, {SCRIPT_FAIL, NULL, AMPHI_E_TRUNCATED}};
static const scripted_step is_unreachable[] = {{SCRIPT_FAIL, NULL, AMPHI_E_NETWORK}};
static const scripted_step says_its_cost[] = {{SCRIPT_SAY, ANSWER, 0},
    {SCRIPT_EXTRA, "{\"chunk\":{\"usage\":{\"cost\":0.25}}}", 0}, {SCRIPT_USAGE, NULL, 3},
    {SCRIPT_FINISH, NULL, 1}};
static const scripted_step is_silent[] = {
    {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const scripted_step falls_silent[] = {
    {SCRIPT_SAY, "{", 0}, {SCRIPT_WAIT, NULL, 60000}, {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};

/* A client over one scripted endpoint, and a try that may be made there. */
typedef struct scene {
    chat_fixture f;
    amphi_embeddings_request request;
    amphi_privacy_ruling ruling;
    amphi_plan_step step;
    amphi_embeddings_attempt attempt;
    int asked; /* is it still wanted? */
} scene;

static scene s;

static void open_scene(const scripted_step *script, amphi_network network)
{
    memset(&s, 0, sizeof s);
    chat_fixture_init(&s.f, says_hello, script);
    s.f.cloud.info.embeddings = true;
    s.f.device.network = network;
    chat_fixture_start(&s.f, NULL);
    for (size_t i = 0; i < s.f.client->routes_count; i++) {
        amphi_engine_info info;
        amphi__route_describe(&s.f.client->routes[i], &info);
        if (info.kind == AMPHI_ENGINE_CLOUD)
            s.step.route = (uint8_t)i;
    }
    amphi_embeddings_request_init(&s.request);
    s.request.json = AMPHI_STR(ASK);
    s.attempt.client = s.f.client;
    s.attempt.request = &s.request;
    s.attempt.ruling = &s.ruling;
    s.attempt.model = AMPHI_STR("m-1");
    s.attempt.deadline_us = UINT64_MAX;
    assert_int_equal(amphi__embeddings_attempt_init(&s.attempt), AMPHI_OK);
}

static void close_scene(void)
{
    amphi__embeddings_attempt_clear(&s.attempt);
    chat_fixture_close(&s.f);
}

static amphi_status try(void)
{
    amphi__embeddings_attempt_run(&s.attempt, &s.step);
    return s.attempt.run.error.status;
}

static amphi_policy_spent spent(void)
{
    amphi_policy_spent out;
    amphi__spending_snapshot(s.f.client, &out);
    return out;
}

static void attempt__brings_the_answer_and_nothing_of_the_one_before(void **state)
{
    open_scene(is_cut, AMPHI_NETWORK_FREE);
    s.f.cloud.next_script = answers;
    assert_true(amphi__reservation_move(s.f.client, &s.attempt.reservation, 7, 0));
    assert_int_equal(try(), AMPHI_E_TRUNCATED);
    assert_true(s.attempt.run.has_cost);
    assert_int_equal(spent().reserved, 7); /* for the next one */
    assert_int_equal(try(), AMPHI_OK);
    assert_int_equal(spent().reserved, 0);
    assert_true(amphi__str_equal_c(amphi__buf_str(&s.attempt.run.json), ANSWER));
    assert_int_equal(s.attempt.run.usage.completion_tokens, 3);
    assert_false(s.attempt.run.has_cost);
    assert_string_equal(s.f.cloud.last_body, ASK);
    assert_string_equal(s.f.cloud.last_key, s.attempt.key);
    close_scene();
}

static void attempt__is_not_made_where_the_request_may_not_go(void **state)
{
    open_scene(answers, AMPHI_NETWORK_FREE);
    s.ruling.stays_here = true;
    assert_int_equal(try(), AMPHI_E_REFUSED);
    s.ruling.stays_here = false;
    s.f.cloud.info.embeddings = false; /* it has changed since the plan */
    assert_int_equal(try(), AMPHI_E_REFUSED);
    assert_int_equal(atomic_load(&s.f.cloud.starts), 0);
    close_scene();
}

static void attempt__is_over_with_any_of_its_budgets(void **state)
{
    open_scene(is_silent, AMPHI_NETWORK_FREE);
    s.f.cloud.next_script = falls_silent;
    s.step.budgets.first_token_ms = 50;
    assert_int_equal(try(), AMPHI_E_TIMEOUT);
    assert_string_equal(s.attempt.run.error.message, "cloud: no answer within its budget");
    s.step.budgets = (amphi_budgets){.idle_ms = 50};
    assert_int_equal(try(), AMPHI_E_TIMEOUT);
    assert_string_equal(s.attempt.run.error.message, "cloud: no answer within its budget");
    s.step.budgets.idle_ms = 0;
    s.attempt.deadline_us = amphi__embeddings_attempt_now_us(&s.attempt) + 50000;
    assert_int_equal(try(), AMPHI_E_TIMEOUT);
    assert_string_equal(s.attempt.run.error.message, "cloud: the request's time is used up");
    close_scene();
}

static bool is_not_wanted(void *user)
{
    return ++*(int *)user < 2;
}

static void attempt__and_its_pause_end_when_the_answer_is_not_wanted(void **state)
{
    open_scene(is_silent, AMPHI_NETWORK_FREE);
    assert_true(amphi__embeddings_attempt_is_wanted(&s.attempt));
    assert_true(amphi__embeddings_attempt_pause(&s.attempt, 1));
    s.request.is_wanted = is_not_wanted;
    s.request.user = &s.asked;
    assert_int_equal(try(), AMPHI_E_CANCELLED);
    assert_int_equal(s.asked, 2);
    s.asked = 0;
    uint64_t began_ms = amphi__clock_ms(NULL);
    assert_false(amphi__embeddings_attempt_pause(&s.attempt, 600000));
    assert_true(amphi__clock_ms(NULL) - began_ms < 300000);
    close_scene();
}

static void attempt__is_charged_for(void **state)
{
    open_scene(answers, AMPHI_NETWORK_FREE);
    s.f.cloud.info.price_completion = 1000000000000; /* a dollar a token */
    assert_int_equal(try(), AMPHI_OK);
    assert_int_equal(spent().microdollars, 3 * A_DOLLAR_A_TOKEN);
    s.f.cloud.info.price_completion = 0; /* not known: not 0 */
    assert_int_equal(try(), AMPHI_OK);
    assert_int_equal(spent().microdollars, 3 * A_DOLLAR_A_TOKEN);
    assert_int_equal(spent().unknown, 1);
    close_scene();
}

static void attempt__providers_own_cost_wins_and_metered_bytes_count(void **state)
{
    open_scene(says_its_cost, AMPHI_NETWORK_METERED);
    s.f.cloud.info.price_completion = 1000000000000;
    assert_int_equal(try(), AMPHI_OK);
    assert_int_equal(spent().microdollars, 250000);
    assert_in_range(spent().metered_bytes, sizeof ASK - 1, 4096);
    close_scene();
}

static void attempt__that_broke_off_is_estimated(void **state)
{
    static const scripted_step *const scripts[] = {breaks_off, is_unreachable};
    for (size_t i = 0; i < 2; i++) {
        open_scene(scripts[i], AMPHI_NETWORK_FREE);
        s.f.cloud.info.price_prompt = 1000000000000;
        assert_true(try() != AMPHI_OK);
        assert_int_equal(spent().estimated > 0, i == 0);
        assert_int_equal(spent().microdollars > 0, i == 0);
        close_scene();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempt__brings_the_answer_and_nothing_of_the_one_before),
        cmocka_unit_test(attempt__is_not_made_where_the_request_may_not_go),
        cmocka_unit_test(attempt__is_over_with_any_of_its_budgets),
        cmocka_unit_test(attempt__and_its_pause_end_when_the_answer_is_not_wanted),
        cmocka_unit_test(attempt__is_charged_for),
        cmocka_unit_test(attempt__providers_own_cost_wins_and_metered_bytes_count),
        cmocka_unit_test(attempt__that_broke_off_is_estimated),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.embeddings_attempt", tests, NULL, NULL);
}
