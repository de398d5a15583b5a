/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of Unicode that Python's str methods show to a template: counting and cutting by code
 * points, blanks, letters and case. Case covers Latin, Greek, Cyrillic, Armenian and fullwidth
 * letters; other scripts pass through unchanged. Texts are valid UTF-8.
 */
#ifndef AMPHI_JINJA_UNICODE_H
#define AMPHI_JINJA_UNICODE_H

#include "sdk/core/buf.h"

/* The character at `at`; *size is its length in bytes (1 for a byte that is none). */
uint32_t amphi__jinja_char_at(amphi_str text, size_t at, size_t *size);
/* The character that ends at `end`. */
uint32_t amphi__jinja_char_before(amphi_str text, size_t end, size_t *size);
size_t amphi__jinja_char_count(amphi_str text);
/* Byte offset of the n-th character; the text's size when there are fewer. */
size_t amphi__jinja_char_offset(amphi_str text, size_t n);

bool amphi__jinja_is_space(uint32_t c); /* str.isspace() */
bool amphi__jinja_is_alpha(uint32_t c); /* every non-ASCII character that is no blank or sign */
bool amphi__jinja_is_digit(uint32_t c);
bool amphi__jinja_is_upper(uint32_t c);
bool amphi__jinja_is_lower(uint32_t c);
bool amphi__jinja_is_printable(uint32_t c);
/* Appends the upper or lower case of one character ("SS" for sharp s). */
void amphi__jinja_put_upper(amphi_buf *out, uint32_t c);
void amphi__jinja_put_lower(amphi_buf *out, uint32_t c);
void amphi__jinja_put_char(amphi_buf *out, uint32_t c);

#endif
