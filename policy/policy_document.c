/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document. Everything that can be steered is one row of a table: dotted name, type,
 * place in amphi_policy, default, limits, unit, and what a payload may do with it. Reading
 * (policy_document_read.c), the bounds between fields and against payloads
 * (policy_document_bounds.c), the JSON Schema, writing, defaults and the reference page
 * (sdk/docs/policy.md, compared with the table by a test) all walk that table, so a new field is
 * one line here.
 */
#include "policy/policy_document.h"
#include "policy/policy.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>

#define MICRODOLLARS 1e6

/* A row: name, type, member, default, lowest, highest, unit; what a payload may do with it, and
 * from where to where; in words. */
#define FIELD(name, type, member, otherwise, low, high, unit, steer, floor, ceiling, help)         \
    {                                                                                              \
        name, AMPHI_POLICY_##type, offsetof(amphi_policy, member), otherwise, low, high, unit,     \
            AMPHI_STEER_##steer, floor, ceiling, help, NULL                                        \
    }
#define CHOICE(name, member, choices, otherwise, last, steer, help)                                \
    {                                                                                              \
        name, AMPHI_POLICY_CHOICE, offsetof(amphi_policy, member), otherwise, 0, last, "",         \
            AMPHI_STEER_##steer, 0, last, help, choices                                            \
    }

static const char *const private_history_names[] = {"local", "omit"};
static const char *const only_local_history_names[] = {"as_private", "send"};
static const char *const over_names[] = {"refuse", "last"};
static const char *const handoff_judge_names[] = {"off", "head", "any"};

/* Sorted so that fields with a common first part are neighbours: writing nests by that. */
static const amphi_policy_field fields[] = {
    FIELD("mode", MODE, mode, AMPHI_MODE_AUTO, AMPHI_MODE_AUTO, AMPHI_MODE_ONLY_CLOUD, "", MODE, 1,
        5, "which kind of route goes first, or is the only one; a request's own mode wins"),
    CHOICE("private_history", private_history, private_history_names, 0, AMPHI_PRIVATE_HISTORY_OMIT,
        DOWN,
        "what a conversation's private turns mean for its later requests: they stay in the prompt, "
        "so that only this device answers, or they are left out"),
    CHOICE("only_local_history", only_local_history, only_local_history_names, 0,
        AMPHI_ONLY_LOCAL_HISTORY_SEND, DOWN,
        "the same for turns that were said in mode only_local: as private ones, or sent like any "
        "other"),
    FIELD("total_ms", U32, total_ms, 120000, 100, 3600000, "ms", FREE, 10000, 3600000,
        "the whole request, every attempt together"),
    FIELD("local.enabled", BOOL, local_enabled, true, 0, 1, "", FREE, 0, 1,
        "false is the kill switch of the local engine"),
    FIELD("local.threads_max", U32, local_threads_max, 0, 0, 256, "threads", FREE, 0, 256,
        "upper bound for the local engine; 0: none"),
    FIELD("local.context_tokens_max", U32, local_context_tokens_max, 4096, 64, 1048576, "tokens",
        FREE, 512, 1048576, "longest context that is kept in memory for the local engine"),
    FIELD("local.tokens_per_second_max", FLOAT, local_tokens_per_second_max, 0, 0, 10000,
        "tokens/s", FREE_OR_0, 2, 10000, "no faster than this, which saves heat; 0: none"),
    FIELD("local.budgets.first_token_ms", U32, local_budgets.first_token_ms, 0, 0, 3600000, "ms",
        FREE_OR_0, 3000, 3600000, "from the attempt's start to its first token; 0: see Budgets"),
    FIELD("local.budgets.idle_ms", U32, local_budgets.idle_ms, 0, 0, 3600000, "ms", FREE_OR_0, 2000,
        3600000, "longest silence between two tokens; 0: see Budgets"),
    FIELD("cloud.enabled", BOOL, cloud_enabled, true, 0, 1, "", DOWN, 0, 1,
        "false: no request leaves the device"),
    FIELD("cloud.hedge_ms", U32, hedge_ms, 0, 0, 3600000, "ms", FREE_OR_0, 500, 3600000,
        "start the next route as well when the first token is this late; 0: never"),
    FIELD("cloud.pause_max_ms", U32, pause_max_ms, 30000, 0, 3600000, "ms", FREE, 0, 600000,
        "an endpoint that asked for a pause comes last for so long at most; 0: not at all"),
    FIELD("cloud.budgets.connect_ms", U32, cloud_budgets.connect_ms, 5000, 1, 3600000, "ms", FREE,
        1000, 600000, "until a connection stands"),
    FIELD("cloud.budgets.first_token_ms", U32, cloud_budgets.first_token_ms, 0, 0, 3600000, "ms",
        FREE_OR_0, 3000, 3600000, "from the attempt's start to its first token; 0: see Budgets"),
    FIELD("cloud.budgets.idle_ms", U32, cloud_budgets.idle_ms, 0, 0, 3600000, "ms", FREE_OR_0, 2000,
        3600000, "longest silence between two tokens; 0: see Budgets"),
    FIELD("system.enabled", BOOL, system_enabled, true, 0, 1, "", FREE, 0, 1,
        "false: no request goes to a model of the operating system"),
    FIELD("system.private_cloud_trusted", BOOL, system_private_cloud_trusted, false, 0, 1, "", DOWN,
        0, 1,
        "true: a system's model that computes outside of this device may have what is private or "
        "only_local"),
    FIELD("system.busy_pause_ms", U32, system_busy_pause_ms, 2000, 1, 3600000, "ms", FREE, 100,
        600000,
        "a system's model that was busy, or refused in the background, and named no time comes "
        "last for so long"),
    FIELD("system.quota_pause_ms", U32, system_quota_pause_ms, 600000, 1, 86400000, "ms", FREE,
        10000, 86400000,
        "one that said its quota is used up, and named no time, is not asked for so long"),
    FIELD("battery.min_percent", U8, battery_min_percent, 20, 0, 100, "%", FREE, 5, 90,
        "below this, and not charging, the local engine is the last resort"),
    FIELD("battery.resume_percent", U8, battery_resume_percent, 25, 0, 100, "%", FREE, 5, 95,
        "once below the minimum, local comes back from here on; not named: 5 above a higher "
        "minimum"),
    FIELD("battery.critical_percent", U8, battery_critical_percent, 3, 0, 100, "%", FREE, 1, 20,
        "below this, and not charging, no local answer starts and a running one stops"),
    FIELD("thermal.max", THERMAL, thermal_max, AMPHI_THERMAL_FAIR, AMPHI_THERMAL_NOMINAL,
        AMPHI_THERMAL_CRITICAL, "", FREE, 1, 3,
        "hotter than this, the local engine is the last resort; at \"critical\" it never runs"),
    FIELD("memory.max_percent", U8, memory_max_percent, 70, 1, 100, "%", FREE, 20, 90,
        "weights, KV cache and scratch may take this share of the device's memory"),
    FIELD("memory.unload_percent", U8, memory_unload_percent, 80, 1, 100, "%", FREE, 50, 95,
        "when more than this share of the device's memory is in use, and little is left, the local "
        "engine gives its own back"),
    FIELD("memory.spare_percent", U8, memory_spare_percent, 10, 1, 100, "%", FREE, 5, 50,
        "so much of the device's memory, or 1 GiB where that is more, is not little; 100: the "
        "share "
        "in use alone counts"),
    FIELD("network.metered_allowed", BOOL, metered_allowed, true, 0, 1, "", DOWN, 0, 1,
        "false: no request goes over a network where bytes cost money"),
    FIELD("network.rtt_slow_ms", U32, rtt_slow_ms, 1000, 1, 600000, "ms", FREE, 100, 60000,
        "a slower round trip counts as a slow network"),
    FIELD("decision.dwell_s", U32, dwell_s, 60, 0, 3600, "s", FREE, 5, 3600,
        "a fact that passed its threshold counts for at least this long, so that one that hovers "
        "around it does not move text between device and cloud; critical ones count at once"),
    FIELD("weights.first_token", FLOAT, weight_first_token, 0, 0, 1000, "", FREE, 0, 1000,
        "what auto weighs a cloud against the device by, where any weight is above 0: per second "
        "until the first token"),
    FIELD("weights.total", FLOAT, weight_total, 0, 0, 1000, "", FREE, 0, 1000,
        "likewise, per second until the last one"),
    FIELD("weights.cost", FLOAT, weight_cost, 0, 0, 1000, "", FREE, 0, 1000,
        "likewise, per US cent; an unknown price counts as one"),
    FIELD("weights.battery", FLOAT, weight_battery, 0, 0, 1000, "", FREE, 0, 1000,
        "likewise, per second of computing, by how empty a battery off the charger is"),
    FIELD("weights.heat", FLOAT, weight_heat, 0, 0, 1000, "", FREE, 0, 1000,
        "likewise, per step of heat above nominal, on the device"),
    FIELD("weights.metered", FLOAT, weight_metered, 0, 0, 1000, "", FREE, 0, 1000,
        "likewise, per MiB over a metered network"),
    FIELD("answer.tokens_max", U32, answer_tokens_max, 0, 0, 1048576, "tokens", FREE_OR_0, 64,
        1048576, "longest answer when the request says nothing; 0: nothing is sent"),
    FIELD("outbox.entries_max", U32, outbox_entries_max, 1000, 1, 1000000, "messages", FREE, 1,
        1000000,
        "may wait or have expired; above that a request fails and says so; read at the client's "
        "start"),
    FIELD("outbox.bytes_max", U32, outbox_bytes_max, 67108864, 1024, 4294967295, "bytes", FREE,
        1024, 4294967295, "of all of them together; likewise"),
    FIELD("outbox.age_max_s", U32, outbox_age_max_s, 604800, 1, 31536000, "s", FREE, 86400,
        31536000, "an older message expires when another try fails; its text is kept; likewise"),
    FIELD("cache.ttl_s", U32, cache_ttl_s, 604800, 0, 31536000, "s", FREE, 0, 31536000,
        "how long an answer may be served again; 0: no cache"),
    FIELD("cache.stale_s", U32, cache_stale_s, 0, 0, 31536000, "s", FREE, 0, 2592000,
        "for how long after that it may be served when no route answers; 0: not at all"),
    FIELD("cache.sampled", BOOL, cache_sampled, false, 0, 1, "", FREE, 0, 1,
        "true: also requests whose temperature is not 0 get the same answer again"),
    FIELD("cache.near", BOOL, cache_near, false, 0, 1, "", FREE, 0, 1,
        "true: also a question that asks the same in other words gets it"),
    FIELD("breaker.failures", U32, breaker_failures, 3, 1, 1000, "", FREE, 2, 100,
        "failures in a row after which a route is left alone"),
    FIELD("breaker.failure_percent", U32, breaker_failure_percent, 50, 0, 100, "%", FREE, 10, 100,
        "share of failures in the window that does the same; 0: no share does"),
    FIELD("breaker.window_requests", U32, breaker_window_requests, 20, 2, AMPHI_BREAKER_WINDOW_MAX,
        "requests", FREE, 4, AMPHI_BREAKER_WINDOW_MAX,
        "the window: so many of a route's last requests at most"),
    FIELD("breaker.window_s", U32, breaker_window_s, 60, 1, 86400, "s", FREE, 10, 3600,
        "the window: none that ended longer ago"),
    FIELD("breaker.requests_min", U32, breaker_requests_min, 8, 2, AMPHI_BREAKER_WINDOW_MAX,
        "requests", FREE, 4, AMPHI_BREAKER_WINDOW_MAX,
        "with fewer in the window its share says nothing"),
    FIELD("breaker.open_ms", U32, breaker_open_ms, 10000, 1, 3600000, "ms", FREE, 1000, 600000,
        "for how long, until one request may try"),
    FIELD("crash.limit", U32, crash_limit, 3, 1, 1000, "", FREE, 2, 20,
        "crashes of the local engine in the window that lead one step down: plain kernels and one "
        "thread, then a smaller model, then none"),
    FIELD("crash.window_s", U32, crash_window_s, 600, 1, 2592000, "s", FREE, 60, 86400,
        "that window"),
    FIELD("crash.quiet_s", U32, crash_quiet_s, 150, 1, 2592000, "s", FREE, 30, 86400,
        "so long without a crash forgives one, which lets one start try again"),
    FIELD("crash.outside_limit", U32, crash_outside_limit, 200, 0, 500, "", FREE, 10, 500,
        "times that another process may kill or stop the local engine in the window until it is "
        "left alone; 0: no limit"),
    FIELD("cost.day_usd_max", USD, cost_day_max, 0, 0, 1000000, "US dollars", BOUND, 0.01, 1000000,
        "what the clouds may cost in a day (UTC), by every client of this store; 0: no bound"),
    CHOICE("cost.over", cost_over, over_names, 0, AMPHI_OVER_LAST, DOWN,
        "what happens to a cloud when that is used up, or its answer would pass it: it is left "
        "out, or it is the last resort"),
    FIELD("latency.first_token_ms", U32, latency_first_token_ms, 0, 0, 3600000, "ms", FREE_OR_0,
        500, 3600000,
        "a route whose recent answers began later than this, at the median, is over the wish; 0: "
        "none"),
    FIELD("latency.tokens_per_second_min", FLOAT, latency_tokens_per_second, 0, 0, 10000,
        "tokens/s", FREE, 0, 100, "likewise when they came slower than this; 0: none"),
    FIELD("latency.learned_s", U32, latency_learned_s, 600, 1, 2592000, "s", FREE, 60, 2592000,
        "for how long after its last answer that is known of a route; then it may show itself "
        "again"),
    CHOICE("latency.over", latency_over, over_names, AMPHI_OVER_LAST, AMPHI_OVER_LAST, UP,
        "what happens to a route that is over the wish: it is left out, or it is the last resort"),
    CHOICE("handoff.judge", handoff_judge, handoff_judge_names, AMPHI_HANDOFF_HEAD,
        AMPHI_HANDOFF_ANY, FREE,
        "who may move a local answer to the cloud before any of it is shown: no judge, a head that "
        "was trained for the model, or, where there is none, also the model's own doubt"),
    FIELD("handoff.right_min_percent", U32, handoff_right_min_percent, 30, 0, 100, "%", FREE, 0, 90,
        "an answer that is less likely to be right than this is moved; 0: none is"),
    FIELD("handoff.tokens", U32, handoff_tokens, 8, 1, 32, "tokens", FREE, 1, 32,
        "held back and judged by; a head may need fewer"),
    FIELD("handoff.hold_ms", U32, handoff_hold_ms, 600, 1, 60000, "ms", FREE, 50, 5000,
        "held back no longer than this behind the first of them; then it is judged by those that "
        "came"),
    FIELD("rollback.enabled", BOOL, rollback_enabled, true, 0, 1, "", UP, 0, 1,
        "true: a release under which this device's answers fail more than without it is given up "
        "here"),
    FIELD("rollback.answers_min", U32, rollback_answers_min, 3, 1, 1000, "answers", FREE, 1, 100,
        "no release is judged by fewer of its own"),
    FIELD("rollback.control_answers_min", U32, rollback_control_answers_min, 20, 1, 1000, "answers",
        FREE, 5, 200,
        "with fewer from before it, only its crashes are judged, by rollback.crash_usual_percent"),
    FIELD("rollback.failures_min", U32, rollback_failures_min, 2, 1, 1000, "", FREE, 1, 20,
        "nor by fewer failures of a kind"),
    FIELD("rollback.alpha_ppm", U32, rollback_alpha_ppm, 5000, 1, 100000, "in a million", FREE, 100,
        50000, "how likely it is at most that a harmless release is given up, by any kind"),
    FIELD("rollback.margin_percent", U8, rollback_margin_percent, 10, 0, 90, "% of answers", FREE,
        0, 30,
        "errors, slow answers and takeovers may be so much more frequent than without the release"),
    FIELD("rollback.crash_margin_percent", U8, rollback_crash_margin_percent, 1, 0, 90,
        "% of answers", FREE, 0, 10, "likewise crashes"),
    FIELD("rollback.crash_usual_percent", U8, rollback_crash_usual_percent, 5, 1, 90,
        "% of answers", FREE, 1, 20,
        "where the device has too few answers from before the release, crashes may be so frequent"),
    FIELD("rollback.slow_first_token_ms", U32, rollback_slow_ms, 5000, 1, 600000, "ms", FREE, 500,
        60000, "an answer that begins later is a slow one"),
};

static const char *const thermal_names[] = {
    [AMPHI_THERMAL_UNKNOWN] = "unknown",
    [AMPHI_THERMAL_NOMINAL] = "nominal",
    [AMPHI_THERMAL_FAIR] = "fair",
    [AMPHI_THERMAL_SERIOUS] = "serious",
    [AMPHI_THERMAL_CRITICAL] = "critical",
};

_Static_assert(sizeof fields / sizeof fields[0] <= AMPHI_POLICY_FIELDS_MAX, "fits into a set");

const amphi_policy_field *amphi__policy_fields(size_t *count)
{
    *count = sizeof fields / sizeof fields[0];
    return fields;
}

const amphi_policy_field *amphi__policy_field_named(const char *name, size_t *index)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) != 0)
            continue;
        if (index != NULL)
            *index = i;
        return &fields[i];
    }
    return NULL;
}

bool amphi__policy_set_has(const amphi_policy_set *set, size_t field)
{
    return (set->bits[field / 64] >> field % 64 & 1) != 0;
}

void amphi__policy_set_add(amphi_policy_set *set, size_t field)
{
    set->bits[field / 64] |= (uint64_t)1 << field % 64;
}

void amphi__policy_init(amphi_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        amphi__policy_field_set(policy, &fields[i], fields[i].otherwise);
}

const char *amphi__policy_thermal_name(amphi_thermal thermal)
{
    return (unsigned)thermal < sizeof thermal_names / sizeof thermal_names[0]
               ? thermal_names[thermal]
               : "unknown";
}

void amphi__policy_put_value(
    amphi_json_writer *writer, const char *key, const amphi_policy_field *field, double value)
{
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        amphi__json_put_bool(writer, key, value != 0);
        break;
    case AMPHI_POLICY_MODE:
    case AMPHI_POLICY_THERMAL:
    case AMPHI_POLICY_CHOICE:
        amphi__json_put_str(writer, key, amphi_str_from(amphi__policy_word(field, value)));
        break;
    case AMPHI_POLICY_USD:
    case AMPHI_POLICY_FLOAT:
        amphi__json_put_number(writer, key, value);
        break;
    case AMPHI_POLICY_U8:
    case AMPHI_POLICY_U32:
        amphi__json_put_int(writer, key, (int64_t)value);
        break;
    }
}

const char *amphi__policy_word(const amphi_policy_field *field, double value)
{
    switch (field->type) {
    case AMPHI_POLICY_MODE:
        return amphi_mode_name((amphi_mode)value);
    case AMPHI_POLICY_THERMAL:
        return amphi__policy_thermal_name((amphi_thermal)value);
    case AMPHI_POLICY_CHOICE:
        return field->choices[(unsigned)value];
    default:
        return NULL;
    }
}

/* How many leading bytes two dotted names share, counted in whole parts ("a.b." of "a.b.c"). */
static size_t common_parts(const char *a, const char *b)
{
    size_t whole = 0;
    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '.')
            whole = i + 1;
    return whole;
}

/* Opens one object for each further part of name, and leaves the last part in key. */
static void open_parts(
    amphi_json_writer *writer, const char *name, char key[AMPHI_POLICY_NAME_MAX], unsigned *depth)
{
    amphi_str rest = amphi_str_from(name);
    for (;;) {
        amphi_str after;
        amphi_str part = amphi__str_cut(rest, '.', &after);
        amphi__str_copy_to(key, AMPHI_POLICY_NAME_MAX, part);
        if (after.size == 0)
            return;
        amphi__json_open(writer, key, '{');
        (*depth)++;
        rest = after;
    }
}

static void put_pinned(amphi_json_writer *writer, const amphi_policy *policy)
{
    bool any = false;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!amphi__policy_set_has(&policy->pinned, i))
            continue;
        if (!any)
            amphi__json_open(writer, AMPHI_POLICY_PINNED, '[');
        any = true;
        amphi__json_put_str(writer, NULL, amphi_str_from(fields[i].name));
    }
    if (any)
        amphi__json_close(writer, ']');
}

void amphi__policy_put_named(
    amphi_json_writer *writer, const amphi_policy *policy, const amphi_policy_set *named)
{
    amphi__json_open(writer, NULL, '{');
    const char *before = "";
    unsigned depth = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *name = fields[i].name;
        if (!amphi__policy_set_has(named, i))
            continue;
        size_t shared = common_parts(before, name);
        unsigned wanted = 0;
        for (size_t j = 0; j < shared; j++)
            wanted += name[j] == '.';
        for (; depth > wanted; depth--)
            amphi__json_close(writer, '}');
        char key[AMPHI_POLICY_NAME_MAX];
        open_parts(writer, name + shared, key, &depth);
        amphi__policy_put_value(
            writer, key, &fields[i], amphi__policy_field_get(policy, &fields[i]));
        before = name;
    }
    for (; depth > 0; depth--)
        amphi__json_close(writer, '}');
    put_pinned(writer, policy);
    amphi__json_close(writer, '}');
}

amphi_status amphi__policy_to_json(const amphi_policy *policy, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi_policy_set all;
    memset(&all, 0xff, sizeof all);
    amphi__json_writer_init(&writer, out);
    amphi__policy_put_named(&writer, policy, &all);
    return out->status;
}

void amphi__policy_field_set(amphi_policy *policy, const amphi_policy_field *field, double value)
{
    void *place = (char *)policy + field->offset;
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        *(bool *)place = value != 0;
        break;
    case AMPHI_POLICY_U8:
        *(uint8_t *)place = (uint8_t)value;
        break;
    case AMPHI_POLICY_U32:
        *(uint32_t *)place = (uint32_t)value;
        break;
    case AMPHI_POLICY_FLOAT:
        *(float *)place = (float)value;
        break;
    case AMPHI_POLICY_USD:
        *(uint64_t *)place = (uint64_t)llround(value * MICRODOLLARS);
        break;
    case AMPHI_POLICY_MODE:
        *(amphi_mode *)place = (amphi_mode)value;
        break;
    case AMPHI_POLICY_THERMAL:
        *(amphi_thermal *)place = (amphi_thermal)value;
        break;
    case AMPHI_POLICY_CHOICE:
        *(unsigned *)place = (unsigned)value;
        break;
    }
}

double amphi__policy_field_get(const amphi_policy *policy, const amphi_policy_field *field)
{
    const void *place = (const char *)policy + field->offset;
    switch (field->type) {
    case AMPHI_POLICY_BOOL:
        return *(const bool *)place;
    case AMPHI_POLICY_U8:
        return *(const uint8_t *)place;
    case AMPHI_POLICY_U32:
        return *(const uint32_t *)place;
    case AMPHI_POLICY_FLOAT:
        return (double)*(const float *)place;
    case AMPHI_POLICY_USD:
        return (double)*(const uint64_t *)place / MICRODOLLARS;
    case AMPHI_POLICY_MODE:
        return *(const amphi_mode *)place;
    case AMPHI_POLICY_THERMAL:
        return *(const amphi_thermal *)place;
    case AMPHI_POLICY_CHOICE:
        return *(const unsigned *)place;
    }
    return 0;
}
