/* SPDX-License-Identifier: Apache-2.0
 *
 * The few questions that we ask about an endpoint's URL before any library sees it. The grammar is
 * narrower than the standard's on purpose: no user name, no escapes in the host, nothing on which
 * two parsers could disagree about which host is meant.
 */
#ifndef AMPHI_REMOTE_URL_H
#define AMPHI_REMOTE_URL_H

#include "sdk/core/buf.h"

typedef struct amphi_url {
    bool is_https;    /* otherwise http */
    bool is_loopback; /* 127.0.0.0/8, [::1] or localhost, literally */
    amphi_str host;   /* without the brackets of an IPv6 address */
    uint16_t port;    /* the scheme's when the URL names none */
    amphi_str path;   /* with its leading slash, or empty; ends before '?' */
    amphi_str query;  /* with its '?', or empty */
} amphi_url;

/* The strings point into `text`. AMPHI_E_ARGUMENT says what is wrong; the message does not repeat
 * the URL. */
amphi_status amphi__url_parse(amphi_url *out, amphi_str text, amphi_error *error);
/* The rule for every URL: https, or http to loopback where that is allowed. */
amphi_status amphi__url_check(const amphi_url *url, bool allow_http_loopback, amphi_error *error);
/* base + suffix, the suffix before the query and without a double slash; a base that ends with
 * the suffix already stays as it is. */
amphi_status amphi__url_join(amphi_buf *out, amphi_str base, amphi_str suffix);

#endif
