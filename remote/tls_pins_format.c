/* SPDX-License-Identifier: Apache-2.0
 *
 * Only the form is checked here: 32 bytes in base64 are 43 characters and one '='. The transport
 * compares the pins with the certificate (http_curl_exchange.c, set_tls).
 */
#include "remote/tls_pins_format.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { PINS_MAX = 16, BASE64_SIZE = 44 };

static bool is_base64(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '/';
}

static bool is_pin(amphi_str text)
{
    amphi_str mark = AMPHI_STR("sha256//");
    if (text.size != mark.size + BASE64_SIZE || !amphi__str_starts_with(text, mark))
        return false;
    for (size_t i = mark.size; i < text.size - 1; i++)
        if (!is_base64(text.data[i]))
            return false;
    return text.data[text.size - 1] == '=';
}

amphi_status amphi__tls_pins_format_check(amphi_str pins, amphi_error *error)
{
    for (int count = 0; pins.size > 0; count++) {
        amphi_str rest;
        amphi_str pin = amphi__str_cut(pins, ';', &rest);
        bool dangling = rest.size == 0 && pin.size < pins.size;
        if (!is_pin(pin) || dangling || count == PINS_MAX) {
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "pins: expected sha256//BASE64 of 32 bytes, at most %d of them, joined by ';'",
                (int)PINS_MAX);
        }
        pins = rest;
    }
    return AMPHI_OK;
}
