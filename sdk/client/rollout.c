/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release on the client's side: refresh the payload, apply it to the policy, show it.
 */
#include "sdk/client/rollout.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <amphi/rollout.h>

#include <stdio.h>

#define REFRESH_TIMEOUT_MS 5000u

/* ---- applying ---- */

#define SETTING_FLUSHED "rollout.cache_flushed"

static void read_number(void *user, amphi_str value)
{
    uint64_t *number = user;
    (void)amphi__str_to_u64(value, number);
}

/* Empties the cache once for each number, also across restarts. */
static void flush_cache(amphi_client *client)
{
    uint64_t done = 0;
    char text[24];
    uint64_t number = amphi__rollout_cache_number(client->rollout);
    amphi__mutex_lock(&client->lock);
    bool is_new = number > client->cache_number;
    amphi__mutex_unlock(&client->lock);
    if (!is_new || client->cache == NULL)
        return;
    amphi_status status = client->store.ops->setting_get(
        client->store.self, AMPHI_STR(SETTING_FLUSHED), read_number, &done, NULL);
    if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
        return; /* tried again with the next round */
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    if (done < number &&
        (amphi__response_cache_clear(client->cache, NULL) != AMPHI_OK ||
            client->store.ops->setting_put(client->store.self, AMPHI_STR(SETTING_FLUSHED),
                amphi_str_from(text), NULL) != AMPHI_OK))
        return;
    amphi__mutex_lock(&client->lock);
    client->cache_number = number;
    amphi__mutex_unlock(&client->lock);
}

/* Tells the app what it has not heard of. */
static void report_exposures(amphi_client *client)
{
    amphi_rollout_exposure fresh[AMPHI_ROLLOUT_FEATURES];
    size_t count = 0;
    if (client->exposure == NULL)
        return;
    amphi__mutex_lock(&client->lock);
    for (size_t i = 0; i < client->steering.exposures_count; i++) {
        const amphi_rollout_exposure *now = &client->steering.exposures[i];
        bool is_known = false;
        for (size_t k = 0; k < client->reported_count; k++)
            is_known |= memcmp(&client->reported[k], now, sizeof *now) == 0;
        if (!is_known)
            fresh[count++] = *now;
    }
    memcpy(client->reported, client->steering.exposures, sizeof client->reported);
    client->reported_count = client->steering.exposures_count;
    amphi__mutex_unlock(&client->lock);
    for (size_t i = 0; i < count; i++)
        client->exposure(client->exposure_user, &fresh[i]);
}

static amphi_rollout_target target_of(const amphi_client *client)
{
    amphi_rollout_target target = {.base = &client->policy_base, .model = client->rollout_model};
    for (size_t i = 0; i < client->routes_count; i++) {
        const char *name = client->routes[i].name;
        target.endpoints[i] = name[0] != '\0' && strcmp(name, "local") != 0 ? name : NULL;
    }
    return target;
}

/* All of it comes into force in one moment. One thread at a time: a slower one would put an older
 * payload back. */
amphi_status amphi__client_rollout_apply(amphi_client *client, amphi_error *error)
{
    amphi_policy policy = client->policy_base;
    amphi_rollout_steering steering;
    amphi_status status = AMPHI_OK;
    const amphi_rollout_target target = target_of(client);
    memset(&steering, 0, sizeof steering);
    amphi__mutex_lock(&client->apply_lock);
    if (client->rollout != NULL) {
        amphi__rollout_guard_load(client);
        status = amphi__rollout_steer(client->rollout, &target, &policy, &steering, error);
    }
    amphi__mutex_lock(&client->lock);
    if (status == AMPHI_OK) { /* or what was in force stays */
        client->policy = policy;
        client->steering = steering;
    }
    amphi__mutex_unlock(&client->lock);
    amphi__mutex_unlock(&client->apply_lock);
    if (status == AMPHI_OK)
        amphi__rollout_guard_begin(client, &steering.arm);
    return status;
}

/* Behind the above, where the client is whole and no lock is held: what takes time, or calls the
 * app. */
static void follow_up(amphi_client *client)
{
    flush_cache(client);
    report_exposures(client);
}

/* ---- refreshing ---- */

/* Nothing leaves the device where the app's own document says so. What the rollout itself has
 * switched off does not count: it could never be switched on again. */
static amphi_status check_network(amphi_client *client, amphi_error *error)
{
    amphi_policy policy;
    amphi_device_facts facts;
    if (!client->rollout_is_remote)
        return AMPHI_OK;
    if (!client->policy_base.cloud_enabled)
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: not fetched: cloud.enabled is false in the policy document");
    amphi__client_policy(client, &policy);
    amphi__client_facts(client, &facts);
    bool is_metered = (facts.known & AMPHI_FACT_NETWORK) && facts.network == AMPHI_NETWORK_METERED;
    if (is_metered && !(policy.metered_allowed && client->policy_base.metered_allowed))
        return amphi__fail(error, AMPHI_E_REFUSED, 0,
            "rollout: not fetched: the network is metered, and network.metered_allowed is false");
    return AMPHI_OK;
}

amphi_status amphi_rollout_refresh(amphi_client *client, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->rollout == NULL)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "no rollout source is configured: give a file or an https URL");
    amphi_status status = check_network(client, error);
    if (status == AMPHI_OK)
        status = amphi__rollout_refresh(client->rollout, REFRESH_TIMEOUT_MS, error);
    amphi_status applied = amphi__client_rollout_apply(client, status == AMPHI_OK ? error : NULL);
    follow_up(client);
    return status != AMPHI_OK ? status : applied;
}

bool amphi_rollout_is_there(amphi_client *client)
{
    return client != NULL && amphi__rollout_has_payload(client->rollout);
}

amphi_status amphi_rollout_attributes(amphi_client *client, amphi_str json, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->rollout == NULL)
        return amphi__fail(
            error, AMPHI_E_NOT_FOUND, 0, "no rollout source is configured: attributes have no use");
    amphi_status status = amphi__rollout_set_attributes(client->rollout, json, error);
    if (status == AMPHI_OK)
        status = amphi__client_rollout_apply(client, error);
    if (status == AMPHI_OK)
        follow_up(client);
    return status;
}

static bool may_look(amphi_client *client)
{
    if (client->is_private && client->rollout_is_remote)
        return false; /* a private client asks the network for nothing by itself */
    return check_network(client, NULL) == AMPHI_OK;
}

uint64_t amphi__client_rollout_refresh(amphi_client *client, amphi_rollout_schedule *schedule)
{
    amphi_error error;
    uint64_t draw = 0;
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    if (client->rollout == NULL)
        return UINT64_MAX;
    bool is_due =
        !client->rollout_is_remote || amphi__rollout_schedule_left_ms(schedule, now_ms) == 0;
    if (!is_due || !may_look(client)) {
        (void)amphi__client_rollout_apply(client, NULL); /* it may have expired meanwhile */
        follow_up(client);
        return client->rollout_is_remote && !is_due
                   ? amphi__rollout_schedule_left_ms(schedule, now_ms)
                   : UINT64_MAX;
    }
    amphi_status status = amphi_rollout_refresh(client, &error);
    if (status == AMPHI_E_BUSY) /* the app asks at the moment, which will do */
        status = AMPHI_OK;
    if (status != AMPHI_OK && status != AMPHI_E_CANCELLED) /* by the client's end */
        amphi__log(&client->log, AMPHI_LOG_WARNING, "%s", error.message);
    (void)amphi__random(&draw, sizeof draw);
    now_ms = amphi__clock_boot_ms(client->clock);
    amphi__rollout_schedule_next(schedule, now_ms, client->rollout_poll_s, status != AMPHI_OK,
        status != AMPHI_OK ? error.retry_after_ms : 0, draw);
    return client->rollout_is_remote ? amphi__rollout_schedule_left_ms(schedule, now_ms)
                                     : UINT64_MAX;
}

/* ---- showing ---- */

amphi_status amphi_rollout_show(amphi_client *client, char **out, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    *out = NULL;
    amphi_buf json;
    amphi__buf_init(&json, 0);
    amphi_status status = AMPHI_OK;
    if (client->rollout != NULL)
        status = amphi__rollout_show(client->rollout, &json, error);
    else
        amphi__buf_append_c(&json,
            "{\"source\":null,\"feature\":\"amphi.policy\",\"value\":null,\"payload\":\"none\","
            "\"why\":\"no rollout source is configured\",\"held\":[]}");
    if (status == AMPHI_OK && json.status == AMPHI_OK && json.size > 0) {
        amphi_policy policy;
        amphi__client_policy(client, &policy);
        amphi__buf_truncate(&json, json.size - 1); /* reopen the object */
        amphi__buf_append_c(&json, ",\"policy\":");
        amphi__policy_to_json(&policy, &json);
        amphi__buf_append_char(&json, '}');
        *out = amphi__buf_take(&json);
        status = *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__buf_clear(&json);
    return status;
}

/* ---- for operators ---- */

static amphi_status take(char **out, amphi_buf *text, amphi_status status, amphi_error *error)
{
    if (status == AMPHI_OK) {
        *out = amphi__buf_take(text);
        status = *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__buf_wipe(text);
    return status;
}

amphi_status amphi_rollout_eval(
    char **out, amphi_str payload, amphi_str attributes, amphi_str feature, amphi_error *error)
{
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    return take(out, &text, amphi__rollout_eval(&text, payload, attributes, feature, error), error);
}

amphi_status amphi_rollout_check(char **out, amphi_str payload, amphi_error *error)
{
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi_status status = amphi__rollout_check(&text, payload, error);
    if (status == AMPHI_OK && amphi__buf_append_c(&text, "") != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return take(out, &text, status, error);
}

amphi_status amphi_rollout_keygen(char **private_jwk, char **public_key, amphi_error *error)
{
    amphi__error_clear(error);
    if (private_jwk == NULL || public_key == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "private_jwk or public_key is NULL");
    *private_jwk = NULL;
    *public_key = NULL;
    amphi_buf secret;
    amphi_buf public;
    amphi__buf_init(&secret, 0);
    amphi__buf_init(&public, 0);
    amphi_status status = amphi__rollout_keygen(&secret, &public, error);
    status = take(private_jwk, &secret, status, error);
    status = take(public_key, &public, status, error);
    if (status != AMPHI_OK) {
        amphi_string_free(*private_jwk);
        *private_jwk = NULL;
    }
    return status;
}

amphi_status amphi_rollout_sign(char **out, amphi_str private_jwk, amphi_str payload,
    uint64_t version, int64_t issued_s, int64_t expires_s, amphi_error *error)
{
    amphi__error_clear(error);
    if (out == NULL || issued_s <= 0 || expires_s <= 0)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "out is NULL, or issued_s or expires_s is not above 0");
    *out = NULL;
    amphi_buf text;
    amphi__buf_init(&text, 0);
    return take(out, &text,
        amphi__rollout_sign(
            &text, private_jwk, payload, version, (uint64_t)issued_s, (uint64_t)expires_s, error),
        error);
}
