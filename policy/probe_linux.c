/* SPDX-License-Identifier: Apache-2.0
 *
 * What Linux says about the device, read from /proc and /sys at each snapshot; no state but the
 * root directory, no network traffic. A fact whose files are missing or unreadable (Android hides
 * some of them) stays unknown rather than guessed. Formats: Documentation/filesystems/proc.rst,
 * admin-guide/cgroup-v1/memory.rst, admin-guide/cgroup-v2.rst, ABI/testing/sysfs-class-power,
 * sysfs-class-thermal, accounting/psi.rst of the kernel.
 *
 * The memory and network files are read here; battery and heat are in probe_linux_power.c.
 */
#include "policy/probe_linux.h"
#include "policy/policy.h"
#include "policy/probe_linux_files.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define ROOT_MAX          200
#define CGROUP_LEVELS_MAX 32

typedef struct amphi_linux_probe {
    char root[ROOT_MAX + 1];
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
    return amphi__probe_linux_new(out, "", error);
}

amphi_status amphi__probe_linux_new(amphi_device *out, const char *root, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    if (strlen(root) > ROOT_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "device probe: root path is too long");
    amphi_linux_probe *probe = amphi__calloc(1, sizeof *probe);
    if (probe == NULL)
        return amphi__fail_no_memory(error);
    memcpy(probe->root, root, strlen(root) + 1);
    out->ops = &linux_ops;
    out->self = probe;
    return AMPHI_OK;
}

static void probe_free(void *self)
{
    amphi__free(self);
}

/* ---- small files ---- */

size_t amphi__probe_read(const char *root, const char *path, char *text, size_t size)
{
    char full[AMPHI_PROBE_PATH_MAX];
    int length = snprintf(full, sizeof full, "%s%s", root, path);
    text[0] = '\0';
    if (length < 0 || (size_t)length >= sizeof full)
        return 0;
    FILE *file = fopen(full, "re");
    if (file == NULL)
        return 0;
    size_t got = fread(text, 1, size - 1, file);
    fclose(file);
    text[got] = '\0';
    return got;
}

bool amphi__probe_read_number(const char *root, const char *path, int64_t *out)
{
    char text[64];
    size_t got = amphi__probe_read(root, path, text, sizeof text);
    amphi_str trimmed = amphi__str_trim(amphi_str_make(text, got));
    bool negative = trimmed.size > 0 && trimmed.data[0] == '-';
    uint64_t value = 0;
    if (!amphi__str_to_u64(amphi__str_slice(trimmed, negative ? 1 : 0, trimmed.size), &value) ||
        value > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

amphi_str amphi__probe_read_line(const char *root, const char *path, char *text, size_t size)
{
    size_t got = amphi__probe_read(root, path, text, size);
    amphi_str rest;
    return amphi__str_trim(amphi__str_cut(amphi_str_make(text, got), '\n', &rest));
}

/* The number after `name` at the start of a line: "MemTotal:   1024 kB", "inactive_file 4096". */
static bool number_after(amphi_str text, const char *name, uint64_t *out)
{
    while (text.size > 0) {
        amphi_str line = amphi__str_cut(text, '\n', &text);
        amphi_str key = amphi_str_from(name);
        if (!amphi__str_starts_with(line, key))
            continue;
        amphi_str value = amphi__str_trim(amphi__str_slice(line, key.size, line.size));
        amphi_str unit;
        if (amphi__str_to_u64(amphi__str_cut(value, ' ', &unit), out))
            return true;
    }
    return false;
}

/* ---- memory ---- */

/* Where one version of the cgroup file system keeps its figures. */
typedef struct amphi_cgroup_names {
    const char *mount; /* below the root */
    const char *limit, *usage;
    const char *cache_active, *cache_inactive, *slab;
} amphi_cgroup_names;

static const amphi_cgroup_names cgroup_v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
    "memory.usage_in_bytes", "total_active_file ", "total_inactive_file ", NULL};
static const amphi_cgroup_names cgroup_v2 = {"/sys/fs/cgroup", "memory.max", "memory.current",
    "active_file ", "inactive_file ", "slab_reclaimable "};

/* The kernel gives page cache up before memory runs out, so it counts as available, as it does in
 * the kernel's own MemAvailable. */
static uint64_t reclaimable(const char *root, const char *folder, const amphi_cgroup_names *names)
{
    char path[AMPHI_PROBE_PATH_MAX];
    char text[8192];
    uint64_t sum = 0;
    const char *const keys[] = {names->cache_active, names->cache_inactive, names->slab};
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    size_t got = amphi__probe_read(root, path, text, sizeof text);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint64_t bytes = 0;
        if (keys[i] != NULL && number_after(amphi_str_make(text, got), keys[i], &bytes) &&
            bytes <= UINT64_MAX - sum)
            sum += bytes;
    }
    return sum;
}

/* Narrows the facts by one group's limit; "max" is no number and so no limit. */
static void apply_limit(
    const char *root, const char *folder, const amphi_cgroup_names *names, amphi_device_facts *out)
{
    char path[AMPHI_PROBE_PATH_MAX];
    int64_t limit = 0;
    int64_t usage = 0;
    snprintf(path, sizeof path, "%s/%s", folder, names->limit);
    /* v1 writes about 2^63 when there is no limit: larger than the machine, hence no limit. */
    if (!amphi__probe_read_number(root, path, &limit) || limit <= 0 ||
        (uint64_t)limit >= out->memory_total_bytes)
        return;
    out->memory_total_bytes = (uint64_t)limit;
    snprintf(path, sizeof path, "%s/%s", folder, names->usage);
    if (!amphi__probe_read_number(root, path, &usage) || usage < 0)
        usage = 0;
    uint64_t cache = reclaimable(root, folder, names);
    uint64_t held = (uint64_t)usage > cache ? (uint64_t)usage - cache : 0;
    uint64_t left = (uint64_t)limit > held ? (uint64_t)limit - held : 0;
    if (left < out->memory_available_bytes)
        out->memory_available_bytes = left;
}

/* Every group from ours up to the mount may hold a limit. Inside a container our path may be one
 * of the host that is not mounted here; the walk then finds the container's own files at the
 * mount itself. */
static void walk_groups(
    const char *root, amphi_str group, const amphi_cgroup_names *names, amphi_device_facts *out)
{
    char folder[AMPHI_PROBE_PATH_MAX - 64];
    if (amphi__str_find(group, AMPHI_STR("..")) != SIZE_MAX || group.size > 255)
        group.size = 0;
    for (unsigned level = 0; level < CGROUP_LEVELS_MAX; level++) {
        while (group.size > 0 && group.data[group.size - 1] == '/')
            group.size--;
        int length =
            snprintf(folder, sizeof folder, "%s%.*s", names->mount, (int)group.size, group.data);
        if (length > 0 && (size_t)length < sizeof folder)
            apply_limit(root, folder, names, out);
        if (group.size == 0)
            return;
        while (group.size > 0 && group.data[group.size - 1] != '/')
            group.size--;
    }
}

static void apply_cgroups(const char *root, amphi_device_facts *out)
{
    char text[4096];
    size_t got = amphi__probe_read(root, "/proc/self/cgroup", text, sizeof text);
    amphi_str rest = amphi_str_make(text, got);
    while (rest.size > 0) { /* lines are "number:controllers:path" */
        amphi_str path;
        amphi_str line = amphi__str_cut(rest, '\n', &rest);
        amphi_str number = amphi__str_cut(line, ':', &path);
        amphi_str controllers = amphi__str_cut(path, ':', &path);
        if (amphi__str_equal_c(number, "0") && controllers.size == 0)
            walk_groups(root, path, &cgroup_v2, out);
        else if (amphi__str_equal_c(controllers, "memory"))
            walk_groups(root, path, &cgroup_v1, out);
    }
}

static void probe_memory(const char *root, amphi_device_facts *out)
{
    char text[4096];
    uint64_t total_kib = 0;
    uint64_t available_kib = 0;
    size_t got = amphi__probe_read(root, "/proc/meminfo", text, sizeof text);
    amphi_str info = amphi_str_make(text, got);
    if (!number_after(info, "MemTotal:", &total_kib) || total_kib == 0 ||
        total_kib > UINT64_MAX / 1024 || !number_after(info, "MemAvailable:", &available_kib))
        return;
    if (available_kib > total_kib)
        available_kib = total_kib;
    out->memory_total_bytes = total_kib * 1024;
    out->memory_available_bytes = available_kib * 1024;
    apply_cgroups(root, out);
    out->known |= AMPHI_FACT_MEMORY;
}

/* Pressure stall information: the share of the last ten seconds in which some, or all, tasks
 * waited for memory. */
#define STALL_MODERATE_PERCENT 40u
#define STALL_CRITICAL_PERCENT 40u

static bool stalls(amphi_str text, const char *who, uint64_t limit_percent)
{
    uint64_t percent = 0;
    char key[32];
    snprintf(key, sizeof key, "%s avg10=", who);
    while (text.size > 0) {
        amphi_str line = amphi__str_cut(text, '\n', &text);
        amphi_str fraction;
        if (amphi__str_starts_with(line, amphi_str_from(key)) &&
            amphi__str_to_u64(
                amphi__str_cut(amphi__str_slice(line, strlen(key), line.size), '.', &fraction),
                &percent))
            return percent >= limit_percent;
    }
    return false;
}

static void probe_pressure(const char *root, amphi_device_facts *out)
{
    char text[512];
    size_t got = amphi__probe_read(root, "/proc/pressure/memory", text, sizeof text);
    if (got == 0)
        return;
    amphi_str info = amphi_str_make(text, got);
    out->memory_pressure = stalls(info, "full", STALL_CRITICAL_PERCENT)   ? 2
                           : stalls(info, "some", STALL_MODERATE_PERCENT) ? 1
                                                                          : 0;
    out->known |= AMPHI_FACT_PRESSURE;
}

/* ---- network ---- */

#define ROUTES_SIZE_MAX (32u << 10)
#define ROUTE_UP        0x1u
#define ROUTE_REJECT    0x200u

static bool hex_field(amphi_str field, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < field.size; i++) {
        char c = field.data[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16 || i >= 16)
            return false;
        *out = *out * 16 + digit;
    }
    return field.size > 0;
}

/* Splits at runs of blanks; returns how many fields there are. */
static size_t split(amphi_str line, amphi_str *fields, size_t fields_max)
{
    size_t count = 0;
    size_t i = 0;
    while (i < line.size && count < fields_max) {
        while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
            i++;
        size_t from = i;
        while (i < line.size && line.data[i] != ' ' && line.data[i] != '\t')
            i++;
        if (i > from)
            fields[count++] = amphi__str_slice(line, from, i);
    }
    return count;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask ...; a default route has mask 0, and
 * VPNs lay two halves (mask 128.0.0.0, printed in the machine's byte order) over it. */
static bool is_default_v4(amphi_str line, amphi_str *interface)
{
    amphi_str f[8];
    uint64_t flags = 0;
    uint64_t mask = 1;
    if (split(line, f, 8) < 8 || !hex_field(f[3], &flags) || !hex_field(f[7], &mask))
        return false;
    *interface = f[0];
    return (flags & ROUTE_UP) != 0 && (flags & ROUTE_REJECT) == 0 && (mask == 0 || mask == 0x80);
}

/* Destination PrefixLength Source PrefixLength NextHop Metric RefCnt Use Flags Device, in hex. */
static bool is_default_v6(amphi_str line, amphi_str *interface)
{
    amphi_str f[10];
    uint64_t flags = 0;
    uint64_t prefix = 128;
    if (split(line, f, 10) < 10 || !hex_field(f[8], &flags) || !hex_field(f[1], &prefix))
        return false;
    *interface = f[9];
    return (flags & ROUTE_UP) != 0 && (flags & ROUTE_REJECT) == 0 && prefix <= 1;
}

static amphi_network interface_network(const char *root, amphi_str interface)
{
    char path[AMPHI_PROBE_PATH_MAX];
    char text[1024];
    if (interface.size == 0 || interface.size > 15 || amphi__str_equal_c(interface, "lo"))
        return AMPHI_NETWORK_NONE;
    snprintf(
        path, sizeof path, "/sys/class/net/%.*s/operstate", (int)interface.size, interface.data);
    amphi_str state = amphi__probe_read_line(root, path, text, sizeof text);
    if (amphi__str_equal_c(state, "down") || amphi__str_equal_c(state, "lowerlayerdown"))
        return AMPHI_NETWORK_NONE; /* the cable is out, the route still stands */
    snprintf(path, sizeof path, "/sys/class/net/%.*s/uevent", (int)interface.size, interface.data);
    size_t got = amphi__probe_read(root, path, text, sizeof text);
    bool is_mobile =
        amphi__str_find(amphi_str_make(text, got), AMPHI_STR("DEVTYPE=wwan")) != SIZE_MAX;
    return is_mobile ? AMPHI_NETWORK_METERED : AMPHI_NETWORK_FREE;
}

/* The best network that a default route leads to. */
static bool best_route(const char *root, const char *path,
    bool (*is_default)(amphi_str line, amphi_str *interface), char *text, amphi_network *best)
{
    size_t got = amphi__probe_read(root, path, text, ROUTES_SIZE_MAX);
    amphi_str rest = amphi_str_make(text, got);
    while (rest.size > 0) {
        amphi_str interface = {0};
        amphi_str line = amphi__str_cut(rest, '\n', &rest);
        if (is_default(line, &interface)) {
            amphi_network found = interface_network(root, interface);
            *best = found > *best ? found : *best;
        }
    }
    return got > 0;
}

/* Without a default route nothing beyond this device and its own link can be reached. A machine
 * on a closed network without one can push the network fact. */
static void probe_network(const char *root, amphi_device_facts *out)
{
    amphi_network best = AMPHI_NETWORK_NONE;
    char *text = amphi__alloc(ROUTES_SIZE_MAX);
    if (text == NULL)
        return;
    /* /proc/net/route has its heading even when there is no route: empty means unreadable. */
    bool has_v4 = best_route(root, "/proc/net/route", is_default_v4, text, &best);
    bool has_v6 = best_route(root, "/proc/net/ipv6_route", is_default_v6, text, &best);
    amphi__free(text);
    if (has_v4 || (has_v6 && best != AMPHI_NETWORK_NONE)) {
        out->network = best;
        out->known |= AMPHI_FACT_NETWORK;
    }
}

static void snapshot(void *self, amphi_device_facts *out)
{
    const amphi_linux_probe *probe = self;
    amphi_device_facts own;
    amphi_device_facts_init(&own);
    probe_memory(probe->root, &own);
    probe_pressure(probe->root, &own);
    amphi__probe_battery(probe->root, &own);
    amphi__probe_thermal(probe->root, &own);
    probe_network(probe->root, &own);
    AMPHI__SIZED_WRITE(out, &own);
}
