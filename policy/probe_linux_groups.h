/* SPDX-License-Identifier: Apache-2.0
 *
 * The control groups that this process is in, from its own up to the mount: each of them may hold a
 * limit.
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_GROUPS_H
#define AMPHI_POLICY_PROBE_LINUX_GROUPS_H

#include "policy/probe_linux_files.h"

#define AMPHI_PROBE_MOUNT_MAX 256

/* Which hierarchy: version 2's only one, or version 1's with this controller. */
typedef enum amphi_probe_hierarchy {
    AMPHI_PROBE_GROUPS_V2,
    AMPHI_PROBE_GROUPS_V1_MEMORY,
    AMPHI_PROBE_GROUPS_V1_CPU,
    AMPHI_PROBE_HIERARCHIES
} amphi_probe_hierarchy;

/* Where a hierarchy is mounted, and which of its groups is the mount's root. */
typedef struct amphi_probe_mount {
    bool is_known;
    char point[AMPHI_PROBE_MOUNT_MAX];
    char root[AMPHI_PROBE_PATH_MAX];
} amphi_probe_mount;

typedef struct amphi_probe_groups {
    amphi_probe_mount mounts[AMPHI_PROBE_HIERARCHIES];
    bool is_in[AMPHI_PROBE_HIERARCHIES]; /* this process is in a group of that hierarchy */
    char folders[AMPHI_PROBE_HIERARCHIES][AMPHI_PROBE_PATH_MAX]; /* ... its own */
    size_t tops[AMPHI_PROBE_HIERARCHIES]; /* ... of which the front is the mount */
} amphi_probe_groups;

/* Reads the list of mounts: it is long, and does not change. */
void amphi__probe_groups_find_mounts(amphi_probe_groups *groups, const char *root);
/* Reads the groups of this process. */
void amphi__probe_groups_look(amphi_probe_groups *groups, const char *root);

/* A walk from the own group up; `folder` is of AMPHI_PROBE_PATH_MAX bytes.
 *
 *     bool more = amphi__probe_groups_first(groups, hierarchy, folder);
 *     for (; more; more = amphi__probe_groups_up(groups, hierarchy, folder))
 */
bool amphi__probe_groups_first(
    const amphi_probe_groups *groups, amphi_probe_hierarchy hierarchy, char *folder);
bool amphi__probe_groups_up(
    const amphi_probe_groups *groups, amphi_probe_hierarchy hierarchy, char *folder);
/* A file of a group. */
size_t amphi__probe_group_read(
    const char *root, const char *folder, const char *file, char *text, size_t size);
bool amphi__probe_group_number(
    const char *root, const char *folder, const char *file, int64_t *out);

#endif
