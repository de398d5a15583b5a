/* SPDX-License-Identifier: Apache-2.0
 *
 * libutf8proc behind our buffers. Its own mapping function allocates with malloc; the three steps
 * below it (decompose, compose, encode) work in memory that the caller brings.
 */
#include "sdk/core/unicode.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <utf8proc.h>

static bool is_ascii(amphi_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static amphi_status append_codepoints(amphi_buf *out, const utf8proc_int32_t *points, size_t count)
{
    amphi_status status = amphi__buf_reserve(out, 4 * count);
    for (size_t i = 0; status == AMPHI_OK && i < count; i++) {
        char bytes[4];
        status = amphi__buf_append(out, bytes, amphi__utf8_encode((uint32_t)points[i], bytes));
    }
    return status;
}

static amphi_status map(amphi_buf *out, amphi_str text, utf8proc_option_t options)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.data;
    if (!amphi__utf8_is_valid(text))
        return AMPHI_E_FORMAT;
    if (text.size == 0)
        return AMPHI_OK;
    utf8proc_ssize_t count =
        utf8proc_decompose(bytes, (utf8proc_ssize_t)text.size, NULL, 0, options);
    if (count < 0)
        return count == UTF8PROC_ERROR_NOMEM ? AMPHI_E_NO_MEMORY : AMPHI_E_FORMAT;
    size_t size_bytes = ((size_t)count + 1) * sizeof(utf8proc_int32_t);
    utf8proc_int32_t *points = amphi__alloc(size_bytes);
    if (points == NULL)
        return AMPHI_E_NO_MEMORY;
    amphi_status status = AMPHI_E_FORMAT;
    count = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.size, points, count, options);
    if (count >= 0)
        count = utf8proc_normalize_utf32(points, count, options);
    if (count >= 0)
        status = append_codepoints(out, points, (size_t)count);
    amphi__wipe(points, size_bytes);
    amphi__free(points);
    return status;
}

amphi_status amphi__unicode_nfc(amphi_buf *out, amphi_str text)
{
    if (is_ascii(text))
        return amphi__buf_append_str(out, text);
    return map(out, text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

size_t amphi__unicode_find_character(uint32_t codepoint, uint32_t out[AMPHI_UNICODE_FIND_MAX])
{
    utf8proc_int32_t found[AMPHI_UNICODE_FIND_MAX];
    int boundary = UTF8PROC_BOUNDCLASS_START;
    out[0] = codepoint;
    if ((codepoint >= 0xAC00 && codepoint <= 0xD7A3) || (codepoint >= 0x4E00 && codepoint < 0xA000))
        return 1;
    utf8proc_ssize_t count =
        utf8proc_decompose_char((utf8proc_int32_t)codepoint, found, AMPHI_UNICODE_FIND_MAX,
            UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
                UTF8PROC_IGNORE | UTF8PROC_STRIPMARK,
            &boundary);
    if (count < 0 || count > AMPHI_UNICODE_FIND_MAX)
        return 1; /* the character itself */
    for (utf8proc_ssize_t i = 0; i < count; i++)
        out[i] = (uint32_t)found[i];
    return (size_t)count;
}

static utf8proc_category_t category(uint32_t codepoint)
{
    return utf8proc_category((utf8proc_int32_t)codepoint);
}

bool amphi__unicode_is_letter(uint32_t codepoint)
{
    utf8proc_category_t found = category(codepoint);
    return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO;
}

bool amphi__unicode_is_mark(uint32_t codepoint)
{
    utf8proc_category_t found = category(codepoint);
    return found >= UTF8PROC_CATEGORY_MN && found <= UTF8PROC_CATEGORY_ME;
}

bool amphi__unicode_is_digit(uint32_t codepoint)
{
    return category(codepoint) == UTF8PROC_CATEGORY_ND;
}

bool amphi__unicode_is_blank(uint32_t codepoint)
{
    return (codepoint >= '\t' && codepoint <= '\r') || codepoint == 0x85 || codepoint == 0xFEFF ||
           (category(codepoint) >= UTF8PROC_CATEGORY_ZS &&
               category(codepoint) <= UTF8PROC_CATEGORY_ZP);
}

bool amphi__unicode_is_upper(uint32_t codepoint)
{
    utf8proc_category_t found = category(codepoint);
    return found == UTF8PROC_CATEGORY_LU || found == UTF8PROC_CATEGORY_LT;
}

bool amphi__unicode_is_lower(uint32_t codepoint)
{
    return category(codepoint) == UTF8PROC_CATEGORY_LL;
}

uint32_t amphi__unicode_to_lower(uint32_t codepoint)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)codepoint);
}
