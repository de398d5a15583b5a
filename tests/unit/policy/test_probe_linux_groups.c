/* SPDX-License-Identifier: Apache-2.0
 *
 * Which folders the walk from our own control group up to the mount visits.
 */
#include "policy/probe_linux_groups.h"
#include "tests/support/device_tree.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

/* The folders of the walk, with commas between them; "" when there is none. */
static const char *walk(scratch_tree *tree, amphi_probe_hierarchy hierarchy)
{
    static amphi_probe_groups groups;
    static char folder[AMPHI_PROBE_PATH_MAX];
    static char out[8 * AMPHI_PROBE_PATH_MAX];
    size_t used = 0;
    out[0] = '\0';
    amphi__probe_groups_find_mounts(&groups, tree->root);
    amphi__probe_groups_look(&groups, tree->root);
    bool more = amphi__probe_groups_first(&groups, hierarchy, folder);
    for (; more; more = amphi__probe_groups_up(&groups, hierarchy, folder))
        used +=
            (size_t)snprintf(out + used, sizeof out - used, "%s%s", used > 0 ? "," : "", folder);
    return out;
}

/* Lines of a tree, and the walk that follows. */
static void expect_walk(
    const char *self, const char *mount, amphi_probe_hierarchy hierarchy, const char *expected)
{
    scratch_tree tree;
    scratch_tree_open(&tree);
    scratch_tree_put(&tree, self);
    if (mount != NULL)
        scratch_tree_put(&tree, mount);
    assert_string_equal(walk(&tree, hierarchy), expected);
    scratch_tree_close(&tree);
}

static void walk__goes_from_the_own_group_to_the_mount(void **state)
{
    (void)state;
    expect_walk("self 0::/a/b.scope", NULL, AMPHI_PROBE_GROUPS_V2,
        "/sys/fs/cgroup/a/b.scope,/sys/fs/cgroup/a,/sys/fs/cgroup");
    expect_walk("self 0::/", NULL, AMPHI_PROBE_GROUPS_V2, "/sys/fs/cgroup");
    expect_walk("self 0::/a//", NULL, AMPHI_PROBE_GROUPS_V2, "/sys/fs/cgroup/a,/sys/fs/cgroup");
    expect_walk("self 0::", NULL, AMPHI_PROBE_GROUPS_V2, "/sys/fs/cgroup");
    expect_walk("self 1:name=systemd:/a", NULL, AMPHI_PROBE_GROUPS_V2, "");
}

static void walk__starts_below_what_is_mounted(void **state)
{
    (void)state;
    const char *inside = "mount cgroup /m /docker/abc memory";
    expect_walk("self 4:memory:/docker/abc/x", inside, AMPHI_PROBE_GROUPS_V1_MEMORY, "/m/x,/m");
    expect_walk("self 4:memory:/docker/abc", inside, AMPHI_PROBE_GROUPS_V1_MEMORY, "/m");
    expect_walk("self 4:memory:/docker/abcd", inside, AMPHI_PROBE_GROUPS_V1_MEMORY, "/m");
    expect_walk("self 4:memory:/elsewhere", inside, AMPHI_PROBE_GROUPS_V1_MEMORY, "/m");
    expect_walk(
        "self 4:memory:/x", "mount cgroup /m /.. memory", AMPHI_PROBE_GROUPS_V1_MEMORY, "/m");
}

/* A line as man 5 proc_pid_mountinfo has it: optional fields, "-", then the type. */
static void walk__mounts_are_where_mountinfo_says(void **state)
{
    (void)state;
    static const struct {
        const char *mount, *walk;
    } table[] = {{"1 2 0:3 / /m rw - cgroup2 none rw", "/m/x,/m"},
        {"1 2 0:3 / /m rw shared:1 master:2 propagate_from:3 - cgroup2 none rw", "/m/x,/m"},
        {"1 2 0:3 / /m rw - cgroup2 none", "/sys/fs/cgroup/x,/sys/fs/cgroup"}, /* cut */
        {"1 2 0:3 / /m rw cgroup2 none rw", "/sys/fs/cgroup/x,/sys/fs/cgroup"},
        {"1 2 0:3 / /m rw - tmpfs cgroup2 rw", "/sys/fs/cgroup/x,/sys/fs/cgroup"},
        {"1 2 0:3 / /a\\040b rw - cgroup2 none rw", "/a b/x,/a b"},
        {"1 2 0:3 / /a\\134b rw - cgroup2 none rw", "/a\\b/x,/a\\b"},
        {"1 2 0:3 / /a\\04 rw - cgroup2 none rw", "/a\\04/x,/a\\04"},
        {"1 2 0:3 / /m rw - cgroup2 none rw\\n4 5 0:6 / /n rw - cgroup2 none rw", "/m/x,/m"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "file /proc/self/mountinfo %s\\n", table[i].mount);
        expect_walk("self 0::/x", line, AMPHI_PROBE_GROUPS_V2, table[i].walk);
    }
}

static void walk__names_its_controllers_apart(void **state)
{
    (void)state;
    expect_walk("self 4:cpu,cpuacct:/x", NULL, AMPHI_PROBE_GROUPS_V1_CPU,
        "/sys/fs/cgroup/cpu,cpuacct/x,/sys/fs/cgroup/cpu,cpuacct");
    expect_walk("self 4:cpuset:/x", NULL, AMPHI_PROBE_GROUPS_V1_CPU, "");
    expect_walk("self 4:cpu:/x", "mount cgroup /m / cpuset", AMPHI_PROBE_GROUPS_V1_CPU,
        "/sys/fs/cgroup/cpu/x,/sys/fs/cgroup/cpu");
    expect_walk("self 4:memory:/x", NULL, AMPHI_PROBE_GROUPS_V1_CPU, "");
}

static void walk__never_leaves_the_mount(void **state)
{
    (void)state;
    expect_walk("self 0::/../x", NULL, AMPHI_PROBE_GROUPS_V2, "/sys/fs/cgroup");
    expect_walk("self 0::/x/..", NULL, AMPHI_PROBE_GROUPS_V2, "/sys/fs/cgroup");
    expect_walk("self 0::..", NULL, AMPHI_PROBE_GROUPS_V2, "/sys/fs/cgroup");
    expect_walk("self 0::/x..y/..z", NULL, AMPHI_PROBE_GROUPS_V2,
        "/sys/fs/cgroup/x..y/..z,/sys/fs/cgroup/x..y,/sys/fs/cgroup");
}

static void walk__a_path_longer_than_any_is_none(void **state)
{
    (void)state;
    static char line[AMPHI_PROBE_PATH_MAX + 200];
    scratch_tree tree;
    scratch_tree_open(&tree);
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "0::/", 4);
    char path[128];
    snprintf(path, sizeof path, "%s/proc/self", tree.root);
    scratch_tree_put(&tree, "folder /proc/self");
    snprintf(path, sizeof path, "%s/proc/self/cgroup", tree.root);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(line, file);
    fclose(file);
    assert_string_equal(walk(&tree, AMPHI_PROBE_GROUPS_V2), "");
    scratch_tree_close(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk__goes_from_the_own_group_to_the_mount),
        cmocka_unit_test(walk__starts_below_what_is_mounted),
        cmocka_unit_test(walk__mounts_are_where_mountinfo_says),
        cmocka_unit_test(walk__names_its_controllers_apart),
        cmocka_unit_test(walk__never_leaves_the_mount),
        cmocka_unit_test(walk__a_path_longer_than_any_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
