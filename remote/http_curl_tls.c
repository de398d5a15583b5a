/* SPDX-License-Identifier: Apache-2.0
 *
 * What TLS an exchange gets: always verified, version 1.3 unless tls12, the caller's CA file
 * instead of the system's authorities, and the server's public key compared with the caller's pins.
 * curl does the comparing; the form of a list of pins is checked before (tls_pins_format.c).
 */
#include "remote/http_curl.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

CURLcode amphi__http_curl_set_string(CURL *easy, CURLoption option, amphi_str value)
{
    char *copy = amphi__str_copy(value);
    CURLcode code = copy != NULL ? curl_easy_setopt(easy, option, copy) : CURLE_OUT_OF_MEMORY;
    amphi__free(copy);
    return code;
}

CURLcode amphi__http_curl_tls_set(CURL *easy, const amphi_http_request *request)
{
    long version = request->tls12 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3;
    CURLcode code = CURLE_OK;
    AMPHI__CURL_SET(easy, code, CURLOPT_SSL_VERIFYPEER, 1L);
    AMPHI__CURL_SET(easy, code, CURLOPT_SSL_VERIFYHOST, 2L);
    AMPHI__CURL_SET(easy, code, CURLOPT_SSLVERSION, version);
    if (code == CURLE_OK && request->ca_file.size > 0) {
        code = amphi__http_curl_set_string(easy, CURLOPT_CAINFO, request->ca_file);
        /* The system's directory would still be accepted. */
        AMPHI__CURL_SET(easy, code, CURLOPT_CAPATH, NULL);
    }
    if (code == CURLE_OK && request->pins.size > 0)
        code = amphi__http_curl_set_string(easy, CURLOPT_PINNEDPUBLICKEY, request->pins);
    return code;
}
