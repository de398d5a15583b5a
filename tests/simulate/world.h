/* SPDX-License-Identifier: Apache-2.0
 *
 * One simulated device and what surrounds it, for the time of one seed: battery, heat, memory and
 * network; two clouds and a server for rollouts behind a virtual transport; a local model; a store
 * that outlives the app; and the log, in which everything that matters stands with its time.
 */
#ifndef AMPHI_TESTS_SIMULATE_WORLD_H
#define AMPHI_TESTS_SIMULATE_WORLD_H

#include "sdk/core/buf.h"
#include "tests/simulate/agenda.h"
#include "tests/simulate/comparison.h"
#include "tests/simulate/fibers.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#define SIM_CLOUDS        2
#define SIM_CONVERSATIONS 3
#define SIM_SECOND_US     1000000u
#define SIM_DAY_BEGINS_US 1000000000u

typedef enum sim_scenario {
    SIM_COMMUTER = 0, /* tunnels, metered and free networks */
    SIM_HOT_PHONE,
    SIM_FLAT_BATTERY,
    SIM_FLAPPING_CLOUD,
    SIM_CRASH_LOOP,    /* the local model dies again and again */
    SIM_BAD_ROLLOUT,   /* a payload that changes, breaks and cannot be fetched */
    SIM_FROZEN_APP,    /* frozen and suspended, at any moment */
    SIM_JUMPING_CLOCK, /* wall time goes anywhere */
    SIM_SCENARIOS
} sim_scenario;

/* A fault that is put in on purpose, and must be found. */
typedef enum sim_sabotage {
    SIM_SABOTAGE_NONE = 0,
    SIM_SABOTAGE_PRIVACY, /* the store hides how far its rows may travel */
    SIM_SABOTAGE_LOSS,    /* it acknowledges turns that it does not keep */
    SIM_SABOTAGE_TWICE,   /* it keeps turns twice */
    SIM_SABOTAGE_HOLE,    /* the model leaves out a piece */
    SIM_SABOTAGES
} sim_sabotage;

typedef struct sim_cloud {
    uint32_t fault_percent; /* of its requests */
    uint32_t latency_ms;
    uint32_t answered; /* whole answers */
} sim_cloud;

typedef struct sim_model {
    bool is_loaded;
    uint32_t crash_percent, stall_percent; /* of its runs */
    uint32_t running;
    uint32_t crashes;
    uint32_t starts;
} sim_model;

#define SIM_WAITS   112 /* classes of waiting times, eight for each doubling, from 1 ms on */
#define SIM_MINUTES 20 /* of a day, for the routes over time; what comes later counts to the last */

/* What the run did, so that one that does nothing is noticed, and what two policies differ in. All
 * are uint64_t: sums of runs are made without knowing them. */
typedef struct sim_counts {
    uint64_t first_token[SIM_WAITS];
    uint64_t routes[SIM_MINUTES][SIM_ROUTES];
    uint64_t microdollars, computing_ms;
    uint64_t requests, done, queued, failed, cancelled, takeovers, restarts, kills, cached, flushes,
        local, cloud, sent, expired, crashes, faults, freezes, jumps, tunnels, rollouts, steps,
        virtual_s;
} sim_counts;

typedef struct sim_world {
    sim_scenario scenario;
    sim_sabotage sabotage;
    const char *policy; /* a document; NULL: one is drawn at each launch */
    uint64_t seed;
    /* The device. */
    double battery, temperature, ambient;
    bool is_charging;
    amphi_network network;
    uint64_t memory_available, device_us;
    uint8_t pressure;
    bool is_over;      /* the weather ends */
    bool is_fair;      /* nothing goes wrong any more */
    sim_agenda *wires; /* the transport's */
    sim_agenda *chips; /* the model's */
    sim_cloud clouds[SIM_CLOUDS];
    sim_model model;
    amphi_buf payload; /* of the rollout's server; empty: it answers 500 */
    uint32_t payload_version;
    amphi_store store;
    /* The log. */
    amphi_buf log;
    bool keeps_log;
    uint64_t digest;
    uint32_t violations;
    char first_violation[200];
    sim_counts counts;
} sim_world;

void sim_world_init(sim_world *w, sim_scenario scenario, uint64_t seed, bool keeps_log);
void sim_world_clear(sim_world *w);

const char *sim_scenario_name(sim_scenario scenario);
/* SIM_SCENARIOS: there is none of that name. */
sim_scenario sim_scenario_parse(const char *name);

/* A line of the log. */
void sim_say(sim_world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An invariant does not hold. */
void sim_violation(sim_world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint32_t sim_roll(uint32_t sides);
bool sim_chance(uint32_t percent);
/* Between 0.2 and 4 times the mean, more often short than long. */
uint64_t sim_while_us(uint64_t mean_us);

/* sabotage.c; SIM_SABOTAGES: there is none of that name. */
sim_sabotage sim_sabotage_parse(const char *name);
void sim_sabotage_store(sim_world *w);

/* device.c */
void sim_device_update(sim_world *w);
amphi_device sim_device_value(sim_world *w);

/* cloud.c */
amphi_http sim_cloud_value(sim_world *w);

/* model.c */
amphi_engine sim_model_value(sim_world *w);

/* weather.c: a fiber that changes the world until is_over. */
void sim_weather_run(void *world);
/* Everything is well, and stays so. */
void sim_weather_clear(sim_world *w);

/* figures.c: the class of a waiting time, and the middle of the class in which a share of all ends
 * (NAN: there are none). */
uint32_t sim_wait_class(uint32_t ms);
double sim_wait_of_share(const uint64_t waits[SIM_WAITS], double share);

/* app.c: what the app and its user do, and what must hold: the first fiber's function. */
void sim_app_run(void *world);

#endif
