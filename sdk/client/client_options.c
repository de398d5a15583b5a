/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes and required entries only; what the values mean is checked where they are used.
 */
#include "sdk/client/client_options.h"

#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <stdio.h>

amphi_status amphi__client_options_read(amphi_client_options *own,
    amphi_endpoint_options endpoints[AMPHI_ROUTES_MAX - 1], const amphi_client_options *source,
    amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_client_options, own, source, "options", error);
    if (status != AMPHI_OK)
        return status;
    if ((unsigned)own->mode > AMPHI_MODE_ONLY_CLOUD)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "options.mode: unknown");
    if (own->endpoints_count > AMPHI_ROUTES_MAX - 1)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "options.endpoints_count: at most %d",
            AMPHI_ROUTES_MAX - 1);
    status = AMPHI__SIZED_ARRAY_READ(amphi_endpoint_options, endpoints, own->endpoints,
        own->endpoints_count, "options.endpoints", error);
    own->endpoints = endpoints;
    return status;
}

/* ---- tables ---- */

typedef struct required_entry {
    bool is_there;
    const char *name;
} required_entry;

static amphi_status check_entries(
    const char *table, const required_entry *entries, size_t count, amphi_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!entries[i].is_there)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s.%s: NULL, or not within struct_size",
                table, entries[i].name);
    return AMPHI_OK;
}

#define REQUIRED(ops, entry)                                                                       \
    {                                                                                              \
        (ops)->entry != NULL, #entry                                                               \
    }
#define CHECK_ENTRIES(table, entries, error)                                                       \
    check_entries((table), (entries), sizeof(entries) / sizeof(entries)[0], (error))

static amphi_status read_clock(
    amphi_clock *own, const amphi_clock **clock, const amphi_clock *source, amphi_error *error)
{
    if (source == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, source, "parts.clock", error);
    if (status != AMPHI_OK)
        return status;
    *clock = own;
    const required_entry entries[] = {REQUIRED(own, monotonic_us), REQUIRED(own, wall_ms)};
    return CHECK_ENTRIES("parts.clock", entries, error);
}

/* Which entries of keys are needed depends on the store and the endpoints: checked there. */
static amphi_status read_keys(amphi_keys_ops *own, amphi_keys *keys, amphi_error *error)
{
    if (keys->ops == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, keys->ops, "parts.keys.ops", error);
    keys->ops = own;
    return status;
}

static amphi_status read_store(amphi_store_ops *own, amphi_store *store, amphi_error *error)
{
    if (store->ops == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, store->ops, "parts.store.ops", error);
    if (status != AMPHI_OK)
        return status;
    store->ops = own;
    const required_entry entries[] = {
        REQUIRED(own, turn_append),
        REQUIRED(own, messages),
        REQUIRED(own, conversations),
        REQUIRED(own, conversation_delete),
        REQUIRED(own, cache_get),
        REQUIRED(own, cache_put),
        REQUIRED(own, outbox_add),
        REQUIRED(own, outbox_claim),
        REQUIRED(own, outbox_release),
        REQUIRED(own, outbox_remove),
        REQUIRED(own, outbox_entries),
        REQUIRED(own, setting_get),
        REQUIRED(own, setting_put),
        REQUIRED(own, derive_key),
    };
    return CHECK_ENTRIES("parts.store.ops", entries, error);
}

static amphi_status read_http(amphi_http_ops *own, amphi_http *http, amphi_error *error)
{
    if (http->ops == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, http->ops, "parts.http.ops", error);
    if (status != AMPHI_OK)
        return status;
    http->ops = own;
    const required_entry entries[] = {
        REQUIRED(own, start), REQUIRED(own, cancel), REQUIRED(own, release)};
    return CHECK_ENTRIES("parts.http.ops", entries, error);
}

static amphi_status read_device(amphi_device_ops *own, amphi_device *device, amphi_error *error)
{
    if (device->ops == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, device->ops, "parts.device.ops", error);
    if (status != AMPHI_OK)
        return status;
    device->ops = own;
    const required_entry entries[] = {REQUIRED(own, snapshot)};
    return CHECK_ENTRIES("parts.device.ops", entries, error);
}

static amphi_status read_shared_cache(
    amphi_shared_cache_ops *own, amphi_shared_cache *cache, amphi_error *error)
{
    if (cache->ops == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, cache->ops, "parts.shared_cache.ops", error);
    if (status != AMPHI_OK)
        return status;
    cache->ops = own;
    const required_entry entries[] = {
        REQUIRED(own, secret), REQUIRED(own, get), REQUIRED(own, put)};
    return CHECK_ENTRIES("parts.shared_cache.ops", entries, error);
}

static amphi_status read_engine(
    amphi_engine_ops *own, amphi_engine *engine, const char *name, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ_KNOWN(own, engine->ops, name, error);
    if (status != AMPHI_OK)
        return status;
    engine->ops = own;
    const required_entry entries[] = {REQUIRED(own, describe), REQUIRED(own, start),
        REQUIRED(own, cancel), REQUIRED(own, release)};
    return CHECK_ENTRIES(name, entries, error);
}

static amphi_status read_engines(amphi_parts *own, amphi_tables *tables, amphi_error *error)
{
    if (own->engines_count > AMPHI_ROUTES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "more than %d routes", AMPHI_ROUTES_MAX);
    if (own->engines_count > 0 && own->engines == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "parts.engines: NULL with a count");
    amphi_status status = AMPHI_OK;
    if (own->local.ops != NULL)
        status = read_engine(&tables->local, &own->local, "parts.local.ops", error);
    for (size_t i = 0; i < own->engines_count && status == AMPHI_OK; i++) {
        char name[48];
        snprintf(name, sizeof name, "parts.engines[%zu].ops", i);
        tables->engine_values[i] = own->engines[i];
        status = read_engine(&tables->engines[i], &tables->engine_values[i], name, error);
    }
    own->engines = tables->engine_values;
    return status;
}

amphi_status amphi__parts_read(
    amphi_parts *own, amphi_tables *tables, const amphi_parts *source, amphi_error *error)
{
    amphi_parts_init(own);
    if (source == NULL)
        return AMPHI_OK;
    amphi_status status = AMPHI__SIZED_READ(amphi_parts, own, source, "options.parts", error);
    if (status == AMPHI_OK)
        status = read_clock(&tables->clock, &own->clock, own->clock, error);
    if (status == AMPHI_OK)
        status = read_keys(&tables->keys, &own->keys, error);
    if (status == AMPHI_OK)
        status = read_store(&tables->store, &own->store, error);
    if (status == AMPHI_OK)
        status = read_http(&tables->http, &own->http, error);
    if (status == AMPHI_OK)
        status = read_device(&tables->device, &own->device, error);
    if (status == AMPHI_OK)
        status = read_shared_cache(&tables->shared_cache, &own->shared_cache, error);
    if (status == AMPHI_OK)
        status = read_engines(own, tables, error);
    return status;
}

amphi_status amphi__whole_options_read(
    amphi_whole_options *out, const amphi_client_options *source, amphi_error *error)
{
    amphi_status status = amphi__client_options_read(&out->own, out->endpoints, source, error);
    return status == AMPHI_OK ? amphi__parts_read(&out->parts, &out->tables, out->own.parts, error)
                              : status;
}
