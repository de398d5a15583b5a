/* SPDX-License-Identifier: Apache-2.0
 *
 * A gray release over a fleet: who gets it is GrowthBook's bucketing as the client does it, and who
 * gives it up is the client's own guard. What is made up is the devices' lives, and the server.
 */
#ifndef AMPHI_SIMULATE_FLEET_H
#define AMPHI_SIMULATE_FLEET_H

#include "policy/policy.h"
#include "sdk/core/json.h"

#define FLEET_STAGES      5u
#define FLEET_DEVICES_MAX 10000000u

typedef struct fleet_device {
    uint64_t random;              /* its own stream of random numbers */
    amphi_rollback_tally control; /* from before the release */
    amphi_rollback_tally treated;
    uint16_t crash_ppm; /* per answer, without the release, in units of 10 ppm */
    uint8_t seen[2];    /* answers without and under the release, up to FLEET_WINDOW */
    bool crashed[2];    /* in one of those */
    bool is_treated, has_given_up;
    uint8_t crashes; /* under the release; 2: two or more */
} fleet_device;

/* A device reports by its first answers of each kind whether one of them crashed: so each counts
 * one time, and those that crash no sooner than those that do not. */
#define FLEET_WINDOW 3u

/* What the devices' reports add up to. */
typedef struct fleet_reports {
    uint32_t devices[2], crashed[2]; /* without and under the release */
    uint32_t given_up;
} fleet_reports;

void fleet_device_init(fleet_device *device, uint64_t seed, uint64_t index);
/* The payload is another one: does this device get the release? */
void fleet_device_take(
    fleet_device *device, const amphi_json *payload, uint64_t seed, uint64_t index);
/* One round of its life; true: it answered a request. */
bool fleet_device_live(
    fleet_device *device, const amphi_policy *policy, double crash_share, fleet_reports *reports);

typedef struct fleet_options {
    uint64_t devices, seed, seeds;
    double crash_percent; /* of the release's answers; below the device's own: harmless */
    bool json;
} fleet_options;

/* Prints what happened; returns the program's exit status. */
int fleet_run(const fleet_options *options);

#endif
