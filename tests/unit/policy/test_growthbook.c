/* SPDX-License-Identifier: Apache-2.0
 *
 * Feature evaluation against GrowthBook's own cases (../shared/conformance), then what those
 * leave open: the regular expressions and the bounds on work.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CASES_FILE "../shared/conformance/growthbook-cases.json"

static amphi_json *cases; /* NULL: not there */

static amphi_json *parse(const char *text)
{
    amphi_json *json = NULL;
    amphi_error error;
    if (amphi__json_parse(&json, amphi_str_from(text), "test", &error) != AMPHI_OK)
        fail_msg("%s: %s", text, error.message);
    return json;
}

static void load_cases(void)
{
    FILE *file = fopen(CASES_FILE, "r");
    if (file == NULL)
        return;
    static char text[1 << 20];
    size_t got = fread(text, 1, sizeof text, file);
    fclose(file);
    amphi_error error;
    if (amphi__json_parse(&cases, amphi_str_make(text, got), "cases", &error) != AMPHI_OK) {
        printf("%s: %s\n", CASES_FILE, error.message);
        exit(1);
    }
}

static const amphi_json *group(const char *name)
{
    if (cases == NULL) {
        printf("skipped: %s is not there\n", CASES_FILE);
        skip();
    }
    const amphi_json *list = amphi__json_get(cases, name);
    assert_int_equal(amphi__json_kind(list), AMPHI_JSON_ARRAY);
    return list;
}

static const amphi_json *nth(const amphi_json *array, size_t index)
{
    const amphi_json *e = amphi__json_first(array);
    for (; e != NULL && index > 0; index--)
        e = amphi__json_next(e);
    return e;
}

static const char *shown(const amphi_json *value)
{
    static char text[2000];
    amphi_buf buf;
    amphi__buf_init(&buf, 0);
    amphi__json_write(&buf, value);
    amphi__str_copy_to(text, sizeof text, amphi__buf_str(&buf));
    amphi__buf_clear(&buf);
    return text;
}

#define EACH(c, list)                                                                              \
    for (const amphi_json *c = amphi__json_first(list); c != NULL; c = amphi__json_next(c))

static void report(const char *name, unsigned passed, unsigned failed, unsigned skipped)
{
    printf("growthbook %s: %u passed, %u failed, %u out of scope\n", name, passed, failed, skipped);
    assert_int_equal(failed, 0);
    assert_true(passed > 0);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

static void growthbook__hash(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    EACH(c, group("hash"))
    {
        double expected = amphi__json_number(nth(c, 3), -1);
        double got = amphi__gb_hash(amphi__json_string(nth(c, 0)), amphi__json_string(nth(c, 1)),
            amphi__json_int(nth(c, 2), 0));
        if (near(got, expected)) {
            passed++;
        } else {
            failed++;
            printf("%s: %f\n", shown(c), got);
        }
    }
    report("hash", passed, failed, 0);
}

static size_t ranges_from(const amphi_json *list, amphi_gb_range *out, size_t max)
{
    size_t count = 0;
    EACH(r, list)
    {
        assert_true(count < max);
        out[count].from = amphi__json_number(nth(r, 0), NAN);
        out[count++].to = amphi__json_number(nth(r, 1), NAN);
    }
    return count;
}

static void growthbook__getBucketRange(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    EACH(c, group("getBucketRange"))
    {
        amphi_gb_range got[16];
        amphi_gb_range expected[16];
        double weights[16];
        size_t weights_count = 0;
        const amphi_json *in = nth(c, 1);
        EACH(w, nth(in, 2))
        {
            weights[weights_count++] = amphi__json_number(w, NAN);
        }
        size_t count = (size_t)amphi__json_int(nth(in, 0), 0);
        amphi__gb_bucket_ranges(got, count, amphi__json_number(nth(in, 1), NAN),
            weights_count > 0 ? weights : NULL, weights_count);
        bool same = ranges_from(nth(c, 2), expected, 16) == count;
        for (size_t i = 0; same && i < count; i++)
            same = near(got[i].from, expected[i].from) && near(got[i].to, expected[i].to);
        passed += same;
        failed += !same;
        if (!same)
            printf("%s\n", shown(c));
    }
    report("getBucketRange", passed, failed, 0);
}

static void growthbook__chooseVariation(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    EACH(c, group("chooseVariation"))
    {
        amphi_gb_range ranges[16];
        size_t count = ranges_from(nth(c, 2), ranges, 16);
        bool same = amphi__gb_choose(amphi__json_number(nth(c, 1), NAN), ranges, count) ==
                    amphi__json_int(nth(c, 3), -2);
        passed += same;
        failed += !same;
    }
    report("chooseVariation", passed, failed, 0);
}

static void growthbook__inNamespace(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    EACH(c, group("inNamespace"))
    {
        bool same = amphi__gb_in_namespace(amphi__json_string(nth(c, 1)), nth(c, 2)) ==
                    amphi__json_bool(nth(c, 3), false);
        passed += same;
        failed += !same;
    }
    report("inNamespace", passed, failed, 0);
}

static void growthbook__getEqualWeights(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    EACH(c, group("getEqualWeights"))
    {
        int64_t count = amphi__json_int(nth(c, 0), 0);
        bool same = amphi__json_count(nth(c, 1)) == (size_t)(count > 0 ? count : 0);
        EACH(w, nth(c, 1))
        {
            same = same && near(amphi__json_number(w, NAN), amphi__gb_equal_weight(count));
        }
        passed += same;
        failed += !same;
    }
    report("getEqualWeights", passed, failed, 0);
}

static void growthbook__evalCondition(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    EACH(c, group("evalCondition"))
    {
        amphi_gb gb;
        amphi__gb_init(&gb, NULL, nth(c, 2));
        gb.saved_groups = nth(c, 4);
        bool same = amphi__gb_condition(&gb, nth(c, 2), false, nth(c, 1)) ==
                    amphi__json_bool(nth(c, 3), false);
        passed += same;
        failed += !same;
        if (!same)
            printf("%s\n", shown(c));
    }
    report("evalCondition", passed, failed, 0);
}

static bool same_value(const amphi_json *got, const amphi_json *expected)
{
    return amphi__json_kind(expected) <= AMPHI_JSON_NULL ? amphi__json_kind(got) <= AMPHI_JSON_NULL
                                                         : amphi__json_equal(got, expected);
}

static bool feature_case_holds(const amphi_json *c)
{
    amphi_gb gb;
    amphi_gb_result got;
    const amphi_json *context = nth(c, 1);
    const amphi_json *expected = nth(c, 3);
    amphi__gb_init(
        &gb, amphi__json_get(context, "features"), amphi__json_get(context, "attributes"));
    gb.saved_groups = amphi__json_get(context, "savedGroups");
    gb.forced_variations = amphi__json_get(context, "forcedVariations");
    gb.bandits = amphi__json_get(context, "contextualBandits");
    amphi__gb_feature(&gb, amphi__json_string(nth(c, 2)), &got);
    bool same = same_value(got.value, amphi__json_get(expected, "value")) &&
                amphi__str_equal_c(amphi__json_string(amphi__json_get(expected, "source")),
                    amphi__gb_source_name(got.source));
    const amphi_json *result = amphi__json_get(expected, "experimentResult");
    if (result != NULL) {
        const amphi_json *bucket = amphi__json_get(result, "bucket");
        same = same &&
               got.variation == amphi__json_int(amphi__json_get(result, "variationId"), -9) &&
               got.hash_used == amphi__json_bool(amphi__json_get(result, "hashUsed"), false) &&
               (bucket == NULL || near(got.bucket, amphi__json_number(bucket, NAN)));
    }
    return same;
}

/* What needs a page's URL or a tester's switches is not ours. */
static bool is_out_of_scope(const amphi_json *context)
{
    return amphi__json_get(context, "url") != NULL || amphi__json_get(context, "qaMode") != NULL ||
           amphi__json_get(context, "enabled") != NULL;
}

static void features_of(const char *name)
{
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
    EACH(c, group(name))
    {
        if (is_out_of_scope(nth(c, 1))) {
            skipped++;
            continue;
        }
        bool same = feature_case_holds(c);
        passed += same;
        failed += !same;
        if (!same)
            printf("%s\n", shown(c));
    }
    report(name, passed, failed, skipped);
}

static void growthbook__feature(void **state)
{
    (void)state;
    features_of("feature");
}

static void growthbook__contextualBandit(void **state)
{
    (void)state;
    features_of("contextualBandit");
}

/* Experiments stand behind features. */
static void growthbook__run(void **state)
{
    (void)state;
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
    EACH(c, group("run"))
    {
        const amphi_json *context = nth(c, 1);
        const amphi_json *experiment = nth(c, 2);
        if (is_out_of_scope(context)) {
            skipped++;
            continue;
        }
        amphi_gb gb;
        amphi_gb_result got;
        amphi__gb_init(
            &gb, amphi__json_get(context, "features"), amphi__json_get(context, "attributes"));
        gb.saved_groups = amphi__json_get(context, "savedGroups");
        gb.forced_variations = amphi__json_get(context, "forcedVariations");
        bool in = amphi__gb_experiment(
            &gb, experiment, amphi__json_string(amphi__json_get(experiment, "key")), &got);
        bool same = same_value(got.value, nth(c, 3)) && in == amphi__json_bool(nth(c, 4), !in) &&
                    got.hash_used == amphi__json_bool(nth(c, 5), !got.hash_used);
        passed += same;
        failed += !same;
        if (!same)
            printf("%s\n", shown(c));
    }
    report("run", passed, failed, skipped);
}

/* ---- bounds ---- */

/* Every level evaluates the next one twice: 2^30 evaluations without a limit. */
static void bounds__doubling_prerequisites_end(void **state)
{
    (void)state;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi__buf_append_c(&text, "{");
    for (int i = 0; i < 30; i++) {
        amphi__buf_printf(&text,
            "\"f%d\":{\"defaultValue\":1,\"rules\":[{\"parentConditions\":["
            "{\"id\":\"f%d\",\"condition\":{\"value\":1}},{\"id\":\"f%d\",\"condition\":{\"value\":"
            "1}}],\"force\":1}]},",
            i, i + 1, i + 1);
    }
    amphi__buf_append_c(&text, "\"f30\":{\"defaultValue\":1}}");
    amphi_json *features = parse(text.data);
    amphi_gb gb;
    amphi_gb_result got;
    amphi__gb_init(&gb, features, NULL);
    amphi__gb_feature(&gb, AMPHI_STR("f0"), &got);
    assert_int_equal(got.source, AMPHI_GB_TOO_COMPLEX);
    assert_null(got.value);
    amphi__json_free(features);
    amphi__buf_clear(&text);
}

static void bounds__odd_payloads_are_survived(void **state)
{
    (void)state;
    static const char *const list[] = {
        "{\"amphi.policy\":null}",
        "{\"amphi.policy\":[]}",
        "{\"amphi.policy\":{\"rules\":{}}}",
        "{\"amphi.policy\":{\"rules\":[null,1,\"x\",[],{}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"coverage\":\"x\",\"range\":3}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"range\":[]}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"variations\":[1]},{\"variations\":{}}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"variations\":[1,2],\"weights\":[\"a\",{}],\"ranges\":[]}]"
        "}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"condition\":[1,2]}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"condition\":{\"id\":{\"$in\":{\"a\":1}}}}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"condition\":{\"$or\":1,\"$and\":null}}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"filters\":[1],\"namespace\":[1]}]}}",
        "{\"amphi.policy\":{\"rules\":[{\"force\":1,\"parentConditions\":[{\"id\":5}]}]}}",
    };
    amphi_json *attributes = parse("{\"id\":\"1\"}");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        amphi_json *features = parse(list[i]);
        amphi_gb gb;
        amphi_gb_result got;
        amphi__gb_init(&gb, features, attributes);
        amphi__gb_feature(&gb, AMPHI_STR("amphi.policy"), &got);
        assert_true(got.source <= AMPHI_GB_MISSHAPEN);
        amphi__json_free(features);
    }
    amphi__json_free(attributes);
}

/* The share of installs that a coverage rule takes in is the share it names. */
static void coverage__selects_its_share(void **state)
{
    (void)state;
    amphi_json *features =
        parse("{\"amphi.policy\":{\"rules\":[{\"force\":{\"mode\":\"only_cloud\"},"
              "\"coverage\":0.25,\"hashAttribute\":\"id\"}]}}");
    unsigned inside = 0;
    for (unsigned i = 0; i < 4000; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"id\":\"install-%u\"}", i * 7919);
        amphi_json *attributes = parse(text);
        amphi_gb gb;
        amphi_gb_result got;
        amphi__gb_init(&gb, features, attributes);
        amphi__gb_feature(&gb, AMPHI_STR("amphi.policy"), &got);
        inside += got.source == AMPHI_GB_FORCE;
        assert_true(got.has_bucket);
        assert_int_equal(got.source == AMPHI_GB_FORCE, got.bucket <= 0.25);
        amphi__json_free(attributes);
    }
    assert_in_range(inside, 900, 1100);
    amphi__json_free(features);
}

int main(void)
{
    load_cases();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growthbook__hash),
        cmocka_unit_test(growthbook__getBucketRange),
        cmocka_unit_test(growthbook__chooseVariation),
        cmocka_unit_test(growthbook__inNamespace),
        cmocka_unit_test(growthbook__getEqualWeights),
        cmocka_unit_test(growthbook__evalCondition),
        cmocka_unit_test(growthbook__feature),
        cmocka_unit_test(growthbook__contextualBandit),
        cmocka_unit_test(growthbook__run),
        cmocka_unit_test(bounds__doubling_prerequisites_end),
        cmocka_unit_test(bounds__odd_payloads_are_survived),
        cmocka_unit_test(coverage__selects_its_share),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    amphi__json_free(cases);
    return failed;
}
