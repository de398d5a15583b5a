/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests on borrowed strings, and copies of them.
 */
#ifndef AMPHI_CORE_STR_H
#define AMPHI_CORE_STR_H

#include <amphi/types.h>

bool amphi__str_equal(amphi_str a, amphi_str b);
bool amphi__str_equal_c(amphi_str a, const char *b);
/* ASCII only. */
bool amphi__str_equal_ignore_case(amphi_str a, amphi_str b);
bool amphi__str_starts_with(amphi_str str, amphi_str prefix);
bool amphi__str_ends_with(amphi_str str, amphi_str suffix);
/* Offset of the first occurrence, or SIZE_MAX. */
size_t amphi__str_find(amphi_str str, amphi_str needle);
amphi_str amphi__str_slice(amphi_str str, size_t from, size_t to);
/* Without ASCII blanks at both ends. */
amphi_str amphi__str_trim(amphi_str str);
/* The part before `separator`; *rest is what follows it (empty when there is none). */
amphi_str amphi__str_cut(amphi_str str, char separator, amphi_str *rest);
/* Nothing but the characters 0x21 to 0x7E; also true of the empty string. */
bool amphi__str_is_visible_ascii(amphi_str str);
/* The complete string as an unsigned decimal number; false on anything else or overflow. */
bool amphi__str_to_u64(amphi_str str, uint64_t *out);

/* A NUL-terminated copy on the heap (amphi__free); NULL without memory. */
char *amphi__str_copy(amphi_str str);
/* Into a fixed buffer, cut at a character's border, always NUL-terminated. */
void amphi__str_copy_to(char *buffer, size_t buffer_size, amphi_str str);

bool amphi__utf8_is_valid(amphi_str str);
/* How many bytes at the front are complete characters, without an incomplete last one; invalid
 * bytes count as complete. */
size_t amphi__utf8_complete_size(amphi_str str);
/* Decodes one character: its length in bytes, or 0 when the bytes are no character. */
size_t amphi__utf8_decode(amphi_str str, uint32_t *codepoint);
/* Writes at most 4 bytes, returns how many. */
size_t amphi__utf8_encode(uint32_t codepoint, char out[4]);

#endif
