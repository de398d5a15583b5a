/* SPDX-License-Identifier: Apache-2.0
 *
 * The features of a payload that steer something, and what their values may be:
 *   amphi.policy     fields of the policy document
 *   amphi.model      the name of one of the app's local models; another name chooses none
 *   amphi.endpoints  {"NAME": {"enabled": false, "weight": 3}}: endpoints that the app has
 *   amphi.cache      {"flush": N}: the cache is emptied when N grows
 * null leaves everything as the app has it. What cannot be evaluated, or is not understood, keeps
 * what was in force; with nothing in force only what it switches off counts (rollout_kills.c).
 */
#include "policy/rollout_state.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define WEIGHT_MAX 1000000

const char *const amphi__rollout_feature_names[AMPHI_ROLLOUT_FEATURES] = {
    [FEATURE_POLICY] = "amphi.policy",
    [FEATURE_MODEL] = "amphi.model",
    [FEATURE_ENDPOINTS] = "amphi.endpoints",
    [FEATURE_CACHE] = "amphi.cache",
};

amphi_status amphi__rollout_parse(amphi_json **out, amphi_str text, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, text, "rollout", error);
    if (status != AMPHI_OK)
        return status;
    /* What is encrypted would be missing without a word, kill switch and groups alike. */
    bool encrypted = amphi__gb_is_true(amphi__json_get(root, "encryptedFeatures")) ||
                     amphi__gb_is_true(amphi__json_get(root, "encryptedSavedGroups"));
    if (!encrypted && amphi__json_kind(amphi__json_get(root, "features")) == AMPHI_JSON_OBJECT) {
        *out = root;
        return AMPHI_OK;
    }
    amphi__json_free(root);
    return amphi__fail(error, encrypted ? AMPHI_E_UNSUPPORTED : AMPHI_E_FORMAT, 0,
        encrypted ? "rollout: encrypted payloads are not supported: sign them instead"
                  : "rollout: the payload has no object \"features\"");
}

void amphi__rollout_evaluate(const amphi_json *payload, const amphi_json *attributes,
    amphi_str feature, const amphi_json *forced, amphi_gb_result *out)
{
    amphi_gb gb;
    amphi__gb_init(&gb, amphi__json_get(payload, "features"), attributes);
    gb.saved_groups = amphi__json_get(payload, "savedGroups");
    gb.bandits = amphi__json_get(payload, "contextualBandits");
    gb.forced_variations = forced;
    amphi__gb_feature(&gb, feature, out);
}

/* ---- values ---- */

static bool is_nothing(const amphi_json *value)
{
    return amphi__json_kind(value) <= AMPHI_JSON_NULL;
}

amphi_status amphi__rollout_apply_value(
    amphi_policy *policy, const amphi_json *value, amphi_buf *held, amphi_error *error)
{
    if (is_nothing(value))
        return AMPHI_OK;
    amphi_buf text;
    amphi__buf_init(&text, AMPHI_ROLLOUT_PAYLOAD_MAX);
    amphi_status status = amphi__json_write(&text, value);
    status = status == AMPHI_OK
                 ? amphi__policy_apply_payload(policy, amphi__buf_str(&text), held, error)
                 : amphi__fail(error, status, 0, "rollout: the value is too long");
    amphi__buf_clear(&text);
    return status;
}

static amphi_status check_endpoint(const amphi_json *entry, amphi_error *error)
{
    amphi_str name = amphi__json_key(entry);
    bool fits = amphi__json_kind(entry) == AMPHI_JSON_OBJECT;
    for (const amphi_json *m = amphi__json_first(entry); m != NULL && fits;
         m = amphi__json_next(m)) {
        int64_t weight = amphi__json_int(m, 0);
        fits = amphi__str_equal_c(amphi__json_key(m), "enabled")
                   ? amphi__json_kind(m) == AMPHI_JSON_BOOL
                   : amphi__str_equal_c(amphi__json_key(m), "weight") && weight >= 1 &&
                         weight <= WEIGHT_MAX;
    }
    if (fits)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "amphi.endpoints: \"%.*s\" takes enabled (true, false) and weight (1 to %d)",
        (int)(name.size < 40 ? name.size : 40), name.data, WEIGHT_MAX);
}

static amphi_status check_value(
    amphi_rollout_feature feature, const amphi_json *value, amphi_error *error)
{
    amphi_policy scratch;
    if (is_nothing(value))
        return AMPHI_OK;
    switch (feature) {
    case FEATURE_POLICY:
        amphi__policy_init(&scratch);
        return amphi__rollout_apply_value(&scratch, value, NULL, error);
    case FEATURE_MODEL:
        return amphi__json_is_string(value)
                   ? AMPHI_OK
                   : amphi__fail(error, AMPHI_E_ARGUMENT, 0, "amphi.model: not a model's name");
    case FEATURE_ENDPOINTS:
        if (amphi__json_kind(value) != AMPHI_JSON_OBJECT)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "amphi.endpoints: not an object");
        for (const amphi_json *e = amphi__json_first(value); e != NULL; e = amphi__json_next(e))
            if (check_endpoint(e, error) != AMPHI_OK)
                return AMPHI_E_ARGUMENT;
        return AMPHI_OK;
    default: /* FEATURE_CACHE */
        return amphi__json_kind(value) == AMPHI_JSON_OBJECT && amphi__json_count(value) == 1 &&
                       amphi__json_int(amphi__json_get(value, "flush"), -1) >= 0
                   ? AMPHI_OK
                   : amphi__fail(
                         error, AMPHI_E_ARGUMENT, 0, "amphi.cache: takes {\"flush\": NUMBER}");
    }
}

static bool is_evaluated(const amphi_gb_result *result)
{
    return result->source != AMPHI_GB_CYCLIC_PREREQUISITE && result->source < AMPHI_GB_TOO_COMPLEX;
}

amphi_status amphi__rollout_value_fits(
    amphi_rollout_feature feature, const amphi_gb_result *result, amphi_error *error)
{
    if (is_evaluated(result))
        return check_value(feature, result->value, error);
    const char *why = result->source == AMPHI_GB_CYCLIC_PREREQUISITE
                          ? "its prerequisites go round in a circle"
                      : result->source == AMPHI_GB_TOO_COMPLEX
                          ? "its rules are too many, or too deep, to evaluate"
                          : "a rule is misshapen";
    return amphi__fail(error, AMPHI_E_FORMAT, 0, "%s can't be evaluated: %s",
        amphi__rollout_feature_names[feature], why);
}

/* For the time when it can't be evaluated; without memory the one before stays. */
static void remember(amphi_rollout *rollout, amphi_rollout_feature feature, const amphi_json *value)
{
    amphi_json **last = &rollout->last[feature];
    amphi_json *copy = NULL;
    amphi_buf text;
    if (is_nothing(value)) {
        amphi__json_free(*last);
        *last = NULL;
        return;
    }
    if (*last != NULL && amphi__json_equal(*last, value))
        return;
    amphi__buf_init(&text, 0);
    if (amphi__json_write(&text, value) == AMPHI_OK &&
        amphi__json_parse(&copy, amphi__buf_str(&text), "value", NULL) == AMPHI_OK) {
        amphi__json_free(*last);
        *last = copy;
    }
    amphi__buf_clear(&text);
}

const amphi_json *amphi__rollout_control(
    const amphi_rollout *rollout, amphi_rollout_feature feature, const amphi_gb_result *result)
{
    if (result->source != AMPHI_GB_FORCE && result->source != AMPHI_GB_EXPERIMENT)
        return result->value;
    const amphi_json *definition =
        amphi__gb_member(amphi__json_get(rollout->payload.root, "features"),
            amphi_str_from(amphi__rollout_feature_names[feature]));
    const amphi_json *rule =
        amphi__gb_element(amphi__json_get(definition, "rules"), (size_t)result->rule_index);
    return result->source == AMPHI_GB_EXPERIMENT
               ? amphi__gb_element(amphi__json_get(rule, "variations"), 0)
               : amphi__json_get(definition, "defaultValue");
}

const amphi_json *amphi__rollout_value(amphi_rollout *rollout, amphi_rollout_feature feature)
{
    amphi_gb_result result;
    amphi__rollout_evaluate(rollout->payload.root, rollout->attributes,
        amphi_str_from(amphi__rollout_feature_names[feature]), NULL, &result);
    if (!is_evaluated(&result))
        return rollout->last[feature];
    const amphi_json *value = feature != FEATURE_CACHE && amphi__rollout_is_given_up(rollout)
                                  ? amphi__rollout_control(rollout, feature, &result)
                                  : result.value;
    remember(rollout, feature, value);
    return value;
}

bool amphi__rollout_is_expired(const amphi_rollout *rollout)
{
    return rollout->payload.origin != ORIGIN_BOOTSTRAP &&
           amphi__rollout_claims_expired(&rollout->payload.claims, &rollout->floor,
               amphi__clock_wall_ms(rollout->clock) / 1000);
}

/* ---- what is asked of them ---- */

void amphi__rollout_read_endpoint(
    const amphi_json *value, amphi_str name, amphi_rollout_endpoint *out)
{
    memset(out, 0, sizeof *out);
    const amphi_json *entry = amphi__gb_member(value, name);
    out->is_off = amphi__rollout_endpoint_is_off(value, name);
    if (check_value(FEATURE_ENDPOINTS, value, NULL) == AMPHI_OK)
        out->weight = (uint32_t)amphi__json_int(amphi__json_get(entry, "weight"), 0);
}

static bool is_listed(amphi_str models, amphi_str name)
{
    while (models.size > 0)
        if (amphi__str_equal(amphi__str_cut(models, '|', &models), name))
            return true;
    return false;
}

amphi_str amphi__rollout_listed_model(const amphi_rollout *rollout, const amphi_json *value)
{
    amphi_str name = amphi__json_string(value);
    return name.size > 0 && is_listed(amphi_str_from(rollout->models), name) ? name : AMPHI_STR("");
}

void amphi__rollout_model(amphi_rollout *rollout, char out[AMPHI_NAME_MAX])
{
    out[0] = '\0';
    if (rollout == NULL)
        return;
    amphi__mutex_lock(&rollout->lock);
    if (!amphi__rollout_is_expired(rollout))
        amphi__str_copy_to(out, AMPHI_NAME_MAX,
            amphi__rollout_listed_model(rollout, amphi__rollout_value(rollout, FEATURE_MODEL)));
    amphi__mutex_unlock(&rollout->lock);
}

uint64_t amphi__rollout_cache_number(amphi_rollout *rollout)
{
    uint64_t number = 0;
    if (rollout == NULL)
        return 0;
    amphi__mutex_lock(&rollout->lock);
    const amphi_json *value = amphi__rollout_value(rollout, FEATURE_CACHE);
    if (check_value(FEATURE_CACHE, value, NULL) == AMPHI_OK)
        number = (uint64_t)amphi__json_int(amphi__json_get(value, "flush"), 0);
    amphi__mutex_unlock(&rollout->lock);
    return number;
}
