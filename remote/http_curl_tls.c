/* SPDX-License-Identifier: Apache-2.0
 *
 * What TLS an exchange gets: always verified, version 1.3 unless tls12, the caller's CA file
 * instead of the system's authorities, and the server's public key compared with the caller's pins.
 * curl does the comparing; the form of a list of pins is checked before (tls_pins_format.c).
 * OpenSSL wipes what it decrypted once curl has it.
 */
#include "remote/http_curl.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <dlfcn.h>
#include <string.h>

CURLcode amphi__http_curl_set_string(CURL *easy, CURLoption option, amphi_str value)
{
    char *copy = amphi__str_copy(value);
    CURLcode code = copy != NULL ? curl_easy_setopt(easy, option, copy) : CURLE_OUT_OF_MEMORY;
    amphi__free(copy);
    return code;
}

/* OpenSSL's header is not needed for one number: SSL_OP_CLEANSE_PLAINTEXT of OpenSSL 3. */
#define OP_CLEANSE_PLAINTEXT ((uint64_t)1 << 1)

static CURLcode on_tls_context(CURL *easy, void *context, void *set_options)
{
    uint64_t (*set)(void *context, uint64_t options) = NULL;
    memcpy(&set, &set_options, sizeof set); /* POSIX: a symbol's address may be a function's */
    (void)set(context, OP_CLEANSE_PLAINTEXT);
    return CURLE_OK;
}

/* Left alone where TLS is another library's, or its functions can't be seen from here. */
static CURLcode cleanse_plaintext(CURL *easy)
{
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    CURLcode code = CURLE_OK;
    if (version->ssl_version == NULL || strncmp(version->ssl_version, "OpenSSL/3", 9) != 0)
        return code;
    void *set_options = dlsym(RTLD_DEFAULT, "SSL_CTX_set_options");
    if (set_options == NULL)
        return code;
    AMPHI__CURL_SET(easy, code, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    AMPHI__CURL_SET(easy, code, CURLOPT_SSL_CTX_DATA, set_options);
    return code;
}

CURLcode amphi__http_curl_tls_set(CURL *easy, const amphi_http_request *request)
{
    long version = request->tls12 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3;
    CURLcode code = CURLE_OK;
    AMPHI__CURL_SET(easy, code, CURLOPT_SSL_VERIFYPEER, 1L);
    AMPHI__CURL_SET(easy, code, CURLOPT_SSL_VERIFYHOST, 2L);
    AMPHI__CURL_SET(easy, code, CURLOPT_SSLVERSION, version);
    code = code == CURLE_OK ? cleanse_plaintext(easy) : code;
    if (code == CURLE_OK && request->ca_file.size > 0) {
        code = amphi__http_curl_set_string(easy, CURLOPT_CAINFO, request->ca_file);
        /* The system's directory would still be accepted. */
        AMPHI__CURL_SET(easy, code, CURLOPT_CAPATH, NULL);
    }
    if (code == CURLE_OK && request->pins.size > 0)
        code = amphi__http_curl_set_string(easy, CURLOPT_PINNEDPUBLICKEY, request->pins);
    return code;
}
