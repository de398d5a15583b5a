/* SPDX-License-Identifier: Apache-2.0
 *
 * Promises of the decision, held over 100,000 random situations.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t random_state;

static uint32_t roll(uint32_t sides)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % sides);
}

static uint64_t roll_bytes(void)
{
    static const uint64_t sizes[] = {0, 1, 4096, 100 * MIB, 2048 * MIB, 16384 * MIB, UINT64_MAX};
    return roll(4) == 0 ? sizes[roll(7)] : (uint64_t)roll(1 << 30) * (1 + roll(16));
}

static void roll_name(char *out, size_t size)
{
    size_t length = roll(10) == 0 ? size : roll((uint32_t)size); /* some without a NUL */
    for (size_t i = 0; i < size; i++)
        out[i] = i < length ? (char)(roll(20) == 0 ? roll(256) : 'a' + roll(26)) : '\0';
}

static void roll_route(amphi_policy_route *r)
{
    memset(r, 0, sizeof *r);
    r->info.kind = (amphi_engine_kind)(1 + roll(2));
    roll_name(r->info.name, sizeof r->info.name);
    roll_name(r->info.why, sizeof r->info.why);
    r->info.available = roll(5) != 0;
    r->info.ready = roll(2) != 0;
    r->info.weights_bytes = roll_bytes();
    r->info.kv_bytes_per_token = roll(3) == 0 ? roll_bytes() : roll(1 << 18);
    r->info.scratch_bytes = roll_bytes();
    r->info.context_tokens_max = roll(3) == 0 ? 0 : roll(200000);
    r->info.tools = roll(2) != 0;
    r->info.images = roll(2) != 0;
    r->info.audio = roll(2) != 0;
    r->info.priority = roll(3);
    r->info.weight = roll(5);
    r->breaker.open = roll(4) == 0;
    r->breaker.probe = roll(4) == 0;
    r->breaker.of = roll(64);
    r->breaker.failed = roll(64);
    r->breaker.left_ms = roll(20000);
    r->crash.crashes = roll(5);
    r->crash.crashes_early = roll(4);
    r->crash.crashes_plain = roll(4);
    r->crash.kills_memory = roll(4);
    r->crash.forgiven = roll(3);
    r->crash.kills_outside = roll(210);
    r->thresholds.judged = roll(1u << AMPHI_THRESHOLD_COUNT);
    r->thresholds.over = roll(1u << AMPHI_THRESHOLD_COUNT);
    for (size_t i = 0; i < AMPHI_THRESHOLD_COUNT; i++) {
        r->thresholds.changed_ms[i] = roll(2) * roll(100000);
        r->thresholds.seen_ms[i] = roll(2) * roll(100000);
    }
    r->thresholds.room_bytes = roll_bytes();
    r->thresholds.room_ms = roll(2) * roll(100000);
    r->needs_no_network = roll(4) == 0;
    r->price = (amphi_price){.is_known = roll(3) != 0,
        .prompt = roll(2) * roll_bytes(),
        .completion = roll(2) * roll_bytes(),
        .cached = roll(2) * roll_bytes()};
    r->pace = (amphi_policy_pace){.answers = roll(30),
        .first_token_ms = roll(3000),
        .tokens_per_second = (float)roll(100),
        .answer_tokens = roll(2000)};
}

static void roll_scene(policy_scene *s)
{
    memset(s, 0, sizeof *s);
    amphi__policy_init(&s->policy);
    s->policy.mode = (amphi_mode)roll(6);
    s->policy.local_enabled = roll(8) != 0;
    s->policy.cloud_enabled = roll(8) != 0;
    s->policy.battery_min_percent = (uint8_t)roll(101);
    s->policy.battery_resume_percent = (uint8_t)roll(101);
    s->policy.thermal_max = (amphi_thermal)(1 + roll(4));
    s->policy.memory_max_percent = (uint8_t)(1 + roll(100));
    s->policy.memory_unload_percent = (uint8_t)(1 + roll(100));
    s->policy.memory_spare_percent = (uint8_t)(1 + roll(100));
    s->policy.metered_allowed = roll(2) != 0;
    s->policy.local_context_tokens_max = 64 + roll(1 << 20);
    s->policy.hedge_ms = roll(2) * 100;
    s->policy.cost_day_max = roll(4) == 0 ? roll_bytes() : 0;
    s->policy.cost_over = (amphi_over)roll(2);
    s->policy.latency_first_token_ms = roll(4) == 0 ? roll(3000) : 0;
    s->policy.latency_tokens_per_second = (float)(roll(4) == 0 ? roll(100) : 0);
    s->policy.latency_over = (amphi_over)roll(2);
    s->facts.spent.microdollars = roll(2) * roll_bytes();
    s->facts.spent.reserved = roll(2) * roll_bytes();
    amphi_device_facts *d = &s->facts.device;
    d->known = roll(AMPHI_FACT_ALL + 1);
    d->memory_total_bytes = roll_bytes();
    d->memory_available_bytes = roll_bytes();
    d->battery_percent = (uint8_t)roll(256);
    d->charging = roll(2) != 0;
    d->thermal = (amphi_thermal)roll(5);
    d->network = (amphi_network)roll(4);
    d->rtt_ms = roll(5000);
    d->memory_pressure = (uint8_t)roll(4);
    s->facts.mode = (amphi_mode)roll(6);
    s->facts.is_private = roll(3) == 0;
    s->facts.history_turns = roll(3) == 0 ? 1 + roll(100) : 0;
    s->facts.history_privacy = (amphi_privacy)(1 + roll(2));
    s->facts.omitted_turns = roll(3) == 0 ? roll(100) : 0;
    s->facts.needs_tools = roll(4) == 0;
    s->facts.needs_images = roll(4) == 0;
    s->facts.needs_audio = roll(4) == 0;
    s->facts.prompt_tokens = roll(10) == 0 ? UINT32_MAX : roll(20000);
    s->facts.answer_tokens_max = roll(3) == 0 ? 0 : roll(5000);
    s->facts.now_ms = roll(2) * roll(200000);
    s->facts.draw = roll(2) == 0 ? 0 : random_state;
    s->facts.routes = s->routes;
    s->facts.routes_count =
        roll(8) == 0 ? roll(AMPHI_ROUTES_MAX + 3) : roll(19); /* too many, too */
    for (size_t i = 0; i < AMPHI_ROUTES_MAX && i < s->facts.routes_count; i++)
        roll_route(&s->routes[i]);
}

/* Nothing is spent beyond a budget that refuses, and no last resort is anything but last. */
static void check_budget(const policy_scene *s, const amphi_plan_step *one)
{
    const amphi_policy_route *route = &s->routes[one->route];
    const amphi_price *price = &route->price;
    bool costs =
        !price->is_known || price->prompt > 0 || price->completion > 0 || price->cached > 0;
    if (route->info.kind == AMPHI_ENGINE_CLOUD && costs && s->policy.cost_day_max > 0 &&
        (s->facts.spent.microdollars >= s->policy.cost_day_max ||
            s->facts.spent.reserved >= s->policy.cost_day_max))
        assert_true(s->policy.cost_over == AMPHI_OVER_LAST && one->last_resort);
    if (s->policy.latency_first_token_ms > 0 &&
        route->pace.first_token_ms > s->policy.latency_first_token_ms &&
        (s->facts.now_ms == 0 || route->thresholds.judged == 0)) /* no dwell keeps it */
        assert_true(s->policy.latency_over == AMPHI_OVER_LAST && one->last_resort);
}

static void check_step(const policy_scene *s, size_t i, amphi_mode mode)
{
    const amphi_plan_step *one = &s->plan.steps[i];
    assert_in_range(one->route, 0, AMPHI_ROUTES_MAX - 1);
    const amphi_policy_route *route = &s->routes[one->route];
    bool local = route->info.kind == AMPHI_ENGINE_LOCAL;
    assert_true(s->plan.decision.entries[i].route.kept);
    assert_true(route->info.available);
    assert_true(local || !(s->facts.is_private || s->facts.history_turns > 0));
    assert_true(local ? mode != AMPHI_MODE_ONLY_CLOUD : mode != AMPHI_MODE_ONLY_LOCAL);
    assert_true(local ? s->policy.local_enabled : s->policy.cloud_enabled);
    assert_true(one->hedge_ms == 0 || (!local && !s->facts.is_private));
    assert_true(one->budgets.total_ms > 0 && one->budgets.idle_ms > 0);
    assert_true(one->budgets.first_token_ms > 0);
    assert_true(i == 0 || one->last_resort || !s->plan.steps[i - 1].last_resort);
    check_budget(s, one);
    uint32_t known = s->facts.device.known;
    if (local && (known & AMPHI_FACT_THERMAL) != 0)
        assert_true(s->facts.device.thermal != AMPHI_THERMAL_CRITICAL);
    if (local)
        assert_true(one->context_tokens_max > s->facts.prompt_tokens);
    if (!local && (known & AMPHI_FACT_NETWORK) != 0 && !route->needs_no_network)
        assert_true(s->facts.device.network != AMPHI_NETWORK_NONE);
}

static void check_promises(const policy_scene *s)
{
    size_t count =
        s->facts.routes_count < AMPHI_ROUTES_MAX ? s->facts.routes_count : AMPHI_ROUTES_MAX;
    const amphi_decision *d = &s->plan.decision;
    amphi_mode mode = s->facts.mode != AMPHI_MODE_DEFAULT    ? s->facts.mode
                      : s->policy.mode != AMPHI_MODE_DEFAULT ? s->policy.mode
                                                             : AMPHI_MODE_AUTO;
    assert_int_equal(d->entries_count, count);
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(d->entries[i].route.why[0] != '\0');
        assert_true(memchr(d->entries[i].route.why, '\0', sizeof d->entries[i].route.why) != NULL);
        assert_true(
            memchr(d->entries[i].route.route, '\0', sizeof d->entries[i].route.route) != NULL);
        assert_true(d->entries[i].route.reason < AMPHI_REASON_COUNT);
        assert_true(d->entries[i].route.reason == AMPHI_REASON_OK ||
                    (d->entries[i].reasons >> d->entries[i].route.reason & 1) != 0);
        assert_int_equal(d->entries[i].route.kept, i < s->plan.steps_count);
        assert_true(d->entries[i].route.kept || d->entries[i].route.reason != AMPHI_REASON_OK);
    }
    for (size_t i = 0; i < s->plan.steps_count; i++) {
        check_step(s, i, mode);
        uint64_t bit = (uint64_t)1 << s->plan.steps[i].route;
        assert_true((seen & bit) == 0); /* each route once */
        seen |= bit;
    }
    assert_int_equal(s->plan.refusal.status == AMPHI_OK, s->plan.steps_count > 0);
    assert_true(s->plan.steps_count > 0 || s->plan.refusal.message[0] != '\0');
    if (s->facts.is_private)
        assert_true(s->plan.refusal.status != AMPHI_E_OFFLINE);
}

/* Words change nothing. */
static void check_same_plan(const amphi_plan *without, const policy_scene *s)
{
    const amphi_plan *with = &s->plan;
    size_t count =
        s->facts.routes_count < AMPHI_ROUTES_MAX ? s->facts.routes_count : AMPHI_ROUTES_MAX;
    assert_int_equal(without->steps_count, with->steps_count);
    assert_memory_equal(without->steps, with->steps, with->steps_count * sizeof with->steps[0]);
    assert_memory_equal(without->thresholds, with->thresholds, count * sizeof with->thresholds[0]);
    assert_int_equal(without->refusal.status, with->refusal.status);
    assert_int_equal(without->refusal.retry_after_ms, with->refusal.retry_after_ms);
}

static void promises__hold_over_random_facts(void **state)
{
    static policy_scene s;
    static amphi_plan again;
    unsigned with_steps = 0;
    random_state = 20240601;
    for (unsigned i = 0; i < 100000; i++) {
        roll_scene(&s);
        scene_decide(&s);
        check_promises(&s);
        with_steps += s.plan.steps_count > 0;
        memset(&again, 0xa5, sizeof again);
        amphi__policy_explain(&again, &s.policy, &s.facts);
        assert_memory_equal(&again, &s.plan, sizeof again); /* pure: bit for bit */
        memset(&again, 0xa5, sizeof again);
        amphi__policy_decide(&again, &s.policy, &s.facts);
        check_same_plan(&again, &s);
    }
    assert_in_range(with_steps, 10000, 90000); /* the dice are fair enough to test both ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises__hold_over_random_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
