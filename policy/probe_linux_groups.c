/* SPDX-License-Identifier: Apache-2.0
 *
 * See probe_linux_groups.h. /proc/self/cgroup has one line per hierarchy,
 * "number:controllers:path". Where that path is in the file system, mountinfo says: a container
 * sees only a part, so that its own group may be the mount itself. When the list of mounts can't be
 * read, custom decides. Formats: man 7 cgroups, man 7 cgroup_namespaces,
 * Documentation/filesystems/proc.rst of the kernel.
 */
#include "policy/probe_linux_groups.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define MOUNTS_BYTES_MAX (1u << 20)
#define GROUPS_BYTES_MAX (256u << 10)

static const char *const controllers[AMPHI_PROBE_HIERARCHIES] = {"", "memory", "cpu"};

/* Is `word` one of a list with commas? */
static bool lists(amphi_str list, const char *word)
{
    while (list.size > 0)
        if (amphi__str_equal_c(amphi__str_cut(list, ',', &list), word))
            return true;
    return false;
}

/* mountinfo writes blanks, tabs, line ends and backslashes as \ooo. False when it does not fit. */
static bool unescape(amphi_str text, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '\\' && i + 3 < text.size && text.data[i + 1] >= '0' && text.data[i + 1] <= '3') {
            c = (char)((text.data[i + 1] - '0') * 64 + (text.data[i + 2] - '0') * 8 +
                       (text.data[i + 3] - '0'));
            i += 3;
        }
        if (used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static void keep_mount(
    amphi_probe_groups *groups, amphi_probe_hierarchy hierarchy, amphi_str point, amphi_str top)
{
    amphi_probe_mount *mount = &groups->mounts[hierarchy];
    if (mount->is_known) /* mounted again somewhere: the first one will do */
        return;
    mount->is_known = unescape(point, mount->point, sizeof mount->point) &&
                      unescape(top, mount->root, sizeof mount->root);
}

/* id parent major:minor root point options optional... - type source options */
static void read_mount(amphi_probe_groups *groups, amphi_str line)
{
    amphi_str f[24];
    size_t count = amphi__probe_split(line, f, 24);
    size_t dash = 6;
    while (dash < count && !amphi__str_equal_c(f[dash], "-"))
        dash++;
    if (dash + 3 >= count)
        return;
    if (amphi__str_equal_c(f[dash + 1], "cgroup2"))
        keep_mount(groups, AMPHI_PROBE_GROUPS_V2, f[4], f[3]);
    if (!amphi__str_equal_c(f[dash + 1], "cgroup"))
        return;
    for (int h = AMPHI_PROBE_GROUPS_V1_MEMORY; h < AMPHI_PROBE_HIERARCHIES; h++)
        if (lists(f[dash + 3], controllers[h]))
            keep_mount(groups, (amphi_probe_hierarchy)h, f[4], f[3]);
}

void amphi__probe_groups_find_mounts(amphi_probe_groups *groups, const char *root)
{
    amphi_probe_lines lines;
    amphi_str line;
    for (int h = 0; h < AMPHI_PROBE_HIERARCHIES; h++)
        groups->mounts[h].is_known = false;
    amphi__probe_lines_open(&lines, root, "/proc/self/mountinfo", MOUNTS_BYTES_MAX);
    while (amphi__probe_lines_next(&lines, &line))
        read_mount(groups, line);
    amphi__probe_lines_close(&lines);
}

/* A path with a folder ".." leads to what can't be seen from here. */
static bool leads_out(amphi_str path)
{
    while (path.size > 0)
        if (amphi__str_equal_c(amphi__str_cut(path, '/', &path), ".."))
            return true;
    return false;
}

/* What of a group's path is below the mount; all of it when the mount's root is the hierarchy's. */
static amphi_str below_mount(const amphi_probe_mount *mount, amphi_str path)
{
    amphi_str top = amphi_str_from(mount->is_known ? mount->root : "");
    while (top.size > 0 && top.data[top.size - 1] == '/')
        top.size--;
    if (leads_out(path) || leads_out(top))
        return AMPHI_STR("");
    if (top.size == 0)
        return path;
    bool is_below =
        amphi__str_starts_with(path, top) && (path.size == top.size || path.data[top.size] == '/');
    return is_below ? amphi__str_slice(path, top.size, path.size) : AMPHI_STR("");
}

static void keep_group(amphi_probe_groups *groups, amphi_probe_hierarchy hierarchy,
    amphi_str line_controllers, amphi_str path)
{
    const amphi_probe_mount *mount = &groups->mounts[hierarchy];
    char custom[AMPHI_PROBE_MOUNT_MAX];
    const char *top = mount->is_known ? mount->point : custom;
    amphi_str below = below_mount(mount, path);
    int length = snprintf(custom, sizeof custom, "/sys/fs/cgroup%s%.*s",
        line_controllers.size > 0 ? "/" : "", (int)line_controllers.size,
        line_controllers.size > 0 ? line_controllers.data : "");
    size_t size = strlen(top);
    if (length < 0 || (size_t)length >= sizeof custom ||
        size + below.size >= sizeof groups->folders[hierarchy])
        return;
    memcpy(groups->folders[hierarchy], top, size);
    if (below.size > 0)
        memcpy(groups->folders[hierarchy] + size, below.data, below.size);
    groups->folders[hierarchy][size + below.size] = '\0';
    groups->tops[hierarchy] = size;
    groups->is_in[hierarchy] = true;
}

void amphi__probe_groups_look(amphi_probe_groups *groups, const char *root)
{
    amphi_probe_lines lines;
    amphi_str line;
    for (int h = 0; h < AMPHI_PROBE_HIERARCHIES; h++)
        groups->is_in[h] = false;
    amphi__probe_lines_open(&lines, root, "/proc/self/cgroup", GROUPS_BYTES_MAX);
    while (amphi__probe_lines_next(&lines, &line)) {
        amphi_str path;
        amphi_str number = amphi__str_cut(line, ':', &path);
        amphi_str list = amphi__str_cut(path, ':', &path);
        if (amphi__str_equal_c(number, "0") && list.size == 0)
            keep_group(groups, AMPHI_PROBE_GROUPS_V2, list, path);
        for (int h = AMPHI_PROBE_GROUPS_V1_MEMORY; h < AMPHI_PROBE_HIERARCHIES; h++)
            if (lists(list, controllers[h]))
                keep_group(groups, (amphi_probe_hierarchy)h, list, path);
    }
    amphi__probe_lines_close(&lines);
}

/* ---- the walk ---- */

static void drop_slashes(char *folder, size_t top)
{
    size_t size = strlen(folder);
    while (size > top && folder[size - 1] == '/')
        folder[--size] = '\0';
}

bool amphi__probe_groups_first(
    const amphi_probe_groups *groups, amphi_probe_hierarchy hierarchy, char *folder)
{
    if (!groups->is_in[hierarchy])
        return false;
    memcpy(folder, groups->folders[hierarchy], strlen(groups->folders[hierarchy]) + 1);
    drop_slashes(folder, groups->tops[hierarchy]);
    return true;
}

bool amphi__probe_groups_up(
    const amphi_probe_groups *groups, amphi_probe_hierarchy hierarchy, char *folder)
{
    size_t top = groups->tops[hierarchy];
    size_t size = strlen(folder);
    if (size <= top)
        return false;
    while (size > top && folder[size - 1] != '/')
        size--;
    folder[size] = '\0';
    drop_slashes(folder, top);
    return true;
}

size_t amphi__probe_group_read(
    const char *root, const char *folder, const char *file, char *text, size_t size)
{
    char path[AMPHI_PROBE_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, file);
    text[0] = '\0';
    if (length < 0 || (size_t)length >= sizeof path)
        return 0;
    return amphi__probe_read(root, path, text, size);
}

bool amphi__probe_group_number(const char *root, const char *folder, const char *file, int64_t *out)
{
    char text[64];
    size_t got = amphi__probe_group_read(root, folder, file, text, sizeof text);
    return amphi__probe_to_number(amphi_str_make(text, got), out);
}
