/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking the members of a JSON object or array as the text they are. A request is passed on to
 * the cloud with a few members changed; what isn't changed must arrive as it was written (large
 * integers, long fractions, image data of megabytes), so there is no tree and no reprinting.
 */
#ifndef AMPHI_CORE_JSON_SPAN_H
#define AMPHI_CORE_JSON_SPAN_H

#include "sdk/core/json.h"

#include <amphi/types.h>

typedef struct amphi_json_span {
    amphi_str rest;
    bool in_object;
} amphi_json_span;

typedef struct amphi_json_member {
    amphi_str key;   /* between its quotes, escapes as written; empty in an array */
    amphi_str value; /* the value's text, without blanks around it */
} amphi_json_member;

/* `text` has passed amphi__json_check. false: it is neither an object nor an array. */
bool amphi__json_span_init(amphi_json_span *span, amphi_str text);
/* false at the end. */
bool amphi__json_span_next(amphi_json_span *span, amphi_json_member *out);

/* Writes a member of an object as it was written. */
void amphi__json_member_put(amphi_json_writer *writer, const amphi_json_member *member);
/* `keys` ends with NULL. */
bool amphi__json_key_is_one_of(amphi_str key, const char *const *keys);

#endif
