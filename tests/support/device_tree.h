/* SPDX-License-Identifier: Apache-2.0
 *
 * Device trees for the Linux probe's tests, written as text: what /proc and /sys of one machine say
 * and, beside it, which facts follow from that by the kernel's documentation. A tree is made in a
 * folder of its own and looked at by one probe. The text, one directive a line:
 *
 *   # ...                             for the reader
 *   tree NAME                         a new machine
 *   why TEXT                          which sentence of which document the facts follow from
 *   supply NAME file=value ...        /sys/class/power_supply/NAME/file
 *   zone N file=value ...             /sys/class/thermal/thermal_zoneN/file; `trips="85000 passive,
 *                                     100000 critical"` stands for trip_point_I_temp and _type
 *   link NAME file=value ...          /sys/class/net/NAME/file
 *   group PATH file=value ...         /sys/fs/cgroup/PATH/file; "/" for the mount itself
 *   power ZONE file=value ...         /sys/class/powercap/ZONE/file
 *   cpu LIST file=value ...           /sys/devices/system/cpu/cpuI/file, for each of "0-3,6"
 *   folder PATH                       an empty folder
 *   file PATH TEXT                    any other file; "\n" and "\t" stand for themselves, "\040"
 *                                     in the path for a blank
 *   memory TOTAL AVAILABLE            /proc/meminfo
 *   self LINE                         a line of /proc/self/cgroup
 *   mount TYPE POINT ROOT OPTIONS     a line of /proc/self/mountinfo
 *   stall RESOURCE SOME FULL          /proc/pressure/RESOURCE
 *   v4 PREFIX [via GATEWAY] LINK [metric N] [reject]     a line of /proc/net/route
 *   v4 none | v4 many N LINK          only the heading; N routes to networks of 256 addresses
 *   v6 PREFIX [via GATEWAY] LINK [metric N] [reject]     a line of /proc/net/ipv6_route
 *   expect fact=value ...             what the probe must say; a fact that is not named: unknown,
 *                                     but for the forecast, which goes with the heat
 *   later [SECONDS]                   a second, or more; the files that follow change, and the same
 *                                     probe looks again
 *
 * A value of "!" is a file that can't be read. In values 4KiB, 4MiB and 4GiB are bytes, ";" ends a
 * line, and "..." keeps blanks. Routes become lines of the kernel's in device_route.c.
 */
#ifndef AMPHI_TESTS_DEVICE_TREE_H
#define AMPHI_TESTS_DEVICE_TREE_H

#include <amphi/device.h>

/* Makes and checks every tree of a file (from the project's root); prints the name of each that
 * fails and how. Returns how many failed; *trees is how many there were. */
unsigned device_trees_check(const char *path, unsigned *trees);

/* One tree that a test lays out itself, and the probe that looks at it. */
typedef struct scratch_tree {
    void *self;
    char root[64];
} scratch_tree;

void scratch_tree_open(scratch_tree *tree);
/* One directive; asserts that it is one. */
void scratch_tree_put(scratch_tree *tree, const char *line);
/* The facts are over 0xa5, to see that all of them are written. */
amphi_device_facts scratch_tree_look(scratch_tree *tree);
void scratch_tree_close(scratch_tree *tree);

#endif
