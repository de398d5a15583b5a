/* SPDX-License-Identifier: Apache-2.0
 *
 * A misspelt X-Amphi-Private would send what was to stay here, so every header with "amphi" in its
 * name that is not known (X_Amphi_Private, Amphi-Private) is refused by name, and so is a value
 * that is not one of its own.
 */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct setting {
    const char *header;
    const char *member;
    const char *values; /* each between blanks; NULL: any text */
    bool is_quoted;     /* a string in JSON */
} setting;

static const char yes_or_no[] = " true false ";

static const setting settings[] = {
    {"X-Amphi-Mode", "mode", " auto prefer_local prefer_cloud only_local only_cloud ", true},
    {"X-Amphi-Private", "private", yes_or_no, false},
    {"X-Amphi-Conversation", "conversation_id", NULL, true},
    {"X-Amphi-Cache", "cache", " off exact near ", true},
    {"X-Amphi-No-Cache", "no_cache", yes_or_no, false},
    {"X-Amphi-No-Store", "no_store", yes_or_no, false},
    {"X-Amphi-No-Queue", "no_queue", yes_or_no, false},
};

enum { SETTINGS_COUNT = sizeof settings / sizeof settings[0] };

typedef struct reader {
    gateway_exchange *exchange;
    const char *values[SETTINGS_COUNT];
} reader;

static void refuse(gateway_exchange *exchange, const char *header, const char *why)
{
    snprintf(exchange->refused_header, sizeof exchange->refused_header, "%s", header);
    snprintf(exchange->refusal_words, sizeof exchange->refusal_words, "%s: %s",
        exchange->refused_header, why);
    exchange->refusal = (gateway_failure){.http_status = MHD_HTTP_BAD_REQUEST,
        .type = "invalid_request_error",
        .code = "invalid_value",
        .param = exchange->refused_header,
        .message = exchange->refusal_words};
}

static bool is_one_of(const char *values, const char *value)
{
    size_t size = strlen(value);
    if (size == 0 || strchr(value, ' ') != NULL)
        return false;
    for (const char *at = strstr(values, value); at != NULL; at = strstr(at + 1, value))
        if (at[-1] == ' ' && at[size] == ' ')
            return true;
    return false;
}

static bool is_meant_for_us(const char *name)
{
    static const char ours[] = "amphi";
    for (; *name != '\0'; name++)
        if (strncasecmp(name, ours, sizeof ours - 1) == 0)
            return true;
    return false;
}

static enum MHD_Result read_header(
    void *opaque, enum MHD_ValueKind kind, const char *name, const char *value)
{
    reader *r = opaque;
    if (!is_meant_for_us(name))
        return MHD_YES;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (strcasecmp(name, settings[i].header) != 0)
            continue;
        const char *text = value != NULL ? value : "";
        if (r->values[i] != NULL)
            refuse(r->exchange, settings[i].header, "it is given twice");
        else if (settings[i].values != NULL && !is_one_of(settings[i].values, text)) {
            char why[128];
            snprintf(why, sizeof why, "one of%.*s is expected", (int)strlen(settings[i].values) - 1,
                settings[i].values);
            refuse(r->exchange, settings[i].header, why);
        }
        r->values[i] = text;
        return MHD_YES;
    }
    refuse(r->exchange, name,
        "Amphi has no such header (X-Amphi-Mode, -Private, -Conversation, -Cache, -No-Cache, "
        "-No-Store, -No-Queue)");
    return MHD_YES;
}

/* malloc; NULL: out of memory. */
static char *write_json(const reader *r)
{
    size_t size = 3;
    for (size_t i = 0; i < SETTINGS_COUNT; i++)
        size += r->values[i] != NULL ? 2 * strlen(r->values[i]) + 32 : 0;
    char *json = malloc(size);
    size_t at = 1;
    if (json == NULL)
        return NULL;
    strcpy(json, "{");
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if (r->values[i] == NULL)
            continue;
        const char *quote = settings[i].is_quoted ? "\"" : "";
        at += (size_t)snprintf(
            json + at, size - at, "%s\"%s\":%s", at > 1 ? "," : "", settings[i].member, quote);
        gateway_write_escaped(json + at, size - at, r->values[i]);
        at += strlen(json + at);
        at += (size_t)snprintf(json + at, size - at, "%s", quote);
    }
    snprintf(json + at, size - at, "}");
    return json;
}

void gateway_settings_read(gateway_exchange *exchange)
{
    reader r = {.exchange = exchange};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, read_header, &r);
    bool has_one = false;
    for (size_t i = 0; i < SETTINGS_COUNT; i++)
        has_one |= r.values[i] != NULL;
    if (exchange->refusal.http_status != 0 || !has_one)
        return;
    exchange->settings = write_json(&r);
    if (exchange->settings == NULL)
        exchange->refusal = (gateway_failure){.http_status = MHD_HTTP_INTERNAL_SERVER_ERROR,
            .type = "server_error",
            .message = "out of memory"};
}
