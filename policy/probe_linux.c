/* SPDX-License-Identifier: Apache-2.0
 *
 * What Linux says about the device, read from /proc and /sys at each snapshot; no network traffic.
 * A fact whose files are missing or unreadable (Android hides some of them) stays unknown rather
 * than guessed. Each noun is a part of its own (probe_linux_parts.h); what hardly changes (mounts,
 * thermal zones and their trip points, kinds of processors) is looked for at the first snapshot.
 */
#include "policy/probe_linux.h"
#include "policy/policy.h"
#include "policy/probe_linux_parts.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#define ROOT_MAX 200

typedef struct amphi_linux_probe {
    char root[ROOT_MAX + 1];
    const amphi_clock *clock; /* NULL: the system's */
    bool has_looked, knows_big;
    amphi_probe_groups groups;
    amphi_probe_zones zones;
    amphi_probe_cpu_set cpus_big;
    amphi_probe_energy energy;
} amphi_linux_probe;

static void snapshot(void *self, amphi_device_facts *out);
static void probe_free(void *self);

static const amphi_device_ops linux_ops = {
    .struct_size = sizeof(amphi_device_ops),
    .name = "linux",
    .snapshot = snapshot,
    .free = probe_free,
};

amphi_status amphi__device_probe_new(amphi_device *out, amphi_error *error)
{
    return amphi__probe_linux_new(out, "", NULL, error);
}

amphi_status amphi__probe_linux_new(
    amphi_device *out, const char *root, const amphi_clock *clock, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    if (strlen(root) > ROOT_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "device probe: root path is too long");
    amphi_linux_probe *probe = amphi__calloc(1, sizeof *probe);
    if (probe == NULL)
        return amphi__fail_no_memory(error);
    memcpy(probe->root, root, strlen(root) + 1);
    probe->clock = clock;
    out->ops = &linux_ops;
    out->self = probe;
    return AMPHI_OK;
}

static void probe_free(void *self)
{
    amphi__free(self);
}

static void snapshot(void *self, amphi_device_facts *out)
{
    amphi_linux_probe *probe = self;
    const char *root = probe->root;
    amphi_device_facts own;
    amphi_device_facts_init(&own);
    if (!probe->has_looked) {
        amphi__probe_groups_find_mounts(&probe->groups, root);
        amphi__probe_energy_find(&probe->energy, root);
        amphi__probe_thermal_find(&probe->zones, root);
        probe->has_looked = true;
    }
    if (!probe->knows_big)
        probe->knows_big = amphi__probe_cpu_find(&probe->cpus_big, root);
    amphi__probe_groups_look(&probe->groups, root);
    amphi__probe_memory(&probe->groups, root, &own);
    amphi__probe_pressure(&probe->groups, root, &own);
    amphi__probe_cpu(&probe->cpus_big, &probe->groups, root, &own);
    amphi__probe_power(root, &own);
    amphi__probe_energy(&probe->energy, root, &own);
    amphi__probe_thermal(&probe->zones, root, amphi__clock_boot_ms(probe->clock), &own);
    amphi__probe_network(root, &own);
    AMPHI__SIZED_WRITE(out, &own);
}
