/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of http_request.h. Headers are refused when they hold a control character, so that no
 * value (an idempotency key, an API key) can smuggle in a second header.
 */
#include "remote/http_request.h"

#include "remote/tls_pins_format.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

amphi_status amphi__http_request_check(
    const amphi_http_request *request, amphi_url *url, amphi_error *error)
{
    amphi_status status = amphi__url_parse(url, request->url, error);
    if (status == AMPHI_OK)
        status = amphi__url_check(url, request->allow_http_loopback, error);
    if (status == AMPHI_OK)
        status = amphi__tls_pins_format_check(request->pins, error);
    if (status != AMPHI_OK)
        return status;
    if (!amphi__str_equal_c(request->method, "GET") && !amphi__str_equal_c(request->method, "POST"))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "method: GET or POST");
    for (size_t i = 0; i < request->headers_count; i++) {
        const amphi_http_header *header = &request->headers[i];
        if (!amphi__http_header_name_is_valid(header->name) ||
            !amphi__http_header_text_is_valid(header->value)) {
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "headers: number %zu has an odd name, or a control character in it", i);
        }
    }
    return AMPHI_OK;
}

bool amphi__http_header_text_is_valid(amphi_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == 0x7F || (c < ' ' && c != '\t'))
            return false;
    }
    return true;
}

bool amphi__http_header_name_is_valid(amphi_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!fits)
            return false;
    }
    return name.size > 0;
}
