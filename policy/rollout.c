/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release. A payload in GrowthBook's format comes from a file or an https URL, signed
 * where the app pins keys (rollout_signature.h); its features are evaluated for this install
 * (rollout_features.c), and what comes out steers the policy document, the endpoints, the model and
 * the cache. The install's id is a random UUID that is made once and kept in the store; it is never
 * sent anywhere, the choice is made here.
 *
 * A payload that can't be used changes nothing: the last good one goes on, from whichever source it
 * was, and before there was one the app's own (the bootstrap payload), if it has one.
 */
#include "policy/rollout_state.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#define SIGNATURE_SUFFIX ".jws"

static void clear_payload(amphi_rollout_payload *payload)
{
    amphi__json_free(payload->root);
    amphi__free(payload->signature);
    memset(payload, 0, sizeof *payload);
}

/* ---- making one ---- */

/* The app's own payload, unless what was kept is newer. */
static amphi_status load_bootstrap(
    amphi_rollout *rollout, const amphi_rollout_options *options, amphi_error *error)
{
    amphi_rollout_payload own;
    memset(&own, 0, sizeof own);
    own.origin = ORIGIN_BOOTSTRAP;
    amphi_status status = AMPHI_OK;
    if (options->bootstrap.size == 0)
        return AMPHI_OK;
    if (rollout->keys.count > 0 && options->bootstrap_signature.size > 0) {
        status = amphi__rollout_signature_check(
            &own.claims, &rollout->keys, options->bootstrap_signature, options->bootstrap, error);
        amphi__rollout_floor_raise(&rollout->floor, &own.claims);
    } else {
        (void)amphi__sha256(options->bootstrap, own.claims.digest);
    }
    if (status == AMPHI_OK)
        status = amphi__rollout_parse(&own.root, options->bootstrap, error);
    if (status == AMPHI_OK && rollout->payload.root != NULL &&
        rollout->payload.claims.version >= own.claims.version) {
        clear_payload(&own);
    } else if (status == AMPHI_OK) {
        clear_payload(&rollout->payload);
        rollout->payload = own;
    }
    if (status == AMPHI_OK || status == AMPHI_E_NO_MEMORY)
        return status;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "the bootstrap payload can't be used: its form, or its signature");
}

static amphi_status copy_texts(amphi_rollout *rollout, const amphi_rollout_options *options)
{
    amphi_rollout_transport *transport = &rollout->transport;
    rollout->source = amphi__str_copy(options->source);
    rollout->models = amphi__str_copy(options->models);
    transport->ca_file = amphi__str_copy(options->ca_file);
    transport->pins = amphi__str_copy(options->pins);
    transport->key_file = amphi__str_copy(options->key_file);
    return rollout->source != NULL && rollout->models != NULL && transport->ca_file != NULL &&
                   transport->pins != NULL && transport->key_file != NULL
               ? AMPHI_OK
               : AMPHI_E_NO_MEMORY;
}

amphi_status amphi__rollout_new(
    amphi_rollout **out, const amphi_rollout_options *options, amphi_error *error)
{
    *out = NULL;
    amphi_rollout *rollout = amphi__calloc(1, sizeof *rollout);
    if (rollout == NULL)
        return amphi__fail_no_memory(error);
    rollout->transport.allow_http_loopback = options->allow_http_loopback;
    rollout->transport.tls12 = options->tls12;
    rollout->transport.http = options->http;
    rollout->store = options->store;
    rollout->clock = options->clock;
    rollout->log = options->log;
    amphi_status status = amphi__mutex_init(&rollout->lock);
    if (status == AMPHI_OK)
        status = copy_texts(rollout, options);
    if (status != AMPHI_OK) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = amphi__rollout_keys_parse(&rollout->keys, options->keys, error);
    if (status == AMPHI_OK)
        status = amphi__rollout_load_id(rollout, error);
    if (status == AMPHI_OK)
        status = amphi__rollout_make_attributes(
            rollout, options->attributes, &rollout->attributes, error);
    if (status == AMPHI_OK)
        status = amphi__rollout_load_floor(rollout, &rollout->floor, error);
    if (status == AMPHI_OK && rollout->source[0] != '\0')
        status = amphi__rollout_load_kept(rollout, &rollout->payload, error);
    if (status == AMPHI_OK)
        status = load_bootstrap(rollout, options, error);
    if (status == AMPHI_OK) {
        *out = rollout;
        rollout = NULL; /* the caller owns it now */
    }
cleanup:
    amphi__rollout_free(rollout);
    return status;
}

void amphi__rollout_free(amphi_rollout *rollout)
{
    if (rollout == NULL)
        return;
    amphi__mutex_clear(&rollout->lock);
    clear_payload(&rollout->payload);
    amphi__json_free(rollout->attributes);
    for (size_t i = 0; i < AMPHI_ROLLOUT_FEATURES; i++)
        amphi__json_free(rollout->last[i]);
    amphi__buf_clear(&rollout->held);
    amphi__free(rollout->source);
    amphi__free(rollout->models);
    amphi__free(rollout->transport.ca_file);
    amphi__free(rollout->transport.pins);
    amphi__free(rollout->transport.key_file);
    amphi__free(rollout);
}

bool amphi__rollout_has_payload(amphi_rollout *rollout)
{
    if (rollout == NULL)
        return false;
    amphi__mutex_lock(&rollout->lock);
    bool has = rollout->payload.root != NULL;
    amphi__mutex_unlock(&rollout->lock);
    return has;
}

amphi_status amphi__rollout_set_attributes(
    amphi_rollout *rollout, amphi_str json, amphi_error *error)
{
    amphi_json *attributes = NULL;
    amphi_status status = amphi__rollout_make_attributes(rollout, json, &attributes, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&rollout->lock);
    amphi_json *old = rollout->attributes;
    rollout->attributes = attributes;
    amphi__mutex_unlock(&rollout->lock);
    amphi__json_free(old);
    return AMPHI_OK;
}

/* ---- refreshing ---- */

/* What cannot be evaluated, or does not fit, must not push aside what could: a typing mistake on
 * the server would switch a kill switch off. */
static amphi_status check_against_last(
    amphi_rollout *rollout, const amphi_json *root, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    amphi_error misfit;
    amphi__mutex_lock(&rollout->lock);
    for (unsigned i = 0; i < AMPHI_ROLLOUT_FEATURES && status == AMPHI_OK; i++) {
        const amphi_rollout_feature feature = (amphi_rollout_feature)i;
        const amphi_str name = amphi_str_from(amphi__rollout_feature_names[i]);
        amphi_gb_result result;
        amphi__rollout_evaluate(root, rollout->attributes, name, NULL, &result);
        status = amphi__rollout_value_fits(feature, &result, &misfit);
        if (status == AMPHI_OK || status == AMPHI_E_NO_MEMORY)
            continue;
        /* With nothing to hold on to it counts as far as it switches something off, and `show`
         * says so. */
        amphi__rollout_evaluate(rollout->payload.root, rollout->attributes, name, NULL, &result);
        bool has_last = rollout->payload.root != NULL &&
                        amphi__rollout_value_fits(feature, &result, NULL) == AMPHI_OK;
        if (!has_last && amphi__rollout_takes_away(root, rollout->attributes))
            status = AMPHI_OK;
    }
    bool is_first = rollout->payload.root == NULL;
    amphi__mutex_unlock(&rollout->lock);
    if (status == AMPHI_OK || status == AMPHI_E_NO_MEMORY)
        return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
    return amphi__fail(error, AMPHI_E_FORMAT, 0, "rollout: %s: %s",
        is_first ? "the payload is refused" : "the last good payload is kept", misfit.message);
}

/* Is this signature file the one whose payload is in force? Then there is nothing to fetch. */
static bool has_signature(amphi_rollout *rollout, amphi_str text)
{
    amphi__mutex_lock(&rollout->lock);
    bool same =
        rollout->payload.signature != NULL && amphi__str_equal_c(text, rollout->payload.signature);
    amphi__mutex_unlock(&rollout->lock);
    return same;
}

/* Version and time, by what any process of this store has taken. */
static amphi_status admit(
    amphi_rollout *rollout, const amphi_rollout_claims *claims, amphi_error *error)
{
    amphi_rollout_floor floor;
    amphi_status status = amphi__rollout_load_floor(rollout, &floor, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&rollout->lock);
    const amphi_rollout_floor *own =
        &rollout->floor; /* also where the store could not be written */
    if (own->version > floor.version) {
        floor.version = own->version;
        memcpy(floor.digest, own->digest, sizeof floor.digest);
    }
    if (own->issued_s > floor.issued_s)
        floor.issued_s = own->issued_s;
    rollout->floor = floor;
    amphi__mutex_unlock(&rollout->lock);
    return amphi__rollout_claims_admit(
        claims, &floor, amphi__clock_wall_ms(rollout->clock) / 1000, error);
}

/* The signature file; *changed: the payload behind it is another one. fetch->etag is for it. */
static amphi_status fetch_signature(amphi_rollout *rollout, amphi_rollout_fetch *fetch,
    amphi_rollout_payload *out, bool *changed, uint32_t timeout_ms, amphi_error *error)
{
    fetch->limit = AMPHI_ROLLOUT_SIGNATURE_MAX;
    amphi_status status = amphi__rollout_fetch(
        fetch, &rollout->transport, rollout->source, SIGNATURE_SUFFIX, timeout_ms, error);
    if (status == AMPHI_E_NOT_FOUND)
        amphi__fail(error, status, 0, "rollout: the payload is not signed: no %s beside it",
            SIGNATURE_SUFFIX);
    *changed = false;
    if (status == AMPHI_OK && !fetch->not_modified) {
        amphi_str text = amphi__buf_str(&fetch->body);
        memcpy(out->etag, fetch->etag, sizeof out->etag);
        *changed = !has_signature(rollout, text);
        if (*changed && (out->signature = amphi__str_copy(text)) == NULL)
            status = amphi__fail_no_memory(error);
    }
    amphi__buf_clear(&fetch->body);
    return status;
}

static amphi_status fetch_payload(amphi_rollout *rollout, amphi_rollout_fetch *fetch,
    amphi_rollout_payload *out, uint32_t timeout_ms, amphi_error *error)
{
    fetch->limit = AMPHI_ROLLOUT_PAYLOAD_MAX;
    amphi_status status =
        amphi__rollout_fetch(fetch, &rollout->transport, rollout->source, "", timeout_ms, error);
    amphi_str text = amphi__buf_str(&fetch->body);
    if (status != AMPHI_OK || fetch->not_modified)
        return status;
    if (out->signature != NULL) {
        status = amphi__rollout_signature_check(
            &out->claims, &rollout->keys, amphi_str_from(out->signature), text, error);
        if (status == AMPHI_OK)
            status = admit(rollout, &out->claims, error);
    } else {
        memcpy(out->etag, fetch->etag, sizeof out->etag);
        status = amphi__sha256(text, out->claims.digest);
    }
    if (status == AMPHI_OK)
        status = amphi__rollout_parse(&out->root, text, error);
    return status == AMPHI_OK ? check_against_last(rollout, out->root, error) : status;
}

/* Puts the new payload into force; without one the old one is confirmed. */
static void put_into_force(amphi_rollout *rollout, amphi_rollout_payload *payload)
{
    amphi_rollout_payload old;
    memset(&old, 0, sizeof old);
    amphi__mutex_lock(&rollout->lock);
    if (payload->root != NULL) {
        old = rollout->payload;
        rollout->payload = *payload;
        rollout->said_ignored = false;
        amphi__rollout_floor_raise(&rollout->floor, &payload->claims);
        memset(payload, 0, sizeof *payload);
    }
    rollout->payload.origin = ORIGIN_FRESH;
    amphi__mutex_unlock(&rollout->lock);
    clear_payload(&old);
}

/* In force even when the disk is full; the next start then fetches again. */
static void keep(amphi_rollout *rollout, const amphi_rollout_payload *payload, amphi_str text)
{
    amphi_error problem;
    amphi_status status = amphi__rollout_raise_floor(rollout, &payload->claims, &problem);
    if (status == AMPHI_OK)
        status = amphi__rollout_keep(rollout, payload, text, &problem);
    if (status != AMPHI_OK)
        amphi__log(
            &rollout->log, AMPHI_LOG_WARNING, "rollout: payload not kept: %s", problem.message);
}

static amphi_status refresh(
    amphi_rollout *rollout, const char *etag, uint32_t timeout_ms, amphi_error *error)
{
    amphi_rollout_fetch fetch;
    amphi_rollout_payload payload;
    bool is_signed = rollout->keys.count > 0;
    bool changed = true;
    amphi_status status = AMPHI_OK;
    memset(&fetch, 0, sizeof fetch);
    memset(&payload, 0, sizeof payload);
    fetch.cancel = (amphi_cancel){&rollout->stopped, 1};
    memcpy(fetch.etag, etag, sizeof fetch.etag);
    if (is_signed) {
        status = fetch_signature(rollout, &fetch, &payload, &changed, timeout_ms, error);
        fetch.etag[0] = '\0'; /* the signature names the payload; its own tag is not needed */
    }
    if (status == AMPHI_OK && changed)
        status = fetch_payload(rollout, &fetch, &payload, timeout_ms, error);
    if (status == AMPHI_OK && payload.root != NULL)
        keep(rollout, &payload, amphi__buf_str(&fetch.body));
    if (status == AMPHI_OK)
        put_into_force(rollout, &payload);
    clear_payload(&payload);
    amphi__buf_clear(&fetch.body);
    return status;
}

amphi_status amphi__rollout_refresh(amphi_rollout *rollout, uint32_t timeout_ms, amphi_error *error)
{
    char etag[AMPHI_ROLLOUT_ETAG_MAX] = "";
    if (rollout->source[0] == '\0')
        return AMPHI_OK;
    amphi__mutex_lock(&rollout->lock);
    bool busy = rollout->refreshing;
    rollout->refreshing = true;
    memcpy(etag, rollout->payload.etag, sizeof etag);
    amphi__mutex_unlock(&rollout->lock);
    if (busy)
        return amphi__fail(error, AMPHI_E_BUSY, 0, "rollout: another refresh is under way");

    amphi_error problem;
    amphi__error_clear(&problem);
    amphi_status status = refresh(rollout, etag, timeout_ms, &problem);
    amphi__mutex_lock(&rollout->lock);
    rollout->refreshing = false;
    rollout->problem = problem;
    amphi__mutex_unlock(&rollout->lock);
    if (status != AMPHI_OK && error != NULL)
        *error = problem;
    return status;
}

void amphi__rollout_stop(amphi_rollout *rollout)
{
    if (rollout != NULL)
        atomic_store(&rollout->stopped, 1);
}
