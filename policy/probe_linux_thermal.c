/* SPDX-License-Identifier: Apache-2.0
 *
 * Heat is what a zone's own trip points say: the kernel slows the processor down at "passive", so
 * that is serious; just below it is fair; at "hot", or within 5 degrees of "critical" (where the
 * kernel powers off), it is critical. Zones without usable trip points are held against plain
 * temperatures. Critical stops a running answer, so a sensor has to say it twice in a row; and a
 * sensor above its own critical trip is broken, since the machine would be off. Formats:
 * ABI/testing/sysfs-class-thermal, driver-api/thermal/sysfs-api.rst of the kernel.
 */
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <stdlib.h>

#define FOLDER          "/sys/class/thermal"
#define ENTRIES_MAX     512 /* of the class folder; zones and cooling devices */
#define ZONE_FILES_MAX  256
#define FORECAST_MS     10000
#define SLOPE_MS_MIN    3000
#define SLOPE_MS_MAX    120000
#define RISE_MAX        (10 * DEGREES)
#define NUMBER_MAX      100000
#define LATE_ZONES      4u
#define DEGREES         1000 /* temperatures are in thousandths of a degree Celsius */
#define TRIP_MIN        (35 * DEGREES)
#define TRIP_MAX        (150 * DEGREES)
#define COLDEST         (-40 * DEGREES)
#define HOTTEST_UNTRIED (120 * DEGREES) /* without a critical trip to say where it ends */

/* ---- which zones are heard ---- */

/* Zones of the processor and of the chip as a whole: parts of a name, in any case. Not those of a
 * charger, a radio or a disk, which say nothing about us. */
static const char *const processor_parts[] = {"x86_pkg_temp", "acpitz", "cpu", "soc", "coretemp",
    "k10temp", "apss", "tsens_tz_sensor", "bigcore", "littlecore", "package-thermal",
    "package_thermal", "tj-thermal", "cluster"};
/* Whole names: Exynos calls its clusters so. */
static const char *const processor_names[] = {"BIG", "LITTLE", "MID"};
static const char *const skin_parts[] = {"skin", "quiet"};

static bool contains_ignoring_case(amphi_str text, const char *part)
{
    size_t size = strlen(part);
    for (size_t i = 0; i + size <= text.size; i++)
        if (amphi__str_equal_ignore_case(
                amphi__str_slice(text, i, i + size), amphi_str_make(part, size)))
            return true;
    return false;
}

static bool has_part(amphi_str type, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (contains_ignoring_case(type, parts[i]))
            return true;
    return false;
}

#define HAS_PART(type, parts) has_part((type), (parts), sizeof(parts) / sizeof(parts)[0])

static bool is_processor_name(amphi_str type)
{
    for (size_t i = 0; i < sizeof processor_names / sizeof processor_names[0]; i++)
        if (amphi__str_equal_c(type, processor_names[i]))
            return true;
    return false;
}

/* ---- trip points ---- */

static bool zone_number(const char *root, unsigned zone, const char *file, int64_t *out)
{
    char path[320];
    snprintf(path, sizeof path, FOLDER "/thermal_zone%u/%s", zone, file);
    return amphi__probe_read_number(root, path, out);
}

static amphi_str zone_line(
    const char *root, unsigned zone, const char *file, char *text, size_t size)
{
    char path[320];
    snprintf(path, sizeof path, FOLDER "/thermal_zone%u/%s", zone, file);
    return amphi__probe_read_line(root, path, text, size);
}

static void keep_lower(int64_t *kept, int64_t trip)
{
    if (*kept == 0 || trip < *kept)
        *kept = trip;
}

/* trip_point_N_temp and what trip_point_N_type says of it. */
static void read_trip(const char *root, amphi_probe_zone *zone, const char *temp_file)
{
    char type_file[64];
    char text[32];
    int64_t trip = 0;
    size_t stem = strlen(temp_file) - strlen("temp");
    if (!zone_number(root, zone->number, temp_file, &trip) || trip < TRIP_MIN || trip > TRIP_MAX ||
        stem + sizeof "type" > sizeof type_file)
        return; /* -274000 and 0: switched off */
    memcpy(type_file, temp_file, stem);
    memcpy(type_file + stem, "type", sizeof "type");
    amphi_str type = zone_line(root, zone->number, type_file, text, sizeof text);
    if (amphi__str_equal_c(type, "passive"))
        keep_lower(&zone->passive, trip);
    else if (amphi__str_equal_c(type, "hot"))
        keep_lower(&zone->hot, trip);
    else if (amphi__str_equal_c(type, "critical"))
        keep_lower(&zone->critical, trip);
}

/* Each for itself: their numbers may have gaps, and one may be unreadable. */
static void read_trips(const char *root, amphi_probe_zone *zone)
{
    char path[64];
    struct dirent *entry;
    snprintf(path, sizeof path, FOLDER "/thermal_zone%u", zone->number);
    DIR *folder = amphi__probe_folder(root, path);
    if (folder == NULL)
        return;
    for (unsigned i = 0; i < ZONE_FILES_MAX && (entry = readdir(folder)) != NULL; i++) {
        amphi_str name = amphi_str_from(entry->d_name);
        if (amphi__str_starts_with(name, AMPHI_STR("trip_point_")) &&
            amphi__str_ends_with(name, AMPHI_STR("_temp")))
            read_trip(root, zone, entry->d_name);
    }
    closedir(folder);
}

/* ---- finding ---- */

/* False: it says nothing about the processor, or nothing at all. */
static bool read_zone(amphi_probe_zone *out, const char *root, unsigned number)
{
    char text[64];
    memset(out, 0, sizeof *out);
    out->number = number;
    amphi_str type = zone_line(root, number, "type", text, sizeof text);
    out->is_skin = HAS_PART(type, skin_parts);
    if (!out->is_skin && !HAS_PART(type, processor_parts) && !is_processor_name(type))
        return false;
    if (amphi__str_equal_c(zone_line(root, number, "mode", text, sizeof text), "disabled"))
        return false;
    read_trips(root, out);
    return !out->is_skin || out->passive != 0 || out->hot != 0 || out->critical != 0;
}

static void drop_zone(amphi_probe_zones *zones, size_t at)
{
    zones->count--;
    memmove(&zones->items[at], &zones->items[at + 1], (zones->count - at) * sizeof zones->items[0]);
}

/* Reads what a zone is, again or for the first time; what the last look found stays. */
static void find_zone(amphi_probe_zones *zones, const char *root, unsigned number)
{
    amphi_probe_zone found;
    size_t at = 0;
    bool is_heard = read_zone(&found, root, number);
    while (at < zones->count && zones->items[at].number != number)
        at++;
    if (at < zones->count) {
        found.was_critical = zones->items[at].was_critical;
        found.has_then = zones->items[at].has_then;
        found.then = zones->items[at].then;
        found.then_ms = zones->items[at].then_ms;
        found.rise = zones->items[at].rise;
        if (!is_heard)
            drop_zone(zones, at);
    } else if (zones->count == AMPHI_PROBE_ZONES_MAX) {
        return;
    }
    if (!is_heard)
        return;
    zones->items[at] = found;
    zones->count += at == zones->count;
}

void amphi__probe_thermal_find(amphi_probe_zones *zones, const char *root)
{
    struct dirent *entry;
    DIR *folder = amphi__probe_folder(root, FOLDER);
    for (unsigned i = 0; folder != NULL && i < ENTRIES_MAX && (entry = readdir(folder)) != NULL;
         i++) {
        char *end = NULL;
        if (strncmp(entry->d_name, "thermal_zone", strlen("thermal_zone")) != 0)
            continue;
        unsigned long number = strtoul(entry->d_name + strlen("thermal_zone"), &end, 10);
        if (*end != '\0' || number > NUMBER_MAX)
            continue;
        find_zone(zones, root, (unsigned)number);
        if (number >= zones->numbers_end)
            zones->numbers_end = (unsigned)number + 1;
    }
    if (folder != NULL)
        closedir(folder);
}

/* A driver may come late, and telephones move their trip points with what the user does. */
static void find_next(amphi_probe_zones *zones, const char *root)
{
    if (zones->next >= zones->numbers_end + LATE_ZONES)
        zones->next = 0;
    find_zone(zones, root, zones->next++);
}

/* ---- looking ---- */

static int64_t serious_from(const amphi_probe_zone *zone)
{
    return zone->passive != 0    ? zone->passive
           : zone->critical != 0 ? zone->critical - 10 * DEGREES
                                 : 92 * DEGREES;
}

static amphi_thermal zone_state(const amphi_probe_zone *zone, int64_t now)
{
    int64_t critical = zone->critical != 0 ? zone->critical - 5 * DEGREES : 100 * DEGREES;
    if (zone->hot != 0 && zone->hot < critical)
        critical = zone->hot;
    int64_t serious = serious_from(zone);
    int64_t fair = serious - (zone->passive != 0 ? 5 : 10) * DEGREES;
    return now >= critical  ? AMPHI_THERMAL_CRITICAL
           : now >= serious ? AMPHI_THERMAL_SERIOUS
           : now >= fair    ? AMPHI_THERMAL_FAIR
                            : AMPHI_THERMAL_NOMINAL;
}

/* A straight line through two looks that are some seconds apart: after a few of them a sensor's own
 * jumps are behind it. A sensor on the chip rises fast and then no more, hence the bound. */
static int64_t forecast(amphi_probe_zone *zone, int64_t now, uint64_t now_ms)
{
    uint64_t since_ms = now_ms - zone->then_ms;
    if (!zone->has_then || since_ms > SLOPE_MS_MAX) {
        zone->rise = 0;
    } else if (since_ms >= SLOPE_MS_MIN) {
        zone->rise = (now - zone->then) * FORECAST_MS / (int64_t)since_ms;
        if (zone->rise > RISE_MAX)
            zone->rise = RISE_MAX;
    } else {
        return now + zone->rise;
    }
    zone->has_then = true;
    zone->then = now;
    zone->then_ms = now_ms;
    return now + zone->rise;
}

/* Android's scale: 0 is 30 degrees below what is serious, 100 is serious. */
static uint16_t forecast_percent(const amphi_probe_zone *zone, int64_t then)
{
    int64_t percent = (then - serious_from(zone) + 30 * DEGREES) * 100 / (30 * DEGREES);
    return (uint16_t)(percent < 0 ? 0 : percent);
}

/* A sensor without power gives an error, or an impossible figure. */
static amphi_thermal look_at_zone(
    amphi_probe_zone *zone, const char *root, uint64_t now_ms, uint16_t *forecast_percent_out)
{
    int64_t now = 0;
    int64_t hottest = zone->critical != 0 ? zone->critical : HOTTEST_UNTRIED;
    bool was = zone->was_critical;
    zone->was_critical = false;
    if (!zone_number(root, zone->number, "temp", &now) || now < COLDEST || now > hottest) {
        zone->has_then = false;
        return AMPHI_THERMAL_UNKNOWN;
    }
    amphi_thermal state = zone_state(zone, now);
    *forecast_percent_out = forecast_percent(zone, forecast(zone, now, now_ms));
    zone->was_critical = state == AMPHI_THERMAL_CRITICAL;
    return zone->was_critical && !was ? AMPHI_THERMAL_SERIOUS : state;
}

void amphi__probe_thermal(
    amphi_probe_zones *zones, const char *root, uint64_t now_ms, amphi_device_facts *out)
{
    amphi_thermal hottest = AMPHI_THERMAL_UNKNOWN;
    uint16_t most = 0;
    find_next(zones, root);
    for (size_t i = 0; i < zones->count; i++) {
        uint16_t percent = 0;
        amphi_thermal state = look_at_zone(&zones->items[i], root, now_ms, &percent);
        hottest = state > hottest ? state : hottest;
        most = percent > most ? percent : most;
    }
    if (hottest != AMPHI_THERMAL_UNKNOWN) {
        out->thermal = hottest;
        out->heat_forecast_percent = most;
        out->known |= AMPHI_FACT_THERMAL | AMPHI_FACT_FORECAST;
    }
}
