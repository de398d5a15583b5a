/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing versions as GrowthBook does: "v1.2.10-rc.1+build" becomes a text that sorts. Numbers
 * are padded to five places, the build is dropped, and a release (three parts) sorts after its
 * pre-releases.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

/* Longer versions are compared by what fits. */
#define VERSION_TEXT_MAX 256

int amphi__gb_compare_text(amphi_str a, amphi_str b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? (order > 0) - (order < 0) : (a.size > b.size) - (a.size < b.size);
}

static bool is_number(amphi_str part)
{
    for (size_t i = 0; i < part.size; i++)
        if (part.data[i] < '0' || part.data[i] > '9')
            return false;
    return part.size > 0;
}

static amphi_str sortable(amphi_str version, char out[VERSION_TEXT_MAX])
{
    amphi_str build;
    bool has_v = version.size > 0 && version.data[0] == 'v';
    amphi_str text =
        amphi__str_cut(amphi__str_slice(version, has_v ? 1 : 0, version.size), '+', &build);
    size_t used = 0;
    unsigned parts = 0;
    for (size_t i = 0; i <= text.size; parts++) {
        size_t from = i;
        while (i < text.size && text.data[i] != '.' && text.data[i] != '-')
            i++;
        amphi_str part = amphi__str_slice(text, from, i++);
        size_t padding = is_number(part) && part.size < 5 ? 5 - part.size : 0;
        if (used + padding + part.size + 4 > VERSION_TEXT_MAX)
            break;
        if (parts > 0)
            out[used++] = '-';
        memset(out + used, ' ', padding);
        used += padding;
        if (part.size > 0) {
            memcpy(out + used, part.data, part.size);
            used += part.size;
        }
    }
    if (parts == 3) {
        memcpy(out + used, "-~", 2);
        used += 2;
    }
    return amphi_str_make(out, used);
}

int amphi__gb_compare_versions(amphi_str a, amphi_str b)
{
    char sortable_a[VERSION_TEXT_MAX];
    char sortable_b[VERSION_TEXT_MAX];
    return amphi__gb_compare_text(sortable(a, sortable_a), sortable(b, sortable_b));
}
