/* SPDX-License-Identifier: Apache-2.0
 *
 * base64url without padding (RFC 4648, section 5; RFC 7515, section 2).
 */
#ifndef AMPHI_CORE_BASE64URL_H
#define AMPHI_CORE_BASE64URL_H

#include "sdk/core/buf.h"

/* Appends the text of the bytes. */
amphi_status amphi__base64url_write(amphi_buf *out, const void *data, size_t size);
/* Appends the bytes of the text. Only the one text that these bytes have is accepted: no padding,
 * no line ends, no bits that are left over. AMPHI_E_FORMAT, AMPHI_E_NO_MEMORY. */
amphi_status amphi__base64url_read(amphi_buf *out, amphi_str text);
/* Likewise, of exactly `size` bytes. AMPHI_E_FORMAT. */
amphi_status amphi__base64url_read_exactly(void *out, size_t size, amphi_str text);

#endif
