/* SPDX-License-Identifier: Apache-2.0
 *
 * What the processor's packages have used, by their own counters (RAPL; ABI/testing/
 * sysfs-class-powercap of the kernel). Since Linux 5.10 only root reads them. A counter begins anew
 * after an hour or so of full load; a pause between two looks that is longer than that loses a
 * turn.
 */
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define FOLDER      "/sys/class/powercap"
#define ENTRIES_MAX 128

static bool zone_number(const char *root, const char *zone, const char *file, int64_t *out)
{
    char path[320];
    snprintf(path, sizeof path, FOLDER "/%s/%s", zone, file);
    return amphi__probe_read_number(root, path, out);
}

/* "intel-rapl:0" whose name is "package-0", on AMD as well; not its parts ("intel-rapl:0:0"), the
 * same package by another way ("intel-rapl-mmio:0"), or the whole board ("psys"). */
static bool is_package(const char *root, const char *zone)
{
    char path[320];
    char text[32];
    amphi_str rest;
    amphi_str name = amphi_str_from(zone);
    if (name.size >= sizeof(((amphi_probe_package *)0)->zone) ||
        !amphi__str_equal_c(amphi__str_cut(name, ':', &rest), "intel-rapl") || rest.size == 0 ||
        amphi__str_find(rest, AMPHI_STR(":")) != SIZE_MAX)
        return false;
    snprintf(path, sizeof path, FOLDER "/%s/name", zone);
    amphi_str label = amphi__probe_read_line(root, path, text, sizeof text);
    return amphi__str_starts_with(label, AMPHI_STR("package"));
}

void amphi__probe_energy_find(amphi_probe_energy *energy, const char *root)
{
    struct dirent *entry;
    DIR *folder = amphi__probe_folder(root, FOLDER);
    energy->count = 0;
    for (unsigned i = 0; folder != NULL && i < ENTRIES_MAX && (entry = readdir(folder)) != NULL;
         i++) {
        int64_t range = 0;
        if (!is_package(root, entry->d_name))
            continue;
        amphi_probe_package *package = &energy->packages[energy->count];
        memset(package, 0, sizeof *package);
        memcpy(package->zone, entry->d_name, strlen(entry->d_name) + 1);
        if (zone_number(root, package->zone, "max_energy_range_uj", &range) && range > 0)
            package->range_uj = (uint64_t)range;
        if (++energy->count == AMPHI_PROBE_PACKAGES_MAX)
            break;
    }
    if (folder != NULL)
        closedir(folder);
}

/* What the counter moved since the last look. A turn without a known range counts from 0 on. */
static uint64_t moved(const amphi_probe_package *package, uint64_t now_uj)
{
    if (!package->has_last)
        return 0;
    if (now_uj >= package->last_uj)
        return now_uj - package->last_uj;
    return package->range_uj > package->last_uj ? package->range_uj - package->last_uj + now_uj : 0;
}

void amphi__probe_energy(amphi_probe_energy *energy, const char *root, amphi_device_facts *out)
{
    bool is_known = energy->count > 0;
    for (size_t i = 0; i < energy->count; i++) {
        amphi_probe_package *package = &energy->packages[i];
        int64_t now_uj = 0;
        bool is_read = zone_number(root, package->zone, "energy_uj", &now_uj) && now_uj >= 0;
        is_known = is_known && is_read;
        if (!is_read)
            continue;
        energy->used_uj += moved(package, (uint64_t)now_uj);
        package->last_uj = (uint64_t)now_uj;
        package->has_last = true;
    }
    if (is_known) {
        out->energy_uj = energy->used_uj;
        out->known |= AMPHI_FACT_ENERGY;
    }
}
