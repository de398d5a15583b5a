/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: the machine's, narrowed by the limit of every control group above us. What is available
 * is the least that any of them has left, whichever limit is the smallest: a full parent leaves
 * nothing to a child that is far below its own limit. Formats: Documentation/filesystems/proc.rst,
 * admin-guide/cgroup-v1/memory.rst, admin-guide/cgroup-v2.rst of the kernel.
 */
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

/* What one version of the control groups calls its figures. */
typedef struct amphi_group_names {
    amphi_probe_hierarchy hierarchy;
    const char *limits[2], *usage;
    const char *caches[3];   /* in memory.stat */
    const char *outer_limit; /* likewise: the least limit from here up, seen or not */
} amphi_group_names;

static const amphi_group_names versions[] = {
    {AMPHI_PROBE_GROUPS_V2, {"memory.max", "memory.high"}, "memory.current",
        {"active_file ", "inactive_file ", "slab_reclaimable "}, NULL},
    {AMPHI_PROBE_GROUPS_V1_MEMORY, {"memory.limit_in_bytes", NULL}, "memory.usage_in_bytes",
        {"total_active_file ", "total_inactive_file ", NULL}, "hierarchical_memory_limit "},
};

/* The kernel gives page cache up before memory runs out, so it counts as available, as it does in
 * the kernel's own MemAvailable. */
static uint64_t reclaimable(amphi_str stat, const amphi_group_names *names)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof names->caches / sizeof names->caches[0]; i++) {
        uint64_t bytes = 0;
        if (names->caches[i] != NULL && amphi__probe_number_after(stat, names->caches[i], &bytes) &&
            bytes <= UINT64_MAX - sum)
            sum += bytes;
    }
    return sum;
}

/* "max" is no number and so no limit; version 1 writes about 2^63. */
static bool lowest_limit(const char *root, const char *folder, const amphi_group_names *names,
    amphi_str stat, uint64_t *limit)
{
    int64_t number = 0;
    *limit = UINT64_MAX;
    for (size_t i = 0; i < sizeof names->limits / sizeof names->limits[0]; i++)
        if (names->limits[i] != NULL &&
            amphi__probe_group_number(root, folder, names->limits[i], &number) && number >= 0 &&
            (uint64_t)number < *limit)
            *limit = (uint64_t)number;
    uint64_t outer = 0;
    if (names->outer_limit != NULL && amphi__probe_number_after(stat, names->outer_limit, &outer) &&
        outer < *limit)
        *limit = outer;
    return *limit != UINT64_MAX;
}

/* Narrows the facts by one group. False: it has a limit, and how much of it is used can't be read.
 * */
static bool apply_group(const char *root, const char *folder, const amphi_group_names *names,
    uint64_t machine_bytes, amphi_device_facts *out)
{
    char text[8192];
    size_t got = amphi__probe_group_read(root, folder, "memory.stat", text, sizeof text);
    amphi_str stat = amphi_str_make(text, got);
    uint64_t limit = 0;
    int64_t usage = 0;
    if (!lowest_limit(root, folder, names, stat, &limit) || limit >= machine_bytes)
        return true;
    if (!amphi__probe_group_number(root, folder, names->usage, &usage) || usage < 0)
        return false;
    uint64_t cache = reclaimable(stat, names);
    uint64_t held = (uint64_t)usage > cache ? (uint64_t)usage - cache : 0;
    uint64_t left = limit > held ? limit - held : 0;
    if (left < out->memory_available_bytes)
        out->memory_available_bytes = left;
    uint64_t total = limit > 0 ? limit : (uint64_t)usage; /* nothing more: it has what it uses */
    if (total > 0 && total < out->memory_total_bytes)
        out->memory_total_bytes = total;
    return true;
}

static bool apply_groups(
    const amphi_probe_groups *groups, const char *root, amphi_device_facts *out)
{
    char folder[AMPHI_PROBE_PATH_MAX];
    uint64_t machine_bytes = out->memory_total_bytes;
    for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++) {
        amphi_probe_hierarchy hierarchy = versions[v].hierarchy;
        bool more = amphi__probe_groups_first(groups, hierarchy, folder);
        for (; more; more = amphi__probe_groups_up(groups, hierarchy, folder))
            if (!apply_group(root, folder, &versions[v], machine_bytes, out))
                return false;
    }
    if (out->memory_available_bytes > out->memory_total_bytes)
        out->memory_available_bytes = out->memory_total_bytes;
    return true;
}

void amphi__probe_memory(
    const amphi_probe_groups *groups, const char *root, amphi_device_facts *out)
{
    char text[4096];
    uint64_t total_kib = 0;
    uint64_t available_kib = 0;
    size_t got = amphi__probe_read(root, "/proc/meminfo", text, sizeof text);
    amphi_str info = amphi_str_make(text, got);
    if (!amphi__probe_number_after(info, "MemTotal:", &total_kib) || total_kib == 0 ||
        total_kib > UINT64_MAX / 1024 ||
        !amphi__probe_number_after(info, "MemAvailable:", &available_kib))
        return;
    if (available_kib > total_kib)
        available_kib = total_kib;
    out->memory_total_bytes = total_kib * 1024;
    out->memory_available_bytes = available_kib * 1024;
    if (apply_groups(groups, root, out)) {
        out->known |= AMPHI_FACT_MEMORY;
    } else {
        out->memory_total_bytes = 0;
        out->memory_available_bytes = 0;
    }
}
