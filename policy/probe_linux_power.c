/* SPDX-License-Identifier: Apache-2.0
 *
 * Batteries, and what feeds the machine (ABI/testing/sysfs-class-power of the kernel). Three rules:
 * a level that can't be read is unknown, not full; a battery of ours that is emptied means that the
 * machine runs on it, whatever else is plugged in; what belongs to a mouse or feeds a disk (scope
 * "Device") is not ours. The last one, and that a machine which lists nothing is on the mains, are
 * the kernel's own (power_supply_is_system_supplied).
 */
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define FOLDER        "/sys/class/power_supply"
#define ENTRIES_MAX   256
#define BATTERIES_MAX 8
/* Less can't run a computer, more no battery gives: another unit was meant. */
#define DRAW_MW_MIN 10.0
#define DRAW_MW_MAX 500000.0

typedef struct amphi_battery {
    bool has_level, discharges, charges, idles; /* idles: full, or not charging */
    bool has_rate;                              /* rate_mw is known */
    double level_percent, rate_mw;
    double energy_full_uwh, charge_full_uah; /* 0: unknown */
} amphi_battery;

typedef struct amphi_supplies {
    amphi_battery batteries[BATTERIES_MAX];
    size_t batteries_count;
    bool has_source, is_fed; /* something could feed the machine; and does */
    bool has_riddle;         /* a supply that does not say what it is */
} amphi_supplies;

typedef struct amphi_supply {
    const char *root, *name;
} amphi_supply;

static amphi_str supply_line(const amphi_supply *s, const char *file, char *text, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "/%s/%s", s->name, file);
    return amphi__probe_read_line(s->root, path, text, size);
}

static bool supply_number(const amphi_supply *s, const char *file, int64_t *out)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "/%s/%s", s->name, file);
    return amphi__probe_read_number(s->root, path, out);
}

static double supply_positive(const amphi_supply *s, const char *file)
{
    int64_t number = 0;
    return supply_number(s, file, &number) && number > 0 ? (double)number : 0;
}

/* ---- one battery ---- */

/* By the gauge's own percentage, or as a share of what fits in. */
static bool read_level(const amphi_supply *s, double *percent)
{
    static const char *const shares[][2] = {
        {"energy_now", "energy_full"}, {"charge_now", "charge_full"}};
    int64_t now = 0;
    if (supply_number(s, "capacity", &now) && now >= 0 && now <= 100) {
        *percent = (double)now;
        return true;
    }
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double full = supply_positive(s, shares[i][1]);
        if (full <= 0 || !supply_number(s, shares[i][0], &now) || now < 0)
            continue;
        *percent = (double)now >= full ? 100 : (double)now * 100 / full;
        return true;
    }
    return false;
}

static void read_size(const amphi_supply *s, amphi_battery *battery)
{
    battery->energy_full_uwh = supply_positive(s, "energy_full");
    battery->charge_full_uah = supply_positive(s, "charge_full");
    if (battery->energy_full_uwh > 0 || battery->charge_full_uah <= 0)
        return;
    double uv = supply_positive(s, "voltage_min_design");
    if (uv <= 0)
        uv = supply_positive(s, "voltage_now");
    battery->energy_full_uwh = battery->charge_full_uah * uv / 1e6;
}

/* Drivers disagree about the sign. */
static void read_rate(const amphi_supply *s, amphi_battery *battery)
{
    int64_t number = 0;
    if (supply_number(s, "power_now", &number)) {
        battery->has_rate = true;
        battery->rate_mw = (double)number / 1e3;
    } else if (supply_number(s, "current_now", &number)) {
        double uv = supply_positive(s, "voltage_now");
        battery->has_rate = number == 0 || uv > 0;
        battery->rate_mw = (double)number * uv / 1e9;
    }
    if (battery->rate_mw < 0)
        battery->rate_mw = -battery->rate_mw;
}

static void add_battery(const amphi_supply *s, amphi_supplies *all)
{
    char text[64];
    int64_t present = 1;
    if ((supply_number(s, "present", &present) && present == 0) ||
        all->batteries_count == BATTERIES_MAX)
        return;
    amphi_battery *battery = &all->batteries[all->batteries_count++];
    amphi_str status = supply_line(s, "status", text, sizeof text);
    battery->discharges = amphi__str_equal_c(status, "Discharging");
    battery->charges = amphi__str_equal_c(status, "Charging");
    battery->idles =
        amphi__str_equal_c(status, "Full") || amphi__str_equal_c(status, "Not charging");
    battery->has_level = read_level(s, &battery->level_percent);
    read_size(s, battery);
    if (battery->discharges)
        read_rate(s, battery);
}

static void add_supply(const amphi_supply *s, amphi_supplies *all)
{
    char text[64];
    int64_t online = 0;
    if (amphi__str_equal_c(supply_line(s, "scope", text, sizeof text), "Device"))
        return;
    amphi_str type = supply_line(s, "type", text, sizeof text);
    if (type.size == 0) {
        all->has_riddle = true;
    } else if (amphi__str_equal_c(type, "Battery") || amphi__str_equal_c(type, "UPS")) {
        add_battery(s, all);
    } else if (amphi__str_equal_c(type, "Mains") || amphi__str_equal_c(type, "Wireless") ||
               amphi__str_starts_with(type, AMPHI_STR("USB"))) {
        all->has_source = true;
        all->is_fed = all->is_fed || (supply_number(s, "online", &online) && online > 0);
    }
}

/* ---- all of them ---- */

/* Some firmware says "Discharging" of a battery above its charge limit on the mains; the kernel
 * believes it only when something flows (acpi_battery_handle_discharging), and so do we. */
static bool is_emptied(const amphi_supplies *all, const amphi_battery *battery)
{
    return battery->discharges && !(all->is_fed && battery->has_rate && battery->rate_mw <= 0);
}

static bool any_is_emptied(const amphi_supplies *all)
{
    for (size_t i = 0; i < all->batteries_count; i++)
        if (is_emptied(all, &all->batteries[i]))
            return true;
    return false;
}

static bool is_charging(const amphi_supplies *all)
{
    bool charges = false;
    bool idles = false;
    for (size_t i = 0; i < all->batteries_count; i++) {
        charges = charges || all->batteries[i].charges;
        idles = idles || all->batteries[i].idles;
    }
    if (any_is_emptied(all))
        return false;
    return all->is_fed || charges || (idles && !all->has_source);
}

/* Weighs each battery by its size, in a unit that all of them have; without one they weigh the
 * same. False: no level is known. */
static bool mean_level(const amphi_supplies *all, double *percent)
{
    bool has_energy = true;
    bool has_charge = true;
    double weights = 0;
    *percent = 0;
    for (size_t i = 0; i < all->batteries_count; i++) {
        const amphi_battery *battery = &all->batteries[i];
        has_energy = has_energy && (!battery->has_level || battery->energy_full_uwh > 0);
        has_charge = has_charge && (!battery->has_level || battery->charge_full_uah > 0);
    }
    for (size_t i = 0; i < all->batteries_count; i++) {
        const amphi_battery *battery = &all->batteries[i];
        double weight = has_energy   ? battery->energy_full_uwh
                        : has_charge ? battery->charge_full_uah
                                     : 1;
        if (!battery->has_level)
            continue;
        *percent += battery->level_percent * weight;
        weights += weight;
    }
    if (weights <= 0)
        return false;
    *percent /= weights;
    return true;
}

static void sum_draw(const amphi_supplies *all, amphi_device_facts *out)
{
    double draw_mw = 0;
    for (size_t i = 0; i < all->batteries_count; i++) {
        const amphi_battery *battery = &all->batteries[i];
        if (is_emptied(all, battery) && !battery->has_rate)
            return;
        draw_mw += is_emptied(all, battery) ? battery->rate_mw : 0;
    }
    if (draw_mw < DRAW_MW_MIN || draw_mw > DRAW_MW_MAX)
        return;
    out->draw_mw = (uint32_t)draw_mw;
    out->known |= AMPHI_FACT_DRAW;
}

void amphi__probe_power(const char *root, amphi_device_facts *out)
{
    amphi_supplies all = {0};
    double percent = 0;
    struct dirent *entry;
    DIR *folder = amphi__probe_folder(root, FOLDER);
    if (folder == NULL)
        return;
    for (unsigned i = 0; i < ENTRIES_MAX && (entry = readdir(folder)) != NULL; i++) {
        amphi_supply supply = {root, entry->d_name};
        if (entry->d_name[0] != '.')
            add_supply(&supply, &all);
    }
    closedir(folder);
    if (mean_level(&all, &percent)) {
        out->battery_percent = (uint8_t)percent;
        out->charging = is_charging(&all);
        out->known |= AMPHI_FACT_BATTERY;
    } else if (all.batteries_count == 0 && !all.has_riddle) {
        out->battery_percent = 100;
        out->charging = true; /* it runs, so something feeds it */
        out->known |= AMPHI_FACT_BATTERY;
    }
    sum_draw(&all, out);
}
