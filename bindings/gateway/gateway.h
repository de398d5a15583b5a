/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway: an amphi_client behind OpenAI's HTTP interface, by libmicrohttpd. One thread waits
 * for all connections; only a request that is being answered has a thread of its own. It uses the
 * JSON form of the public API and nothing else, so that an OpenAI client sees just what a binding
 * sees.
 */
#ifndef AMPHI_GATEWAY_H
#define AMPHI_GATEWAY_H

#include <amphi/amphi.h>

typedef struct gateway_server gateway_server;

typedef struct gateway_options {
    amphi_client *client;            /* borrowed */
    const char *host;                /* NULL: 127.0.0.1 */
    uint16_t port;                   /* 0: a free one */
    const char *tls_cert_pem;        /* both or neither */
    const char *tls_key_pem;         /* likewise */
    const char *bearer;              /* NULL: no key is needed; trailing blanks ignored */
    unsigned client_timeout_s;       /* for a header, and for a silent reader; 0: 30 */
    unsigned connections_max;        /* 0: 4096, or what the process may open */
    unsigned running_max;            /* requests at the same time; 0: 512 */
    unsigned running_per_client_max; /* of those, from one address; 0: 256 */
    bool logs_requests;              /* a line on standard error for each */
} gateway_options;

amphi_status gateway_start(
    gateway_server **out, const gateway_options *options, amphi_error *error);
/* "https://localhost:PORT/v1"; valid until stop. */
const char *gateway_url(const gateway_server *server);
/* Is this address only reachable from this machine? */
bool gateway_host_is_loopback(const char *host);
/* From now on new requests are refused; running ones go on. */
void gateway_drain(gateway_server *server);
/* Requests that are being answered. */
unsigned gateway_running(gateway_server *server);
/* Ends the running answers and waits for them. NULL is fine. */
void gateway_stop(gateway_server *server);

#endif
