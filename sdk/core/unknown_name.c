/* SPDX-License-Identifier: Apache-2.0
 *
 * Guessing a name is for messages only: nothing is ever read under a name that was guessed. Names
 * are short, so the plain table of edit distances (Wagner and Fischer 1974, one row) will do.
 */
#include "sdk/core/unknown_name.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* Longer ones are compared with nothing. */
#define COMPARED_MAX 64u

void amphi__shown_name(char out[AMPHI_SHOWN_NAME_MAX], amphi_str name)
{
    static const char cut[] = "...";
    size_t used = 0;
    size_t whole = 0; /* up to here "..." still fits behind */
    for (size_t i = 0; i < name.size;) {
        char piece[16];
        uint32_t c = 0;
        amphi_str rest = amphi__str_slice(name, i, name.size);
        size_t size = amphi__utf8_decode(rest, &c);
        if (size == 0)
            snprintf(piece, sizeof piece, "\\x%02x", (unsigned)(unsigned char)name.data[i]);
        else if (c > 0x20 && c < 0x7f && c != '"' && c != '\\')
            snprintf(piece, sizeof piece, "%c", (char)c);
        else
            snprintf(piece, sizeof piece, "\\u%04x", (unsigned)c);
        size_t length = strlen(piece);
        if (used + length + 1 > AMPHI_SHOWN_NAME_MAX) {
            memcpy(out + whole, cut, sizeof cut);
            return;
        }
        memcpy(out + used, piece, length);
        used += length;
        if (used + sizeof cut <= AMPHI_SHOWN_NAME_MAX)
            whole = used;
        i += size > 0 ? size : 1;
    }
    out[used] = '\0';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* "minPercent" and "min-percent" are min_percent. */
static bool same_letters(amphi_str a, amphi_str b)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        while (i < a.size && !is_letter(a.data[i]))
            i++;
        while (j < b.size && !is_letter(b.data[j]))
            j++;
        if (i == a.size || j == b.size)
            return i == a.size && j == b.size && i > 0;
        if (lower(a.data[i++]) != lower(b.data[j++]))
            return false;
    }
}

/* "battery" of "battery_percent": 1; "min_percent" of "battery.min_percent", which is closer: 2;
 * no part of it: 0 */
static unsigned part_rank(amphi_str part, amphi_str whole)
{
    if (part.size < 3 || part.size >= whole.size)
        return 0;
    char after = amphi__str_starts_with(whole, part) ? whole.data[part.size] : 0;
    char before = amphi__str_ends_with(whole, part) ? whole.data[whole.size - part.size - 1] : 0;
    if (after == '.' || before == '.')
        return 2;
    return after == '_' || before == '_' ? 1 : 0;
}

/* How many letters must be changed, put in or left out. */
static size_t distance(amphi_str a, amphi_str b)
{
    size_t row[COMPARED_MAX + 1];
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size; j++) {
            size_t changed = diagonal + (lower(a.data[i]) != lower(b.data[j]));
            size_t other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = changed < other ? changed : other;
        }
    }
    return row[b.size];
}

const char *amphi__nearest_name(amphi_str name, const char *const *known, size_t count)
{
    const char *part_of = NULL;
    const char *nearest = NULL;
    size_t parts = 0; /* of that rank */
    unsigned rank = 0;
    size_t least = (name.size + 3) / 4; /* "mod", "thermel" */
    if (name.size == 0 || name.size > COMPARED_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        amphi_str it = amphi_str_from(known[i]);
        if (it.size > COMPARED_MAX)
            continue;
        if (same_letters(name, it))
            return known[i];
        unsigned found = part_rank(name, it);
        if (found > 0 && found >= rank) {
            parts = found > rank ? 1 : parts + 1;
            rank = found;
            part_of = known[i];
        }
        size_t off = distance(name, it);
        if (off < least || (off == least && nearest == NULL)) {
            least = off;
            nearest = known[i];
        }
    }
    return parts == 1 ? part_of : nearest;
}
