/* SPDX-License-Identifier: Apache-2.0
 *
 * The day's budget and the wish for a pace, at their bounds; an unknown price is never 0.
 */
#include "policy/route_cost.h"
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A budget of $1; the cloud asks $10 and $20 for a million tokens: 200 of prompt are $0.002. */
static void with_prices(policy_scene *s)
{
    scene_init(s);
    s->policy.cost_day_max = 1000000;
    s->routes[CLOUD].price = (amphi_price){
        .is_known = true, .prompt = 10000000, .completion = 20000000, .cached = 10000000};
    s->facts.spent.day_left_s = 3601;
}

static void cost__budget_that_is_used_up_refuses(void **state)
{
    policy_scene s;
    with_prices(&s);
    expect_kept(&s, CLOUD, "");
    s.facts.spent.microdollars = 1000000;
    expect_hard(&s, CLOUD, AMPHI_REASON_COST,
        "today's budget of $1.00 is used up ($1.00 spent); the next day begins at 0 h UTC, in 61 "
        "min");
    expect_kept(&s, LOCAL, "");
    s.policy.cost_day_max = 0; /* none */
    expect_kept(&s, CLOUD, "");
}

static void cost__budget_that_this_request_would_pass_refuses(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.facts.spent.microdollars = 998000; /* what is left is what the prompt costs */
    expect_kept(&s, CLOUD, "");
    s.facts.spent.microdollars = 998001;
    expect_hard(&s, CLOUD, AMPHI_REASON_COST,
        "it would cost about $0.002000, and $0.001999 of today's budget of $1.00 are left");
    s.facts.spent.microdollars = 997000; /* the answer counts as well */
    s.routes[CLOUD].pace.answer_tokens = 100;
    expect_hard(&s, CLOUD, AMPHI_REASON_COST,
        "it would cost about $0.004000, and $0.003000 of today's budget of $1.00 are left");
    s.facts.answer_tokens_max = 50;
    expect_kept(&s, CLOUD, "");
}

static void cost__what_is_reserved_is_as_good_as_spent(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.facts.spent.microdollars = 500000;
    s.facts.spent.reserved = 498000;
    expect_kept(&s, CLOUD, "");
    s.facts.spent.reserved = 498001;
    expect_hard(&s, CLOUD, AMPHI_REASON_COST,
        "it would cost about $0.002000, and $0.001999 of today's budget of $1.00 are left "
        "($0.498001 reserved)");
    s.facts.spent.reserved = 500000;
    expect_hard(&s, CLOUD, AMPHI_REASON_COST,
        "today's budget of $1.00 is in use ($0.50 spent, $0.50 reserved for requests under way)");
    s.routes[CLOUD].price.is_known = false;
    assert_int_equal(judge(&s, CLOUD).reason, AMPHI_REASON_COST);
    expect_kept(&s, LOCAL, "");
    s.facts.spent.reserved = UINT64_MAX;
    assert_int_equal(judge(&s, CLOUD).reason, AMPHI_REASON_COST);
}

/* A store that can't be read does not open it. */
static void cost__budget_of_which_nothing_is_known_is_closed(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.facts.spent.is_unreadable = true;
    expect_hard(&s, CLOUD, AMPHI_REASON_COST,
        "what was spent today can't be read from the store, so today's budget of $1.00 is closed");
    expect_kept(&s, LOCAL, "");
    s.policy.cost_over = AMPHI_OVER_LAST;
    expect_soft(&s, CLOUD, AMPHI_REASON_COST,
        "what was spent today can't be read from the store, so today's budget of $1.00 is closed");
    s.policy.cost_day_max = 0; /* none */
    expect_kept(&s, CLOUD, "");
}

static void cost__policy_may_keep_it_as_a_last_resort(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.facts.spent.microdollars = 2000000;
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    s.policy.cost_over = AMPHI_OVER_LAST;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud?");
}

/* Alone, it is refused with an error that says why, of a kind that is not tried again at once. */
static void cost__only_route_is_refused_with_the_reason(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.facts.spent.microdollars = 1000001;
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    scene_decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_QUOTA);
    assert_says(s.plan.refusal.message, "cloud: today's budget of $1.00 is used up");
}

static void cost__unknown_price_is_not_free(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.routes[CLOUD].price.is_known = false;
    assert_int_equal(amphi__policy_estimate(&s.routes[CLOUD], 10, 0), AMPHI_COST_UNKNOWN);
    expect_kept(&s, CLOUD, "price unknown, not counted");
    s.facts.spent.microdollars = 1000000;
    assert_int_equal(judge(&s, CLOUD).reason, AMPHI_REASON_COST);
    s.routes[CLOUD].price = (amphi_price){.is_known = true}; /* but this one is */
    expect_kept(&s, CLOUD, "");
}

static void latency__slow_route_goes_behind_or_out(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.policy.latency_first_token_ms = 800;
    s.routes[CLOUD].pace = (amphi_policy_pace){.answers = 9, .first_token_ms = 800};
    expect_kept(&s, CLOUD, "");
    s.routes[CLOUD].pace.first_token_ms = 801;
    expect_soft(&s, CLOUD, AMPHI_REASON_LATENCY,
        "its last 9 answers began after 801 ms at the median, 800 ms are wished for");
    s.policy.latency_over = AMPHI_OVER_REFUSE;
    expect_hard(&s, CLOUD, AMPHI_REASON_LATENCY,
        "its last 9 answers began after 801 ms at the median, 800 ms are wished for");
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_BUSY);
    s.policy.latency_first_token_ms = 0;
    s.policy.latency_tokens_per_second = 20;
    s.routes[CLOUD].pace.tokens_per_second = 19.5f;
    expect_hard(&s, CLOUD, AMPHI_REASON_LATENCY,
        "its last 9 answers came with 19.5 tokens/s at the median, 20.0 are wished for");
    s.routes[CLOUD].pace.tokens_per_second = 0; /* not known */
    expect_kept(&s, CLOUD, "");
}

static void decision__has_the_numbers(void **state)
{
    policy_scene s;
    with_prices(&s);
    s.facts.spent = (amphi_policy_spent){
        .microdollars = 5, .reserved = 9, .unknown = 2, .estimated = 1, .metered_bytes = 77};
    s.facts.tool_tokens = 40;
    s.facts.prompt_tokens = 250; /* counted, which a cloud is not judged by */
    s.facts.prompt_tokens_estimate = 200;
    s.facts.prompt_is_counted = true;
    s.routes[CLOUD].pace = (amphi_policy_pace){
        .answers = 9, .first_token_ms = 300, .tokens_per_second = 50, .answer_tokens = 100};
    scene_decide(&s);
    const amphi_decision *d = &s.plan.decision;
    assert_int_equal(d->spent_today, 5);
    assert_int_equal(d->reserved_now, 9);
    assert_int_equal(scene_step(&s, "cloud")->cost_estimate, 4000);
    assert_int_equal(scene_step(&s, "local")->cost_estimate, 0);
    assert_int_equal(d->spent_unknown, 2);
    assert_int_equal(d->spent_estimated, 1);
    assert_int_equal(d->metered_bytes, 77);
    assert_int_equal(d->day_max, 1000000);
    assert_int_equal(d->tool_tokens, 40);
    assert_int_equal(d->entries_count, 2);
    for (size_t i = 0; i < d->entries_count; i++) {
        const amphi_decision_entry *e = &d->entries[i];
        bool is_cloud = strcmp(e->route.route, "cloud") == 0;
        assert_memory_equal(&d->routes[i], &e->route, sizeof e->route);
        if (!is_cloud)
            continue;
        assert_int_equal(e->estimate, 4000);
        assert_int_equal(e->prompt_tokens, 200); /* what the estimate is of */
        assert_int_equal(e->answer_tokens, 100);
        assert_int_equal(e->first_token_ms, 300);
        assert_int_equal(e->answers, 9);
        assert_int_equal(e->price_completion, 20000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost__budget_that_is_used_up_refuses),
        cmocka_unit_test(cost__budget_that_this_request_would_pass_refuses),
        cmocka_unit_test(cost__what_is_reserved_is_as_good_as_spent),
        cmocka_unit_test(cost__budget_of_which_nothing_is_known_is_closed),
        cmocka_unit_test(cost__policy_may_keep_it_as_a_last_resort),
        cmocka_unit_test(cost__only_route_is_refused_with_the_reason),
        cmocka_unit_test(cost__unknown_price_is_not_free),
        cmocka_unit_test(latency__slow_route_goes_behind_or_out),
        cmocka_unit_test(decision__has_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
