/* SPDX-License-Identifier: Apache-2.0
 *
 * Remote config: a GrowthBook payload (a file, or an https URL) whose features steer installs:
 *
 *     amphi.policy     overrides fields of the policy document: not those that the app has pinned,
 *                      and privacy, the cloud, metered networks and money only towards less
 *                      (sdk/docs/policy.md)
 *     amphi.model      the name of one of the app's local models, from the next start on
 *     amphi.endpoints  {"NAME": {"enabled": false, "weight": 3}}: endpoints of the app
 *     amphi.cache      {"flush": N}: answers that are cached are forgotten when N grows
 *
 * The choice is made on the device, by GrowthBook's rules; nothing about it is sent. Where keys are
 * pinned a payload must be signed by one of them (sdk/docs/decisions/0025-signed-remote-config.md).
 * A URL is looked at every poll_s seconds, give or take a tenth, by a client that runs, and one
 * time when it starts. Nothing is fetched by itself while the client is private, while the app's
 * own document has cloud.enabled false, or over a metered network where network.metered_allowed is
 * false.
 */
#ifndef AMPHI_ROLLOUT_H
#define AMPHI_ROLLOUT_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* FROZEN: an element of an array. */
typedef struct amphi_rollout_model {
    amphi_str name; /* as amphi.model gives it */
    amphi_str path; /* as amphi_client_options.model_path */
} amphi_rollout_model;

/* A feature's value is in force, for the first time in this client or by another rule or payload
 * than before; or this device has given it up (exposure->rolled_back). Called on the thread that
 * found out (the app's in amphi_rollout_refresh and amphi_rollout_attributes, otherwise the
 * client's background thread, which begins with those of the start), outside of every lock. It may
 * call the client, but not amphi_client_free. */
typedef void amphi_rollout_exposure_fn(void *user, const amphi_rollout_exposure *exposure);

/* SIZED, read. */
struct amphi_rollout_settings {
    size_t struct_size; /* in bytes; see amphi/types.h */
    /* Public keys, "KEY;KEY", four at most, as `amphi rollout keygen` prints them. With keys only
     * signed payloads are taken; empty: any. */
    amphi_str keys;
    /* The payload until another was taken; with bootstrap_signature, the text of its signature
     * file, no older one is ever taken. Empty: none. */
    amphi_str bootstrap;
    amphi_str bootstrap_signature;
    /* A JSON object of attributes for the payload's conditions: {"appVersion": "2.1", "tier":
     * "free"}. They stand beside id, sdkVersion, platform, os, osVersion, arch, ramMb and
     * deviceClass ("low", "mid", "high"); of the same name they win, but for id. */
    amphi_str attributes_json;
    const amphi_rollout_model *models; /* that amphi.model may choose; NULL: none */
    size_t models_count;               /* of `models`; 16 at most */
    /* Of the URL's server, as in amphi_endpoint_options; key_file: a file whose content is sent
     * as a bearer token. */
    amphi_str ca_file;
    amphi_str pins;
    amphi_str key_file;
    bool tls12;                          /* accept TLS 1.2 as well; default 1.3 only */
    uint32_t poll_s;                     /* 60 to 604800; 0: 600 */
    amphi_rollout_exposure_fn *exposure; /* NULL: no events */
    void *exposure_user;                 /* its first argument */
};

static inline void amphi_rollout_settings_init(amphi_rollout_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->struct_size = sizeof *settings;
}

/* {"source","install_id","feature":"amphi.policy","value":{...}|null,"bucket":0.1234|null,
 *  "coverage":[a,b]|null,"rule":N|null,"why":"...","held":["..."],
 *  "payload":"fresh|kept|bootstrap|none",
 *  "signature":{"kid","version","issued","expires","expired"}|null,
 *  "rolled_back":{"kind","failed","of","control_failed","control_of","why"}|null,
 *  "features":{"amphi.model":{"value","rule","why"},...},"attributes":{...},"policy":{...}}: which
 * values this install gets and why, which of amphi.policy's fields are held by the app's document
 * ("memory.max_percent 1 became 20: ..."), and the policy document in force. Free with
 * amphi_string_free. */
AMPHI_API amphi_status amphi_rollout_show(amphi_client *client, char **out, amphi_error *error);

/* Reads or fetches the payload again now; the last good one stays in force when that fails.
 * AMPHI_E_REFUSED: cloud.enabled is false in the app's own document, or the network is metered and
 * network.metered_allowed false, so nothing may be fetched. */
AMPHI_API amphi_status amphi_rollout_refresh(amphi_client *client, amphi_error *error);

/* Is a payload in force: fetched, read, kept from before, or the bootstrap payload? */
AMPHI_API bool amphi_rollout_is_there(amphi_client *client);

/* Replaces the app's own attributes by those of a JSON object (empty: none) and applies the payload
 * again: for what is known only later, such as a user's tier. */
AMPHI_API amphi_status amphi_rollout_attributes(
    amphi_client *client, amphi_str json, amphi_error *error);

/* ---- for operators; no client is needed ---- */

/* One feature of a payload for an install with these attributes (a JSON object), as GrowthBook's
 * SDK reports it: {"value","on","off","source","ruleId","experimentResult" (of
 * experiments),"why"}. Pure: the same input gives the same bytes. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_rollout_eval(
    char **out, amphi_str payload, amphi_str attributes, amphi_str feature, amphi_error *error);

/* The values of this payload that a client would not understand, whichever rule gives them, a line
 * each; empty: there is none. Such a value keeps what was in force; on an install with nothing in
 * force only what it switches off counts. Pure. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_rollout_check(char **out, amphi_str payload, amphi_error *error);

/* A new key pair: the private key as a JWK (keep it where no server is), the public one as the text
 * for amphi_rollout_settings.keys. Free both with amphi_string_free, which wipes nothing. */
AMPHI_API amphi_status amphi_rollout_keygen(
    char **private_jwk, char **public_key, amphi_error *error);

/* A line for the signature file FILE.jws beside a payload: ES256 over its bytes. `version` has to
 * grow with every other payload; the line holds from issued_s to expires_s, Unix time, 180 days at
 * most. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_rollout_sign(char **out, amphi_str private_jwk, amphi_str payload,
    uint64_t version, int64_t issued_s, int64_t expires_s, amphi_error *error);

AMPHI_END_DECLS

#endif
