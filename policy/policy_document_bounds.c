/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds that a field's own limits can't state: those between two fields of a document, and those
 * that the app's document sets to a payload from outside. A payload is not refused for wanting too
 * much, since a kill switch may stand beside it: the field in question is held, and said to be.
 * What a payload can't do, whatever it says: change what is pinned, loosen what the app has closed
 * (the cloud, metered networks, privacy, money), or make a guard or a budget so tight or so loose
 * that nothing works.
 */
#include "policy/policy_document.h"
#include "sdk/core/error.h"

/* `low` is never above `high`. When only one of them is named, the other may follow it: `low` down
 * to `high`, or `high` up to `gap` above `low`. What may not follow is a guard of its own. */
typedef struct amphi_policy_relation {
    const char *low, *high;
    bool low_follows, high_follows;
    double gap;
} amphi_policy_relation;

/* In this order: who follows in one line may lead in the next. */
static const amphi_policy_relation relations[] = {
    {"battery.critical_percent", "battery.min_percent", false, true, 0},
    {"battery.min_percent", "battery.resume_percent", false, true, 5},
    {"breaker.requests_min", "breaker.window_requests", true, false, 0},
    {"crash.quiet_s", "crash.window_s", true, false, 0},
    {"local.budgets.first_token_ms", "total_ms", true, false, 0},
    {"local.budgets.idle_ms", "total_ms", true, false, 0},
    {"cloud.budgets.connect_ms", "total_ms", true, false, 0},
    {"cloud.budgets.first_token_ms", "total_ms", true, false, 0},
    {"cloud.budgets.idle_ms", "total_ms", true, false, 0},
    {"cloud.hedge_ms", "total_ms", true, false, 0},
};
enum { RELATIONS = sizeof relations / sizeof relations[0] };

typedef struct amphi_policy_pair {
    const amphi_policy_relation *relation;
    const amphi_policy_field *low, *high;
    size_t low_index, high_index;
    double low_value, high_value;
} amphi_policy_pair;

static amphi_policy_pair pair_of(const amphi_policy *policy, const amphi_policy_relation *relation)
{
    amphi_policy_pair pair = {.relation = relation};
    pair.low = amphi__policy_field_named(relation->low, &pair.low_index);
    pair.high = amphi__policy_field_named(relation->high, &pair.high_index);
    pair.low_value = amphi__policy_field_get(policy, pair.low);
    pair.high_value = amphi__policy_field_get(policy, pair.high);
    return pair;
}

/* The one that is not fixed follows; false: neither may. */
static bool follow(
    amphi_policy *policy, const amphi_policy_pair *pair, bool low_is_fixed, bool high_is_fixed)
{
    if (pair->relation->high_follows && !high_is_fixed) {
        double value = pair->low_value + pair->relation->gap;
        double most = pair->high->high;
        amphi__policy_field_set(policy, pair->high, value < most ? value : most);
        return true;
    }
    if (pair->relation->low_follows && !low_is_fixed) {
        amphi__policy_field_set(policy, pair->low, pair->high_value);
        return true;
    }
    return false;
}

static amphi_status fail_pair(const amphi_policy_pair *pair, amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "policy: %s (%.0f) must not be above %s (%.0f): change one of them", pair->low->name,
        pair->low_value, pair->high->name, pair->high_value);
}

amphi_status amphi__policy_relate(
    amphi_policy *policy, const amphi_policy_set *named, amphi_error *error)
{
    for (size_t i = 0; i < RELATIONS; i++) {
        amphi_policy_pair pair = pair_of(policy, &relations[i]);
        if (pair.low_value <= pair.high_value)
            continue;
        if (!follow(policy, &pair, amphi__policy_set_has(named, pair.low_index),
                amphi__policy_set_has(named, pair.high_index)))
            return fail_pair(&pair, error);
    }
    return AMPHI_OK;
}

/* ---- what is said in vain ---- */

static bool is_zero(const amphi_policy *policy, const char *name)
{
    return amphi__policy_field_get(policy, amphi__policy_field_named(name, NULL)) == 0;
}

void amphi__policy_note(const amphi_policy *policy, const amphi_policy_set *named, amphi_buf *out)
{
    /* `field` means something only when one of the others is not 0. */
    static const struct {
        const char *field, *needs, *or_needs;
    } dependent[] = {
        {"cost.over", "cost.day_usd_max", NULL},
        {"latency.over", "latency.first_token_ms", "latency.tokens_per_second_min"},
        {"cache.stale_s", "cache.ttl_s", NULL},
        {"cache.sampled", "cache.ttl_s", NULL},
        {"cache.near", "cache.ttl_s", NULL},
        {"breaker.requests_min", "breaker.failure_percent", NULL},
    };
    for (size_t i = 0; i < sizeof dependent / sizeof dependent[0]; i++) {
        size_t index = 0;
        const char *other = dependent[i].or_needs;
        (void)amphi__policy_field_named(dependent[i].field, &index);
        if (!amphi__policy_set_has(named, index) || !is_zero(policy, dependent[i].needs) ||
            (other != NULL && !is_zero(policy, other)))
            continue;
        amphi__buf_printf(out, "%s%s does nothing while %s%s%s is 0", out->size > 0 ? "\n" : "",
            dependent[i].field, dependent[i].needs, other != NULL ? " and " : "",
            other != NULL ? other : "");
    }
    bool none = policy->mode == AMPHI_MODE_ONLY_CLOUD && !policy->cloud_enabled;
    if (none || (policy->mode == AMPHI_MODE_ONLY_LOCAL && !policy->local_enabled))
        amphi__buf_printf(out, "%smode %s and %s.enabled false leave %s", out->size > 0 ? "\n" : "",
            amphi_mode_name(policy->mode), none ? "cloud" : "local",
            none ? "no route" : "only a system's model on this device");
    if (!policy->local_enabled && !policy->cloud_enabled)
        amphi__buf_printf(out, "%slocal.enabled and cloud.enabled false leave %s",
            out->size > 0 ? "\n" : "",
            policy->system_enabled ? "only a system's model on this device" : "no route");
    if (policy->battery_resume_percent == policy->battery_min_percent)
        amphi__buf_printf(out,
            "%sbattery.resume_percent is battery.min_percent: at that mark routes change to and "
            "fro, once per decision.dwell_s",
            out->size > 0 ? "\n" : "");
}

/* ---- a payload on top of the app's document ---- */

static double at_least(double value, double least)
{
    return value < least ? least : value;
}

static double at_most(double value, double most)
{
    return value > most ? most : value;
}

/* How far a payload that wants `value` may go, where the app has `own`. */
static double steered(const amphi_policy_field *field, double own, double value)
{
    bool zero_is_none = field->steer == AMPHI_STEER_FREE_OR_0 || field->steer == AMPHI_STEER_BOUND;
    bool has_own = !zero_is_none || own != 0;
    double low = has_own ? at_most(field->floor, own) : field->floor;
    double high = has_own ? at_least(field->ceiling, own) : field->ceiling;
    double within = at_most(at_least(value, low), high);
    switch (field->steer) {
    case AMPHI_STEER_FREE:
        break;
    case AMPHI_STEER_FREE_OR_0:
        return value == 0 ? 0 : within;
    case AMPHI_STEER_DOWN:
        return at_most(within, own);
    case AMPHI_STEER_UP:
        return at_least(within, own);
    case AMPHI_STEER_BOUND:
        if (value == 0)
            return own; /* no bound: only where the app has none */
        return own == 0 ? within : at_most(within, own);
    case AMPHI_STEER_MODE:
        return own == AMPHI_MODE_ONLY_LOCAL ? own : value;
    }
    return within;
}

/* "memory.max_percent 1 became 20", on a line of its own */
static void say_held(
    amphi_buf *held, const amphi_policy_field *field, double wanted, double now, const char *why)
{
    amphi_json_writer writer;
    if (held == NULL)
        return;
    amphi__json_writer_init(&writer, held);
    amphi__buf_append_c(held, held->size > 0 ? "\n" : "");
    amphi__buf_append_c(held, field->name);
    amphi__buf_append_char(held, ' ');
    amphi__policy_put_value(&writer, NULL, field, wanted);
    amphi__buf_append_c(held, " became ");
    writer.comma = false;
    amphi__policy_put_value(&writer, NULL, field, now);
    amphi__buf_append_c(held, ": ");
    amphi__buf_append_c(held, why);
}

static const char *why_held(const amphi_policy_field *field)
{
    switch (field->steer) {
    case AMPHI_STEER_DOWN:
    case AMPHI_STEER_UP:
    case AMPHI_STEER_BOUND:
    case AMPHI_STEER_MODE:
        return "a payload may tighten it only";
    default:
        return "a payload may go no further";
    }
}

static void steer_fields(amphi_policy *policy, const amphi_policy *wanted,
    const amphi_policy_set *named, amphi_buf *held)
{
    size_t count;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        if (!amphi__policy_set_has(named, i))
            continue;
        bool is_pinned = amphi__policy_set_has(&policy->pinned, i);
        double own = amphi__policy_field_get(policy, &fields[i]);
        double value = amphi__policy_field_get(wanted, &fields[i]);
        double now = is_pinned ? own : steered(&fields[i], own, value);
        amphi__policy_field_set(policy, &fields[i], now);
        if (now != value)
            say_held(held, &fields[i], value, now, is_pinned ? "pinned" : why_held(&fields[i]));
    }
}

/* A contradiction within the payload itself is a mistake in it. */
static amphi_status check_payload(
    const amphi_policy *wanted, const amphi_policy_set *named, amphi_error *error)
{
    for (size_t i = 0; i < RELATIONS; i++) {
        amphi_policy_pair pair = pair_of(wanted, &relations[i]);
        if (pair.low_value > pair.high_value && amphi__policy_set_has(named, pair.low_index) &&
            amphi__policy_set_has(named, pair.high_index))
            return fail_pair(&pair, error);
    }
    return AMPHI_OK;
}

/* One with the app's values is settled: what the payload does not name follows, if it may; else
 * what the payload names yields. */
static void settle(amphi_policy *policy, const amphi_policy_set *named, amphi_buf *held)
{
    for (size_t i = 0; i < RELATIONS; i++) {
        amphi_policy_pair pair = pair_of(policy, &relations[i]);
        bool low_pinned = amphi__policy_set_has(&policy->pinned, pair.low_index);
        bool high_pinned = amphi__policy_set_has(&policy->pinned, pair.high_index);
        bool low_named = amphi__policy_set_has(named, pair.low_index);
        bool high_named = amphi__policy_set_has(named, pair.high_index);
        if (pair.low_value <= pair.high_value ||
            follow(policy, &pair, low_named || low_pinned, high_named || high_pinned))
            continue;
        bool high_yields = high_named && !high_pinned;
        const amphi_policy_field *field = high_yields ? pair.high : pair.low;
        double value = high_yields ? pair.high_value : pair.low_value;
        double now = high_yields ? pair.low_value : pair.high_value;
        amphi__policy_field_set(policy, field, now);
        say_held(held, field, value, now, high_yields ? pair.low->name : pair.high->name);
    }
}

amphi_status amphi__policy_apply_payload(
    amphi_policy *policy, amphi_str json, amphi_buf *held, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_policy wanted = *policy;
    amphi_policy changed = *policy;
    amphi_policy_set named = {{0}};
    amphi_status status = amphi__policy_parse(&root, json, error);
    if (status == AMPHI_OK)
        status = amphi__policy_read(&wanted, &named, false, root, error);
    if (status == AMPHI_OK)
        status = check_payload(&wanted, &named, error);
    amphi__json_free(root);
    if (status != AMPHI_OK)
        return status;
    steer_fields(&changed, &wanted, &named, held);
    settle(&changed, &named, held);
    if (held != NULL && held->status != AMPHI_OK)
        return amphi__fail_no_memory(error);
    *policy = changed;
    return AMPHI_OK;
}
