/* SPDX-License-Identifier: Apache-2.0
 *
 * What Unicode's tables know of a character and of a text, over libutf8proc (unicode.c is the only
 * file that includes it). No state, no allocation but the caller's buffer; any thread.
 */
#ifndef AMPHI_CORE_UNICODE_H
#define AMPHI_CORE_UNICODE_H

#include "sdk/core/buf.h"

/* Normalization form C: one spelling of each accented letter. It keeps what differs to a reader:
 * a superscript two is no two (form KC would make it one). Appends to `out`. AMPHI_E_FORMAT: not
 * UTF-8, and nothing was appended. */
amphi_status amphi__unicode_nfc(amphi_buf *out, amphi_str text);

/* One character as it is found: in form KD, case folded, without accents. Returns how many of `out`
 * were written; 0: it is invisible, or an accent. Hangul syllables stay whole. */
#define AMPHI_UNICODE_FIND_MAX 32
size_t amphi__unicode_find_character(uint32_t codepoint, uint32_t out[AMPHI_UNICODE_FIND_MAX]);

bool amphi__unicode_is_letter(uint32_t codepoint); /* of any script */
bool amphi__unicode_is_mark(uint32_t codepoint);   /* an accent, a vowel sign: part of a word */
bool amphi__unicode_is_digit(uint32_t codepoint);  /* decimal, of any script */
bool amphi__unicode_is_blank(uint32_t codepoint);  /* also a byte order mark */
bool amphi__unicode_is_upper(uint32_t codepoint);  /* title case as well */
bool amphi__unicode_is_lower(uint32_t codepoint);
uint32_t amphi__unicode_to_lower(uint32_t codepoint);

#endif
