/* SPDX-License-Identifier: Apache-2.0
 *
 * The composition root: the one file that knows which parts exist. It turns options into tables
 * (engines, store, transport, keys, probe) for the client; built-in parts go through the same
 * public tables as foreign ones.
 */
#include "local/local.h"
#include "policy/policy.h"
#include "remote/remote.h"
#include "sdk/client/client.h"
#include "sdk/client/rollout_schedule.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"
#include "storage/storage.h"

#include <stdlib.h>

#define DATA_DIR_BYTES_MAX 4096

/* The data directory when the options name none (XDG Base Directory Specification). */
static amphi_status find_data_dir(amphi_str option, amphi_buf *out, amphi_error *error)
{
    const char *xdg = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (option.size > 0)
        amphi__buf_append_str(out, option);
    else if (xdg != NULL && xdg[0] == '/')
        amphi__buf_printf(out, "%s/amphi", xdg);
    else if (home != NULL && home[0] == '/')
        amphi__buf_printf(out, "%s/.local/share/amphi", home);
    else
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "data_dir: neither given nor to be had from XDG_DATA_HOME or HOME");
    if (out->status == AMPHI_E_LIMIT)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "data_dir: longer than %d bytes", DATA_DIR_BYTES_MAX);
    return out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

static amphi_status compose_store(amphi_client *client, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    amphi_buf data_dir;
    client->store = parts->store;
    client->keys = parts->keys;
    amphi__buf_init(&data_dir, DATA_DIR_BYTES_MAX);
    if (client->store.ops != NULL)
        return AMPHI_OK; /* a foreign store has keys of its own */
    status = find_data_dir(options->data_dir, &data_dir, error);
    if (status == AMPHI_OK && client->keys.ops == NULL) {
        status =
            amphi__keys_new(&client->keys, options->keys_place, amphi__buf_str(&data_dir), error);
        client->owns_keys = status == AMPHI_OK;
    }
    if (status == AMPHI_OK) {
        amphi_storage_options storage = {.data_dir = amphi__buf_str(&data_dir),
            .keys = client->keys,
            .outbox_entries_max = client->policy_base.outbox_entries_max,
            .outbox_bytes_max = client->policy_base.outbox_bytes_max,
            .outbox_age_max_ms = (uint64_t)client->policy_base.outbox_age_max_s * 1000,
            .log = client->log,
            .clock = client->clock};
        status = amphi__store_new(&client->store, &storage, error);
        client->owns_store = status == AMPHI_OK;
    }
    amphi__buf_clear(&data_dir);
    return status;
}

/* Where the store is and who has its key, for what works without a client. */
static amphi_status find_store(amphi_storage_options *storage, amphi_buf *data_dir, bool *owns_keys,
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error)
{
    *owns_keys = false;
    *storage = (amphi_storage_options){.keys = parts->keys};
    if (parts->store.ops != NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "store: it is the app's own");
    amphi_status status = find_data_dir(options->data_dir, data_dir, error);
    if (status == AMPHI_OK && storage->keys.ops == NULL) {
        status =
            amphi__keys_new(&storage->keys, options->keys_place, amphi__buf_str(data_dir), error);
        *owns_keys = status == AMPHI_OK;
    }
    storage->data_dir = amphi__buf_str(data_dir);
    return status;
}

typedef amphi_status store_action(
    void *out, const amphi_storage_options *storage, amphi_error *error);

static amphi_status with_store(store_action *action, void *out, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error)
{
    amphi_storage_options storage;
    amphi_buf data_dir;
    bool owns_keys;
    amphi__buf_init(&data_dir, DATA_DIR_BYTES_MAX);
    amphi_status status = find_store(&storage, &data_dir, &owns_keys, options, parts, error);
    if (status == AMPHI_OK)
        status = action(out, &storage, error);
    if (owns_keys)
        storage.keys.ops->free(storage.keys.self);
    amphi__buf_clear(&data_dir);
    return status;
}

static amphi_status check(void *out, const amphi_storage_options *storage, amphi_error *error)
{
    return amphi__store_check(out, storage, false, error);
}

static amphi_status check_quickly(
    void *out, const amphi_storage_options *storage, amphi_error *error)
{
    return amphi__store_check(out, storage, true, error);
}

amphi_status amphi__compose_check(amphi_history_check_report *out,
    const amphi_client_options *options, const amphi_parts *parts, bool is_quick,
    amphi_error *error)
{
    amphi_history_check_report_init(out);
    return with_store(is_quick ? check_quickly : check, out, options, parts, error);
}

static amphi_status repair(void *out, const amphi_storage_options *storage, amphi_error *error)
{
    return amphi__store_repair(out, storage, error);
}

amphi_status amphi__compose_repair(amphi_history_repair_report *out,
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error)
{
    amphi_history_repair_report_init(out);
    return with_store(repair, out, options, parts, error);
}

typedef struct lost_words {
    char *out;
    size_t capacity;
} lost_words;

static amphi_status ask_lost(void *out, const amphi_storage_options *storage, amphi_error *error)
{
    const lost_words *words = out;
    (void)error;
    if (!amphi__store_lost(storage, words->out, words->capacity))
        words->out[0] = '\0';
    return AMPHI_OK;
}

amphi_status amphi__compose_lost(char *out, size_t capacity, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error)
{
    lost_words words = {out, capacity};
    return with_store(ask_lost, &words, options, parts, error);
}

uint64_t amphi__compose_aside(
    const amphi_client_options *options, const amphi_parts *parts, char *path, size_t capacity)
{
    uint64_t count = 0;
    amphi_buf data_dir;
    path[0] = '\0';
    amphi__buf_init(&data_dir, DATA_DIR_BYTES_MAX);
    if (parts->store.ops == NULL && find_data_dir(options->data_dir, &data_dir, NULL) == AMPHI_OK)
        count = amphi__store_aside_find(amphi__buf_str(&data_dir), path, capacity);
    amphi__buf_clear(&data_dir);
    return count;
}

static amphi_status rekey(void *out, const amphi_storage_options *storage, amphi_error *error)
{
    return amphi__store_rekey(storage, error);
}

amphi_status amphi__compose_rekey(
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error)
{
    return with_store(rekey, NULL, options, parts, error);
}

static amphi_status shred(void *out, const amphi_storage_options *storage, amphi_error *error)
{
    return amphi__store_shred(storage, error);
}

amphi_status amphi__compose_shred(
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error)
{
    return with_store(shred, NULL, options, parts, error);
}

static amphi_status describe_keys(
    void *out, const amphi_storage_options *storage, amphi_error *error)
{
    amphi_keys_report *report = out;
    const amphi_keys *keys = &storage->keys;
    amphi__str_copy_to(report->provider, sizeof report->provider, amphi_str_from(keys->ops->name));
    if (keys->ops->where != NULL)
        keys->ops->where(keys->self, report->place, sizeof report->place, &report->has_key);
    report->can_destroy = keys->ops->destroy != NULL;
    amphi__store_key_facts(storage->data_dir, &report->is_wrapped, &report->store_bytes);
    return AMPHI_OK;
}

amphi_status amphi__compose_keys(amphi_keys_report *out, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error)
{
    amphi_keys_report_init(out);
    return with_store(describe_keys, out, options, parts, error);
}

static amphi_status add_route(
    amphi_client *client, amphi_engine engine, bool owned, amphi_error *error)
{
    if (client->routes_count == AMPHI_ROUTES_MAX) {
        if (owned)
            engine.ops->free(engine.self);
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "more than %d routes", AMPHI_ROUTES_MAX);
    }
    amphi_route *route = &client->routes[client->routes_count++];
    route->engine = engine;
    route->owned = owned;
    return AMPHI_OK;
}

/* Name, model and prices of the route that was added last, from its options: describe might start
 * an engine process. */
static void name_route(amphi_client *client, amphi_str name, amphi_str model, amphi_str prices)
{
    amphi_route *route = &client->routes[client->routes_count - 1];
    amphi__str_copy_to(route->name, sizeof route->name, name);
    amphi__str_copy_to(route->model, sizeof route->model, model);
    amphi__str_copy_to(route->prices, sizeof route->prices, prices);
}

static amphi_status compose_local(amphi_client *client, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error)
{
    if (parts->local.ops != NULL)
        return add_route(client, parts->local, false, error);
    amphi_local_options local = {
        .model_path = options->model_path,
        .threads = options->threads,
        .context_tokens_max = client->policy_base.local_context_tokens_max,
        .isolation = options->isolation,
        .log = client->log,
    };
    amphi_engine engine;
    amphi_buf crumb;
    amphi__buf_init(&crumb, 4096);
    if (options->isolation == AMPHI_ISOLATION_THREAD &&
        find_data_dir(options->data_dir, &crumb, NULL) == AMPHI_OK) {
        amphi__buf_append_c(&crumb, "/breadcrumb");
        local.breadcrumb_path = amphi__buf_str(&crumb);
    }
    amphi_status status = amphi__local_engine_new(&engine, &local, error);
    amphi__buf_clear(&crumb);
    if (status == AMPHI_OK)
        status = add_route(client, engine, true, error);
    if (status == AMPHI_OK)
        name_route(client, AMPHI_STR("local"), amphi_str_make(NULL, 0), amphi_str_make(NULL, 0));
    return status;
}

static amphi_status check_endpoint_name(
    const amphi_client_options *options, size_t index, amphi_error *error)
{
    static const char *const reserved[] = {"local", "cache", "outbox"};
    amphi_str name = options->endpoints[index].name;
    bool taken = name.size == 0 || name.size >= AMPHI_NAME_MAX;
    for (size_t i = 0; i < 3; i++)
        taken |= amphi__str_equal_c(name, reserved[i]);
    for (size_t i = 0; i < index; i++)
        taken |= amphi__str_equal(name, options->endpoints[i].name);
    if (!taken)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "endpoints[%zu].name: 1 to %d bytes, unique, not local, cache or outbox", index,
        AMPHI_NAME_MAX - 1);
}

static amphi_status check_prices(
    const amphi_endpoint_options *endpoint, size_t index, amphi_error *error)
{
    amphi_error why;
    if (amphi__price_list_check(endpoint->prices, &why) != AMPHI_OK)
        return amphi__fail(
            error, why.status, 0, "endpoints[%zu].%s", index, why.message + strlen("endpoint: "));
    amphi_str stranger = amphi__price_list_stranger(endpoint->prices, endpoint->model);
    if (stranger.size == 0)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "endpoints[%zu].prices: \"%.*s\" is none of the endpoint's models", index,
        (int)(stranger.size < 60 ? stranger.size : 60), stranger.data);
}

static amphi_status compose_endpoints(
    amphi_client *client, const amphi_client_options *options, amphi_error *error)
{
    for (size_t i = 0; i < options->endpoints_count; i++) {
        amphi_remote_options remote = {
            .endpoint = options->endpoints[i],
            .allow_http_loopback = options->allow_http_loopback,
            .http = client->http,
            .keys = client->keys,
            .clock = client->clock,
            .log = client->log,
        };
        amphi_engine engine;
        amphi_status status = check_endpoint_name(options, i, error);
        if (status == AMPHI_OK)
            status = amphi__model_list_check(options->endpoints[i].model, error);
        if (status == AMPHI_OK)
            status = check_prices(&options->endpoints[i], i, error);
        if (status == AMPHI_OK)
            status = amphi__remote_engine_new(&engine, &remote, error);
        if (status == AMPHI_OK)
            status = add_route(client, engine, true, error);
        if (status != AMPHI_OK)
            return status;
        name_route(client, options->endpoints[i].name, options->endpoints[i].model,
            options->endpoints[i].prices);
        if (amphi__endpoint_key_is_exposed(&options->endpoints[i]))
            amphi__log(&client->log, AMPHI_LOG_WARNING,
                "endpoint %.*s: other users of this machine may read its key file: chmod 600 it",
                (int)options->endpoints[i].name.size, options->endpoints[i].name.data);
    }
    return AMPHI_OK;
}

#define MODELS_MAX 16

/* The models' names as one list, for the rollout. */
static amphi_status list_models(
    amphi_buf *out, const amphi_rollout_settings *settings, amphi_error *error)
{
    if (settings->models_count > MODELS_MAX)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "rollout.models_count: at most %d", MODELS_MAX);
    for (size_t i = 0; i < settings->models_count; i++) {
        amphi_str name = settings->models[i].name;
        amphi_str rest;
        if (name.size == 0 || name.size >= AMPHI_NAME_MAX || settings->models[i].path.size == 0 ||
            amphi__str_cut(name, '|', &rest).size != name.size)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "rollout.models[%zu]: a name of 1 to %d bytes without \"|\", and a path", i,
                AMPHI_NAME_MAX - 1);
        if (i > 0)
            amphi__buf_append_char(out, '|');
        amphi__buf_append_str(out, name);
    }
    return out->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

static amphi_status read_rollout_settings(amphi_client *client, amphi_rollout_settings *own,
    const amphi_client_options *options, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    amphi_rollout_settings_init(own);
    if (options->rollout != NULL)
        status = AMPHI__SIZED_READ(
            amphi_rollout_settings, own, options->rollout, "options.rollout", error);
    if (status == AMPHI_OK && own->poll_s != 0 &&
        (own->poll_s < AMPHI_ROLLOUT_POLL_MIN_S || own->poll_s > AMPHI_ROLLOUT_POLL_MAX_S))
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout.poll_s: %u to %u",
            AMPHI_ROLLOUT_POLL_MIN_S, AMPHI_ROLLOUT_POLL_MAX_S);
    client->rollout_poll_s = own->poll_s != 0 ? own->poll_s : AMPHI_ROLLOUT_POLL_S;
    client->exposure = own->exposure;
    client->exposure_user = own->exposure_user;
    return status;
}

/* The path of the model that the payload chooses for this install; the app's own where it chooses
 * none. */
static void choose_model(
    amphi_client *client, const amphi_rollout_settings *settings, amphi_client_options *options)
{
    char *name = client->rollout_model;
    amphi__rollout_guard_load(client);
    amphi__rollout_model(client->rollout, name);
    for (size_t i = 0; i < settings->models_count; i++)
        if (amphi__str_equal_c(settings->models[i].name, name))
            options->model_path = settings->models[i].path;
}

/* options->model_path may become another one. */
static amphi_status compose_rollout(
    amphi_client *client, amphi_client_options *options, amphi_error *error)
{
    amphi_rollout_settings own;
    amphi_buf models;
    amphi_status status = read_rollout_settings(client, &own, options, error);
    if (status != AMPHI_OK || options->rollout_source.size == 0)
        return status;
    amphi__buf_init(&models, 0);
    status = list_models(&models, &own, error);
    amphi_rollout_options rollout = {
        .source = options->rollout_source,
        .allow_http_loopback = options->allow_http_loopback,
        .ca_file = own.ca_file,
        .pins = own.pins,
        .tls12 = own.tls12,
        .key_file = own.key_file,
        .keys = own.keys,
        .bootstrap = own.bootstrap,
        .bootstrap_signature = own.bootstrap_signature,
        .attributes = own.attributes_json,
        .models = amphi__buf_str(&models),
        .http = client->http,
        .store = client->store,
        .clock = client->clock,
        .log = client->log,
    };
    if (status == AMPHI_OK)
        status = amphi__rollout_new(&client->rollout, &rollout, error);
    amphi__buf_clear(&models);
    client->rollout_is_remote = amphi__rollout_is_url(options->rollout_source);
    amphi_error why;
    if (status == AMPHI_OK &&
        !client->rollout_is_remote && /* a URL is fetched by the background thread */
        amphi__rollout_refresh(client->rollout, 0, &why) != AMPHI_OK)
        amphi__log(&client->log, AMPHI_LOG_WARNING, "%s", why.message);
    if (status == AMPHI_OK)
        choose_model(client, &own, options);
    return status;
}

amphi_status amphi__compose(
    amphi_client *client, const amphi_client_options *options, amphi_error *error)
{
    amphi_parts parts;
    amphi_status status = amphi__parts_read(&parts, &client->tables, options->parts, error);
    if (status != AMPHI_OK)
        return status;
    client->clock = parts.clock != NULL ? parts.clock : &amphi__clock_system;
    amphi__policy_init(&client->policy_base);
    if (options->policy_json.size > 0)
        status = amphi__policy_apply_json(&client->policy_base, options->policy_json, error);
    if (status == AMPHI_OK)
        status = amphi__policy_pin(&client->policy_base, options->policy_pinned, error);
    client->policy = client->policy_base;
    if (status == AMPHI_OK)
        status = compose_store(client, options, &parts, error);

    client->shared_cache = parts.shared_cache;
    client->http = parts.http;
    if (status == AMPHI_OK && client->http.ops == NULL) {
        status = amphi__http_new(&client->http, error);
        client->owns_http = status == AMPHI_OK;
    }
    client->device = parts.device;
    if (status == AMPHI_OK && client->device.ops == NULL) {
        status = amphi__device_probe_new(&client->device, error);
        client->owns_device = status == AMPHI_OK;
    }
    amphi_client_options steered = *options;
    if (status == AMPHI_OK)
        status = compose_rollout(client, &steered, error);
    if (status == AMPHI_OK)
        status = compose_local(client, &steered, &parts, error);
    if (status == AMPHI_OK)
        status = compose_endpoints(client, options, error);
    for (size_t i = 0; i < parts.engines_count && status == AMPHI_OK; i++)
        status = add_route(client, parts.engines[i], false, error);
    return status;
}

void amphi__compose_report(const amphi_client *client, amphi_parts_report *out)
{
    memset(out, 0, sizeof *out);
    if (client->owns_store)
        (void)amphi__storage_version(out->store, sizeof out->store, NULL);
    if (client->routes_count > 0 && client->routes[0].owned)
        out->cage_known =
            amphi__local_cage(&client->routes[0].engine, out->cage, sizeof out->cage) == AMPHI_OK;
}

void amphi__decompose(amphi_client *client)
{
    amphi__rollout_free(client->rollout);
    while (client->routes_count > 0) {
        amphi_route *route = &client->routes[--client->routes_count];
        if (route->owned && route->engine.ops->free != NULL)
            route->engine.ops->free(route->engine.self);
    }
    if (client->owns_device && client->device.ops->free != NULL)
        client->device.ops->free(client->device.self);
    if (client->owns_http)
        client->http.ops->free(client->http.self);
    if (client->owns_store)
        client->store.ops->free(client->store.self);
    if (client->owns_keys && client->keys.ops->free != NULL)
        client->keys.ops->free(client->keys.self);
}

amphi_status amphi__compose_measure_storage(
    amphi_json_writer *writer, amphi_str folder, uint64_t large_bytes, amphi_error *error)
{
    amphi_storage_figures f = {0};
    amphi_status status = amphi__storage_measure(&f, folder, large_bytes, error);
    if (status != AMPHI_OK)
        return status;
    amphi__json_put_number(writer, "l2_hit_p50_us", f.l2_hit_p50_us);
    amphi__json_put_number(writer, "turn_commit_us", f.turn_commit_us);
    amphi__json_put_number(writer, "plain_commit_us", f.plain_commit_us);
    amphi__json_put_number(writer, "turn_commit_ratio", f.turn_commit_ratio);
    amphi__json_put_number(writer, "turns_per_s_1", f.grouped_tps[0]);
    amphi__json_put_number(writer, "turns_per_s_4", f.grouped_tps[1]);
    amphi__json_put_number(writer, "turns_per_s_16", f.grouped_tps[2]);
    amphi__json_put_number(writer, "search_p50_ms", f.search_p50_ms);
    amphi__json_put_number(writer, "open_ms", f.open_ms);
    return AMPHI_OK;
}
