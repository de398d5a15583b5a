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

bool amphi__gb_charge(amphi_gb *gb, uint64_t steps)
{
    gb->steps_left = steps < gb->steps_left ? gb->steps_left - (uint32_t)steps : 0;
    return gb->steps_left > 0;
}

const char *amphi__gb_source_name(amphi_gb_source source)
{
    static const char *const names[] = {"unknownFeature", "defaultValue", "force", "experiment",
        "prerequisite", "cyclicPrerequisite", "tooComplex", "misshapen"};
    return (unsigned)source < sizeof names / sizeof names[0] ? names[source] : "unknownFeature";
}

/* ---- attributes ---- */

static bool attribute_text(
    const amphi_gb *gb, const amphi_json *name, char room[40], amphi_str *out)
{
    amphi_str key = AMPHI_STR("id");
    char name_room[40];
    if (amphi__gb_is_true(name) && !amphi__gb_text(name, name_room, &key))
        return false;
    const amphi_json *value = amphi__gb_member(gb->attributes, key);
    return amphi__gb_is_true(value) && amphi__gb_text(value, room, out);
}

/* A version that is no number is none that the reference knows. */
static int64_t hash_version(const amphi_json *version, int64_t otherwise)
{
    return amphi__gb_is_true(version) ? amphi__json_int(version, -1) : otherwise;
}

/* false: no text, so nothing can be hashed with it. */
static bool text_or(const amphi_json *value, amphi_str otherwise, char room[40], amphi_str *out)
{
    *out = otherwise;
    return !amphi__gb_is_true(value) || amphi__gb_text(value, room, out);
}

/* Two numbers would be added up rather than written one behind the other, as JavaScript has it: no
 * bucket that is meant. */
static bool is_sum(const amphi_gb *gb, const amphi_json *name, const amphi_json *seed)
{
    char room[40];
    amphi_str key = AMPHI_STR("id");
    if (amphi__gb_is_true(name))
        (void)amphi__gb_text(name, room, &key);
    return amphi__json_kind(seed) == AMPHI_JSON_NUMBER && amphi__gb_is_true(seed) &&
           amphi__json_kind(amphi__gb_member(gb->attributes, key)) == AMPHI_JSON_NUMBER;
}

static bool passes_filter(amphi_gb *gb, const amphi_json *filter)
{
    char room[40];
    char seed_room[40];
    amphi_str user;
    amphi_str seed = AMPHI_STR("undefined"); /* as the reference hashes without one */
    if (amphi__json_kind(filter) != AMPHI_JSON_OBJECT) {
        amphi__gb_give_up(gb);
        return false;
    }
    if (!attribute_text(gb, amphi__json_get(filter, "attribute"), room, &user))
        return false;
    const amphi_json *given = amphi__json_get(filter, "seed");
    if ((given != NULL && !amphi__gb_text(given, seed_room, &seed)) ||
        is_sum(gb, amphi__json_get(filter, "attribute"), given)) {
        amphi__gb_give_up(gb);
        return false;
    }
    double bucket =
        amphi__gb_hash(seed, user, hash_version(amphi__json_get(filter, "hashVersion"), 2));
    if (bucket < 0)
        return false;
    const amphi_json *ranges = amphi__json_get(filter, "ranges");
    bool inside = false;
    if (amphi__json_kind(ranges) != AMPHI_JSON_ARRAY)
        amphi__gb_give_up(gb);
    for (const amphi_json *r = amphi__json_first(ranges); r != NULL && !inside;
         r = amphi__json_next(r)) {
        amphi_gb_range range = amphi__gb_range_from(r);
        inside = amphi__gb_in_range(bucket, &range);
        if (amphi__json_kind(r) == AMPHI_JSON_NULL)
            amphi__gb_give_up(gb);
    }
    return inside && !gb->is_misshapen;
}

static bool is_filtered_out(amphi_gb *gb, const amphi_json *filters)
{
    if (!amphi__gb_is_true(filters))
        return false;
    if (amphi__json_kind(filters) != AMPHI_JSON_ARRAY) {
        amphi__gb_give_up(gb);
        return true;
    }
    for (const amphi_json *f = amphi__json_first(filters); f != NULL; f = amphi__json_next(f))
        if (!passes_filter(gb, f))
            return true;
    return false;
}

static bool meets_condition(amphi_gb *gb, const amphi_json *rule)
{
    const amphi_json *condition = amphi__json_get(rule, "condition");
    return !amphi__gb_is_true(condition) ||
           amphi__gb_condition(gb, gb->attributes, false, condition);
}

/* ---- rules ---- */

/* Coverage of a force rule. The reference compares with <= here, and with < in a range. */
static bool is_included(
    amphi_gb *gb, const amphi_json *rule, amphi_str feature_key, amphi_gb_result *out)
{
    const amphi_json *range = amphi__json_get(rule, "range");
    const amphi_json *coverage = amphi__json_get(rule, "coverage");
    bool has_range = amphi__gb_is_true(range);
    char room[40];
    char seed_room[40];
    amphi_str user;
    amphi_str seed;
    if (!has_range && coverage == NULL)
        return true;
    if (!has_range && amphi__json_number(coverage, 1) == 0) {
        out->has_bucket = false;
        return false;
    }
    if (!attribute_text(gb, amphi__json_get(rule, "hashAttribute"), room, &user))
        return false;
    const amphi_json *given = amphi__json_get(rule, "seed");
    if (!text_or(given, feature_key, seed_room, &seed) ||
        is_sum(gb, amphi__json_get(rule, "hashAttribute"), given)) {
        amphi__gb_give_up(gb);
        return false;
    }
    double bucket =
        amphi__gb_hash(seed, user, hash_version(amphi__json_get(rule, "hashVersion"), 1));
    if (bucket < 0)
        return false;
    out->has_bucket = true;
    out->bucket = bucket;
    out->coverage.from = 0;
    out->coverage.to = amphi__gb_number(coverage);
    if (has_range) {
        out->coverage = amphi__gb_range_from(range);
        return amphi__gb_in_range(bucket, &out->coverage);
    }
    return bucket <= out->coverage.to;
}

static bool meets_parent(amphi_gb *gb, const amphi_json *value, const amphi_json *condition)
{
    return !amphi__gb_is_true(condition) || amphi__gb_condition(gb, value, true, condition);
}

/* A prerequisite that fails skips the rule; one that is a gate decides: null. */
static amphi_gb_step check_parents(
    amphi_gb *gb, const amphi_json *rule, const amphi_gb_frame *frame, amphi_gb_result *out)
{
    const amphi_json *parents = amphi__json_get(rule, "parentConditions");
    if (amphi__gb_is_true(parents) && amphi__json_kind(parents) != AMPHI_JSON_ARRAY)
        amphi__gb_give_up(gb);
    for (const amphi_json *p = amphi__json_first(parents); p != NULL; p = amphi__json_next(p)) {
        amphi_gb_result parent;
        const amphi_json *id = amphi__json_get(p, "id");
        if (gb->is_misshapen || amphi__json_kind(p) != AMPHI_JSON_OBJECT ||
            (id != NULL && !amphi__json_is_string(id))) {
            amphi__gb_give_up(gb);
            return STEP_NEXT_RULE;
        }
        evaluate(gb, amphi__json_string(id), frame, &parent);
        if (parent.source == AMPHI_GB_CYCLIC_PREREQUISITE ||
            parent.source >= AMPHI_GB_TOO_COMPLEX) {
            out->source = parent.source;
            return STEP_DECIDED;
        }
        if (!meets_parent(gb, parent.value, amphi__json_get(p, "condition"))) {
            if (!amphi__gb_is_true(amphi__json_get(p, "gate")))
                return STEP_NEXT_RULE;
            out->source = AMPHI_GB_PREREQUISITE;
            return STEP_DECIDED;
        }
    }
    return STEP_GO_ON;
}

/* Those of a contextual bandit stand before others. NULL: no list of them, so no experiment. */
static const amphi_json *variations_of(const amphi_json *experiment)
{
    const amphi_json *variations = amphi__json_get(experiment, "contextualVariations");
    if (amphi__json_kind(variations) <= AMPHI_JSON_NULL)
        variations = amphi__json_get(experiment, "variations");
    return amphi__json_kind(variations) == AMPHI_JSON_ARRAY ? variations : NULL;
}

/* A contextual bandit has learnt weights for some of the installs: the first of its contexts that
 * this one meets. */
static const amphi_json *weights_of(amphi_gb *gb, const amphi_json *experiment)
{
    amphi_str ref = amphi__json_string(amphi__json_get(experiment, "contextualBanditRef"));
    const amphi_json *contexts =
        amphi__json_get(ref.size > 0 ? amphi__gb_member(gb->bandits, ref) : NULL, "contexts");
    if (amphi__json_kind(contexts) == AMPHI_JSON_ARRAY)
        for (const amphi_json *c = amphi__json_first(contexts); c != NULL; c = amphi__json_next(c))
            if (meets_condition(gb, c))
                return amphi__json_get(c, "weights");
    return amphi__json_get(experiment, "weights");
}

/* Into `weights`, which has room for `count`; how many there are. Other than `count` of them count
 * as none. */
static size_t read_weights(amphi_gb *gb, const amphi_json *list, double *weights, size_t count)
{
    if (amphi__json_kind(list) == AMPHI_JSON_STRING && amphi__json_string(list).size == count)
        amphi__gb_give_up(gb);
    if (amphi__json_kind(list) != AMPHI_JSON_ARRAY || amphi__json_count(list) != count)
        return 0;
    for (const amphi_json *w = amphi__json_first(list); w != NULL; w = amphi__json_next(w)) {
        if (amphi__json_kind(w) >= AMPHI_JSON_STRING) /* the reference would join texts here */
            amphi__gb_give_up(gb);
        *weights++ = amphi__gb_number(w);
    }
    return count;
}

static size_t read_ranges(
    amphi_gb *gb, const amphi_json *list, amphi_gb_range *ranges, size_t count)
{
    size_t read = 0;
    if (amphi__json_kind(list) != AMPHI_JSON_ARRAY)
        return 0;
    for (const amphi_json *r = amphi__json_first(list); r != NULL && read < count;
         r = amphi__json_next(r)) {
        if (amphi__json_kind(r) == AMPHI_JSON_NULL)
            amphi__gb_give_up(gb);
        ranges[read++] = amphi__gb_range_from(r);
    }
    return read;
}

/* The variation that the bucket falls into, or -1. */
static int choose_variation(
    amphi_gb *gb, const amphi_json *experiment, double bucket, size_t count, amphi_gb_result *out)
{
    amphi_gb_range ranges[AMPHI_GB_VARIATIONS_MAX];
    double weights[AMPHI_GB_VARIATIONS_MAX];
    size_t ranges_count = count;
    const amphi_json *list = amphi__json_get(experiment, "ranges");
    if (amphi__gb_is_true(list)) {
        ranges_count = read_ranges(gb, list, ranges, count);
    } else {
        const amphi_json *coverage = amphi__json_get(experiment, "coverage");
        size_t weights_count = read_weights(gb, weights_of(gb, experiment), weights, count);
        amphi__gb_bucket_ranges(ranges, count, coverage == NULL ? 1 : amphi__gb_number(coverage),
            weights_count > 0 ? weights : NULL, weights_count);
    }
    int chosen = gb->is_misshapen ? -1 : amphi__gb_choose(bucket, ranges, ranges_count);
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
    out->value = amphi__gb_element(variations, index);
    out->hash_used = hash_used;
    return true;
}

/* Of a rule (`frame` is its feature) the prerequisites were checked before. */
static bool may_take_part(
    amphi_gb *gb, const amphi_json *experiment, amphi_str user, const amphi_gb_frame *frame)
{
    const amphi_json *filters = amphi__json_get(experiment, "filters");
    const amphi_json *space = amphi__json_get(experiment, "namespace");
    if (amphi__gb_is_true(filters)) {
        if (is_filtered_out(gb, filters))
            return false; /* filters stand instead of a namespace */
    } else if (amphi__gb_is_true(space) && !amphi__gb_in_namespace(user, space)) {
        return false;
    }
    if (!meets_condition(gb, experiment))
        return false;
    amphi_gb_result unused;
    return frame != NULL || check_parents(gb, experiment, NULL, &unused) == STEP_GO_ON;
}

/* Of an experiment that is no rule. */
static bool is_inactive(const amphi_json *experiment)
{
    return !amphi__json_bool(amphi__json_get(experiment, "active"), true) ||
           amphi__str_equal_c(amphi__json_string(amphi__json_get(experiment, "status")), "draft");
}

static bool run_experiment(amphi_gb *gb, const amphi_json *experiment, amphi_str feature_key,
    const amphi_gb_frame *frame, amphi_gb_result *out)
{
    char key_room[40];
    char seed_room[40];
    char room[40];
    amphi_str user;
    amphi_str key;
    amphi_str seed;
    const amphi_json *variations = variations_of(experiment);
    size_t count = amphi__json_count(variations);
    variation_is(out, variations, 0, false);
    if (count < 2 || count > AMPHI_GB_VARIATIONS_MAX)
        return false;
    const amphi_json *given = amphi__json_get(experiment, "seed");
    if (!amphi__gb_is_true(given))
        given = amphi__json_get(experiment, "key");
    if (!text_or(amphi__json_get(experiment, "key"), feature_key, key_room, &key) ||
        !text_or(amphi__json_get(experiment, "seed"), key, seed_room, &seed) ||
        is_sum(gb, amphi__json_get(experiment, "hashAttribute"), given)) {
        amphi__gb_give_up(gb);
        return false;
    }
    int64_t forced = amphi__json_int(amphi__gb_member(gb->forced_variations, key), -1);
    if (forced >= 0 && (uint64_t)forced < count)
        return variation_is(out, variations, (size_t)forced, false);
    if (frame == NULL && is_inactive(experiment))
        return false;
    if (!attribute_text(gb, amphi__json_get(experiment, "hashAttribute"), room, &user) ||
        !may_take_part(gb, experiment, user, frame))
        return false;
    double bucket =
        amphi__gb_hash(seed, user, hash_version(amphi__json_get(experiment, "hashVersion"), 1));
    int chosen = bucket < 0 ? -1 : choose_variation(gb, experiment, bucket, count, out);
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

/* What the experiment's `meta` says of its variation; an entry that is not there makes the
 * reference throw. */
static bool passes_through(amphi_gb *gb, const amphi_json *rule, int variation)
{
    const amphi_json *meta = amphi__json_get(rule, "meta");
    const amphi_json *entry = amphi__gb_element(meta, variation >= 0 ? (size_t)variation : 0);
    if (amphi__gb_is_true(meta) && amphi__json_kind(entry) <= AMPHI_JSON_NULL)
        amphi__gb_give_up(gb);
    return amphi__gb_is_true(amphi__json_get(entry, "passthrough"));
}

static amphi_gb_step try_rule(
    amphi_gb *gb, const amphi_json *rule, const amphi_gb_frame *frame, amphi_gb_result *out)
{
    if (amphi__json_kind(rule) != AMPHI_JSON_OBJECT) {
        if (amphi__json_kind(rule) != AMPHI_JSON_ARRAY)
            amphi__gb_give_up(gb);
        return STEP_NEXT_RULE;
    }
    amphi_gb_step step = check_parents(gb, rule, frame, out);
    if (step != STEP_GO_ON)
        return step;
    if (is_filtered_out(gb, amphi__json_get(rule, "filters")))
        return STEP_NEXT_RULE;
    const amphi_json *force = amphi__json_get(rule, "force");
    if (force != NULL) {
        if (!meets_condition(gb, rule) || !is_included(gb, rule, frame->key, out))
            return STEP_NEXT_RULE;
        out->value = force;
        out->source = AMPHI_GB_FORCE;
        return STEP_DECIDED;
    }
    if (variations_of(rule) == NULL)
        return STEP_NEXT_RULE;
    amphi_gb_result result = *out;
    bool is_in = run_experiment(gb, rule, frame->key, frame, &result);
    out->has_bucket = result.has_bucket;
    out->bucket = result.bucket;
    out->coverage = result.coverage;
    if (passes_through(gb, rule, result.variation) || !is_in)
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
    const amphi_json *feature = amphi__gb_member(gb->features, key);
    if (is_cyclic(key, outer)) {
        out->source = AMPHI_GB_CYCLIC_PREREQUISITE;
        return;
    }
    if (!amphi__gb_is_true(feature)) {
        out->source = AMPHI_GB_UNKNOWN_FEATURE;
        return;
    }
    int index = 0;
    const amphi_json *rules = amphi__json_get(feature, "rules");
    if (amphi__gb_is_true(rules) && amphi__json_kind(rules) != AMPHI_JSON_ARRAY)
        amphi__gb_give_up(gb);
    for (const amphi_json *r = amphi__json_first(rules); r != NULL && !gb->is_misshapen;
         r = amphi__json_next(r)) {
        if (gb->steps_left == 0 || frame.depth >= AMPHI_GB_DEPTH_MAX)
            break;
        gb->steps_left--;
        bool had_bucket = out->has_bucket;
        out->has_bucket = false;
        amphi_gb_step step = try_rule(gb, r, &frame, out);
        if (gb->steps_left == 0) /* whatever the rule gave, not everything was evaluated */
            break;
        if (step == STEP_DECIDED || out->has_bucket)
            out->rule_index = index;
        if (step == STEP_DECIDED)
            return;
        out->has_bucket = out->has_bucket || had_bucket;
        index++;
    }
    bool is_too_deep = frame.depth >= AMPHI_GB_DEPTH_MAX && amphi__json_first(rules) != NULL;
    if (gb->steps_left == 0 || is_too_deep) {
        out->value = NULL;
        out->source = gb->is_misshapen ? AMPHI_GB_MISSHAPEN : AMPHI_GB_TOO_COMPLEX;
        return;
    }
    out->value = amphi__json_get(feature, "defaultValue");
    out->source = AMPHI_GB_DEFAULT_VALUE;
}
