/* SPDX-License-Identifier: Apache-2.0
 *
 * Status names, and filling in an amphi_error.
 */
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"

#include "sdk/core/str.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const status_names[] = {
    [AMPHI_OK] = "ok",
    [AMPHI_E_ARGUMENT] = "argument",
    [AMPHI_E_NO_MEMORY] = "no_memory",
    [AMPHI_E_CANCELLED] = "cancelled",
    [AMPHI_E_TIMEOUT] = "timeout",
    [AMPHI_E_NOT_FOUND] = "not_found",
    [AMPHI_E_IO] = "io",
    [AMPHI_E_FORMAT] = "format",
    [AMPHI_E_LIMIT] = "limit",
    [AMPHI_E_UNSUPPORTED] = "unsupported",
    [AMPHI_E_BUSY] = "busy",
    [AMPHI_E_FULL] = "full",
    [AMPHI_E_OFFLINE] = "offline",
    [AMPHI_E_NETWORK] = "network",
    [AMPHI_E_TLS] = "tls",
    [AMPHI_E_PROTOCOL] = "protocol",
    [AMPHI_E_TRUNCATED] = "truncated",
    [AMPHI_E_PROVIDER] = "provider",
    [AMPHI_E_REQUEST] = "request",
    [AMPHI_E_AUTH] = "auth",
    [AMPHI_E_RATE_LIMITED] = "rate_limited",
    [AMPHI_E_CONTEXT_LENGTH] = "context_length",
    [AMPHI_E_CONTENT_FILTER] = "content_filter",
    [AMPHI_E_ENGINE_DIED] = "engine_died",
    [AMPHI_E_ENGINE_STALLED] = "engine_stalled",
    [AMPHI_E_REFUSED] = "refused",
    [AMPHI_E_KEY] = "key",
    [AMPHI_E_CORRUPT] = "corrupt",
    [AMPHI_E_RESOURCE] = "resource",
    [AMPHI_E_INTERNAL] = "internal",
    [AMPHI_E_QUOTA] = "quota",
    [AMPHI_E_BACKGROUND] = "background",
    [AMPHI_E_UNCERTAIN] = "uncertain",
};

const char *amphi_status_name(amphi_status status)
{
    size_t count = sizeof status_names / sizeof status_names[0];
    return (size_t)status < count && status_names[status] != NULL ? status_names[status]
                                                                  : "unknown";
}

amphi_status(amphi__fail)(
    amphi_error *error, amphi_status status, int32_t native_code, const char *format, ...)
{
    if (error == NULL)
        return status;
    error->status = status;
    error->native_code = native_code;
    error->retry_after_ms = 0;
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' '; /* one line, whatever a file name or a server put in it */
    amphi__sentence_copy(error->message, sizeof error->message, amphi_str_from(line));
    return status;
}

amphi_status(amphi__fail_no_memory)(amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_NO_MEMORY, 0, "out of memory; nothing was changed");
}

amphi_status(amphi__fail_grown)(amphi_error *error, amphi_status status, const char *too_large)
{
    if (status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail(error, status, 0, "%s", too_large);
}

void amphi__error_clear(amphi_error *error)
{
    if (error != NULL)
        memset(error, 0, sizeof *error);
}
