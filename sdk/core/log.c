/* SPDX-License-Identifier: Apache-2.0
 *
 * Formatting a log line for the app.
 */
#include "sdk/core/log.h"

#include "sdk/core/str.h"

#include <stdarg.h>
#include <stdio.h>

void amphi__log(const amphi_log *log, int level, const char *format, ...)
{
    if (log == NULL || log->fn == NULL)
        return;
    char line[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size < 0)
        return;
    amphi_str text = amphi_str_make(line, (size_t)size);
    if (text.size >= sizeof line) { /* cut, but between characters */
        text.size = sizeof line - 1;
        text.size = amphi__utf8_complete_size(text);
    }
    log->fn(log->user, level, text);
}
