/* SPDX-License-Identifier: Apache-2.0
 *
 * base64url.h. Six bits a character, most significant first.
 */
#include "sdk/core/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

amphi_status amphi__base64url_write(amphi_buf *out, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i < 3 ? size - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (left > 1)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        for (size_t k = 0; k <= left; k++)
            amphi__buf_append_char(out, alphabet[group >> (18 - 6 * k) & 63]);
    }
    return out->status;
}

/* 64: no character of the alphabet. */
static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    return c == '-' ? 62 : c == '_' ? 63 : 64;
}

/* Reads up to `most` bytes; how many there were, or SIZE_MAX. */
static size_t decode(uint8_t *out, size_t most, amphi_str text)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint32_t value = value_of(text.data[i]);
        if (value > 63)
            return SIZE_MAX;
        bits = (bits << 6 | value) & 0xfff;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        if (size == most)
            return SIZE_MAX;
        out[size++] = (uint8_t)(bits >> count);
    }
    bool is_cut = text.size % 4 == 1 || (bits & ((1u << count) - 1)) != 0;
    return is_cut ? SIZE_MAX : size;
}

amphi_status amphi__base64url_read(amphi_buf *out, amphi_str text)
{
    size_t most = text.size / 4 * 3 + 3;
    if (amphi__buf_reserve(out, most) != AMPHI_OK)
        return out->status;
    size_t size = decode((uint8_t *)out->data + out->size, most, text);
    if (size == SIZE_MAX) {
        out->data[out->size] = '\0';
        return AMPHI_E_FORMAT;
    }
    out->size += size;
    out->data[out->size] = '\0';
    return AMPHI_OK;
}

amphi_status amphi__base64url_read_exactly(void *out, size_t size, amphi_str text)
{
    return decode(out, size, text) == size ? AMPHI_OK : AMPHI_E_FORMAT;
}
