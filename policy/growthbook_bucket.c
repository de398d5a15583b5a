/* SPDX-License-Identifier: Apache-2.0
 *
 * The bucket of a rollout: a hash of seed and attribute value gives a number from 0 to 1 that is
 * the same on every start and in every GrowthBook SDK, and a range of such numbers is what a
 * coverage, a variation or a namespace covers. Pure.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* FNV-1a, 32 bits, over UTF-16 units as JavaScript's charCodeAt gives them. */
static uint32_t fnv1a(uint32_t hash, amphi_str text)
{
    while (text.size > 0) {
        uint32_t c = 0;
        size_t size = amphi__utf8_decode(text, &c);
        if (size == 0) {
            c = (unsigned char)text.data[0];
            size = 1;
        }
        if (c >= 0x10000) {
            hash = (hash ^ (0xd800 + ((c - 0x10000) >> 10))) * 0x01000193u;
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        hash = (hash ^ c) * 0x01000193u;
        text = amphi__str_slice(text, size, text.size);
    }
    return hash;
}

#define FNV_START 0x811c9dc5u

double amphi__gb_hash(amphi_str seed, amphi_str value, int64_t version)
{
    if (version == 2) {
        char digits[16];
        uint32_t first = fnv1a(fnv1a(FNV_START, seed), value);
        snprintf(digits, sizeof digits, "%u", first);
        return (fnv1a(FNV_START, amphi_str_from(digits)) % 10000) / 10000.0;
    }
    if (version == 1)
        return (fnv1a(fnv1a(FNV_START, value), seed) % 1000) / 1000.0;
    return -1;
}

bool amphi__gb_in_range(double bucket, const amphi_gb_range *range)
{
    return bucket >= range->from && bucket < range->to;
}

amphi_gb_range amphi__gb_range_from(const amphi_json *pair)
{
    amphi_gb_range range = {amphi__gb_index_number(pair, 0), amphi__gb_index_number(pair, 1)};
    return range;
}

bool amphi__gb_in_namespace(amphi_str user, const amphi_json *name_and_range)
{
    char room[40];
    amphi_str seed;
    if (!amphi__gb_text(amphi__gb_element(name_and_range, 0), room, &seed))
        return false;
    uint32_t hash = fnv1a(fnv1a(fnv1a(FNV_START, user), AMPHI_STR("__")), seed);
    amphi_gb_range range = {
        amphi__gb_index_number(name_and_range, 1), amphi__gb_index_number(name_and_range, 2)};
    return amphi__gb_in_range((hash % 1000) / 1000.0, &range);
}

double amphi__gb_equal_weight(int64_t count)
{
    return count > 0 ? 1.0 / (double)count : 0;
}

void amphi__gb_bucket_ranges(
    amphi_gb_range *out, size_t count, double coverage, const double *weights, size_t weights_count)
{
    double sum = 0;
    coverage = coverage < 0 ? 0 : coverage > 1 ? 1 : coverage;
    for (size_t i = 0; i < weights_count; i++)
        sum += weights[i];
    bool usable = weights != NULL && weights_count == count && sum >= 0.99 && sum <= 1.01;
    double at = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = usable ? weights[i] : amphi__gb_equal_weight((int64_t)count);
        out[i].from = at;
        out[i].to = at + coverage * weight;
        at += weight;
    }
}

int amphi__gb_choose(double bucket, const amphi_gb_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (amphi__gb_in_range(bucket, &ranges[i]))
            return (int)i;
    return -1;
}
