/* SPDX-License-Identifier: Apache-2.0
 *
 * Pressure stall information: the share of the last ten seconds in which some task, or all of them,
 * waited for a resource (Documentation/accounting/psi.rst of the kernel). The machine's figures
 * hold every task's waiting, those of a control group only its own tasks'. So the facts about
 * stalls are our group's. Memory pressure is the worst of the groups above us and of the machine;
 * but where a limit holds us, that some task elsewhere waits at a limit of its own is not our
 * concern.
 */
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define MODERATE_PERCENT 40u /* some */
#define CRITICAL_PERCENT 40u /* full */

typedef struct amphi_stalls {
    bool is_known;
    uint8_t some_percent, full_percent; /* the kernel gives no "full" for a machine's cpu: 0 */
} amphi_stalls;

/* "some avg10=12.34 avg60=..." */
static bool percent_after(amphi_str text, const char *key, uint8_t *out)
{
    while (text.size > 0) {
        uint64_t percent = 0;
        amphi_str fraction;
        amphi_str line = amphi__str_cut(text, '\n', &text);
        if (!amphi__str_starts_with(line, amphi_str_from(key)))
            continue;
        line = amphi__str_slice(line, strlen(key), line.size);
        if (!amphi__str_to_u64(amphi__str_cut(line, '.', &fraction), &percent) || percent > 100)
            return false;
        *out = (uint8_t)percent;
        return true;
    }
    return false;
}

static amphi_stalls parse(const char *text, size_t size)
{
    amphi_stalls out = {0};
    out.is_known = percent_after(amphi_str_make(text, size), "some avg10=", &out.some_percent);
    (void)percent_after(amphi_str_make(text, size), "full avg10=", &out.full_percent);
    return out;
}

static amphi_stalls read_machine(const char *root, const char *resource)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/pressure/%s", resource);
    size_t got = amphi__probe_read(root, path, text, sizeof text);
    return parse(text, got);
}

static amphi_stalls read_group(const char *root, const char *folder, const char *resource)
{
    char file[64];
    char text[512];
    snprintf(file, sizeof file, "%s.pressure", resource);
    size_t got = amphi__probe_group_read(root, folder, file, text, sizeof text);
    return parse(text, got);
}

/* The machine's when the group has none: kernels can do without either. */
static bool own_stall(const amphi_probe_groups *groups, const char *root, const char *resource,
    amphi_stalls machine, uint8_t *out)
{
    char folder[AMPHI_PROBE_PATH_MAX];
    amphi_stalls found = {0};
    if (amphi__probe_groups_first(groups, AMPHI_PROBE_GROUPS_V2, folder))
        found = read_group(root, folder, resource);
    if (!found.is_known)
        found = machine;
    *out = found.some_percent;
    return found.is_known;
}

static uint8_t worse(uint8_t level, amphi_stalls stalls)
{
    uint8_t own = stalls.full_percent >= CRITICAL_PERCENT   ? 2
                  : stalls.some_percent >= MODERATE_PERCENT ? 1
                                                            : 0;
    return stalls.is_known && own > level ? own : level;
}

static bool has_limit(const char *root, const char *folder)
{
    int64_t number = 0;
    return amphi__probe_group_number(root, folder, "memory.max", &number) ||
           amphi__probe_group_number(root, folder, "memory.high", &number);
}

static void probe_memory_pressure(const amphi_probe_groups *groups, const char *root,
    amphi_stalls machine, amphi_device_facts *out)
{
    char folder[AMPHI_PROBE_PATH_MAX];
    bool is_known = machine.is_known;
    bool is_limited = false;
    bool more = amphi__probe_groups_first(groups, AMPHI_PROBE_GROUPS_V2, folder);
    for (; more; more = amphi__probe_groups_up(groups, AMPHI_PROBE_GROUPS_V2, folder)) {
        amphi_stalls stalls = read_group(root, folder, "memory");
        is_known = is_known || stalls.is_known;
        is_limited = is_limited || (stalls.is_known && has_limit(root, folder));
        out->memory_pressure = worse(out->memory_pressure, stalls);
    }
    if (is_limited)
        machine.some_percent = 0; /* "full" stays: then nothing runs anywhere */
    out->memory_pressure = worse(out->memory_pressure, machine);
    if (is_known)
        out->known |= AMPHI_FACT_PRESSURE;
}

void amphi__probe_pressure(
    const amphi_probe_groups *groups, const char *root, amphi_device_facts *out)
{
    amphi_stalls machine = read_machine(root, "memory");
    probe_memory_pressure(groups, root, machine, out);
    if (own_stall(groups, root, "memory", machine, &out->memory_stall_percent))
        out->known |= AMPHI_FACT_MEMORY_STALL;
    if (own_stall(groups, root, "cpu", read_machine(root, "cpu"), &out->cpu_stall_percent))
        out->known |= AMPHI_FACT_CPU_STALL;
    if (own_stall(groups, root, "io", read_machine(root, "io"), &out->io_stall_percent))
        out->known |= AMPHI_FACT_IO_STALL;
}
