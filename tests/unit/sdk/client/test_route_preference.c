/* SPDX-License-Identifier: Apache-2.0
 *
 * Which routes may answer, as a request says it: plans made by hand, reordered.
 */
#include "sdk/client/route_preference.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* local, a (m-1), b (m-2), c (m-1); c is refused: its breaker is open. */
enum { ROUTES = 4 };
static amphi_policy_route routes[AMPHI_ROUTES_MAX];
static const char *const names[ROUTES] = {"local", "a", "b", "c"};
static const char *const models[ROUTES] = {"help", "m-1", "m-2", "m-1"};

static void add(amphi_plan *plan, size_t route, bool kept, amphi_reason reason)
{
    amphi_decision_route *entry = &plan->decision.entries[plan->decision.entries_count++].route;
    amphi__str_copy_to(entry->route, sizeof entry->route, amphi_str_from(names[route]));
    amphi__str_copy_to(entry->why, sizeof entry->why, AMPHI_STR("because"));
    entry->kept = kept;
    entry->reason = reason;
    if (kept) {
        plan->steps[plan->steps_count].route = (uint8_t)route;
        plan->steps[plan->steps_count].hedge_ms = 50;
        plan->steps[plan->steps_count++].last_resort = route == 0;
    }
}

static void make_plan(amphi_plan *plan)
{
    memset(routes, 0, sizeof routes);
    memset(plan, 0, sizeof *plan);
    for (size_t i = 0; i < ROUTES; i++) {
        routes[i].info.kind = i == 0 ? AMPHI_ENGINE_LOCAL : AMPHI_ENGINE_CLOUD;
        amphi__str_copy_to(
            routes[i].info.name, sizeof routes[i].info.name, amphi_str_from(names[i]));
        amphi__str_copy_to(
            routes[i].info.model, sizeof routes[i].info.model, amphi_str_from(models[i]));
    }
    add(plan, 1, true, AMPHI_REASON_OK);
    add(plan, 2, true, AMPHI_REASON_OK);
    add(plan, 0, true, AMPHI_REASON_BATTERY_LOW);
    add(plan, 3, false, AMPHI_REASON_BREAKER_OPEN);
}

/* The plan's routes by name, then "|", then the refused ones. */
static void write_order(const amphi_plan *plan, char out[64])
{
    size_t used = 0;
    for (size_t i = 0; i < plan->decision.entries_count; i++) {
        const amphi_decision_route *entry = &plan->decision.entries[i].route;
        if (i < plan->steps_count) {
            assert_true(entry->kept);
            assert_string_equal(entry->route, names[plan->steps[i].route]);
        } else {
            assert_false(entry->kept);
        }
        used += (size_t)snprintf(out + used, 64 - used, "%s%s",
            i == plan->steps_count ? "|"
            : i > 0                ? " "
                                   : "",
            entry->route);
    }
}

/* Of the second route: it has several. */
static const char *const lists[ROUTES] = {"", "", "m-2|m-2-mini|m-2-pro", ""};

static void expect(const char *body, amphi_status status, const char *order)
{
    amphi_plan plan;
    amphi_preference preference;
    amphi_error error;
    amphi_json *root = NULL;
    char got[64] = "";
    make_plan(&plan);
    assert_int_equal(amphi__json_parse(&root, amphi_str_from(body), "body", NULL), AMPHI_OK);
    assert_int_equal(amphi__preference_check(root, &error), AMPHI_OK);
    assert_int_equal(
        amphi__preference_read(&preference, root, routes, lists, ROUTES, &error), status);
    amphi__preference_apply(&plan, &preference, routes, 70);
    write_order(&plan, got);
    assert_string_equal(got, order);
    assert_int_equal(plan.decision.entries_count, ROUTES);
    if (plan.steps_count == 0)
        assert_int_not_equal(plan.refusal.status, AMPHI_OK);
    amphi__json_free(root);
}

static void preference__none_changes_nothing(void **state)
{
    expect("{}", AMPHI_OK, "a b local|c");
    expect("{\"model\":\"gpt-9\"}", AMPHI_OK, "a b local|c");
    expect("{\"model\":\"\",\"fallbacks\":null}", AMPHI_OK, "a b local|c");
    expect("{\"model\":7}", AMPHI_OK, "a b local|c");
}

static void preference__model_names_a_route_or_what_it_runs(void **state)
{
    expect("{\"model\":\"b\"}", AMPHI_OK, "b a local|c");
    expect("{\"model\":\"m-2\"}", AMPHI_OK, "b a local|c");
    expect("{\"model\":\"local\"}", AMPHI_OK, "local a b|c");
    expect("{\"model\":\"m-2-pro\"}", AMPHI_OK, "b a local|c"); /* one of several */
    expect("{\"model\":\"m-2|m-2-mini\"}", AMPHI_OK, "a b local|c");
    expect("{\"model\":\"m-1\"}", AMPHI_OK, "a b local|c"); /* two run it: the policy's first */
}

static void preference__fallbacks_are_the_only_others_in_their_order(void **state)
{
    expect("{\"model\":\"b\",\"fallbacks\":[\"local\",\"a\"]}", AMPHI_OK, "b local a|c");
    expect("{\"model\":\"b\",\"fallbacks\":[\"a\"]}", AMPHI_OK, "b a|local c");
    expect("{\"model\":\"b\",\"fallbacks\":[]}", AMPHI_OK, "b|a local c");
    expect("{\"fallbacks\":[\"local\"]}", AMPHI_OK, "a local|b c");
    expect("{\"fallbacks\":[\"a\",\"a\",\"m-1\"]}", AMPHI_OK, "a|b local c");
    expect("{\"model\":\"x\",\"fallbacks\":[\"m-2\"]}", AMPHI_OK, "a b|local c");
}

static void preference__what_the_policy_refused_does_not_come_back(void **state)
{
    expect("{\"model\":\"c\"}", AMPHI_OK, "a b local|c");
    expect("{\"model\":\"c\",\"fallbacks\":[\"b\"]}", AMPHI_OK, "b|a local c");
    expect("{\"model\":\"b\",\"fallbacks\":[\"c\"]}", AMPHI_OK, "b|a local c");
    amphi_plan plan;
    amphi_preference only_c = {.first = 1u << 3, .exclusive = true};
    make_plan(&plan);
    amphi__preference_apply(&plan, &only_c, routes, 0);
    assert_int_equal(plan.steps_count, 0);
    assert_int_equal(plan.refusal.status, AMPHI_E_BUSY);
    assert_non_null(strstr(plan.refusal.message, "c: because"));
}

static void preference__a_plan_may_be_restricted_to_some_routes(void **state)
{
    amphi_plan plan;
    char got[64] = "";
    make_plan(&plan);
    amphi__preference_restrict(&plan, UINT64_C(1) << 2 | UINT64_C(1) << 3, routes, 0);
    write_order(&plan, got);
    assert_string_equal(got, "b|a local c");
    assert_int_equal(plan.decision.routes_count, ROUTES); /* what a record shows follows */
    for (size_t i = 0; i < ROUTES; i++)
        assert_string_equal(plan.decision.routes[i].route, plan.decision.entries[i].route.route);
    make_plan(&plan);
    amphi__preference_restrict(&plan, UINT64_C(1) << 3, routes, 0);
    assert_int_equal(plan.steps_count, 0);
    assert_int_equal(plan.refusal.status, AMPHI_E_BUSY);
}

static void preference__unknown_fallback_is_named_by_its_place(void **state)
{
    amphi_json *root = NULL;
    amphi_preference preference;
    amphi_error error;
    expect("{\"fallbacks\":[\"b\",\"nobody\"]}", AMPHI_E_ARGUMENT, "a b|local c");
    amphi__json_parse(&root, AMPHI_STR("{\"fallbacks\":[\"b\",\"nobody\"]}"), "body", NULL);
    amphi__preference_read(&preference, root, routes, lists, ROUTES, &error);
    assert_true(strncmp(error.message, "fallbacks[1]:", 13) == 0);
    assert_null(strstr(error.message, "nobody")); /* a user's words are no message */
    amphi__json_free(root);
}

static void preference__form_is_checked_and_bounded(void **state)
{
    char many[16 + 5 * (AMPHI_ROUTES_MAX + 1)] = "{\"fallbacks\":[\"a\"";
    const char *const bad[] = {"{\"fallbacks\":\"a\"}", "{\"fallbacks\":{}}", "{\"fallbacks\":[1]}",
        "{\"fallbacks\":[\"\"]}", "{\"fallbacks\":[null]}", many};
    for (int i = 0; i < AMPHI_ROUTES_MAX; i++)
        strcat(many, ",\"a\"");
    strcat(many, "]}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        amphi_json *root = NULL;
        amphi_error error;
        amphi__json_parse(&root, amphi_str_from(bad[i]), "body", NULL);
        assert_int_equal(amphi__preference_check(root, &error), AMPHI_E_ARGUMENT);
        assert_true(strncmp(error.message, "fallbacks", 9) == 0);
        amphi__json_free(root);
    }
}

static void preference__hedges_follow_the_new_order(void **state)
{
    amphi_plan plan;
    amphi_preference b_then_a = {
        .first = 1u << 2, .exclusive = true, .fallbacks = {1u << 1}, .fallbacks_count = 1};
    make_plan(&plan);
    amphi__preference_apply(&plan, &b_then_a, routes, 70);
    assert_int_equal(plan.steps[0].hedge_ms, 70);
    assert_int_equal(plan.steps[1].hedge_ms, 0); /* no route follows it */
    amphi_preference b_then_local = {
        .first = 1u << 2, .exclusive = true, .fallbacks = {1u << 0}, .fallbacks_count = 1};
    make_plan(&plan);
    amphi__preference_apply(&plan, &b_then_local, routes, 70);
    assert_int_equal(plan.steps[0].hedge_ms, 0); /* never to a last resort */
    make_plan(&plan);
    routes[1].info.kind = AMPHI_ENGINE_SYSTEM;
    amphi__preference_apply(&plan, &b_then_a, routes, 70);
    assert_int_equal(plan.steps[0].hedge_ms, 0); /* nor to a system's model */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preference__none_changes_nothing),
        cmocka_unit_test(preference__model_names_a_route_or_what_it_runs),
        cmocka_unit_test(preference__fallbacks_are_the_only_others_in_their_order),
        cmocka_unit_test(preference__what_the_policy_refused_does_not_come_back),
        cmocka_unit_test(preference__a_plan_may_be_restricted_to_some_routes),
        cmocka_unit_test(preference__unknown_fallback_is_named_by_its_place),
        cmocka_unit_test(preference__form_is_checked_and_bounded),
        cmocka_unit_test(preference__hedges_follow_the_new_order),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.route_preference", tests, NULL, NULL);
}
