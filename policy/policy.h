/* SPDX-License-Identifier: Apache-2.0
 *
 * Front header of the router. amphi__policy_decide is a pure function: facts in, an ordered plan
 * with reasons out; no I/O, no clock, no allocation, no globals. So every decision can be
 * explained, recorded, replayed and simulated.
 */
#ifndef AMPHI_POLICY_POLICY_H
#define AMPHI_POLICY_POLICY_H

#include "policy/rollback.h"
#include "policy/thresholds.h"
#include "sdk/core/buf.h"
#include "sdk/core/log.h"
#include "sdk/core/price.h"

#include <amphi/chat.h>
#include <amphi/ext/clock.h>
#include <amphi/ext/device.h>
#include <amphi/ext/engine.h>
#include <amphi/ext/http.h>
#include <amphi/ext/store.h>

/* ---- the policy document: every field has a default and limits (policy/policy_document.c, and the
 * reference page sdk/docs/policy.md) ---- */

/* What a conversation's private turns mean for its later requests. */
typedef enum amphi_private_history {
    AMPHI_PRIVATE_HISTORY_LOCAL =
        0, /* "local": they are in the prompt, so only this device answers */
    AMPHI_PRIVATE_HISTORY_OMIT = 1 /* "omit": they are left out, whatever the route */
} amphi_private_history;

/* The same for turns that were said in mode only_local. */
typedef enum amphi_only_local_history {
    AMPHI_ONLY_LOCAL_HISTORY_AS_PRIVATE = 0, /* "as_private": as private ones */
    AMPHI_ONLY_LOCAL_HISTORY_SEND = 1        /* "send": any route gets them */
} amphi_only_local_history;

/* What happens to a route that is over a budget or a wish. */
typedef enum amphi_over {
    AMPHI_OVER_REFUSE = 0, /* "refuse": left out of the plan */
    AMPHI_OVER_LAST = 1    /* "last": a last resort, behind every other route */
} amphi_over;

/* Fields of the document: bit i for the table's i-th. */
#define AMPHI_POLICY_FIELDS_MAX 256u
typedef struct amphi_policy_set {
    uint64_t bits[AMPHI_POLICY_FIELDS_MAX / 64];
} amphi_policy_set;
/* Which judge may move a local answer to the cloud before it is shown (policy/handoff.c). */
typedef enum amphi_handoff_judge {
    AMPHI_HANDOFF_OFF = 0,  /* "off": none */
    AMPHI_HANDOFF_HEAD = 1, /* "head": one that was trained for the model */
    AMPHI_HANDOFF_ANY = 2   /* "any": where there is none the model's own doubt, which is rough */
} amphi_handoff_judge;

typedef struct amphi_policy {
    amphi_mode mode;                             /* "mode": "auto" */
    amphi_private_history private_history;       /* "private_history": "local" */
    amphi_only_local_history only_local_history; /* "only_local_history": "as_private" */
    bool local_enabled;                 /* "local.enabled": true; false is the kill switch */
    bool cloud_enabled;                 /* "cloud.enabled": true */
    uint8_t battery_min_percent;        /* "battery.min_percent": 20; below and not charging: local
                                          is the last resort */
    uint8_t battery_resume_percent;     /* "battery.resume_percent": 25; hysteresis */
    uint8_t battery_critical_percent;   /* "battery.critical_percent": 3; below: no local at all */
    amphi_thermal thermal_max;          /* "thermal.max": "fair"; hotter: local is the last resort;
                                          critical: no local at all */
    uint8_t memory_max_percent;         /* "memory.max_percent": 70; need / total */
    uint8_t memory_unload_percent;      /* "memory.unload_percent": 80; use / total */
    uint8_t memory_spare_percent;       /* "memory.spare_percent": 10; available / total */
    bool metered_allowed;               /* "network.metered_allowed": true */
    uint32_t rtt_slow_ms;               /* "network.rtt_slow_ms": 1000; slower: local first */
    uint32_t local_threads_max;         /* "local.threads_max": 0 (none) */
    uint32_t local_context_tokens_max;  /* "local.context_tokens_max": 4096 */
    float local_tokens_per_second_max;  /* "local.tokens_per_second_max": 0 (none) */
    uint32_t answer_tokens_max;         /* "answer.tokens_max": 0, no bound; where a request has
                                          none */
    amphi_budgets local_budgets;        /* "local.budgets": 0, as policy/step_budgets.c has it */
    amphi_budgets cloud_budgets;        /* "cloud.budgets": connect 5000, the others likewise */
    uint32_t total_ms;                  /* "total_ms": 120000 */
    bool system_enabled;                /* "system.enabled": true */
    bool system_private_cloud_trusted;  /* "system.private_cloud_trusted": false */
    uint32_t system_busy_pause_ms;      /* "system.busy_pause_ms": 2000 */
    uint32_t system_quota_pause_ms;     /* "system.quota_pause_ms": 600000 */
    uint32_t outbox_entries_max;        /* "outbox.entries_max": 1000 */
    uint32_t outbox_bytes_max;          /* "outbox.bytes_max": 64 MiB */
    uint32_t outbox_age_max_s;          /* "outbox.age_max_s": 7 days */
    uint32_t hedge_ms;                  /* "cloud.hedge_ms": 0 (never) */
    uint32_t pause_max_ms;              /* "cloud.pause_max_ms": 30000; of a provider's; 0: none */
    uint32_t cache_ttl_s;               /* "cache.ttl_s": 604800; 0: no cache */
    uint32_t cache_stale_s;             /* "cache.stale_s": 0 */
    bool cache_sampled;                 /* "cache.sampled": false */
    bool cache_near;                    /* "cache.near": false */
    uint32_t breaker_failures;          /* "breaker.failures": 3 in a row open it */
    uint32_t breaker_failure_percent;   /* "breaker.failure_percent": 50 of the window do, too */
    uint32_t breaker_window_requests;   /* "breaker.window_requests": 20, the last ones */
    uint32_t breaker_window_s;          /* "breaker.window_s": 60, no older ones */
    uint32_t breaker_requests_min;      /* "breaker.requests_min": 8; of fewer no share is taken */
    uint32_t breaker_open_ms;           /* "breaker.open_ms": 10000, then one probe */
    uint32_t crash_limit;               /* "crash.limit": 3 in the window: one step down */
    uint32_t crash_window_s;            /* "crash.window_s": 600 */
    uint32_t crash_quiet_s;             /* "crash.quiet_s": 150; each one forgives a crash */
    uint32_t crash_outside_limit;       /* "crash.outside_limit": 200 in the window; 0: no limit */
    uint64_t cost_day_max;              /* "cost.day_usd_max": 0 (none); here in microdollars */
    amphi_over cost_over;               /* "cost.over": "refuse" */
    uint32_t latency_first_token_ms;    /* "latency.first_token_ms": 0 (no wish) */
    float latency_tokens_per_second;    /* "latency.tokens_per_second_min": 0 (no wish) */
    uint32_t latency_learned_s;         /* "latency.learned_s": 600; what is older is forgotten */
    amphi_over latency_over;            /* "latency.over": "last" */
    amphi_handoff_judge handoff_judge;  /* "handoff.judge": "head" */
    uint32_t handoff_right_min_percent; /* "handoff.right_min_percent": 30 */
    uint32_t handoff_tokens;            /* "handoff.tokens": 8 */
    uint32_t handoff_hold_ms;           /* "handoff.hold_ms": 600 */
    bool rollback_enabled;              /* "rollback.enabled": true */
    uint32_t rollback_answers_min;      /* "rollback.answers_min": 3 */
    uint32_t rollback_control_answers_min; /* "rollback.control_answers_min": 20 */
    uint32_t rollback_failures_min;        /* "rollback.failures_min": 2 */
    uint32_t rollback_alpha_ppm;           /* "rollback.alpha_ppm": 5000; all kinds together */
    uint8_t rollback_margin_percent;       /* "rollback.margin_percent": 10 */
    uint8_t rollback_crash_margin_percent; /* "rollback.crash_margin_percent": 1 */
    uint8_t rollback_crash_usual_percent;  /* "rollback.crash_usual_percent": 5 */
    uint32_t rollback_slow_ms;             /* "rollback.slow_first_token_ms": 5000 */
    float weight_first_token;              /* "weights.first_token": 0; per second until it */
    float weight_total;                    /* "weights.total": 0; per second of the whole answer */
    float weight_cost;                     /* "weights.cost": 0; per US cent */
    float weight_battery;    /* "weights.battery": 0; per second of computing on an empty one */
    float weight_heat;       /* "weights.heat": 0; per step of heat above nominal */
    float weight_metered;    /* "weights.metered": 0; per MiB */
    uint32_t dwell_s;        /* "decision.dwell_s": 60; a threshold's least stay */
    amphi_policy_set pinned; /* "pinned": []; no payload changes these */
} amphi_policy;

void amphi__policy_init(amphi_policy *policy);
/* Overrides the fields that the JSON object names (nested objects: {"battery":{"min_percent":30}}).
 * All or nothing; an unknown key, one that stands there twice, a wrong type, a value out of its
 * limits, or two that contradict each other are AMPHI_E_ARGUMENT with the fields' dotted names. */
amphi_status amphi__policy_apply_json(amphi_policy *policy, amphi_str json, amphi_error *error);
/* Fields, or groups of them, that no payload may change: "cloud.enabled,battery". */
amphi_status amphi__policy_pin(amphi_policy *policy, amphi_str names, amphi_error *error);
/* *policy is the app's document; a payload's value comes on top as far as it may
 * (policy_document_bounds.c). What is held is said in *held (may be NULL), a line for each field.
 * Refused as a whole as above, never for wanting too much. */
amphi_status amphi__policy_apply_payload(
    amphi_policy *policy, amphi_str json, amphi_buf *held, amphi_error *error);
/* The whole document. */
amphi_status amphi__policy_to_json(const amphi_policy *policy, amphi_buf *out);

/* ---- the decision (policy/decide.c; its rules in policy/route_rules.c) ----
 *
 * 1. Every route passes a list of rules; the first hard one that says no refuses it. Soft ones
 *    (battery under its minimum, heat above its maximum, moderate memory pressure) make a local
 *    route the last resort: it stays in the plan, behind everything else, in every mode. What a
 *    fact has to pass to change that, and for how long: policy/thresholds.h.
 * 2. A local route is degraded before it is refused: fewer threads when the device is warm or the
 *    battery goes down, a shorter context when memory is tight.
 * 3. Order. only_*: the other kind was refused. prefer_*: that kind first. auto: local first, as it
 *    is private, free and needs no network; cloud first when local would serve this request worse
 *    than usual and the network is neither metered nor slow; or, where the document has weights,
 *    when a cloud takes less of what they weigh (policy/route_score.h). A system's model counts as
 *    local when it computes on this device, otherwise as cloud. Within a kind: priority, then the
 *    system's, then weight. Last resorts at the end: likewise the preferred kind first, then the
 *    mildest reason.
 * private refuses every route off this device, before anything else is looked at, and so do turns
 * of the conversation that may not leave the device.
 *    A route over the day's budget, or too slow by what was learnt of it, is refused or a last
 *    resort, as the document says.
 * 4. A model of the scope HELP answers when the request names it, or when private and mode leave no
 *    other route, whatever state the others are in: it never stands in for a chat model.
 * 5. When only open breakers leave no route, those routes are tried all the same, as last resorts:
 *    the failure of today is a better answer than that of ten seconds ago. (A request's own choice
 *    among the routes comes later, sdk/client/route_preference.c, and does not count here.)
 */

/* What the ledger knows of a local engine's crashes with this model file and this build, within
 * crash.window_s and with forgiven ones taken off. The steps down: three with the machine's best
 * kernels: plain kernels and one thread. Three with plain kernels, or three before any kernel ran
 * (other kernels can't help there): not at all, until one more quiet interval forgives one; the
 * start that this allows is the probe. Each kill for memory halves the context; three: not at
 * all. Another local route (a smaller model) is judged by its own crashes, so it comes next. Kills
 * from outside say nothing about the model; crash.outside_limit of them only keep a machine that
 * kills at every start (or a worker that lies about its crashes) from doing so for ever. */
typedef struct amphi_crash_facts {
    uint32_t crashes;        /* with the best kernels, after they began to run */
    uint32_t crashes_early;  /* before any kernel ran: starting, reading, loading */
    uint32_t crashes_plain;  /* with plain kernels, after they began to run */
    uint32_t kills_memory;   /* out of memory */
    uint32_t forgiven;       /* of the four above together */
    uint32_t quiet_left_s;   /* until the next one is forgiven */
    uint32_t kills_outside;  /* killed or stopped by another process */
    uint32_t outside_left_s; /* when they are too many: until they are not */
    bool is_unreadable;      /* there is a record of crashes, and it can't be read */
} amphi_crash_facts;

/* ---- breakers (policy/breaker.c): plain data, advanced by outcomes; the caller brings the time,
 * monotonic. Each attempt enters and, unless it was refused, leaves once. ---- */

#define AMPHI_BREAKER_WINDOW_MAX 64u /* the limit of breaker.window_requests */

typedef enum amphi_breaker_pass {
    AMPHI_BREAKER_REFUSED = 0, /* the breaker is open */
    AMPHI_BREAKER_PASSED,      /* the breaker is closed */
    AMPHI_BREAKER_PROBE,       /* the one request that may try: its outcome decides */
    AMPHI_BREAKER_FORCED       /* open, but no other route may answer: its success closes it */
} amphi_breaker_pass;

/* What an attempt's end says about the route. */
typedef enum amphi_breaker_result {
    AMPHI_BREAKER_IGNORED = 0, /* cancelled, or it never got there */
    AMPHI_BREAKER_SUCCESS,     /* also a refusal of this request */
    AMPHI_BREAKER_FAILURE
} amphi_breaker_result;

typedef struct amphi_breaker_outcome {
    uint64_t at_ms;
    bool failed;
} amphi_breaker_outcome;

/* All zero: closed. */
typedef struct amphi_breaker {
    /* The window, a ring: `count` outcomes, the next one goes to `next`. */
    amphi_breaker_outcome outcomes[AMPHI_BREAKER_WINDOW_MAX];
    uint32_t next;
    uint32_t count;
    uint32_t failures_in_a_row; /* the last outcomes; a success ends the row */
    uint32_t opened_failed;     /* why it opened: so many failed... */
    uint32_t opened_of;         /* ... of so many; equal: in a row */
    uint64_t opened_ms;         /* 0: closed */
    uint64_t probe_ms;          /* when the probe began; 0: none is under way */
} amphi_breaker;

/* For the decision. */
typedef struct amphi_breaker_facts {
    bool open;           /* refused for now */
    bool probe;          /* half open and free: one may try */
    uint32_t failed, of; /* why it opened; equal: in a row */
    uint32_t left_ms;    /* open: until it may be worth while to ask again */
} amphi_breaker_facts;

void amphi__breaker_snapshot(
    amphi_breaker *breaker, const amphi_policy *policy, uint64_t now_ms, amphi_breaker_facts *out);
/* past_breaker: FORCED instead of REFUSED. */
amphi_breaker_pass amphi__breaker_enter(
    amphi_breaker *breaker, const amphi_policy *policy, bool past_breaker, uint64_t now_ms);
void amphi__breaker_leave(amphi_breaker *breaker, const amphi_policy *policy,
    amphi_breaker_pass pass, amphi_breaker_result result, uint64_t now_ms);

/* How a route's recent answers came (sdk/client/route_pace.c). */
typedef struct amphi_policy_pace {
    uint32_t answers;        /* how many; too few for a median: the others are 0 */
    uint32_t first_token_ms; /* median, from the attempt's start */
    float tokens_per_second; /* median, behind the first token */
    uint32_t answer_tokens;  /* mean */
} amphi_policy_pace;

/* What this store's clients have spent since 0 h UTC. */
typedef struct amphi_policy_spent {
    uint64_t microdollars;  /* by usage and prices, or as the provider said */
    uint64_t reserved;      /* what this client's requests under way are expected to cost */
    uint32_t unknown;       /* answers of unknown price, not in the sum */
    uint32_t estimated;     /* answers that broke off: estimates, in the sum */
    uint64_t metered_bytes; /* sent and received over a metered network */
    uint32_t day_left_s;    /* until the next day begins */
    bool is_unreadable;     /* the store does not say it: the sum may be too low */
} amphi_policy_spent;

#define AMPHI_LAST_FAILURE_MAX 160u

/* What is known about one route. */
typedef struct amphi_policy_route {
    amphi_engine_info info;                    /* as the engine describes itself */
    amphi_breaker_facts breaker;               /* amphi__breaker_snapshot */
    uint32_t wait_ms;                          /* left of the pause that it is given */
    char last_failure[AMPHI_LAST_FAILURE_MAX]; /* with an open breaker: the failure's words */
    amphi_reason wait_reason; /* ASKED_TO_WAIT; CLOUD also UNAVAILABLE (the key is refused), QUOTA;
                                 SYSTEM also QUOTA, BUSY, BACKGROUND */
    amphi_crash_facts crash;  /* LOCAL */
    amphi_thresholds thresholds; /* what the last real decision gave back for it */
    uint32_t load;               /* runs under way: the least loaded of equal priority goes first */
    bool is_off;                 /* amphi.endpoints switched it off */
    bool is_named;               /* the request's "model" or "fallbacks" name it */
    uint32_t first_token_p95_ms; /* of its recent answers; 0: too few are known */
    amphi_policy_pace pace;      /* likewise; those that are not forgotten */
    amphi_price price;           /* of the model that this request gets there; LOCAL: free */
    bool needs_no_network;       /* CLOUD: on loopback, so no network fact speaks against it */
} amphi_policy_route;

typedef struct amphi_policy_facts {
    amphi_device_facts device; /* probed, with pushed facts on top */
    amphi_mode mode;           /* the request's; DEFAULT: the document's */
    bool is_private;           /* the request's or the client's */
    /* Turns of the conversation that may not leave the device: those in the prompt keep it on the
     * device too (the strictest of them: history_privacy), the others were left out. */
    uint32_t history_turns, omitted_turns;
    amphi_privacy history_privacy;
    /* What the request has in it. */
    bool needs_tools, needs_images, needs_audio;
    bool has_tool_turns;              /* a tool was called in what is in the prompt */
    uint32_t prompt_tokens;           /* estimate or count */
    bool prompt_is_counted;           /* by a loaded local model. A cloud's tokens are others: the
                                         smaller of count and estimate counts against it, because
                                         its provider refuses what does not fit, and a route that
                                         is refused here is not tried */
    uint32_t prompt_tokens_estimate;  /* beside a count */
    uint32_t tool_tokens;             /* of the prompt: its tool schemas, an estimate */
    uint32_t history_tokens;          /* sent with it, which no context has to hold: an estimate */
    amphi_policy_spent spent;         /* today */
    uint32_t answer_tokens_max;       /* 0: the document's */
    amphi_budgets budgets;            /* the request's; 0: the document's */
    uint64_t now_ms;                  /* of a clock that never goes back; 0: none is known, so no
                                         threshold's dwell counts */
    uint64_t draw;                    /* a random number: chooses the first among routes of equal
                                         priority, in the ratio of their weights. 0: the heaviest
                                         first */
    uint64_t only_routes;             /* bits: no other route may answer; 0: any may */
    const amphi_policy_route *routes; /* in the client's order */
    size_t routes_count;              /* at most AMPHI_ROUTES_MAX */
} amphi_policy_facts;

typedef struct amphi_plan_step {
    uint8_t route;               /* index into facts.routes */
    bool last_resort;            /* a soft rule spoke against it: never hedge to it */
    amphi_budgets budgets;       /* resolved: document and request */
    uint32_t hedge_ms;           /* 0: never */
    uint32_t prompt_tokens;      /* what it was decided by */
    uint32_t answer_tokens_max;  /* resolved; shorter when the context is */
    uint64_t cost_estimate;      /* CLOUD: in microdollars, AMPHI_COST_UNKNOWN; else 0 */
    uint32_t threads_max;        /* LOCAL; 0: no bound */
    uint32_t context_tokens_max; /* LOCAL; 0: no bound */
    float tokens_per_second_max; /* LOCAL; 0: no bound */
    bool plain_kernels;          /* LOCAL: it crashed with the best ones */
    bool past_breaker;           /* no other route may answer: an open breaker is of no use */
    uint32_t judge_tokens;       /* so many first tokens are held and judged; 0: it is not judged */
    uint32_t judge_hold_ms;      /* held no longer than this */
    uint32_t right_min_permille; /* less likely right than this: the next route answers */
} amphi_plan_step;

/* A local route whose worker died just now, before the route could be judged: the plan's first step
 * takes over from it. */
typedef struct amphi_dead_route {
    char route[AMPHI_NAME_MAX];
    amphi_error error; /* status AMPHI_OK: none did */
    bool restart;      /* no other route is left: it is started once more */
} amphi_dead_route;

/* Features of a remote config that steer something (policy/rollout_features.c). */
#define AMPHI_ROLLOUT_FEATURES 4

typedef struct amphi_plan {
    size_t steps_count; /* 0: `refusal` says why */
    /* Status AMPHI_OK when there are steps; otherwise why there are none:
     *   _REFUSED    private, mode, kill switch, no engine: stays so
     *   _OFFLINE    a cloud route lacks only the network
     *   _BUSY       a breaker is open, or a system's model is downloaded; retry_after_ms
     *   _BACKGROUND, _QUOTA  of a system's model; retry_after_ms, if known
     *   _RESOURCE   memory, heat or battery
     *   _CONTEXT_LENGTH, _UNSUPPORTED: beyond what the route can do
     * Its words are amphi__policy_explain's. */
    amphi_error refusal;
    amphi_dead_route dead_route; /* filled in by the caller; cleared by _decide */
    size_t exposures_count;
    /* In the order to be tried. */
    amphi_plan_step steps[AMPHI_ROUTES_MAX];
    /* For each of the facts' routes: what to remember, if this decision is a real one. */
    amphi_thresholds thresholds[AMPHI_ROUTES_MAX];
    /* What of the remote config was in force; filled in by the caller. */
    amphi_rollout_exposure exposures[AMPHI_ROLLOUT_FEATURES];
    /* Every route with its reason; kept ones first, as `steps`. Only amphi__policy_explain fills it
     * in. */
    amphi_decision decision;
} amphi_plan;

/* Does this engine compute on this device? What is not surely here is elsewhere. Pure. */
bool amphi__policy_is_on_device(const amphi_engine_info *info);
/* May it have what may not leave the device? Pure. */
bool amphi__policy_may_have_private(const amphi_policy *policy, const amphi_engine_info *info);
/* No kill switch is set for it. Pure. */
bool amphi__policy_is_switched_on(const amphi_policy *policy, const amphi_engine_info *info);
/* A request that this rule refused fails so when no route is left. Pure. */
amphi_status amphi__policy_refusal_status(amphi_reason reason);

/* Is memory scarce enough that the system may kill for it? Pressure of any level, or less
 * available than policy/memory_reserve.h asks for. Pure. */
bool amphi__policy_is_short_of_memory(const amphi_policy *policy, const amphi_device_facts *device);

/* Would the crashes alone refuse this route? Then nothing of it should be run, not even to describe
 * it. Pure. */
bool amphi__policy_is_quarantined(const amphi_policy *policy, const amphi_crash_facts *crash);

/* What the request would cost on this route: the prompt, and an answer as long as its recent ones
 * (no longer than the request's own bound). AMPHI_COST_UNKNOWN. Pure. */
uint64_t amphi__policy_estimate(
    const amphi_policy_route *route, uint32_t prompt_tokens, uint32_t answer_tokens_max);

/* Repeats the first entries as `routes`, for callers of the first version. */
void amphi__decision_settle(amphi_decision *decision);

/* Which steps' first tokens are judged before they are shown (policy/handoff.c): those of a local
 * model that has a judge, that the request did not name, and behind which a cloud stands in the
 * plan that is no last resort. Never where private or only_local keep the answer here. Again when
 * the order changes. Pure. */
void amphi__policy_set_handoff(
    amphi_plan *plan, const amphi_policy *policy, const amphi_policy_facts *facts);

/* Which routes, in which order, and how: everything but words. */
void amphi__policy_decide(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts);
/* The same plan with its words: `decision`, and the refusal's message. */
void amphi__policy_explain(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts);

/* The budgets for first token and silence that neither request nor document states, by each step's
 * place in the plan (policy/step_budgets.c). Again when the order changes. `routes` as in the
 * facts. Pure. */
void amphi__policy_set_budgets(amphi_plan *plan, const amphi_policy *policy,
    const amphi_budgets *wish, const amphi_policy_route *routes);

/* How much longer the system lets the app run; UINT32_MAX: it is in front, or nothing is known.
 * Pure. */
uint32_t amphi__policy_background_left_ms(const amphi_device_facts *device);
/* With no more left than this an answer ends here in time: the next route goes on, or the message
 * waits in the outbox, before the system stops the app. */
#define AMPHI_BACKGROUND_MARGIN_MS 3000u

/* Must this running local answer stop now? AMPHI_OK, or AMPHI_E_RESOURCE with the reason: critical
 * heat or memory pressure, battery under battery.critical_percent, or the end of an app's time in
 * the background. (Little memory left
 * unloads an idle engine and refuses a new answer, but does not break off one that has begun: it
 * has its memory already.) Pure. */
amphi_status amphi__policy_check_running(
    const amphi_policy *policy, const amphi_device_facts *device, amphi_error *reason);

/* Should an idle local engine give its memory back? Little left (policy/memory_reserve.h), or
 * memory pressure. Pure; `reason` (may be NULL) is filled in when true. */
bool amphi__policy_should_unload(
    const amphi_policy *policy, const amphi_device_facts *device, amphi_error *reason);

/* ---- the device probe of this platform ---- */

amphi_status amphi__device_probe_new(amphi_device *out, amphi_error *error);

/* ---- gray release: a GrowthBook payload steers the policy document (policy/rollout.c) ---- */

typedef struct amphi_rollout amphi_rollout;

typedef struct amphi_rollout_options {
    amphi_str source;         /* file path or https URL; empty: none */
    bool allow_http_loopback; /* http:// for this machine itself */
    amphi_str ca_file, pins;  /* of the URL's server; empty: the system's, none */
    bool tls12;               /* TLS 1.2 will do */
    amphi_str key_file;       /* its content is sent as a bearer token; empty: none */
    amphi_str keys;           /* public keys, "KEY;KEY": payloads must be signed by one of them;
                                   empty: they need not be signed */
    amphi_str bootstrap;      /* the payload of a first start; empty: none */
    amphi_str bootstrap_signature; /* its signature file's text; empty: the app vouches for it */
    amphi_str attributes;          /* a JSON object of further attributes; empty: none */
    amphi_str models;              /* names that amphi.model may give: "a|b"; empty: none */
    amphi_http http;               /* borrowed */
    amphi_store store;             /* borrowed: install id, what was taken last, version and time */
    const amphi_clock *clock;      /* borrowed; NULL: the system's */
    amphi_log log;                 /* the client's */
} amphi_rollout_options;

/* Is this source fetched over a network, rather than read from a file? */
bool amphi__rollout_is_url(amphi_str source);

/* AMPHI_E_ARGUMENT: keys, attributes or the bootstrap payload can't be used. */
amphi_status amphi__rollout_new(
    amphi_rollout **out, const amphi_rollout_options *options, amphi_error *error);
/* Reads the file, or fetches with If-None-Match, waiting up to timeout_ms. A payload that is bad,
 * missing, not signed as it must be, or that can't be evaluated where the last one could, leaves
 * the last good one in force and is an error. */
amphi_status amphi__rollout_refresh(
    amphi_rollout *rollout, uint32_t timeout_ms, amphi_error *error);
/* Ends a fetch that is under way, within some 20 ms, and every later one: AMPHI_E_CANCELLED. Any
 * thread; NULL is fine. */
void amphi__rollout_stop(amphi_rollout *rollout);
/* Is a payload in force, from whichever source? */
bool amphi__rollout_has_payload(amphi_rollout *rollout);
/* Replaces the app's own attributes; empty: none. AMPHI_E_ARGUMENT. */
amphi_status amphi__rollout_set_attributes(
    amphi_rollout *rollout, amphi_str json, amphi_error *error);

/* What amphi.endpoints says of one endpoint. */
typedef struct amphi_rollout_endpoint {
    bool is_off;     /* "enabled": false */
    uint32_t weight; /* "weight"; 0: the endpoint's own */
} amphi_rollout_endpoint;

/* To which group an install belongs, for the guard that gives a release up. The release is what a
 * rule gives where that is another value than the control: the feature's default value, or an
 * experiment's first variation. What only takes away (a kill switch) is no release. */
typedef enum amphi_rollout_group {
    AMPHI_ROLLOUT_NONE = 0, /* there is no rollout */
    AMPHI_ROLLOUT_CONTROL,
    AMPHI_ROLLOUT_TREATED,
    AMPHI_ROLLOUT_MIXED /* between two of them: its answers say nothing of either */
} amphi_rollout_group;
typedef struct amphi_rollout_arm {
    amphi_rollout_group group;
    char payload[17]; /* as in exposures; empty: none */
} amphi_rollout_arm;

/* What is to be steered. */
typedef struct amphi_rollout_target {
    const amphi_policy *base; /* the app's document */
    const char *model;        /* of amphi.model, as it was when the engine was made; empty: none */
    const char *endpoints[AMPHI_ROUTES_MAX]; /* names; NULL: not an endpoint */
} amphi_rollout_target;

/* One payload's say, of one moment. */
typedef struct amphi_rollout_steering {
    amphi_rollout_endpoint endpoints[AMPHI_ROUTES_MAX];
    /* Which payload, and which of its rules, are in force: for the record of an answer, and as
     * events. */
    amphi_rollout_exposure exposures[AMPHI_ROLLOUT_FEATURES];
    size_t exposures_count;
    amphi_rollout_arm arm;
} amphi_rollout_steering;

/* *policy = base, with amphi.policy's value on top; of a value that does not fit the document's
 * schema only what it switches off counts (and `show` says so). Of a payload that has expired only
 * what takes away counts. *out: the rest, of the same payload. */
amphi_status amphi__rollout_steer(amphi_rollout *rollout, const amphi_rollout_target *target,
    amphi_policy *policy, amphi_rollout_steering *out, amphi_error *error);
/* The release of this payload (as in exposures) is given up: from here on the control value
 * counts, but what the release takes away stays. Another payload is another release. */
void amphi__rollout_give_up(
    amphi_rollout *rollout, const char *payload, const amphi_rollback_verdict *why);
/* The payload in force, as in exposures; empty: none. */
void amphi__rollout_payload_name(amphi_rollout *rollout, char out[17]);
/* The model that amphi.model chooses among options.models; empty: none. */
void amphi__rollout_model(amphi_rollout *rollout, char out[AMPHI_NAME_MAX]);
/* amphi.cache's number; the cache is emptied when it grows. 0: none. */
uint64_t amphi__rollout_cache_number(amphi_rollout *rollout);

/* The JSON of amphi_rollout_show, without its "policy" member: a complete object. */
amphi_status amphi__rollout_show(amphi_rollout *rollout, amphi_buf *out, amphi_error *error);
void amphi__rollout_free(amphi_rollout *rollout);

/* One feature of a payload for an install with these attributes (a JSON object), as the reference
 * SDK reports it: {"value","on","off","source","ruleId", "experimentResult"?, "why"}. Pure. */
amphi_status amphi__rollout_eval(
    amphi_buf *out, amphi_str payload, amphi_str attributes, amphi_str feature, amphi_error *error);

/* Lines on the values of this payload that no client would understand, whatever the rules; none:
 * nothing is written. Pure. */
amphi_status amphi__rollout_check(amphi_buf *out, amphi_str payload, amphi_error *error);

/* A key pair: the private key as a JWK, the public one as the text that options.keys takes. */
amphi_status amphi__rollout_keygen(
    amphi_buf *private_jwk, amphi_buf *public_key, amphi_error *error);
/* Appends one line to a signature file. `issued_s` and `expires_s` are Unix time. */
amphi_status amphi__rollout_sign(amphi_buf *out, amphi_str private_jwk, amphi_str payload,
    uint64_t version, uint64_t issued_s, uint64_t expires_s, amphi_error *error);

#endif
