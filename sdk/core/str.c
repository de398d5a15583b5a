/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed strings and UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
 */
#include "sdk/core/str.h"

#include "sdk/core/alloc.h"

bool amphi__str_equal(amphi_str a, amphi_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool amphi__str_equal_c(amphi_str a, const char *b)
{
    return amphi__str_equal(a, amphi_str_from(b));
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool amphi__str_equal_ignore_case(amphi_str a, amphi_str b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

bool amphi__str_starts_with(amphi_str str, amphi_str prefix)
{
    return str.size >= prefix.size &&
           amphi__str_equal(amphi_str_make(str.data, prefix.size), prefix);
}

bool amphi__str_ends_with(amphi_str str, amphi_str suffix)
{
    return str.size >= suffix.size &&
           amphi__str_equal(amphi__str_slice(str, str.size - suffix.size, str.size), suffix);
}

size_t amphi__str_find(amphi_str str, amphi_str needle)
{
    if (needle.size == 0)
        return 0;
    if (needle.size > str.size)
        return SIZE_MAX;
    const char *at = memmem(str.data, str.size, needle.data, needle.size);
    return at != NULL ? (size_t)(at - str.data) : SIZE_MAX;
}

amphi_str amphi__str_slice(amphi_str str, size_t from, size_t to)
{
    if (to > str.size)
        to = str.size;
    if (from >= to)
        return amphi_str_make(NULL, 0);
    return amphi_str_make(str.data + from, to - from);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

amphi_str amphi__str_trim(amphi_str str)
{
    size_t from = 0;
    while (from < str.size && is_blank(str.data[from]))
        from++;
    size_t to = str.size;
    while (to > from && is_blank(str.data[to - 1]))
        to--;
    return amphi__str_slice(str, from, to);
}

amphi_str amphi__str_cut(amphi_str str, char separator, amphi_str *rest)
{
    const char *at = str.size > 0 ? memchr(str.data, separator, str.size) : NULL;
    if (at == NULL) {
        *rest = amphi_str_make(NULL, 0);
        return str;
    }
    size_t offset = (size_t)(at - str.data);
    *rest = amphi__str_slice(str, offset + 1, str.size);
    return amphi_str_make(str.data, offset);
}

bool amphi__str_is_visible_ascii(amphi_str str)
{
    for (size_t i = 0; i < str.size; i++)
        if (str.data[i] <= ' ' || str.data[i] >= 0x7F)
            return false;
    return true;
}

bool amphi__str_to_u64(amphi_str str, uint64_t *out)
{
    uint64_t value = 0;
    if (str.size == 0)
        return false;
    for (size_t i = 0; i < str.size; i++) {
        char c = str.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

char *amphi__str_copy(amphi_str str)
{
    char *copy = amphi__alloc(str.size + 1);
    if (copy == NULL)
        return NULL;
    if (str.size > 0)
        memcpy(copy, str.data, str.size);
    copy[str.size] = '\0';
    return copy;
}

void amphi__str_copy_to(char *buffer, size_t buffer_size, amphi_str str)
{
    if (buffer_size == 0)
        return;
    if (str.size >= buffer_size)
        str.size = amphi__utf8_complete_size(amphi_str_make(str.data, buffer_size - 1));
    if (str.size > 0)
        memcpy(buffer, str.data, str.size);
    buffer[str.size] = '\0';
}

size_t amphi__utf8_decode(amphi_str str, uint32_t *codepoint)
{
    const uint8_t *bytes = (const uint8_t *)str.data;
    if (str.size == 0)
        return 0;
    uint8_t lead = bytes[0];
    if (lead < 0x80) {
        *codepoint = lead;
        return 1;
    }
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || str.size < length)
        return 0;
    uint32_t value = lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3F);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *codepoint = value;
    return length;
}

size_t amphi__utf8_encode(uint32_t codepoint, char out[4])
{
    if (codepoint < 0x80) {
        out[0] = (char)codepoint;
        return 1;
    }
    if (codepoint < 0x800) {
        out[0] = (char)(0xC0 | codepoint >> 6);
        out[1] = (char)(0x80 | (codepoint & 0x3F));
        return 2;
    }
    if (codepoint < 0x10000) {
        out[0] = (char)(0xE0 | codepoint >> 12);
        out[1] = (char)(0x80 | (codepoint >> 6 & 0x3F));
        out[2] = (char)(0x80 | (codepoint & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (codepoint >> 18 & 0x07));
    out[1] = (char)(0x80 | (codepoint >> 12 & 0x3F));
    out[2] = (char)(0x80 | (codepoint >> 6 & 0x3F));
    out[3] = (char)(0x80 | (codepoint & 0x3F));
    return 4;
}

bool amphi__utf8_is_valid(amphi_str str)
{
    uint32_t codepoint = 0;
    while (str.size > 0) {
        size_t length = amphi__utf8_decode(str, &codepoint);
        if (length == 0)
            return false;
        str.data += length;
        str.size -= length;
    }
    return true;
}

size_t amphi__utf8_complete_size(amphi_str str)
{
    const uint8_t *bytes = (const uint8_t *)str.data;
    /* Only the last three bytes can begin an incomplete character. */
    for (size_t back = 1; back <= 3 && back <= str.size; back++) {
        uint8_t byte = bytes[str.size - back];
        if ((byte & 0xC0) == 0x80)
            continue;
        size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
        if (byte > 0xF4)
            length = 1;
        return length > back ? str.size - back : str.size;
    }
    return str.size;
}
