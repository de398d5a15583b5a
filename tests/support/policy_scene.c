/* SPDX-License-Identifier: Apache-2.0
 *
 * See policy_scene.h.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

void scene_set_route(amphi_policy_route *route, amphi_engine_kind kind, const char *name)
{
    memset(route, 0, sizeof *route);
    route->info.struct_size = sizeof route->info;
    route->info.kind = kind;
    snprintf(route->info.name, sizeof route->info.name, "%s", name);
    route->info.available = true;
    if (kind == AMPHI_ENGINE_LOCAL) {
        route->info.weights_bytes = 400 * MIB;
        route->info.kv_bytes_per_token = 100 << 10; /* 4096 tokens: 400 MiB */
        route->info.scratch_bytes = 100 * MIB;
        route->info.context_tokens_max = 32768;
    }
}

void scene_init(policy_scene *s)
{
    memset(s, 0, sizeof *s);
    amphi__policy_init(&s->policy);
    scene_set_route(&s->routes[0], AMPHI_ENGINE_LOCAL, "local");
    scene_set_route(&s->routes[1], AMPHI_ENGINE_CLOUD, "cloud");
    amphi_device_facts *d = &s->facts.device;
    amphi_device_facts_init(d);
    d->known = AMPHI_FACT_ALL & ~(uint32_t)AMPHI_FACT_BACKGROUND; /* it is in front */
    d->memory_total_bytes = 8192 * MIB;
    d->memory_available_bytes = 6000 * MIB;
    d->battery_percent = 90;
    d->thermal = AMPHI_THERMAL_NOMINAL;
    d->network = AMPHI_NETWORK_FREE;
    d->rtt_ms = 50;
    s->facts.now_ms = 1000;
    s->facts.prompt_tokens = 200;
    s->facts.routes = s->routes;
    s->facts.routes_count = 2;
}

void scene_decide(policy_scene *s)
{
    amphi__policy_explain(&s->plan, &s->policy, &s->facts);
}

void scene_remember(policy_scene *s, uint64_t ms)
{
    for (size_t i = 0; i < s->facts.routes_count; i++)
        s->routes[i].thresholds = s->plan.thresholds[i];
    s->facts.now_ms += ms;
}

const char *scene_order(const policy_scene *s)
{
    static char text[AMPHI_ROUTES_MAX * (AMPHI_NAME_MAX + 2)];
    text[0] = '\0';
    for (size_t i = 0; i < s->plan.steps_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%s", i > 0 ? " " : "",
            s->plan.decision.entries[i].route.route, s->plan.steps[i].last_resort ? "?" : "");
    }
    return text;
}

const amphi_decision_route *scene_entry(const policy_scene *s, const char *name)
{
    for (size_t i = 0; i < s->plan.decision.entries_count; i++)
        if (strcmp(s->plan.decision.entries[i].route.route, name) == 0)
            return &s->plan.decision.entries[i].route;
    fail_msg("no entry for %s", name);
    return NULL;
}

const amphi_plan_step *scene_step(const policy_scene *s, const char *name)
{
    for (size_t i = 0; i < s->plan.steps_count; i++)
        if (strcmp(s->plan.decision.entries[i].route.route, name) == 0)
            return &s->plan.steps[i];
    fail_msg("%s is not in the plan: %s", name, scene_entry(s, name)->why);
    return NULL;
}

void assert_says(const char *sentence, const char *part)
{
    if (strstr(sentence, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", sentence, part);
}

amphi_judgement judge(const policy_scene *s, size_t route)
{
    static amphi_thresholds remembered;
    amphi_judgement j;
    memset(&j, 0xA5, sizeof j); /* everything below `mode` is filled in */
    j.policy = &s->policy;
    j.facts = &s->facts;
    j.route = &s->routes[route];
    j.mode = s->facts.mode != AMPHI_MODE_DEFAULT ? s->facts.mode : AMPHI_MODE_AUTO;
    j.past_breaker = false;
    j.speaks = true;
    j.thresholds = &remembered;
    amphi__route_rules_judge(&j);
    return j;
}

void expect_verdict(const policy_scene *s, size_t route, amphi_verdict verdict, amphi_reason reason,
    const char *words)
{
    amphi_judgement j = judge(s, route);
    if (j.verdict != verdict || j.reason != reason)
        fail_msg("%s: verdict %d, %s: %s", s->routes[route].info.name, j.verdict,
            amphi_reason_name(j.reason), j.why);
    assert_string_equal(verdict == AMPHI_VERDICT_KEEP ? j.notes : j.why, words);
    assert_int_equal(j.step.last_resort, verdict == AMPHI_VERDICT_SOFT);
}

void expect_kept(const policy_scene *s, size_t route, const char *notes)
{
    expect_verdict(s, route, AMPHI_VERDICT_KEEP, AMPHI_REASON_OK, notes);
}

void expect_soft(const policy_scene *s, size_t route, amphi_reason reason, const char *words)
{
    expect_verdict(s, route, AMPHI_VERDICT_SOFT, reason, words);
}

void expect_hard(const policy_scene *s, size_t route, amphi_reason reason, const char *words)
{
    expect_verdict(s, route, AMPHI_VERDICT_HARD, reason, words);
}
