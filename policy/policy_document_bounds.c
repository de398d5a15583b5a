/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds that a field's own limits can't state: those between two fields of a document.
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

amphi_status amphi__policy_relate(
    amphi_policy *policy, const amphi_policy_set *named, amphi_error *error)
{
    for (size_t i = 0; i < RELATIONS; i++) {
        amphi_policy_pair pair = pair_of(policy, &relations[i]);
        if (pair.low_value <= pair.high_value)
            continue;
        if (!follow(policy, &pair, amphi__policy_set_has(named, pair.low_index),
                amphi__policy_set_has(named, pair.high_index)))
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "policy: %s (%.0f) must not be above %s (%.0f): change one of them", pair.low->name,
                pair.low_value, pair.high->name, pair.high_value);
    }
    return AMPHI_OK;
}
