/* SPDX-License-Identifier: Apache-2.0
 *
 * How a server is likely to continue a given beginning: from what its address and its answers'
 * headers tell (what a model's name tells: sdk/core/continuation.h). Only a first guess; what
 * happened really is learnt by the client.
 */
#ifndef AMPHI_REMOTE_CONTINUATION_GUESS_H
#define AMPHI_REMOTE_CONTINUATION_GUESS_H

#include <amphi/ext/engine.h>
#include <amphi/ext/http.h>

/* AUTO: an address that is not known. */
amphi_continuation amphi__continuation_guess_from_url(amphi_str url);
/* AUTO: they tell nothing. */
amphi_continuation amphi__continuation_guess_from_headers(
    const amphi_http_header *headers, size_t count);

#endif
