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
#include "tests/sim/sim_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* What the run did, so that a simulation that does nothing is noticed. */
static struct {
    unsigned long long requests, private_requests, done, queued, failed, takeovers, cached, omitted,
        to_cloud, flushes, delivered, restarts, rollouts;
} seen;

static sim_kind kind;

/* ---- a request ---- */

typedef struct asked {
    amphi_stream *stream;
    bool is_private, is_only_local;
} asked;

/* A question with a canary, or one of a few that others ask too, for the cache.
 */
static void write_question(sim_world *w, const asked *a, char out[96])
{
    uint32_t number = ++w->messages;
    if (sim_chance(w, 30))
        snprintf(out, 96, "common question %u", sim_roll(w, 2));
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

static amphi_stream *start_json(sim_world *w, const sim_client *c, amphi_mode mode,
    bool says_private, const char *conversation, const char *question)
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
        question, sim_chance(w, 10) ? ",{\"role\":\"assistant\",\"content\":\"Well, \"}" : "",
        says_private ? "true" : "false", conversation, mode_member,
        sim_chance(w, 60) ? ",\"cache\":\"near\"" : "");
    if (amphi_chat_start_json(&stream, c->client, amphi_str_from(json), NULL) != AMPHI_OK)
        abort();
    return stream;
}

static asked ask(sim_world *w, sim_client *c, const char *conversation)
{
    amphi_mode mode = sim_chance(w, 50) ? AMPHI_MODE_DEFAULT : (amphi_mode)sim_roll(w, 6);
    bool says_private = sim_chance(w, 25);
    asked a = {.is_private = says_private || c->is_private};
    amphi_mode in_force = mode != AMPHI_MODE_DEFAULT      ? mode
                          : c->mode != AMPHI_MODE_DEFAULT ? c->mode
                                                          : c->policy_mode;
    a.is_only_local = in_force == AMPHI_MODE_ONLY_LOCAL; /* or the rollout's: the result tells */
    char question[96];
    write_question(w, &a, question);
    a.stream = sim_chance(w, 50) ? start_struct(c, mode, says_private, conversation, question)
                                 : start_json(w, c, mode, says_private, conversation, question);
    seen.requests++;
    seen.private_requests += a.is_private || a.is_only_local;
    return a;
}

/* From now on no cloud may be handed this answer's own word, which is its
 * first: the others may be those of ordinary answers. */
static void forbid(sim_world *w, amphi_str text)
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

static void finish(sim_world *w, asked *a)
{
    amphi_event event;
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (sim_chance(w, 3))
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

static sim_client *some_client(sim_world *w)
{
    sim_client *c = &w->clients[sim_roll(w, CLIENTS)];
    if (c->client == NULL)
        sim_client_open(w, c);
    return c;
}

/* Waiting costs time, so what freezes and what is late is rare. */
static sim_behaviour some_behaviour(sim_world *w)
{
    uint32_t side = sim_roll(w, 100);
    return side < 66   ? SIM_ANSWERS
           : side < 76 ? SIM_FAILS
           : side < 90 ? SIM_DIES
           : side < 94 ? SIM_REFUSES
           : side < 97 ? SIM_FREEZES
                       : SIM_IS_LATE;
}

static void shake(sim_world *w)
{
    static const amphi_status failures[] = {
        AMPHI_E_TIMEOUT, AMPHI_E_OFFLINE, AMPHI_E_PROTOCOL, AMPHI_E_REQUEST, AMPHI_E_TRUNCATED};
    for (size_t i = 0; i < CLIENTS; i++) {
        sim_client *c = &w->clients[i];
        atomic_store(&c->local.behaviour, some_behaviour(w));
        c->local.failure = failures[sim_roll(w, 4)];
        for (size_t k = 0; k < 2; k++) {
            atomic_store(&c->clouds[k].behaviour, some_behaviour(w));
            c->clouds[k].failure = failures[sim_chance(w, 3) ? 4 : sim_roll(w, 4)];
        }
    }
    if (w->server != NULL)
        sim_server_set(w->server, some_behaviour(w));
}

static void set_battery(sim_world *w, sim_client *c)
{
    char json[64];
    snprintf(json, sizeof json, "{\"battery_percent\":%u,\"charging\":false}", sim_roll(w, 100));
    if (amphi_device_push_json(c->client, amphi_str_from(json), NULL) != AMPHI_OK)
        abort();
}

static void flush(sim_world *w, sim_client *c)
{
    uint32_t left = 0;
    uint32_t before = w->wire.requests;
    (void)amphi_outbox_flush(c->client, LONG_MS, &left, NULL);
    seen.flushes++;
    seen.delivered += w->wire.requests - before;
}

static void act(sim_world *w)
{
    char names[2][8];
    sim_client *c = some_client(w);
    for (size_t i = 0; i < 2; i++) {
        bool none = sim_chance(w, 25);
        snprintf(names[i], sizeof names[i], "c%u", sim_roll(w, CONVERSATIONS));
        names[i][0] = none ? '\0' : 'c';
    }
    uint32_t side = sim_roll(w, 100);
    if (side < 52) {
        asked a = ask(w, c, names[0]);
        finish(w, &a);
    } else if (side < 60) { /* side by side, in one conversation more often than not */
        asked a = ask(w, c, names[0]);
        asked b = ask(w, some_client(w), sim_chance(w, 60) ? names[0] : names[1]);
        finish(w, &b);
        finish(w, &a);
    } else if (side < 70) {
        shake(w);
    } else if (side < 80) {
        sim_client_set_network(c, sim_chance(w, 50) ? "none" : "free");
    } else if (side < 82) {
        set_battery(w, c);
    } else if (side < 90) {
        flush(w, c);
    } else if (side < 93) {
        (void)sim_rollout_file(w);
        if (!c->looks_up || !c->is_private) /* it would be an explicit call */
            seen.rollouts += amphi_rollout_refresh(c->client, NULL) == AMPHI_OK;
    } else if (side < 94) {
        (void)amphi_client_prewarm(c->client, NULL);
    } else if (side < 95) {
        (void)amphi_history_delete(c->client, amphi_str_from(names[0]), NULL);
    } else {
        sim_client_close(c);
        seen.restarts++;
    }
}

/* ---- the search ---- */

static unsigned count(amphi_str text, amphi_str word, const char *of, uint64_t seed)
{
    unsigned hits = 0;
    for (size_t at = 0; (at = amphi__str_find(text, word)) != SIZE_MAX; hits++)
        text = amphi__str_slice(text, at + word.size, text.size);
    if (hits > 0 && !kind.is_blind)
        fprintf(stderr, "seed %llu: the cloud saw %s (%.*s) %u times\n", (unsigned long long)seed,
            of, (int)word.size, word.data, hits);
    return hits;
}

/* Of a number the whole: "ANS-1" is no part of "ANS-12". */
static unsigned search(sim_world *w, uint64_t seed)
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
    if (w->private_wire.requests > 0 && !kind.is_blind)
        fprintf(stderr, "seed %llu: a private client sent %u requests\n", (unsigned long long)seed,
            w->private_wire.requests);
    return hits + w->private_wire.requests;
}

static unsigned run_sequence(uint64_t seed)
{
    static sim_world w;
    sim_world_open(&w, &kind, seed);
    uint32_t acts = 6 + sim_roll(&w, 14);
    for (uint32_t i = 0; i < acts; i++)
        act(&w);
    if (sim_chance(&w, 30)) { /* the network is back, and what waits is delivered by
                           any client */
        sim_client *c = some_client(&w);
        sim_client_set_network(c, "free");
        flush(&w, c);
    }
    unsigned hits = search(&w, seed);
    sim_world_close(&w);
    return hits;
}

static void print_counts(const char *name, unsigned long long sequences, unsigned long long seed)
{
    printf("privacy%s: %llu sequences from seed %llu: %llu requests (%llu "
           "private or only_local), "
           "%llu done, %llu queued, %llu failed; %llu from clouds, %llu "
           "takeovers, %llu cache hits, "
           "%llu with turns left out; %llu flushes (%llu requests to clouds), "
           "%llu restarts, %llu "
           "rollouts\n",
        name, sequences, seed, seen.requests, seen.private_requests, seen.done, seen.queued,
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
    kind.is_blind = argc > 3 && strcmp(argv[3], "blind") == 0;
    kind.is_http = argc > 3 && strcmp(argv[3], "http") == 0;
    kind.is_on_disk = argc > 3 && strcmp(argv[3], "disk") == 0;
    const char *name = kind.is_blind     ? " (blind)"
                       : kind.is_http    ? " (http)"
                       : kind.is_on_disk ? " (disk)"
                                         : "";
    scratch_dir_make(&kind.folder);
    for (unsigned long long i = 0; i < sequences; i++) {
        unsigned found = run_sequence(seed + i);
        hits += found;
        with_hits += found > 0;
    }
    scratch_dir_remove(&kind.folder);
    print_counts(name, sequences, seed);
    printf(
        "privacy%s: %llu canaries seen by the cloud, in %llu sequences\n", name, hits, with_hits);
    bool failed = (hits > 0) != kind.is_blind;
    if (kind.is_blind)
        printf("%d passed, %d failed\n", !failed, failed);
    else
        printf("%llu passed, %llu failed\n", sequences - with_hits, with_hits);
    return failed;
}
