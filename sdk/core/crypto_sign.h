/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA on P-256 with SHA-256 (FIPS 186-5; ES256 of RFC 7518), over mbedTLS's PSA API. Any thread.
 * Numbers are big-endian; a public key is the uncompressed point of SEC 1: 4, x, y.
 */
#ifndef AMPHI_CORE_CRYPTO_SIGN_H
#define AMPHI_CORE_CRYPTO_SIGN_H

#include <amphi/error.h>

#define AMPHI_P256_PRIVATE_BYTES   32
#define AMPHI_P256_PUBLIC_BYTES    65
#define AMPHI_P256_SIGNATURE_BYTES 64 /* r, s */

/* A new pair; the caller wipes the private key. */
amphi_status amphi__p256_generate(
    uint8_t private_key[AMPHI_P256_PRIVATE_BYTES], uint8_t public_key[AMPHI_P256_PUBLIC_BYTES]);
/* AMPHI_E_ARGUMENT: no private key of this curve. */
amphi_status amphi__p256_public(const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES],
    uint8_t public_key[AMPHI_P256_PUBLIC_BYTES]);
/* Of the message's SHA-256. AMPHI_E_ARGUMENT likewise. */
amphi_status amphi__p256_sign(const uint8_t private_key[AMPHI_P256_PRIVATE_BYTES],
    const uint8_t digest[32], uint8_t signature[AMPHI_P256_SIGNATURE_BYTES]);
/* AMPHI_OK: it is the key's signature. AMPHI_E_CORRUPT: it is not. AMPHI_E_ARGUMENT: the key is no
 * point of this curve. */
amphi_status amphi__p256_verify(const uint8_t public_key[AMPHI_P256_PUBLIC_BYTES],
    const uint8_t digest[32], const uint8_t signature[AMPHI_P256_SIGNATURE_BYTES]);

#endif
