/* SPDX-License-Identifier: Apache-2.0
 *
 * What the app knows of each request, and what it shows of the store at the end.
 */
#ifndef AMPHI_TESTS_SIMULATE_APP_H
#define AMPHI_TESTS_SIMULATE_APP_H

#include "tests/simulate/world.h"

#define SIM_TOLD_MAX 64

typedef enum sim_fate {
    SIM_FATE_UNKNOWN = 0, /* the app was killed before */
    SIM_FATE_DONE,
    SIM_FATE_QUEUED,
    SIM_FATE_FAILED
} sim_fate;

/* Of one question. */
typedef struct sim_told {
    uint32_t number;
    int conversation; /* -1: none */
    bool is_private;
    sim_fate fate;
    bool has_expired, is_repeated;
    bool stays_here;   /* it waits for another policy: its conversation has private turns */
    uint32_t said;     /* in the history: how often it is there ... */
    uint32_t answered; /* ... and its whole answer */
} sim_told;

typedef struct sim_app {
    sim_world *world;
    amphi_client *client;
    sim_told told[SIM_TOLD_MAX];
    uint32_t told_count;
    bool looks_up; /* a rollout */
    sim_fiber *weather;
} sim_app;

void sim_app_open(sim_app *app);
void sim_app_close(sim_app *app);
/* As a process is killed: nothing is closed, what it held in memory is lost. false: not now, when
 * what outlives it may be half written, as no file would be. */
bool sim_app_kill(sim_app *app);
sim_told *sim_told_of(sim_app *app, uint32_t number);

/* request.c: asks, reads to the end, and checks what it was shown. number 0: a new question. */
void sim_app_ask(sim_app *app);
/* Two at a time, in different conversations. */
void sim_app_ask_two(sim_app *app);

/* audit.c: nothing acknowledged is lost, nothing is there twice, all in order. */
void sim_app_audit(sim_app *app);

#endif
