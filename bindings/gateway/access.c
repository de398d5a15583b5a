/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may ask: those who know the key, where one is set; where none is, programs of this machine,
 * but no page in its browser that came from elsewhere.
 */
#include "exchange_state.h"

#include <string.h>
#include <strings.h>

static bool is_authorized(const gateway_exchange *exchange)
{
    const char *wanted = exchange->server->options.bearer;
    if (wanted == NULL)
        return true;
    size_t size = strcspn(wanted, " \t\r\n");
    const char *header = gateway_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header == NULL || strncmp(header, "Bearer ", 7) != 0 || strlen(header + 7) != size)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(header[7 + i] ^ wanted[i]);
    return difference == 0;
}

/* "localhost", "127.…" or "[::1]", with or without a port. */
static bool is_this_machine(const char *host)
{
    static const char *const names[] = {"localhost", "[::1]"};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(names[i]);
        if (strncasecmp(host, names[i], size) == 0 && (host[size] == '\0' || host[size] == ':'))
            return true;
    }
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.:") == strlen(host);
}

bool gateway_host_is_loopback(const char *host)
{
    return host == NULL || is_this_machine(host) || strcmp(host, "::1") == 0;
}

/* Without a key, what keeps a web page from using a server on this machine is what the browser
 * says about where the request comes from: a foreign Origin, or a foreign Host (DNS rebinding), is
 * refused. With a key the page would have to know it. */
static bool comes_from_a_foreign_page(const gateway_exchange *exchange)
{
    const char *host = gateway_header(exchange, MHD_HTTP_HEADER_HOST);
    const char *origin = gateway_header(exchange, MHD_HTTP_HEADER_ORIGIN);
    if (exchange->server->options.bearer != NULL)
        return false;
    if (origin != NULL) {
        const char *name = strstr(origin, "://");
        if (name == NULL || !is_this_machine(name + 3))
            return true;
    }
    return gateway_host_is_loopback(exchange->server->options.host) && host != NULL &&
           !is_this_machine(host);
}

void gateway_check_access(gateway_exchange *exchange)
{
    if (gateway_is_health(exchange->url))
        return;
    /* A browser asks for permission without the key, and says so by the request it would make. */
    bool asks = strcmp(exchange->method, MHD_HTTP_METHOD_OPTIONS) == 0;
    if (!asks && !is_authorized(exchange))
        exchange->refusal = (gateway_failure){.http_status = MHD_HTTP_UNAUTHORIZED,
            .type = "invalid_request_error",
            .code = "invalid_api_key",
            .message = "this endpoint asks for its key: Authorization: Bearer KEY"};
    else if (comes_from_a_foreign_page(exchange))
        exchange->refusal = (gateway_failure){.http_status = MHD_HTTP_FORBIDDEN,
            .type = "invalid_request_error",
            .code = "refused",
            .message =
                "a foreign Host or Origin is refused; --require-key-file lets it in with a key"};
    else
        exchange->allows_origin = true;
    exchange->allows_origin |= exchange->server->options.bearer != NULL;
}
