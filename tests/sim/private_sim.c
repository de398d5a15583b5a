/* SPDX-License-Identifier: Apache-2.0
 *
 * Random sequences of requests through the whole client; the cloud must see no
 * byte of what was said privately, nor of what derives from it.
 *
 *     private_sim SEQUENCES [SEED] [http|disk|blind]
 *
 * Each sequence is a world of its own: a store, up to three clients over it
 * (each with its own options and policy, closed and opened again on the way), a
 * few conversations, a local engine and two clouds that answer, fail, die in
 * mid-answer, freeze or are late. Private messages have canaries ("PRIV-7"),
 * those of mode only_local others ("LOC-8"); engines repeat what canaries they
 * were shown, and the words of answers to private requests are canaries from
 * then on. At the end of a sequence all that the clouds were handed is searched
 * for them.
 *
 * http: the clouds are endpoints behind real sockets. disk: the store is the encrypted one. blind:
 * the store hides how far its rows may travel, which is the rule switched off: then canaries must
 * be found, or this program is at fault.
 */
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/sim/sim_cloud.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIENTS = 3, CONVERSATIONS = 4, LONG_MS = 30000 };

typedef struct sim_client {
    amphi_client *client; /* NULL: not open */
    sim_engine local;
    bool is_private;
    bool looks_up;          /* its rollout is at a URL */
    amphi_mode mode;        /* of its options */
    amphi_mode policy_mode; /* of its document; DEFAULT: a rollout may change it */
    sim_engine clouds[2];
} sim_client;

typedef struct world {
    uint64_t random;
    bool sends_only_local; /* a policy of this world may */
    amphi_store store;
    scratch_dir dir; /* with a store on disk, and its keys */
    amphi_keys keys;
    sim_client clients[CLIENTS];
    atomic_uint answers;
    sim_wire wire;
    sim_wire private_wire; /* of private clients: must stay empty */
    sim_server *server;    /* NULL: scripted clouds */
    char url[64];
    uint32_t messages;
    amphi_buf forbidden; /* words of private answers, each with a blank behind it */
} world;

/* What the run did, so that a simulation that does nothing is noticed. */
static struct {
    unsigned long long requests, private_requests, done, queued, failed, takeovers, cached, omitted,
        to_cloud, flushes, delivered, restarts, rollouts;
} seen;

static bool is_blind, is_http, is_on_disk;
static scratch_dir scratch;
static amphi_store_ops blind_ops, inner_ops;

/* ---- chance ---- */

static uint32_t roll(world *w, uint32_t sides)
{
    w->random += 0x9e3779b97f4a7c15u;
    uint64_t x = w->random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ (x >> 31)) % sides);
}

static bool chance(world *w, uint32_t percent)
{
    return roll(w, 100) < percent;
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
static void write_policy(world *w, amphi_buf *out, amphi_mode *mode_out)
{
    static const char *const modes[] = {
        "auto", "auto", "prefer_cloud", "prefer_local", "only_local", "only_cloud"};
    const char *mode = modes[roll(w, 6)];
    (void)amphi_mode_parse(mode_out, amphi_str_from(mode));
    amphi__buf_printf(out, "{\"mode\":\"%s\"", mode);
    if (chance(w, 50))
        amphi__buf_printf(out, ",\"private_history\":\"%s\"", chance(w, 70) ? "omit" : "local");
    if (w->sends_only_local && chance(w, 50))
        amphi__buf_append_c(out, ",\"only_local_history\":\"send\"");
    amphi__buf_printf(out,
        ",\"cloud\":{\"hedge_ms\":%u,\"budgets\":{\"first_token_"
        "ms\":%u,\"idle_ms\":15}},"
        "\"local\":{\"budgets\":{\"first_token_ms\":15,\"idle_ms\":"
        "15}},\"breaker\":"
        "{\"failures\":1000,\"failure_percent\":0}}",
        chance(w, 30) ? 1 + roll(w, 2) : 0, is_http ? 1000 : 15);
}

static const char *rollout_file(world *w)
{
    const char *path = scratch_dir_file(&scratch, "rollout.json");
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

static void set_network(sim_client *c, const char *network)
{
    char json[32];
    snprintf(json, sizeof json, "{\"network\":\"%s\"}", network);
    if (amphi_device_push_json(c->client, amphi_str_from(json), NULL) != AMPHI_OK)
        abort();
}

/* And what kind of client it is. */
static void init_engines(world *w, sim_client *c)
{
    static const amphi_mode modes[] = {AMPHI_MODE_DEFAULT, AMPHI_MODE_DEFAULT,
        AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_PREFER_LOCAL};
    c->is_private = chance(w, 20);
    c->mode = modes[roll(w, 5)];
    sim_engine_init(&c->local, "local", AMPHI_ENGINE_LOCAL);
    c->local.answers = &w->answers;
    c->local.says_private = c->is_private;
    c->local.info.in_process = chance(w, 30);
    sim_engine_init(&c->clouds[0], "cloud", AMPHI_ENGINE_CLOUD);
    sim_engine_init(&c->clouds[1], "cloud2", AMPHI_ENGINE_CLOUD);
    c->clouds[0].wire = c->clouds[1].wire = c->is_private ? &w->private_wire : &w->wire;
}

static void open_client(world *w, sim_client *c)
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
    options.no_cache = chance(w, 20);
    options.no_queue = chance(w, 10);
    write_policy(w, &policy, &c->policy_mode);
    options.policy_json = amphi__buf_str(&policy);
    if (is_http) {
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
    uint32_t source = roll(w, 3);
    c->looks_up = source == 0 && !is_http;
    if (c->looks_up)
        options.rollout_source = AMPHI_STR("https://rollout.example/features");
    if (source == 1) {
        options.rollout_source = amphi_str_from(rollout_file(w));
        c->policy_mode = AMPHI_MODE_DEFAULT;
    }
    if (amphi_client_new(&c->client, &options, &error) != AMPHI_OK) {
        fprintf(stderr, "private_sim: %s\n", error.message);
        abort();
    }
    amphi__buf_clear(&policy);
    if (chance(w, 25))
        set_network(c, "none");
}

static void close_client(sim_client *c)
{
    amphi_client_free(c->client);
    c->client = NULL;
}

/* The encrypted store, in a folder of its own: conversations are named alike in every world. */
static void open_store_on_disk(world *w)
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

static void open_world(world *w, uint64_t seed)
{
    amphi_storage_options storage = {0};
    memset(w, 0, sizeof *w);
    w->random = seed * 0x2545f4914f6cdd1du;
    w->sends_only_local = chance(w, 30);
    if (is_on_disk)
        open_store_on_disk(w);
    else if (amphi__store_memory_new(&w->store, &storage, NULL) != AMPHI_OK)
        abort();
    inner_ops = *w->store.ops;
    blind_ops = inner_ops;
    blind_ops.rows = blind_rows;
    if (is_blind)
        w->store.ops = &blind_ops;
    sim_wire_init(&w->wire);
    sim_wire_init(&w->private_wire);
    amphi__buf_init(&w->forbidden, 0);
    if (is_http)
        w->server = sim_server_start(&w->wire, w->url);
    open_client(w, &w->clients[0]);
}

static void close_world(world *w)
{
    for (size_t i = 0; i < CLIENTS; i++)
        close_client(&w->clients[i]);
    sim_server_stop(w->server);
    w->store.ops->free(w->store.self);
    if (is_on_disk) {
        w->keys.ops->free(w->keys.self);
        scratch_dir_remove(&w->dir);
    }
    amphi__buf_clear(&w->forbidden);
    amphi__buf_clear(&w->wire.bytes);
    amphi__buf_clear(&w->private_wire.bytes);
    amphi__mutex_clear(&w->wire.lock);
    amphi__mutex_clear(&w->private_wire.lock);
}

/* ---- a request ---- */

typedef struct asked {
    amphi_stream *stream;
    bool is_private, is_only_local;
} asked;

/* A question with a canary, or one of a few that others ask too, for the cache.
 */
static void write_question(world *w, const asked *a, char out[96])
{
    uint32_t number = ++w->messages;
    if (chance(w, 30))
        snprintf(out, 96, "common question %u", roll(w, 2));
    else if (a->is_private)
        snprintf(out, 96, "PRIV-%u, what does it mean?", number);
    else if (a->is_only_local)
        snprintf(out, 96, "LOC-%u, what does it mean?", number);
    else
        snprintf(out, 96, "ordinary question %u", number);
}

static amphi_stream *start_struct(const sim_client *c, amphi_mode mode, bool says_private,
    const char *conversation, const char *question)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(question)};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = mode;
    request.is_private = says_private;
    request.conversation_id = amphi_str_from(conversation);
    request.sampling.temperature = 0; /* the response cache is for such requests */
    if (amphi_chat_start(&stream, c->client, &request, NULL) != AMPHI_OK)
        abort();
    return stream;
}

static amphi_stream *start_json(world *w, const sim_client *c, amphi_mode mode, bool says_private,
    const char *conversation, const char *question)
{
    char json[512];
    char mode_member[48] = "";
    amphi_stream *stream = NULL;
    if (mode != AMPHI_MODE_DEFAULT)
        snprintf(mode_member, sizeof mode_member, ",\"mode\":\"%s\"", amphi_mode_name(mode));
    snprintf(json, sizeof json,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}%s],\"amphi\":"
        "{\"private\":%s,"
        "\"conversation_id\":\"%s\"%s%s}}",
        question, chance(w, 10) ? ",{\"role\":\"assistant\",\"content\":\"Well, \"}" : "",
        says_private ? "true" : "false", conversation, mode_member,
        chance(w, 60) ? ",\"cache\":\"near\"" : "");
    if (amphi_chat_start_json(&stream, c->client, amphi_str_from(json), NULL) != AMPHI_OK)
        abort();
    return stream;
}

static asked ask(world *w, sim_client *c, const char *conversation)
{
    amphi_mode mode = chance(w, 50) ? AMPHI_MODE_DEFAULT : (amphi_mode)roll(w, 6);
    bool says_private = chance(w, 25);
    asked a = {.is_private = says_private || c->is_private};
    amphi_mode in_force = mode != AMPHI_MODE_DEFAULT      ? mode
                          : c->mode != AMPHI_MODE_DEFAULT ? c->mode
                                                          : c->policy_mode;
    a.is_only_local = in_force == AMPHI_MODE_ONLY_LOCAL; /* or the rollout's: the result tells */
    char question[96];
    write_question(w, &a, question);
    a.stream = chance(w, 50) ? start_struct(c, mode, says_private, conversation, question)
                             : start_json(w, c, mode, says_private, conversation, question);
    seen.requests++;
    seen.private_requests += a.is_private || a.is_only_local;
    return a;
}

/* From now on no cloud may be handed this answer's own word, which is its
 * first: the others may be those of ordinary answers. */
static void forbid(world *w, amphi_str text)
{
    size_t size = 4;
    if (!amphi__str_starts_with(text, AMPHI_STR("ANS-")))
        return;
    while (size < text.size && text.data[size] >= '0' && text.data[size] <= '9')
        size++;
    if (size == text.size)
        return; /* cut off in the middle of its number */
    amphi__buf_append_str(&w->forbidden, amphi__str_slice(text, 0, size));
    amphi__buf_append_char(&w->forbidden, ' ');
}

static void finish(world *w, asked *a)
{
    amphi_event event;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (chance(w, 3))
        amphi_stream_cancel(a->stream);
    do {
        if (amphi_stream_next(a->stream, LONG_MS, &event, NULL) != AMPHI_OK)
            abort();
    } while (!amphi_event_is_terminal(&event));
    if (amphi_stream_result(a->stream, &result, NULL) != AMPHI_OK)
        abort();
    bool is_private = a->is_private || result.privacy == AMPHI_PRIVACY_PRIVATE;
    bool is_only_local = a->is_only_local || result.privacy != AMPHI_PRIVACY_NONE;
    if (is_private || (is_only_local && !w->sends_only_local))
        forbid(w, result.text);
    seen.done += event.kind == AMPHI_EVENT_DONE;
    seen.queued += event.kind == AMPHI_EVENT_QUEUED;
    seen.failed += event.kind == AMPHI_EVENT_ERROR;
    seen.takeovers += result.takeovers_count;
    seen.cached += result.cache_hit;
    seen.omitted += result.turns_omitted > 0;
    seen.to_cloud += amphi__str_starts_with(result.route, AMPHI_STR("cloud"));
    amphi_stream_free(a->stream);
}

/* ---- what happens in a world ---- */

static sim_client *some_client(world *w)
{
    sim_client *c = &w->clients[roll(w, CLIENTS)];
    if (c->client == NULL)
        open_client(w, c);
    return c;
}

/* Waiting costs time, so what freezes and what is late is rare. */
static sim_behaviour some_behaviour(world *w)
{
    uint32_t side = roll(w, 100);
    return side < 66   ? SIM_ANSWERS
           : side < 76 ? SIM_FAILS
           : side < 90 ? SIM_DIES
           : side < 94 ? SIM_REFUSES
           : side < 97 ? SIM_FREEZES
                       : SIM_IS_LATE;
}

static void shake(world *w)
{
    static const amphi_status failures[] = {
        AMPHI_E_TIMEOUT, AMPHI_E_OFFLINE, AMPHI_E_PROTOCOL, AMPHI_E_REQUEST, AMPHI_E_TRUNCATED};
    for (size_t i = 0; i < CLIENTS; i++) {
        sim_client *c = &w->clients[i];
        atomic_store(&c->local.behaviour, some_behaviour(w));
        c->local.failure = failures[roll(w, 4)];
        for (size_t k = 0; k < 2; k++) {
            atomic_store(&c->clouds[k].behaviour, some_behaviour(w));
            c->clouds[k].failure = failures[chance(w, 3) ? 4 : roll(w, 4)];
        }
    }
    if (w->server != NULL)
        sim_server_set(w->server, some_behaviour(w));
}

static void set_battery(world *w, sim_client *c)
{
    char json[64];
    snprintf(json, sizeof json, "{\"battery_percent\":%u,\"charging\":false}", roll(w, 100));
    if (amphi_device_push_json(c->client, amphi_str_from(json), NULL) != AMPHI_OK)
        abort();
}

static void flush(world *w, sim_client *c)
{
    uint32_t left = 0;
    uint32_t before = w->wire.requests;
    (void)amphi_outbox_flush(c->client, LONG_MS, &left, NULL);
    seen.flushes++;
    seen.delivered += w->wire.requests - before;
}

static void act(world *w)
{
    char names[2][8];
    sim_client *c = some_client(w);
    for (size_t i = 0; i < 2; i++) {
        bool none = chance(w, 25);
        snprintf(names[i], sizeof names[i], "c%u", roll(w, CONVERSATIONS));
        names[i][0] = none ? '\0' : 'c';
    }
    uint32_t side = roll(w, 100);
    if (side < 52) {
        asked a = ask(w, c, names[0]);
        finish(w, &a);
    } else if (side < 60) { /* side by side, in one conversation more often than not */
        asked a = ask(w, c, names[0]);
        asked b = ask(w, some_client(w), chance(w, 60) ? names[0] : names[1]);
        finish(w, &b);
        finish(w, &a);
    } else if (side < 70) {
        shake(w);
    } else if (side < 80) {
        set_network(c, chance(w, 50) ? "none" : "free");
    } else if (side < 82) {
        set_battery(w, c);
    } else if (side < 90) {
        flush(w, c);
    } else if (side < 93) {
        (void)rollout_file(w);
        if (!c->looks_up || !c->is_private) /* it would be an explicit call */
            seen.rollouts += amphi_rollout_refresh(c->client, NULL) == AMPHI_OK;
    } else if (side < 94) {
        (void)amphi_client_prewarm(c->client, NULL);
    } else if (side < 95) {
        (void)amphi_history_delete(c->client, amphi_str_from(names[0]), NULL);
    } else {
        close_client(c);
        seen.restarts++;
    }
}

/* ---- the search ---- */

static unsigned count(amphi_str text, amphi_str word, const char *kind, uint64_t seed)
{
    unsigned hits = 0;
    for (size_t at = 0; (at = amphi__str_find(text, word)) != SIZE_MAX; hits++)
        text = amphi__str_slice(text, at + word.size, text.size);
    if (hits > 0 && !is_blind)
        fprintf(stderr, "seed %llu: the cloud saw %s (%.*s) %u times\n", (unsigned long long)seed,
            kind, (int)word.size, word.data, hits);
    return hits;
}

/* Of a number the whole: "ANS-1" is no part of "ANS-12". */
static unsigned search(world *w, uint64_t seed)
{
    amphi_str wire = amphi__buf_str(&w->wire.bytes);
    unsigned hits = count(wire, AMPHI_STR("PRIV-"), "a private message", seed);
    if (!w->sends_only_local)
        hits += count(wire, AMPHI_STR("LOC-"), "an only_local message", seed);
    amphi_str rest = amphi__buf_str(&w->forbidden);
    while (rest.size > 0) {
        amphi_str word = amphi__str_cut(rest, ' ', &rest);
        char whole[2][24];
        snprintf(whole[0], sizeof whole[0], "%.*s ", (int)word.size, word.data);
        snprintf(whole[1], sizeof whole[1], "%.*s,", (int)word.size, word.data);
        for (size_t i = 0; i < 2; i++)
            hits += count(wire, amphi_str_from(whole[i]), "a private answer", seed);
    }
    if (w->private_wire.requests > 0 && !is_blind)
        fprintf(stderr, "seed %llu: a private client sent %u requests\n", (unsigned long long)seed,
            w->private_wire.requests);
    return hits + w->private_wire.requests;
}

static unsigned run_sequence(uint64_t seed)
{
    static world w;
    open_world(&w, seed);
    uint32_t acts = 6 + roll(&w, 14);
    for (uint32_t i = 0; i < acts; i++)
        act(&w);
    if (chance(&w, 30)) { /* the network is back, and what waits is delivered by
                           any client */
        sim_client *c = some_client(&w);
        set_network(c, "free");
        flush(&w, c);
    }
    unsigned hits = search(&w, seed);
    close_world(&w);
    return hits;
}

static void print_counts(const char *kind, unsigned long long sequences, unsigned long long seed)
{
    printf("privacy%s: %llu sequences from seed %llu: %llu requests (%llu "
           "private or only_local), "
           "%llu done, %llu queued, %llu failed; %llu from clouds, %llu "
           "takeovers, %llu cache hits, "
           "%llu with turns left out; %llu flushes (%llu requests to clouds), "
           "%llu restarts, %llu "
           "rollouts\n",
        kind, sequences, seed, seen.requests, seen.private_requests, seen.done, seen.queued,
        seen.failed, seen.to_cloud, seen.takeovers, seen.cached, seen.omitted, seen.flushes,
        seen.delivered, seen.restarts, seen.rollouts);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: private_sim SEQUENCES [SEED] [http|disk|blind]\n");
        return 2;
    }
    unsigned long long sequences = strtoull(argv[1], NULL, 10);
    unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    unsigned long long hits = 0, with_hits = 0;
    is_blind = argc > 3 && strcmp(argv[3], "blind") == 0;
    is_http = argc > 3 && strcmp(argv[3], "http") == 0;
    is_on_disk = argc > 3 && strcmp(argv[3], "disk") == 0;
    const char *kind = is_blind ? " (blind)" : is_http ? " (http)" : is_on_disk ? " (disk)" : "";
    scratch_dir_make(&scratch);
    for (unsigned long long i = 0; i < sequences; i++) {
        unsigned found = run_sequence(seed + i);
        hits += found;
        with_hits += found > 0;
    }
    scratch_dir_remove(&scratch);
    print_counts(kind, sequences, seed);
    printf(
        "privacy%s: %llu canaries seen by the cloud, in %llu sequences\n", kind, hits, with_hits);
    bool failed = (hits > 0) != is_blind;
    if (is_blind)
        printf("%d passed, %d failed\n", !failed, failed);
    else
        printf("%llu passed, %llu failed\n", sequences - with_hits, with_hits);
    return failed;
}
