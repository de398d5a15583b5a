/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a sentence ends that has no room.
 */
#include "sdk/core/sentence.h"

#include "sdk/core/str.h"

#include <stdio.h>
#include <string.h>

/* The longest sentence before it is cut; longer than every buffer that one goes into. */
#define SENTENCE_BYTES_MAX 1536u
/* A longer word is a path or another script's sentence, and is cut at a character's border. */
#define WORD_BYTES_MAX 40u

static const char dots[] = "...";

/* Not before the dots. */
static bool is_loose(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == ':' || c == '(' || c == '.';
}

/* How much of `text`, which is longer than `room`, stands before the dots. No word before `least`
 * is taken away. */
static size_t cut_size(amphi_str text, size_t room, size_t least)
{
    size_t most = room - (sizeof dots - 1);
    size_t size = amphi__utf8_complete_size(amphi_str_make(text.data, most));
    size_t word = most;
    size_t limit = most > WORD_BYTES_MAX ? most - WORD_BYTES_MAX : 0;
    limit = limit > least ? limit : least;
    while (word > limit && text.data[word] != ' ')
        word--;
    if (word > limit)
        size = word;
    while (size > 0 && is_loose(text.data[size - 1]))
        size--;
    return size;
}

/* `used` bytes of the text are in the buffer already. */
static void put(char *buffer, size_t buffer_size, amphi_str text, size_t used)
{
    size_t room = buffer_size - 1;
    if (text.size <= room) {
        amphi__str_copy_to(buffer, buffer_size, text);
        return;
    }
    size_t least = used < room - (sizeof dots - 1) ? used : 0;
    size_t size = cut_size(text, room, least);
    memmove(buffer, text.data, size);
    memcpy(buffer + size, dots, sizeof dots);
}

void amphi__sentence_copy(char *buffer, size_t buffer_size, amphi_str text)
{
    put(buffer, buffer_size, text, 0);
}

void amphi__sentence_add_list(
    char *buffer, size_t buffer_size, const char *format, va_list arguments)
{
    char text[SENTENCE_BYTES_MAX];
    size_t used = strnlen(buffer, buffer_size - 1);
    used = used < sizeof text - 1 ? used : sizeof text - 1;
    memcpy(text, buffer, used);
    text[used] = '\0';
    vsnprintf(text + used, sizeof text - used, format, arguments);
    put(buffer, buffer_size, amphi_str_from(text), used);
}

void amphi__sentence_add(char *buffer, size_t buffer_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    amphi__sentence_add_list(buffer, buffer_size, format, arguments);
    va_end(arguments);
}
