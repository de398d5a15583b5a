/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sim_world.h"

#include "sdk/core/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static amphi_store_ops blind_ops, inner_ops;

/* ---- chance ---- */

uint32_t sim_roll(sim_world *w, uint32_t sides)
{
    w->random += 0x9e3779b97f4a7c15u;
    uint64_t x = w->random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ (x >> 31)) % sides);
}

bool sim_chance(sim_world *w, uint32_t percent)
{
    return sim_roll(w, 100) < percent;
}

/* ---- a store that hides how far its rows may travel ---- */

typedef struct blind_relay {
    amphi_store_row_fn *visit;
    void *user;
} blind_relay;

static bool hide_privacy(void *user, const amphi_store_row *row)
{
    const blind_relay *to = user;
    amphi_store_row hidden = *row;
    hidden.privacy = AMPHI_PRIVACY_NONE;
    return to->visit(to->user, &hidden);
}

static amphi_status blind_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error)
{
    blind_relay to = {visit, user};
    return inner_ops.rows(self, query, hide_privacy, &to, error);
}

/* ---- the world ---- */

/* Modes in a document bind every request that names none; most have none. */
static void write_policy(sim_world *w, amphi_buf *out, amphi_mode *mode_out)
{
    static const char *const modes[] = {
        "auto", "auto", "prefer_cloud", "prefer_local", "only_local", "only_cloud"};
    const char *mode = modes[sim_roll(w, 6)];
    (void)amphi_mode_parse(mode_out, amphi_str_from(mode));
    amphi__buf_printf(out, "{\"mode\":\"%s\"", mode);
    if (sim_chance(w, 50))
        amphi__buf_printf(out, ",\"private_history\":\"%s\"", sim_chance(w, 70) ? "omit" : "local");
    if (w->sends_only_local && sim_chance(w, 50))
        amphi__buf_append_c(out, ",\"only_local_history\":\"send\"");
    amphi__buf_printf(out,
        ",\"cloud\":{\"hedge_ms\":%u,\"budgets\":{\"first_token_"
        "ms\":%u,\"idle_ms\":15}},"
        "\"local\":{\"budgets\":{\"first_token_ms\":15,\"idle_ms\":"
        "15}},\"breaker\":"
        "{\"failures\":1000,\"failure_percent\":0}}",
        sim_chance(w, 30) ? 1 + sim_roll(w, 2) : 0, w->kind->is_http ? 1000 : 15);
}

const char *sim_rollout_file(sim_world *w)
{
    const char *path = scratch_dir_file(&w->kind->folder, "rollout.json");
    amphi_mode mode;
    amphi_buf document;
    amphi__buf_init(&document, 0);
    write_policy(w, &document, &mode);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        abort();
    fprintf(file, "{\"features\":{\"amphi.policy\":{\"defaultValue\":%.*s}}}", (int)document.size,
        document.data);
    fclose(file);
    amphi__buf_clear(&document);
    return path;
}

void sim_client_set_network(sim_client *c, const char *network)
{
    char json[32];
    snprintf(json, sizeof json, "{\"network\":\"%s\"}", network);
    if (amphi_device_push_json(c->client, amphi_str_from(json), NULL) != AMPHI_OK)
        abort();
}

/* And what kind of client it is. */
static void init_engines(sim_world *w, sim_client *c)
{
    static const amphi_mode modes[] = {AMPHI_MODE_DEFAULT, AMPHI_MODE_DEFAULT,
        AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_PREFER_LOCAL};
    c->is_private = sim_chance(w, 20);
    c->mode = modes[sim_roll(w, 5)];
    bool is_own = sim_chance(w, 70); /* otherwise the system's, on this device or in its cloud */
    sim_engine_init(&c->local, "local", is_own ? AMPHI_ENGINE_LOCAL : AMPHI_ENGINE_SYSTEM);
    c->local.info.on_device = !is_own;
    c->local.answers = &w->answers;
    c->local.says_private = c->is_private;
    c->local.info.in_process = sim_chance(w, 30);
    sim_engine_init(&c->clouds[0], "cloud", AMPHI_ENGINE_CLOUD);
    sim_engine_init(
        &c->clouds[1], "cloud2", sim_chance(w, 70) ? AMPHI_ENGINE_CLOUD : AMPHI_ENGINE_SYSTEM);
    c->clouds[0].wire = c->clouds[1].wire = c->is_private ? &w->private_wire : &w->wire;
}

void sim_client_open(sim_world *w, sim_client *c)
{
    amphi_engine engines[2] = {sim_engine_value(&c->clouds[0]), sim_engine_value(&c->clouds[1])};
    amphi_endpoint_options endpoint;
    amphi_client_options options;
    amphi_parts parts;
    amphi_buf policy;
    amphi_error error;
    amphi_client_options_init(&options);
    amphi_parts_init(&parts);
    amphi__buf_init(&policy, 0);
    init_engines(w, c);
    parts.store = w->store;
    parts.local = sim_engine_value(&c->local);
    options.parts = &parts;
    options.is_private = c->is_private;
    options.mode = c->mode;
    options.no_cache = sim_chance(w, 20);
    options.no_queue = sim_chance(w, 10);
    write_policy(w, &policy, &c->policy_mode);
    options.policy_json = amphi__buf_str(&policy);
    if (w->kind->is_http) {
        amphi_endpoint_options_init(&endpoint);
        endpoint.name = AMPHI_STR("cloud");
        endpoint.url = amphi_str_from(w->url);
        endpoint.model = AMPHI_STR("m");
        options.endpoints = &endpoint;
        options.endpoints_count = 1;
        options.allow_http_loopback = true;
    } else {
        parts.http = sim_http_value(c->is_private ? &w->private_wire : &w->wire);
        parts.engines = engines;
        parts.engines_count = 2;
    }
    uint32_t source = sim_roll(w, 3);
    c->looks_up = source == 0 && !w->kind->is_http;
    if (c->looks_up)
        options.rollout_source = AMPHI_STR("https://rollout.example/features");
    if (source == 1) {
        options.rollout_source = amphi_str_from(sim_rollout_file(w));
        c->policy_mode = AMPHI_MODE_DEFAULT;
    }
    if (amphi_client_new(&c->client, &options, &error) != AMPHI_OK) {
        fprintf(stderr, "private_sim: %s\n", error.message);
        abort();
    }
    amphi__buf_clear(&policy);
    if (sim_chance(w, 25))
        sim_client_set_network(c, "none");
}

void sim_client_close(sim_client *c)
{
    amphi_client_free(c->client);
    c->client = NULL;
}

/* The encrypted store, in a folder of its own: conversations are named alike in every world. */
static void open_store_on_disk(sim_world *w)
{
    amphi_error error;
    scratch_dir_make(&w->dir);
    amphi_status status = amphi__keys_file_new(&w->keys, amphi_str_from(w->dir.path), &error);
    const amphi_storage_options storage = {
        .data_dir = amphi_str_from(w->dir.path), .keys = w->keys};
    if (status == AMPHI_OK)
        status = amphi__store_new(&w->store, &storage, &error);
    if (status != AMPHI_OK) {
        fprintf(stderr, "private_sim: %s\n", error.message);
        abort();
    }
}

void sim_world_open(sim_world *w, const sim_kind *kind, uint64_t seed)
{
    amphi_storage_options storage = {0};
    memset(w, 0, sizeof *w);
    w->kind = kind;
    w->random = seed * 0x2545f4914f6cdd1du;
    w->sends_only_local = sim_chance(w, 30);
    if (w->kind->is_on_disk)
        open_store_on_disk(w);
    else if (amphi__store_memory_new(&w->store, &storage, NULL) != AMPHI_OK)
        abort();
    inner_ops = *w->store.ops;
    blind_ops = inner_ops;
    blind_ops.rows = blind_rows;
    if (w->kind->is_blind)
        w->store.ops = &blind_ops;
    sim_wire_init(&w->wire);
    sim_wire_init(&w->private_wire);
    amphi__buf_init(&w->forbidden, 0);
    if (w->kind->is_http)
        w->server = sim_server_start(&w->wire, w->url);
    sim_client_open(w, &w->clients[0]);
}

void sim_world_close(sim_world *w)
{
    for (size_t i = 0; i < CLIENTS; i++)
        sim_client_close(&w->clients[i]);
    sim_server_stop(w->server);
    w->store.ops->free(w->store.self);
    if (w->kind->is_on_disk) {
        w->keys.ops->free(w->keys.self);
        scratch_dir_remove(&w->dir);
    }
    amphi__buf_clear(&w->forbidden);
    amphi__buf_clear(&w->wire.bytes);
    amphi__buf_clear(&w->private_wire.bytes);
    amphi__mutex_clear(&w->wire.lock);
    amphi__mutex_clear(&w->private_wire.lock);
}
