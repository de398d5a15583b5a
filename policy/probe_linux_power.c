/* SPDX-License-Identifier: Apache-2.0
 *
 * Battery and heat for the Linux probe. Heat is what a zone's own trip points say: the kernel
 * slows the processor down at "passive", so that is serious; just below it is fair; at "hot", or
 * within 5 degrees of "critical" (where the kernel powers off), it is critical. Zones without
 * usable trip points are held against plain temperatures.
 */
#include "policy/probe_linux_files.h"
#include "sdk/core/str.h"

#include <dirent.h>
#include <stdio.h>

#define ENTRIES_MAX 256 /* of a sysfs class folder */
#define TRIPS_MAX   16

static DIR *open_folder(const char *root, const char *folder)
{
    char path[AMPHI_PROBE_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%s", root, folder);
    return length > 0 && (size_t)length < sizeof path ? opendir(path) : NULL;
}

/* ---- battery ---- */

#define POWER_FOLDER "/sys/class/power_supply"

typedef struct amphi_power {
    double weighted_percent, weights;
    bool has_battery, plugged;
} amphi_power;

static amphi_str supply_line(
    const char *root, const char *supply, const char *file, char *text, size_t size)
{
    char path[AMPHI_PROBE_PATH_MAX];
    snprintf(path, sizeof path, POWER_FOLDER "/%s/%s", supply, file);
    return amphi__probe_read_line(root, path, text, size);
}

static bool supply_number(const char *root, const char *supply, const char *file, int64_t *out)
{
    char path[AMPHI_PROBE_PATH_MAX];
    snprintf(path, sizeof path, POWER_FOLDER "/%s/%s", supply, file);
    return amphi__probe_read_number(root, path, out);
}

static void add_battery(const char *root, const char *supply, amphi_power *power)
{
    char text[64];
    int64_t number = 0;
    /* A mouse's or keyboard's battery is not ours. */
    if (amphi__str_equal_c(supply_line(root, supply, "scope", text, sizeof text), "Device") ||
        (supply_number(root, supply, "present", &number) && number == 0) ||
        !supply_number(root, supply, "capacity", &number) || number < 0 || number > 100)
        return;
    int64_t size = 1; /* two batteries are weighted by capacity, where it is known */
    if ((!supply_number(root, supply, "energy_full", &size) &&
            !supply_number(root, supply, "charge_full", &size)) ||
        size <= 0)
        size = 1;
    power->has_battery = true;
    power->weighted_percent += (double)number * (double)size;
    power->weights += (double)size;
    amphi_str status = supply_line(root, supply, "status", text, sizeof text);
    power->plugged = power->plugged || amphi__str_equal_c(status, "Charging") ||
                     amphi__str_equal_c(status, "Full");
}

static void add_supply(const char *root, const char *supply, amphi_power *power)
{
    char text[64];
    amphi_str type = supply_line(root, supply, "type", text, sizeof text);
    if (amphi__str_equal_c(type, "Battery")) {
        add_battery(root, supply, power);
        return;
    }
    int64_t online = 0;
    if ((amphi__str_equal_c(type, "Mains") || amphi__str_starts_with(type, AMPHI_STR("USB")) ||
            amphi__str_equal_c(type, "Wireless")) &&
        supply_number(root, supply, "online", &online) && online != 0)
        power->plugged = true;
}

void amphi__probe_battery(const char *root, amphi_device_facts *out)
{
    amphi_power power = {0};
    DIR *folder = open_folder(root, POWER_FOLDER);
    if (folder == NULL)
        return;
    struct dirent *entry;
    for (unsigned i = 0; i < ENTRIES_MAX && (entry = readdir(folder)) != NULL; i++)
        if (entry->d_name[0] != '.')
            add_supply(root, entry->d_name, &power);
    closedir(folder);
    out->battery_percent =
        power.has_battery ? (uint8_t)(power.weighted_percent / power.weights) : 100;
    out->charging = power.plugged || !power.has_battery;
    out->known |= AMPHI_FACT_BATTERY;
}

/* ---- heat; temperatures in thousandths of a degree Celsius ---- */

#define THERMAL_FOLDER "/sys/class/thermal"
#define DEGREES        1000

typedef struct amphi_trips {
    int64_t passive, hot, critical; /* 0: none */
} amphi_trips;

/* Zones of the processor, of the chip as a whole, and of the skin; not those of a charger, a
 * radio or a disk, which say nothing about us. */
static bool is_processor_zone(amphi_str type)
{
    static const char *const parts[] = {"x86_pkg_temp", "acpitz", "cpu", "CPU", "soc", "SOC",
        "coretemp", "k10temp", "TCPU", "apss", "skin", "SKIN", "quiet"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (amphi__str_find(type, amphi_str_from(parts[i])) != SIZE_MAX)
            return true;
    return false;
}

static void keep_lower(int64_t *kept, int64_t trip)
{
    if (*kept == 0 || trip < *kept)
        *kept = trip;
}

static amphi_trips read_trips(const char *root, const char *zone)
{
    amphi_trips trips = {0};
    for (unsigned i = 0; i < TRIPS_MAX; i++) {
        char path[AMPHI_PROBE_PATH_MAX];
        char text[32];
        int64_t trip = 0;
        snprintf(path, sizeof path, THERMAL_FOLDER "/%s/trip_point_%u_temp", zone, i);
        if (!amphi__probe_read_number(root, path, &trip))
            break;
        if (trip < 35 * DEGREES || trip > 150 * DEGREES)
            continue; /* switched off: -274000 and 0 are usual */
        snprintf(path, sizeof path, THERMAL_FOLDER "/%s/trip_point_%u_type", zone, i);
        amphi_str type = amphi__probe_read_line(root, path, text, sizeof text);
        if (amphi__str_equal_c(type, "passive"))
            keep_lower(&trips.passive, trip);
        else if (amphi__str_equal_c(type, "hot"))
            keep_lower(&trips.hot, trip);
        else if (amphi__str_equal_c(type, "critical"))
            keep_lower(&trips.critical, trip);
    }
    return trips;
}

static amphi_thermal zone_state(int64_t now, const amphi_trips *trips)
{
    int64_t critical = trips->critical != 0 ? trips->critical - 5 * DEGREES : 100 * DEGREES;
    if (trips->hot != 0 && trips->hot < critical)
        critical = trips->hot;
    int64_t serious = trips->passive != 0    ? trips->passive
                      : trips->critical != 0 ? trips->critical - 10 * DEGREES
                                             : 92 * DEGREES;
    int64_t fair = serious - (trips->passive != 0 ? 5 : 10) * DEGREES;
    return now >= critical  ? AMPHI_THERMAL_CRITICAL
           : now >= serious ? AMPHI_THERMAL_SERIOUS
           : now >= fair    ? AMPHI_THERMAL_FAIR
                            : AMPHI_THERMAL_NOMINAL;
}

static amphi_thermal read_zone(const char *root, const char *zone)
{
    char path[AMPHI_PROBE_PATH_MAX];
    char text[64];
    int64_t now = 0;
    snprintf(path, sizeof path, THERMAL_FOLDER "/%s/type", zone);
    if (!is_processor_zone(amphi__probe_read_line(root, path, text, sizeof text)))
        return AMPHI_THERMAL_UNKNOWN;
    snprintf(path, sizeof path, THERMAL_FOLDER "/%s/temp", zone);
    /* A sensor without power gives an error, or an impossible figure. */
    if (!amphi__probe_read_number(root, path, &now) || now < -40 * DEGREES || now > 150 * DEGREES)
        return AMPHI_THERMAL_UNKNOWN;
    amphi_trips trips = read_trips(root, zone);
    return zone_state(now, &trips);
}

void amphi__probe_thermal(const char *root, amphi_device_facts *out)
{
    amphi_thermal hottest = AMPHI_THERMAL_UNKNOWN;
    DIR *folder = open_folder(root, THERMAL_FOLDER);
    if (folder == NULL)
        return;
    struct dirent *entry;
    for (unsigned i = 0; i < ENTRIES_MAX && (entry = readdir(folder)) != NULL; i++) {
        if (strncmp(entry->d_name, "thermal_zone", 12) == 0) {
            amphi_thermal state = read_zone(root, entry->d_name);
            hottest = state > hottest ? state : hottest;
        }
    }
    closedir(folder);
    if (hottest != AMPHI_THERMAL_UNKNOWN) {
        out->thermal = hottest;
        out->known |= AMPHI_FACT_THERMAL;
    }
}
