/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and freeing the client, and the calls that concern all of its routes.
 */
#include "sdk/client/client.h"

#include "sdk/client/background.h"
#include "sdk/client/crash_ledger.h"
#include "sdk/client/drafts.h"
#include "sdk/client/driver_threads.h"
#include "sdk/client/rollout.h"
#include "sdk/client/telemetry.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

static void copy_options(amphi_client *client, const amphi_client_options *options)
{
    client->log.fn = options->log;
    client->log.user = options->log_user;
    client->mode = options->mode;
    client->is_private = options->is_private;
    client->no_cache = options->no_cache;
    client->no_queue = options->no_queue;
    client->outbox_event = options->outbox_event;
    client->outbox_user = options->outbox_user;
    amphi_history_retention_init(&client->retention);
    client->retention.max_age_ms = (uint64_t)options->history_days_max * (24ull * 3600 * 1000);
    client->retention.max_bytes = options->history_bytes_max;
}

static amphi_status start_telemetry(
    amphi_client *client, const amphi_client_options *options, amphi_error *error)
{
    amphi_telemetry_settings own;
    if (options->telemetry == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ(
        amphi_telemetry_settings, &own, options->telemetry, "options.telemetry", error);
    return status == AMPHI_OK ? amphi__telemetry_new(&client->telemetry, client, &own,
                                    options->allow_http_loopback, error)
                              : status;
}

amphi_status amphi_client_new(
    amphi_client **out, const amphi_client_options *options, amphi_error *error)
{
    amphi__error_clear(error);
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_client_options own;
    amphi_endpoint_options endpoints[AMPHI_ROUTES_MAX - 1];
    amphi_status status = amphi__client_options_read(&own, endpoints, options, error);
    if (status != AMPHI_OK)
        return status;
    amphi_client *client = amphi__calloc(1, sizeof *client);
    if (client == NULL || amphi__mutex_init(&client->lock) != AMPHI_OK ||
        amphi__mutex_init(&client->apply_lock) != AMPHI_OK ||
        amphi__cond_init(&client->probe_done) != AMPHI_OK) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    copy_options(client, &own);
    amphi_device_facts_init(&client->pushed);
    amphi__process_identity(client->process_identity);
    amphi__retry_budget_init(&client->retry_budget);
    status = amphi__stream_set_new(&client->streams, error);
    if (status == AMPHI_OK)
        status = amphi__compose(client, &own, error);
    if (status == AMPHI_OK)
        status = amphi__response_cache_new(
            &client->cache, client->store, client->shared_cache, client->clock, error);
    if (status == AMPHI_OK && (client->flights = amphi__single_flight_new()) == NULL)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        (void)amphi__client_rollout_apply(client, NULL); /* a bad payload changes nothing */
    if (status == AMPHI_OK) {
        amphi__spending_refresh(client, 0);
        amphi__route_pace_load_all(client);
    }
    if (status == AMPHI_OK)
        status = amphi__drivers_new(&client->drivers, AMPHI_DRIVER_IDLE_US, error);
    if (status == AMPHI_OK)
        status = amphi__drafts_new(&client->drafts, client, error);
    if (status == AMPHI_OK)
        status = start_telemetry(client, &own, error); /* before any request, so that all see it */
    if (status == AMPHI_OK)
        status = amphi__background_new(&client->background, client, error);
    if (status != AMPHI_OK)
        goto cleanup;
    *out = client;
    client = NULL; /* the caller owns it now */
cleanup:
    amphi_client_free(client);
    return status;
}

void amphi_client_free(amphi_client *client)
{
    if (client == NULL)
        return;
    amphi__stream_set_cancel_all(client->streams);
    amphi__background_stop(client->background);
    amphi__stream_set_join_all(client->streams);
    amphi__background_free(client->background); /* requests use it to their end */
    amphi__telemetry_free(client->telemetry);   /* likewise */
    amphi__stream_set_unref(client->streams);
    bool has_run = client->drivers != NULL;
    amphi__drivers_free(client->drivers);
    amphi__drafts_free(client->drafts);
    if (has_run) {
        amphi__spending_write(client);
        amphi__rollout_guard_write(client);
        amphi__route_pace_save_all(client, true);
    }
    amphi__single_flight_free(client->flights);
    amphi__response_cache_free(client->cache);
    amphi__decompose(client);
    amphi__cond_clear(&client->probe_done);
    amphi__mutex_clear(&client->apply_lock);
    amphi__mutex_clear(&client->lock);
    amphi__free(client);
}

void amphi__client_policy(amphi_client *client, amphi_policy *out)
{
    amphi__mutex_lock(&client->lock);
    *out = client->policy;
    amphi__mutex_unlock(&client->lock);
}

void amphi__client_steering(
    amphi_client *client, amphi_policy *policy, amphi_rollout_steering *steering)
{
    amphi__mutex_lock(&client->lock);
    *policy = client->policy;
    *steering = client->steering;
    amphi__mutex_unlock(&client->lock);
}

bool amphi__client_endpoint_is_off(amphi_client *client, size_t index)
{
    amphi__mutex_lock(&client->lock);
    bool is_off = client->steering.endpoints[index].is_off;
    amphi__mutex_unlock(&client->lock);
    return is_off;
}

amphi_status amphi_client_prewarm(amphi_client *client, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_engine engine = client->routes[i].engine;
        amphi_engine_info info;
        amphi_crash_facts crash;
        amphi__crash_ledger_describe(client, &client->routes[i], &policy, &info, &crash);
        bool allowed = amphi__policy_is_switched_on(&policy, &info) &&
                       (!client->is_private || amphi__policy_may_have_private(&policy, &info)) &&
                       !amphi__policy_is_quarantined(&policy, &crash) &&
                       !amphi__client_endpoint_is_off(client, i);
        if (allowed && info.available && engine.ops->prewarm != NULL)
            engine.ops->prewarm(engine.self);
        if (info.kind == AMPHI_ENGINE_LOCAL)
            amphi__background_monitor_memory(client->background);
    }
    return AMPHI_OK;
}

void amphi_string_free(char *string)
{
    amphi__free(string);
}

amphi_status amphi_client_routes(
    amphi_client *client, amphi_route_fn *visit, void *user, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || visit == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or visit is NULL");
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_engine_info info;
        amphi_crash_facts crash;
        (void)amphi__crash_ledger_describe(client, &client->routes[i], &policy, &info, &crash);
        amphi_str models = amphi_str_from(client->routes[i].model);
        if (amphi__str_find(models, AMPHI_STR("|")) == SIZE_MAX)
            models = amphi_str_from(info.model);
        bool goes_on = true;
        do
            goes_on = visit(user, amphi_str_from(info.name), amphi__str_cut(models, '|', &models));
        while (goes_on && models.size > 0);
        if (!goes_on)
            break;
    }
    return AMPHI_OK;
}
