/* SPDX-License-Identifier: Apache-2.0
 *
 * See route_score.h. Units of the weights: per second, US cent, MiB, second of computing on an
 * empty battery, step of heat.
 */
#include "policy/route_score.h"

/* Of routes that nothing is known of. */
#define USUAL_LOCAL_FIRST_S    1.0
#define USUAL_LOCAL_PER_SECOND 15.0
#define USUAL_CLOUD_FIRST_S    0.8
#define USUAL_CLOUD_PER_SECOND 40.0
#define USUAL_PROMPT_TOKENS    500u
#define USUAL_ANSWER_TOKENS    300u
#define UNKNOWN_PRICE_CENTS    1.0
#define BYTES_PER_TOKEN        200.0 /* an event of a stream */
#define BYTES_PER_PROMPT_TOKEN 4.0
#define BYTES_PER_REQUEST      8192.0
#define MICRODOLLARS_PER_CENT  10000.0
#define BETTER                 0.9

bool amphi__score_is_wanted(const amphi_policy *policy)
{
    return policy->weight_first_token > 0 || policy->weight_total > 0 || policy->weight_cost > 0 ||
           policy->weight_battery > 0 || policy->weight_heat > 0 || policy->weight_metered > 0;
}

static bool is_here(const amphi_judgement *j)
{
    return amphi__policy_is_on_device(&j->route->info);
}

static bool knows(const amphi_judgement *j, uint32_t fact)
{
    return (j->facts->device.known & fact) != 0;
}

static double first_token_s(const amphi_judgement *j)
{
    double usual = is_here(j) ? USUAL_LOCAL_FIRST_S : USUAL_CLOUD_FIRST_S;
    double known = j->route->pace.first_token_ms / 1000.0;
    double rtt = is_here(j) || !knows(j, AMPHI_FACT_LATENCY) ? 0 : j->facts->device.rtt_ms / 1000.0;
    return known > 0 ? known : usual + rtt;
}

static double total_s(const amphi_judgement *j)
{
    double rate = is_here(j) ? USUAL_LOCAL_PER_SECOND : USUAL_CLOUD_PER_SECOND;
    if (j->route->pace.tokens_per_second > 0)
        rate = (double)j->route->pace.tokens_per_second;
    if (j->step.tokens_per_second_max > 0 && rate > (double)j->step.tokens_per_second_max)
        rate = (double)j->step.tokens_per_second_max;
    return first_token_s(j) + USUAL_ANSWER_TOKENS / rate;
}

static double cost_cents(const amphi_judgement *j)
{
    if (is_here(j))
        return 0;
    uint64_t estimate = amphi__policy_estimate(j->route, USUAL_PROMPT_TOKENS, USUAL_ANSWER_TOKENS);
    return estimate == AMPHI_COST_UNKNOWN ? UNKNOWN_PRICE_CENTS
                                          : (double)estimate / MICRODOLLARS_PER_CENT;
}

/* Seconds of computing, by how empty the battery is. */
static double battery_use(const amphi_judgement *j)
{
    const amphi_device_facts *device = &j->facts->device;
    if (!is_here(j) || !knows(j, AMPHI_FACT_BATTERY) || device->charging)
        return 0;
    unsigned left = device->battery_percent < 100 ? device->battery_percent : 100;
    return total_s(j) * (100 - left) / 100;
}

static double heat_steps(const amphi_judgement *j)
{
    amphi_thermal now = j->facts->device.thermal;
    bool is_warm = knows(j, AMPHI_FACT_THERMAL) && now > AMPHI_THERMAL_NOMINAL;
    return is_here(j) && is_warm ? (double)(now - AMPHI_THERMAL_NOMINAL) : 0;
}

static double metered_mib(const amphi_judgement *j)
{
    bool is_metered = knows(j, AMPHI_FACT_NETWORK) &&
                      j->facts->device.network == AMPHI_NETWORK_METERED &&
                      !j->route->needs_no_network;
    double bytes = BYTES_PER_REQUEST + BYTES_PER_TOKEN * USUAL_ANSWER_TOKENS +
                   BYTES_PER_PROMPT_TOKEN * USUAL_PROMPT_TOKENS;
    return !is_here(j) && is_metered ? bytes / (1 << 20) : 0;
}

double amphi__score(const amphi_judgement *j)
{
    const amphi_policy *policy = j->policy;
    return (double)policy->weight_first_token * first_token_s(j) +
           (double)policy->weight_total * total_s(j) + (double)policy->weight_cost * cost_cents(j) +
           (double)policy->weight_battery * battery_use(j) +
           (double)policy->weight_heat * heat_steps(j) +
           (double)policy->weight_metered * metered_mib(j);
}

bool amphi__score_is_better(amphi_judgement *cloud, double best_local)
{
    double own = amphi__score(cloud);
    const amphi_crossing crossing = {
        .enters = own < best_local * BETTER, .leaves = own >= best_local};
    return amphi__rule_threshold(cloud, AMPHI_THRESHOLD_WEIGHED, &crossing);
}
