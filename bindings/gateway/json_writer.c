/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written may be what a user said, so memory is overwritten before it is freed, also where
 * the text grows out of it.
 */
#include "json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Through a pointer that the compiler does not know, or it would leave the writing out. */
static void *(*const volatile overwrite)(void *, int, size_t) = memset;

static bool reserve(gateway_json *json, size_t size)
{
    size_t needed = json->size + size + 1;
    if (json->failed || needed <= json->capacity)
        return !json->failed;
    size_t capacity = needed < 256 ? 256 : needed + needed / 2;
    char *larger = malloc(capacity);
    if (larger == NULL) {
        json->failed = true;
        return false;
    }
    if (json->data != NULL) {
        memcpy(larger, json->data, json->size);
        overwrite(json->data, 0, json->size);
        free(json->data);
    }
    json->data = larger;
    json->capacity = capacity;
    return true;
}

void gateway_json_append(gateway_json *json, amphi_str bytes)
{
    if (bytes.size == 0 || !reserve(json, bytes.size))
        return;
    memcpy(json->data + json->size, bytes.data, bytes.size);
    json->size += bytes.size;
    json->data[json->size] = '\0';
}

void gateway_json_append_escaped(gateway_json *json, amphi_str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        char escape[8];
        gateway_json_append(json, amphi_str_make(text.data + from, i - from));
        if (c == '\n')
            snprintf(escape, sizeof escape, "\\n");
        else if (c < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else
            snprintf(escape, sizeof escape, "\\%c", c);
        gateway_json_append(json, amphi_str_from(escape));
        from = i + 1;
    }
    if (from < text.size)
        gateway_json_append(json, amphi_str_make(text.data + from, text.size - from));
}

static void put_char(gateway_json *json, char c)
{
    gateway_json_append(json, amphi_str_make(&c, 1));
}

static void put_quoted(gateway_json *json, amphi_str text)
{
    put_char(json, '"');
    gateway_json_append_escaped(json, text);
    put_char(json, '"');
}

static void begin_value(gateway_json *json, const char *key)
{
    if (json->follows)
        put_char(json, ',');
    if (key != NULL) {
        put_quoted(json, amphi_str_from(key));
        put_char(json, ':');
    }
    json->follows = true;
}

void gateway_json_open(gateway_json *json, const char *key, char bracket)
{
    begin_value(json, key);
    put_char(json, bracket);
    json->follows = false;
}

void gateway_json_close(gateway_json *json, char bracket)
{
    put_char(json, bracket);
    json->follows = true;
}

void gateway_json_str(gateway_json *json, const char *key, amphi_str text)
{
    begin_value(json, key);
    put_quoted(json, text);
}

void gateway_json_c(gateway_json *json, const char *key, const char *text)
{
    gateway_json_str(json, key, amphi_str_from(text));
}

void gateway_json_int(gateway_json *json, const char *key, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    gateway_json_raw(json, key, amphi_str_from(text));
}

void gateway_json_bool(gateway_json *json, const char *key, bool value)
{
    gateway_json_raw(json, key, value ? AMPHI_STR("true") : AMPHI_STR("false"));
}

void gateway_json_raw(gateway_json *json, const char *key, amphi_str value)
{
    begin_value(json, key);
    gateway_json_append(json, value.size > 0 ? value : AMPHI_STR("null"));
}

void gateway_json_member(gateway_json *json, amphi_str key, amphi_str value)
{
    begin_value(json, NULL);
    put_char(json, '"');
    gateway_json_append(json, key);
    gateway_json_append(json, AMPHI_STR("\":"));
    gateway_json_append(json, value);
}

void gateway_json_members(gateway_json *json, amphi_str members)
{
    if (members.size == 0)
        return;
    begin_value(json, NULL);
    gateway_json_append(json, members);
}

amphi_str gateway_json_text(const gateway_json *json)
{
    return amphi_str_make(json->data, json->failed ? 0 : json->size);
}

char *gateway_json_take(gateway_json *json)
{
    char *text = json->failed ? NULL : json->data;
    if (json->failed)
        free(json->data);
    *json = (gateway_json){.data = NULL};
    return text;
}

void gateway_json_wipe(gateway_json *json)
{
    if (json->data != NULL)
        overwrite(json->data, 0, json->capacity);
    free(json->data);
    *json = (gateway_json){.data = NULL};
}
