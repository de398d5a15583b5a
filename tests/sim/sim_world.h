/* SPDX-License-Identifier: Apache-2.0
 *
 * One sequence's world: a store, clients over it with their own options and policies, a local
 * engine and two clouds each. All that is random in it comes from its seed.
 */
#ifndef AMPHI_TESTS_SIM_WORLD_H
#define AMPHI_TESTS_SIM_WORLD_H

#include "sdk/core/buf.h"
#include "storage/stores.h"
#include "tests/sim/sim_cloud.h"
#include "tests/support/scratch_dir.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

enum { CLIENTS = 3, CONVERSATIONS = 4, LONG_MS = 30000 };

/* What all worlds of a run have in common. */
typedef struct sim_kind {
    bool is_blind;      /* the store hides how far its rows may travel */
    bool is_http;       /* the clouds are endpoints behind sockets */
    bool is_on_disk;    /* the store is the encrypted one */
    scratch_dir folder; /* for a rollout's file */
} sim_kind;

typedef struct sim_client {
    amphi_client *client; /* NULL: not open */
    sim_engine local;
    bool is_private;
    bool looks_up;          /* its rollout is at a URL */
    amphi_mode mode;        /* of its options */
    amphi_mode policy_mode; /* of its document; DEFAULT: a rollout may change it */
    sim_engine clouds[2];
} sim_client;

typedef struct sim_world {
    const sim_kind *kind;
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
} sim_world;

uint32_t sim_roll(sim_world *w, uint32_t sides);
bool sim_chance(sim_world *w, uint32_t percent);

/* With one client. What fails ends the program. */
void sim_world_open(sim_world *w, const sim_kind *kind, uint64_t seed);
void sim_world_close(sim_world *w);

void sim_client_open(sim_world *w, sim_client *c);
void sim_client_close(sim_client *c);
void sim_client_set_network(sim_client *c, const char *network);
/* A fresh one, in the run's folder; the path is the folder's. */
const char *sim_rollout_file(sim_world *w);

#endif
