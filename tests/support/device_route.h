/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes in words, "default via 192.0.2.1 eth0 metric 100", as the lines that the kernel prints of
 * them: net/ipv4/fib_trie.c (fib_route_seq_show) and net/ipv6/route.c (rt6_info_route).
 */
#ifndef AMPHI_TESTS_DEVICE_ROUTE_H
#define AMPHI_TESTS_DEVICE_ROUTE_H

#include <stddef.h>

#define ROUTE_LINE_MAX 400

extern const char device_route_v4_heading[];

/* PREFIX [via GATEWAY] LINK [metric N] [reject]; `out` has ROUTE_LINE_MAX bytes and is "" when the
 * words are no route. The words are changed. */
void device_route_v4(char *out, char **words, size_t count);
/* Lines for so many networks of 256 addresses; the caller frees them. */
char *device_route_v4_many(unsigned long many, const char *link);
void device_route_v6(char *out, char **words, size_t count);

#endif
