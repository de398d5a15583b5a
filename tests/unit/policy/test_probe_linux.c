/* SPDX-License-Identifier: Apache-2.0
 *
 * The Linux probe over a /proc and a /sys that each test lays out in a folder of its own.
 */
#include "policy/policy.h"
#include "policy/probe_linux.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/amphi-probe-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_bytes(const char *path, const char *text, size_t size)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static amphi_device_facts look(void)
{
    amphi_device probe;
    amphi_device_facts facts;
    amphi_error error;
    assert_int_equal(amphi__probe_linux_new(&probe, root, &error), AMPHI_OK);
    memset(&facts, 0xa5, sizeof facts);
    facts.struct_size = sizeof facts;
    probe.ops->snapshot(probe.self, &facts);
    probe.ops->free(probe.self);
    assert_int_equal(facts.struct_size, sizeof facts);
    return facts;
}

/* ---- memory ---- */

#define MEMINFO                                                                                    \
    "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    6000000 kB\n"

static void memory__meminfo_without_groups(void **state)
{
    (void)state;
    put("/proc/meminfo", MEMINFO);
    amphi_device_facts facts = look();
    assert_int_equal(facts.known, AMPHI_FACT_MEMORY);
    assert_int_equal(facts.memory_total_bytes, 8000000ull * 1024);
    assert_int_equal(facts.memory_available_bytes, 6000000ull * 1024);
}

static void memory__nothing_known_without_proc(void **state)
{
    (void)state;
    assert_int_equal(look().known, 0);
    put("/proc/meminfo", "MemTotal: lots\n");
    assert_int_equal(look().known, 0);
    put("/proc/meminfo", "MemTotal: 8000 kB\n"); /* a kernel before 3.14 */
    assert_int_equal(look().known, 0);
}

static void memory__v2_limit_of_a_parent_counts(void **state)
{
    (void)state;
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "0::/app.slice/chat.scope\n");
    put("/sys/fs/cgroup/app.slice/chat.scope/memory.max", "max\n");
    put("/sys/fs/cgroup/app.slice/memory.max", "1073741824\n");
    put("/sys/fs/cgroup/app.slice/memory.current", "805306368\n");
    put("/sys/fs/cgroup/app.slice/memory.stat",
        "anon 500000000\nfile 268435456\ninactive_file 134217728\nactive_file 67108864\n"
        "slab_reclaimable 67108864\n");
    amphi_device_facts facts = look();
    assert_int_equal(facts.memory_total_bytes, 1073741824);
    /* 1024 - (768 - 128 - 64 - 64) MiB: page cache counts as available */
    assert_int_equal(facts.memory_available_bytes, 512ull << 20);
}

static void memory__v1_limit_and_its_no_limit(void **state)
{
    (void)state;
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "9:name=systemd:/\n4:memory:/docker/abc\n0::/\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(look().memory_total_bytes, 8000000ull * 1024);
    /* Inside the container the host's path is not there; the mount itself is ours. */
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n");
    put("/sys/fs/cgroup/memory/memory.stat", "cache 1\ntotal_inactive_file 536870912\n");
    amphi_device_facts facts = look();
    assert_int_equal(facts.memory_total_bytes, 2147483648);
    assert_int_equal(facts.memory_available_bytes, 1536ull << 20);
}

static void memory__tightest_level_wins(void **state)
{
    (void)state;
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "2147483648\n");
    put("/sys/fs/cgroup/a/b/memory.current", "0\n");
    put("/sys/fs/cgroup/a/memory.max", "1073741824\n");
    put("/sys/fs/cgroup/a/memory.current", "1073741824\n"); /* full */
    amphi_device_facts facts = look();
    assert_int_equal(facts.memory_total_bytes, 1073741824);
    assert_int_equal(facts.memory_available_bytes, 0);
}

static void memory__path_outside_is_not_followed(void **state)
{
    (void)state;
    put("/proc/meminfo", MEMINFO);
    put("/proc/self/cgroup", "0::/../../etc\n");
    put("/sys/fs/cgroup/memory.max", "1073741824\n");
    assert_int_equal(look().memory_total_bytes, 1073741824);
}

static void pressure__levels(void **state)
{
    (void)state;
    put("/proc/pressure/memory", "some avg10=3.10 avg60=90.00 avg300=0.00 total=1\n"
                                 "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
    amphi_device_facts facts = look();
    assert_int_equal(facts.known, AMPHI_FACT_PRESSURE);
    assert_int_equal(facts.memory_pressure, 0);
    put("/proc/pressure/memory", "some avg10=52.00 avg60=0.00\nfull avg10=12.00 avg60=0.00\n");
    assert_int_equal(look().memory_pressure, 1);
    put("/proc/pressure/memory", "some avg10=90.00 avg60=0.00\nfull avg10=71.50 avg60=0.00\n");
    assert_int_equal(look().memory_pressure, 2);
}

/* ---- battery ---- */

#define POWER "/sys/class/power_supply/"

static void battery__discharging_and_plugged(void **state)
{
    (void)state;
    put(POWER "BAT0/type", "Battery\n");
    put(POWER "BAT0/capacity", "8\n");
    put(POWER "BAT0/status", "Discharging\n");
    put(POWER "AC/type", "Mains\n");
    put(POWER "AC/online", "0\n");
    amphi_device_facts facts = look();
    assert_int_equal(facts.known, AMPHI_FACT_BATTERY);
    assert_int_equal(facts.battery_percent, 8);
    assert_false(facts.charging);
    put(POWER "AC/online", "1\n");
    put(POWER "BAT0/status", "Not charging\n"); /* full enough, on the mains */
    assert_true(look().charging);
    put(POWER "AC/online", "0\n");
    put(POWER "BAT0/status", "Charging\n");
    assert_true(look().charging);
}

static void battery__mouse_does_not_count(void **state)
{
    (void)state;
    put(POWER "hidpp_battery_0/type", "Battery\n");
    put(POWER "hidpp_battery_0/scope", "Device\n");
    put(POWER "hidpp_battery_0/capacity", "5\n");
    put(POWER "hidpp_battery_0/status", "Discharging\n");
    amphi_device_facts facts = look();
    assert_int_equal(facts.known, AMPHI_FACT_BATTERY);
    assert_true(facts.charging); /* a machine without a battery of its own */
    assert_int_equal(facts.battery_percent, 100);
}

static void battery__two_count_by_their_size(void **state)
{
    (void)state;
    put(POWER "BAT0/type", "Battery\n");
    put(POWER "BAT0/capacity", "100\n");
    put(POWER "BAT0/energy_full", "30000000\n");
    put(POWER "BAT1/type", "Battery\n");
    put(POWER "BAT1/capacity", "20\n");
    put(POWER "BAT1/energy_full", "90000000\n");
    assert_int_equal(look().battery_percent, 40);
}

static void battery__nonsense_is_not_believed(void **state)
{
    (void)state;
    put(POWER "BAT0/type", "Battery\n");
    put(POWER "BAT0/capacity", "250\n");
    put(POWER "BAT1/type", "Battery\n");
    put(POWER "BAT1/capacity", "-4\n");
    put(POWER "BAT2/type", "Battery\n");
    put(POWER "BAT2/present", "0\n");
    put(POWER "BAT2/capacity", "0\n");
    assert_int_equal(look().battery_percent, 100);
}

/* ---- heat ---- */

#define ZONE "/sys/class/thermal/thermal_zone"

static void thermal__trip_points_decide(void **state)
{
    (void)state;
    static const struct {
        const char *temp;
        amphi_thermal thermal;
    } table[] = {{"45000", AMPHI_THERMAL_NOMINAL}, {"79999", AMPHI_THERMAL_NOMINAL},
        {"80000", AMPHI_THERMAL_FAIR}, {"85000", AMPHI_THERMAL_SERIOUS},
        {"94999", AMPHI_THERMAL_SERIOUS}, {"95000", AMPHI_THERMAL_CRITICAL},
        {"-10000", AMPHI_THERMAL_NOMINAL}};
    put(ZONE "0/type", "cpu-thermal\n");
    put(ZONE "0/trip_point_0_type", "passive\n");
    put(ZONE "0/trip_point_0_temp", "85000\n");
    put(ZONE "0/trip_point_1_type", "critical\n");
    put(ZONE "0/trip_point_1_temp", "100000\n");
    put(ZONE "0/trip_point_2_type", "passive\n");
    put(ZONE "0/trip_point_2_temp", "-274000\n"); /* switched off */
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        put(ZONE "0/temp", table[i].temp);
        amphi_device_facts facts = look();
        assert_int_equal(facts.known, AMPHI_FACT_THERMAL);
        assert_int_equal(facts.thermal, table[i].thermal);
    }
}

static void thermal__hottest_processor_zone_counts(void **state)
{
    (void)state;
    put(ZONE "0/type", "iwlwifi_1\n");
    put(ZONE "0/temp", "99000\n");
    assert_int_equal(look().known, 0); /* a radio says nothing about us */
    put(ZONE "1/type", "acpitz\n");
    put(ZONE "1/temp", "30000\n");
    put(ZONE "2/type", "x86_pkg_temp\n");
    put(ZONE "2/temp", "84000\n"); /* no trip points: plain temperatures */
    assert_int_equal(look().thermal, AMPHI_THERMAL_FAIR);
    put(ZONE "2/temp", "999999999\n"); /* a broken sensor */
    assert_int_equal(look().thermal, AMPHI_THERMAL_NOMINAL);
}

/* ---- network ---- */

#define V4_HEADING                                                                                 \
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define V4_DEFAULT "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
#define V4_LINK    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
#define V6_ZERO    "00000000000000000000000000000000"
#define V6_REJECT                                                                                  \
    V6_ZERO " 00 " V6_ZERO " 00 " V6_ZERO " ffffffff 00000001 00000000 00200200       lo\n"
#define V6_DEFAULT                                                                                 \
    V6_ZERO " 00 " V6_ZERO " 00 fe800000000000000000000000000001 00000400 00000001 00000000 "      \
            "00000003    wlan0\n"

static void network__default_route_is_needed(void **state)
{
    (void)state;
    put("/proc/net/route", V4_HEADING);
    amphi_device_facts facts = look();
    assert_int_equal(facts.known, AMPHI_FACT_NETWORK);
    assert_int_equal(facts.network, AMPHI_NETWORK_NONE); /* loopback alone */
    put("/proc/net/route", V4_HEADING V4_LINK);
    assert_int_equal(look().network, AMPHI_NETWORK_NONE);
    put("/proc/net/route", V4_HEADING V4_LINK V4_DEFAULT);
    assert_int_equal(look().network, AMPHI_NETWORK_FREE);
    put("/sys/class/net/eth0/operstate", "down\n"); /* the cable is out */
    assert_int_equal(look().network, AMPHI_NETWORK_NONE);
    put("/sys/class/net/eth0/operstate", "unknown\n");
    assert_int_equal(look().network, AMPHI_NETWORK_FREE);
}

static void network__ipv6_alone_is_enough(void **state)
{
    (void)state;
    put("/proc/net/route", V4_HEADING);
    put("/proc/net/ipv6_route", V6_REJECT);
    assert_int_equal(look().network, AMPHI_NETWORK_NONE);
    put("/proc/net/ipv6_route", V6_REJECT V6_DEFAULT);
    assert_int_equal(look().network, AMPHI_NETWORK_FREE);
}

static void network__vpn_halves_are_a_default_route(void **state)
{
    (void)state;
    put("/proc/net/route",
        V4_HEADING "tun0\t00000000\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
                   "tun0\t00000080\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n");
    assert_int_equal(look().network, AMPHI_NETWORK_FREE);
}

static void network__mobile_counts_as_metered(void **state)
{
    (void)state;
    put("/proc/net/route",
        V4_HEADING "wwan0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
    put("/sys/class/net/wwan0/uevent", "DEVTYPE=wwan\nINTERFACE=wwan0\n");
    assert_int_equal(look().network, AMPHI_NETWORK_METERED);
    put("/proc/net/ipv6_route", V6_DEFAULT); /* and a free one beside it */
    assert_int_equal(look().network, AMPHI_NETWORK_FREE);
}

/* ---- everything ---- */

static void probe__arbitrary_files_are_survived(void **state)
{
    (void)state;
    static const char *const paths[] = {"/proc/meminfo", "/proc/self/cgroup",
        "/proc/pressure/memory", "/proc/net/route", "/proc/net/ipv6_route",
        "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.stat", POWER "BAT0/type",
        POWER "BAT0/capacity", ZONE "0/type", ZONE "0/temp", ZONE "0/trip_point_0_temp"};
    static const char words[] =
        "0123456789abcdef \t\n:=/-.lo eth0 MemTotal: kB\nMemAvailable: 0::/memory max Battery cpu";
    uint64_t random = 3;
    for (unsigned round = 0; round < 50; round++) {
        for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
            char text[300];
            size_t size = 0;
            while (size < sizeof text) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                size_t from = (size_t)((random >> 33) % (sizeof words - 1));
                size_t run = (size_t)((random >> 50) % 24);
                for (size_t k = 0; k < run && size < sizeof text; k++)
                    text[size++] = words[(from + k) % (sizeof words)]; /* NULs as well */
                if (run == 0)
                    break;
            }
            put_bytes(paths[p], text, size);
        }
        amphi_device_facts facts = look();
        assert_true(facts.known <= AMPHI_FACT_ALL);
        assert_true(facts.memory_available_bytes <= facts.memory_total_bytes);
        assert_true(facts.battery_percent <= 100);
    }
}

static void probe__this_machine(void **state)
{
    (void)state;
    amphi_device probe;
    amphi_device_facts facts;
    amphi_device_facts_init(&facts);
    amphi_error error;
    assert_int_equal(amphi__device_probe_new(&probe, &error), AMPHI_OK);
    probe.ops->snapshot(probe.self, &facts);
    probe.ops->free(probe.self);
    printf("this machine: known %x, %llu of %llu MiB available, battery %u %%%s, thermal %d, "
           "network %d, pressure %u\n",
        facts.known, (unsigned long long)facts.memory_available_bytes >> 20,
        (unsigned long long)facts.memory_total_bytes >> 20, facts.battery_percent,
        facts.charging ? " charging" : "", (int)facts.thermal, (int)facts.network,
        facts.memory_pressure);
    assert_true((facts.known & AMPHI_FACT_MEMORY) != 0);
    assert_in_range(facts.memory_total_bytes, 1 << 20, 1ull << 50);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(memory__meminfo_without_groups),
        WITH_ROOT(memory__nothing_known_without_proc),
        WITH_ROOT(memory__v2_limit_of_a_parent_counts),
        WITH_ROOT(memory__v1_limit_and_its_no_limit),
        WITH_ROOT(memory__tightest_level_wins),
        WITH_ROOT(memory__path_outside_is_not_followed),
        WITH_ROOT(pressure__levels),
        WITH_ROOT(battery__discharging_and_plugged),
        WITH_ROOT(battery__mouse_does_not_count),
        WITH_ROOT(battery__two_count_by_their_size),
        WITH_ROOT(battery__nonsense_is_not_believed),
        WITH_ROOT(thermal__trip_points_decide),
        WITH_ROOT(thermal__hottest_processor_zone_counts),
        WITH_ROOT(network__default_route_is_needed),
        WITH_ROOT(network__ipv6_alone_is_enough),
        WITH_ROOT(network__vpn_halves_are_a_default_route),
        WITH_ROOT(network__mobile_counts_as_metered),
        WITH_ROOT(probe__arbitrary_files_are_survived),
        cmocka_unit_test(probe__this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
