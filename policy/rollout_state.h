/* SPDX-License-Identifier: Apache-2.0
 *
 * The rollout's own state, shared by rollout*.c. `lock` guards what stands below it; no file, store
 * or network call is made under it.
 */
#ifndef AMPHI_POLICY_ROLLOUT_STATE_H
#define AMPHI_POLICY_ROLLOUT_STATE_H

#include "policy/growthbook.h"
#include "policy/rollout_fetch.h"
#include "policy/rollout_signature.h"
#include "sdk/core/thread.h"

typedef enum amphi_rollout_origin {
    ORIGIN_NONE,
    ORIGIN_BOOTSTRAP, /* the app's own */
    ORIGIN_KEPT,      /* of the store, not confirmed since the start */
    ORIGIN_FRESH
} amphi_rollout_origin;

/* One payload and what is known of it. All zero: none. */
typedef struct amphi_rollout_payload {
    amphi_json *root;
    char *signature; /* its signature file's text; NULL: not signed */
    amphi_rollout_claims claims;
    /* Of the signature file where there is one, else of the payload; empty: none, or it is of
     * another source. */
    char etag[AMPHI_ROLLOUT_ETAG_MAX];
    amphi_rollout_origin origin;
} amphi_rollout_payload;

/* The features that steer something. */
typedef enum amphi_rollout_feature {
    FEATURE_POLICY,
    FEATURE_MODEL,
    FEATURE_ENDPOINTS,
    FEATURE_CACHE
} amphi_rollout_feature;
_Static_assert(FEATURE_CACHE + 1 == AMPHI_ROLLOUT_FEATURES, "what policy.h says");

struct amphi_rollout {
    char *source; /* never NULL */
    char *models; /* likewise */
    amphi_rollout_transport transport;
    amphi_rollout_keys keys;
    amphi_store store;
    const amphi_clock *clock;
    amphi_log log;
    char install_id[37];
    _Atomic uint32_t stopped; /* 1: for good; any thread */
    uint8_t kept_digest[32];  /* of what the store holds, so that the same bytes are not written
                                 again at every start; the refresh under way alone touches it */

    amphi_mutex lock;
    /* Under the lock: */
    bool refreshing;
    amphi_json *attributes;
    amphi_rollout_payload payload;
    amphi_rollout_floor floor;
    /* The last value of each feature that could be evaluated: what holds when that fails. */
    amphi_json *last[AMPHI_ROLLOUT_FEATURES];
    /* What the app's document held of amphi.policy's value when it was last applied, line by
     * line. */
    amphi_buf held;
    amphi_error problem; /* of the last refresh; status OK: it went well */
    bool said_ignored;   /* the value's misfit was logged for this payload */
    /* The payload whose release was given up (as in exposures), and why; empty: none. */
    char given_up[17];
    amphi_rollback_verdict given_up_why;
};

/* ---- rollout_store.c ---- */

/* Reads the install id, or makes one. */
amphi_status amphi__rollout_load_id(amphi_rollout *rollout, amphi_error *error);
/* The last good payload; one that is damaged, or not signed as it must be, counts as none. */
amphi_status amphi__rollout_load_kept(
    amphi_rollout *rollout, amphi_rollout_payload *out, amphi_error *error);
amphi_status amphi__rollout_keep(amphi_rollout *rollout, const amphi_rollout_payload *payload,
    amphi_str text, amphi_error *error);
/* The floor as every process of this store has raised it. */
amphi_status amphi__rollout_load_floor(
    const amphi_rollout *rollout, amphi_rollout_floor *out, amphi_error *error);
amphi_status amphi__rollout_raise_floor(
    const amphi_rollout *rollout, const amphi_rollout_claims *claims, amphi_error *error);

/* ---- rollout_attributes.c ---- */

/* The install's own, with the app's on top, which can't replace "id". */
amphi_status amphi__rollout_make_attributes(
    const amphi_rollout *rollout, amphi_str own, amphi_json **out, amphi_error *error);

/* ---- rollout_features.c; under the lock, or before other threads know the object ---- */

extern const char *const amphi__rollout_feature_names[AMPHI_ROLLOUT_FEATURES];

/* Checks that the text is a payload that can be used here. The root is in *out. */
amphi_status amphi__rollout_parse(amphi_json **out, amphi_str text, amphi_error *error);
/* forced: {"EXPERIMENT": VARIATION}, for trying out; NULL: none. */
void amphi__rollout_evaluate(const amphi_json *payload, const amphi_json *attributes,
    amphi_str feature, const amphi_json *forced, amphi_gb_result *out);
/* Could this result be evaluated, and is its value one of this feature? */
amphi_status amphi__rollout_value_fits(
    amphi_rollout_feature feature, const amphi_gb_result *result, amphi_error *error);
/* What is in force: the payload's value (of a release that was given up: the control's), or the
 * last one that could be evaluated. NULL: none. */
const amphi_json *amphi__rollout_value(amphi_rollout *rollout, amphi_rollout_feature feature);
/* What would count without the rule that decided. */
const amphi_json *amphi__rollout_control(
    const amphi_rollout *rollout, amphi_rollout_feature feature, const amphi_gb_result *result);
/* What a value of amphi.endpoints says of one. */
void amphi__rollout_read_endpoint(
    const amphi_json *value, amphi_str name, amphi_rollout_endpoint *out);
/* The name in amphi.model's value; empty: the app has no such model. */
amphi_str amphi__rollout_listed_model(const amphi_rollout *rollout, const amphi_json *value);
/* Puts the value, which may be NULL, on top as far as the document lets it; what is held is said in
 * *held (may be NULL). */
amphi_status amphi__rollout_apply_value(
    amphi_policy *policy, const amphi_json *value, amphi_buf *held, amphi_error *error);
bool amphi__rollout_is_expired(const amphi_rollout *rollout);

/* ---- rollout_kills.c; of values that may be misshapen ---- */

bool amphi__rollout_endpoint_is_off(const amphi_json *endpoints, amphi_str name);
/* Of a value of amphi.policy only what it takes away. */
amphi_status amphi__rollout_apply_kills(
    amphi_policy *policy, const amphi_json *document, amphi_error *error);
/* Does it switch anything off for this install? */
bool amphi__rollout_takes_away(const amphi_json *payload, const amphi_json *attributes);

/* ---- rollout_steer.c ---- */

/* Was the release of the payload in force given up? Under the lock. */
bool amphi__rollout_is_given_up(const amphi_rollout *rollout);

/* ---- rollout_show.c ---- */

/* Those of the features that a rule or default decides; how many. Under the lock. */
size_t amphi__rollout_exposures(
    amphi_rollout *rollout, amphi_rollout_exposure out[AMPHI_ROLLOUT_FEATURES]);

/* Which rule decided, in words. payload NULL: there is none. */
void amphi__rollout_say_why(
    amphi_buf *out, amphi_str feature, const amphi_json *payload, const amphi_gb_result *result);

#endif
