/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON is written into memory, with commas and escapes set by the writer. Insides of the gateway,
 * which has only the library's public headers.
 */
#ifndef AMPHI_GATEWAY_JSON_WRITER_H
#define AMPHI_GATEWAY_JSON_WRITER_H

#include <amphi/types.h>

/* All zero: empty. */
typedef struct gateway_json {
    char *data;
    size_t size;
    size_t capacity;
    bool failed;  /* out of memory: what is there is of no use */
    bool follows; /* the next value needs a comma */
} gateway_json;

/* key NULL: an element of an array, or the whole. */
void gateway_json_open(gateway_json *json, const char *key, char bracket);
void gateway_json_close(gateway_json *json, char bracket);
void gateway_json_str(gateway_json *json, const char *key, amphi_str text);
void gateway_json_c(gateway_json *json, const char *key, const char *text);
void gateway_json_int(gateway_json *json, const char *key, int64_t number);
void gateway_json_bool(gateway_json *json, const char *key, bool value);
/* `value` is JSON already; empty: null. */
void gateway_json_raw(gateway_json *json, const char *key, amphi_str value);
/* The same with a key that is escaped already. */
void gateway_json_member(gateway_json *json, amphi_str key, amphi_str value);
/* Members, or elements, that were written elsewhere, without brackets; empty: nothing. */
void gateway_json_members(gateway_json *json, amphi_str members);

/* Bytes as they are, without a comma. */
void gateway_json_append(gateway_json *json, amphi_str bytes);
/* Text with its escapes, without quotes. */
void gateway_json_append_escaped(gateway_json *json, amphi_str text);

amphi_str gateway_json_text(const gateway_json *json);
/* As a string of malloc, NULL when it failed; empty afterwards. */
char *gateway_json_take(gateway_json *json);
/* Overwrites and frees; empty afterwards. */
void gateway_json_wipe(gateway_json *json);

#endif
