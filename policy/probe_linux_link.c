/* SPDX-License-Identifier: Apache-2.0
 *
 * See probe_linux_link.h. In the order of what is surest: the state, the driver's own word for the
 * device, what it stands on, and at last hints (the driver of a telephone's cable, the lease of a
 * telephone's hot spot). Formats: ABI/testing/sysfs-class-net, networking/operstates.rst of the
 * kernel; include/uapi/linux/if_arp.h for the types.
 */
#include "policy/probe_linux_link.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define FOLDER       "/sys/class/net"
#define ENTRIES_MAX  256
#define LAYERS_MAX   4u /* a VLAN over a bond over two wires has three */
#define ARPHRD_PPP   512
#define ARPHRD_RAWIP 519
#define ARPHRD_NONE  65534
/* "ANDROID_METERED", as a lease writes option 43 */
#define LEASE_MARK "414e44524f49445f4d455445524544"

static size_t link_read(
    const char *root, const char *name, const char *file, char *text, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, FOLDER "/%s/%s", name, file);
    return amphi__probe_read(root, path, text, size);
}

static bool link_number(const char *root, const char *name, const char *file, int64_t *out)
{
    char text[32];
    size_t got = link_read(root, name, file, text, sizeof text);
    return amphi__probe_to_number(amphi_str_make(text, got), out);
}

/* "DEVTYPE=wwan" as a line of its own. */
static bool has_line(amphi_str text, const char *line)
{
    while (text.size > 0)
        if (amphi__str_equal_c(amphi__str_trim(amphi__str_cut(text, '\n', &text)), line))
            return true;
    return false;
}

/* Up, or a driver that does not tell. */
static bool passes_data(const char *root, const char *name)
{
    char text[32];
    size_t got = link_read(root, name, "operstate", text, sizeof text);
    amphi_str state = amphi__str_trim(amphi_str_make(text, got));
    return state.size == 0 || amphi__str_equal_c(state, "up") ||
           amphi__str_equal_c(state, "unknown");
}

static bool is_tunnel_type(int64_t type)
{
    static const int64_t types[] = {ARPHRD_NONE, 768, 769, 776, 778, 823}; /* IP, IPv6, SIT, GRE */
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (type == types[i])
            return true;
    return false;
}

/* ---- by what the link says of itself ---- */

static amphi_probe_link_kind own_kind(const char *root, const char *name)
{
    char text[1024];
    int64_t type = 0;
    size_t got = link_read(root, name, "uevent", text, sizeof text);
    amphi_str uevent = amphi_str_make(text, got);
    if (has_line(uevent, "DEVTYPE=wwan") || has_line(uevent, "DEVTYPE=bluetooth"))
        return AMPHI_PROBE_LINK_METERED;
    if (has_line(uevent, "DEVTYPE=wireguard"))
        return AMPHI_PROBE_LINK_TUNNEL;
    if (has_line(uevent, "DEVTYPE=ppp"))
        return AMPHI_PROBE_LINK_PPP;
    if (!link_number(root, name, "type", &type))
        return AMPHI_PROBE_LINK_FREE;
    if (type == ARPHRD_RAWIP)
        return AMPHI_PROBE_LINK_METERED;
    if (type == ARPHRD_PPP)
        return AMPHI_PROBE_LINK_PPP;
    bool is_tun = link_read(root, name, "tun_flags", text, sizeof text) > 0;
    return is_tun || is_tunnel_type(type) ? AMPHI_PROBE_LINK_TUNNEL : AMPHI_PROBE_LINK_FREE;
}

/* A telephone on a cable: these drivers are for nothing else. */
static bool is_tethered(const char *root, const char *name)
{
    char text[1024];
    size_t got = link_read(root, name, "device/uevent", text, sizeof text);
    amphi_str uevent = amphi_str_make(text, got);
    return has_line(uevent, "DRIVER=rndis_host") || has_line(uevent, "DRIVER=ipheth");
}

/* Android's hot spot says so with each address that it gives; systemd-networkd keeps it. */
static bool lease_is_metered(const char *root, const char *name)
{
    char path[96];
    char text[4096];
    int64_t index = 0;
    if (!link_number(root, name, "ifindex", &index) || index <= 0)
        return false;
    snprintf(path, sizeof path, "/run/systemd/netif/leases/%lld", (long long)index);
    size_t got = amphi__probe_read(root, path, text, sizeof text);
    amphi_str rest = amphi_str_make(text, got);
    while (rest.size > 0) {
        amphi_str line = amphi__str_cut(rest, '\n', &rest);
        if (amphi__str_starts_with(line, AMPHI_STR("VENDOR_SPECIFIC=")) &&
            amphi__str_find(line, AMPHI_STR(LEASE_MARK)) != SIZE_MAX)
            return true;
    }
    return false;
}

/* ---- by what it stands on ---- */

static amphi_probe_link_kind kind_at(const char *root, const char *name, unsigned layers);

/* Metered when one of several is. A link that stands on nothing keeps its own kind. */
static amphi_probe_link_kind kind_below(
    const char *root, const char *name, unsigned layers, amphi_probe_link_kind own)
{
    char path[128];
    struct dirent *entry;
    snprintf(path, sizeof path, FOLDER "/%s", name);
    DIR *folder = layers > 0 ? amphi__probe_folder(root, path) : NULL;
    if (folder == NULL)
        return own;
    for (unsigned i = 0; i < ENTRIES_MAX && (entry = readdir(folder)) != NULL; i++) {
        const char *lower = entry->d_name + strlen("lower_");
        if (strncmp(entry->d_name, "lower_", strlen("lower_")) != 0 ||
            strlen(lower) >= AMPHI_PROBE_LINK_NAME_MAX)
            continue;
        amphi_probe_link_kind below = kind_at(root, lower, layers - 1);
        own = below > own ? below : own;
    }
    closedir(folder);
    return own;
}

/* DSL over Ethernet is PPP as well; its sessions name the link that they use. */
static amphi_probe_link_kind ppp_kind(const char *root, unsigned layers)
{
    char text[4096];
    size_t got = amphi__probe_read(root, "/proc/net/pppoe", text, sizeof text);
    amphi_str rest = amphi_str_make(text, got);
    (void)amphi__str_cut(rest, '\n', &rest); /* the heading */
    while (rest.size > 0 && layers > 0) {
        amphi_str f[3];
        char name[AMPHI_PROBE_LINK_NAME_MAX];
        if (amphi__probe_split(amphi__str_cut(rest, '\n', &rest), f, 3) < 3 ||
            f[2].size >= sizeof name)
            continue;
        memcpy(name, f[2].data, f[2].size);
        name[f[2].size] = '\0';
        return kind_at(root, name, layers - 1);
    }
    return AMPHI_PROBE_LINK_PPP;
}

static amphi_probe_link_kind kind_at(const char *root, const char *name, unsigned layers)
{
    amphi_probe_link_kind own = own_kind(root, name);
    if (own == AMPHI_PROBE_LINK_PPP)
        return ppp_kind(root, layers);
    if (own == AMPHI_PROBE_LINK_FREE)
        own = kind_below(root, name, layers, own);
    if (own == AMPHI_PROBE_LINK_FREE && (is_tethered(root, name) || lease_is_metered(root, name)))
        own = AMPHI_PROBE_LINK_METERED;
    return own;
}

amphi_probe_link_kind amphi__probe_link_kind(const char *root, const char *name)
{
    if (strcmp(name, "lo") == 0 || name[0] == '.' || strchr(name, '/') != NULL ||
        !passes_data(root, name))
        return AMPHI_PROBE_LINK_DEAD;
    return kind_at(root, name, LAYERS_MAX);
}
