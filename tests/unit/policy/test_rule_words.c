/* SPDX-License-Identifier: Apache-2.0
 *
 * Every reason that holds is written down, and not only the one that decided.
 */
#include "sdk/core/str.h"
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* `text` ends with "...", and before it with a whole word of `source`. */
static bool ends_with_whole_word(const char *text, const char *source)
{
    size_t size = strlen(text);
    if (size < 3 || strcmp(text + size - 3, "...") != 0)
        return false;
    size_t from = size - 3;
    while (from > 0 && text[from - 1] != ' ')
        from--;
    amphi_str rest = amphi_str_from(source);
    while (rest.size > 0)
        if (amphi__str_equal(
                amphi__str_cut(rest, ' ', &rest), amphi_str_make(text + from, size - 3 - from)))
            return true;
    return false;
}

static uint64_t bit(amphi_reason reason)
{
    return (uint64_t)1 << reason;
}

static void words__of_every_reason_that_holds(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    s.facts.needs_images = true;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.facts.device.known |= AMPHI_FACT_NETWORK;
    amphi_judgement j = judge(&s, CLOUD);
    assert_int_equal(j.reason, AMPHI_REASON_MODE);
    assert_true(j.reasons == (bit(AMPHI_REASON_MODE) | bit(AMPHI_REASON_CAPABILITY) |
                                 bit(AMPHI_REASON_NETWORK_NONE)));
    assert_string_equal(j.also, "capability: the request needs images, which this route does not "
                                "have; network_none: no network");
}

/* A hard one that comes later decides; the soft one that was first is not lost. */
static void words__of_a_soft_reason_stay_beside_a_hard_one(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[CLOUD].wait_ms = 5000;
    s.routes[CLOUD].wait_reason = AMPHI_REASON_ASKED_TO_WAIT;
    amphi_judgement j = judge(&s, CLOUD);
    assert_int_equal(j.verdict, AMPHI_VERDICT_SOFT);
    assert_int_equal(j.reason, AMPHI_REASON_ASKED_TO_WAIT);
    assert_string_equal(j.also, "");
    s.facts.needs_images = true;
    j = judge(&s, CLOUD);
    assert_int_equal(j.verdict, AMPHI_VERDICT_HARD);
    assert_int_equal(j.reason, AMPHI_REASON_CAPABILITY);
    assert_true(j.reasons == (bit(AMPHI_REASON_ASKED_TO_WAIT) | bit(AMPHI_REASON_CAPABILITY)));
    assert_says(j.also, "asked_to_wait: the provider asked for a pause");
}

/* An engine that isn't there has no model, no tools and no memory: none of that is a reason. */
static void words__of_what_is_not_known_are_not_made_up(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[CLOUD].info = (amphi_engine_info){.kind = AMPHI_ENGINE_CLOUD, .name = "cloud"};
    s.facts.needs_tools = true;
    amphi_judgement j = judge(&s, CLOUD);
    assert_true(j.reasons == bit(AMPHI_REASON_UNAVAILABLE));
    s.facts.is_private = true;
    j = judge(&s, CLOUD);
    assert_int_equal(j.reason, AMPHI_REASON_PRIVATE);
    assert_true(j.reasons == (bit(AMPHI_REASON_PRIVATE)));
}

static void words__that_do_not_fit_are_cut(void **state)
{
    amphi_judgement j = {.verdict = AMPHI_VERDICT_KEEP};
    for (int i = 0; i < 50; i++)
        amphi__rule_speak(&j, AMPHI_VERDICT_SOFT, AMPHI_REASON_COST, "%s",
            "words that go on for quite a while until there is no room for them");
    for (int i = 0; i < 50; i++)
        amphi__rule_note(&j, "another remark");
    assert_true(strlen(j.also) < sizeof j.also);
    assert_true(strlen(j.notes) < sizeof j.notes);
}

/* As far as the decision: each entry has them, the preferred order too. */
static void words__reach_the_decision(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    s.facts.needs_images = true;
    scene_decide(&s);
    for (size_t i = 0; i < s.plan.decision.entries_count; i++) {
        const amphi_decision_entry *entry = &s.plan.decision.entries[i];
        if (strcmp(entry->route.route, "cloud") != 0)
            continue;
        assert_true((entry->reasons & bit(AMPHI_REASON_MODE)) != 0);
        assert_true((entry->reasons & bit(AMPHI_REASON_CAPABILITY)) != 0);
        assert_says(entry->also, "capability: ");
        return;
    }
    fail();
}

/* Long words of a failure, and several reasons at once: nothing ends inside a word. */
static void words__that_do_not_fit_end_behind_a_whole_one(void **state)
{
    static const char failure[] =
        "cloud: the provider answered with an internal error and said that its upstream "
        "connection was unexpectedly terminated while a schedulable accelerator was waited for";
    policy_scene s;
    scene_init(&s);
    s.routes[CLOUD].breaker.open = true;
    s.routes[CLOUD].breaker.failed = s.routes[CLOUD].breaker.of = 5;
    amphi__str_copy_to(
        s.routes[CLOUD].last_failure, sizeof s.routes[CLOUD].last_failure, amphi_str_from(failure));
    s.facts.needs_images = true;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    amphi_judgement j = judge(&s, CLOUD);
    assert_int_equal(j.reason, AMPHI_REASON_MODE);
    assert_says(j.also, "breaker_open: failed 5 times in a row, left alone for now: cloud: ");
    assert_true(ends_with_whole_word(j.also, failure));
    s.facts.mode = AMPHI_MODE_AUTO;
    j = judge(&s, CLOUD);
    assert_true(ends_with_whole_word(j.why, failure));
}

/* The refusal that a client gets has the room of an error's message, and the same end. */
static void words__of_a_refusal_end_behind_a_whole_one(void **state)
{
    static const char why[] = "this engine could not be started, because its model is unexpectedly "
                              "incompatible with the processor of this device";
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < s.facts.routes_count; i++) {
        s.routes[i].info.available = false;
        amphi__str_copy_to(s.routes[i].info.why, sizeof s.routes[i].info.why, amphi_str_from(why));
    }
    scene_decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
    assert_true(strlen(s.plan.refusal.message) > 160);
    assert_true(ends_with_whole_word(s.plan.refusal.message, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__of_every_reason_that_holds),
        cmocka_unit_test(words__of_a_soft_reason_stay_beside_a_hard_one),
        cmocka_unit_test(words__of_what_is_not_known_are_not_made_up),
        cmocka_unit_test(words__that_do_not_fit_are_cut),
        cmocka_unit_test(words__reach_the_decision),
        cmocka_unit_test(words__that_do_not_fit_end_behind_a_whole_one),
        cmocka_unit_test(words__of_a_refusal_end_behind_a_whole_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
