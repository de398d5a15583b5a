/* SPDX-License-Identifier: Apache-2.0
 *
 * What the payload in force makes of the app's document, its endpoints and its group, taken under
 * one lock: a payload that comes in between steers all of it or nothing. And the way back: a
 * release that the device gave up leaves the control value, and what it took away.
 */
#include "policy/policy_document.h"
#include "policy/rollout_state.h"

#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* What `policy` takes away stays, what it gives goes: *policy becomes base with that. */
static void keep_restrictions(amphi_policy *policy, const amphi_policy *base)
{
    amphi_policy kept = *base;
    kept.local_enabled = base->local_enabled && policy->local_enabled;
    kept.cloud_enabled = base->cloud_enabled && policy->cloud_enabled;
    kept.system_enabled = base->system_enabled && policy->system_enabled;
    kept.system_private_cloud_trusted =
        base->system_private_cloud_trusted && policy->system_private_cloud_trusted;
    kept.metered_allowed = base->metered_allowed && policy->metered_allowed;
    if (policy->mode == AMPHI_MODE_ONLY_LOCAL)
        kept.mode = policy->mode;
    if (policy->private_history < kept.private_history)
        kept.private_history = policy->private_history;
    if (policy->only_local_history < kept.only_local_history)
        kept.only_local_history = policy->only_local_history;
    *policy = kept;
}

/* Keeps what was held of the value, for `show`; true when it is something new. */
static bool keep_held(amphi_rollout *rollout, amphi_buf *held)
{
    amphi_buf old = rollout->held;
    bool is_new = held->size > 0 && !amphi__str_equal(amphi__buf_str(held), amphi__buf_str(&old));
    rollout->held = *held;
    amphi__buf_clear(&old);
    return is_new;
}

/* ---- the release ---- */

/* Of the last value that could be evaluated: the release's and the control's. */
typedef struct release {
    bool is_known; /* it can be evaluated now */
    const amphi_json *given;
    const amphi_json *control;
} release;

static release find_release(const amphi_rollout *rollout, amphi_rollout_feature feature)
{
    amphi_gb_result result;
    amphi__rollout_evaluate(rollout->payload.root, rollout->attributes,
        amphi_str_from(amphi__rollout_feature_names[feature]), NULL, &result);
    return (release){
        .is_known =
            result.source != AMPHI_GB_CYCLIC_PREREQUISITE && result.source < AMPHI_GB_TOO_COMPLEX,
        .given = result.value,
        .control = amphi__rollout_control(rollout, feature, &result),
    };
}

static bool is_same(const amphi_json *a, const amphi_json *b)
{
    bool is_a = amphi__json_kind(a) > AMPHI_JSON_NULL;
    bool is_b = amphi__json_kind(b) > AMPHI_JSON_NULL;
    return is_a == is_b && (!is_a || amphi__json_equal(a, b));
}

static bool is_same_policy(const amphi_policy *a, const amphi_policy *b)
{
    size_t count;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        double difference =
            amphi__policy_field_get(a, &fields[i]) - amphi__policy_field_get(b, &fields[i]);
        if (difference != 0)
            return false;
    }
    return true;
}

/* Of a value that does not fit what it switches off counts all the same. */
static amphi_status apply_or_kill(amphi_policy *policy, const amphi_json *value)
{
    amphi_status status = amphi__rollout_apply_value(policy, value, NULL, NULL);
    if (status == AMPHI_E_ARGUMENT &&
        amphi__rollout_apply_kills(policy, value, NULL) == AMPHI_E_NO_MEMORY)
        status = AMPHI_E_NO_MEMORY;
    return status;
}

/* The control's document, with what the release takes away. */
static amphi_status policy_without(
    const release *found, const amphi_policy *base, amphi_policy *control)
{
    amphi_policy given = *base;
    *control = *base;
    amphi_status status = apply_or_kill(control, found->control);
    if (status == AMPHI_OK || status == AMPHI_E_ARGUMENT)
        status = apply_or_kill(&given, found->given);
    if (status != AMPHI_OK && status != AMPHI_E_ARGUMENT)
        return status;
    keep_restrictions(&given, control);
    *control = given;
    return AMPHI_OK;
}

static bool has_weights(const amphi_json *endpoints)
{
    for (const amphi_json *e = amphi__json_first(endpoints); e != NULL; e = amphi__json_next(e))
        if (amphi__json_get(e, "weight") != NULL)
            return true;
    return false;
}

static bool is_treated(
    const amphi_rollout *rollout, const amphi_rollout_target *target, amphi_rollout_group *group)
{
    release policy = find_release(rollout, FEATURE_POLICY);
    release endpoints = find_release(rollout, FEATURE_ENDPOINTS);
    release model = find_release(rollout, FEATURE_MODEL);
    amphi_str name = amphi__rollout_listed_model(rollout, model.given);
    amphi_str control = amphi__rollout_listed_model(rollout, model.control);
    if (!policy.is_known || !endpoints.is_known || !model.is_known ||
        !amphi__str_equal_c(name, target->model))
        *group = AMPHI_ROLLOUT_MIXED; /* or the model is another one from the next start on */
    amphi_policy given = *target->base;
    amphi_policy without;
    amphi_status status = apply_or_kill(&given, policy.given);
    if (policy_without(&policy, target->base, &without) != AMPHI_OK || status == AMPHI_E_NO_MEMORY)
        *group = AMPHI_ROLLOUT_MIXED; /* not known */
    return (!is_same(policy.given, policy.control) && !is_same_policy(&given, &without)) ||
           (!is_same(endpoints.given, endpoints.control) &&
               (has_weights(endpoints.given) || has_weights(endpoints.control))) ||
           !amphi__str_equal(name, control);
}

static void find_arm(
    amphi_rollout *rollout, const amphi_rollout_target *target, amphi_rollout_arm *out)
{
    out->group = AMPHI_ROLLOUT_CONTROL;
    if (rollout->payload.root == NULL)
        return;
    amphi__hex(out->payload, rollout->payload.claims.digest, 8);
    if (amphi__rollout_is_expired(rollout) || amphi__rollout_is_given_up(rollout)) {
        amphi_str model =
            amphi__rollout_listed_model(rollout, amphi__rollout_value(rollout, FEATURE_MODEL));
        if (!amphi__str_equal_c(
                amphi__rollout_is_expired(rollout) ? AMPHI_STR("") : model, target->model))
            out->group = AMPHI_ROLLOUT_MIXED; /* the release's model, until the next start */
        return;
    }
    bool treated = is_treated(rollout, target, &out->group);
    if (treated && out->group == AMPHI_ROLLOUT_CONTROL)
        out->group = AMPHI_ROLLOUT_TREATED;
}

bool amphi__rollout_is_given_up(const amphi_rollout *rollout)
{
    char name[17];
    amphi__hex(name, rollout->payload.claims.digest, 8);
    return rollout->payload.root != NULL && strcmp(name, rollout->given_up) == 0;
}

void amphi__rollout_give_up(
    amphi_rollout *rollout, const char *payload, const amphi_rollback_verdict *why)
{
    amphi__mutex_lock(&rollout->lock);
    amphi__str_copy_to(rollout->given_up, sizeof rollout->given_up, amphi_str_from(payload));
    rollout->given_up_why = *why;
    amphi__mutex_unlock(&rollout->lock);
}

void amphi__rollout_payload_name(amphi_rollout *rollout, char out[17])
{
    out[0] = '\0';
    amphi__mutex_lock(&rollout->lock);
    if (rollout->payload.root != NULL)
        amphi__hex(out, rollout->payload.claims.digest, 8);
    amphi__mutex_unlock(&rollout->lock);
}

/* ---- steering; under the lock ---- */

static void find_endpoints(
    amphi_rollout *rollout, const amphi_rollout_target *target, amphi_rollout_endpoint *out)
{
    bool is_given_up = amphi__rollout_is_given_up(rollout);
    release found = find_release(rollout, FEATURE_ENDPOINTS);
    const amphi_json *value = amphi__rollout_value(rollout, FEATURE_ENDPOINTS);
    for (size_t i = 0; i < AMPHI_ROUTES_MAX; i++) {
        amphi_rollout_endpoint given = {0};
        if (target->endpoints[i] == NULL)
            continue;
        amphi_str name = amphi_str_from(target->endpoints[i]);
        amphi__rollout_read_endpoint(value, name, &out[i]);
        if (is_given_up)
            amphi__rollout_read_endpoint(found.given, name, &given);
        out[i].is_off = out[i].is_off || given.is_off;
        if (amphi__rollout_is_expired(rollout))
            out[i].weight = 0;
    }
}

static amphi_status find_policy(amphi_rollout *rollout, const amphi_policy *base,
    amphi_policy *policy, amphi_buf *held, amphi_error *misfit)
{
    *policy = *base;
    amphi_status status = amphi__rollout_apply_value(
        policy, amphi__rollout_value(rollout, FEATURE_POLICY), held, misfit);
    if (status == AMPHI_E_ARGUMENT &&
        amphi__rollout_apply_kills(policy, amphi__rollout_value(rollout, FEATURE_POLICY), NULL) ==
            AMPHI_E_NO_MEMORY)
        status = AMPHI_E_NO_MEMORY;
    if (status != AMPHI_E_NO_MEMORY && amphi__rollout_is_given_up(rollout)) {
        release found = find_release(rollout, FEATURE_POLICY);
        amphi_status without = policy_without(&found, base, policy);
        status = without != AMPHI_OK ? without : status;
    }
    if (amphi__rollout_is_expired(rollout))
        keep_restrictions(policy, base);
    return status;
}

amphi_status amphi__rollout_steer(amphi_rollout *rollout, const amphi_rollout_target *target,
    amphi_policy *policy, amphi_rollout_steering *out, amphi_error *error)
{
    amphi_error misfit;
    amphi_buf held;
    unsigned held_count = 0;
    memset(out, 0, sizeof *out);
    amphi__error_clear(&misfit);
    amphi__buf_init(&held, AMPHI_ROLLOUT_PAYLOAD_MAX);
    amphi__mutex_lock(&rollout->lock);
    /* All or nothing: *policy is equal to *base after a failure. */
    amphi_status status = find_policy(rollout, target->base, policy, &held, &misfit);
    find_endpoints(rollout, target, out->endpoints);
    out->exposures_count = amphi__rollout_exposures(rollout, out->exposures);
    find_arm(rollout, target, &out->arm);
    bool warn = status != AMPHI_OK && status != AMPHI_E_NO_MEMORY && !rollout->said_ignored;
    rollout->said_ignored = rollout->said_ignored || warn;
    for (size_t i = 0; i < held.size; i++)
        held_count += held.data[i] == '\n' || i == 0;
    bool warn_held = keep_held(rollout, &held);
    amphi__mutex_unlock(&rollout->lock);
    if (warn)
        amphi__log(&rollout->log, AMPHI_LOG_WARNING, "rollout: value of amphi.policy ignored: %s",
            misfit.message);
    if (warn_held)
        amphi__log(&rollout->log, AMPHI_LOG_WARNING,
            "rollout: %u fields of amphi.policy are held; amphi rollout show says which",
            held_count);
    return status == AMPHI_E_NO_MEMORY ? amphi__fail_no_memory(error) : AMPHI_OK;
}
