/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider says of a failure, for the caller's eyes: message, type, code, param and request
 * id out of the body of its answer, whatever shape it has, each one bounded line. Whatever looks
 * like an API key is taken out, and so is every secret that was sent. It may quote the question, so
 * it goes to the caller of the request and nowhere else: no log, no history. Pure; any thread.
 */
#ifndef AMPHI_REMOTE_PROVIDER_WORDS_H
#define AMPHI_REMOTE_PROVIDER_WORDS_H

#include "sdk/core/json.h"

#include <amphi/error.h>

/* Borrowed. */
typedef struct amphi_provider_answer {
    int http_status;      /* 200: an error object inside a stream */
    amphi_str body;       /* anything */
    amphi_str request_id; /* of the answer's headers; may be empty */
    amphi_str secrets;    /* that were sent, an LF behind each: API key, values of headers */
} amphi_provider_answer;

/* false: it says nothing. *out is filled in all the same. */
bool amphi__provider_words_read(amphi_provider_error *out, const amphi_provider_answer *answer);

/* The object with the reason: "error", or the body itself where there is none. `root` may be
 * NULL. */
const amphi_json *amphi__provider_words_object(const amphi_json *root);

/* Appends `text` as one line, keys and secrets as "[key]". */
void amphi__provider_words_redact(amphi_buf *out, amphi_str text, amphi_str secrets);

#endif
