/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounded up, as everywhere: a sum of many answers is never too low.
 */
#include "sdk/client/answer_cost.h"

#include "sdk/client/context.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>

#define DOLLARS_MAX 1e9 /* more for one answer is no price but a mistake */

static bool is_cost(const amphi_json *value, uint64_t *out)
{
    double dollars = amphi__json_number(value, -1);
    if (!(dollars >= 0 && dollars <= DOLLARS_MAX))
        return false;
    *out = (uint64_t)ceil(dollars * 1e6 - 1e-6);
    return true;
}

bool amphi__answer_cost_read(amphi_str fields, uint64_t *microdollars)
{
    amphi_json *root = NULL;
    if (amphi__str_find(fields, AMPHI_STR("\"cost\"")) == SIZE_MAX ||
        amphi__json_parse(&root, fields, "extra", NULL) != AMPHI_OK)
        return false;
    const amphi_json *chunk = amphi__json_get(root, "chunk");
    const amphi_json *of_usage = amphi__json_get(amphi__json_get(chunk, "usage"), "cost");
    bool found = is_cost(of_usage, microdollars) ||
                 is_cost(amphi__json_get(of_usage, "total_cost"), microdollars) ||
                 is_cost(amphi__json_get(chunk, "cost"), microdollars);
    amphi__json_free(root);
    return found;
}

static uint32_t tokens_of(uint64_t bytes)
{
    uint64_t tokens = bytes / AMPHI_BYTES_PER_TOKEN + (bytes % AMPHI_BYTES_PER_TOKEN > 0);
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

bool amphi__answer_cost_is_due(const amphi_error *error, bool was_reached)
{
    switch (error->status) {
    case AMPHI_OK:
    case AMPHI_E_CANCELLED:
    case AMPHI_E_TIMEOUT:
    case AMPHI_E_TRUNCATED:
        return true;
    case AMPHI_E_PROTOCOL: /* of a redirection, too */
        return error->native_code < 300;
    case AMPHI_E_NETWORK:
        return was_reached;
    default:
        return false;
    }
}

bool amphi__answer_cost_is_sign(const amphi_engine_event *event)
{
    switch (event->kind) {
    case AMPHI_ENGINE_LEARNED: /* comes before a failure as well */
        return false;
    case AMPHI_ENGINE_FAIL:
        return event->bytes_received > 0;
    default:
        return true;
    }
}

amphi_answer_cost amphi__answer_cost_of(const amphi_attempt_bill *bill)
{
    const amphi_answer_cost nothing = {0, AMPHI_COST_SOURCE_NONE};
    const amphi_answer_cost unknown = {AMPHI_COST_UNKNOWN, AMPHI_COST_SOURCE_UNKNOWN};
    const amphi_usage *usage = &bill->usage;
    if (!bill->is_cloud)
        return nothing;
    if (bill->has_provider_cost)
        return (amphi_answer_cost){bill->provider_cost, AMPHI_COST_SOURCE_PROVIDER};
    if (!bill->has_usage && !bill->may_have_run)
        return nothing;
    if (!bill->price.is_known)
        return unknown;
    if (bill->has_usage)
        return (amphi_answer_cost){amphi__price_cost(&bill->price, usage->prompt_tokens,
                                       usage->cached_tokens, usage->completion_tokens),
            AMPHI_COST_SOURCE_PRICES};
    return (amphi_answer_cost){amphi__price_cost(&bill->price, tokens_of(bill->prompt_bytes), 0,
                                   tokens_of(bill->answer_bytes)),
        AMPHI_COST_SOURCE_ESTIMATE};
}

/* The larger, the less certain. */
static unsigned doubt(amphi_cost_source source)
{
    static const unsigned doubts[] = {
        [AMPHI_COST_SOURCE_NONE] = 0,
        [AMPHI_COST_SOURCE_PROVIDER] = 1,
        [AMPHI_COST_SOURCE_PRICES] = 2,
        [AMPHI_COST_SOURCE_ESTIMATE] = 3,
        [AMPHI_COST_SOURCE_UNKNOWN] = 4,
    };
    return doubts[source];
}

amphi_answer_cost amphi__answer_cost_join(amphi_answer_cost a, amphi_answer_cost b)
{
    amphi_answer_cost sum = {.source = doubt(a.source) > doubt(b.source) ? a.source : b.source};
    sum.microdollars = sum.source == AMPHI_COST_SOURCE_UNKNOWN
                           ? AMPHI_COST_UNKNOWN
                           : amphi__cost_add(a.microdollars, b.microdollars);
    return sum;
}

const char *amphi__cost_source_name(amphi_cost_source source)
{
    static const char *const names[] = {
        [AMPHI_COST_SOURCE_UNKNOWN] = "unknown",
        [AMPHI_COST_SOURCE_NONE] = "none",
        [AMPHI_COST_SOURCE_PRICES] = "prices",
        [AMPHI_COST_SOURCE_PROVIDER] = "provider",
        [AMPHI_COST_SOURCE_ESTIMATE] = "estimate",
    };
    return (unsigned)source < sizeof names / sizeof names[0] ? names[source] : "unknown";
}
