/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose answers are judged by their first tokens: only where a cloud may answer instead.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A local model with a head in front of a cloud, as the document's defaults have it. */
static void scene_with_head(policy_scene *s)
{
    scene_init(s);
    s->routes[LOCAL].info.judge = AMPHI_JUDGE_HEAD;
}

static uint32_t judged(policy_scene *s)
{
    scene_decide(s);
    return scene_step(s, "local")->judge_tokens;
}

static void handoff__judges_a_model_that_has_a_head(void **state)
{
    policy_scene s;
    scene_with_head(&s);
    assert_int_equal(judged(&s), s.policy.handoff_tokens);
    const amphi_plan_step *step = scene_step(&s, "local");
    assert_int_equal(step->judge_hold_ms, s.policy.handoff_hold_ms);
    assert_int_equal(step->right_min_permille, s.policy.handoff_right_min_percent * 10);
    assert_int_equal(scene_step(&s, "cloud")->judge_tokens, 0);
}

static void handoff__own_doubt_counts_only_where_the_document_says_any(void **state)
{
    policy_scene s;
    scene_with_head(&s);
    s.routes[LOCAL].info.judge = AMPHI_JUDGE_LOGITS;
    assert_int_equal(judged(&s), 0);
    s.policy.handoff_judge = AMPHI_HANDOFF_ANY;
    assert_int_equal(judged(&s), s.policy.handoff_tokens);
    s.routes[LOCAL].info.judge = AMPHI_JUDGE_NONE;
    assert_int_equal(judged(&s), 0);
    s.routes[LOCAL].info.judge = AMPHI_JUDGE_HEAD;
    assert_int_equal(judged(&s), s.policy.handoff_tokens);
    s.policy.handoff_judge = AMPHI_HANDOFF_OFF;
    assert_int_equal(judged(&s), 0);
}

static void handoff__never_judges_what_stays_on_the_device(void **state)
{
    policy_scene s;
    scene_with_head(&s);
    s.facts.is_private = true;
    assert_int_equal(judged(&s), 0);
    s.facts.is_private = false;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    assert_int_equal(judged(&s), 0);
    s.facts.mode = AMPHI_MODE_DEFAULT;
    s.policy.mode = AMPHI_MODE_ONLY_LOCAL;
    assert_int_equal(judged(&s), 0);
    s.policy.mode = AMPHI_MODE_AUTO;
    s.facts.history_turns = 1;
    s.facts.history_privacy = AMPHI_PRIVACY_PRIVATE;
    assert_int_equal(judged(&s), 0);
    /* Whatever steps the plan has: the rule does not trust them. */
    scene_with_head(&s);
    scene_decide(&s);
    s.facts.is_private = true;
    amphi__policy_set_handoff(&s.plan, &s.policy, &s.facts);
    assert_int_equal(scene_step(&s, "local")->judge_tokens, 0);
}

static void handoff__needs_a_cloud_behind_it(void **state)
{
    policy_scene s;
    scene_with_head(&s);
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD; /* the cloud is in front */
    assert_int_equal(judged(&s), 0);
    s.facts.mode = AMPHI_MODE_AUTO;
    s.policy.cloud_enabled = false;
    assert_int_equal(judged(&s), 0);
    s.policy.cloud_enabled = true;
    scene_decide(&s);
    s.plan.steps[1].last_resort = true; /* over the budget of the day, say */
    amphi__policy_set_handoff(&s.plan, &s.policy, &s.facts);
    assert_int_equal(scene_step(&s, "local")->judge_tokens, 0);
}

static void handoff__a_model_that_the_request_names_is_not_second_guessed(void **state)
{
    policy_scene s;
    scene_with_head(&s);
    s.routes[LOCAL].is_named = true;
    assert_int_equal(judged(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handoff__judges_a_model_that_has_a_head),
        cmocka_unit_test(handoff__own_doubt_counts_only_where_the_document_says_any),
        cmocka_unit_test(handoff__never_judges_what_stays_on_the_device),
        cmocka_unit_test(handoff__needs_a_cloud_behind_it),
        cmocka_unit_test(handoff__a_model_that_the_request_names_is_not_second_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
