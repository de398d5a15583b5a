/* SPDX-License-Identifier: Apache-2.0
 *
 * Where keys come from: Keystore, Keychain, libsecret, a file; and, for apps that ship no key,
 * where short-lived tokens and signatures come from: App Check, App Attest, a proxy of one's own.
 */
#ifndef AMPHI_EXT_KEYS_H
#define AMPHI_EXT_KEYS_H

#include <amphi/ext/http.h>

#define AMPHI_STORE_KEY_BYTES 32

/* FROZEN. What a token is for. */
typedef struct amphi_token_request {
    amphi_str endpoint;   /* its name */
    amphi_str url;        /* that the request goes to */
    bool renew;           /* the last token was refused: one from a cache is of no use */
    uint64_t reserved[4]; /* 0 */
} amphi_token_request;

/* FROZEN: filled in by the provider; it comes zeroed, and the caller wipes it. */
typedef struct amphi_token {
    char header[64];      /* "X-Firebase-AppCheck"; empty: "Authorization", with "Bearer " before */
    char value[8192];     /* one line without control characters, NUL-terminated */
    int64_t expires_ms;   /* Unix time; 0: not to be kept, ask for each request */
    uint64_t reserved[4]; /* 0 */
} amphi_token;

/* FROZEN. A request as it will be sent. */
typedef struct amphi_sign_request {
    amphi_str endpoint;               /* its name */
    amphi_str method;                 /* "POST" */
    amphi_str url;                    /* all of it */
    const amphi_http_header *headers; /* that are sent, credentials included */
    size_t headers_count;             /* of `headers` */
    amphi_str body;                   /* every byte of it */
    char body_sha256[72];             /* in lower-case hex digits, NUL-terminated */
    uint64_t reserved[4];             /* 0 */
} amphi_sign_request;

/* Adds a header to the request that is signed; both strings are copied. AMPHI_E_ARGUMENT: the name
 * is none, or belongs to the connection (Host, Content-Length, ...). */
typedef amphi_status amphi_add_header_fn(void *user, amphi_str name, amphi_str value);

/* TABLE. store_key is required where the store is the built-in one. */
typedef struct amphi_keys_ops {
    size_t struct_size;
    const char *name;
    /* The store's key: 32 random bytes, created by the provider on first use and the same ever
     * after. The caller wipes `out`. May block (a user's fingerprint). Any thread, one at a
     * time. */
    amphi_status (*store_key)(
        void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error);
    /* The API key of an endpoint, into `out` (at most `capacity` bytes, *size_out of them). Called
     * for each request, so that a key can be rotated; the caller wipes `out`. NULL: key files. */
    amphi_status (*api_key)(void *self, amphi_str endpoint, char *out, size_t capacity,
        size_t *size_out, amphi_error *error);
    /* Last call. NULL: nothing to free. */
    void (*free)(void *self);
    /* Where the store's key lives, in words for a person (a path, "Keychain"); never the key.
     * *exists: false when it would have to be made. Makes nothing. NULL: not known. */
    void (*where)(void *self, char *out, size_t capacity, bool *exists);
    /* Destroys the store's key for good; AMPHI_OK as well when there was none. What it encrypted,
     * and what was wrapped by it, can't be read again. NULL: unsupported. */
    amphi_status (*destroy)(void *self, amphi_error *error);
    /* A short-lived token for an endpoint, in place of api_key and key file. *out is kept until
     * shortly before it expires (30 s, or a tenth of its life); after a 401 it is asked for once
     * more, with `renew`, and the request is sent once more with what comes. On a thread of the
     * library that works for a request, for each endpoint one call at a time, under no lock. It may
     * block (a look-up over the network), 10 s at most: so long a cancelled request waits for it.
     * AMPHI_E_NOT_FOUND: this endpoint has none. NULL: there are no tokens. */
    amphi_status (*api_token)(
        void *self, const amphi_token_request *request, amphi_token *out, amphi_error *error);
    /* Signs a request: adds further headers with `add`. Called last, each time that a request is
     * sent; threads and blocking as for api_token, but several at a time. NULL: none is signed. */
    amphi_status (*sign)(void *self, const amphi_sign_request *request, amphi_add_header_fn *add,
        void *user, amphi_error *error);
} amphi_keys_ops;

/* FROZEN. */
typedef struct amphi_keys {
    const amphi_keys_ops *ops;
    void *self;
} amphi_keys;

#endif
