/* SPDX-License-Identifier: Apache-2.0
 *
 * Is there a way out, and do its bytes cost money? Instead of looking for "the default route",
 * which VPNs spread over halves, quarters or a dozen pieces, the tables are asked as the kernel
 * asks them: for a few addresses all over the internet, the longest prefix wins, then the lowest
 * metric. All of them have a way: reachable. Some: something leads out, but not known where to.
 * None, and nothing else leads beyond the own link: no network. A tunnel is what is under it: the
 * same question without the tunnels, and what the tunnel's own server is reached through.
 *
 * Sources: /proc/net/route (IPv4, the main table), /proc/net/ipv6_route (every table) and, when the
 * main table leads nowhere, /proc/net/fib_trie (policy routing; it names no links).
 */
#include "policy/probe_linux_link.h"
#include "policy/probe_linux_parts.h"
#include "sdk/core/str.h"

#define ROUTES_BYTES_MAX (4u << 20)
#define LINKS_MAX        16
#define TARGETS_MAX      8
#define ROUTE_UP         0x1u
#define ROUTE_GATEWAY    0x2u
#define ROUTE_REJECT     0x200u

/* An address, in network order; IPv4 uses the first four bytes. */
typedef struct amphi_address {
    uint8_t bytes[16];
} amphi_address;

typedef struct amphi_route_line {
    amphi_address destination, gateway;
    unsigned prefix_bits;
    uint64_t flags, metric;
    amphi_str link;
} amphi_route_line;

typedef struct amphi_link {
    char name[AMPHI_PROBE_LINK_NAME_MAX];
    amphi_probe_link_kind kind;
} amphi_link;

/* The best route to one target so far. */
typedef struct amphi_way {
    bool is_found, is_reject;
    unsigned prefix_bits;
    uint64_t metric;
    size_t link;
    bool is_hot_spot; /* the gateway is a telephone's */
} amphi_way;

typedef struct amphi_family {
    bool is_v6;
    unsigned address_bits;
    const amphi_address *targets;
    size_t targets_count;
    amphi_way ways[TARGETS_MAX];     /* as the kernel takes them */
    amphi_way carriers[TARGETS_MAX]; /* without tunnels */
    bool is_read, is_cut;
    bool leads_beyond; /* a route that covers no target has a gateway, wherever it leads */
} amphi_family;

typedef struct amphi_routes {
    const char *root;
    amphi_link links[LINKS_MAX];
    size_t links_count;
    bool has_host_route[LINKS_MAX]; /* to a single address behind a gateway: a tunnel's server */
    bool is_cut;                    /* more links than there is room for */
} amphi_routes;

/* One in each eighth of what is not multicast: no prefix of the internet's size leaves all of them
 * out. No packet is sent; only the tables are asked. */
static const amphi_address targets_v4[] = {{{8, 0, 0, 1}}, {{45, 0, 0, 1}}, {{80, 0, 0, 1}},
    {{108, 0, 0, 1}}, {{140, 0, 0, 1}}, {{170, 0, 0, 1}}, {{200, 0, 0, 1}}};
/* One of each registry's: 2001::/16, 2400::/12, 2600::/12, 2a00::/12. */
static const amphi_address targets_v6[] = {
    {{0x20, 0x01, 0x48, 0x60}}, {{0x24, 0x04, 0x68}}, {{0x26, 0x06, 0x47}}, {{0x2a, 0x02, 0x26}}};

/* ---- lines ---- */

static bool hex_number(amphi_str field, uint64_t *out)
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

/* IPv4 addresses are printed as a number of the machine's byte order. */
static bool v4_address(amphi_str field, amphi_address *out)
{
    uint64_t number = 0;
    memset(out, 0, sizeof *out);
    if (!hex_number(field, &number) || number > UINT32_MAX)
        return false;
    uint32_t word = (uint32_t)number;
    memcpy(out->bytes, &word, sizeof word);
    return true;
}

static bool v6_address(amphi_str field, amphi_address *out)
{
    for (size_t i = 0; i < 16; i++) {
        uint64_t byte = 0;
        if (field.size != 32 || !hex_number(amphi__str_slice(field, 2 * i, 2 * i + 2), &byte))
            return false;
        out->bytes[i] = (uint8_t)byte;
    }
    return true;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
static bool parse_v4(amphi_str line, amphi_route_line *out)
{
    amphi_str f[8];
    amphi_address mask;
    if (amphi__probe_split(line, f, 8) < 8 || !v4_address(f[1], &out->destination) ||
        !v4_address(f[2], &out->gateway) || !hex_number(f[3], &out->flags) ||
        !amphi__str_to_u64(f[6], &out->metric) || !v4_address(f[7], &mask))
        return false;
    out->link = f[0];
    out->prefix_bits = 0;
    for (size_t i = 0; i < 4; i++)
        out->prefix_bits += (unsigned)__builtin_popcount(mask.bytes[i]);
    return true;
}

/* Destination PrefixLength Source PrefixLength NextHop Metric RefCnt Use Flags Device, in hex. */
static bool parse_v6(amphi_str line, amphi_route_line *out)
{
    amphi_str f[10];
    uint64_t bits = 0;
    if (amphi__probe_split(line, f, 10) < 10 || !v6_address(f[0], &out->destination) ||
        !hex_number(f[1], &bits) || bits > 128 || !v6_address(f[4], &out->gateway) ||
        !hex_number(f[5], &out->metric) || !hex_number(f[8], &out->flags))
        return false;
    out->link = f[9];
    out->prefix_bits = (unsigned)bits;
    return true;
}

/* ---- one route ---- */

static bool covers(const amphi_route_line *line, const amphi_address *address)
{
    unsigned whole = line->prefix_bits / 8;
    unsigned rest = line->prefix_bits % 8;
    if (memcmp(line->destination.bytes, address->bytes, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || ((line->destination.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

static void offer(amphi_way *way, const amphi_way *other)
{
    bool is_better = !way->is_found || other->prefix_bits > way->prefix_bits ||
                     (other->prefix_bits == way->prefix_bits && other->metric < way->metric);
    if (is_better)
        *way = *other;
}

/* The link's place in the table; LINKS_MAX when there is no room. */
static size_t find_link(amphi_routes *routes, amphi_str name)
{
    amphi_link *link = &routes->links[routes->links_count];
    for (size_t i = 0; i < routes->links_count; i++)
        if (amphi__str_equal_c(name, routes->links[i].name))
            return i;
    if (routes->links_count == LINKS_MAX || name.size == 0 || name.size >= sizeof link->name)
        return LINKS_MAX;
    memcpy(link->name, name.data, name.size);
    link->name[name.size] = '\0';
    link->kind = amphi__probe_link_kind(routes->root, link->name);
    return routes->links_count++;
}

/* Apple's Personal Hotspot is always 172.20.10.1. */
static bool is_hot_spot(const amphi_family *family, const amphi_address *gateway)
{
    static const uint8_t apple[] = {172, 20, 10, 1};
    return !family->is_v6 && memcmp(gateway->bytes, apple, sizeof apple) == 0;
}

/* Of the own link: fe80::/10 and 169.254.0.0/16, and multicast. */
static bool stays_on_link(const amphi_family *family, const amphi_address *destination)
{
    const uint8_t *b = destination->bytes;
    return family->is_v6 ? b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
                         : (b[0] & 0xf0) == 0xe0 || (b[0] == 169 && b[1] == 254);
}

static void use_line(amphi_routes *routes, amphi_family *family, const amphi_route_line *line)
{
    amphi_way way = {.is_found = true,
        .is_reject = (line->flags & ROUTE_REJECT) != 0,
        .prefix_bits = line->prefix_bits,
        .metric = line->metric,
        .link = LINKS_MAX,
        .is_hot_spot = is_hot_spot(family, &line->gateway)};
    bool has_gateway = (line->flags & ROUTE_GATEWAY) != 0;
    bool is_host = line->prefix_bits == family->address_bits;
    bool is_asked = false;
    for (size_t t = 0; t < family->targets_count; t++)
        is_asked = is_asked || covers(line, &family->targets[t]);
    if ((line->flags & ROUTE_UP) == 0 && !way.is_reject)
        return;
    if (!is_asked && (!has_gateway || way.is_reject))
        return; /* most lines of a long table */
    if (!way.is_reject) {
        way.link = find_link(routes, line->link);
        routes->is_cut = routes->is_cut || way.link == LINKS_MAX;
        if (way.link == LINKS_MAX || routes->links[way.link].kind == AMPHI_PROBE_LINK_DEAD)
            return;
        family->leads_beyond =
            family->leads_beyond ||
            (has_gateway && !is_asked && !stays_on_link(family, &line->destination));
        if (has_gateway && is_host)
            routes->has_host_route[way.link] = true;
    }
    bool is_carrier = !way.is_reject && routes->links[way.link].kind != AMPHI_PROBE_LINK_TUNNEL;
    for (size_t t = 0; t < family->targets_count; t++) {
        if (!covers(line, &family->targets[t]))
            continue;
        offer(&family->ways[t], &way);
        if (is_carrier)
            offer(&family->carriers[t], &way);
    }
}

static void read_family(amphi_routes *routes, amphi_family *family, const char *path,
    bool (*parse)(amphi_str line, amphi_route_line *out))
{
    amphi_probe_lines lines;
    amphi_str text;
    amphi__probe_lines_open(&lines, routes->root, path, ROUTES_BYTES_MAX);
    bool is_there = lines.file >= 0;
    while (amphi__probe_lines_next(&lines, &text)) {
        amphi_route_line line;
        if (parse(text, &line))
            use_line(routes, family, &line);
    }
    family->is_read = is_there && lines.has_begun;
    family->is_cut = is_there && lines.is_cut;
    amphi__probe_lines_close(&lines);
}

/* Has some table of policy routing a default? "Id 1002:", then "|-- 0.0.0.0" and "/0 universe
 * UNICAST". */
static bool other_table_leads_out(const char *root)
{
    amphi_probe_lines lines;
    amphi_str text;
    bool is_other = false;
    bool leads_out = false;
    amphi__probe_lines_open(&lines, root, "/proc/net/fib_trie", ROUTES_BYTES_MAX);
    while (!leads_out && amphi__probe_lines_next(&lines, &text)) {
        amphi_str line = amphi__str_trim(text);
        if (amphi__str_ends_with(line, AMPHI_STR(":")))
            is_other = amphi__str_starts_with(line, AMPHI_STR("Id "));
        leads_out = is_other &&
                    (amphi__str_starts_with(line, AMPHI_STR("/0 ")) ||
                        amphi__str_starts_with(line, AMPHI_STR("/1 "))) &&
                    amphi__str_ends_with(line, AMPHI_STR("UNICAST"));
    }
    amphi__probe_lines_close(&lines);
    return leads_out;
}

/* ---- the verdict ---- */

/* What is known about a price: the worst of several. */
typedef enum amphi_price_word { PRICE_FREE, PRICE_UNKNOWN, PRICE_METERED } amphi_price_word;

static amphi_price_word worse(amphi_price_word a, amphi_price_word b)
{
    return a > b ? a : b;
}

/* What the servers of tunnels are reached through; false: no such route. */
static bool server_price(const amphi_routes *routes, amphi_price_word *out)
{
    bool is_found = false;
    *out = PRICE_FREE;
    for (size_t i = 0; i < routes->links_count; i++) {
        amphi_probe_link_kind kind = routes->links[i].kind;
        if (!routes->has_host_route[i] || kind == AMPHI_PROBE_LINK_TUNNEL ||
            kind == AMPHI_PROBE_LINK_PPP)
            continue;
        is_found = true;
        if (kind == AMPHI_PROBE_LINK_METERED)
            *out = PRICE_METERED;
    }
    return is_found;
}

/* Of a way through a link that is no tunnel. */
static amphi_price_word carrier_price(const amphi_routes *routes, const amphi_way *way)
{
    amphi_price_word server = PRICE_UNKNOWN;
    amphi_probe_link_kind kind = routes->links[way->link].kind;
    if (kind ==
        AMPHI_PROBE_LINK_PPP) /* with a server elsewhere a tunnel, else a stick that dials */
        return server_price(routes, &server) ? server : PRICE_METERED;
    return way->is_hot_spot || kind == AMPHI_PROBE_LINK_METERED ? PRICE_METERED : PRICE_FREE;
}

static amphi_price_word way_price(
    const amphi_routes *routes, const amphi_way *way, const amphi_way *carrier)
{
    amphi_price_word server = PRICE_UNKNOWN;
    if (routes->links[way->link].kind != AMPHI_PROBE_LINK_TUNNEL)
        return carrier_price(routes, way);
    bool has_server = server_price(routes, &server);
    if (!carrier->is_found)
        return has_server ? server : PRICE_UNKNOWN;
    return worse(has_server ? server : PRICE_FREE, carrier_price(routes, carrier));
}

typedef struct amphi_reach {
    size_t found, asked;
    amphi_price_word price;
} amphi_reach;

static amphi_reach reach_of(const amphi_routes *routes, const amphi_family *family)
{
    amphi_reach reach = {.asked = family->targets_count, .price = PRICE_FREE};
    for (size_t t = 0; t < family->targets_count; t++) {
        const amphi_way *way = &family->ways[t];
        if (!way->is_found || way->is_reject)
            continue;
        reach.found++;
        reach.price = worse(reach.price, way_price(routes, way, &family->carriers[t]));
    }
    return reach;
}

static amphi_network verdict(
    const amphi_routes *routes, const amphi_family *v4, const amphi_family *v6)
{
    amphi_reach r4 = reach_of(routes, v4);
    amphi_reach r6 = reach_of(routes, v6);
    if (v4->is_cut || v6->is_cut || routes->is_cut)
        return AMPHI_NETWORK_UNKNOWN; /* what was cut off may be what counts */
    if (r4.found == r4.asked || r6.found == r6.asked) {
        /* No metric compares the two, and a server may have either: the dearer one. */
        amphi_price_word price =
            worse(r4.found > 0 ? r4.price : PRICE_FREE, r6.found > 0 ? r6.price : PRICE_FREE);
        return price == PRICE_METERED ? AMPHI_NETWORK_METERED
               : price == PRICE_FREE  ? AMPHI_NETWORK_FREE
                                      : AMPHI_NETWORK_UNKNOWN;
    }
    /* The heading of the first file is there even without a route: empty means unreadable. */
    if (r4.found + r6.found > 0 || v4->leads_beyond || v6->leads_beyond || !v4->is_read ||
        other_table_leads_out(routes->root))
        return AMPHI_NETWORK_UNKNOWN;
    return AMPHI_NETWORK_NONE;
}

void amphi__probe_network(const char *root, amphi_device_facts *out)
{
    amphi_routes routes = {.root = root};
    amphi_family v4 = {.address_bits = 32,
        .targets = targets_v4,
        .targets_count = sizeof targets_v4 / sizeof targets_v4[0]};
    amphi_family v6 = {.is_v6 = true,
        .address_bits = 128,
        .targets = targets_v6,
        .targets_count = sizeof targets_v6 / sizeof targets_v6[0]};
    read_family(&routes, &v4, "/proc/net/route", parse_v4);
    read_family(&routes, &v6, "/proc/net/ipv6_route", parse_v6);
    out->network = verdict(&routes, &v4, &v6);
    if (out->network != AMPHI_NETWORK_UNKNOWN)
        out->known |= AMPHI_FACT_NETWORK;
}
