/* SPDX-License-Identifier: Apache-2.0
 *
 * A situation for the policy: facts of a device, a request and its routes, and the plan that is
 * made of them. For tests of policy/decide.c and policy/route_rules.c.
 */
#ifndef AMPHI_TESTS_POLICY_SCENE_H
#define AMPHI_TESTS_POLICY_SCENE_H

#include "policy/route_rules.h"

enum { LOCAL = 0, CLOUD = 1 }; /* the routes */

#define MIB (1ull << 20)

typedef struct policy_scene {
    amphi_policy policy;
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    amphi_policy_facts facts;
    amphi_plan plan;
} policy_scene;

/* One local engine (route 0, "local") and one endpoint (route 1, "cloud") on a healthy device. */
void scene_init(policy_scene *s);
/* A route as healthy as those, without a past. */
void scene_set_route(amphi_policy_route *route, amphi_engine_kind kind, const char *name);
void scene_decide(policy_scene *s);
/* The decision was a real one: its routes remember their thresholds, and `ms` pass. */
void scene_remember(policy_scene *s, uint64_t ms);

/* The plan as text: "local cloud", a last resort with a "?". Valid until the next call. */
const char *scene_order(const policy_scene *s);
/* A route's entry in the decision; the test fails when there is none. */
const amphi_decision_route *scene_entry(const policy_scene *s, const char *name);
/* A route's step in the plan; the test fails when it was refused. */
const amphi_plan_step *scene_step(const policy_scene *s, const char *name);
void assert_says(const char *sentence, const char *part);

/* What the rules say of one route. */
amphi_judgement judge(const policy_scene *s, size_t route);
/* The same asserted; words: the whole `why`, or the whole `notes` of a route that is kept. */
void expect_verdict(const policy_scene *s, size_t route, amphi_verdict verdict, amphi_reason reason,
    const char *words);
void expect_kept(const policy_scene *s, size_t route, const char *notes);
void expect_soft(const policy_scene *s, size_t route, amphi_reason reason, const char *words);
void expect_hard(const policy_scene *s, size_t route, amphi_reason reason, const char *words);

#endif
