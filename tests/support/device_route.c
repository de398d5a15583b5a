/* SPDX-License-Identifier: Apache-2.0
 *
 * See device_route.h.
 */
#include "tests/support/device_route.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char device_route_v4_heading[] =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
    "                                                       \n";

typedef struct route {
    char prefix[64], gateway[64];
    const char *link;
    unsigned bits, metric;
    bool has_gateway, is_reject;
} route;

static void read_route(route *out, char **words, size_t count, unsigned bits_max)
{
    memset(out, 0, sizeof *out);
    char *slash = strchr(words[0], '/');
    out->bits = slash != NULL ? (unsigned)strtoul(slash + 1, NULL, 10) : bits_max;
    if (slash != NULL)
        *slash = '\0';
    bool is_default = strcmp(words[0], "default") == 0;
    if (is_default)
        out->bits = 0;
    snprintf(out->prefix, sizeof out->prefix, "%s",
        !is_default      ? words[0]
        : bits_max == 32 ? "0.0.0.0"
                         : "::");
    out->link = "lo";
    for (size_t i = 1; i < count; i++) {
        if (strcmp(words[i], "via") == 0 && i + 1 < count) {
            out->has_gateway = true;
            snprintf(out->gateway, sizeof out->gateway, "%s", words[++i]);
        } else if (strcmp(words[i], "metric") == 0 && i + 1 < count) {
            out->metric = (unsigned)strtoul(words[++i], NULL, 10);
        } else if (strcmp(words[i], "reject") == 0) {
            out->is_reject = true;
        } else {
            out->link = words[i];
        }
    }
}

void device_route_v4(char *out, char **words, size_t count)
{
    route r;
    char line[256];
    struct in_addr destination = {0};
    struct in_addr gateway = {0};
    out[0] = '\0';
    read_route(&r, words, count, 32);
    if (r.bits > 32 || inet_pton(AF_INET, r.prefix, &destination) != 1 ||
        (r.has_gateway && inet_pton(AF_INET, r.gateway, &gateway) != 1))
        return;
    uint32_t mask = r.bits == 0 ? 0 : htonl(UINT32_MAX << (32 - r.bits));
    unsigned flags = 1u | (r.has_gateway ? 2u : 0) | (r.bits == 32 ? 4u : 0);
    snprintf(line, sizeof line, "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t0\t0\t0",
        r.is_reject ? "*" : r.link, destination.s_addr, gateway.s_addr,
        r.is_reject ? 0x201u : flags, r.metric, mask);
    snprintf(out, ROUTE_LINE_MAX, "%-127s\n", line);
}

char *device_route_v4_many(unsigned long many, const char *link)
{
    size_t used = 0;
    char *lines = calloc(many + 1, ROUTE_LINE_MAX);
    for (unsigned long i = 0; lines != NULL && i < many; i++) {
        char prefix[64];
        char name[64];
        char *words[] = {prefix, name};
        snprintf(prefix, sizeof prefix, "10.%lu.%lu.0/24", i / 256 % 256, i % 256);
        snprintf(name, sizeof name, "%s", link);
        device_route_v4(lines + used, words, 2);
        used += strlen(lines + used);
    }
    return lines;
}

static bool print_v6(const char *address, char out[33])
{
    struct in6_addr bytes = {0};
    if (inet_pton(AF_INET6, address, &bytes) != 1)
        return false;
    for (size_t i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes.s6_addr[i]);
    return true;
}

void device_route_v6(char *out, char **words, size_t count)
{
    route r;
    char destination[33];
    char gateway[33];
    out[0] = '\0';
    read_route(&r, words, count, 128);
    if (!print_v6(r.prefix, destination) || !print_v6(r.has_gateway ? r.gateway : "::", gateway))
        return;
    unsigned flags = 1u | (r.has_gateway ? 2u : 0);
    snprintf(out, ROUTE_LINE_MAX, "%s %02x %032d 00 %s %08x %08x %08x %08x %8s\n", destination,
        r.bits, 0, gateway, r.metric != 0 ? r.metric : 1024, 1u, 0u,
        r.is_reject ? 0x00200200u : flags, r.link);
}
