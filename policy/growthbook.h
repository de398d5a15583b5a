/* SPDX-License-Identifier: Apache-2.0
 *
 * GrowthBook's feature evaluation, bit for bit as its JavaScript SDK does it (spec version 5, SDK
 * 1.8), so that any GrowthBook server, or a static file, can steer a fleet. Pure functions over
 * parsed JSON; nothing is kept, nothing is sent. Left out on purpose, as a policy document has no
 * use for them: sticky buckets (and the fallbackAttribute that only they use), encrypted payloads,
 * URL rules.
 *
 * A payload comes from outside, so work is bounded: `steps_left` counts down with every condition
 * and rule, and by what a list or a regular expression costs (growthbook_regex.c). A rule whose
 * shape makes the reference throw, or gives it a meaning by accident only (a string of letters for
 * a list), makes the feature MISSHAPEN: it gives nothing.
 */
#ifndef AMPHI_POLICY_GROWTHBOOK_H
#define AMPHI_POLICY_GROWTHBOOK_H

#include "sdk/core/json.h"

#define AMPHI_GB_STEPS_MAX      200000u
#define AMPHI_GB_DEPTH_MAX      32u /* of prerequisites */
#define AMPHI_GB_VARIATIONS_MAX 64u /* an experiment with more is skipped */

/* The saved groups whose conditions are being evaluated, innermost first. */
typedef struct amphi_gb_group {
    const amphi_json *group;
    const struct amphi_gb_group *outer;
} amphi_gb_group;

typedef struct amphi_gb {
    const amphi_json *features;          /* object: feature key -> {defaultValue, rules} */
    const amphi_json *attributes;        /* object */
    const amphi_json *saved_groups;      /* object: name -> array; NULL: none */
    const amphi_json *forced_variations; /* object: experiment key -> number; NULL: none */
    const amphi_json *bandits;           /* object: payload's contextualBandits; or NULL */
    const amphi_gb_group *group;         /* while one is evaluated; NULL: none */
    uint32_t steps_left;
    bool is_misshapen; /* something was met that can't be evaluated; steps_left is 0 then */
} amphi_gb;

typedef struct amphi_gb_range {
    double from, to; /* from <= bucket < to */
} amphi_gb_range;

typedef enum amphi_gb_source {
    AMPHI_GB_UNKNOWN_FEATURE = 0,
    AMPHI_GB_DEFAULT_VALUE,
    AMPHI_GB_FORCE,
    AMPHI_GB_EXPERIMENT,
    AMPHI_GB_PREREQUISITE,
    AMPHI_GB_CYCLIC_PREREQUISITE,
    AMPHI_GB_TOO_COMPLEX, /* ours: the step or depth limit was reached; value null */
    AMPHI_GB_MISSHAPEN    /* ours: the reference throws; value null */
} amphi_gb_source;

typedef struct amphi_gb_result {
    const amphi_json *value; /* inside the payload; NULL: null */
    amphi_gb_source source;
    int rule_index; /* the rule that decided; without one, the last whose coverage said
                                no; -1: none */
    int variation;  /* EXPERIMENT; else -1 */
    /* The last bucket that was compared with a coverage or a range. */
    bool has_bucket;
    bool hash_used; /* EXPERIMENT: false when the variation was forced */
    double bucket;
    amphi_gb_range coverage;
} amphi_gb_result;

void amphi__gb_init(amphi_gb *gb, const amphi_json *features, const amphi_json *attributes);
void amphi__gb_feature(amphi_gb *gb, amphi_str key, amphi_gb_result *out);
/* One experiment outside a feature; false: not in it (then *out holds variation 0, the control). */
bool amphi__gb_experiment(
    amphi_gb *gb, const amphi_json *experiment, amphi_str feature_key, amphi_gb_result *out);
/* "defaultValue", "force", ... as the SDKs call it. */
const char *amphi__gb_source_name(amphi_gb_source source);

/* growthbook_bucket.c: a number from 0 to 1, or -1 for an unknown version. */
double amphi__gb_hash(amphi_str seed, amphi_str value, int64_t version);
bool amphi__gb_in_namespace(amphi_str user, const amphi_json *name_and_range);
/* `out` has room for count ranges. weights NULL: equal. */
void amphi__gb_bucket_ranges(amphi_gb_range *out, size_t count, double coverage,
    const double *weights, size_t weights_count);
bool amphi__gb_in_range(double bucket, const amphi_gb_range *range);
/* [0.1, 0.4] in JSON; what has no two numbers holds nothing. */
amphi_gb_range amphi__gb_range_from(const amphi_json *pair);
double amphi__gb_equal_weight(int64_t count); /* 1 / count; 0 for a count of 0 */
int amphi__gb_choose(double bucket, const amphi_gb_range *ranges, size_t count); /* -1: none */

/* growthbook_condition.c: does `object` meet the condition? With `wrapped` the object is
 * {"value": object}, as prerequisites need it. */
bool amphi__gb_condition(
    amphi_gb *gb, const amphi_json *object, bool wrapped, const amphi_json *condition);

/* Ends the evaluation: see is_misshapen. */
static inline void amphi__gb_give_up(amphi_gb *gb)
{
    gb->steps_left = 0;
    gb->is_misshapen = true;
}
/* Counts work that is done at once; false when there is none left. */
bool amphi__gb_charge(amphi_gb *gb, uint64_t steps);

/* growthbook_value.c: what JavaScript makes of a primitive in a string; arrays and objects give
 * false. `room` backs the text of numbers. */
bool amphi__gb_text(const amphi_json *value, char room[40], amphi_str *out);
/* As a number (null is 0, [2] is 2, what is not there is NaN), and as a condition of `if`. */
double amphi__gb_number(const amphi_json *value);
bool amphi__gb_is_true(const amphi_json *value);
/* Member by exact key, of duplicates the last; element of an array. NULL: none, or no such kind. */
const amphi_json *amphi__gb_member(const amphi_json *object, amphi_str key);
const amphi_json *amphi__gb_element(const amphi_json *array, size_t index);
/* value[0] to value[9] as a number, whatever `value` is. */
double amphi__gb_index_number(const amphi_json *value, unsigned index);

/* growthbook_number.c: the shortest text that reads back as the same number; and a text as a
 * number, NaN when it is none. */
void amphi__gb_number_text(double number, char room[40]);
double amphi__gb_text_number(amphi_str text);

/* growthbook_version.c: -1, 0 or 1; by bytes, and as versions. */
int amphi__gb_compare_text(amphi_str a, amphi_str b);
int amphi__gb_compare_versions(amphi_str a, amphi_str b);

/* growthbook_regex.c: does the pattern occur in the text? An invalid or unsupported pattern
 * (look-around, back references, too long) occurs nowhere; *valid may be NULL. Reading the pattern
 * and running it is charged to *steps_left; when they do not suffice they are 0, and it is
 * invalid. */
bool amphi__gb_regex(
    amphi_str pattern, amphi_str text, bool ignore_case, uint32_t *steps_left, bool *valid);

#endif
