/* SPDX-License-Identifier: Apache-2.0
 *
 * A request body is read in place: no tree, no copies. First the whole text is checked, then its
 * values are walked as pieces of it, which can be written into another request as they are.
 * Insides of the gateway, which has only the library's public headers.
 */
#ifndef AMPHI_GATEWAY_JSON_READER_H
#define AMPHI_GATEWAY_JSON_READER_H

#include <amphi/types.h>

/* Is this one JSON value (RFC 8259) in UTF-8, nested at most 64 deep? */
bool gateway_json_is_valid(amphi_str text);

/* A walk over an array or object; of text that was checked. */
typedef struct gateway_json_walk {
    const char *at;
    const char *end;
    bool is_object;
} gateway_json_walk;

/* Of anything else than an array or object there is nothing to walk over. */
gateway_json_walk gateway_json_begin(amphi_str container);
/* key: without its quotes, escapes as they are; empty in arrays. NULL is fine. */
bool gateway_json_next(gateway_json_walk *walk, amphi_str *key, amphi_str *value);

/* The value of a member, of duplicates the last one; empty: there is none. */
amphi_str gateway_json_get(amphi_str object, const char *key);
bool gateway_json_is_object(amphi_str value);
bool gateway_json_is_array(amphi_str value);
bool gateway_json_is_string(amphi_str value);
/* Not there, or null. */
bool gateway_json_is_null(amphi_str value);
bool gateway_json_is(amphi_str value, const char *literal); /* true, false, a number's text */
/* Is this the string `text`, which needs no escapes? */
bool gateway_json_says(amphi_str value, const char *text);
/* Between a string's quotes, escapes as they are; empty for anything else. */
amphi_str gateway_json_inner(amphi_str value);

#endif
