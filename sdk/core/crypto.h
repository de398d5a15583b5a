/* SPDX-License-Identifier: Apache-2.0
 *
 * The few cryptographic primitives that the library needs, over mbedTLS's PSA API (crypto_psa.c).
 * Any thread.
 */
#ifndef AMPHI_CORE_CRYPTO_H
#define AMPHI_CORE_CRYPTO_H

#include "sdk/core/buf.h"

#include <amphi/error.h>

amphi_status amphi__random(void *out, size_t size);
amphi_status amphi__sha256(amphi_str data, uint8_t out[32]);
amphi_status amphi__hmac_sha256(const uint8_t key[32], amphi_str data, uint8_t out[32]);
/* HKDF-SHA-256 (RFC 5869) with an empty salt. */
amphi_status amphi__hkdf_sha256(const uint8_t key[32], amphi_str info, uint8_t out[32]);
/* AES-256-GCM (NIST SP 800-38D) under a random nonce: appends nonce (12 bytes), ciphertext and tag
 * (16 bytes) to `out`. `bound` is authenticated along, not stored: name there what the text is. */
amphi_status amphi__seal(const uint8_t key[32], amphi_str bound, amphi_str plain, amphi_buf *out);
#define AMPHI_SEAL_BYTES 28 /* what a sealed text has over the plain one */
/* Appends the plain text to `out`. AMPHI_E_CORRUPT: another key, another `bound`, or changed bytes;
 * then nothing is appended. */
amphi_status amphi__open(const uint8_t key[32], amphi_str bound, amphi_str sealed, amphi_buf *out);
/* Compares in constant time. */
bool amphi__bytes_equal(const void *a, const void *b, size_t size);
/* Lower-case hex with a NUL: 2 * size + 1 bytes. */
void amphi__hex(char *out, const uint8_t *data, size_t size);
/* A random UUID, version 4 (RFC 9562), 36 characters and a NUL. */
amphi_status amphi__uuid(char out[37]);

#endif
