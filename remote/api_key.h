/* SPDX-License-Identifier: Apache-2.0
 *
 * The API key of a cloud endpoint. It is read anew for each request, so that it can be rotated, and
 * wiped after it: from the app's key provider (ext/keys.h) if that knows the endpoint, else from
 * the endpoint's key file. No message and no log line ever holds it.
 */
#ifndef AMPHI_REMOTE_API_KEY_H
#define AMPHI_REMOTE_API_KEY_H

#include "sdk/core/buf.h"

#include <amphi/ext/keys.h>

/* Borrowed by the call. */
typedef struct amphi_api_key_source {
    const char *endpoint; /* the name, for the provider and for messages */
    const char *key_file; /* empty: none */
    amphi_keys keys;      /* ops or api_key NULL: no provider */
} amphi_api_key_source;

/* Appends "Bearer KEY" to `out`, or nothing where the endpoint has no key; the caller wipes it.
 * Reads a file or calls the provider: it may block. AMPHI_E_NOT_FOUND or AMPHI_E_IO: the key file
 * is missing or can't be read. AMPHI_E_FORMAT: longer than 4 KiB, empty, or with a character that
 * is not visible ASCII. */
amphi_status amphi__api_key_authorization(
    amphi_buf *out, const amphi_api_key_source *source, amphi_error *error);

#endif
