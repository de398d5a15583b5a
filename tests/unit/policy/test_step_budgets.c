/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a step may be silent: by its place in the plan, by what its route needed lately, and by
 * what request and document state.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static amphi_budgets cloud_budgets(policy_scene *s)
{
    scene_decide(s);
    return scene_step(s, "cloud")->budgets;
}

static void budgets__last_step_has_the_whole_time(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    amphi_budgets b = cloud_budgets(&s);
    assert_int_equal(b.first_token_ms, b.total_ms);
    assert_int_equal(b.idle_ms, 60000);
    s.routes[CLOUD].first_token_p95_ms = 100; /* what it needed lately does not matter */
    assert_int_equal(cloud_budgets(&s).first_token_ms, b.total_ms);
    s.facts.budgets.total_ms = 7000;
    assert_int_equal(cloud_budgets(&s).first_token_ms, 7000);
}

static void budgets__with_a_fallback_follow_the_routes_own_p95_between_bounds(void **state)
{
    static const uint32_t p95_and_budget_ms[][2] = {{0, 10000}, {100, 5000}, {1666, 5000},
        {2000, 6000}, {3333, 9999}, {3334, 10000}, {60000, 10000}, {UINT32_MAX, 10000}};
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    for (size_t i = 0; i < sizeof p95_and_budget_ms / sizeof p95_and_budget_ms[0]; i++) {
        s.routes[CLOUD].first_token_p95_ms = p95_and_budget_ms[i][0];
        assert_int_equal(cloud_budgets(&s).first_token_ms, p95_and_budget_ms[i][1]);
        assert_int_equal(cloud_budgets(&s).idle_ms, 10000);
    }
    s.facts.mode = AMPHI_MODE_AUTO; /* the local engine first */
    scene_decide(&s);
    assert_int_equal(scene_step(&s, "local")->budgets.first_token_ms, 10000);
    assert_int_equal(scene_step(&s, "local")->budgets.idle_ms, 5000);
}

static void budgets__stated_ones_hold_at_every_place(void **state)
{
    policy_scene s;
    scene_init(&s);
    static const amphi_mode modes[] = {AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_CLOUD};
    for (size_t i = 0; i < 2; i++) {
        s.facts.mode = modes[i];
        s.policy.cloud_budgets.first_token_ms = 300;
        s.policy.cloud_budgets.idle_ms = 400;
        assert_int_equal(cloud_budgets(&s).first_token_ms, 300);
        assert_int_equal(cloud_budgets(&s).idle_ms, 400);
        s.facts.budgets = (amphi_budgets){.first_token_ms = 11, .idle_ms = 12};
        assert_int_equal(cloud_budgets(&s).first_token_ms, 11);
        assert_int_equal(cloud_budgets(&s).idle_ms, 12);
        s.facts.budgets = (amphi_budgets){.first_token_ms = 0};
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets__last_step_has_the_whole_time),
        cmocka_unit_test(budgets__with_a_fallback_follow_the_routes_own_p95_between_bounds),
        cmocka_unit_test(budgets__stated_ones_hold_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
