/* SPDX-License-Identifier: Apache-2.0
 *
 * Code points, blanks and case, from short range tables.
 */
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

typedef struct range {
    uint32_t first, last;
} range;

/* Letters whose other case lies at a fixed distance. */
typedef struct case_range {
    uint32_t upper_first, upper_last;
    uint32_t distance; /* lower = upper + distance */
} case_range;

static const case_range case_ranges[] = {
    {'A', 'Z', 32},
    {0xC0, 0xD6, 32},
    {0xD8, 0xDE, 32},
    {0x388, 0x38A, 37},
    {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32},
    {0x410, 0x42F, 32},
    {0x400, 0x40F, 80},
    {0x531, 0x556, 48},
    {0x10A0, 0x10C5, 7264},
    {0x2160, 0x216F, 16},
    {0x24B6, 0x24CF, 26},
    {0xFF21, 0xFF3A, 32},
    {0x10400, 0x10427, 40},
};

/* Letters in pairs, upper case first; `odd`: the upper one has an odd number. */
static const struct {
    uint32_t first, last;
    bool odd;
} pair_ranges[] = {
    {0x100, 0x12F, false},
    {0x132, 0x137, false},
    {0x139, 0x148, true},
    {0x14A, 0x177, false},
    {0x179, 0x17E, true},
    {0x1CD, 0x1DC, true},
    {0x1DE, 0x1EF, false},
    {0x1F8, 0x21F, false},
    {0x222, 0x233, false},
    {0x3D8, 0x3EF, false},
    {0x460, 0x481, false},
    {0x48A, 0x4BF, false},
    {0x4C1, 0x4CE, true},
    {0x4D0, 0x52F, false},
    {0x1E00, 0x1E95, false},
    {0x1EA0, 0x1EFF, false},
};

static const struct {
    uint32_t upper, lower;
} single_pairs[] = {{0x178, 0xFF}, {0x386, 0x3AC}, {0x38C, 0x3CC}, {0x38E, 0x3CD}, {0x38F, 0x3CE}};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

uint32_t amphi__jinja_char_at(amphi_str text, size_t at, size_t *size)
{
    uint32_t c = (unsigned char)text.data[at];
    *size = 1;
    if (c >= 0x80) {
        uint32_t decoded;
        size_t length =
            amphi__utf8_decode(amphi_str_make(text.data + at, text.size - at), &decoded);
        if (length > 0) {
            *size = length;
            return decoded;
        }
    }
    return c;
}

uint32_t amphi__jinja_char_before(amphi_str text, size_t end, size_t *size)
{
    size_t start = end - 1;
    while (start > 0 && end - start < 4 && ((unsigned char)text.data[start] & 0xC0) == 0x80)
        start--;
    uint32_t c = amphi__jinja_char_at(amphi_str_make(text.data, end), start, size);
    if (*size != end - start) {
        *size = 1;
        return (unsigned char)text.data[end - 1];
    }
    return c;
}

size_t amphi__jinja_char_count(amphi_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

size_t amphi__jinja_char_offset(amphi_str text, size_t n)
{
    size_t i = 0;
    for (; i < text.size; i++) {
        if (((unsigned char)text.data[i] & 0xC0) != 0x80) {
            if (n == 0)
                break;
            n--;
        }
    }
    return i;
}

/* The ranges are in order. */
static bool in_ranges(const range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count && c >= ranges[i].first; i++)
        if (c <= ranges[i].last)
            return true;
    return false;
}

bool amphi__jinja_is_space(uint32_t c)
{
    static const range blanks[] = {{0x09, 0x0D}, {0x1C, 0x20}, {0x85, 0x85}, {0xA0, 0xA0},
        {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
        {0x3000, 0x3000}};
    if (c > 0x20 && c < 0x80)
        return false;
    return in_ranges(blanks, COUNT_OF(blanks), c);
}

bool amphi__jinja_is_printable(uint32_t c)
{
    static const range hidden[] = {{0, 0x1F}, {0x7F, 0xA0}, {0xAD, 0xAD}, {0x600, 0x605},
        {0x61C, 0x61C}, {0x6DD, 0x6DD}, {0x70F, 0x70F}, {0x1680, 0x1680}, {0x180E, 0x180E},
        {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000}, {0xD800, 0xF8FF},
        {0xFDD0, 0xFDEF}, {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE00FF},
        {0xE01F0, 0x10FFFF}};
    return !in_ranges(hidden, COUNT_OF(hidden), c);
}

bool amphi__jinja_is_digit(uint32_t c)
{
    static const range digits[] = {
        {'0', '9'}, {0x660, 0x669}, {0x6F0, 0x6F9}, {0x966, 0x96F}, {0xFF10, 0xFF19}};
    return in_ranges(digits, COUNT_OF(digits), c);
}

bool amphi__jinja_is_alpha(uint32_t c)
{
    static const range signs[] = {{0, 0x40}, {0x5B, 0x60}, {0x7B, 0xA9}, {0xAB, 0xB4}, {0xB6, 0xB9},
        {0xBB, 0xBF}, {0xD7, 0xD7}, {0xF7, 0xF7}, {0x300, 0x36F}, {0x660, 0x669}, {0x6F0, 0x6F9},
        {0x966, 0x96F}, {0x2000, 0x2070}, {0x2074, 0x207E}, {0x20A0, 0x20FF}, {0x2190, 0x2BFF},
        {0x3000, 0x3004}, {0x3007, 0x3030}, {0xD800, 0xF8FF}, {0xFE00, 0xFE0F}, {0xFF01, 0xFF20},
        {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF}};
    return !in_ranges(signs, COUNT_OF(signs), c);
}

static uint32_t to_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    for (size_t i = 0; i < COUNT_OF(case_ranges); i++)
        if (c >= case_ranges[i].upper_first && c <= case_ranges[i].upper_last)
            return c == 0x3A2 ? c : c + case_ranges[i].distance;
    for (size_t i = 0; i < COUNT_OF(pair_ranges); i++)
        if (c >= pair_ranges[i].first && c <= pair_ranges[i].last)
            return (c & 1) == pair_ranges[i].odd ? c + 1 : c;
    for (size_t i = 0; i < COUNT_OF(single_pairs); i++)
        if (c == single_pairs[i].upper)
            return single_pairs[i].lower;
    return c == 0x1E9E ? 0xDF : c; /* sharp s, whose upper case is two letters */
}

static uint32_t to_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    for (size_t i = 0; i < COUNT_OF(case_ranges); i++) {
        uint32_t upper = c - case_ranges[i].distance;
        if (c >= case_ranges[i].distance && upper >= case_ranges[i].upper_first &&
            upper <= case_ranges[i].upper_last && c != 0x3C2)
            return upper;
    }
    for (size_t i = 0; i < COUNT_OF(pair_ranges); i++)
        if (c >= pair_ranges[i].first && c <= pair_ranges[i].last)
            return (c & 1) == pair_ranges[i].odd ? c : c - 1;
    for (size_t i = 0; i < COUNT_OF(single_pairs); i++)
        if (c == single_pairs[i].lower)
            return single_pairs[i].upper;
    if (c == 0x3C2) /* final sigma */
        return 0x3A3;
    return c == 0xB5 ? 0x39C : c;
}

bool amphi__jinja_is_upper(uint32_t c)
{
    return to_lower(c) != c;
}

bool amphi__jinja_is_lower(uint32_t c)
{
    return to_upper(c) != c || c == 0xDF || c == 0xAA || c == 0xBA;
}

void amphi__jinja_put_char(amphi_buf *out, uint32_t c)
{
    char bytes[4];
    size_t size = amphi__utf8_encode(c, bytes);
    amphi__buf_append(out, bytes, size);
}

void amphi__jinja_put_upper(amphi_buf *out, uint32_t c)
{
    if (c == 0xDF) {
        amphi__buf_append(out, "SS", 2);
        return;
    }
    amphi__jinja_put_char(out, to_upper(c));
}

void amphi__jinja_put_lower(amphi_buf *out, uint32_t c)
{
    if (c == 0x130) { /* I with a dot: i and the dot */
        amphi__buf_append(out, "i\xCC\x87", 3);
        return;
    }
    amphi__jinja_put_char(out, to_lower(c));
}
