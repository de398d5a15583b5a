/* SPDX-License-Identifier: Apache-2.0
 *
 * What every request has to pass before a transport may touch it: the rules about URLs,
 * pins and headers, whatever library sends it.
 */
#ifndef AMPHI_REMOTE_HTTP_REQUEST_H
#define AMPHI_REMOTE_HTTP_REQUEST_H

#include "remote/url.h"

#include <amphi/ext/http.h>

/* AMPHI_E_ARGUMENT names the field. */
amphi_status amphi__http_request_check(
    const amphi_http_request *request, amphi_url *url, amphi_error *error);

/* The same rules for those who gather headers. A name is a token (RFC 9110) of letters, digits, '-'
 * and '_'; a text has no control character but the tab, and may be empty. */
bool amphi__http_header_name_is_valid(amphi_str name);
bool amphi__http_header_text_is_valid(amphi_str text);

#endif
