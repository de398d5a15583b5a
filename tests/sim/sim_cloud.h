/* SPDX-License-Identifier: Apache-2.0
 *
 * The engines of the privacy simulation, in through the public table. What a cloud is handed is
 * kept, byte for byte. What either says repeats every canary that it was shown, so that what
 * derives from a private message is a private message as well; and each local answer has a word of
 * its own ("ANS-12") that tells where it went.
 */
#ifndef AMPHI_TESTS_SIM_CLOUD_H
#define AMPHI_TESTS_SIM_CLOUD_H

#include "sdk/core/buf.h"
#include "sdk/core/thread.h"

#include <amphi/ext/engine.h>
#include <amphi/ext/http.h>

#include <stdatomic.h>

typedef enum sim_behaviour {
    SIM_ANSWERS = 0,
    SIM_FAILS,   /* at once */
    SIM_DIES,    /* in the middle of its answer */
    SIM_FREEZES, /* in the middle of its answer */
    SIM_IS_LATE, /* says nothing until it is released: what a hedge is for */
    SIM_REFUSES, /* start itself fails */
    SIM_BEHAVIOURS
} sim_behaviour;

/* Everything that left the device. */
typedef struct sim_wire {
    amphi_mutex lock;
    amphi_buf bytes;
    uint32_t requests;
} sim_wire;

typedef struct sim_engine {
    amphi_engine_info info;
    sim_wire *wire;       /* NULL: on the device */
    atomic_int behaviour; /* a sim_behaviour; a delivery may be under way when it changes */
    amphi_status failure;
    atomic_uint *answers; /* counts local answers, for their words */
    bool says_private;    /* of a private client: what it says is private */
    atomic_uint prewarms;
} sim_engine;

void sim_wire_init(sim_wire *wire);
void sim_wire_add(sim_wire *wire, amphi_str bytes);
void sim_engine_init(sim_engine *engine, const char *name, amphi_engine_kind kind);
amphi_engine sim_engine_value(sim_engine *engine);

/* A transport that keeps what it is asked for and has no network: for rollouts from a URL. */
amphi_http sim_http_value(sim_wire *wire);

/* What is said to this body and prefix. */
void sim_say(amphi_buf *out, const char *own_word, amphi_str body, amphi_str prefix);

/* sim_server.c: a cloud behind real sockets on loopback, which keeps every byte. */
typedef struct sim_server sim_server;
sim_server *sim_server_start(sim_wire *wire, char url[64]);
void sim_server_set(sim_server *server, sim_behaviour behaviour);
void sim_server_stop(sim_server *server);

#endif
