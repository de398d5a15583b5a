/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in force and why, for people (`amphi rollout show`), for the record of an answer, and for
 * exposure events.
 */
#include "policy/rollout_state.h"

#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define WHY_MAX 4096

static void say_bucket(amphi_buf *out, const amphi_gb_result *result)
{
    amphi__buf_printf(out, "bucket %.4f lies %s coverage %.4g to %.4g", result->bucket,
        result->source == AMPHI_GB_DEFAULT_VALUE ? "outside" : "inside", result->coverage.from,
        result->coverage.to);
}

static void say_default(
    amphi_buf *out, amphi_str feature, const amphi_json *payload, const amphi_gb_result *result)
{
    if (result->has_bucket) {
        say_bucket(out, result);
        amphi__buf_printf(out, " of rule %d, so the default value counts", result->rule_index);
    } else if (result->source == AMPHI_GB_DEFAULT_VALUE) {
        amphi__buf_append_c(out, "no rule applies, so the default value counts");
    } else if (payload == NULL) {
        amphi__buf_append_c(out, "there is no payload yet");
    } else {
        amphi__buf_printf(out, "the payload has no feature %.*s", (int)feature.size, feature.data);
    }
}

void amphi__rollout_say_why(
    amphi_buf *out, amphi_str feature, const amphi_json *payload, const amphi_gb_result *result)
{
    switch (result->source) {
    case AMPHI_GB_FORCE:
        amphi__buf_printf(out, "rule %d: ", result->rule_index);
        if (result->has_bucket)
            say_bucket(out, result);
        else
            amphi__buf_append_c(
                out, "this install meets its condition, and it covers every install");
        break;
    case AMPHI_GB_EXPERIMENT:
        amphi__buf_printf(out, "rule %d: variation %d, ", result->rule_index, result->variation);
        say_bucket(out, result);
        break;
    case AMPHI_GB_DEFAULT_VALUE:
    case AMPHI_GB_UNKNOWN_FEATURE:
        say_default(out, feature, payload, result);
        break;
    case AMPHI_GB_PREREQUISITE:
        amphi__buf_append_c(out, "a prerequisite feature holds it back");
        break;
    case AMPHI_GB_CYCLIC_PREREQUISITE:
        amphi__buf_append_c(out, "its prerequisites go round in a circle");
        break;
    case AMPHI_GB_TOO_COMPLEX:
        amphi__buf_append_c(out, "the payload's rules are too many to evaluate");
        break;
    case AMPHI_GB_MISSHAPEN:
        amphi__buf_append_c(out, "a rule is misshapen, so nothing can be evaluated");
        break;
    }
}

/* Does the control value count in place of this one? */
static bool is_held_back(
    const amphi_rollout *rollout, amphi_rollout_feature feature, const amphi_gb_result *result)
{
    const amphi_json *control = amphi__rollout_control(rollout, feature, result);
    bool is_same = control == result->value || (control != NULL && result->value != NULL &&
                                                   amphi__json_equal(control, result->value));
    return !is_same && feature != FEATURE_CACHE && amphi__rollout_is_given_up(rollout);
}

/* Under the lock. */
static void say_all(amphi_buf *out, const amphi_rollout *rollout, amphi_rollout_feature feature,
    const amphi_gb_result *result)
{
    amphi_error misfit;
    if (rollout->source[0] == '\0' && rollout->payload.root == NULL)
        amphi__buf_append_c(out, "no rollout source is configured");
    else
        amphi__rollout_say_why(out, amphi_str_from(amphi__rollout_feature_names[feature]),
            rollout->payload.root, result);
    amphi_status status = amphi__rollout_value_fits(feature, result, &misfit);
    if (status == AMPHI_E_NO_MEMORY)
        out->status = status;
    else if (status == AMPHI_E_ARGUMENT)
        amphi__buf_printf(
            out, "; not understood, so that only what it switches off counts: %s", misfit.message);
    else if (status != AMPHI_OK)
        amphi__buf_append_c(out, "; what was in force is kept");
    if (is_held_back(rollout, feature, result)) {
        char words[AMPHI_ROLLBACK_WORDS_MAX];
        amphi__rollback_words(words, &rollout->given_up_why);
        amphi__buf_printf(out, "; rolled back: %s, so the control value counts here", words);
    }
    if (amphi__rollout_is_expired(rollout))
        amphi__buf_append_c(
            out, "; the payload has expired, so only what it takes away still counts");
    if (rollout->problem.status != AMPHI_OK)
        amphi__buf_printf(out, "; last refresh: %s", rollout->problem.message);
}

static void put_bucket(amphi_json_writer *writer, const amphi_gb_result *result)
{
    if (!result->has_bucket) {
        amphi__json_put_null(writer, "bucket");
        amphi__json_put_null(writer, "coverage");
        return;
    }
    amphi__json_put_number(writer, "bucket", result->bucket);
    amphi__json_open(writer, "coverage", '[');
    amphi__json_put_number(writer, NULL, result->coverage.from);
    amphi__json_put_number(writer, NULL, result->coverage.to);
    amphi__json_close(writer, ']');
}

static void put_rule(amphi_json_writer *writer, const amphi_gb_result *result)
{
    if (result->source == AMPHI_GB_FORCE || result->source == AMPHI_GB_EXPERIMENT)
        amphi__json_put_int(writer, "rule", result->rule_index);
    else
        amphi__json_put_null(writer, "rule");
}

static void put_value(amphi_json_writer *writer, const amphi_json *value)
{
    if (value != NULL)
        amphi__json_put_value(writer, "value", value);
    else
        amphi__json_put_null(writer, "value");
}

static void evaluate(
    const amphi_rollout *rollout, amphi_rollout_feature feature, amphi_gb_result *out)
{
    amphi__rollout_evaluate(rollout->payload.root, rollout->attributes,
        amphi_str_from(amphi__rollout_feature_names[feature]), NULL, out);
}

/* The value that counts. */
static void put_effective(amphi_json_writer *writer, const amphi_rollout *rollout,
    amphi_rollout_feature feature, const amphi_gb_result *result)
{
    put_value(writer, is_held_back(rollout, feature, result)
                          ? amphi__rollout_control(rollout, feature, result)
                          : result->value);
}

static void put_rollback(amphi_json_writer *writer, const amphi_rollout *rollout)
{
    const amphi_rollback_verdict *why = &rollout->given_up_why;
    char words[AMPHI_ROLLBACK_WORDS_MAX];
    if (!amphi__rollout_is_given_up(rollout)) {
        amphi__json_put_null(writer, "rolled_back");
        return;
    }
    amphi__rollback_words(words, why);
    amphi__json_open(writer, "rolled_back", '{');
    amphi__json_put_str(writer, "kind", amphi_str_from(amphi__rollback_kind_name(why->kind)));
    amphi__json_put_int(writer, "failed", why->failed);
    amphi__json_put_int(writer, "of", why->of);
    amphi__json_put_int(writer, "control_failed", why->control_failed);
    amphi__json_put_int(writer, "control_of", why->control_of);
    amphi__json_put_str(writer, "why", amphi_str_from(words));
    amphi__json_close(writer, '}');
}

/* The other features: {"amphi.model": {"value", "rule", "why"}, ...}. */
static void put_features(amphi_json_writer *writer, const amphi_rollout *rollout)
{
    amphi__json_open(writer, "features", '{');
    for (unsigned i = FEATURE_POLICY + 1; i < AMPHI_ROLLOUT_FEATURES; i++) {
        amphi_gb_result result;
        amphi_buf why;
        amphi__buf_init(&why, WHY_MAX);
        evaluate(rollout, (amphi_rollout_feature)i, &result);
        say_all(&why, rollout, (amphi_rollout_feature)i, &result);
        amphi__json_open(writer, amphi__rollout_feature_names[i], '{');
        put_effective(writer, rollout, (amphi_rollout_feature)i, &result);
        put_rule(writer, &result);
        amphi__json_put_str(writer, "why", amphi__buf_str(&why));
        amphi__json_close(writer, '}');
        if (why.status != AMPHI_OK)
            writer->out->status = why.status;
        amphi__buf_clear(&why);
    }
    amphi__json_close(writer, '}');
}

static void put_signature(amphi_json_writer *writer, const amphi_rollout *rollout)
{
    const amphi_rollout_claims *claims = &rollout->payload.claims;
    if (claims->version == 0) {
        amphi__json_put_null(writer, "signature");
        return;
    }
    amphi__json_open(writer, "signature", '{');
    amphi__json_put_str(writer, "kid", amphi_str_from(claims->kid));
    amphi__json_put_int(writer, "version", (int64_t)claims->version);
    amphi__json_put_int(writer, "issued", (int64_t)claims->issued_s);
    amphi__json_put_int(writer, "expires", (int64_t)claims->expires_s);
    amphi__json_put_bool(writer, "expired", amphi__rollout_is_expired(rollout));
    amphi__json_close(writer, '}');
}

static void put_held(amphi_json_writer *writer, amphi_str lines)
{
    amphi__json_open(writer, "held", '[');
    while (lines.size > 0)
        amphi__json_put_str(writer, NULL, amphi__str_cut(lines, '\n', &lines));
    amphi__json_close(writer, ']');
}

amphi_status amphi__rollout_show(amphi_rollout *rollout, amphi_buf *out, amphi_error *error)
{
    static const char *const states[] = {[ORIGIN_NONE] = "none",
        [ORIGIN_BOOTSTRAP] = "bootstrap",
        [ORIGIN_KEPT] = "kept",
        [ORIGIN_FRESH] = "fresh"};
    amphi_gb_result result;
    amphi_json_writer writer;
    amphi_buf why;
    amphi__buf_init(&why, WHY_MAX);
    amphi__json_writer_init(&writer, out);
    amphi__mutex_lock(&rollout->lock);
    evaluate(rollout, FEATURE_POLICY, &result);
    say_all(&why, rollout, FEATURE_POLICY, &result);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "source", amphi_str_from(rollout->source));
    amphi__json_put_str(&writer, "install_id", amphi_str_from(rollout->install_id));
    amphi__json_put_str(&writer, "feature", AMPHI_STR("amphi.policy"));
    put_effective(&writer, rollout, FEATURE_POLICY, &result);
    put_bucket(&writer, &result);
    put_rule(&writer, &result);
    amphi__json_put_str(&writer, "why", amphi__buf_str(&why));
    put_held(&writer, amphi__buf_str(&rollout->held));
    amphi__json_put_str(&writer, "payload", amphi_str_from(states[rollout->payload.origin]));
    put_signature(&writer, rollout);
    put_rollback(&writer, rollout);
    put_features(&writer, rollout);
    amphi__json_put_value(&writer, "attributes", rollout->attributes);
    amphi__json_close(&writer, '}');
    amphi__mutex_unlock(&rollout->lock);
    bool failed = why.status != AMPHI_OK || out->status != AMPHI_OK;
    amphi__buf_clear(&why);
    return failed ? amphi__fail_no_memory(error) : AMPHI_OK;
}

/* ---- exposure ---- */

static void describe(amphi_rollout_exposure *out, const amphi_rollout *rollout, const char *feature,
    const amphi_gb_result *result)
{
    const amphi_json *definition = amphi__gb_member(
        amphi__json_get(rollout->payload.root, "features"), amphi_str_from(feature));
    bool by_rule = result->source == AMPHI_GB_FORCE || result->source == AMPHI_GB_EXPERIMENT;
    const amphi_json *rule = by_rule ? amphi__gb_element(amphi__json_get(definition, "rules"),
                                           (size_t)result->rule_index)
                                     : NULL;
    amphi_str id = amphi__json_string(amphi__json_get(rule, "id"));
    memset(out, 0, sizeof *out);
    snprintf(out->feature, sizeof out->feature, "%s", feature);
    if (!by_rule)
        snprintf(out->rule, sizeof out->rule, "default");
    else if (id.size > 0)
        amphi__str_copy_to(out->rule, sizeof out->rule, id);
    else
        snprintf(out->rule, sizeof out->rule, "#%d", result->rule_index);
    out->variation = result->source == AMPHI_GB_EXPERIMENT ? result->variation : -1;
    if (out->variation >= 0) {
        amphi_str key = amphi__json_string(amphi__json_get(rule, "key"));
        amphi__str_copy_to(
            out->experiment, sizeof out->experiment, key.size > 0 ? key : amphi_str_from(feature));
    }
    out->version = rollout->payload.claims.version;
    amphi__hex(out->payload, rollout->payload.claims.digest, 8);
}

static void describe_rollback(amphi_rollout_exposure *out, const amphi_rollback_verdict *why)
{
    out->rolled_back = (uint32_t)why->kind;
    out->rolled_back_failed = (uint16_t)why->failed;
    out->rolled_back_of = (uint16_t)why->of;
    out->control_failed = (uint16_t)why->control_failed;
    out->control_of = (uint16_t)why->control_of;
}

/* Is there a value, and is it one that counts? What is ignored steers nothing. */
static bool is_exposed(
    const amphi_rollout *rollout, amphi_rollout_feature feature, const amphi_gb_result *result)
{
    bool is_decided = result->source == AMPHI_GB_DEFAULT_VALUE ||
                      result->source == AMPHI_GB_FORCE || result->source == AMPHI_GB_EXPERIMENT;
    amphi_status fits = amphi__rollout_value_fits(feature, result, NULL);
    if (!is_decided || (fits != AMPHI_OK && fits != AMPHI_E_NO_MEMORY))
        return false;
    return feature != FEATURE_MODEL || !amphi__json_is_string(result->value) ||
           amphi__rollout_listed_model(rollout, result->value).size > 0;
}

size_t amphi__rollout_exposures(
    amphi_rollout *rollout, amphi_rollout_exposure out[AMPHI_ROLLOUT_FEATURES])
{
    size_t count = 0;
    for (unsigned i = 0; i < AMPHI_ROLLOUT_FEATURES; i++) {
        const amphi_rollout_feature feature = (amphi_rollout_feature)i;
        amphi_gb_result result;
        evaluate(rollout, feature, &result);
        if (!is_exposed(rollout, feature, &result))
            continue;
        describe(&out[count], rollout, amphi__rollout_feature_names[i], &result);
        if (is_held_back(rollout, feature, &result))
            describe_rollback(&out[count], &rollout->given_up_why);
        count++;
    }
    return count;
}
