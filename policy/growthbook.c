/* SPDX-License-Identifier: Apache-2.0
 *
 * Features and experiments: which value does this install get? Rules are tried from top to
 * bottom; the first whose condition, filters and coverage let the install in decides. Order and
 * edge cases follow the reference SDK, named in the comments where they surprise.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

/* The features whose prerequisites are being evaluated, innermost first. */
typedef struct amphi_gb_frame {
    amphi_str key;
    const struct amphi_gb_frame *outer;
    unsigned depth;
} amphi_gb_frame;

typedef enum amphi_gb_step { STEP_NEXT_RULE, STEP_DECIDED, STEP_GO_ON } amphi_gb_step;

static void evaluate(
    amphi_gb *gb, amphi_str key, const amphi_gb_frame *outer, amphi_gb_result *out);

void amphi__gb_init(amphi_gb *gb, const amphi_json *features, const amphi_json *attributes)
{
    memset(gb, 0, sizeof *gb);
    gb->features = features;
    gb->attributes = attributes;
    gb->steps_left = AMPHI_GB_STEPS_MAX;
}

void amphi__gb_feature(amphi_gb *gb, amphi_str key, amphi_gb_result *out)
{
    evaluate(gb, key, NULL, out);
}

const char *amphi__gb_source_name(amphi_gb_source source)
{
    static const char *const names[] = {"unknownFeature", "defaultValue", "force", "experiment",
        "prerequisite", "cyclicPrerequisite", "tooComplex"};
    return (unsigned)source < sizeof names / sizeof names[0] ? names[source] : "unknownFeature";
}

/* ---- attributes ---- */

/* JavaScript's "falsy": such an attribute can't be hashed. */
static bool is_empty(const amphi_json *value)
{
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_BOOL:
        return !amphi__json_bool(value, false);
    case AMPHI_JSON_NUMBER:
        return amphi__json_number(value, 0) == 0;
    case AMPHI_JSON_STRING:
        return amphi__json_string(value).size == 0;
    case AMPHI_JSON_ARRAY:
    case AMPHI_JSON_OBJECT:
        return false;
    default:
        return true;
    }
}

static const amphi_json *member_str(const amphi_json *object, amphi_str key)
{
    if (amphi__json_kind(object) != AMPHI_JSON_OBJECT)
        return NULL;
    const amphi_json *found = NULL; /* of duplicates the last counts */
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m))
        if (amphi__str_equal(amphi__json_key(m), key))
            found = m;
    return found;
}

static bool attribute_text(const amphi_gb *gb, const amphi_json *name, const char *otherwise,
    char room[40], amphi_str *out)
{
    amphi_str key = amphi__json_string(name);
    const amphi_json *value =
        member_str(gb->attributes, key.size > 0 ? key : amphi_str_from(otherwise));
    return !is_empty(value) && amphi__gb_text(value, room, out);
}

static bool hash_text(const amphi_gb *gb, const amphi_json *rule, char room[40], amphi_str *out)
{
    const amphi_json *fallback = amphi__json_get(rule, "fallbackAttribute");
    return attribute_text(gb, amphi__json_get(rule, "hashAttribute"), "id", room, out) ||
           (amphi__json_is_string(fallback) && attribute_text(gb, fallback, "", room, out));
}

static bool is_filtered_out(const amphi_gb *gb, const amphi_json *filters)
{
    for (const amphi_json *f = amphi__json_first(filters); f != NULL; f = amphi__json_next(f)) {
        char room[40];
        amphi_str user;
        if (!attribute_text(gb, amphi__json_get(f, "attribute"), "id", room, &user))
            return true;
        double bucket = amphi__gb_hash(amphi__json_string(amphi__json_get(f, "seed")), user,
            amphi__json_int(amphi__json_get(f, "hashVersion"), 2));
        bool inside = false;
        const amphi_json *ranges = amphi__json_get(f, "ranges");
        for (const amphi_json *r = amphi__json_first(ranges); r != NULL; r = amphi__json_next(r)) {
            amphi_gb_range range = amphi__gb_range_from(r);
            inside = inside || (bucket >= 0 && amphi__gb_in_range(bucket, &range));
        }
        if (!inside)
            return true;
    }
    return false;
}

static amphi_str seed_of(const amphi_json *rule, amphi_str otherwise)
{
    amphi_str seed = amphi__json_string(amphi__json_get(rule, "seed"));
    return seed.size > 0 ? seed : otherwise;
}

/* ---- rules ---- */

/* Coverage of a force rule. The reference compares with <= here, and with < in a range. */
static bool is_included(
    amphi_gb *gb, const amphi_json *rule, amphi_str feature_key, amphi_gb_result *out)
{
    const amphi_json *range_json = amphi__json_get(rule, "range");
    const amphi_json *coverage = amphi__json_get(rule, "coverage");
    bool has_range = amphi__json_kind(range_json) == AMPHI_JSON_ARRAY;
    bool has_coverage = amphi__json_kind(coverage) == AMPHI_JSON_NUMBER;
    if (!has_range && !has_coverage) {
        /* A coverage that is no number ("0.1") was meant to limit: it must not include every
         * install. */
        return coverage == NULL || amphi__json_kind(coverage) == AMPHI_JSON_NULL;
    }
    char room[40];
    amphi_str user;
    if (!has_range && amphi__json_number(coverage, 0) == 0) {
        out->has_bucket = false;
        return false;
    }
    if (!hash_text(gb, rule, room, &user))
        return false;
    double bucket = amphi__gb_hash(
        seed_of(rule, feature_key), user, amphi__json_int(amphi__json_get(rule, "hashVersion"), 1));
    if (bucket < 0)
        return false;
    out->has_bucket = true;
    out->bucket = bucket;
    out->coverage.from = 0;
    out->coverage.to = amphi__json_number(coverage, 1);
    if (has_range) {
        out->coverage = amphi__gb_range_from(range_json);
        return amphi__gb_in_range(bucket, &out->coverage);
    }
    return bucket <= out->coverage.to;
}

/* A prerequisite that fails skips the rule; one that is a gate decides: null. */
static amphi_gb_step check_parents(
    amphi_gb *gb, const amphi_json *rule, const amphi_gb_frame *frame, amphi_gb_result *out)
{
    const amphi_json *parents = amphi__json_get(rule, "parentConditions");
    for (const amphi_json *p = amphi__json_first(parents); p != NULL; p = amphi__json_next(p)) {
        amphi_gb_result parent;
        evaluate(gb, amphi__json_string(amphi__json_get(p, "id")), frame, &parent);
        if (parent.source == AMPHI_GB_CYCLIC_PREREQUISITE ||
            parent.source == AMPHI_GB_TOO_COMPLEX) {
            out->source = parent.source;
            return STEP_DECIDED;
        }
        if (!amphi__gb_condition(gb, parent.value, true, amphi__json_get(p, "condition"))) {
            if (!amphi__json_bool(amphi__json_get(p, "gate"), false))
                return STEP_NEXT_RULE;
            out->source = AMPHI_GB_PREREQUISITE;
            return STEP_DECIDED;
        }
    }
    return STEP_GO_ON;
}

static const amphi_json *variations_of(const amphi_gb *gb, const amphi_json *experiment)
{
    const amphi_json *variations = amphi__json_get(experiment, "variations");
    if (amphi__json_kind(variations) == AMPHI_JSON_ARRAY)
        return variations;
    /* A contextual bandit that has learnt nothing yet is an experiment like any other. */
    const amphi_json *bandit = member_str(
        gb->bandits, amphi__json_string(amphi__json_get(experiment, "contextualBanditRef")));
    bool is_plain = amphi__json_count(amphi__json_get(bandit, "contexts")) == 0;
    variations = amphi__json_get(experiment, "contextualVariations");
    return is_plain && amphi__json_kind(variations) == AMPHI_JSON_ARRAY ? variations : NULL;
}

static const amphi_json *element(const amphi_json *array, size_t index)
{
    const amphi_json *value = amphi__json_first(array);
    for (; value != NULL && index > 0; index--)
        value = amphi__json_next(value);
    return value;
}

/* The variation that the bucket falls into, or -1. */
static int choose_variation(
    const amphi_json *experiment, double bucket, size_t count, amphi_gb_result *out)
{
    amphi_gb_range ranges[AMPHI_GB_VARIATIONS_MAX];
    double weights[AMPHI_GB_VARIATIONS_MAX];
    size_t ranges_count = 0;
    const amphi_json *list = amphi__json_get(experiment, "ranges");
    if (amphi__json_kind(list) == AMPHI_JSON_ARRAY) {
        for (const amphi_json *r = amphi__json_first(list); r != NULL && ranges_count < count;
             r = amphi__json_next(r))
            ranges[ranges_count++] = amphi__gb_range_from(r);
    } else {
        size_t weights_count = 0;
        list = amphi__json_get(experiment, "weights");
        for (const amphi_json *w = amphi__json_first(list); w != NULL; w = amphi__json_next(w)) {
            if (weights_count < AMPHI_GB_VARIATIONS_MAX)
                weights[weights_count] = amphi__json_number(w, 0);
            weights_count++;
        }
        double coverage = amphi__json_number(amphi__json_get(experiment, "coverage"), 1);
        amphi__gb_bucket_ranges(ranges, count, coverage, weights_count == count ? weights : NULL,
            weights_count == count ? weights_count : 0);
        ranges_count = count;
    }
    int chosen = amphi__gb_choose(bucket, ranges, ranges_count);
    out->has_bucket = true;
    out->bucket = bucket;
    if (ranges_count > 0)
        out->coverage = ranges[chosen >= 0 ? chosen : 0];
    return chosen;
}

static bool variation_is(
    amphi_gb_result *out, const amphi_json *variations, size_t index, bool hash_used)
{
    out->variation = (int)index;
    out->value = element(variations, index);
    out->hash_used = hash_used;
    return true;
}

static bool may_take_part(
    amphi_gb *gb, const amphi_json *experiment, amphi_str user, const amphi_gb_frame *frame)
{
    const amphi_json *filters = amphi__json_get(experiment, "filters");
    const amphi_json *space = amphi__json_get(experiment, "namespace");
    if (amphi__json_kind(filters) == AMPHI_JSON_ARRAY) {
        if (is_filtered_out(gb, filters))
            return false; /* filters stand instead of a namespace */
    } else if (amphi__json_kind(space) == AMPHI_JSON_ARRAY &&
               !amphi__gb_in_namespace(user, space)) {
        return false;
    }
    const amphi_json *condition = amphi__json_get(experiment, "condition");
    if (condition != NULL && !amphi__gb_condition(gb, gb->attributes, false, condition))
        return false;
    amphi_gb_result unused;
    return check_parents(gb, experiment, frame, &unused) == STEP_GO_ON;
}

static bool run_experiment(amphi_gb *gb, const amphi_json *experiment, amphi_str feature_key,
    const amphi_gb_frame *frame, amphi_gb_result *out)
{
    const amphi_json *variations = variations_of(gb, experiment);
    size_t count = amphi__json_count(variations);
    amphi_str key = amphi__json_string(amphi__json_get(experiment, "key"));
    key = key.size > 0 ? key : feature_key;
    variation_is(out, variations, 0, false);
    if (count < 2 || count > AMPHI_GB_VARIATIONS_MAX)
        return false;
    int64_t forced = amphi__json_int(member_str(gb->forced_variations, key), -1);
    if (forced >= 0 && (uint64_t)forced < count)
        return variation_is(out, variations, (size_t)forced, false);
    if (!amphi__json_bool(amphi__json_get(experiment, "active"), true) ||
        amphi__str_equal_c(amphi__json_string(amphi__json_get(experiment, "status")), "draft"))
        return false;
    char room[40];
    amphi_str user;
    if (!hash_text(gb, experiment, room, &user) || !may_take_part(gb, experiment, user, frame))
        return false;
    double bucket = amphi__gb_hash(seed_of(experiment, key), user,
        amphi__json_int(amphi__json_get(experiment, "hashVersion"), 1));
    int chosen = bucket < 0 ? -1 : choose_variation(experiment, bucket, count, out);
    if (chosen < 0)
        return false;
    const amphi_json *force = amphi__json_get(experiment, "force");
    if (force != NULL) { /* one that does not exist includes no install */
        forced = amphi__json_int(force, -1);
        return forced >= 0 && (uint64_t)forced < count &&
               variation_is(out, variations, (size_t)forced, false);
    }
    return variation_is(out, variations, (size_t)chosen, true);
}

bool amphi__gb_experiment(
    amphi_gb *gb, const amphi_json *experiment, amphi_str feature_key, amphi_gb_result *out)
{
    memset(out, 0, sizeof *out);
    out->rule_index = -1;
    return run_experiment(gb, experiment, feature_key, NULL, out);
}

static amphi_gb_step try_rule(
    amphi_gb *gb, const amphi_json *rule, const amphi_gb_frame *frame, amphi_gb_result *out)
{
    amphi_gb_step step = check_parents(gb, rule, frame, out);
    if (step != STEP_GO_ON)
        return step;
    if (is_filtered_out(gb, amphi__json_get(rule, "filters")))
        return STEP_NEXT_RULE;
    const amphi_json *force = amphi__json_get(rule, "force");
    if (force != NULL) {
        const amphi_json *condition = amphi__json_get(rule, "condition");
        if ((condition != NULL && !amphi__gb_condition(gb, gb->attributes, false, condition)) ||
            !is_included(gb, rule, frame->key, out))
            return STEP_NEXT_RULE;
        out->value = force;
        out->source = AMPHI_GB_FORCE;
        return STEP_DECIDED;
    }
    amphi_gb_result result = *out;
    bool is_in = run_experiment(gb, rule, frame->key, frame, &result);
    out->has_bucket = result.has_bucket;
    out->bucket = result.bucket;
    out->coverage = result.coverage;
    const amphi_json *meta = element(
        amphi__json_get(rule, "meta"), result.variation >= 0 ? (size_t)result.variation : 0);
    if (!is_in || amphi__json_bool(amphi__json_get(meta, "passthrough"), false))
        return STEP_NEXT_RULE;
    *out = result;
    out->source = AMPHI_GB_EXPERIMENT;
    return STEP_DECIDED;
}

static bool is_cyclic(amphi_str key, const amphi_gb_frame *frame)
{
    for (; frame != NULL; frame = frame->outer)
        if (amphi__str_equal(frame->key, key))
            return true;
    return false;
}

static void evaluate(amphi_gb *gb, amphi_str key, const amphi_gb_frame *outer, amphi_gb_result *out)
{
    amphi_gb_frame frame = {key, outer, outer != NULL ? outer->depth + 1 : 0};
    memset(out, 0, sizeof *out);
    out->rule_index = -1;
    out->variation = -1;
    const amphi_json *feature = member_str(gb->features, key);
    if (is_cyclic(key, outer)) {
        out->source = AMPHI_GB_CYCLIC_PREREQUISITE;
        return;
    }
    if (feature == NULL) {
        out->source = AMPHI_GB_UNKNOWN_FEATURE;
        return;
    }
    int index = 0;
    const amphi_json *rules = amphi__json_get(feature, "rules");
    for (const amphi_json *r = amphi__json_first(rules); r != NULL; r = amphi__json_next(r)) {
        if (gb->steps_left == 0 || frame.depth >= AMPHI_GB_DEPTH_MAX) {
            out->value = NULL;
            out->source = AMPHI_GB_TOO_COMPLEX;
            return;
        }
        gb->steps_left--;
        bool had_bucket = out->has_bucket;
        out->has_bucket = false;
        amphi_gb_step step = try_rule(gb, r, &frame, out);
        if (gb->steps_left == 0) { /* whatever the rule gave, not everything was evaluated */
            out->value = NULL;
            out->source = AMPHI_GB_TOO_COMPLEX;
            return;
        }
        if (step == STEP_DECIDED || out->has_bucket)
            out->rule_index = index;
        if (step == STEP_DECIDED)
            return;
        out->has_bucket = out->has_bucket || had_bucket;
        index++;
    }
    out->value = amphi__json_get(feature, "defaultValue");
    out->source = AMPHI_GB_DEFAULT_VALUE;
}
