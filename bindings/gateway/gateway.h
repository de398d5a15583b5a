/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway: an amphi_client behind OpenAI's HTTP interface, by libmicrohttpd with one thread a
 * connection. It uses the JSON form of the public API and nothing else, so that an OpenAI client
 * sees just what a binding sees.
 */
#ifndef AMPHI_GATEWAY_H
#define AMPHI_GATEWAY_H

#include <amphi/amphi.h>

typedef struct gateway_server gateway_server;

typedef struct gateway_options {
    amphi_client *client;      /* borrowed */
    const char *host;          /* NULL: 127.0.0.1 */
    uint16_t port;             /* 0: a free one */
    const char *tls_cert_pem;  /* both or neither */
    const char *tls_key_pem;   /* likewise */
    const char *bearer;        /* NULL: no key is needed; trailing blanks ignored */
    unsigned client_timeout_s; /* a client that neither sends nor reads; 0: 30 */
} gateway_options;

amphi_status gateway_start(
    gateway_server **out, const gateway_options *options, amphi_error *error);
/* "https://localhost:PORT/v1"; valid until stop. */
const char *gateway_url(const gateway_server *server);
/* Ends the running answers and waits for their connections. NULL is fine. */
void gateway_stop(gateway_server *server);

#endif
