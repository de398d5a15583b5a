/* SPDX-License-Identifier: Apache-2.0
 *
 * See device_rules.h.
 */
#include "policy/device_rules.h"
#include "policy/policy_document.h"
#include "policy/route_cost.h"

/* Of heat_forecast_percent: 100 is serious. */
#define FORECAST_HOT_PERCENT  100u
#define FORECAST_COOL_PERCENT 85u
/* About as fast as people read (decision 0004). */
#define HOT_TOKENS_PER_SECOND 8.0f
/* What an answer of unknown pace is taken to need. */
#define ANSWER_USUAL_MS 20000u
/* After a critical battery, this much more before a model starts again. */
#define CRITICAL_MARGIN_PERCENT 2u

static bool is_local(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_LOCAL;
}

static bool knows(const amphi_judgement *j, uint32_t fact)
{
    return (j->facts->device.known & fact) != 0;
}

amphi_verdict amphi__rule_pressure(amphi_judgement *j)
{
    uint32_t level = knows(j, AMPHI_FACT_PRESSURE) ? j->facts->device.memory_pressure : 0;
    if (!is_local(j))
        return AMPHI_VERDICT_KEEP;
    const amphi_crossing critical = {.enters = level >= 2, .leaves = level < 2, .urgent = true};
    const amphi_crossing held = {.enters = level >= 1, .leaves = level < 1};
    bool is_critical =
        amphi__rule_fact(j, AMPHI_FACT_PRESSURE, AMPHI_THRESHOLD_PRESSURE_CRITICAL, &critical);
    bool is_held = amphi__rule_fact(j, AMPHI_FACT_PRESSURE, AMPHI_THRESHOLD_PRESSURE_HELD, &held);
    if (is_critical)
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_MEMORY_PRESSURE,
            level >= 2 ? "memory pressure is critical" : "memory pressure was critical just now");
    if (is_held && !j->route->info.ready)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_MEMORY_PRESSURE,
            level >= 1 ? "memory is under pressure, and the model is not loaded"
                       : "memory was under pressure just now, and the model is not loaded");
    return AMPHI_VERDICT_KEEP;
}

/* It will be hot before the answer is over, as far as a forecast can tell. */
static bool will_be_hot(amphi_judgement *j)
{
    uint32_t percent = j->facts->device.heat_forecast_percent;
    const amphi_crossing crossing = {
        .enters = percent >= FORECAST_HOT_PERCENT, .leaves = percent <= FORECAST_COOL_PERCENT};
    return amphi__rule_fact(j, AMPHI_FACT_FORECAST, AMPHI_THRESHOLD_FORECAST, &crossing);
}

/* A warm device computes with fewer threads; a hot one with one, slower than the cloud and no
 * faster than it is read. */
static void go_easy(amphi_judgement *j, amphi_thermal now)
{
    const amphi_crossing hot = {
        .enters = now >= AMPHI_THERMAL_SERIOUS, .leaves = now < AMPHI_THERMAL_SERIOUS};
    bool is_hot = amphi__rule_fact(j, AMPHI_FACT_THERMAL, AMPHI_THRESHOLD_THERMAL_SLOW, &hot);
    bool is_soon = will_be_hot(j);
    if (is_hot) {
        bool is_felt = amphi__rule_fewer_threads(j, 1, "device hot");
        is_felt |= amphi__rule_slower_pace(j, HOT_TOKENS_PER_SECOND, "device hot") &&
                   j->route->pace.tokens_per_second > HOT_TOKENS_PER_SECOND;
        if (is_felt)
            amphi__rule_degrade(j, AMPHI_REASON_THERMAL);
    } else if (is_soon) {
        if (amphi__rule_fewer_threads(j, 2, "the device will soon be hot"))
            amphi__rule_degrade(j, AMPHI_REASON_THERMAL);
    } else if (now >= AMPHI_THERMAL_FAIR) {
        amphi__rule_fewer_threads(j, 2, "device warm");
    }
}

amphi_verdict amphi__rule_thermal(amphi_judgement *j)
{
    if (!amphi__policy_is_on_device(&j->route->info))
        return AMPHI_VERDICT_KEEP;
    bool is_known = knows(j, AMPHI_FACT_THERMAL);
    amphi_thermal now = is_known ? j->facts->device.thermal : AMPHI_THERMAL_NOMINAL;
    amphi_thermal limit = j->policy->thermal_max;
    amphi_thermal back = limit > AMPHI_THERMAL_NOMINAL ? (amphi_thermal)(limit - 1) : limit;
    const amphi_crossing critical = {.enters = now >= AMPHI_THERMAL_CRITICAL,
        .leaves = now < AMPHI_THERMAL_CRITICAL,
        .urgent = true};
    const amphi_crossing held = {.enters = now > limit, .leaves = now <= back};
    bool is_critical =
        amphi__rule_fact(j, AMPHI_FACT_THERMAL, AMPHI_THRESHOLD_THERMAL_CRITICAL, &critical);
    bool is_held = amphi__rule_fact(j, AMPHI_FACT_THERMAL, AMPHI_THRESHOLD_THERMAL_HELD, &held);
    if (is_local(j) && !is_critical) /* the system slows its own model down */
        go_easy(j, now);
    if (is_critical)
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_THERMAL,
            now >= AMPHI_THERMAL_CRITICAL ? "thermal state is critical"
                                          : "thermal state was critical just now");
    if (!is_held)
        return AMPHI_VERDICT_KEEP;
    if (!is_known)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_THERMAL,
            "thermal state was above %s just now, and is not known any more",
            amphi__policy_thermal_name(limit));
    if (now > limit)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_THERMAL,
            "thermal state %s is above %s", amphi__policy_thermal_name(now),
            amphi__policy_thermal_name(limit));
    return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_THERMAL,
        "thermal state %s was above %s; %s for a while lets it start again",
        amphi__policy_thermal_name(now), amphi__policy_thermal_name(limit),
        amphi__policy_thermal_name(back));
}

/* Critical: below, or it was and has not come back by its margin, nor charges for a dwell. */
static bool is_battery_critical(amphi_judgement *j, uint32_t percent, bool charging)
{
    uint32_t critical = j->policy->battery_critical_percent;
    uint32_t back =
        critical + CRITICAL_MARGIN_PERCENT < 100 ? critical + CRITICAL_MARGIN_PERCENT : 100;
    const amphi_crossing crossing = {.enters = !charging && percent < critical,
        .leaves = charging || percent >= back,
        .urgent = true};
    return amphi__rule_fact(j, AMPHI_FACT_BATTERY, AMPHI_THRESHOLD_BATTERY_CRITICAL, &crossing);
}

/* The system asks every app to use less. */
static bool is_saving(amphi_judgement *j, bool charging)
{
    bool saves = j->facts->device.power_save == AMPHI_YES && !charging;
    const amphi_crossing crossing = {.enters = saves, .leaves = !saves};
    return amphi__rule_fact(j, AMPHI_FACT_POWER_SAVE, AMPHI_THRESHOLD_POWER_SAVE, &crossing);
}

static void spare_battery(amphi_judgement *j, uint32_t percent, bool charging)
{
    if (is_saving(j, charging) && is_local(j) &&
        amphi__rule_fewer_threads(j, 2, "the battery saver is on"))
        amphi__rule_degrade(j, AMPHI_REASON_BATTERY_LOW);
    /* Twice the minimum is early enough to be gentle; it does not change the order. */
    if (!charging && percent < 2 * j->policy->battery_min_percent && is_local(j))
        amphi__rule_fewer_threads(j, 2, "to spare the battery");
}

static amphi_verdict say_critical(amphi_judgement *j, uint32_t percent, bool charging)
{
    uint32_t critical = j->policy->battery_critical_percent;
    if (!knows(j, AMPHI_FACT_BATTERY))
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_BATTERY_LOW,
            "the battery was critical just now (below %u %%), and is not known any more", critical);
    if (charging)
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_BATTERY_LOW,
            "battery %u %% was critical just now, and charges since a moment only", percent);
    return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_BATTERY_LOW,
        percent < critical ? "battery %u %% is critical (below %u %%), not charging"
                           : "battery %u %% was critical just now (below %u %%), not charging",
        percent, critical);
}

amphi_verdict amphi__rule_battery(amphi_judgement *j)
{
    const amphi_device_facts *device = &j->facts->device;
    if (!amphi__policy_is_on_device(&j->route->info))
        return AMPHI_VERDICT_KEEP;
    bool is_known = knows(j, AMPHI_FACT_BATTERY);
    bool charging = is_known && device->charging;
    uint32_t percent = is_known ? device->battery_percent : 100;
    uint32_t low = j->policy->battery_min_percent;
    uint32_t resume = j->policy->battery_resume_percent;
    const amphi_crossing is_low = {
        .enters = !charging && percent < low, .leaves = charging || percent >= resume};
    bool is_critical = is_battery_critical(j, percent, charging);
    bool is_held = amphi__rule_fact(j, AMPHI_FACT_BATTERY, AMPHI_THRESHOLD_BATTERY_LOW, &is_low);
    spare_battery(j, percent, charging);
    if (is_critical)
        return say_critical(j, percent, charging);
    if (!is_held)
        return AMPHI_VERDICT_KEEP;
    if (!is_known)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_BATTERY_LOW,
            "the battery was low just now (below %u %%), and is not known any more", low);
    if (charging)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_BATTERY_LOW,
            "battery %u %% was low, and charges since a moment only", percent);
    if (percent < low)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_BATTERY_LOW,
            "battery %u %% is below %u %%, not charging", percent, low);
    return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_BATTERY_LOW,
        "battery %u %% was low and is not back at %u %%, not charging", percent, resume);
}

/* The first token, and as many as the answer is expected to have, at this route's own pace. */
static uint64_t expected_ms(const amphi_judgement *j)
{
    const amphi_policy_pace *pace = &j->route->pace;
    uint32_t tokens = amphi__policy_answer_tokens(j->route, j->step.answer_tokens_max);
    if (pace->tokens_per_second <= 0 || tokens == 0)
        return ANSWER_USUAL_MS;
    return pace->first_token_ms +
           (uint64_t)((double)tokens * 1000 / (double)pace->tokens_per_second);
}

amphi_verdict amphi__rule_suspension(amphi_judgement *j)
{
    uint32_t left_ms = amphi__policy_background_left_ms(&j->facts->device);
    if (!amphi__policy_is_on_device(&j->route->info) || left_ms == UINT32_MAX)
        return AMPHI_VERDICT_KEEP;
    if (left_ms <= AMPHI_BACKGROUND_MARGIN_MS)
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_BACKGROUND,
            "the app is in the background, and the system lets it run for %u ms more", left_ms);
    if (expected_ms(j) + AMPHI_BACKGROUND_MARGIN_MS > left_ms)
        return amphi__rule_speak(j, AMPHI_VERDICT_SOFT, AMPHI_REASON_BACKGROUND,
            "the app may run for %u s more in the background, and the answer takes about %u s",
            left_ms / 1000, (unsigned)(expected_ms(j) / 1000));
    return AMPHI_VERDICT_KEEP;
}
