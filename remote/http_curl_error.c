/* SPDX-License-Identifier: Apache-2.0
 *
 * From curl's codes to ours: a table, and before it the codes that mean more than one thing.
 */
#include "remote/http_curl_error.h"

#include "sdk/core/error.h"

#include <errno.h>
#include <string.h>

typedef struct meaning {
    CURLcode code;
    amphi_status status;
    const char *message;
} meaning;

static const meaning meanings[] = {
    {CURLE_COULDNT_RESOLVE_HOST, AMPHI_E_OFFLINE,
        "the server's name could not be resolved: no network, or a wrong address"},
    {CURLE_COULDNT_RESOLVE_PROXY, AMPHI_E_OFFLINE,
        "the proxy's name could not be resolved: no network, or a wrong proxy setting"},
    {CURLE_COULDNT_CONNECT, AMPHI_E_NETWORK, "the server could not be reached"},
    {CURLE_GOT_NOTHING, AMPHI_E_NETWORK, "the server closed the connection without an answer"},
    {CURLE_SEND_ERROR, AMPHI_E_NETWORK, "the connection broke while the request was sent"},
    {CURLE_RECV_ERROR, AMPHI_E_NETWORK, "the connection broke"},
    {CURLE_HTTP2, AMPHI_E_NETWORK, "the HTTP/2 connection broke"},
    {CURLE_HTTP2_STREAM, AMPHI_E_NETWORK, "the server closed the HTTP/2 stream"},
    {CURLE_PROXY, AMPHI_E_NETWORK, "the proxy refused the connection"},
    {CURLE_PARTIAL_FILE, AMPHI_E_TRUNCATED, "the answer is shorter than the server had announced"},
    {CURLE_SSL_CONNECT_ERROR, AMPHI_E_TLS,
        "no TLS connection: the server offers no accepted version (1.2 needs tls12), or refused"},
    {CURLE_PEER_FAILED_VERIFICATION, AMPHI_E_TLS,
        "the server's certificate is not valid for this host and these authorities"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, AMPHI_E_TLS, "the server's public key matches no pin"},
    {CURLE_SSL_CACERT_BADFILE, AMPHI_E_TLS, "the CA file can't be read or holds no certificate"},
    {CURLE_SSL_ISSUER_ERROR, AMPHI_E_TLS, "the certificate's issuer is not accepted"},
    {CURLE_SSL_INVALIDCERTSTATUS, AMPHI_E_TLS, "the certificate's status is not valid"},
    {CURLE_SSL_CIPHER, AMPHI_E_TLS, "no common TLS cipher"},
    {CURLE_SSL_CERTPROBLEM, AMPHI_E_TLS, "the TLS set-up failed"},
    {CURLE_SSL_ENGINE_NOTFOUND, AMPHI_E_TLS, "the TLS set-up failed"},
    {CURLE_SSL_CRL_BADFILE, AMPHI_E_TLS, "the certificate revocation list can't be read"},
    {CURLE_BAD_CONTENT_ENCODING, AMPHI_E_PROTOCOL, "the answer's compression is broken"},
    {CURLE_WEIRD_SERVER_REPLY, AMPHI_E_PROTOCOL, "the server does not speak HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, AMPHI_E_PROTOCOL, "the server does not speak HTTP/1.1 or 2"},
};

/* CURLE_TOO_LARGE, which curl's headers have since 8.6. */
enum { CODE_TOO_LARGE = 100 };

static int64_t timing_us(CURL *easy, CURLINFO what)
{
    curl_off_t value = 0;
    curl_easy_getinfo(easy, what, &value);
    return (int64_t)value;
}

/* The handshake's code also stands for a connection that broke during it; only the text differs. */
static bool broke_in_handshake(const char *curl_message)
{
    static const char *const phrases[] = {
        "in connection to",             /* "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in ..." */
        "Send failure", "Recv failure", /* with errno's text: broken pipe, reset by peer */
        "reset by peer"};
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (strstr(curl_message, phrases[i]) != NULL)
            return true;
    return false;
}

/* Something that is no HTTP on a connection that served another request before is what was left of
 * that request's answer (a server that sends more than it announced), not this server's nature. */
static bool is_out_of_step(CURL *easy, CURLcode code, const amphi_http_response *response)
{
    long connects = 1;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && !response->headers_done &&
           (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL);
}

/* What the proxy answered to CONNECT, when it was no yes; 0: there is none, or it agreed. */
static long proxy_refusal(CURL *easy)
{
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &code);
    return code >= 300 ? code : 0;
}

static bool is_no_network(CURL *easy)
{
    long os_errno = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
    return os_errno == ENETUNREACH || os_errno == ENETDOWN;
}

static amphi_status explain_special(CURL *easy, CURLcode code, const amphi_http_response *response,
    const char *curl_message, amphi_error *error)
{
    bool sent = timing_us(easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return amphi__fail(error, AMPHI_E_TIMEOUT, code, "%s",
            sent ? "the answer took longer than its total time"
                 : "no connection within the connect time");
    }
    if (code == CURLE_OUT_OF_MEMORY || (int)code == CODE_TOO_LARGE) {
        /* How curl 7.88, and curl since 8.6, report a header line without end. */
        return sent && !response->headers_done
                   ? amphi__fail(error, AMPHI_E_LIMIT, code, "the answer's headers are too long")
                   : amphi__fail_no_memory(error);
    }
    if (code == CURLE_SSL_CONNECT_ERROR && broke_in_handshake(curl_message)) {
        return amphi__fail(
            error, AMPHI_E_NETWORK, code, "the connection broke during the TLS handshake");
    }
    if (code == CURLE_COULDNT_CONNECT && is_no_network(easy))
        return amphi__fail(error, AMPHI_E_OFFLINE, code, "there is no network");
    if (is_out_of_step(easy, code, response)) {
        return amphi__fail(
            error, AMPHI_E_NETWORK, code, "the kept connection was out of step with its server");
    }
    if (proxy_refusal(easy) != 0) {
        return amphi__fail(error, AMPHI_E_NETWORK, code,
            "the proxy refused the connection (HTTP %ld): check the proxy settings",
            proxy_refusal(easy));
    }
    return AMPHI_OK;
}

amphi_status amphi__http_curl_error_explain(CURL *easy, CURLcode code,
    const amphi_http_response *response, const char *curl_message, amphi_error *error)
{
    if (response->failure.status != AMPHI_OK) {
        *error = response->failure;
        return error->status;
    }
    if (code == CURLE_OK)
        return AMPHI_OK;
    if (explain_special(easy, code, response, curl_message, error) != AMPHI_OK)
        return error->status;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].code != code)
            continue;
        if (meanings[i].status == AMPHI_E_NETWORK && response->headers_done) {
            return amphi__fail(
                error, AMPHI_E_TRUNCATED, code, "the connection broke in the middle of the answer");
        }
        return amphi__fail(error, meanings[i].status, code, "%s", meanings[i].message);
    }
    return amphi__fail(error, AMPHI_E_NETWORK, code, "the transfer failed (curl %d)", (int)code);
}
