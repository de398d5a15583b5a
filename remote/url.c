/* SPDX-License-Identifier: Apache-2.0
 *
 * A strict reader of http and https URLs. See url.h for why it accepts less than the standard.
 */
#include "remote/url.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

static bool is_host_char(char c, bool in_brackets)
{
    if (in_brackets) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
               c == ':' || c == '.';
    }
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
}

/* Four decimal numbers, the first of them 127; the shorthands ("127.1", "0x7f.1") don't count. */
static bool is_loopback_quad(amphi_str host)
{
    for (int part = 0; part < 4; part++) {
        amphi_str rest;
        uint64_t number;
        amphi_str digits = amphi__str_cut(host, '.', &rest);
        bool more = digits.size < host.size;
        if (digits.size == 0 || digits.size > 3 || !amphi__str_to_u64(digits, &number) ||
            number > 255 || (digits.size > 1 && digits.data[0] == '0') || more != (part < 3) ||
            (part == 0 && number != 127))
            return false;
        host = rest;
    }
    return true;
}

static bool is_loopback(amphi_str host)
{
    return amphi__str_equal_ignore_case(host, AMPHI_STR("localhost")) ||
           amphi__str_equal_c(host, "::1") || is_loopback_quad(host);
}

/* "host", "host:port", "[v6]" or "[v6]:port". */
static amphi_status parse_authority(amphi_url *out, amphi_str text, amphi_error *error)
{
    bool in_brackets = text.size > 0 && text.data[0] == '[';
    size_t start = in_brackets ? 1 : 0;
    size_t end = start;
    while (end < text.size && is_host_char(text.data[end], in_brackets))
        end++;
    out->host = amphi__str_slice(text, start, end);
    if (in_brackets && end < text.size && text.data[end] == ']')
        end++;
    else if (in_brackets)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "url: the IPv6 address is malformed");
    if (out->host.size == 0 || out->host.size > 253)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "url: it names no host");
    out->port = out->is_https ? 443 : 80;
    if (end < text.size) {
        uint64_t port;
        if (text.data[end] != ':' ||
            !amphi__str_to_u64(amphi__str_slice(text, end + 1, text.size), &port) || port == 0 ||
            port > 65535) {
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "url: host and port must look like host or host:8443, without a user name");
        }
        out->port = (uint16_t)port;
    }
    out->is_loopback = is_loopback(out->host);
    return AMPHI_OK;
}

amphi_status amphi__url_parse(amphi_url *out, amphi_str text, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c >= 0x7F || c == '\\' || c == '#') {
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "url: it holds a character that must be escaped, or a fragment");
        }
    }
    amphi_str scheme = amphi__str_slice(text, 0, text.size < 8 ? text.size : 8);
    if (amphi__str_equal_ignore_case(scheme, AMPHI_STR("https://"))) {
        out->is_https = true;
    } else {
        scheme = amphi__str_slice(text, 0, text.size < 7 ? text.size : 7);
        if (!amphi__str_equal_ignore_case(scheme, AMPHI_STR("http://")))
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "url: it must begin with https://");
    }
    amphi_str rest = amphi__str_slice(text, scheme.size, text.size);
    size_t path = 0;
    while (path < rest.size && rest.data[path] != '/' && rest.data[path] != '?')
        path++;
    size_t query = path;
    while (query < rest.size && rest.data[query] != '?')
        query++;
    out->path = amphi__str_slice(rest, path, query);
    out->query = amphi__str_slice(rest, query, rest.size);
    return parse_authority(out, amphi__str_slice(rest, 0, path), error);
}

amphi_status amphi__url_check(const amphi_url *url, bool allow_http_loopback, amphi_error *error)
{
    if (url->is_https || (allow_http_loopback && url->is_loopback))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "url: only https is accepted (http to this machine itself needs allow_http_loopback)");
}

amphi_status amphi__url_join(amphi_buf *out, amphi_str base, amphi_str suffix)
{
    amphi_str query;
    amphi_str front = amphi__str_cut(base, '?', &query);
    bool has_query = front.size < base.size;
    while (front.size > 0 && front.data[front.size - 1] == '/')
        front.size--;
    amphi__buf_append_str(out, front);
    if (!amphi__str_ends_with(front, suffix))
        amphi__buf_append_str(out, suffix);
    if (has_query) {
        amphi__buf_append_char(out, '?');
        amphi__buf_append_str(out, query);
    }
    return out->status;
}
