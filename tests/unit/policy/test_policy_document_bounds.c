/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds between fields: what contradicts itself is refused, what is not named follows.
 */
#include "policy/policy_document.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static void relations__contradictions_are_refused_with_both_names(void **state)
{
    static const struct {
        const char *json, *low, *high;
    } cases[] = {
        {"{\"battery\":{\"critical_percent\":30,\"min_percent\":20}}",
            "battery.critical_percent (30)", "battery.min_percent (20)"},
        {"{\"battery\":{\"min_percent\":20,\"resume_percent\":10}}", "battery.min_percent (20)",
            "battery.resume_percent (10)"},
        {"{\"battery\":{\"resume_percent\":10}}", "battery.min_percent (20)",
            "battery.resume_percent (10)"},
        {"{\"battery\":{\"min_percent\":2}}", "battery.critical_percent (3)",
            "battery.min_percent (2)"},
        {"{\"battery\":{\"critical_percent\":50,\"resume_percent\":40}}",
            "battery.min_percent (50)", "battery.resume_percent (40)"},
        {"{\"breaker\":{\"requests_min\":30}}", "breaker.requests_min (30)",
            "breaker.window_requests (20)"},
        {"{\"breaker\":{\"requests_min\":9,\"window_requests\":8}}", "breaker.requests_min (9)",
            "breaker.window_requests (8)"},
        {"{\"crash\":{\"quiet_s\":601}}", "crash.quiet_s (601)", "crash.window_s (600)"},
        {"{\"cloud\":{\"hedge_ms\":200000}}", "cloud.hedge_ms (200000)", "total_ms (120000)"},
        {"{\"total_ms\":900,\"local\":{\"budgets\":{\"idle_ms\":1000}}}",
            "local.budgets.idle_ms (1000)", "total_ms (900)"},
        {"{\"cloud\":{\"budgets\":{\"first_token_ms\":120001}}}", "cloud.budgets.first_token_ms",
            "total_ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy before;
        amphi_error error;
        amphi__policy_init(&before);
        amphi_policy p;
        memcpy(&p, &before, sizeof p); /* with its padding */
        assert_int_equal(
            amphi__policy_apply_json(&p, amphi_str_from(cases[i].json), &error), AMPHI_E_ARGUMENT);
        if (strstr(error.message, cases[i].low) == NULL ||
            strstr(error.message, cases[i].high) == NULL)
            fail_msg("%s: %s", cases[i].json, error.message);
        assert_memory_equal(&p, &before, sizeof p);
    }
}

static void relations__what_is_not_named_follows(void **state)
{
    static const struct {
        const char *json;
        const char *field;
        double value;
    } cases[] = {
        {"{\"battery\":{\"min_percent\":30}}", "battery.resume_percent", 35},
        {"{\"battery\":{\"min_percent\":25}}", "battery.resume_percent", 25},
        {"{\"battery\":{\"min_percent\":98}}", "battery.resume_percent", 100},
        {"{\"battery\":{\"critical_percent\":40}}", "battery.min_percent", 40},
        {"{\"battery\":{\"critical_percent\":40}}", "battery.resume_percent", 45},
        {"{\"battery\":{\"min_percent\":3}}", "battery.critical_percent", 3},
        {"{\"breaker\":{\"window_requests\":4}}", "breaker.requests_min", 4},
        {"{\"crash\":{\"window_s\":60}}", "crash.quiet_s", 60},
        {"{\"total_ms\":3000}", "cloud.budgets.connect_ms", 3000},
        {"{\"total_ms\":3000}", "cloud.budgets.idle_ms", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy p;
        amphi_error error;
        amphi__policy_init(&p);
        if (amphi__policy_apply_json(&p, amphi_str_from(cases[i].json), &error) != AMPHI_OK)
            fail_msg("%s: %s", cases[i].json, error.message);
        const amphi_policy_field *field = amphi__policy_field_named(cases[i].field, NULL);
        if (amphi__policy_field_get(&p, field) != cases[i].value)
            fail_msg("%s: %s is %.0f", cases[i].json, cases[i].field,
                amphi__policy_field_get(&p, field));
    }
}

/* ---- payloads ---- */

static amphi_policy app_with(const char *json)
{
    amphi_policy app;
    amphi_error error;
    amphi__policy_init(&app);
    if (amphi__policy_apply_json(&app, amphi_str_from(json), &error) != AMPHI_OK)
        fail_msg("%s: %s", json, error.message);
    return app;
}

static double value_of(const amphi_policy *policy, const char *name)
{
    return amphi__policy_field_get(policy, amphi__policy_field_named(name, NULL));
}

typedef struct payload_case {
    const char *app, *payload, *field;
    double value;
    const char *held; /* NULL: nothing is */
} payload_case;

static void expect_steered(const payload_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        amphi_policy p = app_with(cases[i].app);
        amphi_buf held;
        amphi_error error;
        amphi__buf_init(&held, 0);
        if (amphi__policy_apply_payload(&p, amphi_str_from(cases[i].payload), &held, &error) !=
            AMPHI_OK)
            fail_msg("%s: %s", cases[i].payload, error.message);
        if (value_of(&p, cases[i].field) != cases[i].value)
            fail_msg("%s on %s: %s is %g", cases[i].payload, cases[i].app, cases[i].field,
                value_of(&p, cases[i].field));
        bool says =
            held.size > 0 && cases[i].held != NULL &&
            amphi__str_find(amphi__buf_str(&held), amphi_str_from(cases[i].held)) != SIZE_MAX;
        if (says != (cases[i].held != NULL) || (cases[i].held == NULL && held.size > 0))
            fail_msg(
                "%s on %s: held: %.*s", cases[i].payload, cases[i].app, (int)held.size, held.data);
        amphi__buf_clear(&held);
    }
}

static void payload__can_only_tighten_what_the_app_closed(void **state)
{
    static const payload_case cases[] = {
        {"{\"cloud\":{\"enabled\":false}}", "{\"cloud\":{\"enabled\":true}}", "cloud.enabled",
            false, "cloud.enabled true became false: a payload may tighten it only"},
        {"{}", "{\"cloud\":{\"enabled\":false}}", "cloud.enabled", false, NULL},
        {"{\"mode\":\"only_local\"}", "{\"mode\":\"only_cloud\"}", "mode", AMPHI_MODE_ONLY_LOCAL,
            "mode \"only_cloud\" became \"only_local\""},
        {"{\"mode\":\"only_local\"}", "{\"mode\":\"auto\"}", "mode", AMPHI_MODE_ONLY_LOCAL, "mode"},
        {"{}", "{\"mode\":\"only_local\"}", "mode", AMPHI_MODE_ONLY_LOCAL, NULL},
        {"{}", "{\"mode\":\"prefer_cloud\"}", "mode", AMPHI_MODE_PREFER_CLOUD, NULL},
        {"{\"network\":{\"metered_allowed\":false}}", "{\"network\":{\"metered_allowed\":true}}",
            "network.metered_allowed", false, "network.metered_allowed"},
        {"{}", "{\"private_history\":\"omit\"}", "private_history", AMPHI_PRIVATE_HISTORY_LOCAL,
            "private_history"},
        {"{\"private_history\":\"omit\"}", "{\"private_history\":\"local\"}", "private_history",
            AMPHI_PRIVATE_HISTORY_LOCAL, NULL},
        {"{}", "{\"only_local_history\":\"send\"}", "only_local_history",
            AMPHI_ONLY_LOCAL_HISTORY_AS_PRIVATE, "only_local_history"},
        {"{}", "{\"system\":{\"private_cloud_trusted\":true}}", "system.private_cloud_trusted",
            false, "system.private_cloud_trusted"},
        {"{\"cost\":{\"day_usd_max\":5}}", "{\"cost\":{\"day_usd_max\":0}}", "cost.day_usd_max", 5,
            "cost.day_usd_max 0 became 5"},
        {"{\"cost\":{\"day_usd_max\":5}}", "{\"cost\":{\"day_usd_max\":6}}", "cost.day_usd_max", 5,
            "cost.day_usd_max"},
        {"{\"cost\":{\"day_usd_max\":5}}", "{\"cost\":{\"day_usd_max\":2.5}}", "cost.day_usd_max",
            2.5, NULL},
        {"{}", "{\"cost\":{\"day_usd_max\":7}}", "cost.day_usd_max", 7, NULL},
        {"{}", "{\"cost\":{\"over\":\"last\"}}", "cost.over", AMPHI_OVER_REFUSE, "cost.over"},
        {"{}", "{\"latency\":{\"over\":\"refuse\"}}", "latency.over", AMPHI_OVER_LAST,
            "latency.over"},
        /* A local engine that the app does not use yet is what gray releases are for. */
        {"{\"local\":{\"enabled\":false}}", "{\"local\":{\"enabled\":true}}", "local.enabled", true,
            NULL},
    };
    expect_steered(cases, sizeof cases / sizeof cases[0]);
}

static void payload__goes_no_further_than_floor_and_ceiling(void **state)
{
    static const payload_case cases[] = {
        {"{}", "{\"cloud\":{\"budgets\":{\"first_token_ms\":1}}}", "cloud.budgets.first_token_ms",
            3000, "cloud.budgets.first_token_ms 1 became 3000: a payload may go no further"},
        {"{}", "{\"cloud\":{\"budgets\":{\"first_token_ms\":0}}}", "cloud.budgets.first_token_ms",
            0, NULL},
        {"{}", "{\"local\":{\"budgets\":{\"first_token_ms\":1}}}", "local.budgets.first_token_ms",
            3000, "local.budgets"},
        {"{}", "{\"latency\":{\"first_token_ms\":1,\"over\":\"refuse\"}}", "latency.first_token_ms",
            500, "latency.over"},
        {"{}", "{\"memory\":{\"max_percent\":1}}", "memory.max_percent", 20,
            "memory.max_percent 1"},
        {"{}", "{\"memory\":{\"max_percent\":20}}", "memory.max_percent", 20, NULL},
        {"{}", "{\"total_ms\":100}", "total_ms", 10000, "total_ms"},
        {"{}", "{\"thermal\":{\"max\":\"critical\"}}", "thermal.max", AMPHI_THERMAL_SERIOUS,
            "thermal.max \"critical\" became \"serious\""},
        {"{}",
            "{\"battery\":{\"critical_percent\":100,\"min_percent\":100,\"resume_percent\":100}}",
            "battery.critical_percent", 20, "battery.critical_percent"},
        {"{}", "{\"battery\":{\"critical_percent\":0}}", "battery.critical_percent", 1,
            "battery.critical_percent"},
        {"{}", "{\"crash\":{\"outside_limit\":0}}", "crash.outside_limit", 10,
            "crash.outside_limit"},
        /* The app's own value is always within reach. */
        {"{\"memory\":{\"max_percent\":10}}", "{\"memory\":{\"max_percent\":12}}",
            "memory.max_percent", 12, NULL},
        {"{\"cloud\":{\"hedge_ms\":50}}", "{\"cloud\":{\"hedge_ms\":20}}", "cloud.hedge_ms", 50,
            "cloud.hedge_ms"},
        {"{}", "{\"cloud\":{\"hedge_ms\":20}}", "cloud.hedge_ms", 500, "cloud.hedge_ms"},
    };
    expect_steered(cases, sizeof cases / sizeof cases[0]);
}

static void payload__leaves_what_is_pinned_and_takes_the_rest(void **state)
{
#define PINS "{\"pinned\":[\"battery\",\"total_ms\"],\"total_ms\":50000}"
    static const payload_case cases[] = {
        {PINS, "{\"total_ms\":60000,\"local\":{\"enabled\":false}}", "total_ms", 50000,
            "total_ms 60000 became 50000: pinned"},
        {PINS, "{\"total_ms\":60000,\"local\":{\"enabled\":false}}", "local.enabled", false,
            "pinned"},
        {PINS, "{\"battery\":{\"min_percent\":50}}", "battery.min_percent", 20, "pinned"},
        {PINS, "{\"battery\":{\"min_percent\":20}}", "battery.min_percent", 20, NULL},
        {PINS, "{\"cloud\":{\"budgets\":{\"idle_ms\":70000}}}", "cloud.budgets.idle_ms", 50000,
            "cloud.budgets.idle_ms 70000 became 50000: total_ms"},
    };
    expect_steered(cases, sizeof cases / sizeof cases[0]);
#undef PINS
}

static void payload__that_contradicts_the_app_is_settled(void **state)
{
    static const payload_case cases[] = {
        {"{\"battery\":{\"min_percent\":20,\"resume_percent\":21}}",
            "{\"battery\":{\"min_percent\":40}}", "battery.resume_percent", 45, NULL},
        {"{\"battery\":{\"critical_percent\":10}}", "{\"battery\":{\"min_percent\":6}}",
            "battery.min_percent", 10, "battery.min_percent 6 became 10: battery.critical_percent"},
        {"{}", "{\"breaker\":{\"requests_min\":30}}", "breaker.requests_min", 20,
            "breaker.requests_min 30 became 20: breaker.window_requests"},
        {"{}", "{\"breaker\":{\"window_requests\":6}}", "breaker.requests_min", 6, NULL},
        {"{\"total_ms\":60000,\"cloud\":{\"hedge_ms\":50000}}", "{\"total_ms\":20000}",
            "cloud.hedge_ms", 20000, NULL},
    };
    expect_steered(cases, sizeof cases / sizeof cases[0]);
}

static void payload__with_a_mistake_is_refused_as_a_whole(void **state)
{
    static const char *const wrong[] = {"{\"local\":{\"enabled\":false},\"nope\":1}", "[]", "",
        "{\"local\":{\"enabled\":false},\"pinned\":[]}", "{\"memory\":{\"max_percent\":0}}",
        "{\"mode\":\"auto\",\"mode\":\"auto\"}",
        "{\"battery\":{\"critical_percent\":30,\"min_percent\":20}}"};
    amphi_policy before = app_with("{}");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        amphi_policy p;
        memcpy(&p, &before, sizeof p); /* with its padding */
        amphi_error error;
        amphi_buf held;
        amphi__buf_init(&held, 0);
        assert_int_not_equal(
            amphi__policy_apply_payload(&p, amphi_str_from(wrong[i]), &held, &error), AMPHI_OK);
        assert_true(error.message[0] != '\0');
        assert_memory_equal(&p, &before, sizeof p);
        amphi__buf_clear(&held);
    }
}

/* ---- every field, whatever app and payload say ---- */

static uint64_t random_state = 20;

static uint32_t roll(uint32_t sides)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % sides);
}

/* Ends, values just inside, and any. */
static double roll_value(const amphi_policy_field *f)
{
    double step = f->type == AMPHI_POLICY_FLOAT || f->type == AMPHI_POLICY_USD ? 0.25 : 1;
    double value = f->low + (double)(uint64_t)((f->high - f->low) * roll(1001) / 1000);
    switch (roll(5)) {
    case 0:
        return f->low;
    case 1:
        return f->high;
    case 2:
        return f->low + step <= f->high ? f->low + step : f->low;
    case 3:
        return f->otherwise;
    default:
        return value;
    }
}

/* A random document of `count` fields, without contradictions between its own. */
static void roll_document(
    amphi_policy *out, amphi_policy_set *named, amphi_buf *json, uint32_t count)
{
    size_t fields_count;
    amphi_policy plain;
    amphi_error error;
    const amphi_policy_field *fields = amphi__policy_fields(&fields_count);
    do {
        amphi_json_writer writer;
        amphi__policy_init(out);
        amphi__policy_init(&plain);
        memset(named, 0, sizeof *named);
        amphi__buf_truncate(json, 0);
        for (uint32_t i = 0; i < count; i++) {
            size_t at = roll((uint32_t)fields_count);
            amphi__policy_set_add(named, at);
            amphi__policy_field_set(out, &fields[at], roll_value(&fields[at]));
        }
        amphi__json_writer_init(&writer, json);
        amphi__policy_put_named(&writer, out, named);
    } while (amphi__policy_apply_json(&plain, amphi__buf_str(json), &error) != AMPHI_OK);
    *out = plain;
}

/* A field that another one bounds may have that one's value. */
static bool yielded(const amphi_policy *policy, const char *name, double now)
{
    static const char *const pairs[][2] = {{"battery.", "battery.critical_percent"},
        {"battery.", "battery.min_percent"}, {"breaker.requests_min", "breaker.window_requests"},
        {"crash.quiet_s", "crash.window_s"}, {"local.budgets.", "total_ms"},
        {"cloud.", "total_ms"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (strncmp(name, pairs[i][0], strlen(pairs[i][0])) == 0 &&
            now == value_of(policy, pairs[i][1]))
            return true;
    return false;
}

static void check_field(
    const amphi_policy *policy, const amphi_policy_field *f, double own, double now)
{
    bool none = (f->steer == AMPHI_STEER_FREE_OR_0 || f->steer == AMPHI_STEER_BOUND);
    double low = none && own == 0 ? f->floor : own < f->floor ? own : f->floor;
    double high = own > f->ceiling ? own : f->ceiling;
    bool is_within = (now >= low && now <= high) || (none && now == 0) || now == own ||
                     yielded(policy, f->name, now);
    bool is_no_looser = true;
    if (f->steer == AMPHI_STEER_DOWN)
        is_no_looser = now <= own;
    else if (f->steer == AMPHI_STEER_UP)
        is_no_looser = now >= own;
    else if (f->steer == AMPHI_STEER_BOUND)
        is_no_looser = own == 0 || (now > 0 && now <= own);
    else if (f->steer == AMPHI_STEER_MODE)
        is_no_looser = own != AMPHI_MODE_ONLY_LOCAL || now == own;
    if (!is_within || !is_no_looser)
        fail_msg("%s: %g where the app has %g", f->name, now, own);
}

static void payload__whatever_it_says_stays_within_the_app_s_bounds(void **state)
{
    size_t count;
    unsigned pinned_seen = 0;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    amphi_buf app_json;
    amphi_buf json;
    amphi_buf held;
    amphi__buf_init(&app_json, 0);
    amphi__buf_init(&json, 0);
    amphi__buf_init(&held, 0);
    for (unsigned round = 0; round < 4000; round++) {
        amphi_policy app;
        amphi_policy wanted;
        amphi_policy_set app_named;
        amphi_policy_set named;
        amphi_error error;
        roll_document(&app, &app_named, &app_json, roll(6));
        roll_document(&wanted, &named, &json, 1 + roll(8));
        for (unsigned i = 0; i < round % 3; i++)
            amphi__policy_set_add(&app.pinned, roll((uint32_t)count));
        amphi_policy p = app;
        amphi__buf_truncate(&held, 0);
        if (amphi__policy_apply_payload(&p, amphi__buf_str(&json), &held, &error) != AMPHI_OK)
            fail_msg("%s: %s", json.data, error.message);
        for (size_t i = 0; i < count; i++) {
            double own = amphi__policy_field_get(&app, &fields[i]);
            double now = amphi__policy_field_get(&p, &fields[i]);
            if (amphi__policy_set_has(&app.pinned, i)) {
                assert_true(now == own);
                pinned_seen += amphi__policy_set_has(&named, i);
            } else if (amphi__policy_set_has(&named, i)) {
                check_field(&p, &fields[i], own, now);
            }
        }
        amphi_policy settled = p; /* nothing that contradicts itself comes out */
        amphi_policy_set none = {{0}};
        if (amphi__policy_relate(&settled, &none, &error) != AMPHI_OK ||
            memcmp(&settled, &p, sizeof p) != 0)
            fail_msg("%s on %s contradicts itself", json.data, app_json.data);
    }
    assert_true(pinned_seen > 50);
    amphi__buf_clear(&app_json);
    amphi__buf_clear(&json);
    amphi__buf_clear(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relations__contradictions_are_refused_with_both_names),
        cmocka_unit_test(relations__what_is_not_named_follows),
        cmocka_unit_test(payload__can_only_tighten_what_the_app_closed),
        cmocka_unit_test(payload__goes_no_further_than_floor_and_ceiling),
        cmocka_unit_test(payload__leaves_what_is_pinned_and_takes_the_rest),
        cmocka_unit_test(payload__that_contradicts_the_app_is_settled),
        cmocka_unit_test(payload__with_a_mistake_is_refused_as_a_whole),
        cmocka_unit_test(payload__whatever_it_says_stays_within_the_app_s_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
