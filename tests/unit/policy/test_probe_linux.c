/* SPDX-License-Identifier: Apache-2.0
 *
 * The Linux probe as a whole: machines of trees/whole.txt, nonsense in every file, this machine.
 * What each part reads is in test_probe_linux_*.c.
 */
#include "policy/policy.h"
#include "policy/probe_linux.h"
#include "tests/support/device_tree.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static void probe__whole_machines(void **state)
{
    (void)state;
    unsigned trees = 0;
    assert_int_equal(device_trees_check("tests/unit/policy/trees/whole.txt", &trees), 0);
    assert_true(trees >= 12);
}

static void probe__nothing_is_known_without_files(void **state)
{
    (void)state;
    scratch_tree tree;
    scratch_tree_open(&tree);
    amphi_device_facts facts = scratch_tree_look(&tree);
    assert_int_equal(facts.known, 0);
    assert_int_equal(facts.memory_total_bytes, 0);
    assert_int_equal(facts.struct_size, sizeof facts);
    scratch_tree_close(&tree);
}

/* An older caller's struct is filled as far as it reaches. */
static void probe__writes_no_more_than_the_struct_has(void **state)
{
    (void)state;
    amphi_device probe;
    struct {
        amphi_device_facts facts;
        unsigned char fence[16];
    } room;
    memset(&room, 0xa5, sizeof room);
    room.facts.struct_size = 64; /* the first version's */
    assert_int_equal(amphi__device_probe_new(&probe, NULL), AMPHI_OK);
    probe.ops->snapshot(probe.self, &room.facts);
    probe.ops->free(probe.self);
    assert_int_equal(room.facts.struct_size, 64);
    for (size_t i = 64; i < sizeof room; i++)
        assert_int_equal(((unsigned char *)&room)[i], 0xa5);
}

static void put_nonsense(const char *root, const char *path, uint64_t *random)
{
    static const char words[] =
        "0123456789abcdef \t\n:=/-.,lo eth0 MemTotal: kB\nMemAvailable: 0::/memory max Battery cpu "
        "Discharging 00000000 0003 avg10= some full cgroup2 cgroup - /..\\040";
    char full[512];
    char text[300];
    size_t size = 0;
    while (size < sizeof text) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        size_t from = (size_t)((*random >> 33) % (sizeof words - 1));
        size_t run = (size_t)((*random >> 50) % 24);
        for (size_t k = 0; k < run && size < sizeof text; k++)
            text[size++] = words[(from + k) % (sizeof words)]; /* NULs as well */
        if (run == 0)
            break;
    }
    snprintf(full, sizeof full, "%s%s", root, path);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void expect_sane(const amphi_device_facts *facts)
{
    assert_true(facts->known <= AMPHI_FACT_ALL);
    assert_true(facts->memory_available_bytes <= facts->memory_total_bytes);
    assert_true(facts->battery_percent <= 100);
    assert_true(facts->cores_big <= facts->cores);
    assert_true(facts->memory_stall_percent <= 100 && facts->cpu_stall_percent <= 100 &&
                facts->io_stall_percent <= 100);
    assert_true(facts->memory_pressure <= 2);
}

static void probe__arbitrary_files_are_survived(void **state)
{
    (void)state;
    static const char *const paths[] = {"/proc/meminfo", "/proc/self/cgroup",
        "/proc/self/mountinfo", "/proc/self/status", "/proc/pressure/memory", "/proc/pressure/cpu",
        "/proc/net/route", "/proc/net/ipv6_route", "/proc/net/fib_trie", "/proc/net/pppoe",
        "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.high", "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory.pressure", "/sys/fs/cgroup/cpu.max",
        "/sys/class/power_supply/BAT0/type", "/sys/class/power_supply/BAT0/capacity",
        "/sys/class/power_supply/BAT0/energy_full", "/sys/class/power_supply/BAT0/current_now",
        "/sys/class/power_supply/BAT0/status", "/sys/class/thermal/thermal_zone0/type",
        "/sys/class/thermal/thermal_zone0/temp",
        "/sys/class/thermal/thermal_zone0/trip_point_0_temp",
        "/sys/class/thermal/thermal_zone0/trip_point_0_type", "/sys/class/net/eth0/operstate",
        "/sys/class/net/eth0/uevent", "/sys/class/net/eth0/type",
        "/sys/class/powercap/intel-rapl:0/energy_uj", "/sys/devices/system/cpu/possible",
        "/sys/devices/system/cpu/cpu0/cpu_capacity", "/sys/devices/cpu_core/cpus"};
    uint64_t random = 3;
    scratch_tree tree;
    scratch_tree_open(&tree);
    scratch_tree_put(&tree, "power intel-rapl:0 name=package-0");
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
        char line[256];
        snprintf(line, sizeof line, "file %s x", paths[p]);
        scratch_tree_put(&tree, line);
    }
    for (unsigned round = 0; round < 120; round++) {
        for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++)
            if (random >> 60 != 0 || round == 0)
                put_nonsense(tree.root, paths[p], &random);
        amphi_device probe; /* once as if it were the first look, once with a memory */
        amphi_device_facts facts;
        amphi_device_facts_init(&facts);
        assert_int_equal(amphi__probe_linux_new(&probe, tree.root, NULL, NULL), AMPHI_OK);
        probe.ops->snapshot(probe.self, &facts);
        probe.ops->free(probe.self);
        expect_sane(&facts);
        facts = scratch_tree_look(&tree);
        expect_sane(&facts);
    }
    scratch_tree_close(&tree);
}

static void probe__fails_without_memory_and_with_a_long_root(void **state)
{
    (void)state;
    static char root[202];
    amphi_device probe;
    amphi_error error;
    memset(root, 'r', sizeof root - 1);
    assert_int_equal(amphi__probe_linux_new(&probe, root, NULL, &error), AMPHI_E_ARGUMENT);
    assert_null(probe.ops);
    failing_alloc_install();
    failing_alloc_at(1);
    assert_int_equal(amphi__probe_linux_new(&probe, "", NULL, &error), AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

static void probe__this_machine(void **state)
{
    (void)state;
    amphi_device probe;
    amphi_device_facts facts;
    amphi_error error;
    amphi_device_facts_init(&facts);
    assert_int_equal(amphi__device_probe_new(&probe, &error), AMPHI_OK);
    probe.ops->snapshot(probe.self, &facts);
    probe.ops->free(probe.self);
    printf("this machine: known %x, %llu of %llu MiB available, battery %u %%%s, thermal %d, "
           "network %d, pressure %u, %u cores (%u big), %u mW\n",
        facts.known, (unsigned long long)facts.memory_available_bytes >> 20,
        (unsigned long long)facts.memory_total_bytes >> 20, facts.battery_percent,
        facts.charging ? " charging" : "", (int)facts.thermal, (int)facts.network,
        facts.memory_pressure, facts.cores, facts.cores_big, facts.draw_mw);
    expect_sane(&facts);
    assert_true((facts.known & AMPHI_FACT_MEMORY) != 0);
    assert_in_range(facts.memory_total_bytes, 1 << 20, 1ull << 50);
    assert_true((facts.known & AMPHI_FACT_CORES) != 0);
    assert_in_range(facts.cores, 1, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe__whole_machines),
        cmocka_unit_test(probe__nothing_is_known_without_files),
        cmocka_unit_test(probe__writes_no_more_than_the_struct_has),
        cmocka_unit_test(probe__arbitrary_files_are_survived),
        cmocka_unit_test(probe__fails_without_memory_and_with_a_long_root),
        cmocka_unit_test(probe__this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
