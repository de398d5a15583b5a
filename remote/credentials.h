/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers by which a request says who asks: the endpoint's own (a proxy's, an app's), and one
 * of these: a short-lived token from the app (ext/keys.h), its API key, or the key file. They are
 * gathered anew for each request, so that all of them can be renewed, and wiped after it; a token
 * is kept until shortly before it expires. No message and no log line ever holds one.
 *
 * Gathering may block: files are read, the app is asked. Any thread, no lock is held.
 */
#ifndef AMPHI_REMOTE_CREDENTIALS_H
#define AMPHI_REMOTE_CREDENTIALS_H

#include "sdk/core/buf.h"
#include "sdk/core/thread.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/http.h>
#include <amphi/ext/keys.h>

#define AMPHI_CREDENTIAL_HEADERS_MAX 40
#define AMPHI_MARK_SIZE              17

/* An endpoint's token, shared by its requests. */
typedef struct amphi_token_cache {
    amphi_mutex mutex;
    amphi_cond changed;
    bool is_asking;      /* a thread is in the app's callback; the others wait for it */
    amphi_buf line;      /* "Name: value"; empty: none */
    int64_t until_ms;    /* Unix time: use it until then */
    uint64_t generation; /* grows with each one */
} amphi_token_cache;

amphi_status amphi__token_cache_init(amphi_token_cache *cache);
void amphi__token_cache_clear(amphi_token_cache *cache); /* a zeroed one is fine */

/* Borrowed by the call; strings are never NULL. */
typedef struct amphi_credential_source {
    const char *endpoint;     /* the name, for the app and for messages */
    const char *url;          /* that the request goes to */
    const char *headers;      /* lines that amphi__credentials_check accepted */
    const char *headers_file; /* empty: none */
    const char *key_file;     /* likewise */
    amphi_keys keys;
    const amphi_clock *clock;
    amphi_token_cache *cache;
} amphi_credential_source;

typedef struct amphi_credentials {
    amphi_buf lines;           /* "Name: value", an LF behind each */
    amphi_buf secrets;         /* of them what must not come back, an LF behind each */
    uint64_t token_generation; /* 0: without a token */
} amphi_credentials;

void amphi__credentials_init(amphi_credentials *credentials);
void amphi__credentials_wipe(amphi_credentials *credentials);

/* Into empty `out`. refused: what a server answered 401 to; a token is then asked for anew. NULL:
 * nothing was. */
amphi_status amphi__credentials_gather(amphi_credentials *out,
    const amphi_credential_source *source, const amphi_credentials *refused, amphi_error *error);

/* Changes when the source's files do, by their metadata; says nothing of what is in them. Empty: it
 * has none. Reads no file. */
void amphi__credentials_mark(const amphi_credential_source *source, char out[AMPHI_MARK_SIZE]);

/* Would they be refused as those were? A signature may stand behind those. */
bool amphi__credentials_are_the_same(
    const amphi_credentials *credentials, const amphi_credentials *refused);

/* The app's signature of a request with these headers: adds lines. */
amphi_status amphi__credentials_sign(amphi_credentials *credentials,
    const amphi_credential_source *source, const amphi_http_request *request, amphi_error *error);

/* The lines as headers, which point into them; how many. */
size_t amphi__credentials_headers(
    const amphi_credentials *credentials, amphi_http_header out[AMPHI_CREDENTIAL_HEADERS_MAX]);

/* "Name: value" lines: AMPHI_E_ARGUMENT, with `what` in front, where a name is none, is one of the
 * connection's or of ours, or a value has a control character; AMPHI_E_LIMIT above 16 KiB or 32
 * lines. */
amphi_status amphi__credentials_check(amphi_str lines, const char *what, amphi_error *error);

#endif
