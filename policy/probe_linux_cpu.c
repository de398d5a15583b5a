/* SPDX-License-Identifier: Apache-2.0
 *
 * How many processors this process may use at once, and how many of them are big. The kernel gives
 * each a capacity where they differ (ABI/testing/sysfs-devices-system-cpu); an x86 processor of two
 * kinds lists them; old phones have only their top frequencies. Which are big is found once. Which
 * ones we may use changes: Android moves an app in the background to the little ones.
 */
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define CPU_FOLDER "/sys/devices/system/cpu"
/* Machines with more have one kind of them, and reading a file for each takes its time. */
#define KINDS_CPUS_MAX 128u

static bool has(const amphi_probe_cpu_set *set, size_t cpu)
{
    return (set->bits[cpu / 64] >> (cpu % 64) & 1) != 0;
}

static void add(amphi_probe_cpu_set *set, size_t cpu)
{
    set->bits[cpu / 64] |= (uint64_t)1 << (cpu % 64);
}

static size_t count(const amphi_probe_cpu_set *set)
{
    size_t sum = 0;
    for (size_t i = 0; i < AMPHI_PROBE_CPUS_MAX / 64; i++)
        sum += (size_t)__builtin_popcountll(set->bits[i]);
    return sum;
}

static void fill(amphi_probe_cpu_set *set)
{
    memset(set, 0xff, sizeof *set);
}

/* "0-3,8"; false, and an empty set, when it is no such list. */
static bool parse(amphi_str list, amphi_probe_cpu_set *out)
{
    memset(out, 0, sizeof *out);
    list = amphi__str_trim(list);
    while (list.size > 0) {
        uint64_t from = 0;
        uint64_t to = 0;
        amphi_str last;
        amphi_str range = amphi__str_cut(list, ',', &list);
        bool is_range = amphi__str_find(range, AMPHI_STR("-")) != SIZE_MAX;
        bool is_valid = amphi__str_to_u64(amphi__str_cut(range, '-', &last), &from);
        to = from;
        is_valid = is_valid && (!is_range || amphi__str_to_u64(last, &to));
        if (!is_valid || to < from || to >= AMPHI_PROBE_CPUS_MAX) {
            memset(out, 0, sizeof *out);
            return false;
        }
        for (uint64_t cpu = from; cpu <= to; cpu++)
            add(out, (size_t)cpu);
    }
    return count(out) > 0;
}

static bool read_list(const char *root, const char *path, amphi_probe_cpu_set *out)
{
    char text[2048];
    amphi_str line = amphi__probe_read_line(root, path, text, sizeof text);
    return parse(line, out);
}

static bool read_allowed(const char *root, amphi_probe_cpu_set *out)
{
    static const char key[] = "Cpus_allowed_list:";
    char text[8192];
    size_t got = amphi__probe_read(root, "/proc/self/status", text, sizeof text);
    amphi_str rest = amphi_str_make(text, got);
    while (rest.size > 0) {
        amphi_str line = amphi__str_cut(rest, '\n', &rest);
        if (amphi__str_starts_with(line, amphi_str_from(key)))
            return parse(amphi__str_slice(line, sizeof key - 1, line.size), out);
    }
    return false;
}

/* ---- which ones are big ---- */

/* Those above numerator/denominator of the largest figure. False when one of them has none, or when
 * there are none. */
static bool find_above(const char *root, const amphi_probe_cpu_set *all, const char *file,
    int64_t numerator, int64_t denominator, amphi_probe_cpu_set *big)
{
    int64_t figures[KINDS_CPUS_MAX];
    int64_t most = 0;
    memset(big, 0, sizeof *big);
    for (size_t cpu = 0; cpu < KINDS_CPUS_MAX; cpu++) {
        char path[128];
        figures[cpu] = 0;
        if (!has(all, cpu))
            continue;
        snprintf(path, sizeof path, CPU_FOLDER "/cpu%zu/%s", cpu, file);
        if (!amphi__probe_read_number(root, path, &figures[cpu]) || figures[cpu] <= 0 ||
            figures[cpu] > INT32_MAX)
            return false;
        most = figures[cpu] > most ? figures[cpu] : most;
    }
    for (size_t cpu = 0; cpu < KINDS_CPUS_MAX; cpu++)
        if (figures[cpu] * denominator > most * numerator)
            add(big, cpu);
    return most > 0;
}

static bool is_small_machine(const amphi_probe_cpu_set *all)
{
    for (size_t cpu = KINDS_CPUS_MAX; cpu < AMPHI_PROBE_CPUS_MAX; cpu++)
        if (has(all, cpu))
            return false;
    return true;
}

bool amphi__probe_cpu_find(amphi_probe_cpu_set *big, const char *root)
{
    amphi_probe_cpu_set all;
    amphi_probe_cpu_set allowed;
    if (!read_allowed(root, &allowed))
        memset(&allowed, 0, sizeof allowed);
    if (!read_list(root, CPU_FOLDER "/possible", &all))
        all = allowed;
    if (is_small_machine(&all) &&
        (find_above(root, &all, "cpu_capacity", 1, 2, big) ||
            read_list(root, "/sys/devices/cpu_core/cpus", big) ||
            find_above(root, &all, "cpufreq/cpuinfo_max_freq", 3, 4, big)))
        return true;
    fill(big); /* nothing tells them apart */
    return count(&all) > 0;
}

/* ---- how many at once ---- */

static size_t at_most(size_t cores, int64_t quota, int64_t period)
{
    if (quota <= 0 || period <= 0)
        return cores;
    int64_t whole = (quota - 1) / period + 1; /* half a processor still runs a thread */
    return (uint64_t)whole < cores ? (size_t)whole : cores;
}

/* "MAX PERIOD" in version 2, a file for each in version 1; "max" and -1 are no limit. */
static size_t apply_quotas(const amphi_probe_groups *groups, const char *root, size_t cores)
{
    char folder[AMPHI_PROBE_PATH_MAX];
    bool more = amphi__probe_groups_first(groups, AMPHI_PROBE_GROUPS_V2, folder);
    for (; more; more = amphi__probe_groups_up(groups, AMPHI_PROBE_GROUPS_V2, folder)) {
        char text[64];
        amphi_str period_text;
        int64_t quota = 0;
        int64_t period = 0;
        size_t got = amphi__probe_group_read(root, folder, "cpu.max", text, sizeof text);
        amphi_str quota_text = amphi__str_cut(amphi_str_make(text, got), ' ', &period_text);
        if (amphi__probe_to_number(quota_text, &quota) &&
            amphi__probe_to_number(period_text, &period))
            cores = at_most(cores, quota, period);
    }
    more = amphi__probe_groups_first(groups, AMPHI_PROBE_GROUPS_V1_CPU, folder);
    for (; more; more = amphi__probe_groups_up(groups, AMPHI_PROBE_GROUPS_V1_CPU, folder)) {
        int64_t quota = 0;
        int64_t period = 0;
        if (amphi__probe_group_number(root, folder, "cpu.cfs_quota_us", &quota) &&
            amphi__probe_group_number(root, folder, "cpu.cfs_period_us", &period))
            cores = at_most(cores, quota, period);
    }
    return cores;
}

void amphi__probe_cpu(const amphi_probe_cpu_set *big, const amphi_probe_groups *groups,
    const char *root, amphi_device_facts *out)
{
    amphi_probe_cpu_set allowed;
    amphi_probe_cpu_set both;
    if (!read_allowed(root, &allowed))
        return;
    for (size_t i = 0; i < AMPHI_PROBE_CPUS_MAX / 64; i++)
        both.bits[i] = allowed.bits[i] & big->bits[i];
    size_t cores = apply_quotas(groups, root, count(&allowed));
    size_t cores_big = count(&both);
    out->cores = (uint16_t)cores;
    out->cores_big = (uint16_t)(cores_big < cores ? cores_big : cores);
    out->known |= AMPHI_FACT_CORES;
}
