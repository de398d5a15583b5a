/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences for people in buffers of a fixed size. One that does not fit ends behind a whole word,
 * with "..." to show that there was more; a text without blanks ends behind a whole character.
 */
#ifndef AMPHI_CORE_SENTENCE_H
#define AMPHI_CORE_SENTENCE_H

#include <amphi/types.h>

#include <stdarg.h>

/* buffer_size counts the NUL; at least 4. */
void amphi__sentence_copy(char *buffer, size_t buffer_size, amphi_str text);
/* Behind the words that are there already. */
AMPHI_PRINTF(3, 4)
void amphi__sentence_add(char *buffer, size_t buffer_size, const char *format, ...);
AMPHI_PRINTF(3, 0)
void amphi__sentence_add_list(
    char *buffer, size_t buffer_size, const char *format, va_list arguments);

#endif
