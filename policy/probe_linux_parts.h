/* SPDX-License-Identifier: Apache-2.0
 *
 * What the Linux probe consists of: one part per noun. Each fills in the facts that it knows, and
 * remembers of earlier looks what its own comment says. `root` is put before "/proc" and "/sys".
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_PARTS_H
#define AMPHI_POLICY_PROBE_LINUX_PARTS_H

#include "policy/probe_linux_groups.h"

#include <amphi/device.h>

/* ---- probe_linux_memory.c: nothing is remembered ---- */

void amphi__probe_memory(
    const amphi_probe_groups *groups, const char *root, amphi_device_facts *out);

/* ---- probe_linux_pressure.c: nothing is remembered ---- */

void amphi__probe_pressure(
    const amphi_probe_groups *groups, const char *root, amphi_device_facts *out);

/* ---- probe_linux_power.c: nothing is remembered ---- */

void amphi__probe_power(const char *root, amphi_device_facts *out);

/* ---- probe_linux_network.c: nothing is remembered ---- */

void amphi__probe_network(const char *root, amphi_device_facts *out);

/* ---- probe_linux_thermal.c: which zones there are, their trip points, and whether the last look
 * found them critical. All zones are read at first, which may take milliseconds on a telephone, and
 * then one of them at each look ---- */

#define AMPHI_PROBE_ZONES_MAX 64

typedef struct amphi_probe_zone {
    unsigned number;
    int64_t passive, hot, critical; /* thousandths of a degree Celsius; 0: no such trip point */
    bool is_skin;                   /* of the case: no processor's scale fits it */
    bool was_critical;
    bool has_then; /* an earlier look, and how much warmer it may be in ten seconds */
    int64_t then, rise;
    uint64_t then_ms;
} amphi_probe_zone;

typedef struct amphi_probe_zones {
    amphi_probe_zone items[AMPHI_PROBE_ZONES_MAX];
    size_t count;
    unsigned numbers_end; /* above the highest number seen, heard or not */
    unsigned next;        /* the number of the zone that is read again at the next look */
} amphi_probe_zones;

void amphi__probe_thermal_find(amphi_probe_zones *zones, const char *root);
void amphi__probe_thermal(
    amphi_probe_zones *zones, const char *root, uint64_t now_ms, amphi_device_facts *out);

/* ---- probe_linux_cpu.c: which processors are big ---- */

#define AMPHI_PROBE_CPUS_MAX 1024

typedef struct amphi_probe_cpu_set {
    uint64_t bits[AMPHI_PROBE_CPUS_MAX / 64];
} amphi_probe_cpu_set;

/* False: no processor was seen, so that it has to be tried again. */
bool amphi__probe_cpu_find(amphi_probe_cpu_set *big, const char *root);
void amphi__probe_cpu(const amphi_probe_cpu_set *big, const amphi_probe_groups *groups,
    const char *root, amphi_device_facts *out);

/* ---- probe_linux_energy.c: the counters' last readings and their sum ---- */

#define AMPHI_PROBE_PACKAGES_MAX 8

typedef struct amphi_probe_package {
    char zone[32];     /* "intel-rapl:0" */
    uint64_t range_uj; /* the counter begins anew above it; 0: unknown */
    uint64_t last_uj;
    bool has_last;
} amphi_probe_package;

typedef struct amphi_probe_energy {
    amphi_probe_package packages[AMPHI_PROBE_PACKAGES_MAX];
    size_t count;
    uint64_t used_uj;
} amphi_probe_energy;

void amphi__probe_energy_find(amphi_probe_energy *energy, const char *root);
void amphi__probe_energy(amphi_probe_energy *energy, const char *root, amphi_device_facts *out);

#endif
