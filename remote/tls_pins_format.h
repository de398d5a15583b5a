/* SPDX-License-Identifier: Apache-2.0
 *
 * Public-key pins: "sha256//BASE64;sha256//BASE64", SHA-256 of a certificate's SubjectPublicKeyInfo
 * (RFC 7469, section 2.4). One of them has to match; the second one is the backup for a key change.
 */
#ifndef AMPHI_REMOTE_TLS_PINS_FORMAT_H
#define AMPHI_REMOTE_TLS_PINS_FORMAT_H

#include <amphi/error.h>

/* Empty is fine (no pinning). Anything else must be 1 to 16 well-formed pins: a transport might
 * read another string as a file's name. AMPHI_E_ARGUMENT names the field. */
amphi_status amphi__tls_pins_format_check(amphi_str pins, amphi_error *error);

#endif
