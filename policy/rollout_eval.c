/* SPDX-License-Identifier: Apache-2.0
 *
 * One feature of a payload, tried for any install: what `amphi rollout eval` prints. The members
 * are the reference SDK's; "why" is ours. Pure.
 */
#include "policy/rollout_state.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* Beside the names of this file's own: a result outside of rules has no rule. */
static const amphi_json *rule_of(
    const amphi_json *payload, amphi_str feature, const amphi_gb_result *result)
{
    if (result->source != AMPHI_GB_FORCE && result->source != AMPHI_GB_EXPERIMENT)
        return NULL;
    const amphi_json *definition = amphi__gb_member(amphi__json_get(payload, "features"), feature);
    return amphi__gb_element(amphi__json_get(definition, "rules"), (size_t)result->rule_index);
}

static void put_member(amphi_json_writer *writer, const char *key, const amphi_json *value)
{
    if (value != NULL)
        amphi__json_put_value(writer, key, value);
    else
        amphi__json_put_null(writer, key);
}

static void put_result(amphi_json_writer *writer, const amphi_json *rule, amphi_str feature,
    const amphi_json *attributes, const amphi_gb_result *result)
{
    char number[16];
    const amphi_json *meta =
        amphi__gb_element(amphi__json_get(rule, "meta"), (size_t)result->variation);
    amphi_str key = amphi__json_string(amphi__json_get(meta, "key"));
    amphi_str name = amphi__json_string(amphi__json_get(meta, "name"));
    amphi_str hashed = amphi__json_string(amphi__json_get(rule, "hashAttribute"));
    hashed = hashed.size > 0 ? hashed : AMPHI_STR("id");
    snprintf(number, sizeof number, "%d", result->variation);
    amphi__json_open(writer, "experimentResult", '{');
    amphi__json_put_str(writer, "key", key.size > 0 ? key : amphi_str_from(number));
    amphi__json_put_str(writer, "featureId", feature);
    amphi__json_put_bool(writer, "inExperiment", true);
    amphi__json_put_bool(writer, "hashUsed", result->hash_used);
    amphi__json_put_int(writer, "variationId", result->variation);
    put_member(writer, "value", result->value);
    amphi__json_put_str(writer, "hashAttribute", hashed);
    put_member(writer, "hashValue", amphi__gb_member(attributes, hashed));
    if (result->hash_used && result->has_bucket)
        amphi__json_put_number(writer, "bucket", result->bucket);
    if (name.size > 0)
        amphi__json_put_str(writer, "name", name);
    amphi__json_put_bool(writer, "stickyBucketUsed", false);
    amphi__json_close(writer, '}');
}

static void write_result(
    amphi_buf *out, const amphi_json *payload, const amphi_json *attributes, amphi_str feature)
{
    amphi_gb_result result;
    amphi_json_writer writer;
    amphi_buf why;
    amphi__rollout_evaluate(
        payload, attributes, feature, amphi__json_get(payload, "forcedVariations"), &result);
    const amphi_json *rule = rule_of(payload, feature, &result);
    bool is_on = amphi__gb_is_true(result.value);
    amphi__buf_init(&why, 0);
    amphi__rollout_say_why(&why, feature, payload, &result);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    put_member(&writer, "value", result.value);
    amphi__json_put_bool(&writer, "on", is_on);
    amphi__json_put_bool(&writer, "off", !is_on);
    amphi__json_put_str(&writer, "source", amphi_str_from(amphi__gb_source_name(result.source)));
    amphi__json_put_str(&writer, "ruleId", amphi__json_string(amphi__json_get(rule, "id")));
    if (result.source == AMPHI_GB_EXPERIMENT)
        put_result(&writer, rule, feature, attributes, &result);
    amphi__json_put_str(&writer, "why", amphi__buf_str(&why));
    amphi__json_close(&writer, '}');
    if (why.status != AMPHI_OK)
        out->status = why.status;
    amphi__buf_clear(&why);
}

amphi_status amphi__rollout_eval(
    amphi_buf *out, amphi_str payload, amphi_str attributes, amphi_str feature, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_json *given = NULL;
    amphi_status status = amphi__rollout_parse(&root, payload, error);
    if (status == AMPHI_OK && attributes.size > 0)
        status = amphi__json_parse(&given, attributes, "rollout attributes", error);
    if (status == AMPHI_OK && given != NULL && amphi__json_kind(given) != AMPHI_JSON_OBJECT)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout attributes: not a JSON object");
    if (status == AMPHI_OK) {
        write_result(out, root, given, feature);
        status = out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__json_free(root);
    amphi__json_free(given);
    return status;
}

/* ---- checking ---- */

static void check_one(amphi_buf *out, amphi_rollout_feature feature, const char *place, int index,
    const amphi_json *value)
{
    const amphi_gb_result result = {.value = value, .source = AMPHI_GB_DEFAULT_VALUE};
    amphi_error misfit;
    if (amphi__rollout_value_fits(feature, &result, &misfit) == AMPHI_OK)
        return;
    amphi__buf_printf(out, "%s, %s", amphi__rollout_feature_names[feature], place);
    if (index >= 0)
        amphi__buf_printf(out, " %d", index);
    amphi__buf_printf(out, ": %s\n", misfit.message);
}

static void check_rules(amphi_buf *out, amphi_rollout_feature feature, const amphi_json *rules)
{
    int index = 0;
    for (const amphi_json *r = amphi__json_first(rules); r != NULL; r = amphi__json_next(r)) {
        check_one(out, feature, "rule", index, amphi__json_get(r, "force"));
        const amphi_json *variations = amphi__json_get(r, "variations");
        for (const amphi_json *v = amphi__json_first(variations); v != NULL;
             v = amphi__json_next(v))
            check_one(out, feature, "a variation of rule", index, v);
        index++;
    }
}

amphi_status amphi__rollout_check(amphi_buf *out, amphi_str payload, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__rollout_parse(&root, payload, error);
    if (status != AMPHI_OK)
        return status;
    const amphi_json *features = amphi__json_get(root, "features");
    for (unsigned i = 0; i < AMPHI_ROLLOUT_FEATURES; i++) {
        const amphi_rollout_feature feature = (amphi_rollout_feature)i;
        const amphi_json *definition =
            amphi__gb_member(features, amphi_str_from(amphi__rollout_feature_names[i]));
        check_one(
            out, feature, "the default value", -1, amphi__json_get(definition, "defaultValue"));
        check_rules(out, feature, amphi__json_get(definition, "rules"));
    }
    amphi__json_free(root);
    return out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}
